// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The workers of a run, and the certificates that wait for one: nearest to expiry first, within all limits.
#ifndef CREW_H
#define CREW_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "queue.h"
#include "run.h"
#include "state.h"

// A certificate on its way through its steps.
struct crew_task {
    const struct certificate *certificate; // NULL: the place is free
    const struct template *template;       // of the issue that is next; NULL: a publication
    int64_t not_after;                     // CLOCK_NONE: never issued
    int64_t owed;                          // crew_add
    unsigned flags;                        // enum decide_flags
    enum step step;                        // the next one
    uint32_t next_free;                    // place
    uint16_t profile;                      // by hand: the next one of the settings
    uint32_t gives_way;                    // rollback: the generation that it began with; profiles behind it stay
    uint8_t misses;                        // orders that another process was faster with
    bool told;                             // there is a result of it
    uint16_t try_count;
    struct crew_try *tries;
};

// Those whose next step is under one limit: that of a template with its own "max_parallel", or the engine's.
struct crew_line {
    const struct template *template; // NULL: all others
    int limit, running;
    struct queue queue; // numbers of tasks
};

struct crew_hand {
    struct worker worker;
    uint32_t task;
    size_t line;
};

// Its maker sets what stands first and leaves the rest zero.
struct crew {
    const struct config *config;
    const struct run_options *options;
    struct state *state; // one for all, reused
    void (*tell)(void *context, const char *name, const struct report *report);
    // The loop's, else NULL. starts: whether a step of the certificate may start now, of which the state and settings are
    // given; fills the decision about it. left: the certificate has gone through its steps.
    bool (*starts)(void *context, const struct certificate *certificate, const struct settings *settings,
                   const struct state *state, int64_t owed, struct decision *decision);
    void (*left)(void *context, const struct certificate *certificate);
    void *context;
    int state_dirfd;          // -1: state_dir was not there yet; closed by the crew's maker
    int errands;              // run_dir's file (errand.h); -1: not opened, -2: not there; crew_shut closes it
    const struct crew *elder; // of the configuration before, whose workers count too; or NULL

    struct crew_task *tasks;
    size_t count, capacity;
    uint32_t free; // the first free place, chained; only good when free_count > 0
    size_t free_count;
    struct crew_line *lines;
    size_t line_count;
    struct crew_hand *hands; // config's max_parallel of them
    int running;
    bool dismissed;
};

// Reads the state of a certificate into crew->state; without state_dir, or without a file, it is empty.
int crew_read_state(struct crew *crew, const struct certificate *certificate, struct error *error);
// When the CA of the certificate whose state was just read is to be asked for its window, and the template that says
// how; CLOCK_NONE: never.
int64_t crew_errand(struct crew *crew, const struct certificate *certificate, const struct settings *settings,
                    const struct template **template);
// Closes what crew_errand has opened: what others note from then on is seen by the next one.
void crew_shut(struct crew *crew);
// Adds a certificate that has a step or an errand ready. owed: since when its start is owed, for "starts"; CLOCK_NONE:
// all steps that are ready may start. -1: no memory.
int crew_add(struct crew *crew, const struct certificate *certificate, const struct template *template,
             int64_t not_after, int64_t owed, unsigned flags, struct error *error);
// Takes all that were added to their end, nearest to expiry first, those never issued last; tells each result.
int crew_run(struct crew *crew, struct error *error);
// Tells what crew_run would do first with each of them.
void crew_pretend(struct crew *crew);
// True when nobody works and nobody waits.
bool crew_is_idle(const struct crew *crew);
// Gives all memory back; nobody may be working.
void crew_free(struct crew *crew);

// ---- The same in pieces, for the loop

// Starts workers for those that wait, as many as the limits allow. -1: one could not be started; it waits on.
int crew_start(struct crew *crew, struct error *error);
// The descriptors of those that work, for poll(2), into a list of crew->running; returns how many.
size_t crew_poll(const struct crew *crew, struct pollfd *polls);
// Collects those that are done, by the list that crew_poll made (NULL: asks all), and tells their results.
void crew_collect(struct crew *crew, const struct pollfd *polls, size_t count);
// True when a worker of this certificate's name is at work, here or with an elder.
bool crew_works_on(const struct crew *crew, const char *name);
// True when this process is one of the workers.
bool crew_has(const struct crew *crew, pid_t pid);
// Forgets those that wait; who works goes on, but its certificate takes no further step.
void crew_dismiss(struct crew *crew);
// Asks those that work to end (worker_stop); "now": makes them.
void crew_stop(struct crew *crew, bool now);

// ---- One task (crew_task.c)

// The next order of the task by its state as it is now. 1: there is one; 0: none, and what holds it was told.
int crew_task_next(struct crew *crew, struct crew_task *task, struct order *order, struct settings *settings,
                   struct decision *decision);
// Notes that this step is tried, which it is once at most. -1: no memory.
int crew_task_remember(struct crew_task *task, const struct decision *decision, struct error *error);
void crew_task_tell(struct crew *crew, struct crew_task *task, const struct report *report);
void crew_task_fail(struct crew *crew, struct crew_task *task, enum step step, const struct error *error);

#endif
