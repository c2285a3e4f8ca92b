// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of decide: clock trust, by the sentences of spec 3.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

#define BUILD at("2026-11-01T00:00:00Z")

// "Not believed: over a day before the build, or over an hour before the newest moment at which certauto itself wrote
// (…; moments over ten years after the build are ignored)."
static void clock_is_believed_by_build_and_last_write(void **unused)
{
    int64_t wrote = BUILD + 100 * DAY, decade = 3653 * DAY;
    const struct {
        int64_t now, written;
        enum clock_trust trust;
    } rows[] = {
        {BUILD, CLOCK_NONE, CLOCK_TRUSTED},
        {BUILD - DAY, CLOCK_NONE, CLOCK_TRUSTED},
        {BUILD - DAY - 1, CLOCK_NONE, CLOCK_BEFORE_BUILD},
        {0, CLOCK_NONE, CLOCK_BEFORE_BUILD},
        {0, wrote, CLOCK_BEFORE_BUILD},
        {wrote, wrote, CLOCK_TRUSTED},
        {wrote - HOUR, wrote, CLOCK_TRUSTED},
        {wrote - HOUR - 1, wrote, CLOCK_BEFORE_WRITTEN},
        {BUILD, wrote, CLOCK_BEFORE_WRITTEN},
        {wrote + 50 * 365 * DAY, wrote, CLOCK_TRUSTED},
        {BUILD, BUILD + decade, CLOCK_BEFORE_WRITTEN},
        {BUILD, BUILD + decade + 1, CLOCK_TRUSTED},
        {BUILD, INT64_MAX, CLOCK_TRUSTED},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (decide_clock(rows[i].now, BUILD, rows[i].written) != rows[i].trust) {
            fail_msg("row %zu", i);
        }
    }
}

static void clock_goes_by_the_newest_write_that_can_be(void **unused)
{
    int64_t newest = CLOCK_NONE;

    (void)unused;
    newest = decide_written(newest, CLOCK_NONE, BUILD);
    assert_true(newest == CLOCK_NONE);
    newest = decide_written(newest, BUILD - 5, BUILD);
    assert_int_equal(newest, BUILD - 5);
    newest = decide_written(newest, BUILD + 5, BUILD);
    newest = decide_written(newest, BUILD, BUILD);
    newest = decide_written(newest, CLOCK_NONE, BUILD);
    // A moment that cannot be does not hide the others.
    newest = decide_written(newest, BUILD + 4000 * DAY, BUILD);
    assert_int_equal(newest, BUILD + 5);
}

// "If a believed clock gains more than an hour on `CLOCK_BOOTTIME` in the loop, no step starts for ten minutes and
// nothing is written; if it goes back, nothing happened."
static void clock_that_jumps_ahead_is_doubted_for_ten_minutes(void **unused)
{
    struct clock_watch watch = {0};
    int64_t boot = 5000000, until;

    (void)unused;
    assert_int_equal(decide_clock_watch(&watch, BUILD, boot, &until), CLOCK_TRUSTED);
    assert_true(until == INT64_MAX);
    // An hour itself is no jump; nor is a day that has passed, by suspend or not.
    assert_int_equal(decide_clock_watch(&watch, BUILD + HOUR, boot, NULL), CLOCK_TRUSTED);
    boot += DAY * 1000;
    assert_int_equal(decide_clock_watch(&watch, BUILD + HOUR + DAY, boot, NULL), CLOCK_TRUSTED);
    // One second more is.
    int64_t ahead = BUILD + HOUR + DAY + HOUR + 1;
    assert_int_equal(decide_clock_watch(&watch, ahead, boot, &until), CLOCK_JUMPED);
    assert_int_equal(until, boot + 600000);
    assert_int_equal(decide_clock_watch(&watch, ahead + 599, boot + 599999, &until), CLOCK_JUMPED);
    // It goes back: nothing happened, and the next jump is doubted for ten minutes of its own.
    assert_int_equal(decide_clock_watch(&watch, ahead + 599 - HOUR, boot + 599999, &until), CLOCK_TRUSTED);
    assert_true(until == INT64_MAX);
    boot += 600000;
    ahead += 600;
    assert_int_equal(decide_clock_watch(&watch, ahead + 50 * DAY, boot, &until), CLOCK_JUMPED);
    assert_int_equal(until, boot + 600000);
    // A second jump prolongs nothing; then it is the time.
    assert_int_equal(decide_clock_watch(&watch, ahead + 90 * DAY, boot + 300000, &until), CLOCK_JUMPED);
    assert_int_equal(until, boot + 600000);
    assert_int_equal(decide_clock_watch(&watch, ahead + 90 * DAY, boot + 600000, &until), CLOCK_TRUSTED);
    assert_int_equal(decide_clock_watch(&watch, ahead + 90 * DAY + 5, boot + 605000, &until), CLOCK_TRUSTED);
    // A step back is a matter of what was written, not of this.
    assert_int_equal(decide_clock_watch(&watch, ahead, boot + 605000, &until), CLOCK_TRUSTED);
    assert_int_equal(decide_clock_watch(&watch, ahead + 2 * HOUR, boot + 605000, &until), CLOCK_JUMPED);
}

static void clock_reasons_say_what_it_reads(void **unused)
{
    static const struct {
        enum clock_trust trust;
        const char *text;
    } rows[] = {
        {CLOCK_TRUSTED, ""},
        {CLOCK_BEFORE_BUILD,
         "the clock reads 1970-01-01T00:00:00Z, which is before this program was built (2026-11-01T00:00:00Z)"},
        {CLOCK_BEFORE_WRITTEN,
         "the clock reads 1970-01-01T00:00:00Z, which is before certauto last wrote (2026-11-02T00:00:00Z)"},
        {CLOCK_JUMPED, "the clock has jumped ahead, to 1970-01-01T00:00:00Z; nothing starts for ten minutes"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf text;
        buf_init(&text, 1000);
        decide_clock_reason(rows[i].trust, 0, BUILD, BUILD + DAY, &text);
        assert_string_equal(buf_string(&text), rows[i].text);
        buf_free(&text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_is_believed_by_build_and_last_write),
        cmocka_unit_test(clock_goes_by_the_newest_write_that_can_be),
        cmocka_unit_test(clock_that_jumps_ahead_is_doubted_for_ten_minutes),
        cmocka_unit_test(clock_reasons_say_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
