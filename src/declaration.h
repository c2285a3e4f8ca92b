// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the hooks of hooks_dir declare, asked of a worker once each and kept while the configuration lives.
#ifndef DECLARATION_H
#define DECLARATION_H

#include <stddef.h>

#include "config.h"
#include "error.h"
#include "hooks_data.h"

#define DECLARATION_MAX_OPTIONS 128
#define DECLARATION_MAX_TEXT 4096

struct declaration; // opaque

struct declarations {
    struct declaration *first;
};

// A source for config_load. "declarations" is its context, all zero before; it is freed after the configuration.
struct hook_source declarations_source(struct declarations *declarations);
void declarations_free(struct declarations *declarations);

// Reads hook_declaration's JSON, which comes from a process that ran a user's file: sizes, types and words are checked
// again. The result lives as long as "declarations". Returns 0, or -1 with the reason. No I/O; kind and name are copied.
int declaration_read(struct declarations *declarations, const char *kind, const char *name, const char *json,
                     size_t length, const struct hook_file **file, struct error *error);

#endif
