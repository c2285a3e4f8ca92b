// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Workers as their parent sees them: one step of one certificate, done by a keeper and its hook process.
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "decide.h"
#include "error.h"

enum outcome {
    OUTCOME_NOTHING,
    OUTCOME_RENEWED,
    OUTCOME_PUBLISHED,
    OUTCOME_PENDING,
    OUTCOME_HELD,
    OUTCOME_BUSY,
    OUTCOME_WAITING,
    OUTCOME_FAILED,
    OUTCOME_COUNT
};
const char *outcome_name(enum outcome outcome); // spec 8; "nothing" for OUTCOME_NOTHING

// What a worker is to do. It takes the certificate's lock, reads the state and decides again with these
// flags; when another process was faster the outcome is OUTCOME_NOTHING (or that of worker_hold), when the lock
// is held OUTCOME_BUSY.
struct order {
    const struct config *config;
    const struct certificate *certificate;
    enum step step;      // STEP_ISSUE, STEP_PUBLISH, or STEP_ERRAND
    const char *profile; // publish: which; NULL: the first ready one
    unsigned flags;      // enum decide_flags
    bool ask;            // policies have a say (policy_is_asked)
};

// What came of it.
struct report {
    enum outcome outcome;
    enum step step;
    uint32_t generation; // renewed or published; also of one that was kept but failed (due again at once)
    char profile[129];   // publish
    bool again;          // OUTCOME_PENDING, _HELD: it was so before
    bool rolled_back;    // an older generation is in place again: by "rollback", or after a failed publication
    bool kept_back;      // OUTCOME_RENEWED, _FAILED: the new generation is held by "must_keep"
    bool changed;        // errand: its CA said something new, which may make the certificate due
    bool revoked;        // errand: namely that it is revoked
    struct error error;  // OUTCOME_FAILED: the sentence; OUTCOME_HELD, _PENDING, _WAITING, _BUSY: the reason
};

struct worker {
    pid_t pid; // keeper; 0: not started
    int fd;    // readable or hung up when there is something to collect; -1: none
    const struct certificate *certificate;
    enum step step;
    char partial[sizeof(struct report)];
    size_t partial_length;
};

// The decision that a worker takes under the lock, and its parent before it starts one.
void worker_decide(const struct order *order, const struct settings *settings, const struct state *state, int64_t now,
                   struct decision *decision);

// What a decision that starts nothing comes to: OUTCOME_WAITING, _PENDING or _HELD with the reason for what is due but
// held; OUTCOME_FAILED when a person asked for what cannot be done; else OUTCOME_NOTHING. Fills report.
void worker_hold(const struct order *order, const struct decision *decision, int64_t now, struct report *report);

// Starts a keeper (which at once forks its hook process). The caller's descriptors but 0-2 are closed in both. The
// caller must not have initialised PSA or curl.
int worker_start(struct worker *worker, const struct order *order, struct error *error);
// Reads what there is without waiting; 1 when the worker is done (reaped, report filled), 0 when not yet.
// A keeper that died without a word is OUTCOME_FAILED with that sentence.
int worker_collect(struct worker *worker, struct report *report);
// Asks it to end: SIGTERM to the keeper, which kills its hook process and leaves the state as it was.
void worker_stop(struct worker *worker);

// Asks a hook file in hooks_dir what it declares, in a process of its own with its own limits; the answer is
// hook_declaration's JSON. Used through struct hook_source by commands and the loop.
int worker_declare(const char *hooks_dir, const char *kind, const char *name, struct buf *answer, struct error *error);

#endif
