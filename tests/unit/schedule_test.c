// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of schedule.c: what spec 3 says of slots and runs, sentence by sentence, and against a minute-wise scan.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "calendar.h"
#include "random.h"
#include "schedule.h"

static void expect_time(int64_t got, const char *expected, const char *what)
{
    char text[CLOCK_UTC_SIZE] = "never";

    if (got != SCHEDULE_NEVER) {
        clock_format(got, text);
    }
    if (strcmp(text, expected) != 0) {
        fail_msg("%s: %s, not %s", what, text, expected);
    }
}

// ---- Slots

struct open_row {
    const char *slots, *zone, *at;
    bool open;
};

static void check_open(const struct open_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct slots slots = slots_of(rows[i].slots);
        struct zone *zone = zone_of(rows[i].zone);
        if (slots_open(&slots, zone, at(rows[i].at)) != rows[i].open) {
            fail_msg("%s in %s at %s: not %d", rows[i].slots, rows[i].zone, rows[i].at, rows[i].open);
        }
        zone_free(zone);
    }
}
#define CHECK_OPEN(rows) check_open(rows, sizeof(rows) / sizeof((rows)[0]))

// "Slots are sets of instants by their local reading."
static void slots_go_by_the_local_reading(void **unused)
{
    static const struct open_row rows[] = {
        {"all", "UTC0", "2026-11-22T12:00:00Z", true},
        {"sun", "UTC0", "2026-11-22T00:00:00Z", true}, // a Sunday
        {"sun", "UTC0", "2026-11-22T23:59:59Z", true},
        {"sun", "UTC0", "2026-11-23T00:00:00Z", false},
        {"sun", "UTC0", "2026-11-21T23:59:59Z", false},
        {"sun", "Europe/Berlin", "2026-11-21T23:00:00Z", true},
        {"sun", "Europe/Berlin", "2026-11-22T23:00:00Z", false},
        {"mon", "Pacific/Kiritimati", "2026-11-22T10:00:00Z", true},
        {"mon", "Pacific/Kiritimati", "2026-11-22T09:59:59Z", false},
        {"all 12:00-13:00", "America/St_Johns", "2026-11-22T15:30:00Z", true},
        {"all 12:00-13:00", "America/St_Johns", "2026-11-22T15:29:59Z", false},
        // Before 1970 as well.
        {"wed", "UTC0", "1969-12-31T12:00:00Z", true},
        {"thu", "UTC0", "1969-12-31T12:00:00Z", false},
    };

    (void)unused;
    CHECK_OPEN(rows);
}

// "A period includes its start and not its end, and belongs to the day on which it begins (`mon`,
// `20:00-04:00` runs into Tuesday)."
static void slots_include_the_start_and_belong_to_the_day_of_it(void **unused)
{
    static const struct open_row rows[] = {
        {"mon 08:00-12:00", "UTC0", "2026-11-23T07:59:59Z", false},
        {"mon 08:00-12:00", "UTC0", "2026-11-23T08:00:00Z", true},
        {"mon 08:00-12:00", "UTC0", "2026-11-23T11:59:59Z", true},
        {"mon 08:00-12:00", "UTC0", "2026-11-23T12:00:00Z", false},
        {"mon 20:00-04:00", "UTC0", "2026-11-23T03:00:00Z", false}, // Sunday's period is none
        {"mon 20:00-04:00", "UTC0", "2026-11-23T19:59:59Z", false},
        {"mon 20:00-04:00", "UTC0", "2026-11-23T20:00:00Z", true},
        {"mon 20:00-04:00", "UTC0", "2026-11-24T00:00:00Z", true}, // Tuesday
        {"mon 20:00-04:00", "UTC0", "2026-11-24T03:59:59Z", true},
        {"mon 20:00-04:00", "UTC0", "2026-11-24T04:00:00Z", false},
        {"sat 20:00-04:00", "UTC0", "2026-11-22T01:00:00Z", true}, // over the week's end
        // "`24:00` allowed".
        {"mon 20:00-24:00", "UTC0", "2026-11-23T23:59:59Z", true},
        {"mon 20:00-24:00", "UTC0", "2026-11-24T00:00:00Z", false},
        {"mon 00:00-24:00", "UTC0", "2026-11-23T00:00:00Z", true},
        {"mon 00:00-24:00", "UTC0", "2026-11-24T00:00:00Z", false},
        {"mon 24:00-04:00", "UTC0", "2026-11-24T03:59:59Z", true},
        {"mon 24:00-04:00", "UTC0", "2026-11-23T03:59:59Z", false},
        {"all 24:00-00:00", "UTC0", "2026-11-24T00:00:00Z", false}, // no reading at all
        // Several periods, and several days.
        {"mon,wed 08:00-09:00,10:00-11:00", "UTC0", "2026-11-25T10:30:00Z", true},
        {"mon,wed 08:00-09:00,10:00-11:00", "UTC0", "2026-11-25T09:30:00Z", false},
        {"mon,wed 08:00-09:00,10:00-11:00", "UTC0", "2026-11-24T10:30:00Z", false},
    };

    (void)unused;
    CHECK_OPEN(rows);
}

// "A period that a clock change removes does not open that day, one that it doubles is open twice"
static void slots_follow_changes_of_the_clock(void **unused)
{
    static const struct open_row rows[] = {
        // 02:00 to 03:00 does not exist on 29 March 2026.
        {"all 02:00-03:00", "Europe/Berlin", "2026-03-29T00:59:59Z", false},
        {"all 02:00-03:00", "Europe/Berlin", "2026-03-29T01:00:00Z", false},
        // It exists twice on 25 October; half past, the two are apart.
        {"all 02:00-02:30", "Europe/Berlin", "2026-10-25T00:15:00Z", true},
        {"all 02:00-02:30", "Europe/Berlin", "2026-10-25T00:45:00Z", false},
        {"all 02:00-02:30", "Europe/Berlin", "2026-10-25T01:15:00Z", true},
        {"all 02:00-02:30", "Europe/Berlin", "2026-10-25T01:45:00Z", false},
        // What is left of a period that is cut is open.
        {"all 02:30-03:30", "Europe/Berlin", "2026-03-29T01:00:00Z", true},
        {"all 02:30-03:30", "Europe/Berlin", "2026-03-29T01:30:00Z", false},
        // Friday 30 December 2011 did not exist in Apia.
        {"fri", "Pacific/Apia", "2011-12-30T09:59:59Z", false},
        {"fri", "Pacific/Apia", "2011-12-30T10:00:00Z", false},
        {"sat", "Pacific/Apia", "2011-12-30T10:00:00Z", true},
        {"thu 20:00-04:00", "Pacific/Apia", "2011-12-30T10:00:00Z", false},
        // Half an hour in Lord Howe: 01:30 to 02:00 twice.
        {"all 01:30-01:45", "Australia/Lord_Howe", "2026-04-04T14:30:00Z", true},
        {"all 01:30-01:45", "Australia/Lord_Howe", "2026-04-04T14:50:00Z", false},
        {"all 01:30-01:45", "Australia/Lord_Howe", "2026-04-04T15:00:00Z", true},
        {"all 02:00-02:30", "Australia/Lord_Howe", "2026-10-03T15:30:00Z", false},
    };

    (void)unused;
    CHECK_OPEN(rows);
}

static void slots_next_close_and_opening_are_exact(void **unused)
{
    static const struct {
        const char *slots, *zone, *at, *next, *close, *opening; // close: of "next"
    } rows[] = {
        {"all", "UTC0", "2026-11-23T12:34:56Z", "2026-11-23T12:34:56Z", "never", "never"},
        {"all 00:00-12:00,12:00-24:00", "UTC0", "2026-11-23T12:34:56Z", "2026-11-23T12:34:56Z", "never", "never"},
        {"all 12:00-11:00,10:30-13:00", "UTC0", "2026-11-23T12:34:56Z", "2026-11-23T12:34:56Z", "never", "never"},
        {"sun 00:00-04:00", "UTC0", "2026-11-23T12:00:00Z", "2026-11-29T00:00:00Z", "2026-11-29T04:00:00Z",
         "2026-11-29T00:00:00Z"},
        {"sun 00:00-04:00", "UTC0", "2026-11-29T00:00:00Z", "2026-11-29T00:00:00Z", "2026-11-29T04:00:00Z",
         "2026-12-06T00:00:00Z"},
        {"sun 00:00-04:00", "UTC0", "2026-11-28T23:59:59Z", "2026-11-29T00:00:00Z", "2026-11-29T04:00:00Z",
         "2026-11-29T00:00:00Z"},
        {"sun 00:00-04:00", "UTC0", "2026-11-29T04:00:00Z", "2026-12-06T00:00:00Z", "2026-12-06T04:00:00Z",
         "2026-12-06T00:00:00Z"},
        // Abutting and overlapping periods are one slot.
        {"mon 08:00-10:00,10:00-12:00", "UTC0", "2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "2026-11-23T12:00:00Z",
         "2026-11-30T08:00:00Z"},
        {"mon,tue", "UTC0", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-25T00:00:00Z",
         "2026-11-23T00:00:00Z"},
        {"mon 20:00-09:00,06:00-12:00", "UTC0", "2026-11-23T21:00:00Z", "2026-11-23T21:00:00Z", "2026-11-24T09:00:00Z",
         "2026-11-30T06:00:00Z"},
        // A removed period opens the day after, a doubled one twice; without a gap it is one slot.
        {"all 02:00-03:00", "Europe/Berlin", "2026-03-28T03:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z",
         "2026-03-30T00:00:00Z"},
        {"all 02:00-02:30", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z",
         "2026-10-25T01:00:00Z"},
        {"all 02:00-03:00", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z",
         "2026-10-26T01:00:00Z"},
        {"all 01:00-02:00", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z",
         "2026-03-29T23:00:00Z"},
        {"fri", "Pacific/Apia", "2011-12-30T00:00:00Z", "2012-01-05T10:00:00Z", "2012-01-06T10:00:00Z",
         "2012-01-05T10:00:00Z"},
        {"thu,sat", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-29T12:00:00Z", "2011-12-31T10:00:00Z",
         "2012-01-04T10:00:00Z"},
        {"none", "UTC0", "2026-11-23T12:00:00Z", "never", NULL, "never"},
        {"all 24:00-00:00", "Europe/Berlin", "2026-11-23T12:00:00Z", "never", NULL, "never"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slots slots = slots_of(rows[i].slots);
        struct zone *zone = zone_of(rows[i].zone);
        int64_t next = slots_next(&slots, zone, at(rows[i].at));
        expect_time(next, rows[i].next, rows[i].slots);
        if (rows[i].close != NULL) {
            expect_time(slots_close(&slots, zone, next), rows[i].close, rows[i].slots);
        }
        expect_time(slots_next_opening(&slots, zone, at(rows[i].at)), rows[i].opening, rows[i].slots);
        zone_free(zone);
    }
}

static void slots_always_knows_every_way_to_say_it(void **unused)
{
    static const struct {
        const char *slots;
        bool always;
    } rows[] = {
        {"all", true},
        {"all 00:00-24:00", true},
        {"all 00:00-12:00,12:00-24:00", true},
        {"all 12:00-11:00,10:30-13:00", true},
        {"all 00:00-23:59", false},
        {"all 12:00-11:00", false},
        {"mon", false},
        {"none", false},
        {"all 24:00-00:00", false},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slots slots = slots_of(rows[i].slots);
        assert_int_equal(slots_always(&slots), rows[i].always);
    }
}

static void slots_describe_names_the_period_and_its_day(void **unused)
{
    static const struct {
        const char *slots, *zone, *at, *text;
    } rows[] = {
        {"all", "UTC0", "2026-11-23T12:00:00Z", "any time"},
        {"sun 00:00-04:00", "UTC0", "2026-11-23T12:00:00Z", "Sun 00:00–04:00"},
        {"mon 20:00-04:00", "UTC0", "2026-11-24T01:00:00Z", "Mon 20:00–04:00"},
        {"mon 20:00-24:00", "UTC0", "2026-11-23T12:00:00Z", "Mon 20:00–24:00"},
        {"tue", "UTC0", "2026-11-23T12:00:00Z", "Tue 00:00–24:00"},
        {"mon-fri", "Europe/Berlin", "2026-11-24T23:30:00Z", "Wed 00:00–24:00"},
        {"none", "UTC0", "2026-11-23T12:00:00Z", "never"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slots slots = slots_of(rows[i].slots);
        struct zone *zone = zone_of(rows[i].zone);
        struct buf text;
        buf_init(&text, 1000);
        slots_describe(&slots, zone, at(rows[i].at), &text);
        assert_string_equal(buf_string(&text), rows[i].text);
        buf_free(&text);
        zone_free(zone);
    }
}

static void slots_hold_at_the_ends_of_time(void **unused)
{
    static const char *const kinds[] = {"all", "sun 00:00-04:00", "none"};
    struct runs daily = {.daily = true, .at_min = 180}, every = {.every_s = 3600};

    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct slots slots = slots_of(kinds[i]);
        struct zone *zone = zone_of("Europe/Berlin");
        static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX};
        for (int j = 0; j < 4; j++) {
            slots_open(&slots, zone, times[j]);
            slots_next(&slots, zone, times[j]);
            slots_close(&slots, zone, times[j]);
            slots_next_opening(&slots, zone, times[j]);
            runs_next(&daily, zone, times[j]);
            runs_next(&every, zone, times[j]);
            runs_next_in(&daily, &slots, zone, times[j], times[j] > 0 ? INT64_MAX : 0);
        }
        zone_free(zone);
    }
}

// ---- Runs

// "`daily` (03:00), `daily at HH:MM`, `every DURATION` (counted from local midnight of 1970-01-01)"; "a `daily
// at` that is skipped runs at the change, one that is doubled runs once."
static void runs_come_daily_or_at_steps_from_1970(void **unused)
{
    static const struct {
        int daily_min; // -1: every
        int64_t every_s;
        const char *zone, *from, *next;
    } rows[] = {
        {180, 0, "UTC0", "2026-11-23T03:00:00Z", "2026-11-23T03:00:00Z"},
        {180, 0, "UTC0", "2026-11-23T03:00:01Z", "2026-11-24T03:00:00Z"},
        {180, 0, "Europe/Berlin", "2026-11-23T00:00:00Z", "2026-11-23T02:00:00Z"},
        {180, 0, "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"},
        {0, 0, "Pacific/Kiritimati", "2026-07-01T11:00:00Z", "2026-07-02T10:00:00Z"},
        {1439, 0, "UTC0", "2026-11-23T23:59:01Z", "2026-11-24T23:59:00Z"},
        // Skipped: at the change. The day after as ever.
        {150, 0, "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
        {150, 0, "Europe/Berlin", "2026-03-29T01:00:01Z", "2026-03-30T00:30:00Z"},
        {135, 0, "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"},
        {180, 0, "Pacific/Apia", "2011-12-30T00:00:00Z", "2011-12-30T10:00:00Z"},
        {180, 0, "Pacific/Apia", "2011-12-30T10:00:01Z", "2011-12-30T13:00:00Z"},
        // Doubled: once, the first time.
        {150, 0, "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
        {150, 0, "Europe/Berlin", "2026-10-25T00:30:01Z", "2026-10-26T01:30:00Z"},
        {1410, 0, "America/St_Johns", "2008-11-02T01:00:00Z", "2008-11-02T02:00:00Z"},
        {1410, 0, "America/St_Johns", "2008-11-02T02:00:01Z", "2008-11-03T03:00:00Z"},
        // Every so many seconds, the clock's changes not counted.
        {-1, 3600, "UTC0", "2026-11-23T03:00:01Z", "2026-11-23T04:00:00Z"},
        {-1, 3600, "UTC0", "2026-11-23T03:00:00Z", "2026-11-23T03:00:00Z"},
        {-1, 86400, "Europe/Berlin", "2026-11-23T00:00:00Z", "2026-11-23T23:00:00Z"},
        {-1, 86400, "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T23:00:00Z"},
        {-1, 86400, "America/St_Johns", "2026-07-01T00:00:00Z", "2026-07-01T03:30:00Z"},
        {-1, 7 * 86400, "UTC0", "1970-01-01T00:00:01Z", "1970-01-08T00:00:00Z"},
        {-1, 7, "UTC0", "1969-12-31T23:59:50Z", "1969-12-31T23:59:53Z"},
        {-1, 1, "Europe/Berlin", "2026-11-23T00:00:07Z", "2026-11-23T00:00:07Z"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct runs runs = {.daily = rows[i].daily_min >= 0,
                            .at_min = (uint16_t)(rows[i].daily_min >= 0 ? rows[i].daily_min : 0),
                            .every_s = rows[i].every_s};
        struct zone *zone = zone_of(rows[i].zone);
        expect_time(runs_next(&runs, zone, at(rows[i].from)), rows[i].next, rows[i].from);
        zone_free(zone);
    }
}

static void runs_are_counted_up_to_most(void **unused)
{
    struct runs daily = {.daily = true, .at_min = 180}, every = {.every_s = 3600};
    struct zone *zone = zone_of("Europe/Berlin");

    (void)unused;
    assert_int_equal(runs_interval(&daily), 86400);
    assert_int_equal(runs_interval(&every), 3600);
    assert_int_equal(runs_count(&daily, zone, at("2026-11-23T02:00:00Z"), at("2026-11-23T02:00:00Z"), 8), 0);
    assert_int_equal(runs_count(&daily, zone, at("2026-11-23T02:00:00Z"), at("2026-11-23T02:00:01Z"), 8), 1);
    assert_int_equal(runs_count(&daily, zone, at("2026-11-23T02:00:01Z"), at("2026-11-30T02:00:00Z"), 8), 6);
    assert_int_equal(runs_count(&daily, zone, at("2026-11-23T02:00:00Z"), at("2026-11-30T02:00:01Z"), 8), 8);
    assert_int_equal(runs_count(&daily, zone, at("2026-11-23T02:00:00Z"), at("2027-11-30T02:00:01Z"), 8), 8);
    assert_int_equal(runs_count(&every, zone, at("2026-11-23T02:00:00Z"), at("2026-11-23T05:00:00Z"), 8), 3);
    assert_int_equal(runs_count(&every, zone, at("2026-11-23T05:00:00Z"), at("2026-11-23T02:00:00Z"), 8), 0);
    zone_free(zone);
}

static void runs_next_in_finds_the_first_run_in_a_slot(void **unused)
{
    static const struct {
        int daily_min;
        int64_t every_s;
        const char *slots, *from, *to, *run;
    } rows[] = {
        {180, 0, "all", "2026-11-23T12:00:00Z", "2027-01-01T00:00:00Z", "2026-11-24T02:00:00Z"},
        {180, 0, "sun 00:00-04:00", "2026-11-23T12:00:00Z", "2027-01-01T00:00:00Z", "2026-11-29T02:00:00Z"},
        {180, 0, "sun 00:00-04:00", "2026-11-23T12:00:00Z", "2026-11-29T02:00:00Z", "never"},
        {180, 0, "sun 04:00-08:00", "2026-11-23T12:00:00Z", "2027-01-01T00:00:00Z", "never"},
        {180, 0, "none", "2026-11-23T12:00:00Z", "2027-01-01T00:00:00Z", "never"},
        {-1, 25 * 3600, "sun 12:00-12:30", "2026-11-23T12:00:00Z", "2027-11-23T00:00:00Z", "2027-05-23T10:00:00Z"},
        {-1, 30 * 86400, "all 12:00-13:00", "2026-11-23T12:00:00Z", "2096-11-23T00:00:00Z", "never"},
        {-1, 1, "sun 12:00-12:30", "2026-11-23T12:00:00Z", "2027-11-23T00:00:00Z", "2026-11-29T11:00:00Z"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct runs runs = {.daily = rows[i].daily_min >= 0,
                            .at_min = (uint16_t)(rows[i].daily_min >= 0 ? rows[i].daily_min : 0),
                            .every_s = rows[i].every_s};
        struct slots slots = slots_of(rows[i].slots);
        struct zone *zone = zone_of("Europe/Berlin");
        expect_time(runs_next_in(&runs, &slots, zone, at(rows[i].from), at(rows[i].to)), rows[i].run, rows[i].slots);
        zone_free(zone);
    }
}

// ---- Jitter: "stable per host and certificate"

static void jitter_is_stable_spread_and_within_its_limit(void **unused)
{
    int counts[16] = {0};
    int64_t changed = 0;

    (void)unused;
    assert_int_equal(jitter_s("host", "name", 0), 0);
    assert_int_equal(jitter_s("host", "name", -5), 0);
    assert_true(jitter_s("ab", "c", INT64_MAX / 2) != jitter_s("a", "bc", INT64_MAX / 2));
    assert_true(jitter_s("host", "a", INT64_MAX / 2) != jitter_s("host", "b", INT64_MAX / 2));
    for (int i = 0; i < 16000; i++) {
        char name[20];
        snprintf(name, sizeof(name), "c%d", i);
        int64_t jitter = jitter_s("host", name, 3600);
        assert_in_range(jitter, 0, 3600);
        assert_int_equal(jitter, jitter_s("host", name, 3600));
        // A smaller limit keeps the order of the starts.
        assert_in_range(jitter_s("host", name, 1800) - jitter / 2 + 1, 0, 2);
        assert_in_range(jitter_s("host", name, INT64_MAX - 1), 0, INT64_MAX - 1);
        assert_in_range(jitter_s("host", name, 1), 0, 1);
        counts[jitter * 16 / 3601]++;
        changed += jitter != jitter_s("other", name, 3600);
    }
    for (int i = 0; i < 16; i++) {
        assert_in_range(counts[i], 850, 1150);
    }
    assert_true(changed > 15900);
}

// ---- Against a scan, minute by minute

struct scan {
    const struct slots *slots;
    const struct zone *zone;
    int64_t until;
    int32_t offset;
};

// Open by the words of the specification, on weekday and minute of the reading.
static bool scan_open(struct scan *scan, int64_t time)
{
    if (time >= scan->until) {
        scan->offset = zone_offset(scan->zone, time, &scan->until);
    }
    int64_t minutes = (time + scan->offset) / 60; // after 1970
    int minute = (int)(minutes % 1440), weekday = (int)((minutes / 1440 + 4) % 7);
    bool today = scan->slots->days >> weekday & 1, yesterday = scan->slots->days >> (weekday + 6) % 7 & 1;
    if (scan->slots->period_count == 0) {
        return today;
    }
    for (int i = 0; i < scan->slots->period_count; i++) {
        int start = scan->slots->periods[i].start_min, end = scan->slots->periods[i].end_min;
        if (start < end ? today && minute >= start && minute < end
                        : (today && minute >= start) || (yesterday && minute < end)) {
            return true;
        }
    }
    return false;
}

// The first minute from "time" on at which it is open (or shut), within 9 days.
static int64_t scan_next(const struct slots *slots, const struct zone *zone, int64_t time, bool open)
{
    struct scan scan = {.slots = slots, .zone = zone, .until = INT64_MIN};

    for (int64_t t = time; t < time + 9 * 86400; t += 60) {
        if (scan_open(&scan, t) == open) {
            return t;
        }
    }
    return SCHEDULE_NEVER;
}

static int64_t random_time_near_changes(struct random *random, const struct zone *zone)
{
    int64_t until, time = random_between(random, at("1972-06-01T00:00:00Z"), at("2090-01-01T00:00:00Z"));

    zone_offset(zone, time, &until);
    if (until != INT64_MAX && random_one_in(random, 2)) {
        time = until + random_between(random, -40 * 3600, 30 * 3600);
    }
    return time / 60 * 60;
}

static void slots_agree_with_a_scan_minute_by_minute(void **unused)
{
    struct random random = random_start("slots");

    (void)unused;
    for (int i = 0; i < CALENDAR_ZONES; i++) {
        struct zone *zone = zone_of(calendar_zones[i]);
        for (int round = 0; round < 1500; round++) {
            struct slots slots = random_slots(&random);
            int64_t time = random_time_near_changes(&random, zone);
            int64_t next = slots_next(&slots, zone, time);
            int64_t expected = scan_next(&slots, zone, time, true);
            // A day of the week can be skipped; then the scan is too short.
            assert_true(next == expected || (expected == SCHEDULE_NEVER && next > time + 8 * 86400));
            assert_int_equal(slots_open(&slots, zone, time), next == time);
            if (next == SCHEDULE_NEVER) {
                continue;
            }
            int64_t close = slots_close(&slots, zone, next);
            expected = scan_next(&slots, zone, next, false);
            assert_true(close == expected);
            int64_t opening = slots_next_opening(&slots, zone, time);
            if (next > time) {
                assert_true(opening == next);
            } else if (close != SCHEDULE_NEVER) {
                assert_true(opening == slots_next(&slots, zone, close));
            } else {
                assert_true(opening == SCHEDULE_NEVER);
            }
            // Within a minute nothing changes.
            assert_int_equal(slots_open(&slots, zone, time + 59), next == time);
        }
        zone_free(zone);
    }
}

// All daily runs of a stretch, by looking at every minute's reading: a reading that begins (for the first time)
// or that a change jumps over.
static void daily_runs_agree_with_a_scan(void **unused)
{
    struct random random = random_start("runs");

    (void)unused;
    for (int i = 0; i < CALENDAR_ZONES; i++) {
        struct zone *zone = zone_of(calendar_zones[i]);
        for (int round = 0; round < 300; round++) {
            struct runs runs = {.daily = true, .at_min = (uint16_t)random_between(&random, 0, 1439)};
            int64_t time = random_time_near_changes(&random, zone), until = INT64_MIN;
            int64_t highest = INT64_MIN, first = SCHEDULE_NEVER;
            int32_t offset = 0;
            for (int64_t t = time - 2 * 86400; t < time + 3 * 86400; t += 60) {
                if (t >= until) {
                    offset = zone_offset(zone, t, &until);
                }
                // Only a reading beyond all before it can start a run: what is doubled runs once.
                int64_t reading = t + offset;
                int64_t day = (reading - runs.at_min * 60) / 86400, before = (highest - runs.at_min * 60) / 86400;
                if (highest != INT64_MIN && reading > highest && day > before && t >= time) {
                    first = t;
                    break;
                }
                highest = reading > highest ? reading : highest;
            }
            assert_int_equal(runs_next(&runs, zone, time), first);
            assert_int_equal(runs_next(&runs, zone, first), first);
        }
        zone_free(zone);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_go_by_the_local_reading),
        cmocka_unit_test(slots_include_the_start_and_belong_to_the_day_of_it),
        cmocka_unit_test(slots_follow_changes_of_the_clock),
        cmocka_unit_test(slots_next_close_and_opening_are_exact),
        cmocka_unit_test(slots_always_knows_every_way_to_say_it),
        cmocka_unit_test(slots_describe_names_the_period_and_its_day),
        cmocka_unit_test(slots_hold_at_the_ends_of_time),
        cmocka_unit_test(runs_come_daily_or_at_steps_from_1970),
        cmocka_unit_test(runs_are_counted_up_to_most),
        cmocka_unit_test(runs_next_in_finds_the_first_run_in_a_slot),
        cmocka_unit_test(jitter_is_stable_spread_and_within_its_limit),
        cmocka_unit_test(slots_agree_with_a_scan_minute_by_minute),
        cmocka_unit_test(daily_runs_agree_with_a_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
