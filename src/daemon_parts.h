// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the files of daemon share.
#ifndef DAEMON_PARTS_H
#define DAEMON_PARTS_H

#include "agenda.h"
#include "crew.h"
#include "daemon.h"
#include "home.h"
#include "host.h"
#include "loop.h"
#include "notify.h"
#include "service.h"
#include "session.h"
#include "trouble.h"
#include "wake.h"

#define DAEMON_SETTLE_MS 5000

// A configuration in force, with its agenda and the workers that were started under it. One that a newer one has
// followed stays until its workers are done, as they began.
struct reign {
    struct daemon *daemon;
    struct session session;
    struct crew crew;
    struct notices notices;
    size_t polled;             // of its workers' descriptors, in the last sleep
    struct agenda agenda;      // empty for one that was followed
    unsigned char *working;    // a bit for each certificate: it is in the crew
    unsigned char *unreadable; // a bit for each certificate: its state cannot be read, and that was told
    bool busy, asked;          // the certificate that was told of last: it was locked, it had an errand
    struct run_options no_options;
    struct reign *before;
};

enum ending { ENDING_NOT, ENDING_WAITS, ENDING_STOPS, ENDING_KILLS, ENDING_GIVES_UP };

struct daemon {
    const struct arguments *arguments;
    struct reign *reign; // the one in force
    struct wake wake;
    struct home home;
    bool was_home;           // state_dir was there: one that is gone is waited for, not made
    int64_t settled_boot_ms; // one that has come back is left alone until nobody has changed it for a while
    struct service service;
    struct state state; // one for all, reused
    char host[HOST_TEXT_SIZE];
    unsigned woken;       // why
    struct pollfd *polls; // poll_room of them
    size_t poll_room, poll_count;

    // The clock
    int64_t now, boot_ms; // of this turn
    int64_t newest_written;
    enum clock_trust trust;
    bool doubt_told; // that the clock is not believed
    struct clock_watch watch;
    int64_t doubt_boot_ms; // when a doubt ends; INT64_MAX: there is none
    int64_t lead_ms;       // the greatest lead of the wall clock over the boot clock since the agenda was built
    int64_t loop_start;    // as decide_start has it
    bool stale;            // the agenda is to be built anew

    // The run under way, and what is told of it
    bool running;
    int64_t run_since;
    unsigned outcomes[OUTCOME_COUNT];
    struct loop_facts facts, told;

    struct trouble homeless, helpless, unwatched, mute; // no state_dir, no worker, no inotify, no run_dir
    enum ending ending;
    int64_t end_boot_ms;
};

// ---- daemon.c

// How many are at work: workers, and couriers.
int daemon_at_work(const struct daemon *daemon);

// ---- daemon_reload.c

// What a loaded configuration needs to be in force. -1: no memory.
int daemon_prepare_reign(struct reign *reign, struct daemon *daemon, struct error *error);
// It is in force from now on; the one before it stays until its workers are done.
void daemon_follow(struct daemon *daemon, struct reign *reign);
// Frees those that were followed and whose workers are done.
void daemon_bury(struct daemon *daemon);
void daemon_free_reign(struct reign *reign);

// ---- daemon_start.c

// Sets the moment of this turn. Moments that were worked out may come again when the wall clock has gone back.
void daemon_read_clocks(struct daemon *daemon);
// Says, in the log and to others, what is thought of the clock.
void daemon_tell_trust(struct daemon *daemon, enum clock_trust trust);
// What is started from now on belongs to a run, until nobody is at work any more. Work that starts by itself makes one
// unless it is errands alone.
void daemon_begin_run(struct daemon *daemon);

// ---- daemon_look.c

// Looks at every certificate and builds the agenda anew; under a clock that is not believed only at what was written.
void daemon_look_at_all(struct daemon *daemon);
// Looks at those whose moment has come, and gives those that start to the crew. -1: there is no memory.
int daemon_look_at_due(struct daemon *daemon, struct error *error);
// Gives all to the crew that have a step ready, whatever their moment. -1: there is no memory.
int daemon_look_for_run(struct daemon *daemon, struct error *error);
// Puts those on the agenda whose state changed.
void daemon_take_changes(struct daemon *daemon);
// The crew's: crew.h.
bool daemon_starts(void *reign, const struct certificate *certificate, const struct settings *settings,
                   const struct state *state, int64_t owed, struct decision *decision);
void daemon_tell(void *reign, const char *name, const struct report *report);
void daemon_left(void *reign, const struct certificate *certificate);

#endif
