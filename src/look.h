// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the commands that only look share: the configuration and the states behind it, opened together.
#ifndef LOOK_H
#define LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "arguments.h"
#include "session.h"
#include "status.h"
#include "table.h"

struct look {
    struct session session;
    struct status_view view;
    bool opened;
};

// Opens both; a clock that is not believed is a warning on stderr. at: the moment to look from, CLOCK_NONE: now. Not
// EXIT_DONE: said on stderr. look_close in any case.
int look_open(struct look *look, const struct arguments *arguments, int64_t at);
void look_close(struct look *look);

// Calls "each" for the certificates named, in that order, or for all. False ends it.
bool look_at_each(struct look *look, const struct arguments *arguments,
                  bool (*each)(void *context, struct look *look, const struct certificate *certificate), void *context);

// The colour of a word of decide_state_word.
enum table_colour look_colour(const char *word);

#endif
