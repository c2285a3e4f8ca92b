// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Properties of decide over random settings, states and times.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

#define CASES 120000

// In place of config.c; a digest that differs ends the count of failures.
void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65])
{
    (void)config;
    (void)certificate;
    (void)settings;
    (void)profile;
    snprintf(out, 65, "%s", DIGEST);
}

static struct zone *zones[CALENDAR_ZONES];

// ---- A random case

static int64_t random_life(struct random *random)
{
    static const int64_t units[] = {1, MINUTE, HOUR, DAY};

    return units[random_between(random, 0, 3)] * random_between(random, 1, 400);
}

static void random_failures(struct random *random, struct failures *failures, int64_t about)
{
    if (!random_one_in(random, 3)) {
        return;
    }
    fixture_fail(failures, (uint32_t)random_between(random, 1, 6), about + random_between(random, -2 * DAY, DAY));
    failures->permanent = random_one_in(random, 6);
    failures->settings = random_one_in(random, 6) ? "others" : DIGEST;
}

static void random_settings(struct random *random, struct fixture *f)
{
    struct settings *settings = &f->settings;

    settings->auto_renew = !random_one_in(random, 5);
    settings->auto_publish = !random_one_in(random, 5);
    settings->renew.rule = (enum renew_rule)random_between(random, RENEW_AUTO, RENEW_AFTER_EXPIRY);
    settings->renew.amount =
        settings->renew.rule == RENEW_BEFORE_PERCENT ? random_between(random, 1, 99) : random_life(random);
    settings->publish.rule =
        (enum publish_rule)random_between(random, PUBLISH_AFTER_RENEWAL, PUBLISH_AFTER_PREVIOUS_EXPIRY);
    settings->publish.after_s = random_life(random);
    f->renew_slots = random_one_in(random, 2) ? slots_of("all") : random_slots(random);
    f->publish_slots = random_one_in(random, 2) ? slots_of("all") : random_slots(random);
    settings->override_before_s = random_one_in(random, 3) ? random_life(random) : -1;
    settings->retry.count = (size_t)random_between(random, 1, 3);
    settings->profiles.count = (size_t)random_between(random, 0, 3);
    settings->policies.count = (size_t)random_between(random, 0, 1);
    settings->template = random_one_in(random, 20) ? NULL : &f->template;
    settings->key_is_own = random_one_in(random, 20);
    settings->key = random_one_in(random, 2) ? KEY_RSA_2048 : KEY_ECDSA_P256;
    f->certificate.names =
        random_one_in(random, 10) ? (random_one_in(random, 2) ? NULL : "c.example") : "a.example, b.example";
    f->config.engine.zone = zones[random_between(random, 0, CALENDAR_ZONES - 1)];
    f->config.engine.jitter_s = random_one_in(random, 2) ? HOUR : random_life(random);
    f->config.engine.runs = random_one_in(random, 2)
                                ? (struct runs){.daily = true, .at_min = (uint16_t)random_between(random, 0, 1439)}
                                : (struct runs){.every_s = random_life(random)};
}

static void random_publications(struct random *random, struct fixture *f)
{
    struct state *state = &f->state;

    state->publication_count = 0;
    for (size_t i = 0; i == 0 || i < f->settings.profiles.count; i++) {
        if (random_one_in(random, 4)) {
            continue;
        }
        struct publication *publication =
            state_publication_add(state, f->settings.profiles.count == 0 ? STATE_LIVE : f->profiles[i].section.name);
        publication->published = (uint32_t)random_between(random, 0, state->generation);
        if (publication->published > 0) {
            publication->published_not_after = state->not_after - random_life(random);
            publication->published_revoked = random_one_in(random, 8);
        }
        random_failures(random, &publication->failures, state->written);
    }
    if (random_one_in(random, 12)) {
        state->publishing = f->settings.profiles.count == 0 ? STATE_LIVE : f->profiles[0].section.name;
        state->publishing_generation = state->generation;
    }
}

static void random_state(struct random *random, struct fixture *f)
{
    struct state *state = &f->state;

    if (random_one_in(random, 12)) {
        fixture_unissued(f);
    } else {
        state->generation = (uint32_t)random_between(random, 1, 3);
        state->not_before = state->issued = random_between(random, BIRTH, BIRTH + 3650 * DAY);
        state->not_after = state->not_before + random_life(random);
        if (random_one_in(random, 5)) {
            state->window_start = state->not_before + random_between(random, -DAY, 60 * DAY);
            state->window_finish = state->window_start + random_between(random, -1, 3 * DAY);
        }
        state->revoked = random_one_in(random, 15);
        state->revoked_here = state->revoked && random_one_in(random, 2);
        state->withdrawn = random_one_in(random, 10) ? state->generation : 0;
        state->held = random_one_in(random, 10) ? state->generation : 0;
        state->keyless = random_one_in(random, 15);
    }
    int64_t since = state->generation == 0 ? BIRTH : state->not_before;
    int64_t life = state->generation == 0 ? DAY : state->not_after - state->not_before;
    state->written = since + random_between(random, 0, 2 * life);
    random_failures(random, &state->issue, state->written);
    state->retry_after = random_one_in(random, 8) ? state->written + random_between(random, -DAY, 9 * DAY) : CLOCK_NONE;
    if (random_one_in(random, 10)) {
        state->pending_since = state->written - random_between(random, 0, 31 * DAY);
        state->pending_next = state->written + random_between(random, 0, 2 * DAY);
        state->pending_names = "a.example, b.example";
        state->pending_key_type = "ecdsa-p256";
    }
    if (random_one_in(random, 10)) {
        state->hold_since = state->written;
        state->hold_until = state->written + random_between(random, 0, 2 * DAY);
        state->hold_by = "approval";
        state->hold_step = random_one_in(random, 2) ? "issue" : "publish";
    }
    random_publications(random, f);
}

// Most of what happens does so about an expiry, a due time, a failure or the clock's changes.
static int64_t random_now(struct random *random, const struct fixture *f)
{
    const struct state *state = &f->state;
    struct due due;
    int64_t anchor = state->written, until;

    decide_due(&f->certificate, &f->settings, state, &due);
    switch (random_between(random, 0, 4)) {
    case 0: anchor = due.at == INT64_MIN ? anchor : due.at; break;
    case 1: anchor = state->generation == 0 ? anchor : state->not_after; break;
    case 2:
        zone_offset(f->config.engine.zone, anchor, &until);
        anchor = until - anchor > 400 * DAY ? anchor : until;
        break;
    default: break;
    }
    return anchor +
           (random_one_in(random, 3) ? random_between(random, -5, 5) : random_between(random, -9 * DAY, 20 * DAY));
}

static void random_case(struct random *random, struct fixture *f, int64_t *now)
{
    state_free(&f->state);
    fixture_init(f);
    random_settings(random, f);
    random_state(random, f);
    *now = random_now(random, f);
}

// ---- What must hold

static struct fixture f;
static int64_t now;

static void must(bool holds, const char *what)
{
    if (!holds) {
        const struct decision *d = &f.decision;
        fail_msg("%s: at %s: %s (next %s, cause %d, hold %d), due %s, at %s, until %s, expiry %s", what, time_text(now),
                 step_name(d->step), step_name(d->next), (int)d->cause, (int)d->hold, time_text(d->due),
                 time_text(d->at), time_text(d->until), time_text(f.state.not_after));
    }
}

static bool same_answer(const struct decision *a, const struct decision *b)
{
    return a->step == b->step && a->next == b->next && a->generation == b->generation && a->cause == b->cause &&
           a->due == b->due && (a->profile == b->profile || strcmp(a->profile, b->profile) == 0) &&
           (a->step != STEP_WAIT || (a->at == b->at && a->until == b->until));
}

static void nothing_by_itself_when_off(const struct decision *d)
{
    must(f.settings.auto_renew || d->step != STEP_ISSUE, "issued though off");
    must(f.settings.auto_publish || d->step != STEP_PUBLISH || d->cause == DUE_UNFINISHED, "published though off");
}

static void never_outside_a_slot(const struct decision *d, int64_t time)
{
    const struct slots *slots = d->step == STEP_ISSUE ? &f.renew_slots : &f.publish_slots;
    int64_t expiry = f.state.generation == 0 ? INT64_MAX : f.state.not_after;

    if ((d->step != STEP_ISSUE && d->step != STEP_PUBLISH) || d->cause == DUE_PENDING || d->cause == DUE_UNFINISHED) {
        return;
    }
    if (d->step == STEP_PUBLISH) {
        const struct publication *publication = state_publication(&f.state, d->profile);
        if (publication != NULL && publication->published > 0) {
            expiry = publication->published_not_after;
        }
    }
    bool overridden =
        f.settings.override_before_s >= 0 && expiry != INT64_MAX && time >= expiry - f.settings.override_before_s;
    must(overridden || slots_open(slots, f.config.engine.zone, time), "outside a slot");
}

static void never_before_its_time(const struct decision *d, int64_t time)
{
    const struct state *state = &f.state;

    if (d->step == STEP_ISSUE) {
        must(state->retry_after == CLOCK_NONE || time >= state->retry_after || time >= state->written + 7 * DAY,
             "issued in the CA's Retry-After");
        must(d->due <= time, "issued before due");
        must(d->cause != DUE_ON_EXPIRY || time >= state->not_after, "issued before expiry");
        must(d->cause != DUE_AFTER_EXPIRY || time >= state->not_after + f.settings.renew.amount, "issued too early");
        must(f.settings.template != NULL, "issued without template");
    } else if (d->step == STEP_PUBLISH && d->cause != DUE_UNFINISHED) {
        const struct publication *publication = state_publication(state, d->profile);
        bool previous = publication != NULL && publication->published > 0;
        must(d->generation == state->generation, "published what is not the newest");
        must(!previous || publication->published < state->generation, "published again");
        must(state->withdrawn < state->generation && state->held != state->generation && !state->keyless,
             "published though withdrawn, held or without key");
        if (previous && !publication->published_revoked && f.settings.publish.rule != PUBLISH_AFTER_RENEWAL) {
            bool after = f.settings.publish.rule == PUBLISH_AFTER_PREVIOUS_EXPIRY;
            must(time >= publication->published_not_after + (after ? f.settings.publish.after_s : 0),
                 "published before its time");
        }
    }
}

static void wait_ends_when_the_answer_differs(struct random *random, const struct decision *d)
{
    const struct decision before = *d;

    if (before.step != STEP_WAIT) {
        must(before.until == CLOCK_NONE, "until without a wait");
        must(before.step == STEP_NONE || (before.at <= now && before.hold == HOLD_NONE), "ready later");
        return;
    }
    must(before.until > now && before.until <= before.at, "a wait that is over");
    must(before.hold != HOLD_NONE, "a wait that nothing holds");
    for (int i = 0; i < 3; i++) {
        int64_t within = i == 0 ? before.until - 1 : random_between(random, now, before.until - 1);
        must(same_answer(&before, fixture_decide(&f, within, 0)), "another answer before the wait ends");
    }
    must(!same_answer(&before, fixture_decide(&f, before.until, 0)), "the same answer after the wait");
    must(before.until < before.at || f.decision.step == before.next, "not ready when the wait ends");
    fixture_decide(&f, now, 0);
}

static void due_stays_due(struct random *random, const struct decision *d)
{
    int64_t later = now + random_life(random);

    if (d->step != STEP_ISSUE && d->step != STEP_PUBLISH) {
        return;
    }
    // A pending order is dropped after 30 days; its renewal need not be due.
    bool pending = decide_pending(&f.certificate, &f.settings, &f.state, now, 0);
    fixture_decide(&f, later, DECIDE_IGNORE_SLOTS);
    must(pending || f.decision.step == STEP_ISSUE || f.decision.step == STEP_PUBLISH, "what is due stays due");
    fixture_decide(&f, now, 0);
}

static void reasons_are_told(const struct decision *d)
{
    static const char *const words[] = {"disabled", "expired", "failed", "pending", "unissued", "due", "waiting", "ok"};
    struct buf text;
    int known = 0;

    buf_init(&text, 4000);
    decide_reason(&f.config, d, now, &text);
    must(text.length > 0 && !text.failed && strchr(text.data, '\n') == NULL, "no reason");
    must(text.data[text.length - 1] != ' ' && strstr(text.data, "  ") == NULL, "an odd reason");
    buf_clear(&text);
    decide_warnings(d, &text);
    must(!text.failed, "no warnings");
    buf_free(&text);
    for (size_t i = 0; i < 8; i++) {
        known += strcmp(words[i], decide_state_word(&f.settings, &f.state, d, now)) == 0;
    }
    must(known == 1, "an unknown word of state");
}

static int64_t next_start(int64_t loop_start, int64_t time)
{
    memset(&f.decision, 0xa5, sizeof(f.decision));
    return decide_next(&f.config, &f.certificate, &f.settings, &f.state, "host", loop_start, time, &f.decision);
}

// Whatever is started is ready then; and asking again on the way there changes nothing.
static void start_is_when_it_is_ready(struct random *random, const struct decision *d)
{
    const struct decision told = *d;
    int64_t loop_start = random_one_in(random, 2) ? CLOCK_NONE : now - random_between(random, 0, 3 * HOUR);
    int64_t start = next_start(loop_start, now);
    const struct decision before = f.decision;

    must((told.step == STEP_NONE) == (start == CLOCK_NONE), "started though never, or never started");
    if (start != CLOCK_NONE) {
        must(start >= now && (before.step != STEP_WAIT || start >= before.until), "a start before it is ready");
        // At the end of a wait that is none of a start, another answer is what it was waited for.
        bool starts = before.step != STEP_WAIT || before.until == before.at;
        for (int i = starts ? 0 : 1; i < 3; i++) {
            int64_t within = i == 0 ? start : random_between(random, now, starts ? start : start - 1);
            int64_t again = next_start(loop_start, within);
            if (again != start) {
                printf("# started at %s, but at %s it is %s\n", time_text(start), time_text(within), time_text(again));
            }
            must(again == start, "another start on the way there");
            if (i == 0) {
                must(f.decision.step == STEP_ISSUE || f.decision.step == STEP_PUBLISH, "a start that is none");
                nothing_by_itself_when_off(&f.decision);
                never_outside_a_slot(&f.decision, start);
                never_before_its_time(&f.decision, start);
            }
        }
    }
    fixture_decide(&f, now, 0);
}

static void a_person_is_obeyed(const struct decision *d)
{
    (void)d;
    fixture_decide(&f, now, DECIDE_BY_HAND_ISSUE);
    bool held = f.state.retry_after != CLOCK_NONE && f.state.retry_after > now;
    if (f.decision.cause != DUE_UNFINISHED) {
        must(f.decision.step == STEP_ISSUE || held || f.settings.template == NULL ||
                 (f.certificate.names == NULL && f.state.names == NULL),
             "renew by hand refused");
    }
    never_before_its_time(&f.decision, f.decision.cause == DUE_BY_HAND ? now : INT64_MAX);
    fixture_decide(&f, now, DECIDE_BY_HAND_PUBLISH | DECIDE_FORCE);
    must(f.decision.step == STEP_PUBLISH || f.state.generation == 0 || f.state.keyless, "publish by hand refused");
    fixture_decide(&f, now, 0);
}

static void decide_keeps_its_word_in_random_cases(void **unused)
{
    struct random random = random_start("decide");
    unsigned steps[STEP_COUNT] = {0}, holds[HOLD_COUNT] = {0}, causes[DUE_CAUSE_COUNT] = {0};

    (void)unused;
    for (int i = 0; i < CALENDAR_ZONES; i++) {
        zones[i] = zone_of(calendar_zones[i]);
    }
    fixture_init(&f);
    for (int i = 0; i < CASES; i++) {
        random_case(&random, &f, &now);
        const struct decision *d = fixture_decide(&f, now, 0);
        steps[d->step]++;
        holds[d->hold]++;
        causes[d->cause]++;
        nothing_by_itself_when_off(d);
        never_outside_a_slot(d, now);
        never_before_its_time(d, now);
        wait_ends_when_the_answer_differs(&random, d);
        due_stays_due(&random, d);
        reasons_are_told(d);
        start_is_when_it_is_ready(&random, d);
        a_person_is_obeyed(d);
    }
    // The cases are worth something only if they reach everything.
    for (int i = 0; i < STEP_ERRAND; i++) {
        assert_true(steps[i] > CASES / 100);
    }
    for (int i = 0; i < DUE_CAUSE_COUNT; i++) {
        assert_true(causes[i] > 0 || i == DUE_NOTHING || i == DUE_BY_HAND);
    }
    for (int i = 0; i < HOLD_COUNT; i++) {
        if (holds[i] == 0 && i != HOLD_NEVER_OPENS && i != HOLD_PUBLISHED && i != HOLD_NOT_ISSUED &&
            i != HOLD_NO_PROFILE && i != HOLD_NONE_BEFORE) {
            fail_msg("hold %d was never met", i);
        }
    }
    for (int i = 0; i < CALENDAR_ZONES; i++) {
        zone_free(zones[i]);
    }
    fixture_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(decide_keeps_its_word_in_random_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
