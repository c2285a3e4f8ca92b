// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What a forked process does first: descriptors, signals, dumps, account.
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

// Closes every descriptor from "first" on.
void process_close_from(int first);

// All signals as they are by default, none blocked.
void process_default_signals(void);

// For keepers and hook processes: stdin from /dev/null, stdout to where stderr goes (the parent's stdout is
// for results), all descriptors but 0-2 and "keep" closed ("keep" becomes 3, close-on-exec; -1: none), signals default
// and unblocked, SIGPIPE ignored, no core dump and no ptrace by others, since secrets are read.
// Returns the new number of "keep" (3), or -1.
int process_settle(int keep);

// Ends with its parent, however that ends. Call it last: a change of account clears it.
void process_die_with_parent(pid_t parent);

// The account that "hook_user" names.
struct account {
    char name[128];
    uid_t uid;
    gid_t gid;
};
int process_find_account(const char *name, struct account *account, struct error *error);
// Changes to it for good: its groups, gid, uid; verified that there is no way back. Whoever is that account
// already stays as it is.
int process_become(const struct account *account, struct error *error);

// The sentence of a status of waitpid(2): "ended with exit code 3", "was killed by signal 9".
void process_describe(int status, char *text, size_t size);

#endif
