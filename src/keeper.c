// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The keeper: the process that holds a certificate's lock, key and state while one step of it is done.
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "key.h"
#include "lock.h"
#include "policy.h"
#include "process.h"
#include "publish.h"
#include "renew.h"
#include "window.h"

// The whole report in one piece, if the parent still listens.
static void tell(int fd, struct report *report)
{
    const char *at = (const char *)report;
    // What lies behind the sentence is what was on some stack before.
    size_t length = strlen(report->error.message);
    memset(report->error.message + length, 0, sizeof(report->error.message) - length);
    size_t left = sizeof(*report);
    while (left > 0) {
        ssize_t put = write(fd, at, left);
        if (put > 0) {
            at += put;
            left -= (size_t)put;
        } else if (put < 0 && errno != EINTR) {
            return;
        }
    }
}

static void fail(struct report *report, const struct order *order, const struct error *error)
{
    memset(report, 0, sizeof(*report));
    report->step = order->step;
    report->outcome = error->code == ERROR_BUSY ? OUTCOME_BUSY : OUTCOME_FAILED;
    if (order->step == STEP_PUBLISH && order->profile != NULL) {
        strncat(report->profile, order->profile, sizeof(report->profile) - 1);
    }
    report->error = *error;
}

// The processes that a keeper forks before it holds anything.
struct helpers {
    struct hook_process *hook;
    struct hook_process *policy; // NULL: no policy is asked
};

// True when no policy has a say, or all let the step pass; else the report says why not.
static bool is_allowed(struct keeping *keeping, struct helpers *helpers, struct report *report)
{
    bool asked = policy_is_asked(keeping->settings, keeping->decision);
    // The settings are others than when the order was given: who gave it decides again.
    bool allowed = !asked || (helpers->policy != NULL && policy_allows(keeping, helpers->policy, report));
    hook_process_end(helpers->policy);
    helpers->policy = NULL;
    return allowed;
}

// With the lock in hand: reads the state, decides again, and does the step if it is still to be done.
static void work(const struct order *order, int state_dirfd, struct helpers *helpers, struct report *report)
{
    struct error error;
    struct settings settings;
    struct decision decision;
    struct state state;
    const char *name = order->certificate->name;
    error_clear(&error);
    state_init(&state);
    if (state_load(&state, state_dirfd, name, &error) < 0 && error.code != ERROR_NOT_FOUND) {
        fail(report, order, &error);
        goto out;
    }
    int64_t now = clock_now();
    decide_settings(order->config, order->certificate, &state, &settings);
    struct keeping keeping = {.order = order,
                              .settings = &settings,
                              .state = &state,
                              .decision = &decision,
                              .state_dirfd = state_dirfd,
                              .process = helpers->hook,
                              .now = now};
    if (order->step == STEP_ERRAND) {
        window_ask(&keeping, report);
        goto out;
    }
    worker_decide(order, &settings, &state, now, &decision);
    if (decision.step != order->step) {
        // Another process was faster, or what is unfinished comes first: who ordered this decides again.
        worker_hold(order, &decision, now, report);
        goto out;
    }
    memset(report, 0, sizeof(*report));
    report->step = decision.step;
    if (!is_allowed(&keeping, helpers, report)) {
        goto out;
    }
    if (key_start(&error) < 0) {
        fail(report, order, &error);
        goto out;
    }
    if (decision.step == STEP_ISSUE) {
        renew_step(&keeping, report);
    } else {
        publish_step(&keeping, report);
    }
out:
    state_free(&state);
}

// state_dir is made by the first worker that needs it; it must be ours alone.
static int open_state_dir(const struct engine *engine, struct error *error)
{
    if (file_make_directory(AT_FDCWD, engine->state_dir, 0700, true, error) < 0 ||
        file_check_trusted(engine->state_dir, false, error) < 0) {
        return -1;
    }
    return file_open_directory(AT_FDCWD, engine->state_dir, error);
}

static void keep(const struct order *order, struct report *report)
{
    const struct engine *engine = &order->config->engine;
    const char *kind = order->step == STEP_PUBLISH ? "publish" : "issue";
    // A publication may have to be undone by a second process when the first had to be killed.
    int spares = order->step == STEP_PUBLISH ? 1 : 0;
    struct helpers helpers = {NULL, NULL};
    struct error error;
    int lock = -1;
    int state_dirfd = open_state_dir(engine, &error);
    if (state_dirfd < 0) {
        fail(report, order, &error);
        return;
    }
    const char *name = order->certificate->name;
    if ((order->ask && hook_process_start(engine, "policy", name, 0, &helpers.policy, &error) < 0) ||
        hook_process_start(engine, kind, name, spares, &helpers.hook, &error) < 0) {
        fail(report, order, &error);
        goto out;
    }
    // Only now, so that the lock is not shared with the hook process and dies with us.
    lock = lock_take(state_dirfd, "locks", name, &error);
    if (lock < 0) {
        fail(report, order, &error);
        goto out;
    }
    work(order, state_dirfd, &helpers, report);
out:
    hook_process_end(helpers.policy);
    hook_process_end(helpers.hook);
    if (lock >= 0) {
        close(lock);
    }
    close(state_dirfd);
}

noreturn void keeper_run(const struct order *order, int report_fd)
{
    struct report report;
    memset(&report, 0, sizeof(report));
    report_fd = process_settle(report_fd);
    if (report_fd < 0) {
        _exit(1);
    }
    keep(order, &report);
    tell(report_fd, &report);
    _exit(0);
}
