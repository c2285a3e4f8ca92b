// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of plan: what happens when, to the second; what is warned of; and that it is what decide says minute by minute.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"
#include "plan.h"

#define MOST 400
#define CASES 2000
#define WALKS 60
#define WALK (3 * DAY)

static struct fixture f;
static struct hook_option lifetime_declared = {.name = "lifetime", .type = "duration", .doc = ""};
static struct option lifetime_option = {.name = "lifetime", .declared = &lifetime_declared};

// In place of config.c: the fixture's settings, whatever the group, and one digest.
void __wrap_decide_settings(const struct config *config, const struct certificate *certificate,
                            const struct state *state, struct settings *out)
{
    (void)config;
    (void)certificate;
    (void)state;
    *out = f.settings;
}

void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65])
{
    (void)config;
    (void)certificate;
    (void)settings;
    (void)profile;
    snprintf(out, 65, "%s", DIGEST);
}

// ---- What a plan told

struct told_step {
    int64_t at;
    enum step step;
    uint32_t generation;
    const char *profile;
};
struct told {
    struct told_step steps[MOST];
    size_t count;
    struct plan_warning warnings[32];
    struct decision decisions[32];
    size_t warning_count;
};
static struct told told;

static void hear_step(void *context, const struct certificate *certificate, const struct decision *decision, int64_t at)
{
    struct told *heard = context;

    assert_ptr_equal(certificate, &f.certificate);
    assert_true(heard->count < MOST);
    // What starts is ready: not held, due, and in a slot.
    assert_true(decision->step == STEP_ISSUE || decision->step == STEP_PUBLISH);
    assert_true(decision->hold == HOLD_NONE && decision->at <= at && decision->due <= at);
    assert_true(decision->slots == NULL || at >= decision->override_at ||
                slots_open(decision->slots, f.config.engine.zone, at));
    heard->steps[heard->count++] = (struct told_step){at, decision->step, decision->generation, decision->profile};
}

static void hear_warning(void *context, const struct certificate *certificate, const struct plan_warning *warning)
{
    struct told *heard = context;

    (void)certificate;
    assert_true(heard->warning_count < 32);
    heard->decisions[heard->warning_count] = *warning->decision;
    heard->warnings[heard->warning_count++] = *warning;
}

// The state of the fixture stays as it is: a plan of it can be made again.
static void make_plan(int64_t from, int64_t until, bool assume_failure, size_t most_steps, struct told *out)
{
    struct state *state = malloc(sizeof(*state));
    const struct plan plan = {.config = &f.config,
                              .host = "host",
                              .from = from,
                              .until = until,
                              .assume_failure = assume_failure,
                              .most_steps = most_steps,
                              .step = hear_step,
                              .warning = hear_warning,
                              .context = out};

    assert_non_null(state);
    *state = f.state;
    out->count = out->warning_count = 0;
    plan_certificate(&plan, &f.certificate, state);
    free(state);
}

// Each line "TIME issue" or "TIME publish PROFILE GENERATION"; all of them, in order.
static void check_steps(const char *const *lines, const char *file, int line)
{
    size_t i = 0;

    for (; i < told.count || lines[i] != NULL; i++) {
        char text[100] = "(no more)";
        if (i < told.count) {
            const struct told_step *step = &told.steps[i];
            snprintf(text, sizeof(text), "%s %s", time_text(step->at), step_name(step->step));
            if (step->step == STEP_PUBLISH) {
                size_t length = strlen(text);
                snprintf(text + length, sizeof(text) - length, " %s %u", step->profile, step->generation);
            }
        }
        if (lines[i] == NULL || strcmp(text, lines[i]) != 0) {
            fail_msg("%s:%d: step %zu: %s, not %s", file, line, i, text, lines[i] == NULL ? "(no more)" : lines[i]);
        }
    }
}
#define EXPECT_STEPS(...) check_steps((const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)

static void check_warning(size_t i, enum plan_warning_kind kind, uint32_t generation, int64_t expiry, int64_t when,
                          const char *file, int line)
{
    const struct plan_warning *warning = &told.warnings[i];

    if (i >= told.warning_count) {
        fail_msg("%s:%d: %zu warnings", file, line, told.warning_count);
    }
    if (warning->kind != kind || warning->generation != generation || warning->expiry != expiry ||
        warning->at != when) {
        fail_msg("%s:%d: warning %d, generation %u, %s, %s", file, line, (int)warning->kind, warning->generation,
                 time_text(warning->expiry), time_text(warning->at));
    }
}
#define EXPECT_WARNING(i, kind, generation, expiry, when) \
    check_warning(i, kind, generation, expiry, when, __FILE__, __LINE__)

static void plan_days(int days)
{
    make_plan(BIRTH, BIRTH + days * DAY, false, MOST, &told);
}

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

// ---- Steps

static void certificate_of_90_days_is_renewed_each_60(void **unused)
{
    (void)unused;
    plan_days(365);
    EXPECT_STEPS(
        "2026-03-02T03:00:00Z issue", "2026-03-02T03:00:00Z publish live 2", "2026-05-01T03:00:00Z issue",
        "2026-05-01T03:00:00Z publish live 3", "2026-06-30T03:00:00Z issue", "2026-06-30T03:00:00Z publish live 4",
        "2026-08-29T03:00:00Z issue", "2026-08-29T03:00:00Z publish live 5", "2026-10-28T03:00:00Z issue",
        "2026-10-28T03:00:00Z publish live 6", "2026-12-27T03:00:00Z issue", "2026-12-27T03:00:00Z publish live 7");
    assert_int_equal(told.warning_count, 0);
}

static void plan_ends_before_its_end(void **unused)
{
    (void)unused;
    make_plan(BIRTH, at("2026-03-02T03:00:00Z"), false, MOST, &told);
    assert_int_equal(told.count, 0);
    make_plan(BIRTH, at("2026-03-02T03:00:01Z"), false, MOST, &told);
    assert_int_equal(told.count, 2);
    // And begins at its beginning: what is due and at its run starts then.
    make_plan(at("2026-03-02T03:00:00Z"), at("2026-03-02T03:00:01Z"), false, MOST, &told);
    assert_int_equal(told.count, 2);
}

static void slots_and_runs_and_jitter_are_kept(void **unused)
{
    (void)unused;
    f.settings.renew = (struct renew){RENEW_BEFORE, 31 * DAY};
    f.renew_slots = slots_of("mon 00:00-04:00");
    plan_days(64);
    EXPECT_STEPS("2026-03-02T03:00:00Z issue", "2026-03-02T03:00:00Z publish live 2");
    // No run falls into these: their opening is one; the publication has slots of its own.
    f.renew_slots = slots_of("sun,wed 12:00-14:00");
    f.publish_slots = slots_of("sat 20:00-04:00");
    plan_days(70);
    EXPECT_STEPS("2026-03-01T12:00:00Z issue", "2026-03-07T20:00:00Z publish live 2");
    f.renew_slots = f.publish_slots = slots_of("all");
    f.config.engine.jitter_s = HOUR;
    plan_days(70);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.steps[0].at, at("2026-03-01T03:00:00Z") + jitter_s("host", "www", HOUR));
}

static void publications_go_by_the_previous_expiry_each_by_its_profile(void **unused)
{
    (void)unused;
    f.settings.publish = (struct publish_when){PUBLISH_ON_PREVIOUS_EXPIRY, 0};
    plan_days(160);
    EXPECT_STEPS("2026-03-02T03:00:00Z issue", "2026-04-01T00:00:00Z publish live 2", "2026-05-01T03:00:00Z issue",
                 "2026-05-31T03:00:00Z publish live 3");
    f.settings.publish = (struct publish_when){PUBLISH_AFTER_PREVIOUS_EXPIRY, 3 * DAY};
    plan_days(100);
    EXPECT_STEPS("2026-03-02T03:00:00Z issue", "2026-04-04T00:00:00Z publish live 2");
    assert_int_equal(told.warning_count, 0); // as the rule says
    f.settings.publish = (struct publish_when){PUBLISH_AFTER_RENEWAL, 0};
    f.settings.profiles.count = 2;
    plan_days(61);
    EXPECT_STEPS("2026-01-01T00:00:00Z publish nginx 1", "2026-01-01T00:00:00Z publish mail 1",
                 "2026-03-02T03:00:00Z issue", "2026-03-02T03:00:00Z publish nginx 2",
                 "2026-03-02T03:00:00Z publish mail 2");
}

static void renewals_on_and_after_expiry_are_no_surprise(void **unused)
{
    (void)unused;
    f.settings.renew = (struct renew){RENEW_ON_EXPIRY, 0};
    plan_days(100);
    EXPECT_STEPS("2026-04-01T00:00:00Z issue", "2026-04-01T00:00:00Z publish live 2");
    f.settings.renew = (struct renew){RENEW_AFTER_EXPIRY, 3 * DAY};
    plan_days(100);
    EXPECT_STEPS("2026-04-04T00:00:00Z issue", "2026-04-04T00:00:00Z publish live 2");
    assert_int_equal(told.warning_count, 0);
    // But slots can add to it.
    f.renew_slots = slots_of("mon");
    plan_days(100);
    EXPECT_STEPS("2026-04-06T00:00:00Z issue", "2026-04-06T00:00:00Z publish live 2");
    assert_int_equal(told.warning_count, 1);
    EXPECT_WARNING(0, PLAN_EXPIRES_BEFORE_RENEWAL, 1, EXPIRY, at("2026-04-06T00:00:00Z"));
}

static void lifetime_is_that_of_the_template_else_of_the_present_one_else_90_days(void **unused)
{
    (void)unused;
    fixture_unissued(&f);
    make_plan(BIRTH + HOUR, BIRTH + 61 * DAY, false, MOST, &told);
    EXPECT_STEPS("2026-01-01T01:00:00Z issue", "2026-01-01T01:00:00Z publish live 1", "2026-03-02T03:00:00Z issue",
                 "2026-03-02T03:00:00Z publish live 2");
    f.template.section.declared = &lifetime_declared;
    f.template.section.declared_count = 1;
    lifetime_declared.fallback = "8d";
    make_plan(BIRTH, BIRTH + 5 * DAY, false, MOST, &told);
    EXPECT_STEPS("2026-01-01T00:00:00Z issue", "2026-01-01T00:00:00Z publish live 1", "2026-01-05T00:00:00Z issue",
                 "2026-01-05T00:00:00Z publish live 2");
    f.template.section.options = &lifetime_option;
    f.template.section.option_count = 1;
    lifetime_option.value = "4h";
    make_plan(BIRTH, BIRTH + 3 * HOUR, false, MOST, &told);
    EXPECT_STEPS("2026-01-01T00:00:00Z issue", "2026-01-01T00:00:00Z publish live 1", "2026-01-01T02:00:00Z issue",
                 "2026-01-01T02:00:00Z publish live 2");
}

static void what_is_under_way_is_finished(void **unused)
{
    (void)unused;
    fixture_renewed(&f, "nginx");
    f.state.publishing = "nginx";
    f.state.publishing_generation = 2;
    make_plan(DUE, DUE + DAY, false, MOST, &told);
    EXPECT_STEPS("2026-03-02T00:00:00Z publish nginx 2");
    fixture_init(&f);
    f.state.pending_since = DUE;
    f.state.pending_next = DUE + 20 * MINUTE;
    f.state.pending_names = f.state.names;
    f.state.pending_key_type = f.state.key_type;
    f.state.written = DUE;
    make_plan(DUE, DUE + DAY, false, MOST, &told);
    EXPECT_STEPS("2026-03-02T00:20:00Z issue", "2026-03-02T00:20:00Z publish live 2");
    // An order that fails is over: what follows are retries.
    make_plan(DUE, DUE + 2 * HOUR, true, MOST, &told);
    EXPECT_STEPS("2026-03-02T00:20:00Z issue", "2026-03-02T00:21:00Z issue", "2026-03-02T00:31:00Z issue");
}

static void failures_are_retried_as_decide_says(void **unused)
{
    (void)unused;
    make_plan(BIRTH, BIRTH + 62 * DAY, true, MOST, &told);
    EXPECT_STEPS("2026-03-02T03:00:00Z issue", "2026-03-02T03:01:00Z issue", "2026-03-02T03:11:00Z issue",
                 "2026-03-02T04:51:00Z issue", "2026-03-03T03:00:00Z issue");
    assert_int_equal(told.warning_count, 0);
    make_plan(BIRTH, BIRTH + 100 * DAY, true, MOST, &told);
    assert_int_equal(told.warning_count, 1);
    EXPECT_WARNING(0, PLAN_EXPIRES_BEFORE_RENEWAL, 1, EXPIRY, CLOCK_NONE);
    // A publication that fails holds no renewal, and no renewal comes.
    fixture_renewed(&f, NULL);
    make_plan(DUE, DUE + 2 * HOUR, true, MOST, &told);
    EXPECT_STEPS("2026-03-02T00:00:00Z publish live 2", "2026-03-02T00:01:00Z publish live 2",
                 "2026-03-02T00:11:00Z publish live 2", "2026-03-02T01:51:00Z publish live 2");
}

// ---- Warnings

static void slots_that_never_open_in_time_are_told(void **unused)
{
    (void)unused;
    f.state.not_after = BIRTH + 3 * DAY; // a Sunday
    f.renew_slots = slots_of("sun 00:00-04:00");
    plan_days(8);
    EXPECT_WARNING(0, PLAN_SETTINGS, 1, f.state.not_after, CLOCK_NONE);
    assert_true(told.decisions[0].never_opens && !told.decisions[0].long_window);
    EXPECT_WARNING(1, PLAN_EXPIRES_BEFORE_RENEWAL, 1, f.state.not_after, f.state.not_after);
    assert_int_equal(told.warning_count, 2); // once, not for each generation
    f.renew_slots = slots_of("none");
    plan_days(8);
    assert_int_equal(told.count, 0);
    EXPECT_WARNING(1, PLAN_EXPIRES_BEFORE_RENEWAL, 1, f.state.not_after, CLOCK_NONE);
    // Before the first issue there is no expiry to miss.
    fixture_unissued(&f);
    plan_days(8);
    assert_int_equal(told.count, 0);
    assert_int_equal(told.warning_count, 1);
    EXPECT_WARNING(0, PLAN_NEVER_OPENS, 0, CLOCK_NONE, CLOCK_NONE);
}

static void windows_that_are_too_long_are_told_once(void **unused)
{
    (void)unused;
    f.settings.renew = (struct renew){RENEW_BEFORE, 70 * DAY};
    plan_days(200);
    assert_int_equal(told.warning_count, 1);
    assert_true(told.decisions[0].long_window && !told.decisions[0].window_cut);
    f.settings.renew = (struct renew){RENEW_BEFORE, 85 * DAY};
    plan_days(200);
    assert_int_equal(told.warning_count, 1);
    assert_true(told.decisions[0].window_cut && !told.decisions[0].long_window);
    f.settings.auto_renew = false;
    plan_days(80);
    assert_int_equal(told.warning_count, 0);
}

static void expiry_before_publication_is_told(void **unused)
{
    (void)unused;
    f.settings.renew = (struct renew){RENEW_BEFORE, DAY};
    f.publish_slots = slots_of("sun");
    plan_days(100);
    EXPECT_STEPS("2026-03-31T00:00:00Z issue", "2026-04-05T00:00:00Z publish live 2");
    assert_int_equal(told.warning_count, 1);
    EXPECT_WARNING(0, PLAN_EXPIRES_BEFORE_REPLACED, 1, EXPIRY, at("2026-04-05T00:00:00Z"));
    // The same when the end of the plan lies between, or when nobody publishes.
    plan_days(92);
    assert_int_equal(told.count, 1);
    EXPECT_WARNING(0, PLAN_EXPIRES_BEFORE_REPLACED, 1, EXPIRY, at("2026-04-05T00:00:00Z"));
    f.settings.auto_publish = false;
    plan_days(92);
    EXPECT_WARNING(0, PLAN_EXPIRES_BEFORE_REPLACED, 1, EXPIRY, CLOCK_NONE);
    assert_int_equal(told.decisions[0].hold, HOLD_OFF);
    // A generation that is over when its turn comes.
    f.settings.auto_publish = true;
    f.settings.auto_renew = false;
    fixture_renewed(&f, NULL);
    f.state.not_after = EXPIRY + DAY;
    f.settings.publish = (struct publish_when){PUBLISH_AFTER_PREVIOUS_EXPIRY, 3 * DAY};
    f.publish_slots = slots_of("all");
    plan_days(100);
    EXPECT_STEPS("2026-04-04T00:00:00Z publish live 2");
    EXPECT_WARNING(0, PLAN_EXPIRES_BEFORE_PUBLISHED, 2, EXPIRY + DAY, EXPIRY + 3 * DAY);
}

static void expiry_is_told_also_of_what_is_switched_off(void **unused)
{
    (void)unused;
    f.settings.auto_renew = f.settings.auto_publish = false;
    plan_days(100);
    assert_int_equal(told.count, 0);
    assert_int_equal(told.warning_count, 1);
    EXPECT_WARNING(0, PLAN_EXPIRES_BEFORE_RENEWAL, 1, EXPIRY, CLOCK_NONE);
    assert_int_equal(told.decisions[0].hold, HOLD_OFF);
    plan_days(89);
    assert_int_equal(told.warning_count, 0);
    // What has expired before is no news.
    make_plan(EXPIRY + 1, EXPIRY + DAY, false, MOST, &told);
    assert_int_equal(told.warning_count, 0);
}

static void certificates_that_live_seconds_do_not_run_away(void **unused)
{
    (void)unused;
    f.state.not_after = BIRTH + 10;
    make_plan(BIRTH, BIRTH + 365 * DAY, false, 101, &told);
    assert_int_equal(told.count, 101);
    assert_int_equal(told.steps[100].at, BIRTH + 255);
    assert_int_equal(told.warning_count, 1);
    EXPECT_WARNING(0, PLAN_CUT, 0, CLOCK_NONE, BIRTH + 255); // its publication
    // One that is due again at once counts as failed, and waits.
    f.state.not_after = BIRTH + 1;
    make_plan(BIRTH, BIRTH + 365 * DAY, false, 101, &told);
    assert_int_equal(told.count, 101);
    assert_true(told.steps[100].at >= BIRTH + 50);
}

// ---- Properties

static int64_t random_life(struct random *random)
{
    static const int64_t units[] = {MINUTE, HOUR, DAY};

    return units[random_between(random, 0, 2)] * random_between(random, 1, 400);
}

static void random_case(struct random *random)
{
    fixture_free(&f);
    fixture_init(&f);
    struct settings *settings = &f.settings;
    settings->auto_renew = !random_one_in(random, 8);
    settings->auto_publish = !random_one_in(random, 8);
    settings->renew.rule = (enum renew_rule)random_between(random, RENEW_AUTO, RENEW_AFTER_EXPIRY);
    settings->renew.amount =
        settings->renew.rule == RENEW_BEFORE_PERCENT ? random_between(random, 1, 99) : random_life(random);
    settings->publish.rule =
        (enum publish_rule)random_between(random, PUBLISH_AFTER_RENEWAL, PUBLISH_AFTER_PREVIOUS_EXPIRY);
    settings->publish.after_s = random_life(random);
    f.renew_slots = random_one_in(random, 2) ? slots_of("all") : random_slots(random);
    f.publish_slots = random_one_in(random, 2) ? slots_of("all") : random_slots(random);
    settings->override_before_s = random_one_in(random, 3) ? random_life(random) : -1;
    settings->profiles.count = (size_t)random_between(random, 0, 3);
    f.config.engine.jitter_s = random_one_in(random, 2) ? 0 : HOUR;
    if (random_one_in(random, 3)) {
        f.config.engine.runs = (struct runs){.every_s = random_life(random)};
    }
    if (random_one_in(random, 6)) {
        fixture_unissued(&f);
    } else {
        f.state.not_after = BIRTH + random_life(random) * random_between(random, 1, 3);
        f.state.publications[0].published_not_after = f.state.not_after;
    }
}

// Of each profile, generations in order, each once.
static void publications_rise(void)
{
    for (size_t i = 0; i < told.count; i++) {
        for (size_t j = i + 1; j < told.count && told.steps[i].step == STEP_PUBLISH; j++) {
            assert_false(told.steps[j].step == STEP_PUBLISH &&
                         strcmp(told.steps[i].profile, told.steps[j].profile) == 0 &&
                         told.steps[j].generation <= told.steps[i].generation);
        }
    }
}

static bool same_step(const struct told_step *a, const struct told_step *b)
{
    return a->at == b->at && a->step == b->step && a->generation == b->generation &&
           (a->profile == b->profile || strcmp(a->profile, b->profile) == 0);
}

static void a_plan_is_in_order_in_slots_and_the_beginning_of_a_longer_one(void **unused)
{
    static struct told longer;
    struct random random = random_start("plan");
    size_t steps = 0, cut = 0, warnings = 0;

    (void)unused;
    for (int i = 0; i < CASES; i++) {
        random_case(&random);
        int64_t from = BIRTH + random_between(&random, 0, 100 * DAY), days = random_between(&random, 1, 200);
        bool fail = random_one_in(&random, 4);
        make_plan(from, from + 2 * days * DAY, fail, 200, &longer);
        make_plan(from, from + days * DAY, fail, 200, &told);
        assert_true(told.count <= longer.count);
        for (size_t j = 0; j < told.count; j++) {
            const struct told_step *step = &told.steps[j];
            assert_true(step->at >= (j == 0 ? from : step[-1].at) && step->at < from + days * DAY);
            assert_true(same_step(step, &longer.steps[j]));
        }
        assert_true(told.count == longer.count || longer.steps[told.count].at >= from + days * DAY);
        if (!fail) {
            publications_rise();
        }
        steps += told.count;
        cut += told.count == 200;
        warnings += told.warning_count;
    }
    assert_true(steps > CASES && cut > 0 && cut < CASES / 2 && warnings > CASES / 10);
}

// A state taken on by hand, as the steps do.
static void walk_step(struct state *state, const struct decision *decision, int64_t now, bool fail)
{
    bool issues = decision->step == STEP_ISSUE;
    struct publication *publication = issues ? NULL : state_publication_add(state, decision->profile);
    struct failures *failures = issues ? &state->issue : &publication->failures;

    state->written = now;
    if (fail) {
        fixture_fail(failures, failures->count + 1, now);
        return;
    }
    *failures = (struct failures){.last = CLOCK_NONE};
    if (issues) {
        int64_t life = state->not_after - state->not_before;
        state->generation++;
        state->not_before = state->issued = now;
        state->not_after = now + life;
    } else {
        publication->published = decision->generation;
        publication->published_not_after = state->not_after;
    }
}

// Asks decide() at every minute, and takes each step that is ready.
static void walk(struct state *state, int64_t from, int64_t until, bool fail, struct told *out)
{
    struct decision decision;

    out->count = 0;
    for (int64_t now = from; now < until; now += MINUTE) {
        for (;;) {
            decide(&f.config, &f.certificate, &f.settings, state, now, 0, &decision);
            if ((decision.step != STEP_ISSUE && decision.step != STEP_PUBLISH) || out->count == MOST) {
                break;
            }
            out->steps[out->count++] = (struct told_step){now, decision.step, decision.generation, decision.profile};
            walk_step(state, &decision, now, fail);
        }
    }
}

// With a run at every minute and all times on whole minutes, a step starts at the first minute at which it is ready.
static void a_plan_is_what_decide_says_minute_by_minute(void **unused)
{
    static struct told walked;
    struct random random = random_start("walk");
    size_t steps = 0;

    (void)unused;
    for (int i = 0; i < WALKS; i++) {
        random_case(&random);
        fixture_init(&f);
        int64_t life = random_between(&random, 1, 60) * 48 * MINUTE;
        f.settings.auto_renew = f.settings.auto_publish = true;
        f.settings.renew.rule = random_one_in(&random, 2) ? RENEW_AUTO : RENEW_BEFORE;
        f.settings.renew.amount = life / 48 * random_between(&random, 1, 30);
        f.settings.renew.amount -= f.settings.renew.amount % (8 * MINUTE);
        f.settings.renew.amount += f.settings.renew.amount == 0 ? 8 * MINUTE : 0;
        f.settings.publish = (struct publish_when){
            (enum publish_rule)random_between(&random, PUBLISH_AFTER_RENEWAL, PUBLISH_AFTER_PREVIOUS_EXPIRY),
            random_between(&random, 1, 600) * MINUTE};
        f.settings.profiles.count = (size_t)random_between(&random, 0, 3);
        f.renew_slots = random_one_in(&random, 2) ? slots_of("all") : random_slots(&random);
        f.publish_slots = random_one_in(&random, 2) ? slots_of("all") : random_slots(&random);
        f.config.engine.runs = (struct runs){.every_s = MINUTE};
        f.state.not_after = BIRTH + life;
        f.state.publications[0].published_not_after = f.state.not_after;
        bool fail = random_one_in(&random, 3);
        make_plan(BIRTH, BIRTH + WALK, fail, MOST, &told);
        walk(&f.state, BIRTH, BIRTH + WALK, fail, &walked);
        for (size_t j = 0; j < told.count || j < walked.count; j++) {
            if (j >= told.count || j >= walked.count || !same_step(&told.steps[j], &walked.steps[j])) {
                fail_msg("case %d, step %zu: planned %s %s, walked %s %s", i, j,
                         j < told.count ? time_text(told.steps[j].at) : "-",
                         j < told.count ? step_name(told.steps[j].step) : "-",
                         j < walked.count ? time_text(walked.steps[j].at) : "-",
                         j < walked.count ? step_name(walked.steps[j].step) : "-");
            }
        }
        steps += walked.count;
    }
    assert_true(steps > 5 * WALKS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(certificate_of_90_days_is_renewed_each_60, setup, teardown),
        cmocka_unit_test_setup_teardown(plan_ends_before_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(slots_and_runs_and_jitter_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(publications_go_by_the_previous_expiry_each_by_its_profile, setup, teardown),
        cmocka_unit_test_setup_teardown(renewals_on_and_after_expiry_are_no_surprise, setup, teardown),
        cmocka_unit_test_setup_teardown(lifetime_is_that_of_the_template_else_of_the_present_one_else_90_days, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_under_way_is_finished, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_are_retried_as_decide_says, setup, teardown),
        cmocka_unit_test_setup_teardown(slots_that_never_open_in_time_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(windows_that_are_too_long_are_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(expiry_before_publication_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(expiry_is_told_also_of_what_is_switched_off, setup, teardown),
        cmocka_unit_test_setup_teardown(certificates_that_live_seconds_do_not_run_away, setup, teardown),
        cmocka_unit_test_setup_teardown(a_plan_is_in_order_in_slots_and_the_beginning_of_a_longer_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_plan_is_what_decide_says_minute_by_minute, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
