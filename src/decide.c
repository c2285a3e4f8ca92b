// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Which step of a certificate is next: groups, waits, slots, and the order of its steps.
#include "decide.h"

#include <string.h>

#include "decide_parts.h"
#include "failures.h"

#define DAY ((int64_t)86400)
#define POLICY_MOST DAY // a policy is asked again within a day

const char *step_name(enum step step)
{
    static const char *const names[STEP_COUNT] = {
        [STEP_NONE] = "none",       [STEP_WAIT] = "wait",     [STEP_ISSUE] = "issue",
        [STEP_PUBLISH] = "publish", [STEP_ERRAND] = "errand",
    };
    return names[step];
}

// ---- Groups

// The group's own or default switch, as if the certificate said nothing itself.
static bool group_enabled(const struct config *config, const struct certificate *certificate, const struct group *group)
{
    struct certificate bare = *certificate;
    struct settings settings;

    bare.own = NULL;
    bare.own_count = 0;
    config_settings(config, &bare, group, &settings);
    return settings.auto_renew;
}

const struct group *decide_group(const struct config *config, const struct certificate *certificate,
                                 const struct state *state)
{
    const struct group *first = NULL;
    int64_t earliest = 0;

    if (certificate->group_count < 2) {
        return certificate->group_count == 0 ? NULL : certificate->groups[0];
    }
    for (size_t i = 0; i < certificate->group_count; i++) {
        const struct group *group = certificate->groups[i];
        struct settings settings;
        struct due due = {0};
        if (!group_enabled(config, certificate, group)) {
            continue;
        }
        // Of those enabled, the one by whose rule it is due first; for one never issued all are equal.
        if (state->generation > 0) {
            config_settings(config, certificate, group, &settings);
            decide_due(certificate, &settings, state, &due);
        }
        if (first == NULL || due.at < earliest) {
            first = group;
            earliest = due.at;
        }
    }
    return first != NULL ? first : certificate->groups[0];
}

// ---- Fallbacks

// The template that has the pending order, if it is one of the chain: an order stays with the CA that has it.
static const struct template *template_of_order(const struct template *first, const struct state *state)
{
    if (state->pending_since != CLOCK_NONE && state->pending_template != NULL) {
        for (const struct template *template = first; template != NULL; template = template->fallback) {
            if (strcmp(template->section.name, state->pending_template) == 0) {
                return template;
            }
        }
    }
    return NULL;
}

// Each of the chain has as many tries as its fallback_after says; when all have failed, the first has its turn again.
static const struct template *template_whose_turn(const struct template *first, uint32_t failures)
{
    const struct template *at = first;
    uint32_t tries = 0;

    for (const struct template *template = first; template != NULL; template = template->fallback) {
        tries += (uint32_t) template->fallback_after;
    }
    for (failures %= tries; failures >= (uint32_t)at->fallback_after; at = at->fallback) {
        failures -= (uint32_t)at->fallback_after;
    }
    return at;
}

void decide_settings(const struct config *config, const struct certificate *certificate, const struct state *state,
                     struct settings *out)
{
    const struct group *group = decide_group(config, certificate, state);
    char digest[65];

    config_settings(config, certificate, group, out);
    if (out->first == NULL || out->first->fallback == NULL) {
        return;
    }
    const struct template *template = template_of_order(out->first, state);
    if (template == NULL && state->issue.count > 0) {
        config_digest(config, certificate, out, NULL, digest);
        template = template_whose_turn(out->first, failures_so_far(&state->issue, digest, false));
    }
    if (template != NULL) {
        config_fall_back(config, certificate, group, template, out);
    }
}

// ---- What both steps share

void decide_begin(const struct decide_question *question, enum step next, bool by_hand, struct decision *out)
{
    memset(out, 0, sizeof(*out));
    out->next = next;
    out->due = DECIDE_AT_ONCE;
    out->at = out->until = out->last_failure = out->since = CLOCK_NONE;
    out->override_at = DECIDE_NEVER;
    out->by_hand = by_hand;
    out->generation = out->newest = question->state->generation;
    out->not_before = question->state->not_before;
    out->not_after = question->state->not_after;
}

void decide_refuse(struct decision *out, enum hold hold)
{
    out->step = STEP_NONE;
    out->hold = hold;
}

int64_t decide_noted(const struct state *state, int64_t time, int64_t most_s)
{
    if (time == CLOCK_NONE || state->written == CLOCK_NONE || time <= state->written + most_s) {
        return time;
    }
    return state->written + most_s;
}

int64_t decide_retry(const struct decide_question *question, const struct failures *failures,
                     const struct profile *profile, struct decision *out)
{
    const struct durations *retry = &question->settings->retry;
    char digest[65];

    // The digest costs more than all the rest, and most certificates have not failed.
    if (failures->count == 0) {
        return DECIDE_AT_ONCE;
    }
    config_digest(question->config, question->certificate, question->settings, profile, digest);
    out->failures = failures_so_far(failures, digest, out->by_hand);
    out->last_failure = decide_noted(question->state, failures->last, 0);
    if (out->failures == 0 || out->last_failure == CLOCK_NONE || retry->count == 0) {
        return DECIDE_AT_ONCE;
    }
    out->retry_used_up = failures->permanent || out->failures > retry->count;
    if ((question->flags & DECIDE_IGNORE_RETRY) != 0) {
        return DECIDE_AT_ONCE;
    }
    // Each wait is at most an eighth of the window, at least a second. Before the first issue there is no window.
    int64_t wait = retry->s[out->retry_used_up ? retry->count - 1 : out->failures - 1];
    if (out->window_s > 0 && wait > out->window_s / 8) {
        wait = out->window_s / 8;
    }
    return out->last_failure + (wait < 1 ? 1 : wait);
}

int64_t decide_policy(const struct decide_question *question, struct decision *out)
{
    const struct state *state = question->state;

    // A hold ends with the policies that could have made it, and does not bind a person.
    if (question->settings->policies.count == 0 || state->hold_since == CLOCK_NONE || out->by_hand ||
        state->hold_until == CLOCK_NONE || state->hold_step == NULL ||
        strcmp(state->hold_step, step_name(out->next)) != 0) {
        return DECIDE_AT_ONCE;
    }
    out->since = state->hold_since;
    out->holder = state->hold_by;
    out->detail = state->hold_reason;
    return decide_noted(state, state->hold_until, POLICY_MOST);
}

void decide_slots(const struct decide_question *question, const struct slots *slots, int64_t override_at,
                  struct decision *out)
{
    if (out->by_hand || (question->flags & DECIDE_IGNORE_SLOTS) != 0 || slots_always(slots)) {
        return;
    }
    out->slots = slots;
    out->override_at = override_at;
}

int64_t decide_open(const struct config *config, const struct decision *decision, int64_t time)
{
    if (decision->slots == NULL || time >= decision->override_at) {
        return time;
    }
    int64_t next = slots_next(decision->slots, config->engine.zone, time);
    return next < decision->override_at ? next : decision->override_at;
}

static void place_later(const struct decide_question *question, int64_t ready, int64_t wait, enum hold hold,
                        struct decision *out)
{
    int64_t from = ready > question->now ? ready : question->now;
    int64_t opens = decide_open(question->config, out, from);

    if (out->due > question->now && out->due >= wait) {
        out->hold = HOLD_NOT_DUE;
    } else {
        out->hold = wait > question->now ? hold : HOLD_SLOT;
    }
    // Only a rule leads up to an expiry that slots can miss.
    out->never_opens = decide_by_rule(out->cause) && (out->hold == HOLD_NOT_DUE || out->hold == HOLD_SLOT) &&
                       from < out->not_after && opens >= out->not_after;
    if (opens == DECIDE_NEVER) {
        decide_refuse(out, HOLD_NEVER_OPENS);
        return;
    }
    out->step = STEP_WAIT;
    out->at = out->until = opens;
}

void decide_place(const struct decide_question *question, int64_t wait, enum hold hold, struct decision *out)
{
    int64_t now = question->now;
    int64_t ready = out->due > wait ? out->due : wait;

    if (ready > now || (out->slots != NULL && decide_open(question->config, out, now) > now)) {
        place_later(question, ready, wait, hold, out);
        return;
    }
    out->step = out->next;
    out->at = ready == DECIDE_AT_ONCE ? now : decide_open(question->config, out, ready);
}

// ---- The order of steps

static bool is_done(enum hold hold)
{
    return hold == HOLD_PUBLISHED || hold == HOLD_NOT_ISSUED || hold == HOLD_NO_PROFILE;
}

// Of a publication and the renewal, the one to tell. A ready publication goes first, unless it failed before;
// what is unfinished goes before everything, but does not hold the renewal while it waits after a failure.
static bool publication_first(const struct decision *publish, const struct decision *issue)
{
    bool fresh = publish->cause == DUE_UNFINISHED || publish->failures == 0;

    if (publish->step == STEP_PUBLISH) {
        return fresh || issue->step != STEP_ISSUE;
    }
    if (issue->step == STEP_ISSUE) {
        return false;
    }
    if (publish->step == STEP_WAIT && issue->step == STEP_WAIT) {
        return publish->until < issue->until || (publish->until == issue->until && fresh);
    }
    if (publish->step != issue->step) {
        return publish->step == STEP_WAIT;
    }
    // Neither is ever: what a person must know is rather why something due is held than that a switch is off.
    return issue->hold == HOLD_OFF && publish->hold != HOLD_OFF && !is_done(publish->hold);
}

static bool held_when_due(const struct decision *decision, int64_t now)
{
    return decision->step < STEP_ISSUE && decision->due <= now && decision->hold != HOLD_OFF &&
           !is_done(decision->hold);
}

void decide(const struct config *config, const struct certificate *certificate, const struct settings *settings,
            const struct state *state, int64_t now, unsigned flags, struct decision *out)
{
    const struct decide_question question = {config, certificate, settings, state, now, flags};
    struct decision publish;

    if ((flags & DECIDE_BY_HAND_PUBLISH) != 0) {
        decide_publish_step(&question, NULL, out);
        return;
    }
    decide_issue_step(&question, out);
    bool failed = out->failures > 0, held = held_when_due(out, now);
    if ((flags & DECIDE_BY_HAND_ISSUE) == 0 || state->publishing != NULL) {
        decide_publish_step(&question, NULL, &publish);
        failed |= publish.failed;
        held |= publish.due_held;
        enum hold behind = publish.behind;
        if (publication_first(&publish, out)) {
            *out = publish;
        }
        out->behind = behind;
    }
    out->pending = decide_pending(certificate, settings, state, now, flags);
    out->failed = failed;
    out->due_held = held;
}

void decide_issue(const struct config *config, const struct certificate *certificate, const struct settings *settings,
                  const struct state *state, int64_t now, unsigned flags, struct decision *out)
{
    const struct decide_question question = {config, certificate, settings, state, now, flags};

    decide_issue_step(&question, out);
}

void decide_publish(const struct config *config, const struct certificate *certificate, const struct settings *settings,
                    const struct state *state, const char *profile, int64_t now, unsigned flags, struct decision *out)
{
    const struct decide_question question = {config, certificate, settings, state, now, flags};

    decide_publish_step(&question, profile, out);
}
