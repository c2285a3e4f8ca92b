// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The texts of the built-in hooks, which the program holds compressed.
#ifndef HOOK_TEXT_H
#define HOOK_TEXT_H

#include "buf.h"
#include "error.h"
#include "hooks_data.h"

// Appends the text of a built-in hook, file->length bytes as they stand in hooks/. Fails when memory or the limit of
// the buffer is short.
int hook_text(const struct hook_file *file, struct buf *out, struct error *error);

#endif
