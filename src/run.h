// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A run: one pass over every certificate, taking each through all its steps that are ready.
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "decide.h"
#include "log.h"
#include "worker.h"

struct run_options {
    char *const *names; // NULL-terminated list of certificates; NULL or empty: all
    const char *group;  // only certificates of this group; NULL: all
    unsigned flags;     // DECIDE_IGNORE_SLOTS, DECIDE_IGNORE_RETRY, DECIDE_FORCE
    bool dry_run;       // say what would be done, do nothing
    bool trust_clock;
    bool by_hand_issue, by_hand_publish; // the commands renew and publish
    const char *profile;                 // publish --profile; NULL: all profiles of the certificate
};

struct run_result {
    const char *name; // certificate, borrowed from config
    struct report report;
};

struct run_results {
    struct run_result *list;
    size_t count, capacity;
    bool clock_untrusted; // nothing was started; "clock" says why
    struct error clock;
    size_t unreadable; // state files; each is also a failed result without a step, with FILE:LINE
};
void run_results_free(struct run_results *results);

// Logs a result in one line: the outcome, and what it is about.
void run_log(const char *name, const struct report *report, enum log_level level);

// Makes the pass: reads every state once, judges the clock, then takes the certificates that have a step ready,
// nearest to expiry first, through their steps, as many at a time as max_parallel (and each template's) says. Results:
// one a step that was done or failed; one a certificate that is due but pending, held, busy or waiting; none for
// those of which nothing is due. dry_run: the outcome that the step would have if all goes well.
// by_hand_issue: one issue of each, whatever else is due, then what that makes ready; by_hand_publish: each profile once.
// After a failure the waits of "retry" hold in this run even with DECIDE_IGNORE_RETRY.
// "told" (may be NULL) is called with each result as it comes, for progress. 0, or -1 when the pass itself could
// not be made (unknown name, state_dir refused). The caller must not have initialised PSA or curl.
int run_pass(const struct config *config, const struct run_options *options,
             void (*told)(void *context, const struct run_result *result), void *context, struct run_results *results,
             struct error *error);

#endif
