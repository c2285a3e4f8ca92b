// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of decide_start: runs, openings, moments of their own and jitter, by the sentences of spec 3.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65])
{
    (void)config;
    (void)certificate;
    (void)settings;
    (void)profile;
    snprintf(out, 65, "%s", DIGEST);
}

static struct fixture f;

static int setup(void **unused)
{
    (void)unused;
    fixture_init(&f);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    fixture_free(&f);
    return 0;
}

static void check_start(int64_t start, int64_t expected, const char *file, int line)
{
    if (start != expected) {
        fail_msg("%s:%d: %s, not %s", file, line, time_text(start), time_text(expected));
    }
}
#define EXPECT_START(now, expected) check_start(fixture_start(&f, CLOCK_NONE, now), expected, __FILE__, __LINE__)

// "A renewal starts at the first run at which it is ready"
static void renewal_starts_at_the_first_run_at_which_it_is_ready(void **unused)
{
    (void)unused;
    f.state.not_after += HOUR; // due at 01:00 (and 20 minutes): between two runs
    EXPECT_START(BIRTH, DUE + 3 * HOUR);
    EXPECT_START(DUE + 2 * HOUR, DUE + 3 * HOUR);
    EXPECT_START(DUE + 3 * HOUR, DUE + 3 * HOUR);
    EXPECT_START(DUE + 3 * HOUR + 1, DUE + 27 * HOUR);
    f.config.engine.runs = (struct runs){.every_s = 7 * HOUR};
    EXPECT_START(BIRTH, runs_next(&f.config.engine.runs, zone_utc(), DUE + HOUR));
    // In its slots, of which 03:00 is in that of Sunday.
    f.config.engine.runs = (struct runs){.daily = true, .at_min = 180};
    f.renew_slots = slots_of("sun 00:00-04:00");
    EXPECT_START(BIRTH, at("2026-03-08T03:00:00Z"));
    EXPECT_START(at("2026-03-08T03:30:00Z"), at("2026-03-15T03:00:00Z"));
}

// "if no run falls into its slots, the opening of each slot is a run for it"
static void renewal_starts_at_openings_when_no_run_falls_into_its_slots(void **unused)
{
    (void)unused;
    f.renew_slots = slots_of("sun,wed 12:00-14:00");
    EXPECT_START(BIRTH, at("2026-03-04T12:00:00Z"));
    EXPECT_START(at("2026-03-04T12:00:00Z"), at("2026-03-04T12:00:00Z"));
    EXPECT_START(at("2026-03-04T12:00:01Z"), at("2026-03-08T12:00:00Z"));
    // Due while it is open: the next opening.
    f.state.not_after += 2 * DAY + 13 * HOUR;
    f.settings.renew = (struct renew){RENEW_BEFORE, WINDOW};
    EXPECT_START(BIRTH, at("2026-03-08T12:00:00Z"));
    // After expiry too.
    EXPECT_START(EXPIRY + 100 * DAY, slots_next(&f.renew_slots, zone_utc(), EXPIRY + 100 * DAY));
    // A run every 25 hours meets this slot now and then, but not before expiry.
    f.config.engine.runs = (struct runs){.every_s = 25 * HOUR};
    f.renew_slots = slots_of("sun 12:00-12:10");
    EXPECT_START(BIRTH, at("2026-03-08T12:00:00Z"));
}

// "What has a moment of its own starts at that moment, not at a run: all that is due at once, `on` and `after expiry`,
// every publication, retries, `override_slots`, and renewals with fewer than eight runs in their window, which wake the
// timer at the due time"
static void step_with_a_moment_of_its_own_starts_at_it(void **unused)
{
    int64_t noon = BIRTH + 12 * HOUR;

    (void)unused;
    f.config.engine.jitter_s = HOUR;
    f.certificate.names = "c.example";
    EXPECT_START(noon, noon); // due at once
    f.renew_slots = slots_of("sun 12:00-14:00");
    EXPECT_START(noon, at("2026-01-04T12:00:00Z")); // in a slot
    f.renew_slots = slots_of("all");
    f.certificate.names = "a.example, b.example";

    f.settings.renew = (struct renew){RENEW_ON_EXPIRY, 0};
    EXPECT_START(noon, EXPIRY);
    f.settings.renew = (struct renew){RENEW_AFTER_EXPIRY, DAY + 5};
    EXPECT_START(noon, EXPIRY + DAY + 5);
    f.settings.renew = (struct renew){RENEW_AUTO, 0};

    fixture_fail(&f.state.issue, 2, DUE + HOUR);
    f.state.written = DUE + HOUR;
    EXPECT_START(DUE + HOUR, DUE + HOUR + 10 * MINUTE); // a retry
    f.state.issue.count = 0;

    struct publication *publication = fixture_renewed(&f, NULL);
    EXPECT_START(DUE + HOUR, DUE + HOUR);
    f.settings.publish = (struct publish_when){PUBLISH_ON_PREVIOUS_EXPIRY, 0};
    EXPECT_START(DUE + HOUR, EXPIRY);
    publication->published = 2;
    EXPECT_START(DUE + HOUR, DUE + 60 * DAY + 3 * HOUR + jitter_s("host", "www", HOUR));

    f.state.pending_since = f.state.written = DUE;
    f.state.pending_next = DUE + 777;
    f.state.pending_names = f.certificate.names;
    f.state.pending_key_type = "ecdsa-p256";
    EXPECT_START(DUE, DUE + 777); // an errand
}

static void renewal_with_fewer_than_eight_runs_in_its_window_starts_when_due(void **unused)
{
    static const struct {
        int64_t window;
        bool own;
    } rows[] = {{8 * DAY, false}, {8 * DAY - 1, true}, {7 * DAY + 1, true}, {DAY, true}, {1, true}};

    (void)unused;
    // Expiry at 03:00:00: a window of eight whole days begins at a run, and that at expiry is not in it.
    f.state.not_after += 3 * HOUR;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t due = f.state.not_after - rows[i].window;
        f.settings.renew = (struct renew){RENEW_BEFORE, rows[i].window};
        f.config.engine.runs = (struct runs){.daily = true, .at_min = 180};
        EXPECT_START(BIRTH, rows[i].own ? due : runs_next(&f.config.engine.runs, zone_utc(), due));
        f.config.engine.runs.at_min = 181;
        EXPECT_START(BIRTH, rows[i].window >= 8 * DAY - MINUTE ? f.state.not_after - 8 * DAY + MINUTE : due);
        f.config.engine.runs = (struct runs){.every_s = 1};
        EXPECT_START(BIRTH, due);
    }
}

// "`override_slots`" has a moment of its own; "override: from then on slots no longer hold"
static void renewal_starts_at_the_override_at_the_latest(void **unused)
{
    int64_t override = EXPIRY - 3 * DAY + 12 * HOUR;

    (void)unused;
    f.settings.override_before_s = 3 * DAY - 12 * HOUR;
    f.renew_slots = slots_of("none");
    EXPECT_START(BIRTH, override);
    f.renew_slots = slots_of("sun 04:00-24:00"); // open at the override, a Sunday at noon; no run falls into it
    f.settings.renew = (struct renew){RENEW_BEFORE, 9 * DAY};
    EXPECT_START(override - 6 * DAY, override - 8 * HOUR);
    EXPECT_START(override - HOUR, override);
    EXPECT_START(override + HOUR, override + HOUR);
}

// "After the last: the first run (a `--run-now` too) that is at least the last wait after the failure, or an eighth of
// the window after the failure if that comes sooner; after expiry too, until it works."
static void renewal_after_the_last_retry_starts_at_a_run_or_after_an_eighth_of_the_window(void **unused)
{
    int64_t run = DUE + 10 * DAY + 3 * HOUR;

    (void)unused;
    f.state.written = EXPIRY + 1000 * DAY;
    fixture_fail(&f.state.issue, 4, run);
    EXPECT_START(run, run + DAY); // an eighth is 3.75 days
    fixture_fail(&f.state.issue, 4, run + DAY - 100 * MINUTE);
    EXPECT_START(run + DAY - 90 * MINUTE, run + DAY);
    fixture_fail(&f.state.issue, 4, run + DAY - 100 * MINUTE + 1);
    EXPECT_START(run + DAY - 90 * MINUTE, run + 2 * DAY);
    // By --run-now from the end of the wait on.
    EXPECT(fixture_decide(&f, run + DAY + 1, 0), STEP_ISSUE, HOLD_NONE, run + DAY + 1);
    // After expiry as well.
    fixture_fail(&f.state.issue, 9, EXPIRY + 4 * DAY);
    EXPECT_START(EXPIRY + 4 * DAY, EXPIRY + 4 * DAY + 3 * HOUR);
    // Runs are rare: an eighth of the window comes sooner.
    f.config.engine.runs = (struct runs){.every_s = 30 * DAY};
    fixture_fail(&f.state.issue, 4, run);
    EXPECT_START(run, run + WINDOW / 8);
    // Never issued: no window, only runs.
    fixture_unissued(&f);
    f.state.written = run;
    fixture_fail(&f.state.issue, 4, run);
    EXPECT_START(run, runs_next(&f.config.engine.runs, zone_utc(), run + 100 * MINUTE));
}

// "and, once `retry` is used up, after every eighth of the window (never sooner than a second)"
static void renewal_with_few_runs_is_retried_after_every_eighth_of_its_window(void **unused)
{
    static const struct {
        int64_t window, wait;
    } rows[] = {{80, 10}, {8, 1}, {5, 1}, {1, 1}, {8 * HOUR, HOUR}};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t due = EXPIRY - rows[i].window;
        f.settings.renew = (struct renew){RENEW_BEFORE, rows[i].window};
        f.state.written = due;
        fixture_fail(&f.state.issue, 4, due);
        EXPECT_START(due, due + rows[i].wait);
    }
}

static void renewal_after_the_last_retry_keeps_to_its_slots(void **unused)
{
    int64_t sunday = at("2026-03-08T00:00:00Z");

    (void)unused;
    f.renew_slots = slots_of("sun 00:00-04:00");
    f.state.written = sunday + 3 * HOUR;
    fixture_fail(&f.state.issue, 4, sunday + 3 * HOUR);
    // An eighth later, on Wednesday, it is shut: the run of the next Sunday at 03:00, or its opening before.
    EXPECT_START(sunday + 3 * HOUR, sunday + 7 * DAY);
    f.renew_slots = slots_of("all 00:00-04:00");
    EXPECT_START(sunday + 3 * HOUR, sunday + DAY + 3 * HOUR);
}

// "The start of the loop is a run."
static void start_of_the_loop_is_a_run(void **unused)
{
    int64_t started = DUE + 12 * HOUR, jitter = jitter_s("host", "www", HOUR);

    (void)unused;
    assert_int_equal(fixture_start(&f, started, started), started);
    f.config.engine.jitter_s = HOUR;
    assert_int_equal(fixture_start(&f, started, started), started + jitter);
    assert_int_equal(fixture_start(&f, started, started + jitter), started + jitter);
    assert_int_equal(fixture_start(&f, started, started + jitter + 1), DUE + 27 * HOUR + jitter);
    // Not when it was not ready then.
    assert_int_equal(fixture_start(&f, DUE - HOUR, DUE - HOUR), DUE + 3 * HOUR + jitter);
    f.renew_slots = slots_of("all 00:00-04:00");
    f.config.engine.jitter_s = 0;
    assert_int_equal(fixture_start(&f, started, started), DUE + 27 * HOUR);
    assert_int_equal(fixture_start(&f, DUE + HOUR, DUE + HOUR), DUE + HOUR);
}

// "Jitter is stable per host and certificate and spreads the first starts of renewals; never more than an eighth of the
// window, half the interval of `run`, or half of what is left of the slot at that run"
static void jitter_spreads_first_starts_within_its_limits(void **unused)
{
    int64_t run = DUE + 3 * HOUR, share = jitter_s("host", "www", HOUR);

    (void)unused;
    assert_true(share > 0);
    f.config.engine.jitter_s = HOUR;
    EXPECT_START(BIRTH, run + share);
    EXPECT_START(run + 1, run + share); // while it runs
    EXPECT_START(run + share + 1, run + DAY + share);
    f.config.engine.jitter_s = 1000 * DAY;
    EXPECT_START(BIRTH, run + jitter_s("host", "www", DAY / 2)); // half the interval
    f.config.engine.runs = (struct runs){.every_s = 2 * HOUR};
    EXPECT_START(BIRTH, DUE + jitter_s("host", "www", HOUR));
    f.config.engine.runs = (struct runs){.daily = true, .at_min = 180};
    f.renew_slots = slots_of("all 00:00-04:00");
    EXPECT_START(BIRTH, run + jitter_s("host", "www", HOUR / 2)); // half of what is left of the slot
    f.renew_slots = slots_of("all");
    f.settings.renew = (struct renew){RENEW_BEFORE, 8 * HOUR};
    EXPECT_START(BIRTH, EXPIRY - 8 * HOUR + jitter_s("host", "www", HOUR)); // an eighth of the window
    f.settings.renew = (struct renew){RENEW_BEFORE, 8};
    EXPECT_START(BIRTH, EXPIRY - 8 + jitter_s("host", "www", 1));
    // Never so long that it would expire meanwhile.
    f.settings.renew = (struct renew){RENEW_AUTO, 0};
    int64_t late = EXPIRY - 10 * MINUTE;
    assert_int_equal(fixture_start(&f, late, late), late + jitter_s("host", "www", 5 * MINUTE));
}

// "none for retries and publications, nor for what is expired, never issued or started by hand."
static void jitter_is_none_for_the_rest(void **unused)
{
    (void)unused;
    f.config.engine.jitter_s = HOUR;
    f.state.written = DUE;
    fixture_fail(&f.state.issue, 1, DUE);
    EXPECT_START(DUE, DUE + MINUTE);
    fixture_fail(&f.state.issue, 4, DUE);
    EXPECT_START(DUE, DUE + 3 * HOUR);
    f.state.issue.count = 0;
    EXPECT_START(EXPIRY + 1, EXPIRY + 3 * HOUR);
    fixture_decide(&f, DUE + 5, DECIDE_BY_HAND_ISSUE);
    assert_int_equal(decide_start(&f.config, &f.certificate, &f.decision, "host", CLOCK_NONE, DUE + 5), DUE + 5);
    fixture_renewed(&f, NULL);
    EXPECT_START(DUE, DUE);
    fixture_unissued(&f);
    EXPECT_START(DUE, DUE);
}

static void nothing_starts_that_will_never_be(void **unused)
{
    (void)unused;
    f.settings.auto_renew = false;
    EXPECT_START(DUE, CLOCK_NONE);
    f.settings.auto_renew = true;
    f.renew_slots = slots_of("none");
    EXPECT_START(DUE, CLOCK_NONE);
    f.settings.template = NULL;
    EXPECT_START(DUE, CLOCK_NONE);
}

static int64_t next_of(int64_t now)
{
    memset(&f.decision, 0xa5, sizeof(f.decision));
    return decide_next(&f.config, &f.certificate, &f.settings, &f.state, "host", CLOCK_NONE, now, &f.decision);
}

// A renewal that is ready waits for its run; meanwhile a publication has a moment of its own. Where they begin
// together, "a ready publication goes first, unless it failed before".
static void next_is_the_step_that_starts_first(void **unused)
{
    int64_t due = DUE + 60 * DAY, run = due + 3 * HOUR;

    (void)unused;
    struct publication *publication = fixture_renewed(&f, "nginx");
    f.state.written = due;
    fixture_fail(&publication->failures, 1, due);
    EXPECT(fixture_decide(&f, due + MINUTE, 0), STEP_ISSUE, HOLD_NONE, due);
    check_start(next_of(due), due + MINUTE, __FILE__, __LINE__);
    assert_int_equal(f.decision.next, STEP_PUBLISH);
    check_start(next_of(due + MINUTE), due + MINUTE, __FILE__, __LINE__);
    assert_int_equal(f.decision.step, STEP_PUBLISH);
    f.state.written = run;
    fixture_fail(&publication->failures, 1, run - MINUTE);
    check_start(next_of(run), run, __FILE__, __LINE__);
    assert_int_equal(f.decision.step, STEP_ISSUE);
    publication->failures.count = 0;
    check_start(next_of(run), run, __FILE__, __LINE__);
    assert_int_equal(f.decision.step, STEP_PUBLISH);
    // What is unfinished goes first even if it failed.
    f.state.publishing = "nginx";
    f.state.publishing_generation = 2;
    fixture_fail(&publication->failures, 1, run - MINUTE);
    check_start(next_of(run), run, __FILE__, __LINE__);
    assert_int_equal(f.decision.step, STEP_PUBLISH);
    // Nothing at all.
    f.settings.auto_renew = f.settings.auto_publish = false;
    f.state.publishing = NULL;
    check_start(next_of(run), CLOCK_NONE, __FILE__, __LINE__);
    assert_int_equal(f.decision.hold, HOLD_OFF);
}

static void wait_that_ends_without_a_start_is_woken_for(void **unused)
{
    (void)unused;
    f.state.pending_since = f.state.pending_next = BIRTH;
    f.state.pending_names = f.certificate.names;
    f.state.pending_key_type = "ecdsa-p256";
    f.state.written = BIRTH + 29 * DAY;
    f.state.retry_after = BIRTH + 35 * DAY;
    EXPECT_START(BIRTH + 29 * DAY, BIRTH + 30 * DAY);
}

// "a `daily at` that is skipped runs at the change"; and slots of local time.
static void renewal_starts_by_the_local_clock(void **unused)
{
    (void)unused;
    f.config.engine.zone = zone_of("Europe/Berlin");
    f.config.engine.runs.at_min = 150;
    f.settings.renew = (struct renew){RENEW_BEFORE, 10 * DAY};
    EXPECT_START(BIRTH, at("2026-03-22T01:30:00Z"));
    EXPECT_START(at("2026-03-29T00:00:00Z"), at("2026-03-29T01:00:00Z"));
    EXPECT_START(at("2026-03-29T02:00:00Z"), at("2026-03-30T00:30:00Z"));
    zone_free(f.config.engine.zone);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(renewal_starts_at_the_first_run_at_which_it_is_ready),
        TEST(renewal_starts_at_openings_when_no_run_falls_into_its_slots),
        TEST(step_with_a_moment_of_its_own_starts_at_it),
        TEST(renewal_with_fewer_than_eight_runs_in_its_window_starts_when_due),
        TEST(renewal_starts_at_the_override_at_the_latest),
        TEST(renewal_after_the_last_retry_starts_at_a_run_or_after_an_eighth_of_the_window),
        TEST(renewal_with_few_runs_is_retried_after_every_eighth_of_its_window),
        TEST(renewal_after_the_last_retry_keeps_to_its_slots),
        TEST(start_of_the_loop_is_a_run),
        TEST(jitter_spreads_first_starts_within_its_limits),
        TEST(jitter_is_none_for_the_rest),
        TEST(nothing_starts_that_will_never_be),
        TEST(next_is_the_step_that_starts_first),
        TEST(wait_that_ends_without_a_start_is_woken_for),
        TEST(renewal_starts_by_the_local_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
