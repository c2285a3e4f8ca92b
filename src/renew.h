// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The step "issue", in the keeper: key, request, hook, checks, generation, state (spec 5).
#ifndef RENEW_H
#define RENEW_H

#include "keeper.h"

#define RENEW_PENDING_WAIT_S 60         // when a pending answer names no wait
#define RENEW_PENDING_MOST_S 86400      // its wait is held between a second and this
#define RENEW_RETRY_AFTER_MOST_S 604800 // a CA's Retry-After holds no longer

// Takes the step to its end; state and generations are written whatever comes of it. Fills report.
// In this order, so that a death at any point loses nothing: a complete newer generation that the state does not know is
// adopted, nothing asked; else the key is on disk aside, the hook asked, its answer checked, the generation
// written whole, then the state with what was asked for. A failure is counted in the state.
void renew_step(struct keeping *keeping, struct report *report);

#endif
