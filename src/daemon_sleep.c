// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The loop's sleep: what others are told before it, and when it ends.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon_parts.h"

static void count_outcomes(const struct daemon *daemon, char *out, size_t size)
{
    struct buf text;
    buf_init(&text, size - 1);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        if (daemon->outcomes[i] > 0 && i != OUTCOME_NOTHING) {
            buf_format(&text, "%s%u %s", text.length > 0 ? ", " : "", daemon->outcomes[i],
                       outcome_name((enum outcome)i));
        }
    }
    snprintf(out, size, "%s", text.length > 0 ? buf_string(&text) : "nothing was due");
    buf_free(&text);
}

static void end_run(struct daemon *daemon)
{
    if (!daemon->running) {
        return;
    }
    daemon->running = false;
    unsigned count = 0;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        count += daemon->outcomes[i];
    }
    // Errands alone are no run.
    if (count == 0) {
        return;
    }
    daemon->facts.last_run = daemon->run_since;
    count_outcomes(daemon, daemon->facts.result, sizeof(daemon->facts.result));
    memset(daemon->outcomes, 0, sizeof(daemon->outcomes));
}

// What was only needed for this turn.
static void tidy(struct daemon *daemon)
{
    struct crew *crew = &daemon->reign->crew;
    if (crew->state_dirfd >= 0) {
        close(crew->state_dirfd);
        crew->state_dirfd = -1;
    }
    crew_shut(crew);
    if (crew_is_idle(crew) && daemon->reign->before == NULL) {
        end_run(daemon);
        crew_free(crew);
        state_free(&daemon->state);
        state_init(&daemon->state);
    }
}

static void tell_others(struct daemon *daemon)
{
    size_t index;
    struct error error;
    struct loop_facts *facts = &daemon->facts;
    const struct trouble *trouble = daemon->home.lock < 0 ? &daemon->homeless : &daemon->helpless;
    // Within a run it would change with every step.
    if (!daemon->running &&
        (!agenda_first(&daemon->reign->agenda, &index, &facts->next_run) || daemon->trust != CLOCK_TRUSTED)) {
        facts->next_run = CLOCK_NONE;
    }
    if (daemon->trust == CLOCK_TRUSTED || daemon->home.lock < 0) {
        snprintf(facts->trouble, sizeof(facts->trouble), "%s", trouble->told);
    }
    // Without the lock the file may be another loop's.
    if (daemon->home.lock < 0) {
        return;
    }
    if (loop_same(facts, &daemon->told)) {
        trouble_end(&daemon->mute);
        return;
    }
    if (daemon->boot_ms < daemon->mute.until_boot_ms) {
        return;
    }
    if (loop_write(&daemon->reign->session.config->engine, facts, &error) < 0) {
        trouble_begin(&daemon->mute, daemon->boot_ms, &error);
        return;
    }
    trouble_end(&daemon->mute);
    daemon->told = *facts;
}

// The first moment at which the clock would be believed if nobody set it.
static int64_t believed_at(const struct daemon *daemon)
{
    int64_t doubted = daemon->now;
    int64_t believed = daemon->newest_written > CERTAUTO_BUILD_TIME ? daemon->newest_written : CERTAUTO_BUILD_TIME;
    while (believed - doubted > 1) {
        int64_t middle = doubted + (believed - doubted) / 2;
        if (decide_clock(middle, CERTAUTO_BUILD_TIME, daemon->newest_written) == CLOCK_TRUSTED) {
            believed = middle;
        } else {
            doubted = middle;
        }
    }
    return believed;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// When to wake by the wall clock (CLOCK_NONE: never) and by the boot clock.
static int64_t wake_at(struct daemon *daemon, int64_t *until_boot_ms)
{
    size_t index;
    int64_t when = CLOCK_NONE;
    *until_boot_ms = service_alive(&daemon->service, daemon->boot_ms);
    if (daemon->ending != ENDING_NOT) {
        *until_boot_ms = daemon_at_work(daemon) > 0 ? earlier(*until_boot_ms, daemon->end_boot_ms) : 0;
        return CLOCK_NONE;
    }
    if (daemon->home.lock < 0) {
        *until_boot_ms = earlier(*until_boot_ms, daemon->homeless.until_boot_ms);
        return CLOCK_NONE;
    }
    if (daemon->settled_boot_ms != 0) {
        *until_boot_ms = earlier(*until_boot_ms, daemon->settled_boot_ms);
        return CLOCK_NONE;
    }
    if (daemon->unwatched.told[0] != '\0') {
        *until_boot_ms = earlier(*until_boot_ms, daemon->unwatched.until_boot_ms);
    }
    if (daemon->mute.told[0] != '\0') {
        *until_boot_ms = earlier(*until_boot_ms, daemon->mute.until_boot_ms);
    }
    if (daemon->trust != CLOCK_TRUSTED) {
        *until_boot_ms = earlier(*until_boot_ms, daemon->doubt_boot_ms);
        return daemon->trust == CLOCK_JUMPED ? CLOCK_NONE : believed_at(daemon);
    }
    if (daemon->helpless.told[0] != '\0') {
        *until_boot_ms = earlier(*until_boot_ms, daemon->helpless.until_boot_ms);
        return CLOCK_NONE;
    }
    return agenda_first(&daemon->reign->agenda, &index, &when) ? when : CLOCK_NONE;
}

// Room for the descriptors of all workers; without memory, those that find none are noticed when they end.
static size_t fill_polls(struct daemon *daemon)
{
    size_t count = WAKE_OWN;
    for (const struct reign *reign = daemon->reign; reign != NULL; reign = reign->before) {
        count += (size_t)reign->crew.running;
    }
    if (count > daemon->poll_room) {
        struct pollfd *polls = reallocarray(daemon->polls, count, sizeof(*polls));
        daemon->polls = polls != NULL ? polls : daemon->polls;
        daemon->poll_room = polls != NULL ? count : daemon->poll_room;
    }
    count = WAKE_OWN;
    for (struct reign *reign = daemon->reign; reign != NULL; reign = reign->before) {
        if (count + (size_t)reign->crew.running <= daemon->poll_room) {
            reign->polled = crew_poll(&reign->crew, daemon->polls + count);
            count += reign->polled;
        }
    }
    return count;
}

void daemon_sleep(struct daemon *daemon)
{
    int64_t until_boot_ms;
    for (struct reign *reign = daemon->reign; reign != NULL; reign = reign->before) {
        notify_turn(&reign->notices);
    }
    tidy(daemon);
    tell_others(daemon);
    int64_t until = wake_at(daemon, &until_boot_ms);
    size_t count = fill_polls(daemon);
    daemon->woken = wake_wait(&daemon->wake, until, until_boot_ms, daemon->polls, count);
}
