// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of decide: ready, waits, slots, switches, groups and the order of steps, by the sentences of the specification.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

// ---- In place of config.c: settings that the tests name themselves

static const char *digest_now = DIGEST;
static unsigned digests_made;

struct group {
    struct settings settings;
};

void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65])
{
    (void)config;
    (void)certificate;
    (void)settings;
    (void)profile;
    digests_made++;
    snprintf(out, 65, "%s", digest_now);
}

// The certificate's own switch is in the count of its settings: 0 none, 1 no, 2 yes.
void __wrap_config_settings(const struct config *config, const struct certificate *certificate,
                            const struct group *group, struct settings *out)
{
    (void)config;
    memset(out, 0, sizeof(*out));
    if (group != NULL) {
        *out = group->settings;
    }
    if (certificate->own_count > 0) {
        out->auto_renew = certificate->own_count == 2;
    }
}

static struct fixture f;

static int setup(void **unused)
{
    (void)unused;
    digest_now = DIGEST;
    digests_made = 0;
    fixture_init(&f);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    fixture_free(&f);
    return 0;
}

#define DECIDE(now) fixture_decide(&f, now, 0)

// ---- "Ready = due, in a slot, and past its waits."

static void issue_waits_until_due(void **unused)
{
    (void)unused;
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_NOT_DUE, DUE);
    assert_int_equal(f.decision.next, STEP_ISSUE);
    EXPECT(DECIDE(DUE - 1), STEP_WAIT, HOLD_NOT_DUE, DUE);
    EXPECT(DECIDE(DUE), STEP_ISSUE, HOLD_NONE, DUE);
    EXPECT(DECIDE(DUE + 5 * DAY), STEP_ISSUE, HOLD_NONE, DUE);
    EXPECT(DECIDE(EXPIRY + 500 * DAY), STEP_ISSUE, HOLD_NONE, DUE); // after expiry too
    assert_int_equal(digests_made, 0);
}

static void issue_is_due_at_once_when_never_issued(void **unused)
{
    (void)unused;
    fixture_unissued(&f);
    EXPECT(DECIDE(BIRTH), STEP_ISSUE, HOLD_NONE, BIRTH);
    assert_int_equal(f.decision.cause, DUE_NEVER_ISSUED);
    assert_true(f.decision.due == INT64_MIN);
    assert_int_equal(f.decision.window_s, 0);
}

// "Due at once (in a slot)"; the due time falls on Monday 2 March.
static void issue_waits_for_its_slot(void **unused)
{
    int64_t sunday = at("2026-03-08T00:00:00Z");

    (void)unused;
    f.renew_slots = slots_of("sun 00:00-04:00");
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_NOT_DUE, sunday);
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_SLOT, sunday);
    EXPECT(DECIDE(sunday - 1), STEP_WAIT, HOLD_SLOT, sunday);
    EXPECT(DECIDE(sunday), STEP_ISSUE, HOLD_NONE, sunday);
    EXPECT(DECIDE(sunday + 4 * HOUR - 1), STEP_ISSUE, HOLD_NONE, sunday);
    EXPECT(DECIDE(sunday + 4 * HOUR), STEP_WAIT, HOLD_SLOT, sunday + 7 * DAY);
    EXPECT(DECIDE(sunday + 7 * DAY), STEP_ISSUE, HOLD_NONE, sunday);
    assert_true(f.decision.slots == &f.renew_slots);

    f.certificate.names = "c.example";
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_SLOT, at("2026-01-04T00:00:00Z"));
    fixture_unissued(&f);
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_SLOT, at("2026-01-04T00:00:00Z"));
    // The slots of publishing do not matter to it.
    f.publish_slots = slots_of("none");
    f.renew_slots = slots_of("all");
    EXPECT(DECIDE(BIRTH), STEP_ISSUE, HOLD_NONE, BIRTH);
}

static void issue_that_no_slot_ever_opens_for_is_told(void **unused)
{
    (void)unused;
    f.renew_slots = slots_of("none");
    EXPECT(DECIDE(BIRTH), STEP_NONE, HOLD_NEVER_OPENS, 0);
    assert_true(f.decision.never_opens);
    assert_int_equal(f.decision.next, STEP_ISSUE);
    // `--ignore-slots`
    EXPECT(fixture_decide(&f, DUE, DECIDE_IGNORE_SLOTS), STEP_ISSUE, HOLD_NONE, DUE);
}

// "`check` warns when no slot opens between due and expiry."
static void issue_warns_when_no_slot_opens_before_expiry(void **unused)
{
    (void)unused;
    f.renew_slots = slots_of("sun 00:00-04:00");
    f.settings.renew = (struct renew){RENEW_BEFORE, 2 * DAY}; // expiry is Wednesday 1 April
    DECIDE(BIRTH);
    assert_true(f.decision.never_opens);
    DECIDE(EXPIRY - DAY);
    assert_true(f.decision.never_opens);
    DECIDE(EXPIRY + 1);
    assert_false(f.decision.never_opens);
    f.settings.renew.amount = 4 * DAY;
    DECIDE(BIRTH);
    assert_false(f.decision.never_opens);
    // Slots that stop holding are no obstacle.
    f.settings.renew.amount = 2 * DAY;
    f.settings.override_before_s = DAY;
    DECIDE(BIRTH);
    assert_false(f.decision.never_opens);
    // Nor is there anything to warn of after an expiry that is waited for.
    f.settings.override_before_s = -1;
    f.settings.renew.rule = RENEW_ON_EXPIRY;
    DECIDE(BIRTH);
    assert_false(f.decision.never_opens);
}

// "`override_slots`: `2d before expiry`: from then on slots no longer hold a renewal, nor its publication"
static void issue_is_not_held_by_slots_from_the_override_on(void **unused)
{
    int64_t override = EXPIRY - 3 * DAY; // Sunday 29 March, after its slot

    (void)unused;
    f.renew_slots = slots_of("mon 00:00-04:00");
    f.settings.override_before_s = 3 * DAY;
    EXPECT(DECIDE(override - HOUR), STEP_WAIT, HOLD_SLOT, override);
    EXPECT(DECIDE(override), STEP_ISSUE, HOLD_NONE, DUE); // a Monday at 00:00
    EXPECT(DECIDE(EXPIRY + 100 * DAY + 5 * HOUR), STEP_ISSUE, HOLD_NONE, DUE);
    // Before it slots hold.
    EXPECT(DECIDE(override - 6 * DAY), STEP_ISSUE, HOLD_NONE, DUE);
    EXPECT(DECIDE(override - 5 * DAY), STEP_WAIT, HOLD_SLOT, override);
    // On and after expiry it has begun long before.
    f.settings.renew = (struct renew){RENEW_AFTER_EXPIRY, DAY};
    EXPECT(DECIDE(EXPIRY), STEP_WAIT, HOLD_NOT_DUE, EXPIRY + DAY);
    EXPECT(DECIDE(EXPIRY + DAY), STEP_ISSUE, HOLD_NONE, EXPIRY + DAY);
    // What was never issued does not expire.
    fixture_unissued(&f);
    EXPECT(DECIDE(EXPIRY), STEP_WAIT, HOLD_SLOT, at("2026-04-06T00:00:00Z"));
    // Without slots there is nothing to override.
    f.renew_slots = slots_of("all");
    DECIDE(EXPIRY);
    assert_true(f.decision.override_at == INT64_MAX);
}

static void issue_slots_follow_the_zone_and_its_changes(void **unused)
{
    (void)unused;
    f.config.engine.zone = zone_of("Europe/Berlin");
    f.renew_slots = slots_of("sun 02:00-03:00");
    f.settings.renew = (struct renew){RENEW_BEFORE, 5 * DAY}; // Friday 27 March; that Sunday has no such hour
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_NOT_DUE, at("2026-04-05T00:00:00Z"));
    assert_true(f.decision.never_opens);
    f.renew_slots = slots_of("sun 01:00-02:00");
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_NOT_DUE, at("2026-03-29T00:00:00Z"));
    zone_free(f.config.engine.zone);
}

// ---- Failures

// "Each wait of `retry` is at most an eighth of the window, at least a second."
static void issue_waits_after_failures(void **unused)
{
    static const struct {
        uint32_t count;
        int64_t window, wait;
        enum hold hold;
    } rows[] = {
        {1, 30 * DAY, MINUTE, HOLD_RETRY},
        {2, 30 * DAY, 10 * MINUTE, HOLD_RETRY},
        {3, 30 * DAY, 100 * MINUTE, HOLD_RETRY},
        {4, 30 * DAY, 100 * MINUTE, HOLD_RETRY_RUN},
        {4000000000, 30 * DAY, 100 * MINUTE, HOLD_RETRY_RUN},
        {1, 400, 50, HOLD_RETRY},
        {2, 400, 50, HOLD_RETRY},
        {4, 400, 50, HOLD_RETRY_RUN},
        {1, 480, 60, HOLD_RETRY},
        {3, 8, 1, HOLD_RETRY},
        {1, 7, 1, HOLD_RETRY},
        {1, 1, 1, HOLD_RETRY},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        f.settings.renew = (struct renew){RENEW_BEFORE, rows[i].window};
        int64_t failed = EXPIRY - rows[i].window, again = failed + rows[i].wait;
        f.state.written = failed;
        fixture_fail(&f.state.issue, rows[i].count, failed);
        EXPECT(DECIDE(failed), STEP_WAIT, rows[i].hold, again);
        EXPECT(DECIDE(again - 1), STEP_WAIT, rows[i].hold, again);
        EXPECT(DECIDE(again), STEP_ISSUE, HOLD_NONE, again);
        assert_int_equal(f.decision.failures, rows[i].count);
        assert_true(f.decision.failed);
    }
}

static void issue_waits_after_a_failure_of_the_first_issue_without_a_window(void **unused)
{
    (void)unused;
    fixture_unissued(&f);
    fixture_fail(&f.state.issue, 3, BIRTH);
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_RETRY, BIRTH + 100 * MINUTE);
    EXPECT(DECIDE(BIRTH + 100 * MINUTE), STEP_ISSUE, HOLD_NONE, BIRTH + 100 * MINUTE);
}

// "after expiry too, until it works"
static void issue_goes_on_after_expiry(void **unused)
{
    int64_t failed = EXPIRY + 50 * DAY;

    (void)unused;
    f.state.written = failed;
    fixture_fail(&f.state.issue, 70, failed);
    EXPECT(DECIDE(failed), STEP_WAIT, HOLD_RETRY_RUN, failed + 100 * MINUTE);
    EXPECT(DECIDE(failed + 100 * MINUTE), STEP_ISSUE, HOLD_NONE, failed + 100 * MINUTE);
}

// "success, a change of the effective settings, or a start by hand ends the count"
static void issue_after_a_change_of_settings_waits_no_more(void **unused)
{
    (void)unused;
    f.state.written = DUE;
    fixture_fail(&f.state.issue, 4, DUE);
    EXPECT(DECIDE(DUE + 1), STEP_WAIT, HOLD_RETRY_RUN, DUE + 100 * MINUTE);
    digest_now = "other settings";
    EXPECT(DECIDE(DUE + 1), STEP_ISSUE, HOLD_NONE, DUE);
    assert_int_equal(f.decision.failures, 0);
    assert_false(f.decision.failed);
    digest_now = DIGEST;
    EXPECT(fixture_decide(&f, DUE + 1, DECIDE_BY_HAND_ISSUE), STEP_ISSUE, HOLD_NONE, DUE + 1);
    assert_int_equal(f.decision.failures, 0);
}

// "A hook's `permanent` failure skips the short waits."
static void issue_after_a_permanent_failure_skips_the_short_waits(void **unused)
{
    (void)unused;
    f.state.written = DUE;
    fixture_fail(&f.state.issue, 1, DUE);
    f.state.issue.permanent = true;
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_RETRY_RUN, DUE + 100 * MINUTE);
    assert_true(f.decision.retry_used_up);
}

// "For names given the waits of `retry` do not [hold]."
static void issue_of_a_name_given_to_run_now_does_not_wait_for_retry(void **unused)
{
    (void)unused;
    f.state.written = DUE;
    fixture_fail(&f.state.issue, 4, DUE);
    EXPECT(fixture_decide(&f, DUE + 1, DECIDE_IGNORE_RETRY), STEP_ISSUE, HOLD_NONE, DUE);
    assert_int_equal(f.decision.failures, 4);
    // "Nothing is forced": due and slots hold.
    EXPECT(fixture_decide(&f, BIRTH, DECIDE_IGNORE_RETRY), STEP_WAIT, HOLD_NOT_DUE, DUE);
    f.renew_slots = slots_of("sun");
    EXPECT(fixture_decide(&f, DUE + 1, DECIDE_IGNORE_RETRY), STEP_WAIT, HOLD_SLOT, at("2026-03-08T00:00:00Z"));
}

// "A CA's `Retry-After` holds every command, at most 7 days."
static void issue_is_held_by_retry_after_by_hand_too(void **unused)
{
    int64_t until = DUE + 3 * HOUR;

    (void)unused;
    f.state.written = DUE;
    f.state.retry_after = until;
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_RETRY_AFTER, until);
    EXPECT(fixture_decide(&f, DUE, DECIDE_BY_HAND_ISSUE), STEP_WAIT, HOLD_RETRY_AFTER, until);
    EXPECT(fixture_decide(&f, DUE, DECIDE_IGNORE_RETRY | DECIDE_IGNORE_SLOTS), STEP_WAIT, HOLD_RETRY_AFTER, until);
    EXPECT(DECIDE(until), STEP_ISSUE, HOLD_NONE, until);
    // The longer of two waits counts, and is told.
    fixture_fail(&f.state.issue, 3, DUE + 2 * HOUR);
    f.state.written = DUE + 2 * HOUR;
    EXPECT(DECIDE(DUE + 2 * HOUR), STEP_WAIT, HOLD_RETRY, DUE + 2 * HOUR + 100 * MINUTE);
    f.state.retry_after = DUE + DAY;
    EXPECT(DECIDE(DUE + 2 * HOUR), STEP_WAIT, HOLD_RETRY_AFTER, DUE + DAY);
    // More than 7 days after the state was written are not believed.
    f.state.retry_after = DUE + 2 * HOUR + 7 * DAY;
    EXPECT(DECIDE(DUE + 2 * HOUR), STEP_WAIT, HOLD_RETRY_AFTER, DUE + 2 * HOUR + 7 * DAY);
    f.state.retry_after = DUE + 365 * DAY;
    EXPECT(DECIDE(DUE + 2 * HOUR), STEP_WAIT, HOLD_RETRY_AFTER, DUE + 2 * HOUR + 7 * DAY);
    // Not due, the CA's wait is over by then.
    f.state.issue.count = 0;
    f.state.written = BIRTH;
    f.state.retry_after = BIRTH + DAY;
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_NOT_DUE, DUE);
    f.state.written = DUE - HOUR;
    f.state.retry_after = DUE + DAY;
    EXPECT(DECIDE(DUE - HOUR), STEP_WAIT, HOLD_RETRY_AFTER, DUE + DAY);
}

static void issue_waits_go_into_the_next_slot(void **unused)
{
    int64_t sunday = at("2026-03-08T00:00:00Z");

    (void)unused;
    f.renew_slots = slots_of("sun 00:00-04:00");
    f.state.written = sunday + 3 * HOUR;
    fixture_fail(&f.state.issue, 2, sunday + 3 * HOUR);
    EXPECT(DECIDE(sunday + 3 * HOUR), STEP_WAIT, HOLD_RETRY, sunday + 3 * HOUR + 10 * MINUTE);
    fixture_fail(&f.state.issue, 3, sunday + 3 * HOUR);
    EXPECT(DECIDE(sunday + 3 * HOUR), STEP_WAIT, HOLD_RETRY, sunday + 7 * DAY);
}

// A moment that lies after the state was written comes of a clock that was ahead.
static void issue_does_not_wait_for_what_a_wrong_clock_noted(void **unused)
{
    (void)unused;
    f.state.written = DUE; // as --trust-clock sets it back
    fixture_fail(&f.state.issue, 1, DUE + 3650 * DAY);
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_RETRY, DUE + MINUTE);
    f.state.written = CLOCK_NONE;
    fixture_fail(&f.state.issue, 1, DUE);
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_RETRY, DUE + MINUTE);
}

// "A certificate that would be due again at once is kept, but counts as a failure, so that nothing renews in a circle."
static void issue_that_is_due_again_at_once_waits_as_after_a_failure(void **unused)
{
    int64_t now = DUE + 1;

    (void)unused;
    // A CA that issues what has half a minute left of ninety days.
    f.state.generation = 2;
    f.state.issued = f.state.written = now;
    f.state.not_after = now + 30;
    f.state.due_again = true;
    fixture_fail(&f.state.issue, 1, now);
    EXPECT(DECIDE(now), STEP_PUBLISH, HOLD_NONE, now);
    f.state.publications[0].published = 2;
    EXPECT(DECIDE(now), STEP_WAIT, HOLD_RETRY, now + MINUTE);
    fixture_fail(&f.state.issue, 4, now);
    EXPECT(DECIDE(now), STEP_WAIT, HOLD_RETRY_RUN, now + 100 * MINUTE);
    assert_string_equal(decide_state_word(&f.settings, &f.state, &f.decision, now), "failed");
}

// ---- By hand: "at once, due or not, enabled or not, in a slot or not"

static void issue_by_hand_is_at_once(void **unused)
{
    (void)unused;
    f.settings.auto_renew = f.settings.auto_publish = false;
    f.renew_slots = slots_of("none");
    fixture_fail(&f.state.issue, 4, BIRTH);
    EXPECT(fixture_decide(&f, BIRTH, DECIDE_BY_HAND_ISSUE), STEP_ISSUE, HOLD_NONE, BIRTH);
    assert_int_equal(f.decision.cause, DUE_BY_HAND);
    assert_true(f.decision.by_hand);
    // It looks at issuing only, though a publication is ready; but what is unfinished comes first.
    f.settings.auto_publish = true;
    f.state.publications[0].published = 0;
    EXPECT(fixture_decide(&f, BIRTH, DECIDE_BY_HAND_ISSUE), STEP_ISSUE, HOLD_NONE, BIRTH);
    f.state.publishing = STATE_LIVE;
    f.state.publishing_generation = 1;
    EXPECT(fixture_decide(&f, BIRTH, DECIDE_BY_HAND_ISSUE), STEP_PUBLISH, HOLD_NONE, BIRTH);
    assert_int_equal(f.decision.cause, DUE_UNFINISHED);
}

static void issue_without_template_or_names_is_refused_by_hand_too(void **unused)
{
    (void)unused;
    f.settings.template = NULL;
    EXPECT(DECIDE(DUE), STEP_NONE, HOLD_NO_TEMPLATE, 0);
    assert_true(f.decision.due_held);
    EXPECT(DECIDE(BIRTH), STEP_NONE, HOLD_NO_TEMPLATE, 0);
    assert_false(f.decision.due_held);
    EXPECT(fixture_decide(&f, DUE, DECIDE_BY_HAND_ISSUE), STEP_NONE, HOLD_NO_TEMPLATE, 0);
    f.settings.template = &f.template;
    // Names of the imported certificate serve.
    f.certificate.names = NULL;
    EXPECT(DECIDE(DUE), STEP_ISSUE, HOLD_NONE, DUE);
    fixture_unissued(&f);
    EXPECT(DECIDE(DUE), STEP_NONE, HOLD_NO_NAMES, 0);
    EXPECT(fixture_decide(&f, DUE, DECIDE_BY_HAND_ISSUE), STEP_NONE, HOLD_NO_NAMES, 0);
}

// ---- "Off. Nothing runs by itself for a switch that is off."

static void nothing_runs_by_itself_for_a_switch_that_is_off(void **unused)
{
    (void)unused;
    f.settings.auto_renew = false;
    EXPECT(DECIDE(DUE), STEP_NONE, HOLD_OFF, 0);
    assert_int_equal(f.decision.next, STEP_ISSUE);
    assert_false(f.decision.due_held);
    EXPECT(fixture_decide(&f, DUE, DECIDE_IGNORE_SLOTS | DECIDE_IGNORE_RETRY), STEP_NONE, HOLD_OFF, 0);
    fixture_unissued(&f);
    EXPECT(DECIDE(DUE), STEP_NONE, HOLD_OFF, 0);
    // A pending order was begun by hand: it goes on by hand.
    f.state.pending_since = f.state.pending_next = BIRTH;
    f.state.pending_names = f.certificate.names;
    f.state.pending_key_type = "ecdsa-p256";
    EXPECT(DECIDE(BIRTH + 1), STEP_NONE, HOLD_OFF, 0);
    EXPECT(fixture_decide(&f, BIRTH + 1, DECIDE_BY_HAND_ISSUE), STEP_ISSUE, HOLD_NONE, BIRTH + 1);
}

static void each_switch_works_without_the_other(void **unused)
{
    (void)unused;
    f.state.publications[0].published = 0;
    f.settings.auto_renew = false;
    EXPECT(DECIDE(DUE), STEP_PUBLISH, HOLD_NONE, DUE);
    f.settings.auto_renew = true;
    f.settings.auto_publish = false;
    EXPECT(DECIDE(DUE), STEP_ISSUE, HOLD_NONE, DUE);
    assert_int_equal(f.decision.behind, HOLD_OFF);
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_NOT_DUE, DUE);
    assert_int_equal(f.decision.behind, HOLD_OFF);
    assert_int_equal(f.decision.newest, 1);
    f.settings.auto_renew = false;
    EXPECT(DECIDE(DUE), STEP_NONE, HOLD_OFF, 0);
}

// ---- Pending orders (spec 5)

static void pend(int64_t since, int64_t next)
{
    f.state.pending_since = f.state.written = since;
    f.state.pending_next = next;
    f.state.pending_names = "b.example, a.example";
    f.state.pending_key_type = "ecdsa-p256";
}

// "Then the certificate counts as in progress; the hook is called again as an errand, free of slots, its wait held
// between 1 s and 1 d, also after a restart"
static void pending_order_is_asked_about_again_free_of_slots(void **unused)
{
    (void)unused;
    f.renew_slots = slots_of("none");
    pend(DUE, DUE + HOUR);
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_PENDING, DUE + HOUR);
    assert_true(f.decision.pending);
    assert_string_equal(decide_state_word(&f.settings, &f.state, &f.decision, DUE), "pending");
    EXPECT(DECIDE(DUE + HOUR), STEP_ISSUE, HOLD_NONE, DUE + HOUR);
    assert_int_equal(f.decision.cause, DUE_PENDING);
    // Also when it is not due (it was ordered by hand), and after failures: the CA says when.
    pend(BIRTH, BIRTH + HOUR);
    fixture_fail(&f.state.issue, 4, BIRTH);
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_PENDING, BIRTH + HOUR);
    assert_false(f.decision.retry_used_up);
    EXPECT(DECIDE(BIRTH + HOUR), STEP_ISSUE, HOLD_NONE, BIRTH + HOUR);
    // No longer than a day, no matter what is written; a CA's Retry-After holds it too, a person does not wait.
    pend(BIRTH, BIRTH + 20 * DAY);
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_PENDING, BIRTH + DAY);
    f.state.retry_after = BIRTH + 2 * DAY;
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_RETRY_AFTER, BIRTH + 2 * DAY);
    EXPECT(fixture_decide(&f, BIRTH, DECIDE_BY_HAND_ISSUE), STEP_WAIT, HOLD_RETRY_AFTER, BIRTH + 2 * DAY);
    f.state.retry_after = CLOCK_NONE;
    EXPECT(fixture_decide(&f, BIRTH, DECIDE_BY_HAND_ISSUE), STEP_ISSUE, HOLD_NONE, BIRTH);
    // Before the first issue.
    fixture_unissued(&f);
    pend(BIRTH, BIRTH + HOUR);
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_PENDING, BIRTH + HOUR);
}

// "dropped when names or key change, the hook fails it, after 30 d"
static void pending_order_is_dropped_when_it_no_longer_fits(void **unused)
{
    (void)unused;
    pend(BIRTH, BIRTH + HOUR);
    assert_true(decide_pending(&f.certificate, &f.settings, &f.state, BIRTH + 30 * DAY - 1, 0));
    assert_false(decide_pending(&f.certificate, &f.settings, &f.state, BIRTH + 30 * DAY, 0));
    assert_false(decide_pending(&f.certificate, &f.settings, &f.state, BIRTH, DECIDE_RESTART));
    EXPECT(DECIDE(BIRTH + 30 * DAY - 1), STEP_ISSUE, HOLD_NONE, BIRTH + HOUR);
    EXPECT(DECIDE(BIRTH + 30 * DAY), STEP_WAIT, HOLD_NOT_DUE, DUE);
    assert_false(f.decision.pending);
    f.certificate.names = "a.example";
    EXPECT(DECIDE(BIRTH), STEP_ISSUE, HOLD_NONE, BIRTH);
    assert_int_equal(f.decision.cause, DUE_NAMES);
    f.certificate.names = NULL; // those of the certificate
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_PENDING, BIRTH + HOUR);
    f.settings.key = KEY_RSA_2048;
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_NOT_DUE, DUE);
    f.settings.key = KEY_ECDSA_P256;
    f.state.pending_names = NULL;
    EXPECT(DECIDE(BIRTH), STEP_WAIT, HOLD_NOT_DUE, DUE);
}

static void pending_order_that_ends_before_it_is_asked_about_is_waited_for_no_longer(void **unused)
{
    int64_t dropped = BIRTH + 30 * DAY;

    (void)unused;
    pend(BIRTH, BIRTH);
    f.state.written = dropped - HOUR;
    f.state.retry_after = dropped + DAY;
    DECIDE(dropped - HOUR);
    assert_int_equal(f.decision.step, STEP_WAIT);
    assert_int_equal(f.decision.at, dropped + DAY);
    assert_int_equal(f.decision.until, dropped);
    EXPECT(DECIDE(dropped), STEP_WAIT, HOLD_NOT_DUE, DUE);
}

// ---- Policy: "it may let the step pass or hold it (asked again within a day)"

static void step_held_by_a_policy_is_asked_for_again_within_a_day(void **unused)
{
    (void)unused;
    f.state.written = f.state.hold_since = DUE;
    f.state.hold_until = DUE + 5 * HOUR;
    f.state.hold_by = "approval";
    f.state.hold_step = "issue";
    f.state.hold_reason = "nobody has approved it";
    // Without a policy nothing holds.
    EXPECT(DECIDE(DUE), STEP_ISSUE, HOLD_NONE, DUE);
    f.settings.policies.count = 1;
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_POLICY, DUE + 5 * HOUR);
    assert_string_equal(f.decision.detail, "nobody has approved it");
    EXPECT(DECIDE(DUE + 5 * HOUR), STEP_ISSUE, HOLD_NONE, DUE + 5 * HOUR);
    EXPECT(fixture_decide(&f, DUE, DECIDE_BY_HAND_ISSUE), STEP_ISSUE, HOLD_NONE, DUE);
    f.state.hold_until = DUE + 9 * DAY;
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_POLICY, DUE + DAY);
    // It holds the step that it was asked about.
    f.state.hold_step = "publish";
    EXPECT(DECIDE(DUE), STEP_ISSUE, HOLD_NONE, DUE);
    fixture_renewed(&f, NULL);
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_POLICY, DUE + DAY);
    assert_int_equal(f.decision.next, STEP_PUBLISH);
}

// ---- The order of steps

// "a ready publication goes first, unless it failed before"
static void ready_publication_goes_before_the_renewal_unless_it_failed(void **unused)
{
    int64_t now = DUE + LIFE;

    (void)unused;
    struct publication *publication = fixture_renewed(&f, "nginx");
    f.state.written = now;
    EXPECT(DECIDE(now), STEP_PUBLISH, HOLD_NONE, now);
    fixture_fail(&publication->failures, 1, now - HOUR);
    EXPECT(DECIDE(now), STEP_ISSUE, HOLD_NONE, DUE + 60 * DAY);
    assert_true(f.decision.failed);
    // While the renewal waits, the failed publication is retried.
    fixture_fail(&f.state.issue, 1, now);
    EXPECT(DECIDE(now), STEP_PUBLISH, HOLD_NONE, now - HOUR + MINUTE);
    fixture_fail(&publication->failures, 1, now);
    EXPECT(DECIDE(now), STEP_WAIT, HOLD_RETRY, now + MINUTE);
    fixture_fail(&publication->failures, 2, now);
    EXPECT(DECIDE(now), STEP_WAIT, HOLD_RETRY, now + MINUTE);
    assert_int_equal(f.decision.next, STEP_ISSUE);
    fixture_fail(&f.state.issue, 3, now);
    EXPECT(DECIDE(now), STEP_WAIT, HOLD_RETRY, now + 10 * MINUTE);
    assert_int_equal(f.decision.next, STEP_PUBLISH);
}

// "A worker that finds the note, with the lock in hand, finishes or undoes that publication before any other step of
// the certificate, in a slot or not. If that fails it counts as a failure of that profile with its waits, and does not
// hold the renewal." (spec 6)
static void unfinished_publication_comes_before_everything(void **unused)
{
    (void)unused;
    f.settings.profiles.count = 2;
    f.settings.auto_renew = f.settings.auto_publish = false;
    f.publish_slots = slots_of("none");
    f.state.publishing = "mail";
    f.state.publishing_generation = 1;
    f.state.written = DUE;
    EXPECT(DECIDE(DUE), STEP_PUBLISH, HOLD_NONE, DUE);
    assert_string_equal(f.decision.profile, "mail");
    assert_int_equal(f.decision.generation, 1);
    assert_int_equal(f.decision.cause, DUE_UNFINISHED);
    f.settings.auto_renew = f.settings.auto_publish = true;
    EXPECT(DECIDE(DUE), STEP_PUBLISH, HOLD_NONE, DUE);
    // Failed: its waits, and the renewal meanwhile; then it is the first again.
    struct publication *publication = state_publication_add(&f.state, "mail");
    fixture_fail(&publication->failures, 1, DUE);
    EXPECT(DECIDE(DUE), STEP_ISSUE, HOLD_NONE, DUE);
    EXPECT(DECIDE(DUE + MINUTE), STEP_PUBLISH, HOLD_NONE, DUE + MINUTE);
    f.settings.auto_renew = false;
    EXPECT(DECIDE(DUE), STEP_WAIT, HOLD_RETRY, DUE + MINUTE);
    // Other profiles wait for it, since there is one note; it answers for them.
    decide_publish(&f.config, &f.certificate, &f.settings, &f.state, "nginx", DUE, 0, &f.decision);
    EXPECT(&f.decision, STEP_WAIT, HOLD_RETRY, DUE + MINUTE);
    assert_string_equal(f.decision.profile, "mail");
    // A profile that is no longer set is no reason to leave the note.
    f.state.publishing = "gone";
    EXPECT(DECIDE(DUE), STEP_PUBLISH, HOLD_NONE, DUE);
    assert_string_equal(f.decision.profile, "gone");
}

static void what_is_told_when_nothing_will_ever_happen(void **unused)
{
    (void)unused;
    f.settings.auto_renew = false;
    fixture_renewed(&f, NULL);
    f.state.held = 2;
    EXPECT(DECIDE(DUE), STEP_NONE, HOLD_HELD, 0);
    f.state.publications[0].published = 2;
    EXPECT(DECIDE(DUE), STEP_NONE, HOLD_OFF, 0);
    f.settings.auto_renew = true;
    f.settings.template = NULL;
    EXPECT(DECIDE(DUE), STEP_NONE, HOLD_NO_TEMPLATE, 0);
}

// ---- Groups (spec 2, end of the settings table)

static struct group groups[4];
static const struct group *const group_list[4] = {&groups[0], &groups[1], &groups[2], &groups[3]};

static void group_up(uint16_t count)
{
    memset(groups, 0, sizeof(groups));
    for (int i = 0; i < 4; i++) {
        groups[i].settings = f.settings;
        groups[i].settings.auto_renew = true;
    }
    f.certificate.groups = group_list;
    f.certificate.group_count = count;
}

static int chosen(void)
{
    const struct group *group = decide_group(&f.config, &f.certificate, &f.state);

    return group == NULL ? -1 : (int)(group - groups);
}

// "A certificate in several groups takes *all* group settings from one of them: of those whose own or default
// `auto_renew` is yes, the one by whose rule it is due first (the longest window); for one never issued, and on a tie,
// the first named. If none is enabled, the first named. A certificate's own `auto_renew` wins over its group's."
static void group_with_the_longest_window_acts(void **unused)
{
    (void)unused;
    group_up(0);
    assert_int_equal(chosen(), -1);
    group_up(1);
    groups[0].settings.auto_renew = false;
    assert_int_equal(chosen(), 0);

    group_up(4);
    groups[1].settings.renew = (struct renew){RENEW_BEFORE, 31 * DAY};
    groups[2].settings.renew = (struct renew){RENEW_BEFORE, 40 * DAY};
    groups[3].settings.renew = (struct renew){RENEW_BEFORE, 40 * DAY};
    assert_int_equal(chosen(), 2); // a tie of the last two
    groups[2].settings.auto_renew = false;
    assert_int_equal(chosen(), 3);
    groups[3].settings.auto_renew = false;
    assert_int_equal(chosen(), 1);
    // The longest that is not cut.
    groups[0].settings.renew = (struct renew){RENEW_BEFORE, 85 * DAY};
    assert_int_equal(chosen(), 1);
    groups[0].settings.renew = (struct renew){RENEW_ON_EXPIRY, 0};
    assert_int_equal(chosen(), 1);
    groups[1].settings.auto_renew = false;
    assert_int_equal(chosen(), 0);
    groups[0].settings.auto_renew = false;
    assert_int_equal(chosen(), 0); // none is enabled

    // Never issued: the first of those enabled.
    group_up(3);
    groups[0].settings.auto_renew = false;
    groups[2].settings.renew = (struct renew){RENEW_BEFORE, 40 * DAY};
    assert_int_equal(chosen(), 2);
    fixture_unissued(&f);
    assert_int_equal(chosen(), 1);
}

static void group_is_chosen_by_its_own_switch_and_the_certificates_wins(void **unused)
{
    struct settings settings;

    (void)unused;
    group_up(2);
    groups[0].settings.auto_renew = false;
    groups[1].settings.renew = (struct renew){RENEW_BEFORE, 7 * DAY};
    f.certificate.own_count = 1; // auto_renew = no in the certificate's own section
    assert_int_equal(chosen(), 1);
    decide_settings(&f.config, &f.certificate, &f.state, &settings);
    assert_false(settings.auto_renew);
    assert_int_equal(settings.renew.amount, 7 * DAY);
    groups[1].settings.auto_renew = false;
    f.certificate.own_count = 2; // yes
    assert_int_equal(chosen(), 0);
    decide_settings(&f.config, &f.certificate, &f.state, &settings);
    assert_true(settings.auto_renew);
    f.certificate.group_count = 0;
    decide_settings(&f.config, &f.certificate, &f.state, &settings);
    assert_true(settings.auto_renew);
    assert_int_equal(settings.renew.amount, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(issue_waits_until_due),
        TEST(issue_is_due_at_once_when_never_issued),
        TEST(issue_waits_for_its_slot),
        TEST(issue_that_no_slot_ever_opens_for_is_told),
        TEST(issue_warns_when_no_slot_opens_before_expiry),
        TEST(issue_is_not_held_by_slots_from_the_override_on),
        TEST(issue_slots_follow_the_zone_and_its_changes),
        TEST(issue_waits_after_failures),
        TEST(issue_waits_after_a_failure_of_the_first_issue_without_a_window),
        TEST(issue_goes_on_after_expiry),
        TEST(issue_after_a_change_of_settings_waits_no_more),
        TEST(issue_after_a_permanent_failure_skips_the_short_waits),
        TEST(issue_of_a_name_given_to_run_now_does_not_wait_for_retry),
        TEST(issue_is_held_by_retry_after_by_hand_too),
        TEST(issue_waits_go_into_the_next_slot),
        TEST(issue_does_not_wait_for_what_a_wrong_clock_noted),
        TEST(issue_that_is_due_again_at_once_waits_as_after_a_failure),
        TEST(issue_by_hand_is_at_once),
        TEST(issue_without_template_or_names_is_refused_by_hand_too),
        TEST(nothing_runs_by_itself_for_a_switch_that_is_off),
        TEST(each_switch_works_without_the_other),
        TEST(pending_order_is_asked_about_again_free_of_slots),
        TEST(pending_order_is_dropped_when_it_no_longer_fits),
        TEST(pending_order_that_ends_before_it_is_asked_about_is_waited_for_no_longer),
        TEST(step_held_by_a_policy_is_asked_for_again_within_a_day),
        TEST(ready_publication_goes_before_the_renewal_unless_it_failed),
        TEST(unfinished_publication_comes_before_everything),
        TEST(what_is_told_when_nothing_will_ever_happen),
        TEST(group_with_the_longest_window_acts),
        TEST(group_is_chosen_by_its_own_switch_and_the_certificates_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
