// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of log.c: each line is caught where it would leave the process.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

static bool catching, terminal;
static char caught[8192];
static int writes, syslogs, syslog_priority;

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    if (!catching || fd != STDERR_FILENO) {
        return __real_write(fd, bytes, length);
    }
    assert_true(length < sizeof(caught));
    memcpy(caught, bytes, length);
    caught[length] = '\0';
    writes++;
    errno = EIO;
    return -1;
}

int __real_isatty(int fd);
int __wrap_isatty(int fd)
{
    return catching ? terminal : __real_isatty(fd);
}

void __wrap_syslog(int priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(caught, sizeof(caught), format, args);
    va_end(args);
    syslog_priority = priority;
    syslogs++;
}

static void say(enum log_level level, const char *message, const struct log_field *fields, int count)
{
    caught[0] = '\0';
    writes = 0;
    catching = true;
    errno = ENOTTY;
    log_line(level, message, fields, count);
    assert_int_equal(errno, ENOTTY);
    catching = false;
}

static int setup(void **unused)
{
    (void)unused;
    unsetenv("JOURNAL_STREAM");
    unsetenv("NO_COLOR");
    terminal = false;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, LOG_TARGET_STDERR);
    return 0;
}

static void log_to_a_file_has_the_time(void **unused)
{
    const struct log_field fields[] = {
        {"certificate", "www"}, {"none", NULL}, {"error", "a \"b\" c\\d"}, {"empty", ""}};

    (void)unused;
    say(LOG_LEVEL_WARNING, "it\nbroke", fields, 4);
    assert_int_equal(writes, 1);
    assert_int_equal(caught[4], '-');
    assert_int_equal(caught[19], 'Z');
    assert_string_equal(caught + 20,
                        " certauto: warning: it\\x0abroke certificate=www error=\"a \\\"b\\\" c\\\\d\" empty=\"\"\n");
    say(LOG_LEVEL_INFO, "fine", NULL, 0);
    assert_string_equal(caught + 20, " certauto: fine\n");
}

static void log_to_a_terminal_has_colour_unless_unwanted(void **unused)
{
    (void)unused;
    terminal = true;
    say(LOG_LEVEL_ERROR, "broken", NULL, 0);
    assert_string_equal(caught, "certauto: \033[31merror:\033[0m broken\n");
    setenv("NO_COLOR", "1", 1);
    say(LOG_LEVEL_ERROR, "broken", NULL, 0);
    assert_string_equal(caught, "certauto: error: broken\n");
}

static void log_to_the_journal_has_a_priority_and_no_time(void **unused)
{
    struct stat info;
    char stream[64];

    (void)unused;
    assert_int_equal(fstat(STDERR_FILENO, &info), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)info.st_dev, (unsigned long long)info.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    say(LOG_LEVEL_WARNING, "broken", NULL, 0);
    assert_string_equal(caught, "<4>warning: broken\n");
    // stderr was sent elsewhere since.
    setenv("JOURNAL_STREAM", "1:2", 1);
    say(LOG_LEVEL_WARNING, "broken", NULL, 0);
    assert_string_equal(caught + 20, " certauto: warning: broken\n");
}

static void log_as_json_is_one_object(void **unused)
{
    const struct log_field fields[] = {{"certificate", "w\"w\x1b"}, {"none", NULL}, {"n", "7"}};

    (void)unused;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, LOG_TARGET_STDERR);
    say(LOG_LEVEL_INFO, "a \"b\" \xff", fields, 3);
    assert_memory_equal(caught, "{\"time\":\"", 9);
    assert_string_equal(
        caught + 29,
        "\",\"level\":\"info\",\"message\":\"a \\\"b\\\" \\\\xff\",\"certificate\":\"w\\\"w\\\\x1b\",\"n\":\"7\"}\n");
}

static void log_to_syslog_goes_by_its_priority(void **unused)
{
    const struct log_field fields[] = {{"a", "100%s"}};

    (void)unused;
    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, LOG_TARGET_SYSLOG);
    syslogs = 0;
    say(LOG_LEVEL_DEBUG, "%s%n", fields, 1);
    assert_int_equal(writes, 0);
    assert_int_equal(syslogs, 1);
    assert_int_equal(syslog_priority, LOG_DEBUG);
    assert_string_equal(caught, "debug: %s%n a=100%s");
}

static void log_says_nothing_below_its_level(void **unused)
{
    (void)unused;
    assert_true(log_wants(LOG_LEVEL_INFO));
    assert_false(log_wants(LOG_LEVEL_DEBUG));
    say(LOG_LEVEL_DEBUG, "detail", NULL, 0);
    assert_int_equal(writes, 0);
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, LOG_TARGET_STDERR);
    say(LOG_LEVEL_WARNING, "detail", NULL, 0);
    assert_int_equal(writes, 0);
}

static void log_lines_that_are_too_long_stay_whole(void **unused)
{
    char text[9000];
    struct log_field fields[40];

    (void)unused;
    memset(text, '"', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 40; i++) {
        fields[i] = (struct log_field){"field", text};
    }
    say(LOG_LEVEL_INFO, text, fields, 40);
    assert_true(strlen(caught) <= 4096);
    assert_int_equal(caught[strlen(caught) - 1], '\n');
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, LOG_TARGET_STDERR);
    say(LOG_LEVEL_INFO, "short", fields, 40);
    assert_true(strlen(caught) <= 4096);
    assert_string_equal(caught + strlen(caught) - 6, "...\"}\n");
}

static void log_functions_format_their_arguments(void **unused)
{
    (void)unused;
    setenv("NO_COLOR", "1", 1);
    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, LOG_TARGET_STDERR);
    catching = terminal = true;
    log_error("%d", 1);
    assert_string_equal(caught, "certauto: error: 1\n");
    log_warning("%d", 2);
    assert_string_equal(caught, "certauto: warning: 2\n");
    log_info("%d", 3);
    assert_string_equal(caught, "certauto: 3\n");
    log_debug("%d", 4);
    assert_string_equal(caught, "certauto: debug: 4\n");
    catching = false;
    assert_string_equal(log_level_name(LOG_LEVEL_WARNING), "warning");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(log_to_a_file_has_the_time, setup),
        cmocka_unit_test_setup(log_to_a_terminal_has_colour_unless_unwanted, setup),
        cmocka_unit_test_setup(log_to_the_journal_has_a_priority_and_no_time, setup),
        cmocka_unit_test_setup(log_as_json_is_one_object, setup),
        cmocka_unit_test_setup(log_to_syslog_goes_by_its_priority, setup),
        cmocka_unit_test_setup(log_says_nothing_below_its_level, setup),
        cmocka_unit_test_setup(log_lines_that_are_too_long_stay_whole, setup),
        cmocka_unit_test_setup(log_functions_format_their_arguments, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
