// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The built-in hooks, as src/embed.lua compiles them out of hooks/ when certauto is built.
#ifndef HOOKS_DATA_H
#define HOOKS_DATA_H

#include <stdbool.h>
#include <stddef.h>

// An option that a hook declares. All text is constant and lives as long as the program.
struct hook_option {
    const char *name;
    // string secret integer boolean duration path url list mode command certificate, or "enum:a|b|c"
    const char *type;
    bool required;
    const char *fallback; // the default as one would write it in the configuration, or NULL
    const char *doc;      // one line, never NULL
};

// Which functions a hook has.
enum hook_function {
    HOOK_ISSUE = 1 << 0,
    HOOK_RENEWAL_INFO = 1 << 1,
    HOOK_REVOKE = 1 << 2,
    HOOK_PUBLISH = 1 << 3,
    HOOK_VERIFY = 1 << 4,
    HOOK_ROLLBACK = 1 << 5,
    HOOK_DECIDE = 1 << 6,
    HOOK_NOTIFY = 1 << 7,
    HOOK_ACCOUNT = 1 << 8,
    HOOK_REHEARSE = 1 << 9,
};

// One file of hooks/. Its text is as it stands there, compressed; hook_text() gives it.
struct hook_file {
    const char *kind;            // issue publish policy notify, or lib for what hooks require
    const char *name;            // without ".lua"; of a lib in a folder "folder/name", required as "lib.folder.name"
    const unsigned char *packed; // raw DEFLATE (RFC 1951)
    size_t packed_length;
    size_t length;   // of the text, in bytes
    const char *doc; // one line; "" for a lib
    int api;         // 0 for a lib
    const struct hook_option *options;
    size_t option_count;
    unsigned functions; // set of enum hook_function
};

// Sorted by kind, then name.
extern const struct hook_file hooks_builtin[];
extern const size_t hooks_builtin_count;

#endif
