// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of error.c.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"

static void error_set_keeps_code_and_sentence(void **unused)
{
    struct error error;

    (void)unused;
    assert_int_equal(error_set(&error, ERROR_FORMAT, "%s is %d", "it", 7), -1);
    assert_int_equal(error.code, ERROR_FORMAT);
    assert_string_equal(error.message, "it is 7");
    error_clear(&error);
    assert_int_equal(error.code, ERROR_NONE);
    assert_string_equal(error.message, "");
}

static void error_set_shows_control_characters(void **unused)
{
    struct error error;

    (void)unused;
    error_set(&error, ERROR_HOOK, "%s", "a\nb\x1b[31m\x7f\\\xc2\x9b\xff\xc3\xa4");
    assert_string_equal(error.message, "a\\x0ab\\x1b[31m\\x7f\\\\xc2\\x9b\\xff\xc3\xa4");
}

static void error_set_may_quote_its_own_message(void **unused)
{
    struct error error;

    (void)unused;
    error_set(&error, ERROR_HOOK, "inner");
    error_set(&error, ERROR_REFUSED, "outer: %s", error.message);
    assert_string_equal(error.message, "outer: inner");
}

static void errors_that_are_too_long_are_cut_with_dots(void **unused)
{
    struct error error;
    char text[3000];

    (void)unused;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_set(&error, ERROR_HOOK, "%s", text);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
    assert_string_equal(error.message + ERROR_MESSAGE_SIZE - 5, "a...");
    error_prefix(&error, "%s", text);
    assert_string_equal(error.message + ERROR_MESSAGE_SIZE - 5, "a...");
}

static void error_errno_ends_with_the_reason(void **unused)
{
    struct error error;
    char text[3000];

    (void)unused;
    errno = EACCES;
    assert_int_equal(error_errno(&error, "cannot open %s", "x"), -1);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_string_equal(error.message, "cannot open x: Permission denied");
    assert_int_equal(errno, EACCES);
    errno = ENOENT;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_errno(&error, "%s", text);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "a...: No such file or directory"));
}

static void error_prefix_keeps_the_code(void **unused)
{
    struct error error;

    (void)unused;
    error_set(&error, ERROR_BUSY, "held");
    assert_int_equal(error_prefix(&error, "lock %s", "a"), -1);
    assert_int_equal(error.code, ERROR_BUSY);
    assert_string_equal(error.message, "lock a: held");
}

static void errors_may_be_unwanted(void **unused)
{
    (void)unused;
    assert_int_equal(error_set(NULL, ERROR_BUSY, "x"), -1);
    assert_int_equal(error_errno(NULL, "x"), -1);
    assert_int_equal(error_prefix(NULL, "x"), -1);
    error_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_set_keeps_code_and_sentence),
        cmocka_unit_test(error_set_shows_control_characters),
        cmocka_unit_test(error_set_may_quote_its_own_message),
        cmocka_unit_test(errors_that_are_too_long_are_cut_with_dots),
        cmocka_unit_test(error_errno_ends_with_the_reason),
        cmocka_unit_test(error_prefix_keeps_the_code),
        cmocka_unit_test(errors_may_be_unwanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
