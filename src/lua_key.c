// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.key: private keys for hooks that need some of their own, for accounts and for a CA.
#include "key.h"
#include "lua_sandbox.h"

#define KEY "key" // lua_x509.c takes keys by this name too
#define MAX_PEM (64 * 1024)
#define MAX_RANDOM 1024

static void release(void *payload)
{
    struct key **key = payload;

    key_free(*key);
}

// An empty key on the stack, to be filled.
static struct key **push_key(lua_State *L)
{
    return sandbox_resource(L, KEY, sizeof(struct key *), release);
}

static const struct key *check_key(lua_State *L)
{
    struct key **key = sandbox_check(L, 1, KEY);

    return *key;
}

// key.generate([type]): a new key, or nil and why not.
static int generate(lua_State *L)
{
    const char *word = lua_isnoneornil(L, 1) ? key_type_name(KEY_ECDSA_P256) : sandbox_text(L, 1);
    enum key_type type;
    struct error error;

    luaL_argcheck(L, key_type_parse(word, false, &type) && type != KEY_OTHER, 1,
                  lua_pushfstring(L, "'%s' is no type of key", word));
    sandbox_watch(L);
    if (key_generate(type, push_key(L), &error) != 0)
        return sandbox_fail(L, &error);
    return 1;
}

// key.parse(pem): the first private key in the text, or nil and why not.
static int parse(lua_State *L)
{
    size_t length;
    const char *pem = luaL_checklstring(L, 1, &length);
    struct error error;

    if (key_parse(pem, length, push_key(L), &error) != 0)
        return sandbox_fail(L, &error);
    return 1;
}

// key.random(length): as many random bytes, or nil and why not.
static int random_bytes(lua_State *L)
{
    lua_Integer length = luaL_checkinteger(L, 1);
    char bytes[MAX_RANDOM];
    struct error error;

    luaL_argcheck(L, length >= 1 && length <= MAX_RANDOM, 1, "1 to 1024 expected");
    if (key_random(bytes, (size_t)length, &error) != 0)
        return sandbox_fail(L, &error);
    lua_pushlstring(L, bytes, (size_t)length);
    return 1;
}

// Methods that write something of the key share all but the writing.
static int write_with(lua_State *L, int (*write)(const struct key *, struct buf *, struct error *))
{
    const struct key *key = check_key(L);
    struct buf *out = sandbox_buf(L, MAX_PEM, true);
    struct error error;

    if (write(key, out, &error) != 0)
        return sandbox_fail(L, &error);
    sandbox_push_buf(L, out);
    return 1;
}

// k:pem(): PKCS#8.
static int pem(lua_State *L)
{
    return write_with(L, key_write);
}

// k:public(): SubjectPublicKeyInfo in DER.
static int public_key(lua_State *L)
{
    return write_with(L, key_public);
}

// k:jwk(): the public key as JSON text, in the form that RFC 7638 hashes.
static int jwk(lua_State *L)
{
    return write_with(L, key_jwk);
}

// k:type()
static int type(lua_State *L)
{
    lua_pushstring(L, key_type_name(key_type(check_key(L))));
    return 1;
}

// k:sign(bytes[, "der" or "raw"]): the signature.
static int sign(lua_State *L)
{
    static const char *const formats[] = {"der", "raw", NULL};
    const struct key *key = check_key(L);
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);
    bool raw = luaL_checkoption(L, 3, "der", formats) == 1;
    struct buf *out = sandbox_buf(L, MAX_PEM, false);
    struct error error;

    if (key_sign(key, bytes, length, raw, out, &error) != 0)
        return sandbox_fail(L, &error);
    sandbox_push_buf(L, out);
    return 1;
}

static const luaL_Reg functions[] = {
    {"generate", generate},
    {"parse", parse},
    {"random", random_bytes},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"pem", pem}, {"public", public_key}, {"jwk", jwk}, {"type", type}, {"sign", sign}, {NULL, NULL},
};

// The library is started here, in the process that uses it and not before, so that no generator is shared.
int luaopen_certauto_key(lua_State *L)
{
    struct error error;

    if (key_start(&error) != 0)
        return luaL_error(L, "%s", error.message);
    sandbox_type(L, KEY, methods);
    luaL_newlib(L, functions);
    return 1;
}
