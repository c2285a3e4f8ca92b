// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Encodings against the vectors of their RFCs, decoders against what they must refuse.
#include "codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT 65536

static char *text_of(struct buf *buf)
{
    char *text = strdup(buf_string(buf));

    assert_non_null(text);
    assert_false(buf->failed);
    buf_clear(buf);
    return text;
}

static void expect_hex(const uint8_t *bytes, size_t length, const char *hex)
{
    struct buf buf;

    buf_init(&buf, LIMIT);
    codec_hex(&buf, bytes, length);
    assert_string_equal(buf_string(&buf), hex);
    buf_free(&buf);
}

// ---- Digests

// FIPS 180-4's examples.
static void digests_are_those_of_fips_180(void **state)
{
    static const struct {
        enum codec_hash hash;
        const char *text, *hex;
    } cases[] = {
        {CODEC_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {CODEC_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {CODEC_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {CODEC_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {CODEC_SHA384, "abc",
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825"
         "a7"},
        {CODEC_SHA512, "abc",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feeb"
         "bd454d4423643ce80e2a9ac94fa54ca49f"},
    };
    uint8_t out[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = codec_digest(cases[i].hash, cases[i].text, strlen(cases[i].text), out);

        expect_hex(out, length, cases[i].hex);
    }
    codec_digest(CODEC_SHA256, NULL, 0, out);
    expect_hex(out, 32, cases[3].hex);
}

static void a_running_digest_is_that_of_the_whole(void **state)
{
    char bytes[1000], whole[CODEC_HEX256_SIZE];
    uint8_t digest[CODEC_SHA256_SIZE];
    struct codec_sha256 sha;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    codec_sha256_hex(bytes, sizeof bytes, whole);
    for (size_t piece = 1; piece < 200; piece += 13) {
        codec_sha256_start(&sha);
        for (size_t at = 0; at < sizeof bytes; at += piece)
            codec_sha256_add(&sha, bytes + at, sizeof bytes - at < piece ? sizeof bytes - at : piece);
        codec_sha256_add(&sha, NULL, 0);
        codec_sha256_end(&sha, digest);
        expect_hex(digest, sizeof digest, whole);
    }
}

// RFC 4231 test cases 1, 2, 6 (a key longer than a block), RFC 2202 case 2.
static void hmacs_are_those_of_the_rfcs(void **state)
{
    static const struct {
        enum codec_hash hash;
        int key_byte; // repeated; 0: the text "Jefe"
        size_t key_length;
        const char *text, *hex;
    } cases[] = {
        {CODEC_SHA256, 0x0b, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {CODEC_SHA256, 0, 4, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {CODEC_SHA256, 0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {CODEC_SHA384, 0, 4, "what do ya want for nothing?",
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab216"
         "49"},
        {CODEC_SHA512, 0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e"
         "5295e64f73f63f0aec8b915a985d786598"},
        {CODEC_SHA1, 0, 4, "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    };
    uint8_t out[64];
    char key[131];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length;

        memset(key, cases[i].key_byte, sizeof key);
        if (cases[i].key_byte == 0)
            memcpy(key, "Jefe", 4);
        length = codec_hmac(cases[i].hash, key, cases[i].key_length, cases[i].text, strlen(cases[i].text), out);
        expect_hex(out, length, cases[i].hex);
    }
}

static void equal_compares_bytes(void **state)
{
    (void)state;
    assert_true(codec_equal("same", "same", 4));
    assert_true(codec_equal("a\0b", "a\0b", 3));
    assert_false(codec_equal("a\0b", "a\0c", 3));
    assert_true(codec_equal(NULL, NULL, 0));
}

// ---- Encodings

// RFC 4648 section 10, and what tells the two alphabets apart.
static void base64_is_that_of_rfc_4648(void **state)
{
    static const struct {
        const char *bytes, *base64, *url;
    } cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xff\xff\xfe", "///+", "___-"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, LIMIT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].bytes);

        buf_clear(&out);
        codec_base64(&out, cases[i].bytes, length);
        assert_string_equal(buf_string(&out), cases[i].base64);
        buf_clear(&out);
        codec_base64url(&out, cases[i].bytes, length);
        assert_string_equal(buf_string(&out), cases[i].url);
        buf_clear(&out);
        assert_true(codec_unbase64(&out, cases[i].base64, strlen(cases[i].base64)));
        assert_string_equal(buf_string(&out), cases[i].bytes);
        buf_clear(&out);
        assert_true(codec_unbase64url(&out, cases[i].url, strlen(cases[i].url)));
        assert_string_equal(buf_string(&out), cases[i].bytes);
    }
    buf_free(&out);
}

static void base64_refuses_what_is_not_exactly_it(void **state)
{
    static const char *const bad[] = {
        "Zg=",     "Zg===", "Zg",   "Z",    "Zg==Zg==", "=",     "====",     "Zm9v=", "Z===",
        "Zm9vYg=", "Z-9v",  "Zm_v", "Zh==", "Zm9=",     "Zm9v!", "Zm8=Zm8=", "Z=g=",
    };
    static const char *const bad_url[] = {"Zg==", "Z", "Z+9v", "Zm/v", "Zm 9v", "Zm9v\n", "Zh", "Zm9"};
    struct buf out;

    (void)state;
    buf_init(&out, LIMIT);
    buf_text(&out, "before");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(codec_unbase64(&out, bad[i], strlen(bad[i])));
        assert_string_equal(buf_string(&out), "before");
    }
    for (size_t i = 0; i < sizeof bad_url / sizeof bad_url[0]; i++) {
        assert_false(codec_unbase64url(&out, bad_url[i], strlen(bad_url[i])));
        assert_string_equal(buf_string(&out), "before");
    }
    assert_false(codec_unbase64(&out, "Zm\0v", 4));
    assert_true(codec_unbase64(&out, " Zm\r\n9v\tYg= \n=\n", 15));
    assert_string_equal(buf_string(&out), "beforefoob");
    buf_free(&out);
}

static void hex_goes_both_ways_and_refuses_the_rest(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, LIMIT);
    codec_hex(&out, "\x00\x0f\xf0\xff", 4);
    assert_string_equal(buf_string(&out), "000ff0ff");
    buf_clear(&out);
    assert_true(codec_unhex(&out, "4A6b4C", 6));
    assert_string_equal(buf_string(&out), "JkL");
    assert_false(codec_unhex(&out, "4a6", 3));
    assert_false(codec_unhex(&out, "4a6g", 4));
    assert_false(codec_unhex(&out, "4a 6", 4));
    assert_string_equal(buf_string(&out), "JkL");
    buf_free(&out);
}

static void whatever_is_encoded_decodes_to_itself(void **state)
{
    struct buf text, bytes;
    char source[257];

    (void)state;
    srand(1);
    buf_init(&text, LIMIT);
    buf_init(&bytes, LIMIT);
    for (size_t length = 0; length < sizeof source; length++) {
        for (size_t i = 0; i < length; i++)
            source[i] = (char)rand();
        for (int kind = 0; kind < 3; kind++) {
            buf_clear(&text);
            buf_clear(&bytes);
            (kind == 0 ? codec_hex : kind == 1 ? codec_base64 : codec_base64url)(&text, source, length);
            assert_true((kind == 0   ? codec_unhex
                         : kind == 1 ? codec_unbase64
                                     : codec_unbase64url)(&bytes, buf_string(&text), text.length));
            assert_int_equal(bytes.length, length);
            assert_memory_equal(buf_string(&bytes), source, length);
        }
    }
    buf_free(&text);
    buf_free(&bytes);
}

static void a_decoder_past_the_limit_says_so(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 4);
    (void)codec_unbase64(&out, "Zm9vYmFy", 8);
    assert_true(out.failed);
    buf_free(&out);
}

// ---- PEM and DER

static void pem_is_written_in_lines_of_64(void **state)
{
    struct buf out;
    char *text;

    (void)state;
    buf_init(&out, LIMIT);
    codec_pem(&out, "THING", "012345678901234567890123456789012345678901234567890", 51);
    text = text_of(&out);
    assert_string_equal(text, "-----BEGIN THING-----\n"
                              "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3\n"
                              "ODkw\n"
                              "-----END THING-----\n");
    free(text);
    buf_free(&out);
}

static void pem_blocks_are_found_among_other_text(void **state)
{
    static const char text[] =
        "bag attributes\r\n-----BEGIN A-----\r\nZm9v\r\n-----END A-----\r\n"
        "in a line -----BEGIN NO-----\nZm9v\n-----END NO-----\n"
        "-----BEGIN OPEN-----\nZm9v\n"
        "-----BEGIN LABEL THAT IS LONGER THAN ANY LABEL THAT THERE IS TODAY-----\n"
        "-----BEGIN OLD KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X,1\n\nYmFy\n-----END OLD KEY-----\n"
        "-----BEGIN B-----\n-----END B-----";
    const char *at = text;
    size_t left = sizeof text - 1;
    struct codec_block block;
    struct buf out;

    (void)state;
    buf_init(&out, LIMIT);
    assert_true(codec_pem_next(&at, &left, &block));
    assert_string_equal(block.label, "A");
    assert_true(codec_unbase64(&out, block.body, block.length));
    assert_false(block.encrypted);
    assert_true(codec_pem_next(&at, &left, &block));
    assert_string_equal(block.label, "OLD KEY");
    assert_true(block.encrypted);
    assert_true(codec_unbase64(&out, block.body, block.length));
    assert_true(codec_pem_next(&at, &left, &block));
    assert_string_equal(block.label, "B");
    assert_true(codec_unbase64(&out, block.body, block.length));
    assert_string_equal(buf_string(&out), "foobar");
    assert_false(codec_pem_next(&at, &left, &block));
    assert_int_equal(left, 0);
    buf_free(&out);
}

static void no_prefix_of_a_block_is_a_block(void **state)
{
    static const char text[] = "-----BEGIN A-----\nZm9v\n-----END A-----\n";
    struct codec_block block;

    (void)state;
    for (size_t length = 0; length < sizeof text - 2; length++) {
        // On the heap, so that a byte too far is seen.
        char *copy = malloc(length + 1);
        const char *at = copy;
        size_t left = length;

        assert_non_null(copy);
        memcpy(copy, text, length);
        copy = realloc(copy, length > 0 ? length : 1);
        at = copy;
        assert_false(codec_pem_next(&at, &left, &block));
        free(copy);
    }
}

static void der_lengths_take_as_many_bytes_as_needed(void **state)
{
    static const struct {
        size_t length;
        const char *head;
        size_t head_length;
    } cases[] = {
        {0, "\x04\x00", 2},       {127, "\x04\x7f", 2},         {128, "\x04\x81\x80", 3},
        {255, "\x04\x81\xff", 3}, {256, "\x04\x82\x01\x00", 4}, {65536, "\x04\x83\x01\x00\x00", 5},
    };
    static char bytes[65536];
    struct buf out;

    (void)state;
    buf_init(&out, 2 * LIMIT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&out);
        codec_der(&out, 4, bytes, cases[i].length);
        assert_int_equal(out.length, cases[i].head_length + cases[i].length);
        assert_memory_equal(out.data, cases[i].head, cases[i].head_length);
    }
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_fips_180),
        cmocka_unit_test(a_running_digest_is_that_of_the_whole),
        cmocka_unit_test(hmacs_are_those_of_the_rfcs),
        cmocka_unit_test(equal_compares_bytes),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(base64_refuses_what_is_not_exactly_it),
        cmocka_unit_test(hex_goes_both_ways_and_refuses_the_rest),
        cmocka_unit_test(whatever_is_encoded_decodes_to_itself),
        cmocka_unit_test(a_decoder_past_the_limit_says_so),
        cmocka_unit_test(pem_is_written_in_lines_of_64),
        cmocka_unit_test(pem_blocks_are_found_among_other_text),
        cmocka_unit_test(no_prefix_of_a_block_is_a_block),
        cmocka_unit_test(der_lengths_take_as_many_bytes_as_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
