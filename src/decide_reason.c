// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Decisions for people: the reason in one sentence, the warnings, and the word of the state.
#include <string.h>

#include "clock.h"
#include "decide_parts.h"

// ---- Why it is due

enum amount { AMOUNT_NONE, AMOUNT_DURATION, AMOUNT_PERCENT, AMOUNT_SHARE };

static const struct {
    enum amount amount; // told before the text
    const char *text;
} causes[] = {
    [DUE_NOTHING] = {AMOUNT_NONE, "nothing is due"},
    [DUE_NEVER_ISSUED] = {AMOUNT_NONE, "never issued yet"},
    [DUE_REVOKED] = {AMOUNT_NONE, "revoked"},
    [DUE_NAMES] = {AMOUNT_NONE, "its names have changed"},
    [DUE_KEY_TYPE] = {AMOUNT_NONE, "its key type has changed"},
    [DUE_AUTO] = {AMOUNT_SHARE, " of its lifetime left"},
    [DUE_BEFORE] = {AMOUNT_DURATION, " before expiry"},
    [DUE_PERCENT] = {AMOUNT_PERCENT, " before expiry"},
    [DUE_ON_EXPIRY] = {AMOUNT_NONE, "on expiry"},
    [DUE_AFTER_EXPIRY] = {AMOUNT_DURATION, " after expiry"},
    [DUE_WINDOW] = {AMOUNT_NONE, "its CA suggests it"},
    [DUE_PENDING] = {AMOUNT_NONE, "its order is pending"},
    [DUE_BY_HAND] = {AMOUNT_NONE, "asked for by hand"},
    [DUE_NOT_PUBLISHED] = {AMOUNT_NONE, "not published yet"},
    [DUE_AFTER_RENEWAL] = {AMOUNT_NONE, "after renewal"},
    [DUE_ON_PREVIOUS_EXPIRY] = {AMOUNT_NONE, "on expiry of the previous one"},
    [DUE_AFTER_PREVIOUS_EXPIRY] = {AMOUNT_DURATION, " after expiry of the previous one"},
    [DUE_PREVIOUS_REVOKED] = {AMOUNT_NONE, "the previous one is revoked"},
    [DUE_UNFINISHED] = {AMOUNT_NONE, "it was cut short"},
};
_Static_assert(sizeof(causes) / sizeof(causes[0]) == DUE_CAUSE_COUNT, "a text for every cause");

static void add_duration(int64_t seconds, struct buf *out)
{
    char text[CLOCK_DURATION_SIZE];

    clock_format_duration(seconds, text);
    buf_text(out, text);
}

static void add_cause(const struct decision *decision, struct buf *out)
{
    if ((unsigned)decision->cause >= DUE_CAUSE_COUNT) {
        return;
    }
    switch (causes[decision->cause].amount) {
    case AMOUNT_NONE: break;
    case AMOUNT_DURATION: add_duration(decision->amount, out); break;
    case AMOUNT_PERCENT: buf_format(out, "%lld%%", (long long)decision->amount); break;
    case AMOUNT_SHARE: buf_text(out, decision->amount == 2 ? "half" : "a third"); break;
    }
    buf_text(out, causes[decision->cause].text);
    if (decision->cause == DUE_WINDOW && decision->url != NULL) {
        buf_text(out, " (");
        buf_escape_message(out, decision->url, strlen(decision->url), 500);
        buf_char(out, ')');
    }
}

// ---- What holds it

// A sentence for each hold and step. %v "renews", "publishes generation 4 by nginx"; %o "generation 4 by nginx";
// %t "in 12 d"; %r "12 d"; %c the cause; %s the slot; %f how often it failed; %w who holds it; %d why; %e for how long.
static const struct {
    const char *issue, *publish;
} holds[] = {
    [HOLD_NONE] = {"%v now: %c", "%v now: %c"},
    [HOLD_NOT_DUE] = {"%v %t: %c%s", "%v %t: %c%s"},
    [HOLD_SLOT] = {"%v %t: %c%s", "%v %t: %c%s"},
    [HOLD_RETRY] = {"%v %t: %f; %c%s", "%v %t: %f; %c%s"},
    [HOLD_RETRY_RUN] = {"%v at the first run after %r: %f; %c%s", "%v at the first run after %r: %f; %c%s"},
    [HOLD_RETRY_AFTER] = {"%v %t: its CA asks to wait so long; %c%s", "%v %t: its CA asks to wait so long; %c%s"},
    [HOLD_POLICY] = {"%v %t, if allowed then: held%w%e%d; %c", "%v %t, if allowed then: held%w%e%d; %c"},
    [HOLD_PENDING] = {"asks its CA again %t: the order is pending%e", "asks its CA again %t: the order is pending%e"},
    [HOLD_OFF] = {"renewal is off (auto_renew)", "%o is not published: publishing is off (auto_publish)"},
    [HOLD_NO_TEMPLATE] = {"cannot be issued: no template is set", "cannot be issued: no template is set"},
    [HOLD_NO_NAMES] = {"cannot be issued: no names are set, and none is imported",
                       "cannot be issued: no names are set, and none is imported"},
    [HOLD_NO_KEY] = {"%o cannot be published: it was imported without its key",
                     "%o cannot be published: it was imported without its key"},
    [HOLD_NEVER_OPENS] = {"no slot opens for it, ever; %c", "%o is not published: no slot opens for it, ever; %c"},
    [HOLD_HELD] = {"%o is held%d", "%o is held%d; 'publish --force' publishes it"},
    [HOLD_WITHDRAWN] = {"%o is withdrawn by a rollback", "%o is withdrawn by a rollback"},
    [HOLD_PUBLISHED] = {"%o is published", "%o is published"},
    [HOLD_NOT_ISSUED] = {"never issued yet", "there is nothing to publish: never issued yet"},
    [HOLD_NO_PROFILE] = {"%o is not published by this profile", "%o is not published by this profile"},
    [HOLD_NONE_BEFORE] = {"nothing is published", "nothing is published, so there is nothing to go back from"},
};
_Static_assert(sizeof(holds) / sizeof(holds[0]) == HOLD_COUNT, "a sentence for every hold");

static void add_object(const struct decision *decision, struct buf *out)
{
    buf_format(out, "generation %u", (unsigned)decision->generation);
    if (decision->profile != NULL && strcmp(decision->profile, STATE_LIVE) != 0) {
        buf_format(out, " by %s", decision->profile);
    }
}

static void add_verb(const struct decision *decision, struct buf *out)
{
    if (decision->next == STEP_PUBLISH) {
        buf_text(out, "publishes ");
        add_object(decision, out);
    } else {
        buf_text(out, decision->generation == 0 ? "is issued" : "renews");
    }
}

static void add_time(const struct decision *decision, int64_t now, struct buf *out)
{
    if (decision->at == CLOCK_NONE || decision->at <= now) {
        buf_text(out, "now");
        return;
    }
    buf_text(out, "in ");
    add_duration(decision->at - now, out);
}

static void add_slot(const struct config *config, const struct decision *decision, struct buf *out)
{
    if (decision->slots == NULL || decision->at == CLOCK_NONE) {
        return;
    }
    if (decision->at >= decision->override_at && !slots_open(decision->slots, config->engine.zone, decision->at)) {
        buf_text(out, "; slots do not hold it then");
        return;
    }
    buf_text(out, "; next slot ");
    slots_describe(decision->slots, config->engine.zone, decision->at, out);
}

static void add_failures(const struct decision *decision, struct buf *out)
{
    if (decision->failures == 1) {
        buf_text(out, "failed once");
    } else {
        buf_format(out, "failed %u times", (unsigned)decision->failures);
    }
}

static void add_part(const struct config *config, const struct decision *decision, int64_t now, char part,
                     struct buf *out)
{
    switch (part) {
    case 'v': add_verb(decision, out); break;
    case 'o': add_object(decision, out); break;
    case 't': add_time(decision, now, out); break;
    case 'r': add_duration(decision->at == CLOCK_NONE ? 0 : decision->at - now, out); break;
    case 'c': add_cause(decision, out); break;
    case 's': add_slot(config, decision, out); break;
    case 'f': add_failures(decision, out); break;
    case 'w':
        if (decision->holder != NULL) {
            buf_text(out, " by ");
            buf_escape_message(out, decision->holder, strlen(decision->holder), 128);
        }
        break;
    case 'd':
        if (decision->detail != NULL) {
            buf_text(out, ": ");
            buf_escape_message(out, decision->detail, strlen(decision->detail), 500);
        }
        break;
    case 'e':
        if (decision->since != CLOCK_NONE && decision->since < now) {
            buf_text(out, " for ");
            add_duration(now - decision->since, out);
        }
        break;
    }
}

// What a reader of the renewal's reason must know besides: another template, and a newest generation that is not in use.
static void add_behind(const struct decision *decision, struct buf *out)
{
    static const char *const texts[HOLD_COUNT] = {
        [HOLD_OFF] = "is not published (auto_publish is off)",
        [HOLD_HELD] = "is held",
        [HOLD_WITHDRAWN] = "is withdrawn",
        [HOLD_NO_KEY] = "cannot be published without its key",
    };

    if (decision->next == STEP_ISSUE && decision->fallback != NULL && decision->failures > 0) {
        buf_format(out, "; by its fallback '%s'", decision->fallback);
    }
    if (decision->next == STEP_ISSUE && (unsigned)decision->behind < HOLD_COUNT && texts[decision->behind] != NULL) {
        buf_format(out, "; generation %u %s", (unsigned)decision->newest, texts[decision->behind]);
    }
}

void decide_reason(const struct config *config, const struct decision *decision, int64_t now, struct buf *out)
{
    const char *text = "nothing is known about it";

    if ((unsigned)decision->hold < HOLD_COUNT) {
        text = decision->next == STEP_PUBLISH ? holds[decision->hold].publish : holds[decision->hold].issue;
    }
    for (; *text != '\0'; text++) {
        if (*text == '%') {
            text++;
            add_part(config, decision, now, *text, out);
        } else {
            buf_char(out, *text);
        }
    }
    add_behind(decision, out);
}

// ---- Warnings

static void warn(struct buf *out, bool applies, bool *first, const char *text)
{
    if (applies) {
        buf_text(out, *first ? "" : "; ");
        buf_text(out, text);
        *first = false;
    }
}

void decide_warnings(const struct decision *decision, struct buf *out)
{
    bool first = true;

    warn(out, decision->window_cut, &first,
         "the renewal window is 90 % of the lifetime or more, so a third of the lifetime is taken");
    warn(out, decision->long_window, &first, "the renewal window is longer than two thirds of the lifetime");
    warn(out, decision->held_back, &first,
         "its CA wants it renewed within a day of its issue; that time is waited for");
    warn(out, decision->never_opens, &first, "no slot opens between due and expiry");
}

// ---- The word

int64_t decide_expiry(const struct settings *settings, const struct state *state)
{
    int64_t expiry = state->not_after;

    if (state->generation == 0) {
        return CLOCK_NONE;
    }
    for (size_t i = 0; i == 0 || i < settings->profiles.count; i++) {
        const struct publication *publication = state_publication(
            state, settings->profiles.count == 0 ? STATE_LIVE : settings->profiles.list[i]->section.name);
        if (publication != NULL && publication->published != 0 && publication->published_not_after != CLOCK_NONE &&
            publication->published_not_after < expiry) {
            expiry = publication->published_not_after;
        }
    }
    return expiry;
}

const char *decide_state_word(const struct settings *settings, const struct state *state,
                              const struct decision *decision, int64_t now)
{
    int64_t expiry = decide_expiry(settings, state);

    if (!settings->auto_renew && !settings->auto_publish) {
        return "disabled";
    }
    if (expiry != CLOCK_NONE && now != CLOCK_NONE && now >= expiry) {
        return "expired";
    }
    if (decision->failed) {
        return "failed";
    }
    if (decision->pending) {
        return "pending";
    }
    if (state->generation == 0) {
        return "unissued";
    }
    if (decision->step == STEP_ISSUE || decision->step == STEP_PUBLISH) {
        return "due";
    }
    return decision->due_held ? "waiting" : "ok";
}
