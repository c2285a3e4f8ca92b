// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Whether the newest generation can be published by a profile now, and what was cut short before.
#include <string.h>

#include "decide_parts.h"

const struct profile *decide_profile(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->profiles.count; i++) {
        if (strcmp(settings->profiles.list[i]->section.name, name) == 0) {
            return settings->profiles.list[i];
        }
    }
    return NULL;
}

// When a publication is due: the previous generation is the one now published by this profile.
static void take_due(const struct publication *publication, const struct publish_when *when, struct decision *out)
{
    if (publication == NULL || publication->published == 0) {
        out->cause = DUE_NOT_PUBLISHED;
    } else if (publication->published_revoked) {
        out->cause = DUE_PREVIOUS_REVOKED;
    } else if (when->rule == PUBLISH_AFTER_RENEWAL || publication->published_not_after == CLOCK_NONE) {
        out->cause = DUE_AFTER_RENEWAL;
    } else if (when->rule == PUBLISH_ON_PREVIOUS_EXPIRY) {
        out->cause = DUE_ON_PREVIOUS_EXPIRY;
        out->due = publication->published_not_after;
    } else {
        out->cause = DUE_AFTER_PREVIOUS_EXPIRY;
        out->amount = when->after_s;
        out->due = publication->published_not_after + when->after_s;
    }
}

// From "override_slots" before the expiry of what is to be replaced, slots no longer hold the publication either;
// of a first publication, before its own.
static int64_t override_at(const struct settings *settings, const struct publication *publication,
                           const struct state *state)
{
    bool replaces =
        publication != NULL && publication->published != 0 && publication->published_not_after != CLOCK_NONE;

    if (settings->override_before_s < 0) {
        return DECIDE_NEVER;
    }
    return (replaces ? publication->published_not_after : state->not_after) - settings->override_before_s;
}

// What no time lifts, or HOLD_NONE.
static enum hold refusal(const struct decide_question *question, const struct publication *publication, bool by_hand)
{
    const struct state *state = question->state;
    bool force = (question->flags & DECIDE_FORCE) != 0;

    if (state->generation == 0) {
        return HOLD_NOT_ISSUED;
    }
    // Which older generation a rollback comes to is known to its worker, which sees the files.
    if ((question->flags & DECIDE_ROLLBACK) != 0) {
        return publication == NULL || publication->published == 0 ? HOLD_NONE_BEFORE : HOLD_NONE;
    }
    if (publication != NULL && publication->published >= state->generation && !force) {
        return HOLD_PUBLISHED;
    }
    if (!question->settings->auto_publish && !by_hand) {
        return HOLD_OFF;
    }
    if (state->keyless) {
        return HOLD_NO_KEY;
    }
    if (state->held == state->generation && !force) {
        return HOLD_HELD;
    }
    // A newer generation than the withdrawn one ends the withdrawal, and so does a person.
    if (state->generation <= state->withdrawn && !by_hand) {
        return HOLD_WITHDRAWN;
    }
    return HOLD_NONE;
}

static void place(const struct decide_question *question, const struct publication *publication,
                  const struct profile *profile, struct decision *out)
{
    struct due renewal;
    int64_t wait = DECIDE_AT_ONCE;
    enum hold hold = HOLD_RETRY;

    // Its waits are measured by the window of the renewal.
    if (publication != NULL && publication->failures.count > 0) {
        decide_due(question->certificate, question->settings, question->state, &renewal);
        out->window_s = renewal.window_s;
        wait = decide_retry(question, &publication->failures, profile, out);
        hold = out->retry_used_up ? HOLD_RETRY_RUN : HOLD_RETRY;
    }
    // What was cut short is finished without asking anyone.
    int64_t policy = out->cause == DUE_UNFINISHED ? DECIDE_AT_ONCE : decide_policy(question, out);
    if (policy > wait) {
        wait = policy;
        hold = HOLD_POLICY;
    }
    decide_place(question, wait, hold, out);
}

// profile: NULL for the live link alone.
static void publish_by(const struct decide_question *question, const struct profile *profile, struct decision *out)
{
    const struct settings *settings = question->settings;
    const char *name = profile == NULL ? STATE_LIVE : profile->section.name;
    const struct publication *publication = state_publication(question->state, name);

    decide_begin(question, STEP_PUBLISH, (question->flags & DECIDE_BY_HAND_PUBLISH) != 0, out);
    out->profile = name;
    enum hold hold = refusal(question, publication, out->by_hand);
    if (hold == HOLD_HELD) {
        out->detail = question->state->held_reason;
    }
    if (hold != HOLD_NONE) {
        decide_refuse(out, hold);
        return;
    }
    take_due(publication, &settings->publish, out);
    if (out->by_hand) {
        out->cause = DUE_BY_HAND;
        out->due = DECIDE_AT_ONCE;
    }
    decide_slots(question, settings->publish_slots, override_at(settings, publication, question->state), out);
    place(question, publication, profile, out);
}

// A transaction that was cut short is finished or undone before any other step, switched on or not, in a slot or
// not (spec 10, promise 1), also for a profile that is no longer set: its worker then says so and drops the note.
static void finish(const struct decide_question *question, struct decision *out)
{
    const char *name = question->state->publishing;

    decide_begin(question, STEP_PUBLISH, (question->flags & DECIDE_BY_HAND_PUBLISH) != 0, out);
    out->profile = name;
    out->generation = question->state->publishing_generation;
    out->cause = DUE_UNFINISHED;
    place(question, state_publication(question->state, name), decide_profile(question->settings, name), out);
}

// True when "a" is to be told rather than "b": what is ready and did not fail, what is ready, what waits least,
// what is held for good, what is done.
static bool better(const struct decision *a, const struct decision *b)
{
    static const int ranks[STEP_COUNT] = {[STEP_PUBLISH] = 2, [STEP_WAIT] = 1};

    if (a->step != b->step) {
        return ranks[a->step] > ranks[b->step];
    }
    if (a->step == STEP_PUBLISH) {
        return a->failures == 0 && b->failures > 0;
    }
    if (a->step == STEP_WAIT && a->until != b->until) {
        return a->until < b->until;
    }
    if (a->step == STEP_WAIT) {
        return a->failures == 0 && b->failures > 0;
    }
    return b->hold == HOLD_PUBLISHED && a->hold != HOLD_PUBLISHED;
}

static void sum_up(const struct decide_question *question, const struct decision *one, struct decision *all)
{
    bool person =
        one->hold == HOLD_OFF || one->hold == HOLD_HELD || one->hold == HOLD_WITHDRAWN || one->hold == HOLD_NO_KEY;

    all->failed |= one->failures > 0;
    all->due_held |= one->step == STEP_WAIT ? one->due <= question->now : person && one->hold != HOLD_OFF;
    all->due_held |= one->hold == HOLD_NEVER_OPENS && one->due <= question->now;
    all->behind = person && all->behind == HOLD_NONE ? one->hold : all->behind;
}

// By every profile of the settings, or the live link alone.
static void publish_by_all(const struct decide_question *question, struct decision *out)
{
    const struct profiles *profiles = &question->settings->profiles;
    struct decision all = {.behind = HOLD_NONE}, next;

    publish_by(question, profiles->count == 0 ? NULL : profiles->list[0], out);
    sum_up(question, out, &all);
    for (size_t i = 1; i < profiles->count; i++) {
        publish_by(question, profiles->list[i], &next);
        sum_up(question, &next, &all);
        if (better(&next, out)) {
            *out = next;
        }
    }
    out->failed = all.failed;
    out->due_held = all.due_held;
    out->behind = all.behind;
}

void decide_publish_step(const struct decide_question *question, const char *profile, struct decision *out)
{
    const struct settings *settings = question->settings;

    if (question->state->publishing != NULL) {
        finish(question, out);
        out->failed = out->failures > 0;
        out->due_held = out->step == STEP_WAIT;
    } else if (profile == NULL) {
        publish_by_all(question, out);
    } else if (settings->profiles.count == 0 && strcmp(profile, STATE_LIVE) == 0) {
        publish_by(question, NULL, out);
    } else if (decide_profile(settings, profile) != NULL) {
        publish_by(question, decide_profile(settings, profile), out);
    } else {
        decide_begin(question, STEP_PUBLISH, false, out);
        out->profile = profile;
        decide_refuse(out, HOLD_NO_PROFILE);
    }
}
