// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A certificate on its way through its steps: which one is next, and what was tried already.
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crew.h"
#include "policy.h"

// A step that was tried in this run: never twice.
struct crew_try {
    enum step step;
    uint32_t generation;
    char profile[129];
};

void crew_task_tell(struct crew *crew, struct crew_task *task, const struct report *report)
{
    task->told = true;
    crew->tell(crew->context, task->certificate->name, report);
}

void crew_task_fail(struct crew *crew, struct crew_task *task, enum step step, const struct error *error)
{
    struct report report = {.outcome = OUTCOME_FAILED, .step = step, .error = *error};
    crew_task_tell(crew, task, &report);
}

static bool tried(const struct crew_task *task, const struct decision *decision)
{
    for (uint16_t i = 0; i < task->try_count; i++) {
        const struct crew_try *one = &task->tries[i];
        if (one->step != decision->step) {
            continue;
        }
        if (one->step != STEP_PUBLISH ||
            (one->generation == decision->generation && strcmp(one->profile, decision->profile) == 0)) {
            return true;
        }
    }
    return false;
}

int crew_task_remember(struct crew_task *task, const struct decision *decision, struct error *error)
{
    struct crew_try *tries = reallocarray(task->tries, (size_t)task->try_count + 1, sizeof(*tries));
    if (tries == NULL || task->try_count == UINT16_MAX) {
        return error_set(error, ERROR_SYSTEM, "no memory for a run");
    }
    task->tries = tries;
    struct crew_try *one = &tries[task->try_count++];
    *one = (struct crew_try){.step = decision->step, .generation = decision->generation};
    if (decision->profile != NULL) {
        strncat(one->profile, decision->profile, sizeof(one->profile) - 1);
    }
    return 0;
}

// A rollback begins with the newest generation that was published; a profile that has not published it stays.
static bool is_behind(const struct crew *crew, struct crew_task *task, const struct settings *settings)
{
    if (task->gives_way == 0) {
        task->gives_way = state_newest_published(crew->state);
    }
    if (task->profile >= settings->profiles.count) {
        return false;
    }
    const char *profile = settings->profiles.list[task->profile]->section.name;
    const struct publication *publication = state_publication(crew->state, profile);
    return publication != NULL && publication->published < task->gives_way;
}

// Publishing by hand goes through the profiles one by one. NULL: no more.
static const char *profile_by_hand(const struct crew *crew, struct crew_task *task, const struct settings *settings)
{
    if (crew->options->profile != NULL) {
        return task->profile == 0 ? crew->options->profile : NULL;
    }
    if (settings->profiles.count == 0) {
        return task->profile == 0 ? STATE_LIVE : NULL;
    }
    while ((task->flags & DECIDE_ROLLBACK) != 0 && is_behind(crew, task, settings)) {
        task->profile++;
    }
    return task->profile < settings->profiles.count ? settings->profiles.list[task->profile]->section.name : NULL;
}

static void tell_hold(struct crew *crew, struct crew_task *task, const struct order *order,
                      const struct decision *decision)
{
    struct report report;
    bool by_hand = (order->flags & DECIDE_BY_HAND_PUBLISH) != 0;
    worker_hold(order, decision, clock_now(), &report);
    // One that failed a moment ago and waits now has its result already.
    if (report.outcome != OUTCOME_NOTHING && (by_hand || !task->told)) {
        crew_task_tell(crew, task, &report);
    }
}

static int take_order(struct crew_task *task, struct order *order, const struct settings *settings,
                      const struct decision *decision)
{
    order->step = task->step = decision->step;
    order->ask = policy_is_asked(settings, decision);
    task->template = decision->step == STEP_ISSUE ? settings->template : NULL;
    return 1;
}

// With no step left, the CA is asked for its window if it is time to: once a run, and not in the one that issued.
static int next_errand(struct crew *crew, struct crew_task *task, struct order *order, const struct settings *settings,
                       struct decision *decision)
{
    if (crew->options->dry_run || (task->flags & (DECIDE_BY_HAND_ISSUE | DECIDE_BY_HAND_PUBLISH)) != 0) {
        return 0;
    }
    for (uint16_t i = 0; i < task->try_count; i++) {
        if (task->tries[i].step != STEP_PUBLISH) {
            return 0;
        }
    }
    int64_t at = crew_errand(crew, task->certificate, settings, &task->template);
    if (at == CLOCK_NONE || at > clock_now()) {
        return 0;
    }
    *order = (struct order){.config = crew->config, .certificate = task->certificate, .step = STEP_ERRAND};
    *decision = (struct decision){.step = STEP_ERRAND};
    task->step = STEP_ERRAND;
    return 1;
}

// The loop's: not all that is ready may start.
static int next_start(struct crew *crew, struct crew_task *task, struct order *order, const struct settings *settings,
                      struct decision *decision)
{
    if (!crew->starts(crew->context, task->certificate, settings, crew->state, task->owed, decision) ||
        tried(task, decision)) {
        return next_errand(crew, task, order, settings, decision);
    }
    *order = (struct order){.config = crew->config, .certificate = task->certificate, .flags = task->flags};
    order->profile = decision->step == STEP_PUBLISH ? decision->profile : NULL;
    return take_order(task, order, settings, decision);
}

// The next order of the task by its state as it is now. 1: there is one; 0: none, and what holds it was told.
int crew_task_next(struct crew *crew, struct crew_task *task, struct order *order, struct settings *settings,
                   struct decision *decision)
{
    struct error error;
    bool by_hand = (task->flags & DECIDE_BY_HAND_PUBLISH) != 0;
    if (crew_read_state(crew, task->certificate, &error) < 0) {
        crew_task_fail(crew, task, STEP_NONE, &error);
        return 0;
    }
    decide_settings(crew->config, task->certificate, crew->state, settings);
    if (crew->starts != NULL && task->owed != CLOCK_NONE) {
        return next_start(crew, task, order, settings, decision);
    }
    for (;;) {
        *order = (struct order){.config = crew->config, .certificate = task->certificate, .flags = task->flags};
        if (by_hand) {
            order->profile = profile_by_hand(crew, task, settings);
            if (order->profile == NULL) {
                return 0;
            }
        }
        worker_decide(order, settings, crew->state, clock_now(), decision);
        if (decision->step == STEP_ISSUE || decision->step == STEP_PUBLISH) {
            if (!tried(task, decision)) {
                return take_order(task, order, settings, decision);
            }
        } else {
            tell_hold(crew, task, order, decision);
        }
        if (!by_hand) {
            return next_errand(crew, task, order, settings, decision);
        }
        task->profile++;
    }
}
