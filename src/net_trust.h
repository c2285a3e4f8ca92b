// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The CAs that a peer's certificate must come from: a bundle, read once, for all connections of a process.
#ifndef NET_TRUST_H
#define NET_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct net_trust; // opaque

// Reads a bundle of CA certificates in PEM; those that cannot be read are skipped, but one must be good. mbedTLS would
// read it too, taking four times as long, and anew for each connection. *trust: net_trust_free, NULL after a failure.
int net_trust_read(const char *pem, size_t length, struct net_trust **trust, struct error *error);
// The same from a file of at most 16 MiB.
int net_trust_load(const char *path, struct net_trust **trust, struct error *error);
void net_trust_free(struct net_trust *trust); // NULL-safe

// True for the trust that came of this text or path.
bool net_trust_is(const struct net_trust *trust, const char *source, size_t length);

// Makes an mbedtls_ssl_config (as libcurl's CURLOPT_SSL_CTX_FUNCTION gives it) trust these alone. They must outlive it.
void net_trust_use(struct net_trust *trust, void *ssl_config);

#endif
