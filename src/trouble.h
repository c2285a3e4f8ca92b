// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the world denies: told once, tried again after a while that grows.
#ifndef TROUBLE_H
#define TROUBLE_H

#include <stdint.h>

#include "error.h"

// All zero: none.
struct trouble {
    char told[ERROR_MESSAGE_SIZE]; // "": none
    int64_t pause_ms;
    int64_t until_boot_ms; // when to try again
};

// Logs it unless it was the last that was told, and sets when to try again: after a second, then twice as long each time,
// up to a minute.
void trouble_begin(struct trouble *trouble, int64_t boot_ms, const struct error *error);
// Logs that it is over, if there was any.
void trouble_end(struct trouble *trouble);

#endif
