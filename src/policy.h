// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Policies: in the keeper, asked whether a step that is about to start may; they let it pass or hold it.
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>

#include "keeper.h"

// True when policies have a say in this decision to issue or publish: not for a start by hand, a pending order that is
// asked about again, or a publication that was cut short.
bool policy_is_asked(const struct settings *settings, const struct decision *decision);

// Asks the policies of the settings one after the other, in the hook process for "policy". True: all let the step pass,
// and no hold stands in keeping->state any more, which is not saved yet. False: the first that did not, or failed, holds
// it; that is recorded, and the report filled (OUTCOME_HELD, or OUTCOME_FAILED when it could not be recorded).
bool policy_allows(const struct keeping *keeping, struct hook_process *process, struct report *report);

#endif
