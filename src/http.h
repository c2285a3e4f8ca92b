// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Requests over HTTP and HTTPS, on libcurl: bounded, verified, and no secret sent to another host.
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

#define HTTP_BODY_LIMIT (1024 * 1024) // of an answer, unless asked otherwise
#define HTTP_BODY_LIMIT_MOST (64 * 1024 * 1024)
#define HTTP_HEADER_LIMIT (256 * 1024) // all header lines of one answer
#define HTTP_TIMEOUT_MS 60000          // of one request with its redirects, unless asked otherwise
#define HTTP_REDIRECTS_MOST 10
#define HTTP_MOST_HEADERS 64

// A session keeps connections and the trust bundle, so that several requests to one host cost one handshake.
// For the hook process only: libcurl and its TLS are initialised by the first session of a process.
struct http; // opaque

int http_open(struct http **http, struct error *error);
void http_close(struct http *http); // NULL-safe

// All is borrowed during the call. NULL or 0: the default.
struct http_request {
    const char *method;         // "GET"
    const char *url;            // http:// or https://, nothing else
    const char *const *headers; // "Name: value" lines, NULL-terminated
    const void *body;           // NULL: none; sent once, never to where a redirect leads
    size_t body_length;
    int64_t timeout_ms;         // of the whole
    long long deadline_boot_ms; // never later (clock_boot_ms)
    size_t limit;               // most bytes of the answer's body
    int redirects;              // most that are followed, by GET and HEAD alone; 0: none
    const char *trust;          // PEM of the CAs to trust instead of the system's
    size_t trust_length;
    const char *certificate, *key; // PEM: the client's own, for the first host only
    const char *proxy;             // instead of http_proxy, https_proxy, no_proxy of the environment; "": none
    int ip;                        // 4 or 6 only; 0: either
};

struct http_response {
    long status;
    struct buf headers; // lines "name: value\n" of the last answer, names in lower case
    struct buf body;
    struct buf url; // where the answer came from in the end
};
void http_response_free(struct http_response *response);

// Makes the request. 0 whatever the status; -1 when there was no complete answer. Certificates are verified, TLS
// is 1.2 or newer, an https address never leads to an http one. A redirect to another origin (scheme, host and
// port, RFC 6454 §4) gets none of the request's headers but Accept and User-Agent, and no client certificate.
int http_perform(struct http *http, const struct http_request *request, struct http_response *response,
                 struct error *error);

// The system's bundle of CA certificates, where the usual distributions keep it; NULL when there is none.
const char *http_system_bundle(void);

#endif
