// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Notifications: the events that are told, and their way to the process that delivers them.
#include "notify.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "courier.h"
#include "log.h"

#define MOST_WAITING 1000

const char *event_name(enum event event)
{
    static const char *const names[EVENT_COUNT] = {
        [EVENT_RENEWED] = "renewed",
        [EVENT_RENEW_FAILED] = "renew_failed",
        [EVENT_PUBLISHED] = "published",
        [EVENT_PUBLISH_FAILED] = "publish_failed",
        [EVENT_ROLLED_BACK] = "rolled_back",
        [EVENT_PENDING] = "pending",
        [EVENT_HELD] = "held",
        [EVENT_REVOKED] = "revoked",
        [EVENT_EXPIRING] = "expiring",
        [EVENT_EXPIRED] = "expired",
        [EVENT_CLOCK_UNTRUSTED] = "clock_untrusted",
        [EVENT_CONFIG_REFUSED] = "config_refused",
        [EVENT_STATE_UNREADABLE] = "state_unreadable",
    };
    return names[event];
}

// ---- Events

static int make_room(struct notices *notices)
{
    if (notices->count < notices->capacity) {
        return 0;
    }
    size_t capacity = notices->capacity == 0 ? 4 : notices->capacity * 2;
    struct notice *list = capacity > 2 * MOST_WAITING ? NULL : reallocarray(notices->list, capacity, sizeof(*list));
    if (list == NULL) {
        return -1;
    }
    notices->list = list;
    notices->capacity = capacity;
    return 0;
}

static void add(struct notices *notices, const struct notice *notice, const char *message)
{
    if (!notices->config->notifies) {
        return;
    }
    char *copy = message == NULL ? NULL : strdup(message);
    if (notices->count >= MOST_WAITING || (message != NULL && copy == NULL) || make_room(notices) < 0) {
        free(copy);
        notices->lost++;
        return;
    }
    struct notice *added = &notices->list[notices->count++];
    *added = *notice;
    added->time = clock_now();
    added->message = copy;
}

void notify_event(struct notices *notices, enum event event, const struct certificate *certificate, const char *message)
{
    const struct notice notice = {.event = event, .certificate = certificate};
    add(notices, &notice, message);
}

static void add_report(struct notices *notices, enum event event, const struct certificate *certificate,
                       const struct report *report, const char *message)
{
    struct notice notice = {
        .event = event, .step = report->step, .generation = report->generation, .certificate = certificate};
    strncat(notice.profile, report->profile, sizeof(notice.profile) - 1);
    add(notices, &notice, message);
}

static void add_failure(struct notices *notices, const struct certificate *certificate, const struct report *report)
{
    static const enum event events[STEP_COUNT] = {[STEP_NONE] = EVENT_STATE_UNREADABLE,
                                                  [STEP_WAIT] = EVENT_COUNT,
                                                  [STEP_ISSUE] = EVENT_RENEW_FAILED,
                                                  [STEP_PUBLISH] = EVENT_PUBLISH_FAILED};
    if (events[report->step] != EVENT_COUNT) {
        add_report(notices, events[report->step], certificate, report, report->error.message);
    }
}

void notify_report(struct notices *notices, const char *name, const struct report *report)
{
    const struct certificate *certificate = config_find(notices->config, name);
    const char *why = report->error.message;
    if (report->step == STEP_ERRAND) {
        if (report->revoked) {
            notify_event(notices, EVENT_REVOKED, certificate, why);
        }
        return;
    }
    switch (report->outcome) {
    case OUTCOME_RENEWED: add_report(notices, EVENT_RENEWED, certificate, report, NULL); break;
    case OUTCOME_PUBLISHED:
        if (!report->rolled_back) {
            add_report(notices, EVENT_PUBLISHED, certificate, report, NULL);
        }
        break;
    case OUTCOME_PENDING:
        if (!report->again) {
            add_report(notices, EVENT_PENDING, certificate, report, why);
        }
        break;
    case OUTCOME_HELD:
        if (!report->again) {
            add_report(notices, EVENT_HELD, certificate, report, why);
        }
        break;
    case OUTCOME_FAILED: add_failure(notices, certificate, report); break;
    default: break;
    }
    if (report->rolled_back) {
        add_report(notices, EVENT_ROLLED_BACK, certificate, report, why[0] == '\0' ? NULL : why);
    }
    if (report->kept_back) {
        add_report(notices, EVENT_HELD, certificate, report, NULL);
    }
}

// ---- The courier

static void drop(struct notices *notices)
{
    for (size_t i = 0; i < notices->count; i++) {
        free(notices->list[i].message);
    }
    free(notices->list);
    notices->list = NULL;
    notices->count = notices->capacity = 0;
}

// Collects the courier if it is done, or waits for it.
static void collect(struct notices *notices, int flags)
{
    pid_t done = 0;
    if (notices->courier == 0) {
        return;
    }
    do {
        done = waitpid(notices->courier, NULL, flags);
    } while (done < 0 && errno == EINTR);
    // What became of it, it has said itself.
    if (done != 0) {
        notices->courier = 0;
    }
}

static void send(struct notices *notices)
{
    if (notices->courier != 0 || notices->count == 0) {
        return;
    }
    if (notices->lost > 0) {
        log_warning("%zu notifications are dropped: there were too many at once", notices->lost);
        notices->lost = 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        courier_run(notices->config, notices->list, notices->count);
    }
    if (pid < 0) {
        log_warning("%zu notifications are dropped: no process can be forked to deliver them", notices->count);
    } else {
        notices->courier = pid;
    }
    drop(notices);
}

void notify_turn(struct notices *notices)
{
    collect(notices, WNOHANG);
    send(notices);
}

bool notify_is_idle(const struct notices *notices)
{
    return notices->courier == 0 && notices->count == 0;
}

void notify_wait(struct notices *notices)
{
    while (!notify_is_idle(notices)) {
        collect(notices, 0);
        send(notices);
    }
}

void notify_stop(struct notices *notices)
{
    drop(notices);
    if (notices->courier != 0) {
        kill(notices->courier, SIGTERM);
    }
}
