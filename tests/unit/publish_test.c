// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of publish.c: a real folder, real keys and certificates; only the hook is played.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cJSON.h"
#include "clock.h"
#include "file.h"
#include "generation.h"
#include "key.h"
#include "publish.h"
#include "x509.h"

#define DAY ((int64_t)86400)
#define NOW ((int64_t)1800000000)

// What the played hook answers, one after another ("" is true, else the text of a failure), and what it was asked.
static const char *const *script;
static char said[512]; // "publish 2;verify 2;…": functions and generations
static cJSON *last_argument;
static uint32_t live_seen[16]; // what live/NAME pointed to at each call
static const char *note_seen;  // the note on disk at the first call
static int calls;

static char folder[64];
static int dir;
static struct state state;
static struct hook_section section;
static struct profile web, mail;
static const struct profile *list[2];
static struct settings settings;
static struct config config;
static struct certificate certificate;
static struct decision decision;
static int64_t now;
static int failing_saves;

int64_t __wrap_clock_now(void);
void __wrap_config_digest(const struct config *of, const struct certificate *one, const struct settings *with,
                          const struct profile *profile, char out[65]);
int __wrap_hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                             const char *argument, size_t length, struct buf *answer, struct error *error);
int __wrap_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error);
int __real_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error);

int64_t __wrap_clock_now(void)
{
    return now;
}

void __wrap_config_digest(const struct config *of, const struct certificate *one, const struct settings *with,
                          const struct profile *profile, char out[65])
{
    (void)of;
    (void)one;
    (void)with;
    strcpy(out, profile == NULL ? "live" : profile->section.name);
}

int __wrap_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error)
{
    if (failing_saves > 0 && --failing_saves == 0) {
        return error_set(error, ERROR_SYSTEM, "no space left");
    }
    return __real_state_save(saved, state_dirfd, name, time, error);
}

// The generation that the argument is about: of rollback the one to go back to, 0 for none.
static uint32_t generation_of(const cJSON *argument)
{
    const cJSON *bundle = cJSON_IsArray(argument) ? cJSON_GetArrayItem(argument, 0) : argument;
    const cJSON *number = cJSON_GetObjectItem(bundle, "generation");
    return number == NULL ? 0 : (uint32_t)number->valuedouble;
}

int __wrap_hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                             const char *argument, size_t length, struct buf *answer, struct error *error)
{
    (void)process;
    assert_string_equal(hook, "files");
    assert_int_equal(timeout_s, 600);
    cJSON_Delete(last_argument);
    last_argument = cJSON_ParseWithLength(argument, length);
    assert_non_null(last_argument);
    if (calls == 0) {
        static struct state on_disk;
        state_init(&on_disk);
        assert_int_equal(state_load(&on_disk, dir, "www", NULL), 0);
        static char note[64];
        snprintf(note, sizeof(note), "%s %u", on_disk.publishing == NULL ? "-" : on_disk.publishing,
                 on_disk.publishing_generation);
        note_seen = note;
        state_free(&on_disk);
    }
    live_seen[calls++] = generation_live(dir, "www");
    snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s %u", said[0] == '\0' ? "" : ";", function,
             generation_of(last_argument));
    const char *next = *script == NULL ? "" : *script++;
    if (strncmp(next, "dies", 4) == 0) {
        return error_set(error, ERROR_HOOK, "the hook process %s", next);
    }
    if (next[0] == '{') {
        buf_text(answer, next);
    } else if (next[0] == '\0') {
        buf_text(answer, "{\"ok\":true}");
    } else {
        buf_format(answer, "{\"error\":\"%s\"}", next);
    }
    return 0;
}

static void make_generation(uint32_t number, bool with_key)
{
    struct generation files;
    struct key *key;
    struct buf der;
    struct error error;
    buf_init(&der, 4096);
    generation_init(&files);
    assert_int_equal(key_generate(KEY_ECDSA_P256, &key, NULL), 0);
    assert_int_equal(key_public(key, &der, NULL), 0);
    struct x509_template facts = {.subject = "CN=www",
                                  .names = "a.example",
                                  .public_der = der.data,
                                  .public_length = der.length,
                                  .not_before = NOW - DAY,
                                  .not_after = NOW + (80 + number) * DAY,
                                  .path_length = -1};
    if (x509_issue(&facts, NULL, 0, key, &files.certificate, &error) < 0 ||
        (with_key && key_write(key, &files.key, &error) < 0) ||
        generation_save(dir, "www", number, &files, &error) < 0) {
        fail_msg("%s", error.message);
    }
    state.generation = number;
    state.not_before = facts.not_before;
    state.not_after = facts.not_after;
    key_free(key);
    buf_free(&der);
    generation_free(&files);
}

static int group_setup(void **unused)
{
    (void)unused;
    return key_start(NULL);
}

static int setup(void **unused)
{
    static const char *const nothing[] = {NULL};

    (void)unused;
    strcpy(folder, "/tmp/certauto-publish-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    script = nothing;
    said[0] = '\0';
    calls = 0;
    now = NOW;
    failing_saves = 0;
    note_seen = NULL;
    section = (struct hook_section){
        .name = "web", .hook = "files", .hook_timeout_s = 600, .functions = HOOK_PUBLISH | HOOK_VERIFY | HOOK_ROLLBACK};
    web = (struct profile){.section = section};
    mail = (struct profile){.section = section};
    mail.section.name = "mail";
    list[0] = &web;
    list[1] = &mail;
    settings = (struct settings){.auto_publish = true, .profiles = {.count = 2, .list = list}};
    config = (struct config){.engine = {.state_dir = folder, .keep = 3}};
    certificate = (struct certificate){.name = "www", .names = "a.example"};
    state_init(&state);
    make_generation(1, true);
    decision = (struct decision){.step = STEP_PUBLISH, .profile = "web", .generation = 1};
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    state_free(&state);
    cJSON_Delete(last_argument);
    last_argument = NULL;
    close(dir);
    return file_remove_tree(AT_FDCWD, folder, NULL);
}

static struct report step_with(unsigned flags)
{
    struct report report = {0};
    struct error error;
    struct order order = {.config = &config, .certificate = &certificate, .step = STEP_PUBLISH, .flags = flags};
    struct keeping keeping = {
        .order = &order, .settings = &settings, .state = &state, .decision = &decision, .state_dirfd = dir, .now = now};
    said[0] = '\0';
    calls = 0;
    publish_step(&keeping, &report);
    if (state_load(&state, dir, "www", &error) < 0 && error.code != ERROR_NOT_FOUND) {
        fail_msg("%s", error.message);
    }
    return report;
}

static void published(uint32_t generation, const char *profile)
{
    decision.profile = profile;
    decision.generation = generation;
    struct report report = step_with(0);
    if (report.outcome != OUTCOME_PUBLISHED) {
        fail_msg("%s: %s", outcome_name(report.outcome), report.error.message);
    }
    assert_int_equal(report.generation, generation);
    assert_string_equal(report.profile, profile);
    assert_null(state.publishing);
}

// The step fails with this sentence; its calls are compared.
static void failed(const char *sentence, const char *called)
{
    struct report report = step_with(0);
    if (report.outcome != OUTCOME_FAILED || strcmp(report.error.message, sentence) != 0) {
        fail_msg("%s: '%s', not '%s'", outcome_name(report.outcome), report.error.message, sentence);
    }
    assert_string_equal(said, called);
    assert_null(state.publishing);
    const struct publication *publication = state_publication(&state, decision.profile);
    assert_non_null(publication);
    assert_string_equal(publication->failures.error, sentence);
}

static void a_publication_is_noted_made_verified_and_recorded(void **unused)
{
    (void)unused;
    published(1, "web");
    assert_string_equal(said, "publish 1;verify 1");
    assert_string_equal(note_seen, "web 1");
    const struct publication *publication = state_publication(&state, "web");
    assert_int_equal(publication->published, 1);
    assert_int_equal(publication->previous, 0);
    assert_int_equal(publication->at, NOW);
    assert_int_equal(publication->published_not_after, NOW + 81 * DAY);
    assert_false(publication->published_revoked);
    assert_int_equal(publication->failures.count, 0);
    make_generation(2, true);
    published(2, "web");
    publication = state_publication(&state, "web");
    assert_int_equal(publication->published, 2);
    assert_int_equal(publication->previous, 1);
}

static const char *text_of(const char *field)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(last_argument, field));
    return text == NULL ? "" : text;
}

static void the_bundle_carries_what_the_hook_contract_says(void **unused)
{
    char directory[128];

    (void)unused;
    published(1, "web");
    assert_null(cJSON_GetObjectItem(last_argument, "previous"));
    make_generation(2, true);
    published(2, "web");
    snprintf(directory, sizeof(directory), "%s/certs/www/2", folder);
    assert_string_equal(text_of("name"), "www");
    assert_string_equal(text_of("profile"), "web");
    assert_string_equal(text_of("directory"), directory);
    assert_non_null(strstr(text_of("certificate"), "BEGIN CERTIFICATE"));
    assert_string_equal(text_of("chain"), "");
    assert_string_equal(text_of("fullchain"), text_of("certificate"));
    assert_non_null(strstr(text_of("key"), "PRIVATE KEY"));
    assert_int_equal(strlen(text_of("fingerprint")), 64);
    assert_true(cJSON_GetObjectItem(last_argument, "not_after")->valuedouble == (double)(NOW + 82 * DAY));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(last_argument, "names"), 0)),
                        "a.example");
    assert_true(cJSON_IsObject(cJSON_GetObjectItem(last_argument, "options")));
    // What went before is told by its facts, without its key.
    const cJSON *previous = cJSON_GetObjectItem(last_argument, "previous");
    assert_int_equal(generation_of(previous), 1);
    assert_int_equal(cJSON_GetArraySize(previous), 4);
}

static void live_goes_with_the_first_profile_before_its_hook(void **unused)
{
    (void)unused;
    published(1, "web");
    assert_int_equal(live_seen[0], 1);
    make_generation(2, true);
    published(2, "mail");
    assert_int_equal(generation_live(dir, "www"), 1);
    published(2, "web");
    assert_int_equal(live_seen[0], 2);
    assert_int_equal(generation_live(dir, "www"), 2);
}

static void a_failed_publication_is_rolled_back_with_the_live_link(void **unused)
{
    static const char *const answers[] = {"reload failed", NULL};

    (void)unused;
    published(1, "web");
    make_generation(2, true);
    decision.generation = 2;
    script = answers;
    failed("reload failed; generation 1 is back in place", "publish 2;rollback 1;verify 1");
    // The link was back before the target was.
    assert_int_equal(live_seen[0], 2);
    assert_int_equal(live_seen[1], 1);
    assert_int_equal(generation_live(dir, "www"), 1);
    const struct publication *publication = state_publication(&state, "web");
    assert_int_equal(publication->published, 1);
    assert_int_equal(publication->failures.count, 1);
    assert_int_equal(publication->failures.last, NOW);
    assert_string_equal(publication->failures.settings, "web");
}

static void a_failed_verification_is_a_failed_publication(void **unused)
{
    static const char *const answers[] = {"", "serves another", NULL};

    (void)unused;
    published(1, "web");
    make_generation(2, true);
    decision.generation = 2;
    script = answers;
    failed("verification: serves another; generation 1 is back in place", "publish 2;verify 2;rollback 1;verify 1");
}

static void rollback_gets_the_previous_bundle_whole_and_the_one_that_failed(void **unused)
{
    static const char *const answers[] = {"no", NULL};

    (void)unused;
    web.section.functions = HOOK_PUBLISH | HOOK_ROLLBACK;
    published(1, "web");
    make_generation(2, true);
    decision.generation = 2;
    script = answers;
    failed("no; generation 1 is back in place", "publish 2;rollback 1");
    assert_int_equal(cJSON_GetArraySize(last_argument), 2);
    const cJSON *previous = cJSON_GetArrayItem(last_argument, 0);
    assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(previous, "key")), "PRIVATE KEY"));
    assert_int_equal(generation_of(cJSON_GetArrayItem(last_argument, 1)), 2);
}

static void without_rollback_the_previous_is_published_again(void **unused)
{
    static const char *const answers[] = {"no", NULL};

    (void)unused;
    web.section.functions = HOOK_PUBLISH | HOOK_VERIFY;
    published(1, "web");
    make_generation(2, true);
    decision.generation = 2;
    script = answers;
    failed("no; generation 1 is back in place", "publish 2;publish 1;verify 1");
}

static void a_first_publication_that_fails_is_removed_again(void **unused)
{
    static const char *const answers[] = {"no", NULL};

    (void)unused;
    script = answers;
    failed("no; what it had made is removed", "publish 1;rollback 0");
    assert_int_equal(generation_live(dir, "www"), 0);
    script = answers;
    web.section.functions = HOOK_PUBLISH;
    failed("no; there is nothing to go back to", "publish 1");
    assert_int_equal(state_publication(&state, "web")->failures.count, 2);
}

static void when_going_back_fails_both_results_are_told(void **unused)
{
    static const char *const answers[] = {"disk full", "disk still full", NULL};
    static const char *const verifies[] = {"disk full", "", "not served", NULL};
    static const char *const dies[] = {"dies at once", NULL};

    (void)unused;
    published(1, "web");
    make_generation(2, true);
    decision.generation = 2;
    script = answers;
    failed("disk full; going back failed too: disk still full", "publish 2;rollback 1");
    script = verifies;
    failed("disk full; going back failed too: verification: not served", "publish 2;rollback 1;verify 1");
    script = dies;
    failed("the hook process dies at once; generation 1 is back in place", "publish 2;rollback 1;verify 1");
    assert_int_equal(state_publication(&state, "web")->failures.count, 3);
    published(2, "web");
    assert_int_equal(state_publication(&state, "web")->failures.count, 0);
}

static void a_permanent_failure_is_the_publications_not_the_rollbacks(void **unused)
{
    static const char *const answers[] = {"{\"error\":\"never\",\"permanent\":true}", NULL};
    static const char *const later[] = {"now not", "{\"error\":\"never\",\"permanent\":true}", NULL};

    (void)unused;
    script = answers;
    failed("never; what it had made is removed", "publish 1;rollback 0");
    assert_true(state_publication(&state, "web")->failures.permanent);
    script = later;
    failed("now not; going back failed too: never", "publish 1;rollback 0");
    assert_false(state_publication(&state, "web")->failures.permanent);
}

static void a_previous_that_cannot_be_read_is_not_removed_from_its_target(void **unused)
{
    static const char *const answers[] = {"no", NULL};

    (void)unused;
    published(1, "web");
    make_generation(2, true);
    assert_int_equal(file_remove_tree(dir, "certs/www/1", NULL), 0);
    decision.generation = 2;
    script = answers;
    failed("no; nothing is put back: the generation before cannot be read", "publish 2");
}

static void without_its_key_a_generation_is_not_published(void **unused)
{
    (void)unused;
    make_generation(2, false);
    decision.generation = 2;
    failed("generation 2 was imported without its key, so it cannot be published", "");
}

static void with_another_key_a_generation_is_not_published(void **unused)
{
    struct buf key;

    (void)unused;
    make_generation(2, true);
    buf_init_secret(&key, 65536);
    assert_int_equal(file_read(dir, "certs/www/1/key.pem", &key, NULL), 0);
    assert_int_equal(file_write_atomic(dir, "certs/www/2/key.pem", key.data, key.length, NULL, NULL), 0);
    buf_free(&key);
    decision.generation = 2;
    failed("generation 2: its key is not that of its certificate", "");
}

static void without_a_profile_only_live_is_switched(void **unused)
{
    (void)unused;
    settings.profiles.count = 0;
    published(1, STATE_LIVE);
    assert_string_equal(said, "");
    assert_int_equal(generation_live(dir, "www"), 1);
    assert_int_equal(state_publication(&state, STATE_LIVE)->published, 1);
}

static void nothing_is_published_when_the_note_cannot_be_written(void **unused)
{
    (void)unused;
    failing_saves = 1;
    failed("nothing is published without a note of it: no space left", "");
    assert_int_equal(generation_live(dir, "www"), 0);
}

// The process dies after the hook, as if killed: the note is on disk, the result is not.
static void cut_short(uint32_t generation)
{
    decision.generation = generation;
    failing_saves = 2;
    struct report report = step_with(0);
    assert_int_equal(report.outcome, OUTCOME_FAILED);
    assert_non_null(strstr(report.error.message, "it is published, but that is not recorded: no space left"));
    assert_string_equal(state.publishing, "web");
    assert_int_equal(state.publishing_generation, generation);
}

static void a_publication_that_was_cut_short_is_finished(void **unused)
{
    (void)unused;
    published(1, "web");
    make_generation(2, true);
    cut_short(2);
    decision.cause = DUE_UNFINISHED;
    published(2, "web");
    assert_string_equal(said, "publish 2;verify 2");
    assert_int_equal(state_publication(&state, "web")->previous, 1);
}

static void a_publication_that_was_cut_short_is_undone_when_it_cannot_be_finished(void **unused)
{
    static const char *const answers[] = {"no", NULL};

    (void)unused;
    published(1, "web");
    make_generation(2, true);
    cut_short(2);
    assert_int_equal(generation_live(dir, "www"), 2);
    decision.cause = DUE_UNFINISHED;
    script = answers;
    failed("no; generation 1 is back in place", "publish 2;rollback 1;verify 1");
    // The link goes back to what was published, not to where the death had left it.
    assert_int_equal(generation_live(dir, "www"), 1);
}

static void a_note_of_a_profile_that_is_gone_is_dropped_with_a_sentence(void **unused)
{
    (void)unused;
    cut_short(1);
    settings.profiles.count = 1;
    list[0] = &mail;
    decision.cause = DUE_UNFINISHED;
    struct report report = step_with(0);
    assert_int_equal(report.outcome, OUTCOME_FAILED);
    assert_non_null(strstr(report.error.message, "profile 'web' is no longer configured"));
    assert_string_equal(said, "");
    assert_null(state.publishing);
}

static void nor_is_the_link_switched_for_it_when_no_profile_is_left(void **unused)
{
    (void)unused;
    published(1, "web");
    make_generation(2, true);
    state.publishing = "web";
    state.publishing_generation = 2;
    assert_int_equal(state_save(&state, dir, "www", now, NULL), 0);
    settings.profiles.count = 0;
    decision.cause = DUE_UNFINISHED;
    decision.generation = 2;
    struct report report = step_with(0);
    assert_int_equal(report.outcome, OUTCOME_FAILED);
    assert_non_null(strstr(report.error.message, "profile 'web' is no longer configured"));
    assert_int_equal(generation_live(dir, "www"), 1);
    assert_null(state.publishing);
}

static void a_publication_lifts_a_withdrawal_but_for_other_profiles_it_stays_held(void **unused)
{
    static const char *const answers[] = {"no", NULL};

    (void)unused;
    state.withdrawn = 1;
    state.held = 1;
    state.held_reason = "issuer";
    script = answers;
    failed("no; what it had made is removed", "publish 1;rollback 0");
    assert_int_equal(state.withdrawn, 1);
    assert_int_equal(state.held, 1);
    published(1, "web");
    assert_int_equal(state.withdrawn, 0);
    assert_int_equal(state.held, 1);
    assert_string_equal(state.held_reason, "issuer");
}

static void old_generations_are_pruned_after_a_success(void **unused)
{
    (void)unused;
    config.engine.keep = 1;
    for (uint32_t i = 1; i <= 5; i++) {
        if (i > 1) {
            make_generation(i, true);
        }
        published(i, "web");
    }
    // 5 and 4 are in use, 3 is kept.
    assert_int_equal(faccessat(dir, "certs/www/2", F_OK, 0), -1);
    assert_int_equal(faccessat(dir, "certs/www/3", F_OK, 0), 0);
    assert_int_equal(faccessat(dir, "certs/www/4", F_OK, 0), 0);
}

static void profiles_that_are_gone_make_room_in_the_state(void **unused)
{
    static char names[STATE_MAX_PUBLICATIONS][16];

    (void)unused;
    for (size_t i = 0; i < STATE_MAX_PUBLICATIONS; i++) {
        snprintf(names[i], sizeof(names[i]), "old%zu", i);
        struct publication *old = state_publication_add(&state, names[i]);
        old->published = 1;
        old->at = NOW;
    }
    published(1, "web");
    assert_int_equal(state.publication_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_publication_is_noted_made_verified_and_recorded),
        TEST(the_bundle_carries_what_the_hook_contract_says),
        TEST(live_goes_with_the_first_profile_before_its_hook),
        TEST(a_failed_publication_is_rolled_back_with_the_live_link),
        TEST(a_failed_verification_is_a_failed_publication),
        TEST(rollback_gets_the_previous_bundle_whole_and_the_one_that_failed),
        TEST(without_rollback_the_previous_is_published_again),
        TEST(a_first_publication_that_fails_is_removed_again),
        TEST(when_going_back_fails_both_results_are_told),
        TEST(a_permanent_failure_is_the_publications_not_the_rollbacks),
        TEST(a_previous_that_cannot_be_read_is_not_removed_from_its_target),
        TEST(without_its_key_a_generation_is_not_published),
        TEST(with_another_key_a_generation_is_not_published),
        TEST(without_a_profile_only_live_is_switched),
        TEST(nothing_is_published_when_the_note_cannot_be_written),
        TEST(a_publication_that_was_cut_short_is_finished),
        TEST(a_publication_that_was_cut_short_is_undone_when_it_cannot_be_finished),
        TEST(a_note_of_a_profile_that_is_gone_is_dropped_with_a_sentence),
        TEST(nor_is_the_link_switched_for_it_when_no_profile_is_left),
        TEST(a_publication_lifts_a_withdrawal_but_for_other_profiles_it_stays_held),
        TEST(old_generations_are_pruned_after_a_success),
        TEST(profiles_that_are_gone_make_room_in_the_state),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
