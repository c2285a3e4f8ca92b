// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A run: one pass over every certificate, taking each through all its steps that are ready.
#include "run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "crew.h"
#include "expiry.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "notify.h"

// Certificates by their numbers in the configuration.
struct numbers {
    size_t *list;
    size_t count, capacity;
};

struct pass {
    const struct config *config;
    const struct run_options *options;
    struct run_results *results;
    void (*told)(void *context, const struct run_result *result);
    void *context;
    bool *chosen; // by number; NULL: all
    int64_t now;
    unsigned flags;
    int64_t newest_written;  // over all states
    bool judged;             // the clock was: results may be told
    struct numbers ahead;    // whose "written" lies ahead
    struct numbers expiring; // of which a warning of expiry is due
    struct notices notices;
    struct state state;
    struct crew crew;
};

void run_results_free(struct run_results *results)
{
    free(results->list);
    *results = (struct run_results){0};
}

void run_log(const char *name, const struct report *report, enum log_level level)
{
    char generation[16];
    snprintf(generation, sizeof(generation), "%u", report->generation);
    bool failed = report->outcome == OUTCOME_FAILED;
    bool done = report->outcome == OUTCOME_RENEWED || report->outcome == OUTCOME_PUBLISHED;
    const struct log_field fields[] = {
        {"certificate", name},
        {"step", report->step == STEP_NONE ? NULL : step_name(report->step)},
        {"profile", report->profile[0] != '\0' ? report->profile : NULL},
        {"generation", done ? generation : NULL},
        {failed ? "error" : "reason", report->error.message[0] != '\0' ? report->error.message : NULL},
    };
    log_line(level, outcome_name(report->outcome), fields, sizeof fields / sizeof fields[0]);
}

// A result that finds no memory is logged: it must not be lost without a word.
static void add_result(void *context, const char *name, const struct report *report)
{
    struct pass *pass = context;
    struct run_results *results = pass->results;
    if (!pass->options->dry_run) {
        notify_report(&pass->notices, name, report);
        if (pass->judged) {
            notify_turn(&pass->notices);
        }
    }
    if (report->step == STEP_ERRAND) {
        return;
    }
    if (report->outcome == OUTCOME_FAILED && report->step == STEP_NONE) {
        results->unreadable++;
    }
    if (results->count == results->capacity) {
        size_t capacity = results->capacity == 0 ? 8 : results->capacity * 2;
        struct run_result *list = reallocarray(results->list, capacity, sizeof(*list));
        if (list == NULL) {
            log_error("%s: %s, but there is no memory to report it", name, outcome_name(report->outcome));
            return;
        }
        results->list = list;
        results->capacity = capacity;
    }
    struct run_result *result = &results->list[results->count++];
    *result = (struct run_result){.name = name, .report = *report};
    if (pass->judged && pass->told != NULL) {
        pass->told(pass->context, result);
    }
}

// The clock has been judged. Under one that is not believed only what needs no clock is a result.
static void tell_first_results(struct pass *pass)
{
    struct run_results *results = pass->results;
    size_t kept = 0;
    for (size_t i = 0; i < results->count; i++) {
        if (!results->clock_untrusted || results->list[i].report.step == STEP_NONE) {
            results->list[kept++] = results->list[i];
        }
    }
    results->count = kept;
    pass->judged = true;
    for (size_t i = 0; pass->told != NULL && i < results->count; i++) {
        pass->told(pass->context, &results->list[i]);
    }
}

static int add_number(struct numbers *numbers, size_t number, struct error *error)
{
    if (numbers->count == numbers->capacity) {
        size_t capacity = numbers->capacity == 0 ? 8 : numbers->capacity * 2;
        size_t *list = reallocarray(numbers->list, capacity, sizeof(*list));
        if (list == NULL) {
            return error_set(error, ERROR_SYSTEM, "no memory for a run");
        }
        numbers->list = list;
        numbers->capacity = capacity;
    }
    numbers->list[numbers->count++] = number;
    return 0;
}

// ---- Which certificates

static bool in_group(const struct certificate *certificate, const struct group *group)
{
    for (uint16_t i = 0; i < certificate->group_count; i++) {
        if (certificate->groups[i] == group) {
            return true;
        }
    }
    return false;
}

static int choose_group(struct pass *pass, bool all, struct error *error)
{
    const struct config *config = pass->config;
    const struct group *group = config_group(config, pass->options->group);
    if (group == NULL) {
        return error_set(error, ERROR_USAGE, "there is no group '%s'", pass->options->group);
    }
    for (size_t i = 0; i < config->certificate_count; i++) {
        pass->chosen[i] = (all || pass->chosen[i]) && in_group(&config->certificates[i], group);
    }
    return 0;
}

static int choose(struct pass *pass, struct error *error)
{
    const struct config *config = pass->config;
    char *const *names = pass->options->names;
    bool all = names == NULL || names[0] == NULL;
    if (all && pass->options->group == NULL) {
        return 0;
    }
    pass->chosen = calloc(config->certificate_count + 1, sizeof(*pass->chosen));
    if (pass->chosen == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a run");
    }
    for (; !all && *names != NULL; names++) {
        const struct certificate *certificate = config_find(config, *names);
        if (certificate == NULL) {
            return error_set(error, ERROR_USAGE, "there is no certificate '%s'", *names);
        }
        pass->chosen[certificate - config->certificates] = true;
    }
    return pass->options->group == NULL ? 0 : choose_group(pass, all, error);
}

// ---- The look at every state

// What is ready goes to the crew; what is due but held is a result at once.
static int look_at(struct pass *pass, const struct certificate *certificate, struct error *error)
{
    struct settings settings;
    struct decision decision;
    decide_settings(pass->config, certificate, &pass->state, &settings);
    struct expiry expiry;
    bool by_hand = (pass->flags & (DECIDE_BY_HAND_ISSUE | DECIDE_BY_HAND_PUBLISH)) != 0;
    if (!by_hand && settings.notifies.count > 0 &&
        expiry_next(certificate, &settings, &pass->state, pass->now, &expiry) && expiry.at <= pass->now &&
        add_number(&pass->expiring, (size_t)(certificate - pass->config->certificates), error) < 0) {
        return -1;
    }
    decide(pass->config, certificate, &settings, &pass->state, pass->now, pass->flags, &decision);
    // By hand, each profile has its own answer: the crew asks for them.
    if (decision.step == STEP_ISSUE || decision.step == STEP_PUBLISH || (pass->flags & DECIDE_BY_HAND_PUBLISH) != 0) {
        int64_t not_after = pass->state.generation == 0 ? CLOCK_NONE : pass->state.not_after;
        const struct template *template = decision.step == STEP_ISSUE ? settings.template : NULL;
        return crew_add(&pass->crew, certificate, template, not_after, CLOCK_NONE, pass->flags, error);
    }
    const struct template *asked;
    int64_t errand =
        by_hand || pass->options->dry_run ? CLOCK_NONE : crew_errand(&pass->crew, certificate, &settings, &asked);
    if (errand != CLOCK_NONE && errand <= pass->now) {
        // Behind all steps.
        return crew_add(&pass->crew, certificate, asked, CLOCK_NONE, CLOCK_NONE, pass->flags, error);
    }
    if (decision.due <= pass->now) {
        struct report report;
        struct order order = {.config = pass->config, .certificate = certificate, .flags = pass->flags};
        worker_hold(&order, &decision, pass->now, &report);
        if (report.outcome != OUTCOME_NOTHING) {
            add_result(pass, certificate->name, &report);
        }
    }
    return 0;
}

static int look_at_all(struct pass *pass, struct error *error)
{
    const struct config *config = pass->config;
    for (size_t i = 0; i < config->certificate_count; i++) {
        const struct certificate *certificate = &config->certificates[i];
        bool chosen = pass->chosen == NULL || pass->chosen[i];
        struct error problem;
        if (crew_read_state(&pass->crew, certificate, &problem) < 0) {
            struct report report = {.outcome = OUTCOME_FAILED, .step = STEP_NONE, .error = problem};
            if (chosen) {
                add_result(pass, certificate->name, &report);
            }
            continue;
        }
        // The clock is judged by all of them, whichever were chosen.
        pass->newest_written = decide_written(pass->newest_written, pass->state.written, CERTAUTO_BUILD_TIME);
        if (pass->options->trust_clock && pass->state.written > pass->now && add_number(&pass->ahead, i, error) < 0) {
            return -1;
        }
        if (chosen && look_at(pass, certificate, error) < 0) {
            return -1;
        }
    }
    return 0;
}

// ---- The clock

// --trust-clock: every "written" that lies ahead is set back, so that the clock is believed from now on.
static void set_back(struct pass *pass, const struct certificate *certificate)
{
    struct error error;
    int lock = lock_take(pass->crew.state_dirfd, "locks", certificate->name, &error);
    if (lock < 0) {
        // Who holds it writes a "written" of its own.
        if (error.code != ERROR_BUSY) {
            log_warning("%s: %s", certificate->name, error.message);
        }
        return;
    }
    if (state_load(&pass->state, pass->crew.state_dirfd, certificate->name, &error) < 0 ||
        (pass->state.written > pass->now &&
         state_save(&pass->state, pass->crew.state_dirfd, certificate->name, pass->now, &error) < 0)) {
        log_warning("%s: %s", certificate->name, error.message);
    }
    close(lock);
}

// True when nothing may be started.
static bool doubt_clock(struct pass *pass)
{
    if (pass->config->engine.trust_clock || pass->options->trust_clock) {
        return false;
    }
    enum clock_trust trust = decide_clock(pass->now, CERTAUTO_BUILD_TIME, pass->newest_written);
    if (trust == CLOCK_TRUSTED) {
        return false;
    }
    struct buf reason;
    buf_init(&reason, ERROR_MESSAGE_SIZE);
    decide_clock_reason(trust, pass->now, CERTAUTO_BUILD_TIME, pass->newest_written, &reason);
    pass->results->clock_untrusted = true;
    error_set(&pass->results->clock, ERROR_REFUSED, "%s", buf_string(&reason));
    buf_free(&reason);
    return true;
}

// ---- The pass

static int open_state_dir(struct pass *pass, struct error *error)
{
    const char *path = pass->config->engine.state_dir;
    pass->crew.state_dirfd = file_open_directory(AT_FDCWD, path, error);
    if (pass->crew.state_dirfd < 0) {
        // The first worker makes it.
        return error->code == ERROR_NOT_FOUND ? 0 : -1;
    }
    return file_check_trusted(path, false, error);
}

static int take_steps(struct pass *pass, struct error *error)
{
    if (pass->options->dry_run) {
        crew_pretend(&pass->crew);
        return 0;
    }
    for (size_t i = 0; i < pass->ahead.count; i++) {
        set_back(pass, &pass->config->certificates[pass->ahead.list[i]]);
    }
    int result = crew_run(&pass->crew, error);
    // Now, because a renewal that was published has ended most of these.
    for (size_t i = 0; i < pass->expiring.count; i++) {
        notify_event(&pass->notices, EVENT_EXPIRING, &pass->config->certificates[pass->expiring.list[i]], NULL);
    }
    return result;
}

int run_pass(const struct config *config, const struct run_options *options,
             void (*told)(void *context, const struct run_result *result), void *context, struct run_results *results,
             struct error *error)
{
    struct pass pass = {.config = config,
                        .options = options,
                        .results = results,
                        .told = told,
                        .context = context,
                        .now = clock_now(),
                        .flags = options->flags,
                        .newest_written = CLOCK_NONE,
                        .notices.config = config};
    int result = -1;
    *results = (struct run_results){0};
    pass.flags |= options->by_hand_issue ? DECIDE_BY_HAND_ISSUE : 0;
    pass.flags |= options->by_hand_publish ? DECIDE_BY_HAND_PUBLISH : 0;
    state_init(&pass.state);
    pass.crew = (struct crew){.config = config,
                              .options = options,
                              .state = &pass.state,
                              .tell = add_result,
                              .context = &pass,
                              .state_dirfd = -1,
                              .errands = -1};
    if (open_state_dir(&pass, error) < 0 || choose(&pass, error) < 0 || look_at_all(&pass, error) < 0) {
        goto out;
    }
    result = 0;
    bool doubted = doubt_clock(&pass);
    if (doubted && !options->dry_run) {
        notify_event(&pass.notices, EVENT_CLOCK_UNTRUSTED, NULL, results->clock.message);
    }
    tell_first_results(&pass);
    if (!doubted) {
        result = take_steps(&pass, error);
    }
    notify_wait(&pass.notices);
out:
    notify_stop(&pass.notices);
    if (pass.crew.state_dirfd >= 0) {
        close(pass.crew.state_dirfd);
    }
    crew_shut(&pass.crew);
    crew_free(&pass.crew);
    state_free(&pass.state);
    free(pass.ahead.list);
    free(pass.expiring.list);
    free(pass.chosen);
    return result;
}
