// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Workers as their parent sees them: one step of one certificate, done by a keeper and its hook process.
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook_process.h"
#include "keeper.h"
#include "process.h"

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOME_COUNT] = {
        [OUTCOME_NOTHING] = "nothing", [OUTCOME_RENEWED] = "renewed", [OUTCOME_PUBLISHED] = "published",
        [OUTCOME_PENDING] = "pending", [OUTCOME_HELD] = "held",       [OUTCOME_BUSY] = "busy",
        [OUTCOME_WAITING] = "waiting", [OUTCOME_FAILED] = "failed",
    };
    return names[outcome];
}

void worker_decide(const struct order *order, const struct settings *settings, const struct state *state, int64_t now,
                   struct decision *decision)
{
    if (order->profile != NULL) {
        decide_publish(order->config, order->certificate, settings, state, order->profile, now, order->flags, decision);
    } else {
        decide(order->config, order->certificate, settings, state, now, order->flags, decision);
    }
}

// What each hold comes to in a run, and whether a person who asked for the step is told that it failed.
static const struct {
    enum outcome outcome;
    bool impossible;
} holds[HOLD_COUNT] = {
    [HOLD_NONE] = {OUTCOME_NOTHING, false},        [HOLD_NOT_DUE] = {OUTCOME_NOTHING, false},
    [HOLD_SLOT] = {OUTCOME_WAITING, false},        [HOLD_RETRY] = {OUTCOME_WAITING, false},
    [HOLD_RETRY_RUN] = {OUTCOME_WAITING, false},   [HOLD_RETRY_AFTER] = {OUTCOME_WAITING, false},
    [HOLD_POLICY] = {OUTCOME_HELD, false},         [HOLD_PENDING] = {OUTCOME_PENDING, false},
    [HOLD_OFF] = {OUTCOME_NOTHING, false},         [HOLD_NO_TEMPLATE] = {OUTCOME_WAITING, true},
    [HOLD_NO_NAMES] = {OUTCOME_WAITING, true},     [HOLD_NO_KEY] = {OUTCOME_WAITING, true},
    [HOLD_NEVER_OPENS] = {OUTCOME_WAITING, false}, [HOLD_HELD] = {OUTCOME_HELD, false},
    [HOLD_WITHDRAWN] = {OUTCOME_NOTHING, false},   [HOLD_PUBLISHED] = {OUTCOME_NOTHING, false},
    [HOLD_NOT_ISSUED] = {OUTCOME_NOTHING, true},   [HOLD_NO_PROFILE] = {OUTCOME_NOTHING, true},
    [HOLD_NONE_BEFORE] = {OUTCOME_NOTHING, true},
};

void worker_hold(const struct order *order, const struct decision *decision, int64_t now, struct report *report)
{
    memset(report, 0, sizeof(*report));
    report->step = decision->next;
    report->generation = decision->generation;
    report->again = true;
    bool by_hand = (order->flags & (DECIDE_BY_HAND_ISSUE | DECIDE_BY_HAND_PUBLISH)) != 0;
    if (decision->hold >= HOLD_COUNT) {
        return;
    }
    report->outcome = holds[decision->hold].outcome;
    if (by_hand && holds[decision->hold].impossible) {
        report->outcome = OUTCOME_FAILED;
    } else if (decision->due > now) {
        // Not due: nothing is missed.
        report->outcome = OUTCOME_NOTHING;
    }
    if (report->outcome == OUTCOME_NOTHING) {
        return;
    }
    if (decision->profile != NULL) {
        strncat(report->profile, decision->profile, sizeof(report->profile) - 1);
    }
    struct buf reason;
    buf_init(&reason, ERROR_MESSAGE_SIZE);
    decide_reason(order->config, decision, now, &reason);
    error_set(&report->error, ERROR_REFUSED, "%s", buf_string(&reason));
    buf_free(&reason);
}

int worker_start(struct worker *worker, const struct order *order, struct error *error)
{
    int ends[2];
    *worker = (struct worker){.fd = -1, .certificate = order->certificate, .step = order->step};
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return error_errno(error, "no pipe for a worker");
    }
    pid_t pid = fork();
    if (pid < 0) {
        error_errno(error, "a worker cannot be forked");
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (pid == 0) {
        keeper_run(order, ends[1]);
    }
    close(ends[1]);
    int flags = fcntl(ends[0], F_GETFL);
    fcntl(ends[0], F_SETFL, flags | O_NONBLOCK);
    worker->pid = pid;
    worker->fd = ends[0];
    return 0;
}

// Nothing more will come: the keeper has ended, or is about to.
static void finish(struct worker *worker, struct report *report)
{
    char text[64];
    int status = 0;
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(worker->fd);
    worker->fd = -1;
    worker->pid = 0;
    if (worker->partial_length == sizeof(*report)) {
        memcpy(report, worker->partial, sizeof(*report));
        return;
    }
    memset(report, 0, sizeof(*report));
    report->outcome = OUTCOME_FAILED;
    report->step = worker->step;
    process_describe(status, text, sizeof(text));
    error_set(&report->error, ERROR_SYSTEM, "the worker %s before it was done", text);
}

int worker_collect(struct worker *worker, struct report *report)
{
    while (worker->partial_length < sizeof(worker->partial)) {
        ssize_t got = read(worker->fd, worker->partial + worker->partial_length,
                           sizeof(worker->partial) - worker->partial_length);
        if (got > 0) {
            worker->partial_length += (size_t)got;
        } else if (got == 0) {
            break;
        } else if (errno == EAGAIN) {
            return 0;
        } else if (errno != EINTR) {
            break;
        }
    }
    finish(worker, report);
    return 1;
}

void worker_stop(struct worker *worker)
{
    if (worker->pid > 0) {
        kill(worker->pid, SIGTERM);
    }
}

int worker_declare(const char *hooks_dir, const char *kind, const char *name, struct buf *answer, struct error *error)
{
    return hook_process_declare(hooks_dir, kind, name, answer, error);
}
