// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The workers of a run, and the certificates that wait for one: nearest to expiry first, within all limits.
#include "crew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "errand.h"
#include "file.h"

#define MOST_TASKS (UINT32_MAX - 1)
#define MOST_MISSES 3

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

int64_t crew_errand(struct crew *crew, const struct certificate *certificate, const struct settings *settings,
                    const struct template **template)
{
    *template = decide_window_template(crew->config, settings, crew->state);
    if (*template == NULL) {
        return CLOCK_NONE;
    }
    if (crew->errands == -1) {
        int fd = errand_open(&crew->config->engine);
        crew->errands = fd < 0 ? -2 : fd;
    }
    struct errand errand = errand_read(crew->errands, certificate->name);
    return decide_window(crew->state, &errand, clock_now());
}

void crew_shut(struct crew *crew)
{
    if (crew->errands >= 0) {
        close(crew->errands);
    }
    crew->errands = -1;
}

// ---- Lines

static const struct template *limiting(const struct template *template)
{
    return template != NULL && template->max_parallel > 0 ? template : NULL;
}

// The line of those whose next step is under the template's limit, made when it is the first; SIZE_MAX: no memory.
static size_t line_of(struct crew *crew, const struct template *template)
{
    template = limiting(template);
    for (size_t i = 0; i < crew->line_count; i++) {
        if (crew->lines[i].template == template) {
            return i;
        }
    }
    struct crew_line *lines = reallocarray(crew->lines, crew->line_count + 1, sizeof(*lines));
    if (lines == NULL) {
        return SIZE_MAX;
    }
    crew->lines = lines;
    int limit = template == NULL ? crew->config->engine.max_parallel : template->max_parallel;
    lines[crew->line_count] = (struct crew_line){.template = template, .limit = limit};
    return crew->line_count++;
}

// "first": ahead of the others, because what was begun is brought to its end.
static int enqueue(struct crew *crew, uint32_t number, bool first)
{
    const struct crew_task *task = &crew->tasks[number];
    size_t line = line_of(crew, task->template);
    int64_t rank = first ? INT64_MIN : task->not_after == CLOCK_NONE ? INT64_MAX : task->not_after;
    return line == SIZE_MAX ? -1 : queue_push(&crew->lines[line].queue, rank, number);
}

static int working(const struct crew *crew)
{
    return crew == NULL ? 0 : crew->running + working(crew->elder);
}

// How many work for a template of this name.
static int working_for(const struct crew *crew, const char *name)
{
    int count = 0;
    for (; crew != NULL; crew = crew->elder) {
        for (size_t i = 0; i < crew->line_count; i++) {
            const struct template *template = crew->lines[i].template;
            count += template != NULL && strcmp(template->section.name, name) == 0 ? crew->lines[i].running : 0;
        }
    }
    return count;
}

static bool has_room(const struct crew *crew, const struct crew_line *line)
{
    if (working(crew) >= crew->config->engine.max_parallel) {
        return false;
    }
    return line->template == NULL || working_for(crew, line->template->section.name) < line->limit;
}

// The line whose first task is nearest to expiry, of those with room (or of all). SIZE_MAX: none.
static size_t next_line(const struct crew *crew, bool all)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < crew->line_count; i++) {
        const struct crew_line *line = &crew->lines[i];
        if (line->queue.length == 0 || (!all && !has_room(crew, line))) {
            continue;
        }
        const struct queue_entry *first = queue_first(&line->queue);
        const struct queue_entry *other = best == SIZE_MAX ? NULL : queue_first(&crew->lines[best].queue);
        if (other == NULL || first->rank < other->rank ||
            (first->rank == other->rank && first->number < other->number)) {
            best = i;
        }
    }
    return best;
}

static uint32_t dequeue(struct crew *crew, size_t line)
{
    uint32_t number = queue_first(&crew->lines[line].queue)->number;
    queue_pop(&crew->lines[line].queue);
    return number;
}

// ---- Tasks

static int find_place(struct crew *crew, uint32_t *number)
{
    if (crew->free_count > 0) {
        *number = crew->free;
        return 0;
    }
    if (crew->count == crew->capacity) {
        size_t capacity = crew->capacity == 0 ? 16 : crew->capacity * 2;
        struct crew_task *tasks = capacity > MOST_TASKS ? NULL : reallocarray(crew->tasks, capacity, sizeof(*tasks));
        if (tasks == NULL) {
            return -1;
        }
        crew->tasks = tasks;
        crew->capacity = capacity;
    }
    *number = (uint32_t)crew->count;
    return 0;
}

int crew_add(struct crew *crew, const struct certificate *certificate, const struct template *template,
             int64_t not_after, int64_t owed, unsigned flags, struct error *error)
{
    uint32_t number = 0;
    if (find_place(crew, &number) < 0) {
        return error_set(error, ERROR_SYSTEM, "no memory for a run");
    }
    uint32_t next_free = number < crew->count ? crew->tasks[number].next_free : 0;
    // Without a certificate the place is still free.
    crew->tasks[number] = (struct crew_task){
        .template = template, .not_after = not_after, .owed = owed, .flags = flags, .next_free = next_free};
    if (enqueue(crew, number, false) < 0) {
        return error_set(error, ERROR_SYSTEM, "no memory for a run");
    }
    crew->tasks[number].certificate = certificate;
    if (number < crew->count) {
        crew->free = next_free;
        crew->free_count--;
    } else {
        crew->count++;
    }
    return 0;
}

// The certificate has gone through its steps, or will not go on.
static void leave(struct crew *crew, uint32_t number)
{
    struct crew_task *task = &crew->tasks[number];
    const struct certificate *certificate = task->certificate;
    free(task->tries);
    *task = (struct crew_task){.next_free = crew->free};
    crew->free = number;
    crew->free_count++;
    if (crew->left != NULL) {
        crew->left(crew->context, certificate);
    }
}

bool crew_is_idle(const struct crew *crew)
{
    return crew->free_count == crew->count;
}

void crew_free(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        free(crew->tasks[i].tries);
    }
    for (size_t i = 0; i < crew->line_count; i++) {
        queue_free(&crew->lines[i].queue);
    }
    free(crew->tasks);
    free(crew->lines);
    free(crew->hands);
    crew->tasks = NULL;
    crew->lines = NULL;
    crew->hands = NULL;
    crew->count = crew->capacity = crew->free_count = crew->line_count = 0;
}

// ---- Workers

static int take_hands(struct crew *crew, struct error *error)
{
    if (crew->hands == NULL) {
        crew->hands = calloc((size_t)crew->config->engine.max_parallel, sizeof(*crew->hands));
    }
    return crew->hands != NULL ? 0 : error_set(error, ERROR_SYSTEM, "no memory for workers");
}

// Starts the next step of the task that was taken off its line, if there is one; or moves it to where it belongs now.
// -1: that could not be done; the task is still there.
static int start_task(struct crew *crew, uint32_t number, size_t from, struct error *error)
{
    struct crew_task *task = &crew->tasks[number];
    struct order order;
    struct settings settings;
    struct decision decision;
    if (crew_task_next(crew, task, &order, &settings, &decision) == 0) {
        leave(crew, number);
        return 0;
    }
    if (crew->lines[from].template != limiting(task->template)) {
        return enqueue(crew, number, true) == 0 ? 0 : error_set(error, ERROR_SYSTEM, "no memory for a run");
    }
    if (take_hands(crew, error) < 0 || crew_task_remember(task, &decision, error) < 0) {
        return -1;
    }
    struct crew_hand *hand = crew->hands;
    while (hand->worker.pid != 0) {
        hand++;
    }
    if (worker_start(&hand->worker, &order, error) < 0) {
        hand->worker.pid = 0;
        task->try_count--;
        return -1;
    }
    hand->task = number;
    hand->line = from;
    crew->lines[from].running++;
    crew->running++;
    return 0;
}

int crew_start(struct crew *crew, struct error *error)
{
    for (size_t line; (line = next_line(crew, false)) != SIZE_MAX;) {
        int64_t rank = queue_first(&crew->lines[line].queue)->rank;
        uint32_t number = dequeue(crew, line);
        if (start_task(crew, number, line, error) < 0) {
            // Where it has just been taken off there is room.
            (void)queue_push(&crew->lines[line].queue, rank, number);
            return -1;
        }
    }
    return 0;
}

// A worker is done: tells what came of it. True: the certificate goes on.
static bool goes_on(struct crew *crew, struct crew_task *task, const struct report *report)
{
    if (report->step == STEP_ERRAND) {
        // No step: none has failed, whatever came of it.
        run_log(task->certificate->name, report, LOG_LEVEL_DEBUG);
        crew->tell(crew->context, task->certificate->name, report);
        return report->changed;
    }
    switch (report->outcome) {
    case OUTCOME_NOTHING:
        // Another process was faster, or something else comes first: this step was not tried.
        task->try_count--;
        return ++task->misses < MOST_MISSES;
    case OUTCOME_BUSY:
    case OUTCOME_WAITING: crew_task_tell(crew, task, report); return false;
    case OUTCOME_HELD:
        crew_task_tell(crew, task, report);
        // A policy holds one step; the other may be ready.
        return (task->flags & (DECIDE_BY_HAND_ISSUE | DECIDE_BY_HAND_PUBLISH)) == 0;
    default: break;
    }
    crew_task_tell(crew, task, report);
    if (task->owed != CLOCK_NONE) {
        task->owed = clock_now();
    }
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

static void collect(struct crew *crew, struct crew_hand *hand)
{
    struct report report;
    if (worker_collect(&hand->worker, &report) == 0) {
        return;
    }
    crew->lines[hand->line].running--;
    crew->running--;
    struct crew_task *task = &crew->tasks[hand->task];
    bool on = goes_on(crew, task, &report) && !crew->dismissed;
    task->template = NULL;
    if (on && enqueue(crew, hand->task, true) < 0) {
        struct error error;
        error_set(&error, ERROR_SYSTEM, "no memory to go on with it");
        crew_task_fail(crew, task, STEP_NONE, &error);
        on = false;
    }
    if (!on) {
        leave(crew, hand->task);
    }
}

static size_t hand_count(const struct crew *crew)
{
    return crew->hands == NULL ? 0 : (size_t)crew->config->engine.max_parallel;
}

size_t crew_poll(const struct crew *crew, struct pollfd *polls)
{
    size_t count = 0;
    for (size_t i = 0; i < hand_count(crew); i++) {
        if (crew->hands[i].worker.pid != 0) {
            polls[count++] = (struct pollfd){.fd = crew->hands[i].worker.fd, .events = POLLIN};
        }
    }
    return count;
}

void crew_collect(struct crew *crew, const struct pollfd *polls, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < hand_count(crew) && (polls == NULL || at < count); i++) {
        // None has come since the list was made, so that it still goes along with those that work.
        if (crew->hands[i].worker.pid != 0 && (polls == NULL || polls[at++].revents != 0)) {
            collect(crew, &crew->hands[i]);
        }
    }
}

bool crew_works_on(const struct crew *crew, const char *name)
{
    for (; crew != NULL; crew = crew->elder) {
        for (size_t i = 0; i < hand_count(crew); i++) {
            if (crew->hands[i].worker.pid != 0 && strcmp(crew->hands[i].worker.certificate->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool crew_has(const struct crew *crew, pid_t pid)
{
    for (size_t i = 0; i < hand_count(crew); i++) {
        if (crew->hands[i].worker.pid == pid) {
            return true;
        }
    }
    return false;
}

void crew_dismiss(struct crew *crew)
{
    crew->dismissed = true;
    for (size_t i = 0; i < crew->line_count; i++) {
        while (crew->lines[i].queue.length > 0) {
            leave(crew, dequeue(crew, i));
        }
    }
}

void crew_stop(struct crew *crew, bool now)
{
    for (size_t i = 0; i < hand_count(crew); i++) {
        struct worker *worker = &crew->hands[i].worker;
        if (worker->pid != 0 && now) {
            kill(worker->pid, SIGKILL);
        } else {
            worker_stop(worker);
        }
    }
}

// ---- A run

// What cannot be started in a run has failed.
static void fail_next(struct crew *crew, const struct error *error)
{
    size_t line = next_line(crew, false);
    if (line == SIZE_MAX) {
        return;
    }
    uint32_t number = dequeue(crew, line);
    struct crew_task *task = &crew->tasks[number];
    crew_task_fail(crew, task, task->step, error);
    leave(crew, number);
}

int crew_run(struct crew *crew, struct error *error)
{
    struct pollfd *polls = calloc((size_t)crew->config->engine.max_parallel, sizeof(*polls));
    int result = -1;
    if (polls == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a run");
    }
    while (!crew_is_idle(crew)) {
        struct error problem;
        while (crew_start(crew, &problem) < 0) {
            fail_next(crew, &problem);
        }
        size_t count = crew_poll(crew, polls);
        if (count > 0 && poll(polls, (nfds_t)count, -1) < 0 && errno != EINTR) {
            error_errno(error, "cannot wait for workers");
            goto out;
        }
        crew_collect(crew, polls, count);
    }
    result = 0;
out:
    free(polls);
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
    crew_task_tell(crew, task, &report);
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

void crew_pretend(struct crew *crew)
{
    struct order order;
    struct settings settings;
    struct decision decision;
    for (size_t line; (line = next_line(crew, true)) != SIZE_MAX;) {
        struct crew_task *task = &crew->tasks[dequeue(crew, line)];
        if (crew_task_next(crew, task, &order, &settings, &decision) == 0) {
            continue;
        }
        if (decision.step == STEP_ISSUE || crew->options->profile != NULL) {
            pretend_step(crew, task, &decision);
        } else {
            pretend_publications(crew, task, &settings);
        }
    }
}
