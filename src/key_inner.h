// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What key.c and x509_*.c know of each other and of mbedTLS, and nobody else.
#ifndef KEY_INNER_H
#define KEY_INNER_H

#include <mbedtls/md.h>
#include <mbedtls/pk.h>

#include "error.h"
#include "key.h"

// Makes "pk" (initialised by the caller, who frees it) stand for the private key. It holds a reference to the
// key, which must live longer.
int key_pk(const struct key *key, mbedtls_pk_context *pk, struct error *error);
// The digest that goes with the key when it signs.
mbedtls_md_type_t key_md(const struct key *key);
// The type of a public key.
enum key_type key_type_of(const mbedtls_pk_context *pk);
// error_set with what mbedTLS says about its result code, which is negative.
int key_library_error(struct error *error, int result, const char *what);

#endif
