// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Keys, certificates, requests, chains and subjects from anywhere. The first byte says what the rest is: PEM text,
// or DER to be wrapped into PEM, since no fuzzer finds its way through base64.
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "key.h"
#include "names.h"
#include "x509.h"

#define LIMIT (4 * 1024 * 1024)
#define NOW 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

// What is shown must be one line, and what is canonical must stay so.
static void check_text(const char *text)
{
    for (; *text != '\0'; text++)
        check((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void check_names(const struct buf *names)
{
    struct buf again;

    buf_init(&again, NAMES_MAX_BYTES);
    check_text(buf_string(names));
    if (names->length > 0) {
        check(names_parse(buf_string(names), &again, NULL) == 0);
        check(strcmp(buf_string(&again), buf_string(names)) == 0);
    }
    buf_free(&again);
}

static void try_key(const char *pem, size_t length)
{
    struct key *key = NULL, *twin = NULL;
    struct error error;
    struct buf text, again;

    buf_init_secret(&text, LIMIT);
    buf_init_secret(&again, LIMIT);
    if (key_parse(pem, length, &key, &error) == 0) {
        check(key_write(key, &text, &error) == 0);
        check(key_parse(text.data, text.length, &twin, &error) == 0);
        check(key_write(twin, &again, &error) == 0);
        check(strcmp(text.data, again.data) == 0);
    } else {
        check(error.message[0] != '\0');
    }
    key_free(key);
    key_free(twin);
    buf_free(&text);
    buf_free(&again);
}

static void try_certificates(const char *pem, size_t length)
{
    struct buf leaf, rest, ordered;
    struct x509_facts facts;
    struct error error;
    int skipped;

    buf_init(&leaf, LIMIT);
    buf_init(&rest, LIMIT);
    buf_init(&ordered, LIMIT);
    if (x509_read(pem, length, &facts, &error) == 0) {
        check_text(facts.subject);
        check_text(facts.issuer);
        check_text(facts.issuer_organisation);
        check_text(facts.common_name);
        check(facts.serial[0] != '\0');
        check_names(&facts.names);
        x509_facts_free(&facts);
    } else {
        check(error.message[0] != '\0');
    }
    if (x509_split(pem, length, &leaf, &rest, &error) > 0)
        check(x509_check_chain(buf_string(&leaf), leaf.length, buf_string(&rest), rest.length, pem, length, NOW,
                               &ordered, &error) == 0 ||
              error.message[0] != '\0');
    (void)x509_bundle_count(pem, length, &skipped);
    buf_free(&leaf);
    buf_free(&rest);
    buf_free(&ordered);
}

static void try_request(const char *pem, size_t length)
{
    struct x509_request_facts facts;
    struct error error;

    if (x509_request_read(pem, length, true, &facts, &error) == 0) {
        check_text(facts.subject);
        check_names(&facts.names);
        x509_request_free(&facts);
    }
}

static void try_subject(const char *text, size_t length)
{
    char *copy = strndup(text, length);
    struct error error;

    check(copy != NULL);
    if (x509_subject_check(copy, &error) != 0)
        check(error.message[0] != '\0');
    free(copy);
}

static void try_text(const char *pem, size_t length)
{
    try_key(pem, length);
    try_certificates(pem, length);
    try_request(pem, length);
    try_subject(pem, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const labels[] = {"CERTIFICATE", "PRIVATE KEY", "CERTIFICATE REQUEST"};
    static bool started;
    struct buf pem;

    if (!started)
        check(key_start(NULL) == 0);
    started = true;
    if (size == 0)
        return 0;
    if (data[0] >= 3) {
        try_text((const char *)data + 1, size - 1);
        return 0;
    }
    buf_init(&pem, LIMIT);
    codec_pem(&pem, labels[data[0]], data + 1, size - 1);
    if (!pem.failed)
        try_text(buf_string(&pem), pem.length);
    buf_free(&pem);
    return 0;
}
