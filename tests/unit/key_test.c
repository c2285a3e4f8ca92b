// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Keys: read in every form that others write, refused with a reason, written so that they can be read again, and
// never the same in two processes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec.h"
#include "x509_data.h"

#define LIMIT 65536
#define WORKERS 64

static void type_names_go_both_ways(void **state)
{
    enum key_type type;

    (void)state;
    for (enum key_type i = 0; i < KEY_TYPE_COUNT; i++) {
        bool settable = i != KEY_OTHER && i != KEY_ECDSA_P521;

        assert_true(key_type_parse(key_type_name(i), false, &type));
        assert_int_equal(type, i);
        assert_int_equal(key_type_parse(key_type_name(i), true, &type), settable);
    }
    assert_false(key_type_parse("rsa-1024", false, &type));
    assert_false(key_type_parse("ECDSA-P256", false, &type));
    assert_false(key_type_parse("", false, &type));
}

static void keys_are_read_in_every_form(void **state)
{
    static const struct {
        const char *file;
        enum key_type type;
    } cases[] = {
        {"p256.key", KEY_ECDSA_P256},  {"p384.key", KEY_ECDSA_P384}, {"p521.key", KEY_ECDSA_P521},
        {"rsa2048.key", KEY_RSA_2048}, {"rsa1024.key", KEY_OTHER},   {"sec1.key", KEY_ECDSA_P256},
        {"pkcs1.key", KEY_RSA_2048},   {"crlf.key", KEY_ECDSA_P256}, {"bundle.pem", KEY_ECDSA_P256},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct key *key = data_key(cases[i].file);

        assert_int_equal(key_type(key), cases[i].type);
        key_free(key);
    }
}

static void keys_that_cannot_be_used_are_refused_with_the_reason(void **state)
{
    static const struct {
        const char *file, *reason;
    } cases[] = {
        {"ed25519.key", "Ed25519 keys are not supported"},
        {"ed448.key", "Ed448 keys are not supported"},
        {"x25519.key", "cannot sign"},
        {"secp256k1.key", "cannot be read"},
        {"encrypted.key", "encrypted"},
        {"encrypted-pkcs1.key", "encrypted"},
        {"p256.pem", "no private key"},
        {"make.sh", "no private key"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = data_read(cases[i].file, NULL);
        struct error error = {.code = ERROR_NONE};
        struct key *key = (struct key *)&error;

        if (key_parse(text, strlen(text), &key, &error) == 0)
            fail_msg("%s was read", cases[i].file);
        assert_null(key);
        assert_int_equal(error.code, ERROR_FORMAT);
        if (strstr(error.message, cases[i].reason) == NULL)
            fail_msg("%s: %s", cases[i].file, error.message);
        free(text);
    }
}

static void a_cut_key_is_refused_wherever_it_is_cut(void **state)
{
    char *text = data_read("sec1.key", NULL);

    (void)state;
    for (size_t length = 0; length + 1 < strlen(text); length++) {
        char *copy = malloc(length > 0 ? length : 1);
        struct key *key;

        assert_non_null(copy);
        memcpy(copy, text, length);
        assert_int_equal(key_parse(copy, length, &key, NULL), -1);
        free(copy);
    }
    free(text);
}

static void made_keys_are_written_and_read_again(void **state)
{
    static const enum key_type made[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ECDSA_P521, KEY_RSA_2048};

    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        struct key *key, *again;
        struct buf pem[2], public[2];
        struct error error;

        buf_init_secret(&pem[0], LIMIT);
        buf_init_secret(&pem[1], LIMIT);
        buf_init(&public[0], LIMIT);
        buf_init(&public[1], LIMIT);
        assert_int_equal(key_generate(made[i], &key, &error), 0);
        assert_int_equal(key_type(key), made[i]);
        assert_int_equal(key_write(key, &pem[0], &error), 0);
        assert_memory_equal(pem[0].data, "-----BEGIN PRIVATE KEY-----\n", 28);
        assert_int_equal(key_parse(pem[0].data, pem[0].length, &again, &error), 0);
        assert_int_equal(key_write(again, &pem[1], &error), 0);
        assert_string_equal(pem[0].data, pem[1].data);
        assert_int_equal(key_public(key, &public[0], &error), 0);
        assert_int_equal(key_public(again, &public[1], &error), 0);
        assert_int_equal(public[0].length, public[1].length);
        assert_memory_equal(public[0].data, public[1].data, public[0].length);
        for (int j = 0; j < 2; j++) {
            buf_free(&pem[j]);
            buf_free(&public[j]);
        }
        key_free(key);
        key_free(again);
    }
}

static void other_keys_cannot_be_made(void **state)
{
    struct error error;
    struct key *key;

    (void)state;
    assert_int_equal(key_generate(KEY_OTHER, &key, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_null(key);
    key_free(NULL);
}

static void signatures_have_the_form_asked_for(void **state)
{
    static const struct {
        const char *file;
        size_t raw;
    } cases[] = {{"p256.key", 64}, {"p384.key", 96}, {"p521.key", 132}, {"rsa2048.key", 256}};
    struct buf out;
    struct error error;

    (void)state;
    buf_init(&out, LIMIT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct key *key = data_key(cases[i].file);

        buf_clear(&out);
        assert_int_equal(key_sign(key, "text", 4, true, &out, &error), 0);
        assert_int_equal(out.length, cases[i].raw);
        buf_clear(&out);
        assert_int_equal(key_sign(key, NULL, 0, false, &out, &error), 0);
        if (cases[i].raw != 256)
            assert_int_equal(out.data[0], 0x30);
        key_free(key);
    }
    buf_free(&out);
}

// RFC 7638 section 3.1's form, on keys whose numbers "openssl pkey -text" tells.
static void jwk_is_in_the_form_that_is_hashed(void **state)
{
    struct buf out;
    struct error error;
    struct key *key = data_key("p256.key");

    (void)state;
    buf_init(&out, LIMIT);
    assert_int_equal(key_jwk(key, &out, &error), 0);
    assert_int_equal(out.length, 126);
    assert_memory_equal(out.data, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"", 31);
    assert_memory_equal(out.data + 74, "\",\"y\":\"", 7);
    key_free(key);
    buf_clear(&out);
    key = data_key("rsa2048.key");
    assert_int_equal(key_jwk(key, &out, &error), 0);
    assert_memory_equal(out.data, "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"", 29);
    assert_int_equal(out.length, 29 + 342 + 2);
    key_free(key);
    buf_free(&out);
}

// ---- Random numbers over fork

struct sample {
    char public_key[CODEC_HEX256_SIZE];
    char random[CODEC_HEX256_SIZE];
};

static void take_sample(int fd)
{
    struct sample sample;
    struct error error;
    struct key *key;
    struct buf public;
    uint8_t bytes[32];

    buf_init(&public, LIMIT);
    if (key_start(&error) != 0 || key_generate(KEY_ECDSA_P256, &key, &error) != 0 ||
        key_public(key, &public, &error) != 0 || key_random(bytes, sizeof bytes, &error) != 0)
        _exit(1);
    codec_sha256_hex(public.data, public.length, sample.public_key);
    codec_sha256_hex(bytes, sizeof bytes, sample.random);
    key_free(key);
    buf_free(&public);
    _exit(write(fd, &sample, sizeof sample) == (ssize_t)sizeof sample ? 0 : 1);
}

// Runs before the library is started here, as in certauto: the parent never starts it.
static void sixty_four_forked_workers_share_no_key_and_no_random_number(void **state)
{
    static char values[2 * WORKERS][CODEC_HEX256_SIZE];
    int pipes[2], status;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    for (int i = 0; i < WORKERS; i++) {
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0)
            take_sample(pipes[1]);
    }
    for (int i = 0; i < WORKERS; i++) {
        struct sample sample;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
        assert_int_equal(read(pipes[0], &sample, sizeof sample), sizeof sample);
        memcpy(values[2 * i], sample.public_key, sizeof values[0]);
        memcpy(values[2 * i + 1], sample.random, sizeof values[0]);
    }
    close(pipes[0]);
    close(pipes[1]);
    for (int i = 1; i < 2 * WORKERS; i++) {
        for (int j = 0; j < i; j++)
            assert_string_not_equal(values[i], values[j]);
    }
}

static void without_a_start_keys_fail_with_the_reason(void **state)
{
    struct error error;
    struct key *key;

    (void)state;
    assert_int_equal(key_generate(KEY_ECDSA_P256, &key, &error), -1);
    assert_null(key);
    assert_non_null(strstr(error.message, "not started"));
    assert_int_equal(start_library(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_names_go_both_ways),
        cmocka_unit_test(sixty_four_forked_workers_share_no_key_and_no_random_number),
        cmocka_unit_test(without_a_start_keys_fail_with_the_reason),
        cmocka_unit_test(keys_are_read_in_every_form),
        cmocka_unit_test(keys_that_cannot_be_used_are_refused_with_the_reason),
        cmocka_unit_test(a_cut_key_is_refused_wherever_it_is_cut),
        cmocka_unit_test(made_keys_are_written_and_read_again),
        cmocka_unit_test(other_keys_cannot_be_made),
        cmocka_unit_test(signatures_have_the_form_asked_for),
        cmocka_unit_test(jwk_is_in_the_form_that_is_hashed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
