// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Private keys: made, read, written and used to sign, through PSA where it can.
#ifndef KEY_H
#define KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

enum key_type {
    KEY_ECDSA_P256,
    KEY_ECDSA_P384,
    KEY_ECDSA_P521, // imported certificates only
    KEY_RSA_2048,
    KEY_RSA_3072,
    KEY_RSA_4096,
    KEY_OTHER, // read-only: any other kind or size
    KEY_TYPE_COUNT,
};

// "ecdsa-p256" and kin; "other" for KEY_OTHER.
const char *key_type_name(enum key_type type);
// False for a word that is no key type. "settable" leaves only those that a template may ask for
// (ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096).
bool key_type_parse(const char *word, bool settable, enum key_type *type);

struct key; // opaque; wiped when freed

// psa_crypto_init, once a process, never before the process's last fork (mbedTLS duplicates its generator).
int key_start(struct error *error);
// For a process that was forked all the same after key_start: forgets the parent's keys and generator, and seeds anew.
int key_restart(struct error *error);
// Wipes what was started, with all keys. No struct key may be left.
void key_stop(void);
// Random bytes for secrets, serial numbers and names that must not collide. After key_start.
int key_random(void *out, size_t length, struct error *error);

int key_generate(enum key_type type, struct key **key, struct error *error);
// Reads the first private key in PEM (PKCS#8, SEC1 or PKCS#1, unencrypted). Encrypted: a clear sentence.
int key_parse(const char *pem, size_t length, struct key **key, struct error *error);
// Appends PKCS#8 PEM ("PRIVATE KEY"). out should be a secret buffer.
int key_write(const struct key *key, struct buf *out, struct error *error);
enum key_type key_type(const struct key *key);
// Appends the public key as DER SubjectPublicKeyInfo.
int key_public(const struct key *key, struct buf *out, struct error *error);
// Appends the public key as a JWK (RFC 7517) in the one form that RFC 7638 hashes for a thumbprint: only the
// members it requires, sorted, no blanks.
int key_jwk(const struct key *key, struct buf *out, struct error *error);
// Signs bytes: ECDSA as the fixed-width r||s of JWS (RFC 7518 §3.4) when "raw", else DER; RSA PKCS#1 v1.5.
// The hash is SHA-256, for P-384 SHA-384, for P-521 SHA-512.
int key_sign(const struct key *key, const void *bytes, size_t length, bool raw, struct buf *out, struct error *error);
void key_free(struct key *key); // NULL-safe

#endif
