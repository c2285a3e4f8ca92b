// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The keeper: the process that holds a certificate's lock, key and state while one step of it is done.
#ifndef KEEPER_H
#define KEEPER_H

#include <stdint.h>
#include <stdnoreturn.h>

#include "hook_process.h"
#include "state.h"
#include "worker.h"

// What a keeper's step (renew.c, publish.c), or its errand (window.c), is given. The hook process was forked before; for a
// step PSA has been started, and "decision" is about it.
struct keeping {
    const struct order *order;
    const struct settings *settings;
    struct state *state; // loaded under the lock; its texts may dangle once the step is over
    const struct decision *decision;
    int state_dirfd;
    struct hook_process *process;
    int64_t now;
};

// In a process that was just forked: does the order, writes the struct report to report_fd, ends.
noreturn void keeper_run(const struct order *order, int report_fd);

#endif
