// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The errand "renewal_info", in the keeper: a CA is asked when it would like a certificate to be renewed (spec 5).
#include "window.h"

#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "clock.h"
#include "errand.h"
#include "generation.h"
#include "log.h"
#include "options.h"
#include "request.h"

struct inquiry {
    struct keeping *keeping;
    const char *name;
    const struct hook_section *section; // the template's
    struct errand before;               // what was known of the asking before
    struct generation files;
    struct buf request, text, traceback;
    struct window_answer window;
};

static int make_request(struct inquiry *inquiry, struct error *error)
{
    const struct keeping *keeping = inquiry->keeping;
    const struct state *state = keeping->state;
    const char *names = state->names != NULL ? state->names : keeping->order->certificate->names;
    if (generation_load(keeping->state_dirfd, inquiry->name, state->generation, &inquiry->files, error) < 0) {
        return -1;
    }
    struct request request = {.name = inquiry->name,
                              .names = names == NULL ? "" : names,
                              .key_type = keeping->settings->key,
                              .section = inquiry->section,
                              .previous = &inquiry->files,
                              .previous_serial = state->serial,
                              .previous_not_after = state->not_after,
                              .attempt = 1,
                              .deadline = keeping->now + inquiry->section->hook_timeout_s};
    return request_issue(&request, &inquiry->request, error);
}

static int ask(struct inquiry *inquiry, struct error *error)
{
    const struct hook_section *section = inquiry->section;
    if (make_request(inquiry, error) < 0 ||
        hook_process_call(inquiry->keeping->process, section->hook, "renewal_info", section->hook_timeout_s,
                          buf_string(&inquiry->request), inquiry->request.length, &inquiry->text, error) < 0) {
        return -1;
    }
    return answer_read_window(buf_string(&inquiry->text), inquiry->text.length, &inquiry->window, &inquiry->traceback,
                              error);
}

// One line when it begins to fail, none a poll.
static void tell_failure(const struct inquiry *inquiry, struct error *error)
{
    options_hide(inquiry->section, error->message);
    if (inquiry->traceback.length > 0) {
        options_hide(inquiry->section, inquiry->traceback.data);
    }
    const struct log_field fields[] = {
        {"certificate", inquiry->name},
        {"error", error->message},
        {"traceback", inquiry->traceback.length > 0 ? buf_string(&inquiry->traceback) : NULL}};
    log_line(inquiry->before.failed ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "its CA's renewal window is not known", fields,
             3);
}

static bool text_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void tell_change(const struct inquiry *inquiry, const struct report *report)
{
    const struct window_answer *window = &inquiry->window;
    char start[CLOCK_UTC_SIZE] = "", finish[CLOCK_UTC_SIZE] = "";
    bool some = window->start != CLOCK_NONE;
    if (some) {
        clock_format(window->start, start);
        clock_format(window->finish, finish);
    }
    const struct log_field fields[] = {{"certificate", inquiry->name},
                                       {"from", some ? start : NULL},
                                       {"until", some ? finish : NULL},
                                       {"url", window->url}};
    log_line(report->revoked ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
             report->revoked ? "its CA says that it is revoked"
             : some          ? "its CA suggests a window to renew it in"
                             : "its CA suggests no window any more",
             fields, 4);
}

// Writes what is new. The texts that the state borrows live until then.
static int record(struct inquiry *inquiry, struct report *report, struct error *error)
{
    const struct window_answer *window = &inquiry->window;
    struct state *state = inquiry->keeping->state;
    if (state->window_start == window->start && state->window_finish == window->finish &&
        text_same(state->window_url, window->url) && !window->revoked) {
        return 0;
    }
    state->window_start = window->start;
    state->window_finish = window->finish;
    state->window_url = window->url;
    // One generation is revoked once and for all.
    state->revoked = window->revoked;
    if (state_save(state, inquiry->keeping->state_dirfd, inquiry->name, clock_now(), error) < 0) {
        return error_prefix(error, "what its CA says is not recorded");
    }
    report->changed = true;
    report->revoked = window->revoked;
    if (report->revoked) {
        error_set(&report->error, ERROR_NONE, "its CA says that it is revoked");
    }
    tell_change(inquiry, report);
    return 0;
}

static int note(const struct inquiry *inquiry, int64_t wait, bool failed, struct error *error)
{
    const struct errand errand = {inquiry->keeping->state->generation, clock_now() + wait, failed};
    return errand_write(inquiry->keeping->order->config, inquiry->name, &errand, error);
}

// True when it is time to ask.
static bool is_due(struct inquiry *inquiry)
{
    const struct keeping *keeping = inquiry->keeping;
    const struct config *config = keeping->order->config;
    const struct template *template = decide_window_template(config, keeping->settings, keeping->state);
    if (template == NULL) {
        return false;
    }
    inquiry->section = &template->section;
    int fd = errand_open(&config->engine);
    inquiry->before = errand_read(fd, inquiry->name);
    if (fd >= 0) {
        close(fd);
    }
    inquiry->before.failed = inquiry->before.failed && inquiry->before.generation == keeping->state->generation;
    int64_t at = decide_window(keeping->state, &inquiry->before, keeping->now);
    return at != CLOCK_NONE && at <= keeping->now;
}

void window_ask(struct keeping *keeping, struct report *report)
{
    struct inquiry inquiry = {.keeping = keeping, .name = keeping->order->certificate->name};
    struct error error;
    memset(report, 0, sizeof(*report));
    report->step = STEP_ERRAND;
    if (!is_due(&inquiry)) {
        return;
    }
    if (note(&inquiry, DECIDE_WINDOW_AGAIN_S, inquiry.before.failed, &error) < 0) {
        report->outcome = OUTCOME_FAILED;
        report->error = error;
        return;
    }
    generation_init(&inquiry.files);
    // Options may be secret.
    buf_init_secret(&inquiry.request, HOOK_PROCESS_MAX_REQUEST);
    buf_init_secret(&inquiry.text, HOOK_PROCESS_MAX_ANSWER);
    buf_init(&inquiry.traceback, 65536);
    inquiry.window.retry_after_s = -1;
    bool failed = ask(&inquiry, &error) < 0 || record(&inquiry, report, &error) < 0;
    if (failed) {
        tell_failure(&inquiry, &error);
    }
    // Where this is lost, what was noted before holds.
    (void)note(&inquiry, decide_window_wait(inquiry.window.retry_after_s, failed), failed, &error);
    answer_free(&inquiry.window.answer);
    generation_free(&inquiry.files);
    buf_free(&inquiry.request);
    buf_free(&inquiry.text);
    buf_free(&inquiry.traceback);
}
