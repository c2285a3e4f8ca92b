// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Commands: an argument list run without a shell, its input and output bounded, over when it exits.
#ifndef EXEC_H
#define EXEC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "error.h"

#define EXEC_MAX_ARGUMENTS 256
#define EXEC_MAX_OUTPUT (1024 * 1024)
#define EXEC_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Splits a command line at blanks with '…', "…" and '\' (spec 7; nothing is expanded) into a NULL-terminated
// list, one allocation, freed by the caller with free(). An open quote is an error; an empty line too.
int exec_split(const char *text, char ***arguments, size_t *count, struct error *error);

// The path of a command's program, as exec_run would start it; an error when there is none that may be started.
int exec_find(const char *name, char path[PATH_MAX], struct error *error);

struct exec_command {
    char *const *arguments;         // NULL-terminated; [0] is looked up in EXEC_PATH unless it holds '/'
    const char *const *environment; // extra "NAME=value" besides PATH, HOME=/, LANG=C.UTF-8; NULL-terminated or NULL
    const char *directory;          // working directory or NULL: /
    const void *input;              // bytes for stdin; NULL: /dev/null
    size_t input_length;
    size_t output_limit;        // most bytes of stdout, and of stderr, that are kept; the rest is read and dropped
    long long deadline_boot_ms; // then the process group is killed (SIGKILL): ERROR_TIMEOUT
};

struct exec_result {
    int status; // exit code; 128 + signal when killed by one
    struct buf out, err;
    bool out_cut, err_cut;
};
void exec_result_free(struct exec_result *result);

// Runs it. Default, unblocked signals, descriptors 0-2 only, its own process group. It is over when it exits,
// not when its output ends (children that keep the pipe open are left alone, what came until then is kept).
// 0 whatever the exit status; -1 when it could not be started or the deadline passed.
int exec_run(const struct exec_command *command, struct exec_result *result, struct error *error);

#endif
