// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Certificates as CAs of all kinds issue them: read, shown, split, matched; and what cannot be read, with its reason.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "codec.h"
#include "x509_data.h"

#define LIMIT (1024 * 1024)

static struct x509_facts facts_of(const char *file)
{
    char *text = data_read(file, NULL);
    struct x509_facts facts;
    struct error error;

    if (x509_read(text, strlen(text), &facts, &error) != 0)
        fail_msg("%s: %s", file, error.message);
    free(text);
    return facts;
}

static void key_types_are_told(void **state)
{
    static const struct {
        const char *file;
        enum key_type type;
    } cases[] = {
        {"p256.pem", KEY_ECDSA_P256},   {"p384.pem", KEY_ECDSA_P384}, {"p521.pem", KEY_ECDSA_P521},
        {"rsa2048.pem", KEY_RSA_2048},  {"rsa1024.pem", KEY_OTHER},   {"sha1.pem", KEY_RSA_2048},
        {"pss.pem", KEY_RSA_2048},      {"crlf.pem", KEY_ECDSA_P256}, {"text.pem", KEY_ECDSA_P256},
        {"bundle.pem", KEY_ECDSA_P256},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct x509_facts facts = facts_of(cases[i].file);

        assert_int_equal(facts.key_type, cases[i].type);
        x509_facts_free(&facts);
    }
}

static void what_cannot_be_read_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *file, *reason;
    } cases[] = {
        {"ed25519.pem", "Ed25519, which is not supported"},
        {"ed448.pem", "Ed448, which is not supported"},
        {"secp256k1.pem", "secp256k1, which is not supported"},
        {"serial-65.pem", "serial number is longer than 64 bytes"},
        {"poison.pem", "precertificate"},
        {"cut.pem", "certificate"},
        {"short.pem", "certificate"},
        {"p256.key", "no certificate"},
        {"p256.csr", "no certificate"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = data_read(cases[i].file, NULL);
        struct x509_facts facts;
        struct error error;

        if (x509_read(text, strlen(text), &facts, &error) == 0)
            fail_msg("%s was read", cases[i].file);
        assert_int_equal(error.code, ERROR_FORMAT);
        if (strstr(error.message, cases[i].reason) == NULL)
            fail_msg("%s: %s", cases[i].file, error.message);
        assert_int_equal(facts.names.length, 0);
        free(text);
    }
}

static void facts_are_those_that_openssl_tells(void **state)
{
    struct x509_facts facts = facts_of("year9999.pem");
    char time[CLOCK_UTC_SIZE];

    (void)state;
    clock_format(facts.not_before, time);
    assert_string_equal(time, "2049-12-31T23:59:59Z");
    clock_format(facts.not_after, time);
    assert_string_equal(time, "9999-12-31T23:59:59Z");
    assert_string_equal(facts.subject, "CN=far");
    assert_string_equal(facts.common_name, "far");
    assert_string_equal(facts.issuer, "C=DE, O=Example Trust, CN=Example Issuer");
    assert_string_equal(facts.issuer_organisation, "Example Trust");
    assert_int_equal(strlen(facts.aki), 40);
    assert_string_equal(buf_string(&facts.names), "dated.example.org");
    assert_false(facts.is_ca);
    assert_int_equal(facts.usage, 0);
    x509_facts_free(&facts);

    facts = facts_of("issuer.pem");
    assert_true(facts.is_ca);
    assert_string_equal(buf_string(&facts.names), "");
    x509_facts_free(&facts);
    facts = facts_of("p256.pem");
    assert_int_equal(facts.usage, X509_SERVER | X509_CLIENT);
    assert_string_equal(facts.subject, "C=DE, O=Example\\, Inc., CN=www.example.org");
    assert_string_equal(buf_string(&facts.names), "www.example.org, example.org");
    x509_facts_free(&facts);
    facts = facts_of("usage-any.pem");
    assert_int_equal(facts.usage, X509_SERVER | X509_CLIENT | X509_EMAIL | X509_CODE);
    x509_facts_free(&facts);
}

static void validity_of_all_ages_is_read(void **state)
{
    static const struct {
        const char *file, *from, *to;
    } cases[] = {
        {"expired.pem", "2020-01-01T00:00:00Z", "2020-04-01T00:00:00Z"},
        {"year1950.pem", "1950-01-01T00:00:00Z", "2050-01-01T00:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct x509_facts facts = facts_of(cases[i].file);
        char time[CLOCK_UTC_SIZE];

        clock_format(facts.not_before, time);
        assert_string_equal(time, cases[i].from);
        clock_format(facts.not_after, time);
        assert_string_equal(time, cases[i].to);
        x509_facts_free(&facts);
    }
}

static void the_fingerprint_is_that_of_the_der_bytes(void **state)
{
    struct x509_facts lf = facts_of("p256.pem"), crlf = facts_of("crlf.pem");
    char *text = data_read("p256.pem", NULL), digest[CODEC_HEX256_SIZE];
    const char *at = text;
    size_t length = strlen(text);
    struct codec_block block;
    struct buf der;

    (void)state;
    buf_init(&der, LIMIT);
    assert_true(codec_pem_next(&at, &length, &block));
    assert_true(codec_unbase64(&der, block.body, block.length));
    codec_sha256_hex(der.data, der.length, digest);
    assert_string_equal(lf.fingerprint, digest);
    assert_string_equal(crlf.fingerprint, digest);
    x509_facts_free(&lf);
    x509_facts_free(&crlf);
    buf_free(&der);
    free(text);
}

static void serial_numbers_of_all_kinds_are_read(void **state)
{
    char large[129];
    const struct {
        const char *file, *serial;
    } cases[] = {
        {"serial-large.pem", "ffeeddccbbaa99887766554433221100ffeeddcc"},
        {"serial-64.pem", large},
        {"serial-negative.pem", "-80"},
        {"serial-negative-large.pem", "-ffeeddccbbaa99887766"},
        {"serial-zero.pem", "00"},
    };

    (void)state;
    memset(large, 'f', 128);
    large[128] = '\0';
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct x509_facts facts = facts_of(cases[i].file);

        assert_string_equal(facts.serial, cases[i].serial);
        x509_facts_free(&facts);
    }
}

static void names_of_all_encodings_are_shown_as_one_line_of_utf8(void **state)
{
    static const struct {
        const char *file, *subject;
    } cases[] = {
        {"subject-bmp.pem", "O=Größe Ж, CN=bmp"},
        {"subject-t61.pem", "O=Größe, CN=t61"},
        {"subject-utf8.pem", "O=Größe Ж 日本, OU=one, OU=two\\, three, CN=utf8"},
        {"subject-merged.pem", "O=Example, CN=one+UID=two"},
        {"subject-control.pem", "O=one\\x0atwo\\x1b[31m, CN=\\\\back"},
        {"subject-unknown.pem", "2.5.4.15=value, CN=unknown"},
        {"empty-subject.pem", ""},
    };
    struct x509_facts facts;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        facts = facts_of(cases[i].file);
        assert_string_equal(facts.subject, cases[i].subject);
        x509_facts_free(&facts);
    }
    facts = facts_of("subject-long.pem");
    assert_int_equal(strlen(facts.subject), sizeof facts.subject - 1);
    assert_string_equal(facts.subject + sizeof facts.subject - 4, "...");
    x509_facts_free(&facts);
}

static void names_count_only_as_what_they_are(void **state)
{
    struct x509_facts facts = facts_of("san-odd.pem");

    (void)state;
    assert_string_equal(buf_string(&facts.names),
                        "upper.example.org, *.wild.example.org, _service.example.org, 192.0.2.7, "
                        "2001:db8::1, email:User@example.org, uri:https://example.org/path");
    x509_facts_free(&facts);
    facts = facts_of("no-names.pem");
    assert_string_equal(buf_string(&facts.names), "");
    assert_string_equal(facts.common_name, "old.example.org");
    x509_facts_free(&facts);
}

static void hundreds_of_names_are_read(void **state)
{
    struct x509_facts facts = facts_of("many.pem");
    int commas = 0;

    (void)state;
    for (const char *c = buf_string(&facts.names); *c != '\0'; c++)
        commas += *c == ',';
    assert_int_equal(commas, 152);
    assert_non_null(strstr(facts.names.data, "host-150.some-longer-zone-name.example.org"));
    assert_non_null(strstr(facts.names.data, ", 192.0.2.1, 2001:db8::1"));
    x509_facts_free(&facts);
}

static void critical_extensions_of_intermediates_are_borne(void **state)
{
    struct x509_facts facts = facts_of("constraints.pem");

    (void)state;
    assert_true(facts.is_ca);
    x509_facts_free(&facts);
}

// ---- Several certificates

static void split_takes_files_apart_and_cleans_them(void **state)
{
    char *text = data_read("text.pem", NULL);
    char *first = data_read("p256.pem", NULL), *second = data_read("p384.pem", NULL);
    struct buf leaf, rest;
    struct error error;

    (void)state;
    buf_init(&leaf, LIMIT);
    buf_init(&rest, LIMIT);
    assert_int_equal(x509_split(text, strlen(text), &leaf, &rest, &error), 2);
    assert_string_equal(buf_string(&leaf), first);
    assert_string_equal(buf_string(&rest), second);
    assert_int_equal(x509_split(text, strlen(text), NULL, NULL, &error), 2);
    assert_int_equal(x509_split("", 0, &leaf, &rest, &error), 0);
    free(text);
    text = data_read("crlf.pem", NULL);
    buf_clear(&leaf);
    assert_int_equal(x509_split(text, strlen(text), &leaf, &rest, &error), 1);
    assert_string_equal(buf_string(&leaf), first);
    free(text);
    text = data_read("bundle.pem", NULL);
    assert_int_equal(x509_split(text, strlen(text), &leaf, &rest, &error), -1);
    assert_non_null(strstr(error.message, "certificate 3: "));
    assert_non_null(strstr(error.message, "Ed25519"));
    free(text);
    free(first);
    free(second);
    buf_free(&leaf);
    buf_free(&rest);
}

static void a_bundle_is_counted_past_what_cannot_be_read(void **state)
{
    char *text = data_read("bundle.pem", NULL);
    int skipped;

    (void)state;
    assert_int_equal(x509_bundle_count(text, strlen(text), &skipped), 3);
    assert_int_equal(skipped, 1);
    free(text);
}

static void the_bundle_of_the_distribution_parses_whole(void **state)
{
    size_t length;
    char *text = data_read("/etc/ssl/certs/ca-certificates.crt", &length);
    int skipped = -1, count = x509_bundle_count(text, length, &skipped);

    (void)state;
    assert_int_equal(skipped, 0);
    assert_true(count >= 100);
    free(text);
}

// ---- Keys of certificates

static void a_certificate_matches_its_own_key_only(void **state)
{
    static const char *const names[] = {"p256", "p384", "p521", "rsa2048", "rsa1024"};
    char file[64];

    (void)state;
    for (int i = 0; i < 5; i++) {
        char *text;
        struct error error;

        snprintf(file, sizeof file, "%s.pem", names[i]);
        text = data_read(file, NULL);
        for (int j = 0; j < 5; j++) {
            struct key *key;

            snprintf(file, sizeof file, "%s.key", names[j]);
            key = data_key(file);
            assert_int_equal(x509_matches_key(text, strlen(text), key, &error), i == j);
            if (i != j)
                assert_int_equal(error.code, ERROR_REFUSED);
            assert_false(x509_matches_key("rubbish", 7, key, &error));
            assert_int_equal(error.code, ERROR_FORMAT);
            key_free(key);
        }
        free(text);
    }
}

// ---- Requests

static void requests_are_read_when_their_signature_is_right(void **state)
{
    char *text = data_read("p256.csr", NULL);
    struct x509_request_facts facts;
    struct error error;

    (void)state;
    assert_int_equal(x509_request_read(text, strlen(text), true, &facts, &error), 0);
    assert_string_equal(buf_string(&facts.names), "www.example.org, example.org");
    assert_string_equal(facts.subject, "CN=www.example.org, O=Example");
    assert_int_equal(facts.key_type, KEY_ECDSA_P256);
    assert_int_equal(facts.usage, X509_CLIENT);
    x509_request_free(&facts);
    free(text);
    text = data_read("rsa2048.csr", NULL);
    assert_int_equal(x509_request_read(text, strlen(text), true, &facts, &error), 0);
    assert_string_equal(buf_string(&facts.names), "192.0.2.1");
    assert_string_equal(facts.subject, "");
    assert_int_equal(facts.usage, 0);
    x509_request_free(&facts);
    free(text);
    text = data_read("forged.csr", NULL);
    assert_int_equal(x509_request_read(text, strlen(text), true, &facts, &error), -1);
    assert_string_equal(error.message, "the request's own signature is not right");
    x509_request_free(&facts);
    assert_int_equal(x509_request_read(text, strlen(text), false, &facts, &error), 0);
    assert_true(facts.public_der.length > 0);
    x509_request_free(&facts);
    assert_int_equal(x509_request_read("", 0, true, &facts, &error), -1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_types_are_told),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_the_reason),
        cmocka_unit_test(facts_are_those_that_openssl_tells),
        cmocka_unit_test(validity_of_all_ages_is_read),
        cmocka_unit_test(the_fingerprint_is_that_of_the_der_bytes),
        cmocka_unit_test(serial_numbers_of_all_kinds_are_read),
        cmocka_unit_test(names_of_all_encodings_are_shown_as_one_line_of_utf8),
        cmocka_unit_test(names_count_only_as_what_they_are),
        cmocka_unit_test(hundreds_of_names_are_read),
        cmocka_unit_test(critical_extensions_of_intermediates_are_borne),
        cmocka_unit_test(split_takes_files_apart_and_cleans_them),
        cmocka_unit_test(a_bundle_is_counted_past_what_cannot_be_read),
        cmocka_unit_test(the_bundle_of_the_distribution_parses_whole),
        cmocka_unit_test(a_certificate_matches_its_own_key_only),
        cmocka_unit_test(requests_are_read_when_their_signature_is_right),
    };

    return cmocka_run_group_tests(tests, start_library, NULL);
}
