// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What wakes the loop: signals, the timer, clock changes, worker ends, state folder changes, in one poll.
#ifndef WAKE_H
#define WAKE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

// What woke it; bits.
enum wake_reason {
    WAKE_RELOAD = 1,   // HUP
    WAKE_STOP = 2,     // TERM, INT
    WAKE_RUN_NOW = 4,  // USR1
    WAKE_CHILD = 8,    // a child ended (process 1 has children that it never started)
    WAKE_CLOCK = 16,   // the wall clock was set
    WAKE_CHANGES = 32, // state_dir changed: ask wake_changed for the names
};

// The first places of the list for poll(2), which are wake's own.
#define WAKE_OWN 3

struct wake {
    int signals, timer, changes; // descriptors, -1 when not open
    int64_t armed;               // what the timer is set to; CLOCK_NONE: nothing
    // Names of state_dir's changed entries, as inotify(7) gave them.
    _Alignas(8) char events[1024];
    size_t events_length, events_at;
};

// Blocks the signals above and opens the descriptors for them and for the timer. 0 or -1.
int wake_open(struct wake *wake, struct error *error);
void wake_close(struct wake *wake);

// Watches this state_dir from now on, and no other; -1: it cannot be watched, and none is.
int wake_watch(struct wake *wake, const char *state_dir, struct error *error);

// Sleeps until something happens. until: Unix seconds (CLOCK_NONE: never); until_boot_ms: boot clock (INT64_MAX: never).
// polls: WAKE_OWN places that are filled here, then the caller's descriptors; "count" is that of all. Returns reasons;
// 0 when a moment has come or there is news for the caller's descriptors alone, which revents tells.
unsigned wake_wait(struct wake *wake, int64_t until, int64_t until_boot_ms, struct pollfd *polls, size_t count);

// A change in state_dir: a file that was put in place or written anew, or one that is gone.
struct wake_change {
    const char *name; // "" when some were lost, or the folder itself is gone: then all may have changed
    bool gone;
};
// The next change, or false when no more is known now. The name is good until the next call.
bool wake_changed(struct wake *wake, struct wake_change *change);

#endif
