// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of names.c: every kind of name, what is refused, and lists compared as sets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names.h"

static void names_have_one_form(void **unused)
{
    static const struct {
        const char *written, *canonical;
    } table[] = {
        {"Example.COM", "example.com"},
        {"a.example,b.example", "a.example, b.example"},
        {"  a.example ,\tb.example\t", "a.example, b.example"},
        {"a.example, A.EXAMPLE, b.example, a.example", "a.example, b.example"},
        {"*.Example.com", "*.example.com"},
        {"_srv-1.example", "_srv-1.example"},
        {"localhost", "localhost"},
        {"xn--mller-kva.example", "xn--mller-kva.example"},
        {"1.example", "1.example"},
        {"192.0.2.1", "192.0.2.1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:db8::1, 2001:0db8::0001", "2001:db8::1"},
        {"::1", "::1"},
        {"email:Me.And+You@Example.COM", "email:Me.And+You@example.com"},
        {"EMAIL:a@b.example", "email:a@b.example"},
        {"uri:spiffe://Example.com/Web?x=%20", "uri:spiffe://Example.com/Web?x=%20"},
        {"URI:urn:x", "uri:urn:x"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct buf out;
        struct error error = {0};
        buf_init(&out, NAMES_MAX_BYTES);
        if (names_parse(table[i].written, &out, &error) != 0) {
            fail_msg("%s: %s", table[i].written, error.message);
        }
        assert_string_equal(buf_string(&out), table[i].canonical);
        // What is canonical stays as it is.
        struct buf again;
        buf_init(&again, NAMES_MAX_BYTES);
        assert_int_equal(names_parse(buf_string(&out), &again, &error), 0);
        assert_string_equal(buf_string(&again), table[i].canonical);
        buf_free(&again);
        buf_free(&out);
    }
}

#define LABEL63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define DNS252                          \
    LABEL63 "." LABEL63 "." LABEL63 "." \
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh"

static void the_longest_name_is_253_characters(void **unused)
{
    struct buf out;
    (void)unused;
    buf_init(&out, NAMES_MAX_BYTES);
    assert_int_equal(strlen(DNS252 "i"), 253);
    assert_int_equal(names_parse(DNS252 "i", &out, NULL), 0);
    assert_int_equal(names_parse(DNS252 "ij", &out, NULL), -1);
    assert_int_equal(names_parse(LABEL63 "l.example", &out, NULL), -1);
    buf_free(&out);
}

static void what_is_no_name_is_refused_with_the_item(void **unused)
{
    static const struct {
        const char *written, *message;
    } table[] = {
        {"", "missing"},
        {",", "missing"},
        {"a.example,", "missing"},
        {"a.example,,b.example", "missing"},
        {"a.example b.example", "separated by commas"},
        {"a..example", "'a..example'"},
        {".example", "empty"},
        {"example.com.", "empty"},
        {"-a.example", "'-'"},
        {"a-.example", "'-'"},
        {"a/b", "only letters"},
        {"m\xc3\xbcller.example", "xn--"},
        {"*", "'*'"},
        {"a.*.example", "'*'"},
        {"w*.example", "'*'"},
        {"*.", "empty"},
        {"*.*.example", "'*'"},
        {"300.1.1.1", "no IP address"},
        {"1.2.3.4.5", "no IP address"},
        {"123", "no IP address"},
        {"192.0.2.1/24", "only letters"},
        {"2001:db8::g", "IPv6"},
        {"fe80::1%eth0", "IPv6"},
        {"example.com:443", "IPv6"},
        {"email:me", "USER@HOST"},
        {"email:@example.com", "USER@HOST"},
        {"email:a..b@example.com", "USER@HOST"},
        {"email:.a@example.com", "USER@HOST"},
        {"email:a.@example.com", "USER@HOST"},
        {"email:a@", "empty"},
        {"email:a@*.example", "'*'"},
        {"email:a@b@c", "only letters"},
        {"uri:", "SCHEME"},
        {"uri:x:", "SCHEME"},
        {"uri:/path", "SCHEME"},
        {"uri:1x:y", "SCHEME"},
        {"uri:x:a<b", "character"},
        {"uri:x:\xc3\xbc", "character"},
        {"a\x01.example", "only letters"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct buf out;
        struct error error = {0};
        buf_init(&out, NAMES_MAX_BYTES);
        if (names_parse(table[i].written, &out, &error) != -1 || strstr(error.message, table[i].message) == NULL) {
            fail_msg("'%s': '%s' without '%s'", table[i].written, error.message, table[i].message);
        }
        assert_int_equal(out.length, 0);
        buf_free(&out);
    }
}

static void each_kind_is_walked(void **unused)
{
    static const struct {
        enum name_kind kind;
        const char *text;
    } expected[] = {
        {NAME_DNS, "*.a.example"}, {NAME_IP, "192.0.2.1"},  {NAME_DNS, "1.a"},      {NAME_IP, "::1"},
        {NAME_EMAIL, "x@y.z"},     {NAME_URI, "urn:1.2.3"}, {NAME_DNS, "9.9.9.a9"},
    };
    const char *at = "*.a.example, 192.0.2.1, 1.a, ::1, email:x@y.z, uri:urn:1.2.3, 9.9.9.a9";
    struct name name;
    (void)unused;
    assert_int_equal(names_count(at), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_true(names_next(&at, &name));
        assert_int_equal(name.kind, expected[i].kind);
        assert_int_equal(name.length, strlen(expected[i].text));
        assert_memory_equal(name.text, expected[i].text, name.length);
    }
    assert_false(names_next(&at, &name));
    at = "";
    assert_false(names_next(&at, &name));
    at = NULL;
    assert_false(names_next(&at, &name));
    assert_int_equal(names_count(""), 0);
    assert_int_equal(names_count(NULL), 0);
}

static void order_does_not_count_and_size_does(void **unused)
{
    struct name missing;
    (void)unused;
    assert_true(names_same("a, b", "b, a"));
    assert_true(names_same("a, b", "a, b"));
    assert_true(names_same("", ""));
    assert_true(names_same(NULL, NULL));
    assert_false(names_same("a, b", "a"));
    assert_false(names_same("a", "a, b"));
    assert_false(names_same("a, b", "a, bb"));
    assert_false(names_same("a", ""));
    assert_false(names_same("a", NULL));
    assert_true(names_cover("a, b, c", "c, a", NULL));
    assert_true(names_cover("a", "", NULL));
    assert_false(names_cover("aa, b", "b, a", &missing));
    assert_int_equal(missing.length, 1);
    assert_memory_equal(missing.text, "a", 1);
    assert_false(names_cover("", "email:a@b", &missing));
    assert_int_equal(missing.kind, NAME_EMAIL);
    assert_memory_equal(missing.text, "a@b", 3);
}

// A thousand names: tables instead of comparing each with each; each of them twice is kept once.
static void long_lists_are_sets_too(void **unused)
{
    struct buf written, out, turned;
    char name[32];
    (void)unused;
    buf_init(&written, NAMES_MAX_BYTES);
    buf_init(&turned, NAMES_MAX_BYTES);
    buf_init(&out, 2 * NAMES_MAX_BYTES);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "%sn%d.example", i == 0 ? "" : ", ", i % 1000);
        buf_text(&written, name);
        snprintf(name, sizeof(name), "%sn%d.example", i == 0 ? "" : ", ", 999 - i % 1000);
        if (i < 1000) {
            buf_text(&turned, name);
        }
    }
    assert_int_equal(names_parse(buf_string(&written), &out, NULL), 0);
    assert_int_equal(names_count(buf_string(&out)), 1000);
    assert_true(names_same(buf_string(&out), buf_string(&turned)));
    assert_true(names_cover(buf_string(&out), "n999.example, n0.example", NULL));
    assert_false(names_cover(buf_string(&out), "n1000.example", NULL));
    assert_false(names_same(buf_string(&out), buf_string(&written)));
    buf_free(&written);
    buf_free(&turned);
    buf_free(&out);
}

static void names_over_64_KiB_are_refused(void **unused)
{
    struct buf written, out;
    struct error error = {0};
    (void)unused;
    buf_init(&written, 4 * NAMES_MAX_BYTES);
    buf_init(&out, 4 * NAMES_MAX_BYTES);
    for (int i = 0; written.length <= NAMES_MAX_BYTES; i++) {
        buf_format(&written, "%sn%d.example", i == 0 ? "" : ", ", i);
    }
    assert_int_equal(names_parse(buf_string(&written), &out, &error), -1);
    assert_non_null(strstr(error.message, "65536"));
    buf_free(&written);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_one_form),
        cmocka_unit_test(the_longest_name_is_253_characters),
        cmocka_unit_test(what_is_no_name_is_refused_with_the_item),
        cmocka_unit_test(each_kind_is_walked),
        cmocka_unit_test(order_does_not_count_and_size_does),
        cmocka_unit_test(long_lists_are_sets_too),
        cmocka_unit_test(names_over_64_KiB_are_refused),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
