// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A run: one pass over every certificate, taking each through all its steps that are ready.
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "decide.h"
#include "worker.h"

struct run_options {
    char *const *names;      // NULL-terminated list of certificates; NULL or empty: all
    const char *group;       // only certificates of this group; NULL: all
    unsigned flags;          // enum decide_flags
    bool dry_run;            // say what would be done, do nothing
    bool trust_clock;
    bool by_hand_issue, by_hand_publish; // the commands renew and publish
    const char *profile;     // publish --profile
};

struct run_result {
    const char *name;        // certificate, borrowed from config
    struct report report;
};

struct run_results {
    struct run_result *list;
    size_t count, capacity;
    bool clock_untrusted;    // nothing was started
    size_t unreadable;       // state files
};
void run_results_free(struct run_results *results);

// Makes the pass. "told" (may be NULL) is called as each step ends, for progress. 0, or -1 when the pass itself could not be made.
int run_pass(const struct config *config, const struct run_options *options, const char *host,
             void (*told)(void *context, const struct run_result *result), void *context,
             struct run_results *results, struct error *error);

#endif
