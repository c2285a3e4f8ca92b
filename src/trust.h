// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The CAs that a peer's certificate must come from: a bundle, read once, for all connections of a process.
#ifndef TRUST_H
#define TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct trust; // opaque

// Reads a bundle of CA certificates in PEM; those that cannot be read are skipped, but one must be good. mbedTLS would
// read it too, taking four times as long, and anew for each connection. *trust: trust_free, NULL after a failure.
int trust_read(const char *pem, size_t length, struct trust **trust, struct error *error);
// The same from a file of at most 16 MiB.
int trust_load(const char *path, struct trust **trust, struct error *error);
void trust_free(struct trust *trust); // NULL-safe

// True for the trust that came of this text or path.
bool trust_is(const struct trust *trust, const char *source, size_t length);

// Makes an mbedtls_ssl_config (as libcurl's CURLOPT_SSL_CTX_FUNCTION gives it) trust these alone. They must outlive it.
void trust_use(struct trust *trust, void *ssl_config);

#endif
