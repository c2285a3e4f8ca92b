// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A process that answers a CA's validation by HTTP or TLS, while the one that began it does something else.
#ifndef NET_RESPONDER_H
#define NET_RESPONDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "net_page.h"
#include "net_tls_server.h"

// Either HTTP or TLS. All is borrowed during net_responder_start.
struct net_service {
    const char *address;          // NULL: all of the machine's, of both versions of IP
    uint16_t port;                // 0: one that is free
    const struct net_page *pages; // with bodies of at most NET_PAGE_MOST_BODY
    size_t page_count;
    const struct net_offer *offers; // TLS, when there are any
    size_t offer_count;
    const char *protocol; // of TLS, see net_tls_server_open
};

struct net_responder {
    pid_t pid; // 0: none
    uint16_t port;
};

// Listens and forks the process. It holds nothing of its parent but a copy of its memory, ends with it, however that
// ends, has at most 32 connections (a newer one ends the oldest), each for at most ten seconds, and reads at most 4 KiB
// of a request. ERROR_BUSY for a port that is in use, ERROR_REFUSED for one that needs root.
int net_responder_start(const struct net_service *service, struct net_responder *responder, struct error *error);
// Ends the process at once and waits for it.
void net_responder_stop(struct net_responder *responder);

#endif
