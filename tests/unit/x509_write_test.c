// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Requests and certificates written by certauto, read again by it. OpenSSL reads them in tests/integration.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "x509_data.h"

#define LIMIT (1024 * 1024)
#define NOW 1800000000

static struct x509_request_facts request_facts(const struct key *key, const char *names, const char *subject,
                                               unsigned usage)
{
    struct x509_request_facts facts;
    struct error error;
    struct buf pem;

    buf_init(&pem, LIMIT);
    if (x509_request(key, names, subject, usage, &pem, &error) != 0 ||
        x509_request_read(pem.data, pem.length, true, &facts, &error) != 0)
        fail_msg("%s", error.message);
    buf_free(&pem);
    return facts;
}

static void requests_carry_what_was_asked(void **state)
{
    static const struct {
        const char *names, *subject, *written;
        unsigned usage;
    } cases[] = {
        {"example.org", NULL, "CN=example.org", X509_SERVER},
        {"example.org, *.example.org, 192.0.2.1, 2001:db8::1, email:me@example.org, "
         "uri:spiffe://example.org/a",
         NULL, "CN=example.org", X509_SERVER | X509_CLIENT},
        {"192.0.2.1, www.example.org", NULL, "CN=www.example.org", X509_CODE | X509_EMAIL},
        {"192.0.2.1", NULL, "", X509_SERVER},
        {"a-label-that-is-long-a-label-that-is-long-a-label-that.example.org", NULL, "", 0},
        {"example.org", "", "", X509_SERVER},
        {"example.org", "CN=Ex\\, Ample, O=Größe, OU=one,OU=two, C=DE", "CN=Ex\\, Ample, O=Größe, OU=one, OU=two, C=DE",
         X509_SERVER},
    };
    static const char *const files[] = {"p256.key", "p384.key", "p521.key", "rsa2048.key"};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct key *key = data_key(files[i]);

        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            struct x509_request_facts facts = request_facts(key, cases[j].names, cases[j].subject, cases[j].usage);

            assert_string_equal(buf_string(&facts.names), cases[j].names);
            assert_string_equal(facts.subject, cases[j].written);
            assert_int_equal(facts.usage, cases[j].usage);
            assert_int_equal(facts.key_type, key_type(key));
            x509_request_free(&facts);
        }
        key_free(key);
    }
}

static void a_request_for_a_thousand_names_is_whole(void **state)
{
    struct key *key = data_key("p256.key");
    struct x509_request_facts facts;
    struct buf names;

    (void)state;
    buf_init(&names, LIMIT);
    for (int i = 0; i < 1000; i++)
        buf_format(&names, "%shost-%d.some-longer-zone.example.org", i > 0 ? ", " : "", i);
    facts = request_facts(key, buf_string(&names), NULL, X509_SERVER);
    assert_string_equal(buf_string(&facts.names), buf_string(&names));
    x509_request_free(&facts);
    buf_free(&names);
    key_free(key);
}

static void subjects_that_cannot_be_taken_are_refused_with_the_part(void **state)
{
    static const struct {
        const char *subject, *reason;
    } bad[] = {
        {"example.org", "is not written as"},
        {"CN", "is not written as"},
        {"CN=a,", "is not written as"},
        {"CN=a,,O=b", "is not written as"},
        {"=a", "is not written as"},
        {"XX=a", "no part 'XX'"},
        {"CN=", "CN takes 1 to 64 bytes"},
        {"C=DEU", "C takes 2 to 2 bytes"},
        {"C=D\xc3", "C"},
        {"CN=a+O=b", "'\\+'"},
        {"CN=a\\zz", "two hex digits"},
        {"CN=a\\", "two hex digits"},
        {"CN=a\\4", "two hex digits"},
        {"CN=\xff", "not UTF-8"},
        {"CN=a\\0Ab", "not UTF-8"},
        {"CN=a\nb", "not UTF-8"},
        {"DC=größe", "plain letters"},
        {"serialNumber=a@b", "plain letters"},
        {"CN=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1 to 64"},
    };
    static const char *const good[] = {
        "",
        "  ",
        "CN=a",
        "cn = a , o = b c ",
        "CN=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "CN=\\20\\C3\\B6\\,\\\\",
        "DC=example,DC=org,UID=one",
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(x509_subject_check(bad[i].subject, &error), -1);
        if (strstr(error.message, bad[i].reason) == NULL)
            fail_msg("%s: %s", bad[i].subject, error.message);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(x509_subject_check(good[i], &error), 0);
}

// ---- Certificates

static struct buf public_of(const struct key *key)
{
    struct buf public;
    struct error error;

    buf_init(&public, LIMIT);
    assert_int_equal(key_public(key, &public, &error), 0);
    return public;
}

static void certificates_carry_what_was_asked(void **state)
{
    static const struct {
        int64_t from, to;
        unsigned usage;
        bool is_ca;
        const char *serial, *subject, *names;
    } cases[] = {
        {NOW, NOW + 1, X509_SERVER, false, "0102", "CN=short", "example.org"},
        {NOW, 253402300799, X509_CLIENT, false, "7f", "", "192.0.2.1, 2001:db8::1"},
        {-631152000, 2524607999, 0, true, "01", "C=DE, O=Old\\, Ltd., CN=CA", ""},
        {2524608000, 2524608060, X509_EMAIL | X509_CODE, false, "7fffffffffffffffffffffffffffffffffffffff", "CN=late",
         "email:me@example.org"},
    };
    struct key *issuer_key = data_key("p384.key"), *key = data_key("rsa2048.key");
    struct buf public = public_of(key), issuer_public = public_of(issuer_key), issuer, pem;
    struct x509_template ca = {.subject = "O=Example Trust, CN=CA",
                               .public_der = issuer_public.data,
                               .public_length = issuer_public.length,
                               .not_before = NOW,
                               .not_after = NOW + 10,
                               .is_ca = true,
                               .path_length = -1};
    struct error error;
    struct x509_facts facts, ca_facts;

    (void)state;
    buf_init(&issuer, LIMIT);
    buf_init(&pem, LIMIT);
    assert_int_equal(x509_issue(&ca, NULL, 0, issuer_key, &issuer, &error), 0);
    assert_int_equal(x509_read(issuer.data, issuer.length, &ca_facts, &error), 0);
    assert_true(ca_facts.is_ca);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct x509_template template = {.subject = cases[i].subject,
                                         .names = cases[i].names,
                                         .public_der = public.data,
                                         .public_length = public.length,
                                         .not_before = cases[i].from,
                                         .not_after = cases[i].to,
                                         .is_ca = cases[i].is_ca,
                                         .path_length = -1,
                                         .usage = cases[i].usage,
                                         .serial = cases[i].serial};

        buf_clear(&pem);
        if (x509_issue(&template, issuer.data, issuer.length, issuer_key, &pem, &error) != 0 ||
            x509_read(pem.data, pem.length, &facts, &error) != 0)
            fail_msg("%s", error.message);
        assert_int_equal(facts.not_before, cases[i].from);
        assert_int_equal(facts.not_after, cases[i].to);
        assert_string_equal(facts.serial, cases[i].serial);
        assert_string_equal(facts.subject, cases[i].subject);
        assert_string_equal(facts.issuer, "O=Example Trust, CN=CA");
        assert_string_equal(buf_string(&facts.names), cases[i].names);
        assert_int_equal(facts.usage, cases[i].usage);
        assert_int_equal(facts.is_ca, cases[i].is_ca);
        assert_string_equal(facts.aki, ca_facts.aki);
        assert_int_equal(strlen(facts.aki), 40);
        assert_true(x509_matches_key(pem.data, pem.length, key, &error));
        x509_facts_free(&facts);
    }
    x509_facts_free(&ca_facts);
    buf_free(&public);
    buf_free(&issuer_public);
    buf_free(&issuer);
    buf_free(&pem);
    key_free(issuer_key);
    key_free(key);
}

static void a_foreign_issuer_keeps_its_name_and_key_identifier_to_the_byte(void **state)
{
    char *issuer = data_read("issuer.pem", NULL);
    struct key *key = data_key("p256.key");
    struct buf public = public_of(key), pem, ordered;
    struct x509_template template = {.subject = "CN=leaf",
                                     .public_der = public.data,
                                     .public_length = public.length,
                                     .not_before = NOW,
                                     .not_after = NOW + 10};
    struct x509_facts facts;
    struct error error;

    (void)state;
    buf_init(&pem, LIMIT);
    buf_init(&ordered, LIMIT);
    assert_int_equal(x509_issue(&template, issuer, strlen(issuer), key, &pem, &error), 0);
    assert_int_equal(x509_read(pem.data, pem.length, &facts, &error), 0);
    assert_string_equal(facts.issuer, "C=DE, O=Example Trust, CN=Example Issuer");
    assert_int_equal(x509_check_chain(pem.data, pem.length, "", 0, issuer, strlen(issuer), NOW, &ordered, &error), 0);
    x509_facts_free(&facts);
    buf_free(&public);
    buf_free(&pem);
    buf_free(&ordered);
    key_free(key);
    free(issuer);
}

static void serial_numbers_are_random_positive_and_long(void **state)
{
    struct key *key = data_key("p256.key");
    struct buf public = public_of(key), pem;
    struct x509_template template = {.subject = "CN=x",
                                     .public_der = public.data,
                                     .public_length = public.length,
                                     .not_before = NOW,
                                     .not_after = NOW + 10};
    char last[2 * 64 + 2] = "";
    struct x509_facts facts;
    struct error error;

    (void)state;
    buf_init(&pem, LIMIT);
    for (int i = 0; i < 50; i++) {
        buf_clear(&pem);
        assert_int_equal(x509_issue(&template, NULL, 0, key, &pem, &error), 0);
        assert_int_equal(x509_read(pem.data, pem.length, &facts, &error), 0);
        assert_int_equal(strlen(facts.serial), 32);
        assert_string_not_equal(facts.serial, last);
        snprintf(last, sizeof last, "%s", facts.serial);
        x509_facts_free(&facts);
    }
    buf_free(&public);
    buf_free(&pem);
    key_free(key);
}

static void nonsense_is_not_issued(void **state)
{
    struct key *key = data_key("p256.key"), *other = data_key("p384.key");
    char *issuer = data_read("issuer.pem", NULL);
    struct buf public = public_of(key), pem;
    const struct x509_template good = {.subject = "CN=x",
                                       .public_der = public.data,
                                       .public_length = public.length,
                                       .not_before = NOW,
                                       .not_after = NOW + 10};
    struct x509_template template = good;
    struct error error;

    (void)state;
    buf_init(&pem, LIMIT);
    template.not_after = NOW;
    assert_int_equal(x509_issue(&template, NULL, 0, key, &pem, &error), -1);
    template = good;
    template.public_length--;
    assert_int_equal(x509_issue(&template, NULL, 0, key, &pem, &error), -1);
    for (int i = 0; i < 5; i++) {
        template = good;
        template.serial = ((const char *[]){"", "80", "xx", "1", "010203040506070809101112131415161718192021"})[i];
        assert_int_equal(x509_issue(&template, NULL, 0, key, &pem, &error), -1);
    }
    template = good;
    assert_int_equal(x509_issue(&template, issuer, strlen(issuer), other, &pem, &error), -1);
    assert_string_equal(error.message, "the issuer: the certificate is for another key");
    assert_int_equal(pem.length, 0);
    buf_free(&public);
    buf_free(&pem);
    key_free(key);
    key_free(other);
    free(issuer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_carry_what_was_asked),
        cmocka_unit_test(a_request_for_a_thousand_names_is_whole),
        cmocka_unit_test(subjects_that_cannot_be_taken_are_refused_with_the_part),
        cmocka_unit_test(certificates_carry_what_was_asked),
        cmocka_unit_test(a_foreign_issuer_keeps_its_name_and_key_identifier_to_the_byte),
        cmocka_unit_test(serial_numbers_are_random_positive_and_long),
        cmocka_unit_test(nonsense_is_not_issued),
    };

    return cmocka_run_group_tests(tests, start_library, NULL);
}
