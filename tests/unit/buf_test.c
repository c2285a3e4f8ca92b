// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of buf.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"

static void buf_grows_and_is_always_terminated(void **unused)
{
    struct buf buf;

    (void)unused;
    buf_init(&buf, 1000000);
    assert_string_equal(buf_string(&buf), "");
    for (int i = 0; i < 10000; i++) {
        buf_char(&buf, (char)('a' + i % 26));
        assert_int_equal(buf.data[buf.length], '\0');
    }
    assert_int_equal(buf.length, 10000);
    assert_false(buf.failed);
    buf_clear(&buf);
    assert_string_equal(buf_string(&buf), "");
    buf_format(&buf, "%d-%s", 5, "x");
    assert_string_equal(buf_string(&buf), "5-x");
    buf_free(&buf);
    buf_free(NULL);
    buf_text(&buf, "again");
    assert_string_equal(buf_string(&buf), "again");
    buf_free(&buf);
}

static void buf_refuses_more_than_its_limit_and_changes_nothing(void **unused)
{
    (void)unused;
    for (size_t limit = 0; limit < 300; limit++) {
        struct buf buf;
        char text[301];

        memset(text, 'x', sizeof(text));
        text[limit] = '\0';
        buf_init(&buf, limit);
        buf_text(&buf, text);
        assert_false(buf.failed);
        assert_int_equal(buf.length, limit);
        buf_char(&buf, 'y');
        assert_true(buf.failed);
        assert_string_equal(buf_string(&buf), text);
        buf_text(&buf, "z");
        buf_format(&buf, "%d", 1);
        assert_string_equal(buf_string(&buf), text);
        buf_clear(&buf);
        assert_false(buf.failed);
        text[limit] = 'x';
        text[limit + 1] = '\0';
        buf_format(&buf, "%s", text);
        assert_true(buf.failed);
        assert_string_equal(buf_string(&buf), "");
        buf_free(&buf);
    }
}

static void buf_reserve_refuses_sizes_that_overflow(void **unused)
{
    struct buf buf;

    (void)unused;
    buf_init(&buf, SIZE_MAX);
    buf_text(&buf, "abc");
    assert_null(buf_reserve(&buf, SIZE_MAX - 2));
    assert_true(buf.failed);
    assert_string_equal(buf_string(&buf), "abc");
    buf_free(&buf);
}

static void secret_buf_keeps_its_text_when_it_grows(void **unused)
{
    struct buf buf;

    (void)unused;
    buf_init_secret(&buf, 100000);
    for (int i = 0; i < 5000; i++) {
        buf_text(&buf, "key");
    }
    assert_int_equal(buf.length, 15000);
    assert_memory_equal(buf.data + 14997, "key", 4);
    buf_clear(&buf);
    // What was there is wiped, although the memory is kept.
    for (size_t i = 0; i < 15000; i++) {
        assert_int_equal(buf.data[i], 0);
    }
    buf_free(&buf);
    assert_true(buf.secret);
}

static void escapes_write_what_each_way_out_needs(void **unused)
{
    static const struct {
        void (*escape)(struct buf *, const char *, size_t);
        const char *text, *wanted;
    } cases[] = {
        {buf_escape_line, "a\nb\\c\x7f\xc3\xa4\t", "a\\x0ab\\x5cc\\x7f\xc3\xa4\\x09"},
        {buf_escape_line, "", ""},
        {buf_escape_html, "<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"},
        {buf_escape_prometheus, "a\"b\\c\nd", "a\\\"b\\\\c\\nd"},
        {buf_escape_json, "a\"b\\c\n\x01\x7f\xc3\xa4\xff", "a\\\"b\\\\c\\u000a\\u0001\\u007f\xc3\xa4\xef\xbf\xbd"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf buf;

        buf_init(&buf, 1000);
        cases[i].escape(&buf, cases[i].text, strlen(cases[i].text));
        assert_string_equal(buf_string(&buf), cases[i].wanted);
        buf_free(&buf);
    }
}

static void escape_message_cuts_between_characters(void **unused)
{
    static const struct {
        const char *text;
        size_t most;
        const char *wanted;
    } cases[] = {
        {"abcdef", 6, "abcdef"},
        {"abcdefg", 6, "abc..."},
        {"abc\xc3\xa4\xc3\xa4", 7, "abc\xc3\xa4\xc3\xa4"},
        {"abc\xc3\xa4\xc3\xa4x", 7, "abc..."},
        {"ab\n", 6, "ab\\x0a"},
        {"abc\n", 6, "abc..."},
        {"ab\nd", 6, "ab..."},
        {"\xff", 4, "\\xff"},
        {"\xed\xa0\x80", 20, "\\xed\\xa0\\x80"},
        {"\xc0\xaf", 20, "\\xc0\\xaf"},
        {"\xf0\x9f\x98\x80", 20, "\xf0\x9f\x98\x80"},
        {"\xf0\x9f\x98", 20, "\\xf0\\x9f\\x98"},
        {"\xc2\x85\xc2\xa0", 20, "\\xc2\\x85\xc2\xa0"},
        {"", 5, ""},
        {"abcd", 3, "..."},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf buf;
        char array[32];

        buf_init(&buf, cases[i].most);
        buf_escape_message(&buf, cases[i].text, strlen(cases[i].text), cases[i].most);
        assert_string_equal(buf_string(&buf), cases[i].wanted);
        assert_false(buf.failed);
        assert_int_equal(buf_message(array, cases[i].most + 1, cases[i].text, strlen(cases[i].text)),
                         strlen(cases[i].wanted));
        assert_string_equal(array, cases[i].wanted);
        buf_free(&buf);
    }
}

static void line_escape_is_undone_for_random_bytes(void **unused)
{
    (void)unused;
    srandom(1);
    for (int round = 0; round < 20000; round++) {
        char bytes[40];
        size_t length = (size_t)random() % sizeof(bytes);
        struct buf buf;

        for (size_t i = 0; i < length; i++) {
            bytes[i] = (char)(random() % 3 == 0 ? '\\' : random() % 255 + 1);
        }
        buf_init(&buf, 1000);
        buf_escape_line(&buf, bytes, length);
        for (size_t i = 0; i < buf.length; i++) {
            unsigned char c = (unsigned char)buf.data[i];
            assert_true(c >= 0x20 && c != 0x7f);
        }
        if (buf.length > 0) {
            assert_int_equal(buf_unescape_line(buf.data, buf.length), length);
            assert_memory_equal(buf.data, bytes, length);
        }
        buf_free(&buf);
    }
}

static void unescape_line_refuses_what_escape_does_not_write(void **unused)
{
    static const char *const bad[] = {"\\", "\\x", "\\x1", "a\\y41", "\\xg1", "\\x1g", "\\x00", "x\\x4"};

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *text = strdup(bad[i]);

        assert_true(buf_unescape_line(text, strlen(text)) == (size_t)-1);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_grows_and_is_always_terminated),
        cmocka_unit_test(buf_refuses_more_than_its_limit_and_changes_nothing),
        cmocka_unit_test(buf_reserve_refuses_sizes_that_overflow),
        cmocka_unit_test(secret_buf_keeps_its_text_when_it_grows),
        cmocka_unit_test(escapes_write_what_each_way_out_needs),
        cmocka_unit_test(escape_message_cuts_between_characters),
        cmocka_unit_test(line_escape_is_undone_for_random_bytes),
        cmocka_unit_test(unescape_line_refuses_what_escape_does_not_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
