// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// TLS over a socket, on mbedTLS: what certificate a server shows.
#ifndef NET_TLS_H
#define NET_TLS_H

#include "buf.h"
#include "error.h"
#include "key.h"

// Makes a handshake as a client, TLS 1.2 or 1.3, and appends to "shown" as PEM, leaf first, what the server showed; it is
// not judged. Only algorithms that go with this type of key are offered, so that a server with certificates of several
// types shows this one (RFC 8446 §4.2.3). server_name: NULL to name none (RFC 6066 §3). The connection
// is of no use afterwards; the caller closes it. For the hook process only, after key_start.
int net_tls_look(int fd, const char *server_name, enum key_type type, long long deadline_boot_ms, struct buf *shown,
                 struct error *error);

#endif
