// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The workers of a run, and the certificates that wait for one: nearest to expiry first, within all limits.
#include "crew.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"

#define NONE UINT32_MAX
#define MOST_MISSES 3

// A step that was tried in this run: never twice.
struct crew_try {
    enum step step;
    uint32_t generation;
    char profile[129];
};

// Tasks whose next step is under one limit: those of a template with its own "max_parallel", or all others.
struct queue {
    const struct template *template; // NULL: all others
    int limit, running;
    uint32_t head, tail;
};

struct hand {
    struct worker worker;
    uint32_t task;
    size_t queue;
};

// What crew_run has while it runs.
struct shift {
    struct crew *crew;
    struct queue *queues;
    size_t queue_count;
    struct hand *hands; // max_parallel of them
    struct pollfd *polls;
    int running;
};

int crew_read_state(struct crew *crew, const struct certificate *certificate, struct error *error)
{
    if (crew->state_dirfd < 0) {
        // The first worker makes it.
        crew->state_dirfd = file_open_directory(AT_FDCWD, crew->config->engine.state_dir, NULL);
    }
    if (crew->state_dirfd < 0) {
        state_free(crew->state);
        state_init(crew->state);
        return 0;
    }
    if (state_load(crew->state, crew->state_dirfd, certificate->name, error) < 0 && error->code != ERROR_NOT_FOUND) {
        return -1;
    }
    return 0;
}

int crew_add(struct crew *crew, const struct certificate *certificate, const struct template *template,
             int64_t not_after, unsigned flags, struct error *error)
{
    if (crew->count == crew->capacity) {
        size_t capacity = crew->capacity == 0 ? 16 : crew->capacity * 2;
        struct crew_task *tasks = reallocarray(crew->tasks, capacity, sizeof(*tasks));
        if (tasks == NULL || capacity >= NONE) {
            return error_set(error, ERROR_SYSTEM, "no memory for a run");
        }
        crew->tasks = tasks;
        crew->capacity = capacity;
    }
    crew->tasks[crew->count++] = (struct crew_task){
        .certificate = certificate, .template = template, .not_after = not_after, .next = NONE, .flags = flags};
    return 0;
}

void crew_free(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        free(crew->tasks[i].tries);
    }
    free(crew->tasks);
    crew->tasks = NULL;
    crew->count = crew->capacity = 0;
}

// ---- Order: nearest to expiry first

static bool goes_before(const struct crew *crew, uint32_t a, uint32_t b)
{
    int64_t first = crew->tasks[a].not_after, second = crew->tasks[b].not_after;
    first = first == CLOCK_NONE ? INT64_MAX : first;
    second = second == CLOCK_NONE ? INT64_MAX : second;
    return first != second ? first < second : a < b;
}

// Restores the heap (the last on top) below "at".
static void sift(const struct crew *crew, uint32_t *heap, size_t count, size_t at)
{
    for (;;) {
        size_t largest = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (goes_before(crew, heap[largest], heap[child])) {
                largest = child;
            }
        }
        if (largest == at) {
            return;
        }
        uint32_t moved = heap[at];
        heap[at] = heap[largest];
        heap[largest] = moved;
        at = largest;
    }
}

// The numbers of all tasks in order; freed by the caller. NULL: no memory.
static uint32_t *sorted(const struct crew *crew)
{
    uint32_t *order = calloc(crew->count + 1, sizeof(*order));
    if (order == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < crew->count; i++) {
        order[i] = (uint32_t)i;
    }
    for (size_t at = crew->count / 2; at-- > 0;) {
        sift(crew, order, crew->count, at);
    }
    for (size_t end = crew->count; end-- > 1;) {
        uint32_t last = order[0];
        order[0] = order[end];
        order[end] = last;
        sift(crew, order, end, 0);
    }
    return order;
}

// ---- The next step of one task

static void tell(struct crew *crew, struct crew_task *task, const struct report *report)
{
    task->told = true;
    crew->tell(crew->context, task->certificate->name, report);
}

static void tell_failure(struct crew *crew, struct crew_task *task, enum step step, const struct error *error)
{
    struct report report = {.outcome = OUTCOME_FAILED, .step = step, .error = *error};
    tell(crew, task, &report);
}

static bool tried(const struct crew_task *task, const struct decision *decision)
{
    for (uint16_t i = 0; i < task->try_count; i++) {
        const struct crew_try *one = &task->tries[i];
        if (one->step != decision->step) {
            continue;
        }
        if (one->step == STEP_ISSUE ||
            (one->generation == decision->generation && strcmp(one->profile, decision->profile) == 0)) {
            return true;
        }
    }
    return false;
}

static int remember_try(struct crew_task *task, const struct decision *decision, struct error *error)
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

// Publishing by hand goes through the profiles one by one. NULL: no more.
static const char *profile_by_hand(const struct crew *crew, const struct crew_task *task,
                                   const struct settings *settings)
{
    if (crew->options->profile != NULL) {
        return task->profile == 0 ? crew->options->profile : NULL;
    }
    if (settings->profiles.count == 0) {
        return task->profile == 0 ? STATE_LIVE : NULL;
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
        tell(crew, task, &report);
    }
}

// The next order of the task by its state as it is now. 1: there is one; 0: none, and what holds it was told.
static int next_order(struct crew *crew, struct crew_task *task, struct order *order, struct settings *settings,
                      struct decision *decision)
{
    struct error error;
    bool by_hand = (task->flags & DECIDE_BY_HAND_PUBLISH) != 0;
    if (crew_read_state(crew, task->certificate, &error) < 0) {
        tell_failure(crew, task, STEP_NONE, &error);
        return 0;
    }
    decide_settings(crew->config, task->certificate, crew->state, settings);
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
                order->step = decision->step;
                task->template = decision->step == STEP_ISSUE ? settings->template : NULL;
                return 1;
            }
        } else {
            tell_hold(crew, task, order, decision);
        }
        if (!by_hand) {
            return 0;
        }
        task->profile++;
    }
}

// ---- Queues

static const struct template *limiting(const struct template *template)
{
    return template != NULL && template->max_parallel > 0 ? template : NULL;
}

// The queue of a task's next step, made when it is the first; SIZE_MAX: no memory.
static size_t queue_of(struct shift *shift, const struct crew_task *task)
{
    const struct template *template = limiting(task->template);
    for (size_t i = 0; i < shift->queue_count; i++) {
        if (shift->queues[i].template == template) {
            return i;
        }
    }
    struct queue *queues = reallocarray(shift->queues, shift->queue_count + 1, sizeof(*queues));
    if (queues == NULL) {
        return SIZE_MAX;
    }
    shift->queues = queues;
    int limit = template == NULL ? shift->crew->config->engine.max_parallel : template->max_parallel;
    queues[shift->queue_count] = (struct queue){.template = template, .limit = limit, .head = NONE, .tail = NONE};
    return shift->queue_count++;
}

static int enqueue(struct shift *shift, uint32_t number, bool first, struct error *error)
{
    struct crew_task *task = &shift->crew->tasks[number];
    size_t at = queue_of(shift, task);
    if (at == SIZE_MAX) {
        return error_set(error, ERROR_SYSTEM, "no memory for a run");
    }
    struct queue *queue = &shift->queues[at];
    if (queue->head == NONE) {
        task->next = NONE;
        queue->head = queue->tail = number;
    } else if (first) {
        task->next = queue->head;
        queue->head = number;
    } else {
        task->next = NONE;
        shift->crew->tasks[queue->tail].next = number;
        queue->tail = number;
    }
    return 0;
}

// Takes the task nearest to expiry of those whose limit leaves room. False: none.
static bool dequeue(struct shift *shift, uint32_t *number, size_t *from)
{
    struct queue *best = NULL;
    for (size_t i = 0; i < shift->queue_count; i++) {
        struct queue *queue = &shift->queues[i];
        if (queue->head != NONE && queue->running < queue->limit &&
            (best == NULL || goes_before(shift->crew, queue->head, best->head))) {
            best = queue;
            *from = i;
        }
    }
    if (best == NULL) {
        return false;
    }
    *number = best->head;
    best->head = shift->crew->tasks[best->head].next;
    return true;
}

// ---- Workers

// Starts the next step of the task that was taken from a queue, if there is one; or moves it to where it belongs now.
static int start_task(struct shift *shift, uint32_t number, size_t from, struct error *error)
{
    struct crew *crew = shift->crew;
    struct crew_task *task = &crew->tasks[number];
    struct order order;
    struct settings settings;
    struct decision decision;
    struct error problem;
    if (next_order(crew, task, &order, &settings, &decision) == 0) {
        return 0;
    }
    if (shift->queues[from].template != limiting(task->template)) {
        return enqueue(shift, number, true, error);
    }
    if (remember_try(task, &decision, error) < 0) {
        return -1;
    }
    struct hand *hand = shift->hands;
    while (hand->worker.pid != 0) {
        hand++;
    }
    if (worker_start(&hand->worker, &order, &problem) < 0) {
        tell_failure(crew, task, order.step, &problem);
        return 0;
    }
    hand->task = number;
    hand->queue = from;
    shift->queues[from].running++;
    shift->running++;
    return 0;
}

// A worker is done: tells what came of it. True: the certificate goes on.
static bool goes_on(struct crew *crew, struct crew_task *task, const struct report *report)
{
    switch (report->outcome) {
    case OUTCOME_NOTHING:
        // Another process was faster, or something else comes first: this step was not tried.
        task->try_count--;
        return ++task->misses < MOST_MISSES;
    case OUTCOME_BUSY:
    case OUTCOME_WAITING:
    case OUTCOME_HELD: tell(crew, task, report); return false;
    default: break;
    }
    tell(crew, task, report);
    bool by_hand = (task->flags & DECIDE_BY_HAND_ISSUE) != 0 && report->step == STEP_ISSUE;
    if (by_hand) {
        task->flags &= ~(unsigned)DECIDE_BY_HAND_ISSUE;
    }
    if (report->outcome == OUTCOME_FAILED) {
        task->flags &= ~(unsigned)DECIDE_IGNORE_RETRY;
        // One that was issued but counts as a failure is published all the same.
        return !by_hand || report->generation != 0;
    }
    return true;
}

static int collect(struct shift *shift, struct hand *hand, struct error *error)
{
    struct report report;
    if (worker_collect(&hand->worker, &report) == 0) {
        return 0;
    }
    shift->queues[hand->queue].running--;
    shift->running--;
    struct crew_task *task = &shift->crew->tasks[hand->task];
    if (!goes_on(shift->crew, task, &report)) {
        return 0;
    }
    // Ahead of the others: what was begun is brought to its end.
    task->template = NULL;
    return enqueue(shift, hand->task, true, error);
}

static int wait_for_hands(struct shift *shift, struct error *error)
{
    int most = shift->crew->config->engine.max_parallel;
    for (int i = 0; i < most; i++) {
        // Negative for a hand that is free: poll(2) passes over it.
        shift->polls[i] =
            (struct pollfd){.fd = shift->hands[i].worker.pid == 0 ? -1 : shift->hands[i].worker.fd, .events = POLLIN};
    }
    while (poll(shift->polls, (nfds_t)most, -1) < 0) {
        if (errno != EINTR) {
            return error_errno(error, "cannot wait for workers");
        }
    }
    for (int i = 0; i < most; i++) {
        if (shift->polls[i].revents != 0 && collect(shift, &shift->hands[i], error) < 0) {
            return -1;
        }
    }
    return 0;
}

static int run_shift(struct shift *shift, struct error *error)
{
    uint32_t number;
    size_t from;
    for (;;) {
        while (shift->running < shift->crew->config->engine.max_parallel && dequeue(shift, &number, &from)) {
            if (start_task(shift, number, from, error) < 0) {
                return -1;
            }
        }
        if (shift->running == 0) {
            return 0;
        }
        if (wait_for_hands(shift, error) < 0) {
            return -1;
        }
    }
}

int crew_run(struct crew *crew, struct error *error)
{
    size_t most = (size_t)crew->config->engine.max_parallel;
    struct shift shift = {.crew = crew};
    uint32_t *order = sorted(crew);
    int result = -1;
    shift.hands = calloc(most, sizeof(*shift.hands));
    shift.polls = calloc(most, sizeof(*shift.polls));
    if (order == NULL || shift.hands == NULL || shift.polls == NULL) {
        error_set(error, ERROR_SYSTEM, "no memory for a run");
        goto out;
    }
    for (size_t i = 0; i < crew->count; i++) {
        if (enqueue(&shift, order[i], false, error) < 0) {
            goto out;
        }
    }
    result = run_shift(&shift, error);
out:
    free(order);
    free(shift.queues);
    free(shift.hands);
    free(shift.polls);
    return result;
}

// ---- --dry-run

static void pretend_step(struct crew *crew, struct crew_task *task, const struct decision *decision)
{
    struct report report = {.step = decision->step, .generation = decision->generation};
    report.outcome = decision->step == STEP_ISSUE ? OUTCOME_RENEWED : OUTCOME_PUBLISHED;
    if (decision->step == STEP_ISSUE) {
        report.generation++;
    }
    if (decision->profile != NULL) {
        strncat(report.profile, decision->profile, sizeof(report.profile) - 1);
    }
    tell(crew, task, &report);
}

// Each profile that would be published, since nothing is done that would bring up the next one.
static void pretend_publications(struct crew *crew, struct crew_task *task, const struct settings *settings)
{
    struct decision decision;
    size_t count = settings->profiles.count == 0 ? 1 : settings->profiles.count;
    for (size_t i = 0; i < count; i++) {
        const char *profile = settings->profiles.count == 0 ? STATE_LIVE : settings->profiles.list[i]->section.name;
        decide_publish(crew->config, task->certificate, settings, crew->state, profile, clock_now(), task->flags,
                       &decision);
        if (decision.step == STEP_PUBLISH) {
            pretend_step(crew, task, &decision);
        }
        // What is unfinished answers for every profile.
        if (decision.cause == DUE_UNFINISHED) {
            return;
        }
    }
}

int crew_pretend(struct crew *crew, struct error *error)
{
    struct order order;
    struct settings settings;
    struct decision decision;
    uint32_t *sequence = sorted(crew);
    if (sequence == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a run");
    }
    for (size_t i = 0; i < crew->count; i++) {
        struct crew_task *task = &crew->tasks[sequence[i]];
        if (next_order(crew, task, &order, &settings, &decision) == 0) {
            continue;
        }
        if (decision.step == STEP_ISSUE || crew->options->profile != NULL) {
            pretend_step(crew, task, &decision);
        } else {
            pretend_publications(crew, task, &settings);
        }
    }
    free(sequence);
    return 0;
}
