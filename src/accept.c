// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The checks that an issued certificate must pass before it is kept (spec 5).
#include "accept.h"

#include <string.h>

#include "clock.h"
#include "names.h"

#define MOST_AHEAD_S 3600

static int check_validity(const struct x509_facts *facts, int64_t now, struct error *error)
{
    char text[CLOCK_UTC_SIZE];
    if (facts->not_before > now + MOST_AHEAD_S) {
        clock_format(facts->not_before, text);
        return error_set(error, ERROR_REFUSED, "the certificate is valid only from %s", text);
    }
    if (facts->not_after <= now) {
        clock_format(facts->not_after, text);
        return error_set(error, ERROR_REFUSED, "the certificate has expired at %s", text);
    }
    return 0;
}

static int check_names(const struct x509_facts *facts, const char *asked, struct error *error)
{
    struct name missing;
    if (!names_cover(buf_string(&facts->names), asked, &missing)) {
        return error_set(error, ERROR_REFUSED, "the certificate is not for '%.*s'", (int)missing.length, missing.text);
    }
    return 0;
}

// The key that belongs to the certificate: ours, unless the answer brought one.
static int check_key(const struct asked *asked, const struct issue_answer *answer, struct generation *files,
                     struct error *error)
{
    const char *leaf = buf_string(&files->certificate);
    struct key *brought = NULL;
    const struct key *key = asked->key;
    int result = -1;
    if (answer->key.length > 0) {
        if (key_parse(answer->key.data, answer->key.length, &brought, error) < 0) {
            error_prefix(error, "the key that came with the certificate");
            goto out;
        }
        key = brought;
    }
    error_clear(error);
    if (!x509_matches_key(leaf, files->certificate.length, key, error)) {
        error_set(error, ERROR_REFUSED, "the certificate is for another key");
        goto out;
    }
    result = 0;
    if (brought != NULL) {
        result = key_write(key, &files->key, error);
    } else {
        // Written once already, before it was asked for.
        buf_add(&files->key, asked->key_text->data, asked->key_text->length);
    }
    if (result == 0 && files->key.failed) {
        result = error_set(error, ERROR_SYSTEM, "no memory for the key");
    }
out:
    key_free(brought);
    return result;
}

int accept_check(const struct asked *asked, const struct issue_answer *answer, struct generation *files,
                 struct x509_facts *facts, struct error *error)
{
    struct buf chain;
    buf_init(&chain, X509_MAX_PEM);
    int result = -1;
    // What the field "certificate" holds beyond its first certificate belongs to the chain.
    int found =
        x509_split(buf_string(&answer->certificate), answer->certificate.length, &files->certificate, &chain, error);
    if (found == 0) {
        error_set(error, ERROR_REFUSED, "the answer holds no certificate");
    }
    if (found < 1) {
        goto out;
    }
    buf_add(&chain, buf_string(&answer->chain), answer->chain.length);
    if (chain.failed || files->certificate.failed) {
        error_set(error, ERROR_REFUSED, "the certificate and its chain are too long");
        goto out;
    }
    if (x509_read(buf_string(&files->certificate), files->certificate.length, facts, error) < 0) {
        goto out;
    }
    // Before all else: a CA that answers with the old certificate does so for the old key too.
    if (asked->fingerprint != NULL && strcmp(facts->fingerprint, asked->fingerprint) == 0) {
        error_set(error, ERROR_REFUSED, "the CA answered with the certificate that is held already");
        goto out;
    }
    if (check_key(asked, answer, files, error) < 0 || check_names(facts, asked->names, error) < 0 ||
        check_validity(facts, asked->now, error) < 0) {
        goto out;
    }
    if (x509_check_chain(buf_string(&files->certificate), files->certificate.length, buf_string(&chain), chain.length,
                         asked->trust, asked->trust_length, asked->now, &files->chain, error) < 0) {
        goto out;
    }
    result = files->chain.failed ? error_set(error, ERROR_SYSTEM, "no memory for the chain") : 0;
out:
    buf_free(&chain);
    return result;
}
