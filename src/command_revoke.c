// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command revoke: has a CA revoke a generation, and records that. This process is the keeper.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "answer.h"
#include "clock.h"
#include "codec.h"
#include "command.h"
#include "file.h"
#include "generation.h"
#include "hook_process.h"
#include "key.h"
#include "lock.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "renew.h"
#include "request.h"
#include "session.h"
#include "succession.h"
#include "x509.h"

// RFC 5280, 5.3.1, without certificateHold, which can be taken back, and removeFromCRL, which does so.
static const char *const reasons[] = {"unspecified", "keyCompromise",        "cACompromise",       "affiliationChanged",
                                      "superseded",  "cessationOfOperation", "privilegeWithdrawn", "aACompromise"};

// More than a CA's refused nonces need.
#define MOST_CALLS 5
#define MOST_SIGNED ((size_t)64 * 1024)

struct revocation {
    const struct config *config;
    const struct certificate *certificate;
    const char *reason;
    uint32_t number;
    struct settings settings;
    const struct template *template;
    struct state state;
    struct generation files;
    struct x509_facts facts;
    struct hook_process *process;
    struct buf request, answer;
    struct key *key; // the certificate's, where it is there
    struct buf jwk, signing_input, signature;
    int state_dirfd, lock;
    bool waits; // the CA's Retry-After does not let it be asked
};

// ---- What is asked

static int take_reason(struct revocation *revocation, const char *word)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (word == NULL || strcasecmp(word, reasons[i]) == 0) {
            revocation->reason = reasons[i];
            return 0;
        }
    }
    arguments_complain("'%s' is no reason to revoke: unspecified, keyCompromise, cACompromise, affiliationChanged, "
                       "superseded, cessationOfOperation, privilegeWithdrawn or aACompromise",
                       word);
    return -1;
}

static int take_number(struct revocation *revocation, const char *word)
{
    char *end;
    if (word == NULL) {
        return 0;
    }
    errno = 0;
    unsigned long number = strtoul(word, &end, 10);
    if (word[0] < '1' || word[0] > '9' || *end != '\0' || errno != 0 || number > UINT32_MAX) {
        arguments_complain("'%s' is no generation: a number from 1 on", word);
        return -1;
    }
    revocation->number = (uint32_t)number;
    return 0;
}

// ---- The generation and its CA

// The hook process comes first: nothing of a key is in memory yet. Then the lock, which it does not share.
static int begin(struct revocation *revocation, struct error *error)
{
    const struct engine *engine = &revocation->config->engine;
    const char *name = revocation->certificate->name;
    revocation->state_dirfd = file_open_directory(AT_FDCWD, engine->state_dir, error);
    if (revocation->state_dirfd < 0 || file_check_trusted(engine->state_dir, false, error) < 0 ||
        hook_process_start(engine, "issue", name, 0, &revocation->process, error) < 0) {
        return -1;
    }
    revocation->lock = lock_take(revocation->state_dirfd, "locks", name, error);
    if (revocation->lock < 0) {
        return -1;
    }
    return state_load(&revocation->state, revocation->state_dirfd, name, error) < 0 && error->code != ERROR_NOT_FOUND
               ? -1
               : 0;
}

static int take_generation(struct revocation *revocation, struct error *error)
{
    const char *name = revocation->certificate->name;
    uint32_t newest = revocation->state.generation;
    if (newest == 0) {
        return error_set(error, ERROR_NOT_FOUND, "it was never issued, so there is nothing to revoke");
    }
    if (revocation->number == 0) {
        revocation->number = newest;
    }
    if (revocation->number > newest) {
        return error_set(error, ERROR_NOT_FOUND, "there is no generation %u: the newest one is %u", revocation->number,
                         newest);
    }
    if (generation_load(revocation->state_dirfd, name, revocation->number, &revocation->files, error) < 0) {
        return -1;
    }
    return x509_read(buf_string(&revocation->files.certificate), revocation->files.certificate.length,
                     &revocation->facts, error);
}

// The template that the newest generation came from; where that is gone, the one it would come from now. Which one an
// older generation came from is not kept: its CA knows its own.
static int take_template(struct revocation *revocation, struct error *error)
{
    const char *name = revocation->state.template;
    decide_settings(revocation->config, revocation->certificate, &revocation->state, &revocation->settings);
    revocation->template = name == NULL ? NULL : config_template(revocation->config, name);
    if (revocation->template == NULL) {
        revocation->template = revocation->settings.template;
    }
    if (revocation->template == NULL) {
        return error_set(error, ERROR_CONFIG, "it has no template, so there is no CA to ask");
    }
    if ((revocation->template->section.functions & HOOK_REVOKE) == 0) {
        return error_set(error, ERROR_CONFIG, "the hook issue/%s of template '%s' has no function revoke",
                         revocation->template->section.hook, revocation->template->section.name);
    }
    return 0;
}

// A CA's Retry-After holds every command.
static int look_at_retry_after(struct revocation *revocation, struct error *error)
{
    struct decision decision;
    char text[CLOCK_DURATION_SIZE];
    int64_t now = clock_now();
    decide_issue(revocation->config, revocation->certificate, &revocation->settings, &revocation->state, now,
                 DECIDE_BY_HAND_ISSUE, &decision);
    revocation->waits = decision.hold == HOLD_RETRY_AFTER && decision.at > now;
    if (!revocation->waits) {
        return 0;
    }
    clock_format_duration(decision.at - now, text);
    return error_set(error, ERROR_REFUSED, "not revoked: its CA is not to be asked for %s (Retry-After)", text);
}

// ---- The CA is told

static const char *text_or_null(const struct buf *text)
{
    return text->length > 0 ? buf_string(text) : NULL;
}

static int make_request(struct revocation *revocation, struct error *error)
{
    const struct hook_section *section = &revocation->template->section;
    struct request request = {.name = revocation->certificate->name,
                              .names = buf_string(&revocation->facts.names),
                              .key_type = revocation->facts.key_type,
                              .section = section,
                              .previous = &revocation->files,
                              .previous_serial = revocation->facts.serial,
                              .previous_not_after = revocation->facts.not_after,
                              .attempt = 1,
                              .deadline = clock_now() + section->hook_timeout_s,
                              .certificate = buf_string(&revocation->files.certificate),
                              .reason = revocation->reason,
                              .jwk = text_or_null(&revocation->jwk),
                              .signing_input = text_or_null(&revocation->signing_input),
                              .signature = text_or_null(&revocation->signature)};
    buf_clear(&revocation->request);
    buf_clear(&revocation->answer);
    return request_issue(&request, &revocation->request, error);
}

// A key that was not imported, or of a kind that has no JWK, is none: then it is for the CA's account alone.
static int read_key(struct revocation *revocation, struct error *error)
{
    struct error none;
    const struct buf *pem = &revocation->files.key;
    if (pem->length == 0) {
        return 0;
    }
    if (key_start(error) < 0) {
        return -1;
    }
    if (key_parse(buf_string(pem), pem->length, &revocation->key, &none) < 0 ||
        key_jwk(revocation->key, &revocation->jwk, &none) < 0) {
        buf_clear(&revocation->jwk);
    }
    return 0;
}

// What the hook asks for is put into the next request; false when it asks for nothing.
static bool is_signed(struct revocation *revocation)
{
    struct error error;
    struct buf raw;
    struct buf *input = &revocation->signing_input;
    buf_clear(input);
    buf_clear(&revocation->signature);
    if (revocation->jwk.length == 0 ||
        !answer_wants_signature(buf_string(&revocation->answer), revocation->answer.length, input)) {
        return false;
    }
    buf_init(&raw, MOST_SIGNED);
    bool done = key_sign(revocation->key, buf_string(input), input->length, true, &raw, &error) == 0;
    codec_base64url(&revocation->signature, buf_string(&raw), raw.length);
    buf_free(&raw);
    return done && !revocation->signature.failed;
}

// One call, or as many as the hook has something signed before it is done.
static int call(struct revocation *revocation, struct error *error)
{
    const struct hook_section *section = &revocation->template->section;
    for (int calls = 0; calls < MOST_CALLS; calls++) {
        if (make_request(revocation, error) < 0 ||
            hook_process_call(revocation->process, section->hook, "revoke", section->hook_timeout_s,
                              buf_string(&revocation->request), revocation->request.length, &revocation->answer,
                              error) < 0) {
            return -1;
        }
        if (!is_signed(revocation)) {
            return 0;
        }
    }
    return 0;
}

// The CA's Retry-After is kept, for all that follows.
static void keep_retry_after(struct revocation *revocation)
{
    struct state *state = &revocation->state;
    struct answer answer;
    struct error error;
    if (answer_read(buf_string(&revocation->answer), revocation->answer.length, &answer, &error) == 0 &&
        answer.kind == ANSWER_REFUSED && answer.wait_s > 0) {
        int64_t now = clock_now();
        state->retry_after =
            now + (answer.wait_s < RENEW_RETRY_AFTER_MOST_S ? answer.wait_s : RENEW_RETRY_AFTER_MOST_S);
        if (state_save(state, revocation->state_dirfd, revocation->certificate->name,
                       decide_written(now, state->written, CERTAUTO_BUILD_TIME), &error) < 0) {
            log_warning("%s: Retry-After is not recorded: %s", revocation->certificate->name, error.message);
        }
    }
    answer_free(&answer);
}

static int ask(struct revocation *revocation, struct error *error)
{
    const struct hook_section *section = &revocation->template->section;
    struct buf traceback;
    bool permanent;
    if (read_key(revocation, error) < 0 || call(revocation, error) < 0) {
        return -1;
    }
    buf_init(&traceback, 65536);
    int result =
        answer_read_done(buf_string(&revocation->answer), revocation->answer.length, &permanent, &traceback, error);
    if (result < 0) {
        options_hide(section, error->message);
        keep_retry_after(revocation);
    }
    if (traceback.length > 0) {
        options_hide(section, traceback.data);
        const struct log_field fields[] = {{"certificate", revocation->certificate->name},
                                           {"hook", section->hook},
                                           {"traceback", buf_string(&traceback)}};
        log_line(LOG_LEVEL_ERROR, "an issue hook raised", fields, 3);
    }
    buf_free(&traceback);
    return result;
}

static int record(struct revocation *revocation, struct error *error)
{
    struct state *state = &revocation->state;
    succession_revoke(state, revocation->number);
    // A clock that is behind is no more believed for it.
    int64_t written = decide_written(clock_now(), state->written, CERTAUTO_BUILD_TIME);
    if (state_save(state, revocation->state_dirfd, revocation->certificate->name, written, error) < 0) {
        return error_prefix(error, "generation %u is revoked, but that is not recorded", revocation->number);
    }
    return 0;
}

static int take_steps(struct revocation *revocation, struct error *error)
{
    if (begin(revocation, error) < 0 || take_generation(revocation, error) < 0 ||
        take_template(revocation, error) < 0 || look_at_retry_after(revocation, error) < 0 ||
        ask(revocation, error) < 0) {
        return -1;
    }
    return record(revocation, error);
}

// ---- What came of it

static cJSON *result_json(const struct revocation *revocation, const char *outcome, const char *message)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *item = cJSON_CreateObject();
    if (cJSON_AddStringToObject(item, "name", revocation->certificate->name) == NULL ||
        cJSON_AddStringToObject(item, "step", "revoke") == NULL ||
        cJSON_AddStringToObject(item, "outcome", outcome) == NULL ||
        !cJSON_AddItemToObject(item, "error", message == NULL ? cJSON_CreateNull() : cJSON_CreateString(message)) ||
        !cJSON_AddItemToArray(cJSON_AddArrayToObject(document, "results"), item)) {
        cJSON_Delete(item);
        cJSON_Delete(document);
        return NULL;
    }
    return document;
}

static void print_done(const struct revocation *revocation)
{
    const char *name = revocation->certificate->name;
    printf("%s: generation %u is revoked (%s)", name, revocation->number, revocation->reason);
    if (revocation->number != revocation->state.generation) {
        puts("");
    } else if (revocation->settings.auto_renew) {
        puts("; it is due for renewal at once");
    } else {
        printf("; auto_renew is off: 'certauto renew %s' gets a new one\n", name);
    }
}

// error: NULL when it is done.
static int tell(const struct revocation *revocation, const struct error *error, bool json)
{
    const char *outcome = error == NULL               ? "revoked"
                          : error->code == ERROR_BUSY ? "busy"
                          : revocation->waits         ? "waiting"
                                                      : "failed";
    int code = error == NULL || error->code == ERROR_BUSY || revocation->waits ? EXIT_DONE : EXIT_STEP_FAILED;
    char number[16];
    snprintf(number, sizeof(number), "%u", revocation->number);
    const struct log_field fields[] = {
        {"certificate", revocation->certificate->name},
        {"step", "revoke"},
        {"generation", revocation->number == 0 ? NULL : number},
        {code == EXIT_DONE ? "reason" : "error", error == NULL ? revocation->reason : error->message}};
    log_line(code == EXIT_DONE ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, outcome, fields, 4);
    if (json) {
        return session_print_json(result_json(revocation, outcome, error == NULL ? NULL : error->message))
                   ? code
                   : EXIT_STEP_FAILED;
    }
    if (error == NULL) {
        print_done(revocation);
    } else {
        printf("%s: %s: %s\n", revocation->certificate->name, outcome, error->message);
    }
    return code;
}

// Of the key nothing stays in this process.
static void forget_key(struct revocation *revocation)
{
    key_free(revocation->key);
    revocation->key = NULL;
    key_stop();
    generation_free(&revocation->files);
}

static void revocation_free(struct revocation *revocation)
{
    forget_key(revocation);
    hook_process_end(revocation->process);
    if (revocation->lock >= 0) {
        close(revocation->lock);
    }
    if (revocation->state_dirfd >= 0) {
        close(revocation->state_dirfd);
    }
    x509_facts_free(&revocation->facts);
    buf_free(&revocation->request);
    buf_free(&revocation->answer);
    buf_free(&revocation->jwk);
    buf_free(&revocation->signing_input);
    buf_free(&revocation->signature);
    state_free(&revocation->state);
}

// The courier that this sends off is a child too, so forget_key comes first: neither a key nor the library of
// cryptography may be in this process any more.
static void notify(const struct revocation *revocation)
{
    struct notices notices = {.config = revocation->config};
    notify_event(&notices, EVENT_REVOKED, revocation->certificate, revocation->reason);
    notify_wait(&notices);
    notify_stop(&notices);
}

int command_revoke(const struct arguments *arguments)
{
    struct session session = {0};
    struct revocation revocation = {.state_dirfd = -1, .lock = -1};
    struct error error;
    generation_init(&revocation.files);
    state_init(&revocation.state);
    // Options may be secret.
    buf_init_secret(&revocation.request, HOOK_PROCESS_MAX_REQUEST);
    buf_init_secret(&revocation.answer, HOOK_PROCESS_MAX_ANSWER);
    buf_init(&revocation.jwk, MOST_SIGNED);
    buf_init(&revocation.signing_input, MOST_SIGNED);
    buf_init(&revocation.signature, MOST_SIGNED);
    int code = EXIT_MISTAKE;
    if (take_reason(&revocation, arguments->option[OPTION_REASON]) == 0 &&
        take_number(&revocation, arguments->option[OPTION_GENERATION]) == 0) {
        code = session_open(&session, arguments);
    }
    if (code == EXIT_DONE) {
        revocation.config = session.config;
        revocation.certificate = session_find(session.config, arguments->words[0]);
        code = revocation.certificate == NULL ? EXIT_MISTAKE : EXIT_DONE;
    }
    if (code == EXIT_DONE) {
        const struct error *problem = take_steps(&revocation, &error) < 0 ? &error : NULL;
        forget_key(&revocation);
        code = tell(&revocation, problem, arguments->option[OPTION_JSON] != NULL);
        if (problem == NULL) {
            notify(&revocation);
        }
    }
    revocation_free(&revocation);
    session_close(&session);
    return code;
}
