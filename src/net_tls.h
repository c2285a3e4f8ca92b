// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// TLS over a socket, on mbedTLS: sessions as a client, and what certificate a server shows.
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "error.h"
#include "key.h"

#define NET_TLS_MOST_PROTOCOLS 8
#define NET_TLS_PROTOCOL_SIZE 64 // of the name of an application protocol, with its NUL

// All of this for the hook process only, after key_start. Deadlines are moments of clock_boot_ms.

struct net_tls; // opaque: a session of a client

// Makes a handshake over a connected socket, which the caller still owns and closes after the session, TLS 1.2 or 1.3.
// The server must prove that it is "name", a DNS name or an address, by a certificate that leads to one of the CAs in
// "trust" (PEM text), or of the system when that is NULL. protocols (NULL: none) are
// offered by ALPN (RFC 7301), at most NET_TLS_MOST_PROTOCOLS and a NULL; all is borrowed during the call.
int net_tls_open(int fd, const char *name, const char *trust, size_t trust_length, const char *const *protocols,
                 long long deadline_boot_ms, struct net_tls **tls, struct error *error);
void net_tls_close(struct net_tls *tls); // NULL-safe; says goodbye if that does not have to wait
// What the server chose of "protocols", "" for nothing.
const char *net_tls_protocol(const struct net_tls *tls);
// As net_read and net_write. An end that the peer did not announce is a failure: what came may have been cut.
ssize_t net_tls_read(struct net_tls *tls, void *bytes, size_t length, long long deadline_boot_ms, struct error *error);
int net_tls_write(struct net_tls *tls, const void *bytes, size_t length, long long deadline_boot_ms,
                  struct error *error);

// Makes a handshake as a client, TLS 1.2 or 1.3, and appends to "shown" as PEM, leaf first, what the server showed; it is
// not judged. Only algorithms that go with this type of key are offered, so that a server with certificates of several
// types shows this one (RFC 8446 §4.2.3). server_name: NULL to name none (RFC 6066 §3). The connection
// is of no use afterwards; the caller closes it.
int net_tls_look(int fd, const char *server_name, enum key_type type, long long deadline_boot_ms, struct buf *shown,
                 struct error *error);

#endif
