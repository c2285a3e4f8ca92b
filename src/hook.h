// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Hooks: in the hook process, one capped Lua state, one hook file, one protected call, its result as JSON.
#ifndef HOOK_H
#define HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "hooks_data.h"

// What a hook process is given before it starts, all of it from before the fork.
struct hook_context {
    const char *hooks_dir;      // searched first; checked by file_check_trusted
    const char *kind, *name;    // "issue", "local-ca"
    const char *certificate;    // for log lines; may be NULL
    int store_dirfd;            // -1: the hook gets no store
    size_t memory_bytes;        // Lua's memory
    long long deadline_boot_ms; // clock_boot_ms; LLONG_MAX: none
};

// Runs function "function" ("issue", "publish", "rollback", ...) of the hook with the argument given as JSON text:
// an object is its one argument; an array is its arguments in order (null: nil), as for
// rollback, which is called with [previous bundle or null, the bundle that failed].
// The answer, JSON text appended to "answer", is always one object:
//   {"ok": VALUE}                     the first return value (true, or a table; functions and the like refused)
//   {"error": TEXT, "wait": N, "permanent": B}   nil, message[, details]
//   {"raised": TEXT, "traceback": TEXT}          it raised, ran out of memory or time, or does not load
// Returns 0, or -1 only when not even that could be said.
int hook_call(const struct hook_context *context, const char *function, const char *argument_json,
              size_t argument_length, struct buf *answer);

// The declaration of a hook file as JSON: {"api":1,"doc":"…","options":[…],"functions":["issue",…]} or {"raised":…}.
// An option: {"name":TEXT,"type":TEXT,"required":B,"default":TEXT,"doc":TEXT}; "default" as one would write it in
// the configuration, left out when there is none. All rules of a declaration have been checked.
int hook_declaration(const struct hook_context *context, struct buf *answer);

// Runs a script of "certauto lua FILE" with all modules. Arguments are in the global "arg". Messages go to stderr.
// Returns the exit code: 0, 1 for a raise (with traceback), or what os.exit-less script returns as integer.
int hook_script(const struct hook_context *context, const char *path, int argc, char *const *argv);

// The words of a declaration, each list ending with NULL: the functions in the order of enum hook_function, and the types
// of options, to which "enum:a|b" comes.
extern const char *const hook_function_names[];
extern const char *const hook_option_types[];

// A built-in hook by kind and name, or NULL. Which bits hook_file.functions holds: hooks_data.h.
const struct hook_file *hook_builtin(const char *kind, const char *name);

#endif
