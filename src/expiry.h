// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Warnings of expiry: which one comes next, and which were given. Pure.
#ifndef EXPIRY_H
#define EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "decide.h"

struct expiry {
    int64_t not_after; // what ends first of the newest generation and those published
    int64_t before_s;  // of "notify_before"; 0: that it has expired
    int64_t at;        // when to warn
};

// The warning that is due now and was not given (of several the last), else the next one to come. False: there is none.
bool expiry_next(const struct certificate *certificate, const struct settings *settings, const struct state *state,
                 int64_t now, struct expiry *out);

// What the state's "warned" is to hold once the warning was given; it ends all that come before it.
#define EXPIRY_TEXT_SIZE (CLOCK_UTC_SIZE + 40)
void expiry_record(const struct expiry *expiry, char out[EXPIRY_TEXT_SIZE]);

#endif
