// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of expiry: which warning comes next, and that none is given twice.
#include "expiry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

static struct fixture f;
static int64_t before[] = {14 * DAY, 7 * DAY, 3 * DAY, DAY};
static char warned[EXPIRY_TEXT_SIZE];

static int setup(void **unused)
{
    (void)unused;
    fixture_init(&f);
    f.settings.notify_before = (struct durations){4, before};
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    fixture_free(&f);
    return 0;
}

static bool next(int64_t now, struct expiry *out)
{
    memset(out, 0xa5, sizeof(*out));
    return expiry_next(&f.certificate, &f.settings, &f.state, now, out);
}

static void expect(int64_t now, int64_t before_s)
{
    struct expiry expiry;
    assert_true(next(now, &expiry));
    assert_int_equal(expiry.before_s, before_s);
    assert_int_equal(expiry.at, expiry.not_after - before_s);
}

// Gives the warning that is due, as the courier does.
static void give(int64_t now, int64_t before_s)
{
    struct expiry expiry;
    assert_true(next(now, &expiry));
    assert_int_equal(expiry.before_s, before_s);
    assert_true(expiry.at <= now);
    expiry_record(&expiry, warned);
    f.state.warned = warned;
}

static void each_warning_comes_in_its_turn_and_once(void **unused)
{
    struct expiry expiry;
    (void)unused;
    expect(BIRTH, 14 * DAY);
    expect(EXPIRY - 14 * DAY - 1, 14 * DAY);
    give(EXPIRY - 14 * DAY, 14 * DAY);
    expect(EXPIRY - 14 * DAY, 7 * DAY);
    give(EXPIRY - 7 * DAY, 7 * DAY);
    give(EXPIRY - 3 * DAY, 3 * DAY);
    give(EXPIRY - DAY, DAY);
    expect(EXPIRY - DAY, 0);
    give(EXPIRY, 0);
    assert_false(next(EXPIRY + 100 * DAY, &expiry));
}

static void after_a_long_sleep_only_the_last_is_given(void **unused)
{
    struct expiry expiry;
    (void)unused;
    give(EXPIRY - 2 * DAY, 3 * DAY);
    expect(EXPIRY - 2 * DAY, DAY);
    f.state.warned = NULL;
    give(EXPIRY + DAY, 0);
    assert_false(next(EXPIRY + DAY, &expiry));
}

static void one_longer_than_half_the_window_is_left_out(void **unused)
{
    (void)unused;
    before[0] = 15 * DAY;
    expect(BIRTH, 15 * DAY);
    before[0] = 15 * DAY + 1;
    expect(BIRTH, 7 * DAY);
    before[0] = 14 * DAY;
    f.settings.notify_before.count = 0;
    expect(BIRTH, 0);
}

static void a_certificate_of_seconds_only_expires(void **unused)
{
    (void)unused;
    f.state.not_after = f.state.publications[0].published_not_after = BIRTH + 10;
    expect(BIRTH, 0);
}

static void what_ends_first_counts_and_was_not_warned_of_by_another(void **unused)
{
    (void)unused;
    give(EXPIRY - DAY, DAY);
    fixture_renewed(&f, NULL);
    // The published one is the same still, of which the last warning was given.
    expect(EXPIRY - DAY, 0);
    f.state.publications[0].published_not_after = DUE + LIFE;
    expect(EXPIRY - DAY, 14 * DAY);
}

static void never_issued_is_never_warned_of(void **unused)
{
    struct expiry expiry;
    (void)unused;
    fixture_unissued(&f);
    assert_false(next(BIRTH, &expiry));
}

static void a_record_that_means_nothing_counts_as_none(void **unused)
{
    static const char *const texts[] = {"",
                                        "14d",
                                        "s before ",
                                        "x before 2026-04-01T00:00:00Z",
                                        "5s before tomorrow",
                                        "-5s before 2026-04-01T00:00:00Z"};
    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        f.state.warned = texts[i];
        expect(EXPIRY - 14 * DAY, 14 * DAY);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_warning_comes_in_its_turn_and_once),
        TEST(after_a_long_sleep_only_the_last_is_given),
        TEST(one_longer_than_half_the_window_is_left_out),
        TEST(a_certificate_of_seconds_only_expires),
        TEST(what_ends_first_counts_and_was_not_warned_of_by_another),
        TEST(never_issued_is_never_warned_of),
        TEST(a_record_that_means_nothing_counts_as_none),
    };
    return cmocka_run_group_tests_name("expiry", tests, NULL, NULL);
}
