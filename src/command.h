// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The commands: each reads the configuration, does its work, prints its result and returns the exit code.
#ifndef COMMAND_H
#define COMMAND_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config.h"
#include "declaration.h"
#include "nearest.h"
#include "status.h"

enum exit_code { EXIT_DONE = 0, EXIT_STEP_FAILED = 1, EXIT_MISTAKE = 2, EXIT_CLOCK = 3, EXIT_CHANGED = 10 };

enum command_option {
    OPTION_CONFIG,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_RUN_NOW,
    OPTION_JSON,
    OPTION_TRUST_CLOCK,
    OPTION_GROUP,
    OPTION_IGNORE_SLOTS,
    OPTION_DRY_RUN,
    OPTION_DETAILED_EXITCODE,
    OPTION_AT,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_CHAIN,
    OPTION_FORCE,
    OPTION_PROFILE,
    OPTION_EXPORT,
    OPTION_COUNT,
};

// A command line, taken apart. All text is that of argv.
struct arguments {
    const char *option[OPTION_COUNT]; // value, "" for one without; NULL: not given
    char **words;                     // what is no option, NULL-terminated
    size_t word_count;
};

typedef int command_function(const struct arguments *arguments);

command_function command_run_now, command_renew, command_publish; // command_run.c
command_function command_status, command_review, command_explain; // command_view.c
command_function command_check;                                   // command_check.c
command_function command_import;                                  // command_import.c
command_function command_hooks, command_lua;                      // command_hooks.c

// ---- What commands share (command.c)

// The configuration and what it borrows from. All zero: nothing.
struct session {
    struct declarations declarations;
    struct config *config;
};
// Reads the configuration that the arguments name and sets up the log; session->config is NULL after a mistake.
void session_load(struct session *session, const struct arguments *arguments, struct problems *problems);
// The same for commands that need one: mistakes go to stderr, EXIT_MISTAKE.
int session_open(struct session *session, const struct arguments *arguments);
void session_close(struct session *session);
// The file that it reads.
const char *session_file(const struct arguments *arguments);

// "FILE:LINE: message", "warning: " before the message of one.
void command_print_problem(FILE *out, const struct problem *problem);

// EXIT_DONE when every word is the name of a certificate; else EXIT_MISTAKE, each other one named on stderr.
int command_check_names(const struct config *config, char *const *names);
// The certificate of this name, or NULL, said on stderr.
const struct certificate *command_find(const struct config *config, const char *name);

// A line on stderr: "certauto: ..."; control characters are written \xNN.
void command_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Prints the document and frees it. False, said on stderr, when it is NULL (no memory) or does not go out.
bool command_print_json(cJSON *document);

#endif
