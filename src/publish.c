// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The step "publish", in the keeper: note, hook, verification, rollback, live link, state, pruning (spec 6).
#include "publish.h"

#include <string.h>

#include "answer.h"
#include "clock.h"
#include "failures.h"
#include "generation.h"
#include "hook_server.h"
#include "key.h"
#include "log.h"
#include "options.h"
#include "request.h"
#include "succession.h"
#include "verify.h"
#include "x509.h"

// One generation in memory.
struct loaded {
    uint32_t number; // 0: none
    struct generation files;
    struct x509_facts facts;
};

// Everything that one publication holds; the state borrows texts from here until it has been saved.
struct transaction {
    struct keeping *keeping;
    const char *name; // of the certificate
    const char *profile_name;
    const struct profile *profile; // NULL: live/NAME alone is switched
    bool with_live;                // live/NAME goes along
    uint32_t live_before;
    struct loaded next, previous;
    bool previous_lost; // there was one, but its files cannot be read
    struct buf json, answer;
    char digest[65];
    uint32_t failures; // so far
    bool permanent;
    bool rolled_back; // the previous generation is back in place
    struct error error;
};

static void loaded_init(struct loaded *loaded)
{
    memset(loaded, 0, sizeof(*loaded));
    generation_init(&loaded->files);
}

static void loaded_free(struct loaded *loaded)
{
    generation_free(&loaded->files);
    x509_facts_free(&loaded->facts);
}

static void transaction_init(struct transaction *transaction, struct keeping *keeping)
{
    const struct settings *settings = keeping->settings;
    const struct order *order = keeping->order;
    memset(transaction, 0, sizeof(*transaction));
    transaction->keeping = keeping;
    transaction->name = order->certificate->name;
    transaction->profile_name = keeping->decision->profile;
    transaction->profile = decide_profile(settings, transaction->profile_name);
    transaction->with_live = transaction->profile == NULL || transaction->profile == settings->profiles.list[0];
    loaded_init(&transaction->next);
    loaded_init(&transaction->previous);
    // They hold the private key.
    buf_init_secret(&transaction->json, HOOK_PROCESS_MAX_REQUEST);
    buf_init_secret(&transaction->answer, HOOK_PROCESS_MAX_ANSWER);
    config_digest(order->config, order->certificate, settings, transaction->profile, transaction->digest);
    const struct publication *publication = state_publication(keeping->state, transaction->profile_name);
    transaction->failures = publication == NULL ? 0
                                                : failures_so_far(&publication->failures, transaction->digest,
                                                                  (order->flags & DECIDE_BY_HAND_PUBLISH) != 0);
}

static void transaction_free(struct transaction *transaction)
{
    loaded_free(&transaction->next);
    loaded_free(&transaction->previous);
    buf_free(&transaction->json);
    buf_free(&transaction->answer);
}

static void warn(const struct transaction *transaction, const char *message, const struct error *error)
{
    const struct log_field fields[] = {
        {"certificate", transaction->name}, {"profile", transaction->profile_name}, {"error", error->message}};
    log_line(LOG_LEVEL_WARNING, message, fields, 3);
}

// ---- What is published, and what was before

static int load(const struct transaction *transaction, uint32_t number, struct loaded *loaded, struct error *error)
{
    loaded->number = number;
    if (generation_load(transaction->keeping->state_dirfd, transaction->name, number, &loaded->files, error) < 0) {
        return -1;
    }
    return x509_read(buf_string(&loaded->files.certificate), loaded->files.certificate.length, &loaded->facts, error);
}

// Only a whole generation whose key fits is published.
static int load_next(struct transaction *transaction)
{
    struct loaded *next = &transaction->next;
    struct error *error = &transaction->error;
    struct key *key = NULL;
    uint32_t number = next->number;
    int result = -1;
    if (load(transaction, number, next, error) < 0) {
        return -1;
    }
    if (next->files.key.length == 0) {
        return error_set(error, ERROR_REFUSED, "generation %u was imported without its key, so it cannot be published",
                         number);
    }
    if (key_parse(buf_string(&next->files.key), next->files.key.length, &key, error) == 0) {
        error_clear(error);
        result = 0;
        if (!x509_matches_key(buf_string(&next->files.certificate), next->files.certificate.length, key, error)) {
            result = error_set(error, ERROR_REFUSED, "generation %u: its key is not that of its certificate", number);
        }
    }
    key_free(key);
    return result;
}

// True for a generation that can be gone back to: none that was held, none that was revoked, nor what is behind that.
static bool is_still_good(const struct transaction *transaction, uint32_t number)
{
    const struct state *state = transaction->keeping->state;
    struct loaded older;
    struct error ignored;
    if (number <= state->revoked_older || (number >= state->held_first && number <= state->held_last)) {
        return false;
    }
    loaded_init(&older);
    bool good = load(transaction, number, &older, &ignored) == 0 && older.files.key.length > 0 &&
                older.facts.not_after > transaction->keeping->now;
    loaded_free(&older);
    return good;
}

// For a rollback: the newest generation that is older than the published one and still valid.
static int choose_older(struct transaction *transaction)
{
    const struct keeping *keeping = transaction->keeping;
    const struct publication *publication = state_publication(keeping->state, transaction->profile_name);
    const uint32_t published = publication->published;
    uint32_t number = published;
    do {
        if (generation_before(keeping->state_dirfd, transaction->name, number, &number, &transaction->error) < 0) {
            return -1;
        }
    } while (number > 0 && !is_still_good(transaction, number));
    if (number == 0) {
        return error_set(&transaction->error, ERROR_REFUSED,
                         "there is no generation before %u with its key that is still valid", published);
    }
    transaction->next.number = number;
    return 0;
}

static void load_previous(struct transaction *transaction)
{
    struct error error;
    const struct publication *publication = state_publication(transaction->keeping->state, transaction->profile_name);
    if (publication == NULL || publication->published == 0) {
        return;
    }
    if (load(transaction, publication->published, &transaction->previous, &error) < 0) {
        warn(transaction, "the published generation cannot be read", &error);
        loaded_free(&transaction->previous);
        loaded_init(&transaction->previous);
        transaction->previous_lost = true;
    }
}

// ---- The hook

static struct bundle bundle_of(const struct transaction *transaction, const struct loaded *loaded)
{
    const struct engine *engine = &transaction->keeping->order->config->engine;
    return (struct bundle){.name = transaction->name,
                           .state_dir = engine->state_dir,
                           .rehearsal = engine->rehearsal,
                           .section = &transaction->profile->section,
                           .generation = loaded->number,
                           .files = &loaded->files,
                           .facts = &loaded->facts};
}

// Calls a function of the hook with transaction->json.
static int call(struct transaction *transaction, const char *function, struct error *error)
{
    const struct hook_section *section = &transaction->profile->section;
    bool permanent = false;
    struct buf traceback;
    buf_clear(&transaction->answer);
    if (hook_process_call(transaction->keeping->process, section->hook, function, section->hook_timeout_s,
                          buf_string(&transaction->json), transaction->json.length, &transaction->answer, error) < 0) {
        return -1;
    }
    buf_init(&traceback, 65536);
    int result =
        answer_read_done(buf_string(&transaction->answer), transaction->answer.length, &permanent, &traceback, error);
    if (result < 0) {
        options_hide(section, error->message);
    }
    if (traceback.length > 0) {
        options_hide(section, traceback.data);
        const struct log_field fields[] = {
            {"certificate", transaction->name}, {"hook", section->hook}, {"traceback", buf_string(&traceback)}};
        log_line(LOG_LEVEL_ERROR, "a publishing hook raised", fields, 3);
    }
    buf_free(&traceback);
    transaction->permanent = transaction->permanent || permanent;
    return result;
}

// The engine's own look at what is served now.
static int verify(struct transaction *transaction, const struct loaded *loaded, struct error *error)
{
    const struct profile *profile = transaction->profile;
    bool permanent;
    struct buf question;
    buf_init(&question, HOOK_PROCESS_MAX_REQUEST);
    buf_clear(&transaction->answer);
    int result = verify_question(profile->verify, &loaded->files, &loaded->facts, &question, error);
    if (result == 0) {
        result = hook_process_call(transaction->keeping->process, profile->section.hook, HOOK_SERVER_VERIFY,
                                   profile->verify_timeout_s, buf_string(&question), question.length,
                                   &transaction->answer, error);
    }
    if (result == 0) {
        result = answer_read_done(buf_string(&transaction->answer), transaction->answer.length, &permanent, &question,
                                  error);
    }
    buf_free(&question);
    return result == 0 ? 0 : error_prefix(error, "verification of %s", profile->verify);
}

// hook.publish of one generation, then what says whether it is in use: the engine's "verify", and hook.verify.
static int put_in_place(struct transaction *transaction, const struct loaded *loaded, const struct loaded *before,
                        bool publish, struct error *error)
{
    struct bundle bundle = bundle_of(transaction, loaded);
    struct bundle previous = bundle_of(transaction, before);
    bundle.previous = before->number == 0 ? NULL : &previous;
    buf_clear(&transaction->json);
    if (request_bundle(&bundle, &transaction->json, error) < 0) {
        return -1;
    }
    if (bundle.rehearsal != NULL) {
        // Nothing is in use, so there is nothing to look at either.
        return call(transaction, "rehearse", error);
    }
    if (publish && call(transaction, "publish", error) < 0) {
        return -1;
    }
    if (transaction->profile->verify != NULL && verify(transaction, loaded, error) < 0) {
        return -1;
    }
    if ((transaction->profile->section.functions & HOOK_VERIFY) != 0 && call(transaction, "verify", error) < 0) {
        return error_prefix(error, "verification");
    }
    return 0;
}

static int roll_back(struct transaction *transaction, struct error *error)
{
    struct bundle failed = bundle_of(transaction, &transaction->next);
    struct bundle previous = bundle_of(transaction, &transaction->previous);
    failed.previous = transaction->previous.number == 0 ? NULL : &previous;
    buf_clear(&transaction->json);
    if (request_rollback(&failed, &transaction->json, error) < 0) {
        return -1;
    }
    return call(transaction, "rollback", error);
}

// Back to what was published before, or to nothing, and looks whether that is so.
static int restore(struct transaction *transaction, struct error *error)
{
    // Told of no bundle before it: what the target is put back from is nothing to go back to.
    const struct loaded none = {0};
    bool can_roll_back = (transaction->profile->section.functions & HOOK_ROLLBACK) != 0;
    if (can_roll_back && roll_back(transaction, error) < 0) {
        return -1;
    }
    if (transaction->previous.number == 0) {
        return 0;
    }
    return put_in_place(transaction, &transaction->previous, &none, !can_roll_back, error);
}

// Puts the target back and says in the transaction's error what came of it.
static void undo(struct transaction *transaction)
{
    const struct error first = transaction->error;
    const bool permanent = transaction->permanent;
    struct error *both = &transaction->error;
    struct error error;
    // Both results must find room in one sentence.
    const int most = ERROR_MESSAGE_SIZE / 2;
    if (transaction->previous_lost) {
        error_set(both, first.code, "%.*s; nothing is put back: the generation before cannot be read", most,
                  first.message);
    } else if (transaction->previous.number == 0 && (transaction->profile->section.functions & HOOK_ROLLBACK) == 0) {
        error_set(both, first.code, "%.*s; there is nothing to go back to", most, first.message);
    } else if (restore(transaction, &error) < 0) {
        error_set(both, first.code, "%.*s; going back failed too: %s", most, first.message, error.message);
    } else if (transaction->previous.number == 0) {
        error_set(both, first.code, "%.*s; what it had made is removed", most, first.message);
    } else {
        error_set(both, first.code, "%.*s; generation %u is back in place", most, first.message,
                  transaction->previous.number);
        transaction->rolled_back = true;
    }
    transaction->permanent = permanent;
}

// ---- The state

// What was cut short is finished before a rollback.
static bool goes_back(const struct keeping *keeping)
{
    return (keeping->order->flags & DECIDE_ROLLBACK) != 0 && keeping->decision->cause != DUE_UNFINISHED;
}

static int save(struct transaction *transaction, struct error *error)
{
    return state_save(transaction->keeping->state, transaction->keeping->state_dirfd, transaction->name, clock_now(),
                      error);
}

// The publication of this profile in the state; what is told of profiles that are no longer configured makes room.
static struct publication *publication_of(struct transaction *transaction)
{
    struct state *state = transaction->keeping->state;
    struct publication *publication = state_publication_add(state, transaction->profile_name);
    if (publication != NULL) {
        return publication;
    }
    size_t kept = 0;
    for (size_t i = 0; i < state->publication_count; i++) {
        if (decide_profile(transaction->keeping->settings, state->publications[i].profile) != NULL) {
            state->publications[kept++] = state->publications[i];
        }
    }
    state->publication_count = kept;
    return state_publication_add(state, transaction->profile_name);
}

static void record_failure(struct transaction *transaction, struct report *report)
{
    struct state *state = transaction->keeping->state;
    struct publication *publication = publication_of(transaction);
    struct error error;
    state->publishing = NULL;
    state->publishing_generation = 0;
    if (publication != NULL) {
        failures_add(&publication->failures, transaction->failures, clock_now(), transaction->permanent,
                     transaction->error.message, transaction->digest);
    }
    if (save(transaction, &error) < 0) {
        warn(transaction, "a failed publication is not recorded", &error);
    }
    report->outcome = OUTCOME_FAILED;
    report->rolled_back = transaction->rolled_back;
    report->error = transaction->error;
}

static void record_success(struct transaction *transaction, struct report *report)
{
    struct state *state = transaction->keeping->state;
    struct publication *publication = publication_of(transaction);
    struct error error;
    uint32_t number = transaction->next.number;
    succession_publish(state, publication, number, transaction->next.facts.not_after, clock_now());
    if (save(transaction, &error) < 0) {
        report->outcome = OUTCOME_FAILED;
        report->error = error;
        error_prefix(&report->error, "it is published, but that is not recorded");
        return;
    }
    report->outcome = OUTCOME_PUBLISHED;
    report->rolled_back = goes_back(transaction->keeping);
    if (generation_prune(transaction->keeping->state_dirfd, transaction->name, state,
                         transaction->keeping->order->config->engine.keep, &error) < 0) {
        warn(transaction, "old generations are not pruned", &error);
    }
}

// ---- The transaction

static int switch_live(struct transaction *transaction, uint32_t number, struct error *error)
{
    if (!transaction->with_live) {
        return 0;
    }
    return generation_switch(transaction->keeping->state_dirfd, transaction->name, number, error);
}

static int write_note(struct transaction *transaction)
{
    struct state *state = transaction->keeping->state;
    state->publishing = transaction->profile_name;
    state->publishing_generation = transaction->next.number;
    if (save(transaction, &transaction->error) < 0) {
        return error_prefix(&transaction->error, "nothing is published without a note of it");
    }
    return 0;
}

// Where live/NAME points. A publication that was cut short has switched it from what its profile had published, or,
// when that is the first by this profile, from what others had: a profile before it, or none.
static uint32_t live_to_go_back_to(const struct transaction *transaction)
{
    uint32_t live = generation_live(transaction->keeping->state_dirfd, transaction->name);
    if (transaction->keeping->decision->cause == DUE_UNFINISHED && live == transaction->next.number) {
        return transaction->previous.number > 0 ? transaction->previous.number
                                                : state_newest_published(transaction->keeping->state);
    }
    return live;
}

static void transact(struct transaction *transaction, struct report *report)
{
    struct error error;
    load_previous(transaction);
    transaction->live_before = live_to_go_back_to(transaction);
    bool begun =
        write_note(transaction) == 0 && switch_live(transaction, transaction->next.number, &transaction->error) == 0;
    if (begun &&
        put_in_place(transaction, &transaction->next, &transaction->previous, true, &transaction->error) == 0) {
        record_success(transaction, report);
        return;
    }
    // What was cut short and cannot even be begun again is undone all the same. A rehearsal is thrown away as a whole.
    if (transaction->keeping->order->config->engine.rehearsal == NULL &&
        (begun || transaction->keeping->decision->cause == DUE_UNFINISHED)) {
        if (switch_live(transaction, transaction->live_before, &error) < 0) {
            warn(transaction, "live/ cannot be switched back", &error);
        }
        undo(transaction);
    }
    record_failure(transaction, report);
}

// A note of a profile that is no longer configured: there is no hook to finish or undo it with.
static void give_up_note(struct transaction *transaction, struct report *report)
{
    struct state *state = transaction->keeping->state;
    error_set(&transaction->error, ERROR_CONFIG,
              "a publication of generation %u was cut short and cannot be finished: "
              "profile '%s' is no longer configured for it",
              transaction->next.number, transaction->profile_name);
    report->outcome = OUTCOME_FAILED;
    report->error = transaction->error;
    state->publishing = NULL;
    state->publishing_generation = 0;
    if (save(transaction, &report->error) < 0) {
        error_prefix(&report->error, "the note of a publication cannot be removed");
    }
}

void publish_step(struct keeping *keeping, struct report *report)
{
    struct transaction transaction;
    transaction_init(&transaction, keeping);
    transaction.next.number = keeping->decision->generation;
    strncat(report->profile, transaction.profile_name, sizeof(report->profile) - 1);
    if (goes_back(keeping) && choose_older(&transaction) < 0) {
        // Nothing was tried, so no failure is counted.
        report->outcome = OUTCOME_FAILED;
        report->error = transaction.error;
        transaction_free(&transaction);
        return;
    }
    report->generation = transaction.next.number;
    if (transaction.profile == NULL &&
        (keeping->settings->profiles.count > 0 || strcmp(transaction.profile_name, STATE_LIVE) != 0)) {
        give_up_note(&transaction, report);
    } else if (load_next(&transaction) < 0) {
        record_failure(&transaction, report);
    } else if (transaction.profile != NULL) {
        transact(&transaction, report);
    } else if (switch_live(&transaction, transaction.next.number, &transaction.error) < 0) {
        record_failure(&transaction, report);
    } else {
        record_success(&transaction, report);
    }
    transaction_free(&transaction);
}
