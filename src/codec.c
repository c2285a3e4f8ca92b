// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Encodings and digests: base64, base64url, hex, PEM, DER, SHA-2, HMAC.
#include "codec.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/constant_time.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#define PEM_COLUMNS 64
#define PEM_BEGIN "-----BEGIN "
#define PEM_END "-----END "
#define PEM_DASHES "-----"

static const char hex_digits[] = "0123456789abcdef";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const mbedtls_md_type_t md_types[] = {
    [CODEC_SHA1] = MBEDTLS_MD_SHA1,
    [CODEC_SHA256] = MBEDTLS_MD_SHA256,
    [CODEC_SHA384] = MBEDTLS_MD_SHA384,
    [CODEC_SHA512] = MBEDTLS_MD_SHA512,
};

_Static_assert(sizeof(mbedtls_sha256_context) <= sizeof(struct codec_sha256), "mbedTLS's context fits into ours");
_Static_assert(_Alignof(mbedtls_sha256_context) <= _Alignof(struct codec_sha256),
               "mbedTLS's context is aligned in ours");

// ---- Digests

static mbedtls_sha256_context *sha_context(struct codec_sha256 *sha)
{
    return (mbedtls_sha256_context *)(void *)sha->opaque;
}

// The software digests of mbedTLS cannot fail; their result codes are for hardware.
void codec_sha256_start(struct codec_sha256 *sha)
{
    mbedtls_sha256_init(sha_context(sha));
    (void)mbedtls_sha256_starts(sha_context(sha), 0);
}

void codec_sha256_add(struct codec_sha256 *sha, const void *bytes, size_t length)
{
    if (length > 0)
        (void)mbedtls_sha256_update(sha_context(sha), bytes, length);
}

void codec_sha256_end(struct codec_sha256 *sha, uint8_t out[CODEC_SHA256_SIZE])
{
    (void)mbedtls_sha256_finish(sha_context(sha), out);
    mbedtls_sha256_free(sha_context(sha));
}

void codec_sha256(const void *bytes, size_t length, uint8_t out[CODEC_SHA256_SIZE])
{
    struct codec_sha256 sha;

    codec_sha256_start(&sha);
    codec_sha256_add(&sha, bytes, length);
    codec_sha256_end(&sha, out);
}

void codec_sha256_hex(const void *bytes, size_t length, char out[CODEC_HEX256_SIZE])
{
    uint8_t digest[CODEC_SHA256_SIZE];

    codec_sha256(bytes, length, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = hex_digits[digest[i] >> 4];
        out[2 * i + 1] = hex_digits[digest[i] & 15];
    }
    out[CODEC_HEX256_SIZE - 1] = '\0';
}

size_t codec_digest(enum codec_hash hash, const void *bytes, size_t length, uint8_t out[64])
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md_types[hash]);

    (void)mbedtls_md(info, length > 0 ? bytes : (const void *)"", length, out);
    return mbedtls_md_get_size(info);
}

// RFC 2104. Written out over the digests, because mbedTLS 4 offers HMAC only behind
// psa_crypto_init.
size_t codec_hmac(enum codec_hash hash, const void *key, size_t key_length, const void *bytes, size_t length,
                  uint8_t out[64])
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md_types[hash]);
    size_t block = hash == CODEC_SHA1 || hash == CODEC_SHA256 ? 64 : 128;
    size_t size = mbedtls_md_get_size(info);
    uint8_t pad[128] = {0};
    mbedtls_md_context_t md;

    if (key_length > block)
        (void)codec_digest(hash, key, key_length, pad);
    else if (key_length > 0)
        memcpy(pad, key, key_length);
    mbedtls_md_init(&md);
    // Only memory can be short here; then the digest says so by being all zero, which no HMAC is.
    memset(out, 0, size);
    if (mbedtls_md_setup(&md, info, 0) == 0) {
        for (size_t i = 0; i < block; i++)
            pad[i] ^= 0x36;
        (void)mbedtls_md_starts(&md);
        (void)mbedtls_md_update(&md, pad, block);
        (void)mbedtls_md_update(&md, length > 0 ? bytes : (const void *)"", length);
        (void)mbedtls_md_finish(&md, out);
        for (size_t i = 0; i < block; i++)
            pad[i] ^= 0x36 ^ 0x5c;
        (void)mbedtls_md_starts(&md);
        (void)mbedtls_md_update(&md, pad, block);
        (void)mbedtls_md_update(&md, out, size);
        (void)mbedtls_md_finish(&md, out);
    }
    mbedtls_md_free(&md);
    mbedtls_platform_zeroize(pad, sizeof pad);
    return size;
}

bool codec_equal(const void *a, const void *b, size_t length)
{
    return length == 0 || mbedtls_ct_memcmp(a, b, length) == 0;
}

// ---- Hex

// Takes back what a decoder appended before it met a mistake.
static void cut_back(struct buf *out, size_t length)
{
    if (out->length > length) {
        mbedtls_platform_zeroize(out->data + length, out->length - length);
        out->length = length;
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

void codec_hex(struct buf *out, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < length; i++) {
        char pair[2] = {hex_digits[at[i] >> 4], hex_digits[at[i] & 15]};

        buf_add(out, pair, sizeof pair);
    }
}

bool codec_unhex(struct buf *out, const char *text, size_t length)
{
    size_t before = out->length;

    if (length % 2 != 0)
        return false;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_value(text[i]), low = hex_value(text[i + 1]);

        if (high < 0 || low < 0) {
            cut_back(out, before);
            return false;
        }
        buf_char(out, (char)(high << 4 | low));
    }
    return true;
}

// ---- Base64

static void encode(struct buf *out, const void *bytes, size_t length, const char *digits, bool pad)
{
    const uint8_t *at = bytes;

    for (size_t left = length; left > 0;) {
        size_t n = left < 3 ? left : 3;
        uint32_t group = (uint32_t)at[0] << 16 | (uint32_t)(n > 1 ? at[1] : 0) << 8 | (uint32_t)(n > 2 ? at[2] : 0);
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], n > 1 ? digits[group >> 6 & 63] : '=',
                        n > 2 ? digits[group & 63] : '='};

        buf_add(out, four, pad ? sizeof four : n + 1);
        at += n;
        left -= n;
    }
}

void codec_base64(struct buf *out, const void *bytes, size_t length)
{
    encode(out, bytes, length, alphabet, true);
}

void codec_base64url(struct buf *out, const void *bytes, size_t length)
{
    encode(out, bytes, length, url_alphabet, false);
}

// The value of each character from ' ' on, in either alphabet.
static const int8_t digit_values[96] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, 62, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59,
    60, 61, -1, -1, -1, -1, -1, -1, -1, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, 63, -1, 26, 27, 28, 29, 30, 31, 32,
    33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
};

static int digit_value(char c, const char *digits)
{
    size_t place = (size_t)(unsigned char)c - ' ';
    int value = place < sizeof digit_values ? digit_values[place] : -1;

    return value >= 62 && digits[value] != c ? -1 : value;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// What stands between groups of four: digits gathered so far, and the padding seen. Bytes go on in portions.
struct group {
    uint32_t bits;
    int digits;
    int padding;
    size_t used;
    char portion[192];
};

static void decode_flush(struct buf *out, struct group *group)
{
    buf_add(out, group->portion, group->used);
    group->used = 0;
}

// Writes the last, incomplete group. Bits that no byte holds must be zero: each text has one
// meaning.
static bool decode_tail(struct buf *out, const struct group *group, bool url)
{
    int wanted = group->digits == 0 ? 0 : 4 - group->digits;

    if (group->digits == 1 || (url ? group->padding != 0 : group->padding != wanted))
        return false;
    if (group->digits == 2) {
        if ((group->bits & 15) != 0)
            return false;
        buf_char(out, (char)(group->bits >> 4));
    } else if (group->digits == 3) {
        if ((group->bits & 3) != 0)
            return false;
        buf_char(out, (char)(group->bits >> 10));
        buf_char(out, (char)(group->bits >> 2));
    }
    return true;
}

static void decode_digit(struct buf *out, struct group *group, int value)
{
    group->bits = group->bits << 6 | (uint32_t)value;
    if (++group->digits < 4)
        return;
    char *to = group->portion + group->used;
    to[0] = (char)(group->bits >> 16);
    to[1] = (char)(group->bits >> 8);
    to[2] = (char)group->bits;
    group->digits = 0;
    group->bits = 0;
    group->used += 3;
    if (group->used == sizeof group->portion)
        decode_flush(out, group);
}

static bool decode(struct buf *out, const char *text, size_t length, bool url)
{
    struct group group = {.used = 0};
    size_t before = out->length;
    bool good = true;

    for (size_t i = 0; i < length && good; i++) {
        int value = digit_value(text[i], url ? url_alphabet : alphabet);

        if (value >= 0) {
            good = group.padding == 0;
            decode_digit(out, &group, value);
        } else if (!url && text[i] == '=') {
            good = ++group.padding <= 2;
        } else {
            good = !url && is_space(text[i]);
        }
    }
    decode_flush(out, &group);
    good = good && decode_tail(out, &group, url);
    if (!good)
        cut_back(out, before);
    mbedtls_platform_zeroize(&group, sizeof group);
    return good;
}

bool codec_unbase64(struct buf *out, const char *text, size_t length)
{
    return decode(out, text, length, false);
}

bool codec_unbase64url(struct buf *out, const char *text, size_t length)
{
    return decode(out, text, length, true);
}

// ---- PEM

void codec_pem(struct buf *out, const char *label, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    const size_t line = PEM_COLUMNS / 4 * 3;

    buf_format(out, PEM_BEGIN "%s" PEM_DASHES "\n", label);
    for (size_t done = 0; done < length; done += line) {
        codec_base64(out, at + done, length - done < line ? length - done : line);
        buf_char(out, '\n');
    }
    buf_format(out, PEM_END "%s" PEM_DASHES "\n", label);
}

static const char *find(const char *text, size_t length, const char *wanted)
{
    return memmem(text, length, wanted, strlen(wanted));
}

// Finds "-----BEGIN LABEL-----" at the start of a line and its matching end.
static bool find_block(const char *text, size_t length, struct codec_block *block, const char **after)
{
    const char *end = text + length;

    for (const char *at = text; (at = find(at, (size_t)(end - at), PEM_BEGIN)) != NULL; at++) {
        char close[sizeof PEM_END + CODEC_LABEL_SIZE + sizeof PEM_DASHES];
        const char *label = at + strlen(PEM_BEGIN);
        const char *dashes = find(label, (size_t)(end - label), PEM_DASHES);
        const char *finish;
        size_t size;

        if (dashes == NULL)
            return false;
        size = (size_t)(dashes - label);
        if ((at > text && at[-1] != '\n' && at[-1] != '\r') || size >= CODEC_LABEL_SIZE ||
            memchr(label, '\n', size) != NULL || memchr(label, '\0', size) != NULL)
            continue;
        memcpy(block->label, label, size);
        block->label[size] = '\0';
        snprintf(close, sizeof close, PEM_END "%s" PEM_DASHES, block->label);
        block->body = dashes + strlen(PEM_DASHES);
        // The next dashes must be the end, or a heap of open blocks would be searched again and again.
        finish = find(block->body, (size_t)(end - block->body), PEM_DASHES);
        if (finish == NULL)
            return false;
        if ((size_t)(end - finish) < strlen(close) || memcmp(finish, close, strlen(close)) != 0)
            continue;
        block->length = (size_t)(finish - block->body);
        *after = finish + strlen(close);
        return true;
    }
    return false;
}

bool codec_pem_next(const char **text, size_t *length, struct codec_block *block)
{
    const char *after, *header;

    if (!find_block(*text, *length, block, &after))
        return false;
    *length -= (size_t)(after - *text);
    *text = after;

    // RFC 1421 headers, which old encrypted keys have, end at the first empty line.
    block->encrypted = find(block->body, block->length, "Proc-Type: 4,ENCRYPTED") != NULL;
    header = memchr(block->body, ':', block->length);
    if (header != NULL) {
        size_t left = block->length - (size_t)(header - block->body);
        const char *empty = find(header, left, "\n\n");

        if (empty == NULL)
            empty = find(header, left, "\r\n\r\n");
        if (empty != NULL) {
            block->length -= (size_t)(empty - block->body);
            block->body = empty;
        }
    }
    return true;
}

// ---- DER

void codec_der(struct buf *out, uint8_t tag, const void *bytes, size_t length)
{
    char head[2 + sizeof length];
    size_t bytes_of_length = 0;

    head[0] = (char)tag;
    if (length < 0x80) {
        head[1] = (char)length;
    } else {
        for (size_t rest = length; rest > 0; rest >>= 8)
            bytes_of_length++;
        head[1] = (char)(0x80 | bytes_of_length);
        for (size_t i = 0; i < bytes_of_length; i++)
            head[2 + i] = (char)(length >> (8 * (bytes_of_length - 1 - i)));
    }
    buf_add(out, head, 2 + bytes_of_length);
    buf_add(out, bytes, length);
}
