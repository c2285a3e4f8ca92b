// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The step "publish", in the keeper: note, hook, verification, rollback, live link, state, pruning (spec 6).
#ifndef PUBLISH_H
#define PUBLISH_H

#include "worker.h"

// Takes the step to its end; fills report.
void publish_step(struct keeping *keeping, struct report *report);

#endif
