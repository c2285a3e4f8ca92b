// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Encodings and digests: base64, base64url, hex, PEM, DER, SHA-2, HMAC.
#ifndef CODEC_H
#define CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define CODEC_SHA256_SIZE 32
#define CODEC_HEX256_SIZE 65 // SHA-256 as hex and its NUL

enum codec_hash { CODEC_SHA1, CODEC_SHA256, CODEC_SHA384, CODEC_SHA512 };

// None of these needs psa_crypto_init: the parent, which must never call it, uses them too.
void codec_sha256(const void *bytes, size_t length, uint8_t out[CODEC_SHA256_SIZE]);
void codec_sha256_hex(const void *bytes, size_t length, char out[CODEC_HEX256_SIZE]);
// Returns the digest's length; out needs 64 bytes.
size_t codec_digest(enum codec_hash hash, const void *bytes, size_t length, uint8_t out[64]);
// RFC 2104.
size_t codec_hmac(enum codec_hash hash, const void *key, size_t key_length, const void *bytes, size_t length,
                  uint8_t out[64]);
// A running SHA-256 for digests over many pieces.
struct codec_sha256 {
    uint64_t opaque[16]; // _Static_assert in codec.c that mbedTLS's context fits
};
void codec_sha256_start(struct codec_sha256 *sha);
void codec_sha256_add(struct codec_sha256 *sha, const void *bytes, size_t length);
void codec_sha256_end(struct codec_sha256 *sha, uint8_t out[CODEC_SHA256_SIZE]);

void codec_hex(struct buf *out, const void *bytes, size_t length);       // lower case
void codec_base64(struct buf *out, const void *bytes, size_t length);    // RFC 4648 section 4, no newlines
void codec_base64url(struct buf *out, const void *bytes, size_t length); // RFC 4648 section 5, no padding
// Strict decoders: false for any byte outside the alphabet, wrong padding or odd lengths.
// base64 skips ASCII white space; base64url takes no padding and no white space. Unused bits must be zero.
// On false nothing was appended. A buffer that was full sets out->failed, as appends do.
bool codec_unhex(struct buf *out, const char *text, size_t length);
bool codec_unbase64(struct buf *out, const char *text, size_t length);
bool codec_unbase64url(struct buf *out, const char *text, size_t length);

// One block of PEM text (RFC 7468): "body" is the base64 between its lines, borrowed from the text.
#define CODEC_LABEL_SIZE 48
struct codec_block {
    char label[CODEC_LABEL_SIZE]; // "CERTIFICATE"
    const char *body;
    size_t length;
    bool encrypted; // by the RFC 1421 header of old private keys
};
// Finds the next block, whatever its label, and moves text and length behind it. Other text between blocks, CR LF
// and blocks without an end are skipped. False when there is none.
bool codec_pem_next(const char **text, size_t *length, struct codec_block *block);
// Appends bytes as a block of 64 columns.
void codec_pem(struct buf *out, const char *label, const void *bytes, size_t length);
// Appends one DER element (X.690): tag, length, content. For what mbedTLS has no writer for.
void codec_der(struct buf *out, uint8_t tag, const void *bytes, size_t length);

// Compares without telling by time where two byte strings differ.
bool codec_equal(const void *a, const void *b, size_t length);

#endif
