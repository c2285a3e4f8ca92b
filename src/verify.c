// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The engine's verification of a publication: every address of a server shows this certificate, with its chain (spec 6).
#include "verify.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "names.h"
#include "net_tls.h"

#define MOST_LINES 100    // that a server says before TLS begins
#define LINE_SIZE 1024    // of those
#define ONE_TRY_MS 10000  // for one address
#define FIRST_WAIT_MS 100 // between tries, doubled
#define MOST_WAIT_MS 2000

// What is said before TLS begins: lines that are waited for and lines that are sent, in turn. A line that is waited
// for begins so; one that goes on after its number ("250-") or begins with '*' is passed over.
struct verify_scheme {
    const char *name;
    uint16_t port; // 0: must be given
    const char *talk[6];
};

static const struct verify_scheme schemes[] = {
    {"tls", 0, {NULL}},
    {"https", 443, {NULL}},
    {"smtps", 465, {NULL}},
    {"imaps", 993, {NULL}},
    {"pop3s", 995, {NULL}},
    {"ldaps", 636, {NULL}},
    {"ftps", 990, {NULL}},
    {"smtp", 25, {"220", "EHLO certauto.invalid\r\n", "250", "STARTTLS\r\n", "220"}},        // RFC 3207
    {"submission", 587, {"220", "EHLO certauto.invalid\r\n", "250", "STARTTLS\r\n", "220"}}, // RFC 6409
    {"imap", 143, {"* OK", "a STARTTLS\r\n", "a OK"}},                                       // RFC 3501 §6.2.1
    {"pop3", 110, {"+OK", "STLS\r\n", "+OK"}},                                               // RFC 2595
    {"ftp", 21, {"220", "AUTH TLS\r\n", "234"}},                                             // RFC 4217
};
#define SCHEMES (sizeof schemes / sizeof schemes[0])

// What a server is to show.
struct expected {
    struct verify_target target;
    const char *server_name; // or NULL
    char name[NET_HOST_SIZE];
    const char *fullchain; // PEM, the leaf first
    struct x509_facts facts;
};

// ---- Targets

int verify_parse(const char *url, struct verify_target *target, struct error *error)
{
    size_t length = strcspn(url, ":");
    *target = (struct verify_target){.scheme = NULL};
    for (size_t i = 0; i < SCHEMES; i++) {
        if (strlen(schemes[i].name) == length && strncasecmp(schemes[i].name, url, length) == 0) {
            target->scheme = &schemes[i];
        }
    }
    if (target->scheme == NULL || strncmp(url + length, "://", 3) != 0) {
        return error_set(error, ERROR_CONFIG,
                         "it begins with tls://, https://, smtp://, submission://, imap://, pop3:// or ftp:// (which "
                         "begin TLS in the middle), smtps://, imaps://, pop3s://, ldaps:// or ftps://");
    }
    target->port = target->scheme->port;
    if (!net_split(url + length + 3, target->host, &target->port)) {
        return error_set(error, ERROR_CONFIG, "behind %s:// stand a host and a port, as in %s://localhost:8443",
                         target->scheme->name, target->scheme->name);
    }
    if (target->port == 0) {
        return error_set(error, ERROR_CONFIG, "the port is missing, as in tls://%.200s:443", target->host);
    }
    return 0;
}

// ---- The question

int verify_question(const char *url, const struct generation *files, const struct x509_facts *facts, struct buf *json,
                    struct error *error)
{
    cJSON *tree = cJSON_CreateObject();
    cJSON_AddStringToObject(tree, "url", url);
    cJSON_AddStringToObject(tree, "fullchain", buf_string(&files->fullchain));
    cJSON_AddStringToObject(tree, "names", buf_string(&facts->names));
    char *text = cJSON_GetArraySize(tree) == 3 ? cJSON_PrintUnformatted(tree) : NULL;
    cJSON_Delete(tree);
    buf_text(json, text == NULL ? "" : text);
    bool fine = text != NULL && !json->failed;
    cJSON_free(text);
    return fine ? 0 : error_set(error, ERROR_SYSTEM, "no memory for a verification");
}

// The name that the server is asked for: that of the URL, else the certificate's first DNS name; "www" for a wildcard.
static void choose_name(struct expected *expected, const char *names)
{
    const char *at = names;
    struct name name;
    if (!net_is_address(expected->target.host) && strcasecmp(expected->target.host, "localhost") != 0) {
        // Without the dot at a name's end, which a server is not sent (RFC 6066 §3).
        size_t length = strlen(expected->target.host);
        length -= length > 0 && expected->target.host[length - 1] == '.' ? 1 : 0;
        snprintf(expected->name, sizeof(expected->name), "%.*s", (int)length, expected->target.host);
        expected->server_name = expected->name;
        return;
    }
    while (names_next(&at, &name)) {
        bool wildcard = name.length > 2 && name.text[0] == '*';
        if (name.kind == NAME_DNS && name.length + 3 < sizeof(expected->name)) {
            snprintf(expected->name, sizeof(expected->name), "%s%.*s", wildcard ? "www" : "",
                     (int)(name.length - (wildcard ? 1 : 0)), name.text + (wildcard ? 1 : 0));
            expected->server_name = expected->name;
            return;
        }
    }
}

static int read_question(const cJSON *tree, struct expected *expected, struct error *error)
{
    const char *url = cJSON_GetStringValue(cJSON_GetObjectItem(tree, "url"));
    const char *names = cJSON_GetStringValue(cJSON_GetObjectItem(tree, "names"));
    expected->fullchain = cJSON_GetStringValue(cJSON_GetObjectItem(tree, "fullchain"));
    if (url == NULL || names == NULL || expected->fullchain == NULL) {
        return error_set(error, ERROR_FORMAT, "the question of a verification is not whole");
    }
    if (verify_parse(url, &expected->target, error) < 0 ||
        x509_read(expected->fullchain, strlen(expected->fullchain), &expected->facts, error) < 0) {
        return -1;
    }
    choose_name(expected, names);
    return 0;
}

// ---- One address

// A line without its end. Byte by byte: what follows belongs to TLS.
static int read_line(int fd, char line[LINE_SIZE], long long deadline_boot_ms, struct error *error)
{
    size_t length = 0;
    for (;;) {
        char byte;
        ssize_t got = net_read(fd, &byte, 1, deadline_boot_ms, error);
        if (got <= 0) {
            return got < 0 ? -1 : error_set(error, ERROR_FORMAT, "the server closed before TLS began");
        }
        if (byte == '\n') {
            break;
        }
        if (length == LINE_SIZE - 1) {
            return error_set(error, ERROR_FORMAT, "the server said a line that is too long");
        }
        line[length++] = byte;
    }
    length -= length > 0 && line[length - 1] == '\r' ? 1 : 0;
    line[length] = '\0';
    return 0;
}

static int wait_for_line(int fd, const char *wanted, long long deadline_boot_ms, struct error *error)
{
    size_t length = strlen(wanted);
    char line[LINE_SIZE] = "";
    for (int i = 0; i < MOST_LINES; i++) {
        if (read_line(fd, line, deadline_boot_ms, error) < 0) {
            return -1;
        }
        if (strncmp(line, wanted, length) == 0 && line[length] != '-') {
            return 0;
        }
        if (line[0] != '*' && (strlen(line) < 4 || line[3] != '-')) {
            return error_set(error, ERROR_REFUSED, "the server does not begin TLS: it said '%.100s'", line);
        }
    }
    return error_set(error, ERROR_REFUSED, "the server says much and does not begin TLS");
}

static int talk(int fd, const struct verify_scheme *scheme, long long deadline_boot_ms, struct error *error)
{
    for (size_t i = 0; i < sizeof scheme->talk / sizeof scheme->talk[0] && scheme->talk[i] != NULL; i++) {
        const char *line = scheme->talk[i];
        if ((i % 2 == 0 ? wait_for_line(fd, line, deadline_boot_ms, error)
                        : net_write(fd, line, strlen(line), deadline_boot_ms, error)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int compare_leaf(const struct expected *expected, const struct buf *shown, struct error *error)
{
    struct x509_facts facts;
    char until[CLOCK_UTC_SIZE];
    if (x509_read(buf_string(shown), shown->length, &facts, error) < 0) {
        return -1;
    }
    int result = 0;
    if (strcmp(facts.fingerprint, expected->facts.fingerprint) != 0) {
        clock_format(facts.not_after, until);
        result = error_set(error, ERROR_REFUSED, "it shows another certificate: serial %.40s, valid until %s",
                           facts.serial, until);
    }
    x509_facts_free(&facts);
    return result;
}

// The chain is judged by being there; a root more does no harm.
static int compare_chain(const struct expected *expected, const struct buf *shown, struct error *error)
{
    struct buf wanted, there, one;
    buf_init(&wanted, X509_MAX_PEM);
    buf_init(&there, X509_MAX_PEM);
    buf_init(&one, X509_MAX_PEM);
    // Written anew, so that one certificate has one text.
    int result = x509_split(expected->fullchain, strlen(expected->fullchain), NULL, &wanted, error) < 0 ||
                         x509_split(buf_string(shown), shown->length, NULL, &there, error) < 0
                     ? -1
                     : 0;
    for (const char *at = buf_string(&wanted), *end; result == 0 && (end = strstr(at, "-----END")) != NULL;) {
        end += strcspn(end, "\n");
        buf_clear(&one);
        buf_add(&one, at, (size_t)(end - at));
        if (strstr(buf_string(&there), buf_string(&one)) == NULL) {
            result = error_set(error, ERROR_REFUSED, "it shows the certificate without its whole chain");
        }
        at = end + (*end == '\n' ? 1 : 0);
    }
    buf_free(&wanted);
    buf_free(&there);
    buf_free(&one);
    return result;
}

static int look_at(const struct expected *expected, const struct addrinfo *address, long long deadline_boot_ms,
                   struct error *error)
{
    struct buf shown;
    int fd = net_connect(address, deadline_boot_ms, error);
    if (fd < 0) {
        return -1;
    }
    buf_init(&shown, X509_MAX_PEM);
    int result = talk(fd, expected->target.scheme, deadline_boot_ms, error);
    if (result == 0) {
        result = net_tls_look(fd, expected->server_name, expected->facts.key_type, deadline_boot_ms, &shown, error);
    }
    if (result == 0) {
        result = compare_leaf(expected, &shown, error);
    }
    if (result == 0) {
        result = compare_chain(expected, &shown, error);
    }
    close(fd);
    buf_free(&shown);
    return result;
}

// ---- All addresses, until they are right

static int look_at_all(const struct expected *expected, long long deadline_boot_ms, struct error *error)
{
    struct addrinfo *list;
    int result = net_resolve(expected->target.host, expected->target.port, &list, error);
    for (const struct addrinfo *address = list; result == 0 && address != NULL; address = address->ai_next) {
        char text[NET_ADDRESS_SIZE];
        long long end_ms = clock_boot_ms() + ONE_TRY_MS;
        result = look_at(expected, address, end_ms < deadline_boot_ms ? end_ms : deadline_boot_ms, error);
        if (result < 0) {
            error_prefix(error, "%s", net_address_text(address, text));
        }
    }
    if (list != NULL) {
        freeaddrinfo(list);
    }
    return result;
}

// A reload takes its time, so what is wrong now may be right in a moment.
static int look_until(const struct expected *expected, long long deadline_boot_ms, struct error *error)
{
    for (long long wait_ms = FIRST_WAIT_MS;; wait_ms = wait_ms < MOST_WAIT_MS ? wait_ms * 2 : wait_ms) {
        struct error now;
        if (look_at_all(expected, deadline_boot_ms, &now) == 0) {
            return 0;
        }
        // One that ran out of time says less than the one before it.
        if (now.code != ERROR_TIMEOUT || error->code == ERROR_NONE) {
            *error = now;
        }
        if (clock_boot_ms() + wait_ms >= deadline_boot_ms) {
            return -1;
        }
        const struct timespec pause = {wait_ms / 1000, wait_ms % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
}

int verify_answer(const char *json, size_t length, long long deadline_boot_ms, struct buf *answer)
{
    struct expected expected = {0};
    struct error error;
    cJSON *tree = cJSON_ParseWithLength(json, length);
    error_clear(&error);
    int result = key_start(&error);
    if (result == 0) {
        result = read_question(tree, &expected, &error);
    }
    if (result == 0) {
        result = look_until(&expected, deadline_boot_ms, &error);
    }
    if (result == 0) {
        buf_text(answer, "{\"ok\":true}");
    } else {
        buf_text(answer, "{\"error\":\"");
        buf_escape_json(answer, error.message, strlen(error.message));
        buf_text(answer, "\"}");
    }
    x509_facts_free(&expected.facts);
    cJSON_Delete(tree);
    return answer->failed ? -1 : 0;
}
