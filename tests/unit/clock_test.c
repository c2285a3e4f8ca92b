// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of clock.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"

static void clock_format_writes_rfc_3339(void **unused)
{
    static const struct {
        int64_t time;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {1795403207, "2026-11-23T03:06:47Z"},
        {4107542399, "2100-02-28T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"},
        {253402300799, "9999-12-31T23:59:59Z"},
        {-62167219200, "0000-01-01T00:00:00Z"},
        {INT64_MAX, "9999-12-31T23:59:59Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[CLOCK_UTC_SIZE];
        clock_format(cases[i].time, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void clock_text_is_read_back_and_agrees_with_the_c_library(void **unused)
{
    (void)unused;
    srandom(2);
    for (int i = 0; i < 100000; i++) {
        int64_t time = ((int64_t)random() << 31 | random()) % (253402300800 + 62167219200) - 62167219200;
        time_t c_time = (time_t)time;
        char text[CLOCK_UTC_SIZE], wanted[64];
        struct tm tm;
        int64_t back;

        clock_format(time, text);
        gmtime_r(&c_time, &tm);
        strftime(wanted, sizeof(wanted), "-%m-%dT%H:%M:%SZ", &tm);
        assert_string_equal(text + 4, wanted);
        assert_int_equal(strtol(text, NULL, 10), tm.tm_year + 1900);
        assert_true(clock_parse(text, 20, &back));
        assert_int_equal(back, time);
    }
}

static void clock_parse_refuses_all_but_its_form(void **unused)
{
    static const char *const bad[] = {
        "",
        "2026-11-23T03:06:47",
        "2026-11-23T03:06:47z",
        "2026-11-23t03:06:47Z",
        "2026-11-23 03:06:47Z",
        "2026-11-23T03:06:47+00:00",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "2026/01/01T00:00:00Z",
        "2026-01-01T00.00:00Z",
        "+026-01-01T00:00:00Z",
        "2026-1 -01T00:00:00Z",
        "2026-01-01T00:00:0\0Z",
    };
    int64_t time;

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t length = i == sizeof(bad) / sizeof(bad[0]) - 1 ? 20 : strlen(bad[i]);
        assert_false(clock_parse(bad[i], length, &time));
    }
}

static void clock_parse_user_reads_what_people_type(void **unused)
{
    static const struct {
        const char *text;
        int64_t time;
    } good[] = {
        {"2026-11-23T03:06:47Z", 1795403207},
        {"2026-11-23", 1795392000},
        {"2026-11-23 03:06", 1795403160},
        {"2026-11-23 03:06:47", 1795403207},
        {"@1795403207", 1795403207},
        {"@-1", -1},
        {"@0", 0},
    };
    static const char *const bad[] = {"",   "now", "2026-11-23T03:06", "2026-11-23 3:06",   "@",
                                      "@-", "@1x", "@253402300800",    "@9999999999999999", "2026-02-30"};
    int64_t time;

    (void)unused;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(clock_parse_user(good[i].text, &time));
        assert_int_equal(time, good[i].time);
    }
    time = 77;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(clock_parse_user(bad[i], &time));
        assert_int_equal(time, 77);
    }
}

static void clock_days_and_date_are_inverse(void **unused)
{
    int64_t wanted = clock_days(-801, 1, 1);

    (void)unused;
    assert_int_equal(clock_days(1970, 1, 1), 0);
    assert_int_equal(clock_days(2000, 3, 1), 11017);
    // Every day of sixteen centuries, one after another.
    for (int64_t day = wanted; day < wanted + 1600 * 366; day++) {
        int64_t year;
        int month, day_of_month;
        clock_date(day, &year, &month, &day_of_month);
        assert_int_equal(clock_days(year, month, day_of_month), day);
    }
}

static void clock_parse_duration_knows_its_units(void **unused)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"0s", 0},      {"90d", 7776000}, {"2h", 7200},          {"3m", 180},
                {"1w", 604800}, {"7D", 604800},   {"36525d", 3155760000}};
    static const char *const bad[] = {
        "", "d", "5", "5y", "-1d", "1.5h", "1 d", "1dd", "36526d", "99999999999999999999s", "+1d"};
    int64_t seconds;

    (void)unused;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(clock_parse_duration(good[i].text, strlen(good[i].text), &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(clock_parse_duration(bad[i], strlen(bad[i]), &seconds));
    }
}

static void clock_format_duration_has_at_most_two_units(void **unused)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "0 s"},
        {45, "45 s"},
        {60, "1 min"},
        {61, "1 min 1 s"},
        {12000, "3 h 20 min"},
        {86400, "1 d"},
        {90000, "1 d 1 h"},
        {12 * 86400 + 7200, "12 d"},
        {-90000, "1 d 1 h"},
        {86400 + 60, "1 d"},
        {9 * 86400 + 3600, "9 d 1 h"},
        {INT64_MIN, "106751991167300 d"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[CLOCK_DURATION_SIZE];
        clock_format_duration(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void clock_now_is_the_system_clock(void **unused)
{
    int64_t before = time(NULL);
    int64_t boot = clock_boot_ms();

    (void)unused;
    unsetenv("CERTAUTO_NOW_OFFSET");
    assert_true(clock_now() >= before - 1 && clock_now() <= before + 60);
    assert_true(clock_boot_ms() >= boot);
    setenv("CERTAUTO_NOW_OFFSET", "-100000", 1);
#ifdef CERTAUTO_TEST_CLOCK
    assert_true(clock_now() <= before - 100000 + 60);
#else
    assert_true(clock_now() >= before - 1);
#endif
    unsetenv("CERTAUTO_NOW_OFFSET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_format_writes_rfc_3339),
        cmocka_unit_test(clock_text_is_read_back_and_agrees_with_the_c_library),
        cmocka_unit_test(clock_parse_refuses_all_but_its_form),
        cmocka_unit_test(clock_parse_user_reads_what_people_type),
        cmocka_unit_test(clock_days_and_date_are_inverse),
        cmocka_unit_test(clock_parse_duration_knows_its_units),
        cmocka_unit_test(clock_format_duration_has_at_most_two_units),
        cmocka_unit_test(clock_now_is_the_system_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
