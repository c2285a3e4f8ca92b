// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The nearest word: what was probably meant by one that is not known.
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

// Set "word", the rest zero; offer what there is; "best" is what comes near enough.
struct nearest {
    const char *word; // what was typed
    const char *best; // borrowed; NULL: none is near
    size_t distance;  // of best
};
void nearest_offer(struct nearest *nearest, const char *candidate);
// ": did you mean 'status'?" or "".
#define NEAREST_SIZE 192
const char *nearest_text(const struct nearest *nearest, char out[NEAREST_SIZE]);

#endif
