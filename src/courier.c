// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The courier: the process that delivers notifications by their hooks, and notes which warnings of expiry were given.
#include "courier.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "answer.h"
#include "clock.h"
#include "expiry.h"
#include "file.h"
#include "hook_process.h"
#include "lock.h"
#include "log.h"
#include "options.h"
#include "process.h"
#include "request.h"
#include "status.h"

#define MOST_DEAD 16
#define LOCK_WAIT_MS 10000
#define MAX_TRACEBACK 65536

struct courier {
    const struct config *config;
    struct engine engine; // its state_dir is NULL where there is none: then hooks get no store
    int state_dirfd;      // -1: none
    struct state state;
    struct settings settings;
    const struct hook_section *dead[MOST_DEAD]; // whose hooks had to be killed
    size_t dead_count;
    char host[sizeof(((struct utsname *)0)->nodename)];
};

// What is told of one event.
struct telling {
    const struct notice *notice;
    enum event event;
    uint32_t generation;
    int64_t not_after;
    const char *message; // or NULL
};

// ---- Warnings of expiry

static void describe_expiry(const struct expiry *expiry, int64_t now, char *out, size_t size)
{
    char text[CLOCK_DURATION_SIZE];
    clock_format_duration(expiry->not_after - now, text);
    snprintf(out, size, expiry->not_after <= now ? "expired %s ago" : "expires in %s", text);
}

// With the lock in hand. True when a warning is due that was not given; from now on it was.
static bool note_warning(struct courier *courier, const struct certificate *certificate, struct expiry *expiry)
{
    struct state *state = &courier->state;
    char text[EXPIRY_TEXT_SIZE];
    struct error error;
    int64_t now = clock_now();
    if (state_load(state, courier->state_dirfd, certificate->name, &error) < 0) {
        return false;
    }
    decide_settings(courier->config, certificate, state, &courier->settings);
    if (!expiry_next(certificate, &courier->settings, state, now, expiry) || expiry->at > now) {
        return false;
    }
    expiry_record(expiry, text);
    state->warned = text;
    int result = state_save(state, courier->state_dirfd, certificate->name, now, &error);
    state->warned = NULL;
    if (result < 0) {
        const struct log_field fields[] = {{"certificate", certificate->name}, {"error", error.message}};
        log_line(LOG_LEVEL_WARNING, "a warning of expiry cannot be noted, so it is not given", fields, 2);
    }
    return result == 0;
}

static bool take_warning(struct courier *courier, const struct certificate *certificate, struct expiry *expiry)
{
    struct error error;
    // Who holds it is mostly about to renew; when it is not over soon, the warning comes at the next look.
    int lock = courier->state_dirfd < 0 ? -1
                                        : lock_wait(courier->state_dirfd, "locks", certificate->name,
                                                    clock_boot_ms() + LOCK_WAIT_MS, &error);
    if (lock < 0) {
        return false;
    }
    bool given = note_warning(courier, certificate, expiry);
    close(lock);
    return given;
}

static void log_warning_given(const struct certificate *certificate, const struct telling *telling)
{
    const struct log_field fields[] = {{"certificate", certificate->name}, {"reason", telling->message}};
    log_line(LOG_LEVEL_WARNING, event_name(telling->event), fields, 2);
}

// ---- The event

static bool add_text(cJSON *object, const char *name, const char *text)
{
    return text == NULL || text[0] == '\0' || cJSON_AddItemToObject(object, name, status_json_text(text));
}

static bool add_number(cJSON *object, const char *name, int64_t value)
{
    return cJSON_AddNumberToObject(object, name, (double)value) != NULL;
}

static bool add_groups(cJSON *object, const struct certificate *certificate)
{
    cJSON *list = cJSON_AddArrayToObject(object, "groups");
    bool fine = list != NULL;
    for (uint16_t i = 0; fine && i < certificate->group_count; i++) {
        fine = cJSON_AddItemToArray(list, cJSON_CreateString(group_name(certificate->groups[i])));
    }
    return fine;
}

// options: consumed.
static cJSON *event_json(const struct courier *courier, const struct telling *telling, cJSON *options)
{
    const struct notice *notice = telling->notice;
    cJSON *object = cJSON_CreateObject();
    bool fine = add_text(object, "event", event_name(telling->event)) && add_number(object, "time", notice->time) &&
                add_text(object, "host", courier->host) && add_text(object, "profile", notice->profile) &&
                add_text(object, "message", telling->message);
    if (notice->certificate != NULL) {
        fine = fine && add_text(object, "name", notice->certificate->name) && add_groups(object, notice->certificate);
    }
    fine = fine && (notice->step == STEP_NONE || add_text(object, "step", step_name(notice->step)));
    fine = fine && (telling->generation == 0 || add_number(object, "generation", telling->generation));
    fine = fine && (telling->not_after == CLOCK_NONE || add_number(object, "not_after", telling->not_after));
    if (fine && cJSON_AddItemToObject(object, "options", options)) {
        return object;
    }
    request_wipe(options);
    cJSON_Delete(options);
    cJSON_Delete(object);
    return NULL;
}

// ---- Delivery

static bool is_dead(const struct courier *courier, const struct hook_section *section)
{
    for (size_t i = 0; i < courier->dead_count; i++) {
        if (courier->dead[i] == section) {
            return true;
        }
    }
    return false;
}

// A hook process of its own for each call: one that was killed takes no other with it.
static int call(struct courier *courier, const struct telling *telling, const struct hook_section *section,
                const struct buf *request, struct error *error)
{
    const struct certificate *certificate = telling->notice->certificate;
    struct hook_process *process = NULL;
    struct buf text, traceback;
    bool permanent;
    if (hook_process_start(&courier->engine, "notify", certificate == NULL ? NULL : certificate->name, 0, &process,
                           error) < 0) {
        return -1;
    }
    buf_init_secret(&text, HOOK_PROCESS_MAX_ANSWER);
    buf_init_secret(&traceback, MAX_TRACEBACK);
    int result = hook_process_call(process, section->hook, "notify", section->hook_timeout_s, buf_string(request),
                                   request->length, &text, error);
    if (result < 0 && courier->dead_count < MOST_DEAD) {
        courier->dead[courier->dead_count++] = section;
    } else if (result == 0) {
        result = answer_read_done(buf_string(&text), text.length, &permanent, &traceback, error);
    }
    if (traceback.length > 0) {
        options_hide(section, traceback.data);
        const struct log_field fields[] = {{"notify", section->name}, {"traceback", buf_string(&traceback)}};
        log_line(LOG_LEVEL_WARNING, "a notify hook raised", fields, 2);
    }
    buf_free(&text);
    buf_free(&traceback);
    hook_process_end(process);
    return result;
}

static void tell_one(struct courier *courier, const struct telling *telling, const struct hook_section *section)
{
    const struct certificate *certificate = telling->notice->certificate;
    struct error error;
    struct buf request;
    buf_init_secret(&request, HOOK_PROCESS_MAX_REQUEST);
    cJSON *options = options_json(section, &error);
    int result = options == NULL ? -1 : request_print(event_json(courier, telling, options), &request, &error);
    if (result == 0) {
        result = call(courier, telling, section, &request, &error);
    }
    if (result < 0) {
        options_hide(section, error.message);
        const struct log_field fields[] = {{"notify", section->name},
                                           {"event", event_name(telling->event)},
                                           {"certificate", certificate == NULL ? NULL : certificate->name},
                                           {"error", error.message}};
        log_line(LOG_LEVEL_WARNING, "a notification is not delivered", fields, 4);
    }
    buf_free(&request);
}

static void tell_all(struct courier *courier, const struct telling *telling, const struct sections *sections)
{
    for (size_t i = 0; i < sections->count; i++) {
        if (!is_dead(courier, sections->list[i])) {
            tell_one(courier, telling, sections->list[i]);
        } else {
            log_debug("'%s' is not tried again: its hook had to be killed", sections->list[i]->name);
        }
    }
}

static void deliver(struct courier *courier, const struct notice *notice)
{
    const struct certificate *certificate = notice->certificate;
    struct state *state = &courier->state;
    struct expiry expiry;
    char text[CLOCK_DURATION_SIZE + 32];
    struct telling telling = {notice, notice->event, notice->generation, CLOCK_NONE, notice->message};
    if (certificate == NULL) {
        tell_all(courier, &telling, &config_defaults(courier->config)->notifies);
        return;
    }
    if (notice->event == EVENT_EXPIRING) {
        if (!take_warning(courier, certificate, &expiry)) {
            return;
        }
        telling.event = expiry.before_s == 0 ? EVENT_EXPIRED : EVENT_EXPIRING;
        telling.generation = state->generation;
        telling.not_after = expiry.not_after;
        describe_expiry(&expiry, clock_now(), text, sizeof(text));
        telling.message = text;
        log_warning_given(certificate, &telling);
    } else {
        state_clear(state);
        if (courier->state_dirfd >= 0) {
            // One that cannot be read is empty, and has been told of.
            (void)state_load(state, courier->state_dirfd, certificate->name, NULL);
        }
        decide_settings(courier->config, certificate, state, &courier->settings);
        telling.not_after = state->generation == 0 ? CLOCK_NONE : state->not_after;
        telling.message = notice->event == EVENT_HELD && telling.message == NULL ? state->held_reason : telling.message;
    }
    tell_all(courier, &telling, &courier->settings.notifies);
}

noreturn void courier_run(const struct config *config, const struct notice *list, size_t count)
{
    struct courier courier = {.config = config, .engine = config->engine};
    struct utsname names;
    (void)process_settle(-1);
    courier.state_dirfd = file_open_directory(AT_FDCWD, config->engine.state_dir, NULL);
    if (courier.state_dirfd < 0 || file_check_trusted(config->engine.state_dir, false, NULL) < 0) {
        courier.engine.state_dir = NULL;
    }
    if (uname(&names) == 0) {
        memcpy(courier.host, names.nodename, sizeof(courier.host));
    }
    state_init(&courier.state);
    for (size_t i = 0; i < count; i++) {
        deliver(&courier, &list[i]);
    }
    _exit(0);
}
