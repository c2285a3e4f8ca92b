// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of decide: reasons, warnings and the word of the state.
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

static void check_reason(int64_t now, const char *expected, const char *file, int line)
{
    struct buf text;

    buf_init(&text, 4000);
    decide_reason(&f.config, &f.decision, now, &text);
    if (strcmp(buf_string(&text), expected) != 0) {
        fail_msg("%s:%d: '%s', not '%s'", file, line, buf_string(&text), expected);
    }
    buf_free(&text);
}

#define EXPECT_REASON(now, text)                     \
    do {                                             \
        fixture_decide(&f, now, 0);                  \
        check_reason(now, text, __FILE__, __LINE__); \
    } while (0)

static void reasons_of_renewals_tell_when_and_why(void **unused)
{
    (void)unused;
    f.settings.renew = (struct renew){RENEW_BEFORE, 31 * DAY}; // a Sunday
    f.renew_slots = slots_of("sun 00:00-04:00");
    EXPECT_REASON(EXPIRY - 43 * DAY, "renews in 12 d: 31 d before expiry; next slot Sun 00:00–04:00");
    f.renew_slots = slots_of("all");
    EXPECT_REASON(EXPIRY - 43 * DAY, "renews in 12 d: 31 d before expiry");
    EXPECT_REASON(EXPIRY - 31 * DAY, "renews now: 31 d before expiry");
    f.settings.renew = (struct renew){RENEW_AUTO, 0};
    EXPECT_REASON(DUE - HOUR, "renews in 1 h: a third of its lifetime left");
    f.state.not_after = BIRTH + 6 * DAY;
    EXPECT_REASON(BIRTH, "renews in 3 d: half of its lifetime left");
    f.state.not_after = EXPIRY;
    f.settings.renew = (struct renew){RENEW_BEFORE_PERCENT, 33};
    EXPECT_REASON(EXPIRY, "renews now: 33% before expiry");
    f.settings.renew = (struct renew){RENEW_ON_EXPIRY, 0};
    EXPECT_REASON(EXPIRY - 5, "renews in 5 s: on expiry");
    f.settings.renew = (struct renew){RENEW_AFTER_EXPIRY, 3 * DAY};
    EXPECT_REASON(EXPIRY, "renews in 3 d: 3 d after expiry");
    f.settings.renew = (struct renew){RENEW_AUTO, 0};
    f.state.window_start = f.state.window_finish = BIRTH + 2 * DAY;
    EXPECT_REASON(BIRTH, "renews in 2 d: its CA suggests it");
    f.state.window_url = "https://ca.example/why";
    EXPECT_REASON(BIRTH, "renews in 2 d: its CA suggests it (https://ca.example/why)");
    f.state.revoked = true;
    EXPECT_REASON(BIRTH + DAY, "renews now: revoked");
    f.settings.key_is_own = true;
    f.settings.key = KEY_RSA_2048;
    EXPECT_REASON(BIRTH, "renews now: its key type has changed");
    f.certificate.names = "c.example";
    EXPECT_REASON(BIRTH, "renews now: its names have changed");
    fixture_decide(&f, BIRTH, DECIDE_BY_HAND_ISSUE);
    check_reason(BIRTH, "renews now: asked for by hand", __FILE__, __LINE__);
    fixture_unissued(&f);
    EXPECT_REASON(BIRTH, "is issued now: never issued yet");
    f.renew_slots = slots_of("sun 00:00-04:00");
    EXPECT_REASON(BIRTH, "is issued in 3 d: never issued yet; next slot Sun 00:00–04:00");
}

static void reasons_of_renewals_tell_what_holds(void **unused)
{
    (void)unused;
    f.state.written = DUE;
    fixture_fail(&f.state.issue, 1, DUE);
    EXPECT_REASON(DUE, "renews in 1 min: failed once; a third of its lifetime left");
    fixture_fail(&f.state.issue, 4, DUE);
    EXPECT_REASON(DUE, "renews at the first run after 1 h 40 min: failed 4 times; a third of its lifetime left");
    f.state.retry_after = DUE + DAY;
    EXPECT_REASON(DUE, "renews in 1 d: its CA asks to wait so long; a third of its lifetime left");
    f.state.issue.count = 0;
    f.state.retry_after = CLOCK_NONE;
    f.settings.policies.count = 1;
    f.state.hold_since = DUE - HOUR;
    f.state.hold_until = DUE + 5 * HOUR;
    f.state.hold_step = "issue";
    f.state.hold_by = "approval";
    f.state.hold_reason = "ask\nAda";
    EXPECT_REASON(DUE, "renews in 5 h, if allowed then: held by approval for 1 h: ask\\x0aAda; a third of its lifetime "
                       "left");
    f.state.hold_by = f.state.hold_reason = NULL;
    EXPECT_REASON(DUE, "renews in 5 h, if allowed then: held for 1 h; a third of its lifetime left");
    f.settings.policies.count = 0;
    f.state.pending_since = DUE - 2 * HOUR;
    f.state.pending_next = DUE + 600;
    f.state.pending_names = f.certificate.names;
    f.state.pending_key_type = "ecdsa-p256";
    EXPECT_REASON(DUE, "asks its CA again in 10 min: the order is pending for 2 h");
    EXPECT_REASON(DUE + 600, "renews now: its order is pending");
    f.state.pending_since = CLOCK_NONE;
    f.renew_slots = slots_of("none");
    EXPECT_REASON(DUE, "no slot opens for it, ever; a third of its lifetime left");
    f.renew_slots = slots_of("wed 00:00-04:00");
    f.settings.override_before_s = 2 * DAY;
    EXPECT_REASON(EXPIRY - 3 * DAY, "renews in 1 d: a third of its lifetime left; slots do not hold it then");
    f.settings.auto_renew = false;
    EXPECT_REASON(DUE, "renewal is off (auto_renew)");
    f.settings.auto_renew = true;
    f.settings.template = NULL;
    EXPECT_REASON(DUE, "cannot be issued: no template is set");
    f.settings.template = &f.template;
    f.certificate.names = NULL;
    fixture_unissued(&f);
    EXPECT_REASON(DUE, "cannot be issued: no names are set, and none is imported");
}

static void reasons_of_publications_tell_generation_and_profile(void **unused)
{
    (void)unused;
    struct publication *publication = fixture_renewed(&f, "nginx");
    EXPECT_REASON(DUE, "publishes generation 2 by nginx now: after renewal");
    f.settings.publish = (struct publish_when){PUBLISH_ON_PREVIOUS_EXPIRY, 0};
    EXPECT_REASON(DUE, "publishes generation 2 by nginx in 30 d: on expiry of the previous one");
    f.settings.publish = (struct publish_when){PUBLISH_AFTER_PREVIOUS_EXPIRY, DAY};
    EXPECT_REASON(DUE, "publishes generation 2 by nginx in 31 d: 1 d after expiry of the previous one");
    publication->published_revoked = true;
    EXPECT_REASON(DUE, "publishes generation 2 by nginx now: the previous one is revoked");
    publication->published = 0;
    EXPECT_REASON(DUE, "publishes generation 2 by nginx now: not published yet");
    fixture_fail(&publication->failures, 2, DUE);
    EXPECT_REASON(DUE, "publishes generation 2 by nginx in 10 min: failed 2 times; not published yet");
    fixture_fail(&publication->failures, 9, DUE);
    EXPECT_REASON(DUE,
                  "publishes generation 2 by nginx at the first run after 1 h 40 min: failed 9 times; not published "
                  "yet");
    publication->failures.count = 0;
    f.state.publishing = "nginx";
    f.state.publishing_generation = 1;
    EXPECT_REASON(DUE, "publishes generation 1 by nginx now: it was cut short");
    f.state.publishing = NULL;
    f.settings.profiles.count = 0;
    EXPECT_REASON(DUE, "publishes generation 2 in 31 d: 1 d after expiry of the previous one");
}

static void reasons_of_renewals_tell_what_is_not_published(void **unused)
{
    (void)unused;
    fixture_renewed(&f, NULL);
    f.settings.auto_publish = false;
    EXPECT_REASON(DUE, "renews in 60 d: a third of its lifetime left; generation 2 is not published (auto_publish is "
                       "off)");
    f.settings.auto_renew = false;
    EXPECT_REASON(DUE, "renewal is off (auto_renew); generation 2 is not published (auto_publish is off)");
    f.settings.auto_publish = true;
    f.state.held = 2;
    f.state.held_reason = "lost mail.example";
    EXPECT_REASON(DUE, "generation 2 is held: lost mail.example; 'publish --force' publishes it");
    f.settings.auto_renew = true;
    EXPECT_REASON(DUE, "renews in 60 d: a third of its lifetime left; generation 2 is held");
    f.state.held = 0;
    f.state.withdrawn = 2;
    EXPECT_REASON(DUE, "renews in 60 d: a third of its lifetime left; generation 2 is withdrawn");
    f.settings.auto_renew = false;
    EXPECT_REASON(DUE, "generation 2 is withdrawn by a rollback");
    f.state.withdrawn = 0;
    f.state.keyless = true;
    EXPECT_REASON(DUE, "generation 2 cannot be published: it was imported without its key");
}

// Every combination there can be, and such as there cannot.
static void reasons_are_never_empty(void **unused)
{
    static char lengthy[100000];
    struct buf text;

    (void)unused;
    memset(lengthy, '\n', sizeof(lengthy) - 1);
    buf_init(&text, 8000);
    for (int step = 0; step <= STEP_COUNT; step++) {
        for (int cause = -1; cause <= DUE_CAUSE_COUNT; cause++) {
            for (int hold = -1; hold <= HOLD_COUNT; hold++) {
                struct decision decision = {.step = (enum step)step,
                                            .next = (enum step)step,
                                            .cause = (enum due_cause)cause,
                                            .hold = (enum hold)hold,
                                            .behind = (enum hold)hold,
                                            .at = CLOCK_NONE,
                                            .holder = lengthy,
                                            .detail = lengthy};
                buf_clear(&text);
                decide_reason(&f.config, &decision, DUE, &text);
                assert_true(text.length > 0 && !text.failed);
                assert_true(cause == DUE_PERCENT || strchr(text.data, '%') == NULL);
                assert_null(strchr(text.data, '\n'));
            }
        }
    }
    buf_free(&text);
    for (int step = 0; step < STEP_COUNT; step++) {
        assert_non_null(step_name((enum step)step));
    }
}

static void warnings_are_sentences(void **unused)
{
    static const struct {
        struct decision decision;
        const char *text;
    } rows[] = {
        {{.step = STEP_NONE}, ""},
        {{.window_cut = true},
         "the renewal window is 90 % of the lifetime or more, so a third of the lifetime is taken"},
        {{.long_window = true, .never_opens = true},
         "the renewal window is longer than two thirds of the lifetime; no slot opens between due and expiry"},
        {{.held_back = true}, "its CA wants it renewed within a day of its issue; that time is waited for"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf text;
        buf_init(&text, 1000);
        decide_warnings(&rows[i].decision, &text);
        assert_string_equal(buf_string(&text), rows[i].text);
        buf_free(&text);
    }
    // decide passes them on.
    f.settings.renew = (struct renew){RENEW_BEFORE, 85 * DAY};
    assert_true(fixture_decide(&f, BIRTH, 0)->window_cut);
    f.settings.renew = (struct renew){RENEW_BEFORE, 70 * DAY};
    assert_true(fixture_decide(&f, BIRTH, 0)->long_window);
    f.settings.renew = (struct renew){RENEW_AUTO, 0};
    f.state.revoked = true;
    assert_true(fixture_decide(&f, BIRTH, 0)->held_back);
}

static void expect_word(int64_t now, const char *word, int line)
{
    fixture_decide(&f, now, 0);
    const char *got = decide_state_word(&f.settings, &f.state, &f.decision, now);
    if (strcmp(got, word) != 0) {
        fail_msg("%d: %s, not %s", line, got, word);
    }
}
#define EXPECT_WORD(now, word) expect_word(now, word, __LINE__)

// "`state` is the first that fits: `disabled expired failed pending unissued due waiting ok` (`due`: could start now;
// `waiting`: due but held)." (spec 8)
static void state_is_the_first_word_that_fits(void **unused)
{
    (void)unused;
    EXPECT_WORD(BIRTH, "ok");
    EXPECT_WORD(DUE, "due");
    f.renew_slots = slots_of("sun");
    EXPECT_WORD(DUE, "waiting");
    EXPECT_WORD(BIRTH, "ok");
    f.renew_slots = slots_of("none");
    EXPECT_WORD(DUE, "waiting");
    EXPECT_WORD(BIRTH, "ok");
    fixture_unissued(&f);
    EXPECT_WORD(BIRTH, "unissued");
    f.state.pending_since = f.state.pending_next = BIRTH;
    f.state.pending_names = f.certificate.names;
    f.state.pending_key_type = "ecdsa-p256";
    EXPECT_WORD(BIRTH, "pending");
    // An order that was begun by hand is in progress all the same.
    f.settings.auto_renew = false;
    EXPECT_WORD(BIRTH, "pending");
    fixture_fail(&f.state.issue, 1, BIRTH);
    EXPECT_WORD(BIRTH, "failed");
    f.state.issue.settings = "others";
    EXPECT_WORD(BIRTH, "pending");
    f.state.issue.settings = DIGEST;
    f.state.generation = 1;
    f.state.not_before = BIRTH;
    f.state.not_after = EXPIRY;
    EXPECT_WORD(EXPIRY - 1, "failed");
    EXPECT_WORD(EXPIRY, "expired");
    f.settings.auto_publish = false;
    EXPECT_WORD(EXPIRY, "disabled");
}

static void state_tells_publications_that_failed_or_wait(void **unused)
{
    (void)unused;
    struct publication *publication = fixture_renewed(&f, "nginx");
    EXPECT_WORD(DUE, "due");
    f.publish_slots = slots_of("sun");
    EXPECT_WORD(DUE, "waiting");
    f.settings.publish = (struct publish_when){PUBLISH_ON_PREVIOUS_EXPIRY, 0};
    EXPECT_WORD(DUE, "ok");
    f.state.keyless = true;
    EXPECT_WORD(DUE, "waiting");
    f.state.keyless = false;
    fixture_fail(&publication->failures, 1, DUE);
    EXPECT_WORD(DUE, "failed");
    // By a profile that is no longer set nothing is published.
    f.settings.profiles.list = f.profile_list + 1;
    f.publish_slots = slots_of("all");
    EXPECT_WORD(DUE, "due");
}

// "the state `expired` go[es] by the newest generation or a published one, whichever ends first" (spec 9)
static void state_expired_goes_by_what_is_published_too(void **unused)
{
    (void)unused;
    struct publication *publication = fixture_renewed(&f, "nginx");
    f.settings.publish = (struct publish_when){PUBLISH_AFTER_PREVIOUS_EXPIRY, DAY};
    assert_int_equal(decide_expiry(&f.settings, &f.state), EXPIRY);
    EXPECT_WORD(EXPIRY - 1, "ok");
    EXPECT_WORD(EXPIRY, "expired");
    publication->published = 2;
    publication->published_not_after = DUE + LIFE;
    EXPECT_WORD(EXPIRY, "ok");
    assert_int_equal(decide_expiry(&f.settings, &f.state), DUE + LIFE);
    // A profile that is no longer set does not count, nor the link when there are profiles.
    state_publication_add(&f.state, "mail")->published = 1;
    assert_int_equal(decide_expiry(&f.settings, &f.state), DUE + LIFE);
    fixture_unissued(&f);
    assert_true(decide_expiry(&f.settings, &f.state) == CLOCK_NONE);
}

// "Under an unbelieved clock nothing is … called expired"
static void state_is_not_called_expired_under_an_unbelieved_clock(void **unused)
{
    (void)unused;
    f.settings.auto_renew = false;
    fixture_decide(&f, EXPIRY, 0);
    assert_string_equal(decide_state_word(&f.settings, &f.state, &f.decision, EXPIRY), "expired");
    assert_string_equal(decide_state_word(&f.settings, &f.state, &f.decision, CLOCK_NONE), "ok");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(reasons_of_renewals_tell_when_and_why),
        TEST(reasons_of_renewals_tell_what_holds),
        TEST(reasons_of_publications_tell_generation_and_profile),
        TEST(reasons_of_renewals_tell_what_is_not_published),
        TEST(reasons_are_never_empty),
        TEST(warnings_are_sentences),
        TEST(state_is_the_first_word_that_fits),
        TEST(state_tells_publications_that_failed_or_wait),
        TEST(state_expired_goes_by_what_is_published_too),
        TEST(state_is_not_called_expired_under_an_unbelieved_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
