// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The loop's beginning and end.
#include "daemon.h"

#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "daemon_parts.h"

#define WORKERS_GET_MS 20000 // to end by themselves
#define STOPPED_GET_MS 2000  // once they were asked, and once they were made, to end

// ---- The end

int daemon_at_work(const struct daemon *daemon)
{
    int count = 0;
    for (const struct reign *reign = daemon->reign; reign != NULL; reign = reign->before) {
        count += reign->crew.running + (notify_is_idle(&reign->notices) ? 0 : 1);
    }
    return count;
}

static void begin_end(struct daemon *daemon)
{
    service_stopping(&daemon->service);
    for (struct reign *reign = daemon->reign; reign != NULL; reign = reign->before) {
        crew_dismiss(&reign->crew);
    }
    daemon->ending = ENDING_WAITS;
    daemon->end_boot_ms = clock_boot_ms() + WORKERS_GET_MS;
    if (daemon_at_work(daemon) > 0) {
        log_info("ends when %d workers are done, in 20 s at the latest", daemon_at_work(daemon));
    }
}

// The next step of the end: workers are asked to end, then made to, then left behind.
static void press_on(struct daemon *daemon)
{
    daemon->ending++;
    daemon->end_boot_ms = clock_boot_ms() + STOPPED_GET_MS;
    for (struct reign *reign = daemon->reign; reign != NULL; reign = reign->before) {
        crew_stop(&reign->crew, daemon->ending == ENDING_KILLS);
        notify_stop(&reign->notices);
    }
}

bool daemon_goes_on(struct daemon *daemon)
{
    bool asked = (daemon->woken & WAKE_STOP) != 0;
    if (asked && daemon->ending == ENDING_NOT) {
        begin_end(daemon);
    } else if (daemon->ending != ENDING_NOT && (asked || clock_boot_ms() >= daemon->end_boot_ms)) {
        press_on(daemon);
    }
    return daemon->ending == ENDING_NOT || (daemon->ending != ENDING_GIVES_UP && daemon_at_work(daemon) > 0);
}

// ---- The beginning

// Takes the lock of state_dir. What a person must change ends the start; what the world denies is waited for.
static int move_in(struct daemon *daemon)
{
    const struct engine *engine = &daemon->reign->session.config->engine;
    struct error error;
    struct loop_facts other;
    if (home_enter(&daemon->home, engine->state_dir, true, &error) == 0) {
        return EXIT_DONE;
    }
    if (error.code == ERROR_BUSY) {
        if (loop_read(engine, &other, NULL) == 0 && other.pid > 0) {
            arguments_complain("another loop is at work on %s: process %lld", engine->state_dir, (long long)other.pid);
        } else {
            arguments_complain("another loop is at work on %s", engine->state_dir);
        }
        return EXIT_MISTAKE;
    }
    if (error.code == ERROR_REFUSED) {
        arguments_complain("%s", error.message);
        return EXIT_MISTAKE;
    }
    trouble_begin(&daemon->homeless, daemon->boot_ms, &error);
    return EXIT_DONE;
}

static int begin(struct daemon *daemon)
{
    struct error error;
    struct reign *reign = calloc(1, sizeof(*reign));
    daemon->poll_room = WAKE_OWN;
    daemon->polls = calloc(WAKE_OWN, sizeof(*daemon->polls));
    if (reign == NULL || daemon->polls == NULL) {
        free(reign);
        arguments_complain("no memory");
        return EXIT_STEP_FAILED;
    }
    int code = session_open(&reign->session, daemon->arguments);
    if (code != EXIT_DONE) {
        daemon_free_reign(reign);
        return code;
    }
    if (daemon_prepare_reign(reign, daemon, &error) < 0 || wake_open(&daemon->wake, &error) < 0) {
        arguments_complain("%s", error.message);
        daemon_free_reign(reign);
        return EXIT_STEP_FAILED;
    }
    daemon_read_clocks(daemon);
    daemon_follow(daemon, reign);
    daemon_begin_run(daemon);
    return move_in(daemon);
}

int daemon_open(struct daemon **daemon, const struct arguments *arguments)
{
    struct daemon *made = *daemon = calloc(1, sizeof(*made));
    if (made == NULL) {
        arguments_complain("no memory");
        return EXIT_STEP_FAILED;
    }
    made->arguments = arguments;
    made->home = HOME_NONE;
    made->wake = (struct wake){.signals = -1, .timer = -1, .changes = -1};
    made->newest_written = made->facts.last_run = made->facts.next_run = CLOCK_NONE;
    made->lead_ms = INT64_MIN / 2;
    state_init(&made->state);
    host_text(made->host);
    int code = begin(made);
    if (code != EXIT_DONE) {
        return code;
    }
    const struct config *config = made->reign->session.config;
    made->facts.pid = getpid();
    made->facts.since = made->now;
    if (!config->engine.trust_clock) {
        made->trust = decide_clock(made->now, CERTAUTO_BUILD_TIME, CLOCK_NONE);
        if (made->trust != CLOCK_TRUSTED) {
            daemon_tell_trust(made, made->trust);
        }
    }
    log_info("certauto " CERTAUTO_VERSION " begins: %zu %s", config->certificate_count,
             config->certificate_count == 1 ? "certificate" : "certificates");
    service_open(&made->service);
    service_ready(&made->service);
    return EXIT_DONE;
}

void daemon_close(struct daemon *daemon)
{
    if (daemon == NULL) {
        return;
    }
    if (daemon->ending != ENDING_NOT) {
        log_info("certauto ends");
    }
    if (daemon->reign != NULL && daemon->home.lock >= 0) {
        loop_remove(&daemon->reign->session.config->engine);
    }
    while (daemon->reign != NULL) {
        struct reign *before = daemon->reign->before;
        daemon_free_reign(daemon->reign);
        daemon->reign = before;
    }
    wake_close(&daemon->wake);
    home_leave(&daemon->home);
    state_free(&daemon->state);
    free(daemon->polls);
    free(daemon);
}
