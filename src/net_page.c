// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Pages that a responder serves, and the answer to a request for one of them. No I/O.
#include "net_page.h"

#include <string.h>

// The page of a path, NULL for none.
static const struct net_page *find(const struct net_page *pages, size_t count, const char *path, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(pages[i].path) == length && memcmp(pages[i].path, path, length) == 0) {
            return &pages[i];
        }
    }
    return NULL;
}

static bool begins(const char *text, const char *end, const char *with)
{
    size_t length = strlen(with);
    return (size_t)(end - text) >= length && memcmp(text, with, length) == 0;
}

void net_page_answer(const struct net_page *pages, size_t count, const char *request, size_t length, bool whole,
                     struct buf *out)
{
    const struct net_page *page = NULL;
    const char *end = request + length, *status;
    bool head = begins(request, end, "HEAD ");
    if (!whole) {
        status = "431 Request Header Fields Too Large";
    } else if (!head && !begins(request, end, "GET ")) {
        status = "405 Method Not Allowed";
    } else {
        const char *path = request + (head ? 5 : 4);
        const char *blank = memchr(path, ' ', (size_t)(end - path));
        page = blank != NULL ? find(pages, count, path, (size_t)(blank - path)) : NULL;
        status = blank == NULL || !begins(blank, end, " HTTP/1.") ? "400 Bad Request"
                 : page == NULL                                   ? "404 Not Found"
                                                                  : "200 OK";
        page = *status == '2' ? page : NULL;
    }
    buf_format(out,
               "HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n"
               "Allow: GET, HEAD\r\nConnection: close\r\n\r\n",
               status, page != NULL ? page->length : 0);
    if (page != NULL && !head) {
        buf_add(out, page->body, page->length);
    }
}
