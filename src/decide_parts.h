// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the rooms of decide share: the question, waits after failures, and the way into a slot.
#ifndef DECIDE_PARTS_H
#define DECIDE_PARTS_H

#include "decide.h"

// All that a decision is made of.
struct decide_question {
    const struct config *config;
    const struct certificate *certificate;
    const struct settings *settings;
    const struct state *state;
    int64_t now;
    unsigned flags;
};

#define DECIDE_AT_ONCE INT64_MIN
#define DECIDE_NEVER INT64_MAX

// Makes the decision about a step empty: not held, due at once, slots no obstacle.
void decide_begin(const struct decide_question *question, enum step next, bool by_hand, struct decision *out);

// Ends the decision with a hold that no time lifts.
void decide_refuse(struct decision *out, enum hold hold);

// A moment that the state notes can lie no later than "most_s" after it was written; where it does, a clock that
// was ahead wrote it, and the nearer moment is taken. CLOCK_NONE stays.
int64_t decide_noted(const struct state *state, int64_t time, int64_t most_s);

// Counts the failures that still hold (a change of the settings ends them) into the decision, whose window is
// known. Returns when the wait after them is over, DECIDE_AT_ONCE without one. profile: NULL for issuing and live.
int64_t decide_retry(const struct decide_question *question, const struct failures *failures,
                     const struct profile *profile, struct decision *out);

// When a policy's hold on this step is over, DECIDE_AT_ONCE without one.
int64_t decide_policy(const struct decide_question *question, struct decision *out);

// Slots hold the step unless they are ignored, and do so until "override_at".
void decide_slots(const struct decide_question *question, const struct slots *slots, int64_t override_at,
                  struct decision *out);

// Ends the decision: the step is ready at out->due, at "wait" (for "hold") or later, in a slot.
void decide_place(const struct decide_question *question, int64_t wait, enum hold hold, struct decision *out);

// The first moment >= time at which slots do not hold the step; DECIDE_NEVER.
int64_t decide_open(const struct config *config, const struct decision *decision, int64_t time);

// The two steps.
void decide_issue_step(const struct decide_question *question, struct decision *out);
// profile NULL: the first that has something to do; and what all profiles together say: failed, due_held, behind.
void decide_publish_step(const struct decide_question *question, const char *profile, struct decision *out);

// True when the renewal goes by the calendar rather than at once or by the user's word alone.
bool decide_by_rule(enum due_cause cause);

#endif
