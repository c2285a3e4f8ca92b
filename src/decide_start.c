// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// When the loop starts a step: at a run or the opening of a slot, or at a moment of its own; and its jitter.
#include "decide_parts.h"

#define DAY ((int64_t)86400)
#define FEW_RUNS 8
#define LONG_ENOUGH (60 * DAY) // to find a run in a slot, where no expiry ends the search

struct start {
    const struct config *config;
    const struct certificate *certificate;
    const struct decision *decision;
    const char *host;
};

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// A step with a moment of its own starts at that moment: all that is due at once, on and after expiry, every
// publication, retries, and renewals with fewer than eight runs in their window.
static bool has_own_moment(const struct start *start)
{
    const struct decision *decision = start->decision;
    const struct engine *engine = &start->config->engine;

    if (decision->retry_used_up) {
        return false;
    }
    return !decide_by_rule(decision->cause) || decision->failures > 0 ||
           runs_count(&engine->runs, engine->zone, decision->due, decision->not_after, FEW_RUNS) < FEW_RUNS;
}

static bool may_jitter(const struct decision *decision)
{
    return decide_by_rule(decision->cause) && decision->failures == 0 && !decision->by_hand;
}

static int64_t most_jitter(const struct start *start)
{
    const struct engine *engine = &start->config->engine;
    int64_t most = lesser(engine->jitter_s, start->decision->window_s / 8);

    return lesser(most, runs_interval(&engine->runs) / 2);
}

// The jitter of a start at that moment: at most an eighth of the window, half the interval, half of what is left
// of the slot, and half of the life that is left, or it could do what renewals are there to prevent; none is left of
// what is expired.
static int64_t jitter_at(const struct start *start, int64_t moment)
{
    const struct decision *decision = start->decision;

    if (!may_jitter(decision)) {
        return 0;
    }
    int64_t most = lesser(most_jitter(start), (decision->not_after - moment) / 2);
    if (decision->slots != NULL && moment < decision->override_at) {
        int64_t close = slots_close(decision->slots, start->config->engine.zone, moment);
        most = lesser(most, (close - moment) / 2);
    }
    return jitter_s(start->host, start->certificate->name, most);
}

// The first run from then on that the slots allow. When no run falls into them (in the first half of the window; where
// there is none, for a while after the failure) the opening of each is a run: a run that meets a slot only now and then
// must not use up the window. Behind that end whatever comes first will do, so that what was found before it stays true.
static int64_t next_run(const struct start *start, int64_t from)
{
    const struct decision *decision = start->decision;
    const struct engine *engine = &start->config->engine;
    const struct slots *slots = decision->slots;

    if (slots == NULL) {
        return runs_next(&engine->runs, engine->zone, from);
    }
    int64_t end = decide_by_rule(decision->cause) ? decision->not_after - decision->window_s / 2
                                                  : decision->last_failure + LONG_ENOUGH;
    int64_t run = runs_next_in(&engine->runs, slots, engine->zone, from, end);
    if (run != SCHEDULE_NEVER) {
        return run;
    }
    int64_t opening = slots_next_opening(slots, engine->zone, from - 1);
    return lesser(runs_next_in(&engine->runs, slots, engine->zone, from, opening), opening);
}

// The first start at a run that is not over yet. The jitter of a run may reach from before now to behind it.
static int64_t start_at_run(const struct start *start, int64_t loop_start, int64_t now)
{
    const struct decision *decision = start->decision;
    int64_t reach = may_jitter(decision) ? most_jitter(start) : 0;
    int64_t from = decision->at > now - reach ? decision->at : now - reach;
    int64_t best = DECIDE_NEVER;

    if (loop_start != CLOCK_NONE && loop_start >= decision->at &&
        decide_open(start->config, decision, loop_start) == loop_start &&
        loop_start + jitter_at(start, loop_start) >= now) {
        best = loop_start + jitter_at(start, loop_start);
    }
    // Never more than a few: the jitter is at most half of the interval.
    for (int64_t run = next_run(start, from); run < best; run = next_run(start, run + 1)) {
        int64_t begins = run + jitter_at(start, run);
        if (begins >= now) {
            return lesser(best, begins);
        }
    }
    return best;
}

// Where slots no longer hold, or once "retry" is used up, a moment of its own comes after all: that of
// "override_slots", and every eighth of the window after the failure.
static int64_t latest_start(const struct start *start)
{
    const struct decision *decision = start->decision;
    int64_t latest = DECIDE_NEVER;

    if (decision->override_at != DECIDE_NEVER) {
        latest = decision->at > decision->override_at ? decision->at : decision->override_at;
    }
    if (decision->retry_used_up && decision->window_s > 0) {
        int64_t wait = decision->window_s / 8 < 1 ? 1 : decision->window_s / 8;
        int64_t moment = decision->last_failure + wait;
        // A hold may reach beyond it.
        moment = moment > decision->at ? moment : decision->at;
        latest = lesser(latest, decide_open(start->config, decision, moment));
    }
    return latest;
}

int64_t decide_start(const struct config *config, const struct certificate *certificate,
                     const struct decision *decision, const char *host, int64_t loop_start, int64_t now)
{
    const struct start start = {config, certificate, decision, host};
    int64_t begins;

    if (decision->step == STEP_NONE || decision->at == CLOCK_NONE) {
        return CLOCK_NONE;
    }
    if (decision->step == STEP_WAIT && decision->until < decision->at) {
        return decision->until > now ? decision->until : now;
    }
    if (has_own_moment(&start)) {
        // Only the first moment is spread. When it was missed, nothing more is to be lost.
        bool first = may_jitter(decision) && decision->at == decide_open(config, decision, decision->due);
        begins = decision->at + (first ? jitter_at(&start, decision->at) : 0);
    } else {
        begins = lesser(start_at_run(&start, loop_start, now), latest_start(&start));
    }
    if (begins == DECIDE_NEVER) {
        return CLOCK_NONE;
    }
    return begins > now ? begins : now;
}

// Where two begin together: publications, but those that failed before after the renewal.
static int turn(const struct decision *decision)
{
    if (decision->next == STEP_ISSUE) {
        return 1;
    }
    return decision->failures == 0 || decision->cause == DUE_UNFINISHED ? 0 : 2;
}

int64_t decide_next(const struct config *config, const struct certificate *certificate, const struct settings *settings,
                    const struct state *state, const char *host, int64_t loop_start, int64_t now, struct decision *out)
{
    const struct decide_question question = {config, certificate, settings, state, now, 0};
    const struct profiles *profiles = &settings->profiles;
    struct decision publish;

    decide_issue_step(&question, out);
    int64_t first = decide_start(config, certificate, out, host, loop_start, now);
    for (size_t i = 0; i == 0 || i < profiles->count; i++) {
        decide_publish_step(&question, profiles->count == 0 ? STATE_LIVE : profiles->list[i]->section.name, &publish);
        int64_t start = decide_start(config, certificate, &publish, host, loop_start, now);
        if (start != CLOCK_NONE &&
            (first == CLOCK_NONE || start < first || (start == first && turn(&publish) < turn(out)))) {
            first = start;
            *out = publish;
        }
    }
    return first;
}
