// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// state_dir as the home of a loop: its lock there, and whether it is still the same folder.
#ifndef HOME_H
#define HOME_H

#include <stdbool.h>

#include "error.h"

struct home {
    int lock; // holds the loop's byte; -1: not at home
};

#define HOME_NONE ((struct home){.lock = -1})

// Takes the loop's lock in state_dir, which must belong to us alone; with "make" a missing one is made. ERROR_BUSY:
// another loop is at home there. On failure home is HOME_NONE.
int home_enter(struct home *home, const char *state_dir, bool make, struct error *error);
// Opens state_dir if it is still the folder with our lock. Returns the descriptor, or -1: it is gone, or another one.
int home_open(const struct home *home, const char *state_dir, struct error *error);
// Lets the lock go.
void home_leave(struct home *home);

#endif
