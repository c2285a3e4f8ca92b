// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Pages that a responder serves, and the answer to a request for one of them. No I/O.
#ifndef NET_PAGE_H
#define NET_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define NET_PAGE_MOST_BODY (512 * 1024)

// What is answered to GET and HEAD of a path, which is compared byte by byte.
struct net_page {
    const char *path;
    const char *body;
    size_t length;
};

// Appends the answer (RFC 9112) to a request that begins with these bytes. whole: its head is all there, else it is too
// long.
void net_page_answer(const struct net_page *pages, size_t count, const char *request, size_t length, bool whole,
                     struct buf *out);

#endif
