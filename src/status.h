// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The facts behind every view: what is known of a certificate, what happens next, and why. Reads, never writes.
#ifndef STATUS_H
#define STATUS_H

#include <cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "decide.h"
#include "error.h"
#include "loop.h"
#include "state.h"

// A look at all certificates at one moment.
struct status_view {
    const struct config *config;
    int state_dirfd; // -1: state_dir is not there yet, nothing was issued
    int64_t now;
    enum clock_trust trust;
    struct buf doubt; // why the clock is not believed
    struct state state;
};

// The facts of one certificate; borrowed from the view until it is used for another one.
struct status {
    const struct certificate *certificate;
    struct settings settings;
    struct decision decision;
    const struct state *state; // empty when unreadable
    bool unreadable;           // the state file is there, but not to be read: "error" says why
    struct error error;
    const char *word; // disabled, expired, ...
    enum step step;   // what can be done now; "wait" under a clock that is not believed
    int64_t at;       // first moment at which the step is due, in a slot and past its waits; CLOCK_NONE: none, or now
    struct buf reason;
    uint32_t failures;      // of the step that failed last
    const char *last_error; // or NULL
};

// at: the moment to look from, which is believed; CLOCK_NONE: now. Reads every state to judge the clock. -1: state_dir is
// refused or cannot be opened. status_close in any case.
int status_open(struct status_view *view, const struct config *config, int64_t at, struct error *error);
void status_close(struct status_view *view);

// Reads the state of a certificate into view->state: 0, also when there is none; -1 when it cannot be read, and is empty.
int status_read(struct status_view *view, const struct certificate *certificate, struct error *error);

#define STATUS_UNREADABLE "its state cannot be read, so nothing is done"

// The facts of a certificate. status_free, which is also good for one of all zero.
void status_of(struct status_view *view, const struct certificate *certificate, struct status *out);
void status_free(struct status *status);

// As spec 8 has it, with exactly its fields. NULL: no memory.
cJSON *status_json(const struct status *status);

// True when a loop is at work on state_dir; then the facts are what it tells: pid 0 when that cannot be read.
bool status_loop(const struct status_view *view, struct loop_facts *facts);
// The same as an object, or null without a loop; NULL: no memory.
cJSON *status_loop_json(const struct status_view *view);

// Calls "each" with the name of every state file that no certificate section has. -1: state_dir cannot be read.
int status_orphans(const struct status_view *view, void (*each)(void *context, const char *name), void *context,
                   struct error *error);

// A moment for people, in the zone of the configuration: "2026-11-23 03:06"; "-" for CLOCK_NONE.
#define STATUS_TIME_SIZE 40
void status_time(const struct config *config, int64_t time, char out[STATUS_TIME_SIZE]);
// A moment for JSON: RFC 3339 in UTC, or null for CLOCK_NONE.
cJSON *status_json_time(int64_t time);
// Text from outside for JSON, or null for NULL: control bytes, and what is no UTF-8, are written \xNN.
cJSON *status_json_text(const char *text);

#endif
