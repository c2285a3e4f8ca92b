// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A hook's options: "@path" and "@credential:NAME" read, every value typed as declared, for the hook's argument.
#ifndef OPTIONS_H
#define OPTIONS_H

#include <cJSON.h>

#include "config.h"

#define OPTIONS_MAX_FILE 65536 // of what "@path" names

// Appends the value of one option as the hook is to have it, text only: of type string or secret, "@path" and
// "@credential:NAME" are read (at most OPTIONS_MAX_FILE, one final newline dropped, no NUL byte; refused when others can
// read it), "@@" is a plain "@". Other types stay as written. "check" tries options with it too.
int options_read(const struct option *option, struct buf *value, struct error *error);

// Overwrites with '*' wherever text holds the value of a secret option, or what "@path" and "@credential:NAME" name
// (of 4 bytes or more): for what a hook says of its failures, which is logged, kept and shown.
void options_hide(const struct hook_section *section, char *text);

// A new JSON object of all options of a section: those written, else the default; one with neither is left out.
// integer: number; duration: seconds; boolean; list: array of texts; all others: text. NULL with error.
// The texts may be secret: request_wipe before it is deleted.
cJSON *options_json(const struct hook_section *section, struct error *error);

#endif
