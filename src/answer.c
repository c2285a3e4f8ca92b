// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A hook's answer, read from untrusted JSON: a value, a refusal, or what it raised.
#include "answer.h"

#include <string.h>

#include "clock.h"
#include "request.h"
#include "x509.h"

#define MOST_SECONDS 3.2e11 // ten thousand years
#define YEAR_10000 253402300800.0
#define MOST_URL 2048
#define SIGNING_INPUT "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// cJSON ends a text at a NUL: what follows would be hidden from us.
static bool holds_nul(const char *json, size_t length)
{
    if (memchr(json, '\0', length) != NULL) {
        return true;
    }
    for (size_t i = 0; i + 1 < length; i++) {
        if (json[i] != '\\') {
            continue;
        }
        if (length - i >= 6 && memcmp(json + i, "\\u0000", 6) == 0) {
            return true;
        }
        // The byte after a backslash begins no escape of its own.
        i++;
    }
    return false;
}

static int refuse_field(const cJSON *item, const char *what, struct error *error)
{
    return error_set(error, ERROR_HOOK, "the hook's answer: '%.64s' %s", item->string == NULL ? "" : item->string,
                     what);
}

// Where a field of an answer goes; the table says all that an object may hold.
struct field {
    const char *name;
    enum { FIELD_TEXT, FIELD_SECONDS, FIELD_MOMENT, FIELD_BOOLEAN, FIELD_ANY } type;
    const cJSON **found;
};

static bool fits(const cJSON *item, const struct field *field)
{
    switch (field->type) {
    case FIELD_TEXT: return cJSON_IsString(item);
    case FIELD_BOOLEAN: return cJSON_IsBool(item);
    case FIELD_SECONDS: return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= MOST_SECONDS;
    case FIELD_MOMENT:
        return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < YEAR_10000 &&
               (double)(int64_t)item->valuedouble == item->valuedouble;
    default: return true;
    }
}

static int read_fields(const cJSON *object, const struct field *fields, size_t count, struct error *error)
{
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        const struct field *field = NULL;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(item->string, fields[i].name) == 0) {
                field = &fields[i];
            }
        }
        if (field == NULL) {
            return refuse_field(item, "is no field of it", error);
        }
        if (*field->found != NULL) {
            return refuse_field(item, "stands twice", error);
        }
        if (!fits(item, field)) {
            return refuse_field(item, "is of the wrong type", error);
        }
        *field->found = item;
    }
    return 0;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *text_of(const cJSON *item)
{
    return item == NULL ? NULL : item->valuestring;
}

static int64_t seconds_of(const cJSON *item)
{
    return item == NULL ? -1 : (int64_t)item->valuedouble;
}

static int sort_answer(struct answer *answer, struct error *error)
{
    const cJSON *value = NULL, *message = NULL, *wait = NULL, *permanent = NULL, *raised = NULL, *traceback = NULL;
    const struct field fields[] = {
        {"ok", FIELD_ANY, &value},       {"error", FIELD_TEXT, &message},
        {"wait", FIELD_SECONDS, &wait},  {"permanent", FIELD_BOOLEAN, &permanent},
        {"raised", FIELD_TEXT, &raised}, {"traceback", FIELD_TEXT, &traceback},
    };
    if (!cJSON_IsObject(answer->root)) {
        return error_set(error, ERROR_HOOK, "the hook's answer is no object");
    }
    if (read_fields(answer->root, fields, COUNT(fields), error) < 0) {
        return -1;
    }
    if ((value != NULL) + (message != NULL) + (raised != NULL) != 1 ||
        (message == NULL && (wait != NULL || permanent != NULL)) || (raised == NULL && traceback != NULL)) {
        return error_set(error, ERROR_HOOK, "the hook's answer is neither a value nor an error");
    }
    answer->value = value;
    answer->kind = value != NULL ? ANSWER_VALUE : message != NULL ? ANSWER_REFUSED : ANSWER_RAISED;
    answer->message = text_of(message != NULL ? message : raised);
    if (answer->message != NULL && answer->message[0] == '\0') {
        answer->message = "the hook failed without a message";
    }
    answer->traceback = text_of(traceback);
    answer->wait_s = seconds_of(wait);
    answer->permanent = cJSON_IsTrue(permanent);
    return 0;
}

int answer_read(const char *json, size_t length, struct answer *answer, struct error *error)
{
    *answer = (struct answer){.wait_s = -1};
    if (length == 0 || holds_nul(json, length)) {
        return error_set(error, ERROR_HOOK, "the hook's answer is %s",
                         length == 0 ? "empty" : "refused: it holds a NUL byte");
    }
    const char *end = NULL;
    answer->root = cJSON_ParseWithLengthOpts(json, length, &end, 0);
    if (answer->root == NULL) {
        return error_set(error, ERROR_HOOK, "the hook's answer is not JSON");
    }
    while (end < json + length && strchr(" \t\r\n", *end) != NULL) {
        end++;
    }
    int result = end == json + length ? sort_answer(answer, error)
                                      : error_set(error, ERROR_HOOK, "the hook's answer is not JSON");
    if (result < 0) {
        answer_free(answer);
    }
    return result;
}

void answer_free(struct answer *answer)
{
    // What a hook returned may hold a key.
    request_wipe(answer->root);
    cJSON_Delete(answer->root);
    *answer = (struct answer){.wait_s = -1};
}

int answer_read_done(const char *json, size_t length, bool *permanent, struct buf *traceback, struct error *error)
{
    struct answer answer;
    *permanent = false;
    if (answer_read(json, length, &answer, error) < 0) {
        return -1;
    }
    int result = 0;
    if (answer.kind == ANSWER_RAISED && answer.traceback != NULL) {
        buf_text(traceback, answer.traceback);
    }
    if (answer.kind != ANSWER_VALUE) {
        *permanent = answer.permanent;
        result = error_set(error, ERROR_HOOK, "%.500s", answer.message);
    } else if (!cJSON_IsTrue(answer.value)) {
        result = error_set(error, ERROR_HOOK, "the hook returned neither true nor an error");
    }
    answer_free(&answer);
    return result;
}

bool answer_wants_signature(const char *json, size_t length, struct buf *input)
{
    struct answer answer;
    struct error error;
    const cJSON *sign = NULL;
    const struct field fields[] = {{"sign", FIELD_TEXT, &sign}};
    bool wants = false;
    if (answer_read(json, length, &answer, &error) < 0) {
        return false;
    }
    if (answer.kind == ANSWER_VALUE && cJSON_IsObject(answer.value) &&
        read_fields(answer.value, fields, COUNT(fields), &error) == 0 && sign != NULL) {
        const char *text = text_of(sign), *dot = strchr(text, '.');
        wants = dot != NULL && dot != text && strchr(dot + 1, '.') == NULL && text[strspn(text, SIGNING_INPUT)] == '\0';
        if (wants) {
            buf_text(input, text);
        }
    }
    answer_free(&answer);
    return wants && !input->failed;
}

static int read_verdict(const cJSON *value, const char *asked, struct policy_answer *answer, struct error *error)
{
    const cJSON *step = NULL, *until = NULL, *reason = NULL, *rest[4] = {NULL};
    const struct field fields[] = {
        {"step", FIELD_TEXT, &step},         {"until", FIELD_SECONDS, &until}, {"reason", FIELD_TEXT, &reason},
        {"at", FIELD_ANY, &rest[0]},         {"options", FIELD_ANY, &rest[1]}, {"profile", FIELD_ANY, &rest[2]},
        {"generation", FIELD_ANY, &rest[3]},
    };
    if (cJSON_IsObject(value) && read_fields(value, fields, COUNT(fields), error) < 0) {
        return -1;
    }
    const char *word = cJSON_IsString(value) ? value->valuestring : text_of(step);
    if (word == NULL) {
        return error_set(error, ERROR_HOOK, "the hook returned no step");
    }
    bool passes = strcmp(word, asked) == 0;
    if (!passes && strcmp(word, "wait") != 0) {
        return error_set(error, ERROR_HOOK, "the hook was asked about %s and returned the step '%.64s'", asked, word);
    }
    answer->passes = passes;
    answer->until = until == NULL ? CLOCK_NONE : seconds_of(until);
    if (reason != NULL) {
        buf_message(answer->reason, sizeof(answer->reason), reason->valuestring, strlen(reason->valuestring));
    }
    return 0;
}

int answer_read_policy(const char *json, size_t length, const char *step, struct policy_answer *answer,
                       struct buf *traceback, struct error *error)
{
    struct answer outer;
    *answer = (struct policy_answer){.until = CLOCK_NONE};
    if (answer_read(json, length, &outer, error) < 0) {
        return -1;
    }
    int result = outer.kind == ANSWER_VALUE ? read_verdict(outer.value, step, answer, error)
                                            : error_set(error, ERROR_HOOK, "%.500s", outer.message);
    if (outer.kind == ANSWER_RAISED && outer.traceback != NULL) {
        buf_text(traceback, outer.traceback);
    }
    answer_free(&outer);
    return result;
}

// It is shown as it is.
static bool is_web_address(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return length <= MOST_URL && (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0);
}

static int read_window(const cJSON *value, struct window_answer *window, struct error *error)
{
    const cJSON *start = NULL, *finish = NULL, *url = NULL, *retry_after = NULL, *revoked = NULL;
    const struct field fields[] = {
        {"start", FIELD_MOMENT, &start},
        {"finish", FIELD_MOMENT, &finish},
        {"url", FIELD_TEXT, &url},
        {"retry_after", FIELD_SECONDS, &retry_after},
        {"revoked", FIELD_BOOLEAN, &revoked},
    };
    if (!cJSON_IsObject(value)) {
        return error_set(error, ERROR_HOOK, "the hook returned neither a table nor an error");
    }
    if (read_fields(value, fields, COUNT(fields), error) < 0) {
        return -1;
    }
    if ((start == NULL) != (finish == NULL) || (start != NULL && finish->valuedouble <= start->valuedouble)) {
        return error_set(error, ERROR_HOOK, "the hook's answer: 'finish' is not after 'start'");
    }
    if (url != NULL && !is_web_address(url->valuestring)) {
        return refuse_field(url, "is no address of http or https", error);
    }
    window->start = start == NULL ? CLOCK_NONE : seconds_of(start);
    window->finish = start == NULL ? CLOCK_NONE : seconds_of(finish);
    window->url = text_of(url);
    window->retry_after_s = seconds_of(retry_after);
    window->revoked = cJSON_IsTrue(revoked);
    return 0;
}

int answer_read_window(const char *json, size_t length, struct window_answer *window, struct buf *traceback,
                       struct error *error)
{
    *window = (struct window_answer){.retry_after_s = -1};
    struct answer *answer = &window->answer;
    if (answer_read(json, length, answer, error) < 0) {
        return -1;
    }
    if (answer->kind == ANSWER_VALUE) {
        return read_window(answer->value, window, error);
    }
    if (answer->traceback != NULL) {
        buf_text(traceback, answer->traceback);
    }
    window->retry_after_s = answer->wait_s;
    return error_set(error, ERROR_HOOK, "%.500s", answer->message);
}

static int read_pending(const struct issue_answer *answer, const cJSON *certificate, const cJSON *chain,
                        const cJSON *key, const cJSON *pending, struct error *error)
{
    if (certificate != NULL || chain != NULL || key != NULL || !cJSON_IsTrue(pending)) {
        return error_set(error, ERROR_HOOK, "the hook's answer is neither a certificate nor a pending order");
    }
    if (answer->cookie.failed) {
        return error_set(error, ERROR_HOOK, "the hook's cookie is longer than %d bytes", ANSWER_MAX_COOKIE);
    }
    return 0;
}

static int read_issued(const struct issue_answer *answer, const cJSON *certificate, const cJSON *wait,
                       const cJSON *cookie, struct error *error)
{
    if (certificate == NULL || answer->certificate.length == 0 || wait != NULL || cookie != NULL) {
        return error_set(error, ERROR_HOOK, "the hook's answer is neither a certificate nor a pending order");
    }
    if (answer->certificate.failed || answer->chain.failed || answer->key.failed) {
        return error_set(error, ERROR_HOOK, "the hook's certificate, chain or key is too long");
    }
    return 0;
}

static void take_text(struct buf *buf, const cJSON *item)
{
    if (item != NULL) {
        buf_text(buf, item->valuestring);
    }
}

static int read_value(const cJSON *value, struct issue_answer *answer, struct error *error)
{
    const cJSON *certificate = NULL, *chain = NULL, *key = NULL, *pending = NULL, *wait = NULL, *cookie = NULL;
    const struct field fields[] = {
        {"certificate", FIELD_TEXT, &certificate}, {"chain", FIELD_TEXT, &chain},  {"key", FIELD_TEXT, &key},
        {"pending", FIELD_BOOLEAN, &pending},      {"wait", FIELD_SECONDS, &wait}, {"cookie", FIELD_TEXT, &cookie},
    };
    if (!cJSON_IsObject(value)) {
        return error_set(error, ERROR_HOOK, "the hook returned neither a table nor an error");
    }
    if (read_fields(value, fields, COUNT(fields), error) < 0) {
        return -1;
    }
    take_text(&answer->certificate, certificate);
    take_text(&answer->chain, chain);
    take_text(&answer->key, key);
    take_text(&answer->cookie, cookie);
    answer->wait_s = seconds_of(wait);
    answer->kind = pending != NULL ? ISSUE_PENDING : ISSUE_ISSUED;
    return pending != NULL ? read_pending(answer, certificate, chain, key, pending, error)
                           : read_issued(answer, certificate, wait, cookie, error);
}

int answer_read_issue(const char *json, size_t length, struct issue_answer *answer, struct error *error)
{
    *answer = (struct issue_answer){.wait_s = -1};
    buf_init(&answer->certificate, X509_MAX_PEM);
    buf_init(&answer->chain, X509_MAX_PEM);
    buf_init_secret(&answer->key, 65536);
    buf_init(&answer->cookie, ANSWER_MAX_COOKIE);
    buf_init(&answer->traceback, 65536);
    struct answer outer;
    if (answer_read(json, length, &outer, error) < 0) {
        return -1;
    }
    int result = 0;
    if (outer.kind == ANSWER_VALUE) {
        result = read_value(outer.value, answer, error);
    } else {
        answer->kind = ISSUE_REFUSED;
        answer->wait_s = outer.wait_s;
        answer->permanent = outer.permanent;
        error_set(&answer->error, ERROR_HOOK, "%.500s", outer.message);
        if (outer.traceback != NULL) {
            buf_text(&answer->traceback, outer.traceback);
        }
    }
    answer_free(&outer);
    return result;
}

void answer_free_issue(struct issue_answer *answer)
{
    buf_free(&answer->certificate);
    buf_free(&answer->chain);
    buf_free(&answer->key);
    buf_free(&answer->cookie);
    buf_free(&answer->traceback);
}
