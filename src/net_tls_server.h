// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The other side of TLS, as far as a CA's validation goes (RFC 8737): a handshake that shows a certificate, and no more.
#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

#include <stddef.h>

#include "error.h"

// What is shown to those who ask for this name (SNI, case does not matter): texts, PEM.
struct net_offer {
    const char *name;
    const char *certificate, *key;
};

struct net_tls_server; // opaque
struct net_tls_guest;  // opaque: one handshake

// Reads certificates and keys. protocol: the one that guests must offer by ALPN. Both are borrowed as long as the server
// is there. After key_start; a process that was forked later must call key_restart before its first guest.
int net_tls_server_open(const struct net_offer *offers, size_t count, const char *protocol,
                        struct net_tls_server **server, struct error *error);
void net_tls_server_close(struct net_tls_server *server); // NULL-safe

// Begins with a guest on a descriptor that does not block and stays the caller's. NULL without memory.
struct net_tls_guest *net_tls_greet(struct net_tls_server *server, int fd);
// Goes on as far as it can without waiting: POLLIN or POLLOUT, what to wait for; 0 when the handshake is over, well or ill.
short net_tls_go_on(struct net_tls_guest *guest);
void net_tls_dismiss(struct net_tls_guest *guest); // NULL-safe

#endif
