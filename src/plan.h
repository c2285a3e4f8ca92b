// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What will happen when: the simulated clock over decide. Pure.
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "decide.h"
#include "state.h"

#define PLAN_LIFETIME ((int64_t)90 * 86400) // of a generation of which nothing tells how long it lives

enum plan_warning_kind {
    PLAN_SETTINGS,                 // what decide_warnings says of the decision
    PLAN_EXPIRES_BEFORE_RENEWAL,   // the generation expires before the next one is issued
    PLAN_EXPIRES_BEFORE_REPLACED,  // a published generation expires before a newer one is published
    PLAN_EXPIRES_BEFORE_PUBLISHED, // the generation expires before it is published itself
    PLAN_NEVER_OPENS,              // no slot opens for the step, ever
    PLAN_CUT,                      // there is more than most_steps; "at" is the first step left out
    PLAN_WARNING_COUNT,
};
struct plan_warning {
    enum plan_warning_kind kind;
    uint32_t generation;
    int64_t expiry;                  // of that generation; CLOCK_NONE
    int64_t at;                      // when the step that comes too late starts; CLOCK_NONE: never, or it fails
    const struct decision *decision; // about that step
};

struct plan {
    const struct config *config;
    const char *host;    // as for decide_start
    int64_t from, until; // steps that start in [from, until)
    bool assume_failure; // every step fails; else every step succeeds
    size_t most_steps;   // of one certificate
    // Told of each step in the order of time: the decision is the one at that moment, its step issue or publish.
    void (*step)(void *context, const struct certificate *certificate, const struct decision *decision, int64_t at);
    // Told of each kind of warning once a certificate, and of those about publications once a profile.
    void (*warning)(void *context, const struct certificate *certificate, const struct plan_warning *warning);
    void *context;
};

// Takes the certificate through the time of the plan as a loop does that runs all the while. The state becomes what it
// would then be; texts in it may point into the configuration or be gone: it is of no other use afterwards but
// state_clear. A step takes no time; a new generation is valid from its issue on and lives as long as the template's
// option "lifetime" says, where its hook declares one, else as long as the one before it, else PLAN_LIFETIME.
void plan_certificate(const struct plan *plan, const struct certificate *certificate, struct state *state);

#endif
