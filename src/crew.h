// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The workers of a run, and the certificates that wait for one: nearest to expiry first, within all limits.
#ifndef CREW_H
#define CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "run.h"
#include "state.h"

// A certificate on its way through its steps.
struct crew_task {
    const struct certificate *certificate;
    const struct template *template; // of the issue that is next; NULL: a publication
    int64_t not_after;               // CLOCK_NONE: never issued
    uint32_t next;                   // in its queue
    unsigned flags;                  // enum decide_flags
    uint16_t profile;                // by hand: the next one of the settings
    uint8_t misses;                  // orders that another process was faster with
    bool told;                       // there is a result of it
    uint16_t try_count;
    struct crew_try *tries;
};

struct crew {
    const struct config *config;
    const struct run_options *options;
    struct state *state; // one for all, reused
    void (*tell)(void *context, const char *name, const struct report *report);
    void *context;
    int state_dirfd; // -1: state_dir was not there yet; closed by the crew's maker
    struct crew_task *tasks;
    size_t count, capacity;
};

// Reads the state of a certificate into crew->state; without state_dir, or without a file, it is empty.
int crew_read_state(struct crew *crew, const struct certificate *certificate, struct error *error);
// Adds a certificate that has a step ready. -1: no memory.
int crew_add(struct crew *crew, const struct certificate *certificate, const struct template *template,
             int64_t not_after, unsigned flags, struct error *error);
// Takes all that were added to their end, nearest to expiry first, those never issued last; tells each result.
int crew_run(struct crew *crew, struct error *error);
// Tells what crew_run would do first with each of them.
int crew_pretend(struct crew *crew, struct error *error);
void crew_free(struct crew *crew);

#endif
