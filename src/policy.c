// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Policies: in the keeper, asked whether a step that is about to start may; they let it pass or hold it.
#include "policy.h"

#include <string.h>

#include "answer.h"
#include "clock.h"
#include "log.h"
#include "options.h"
#include "request.h"
#include "status.h"

#define MOST_HOLD_S 86400 // a policy is asked again within a day
#define LEAST_HOLD_S 60   // and not in a circle
#define FAILED_HOLD_S 600 // after a failure
#define MAX_TRACEBACK 65536

// One policy that is asked.
struct asking {
    const struct keeping *keeping;
    const struct hook_section *section;
    struct buf request, text, traceback;
    struct policy_answer answer;
    struct error error;
};

bool policy_is_asked(const struct settings *settings, const struct decision *decision)
{
    return settings->policies.count > 0 && !decision->by_hand && decision->cause != DUE_PENDING &&
           decision->cause != DUE_UNFINISHED;
}

// ---- The question

// What "status --json" says of the certificate at this moment. NULL: no memory.
static cJSON *status_of_certificate(const struct keeping *keeping)
{
    struct status_view view = {.config = keeping->order->config,
                               .state_dirfd = keeping->state_dirfd,
                               .now = keeping->now,
                               .trust = CLOCK_TRUSTED};
    struct status status;
    buf_init(&view.doubt, 0);
    state_init(&view.state);
    status_of(&view, keeping->order->certificate, &status);
    cJSON *object = status_json(&status);
    status_free(&status);
    state_free(&view.state);
    return object;
}

// options: consumed.
static cJSON *step_json(const struct keeping *keeping, cJSON *options)
{
    const struct decision *decision = keeping->decision;
    struct buf reason;
    buf_init(&reason, ERROR_MESSAGE_SIZE);
    decide_reason(keeping->order->config, decision, keeping->now, &reason);
    cJSON *object = cJSON_CreateObject();
    bool fine = cJSON_AddStringToObject(object, "step", step_name(decision->step)) != NULL &&
                cJSON_AddNumberToObject(object, "at", (double)decision->at) != NULL &&
                cJSON_AddItemToObject(object, "reason", status_json_text(buf_string(&reason)));
    if (decision->step == STEP_PUBLISH) {
        fine = fine && cJSON_AddStringToObject(object, "profile", decision->profile) != NULL &&
               cJSON_AddNumberToObject(object, "generation", decision->generation) != NULL;
    }
    buf_free(&reason);
    if (fine && cJSON_AddItemToObject(object, "options", options)) {
        return object;
    }
    request_wipe(options);
    cJSON_Delete(options);
    cJSON_Delete(object);
    return NULL;
}

// The two arguments of decide.
static int make_request(struct asking *asking)
{
    cJSON *options = options_json(asking->section, &asking->error);
    if (options == NULL) {
        return -1;
    }
    cJSON *step = step_json(asking->keeping, options);
    cJSON *status = status_of_certificate(asking->keeping);
    cJSON *list = cJSON_CreateArray();
    if (list == NULL || status == NULL || step == NULL) {
        request_wipe(step);
        cJSON_Delete(step);
        cJSON_Delete(status);
        cJSON_Delete(list);
        list = NULL;
    } else {
        cJSON_AddItemToArray(list, status);
        cJSON_AddItemToArray(list, step);
    }
    return request_print(list, &asking->request, &asking->error);
}

// 0 when there is an answer.
static int ask(struct asking *asking, struct hook_process *process)
{
    const struct hook_section *section = asking->section;
    if (make_request(asking) < 0 ||
        hook_process_call(process, section->hook, "decide", section->hook_timeout_s, buf_string(&asking->request),
                          asking->request.length, &asking->text, &asking->error) < 0) {
        return -1;
    }
    int result =
        answer_read_policy(buf_string(&asking->text), asking->text.length, step_name(asking->keeping->decision->step),
                           &asking->answer, &asking->traceback, &asking->error);
    // Its options were at hand for what it says.
    options_hide(section, asking->answer.reason);
    if (result < 0) {
        options_hide(section, asking->error.message);
    }
    if (asking->traceback.length > 0) {
        options_hide(section, asking->traceback.data);
        const struct log_field fields[] = {{"certificate", asking->keeping->order->certificate->name},
                                           {"policy", section->name},
                                           {"traceback", buf_string(&asking->traceback)}};
        log_line(LOG_LEVEL_ERROR, "a policy hook raised", fields, 3);
    }
    return result;
}

// ---- The hold

// How long a hold of so many seconds may be: like a wait after a failure, no more than an eighth of the window.
static int64_t within_window(const struct keeping *keeping, int64_t wait_s)
{
    int64_t eighth = keeping->decision->window_s / 8;
    wait_s = eighth > 0 && eighth < wait_s ? eighth : wait_s;
    return wait_s < 1 ? 1 : wait_s;
}

static int64_t hold_until(const struct keeping *keeping, const struct asking *asking, bool failed, int64_t now)
{
    if (failed) {
        return now + within_window(keeping, FAILED_HOLD_S);
    }
    int64_t least = now + within_window(keeping, LEAST_HOLD_S), most = now + MOST_HOLD_S;
    int64_t until = asking->answer.until;
    if (until == CLOCK_NONE || until > most) {
        return most;
    }
    return until < least ? least : until;
}

static void lift(struct state *state)
{
    state->hold_since = state->hold_until = CLOCK_NONE;
    state->hold_by = state->hold_step = state->hold_reason = NULL;
}

// Records the hold, and tells it as any look at the certificate does from now on.
static void hold(const struct keeping *keeping, struct asking *asking, bool failed, struct report *report)
{
    struct state *state = keeping->state;
    const struct order *order = keeping->order;
    const char *step = step_name(keeping->decision->step);
    struct decision decision;
    struct error error;
    int64_t now = clock_now();
    bool again = state->hold_since != CLOCK_NONE && state->hold_step != NULL && strcmp(state->hold_step, step) == 0;
    if (!again) {
        state->hold_since = now;
    }
    state->hold_until = hold_until(keeping, asking, failed, now);
    state->hold_by = asking->section->name;
    state->hold_step = step;
    if (failed) {
        error_prefix(&asking->error, "the policy failed");
    }
    state->hold_reason = failed                             ? asking->error.message
                         : asking->answer.reason[0] != '\0' ? asking->answer.reason
                                                            : NULL;
    if (state_save(state, keeping->state_dirfd, order->certificate->name, now, &error) < 0) {
        report->outcome = OUTCOME_FAILED;
        report->error = error;
        error_prefix(&report->error, "policy '%s' holds it, but that is not recorded", asking->section->name);
        return;
    }
    worker_decide(order, keeping->settings, state, now, &decision);
    worker_hold(order, &decision, now, report);
    report->again = again;
}

bool policy_allows(const struct keeping *keeping, struct hook_process *process, struct report *report)
{
    const struct sections *policies = &keeping->settings->policies;
    bool allowed = true;
    for (size_t i = 0; allowed && i < policies->count; i++) {
        struct asking asking = {.keeping = keeping, .section = policies->list[i], .answer.until = CLOCK_NONE};
        buf_init_secret(&asking.request, HOOK_PROCESS_MAX_REQUEST);
        // It may give the options back.
        buf_init_secret(&asking.text, HOOK_PROCESS_MAX_ANSWER);
        buf_init_secret(&asking.traceback, MAX_TRACEBACK);
        bool failed = ask(&asking, process) < 0;
        allowed = !failed && asking.answer.passes;
        if (!allowed) {
            hold(keeping, &asking, failed, report);
        }
        buf_free(&asking.request);
        buf_free(&asking.text);
        buf_free(&asking.traceback);
    }
    if (allowed) {
        lift(keeping->state);
    }
    return allowed;
}
