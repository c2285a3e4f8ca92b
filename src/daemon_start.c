// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The loop's work in a turn: what ended is collected, and what is due is started, at home and by a clock to be believed.
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "daemon_parts.h"

#define UNWATCHED_MS 600000 // between looks at a state_dir that cannot be watched
#define STEP_BACK_MS 5000   // of the clock, from which on moments may have been missed

// ---- Collect

static bool is_worker(const struct daemon *daemon, pid_t pid)
{
    for (const struct reign *reign = daemon->reign; reign != NULL; reign = reign->before) {
        if (crew_has(&reign->crew, pid) || reign->notices.courier == pid) {
            return true;
        }
    }
    return false;
}

// Process 1 inherits every orphan. A worker that has ended is left for its crew, which needs its status; the
// worker's descriptor wakes us for it, and then for those behind it.
static void reap_strangers(const struct daemon *daemon)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
            is_worker(daemon, info.si_pid) || waitpid(info.si_pid, NULL, WNOHANG) < 0) {
            return;
        }
    }
}

void daemon_collect(struct daemon *daemon)
{
    size_t at = WAKE_OWN;
    // First, while those whose workers wrote are still known to be at work.
    if ((daemon->woken & WAKE_CHANGES) != 0) {
        daemon_take_changes(daemon);
    }
    for (struct reign *reign = daemon->reign; reign != NULL; reign = reign->before) {
        bool all = reign->polled < (size_t)reign->crew.running;
        crew_collect(&reign->crew, all ? NULL : daemon->polls + at, reign->polled);
        at += reign->polled;
        reign->polled = 0;
        notify_turn(&reign->notices);
    }
    daemon_bury(daemon);
    if (daemon->woken != 0 || at > WAKE_OWN) {
        reap_strangers(daemon);
    }
}

// ---- Home

// Opens state_dir for this turn. False: it is not there, or not ours; nothing can be done.
static bool is_home(struct daemon *daemon)
{
    struct crew *crew = &daemon->reign->crew;
    const char *state_dir = crew->config->engine.state_dir;
    struct error error;
    if (daemon->home.lock < 0) {
        if (daemon->boot_ms < daemon->homeless.until_boot_ms) {
            return false;
        }
        if (home_enter(&daemon->home, state_dir, !daemon->was_home, &error) < 0) {
            trouble_begin(&daemon->homeless, daemon->boot_ms, &error);
            return false;
        }
        trouble_end(&daemon->homeless);
        (void)wake_watch(&daemon->wake, state_dir, NULL);
        daemon->stale = true;
        // Whoever brings it back may not be done: what is still missing must not be taken for what was never issued.
        daemon->settled_boot_ms = daemon->was_home ? daemon->boot_ms + DAEMON_SETTLE_MS : 0;
    }
    daemon->was_home = true;
    if (daemon->boot_ms < daemon->settled_boot_ms) {
        return false;
    }
    daemon->settled_boot_ms = 0;
    // A look after a worker has opened whatever is there by now.
    if (crew->state_dirfd >= 0) {
        close(crew->state_dirfd);
    }
    crew->state_dirfd = home_open(&daemon->home, state_dir, &error);
    if (crew->state_dirfd < 0) {
        home_leave(&daemon->home);
        trouble_begin(&daemon->homeless, daemon->boot_ms, &error);
        return false;
    }
    return true;
}

// A state_dir that cannot be watched is looked at from time to time.
static void watch(struct daemon *daemon)
{
    struct error error;
    if (daemon->wake.changes >= 0 || daemon->boot_ms < daemon->unwatched.until_boot_ms) {
        return;
    }
    if (wake_watch(&daemon->wake, daemon->reign->session.config->engine.state_dir, &error) < 0) {
        trouble_begin(&daemon->unwatched, daemon->boot_ms, &error);
        daemon->unwatched.until_boot_ms = daemon->boot_ms + UNWATCHED_MS;
    } else {
        trouble_end(&daemon->unwatched);
    }
    daemon->stale = true;
}

// ---- Clock

void daemon_tell_trust(struct daemon *daemon, enum clock_trust trust)
{
    struct buf reason;
    buf_init(&reason, ERROR_MESSAGE_SIZE);
    decide_clock_reason(trust, daemon->now, CERTAUTO_BUILD_TIME, daemon->newest_written, &reason);
    if (trust == CLOCK_TRUSTED) {
        log_info("the clock is believed now");
    } else {
        log_warning("%s", buf_string(&reason));
    }
    snprintf(daemon->facts.trouble, sizeof(daemon->facts.trouble), "%s", buf_string(&reason));
    if (trust != CLOCK_TRUSTED && !daemon->doubt_told) {
        notify_event(&daemon->reign->notices, EVENT_CLOCK_UNTRUSTED, NULL, buf_string(&reason));
    }
    daemon->doubt_told = trust != CLOCK_TRUSTED;
    buf_free(&reason);
}

// Judges the clock. True when the answer is another one than before.
static bool judge(struct daemon *daemon)
{
    enum clock_trust before = daemon->trust, trust = CLOCK_TRUSTED;
    daemon->doubt_boot_ms = INT64_MAX;
    if (!daemon->reign->session.config->engine.trust_clock) {
        trust = decide_clock(daemon->now, CERTAUTO_BUILD_TIME, daemon->newest_written);
        if (trust != CLOCK_TRUSTED) {
            daemon->watch = (struct clock_watch){0};
        } else {
            trust = decide_clock_watch(&daemon->watch, daemon->now, daemon->boot_ms, &daemon->doubt_boot_ms);
        }
    }
    if (trust == before) {
        return false;
    }
    daemon->trust = trust;
    daemon_tell_trust(daemon, trust);
    // The start of the loop is a run, which an unbelieved clock only puts off.
    if (trust == CLOCK_TRUSTED && before != CLOCK_JUMPED) {
        daemon->loop_start = daemon->now;
    }
    return true;
}

// Reads both clocks. Moments that were worked out may come again when the wall clock has gone back.
void daemon_read_clocks(struct daemon *daemon)
{
    daemon->now = clock_now();
    daemon->boot_ms = clock_boot_ms();
    int64_t lead_ms = daemon->now * 1000 - daemon->boot_ms;
    if (lead_ms < daemon->lead_ms - STEP_BACK_MS) {
        daemon->stale = true;
        daemon->lead_ms = lead_ms;
    } else if (lead_ms > daemon->lead_ms) {
        daemon->lead_ms = lead_ms;
    }
}

// ---- Start

static void begin_work(struct daemon *daemon)
{
    if (!daemon->running) {
        daemon->running = true;
        daemon->run_since = daemon->now;
    }
}

void daemon_begin_run(struct daemon *daemon)
{
    begin_work(daemon);
    // There was one, whatever comes of it.
    daemon->outcomes[OUTCOME_NOTHING]++;
}

static void start_work(struct daemon *daemon)
{
    struct crew *crew = &daemon->reign->crew;
    struct error error;
    bool asked = (daemon->woken & WAKE_RUN_NOW) != 0;
    if (asked) {
        log_info("a run begins, as asked");
        daemon_begin_run(daemon);
    } else if (daemon->boot_ms < daemon->helpless.until_boot_ms) {
        return;
    }
    if ((asked && daemon_look_for_run(daemon, &error) < 0) || daemon_look_at_due(daemon, &error) < 0 ||
        crew_start(crew, &error) < 0) {
        trouble_begin(&daemon->helpless, daemon->boot_ms, &error);
    } else {
        trouble_end(&daemon->helpless);
    }
    if (!crew_is_idle(crew)) {
        begin_work(daemon);
    }
}

void daemon_start(struct daemon *daemon)
{
    daemon_read_clocks(daemon);
    if (daemon->ending != ENDING_NOT) {
        return;
    }
    if (!is_home(daemon)) {
        if ((daemon->woken & WAKE_RUN_NOW) != 0) {
            log_warning("no run, as asked: %s", daemon->homeless.told);
        }
        return;
    }
    watch(daemon);
    // A clock that is believed anew makes every look another one.
    do {
        if (daemon->stale) {
            daemon->stale = false;
            daemon_look_at_all(daemon);
        }
        if (judge(daemon)) {
            daemon->stale = daemon->trust != CLOCK_JUMPED;
        }
    } while (daemon->stale);
    if (daemon->trust == CLOCK_TRUSTED) {
        start_work(daemon);
    } else if ((daemon->woken & WAKE_RUN_NOW) != 0) {
        log_warning("no run, as asked: %s", daemon->facts.trouble);
    }
}
