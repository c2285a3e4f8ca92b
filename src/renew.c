// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The step "issue", in the keeper: key, request, hook, checks, generation, state (spec 5).
#include "renew.h"

#include <fcntl.h>
#include <string.h>

#include "accept.h"
#include "clock.h"
#include "failures.h"
#include "file.h"
#include "generation.h"
#include "log.h"
#include "names.h"
#include "options.h"
#include "request.h"
#include "succession.h"

#define MOST_TRUST (4 * 1024 * 1024)
#define MOST_KEY 65536

// Everything that one renewal holds; the state borrows texts from here until it has been saved.
struct renewal {
    struct keeping *keeping;
    const char *name;
    const struct template *template;
    struct generation previous; // the files of the newest generation
    bool has_previous;
    bool pending; // a pending order stands
    struct buf names, key_text, csr, trust, request, answer_text;
    struct key *key;
    struct issue_answer answer;
    bool heard; // the hook has answered
    struct generation files;
    struct x509_facts facts;
    char digest[65];
    uint32_t failures; // so far
    struct error error;
    struct buf loss;    // what the new generation lost of "must_keep"
    struct error again; // why it counts as a failure although it was issued
};

static void renewal_init(struct renewal *renewal, struct keeping *keeping)
{
    memset(renewal, 0, sizeof(*renewal));
    renewal->keeping = keeping;
    renewal->name = keeping->order->certificate->name;
    renewal->template = keeping->settings->template;
    generation_init(&renewal->previous);
    generation_init(&renewal->files);
    buf_init(&renewal->names, NAMES_MAX_BYTES);
    buf_init_secret(&renewal->key_text, MOST_KEY);
    buf_init(&renewal->csr, X509_MAX_PEM);
    buf_init(&renewal->trust, MOST_TRUST);
    // Options may be secret.
    buf_init_secret(&renewal->request, HOOK_PROCESS_MAX_REQUEST);
    buf_init_secret(&renewal->answer_text, HOOK_PROCESS_MAX_ANSWER);
    buf_init(&renewal->loss, STATE_MAX_TEXT);
    renewal->answer.wait_s = -1;
    const struct order *order = keeping->order;
    config_digest(order->config, order->certificate, keeping->settings, NULL, renewal->digest);
    renewal->failures =
        failures_so_far(&keeping->state->issue, renewal->digest, (order->flags & DECIDE_BY_HAND_ISSUE) != 0);
}

static void renewal_free(struct renewal *renewal)
{
    generation_free(&renewal->previous);
    generation_free(&renewal->files);
    buf_free(&renewal->names);
    buf_free(&renewal->key_text);
    buf_free(&renewal->csr);
    buf_free(&renewal->trust);
    buf_free(&renewal->request);
    buf_free(&renewal->answer_text);
    buf_free(&renewal->loss);
    key_free(renewal->key);
    answer_free_issue(&renewal->answer);
    x509_facts_free(&renewal->facts);
}

static void warn(const struct renewal *renewal, const char *message, const struct error *error)
{
    const struct log_field fields[] = {{"certificate", renewal->name},
                                       {"error", error == NULL ? NULL : error->message}};
    log_line(LOG_LEVEL_WARNING, message, fields, 2);
}

static bool is_rehearsal(const struct renewal *renewal)
{
    return renewal->keeping->order->config->engine.rehearsal != NULL;
}

static const char *names_wanted(const struct renewal *renewal)
{
    const char *names = renewal->keeping->order->certificate->names;
    return names != NULL ? names : renewal->keeping->state->names;
}

static void drop_pending(struct state *state)
{
    state->pending_since = CLOCK_NONE;
    state->pending_next = CLOCK_NONE;
    state->pending_cookie = NULL;
    state->pending_names = NULL;
    state->pending_key_type = NULL;
    state->pending_template = NULL;
}

// ---- The end of a renewal: what the state keeps of it

static int64_t held_between(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static int64_t retry_wait(const struct renewal *renewal)
{
    const struct durations *retry = &renewal->keeping->settings->retry;
    size_t last = retry->count - 1;
    return retry->s[renewal->failures < last ? renewal->failures : last];
}

// Counts the failure in renewal->error.
static void record_failure(struct renewal *renewal, struct report *report)
{
    struct state *state = renewal->keeping->state;
    struct error error;
    int64_t now = clock_now();
    if (renewal->template != NULL && renewal->template != renewal->keeping->settings->first) {
        error_prefix(&renewal->error, "by the fallback '%s'", renewal->template->section.name);
    }
    failures_add(&state->issue, renewal->failures, now, renewal->answer.permanent, renewal->error.message,
                 renewal->digest);
    if (renewal->heard) {
        // Whatever the hook said, it was no "pending": the order is over.
        drop_pending(state);
    } else if (renewal->pending) {
        state->pending_next = now + held_between(retry_wait(renewal), 1, RENEW_PENDING_MOST_S);
    }
    if (renewal->answer.wait_s > 0) {
        state->retry_after = now + held_between(renewal->answer.wait_s, 1, RENEW_RETRY_AFTER_MOST_S);
    }
    if (state_save(state, renewal->keeping->state_dirfd, renewal->name, now, &error) < 0) {
        warn(renewal, "a failed renewal is not recorded", &error);
    }
    report->outcome = OUTCOME_FAILED;
    report->error = renewal->error;
}

static void record_pending(struct renewal *renewal, struct report *report)
{
    struct state *state = renewal->keeping->state;
    char text[CLOCK_DURATION_SIZE];
    int64_t now = clock_now();
    int64_t wait = renewal->answer.wait_s < 0 ? RENEW_PENDING_WAIT_S : renewal->answer.wait_s;
    wait = held_between(wait, 1, RENEW_PENDING_MOST_S);
    if (!renewal->pending) {
        state->pending_since = now;
    }
    state->pending_next = now + wait;
    state->pending_cookie = renewal->answer.cookie.length > 0 ? buf_string(&renewal->answer.cookie) : NULL;
    state->pending_names = buf_string(&renewal->names);
    state->pending_key_type = key_type_name(renewal->keeping->settings->key);
    state->pending_template = renewal->template->section.name;
    state->retry_after = CLOCK_NONE;
    report->outcome = OUTCOME_PENDING;
    report->again = renewal->pending;
    if (state_save(state, renewal->keeping->state_dirfd, renewal->name, now, &report->error) < 0) {
        report->outcome = OUTCOME_FAILED;
        error_prefix(&report->error, "the pending order is not recorded");
        return;
    }
    clock_format_duration(wait, text);
    error_set(&report->error, ERROR_NONE, "the CA has not issued it yet; it is asked again in %s", text);
}

// A certificate that is due again at once would be renewed in a circle: it is kept, and counts as a failure.
static void judge_circle(struct renewal *renewal, int64_t now)
{
    const struct keeping *keeping = renewal->keeping;
    struct state *state = keeping->state;
    struct due due;
    decide_due(keeping->order->certificate, keeping->settings, state, &due);
    if (due.at > now) {
        return;
    }
    state->due_again = true;
    error_set(&renewal->again, ERROR_REFUSED, "generation %u was issued, but it is due for renewal again at once",
              state->generation);
    failures_add(&state->issue, renewal->failures, now, false, renewal->again.message, renewal->digest);
}

// Fills renewal->loss when the new generation lost what must be kept of the one in use.
static void look_for_loss(struct renewal *renewal, const struct x509_facts *facts)
{
    const struct keeping *keeping = renewal->keeping;
    uint32_t published = state_newest_published(keeping->state);
    uint32_t number = published > 0 ? published : keeping->state->generation;
    struct generation files;
    struct x509_facts old = {0};
    struct error error;
    if (keeping->settings->must_keep == 0 || number == 0) {
        return;
    }
    generation_init(&files);
    if (generation_load(keeping->state_dirfd, renewal->name, number, &files, &error) < 0 ||
        x509_read(buf_string(&files.certificate), files.certificate.length, &old, &error) < 0) {
        warn(renewal, "the new certificate cannot be compared with the one in use", &error);
    } else {
        succession_loses(&old, facts, keeping->settings->must_keep, &renewal->loss);
    }
    x509_facts_free(&old);
    generation_free(&files);
}

// It is kept, but published only by a person.
static void hold_back(struct renewal *renewal, uint32_t number)
{
    struct state *state = renewal->keeping->state;
    struct error loss;
    if (renewal->loss.length == 0) {
        return;
    }
    state->held = number;
    state->held_reason = buf_string(&renewal->loss);
    error_set(&loss, ERROR_REFUSED, "%s", state->held_reason);
    warn(renewal, "the new generation is held: only 'publish --force' publishes it", &loss);
}

// The generation is on disk; now the state learns of it.
static void record_generation(struct renewal *renewal, const struct successor *next, struct report *report)
{
    const struct keeping *keeping = renewal->keeping;
    struct error error;
    look_for_loss(renewal, next->facts);
    succession_apply(keeping->state, next);
    hold_back(renewal, next->number);
    judge_circle(renewal, next->issued);
    report->generation = next->number;
    if (state_save(keeping->state, keeping->state_dirfd, renewal->name, next->issued, &error) < 0) {
        report->outcome = OUTCOME_FAILED;
        report->error = error;
        error_prefix(&report->error, "generation %u is on disk, but", next->number);
        return;
    }
    report->kept_back = keeping->state->held == next->number;
    report->outcome = renewal->again.code == ERROR_NONE ? OUTCOME_RENEWED : OUTCOME_FAILED;
    report->error = renewal->again;
    // With publishing on, pruning follows the publication.
    if (!keeping->settings->auto_publish && generation_prune(keeping->state_dirfd, renewal->name, keeping->state,
                                                             keeping->order->config->engine.keep, &error) < 0) {
        warn(renewal, "old generations are not pruned", &error);
    }
}

// ---- Adoption

static const char *names_asked(const struct renewal *renewal)
{
    const struct state *state = renewal->keeping->state;
    const char *given = buf_string(&renewal->facts.names);
    const char *asked = state->pending_since != CLOCK_NONE && state->pending_names != NULL ? state->pending_names
                                                                                           : names_wanted(renewal);
    struct name missing;
    // Names that it lacks cannot be those that its request carried.
    return asked != NULL && names_cover(given, asked, &missing) ? asked : given;
}

// True when the newest generation on disk, which the state does not know yet, is whole and was adopted.
static bool adopt(struct renewal *renewal, struct report *report)
{
    const struct keeping *keeping = renewal->keeping;
    struct error error;
    struct key *key = NULL;
    const struct generation *files = &renewal->files;
    uint32_t newest = 0;
    error_clear(&error);
    if (generation_newest(keeping->state_dirfd, renewal->name, &newest, &error) < 0) {
        warn(renewal, "the generations on disk cannot be listed", &error);
        return false;
    }
    if (newest <= keeping->state->generation) {
        return false;
    }
    bool whole = generation_load(keeping->state_dirfd, renewal->name, newest, &renewal->files, &error) == 0 &&
                 x509_read(buf_string(&files->certificate), files->certificate.length, &renewal->facts, &error) == 0 &&
                 key_parse(buf_string(&files->key), files->key.length, &key, &error) == 0 &&
                 x509_matches_key(buf_string(&files->certificate), files->certificate.length, key, &error);
    key_free(key);
    if (!whole) {
        warn(renewal, "a generation that the state does not know cannot be adopted", &error);
        generation_free(&renewal->files);
        generation_init(&renewal->files);
        x509_facts_free(&renewal->facts);
        memset(&renewal->facts, 0, sizeof(renewal->facts));
        return false;
    }
    // Its key may still lie aside: the next generation is to have another.
    if (generation_key_drop(keeping->state_dirfd, renewal->name, &error) < 0) {
        warn(renewal, "the key aside cannot be dropped", &error);
    }
    struct successor next = {.number = newest,
                             .facts = &renewal->facts,
                             .names = names_asked(renewal),
                             .key_type = key_type_name(renewal->facts.key_type),
                             .template = renewal->template->section.name,
                             .issued = clock_now()};
    record_generation(renewal, &next, report);
    return true;
}

// ---- The way to the request

static void load_previous(struct renewal *renewal)
{
    struct error error;
    uint32_t generation = renewal->keeping->state->generation;
    if (generation == 0) {
        return;
    }
    // A lost certificate is no reason not to get a new one.
    renewal->has_previous =
        generation_load(renewal->keeping->state_dirfd, renewal->name, generation, &renewal->previous, &error) == 0;
    if (!renewal->has_previous) {
        warn(renewal, "the files of the newest generation cannot be read", &error);
    }
}

// Those configured, else those that the imported certificate came with.
static int take_names(struct renewal *renewal)
{
    const char *names = names_wanted(renewal);
    if (names == NULL || names[0] == '\0') {
        return error_set(&renewal->error, ERROR_REFUSED,
                         "no names are configured, nor is there a certificate to take them from");
    }
    buf_text(&renewal->names, names);
    return renewal->names.failed ? error_set(&renewal->error, ERROR_REFUSED, "the names are too long") : 0;
}

// Reads a key; NULL when it is not to be had or is of another type than is asked for.
static struct key *fitting_key(const struct renewal *renewal, const struct buf *text)
{
    struct key *key = NULL;
    if (text->length == 0 || key_parse(buf_string(text), text->length, &key, NULL) < 0) {
        return NULL;
    }
    if (key_type(key) != renewal->keeping->settings->key) {
        key_free(key);
        return NULL;
    }
    return key;
}

// The key for the request: that of a pending order, else the old one with reuse_key, else one that lies aside from an
// attempt before, else a new one. It lies aside, on disk, before it is used.
static int take_key(struct renewal *renewal)
{
    const struct keeping *keeping = renewal->keeping;
    struct error ignored;
    if (generation_key_load(keeping->state_dirfd, renewal->name, &renewal->key_text, &ignored) < 0) {
        buf_clear(&renewal->key_text);
    }
    struct key *aside = fitting_key(renewal, &renewal->key_text);
    // That of a pending order may be the old one, which aside counts as left there by a crash.
    // The key of one that was revoked may be why.
    if (keeping->settings->reuse_key && !keeping->state->revoked && renewal->has_previous &&
        (!renewal->pending || aside == NULL)) {
        renewal->key = fitting_key(renewal, &renewal->previous.key);
    }
    if (renewal->pending && aside == NULL && renewal->key == NULL) {
        warn(renewal, "a pending order is given up: its key is lost", NULL);
        drop_pending(keeping->state);
        renewal->pending = false;
    }
    if (renewal->key == NULL && aside != NULL) {
        renewal->key = aside;
        return 0;
    }
    key_free(aside);
    if (renewal->key == NULL && key_generate(keeping->settings->key, &renewal->key, &renewal->error) < 0) {
        return -1;
    }
    buf_clear(&renewal->key_text);
    if (key_write(renewal->key, &renewal->key_text, &renewal->error) < 0) {
        return -1;
    }
    return generation_key_save(keeping->state_dirfd, renewal->name, &renewal->key_text, &renewal->error);
}

// That a rehearsal's chain cannot lead to: a CA's staging has roots of its own.
static int read_trust(struct renewal *renewal)
{
    if (renewal->template->trust == NULL || is_rehearsal(renewal)) {
        return 0;
    }
    return file_read(AT_FDCWD, renewal->template->trust, &renewal->trust, &renewal->error);
}

static int make_request(struct renewal *renewal)
{
    const struct keeping *keeping = renewal->keeping;
    const struct hook_section *section = &renewal->template->section;
    if (x509_request(renewal->key, buf_string(&renewal->names), keeping->order->certificate->subject,
                     renewal->template->usage, &renewal->csr, &renewal->error) < 0) {
        return -1;
    }
    struct request request = {.name = renewal->name,
                              .names = buf_string(&renewal->names),
                              .csr = buf_string(&renewal->csr),
                              .key_type = keeping->settings->key,
                              .section = section,
                              .previous = renewal->has_previous ? &renewal->previous : NULL,
                              .previous_serial = keeping->state->serial,
                              .previous_not_after = keeping->state->not_after,
                              .cookie = renewal->pending ? keeping->state->pending_cookie : NULL,
                              .attempt = renewal->failures + 1,
                              .deadline = clock_now() + section->hook_timeout_s};
    return request_issue(&request, &renewal->request, &renewal->error);
}

static int prepare(struct renewal *renewal)
{
    const struct keeping *keeping = renewal->keeping;
    load_previous(renewal);
    renewal->pending = decide_pending(keeping->order->certificate, keeping->settings, keeping->state, keeping->now,
                                      keeping->order->flags);
    if (!renewal->pending) {
        drop_pending(keeping->state);
    }
    if (take_names(renewal) < 0 || read_trust(renewal) < 0 || take_key(renewal) < 0) {
        return -1;
    }
    return make_request(renewal);
}

// ---- The answer

static int ask(struct renewal *renewal)
{
    const struct hook_section *section = &renewal->template->section;
    if (hook_process_call(renewal->keeping->process, section->hook, is_rehearsal(renewal) ? "rehearse" : "issue",
                          section->hook_timeout_s, buf_string(&renewal->request), renewal->request.length,
                          &renewal->answer_text, &renewal->error) < 0) {
        return -1;
    }
    renewal->heard = true;
    answer_free_issue(&renewal->answer);
    if (answer_read_issue(buf_string(&renewal->answer_text), renewal->answer_text.length, &renewal->answer,
                          &renewal->error) < 0) {
        return -1;
    }
    options_hide(section, renewal->answer.error.message);
    if (renewal->answer.traceback.length > 0) {
        options_hide(section, renewal->answer.traceback.data);
        const struct log_field fields[] = {{"certificate", renewal->name},
                                           {"hook", section->hook},
                                           {"traceback", buf_string(&renewal->answer.traceback)}};
        log_line(LOG_LEVEL_ERROR, "an issue hook raised", fields, 3);
    }
    if (renewal->answer.kind == ISSUE_REFUSED) {
        renewal->error = renewal->answer.error;
        return -1;
    }
    return 0;
}

static void warn_of_fallback(const struct renewal *renewal)
{
    const struct template *first = renewal->keeping->settings->first;
    struct error error;
    if (renewal->template != first) {
        error_set(&error, ERROR_NONE, "'%s' stands in for '%s', which failed", renewal->template->section.name,
                  first->section.name);
        warn(renewal, "it was issued by a fallback template", &error);
    }
}

// A hundredth less is the CA's rounding.
static void warn_of_shorter_life(const struct renewal *renewal)
{
    const struct state *state = renewal->keeping->state;
    char before[CLOCK_DURATION_SIZE], now[CLOCK_DURATION_SIZE];
    int64_t life = renewal->facts.not_after - renewal->facts.not_before;
    int64_t old_life = state->not_after - state->not_before;
    if (state->generation == 0 || life >= old_life - old_life / 100) {
        return;
    }
    clock_format_duration(old_life, before);
    clock_format_duration(life, now);
    log_warning("%s: the new certificate lives %s, the one before it lived %s", renewal->name, now, before);
}

// A number is never used again, whatever folder of it a crash or a person has left or taken.
static int unused_number(struct renewal *renewal, uint32_t *number)
{
    const struct keeping *keeping = renewal->keeping;
    if (generation_unused(keeping->state_dirfd, renewal->name, number, &renewal->error) < 0) {
        return -1;
    }
    if (*number <= keeping->state->generation) {
        *number = keeping->state->generation + 1;
    }
    return 0;
}

static int keep_answer(struct renewal *renewal, struct report *report)
{
    const struct keeping *keeping = renewal->keeping;
    const struct state *state = keeping->state;
    int64_t now = clock_now();
    struct asked asked = {
        .names = buf_string(&renewal->names),
        .key = renewal->key,
        .key_text = &renewal->key_text,
        .fingerprint = state->generation == 0 ? NULL : state->fingerprint,
        .trust = renewal->template->trust == NULL || is_rehearsal(renewal) ? NULL : buf_string(&renewal->trust),
        .trust_length = renewal->trust.length,
        .now = now};
    uint32_t number = 0;
    if (accept_check(&asked, &renewal->answer, &renewal->files, &renewal->facts, &renewal->error) < 0 ||
        unused_number(renewal, &number) < 0 ||
        generation_save(keeping->state_dirfd, renewal->name, number, &renewal->files, &renewal->error) < 0) {
        return -1;
    }
    warn_of_shorter_life(renewal);
    warn_of_fallback(renewal);
    struct successor next = {.number = number,
                             .facts = &renewal->facts,
                             .names = buf_string(&renewal->names),
                             .key_type = key_type_name(keeping->settings->key),
                             .template = renewal->template->section.name,
                             .issued = now};
    record_generation(renewal, &next, report);
    return 0;
}

void renew_step(struct keeping *keeping, struct report *report)
{
    struct renewal renewal;
    renewal_init(&renewal, keeping);
    if (adopt(&renewal, report)) {
        goto out;
    }
    if (prepare(&renewal) < 0 || ask(&renewal) < 0) {
        record_failure(&renewal, report);
    } else if (renewal.answer.kind == ISSUE_PENDING) {
        record_pending(&renewal, report);
    } else if (keep_answer(&renewal, report) < 0) {
        record_failure(&renewal, report);
    }
out:
    renewal_free(&renewal);
}
