// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.codec: base64, base64url, hex, digests and HMAC.
#include <stdint.h>

#include "codec.h"
#include "lua_sandbox.h"

#define MAX_TEXT (64 * 1024 * 1024) // the state's own memory ends long before

// ---- Encodings

// codec.base64(bytes), codec.base64url(bytes), codec.hex(bytes): the text. What passes here may be a secret.
static int encode(lua_State *L, void (*add)(struct buf *, const void *, size_t))
{
    size_t length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    struct buf *out = sandbox_buf(L, MAX_TEXT, true);

    add(out, bytes, length);
    sandbox_push_buf(L, out);
    return 1;
}

static int base64(lua_State *L)
{
    return encode(L, codec_base64);
}

static int base64url(lua_State *L)
{
    return encode(L, codec_base64url);
}

static int hex(lua_State *L)
{
    return encode(L, codec_hex);
}

// codec.unbase64(text), codec.unbase64url(text), codec.unhex(text): the bytes, or nil and why not.
static int decode(lua_State *L, bool (*add)(struct buf *, const char *, size_t), const char *name)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    struct buf *out = sandbox_buf(L, MAX_TEXT, true);
    struct error error;

    if (!add(out, text, length)) {
        error_set(&error, ERROR_FORMAT, "the text is not %s", name);
        return sandbox_fail(L, &error);
    }
    sandbox_push_buf(L, out);
    return 1;
}

static int unbase64(lua_State *L)
{
    return decode(L, codec_unbase64, "base64");
}

static int unbase64url(lua_State *L)
{
    return decode(L, codec_unbase64url, "base64url");
}

static int unhex(lua_State *L)
{
    return decode(L, codec_unhex, "hexadecimal");
}

// ---- Digests

static enum codec_hash check_hash(lua_State *L, int argument)
{
    static const char *const names[] = {
        [CODEC_SHA1] = "sha1",     [CODEC_SHA256] = "sha256", [CODEC_SHA384] = "sha384",
        [CODEC_SHA512] = "sha512", [CODEC_SHA512 + 1] = NULL,
    };

    return (enum codec_hash)luaL_checkoption(L, argument, NULL, names);
}

// codec.digest(hash, bytes): the digest as bytes.
static int digest(lua_State *L)
{
    enum codec_hash hash = check_hash(L, 1);
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);
    uint8_t out[64];

    lua_pushlstring(L, (const char *)out, codec_digest(hash, bytes, length, out));
    return 1;
}

// codec.hmac(hash, key, bytes): the HMAC as bytes.
static int hmac(lua_State *L)
{
    enum codec_hash hash = check_hash(L, 1);
    size_t key_length, length;
    const char *key = luaL_checklstring(L, 2, &key_length);
    const char *bytes = luaL_checklstring(L, 3, &length);
    uint8_t out[64];

    lua_pushlstring(L, (const char *)out, codec_hmac(hash, key, key_length, bytes, length, out));
    return 1;
}

// codec.equal(a, b): whether they are equal; the time it takes tells only their lengths.
static int equal(lua_State *L)
{
    size_t a_length, b_length;
    const char *a = luaL_checklstring(L, 1, &a_length);
    const char *b = luaL_checklstring(L, 2, &b_length);

    lua_pushboolean(L, a_length == b_length && codec_equal(a, b, a_length));
    return 1;
}

static const luaL_Reg functions[] = {
    {"base64", base64}, {"base64url", base64url}, {"hex", hex},   {"unbase64", unbase64}, {"unbase64url", unbase64url},
    {"unhex", unhex},   {"digest", digest},       {"hmac", hmac}, {"equal", equal},       {NULL, NULL},
};

int luaopen_certauto_codec(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
