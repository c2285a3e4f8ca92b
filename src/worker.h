// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Workers: one step of one certificate in two processes, keeper and hook process, with a deadline.
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "decide.h"
#include "error.h"

enum outcome { OUTCOME_NOTHING, OUTCOME_RENEWED, OUTCOME_PUBLISHED, OUTCOME_PENDING, OUTCOME_HELD, OUTCOME_BUSY,
               OUTCOME_WAITING, OUTCOME_FAILED, OUTCOME_COUNT };
const char *outcome_name(enum outcome outcome); // spec 8; "nothing" for OUTCOME_NOTHING

// What a worker is to do. It takes the certificate's lock, reads the state and decides again with these
// flags; when another process was faster the outcome is OUTCOME_NOTHING (or OUTCOME_WAITING), when the lock is held OUTCOME_BUSY.
struct order {
    const struct config *config;
    const struct certificate *certificate;
    enum step step;          // STEP_ISSUE or STEP_PUBLISH
    const char *profile;     // publish: which; NULL: the first ready one
    unsigned flags;          // enum decide_flags
    const char *host;
};

// What came of it.
struct report {
    enum outcome outcome;
    enum step step;
    uint32_t generation;         // renewed or published
    char profile[129];           // publish
    struct error error;          // OUTCOME_FAILED: the sentence; OUTCOME_HELD, _PENDING, _WAITING: the reason
};

struct worker {
    pid_t pid;             // keeper; 0: not started
    int fd;                // readable or hung up when there is something to collect; -1: none
    const struct certificate *certificate;
    enum step step;
    char partial[sizeof(struct report)];
    size_t partial_length;
};

// Starts a keeper (which at once forks its hook process). The caller's descriptors but 0-2 are closed in both.
int worker_start(struct worker *worker, const struct order *order, struct error *error);
// Reads what there is without waiting; 1 when the worker is done (reaped, report filled), 0 when not yet.
// A keeper that died without a word is OUTCOME_FAILED with that sentence.
int worker_collect(struct worker *worker, struct report *report);
// Asks it to end: SIGTERM to the keeper, which kills its hook process and leaves the state as it was.
void worker_stop(struct worker *worker);

// For the keeper's steps (renew.c, publish.c): the hook process at the other end of the socket pair.
struct hook_process;
// Sends function and argument (JSON object text), waits for the answer until the deadline, kills the process group at the
// deadline. The answer as in hook.h. -1: it died, was killed, or answered rubbish; the error says which.
int worker_call_hook(struct hook_process *process, const char *function, const char *argument, size_t length,
                     struct buf *answer, struct error *error);

// What a keeper's step is given; both processes were forked, nothing of PSA is initialised yet.
struct keeping {
    const struct order *order;
    const struct settings *settings;
    struct state *state;          // loaded under the lock
    const struct decision *decision;
    int state_dirfd;
    struct hook_process *process;
    const struct hook_section *section; // template's or profile's; NULL: only live is switched
    int64_t now;
};

// Asks a hook file in hooks_dir what it declares, in a process of its own with its own limits; the answer is
// hook_declaration's JSON. Used through struct hook_source by commands and the loop.
int worker_declare(const char *hooks_dir, const char *kind, const char *name, struct buf *answer, struct error *error);

#endif
