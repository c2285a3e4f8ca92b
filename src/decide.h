// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The policy: from settings, state and the time to the next step of a certificate, with its reason. Pure.
#ifndef DECIDE_H
#define DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "state.h"

enum step { STEP_NONE, STEP_WAIT, STEP_ISSUE, STEP_PUBLISH };
const char *step_name(enum step step); // "none" "wait" "issue" "publish"

// How a start by a person differs from one by itself.
enum decide_flags {
    DECIDE_IGNORE_SLOTS = 1,  // --ignore-slots
    DECIDE_IGNORE_RETRY = 2,  // names given to --run-now: the waits of "retry" do not hold
    DECIDE_BY_HAND_ISSUE = 4, // renew NAME: due, enabled, slot, retry do not matter; Retry-After does
    DECIDE_BY_HAND_PUBLISH = 8,
    DECIDE_FORCE = 16,        // publish --force: also what is published already, or held
};

// Why a step is due; one row of a table in decide.c each (text and kind).
enum due_cause {
    DUE_NOTHING, DUE_NEVER_ISSUED, DUE_REVOKED, DUE_NAMES, DUE_KEY_TYPE, DUE_AUTO, DUE_BEFORE, DUE_PERCENT,
    DUE_ON_EXPIRY, DUE_AFTER_EXPIRY, DUE_WINDOW, DUE_BY_HAND,
    DUE_NOT_PUBLISHED, DUE_AFTER_RENEWAL, DUE_ON_PREVIOUS_EXPIRY, DUE_AFTER_PREVIOUS_EXPIRY,
    DUE_PREVIOUS_REVOKED, DUE_UNFINISHED, DUE_CAUSE_COUNT,
};

// What holds a step that is due, or will be.
enum hold {
    HOLD_NONE, HOLD_NOT_DUE, HOLD_SLOT, HOLD_RETRY, HOLD_RETRY_RUN, HOLD_RETRY_AFTER, HOLD_POLICY, HOLD_PENDING,
    HOLD_OFF, HOLD_NO_TEMPLATE, HOLD_NO_NAMES, HOLD_NO_KEY, HOLD_NEVER_OPENS, HOLD_HELD, HOLD_WITHDRAWN, HOLD_COUNT,
};

struct decision {
    enum step step;         // what can be done now: issue, publish; wait; none
    enum step next;         // for wait: the step waited for; else = step
    const char *profile;    // publish: profile name or STATE_LIVE; borrowed
    uint32_t generation;    // publish: the generation
    int64_t due;            // when the step is (was) due; INT64_MIN: at once
    int64_t at;             // first moment it is due, in a slot and past its waits; CLOCK_NONE: never
    int64_t until;          // wait: the first moment at which the answer differs (== at, or earlier)
    enum due_cause cause;
    enum hold hold;         // HOLD_NONE when step is issue or publish
    int64_t window_s;       // renewal window; 0: none (never issued)
    bool own_moment;        // starts at "at" itself, not at a run (spec 3 "a moment of its own")
    bool jitter;            // first start of a renewal: jitter applies
    bool by_retry;          // a retry
    bool long_window;       // warning: the window is over two thirds of the lifetime (spec 3)
    bool window_cut;        // warning: 90 % or more: a third is taken instead
    bool never_opens;       // warning: no slot opens between due and expiry
    int64_t amount;         // of the rule, for the reason
    uint32_t failures;      // of the step
    struct slots const *slots; // of the step, for the reason
    int64_t not_after;
    const char *detail;     // borrowed text (hold reason, ...) or NULL
};

// Which group's settings the certificate takes (spec 2, last paragraph of the settings table), or NULL.
const struct group *decide_group(const struct config *config, const struct certificate *certificate,
                                 const struct state *state, int64_t now);

// decide_group and config_settings in one.
void decide_settings(const struct config *config, const struct certificate *certificate,
                     const struct state *state, int64_t now, struct settings *out);

// When the renewal of this generation is due, its cause and window, whatever the switches, slots and waits say.
struct due {
    int64_t at;         // INT64_MIN: at once
    int64_t window_s;
    enum due_cause cause;
    int64_t amount;
    bool long_window, window_cut;
};
void decide_due(const struct certificate *certificate, const struct settings *settings,
                const struct state *state, struct due *out);

// The next step. host: stable text of this host (for the moment inside a CA's window).
void decide(const struct config *config, const struct certificate *certificate,
            const struct settings *settings, const struct state *state, const char *host, int64_t now,
            unsigned flags, struct decision *out);

// The decision about one step alone, as explain and the worker ask: issue, or publish of one profile
// (NULL: the first that has something to do).
void decide_issue(const struct config *config, const struct certificate *certificate,
                  const struct settings *settings, const struct state *state, const char *host, int64_t now,
                  unsigned flags, struct decision *out);
void decide_publish(const struct config *config, const struct certificate *certificate,
                    const struct settings *settings, const struct state *state, const char *profile,
                    int64_t now, unsigned flags, struct decision *out);

// When the loop (started or reloaded at loop_start) starts the step: runs, openings and jitter put on top of
// "at"; CLOCK_NONE: never. >= now. For a wait that ends without a start (until < at), until.
int64_t decide_start(const struct config *config, const struct certificate *certificate,
                     const struct decision *decision, const char *host, int64_t now);

// Appends the reason in one sentence, never empty: "renews in 12 d: 31 d before expiry; next slot Sun 00:00–04:00".
void decide_reason(const struct config *config, const struct decision *decision, int64_t now, struct buf *out);
// Appends its warnings, each a sentence, joined by "; "; nothing when none.
void decide_warnings(const struct decision *decision, struct buf *out);

// disabled expired failed pending unissued due waiting ok: the first that fits (spec 8).
const char *decide_state_word(const struct settings *settings, const struct state *state,
                              const struct decision *decision, int64_t now);

// Clock trust (spec 3): CLOCK_TRUSTED, or why not. newest_written: over all certificates of the configuration.
enum clock_trust { CLOCK_TRUSTED, CLOCK_BEFORE_BUILD, CLOCK_BEFORE_WRITTEN };
enum clock_trust decide_clock(int64_t now, int64_t build_time, int64_t newest_written);

#endif
