// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Requests over HTTP and HTTPS, on libcurl: bounded, verified, and no secret sent to another host.
#include "http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "clock.h"
#include "net_trust.h"

#define SHOWN_SIZE 512

struct http {
    CURL *curl;
    struct net_trust *trust;      // of the last request that asked for TLS
    char reason[CURL_ERROR_SIZE]; // libcurl's own words on the last failure
};

// What one answer is collected into.
struct collector {
    struct http_response *response;
    bool body_too_long, headers_too_long, no_memory;
};

// Debian, Ubuntu, OpenWrt, Alpine, Arch; Fedora and RHEL; openSUSE; the BSDs and older Alpine.
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",     "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",       "/etc/ssl/ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem", "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
};

const char *http_system_bundle(void)
{
    for (size_t i = 0; i < sizeof bundles / sizeof bundles[0]; i++) {
        if (access(bundles[i], R_OK) == 0) {
            return bundles[i];
        }
    }
    return NULL;
}

int http_open(struct http **http, struct error *error)
{
    static bool started;
    *http = NULL;
    if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return error_set(error, ERROR_SYSTEM, "cannot start libcurl");
    }
    started = true;
    struct http *made = calloc(1, sizeof *made);
    if (made == NULL || (made->curl = curl_easy_init()) == NULL) {
        free(made);
        return error_set(error, ERROR_SYSTEM, "no memory for an HTTP session");
    }
    *http = made;
    return 0;
}

void http_close(struct http *http)
{
    if (http != NULL) {
        curl_easy_cleanup(http->curl);
        net_trust_free(http->trust);
        free(http);
    }
}

void http_response_free(struct http_response *response)
{
    buf_free(&response->headers);
    buf_free(&response->body);
    buf_free(&response->url);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct collector *collector = context;
    struct buf *body = &collector->response->body;
    size_t length = size * count;
    if (length > body->limit - body->length) {
        collector->body_too_long = true;
        return 0;
    }
    buf_add(body, bytes, length);
    collector->no_memory = body->failed;
    return body->failed ? 0 : length;
}

// Header lines as they come: those of an interim or proxy answer are forgotten when the next status line comes.
static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct collector *collector = context;
    struct buf *headers = &collector->response->headers;
    size_t length = size * count, kept = length;
    if (length >= 5 && strncmp(bytes, "HTTP/", 5) == 0) {
        buf_clear(headers);
        return length;
    }
    const char *colon = memchr(bytes, ':', length);
    // A NUL byte would hide the lines behind it.
    if (colon == NULL || memchr(bytes, '\0', length) != NULL) {
        return length;
    }
    if (length + 1 > headers->limit - headers->length) {
        collector->headers_too_long = true;
        return 0;
    }
    while (kept > 0 && isspace((unsigned char)bytes[kept - 1])) {
        kept--;
    }
    size_t name = (size_t)(colon - bytes);
    for (size_t i = 0; i < name; i++) {
        buf_char(headers, (char)tolower((unsigned char)bytes[i]));
    }
    buf_text(headers, ": ");
    for (name++; name < kept && isspace((unsigned char)bytes[name]); name++) {
    }
    buf_add(headers, bytes + name, name < kept ? kept - name : 0);
    buf_char(headers, '\n');
    collector->no_memory = headers->failed;
    return headers->failed ? 0 : length;
}

// Two addresses have one origin when scheme, host and port agree (RFC 6454 §4).
static bool same_origin(const char *a, const char *b)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    CURLU *ua = curl_url(), *ub = curl_url();
    bool same = ua != NULL && ub != NULL && curl_url_set(ua, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(ub, CURLUPART_URL, b, 0) == CURLUE_OK;
    for (size_t i = 0; same && i < sizeof parts / sizeof parts[0]; i++) {
        char *pa = NULL, *pb = NULL;
        same = curl_url_get(ua, parts[i], &pa, CURLU_DEFAULT_PORT) == CURLUE_OK &&
               curl_url_get(ub, parts[i], &pb, CURLU_DEFAULT_PORT) == CURLUE_OK && strcasecmp(pa, pb) == 0;
        curl_free(pa);
        curl_free(pb);
    }
    curl_url_cleanup(ua);
    curl_url_cleanup(ub);
    return same;
}

// Headers that another origin may see.
static bool is_harmless(const char *header)
{
    return strncasecmp(header, "accept:", 7) == 0 || strncasecmp(header, "user-agent:", 11) == 0;
}

static struct curl_slist *header_list(const struct http_request *request, bool foreign, bool *failed)
{
    struct curl_slist *list = NULL;
    // "Expect: 100-continue" costs a round trip and confuses small servers.
    const char *const own[] = {"Expect:", NULL};
    const char *const *sets[] = {own, request->headers};
    for (size_t s = 0; s < 2; s++) {
        for (const char *const *line = sets[s]; line != NULL && *line != NULL; line++) {
            if (s == 1 && foreign && !is_harmless(*line)) {
                continue;
            }
            struct curl_slist *longer = curl_slist_append(list, *line);
            *failed |= longer == NULL;
            list = longer != NULL ? longer : list;
        }
    }
    return list;
}

static struct curl_blob blob_of(const char *text, size_t length)
{
    return (struct curl_blob){.data = (void *)(uintptr_t)text, .len = length, .flags = CURL_BLOB_COPY};
}

// Reads the bundle unless it is that of the request before. What was made under another trust must never serve again,
// neither a connection nor a TLS session to go on with: they go with the handle.
static int read_trust(struct http *http, const struct http_request *request, struct error *error)
{
    const char *bundle = request->trust == NULL ? http_system_bundle() : NULL;
    const char *source = request->trust == NULL ? bundle : request->trust;
    if (source == NULL) {
        return error_set(error, ERROR_NOT_FOUND,
                         "no bundle of CA certificates on this machine: install ca-certificates, or name a file with "
                         "the CA to trust");
    }
    size_t length = request->trust == NULL ? strlen(source) : request->trust_length;
    if (net_trust_is(http->trust, source, length)) {
        return 0;
    }
    net_trust_free(http->trust);
    http->trust = NULL;
    CURL *fresh = curl_easy_init();
    if (fresh == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for an HTTP session");
    }
    curl_easy_cleanup(http->curl);
    http->curl = fresh;
    return bundle != NULL ? net_trust_load(bundle, &http->trust, error)
                          : net_trust_read(source, length, &http->trust, error);
}

static CURLcode use_trust(CURL *curl, void *config, void *context)
{
    const struct http *http = context;
    (void)curl;
    net_trust_use(http->trust, config);
    return CURLE_OK;
}

static void set_tls(struct http *http, const struct http_request *request, bool foreign)
{
    CURL *curl = http->curl;
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, use_trust);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, http);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (request->certificate != NULL && request->key != NULL && !foreign) {
        struct curl_blob certificate = blob_of(request->certificate, strlen(request->certificate));
        // mbedTLS takes PEM with its NUL; libcurl adds one to certificates, but to keys it does not.
        struct curl_blob key = blob_of(request->key, strlen(request->key) + 1);
        curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &certificate);
        curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &key);
    }
}

static void set_method(CURL *curl, const struct http_request *request, bool redirected)
{
    const char *method = request->method != NULL ? request->method : "GET";
    if (request->body != NULL && !redirected) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    }
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (strcmp(method, "GET") != 0 || request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
}

// Everything of a request but its headers. Options stay on a handle, so it starts from none; connections live on.
static int set_up(struct http *http, const struct http_request *request, const char *url, bool foreign,
                  struct collector *collector, struct error *error)
{
    // Only https asks for the bundle, so that a plain http request works on a machine without one.
    bool secure = strncasecmp(url, "https:", 6) == 0;
    if (secure && read_trust(http, request, error) != 0) {
        return -1;
    }
    CURL *curl = http->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->reason);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "certauto/" CERTAUTO_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, collector);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, collector);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_IPRESOLVE,
                     (long)(request->ip == 4   ? CURL_IPRESOLVE_V4
                            : request->ip == 6 ? CURL_IPRESOLVE_V6
                                               : CURL_IPRESOLVE_WHATEVER));
    if (request->proxy != NULL) {
        curl_easy_setopt(curl, CURLOPT_PROXY, request->proxy);
    }
    set_method(curl, request, url != request->url);
    if (secure) {
        set_tls(http, request, foreign);
    }
    if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK) {
        return error_set(error, ERROR_SYSTEM, "no memory for a request");
    }
    return 0;
}

// The address as messages tell it: without a user and password in it (RFC 3986 §3.2.1), cut when it is long.
static const char *shown(const char *url, char text[SHOWN_SIZE])
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    const char *at = host;
    // As libcurl takes it apart: the last '@' before the path ends them.
    for (const char *end = host + strcspn(host, "/?#"), *c = host; c < end; c++) {
        at = *c == '@' ? c + 1 : at;
    }
    snprintf(text, SHOWN_SIZE, "%.*s%s", (int)(host - url), url, at);
    return text;
}

// The words for a failed transfer; libcurl's own reason where it has one.
static int explain(const struct http *http, CURLcode code, const char *address, const struct collector *collector,
                   size_t limit, struct error *error)
{
    char url[SHOWN_SIZE];
    shown(address, url);
    if (collector->body_too_long) {
        return error_set(error, ERROR_REFUSED, "%s answered more than %zu bytes", url, limit);
    }
    if (collector->headers_too_long) {
        return error_set(error, ERROR_REFUSED, "%s answered more than %d bytes of headers", url, HTTP_HEADER_LIMIT);
    }
    if (collector->no_memory || code == CURLE_OUT_OF_MEMORY) {
        return error_set(error, ERROR_SYSTEM, "no memory for the answer of %s", url);
    }
    const char *reason = http->reason[0] != '\0' ? http->reason : curl_easy_strerror(code);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return error_set(error, ERROR_TIMEOUT, "no complete answer from %s in time: %s", url, reason);
    case CURLE_PEER_FAILED_VERIFICATION:
        return error_set(error, ERROR_REFUSED, "the TLS certificate of %s is not trusted: %s", url, reason);
    case CURLE_URL_MALFORMAT: return error_set(error, ERROR_USAGE, "%s is no address of a web server: %s", url, reason);
    default: return error_set(error, ERROR_SYSTEM, "request to %s failed: %s", url, reason);
    }
}

// One transfer, redirects not followed. The next address goes to *next (libcurl's, until the next call) or NULL.
static int transfer(struct http *http, const struct http_request *request, const char *url, bool foreign,
                    int64_t left_ms, struct http_response *response, const char **next, struct error *error)
{
    struct collector collector = {.response = response};
    char text[SHOWN_SIZE];
    bool failed = false;
    int result = -1;
    struct curl_slist *headers = header_list(request, foreign, &failed);
    *next = NULL;
    buf_clear(&response->headers);
    buf_clear(&response->body);
    if (failed) {
        error_set(error, ERROR_SYSTEM, "no memory for a request");
        goto out;
    }
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        error_set(error, ERROR_USAGE, "%s is no address for http or https", shown(url, text));
        goto out;
    }
    if (set_up(http, request, url, foreign, &collector, error) != 0) {
        goto out;
    }
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)(left_ms > INT32_MAX ? INT32_MAX : left_ms));
    http->reason[0] = '\0';
    CURLcode code = curl_easy_perform(http->curl);
    if (code != CURLE_OK) {
        explain(http, code, url, &collector, response->body.limit, error);
        goto out;
    }
    char *redirect = NULL;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &response->status);
    curl_easy_getinfo(http->curl, CURLINFO_REDIRECT_URL, &redirect);
    // libcurl gives the Location of any answer: that of 201 says where something was made.
    *next = response->status / 100 == 3 ? redirect : NULL;
    result = 0;

out:
    // Nothing of this request may stay on the handle: the list is about to go.
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return result;
}

static int64_t time_left(const struct http_request *request, int64_t end_ms)
{
    int64_t now = clock_boot_ms();
    int64_t end =
        request->deadline_boot_ms != 0 && request->deadline_boot_ms < end_ms ? request->deadline_boot_ms : end_ms;
    return end - now;
}

static bool may_follow(const struct http_request *request)
{
    return request->method == NULL || strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

// Takes the address of a redirect into response->url, if it may be followed.
static int follow(struct http_response *response, const char *next, struct error *error)
{
    const char *url = buf_string(&response->url);
    char from[SHOWN_SIZE], to[SHOWN_SIZE];
    if (strncasecmp(url, "https:", 6) == 0 && strncasecmp(next, "https:", 6) != 0) {
        return error_set(error, ERROR_REFUSED, "%s redirects to an address without TLS: %s", shown(url, from),
                         shown(next, to));
    }
    struct buf address;
    buf_init(&address, response->url.limit);
    buf_text(&address, next);
    if (address.failed) {
        buf_free(&address);
        return error_set(error, ERROR_REFUSED, "%s redirects to an address that is too long", shown(url, from));
    }
    buf_free(&response->url);
    response->url = address;
    return 0;
}

int http_perform(struct http *http, const struct http_request *request, struct http_response *response,
                 struct error *error)
{
    size_t limit = request->limit != 0 ? request->limit : HTTP_BODY_LIMIT;
    int64_t end_ms = clock_boot_ms() + (request->timeout_ms > 0 ? request->timeout_ms : HTTP_TIMEOUT_MS);
    char text[SHOWN_SIZE];
    response->status = 0;
    buf_init(&response->headers, HTTP_HEADER_LIMIT);
    buf_init(&response->body, limit < HTTP_BODY_LIMIT_MOST ? limit : HTTP_BODY_LIMIT_MOST);
    buf_init(&response->url, 64 * 1024);
    buf_text(&response->url, request->url);
    for (int hops = 0;; hops++) {
        // The first address is told from a redirect's by its pointer, see set_up.
        const char *url = hops == 0 ? request->url : buf_string(&response->url), *next;
        int64_t left_ms = time_left(request, end_ms);
        if (left_ms <= 0) {
            return error_set(error, ERROR_TIMEOUT, "no complete answer from %s in time", shown(url, text));
        }
        bool foreign = hops > 0 && !same_origin(request->url, url);
        if (transfer(http, request, url, foreign, left_ms, response, &next, error) != 0) {
            return -1;
        }
        if (next == NULL || request->redirects == 0 || !may_follow(request)) {
            return 0;
        }
        if (hops >= request->redirects || hops >= HTTP_REDIRECTS_MOST) {
            return error_set(error, ERROR_REFUSED, "%s redirects more than %d times", shown(request->url, text), hops);
        }
        if (follow(response, next, error) != 0) {
            return -1;
        }
    }
}
