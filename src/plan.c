// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What will happen when: the simulated clock over decide. Pure.
#include "plan.h"

#include <string.h>

#include "clock.h"
#include "failures.h"
#include "key.h"
#include "succession.h"

#define MOST_TURNS 4 // a step; far more than the waits that lead to it

// One certificate on its way.
struct course {
    const struct plan *plan;
    const struct certificate *certificate;
    struct state *state;
    struct settings settings;
    int64_t now;
    size_t steps;
    struct x509_facts facts;                      // of the newest simulated generation
    char digests[STATE_MAX_PUBLICATIONS + 1][65]; // of failures: issuing and the live link, then each profile
    uint64_t told[PLAN_WARNING_COUNT];            // bit 0: of the renewal or the live link; the others: of profiles
    struct decision told_settings;                // the warnings of settings that were told
};

// Anew where what has happened may choose among groups or templates.
static void settle(struct course *course)
{
    decide_settings(course->plan->config, course->certificate, course->state, &course->settings);
}

// 0 for issuing and for the live link, else that of the profile, from 1.
static size_t place_of(const struct course *course, const struct decision *decision)
{
    const struct profiles *profiles = &course->settings.profiles;

    for (size_t i = 0; decision->profile != NULL && i < profiles->count && i < STATE_MAX_PUBLICATIONS; i++) {
        if (strcmp(profiles->list[i]->section.name, decision->profile) == 0) {
            return i + 1;
        }
    }
    return 0;
}

// ---- Warnings

static void warn(struct course *course, enum plan_warning_kind kind, const struct decision *decision,
                 uint32_t generation, int64_t expiry, int64_t at)
{
    const struct plan_warning warning = {kind, generation, expiry, at, decision};
    uint64_t bit = (uint64_t)1 << place_of(course, decision) % 64;

    if ((course->told[kind] & bit) == 0) {
        course->told[kind] |= bit;
        course->plan->warning(course->plan->context, course->certificate, &warning);
    }
}

// Of a renewal that is switched off, settings mean nothing.
static void warn_of_settings(struct course *course)
{
    struct decision decision, *told = &course->told_settings;

    decide_issue(course->plan->config, course->certificate, &course->settings, course->state, course->now, 0,
                 &decision);
    if (decision.hold == HOLD_OFF) {
        return;
    }
    struct decision fresh = {.long_window = decision.long_window && !told->long_window,
                             .window_cut = decision.window_cut && !told->window_cut,
                             .held_back = decision.held_back && !told->held_back,
                             .never_opens = decision.never_opens && !told->never_opens};
    if (fresh.long_window || fresh.window_cut || fresh.held_back || fresh.never_opens) {
        const struct plan_warning warning = {PLAN_SETTINGS, decision.generation, decision.not_after, CLOCK_NONE,
                                             &fresh};
        course->plan->warning(course->plan->context, course->certificate, &warning);
    }
    told->long_window |= decision.long_window;
    told->window_cut |= decision.window_cut;
    told->held_back |= decision.held_back;
    told->never_opens |= decision.never_opens;
}

// True when the plan sees an expiry, and the step starts only then or later; CLOCK_NONE: never.
static bool comes_after(const struct course *course, int64_t start, int64_t expiry)
{
    const struct plan *plan = course->plan;
    bool seen = expiry != CLOCK_NONE && expiry >= plan->from && expiry < plan->until;

    return seen && (start == CLOCK_NONE || start >= expiry);
}

// What is on or after expiry by its own rule is late only when it comes later than that.
static bool is_late(const struct decision *decision, int64_t start)
{
    return start == CLOCK_NONE || start > decision->due;
}

static void judge_renewal(struct course *course, const struct decision *decision, int64_t start)
{
    const struct state *state = course->state;

    if (state->generation > 0 && is_late(decision, start) && comes_after(course, start, state->not_after)) {
        warn(course, PLAN_EXPIRES_BEFORE_RENEWAL, decision, state->generation, state->not_after, start);
    }
}

static void judge_publication(struct course *course, const struct decision *decision, int64_t start)
{
    const struct state *state = course->state;
    const struct publication *publication = state_publication(state, decision->profile);
    bool replaces = publication != NULL && publication->published > 0 && publication->published < state->generation;

    // What follows the renewal at once comes as late as that, which is told.
    if (replaces && is_late(decision, start) && (start == CLOCK_NONE || start > state->issued) &&
        comes_after(course, start, publication->published_not_after)) {
        warn(course, PLAN_EXPIRES_BEFORE_REPLACED, decision, publication->published, publication->published_not_after,
             start);
    }
    if (start != CLOCK_NONE && decision->generation == state->generation &&
        comes_after(course, start, state->not_after)) {
        warn(course, PLAN_EXPIRES_BEFORE_PUBLISHED, decision, state->generation, state->not_after, start);
    }
}

// ---- What a step changes

// Counts as failed with the effective settings; profile: NULL for issuing and the live link.
static void fail(struct course *course, struct failures *failures, size_t place, const char *message)
{
    const struct profile *profile = place == 0 ? NULL : course->settings.profiles.list[place - 1];
    char *digest = course->digests[place];

    config_digest(course->plan->config, course->certificate, &course->settings, profile, digest);
    failures_add(failures, failures_so_far(failures, digest, false), course->now, false, message, digest);
}

// How long the template's certificates live, as far as its hook declares an option for it; 0: unknown.
static int64_t template_lifetime(const struct template *template)
{
    const struct hook_section *section = &template->section;
    const char *text = NULL;
    int64_t lifetime;

    for (size_t i = 0; i < section->declared_count; i++) {
        const struct hook_option *option = &section->declared[i];
        if (strcmp(option->name, "lifetime") == 0 && strcmp(option->type, "duration") == 0) {
            text = option->fallback;
        }
    }
    for (size_t i = 0; i < section->option_count; i++) {
        const struct option *option = &section->options[i];
        if (strcmp(option->name, "lifetime") == 0 && strcmp(option->declared->type, "duration") == 0) {
            text = option->value;
        }
    }
    return text != NULL && clock_parse_duration(text, strlen(text), &lifetime) ? lifetime : 0;
}

static int64_t next_lifetime(const struct course *course)
{
    const struct state *state = course->state;
    int64_t lifetime = template_lifetime(course->settings.template);

    if (lifetime <= 0 && state->generation > 0) {
        lifetime = state->not_after - state->not_before;
    }
    return lifetime > 0 ? lifetime : PLAN_LIFETIME;
}

static void renew(struct course *course)
{
    const struct settings *settings = &course->settings;
    struct state *state = course->state;
    struct failures before = state->issue;
    const char *names = course->certificate->names;
    struct due due;

    course->facts.not_after = course->now + next_lifetime(course);
    course->facts.not_before = course->now;
    struct successor next = {.number = state->generation + 1,
                             .facts = &course->facts,
                             .names = names != NULL ? names : state->names,
                             .key_type = key_type_name(settings->key),
                             .template = settings->template->section.name,
                             .issued = course->now};
    succession_apply(state, &next);
    state->written = course->now;
    settle(course);
    // One that is due again at once counts as a failure, as in the real step.
    decide_due(course->certificate, settings, state, &due);
    if (due.at <= course->now) {
        state->issue = before;
        fail(course, &state->issue, 0, "due again at once");
    }
    warn_of_settings(course);
}

static void fail_to_renew(struct course *course)
{
    struct state *state = course->state;

    // Whatever the CA said, a pending order is over.
    state->pending_since = CLOCK_NONE;
    fail(course, &state->issue, 0, "assumed to fail");
    settle(course);
}

static void publish(struct course *course, const struct decision *decision)
{
    struct state *state = course->state;
    struct publication *publication = state_publication_add(state, decision->profile);
    int64_t not_after = decision->generation == state->generation ? state->not_after : CLOCK_NONE;

    if (!course->plan->assume_failure) {
        succession_publish(state, publication, decision->generation, not_after, course->now);
        return;
    }
    state->publishing = NULL;
    state->publishing_generation = 0;
    if (publication != NULL) {
        fail(course, &publication->failures, place_of(course, decision), "assumed to fail");
    }
}

static void take_step(struct course *course, const struct decision *decision)
{
    const struct plan *plan = course->plan;

    course->steps++;
    plan->step(plan->context, course->certificate, decision, course->now);
    if (!plan->assume_failure && decision->step == STEP_ISSUE) {
        judge_renewal(course, decision, course->now);
        renew(course);
    } else if (decision->step == STEP_ISSUE) {
        fail_to_renew(course);
    } else {
        if (!plan->assume_failure) {
            judge_publication(course, decision, course->now);
        }
        publish(course, decision);
    }
    course->state->written = course->now;
}

// ---- The way

// What comes only after the end of the plan, or never, while a certificate expires before the end.
static void look_beyond(struct course *course)
{
    const struct plan *plan = course->plan;
    const struct profiles *profiles = &course->settings.profiles;
    struct decision decision;

    for (size_t i = 0; i < profiles->count + 1 + (profiles->count == 0); i++) {
        if (i == 0) {
            decide_issue(plan->config, course->certificate, &course->settings, course->state, course->now, 0,
                         &decision);
        } else {
            decide_publish(plan->config, course->certificate, &course->settings, course->state,
                           profiles->count == 0 ? STATE_LIVE : profiles->list[i - 1]->section.name, course->now, 0,
                           &decision);
        }
        int64_t start = decide_start(plan->config, course->certificate, &decision, plan->host, CLOCK_NONE, course->now);
        if (plan->assume_failure && decision.due < plan->until) {
            start = CLOCK_NONE;
        }
        if (decision.hold == HOLD_NEVER_OPENS && !decision.never_opens) {
            warn(course, PLAN_NEVER_OPENS, &decision, decision.generation, CLOCK_NONE, CLOCK_NONE);
        }
        if (i == 0) {
            judge_renewal(course, &decision, start);
        } else {
            judge_publication(course, &decision, start);
        }
    }
}

void plan_certificate(const struct plan *plan, const struct certificate *certificate, struct state *state)
{
    struct course course = {.plan = plan, .certificate = certificate, .state = state, .now = plan->from};
    struct decision decision;

    settle(&course);
    warn_of_settings(&course);
    for (size_t turn = 0;; turn++) {
        int64_t start = decide_next(plan->config, certificate, &course.settings, state, plan->host, CLOCK_NONE,
                                    course.now, &decision);
        if (start == CLOCK_NONE || start >= plan->until) {
            break;
        }
        bool ready = start == course.now && (decision.step == STEP_ISSUE || decision.step == STEP_PUBLISH);
        if (course.steps == plan->most_steps || turn == MOST_TURNS * plan->most_steps) {
            warn(&course, PLAN_CUT, &decision, 0, CLOCK_NONE, start);
            return;
        }
        // Decided again at that moment, as the worker does.
        if (ready) {
            take_step(&course, &decision);
        } else {
            course.now = start > course.now ? start : course.now + 1;
        }
    }
    look_beyond(&course);
}
