// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The step "publish", in the keeper: note, hook, verification, rollback, live link, state, pruning (spec 6).
#ifndef PUBLISH_H
#define PUBLISH_H

#include "keeper.h"

// Takes the step to its end; fills report. The transaction of one profile:
//  1. the generation is checked (whole, with its key) and the note written into the state;
//  2. the first profile's transaction switches live/NAME; only then hook.publish, since that one switches and
//     reloads in one go, and what is reloaded may read below live/;
//  3. hook.verify, if there is one;
//  4. on failure live/NAME goes back first, then hook.rollback(previous, bundle), or hook.publish(previous), then
//     hook.verify(previous); both results are in the report's sentence.
// Then the note goes and the result is counted in the state, both in one write. A worker that finds a note does the
// same over again with the generation that decide names, which finishes or undoes what was cut short: hooks
// bear being called twice. A publication without profile is the switch of live/NAME alone; it is atomic, so it
// needs no note. Pruning follows a success.
void publish_step(struct keeping *keeping, struct report *report);

#endif
