// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The commands: each reads the configuration, does its work, prints its result and returns the exit code.
#ifndef COMMAND_H
#define COMMAND_H

#include "arguments.h"

enum exit_code { EXIT_DONE = 0, EXIT_STEP_FAILED = 1, EXIT_MISTAKE = 2, EXIT_CLOCK = 3, EXIT_CHANGED = 10 };

typedef int command_function(const struct arguments *arguments);

command_function command_run_now, command_renew;    // command_run.c
command_function command_publish, command_rollback; // command_run.c
command_function command_forget;                    // command_forget.c
command_function command_revoke;                    // command_revoke.c
command_function command_status;                    // command_status.c
command_function command_review;                    // command_review.c
command_function command_explain;                   // command_explain.c
command_function command_plan;                      // command_plan.c
command_function command_check;                     // command_check.c
command_function command_import;                    // command_import.c
command_function command_account;                   // command_account.c
command_function command_rehearse;                  // command_rehearse.c
command_function command_hooks, command_lua;        // command_hooks.c

#endif
