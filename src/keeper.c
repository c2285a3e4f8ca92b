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
#include "process.h"
#include "publish.h"
#include "renew.h"

// The whole report in one piece, if the parent still listens.
static void tell(int fd, const struct report *report)
{
    const char *at = (const char *)report;
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

// With the lock in hand: reads the state, decides again, and does the step if it is still to be done.
static void work(const struct order *order, int state_dirfd, struct hook_process *process, struct report *report)
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
    worker_decide(order, &settings, &state, now, &decision);
    if (decision.step != order->step) {
        // Another process was faster, or what is unfinished comes first: who ordered this decides again.
        worker_hold(order, &decision, now, report);
        goto out;
    }
    if (key_start(&error) < 0) {
        fail(report, order, &error);
        goto out;
    }
    struct keeping keeping = {.order = order,
                              .settings = &settings,
                              .state = &state,
                              .decision = &decision,
                              .state_dirfd = state_dirfd,
                              .process = process,
                              .now = now};
    memset(report, 0, sizeof(*report));
    report->step = decision.step;
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
    const char *kind = order->step == STEP_ISSUE ? "issue" : "publish";
    // A publication may have to be undone by a second process when the first had to be killed.
    int spares = order->step == STEP_PUBLISH ? 1 : 0;
    struct hook_process *process = NULL;
    struct error error;
    int lock = -1;
    int state_dirfd = open_state_dir(engine, &error);
    if (state_dirfd < 0) {
        fail(report, order, &error);
        return;
    }
    if (hook_process_start(engine, kind, order->certificate->name, spares, &process, &error) < 0) {
        fail(report, order, &error);
        goto out;
    }
    // Only now, so that the lock is not shared with the hook process and dies with us.
    lock = lock_take(state_dirfd, "locks", order->certificate->name, &error);
    if (lock < 0) {
        fail(report, order, &error);
        goto out;
    }
    work(order, state_dirfd, process, report);
out:
    hook_process_end(process);
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
