// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of decide: publications, by the sentences of spec 3 "Publishing" and spec 6.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

// A digest of its own for each profile, as config.c makes it.
void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65])
{
    (void)config;
    (void)certificate;
    (void)settings;
    snprintf(out, 65, "%s%s", DIGEST, profile == NULL ? "" : profile->section.name);
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

static const struct decision *publish(const char *profile, int64_t now, unsigned flags)
{
    memset(&f.decision, 0xa5, sizeof(f.decision));
    decide_publish(&f.config, &f.certificate, &f.settings, &f.state, profile, now, flags, &f.decision);
    return &f.decision;
}

static const struct decision *live(int64_t now, unsigned flags)
{
    return publish(STATE_LIVE, now, flags);
}

static void fail_profile(struct publication *publication, uint32_t count, int64_t last)
{
    static char digests[4][65];
    static int next;
    char *digest = digests[next++ % 4];

    snprintf(digest, 65, "%s%s", DIGEST, strcmp(publication->profile, STATE_LIVE) == 0 ? "" : publication->profile);
    fixture_fail(&publication->failures, count, last);
    publication->failures.settings = digest;
}

// The rules of `publish` (spec 2): "after renewal, on previous expiry, 3d after previous expiry"
static void publication_is_due_by_its_rule(void **unused)
{
    static const struct {
        enum publish_rule rule;
        int64_t after, at; // at: seconds from the previous expiry, 1 for at once
        enum due_cause cause;
    } rows[] = {
        {PUBLISH_AFTER_RENEWAL, 0, 1, DUE_AFTER_RENEWAL},
        {PUBLISH_ON_PREVIOUS_EXPIRY, 0, 0, DUE_ON_PREVIOUS_EXPIRY},
        {PUBLISH_AFTER_PREVIOUS_EXPIRY, 3 * DAY, 3 * DAY, DUE_AFTER_PREVIOUS_EXPIRY},
        {PUBLISH_AFTER_PREVIOUS_EXPIRY, DAY, DAY, DUE_AFTER_PREVIOUS_EXPIRY},
    };

    (void)unused;
    fixture_renewed(&f, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t due = EXPIRY + rows[i].at;
        f.settings.publish = (struct publish_when){rows[i].rule, rows[i].after};
        if (rows[i].at == 1) {
            EXPECT(live(DUE, 0), STEP_PUBLISH, HOLD_NONE, DUE);
        } else {
            EXPECT(live(DUE, 0), STEP_WAIT, HOLD_NOT_DUE, due);
            EXPECT(live(due - 1, 0), STEP_WAIT, HOLD_NOT_DUE, due);
            EXPECT(live(due, 0), STEP_PUBLISH, HOLD_NONE, due);
        }
        assert_int_equal(f.decision.cause, rows[i].cause);
        assert_int_equal(f.decision.generation, 2);
        assert_string_equal(f.decision.profile, STATE_LIVE);
    }
}

// "*Previous* is the generation now published by that profile; with none, or a revoked one, publication is due at once."
static void publication_without_a_good_previous_is_due_at_once(void **unused)
{
    (void)unused;
    struct publication *publication = fixture_renewed(&f, NULL);
    f.settings.publish = (struct publish_when){PUBLISH_ON_PREVIOUS_EXPIRY, 0};
    EXPECT(live(DUE, 0), STEP_WAIT, HOLD_NOT_DUE, EXPIRY);
    publication->published_revoked = true;
    EXPECT(live(DUE, 0), STEP_PUBLISH, HOLD_NONE, DUE);
    assert_int_equal(f.decision.cause, DUE_PREVIOUS_REVOKED);
    publication->published_revoked = false;
    publication->published = 0;
    EXPECT(live(DUE, 0), STEP_PUBLISH, HOLD_NONE, DUE);
    assert_int_equal(f.decision.cause, DUE_NOT_PUBLISHED);
    f.state.publication_count = 0;
    EXPECT(live(DUE, 0), STEP_PUBLISH, HOLD_NONE, DUE);
    assert_int_equal(f.decision.cause, DUE_NOT_PUBLISHED);
}

// "If a newer generation arrives first, only the newest is published."
static void publication_is_of_the_newest_generation_only(void **unused)
{
    (void)unused;
    fixture_renewed(&f, NULL);
    f.settings.publish = (struct publish_when){PUBLISH_ON_PREVIOUS_EXPIRY, 0};
    f.state.generation = 7;
    EXPECT(live(DUE, 0), STEP_WAIT, HOLD_NOT_DUE, EXPIRY); // of generation 1, still
    EXPECT(live(EXPIRY, 0), STEP_PUBLISH, HOLD_NONE, EXPIRY);
    assert_int_equal(f.decision.generation, 7);
}

static void publication_of_what_is_published_or_not_issued_is_nothing_to_do(void **unused)
{
    (void)unused;
    EXPECT(live(DUE, 0), STEP_NONE, HOLD_PUBLISHED, 0);
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH), STEP_NONE, HOLD_PUBLISHED, 0);
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH | DECIDE_FORCE), STEP_PUBLISH, HOLD_NONE, DUE);
    EXPECT(publish("nginx", DUE, 0), STEP_NONE, HOLD_NO_PROFILE, 0);
    f.settings.profiles.count = 1;
    EXPECT(live(DUE, 0), STEP_NONE, HOLD_NO_PROFILE, 0);
    fixture_unissued(&f);
    EXPECT(publish("nginx", DUE, 0), STEP_NONE, HOLD_NOT_ISSUED, 0);
    EXPECT(publish("nginx", DUE, DECIDE_BY_HAND_PUBLISH | DECIDE_FORCE), STEP_NONE, HOLD_NOT_ISSUED, 0);
}

// "Publishing is a job of its own per profile: own due time, slots, failures, retries"
static void publication_is_a_job_of_its_own_per_profile(void **unused)
{
    int64_t now = DUE + HOUR;

    (void)unused;
    struct publication *nginx = fixture_renewed(&f, "nginx");
    f.settings.profiles.count = 3;
    struct publication *mail = state_publication_add(&f.state, "mail");
    f.state.written = now;
    *mail = (struct publication){.profile = "mail", .published = 2, .failures.last = CLOCK_NONE};
    EXPECT(publish("nginx", now, 0), STEP_PUBLISH, HOLD_NONE, now);
    EXPECT(publish("mail", now, 0), STEP_NONE, HOLD_PUBLISHED, 0);
    EXPECT(publish("backup", now, 0), STEP_PUBLISH, HOLD_NONE, now);
    // All together: in the order of the settings, those that failed last.
    EXPECT(publish(NULL, now, 0), STEP_PUBLISH, HOLD_NONE, now);
    assert_string_equal(f.decision.profile, "nginx");
    fail_profile(nginx, 1, now - HOUR);
    EXPECT(publish(NULL, now, 0), STEP_PUBLISH, HOLD_NONE, now);
    assert_string_equal(f.decision.profile, "backup");
    assert_true(f.decision.failed);
    assert_int_equal(f.decision.failures, 0);
    struct publication *backup = state_publication_add(&f.state, "backup");
    backup->published = 2;
    EXPECT(publish(NULL, now, 0), STEP_PUBLISH, HOLD_NONE, now - HOUR + MINUTE);
    assert_string_equal(f.decision.profile, "nginx");
    // The failures of one do not hold another; the first to be over is waited for.
    fail_profile(nginx, 2, now);
    EXPECT(publish(NULL, now, 0), STEP_WAIT, HOLD_RETRY, now + 10 * MINUTE);
    backup->published = 1;
    backup->published_not_after = EXPIRY;
    fail_profile(backup, 1, now);
    EXPECT(publish(NULL, now, 0), STEP_WAIT, HOLD_RETRY, now + MINUTE);
    assert_string_equal(f.decision.profile, "backup");
    // All done.
    nginx->published = backup->published = 2;
    EXPECT(publish(NULL, now, 0), STEP_NONE, HOLD_PUBLISHED, 0);
}

// "a failed publication is retried without renewing"; "publications use [the window] of their renewal"
static void publication_is_retried_with_the_waits_of_its_renewal(void **unused)
{
    int64_t failed = DUE + HOUR;

    (void)unused;
    struct publication *publication = fixture_renewed(&f, NULL);
    f.state.written = failed;
    fail_profile(publication, 3, failed);
    EXPECT(live(failed, 0), STEP_WAIT, HOLD_RETRY, failed + 100 * MINUTE);
    EXPECT(fixture_decide(&f, failed, 0), STEP_WAIT, HOLD_RETRY, failed + 100 * MINUTE);
    assert_int_equal(f.decision.next, STEP_PUBLISH);
    fail_profile(publication, 4, failed);
    EXPECT(live(failed, 0), STEP_WAIT, HOLD_RETRY_RUN, failed + 100 * MINUTE);
    EXPECT(live(failed, DECIDE_IGNORE_RETRY), STEP_PUBLISH, HOLD_NONE, failed);
    EXPECT(live(failed, DECIDE_BY_HAND_PUBLISH), STEP_PUBLISH, HOLD_NONE, failed);
    // A certificate of 80 seconds has a window of 40, an eighth of which is 5.
    f.state.not_after = DUE + 80;
    EXPECT(live(failed, 0), STEP_WAIT, HOLD_RETRY_RUN, failed + 5);
    assert_int_equal(f.decision.window_s, 40);
    // Retry-After is the CA's, and no CA is asked here.
    fail_profile(publication, 0, failed);
    f.state.retry_after = failed + DAY;
    EXPECT(live(failed, 0), STEP_PUBLISH, HOLD_NONE, failed);
    // The settings have changed since.
    fail_profile(publication, 4, failed);
    publication->failures.settings = "others";
    EXPECT(live(failed, 0), STEP_PUBLISH, HOLD_NONE, failed);
}

static void publication_waits_for_its_own_slots(void **unused)
{
    int64_t sunday = at("2026-03-08T00:00:00Z");

    (void)unused;
    fixture_renewed(&f, NULL);
    f.publish_slots = slots_of("sun 00:00-04:00");
    EXPECT(live(DUE, 0), STEP_WAIT, HOLD_SLOT, sunday);
    EXPECT(live(sunday + HOUR, 0), STEP_PUBLISH, HOLD_NONE, sunday + HOUR);
    EXPECT(live(DUE, DECIDE_IGNORE_SLOTS), STEP_PUBLISH, HOLD_NONE, DUE);
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH), STEP_PUBLISH, HOLD_NONE, DUE);
    // The slots of renewing do not matter.
    f.publish_slots = slots_of("all");
    f.renew_slots = slots_of("none");
    EXPECT(live(DUE, 0), STEP_PUBLISH, HOLD_NONE, DUE);
}

// "from then on slots no longer hold a renewal, nor its publication"
static void publication_is_not_held_by_slots_from_the_override_on(void **unused)
{
    int64_t override = EXPIRY - 2 * DAY; // of generation 1, which is to be replaced: Monday 30 March

    (void)unused;
    struct publication *publication = fixture_renewed(&f, NULL);
    f.publish_slots = slots_of("tue 00:00-04:00");
    f.settings.override_before_s = 2 * DAY;
    EXPECT(live(override - HOUR, 0), STEP_WAIT, HOLD_SLOT, override);
    EXPECT(live(override, 0), STEP_PUBLISH, HOLD_NONE, override);
    f.settings.publish = (struct publish_when){PUBLISH_AFTER_PREVIOUS_EXPIRY, 3 * DAY};
    EXPECT(live(override, 0), STEP_WAIT, HOLD_NOT_DUE, EXPIRY + 3 * DAY);
    EXPECT(live(EXPIRY + 3 * DAY, 0), STEP_PUBLISH, HOLD_NONE, EXPIRY + 3 * DAY);
    // Nothing is published yet: the expiry of what waits to be.
    publication->published = 0;
    publication->published_not_after = CLOCK_NONE;
    f.publish_slots = slots_of("none");
    EXPECT(live(DUE, 0), STEP_WAIT, HOLD_SLOT, DUE + LIFE - 2 * DAY);
}

// "`must_keep`: a new generation that lost one of them is `held`, told once, and published only by `publish NAME
// --force`." (spec 5)
static void publication_of_a_held_generation_needs_force(void **unused)
{
    (void)unused;
    fixture_renewed(&f, NULL);
    f.state.held = 2;
    f.state.held_reason = "it lost mail.example";
    EXPECT(live(DUE, 0), STEP_NONE, HOLD_HELD, 0);
    assert_string_equal(f.decision.detail, "it lost mail.example");
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH), STEP_NONE, HOLD_HELD, 0);
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH | DECIDE_FORCE), STEP_PUBLISH, HOLD_NONE, DUE);
    EXPECT(fixture_decide(&f, DUE, 0), STEP_WAIT, HOLD_NOT_DUE, DUE + 60 * DAY);
    assert_int_equal(f.decision.behind, HOLD_HELD);
    assert_string_equal(decide_state_word(&f.settings, &f.state, &f.decision, DUE), "waiting");
    f.state.generation = 3;
    EXPECT(live(DUE, 0), STEP_PUBLISH, HOLD_NONE, DUE);
}

// "`rollback NAME` publishes the newest older generation that is still valid and withdraws the newer one: it is not
// published again by itself; `publish NAME` lifts that, a newer generation ends it." (spec 6)
static void publication_of_a_withdrawn_generation_is_not_by_itself(void **unused)
{
    (void)unused;
    fixture_renewed(&f, NULL);
    f.state.withdrawn = 2;
    EXPECT(live(DUE, 0), STEP_NONE, HOLD_WITHDRAWN, 0);
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH), STEP_PUBLISH, HOLD_NONE, DUE);
    EXPECT(fixture_decide(&f, DUE, 0), STEP_WAIT, HOLD_NOT_DUE, DUE + 60 * DAY);
    assert_int_equal(f.decision.behind, HOLD_WITHDRAWN);
    f.state.generation = 3;
    EXPECT(live(DUE, 0), STEP_PUBLISH, HOLD_NONE, DUE);
    f.state.withdrawn = 9; // what a rollback of several steps noted
    EXPECT(live(DUE, 0), STEP_NONE, HOLD_WITHDRAWN, 0);
}

static void rollback_is_for_profiles_that_have_published(void **unused)
{
    const unsigned back = DECIDE_BY_HAND_PUBLISH | DECIDE_ROLLBACK;

    (void)unused;
    fixture_renewed(&f, NULL);
    EXPECT(live(DUE, back), STEP_PUBLISH, HOLD_NONE, DUE);
    f.settings.auto_publish = false;
    EXPECT(live(DUE, back), STEP_PUBLISH, HOLD_NONE, DUE);
    f.settings.auto_publish = true;
    f.settings.profiles.count = 3;
    EXPECT(publish("nginx", DUE, back), STEP_NONE, HOLD_NONE_BEFORE, 0);
    state_publication_add(&f.state, "nginx")->published = 2;
    state_publication_add(&f.state, "mail")->published = 1;
    EXPECT(publish("nginx", DUE, back), STEP_PUBLISH, HOLD_NONE, DUE);
    EXPECT(publish("mail", DUE, back), STEP_PUBLISH, HOLD_NONE, DUE);
    EXPECT(publish("backup", DUE, back), STEP_NONE, HOLD_NONE_BEFORE, 0);
    f.state.generation = 0;
    EXPECT(publish("nginx", DUE, back), STEP_NONE, HOLD_NOT_ISSUED, 0);
}

// "without key it cannot be published" (spec 8, import)
static void publication_without_a_key_is_refused(void **unused)
{
    (void)unused;
    fixture_renewed(&f, NULL);
    f.state.keyless = true;
    EXPECT(live(DUE, 0), STEP_NONE, HOLD_NO_KEY, 0);
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH | DECIDE_FORCE), STEP_NONE, HOLD_NO_KEY, 0);
    f.settings.auto_publish = false;
    EXPECT(live(DUE, 0), STEP_NONE, HOLD_OFF, 0);
}

// "With `auto_publish = no` nothing is switched, `status` says so, `publish NAME` does it." (spec 6)
static void publication_that_is_off_is_by_hand_only(void **unused)
{
    (void)unused;
    fixture_renewed(&f, NULL);
    f.settings.auto_publish = false;
    EXPECT(live(DUE, 0), STEP_NONE, HOLD_OFF, 0);
    EXPECT(live(DUE, DECIDE_IGNORE_RETRY | DECIDE_IGNORE_SLOTS), STEP_NONE, HOLD_OFF, 0);
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH), STEP_PUBLISH, HOLD_NONE, DUE);
    assert_int_equal(f.decision.cause, DUE_BY_HAND);
    EXPECT(fixture_decide(&f, DUE, DECIDE_BY_HAND_PUBLISH), STEP_PUBLISH, HOLD_NONE, DUE);
    // By hand before its time as well.
    f.settings.auto_publish = true;
    f.settings.publish = (struct publish_when){PUBLISH_ON_PREVIOUS_EXPIRY, 0};
    EXPECT(live(DUE, DECIDE_BY_HAND_PUBLISH), STEP_PUBLISH, HOLD_NONE, DUE);
}

static void unfinished_publication_waits_only_after_its_failure(void **unused)
{
    int64_t failed = DUE + HOUR;

    (void)unused;
    struct publication *publication = fixture_renewed(&f, "nginx");
    f.settings.policies.count = 1;
    f.state.hold_since = f.state.written = failed;
    f.state.hold_until = failed + DAY;
    f.state.hold_step = "publish";
    f.state.publishing = "nginx";
    f.state.publishing_generation = 2;
    f.state.held = f.state.withdrawn = 2;
    EXPECT(publish(NULL, failed, 0), STEP_PUBLISH, HOLD_NONE, failed);
    fail_profile(publication, 1, failed);
    EXPECT(publish(NULL, failed, 0), STEP_WAIT, HOLD_RETRY, failed + MINUTE);
    assert_true(f.decision.failed);
    EXPECT(publish("nginx", failed, DECIDE_BY_HAND_PUBLISH), STEP_PUBLISH, HOLD_NONE, failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(publication_is_due_by_its_rule),
        TEST(publication_without_a_good_previous_is_due_at_once),
        TEST(publication_is_of_the_newest_generation_only),
        TEST(publication_of_what_is_published_or_not_issued_is_nothing_to_do),
        TEST(publication_is_a_job_of_its_own_per_profile),
        TEST(publication_is_retried_with_the_waits_of_its_renewal),
        TEST(publication_waits_for_its_own_slots),
        TEST(publication_is_not_held_by_slots_from_the_override_on),
        TEST(publication_of_a_held_generation_needs_force),
        TEST(publication_of_a_withdrawn_generation_is_not_by_itself),
        TEST(rollback_is_for_profiles_that_have_published),
        TEST(publication_without_a_key_is_refused),
        TEST(publication_that_is_off_is_by_hand_only),
        TEST(unfinished_publication_waits_only_after_its_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
