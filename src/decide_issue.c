// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// When a generation is due for renewal, and whether it can be issued now.
#include <string.h>

#include "decide_parts.h"
#include "key.h"
#include "names.h"

#define DAY ((int64_t)86400)
#define SHORT_LIFE (10 * DAY)
#define RETRY_AFTER_MOST (7 * DAY)
#define PENDING_MOST DAY // between two askings about a pending order
#define PENDING_LIFE (30 * DAY)

bool decide_by_rule(enum due_cause cause)
{
    return cause == DUE_AUTO || cause == DUE_BEFORE || cause == DUE_PERCENT || cause == DUE_WINDOW;
}

// ---- Due

static bool text_same(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

// "auto" leaves a third of the lifetime, half of a short one.
static int64_t auto_share(int64_t lifetime)
{
    return lifetime <= SHORT_LIFE ? 2 : 3;
}

// The window of a rule that counts back from expiry. Nearly the whole lifetime would renew for ever.
static void due_before(int64_t lifetime, int64_t window, enum due_cause cause, int64_t amount, struct due *out)
{
    out->cause = cause;
    out->amount = amount;
    out->window_s = window;
    if (window * 10 >= lifetime * 9) {
        out->window_cut = true;
        out->cause = DUE_AUTO;
        out->amount = 3;
        out->window_s = lifetime / 3;
    } else if (window * 3 > lifetime * 2) {
        out->long_window = true;
    }
}

static void due_by_rule(const struct settings *settings, const struct state *state, int64_t lifetime, struct due *out)
{
    const struct renew *renew = &settings->renew;
    int64_t share = auto_share(lifetime);

    out->window_s = lifetime / share;
    switch (renew->rule) {
    case RENEW_AUTO:
        out->cause = DUE_AUTO;
        out->amount = share;
        break;
    case RENEW_BEFORE: due_before(lifetime, renew->amount, DUE_BEFORE, renew->amount, out); break;
    case RENEW_BEFORE_PERCENT:
        due_before(lifetime, lifetime * renew->amount / 100, DUE_PERCENT, renew->amount, out);
        break;
    case RENEW_ON_EXPIRY: out->cause = DUE_ON_EXPIRY; break;
    case RENEW_AFTER_EXPIRY:
        out->cause = DUE_AFTER_EXPIRY;
        out->amount = renew->amount;
        break;
    }
    out->window_s = out->window_s < 1 ? 1 : out->window_s;
    out->at = state->not_after - out->window_s;
    // On and after expiry the window is but as long as "auto" would give, for waits and jitter.
    if (out->cause == DUE_ON_EXPIRY || out->cause == DUE_AFTER_EXPIRY) {
        out->at = state->not_after + out->amount;
    }
}

// What the CA says of a generation cannot make it due within a day of its issue, an eighth of a shorter life:
// else one CA's mistake would have it renewed in a circle.
static int64_t not_within_a_day(const struct state *state, int64_t lifetime, int64_t at, bool *held_back)
{
    int64_t rest = lifetime / 8 < DAY ? lifetime / 8 : DAY;

    if (state->issued == CLOCK_NONE) {
        return at;
    }
    int64_t earliest = decide_noted(state, state->issued, 0) + rest;
    *held_back = at < earliest;
    return *held_back ? earliest : at;
}

// A moment in the window that the CA suggests, the same for this generation every time; the earlier wins.
static void due_by_window(const struct certificate *certificate, const struct settings *settings,
                          const struct state *state, int64_t lifetime, struct due *out)
{
    bool held_back = false;

    if (state->window_start == CLOCK_NONE || state->window_finish == CLOCK_NONE ||
        state->window_finish < state->window_start || settings->renew.rule == RENEW_ON_EXPIRY ||
        settings->renew.rule == RENEW_AFTER_EXPIRY) {
        return;
    }
    int64_t moment = state->window_start + jitter_s(state->serial == NULL ? "" : state->serial, certificate->name,
                                                    state->window_finish - state->window_start);
    moment = not_within_a_day(state, lifetime, moment, &held_back);
    if (moment < out->at) {
        out->at = moment;
        out->cause = DUE_WINDOW;
        out->window_s = state->not_after - moment;
        out->held_back = held_back;
    }
}

static void due_at_once(const struct certificate *certificate, const struct settings *settings,
                        const struct state *state, int64_t lifetime, struct due *out)
{
    bool held_back = false;

    if (state->revoked) {
        int64_t at = DECIDE_AT_ONCE;
        if (!state->revoked_here) {
            at = not_within_a_day(state, lifetime, at, &held_back);
        }
        if (at < out->at) {
            out->at = at;
            out->cause = DUE_REVOKED;
            out->held_back = held_back;
        }
    }
    // The names that a request carried are noted with the generation; those of an imported one may be unknown.
    if (certificate->names != NULL && (state->names == NULL || !names_same(certificate->names, state->names))) {
        *out = (struct due){.at = DECIDE_AT_ONCE, .window_s = out->window_s, .cause = DUE_NAMES};
    } else if (settings->key_is_own && !text_same(state->key_type, key_type_name(settings->key))) {
        *out = (struct due){.at = DECIDE_AT_ONCE, .window_s = out->window_s, .cause = DUE_KEY_TYPE};
    }
}

void decide_due(const struct certificate *certificate, const struct settings *settings, const struct state *state,
                struct due *out)
{
    memset(out, 0, sizeof(*out));
    if (state->generation == 0) {
        out->at = DECIDE_AT_ONCE;
        out->cause = DUE_NEVER_ISSUED;
        return;
    }
    int64_t lifetime = state->not_after > state->not_before ? state->not_after - state->not_before : 0;
    due_by_rule(settings, state, lifetime, out);
    due_by_window(certificate, settings, state, lifetime, out);
    due_at_once(certificate, settings, state, lifetime, out);
}

// ---- Pending orders

bool decide_pending(const struct certificate *certificate, const struct settings *settings, const struct state *state,
                    int64_t now, unsigned flags)
{
    const char *names = certificate->names != NULL ? certificate->names : state->names;

    if ((flags & DECIDE_RESTART) != 0 || state->pending_since == CLOCK_NONE || names == NULL ||
        state->pending_names == NULL) {
        return false;
    }
    return now - decide_noted(state, state->pending_since, 0) < PENDING_LIFE &&
           names_same(names, state->pending_names) &&
           text_same(state->pending_key_type, key_type_name(settings->key)) &&
           (state->pending_template == NULL || settings->template == NULL ||
            strcmp(state->pending_template, settings->template->section.name) == 0);
}

// An errand, free of slots: the CA is asked again when it said, however the renewal came about.
static void ask_again(const struct decide_question *question, int64_t retry_after, struct decision *out)
{
    const struct state *state = question->state;
    int64_t next = decide_noted(state, state->pending_next, PENDING_MOST);
    int64_t dropped = decide_noted(state, state->pending_since, 0) + PENDING_LIFE;
    bool by_ca = retry_after > next || out->by_hand;

    out->cause = DUE_PENDING;
    out->due = DECIDE_AT_ONCE;
    out->since = state->pending_since;
    out->retry_used_up = false; // the order lives: it is the CA that says when
    decide_place(question, by_ca ? retry_after : next, by_ca ? HOLD_RETRY_AFTER : HOLD_PENDING, out);
    if (out->step == STEP_WAIT && dropped < out->until) {
        out->until = dropped;
    }
}

// ---- The step

static void take_due(const struct decide_question *question, struct decision *out)
{
    struct due due;

    decide_due(question->certificate, question->settings, question->state, &due);
    out->due = due.at;
    out->cause = due.cause;
    out->amount = due.amount;
    out->window_s = due.window_s;
    out->long_window = due.long_window;
    out->window_cut = due.window_cut;
    out->held_back = due.held_back;
    out->url = due.cause == DUE_WINDOW ? question->state->window_url : NULL;
    const struct template *template = question->settings->template;
    out->fallback = template != NULL && template != question->settings->first ? template->section.name : NULL;
}

// What holds longest of the waits, and until when.
static int64_t longest_wait(const struct decide_question *question, int64_t retry_after, enum hold *hold,
                            struct decision *out)
{
    int64_t wait = decide_retry(question, &question->state->issue, NULL, out);
    int64_t policy = decide_policy(question, out);

    *hold = out->retry_used_up ? HOLD_RETRY_RUN : HOLD_RETRY;
    if (policy > wait) {
        wait = policy;
        *hold = HOLD_POLICY;
    }
    if (retry_after > wait) {
        wait = retry_after;
        *hold = HOLD_RETRY_AFTER;
    }
    return wait;
}

void decide_issue_step(const struct decide_question *question, struct decision *out)
{
    const struct settings *settings = question->settings;
    const struct state *state = question->state;
    enum hold hold;

    decide_begin(question, STEP_ISSUE, (question->flags & DECIDE_BY_HAND_ISSUE) != 0, out);
    take_due(question, out);
    if (out->by_hand) {
        out->due = DECIDE_AT_ONCE;
        out->cause = DUE_BY_HAND;
    }
    // A CA's Retry-After holds every command, a person's too.
    int64_t retry_after = decide_noted(state, state->retry_after, RETRY_AFTER_MOST);
    int64_t wait = longest_wait(question, retry_after, &hold, out);
    if (!settings->auto_renew && !out->by_hand) {
        decide_refuse(out, HOLD_OFF);
    } else if (settings->template == NULL) {
        decide_refuse(out, HOLD_NO_TEMPLATE);
    } else if (question->certificate->names == NULL && state->names == NULL) {
        decide_refuse(out, HOLD_NO_NAMES);
    } else if (decide_pending(question->certificate, settings, state, question->now, question->flags)) {
        ask_again(question, retry_after, out);
    } else {
        bool expires = state->generation > 0 && settings->override_before_s >= 0;
        decide_slots(question, settings->renew_slots,
                     expires ? state->not_after - settings->override_before_s : DECIDE_NEVER, out);
        decide_place(question, wait, hold, out);
    }
}
