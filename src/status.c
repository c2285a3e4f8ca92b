// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The facts behind every view: what is known of a certificate, what happens next, and why. Reads, never writes.
#include "status.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "lock.h"
#include "zone.h"

#define MAX_REASON 8192
#define TIME_LENGTH 16 // "2026-11-23 03:06"

// ---- The view

int status_read(struct status_view *view, const struct certificate *certificate, struct error *error)
{
    state_clear(&view->state);
    if (view->state_dirfd < 0 || state_load(&view->state, view->state_dirfd, certificate->name, error) == 0 ||
        error->code == ERROR_NOT_FOUND) {
        return 0;
    }
    state_clear(&view->state);
    return -1;
}

// Judges the clock by every state, as a run does.
static void judge_clock(struct status_view *view)
{
    const struct config *config = view->config;
    int64_t newest = CLOCK_NONE;
    for (size_t i = 0; i < config->certificate_count; i++) {
        struct error ignored;
        if (status_read(view, &config->certificates[i], &ignored) == 0) {
            newest = decide_written(newest, view->state.written, CERTAUTO_BUILD_TIME);
        }
    }
    view->trust = decide_clock(view->now, CERTAUTO_BUILD_TIME, newest);
    decide_clock_reason(view->trust, view->now, CERTAUTO_BUILD_TIME, newest, &view->doubt);
}

int status_open(struct status_view *view, const struct config *config, int64_t at, struct error *error)
{
    const char *path = config->engine.state_dir;
    *view = (struct status_view){
        .config = config, .state_dirfd = -1, .now = at == CLOCK_NONE ? clock_now() : at, .trust = CLOCK_TRUSTED};
    buf_init(&view->doubt, ERROR_MESSAGE_SIZE);
    state_init(&view->state);
    view->state_dirfd = file_open_directory(AT_FDCWD, path, error);
    if (view->state_dirfd < 0 ? error->code != ERROR_NOT_FOUND : file_check_trusted(path, false, error) < 0) {
        return -1;
    }
    error_clear(error);
    if (at == CLOCK_NONE && !config->engine.trust_clock) {
        judge_clock(view);
    }
    return 0;
}

void status_close(struct status_view *view)
{
    if (view->state_dirfd >= 0) {
        close(view->state_dirfd);
        view->state_dirfd = -1;
    }
    buf_free(&view->doubt);
    state_free(&view->state);
}

// ---- One certificate

// The failures that count: those of the step that failed last.
static void find_failures(struct status *status)
{
    const struct state *state = status->state;
    const struct failures *last = &state->issue;
    for (size_t i = 0; i < state->publication_count; i++) {
        const struct failures *other = &state->publications[i].failures;
        if (other->count > 0 && (last->count == 0 || other->last > last->last)) {
            last = other;
        }
    }
    if (status->decision.failed) {
        status->failures = last->count;
        status->last_error = last->error;
    }
}

static void set_unreadable(struct status *status)
{
    status->unreadable = true;
    status->word = "failed";
    status->last_error = status->error.message;
    buf_text(&status->reason, STATUS_UNREADABLE);
}

void status_of(struct status_view *view, const struct certificate *certificate, struct status *out)
{
    bool doubted = view->trust != CLOCK_TRUSTED;
    *out = (struct status){.certificate = certificate, .state = &view->state, .at = CLOCK_NONE};
    buf_init(&out->reason, MAX_REASON);
    bool readable = status_read(view, certificate, &out->error) == 0;
    decide_settings(view->config, certificate, &view->state, &out->settings);
    if (!readable) {
        set_unreadable(out);
        return;
    }
    decide(view->config, certificate, &out->settings, &view->state, view->now, 0, &out->decision);
    const struct decision *decision = &out->decision;
    bool ready = decision->step == STEP_ISSUE || decision->step == STEP_PUBLISH;
    out->word = decide_state_word(&out->settings, &view->state, decision, doubted ? CLOCK_NONE : view->now);
    out->step = doubted && ready ? STEP_WAIT : decision->step;
    out->at = out->step == STEP_WAIT && !ready ? decision->at : CLOCK_NONE;
    if (doubted && ready) {
        buf_add(&out->reason, buf_string(&view->doubt), view->doubt.length);
    } else {
        decide_reason(view->config, decision, view->now, &out->reason);
    }
    find_failures(out);
}

void status_free(struct status *status)
{
    buf_free(&status->reason);
}

// ---- JSON

cJSON *status_json_time(int64_t time)
{
    char text[CLOCK_UTC_SIZE];
    if (time == CLOCK_NONE) {
        return cJSON_CreateNull();
    }
    clock_format(time, text);
    return cJSON_CreateString(text);
}

cJSON *status_json_text(const char *text)
{
    if (text == NULL) {
        return cJSON_CreateNull();
    }
    struct buf clean;
    buf_init(&clean, STATE_MAX_NAMES * 4);
    buf_escape_message(&clean, text, strlen(text), STATE_MAX_NAMES);
    cJSON *item = clean.failed ? NULL : cJSON_CreateString(buf_string(&clean));
    buf_free(&clean);
    return item;
}

static cJSON *json_groups(const struct certificate *certificate)
{
    cJSON *list = cJSON_CreateArray();
    for (uint16_t i = 0; i < certificate->group_count; i++) {
        cJSON_AddItemToArray(list, cJSON_CreateString(group_name(certificate->groups[i])));
    }
    return list;
}

static cJSON *json_published(const struct state *state)
{
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < state->publication_count; i++) {
        const struct publication *publication = &state->publications[i];
        if (publication->published > 0) {
            cJSON_AddNumberToObject(object, publication->profile, publication->published);
        }
    }
    return object;
}

cJSON *status_json(const struct status *status)
{
    const struct state *state = status->state;
    bool issued = state->generation > 0;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", status->certificate->name);
    cJSON_AddItemToObject(object, "groups", json_groups(status->certificate));
    cJSON_AddStringToObject(object, "state", status->word);
    cJSON_AddStringToObject(object, "step", step_name(status->step));
    cJSON_AddItemToObject(object, "at", status_json_time(status->at));
    cJSON_AddItemToObject(object, "reason", status_json_text(buf_string(&status->reason)));
    cJSON_AddItemToObject(object, "not_before", status_json_time(issued ? state->not_before : CLOCK_NONE));
    cJSON_AddItemToObject(object, "not_after", status_json_time(issued ? state->not_after : CLOCK_NONE));
    cJSON_AddNumberToObject(object, "generation", state->generation);
    cJSON_AddItemToObject(object, "published", json_published(state));
    cJSON_AddNumberToObject(object, "failures", status->failures);
    cJSON_AddItemToObject(object, "last_error", status_json_text(status->last_error));
    // An item that found no memory is missing.
    if (cJSON_GetArraySize(object) != 12) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

// ---- The loop

bool status_loop(const struct status_view *view, struct loop_facts *facts)
{
    if (view->state_dirfd < 0 || !lock_loop_is_held(view->state_dirfd, "locks")) {
        return false;
    }
    (void)loop_read(&view->config->engine, facts, NULL);
    return true;
}

static cJSON *text_or_null(const char *text)
{
    return status_json_text(text[0] == '\0' ? NULL : text);
}

cJSON *status_loop_json(const struct status_view *view)
{
    struct loop_facts facts;
    if (!status_loop(view, &facts)) {
        return cJSON_CreateNull();
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "pid", facts.pid == 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)facts.pid));
    cJSON_AddItemToObject(object, "since", status_json_time(facts.since));
    cJSON_AddItemToObject(object, "configuration", status_json_time(facts.configured));
    cJSON_AddItemToObject(object, "refused", status_json_time(facts.refused));
    cJSON_AddItemToObject(object, "refusal", text_or_null(facts.refusal));
    cJSON_AddItemToObject(object, "last_run", status_json_time(facts.last_run));
    cJSON_AddItemToObject(object, "result", text_or_null(facts.result));
    cJSON_AddItemToObject(object, "next_run", status_json_time(facts.next_run));
    cJSON_AddItemToObject(object, "trouble", text_or_null(facts.trouble));
    if (cJSON_GetArraySize(object) != 9) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

// ---- Orphans

int status_orphans(const struct status_view *view, void (*each)(void *context, const char *name), void *context,
                   struct error *error)
{
    if (view->state_dirfd < 0) {
        return 0;
    }
    int fd = openat(view->state_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        error_errno(error, "%s cannot be read", view->config->engine.state_dir);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[CONFIG_NAME_MAX + 1];
        size_t length;
        if (!state_file_name(entry->d_name, &length) || length > CONFIG_NAME_MAX) {
            continue;
        }
        memcpy(name, entry->d_name, length);
        name[length] = '\0';
        if (config_find(view->config, name) == NULL) {
            each(context, name);
        }
    }
    closedir(directory);
    return 0;
}

// ---- Times for people

void status_time(const struct config *config, int64_t time, char out[STATUS_TIME_SIZE])
{
    if (time == CLOCK_NONE) {
        snprintf(out, STATUS_TIME_SIZE, "-");
        return;
    }
    char text[CLOCK_UTC_SIZE];
    clock_format(time + zone_offset(config->engine.zone, time, NULL), text);
    memcpy(out, text, TIME_LENGTH);
    out[10] = ' ';
    out[TIME_LENGTH] = '\0';
}
