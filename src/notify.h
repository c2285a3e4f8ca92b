// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Notifications: the events that are told, and their way to the process that delivers them.
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "decide.h"
#include "worker.h"

enum event {
    EVENT_RENEWED,
    EVENT_RENEW_FAILED,
    EVENT_PUBLISHED,
    EVENT_PUBLISH_FAILED,
    EVENT_ROLLED_BACK,
    EVENT_PENDING,
    EVENT_HELD,
    EVENT_REVOKED,
    EVENT_EXPIRING, // or expired
    EVENT_EXPIRED,
    EVENT_CLOCK_UNTRUSTED,
    EVENT_CONFIG_REFUSED,
    EVENT_STATE_UNREADABLE,
    EVENT_COUNT
};
const char *event_name(enum event event); // "renewed", "renew_failed"

struct notice {
    enum event event;
    enum step step; // STEP_NONE: it is about none
    uint32_t generation;
    int64_t time;
    const struct certificate *certificate; // NULL: it concerns the engine; goes to the "notify" of [defaults]
    char profile[CONFIG_NAME_MAX + 1];
    char *message; // NULL: none
};

// Those that wait, and the courier that is under way with those before. Its maker sets config and leaves the rest zero.
struct notices {
    const struct config *config;
    struct notice *list;
    size_t count, capacity;
    size_t lost; // for which there was no room
    pid_t courier;
};

// Adds what happened; nothing at all when the configuration has no [notify] section. The message is copied.
void notify_event(struct notices *notices, enum event event, const struct certificate *certificate,
                  const char *message);
// Adds the events that a step's report amounts to, be it none.
void notify_report(struct notices *notices, const char *name, const struct report *report);

// Looks after the courier without waiting: collects it, and sends it off again with all that wait. It is one process at a
// time, however many events there are and however long hooks take.
void notify_turn(struct notices *notices);
// True when nothing waits and no courier is under way.
bool notify_is_idle(const struct notices *notices);
// Waits until all is delivered; for commands.
void notify_wait(struct notices *notices);
// Drops what waits and ends the courier.
void notify_stop(struct notices *notices);

#endif
