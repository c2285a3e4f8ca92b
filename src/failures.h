// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Failures in a row of issuing or of one publishing profile: counted, and ended.
#ifndef FAILURES_H
#define FAILURES_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

// How many there have been so far as the next one counts: 0 when the settings have changed since (digest) or
// a person starts the step (by_hand).
uint32_t failures_so_far(const struct failures *failures, const char *digest, bool by_hand);

// One more. message and digest are borrowed until the state has been saved.
void failures_add(struct failures *failures, uint32_t so_far, int64_t now, bool permanent, const char *message,
                  const char *digest);

// Success ends the count.
void failures_end(struct failures *failures);

#endif
