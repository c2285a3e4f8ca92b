// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The loop's configurations: one in force, and those before it until their workers are done.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "daemon_parts.h"

// ---- Reigns

void daemon_free_reign(struct reign *reign)
{
    if (reign == NULL) {
        return;
    }
    agenda_free(&reign->agenda);
    free(reign->working);
    free(reign->unreadable);
    notify_stop(&reign->notices);
    crew_shut(&reign->crew);
    crew_free(&reign->crew);
    session_close(&reign->session);
    free(reign);
}

// What a loaded configuration needs to be in force.
int daemon_prepare_reign(struct reign *reign, struct daemon *daemon, struct error *error)
{
    const struct config *config = reign->session.config;
    size_t bytes = config->certificate_count / 8 + 1;
    reign->daemon = daemon;
    reign->crew = (struct crew){.config = config,
                                .options = &reign->no_options,
                                .state = &daemon->state,
                                .tell = daemon_tell,
                                .starts = daemon_starts,
                                .left = daemon_left,
                                .context = reign,
                                .state_dirfd = -1,
                                .errands = -1};
    reign->notices.config = config;
    reign->working = calloc(bytes, 1);
    reign->unreadable = calloc(bytes, 1);
    if (reign->working == NULL || reign->unreadable == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for %zu certificates", config->certificate_count);
    }
    return agenda_init(&reign->agenda, config->certificate_count, error);
}

void daemon_follow(struct daemon *daemon, struct reign *reign)
{
    struct reign *before = daemon->reign;
    reign->before = before;
    daemon->reign = reign;
    daemon->loop_start = clock_now();
    daemon->stale = true;
    daemon->facts.configured = daemon->loop_start;
    daemon->facts.refused = CLOCK_NONE;
    daemon->facts.refusal[0] = '\0';
    if (before != NULL) {
        reign->crew.elder = &before->crew;
        crew_dismiss(&before->crew);
    }
}

// Those that were followed, and whose workers are done, are over.
void daemon_bury(struct daemon *daemon)
{
    for (struct reign *reign = daemon->reign; reign->before != NULL;) {
        struct reign *before = reign->before;
        if (!crew_is_idle(&before->crew) || !notify_is_idle(&before->notices)) {
            reign = before;
            continue;
        }
        reign->before = before->before;
        reign->crew.elder = before->crew.elder;
        daemon_free_reign(before);
    }
}

// ---- Reload

static void refuse(struct daemon *daemon, const char *message)
{
    daemon->facts.refused = clock_now();
    snprintf(daemon->facts.refusal, sizeof(daemon->facts.refusal), "%s", message);
    notify_event(&daemon->reign->notices, EVENT_CONFIG_REFUSED, NULL, message);
    log_error("the new configuration is refused, the one in force stays");
}

static void refuse_mistakes(struct daemon *daemon, const struct problems *problems)
{
    char first[ERROR_MESSAGE_SIZE] = "";
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        if (problem->level != PROBLEM_MISTAKE) {
            continue;
        }
        log_error("%s:%u: %s", problem->file, problem->line, problem->message);
        if (first[0] == '\0') {
            snprintf(first, sizeof(first), "%s:%u: %s", problem->file, problem->line, problem->message);
        }
    }
    refuse(daemon, first);
}

// Another state_dir has a lock of its own.
static int move_home(struct daemon *daemon, const struct engine *to, struct error *error)
{
    struct home home;
    if (home_enter(&home, to->state_dir, true, error) < 0) {
        return -1;
    }
    home_leave(&daemon->home);
    daemon->home = home;
    (void)wake_watch(&daemon->wake, to->state_dir, NULL);
    return 0;
}

static int reload(struct daemon *daemon, struct reign *reign, struct error *error)
{
    const struct engine *now = &daemon->reign->session.config->engine, *new = &reign->session.config->engine;
    if (daemon_prepare_reign(reign, daemon, error) < 0) {
        return -1;
    }
    if (strcmp(now->state_dir, new->state_dir) != 0) {
        if (move_home(daemon, new, error) < 0) {
            return -1;
        }
        loop_remove(now);
    } else if (strcmp(now->run_dir, new->run_dir) != 0) {
        loop_remove(now);
    }
    memset(&daemon->told, 0, sizeof(daemon->told));
    return 0;
}

void daemon_reload(struct daemon *daemon)
{
    struct problems problems;
    struct error error;
    if ((daemon->woken & WAKE_RELOAD) == 0 || daemon->ending != ENDING_NOT) {
        return;
    }
    service_reloading(&daemon->service);
    problems_init(&problems);
    struct reign *reign = calloc(1, sizeof(*reign));
    if (reign != NULL) {
        session_load(&reign->session, daemon->arguments, &problems);
    }
    if (reign == NULL) {
        log_error("no memory to read the configuration");
        refuse(daemon, "no memory");
    } else if (reign->session.config == NULL) {
        refuse_mistakes(daemon, &problems);
        daemon_free_reign(reign);
    } else if (reload(daemon, reign, &error) < 0) {
        const struct engine *engine = &daemon->reign->session.config->engine;
        log_setup(engine->log_level, engine->log_format, engine->log_target);
        log_error("%s", error.message);
        refuse(daemon, error.message);
        daemon_free_reign(reign);
    } else {
        daemon_follow(daemon, reign);
        size_t count = reign->session.config->certificate_count;
        log_info("the configuration was read again: %zu %s", count, count == 1 ? "certificate" : "certificates");
    }
    problems_free(&problems);
    service_ready(&daemon->service);
}
