// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of renew.c with accept.c and succession.c: requests, checks, failures.
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

#include "renew.h"
#include "succession.h"

// Replaced in all of our own files.
int64_t __wrap_clock_now(void);
void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65]);
int __wrap_hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                             const char *argument, size_t length, struct buf *answer, struct error *error);
int __wrap_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error);
int __real_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error);

#include "issuing.h"

// ---- What becomes of a good answer

static void a_first_certificate_is_asked_for_checked_and_kept(void **unused)
{
    struct generation files;

    (void)unused;
    renewed(1);
    assert_string_equal(state.names, "a.example, b.example");
    assert_string_equal(state.key_type, "ecdsa-p256");
    assert_string_equal(state.template, "internal");
    assert_int_equal(state.not_after, NOW + 90 * DAY);
    assert_int_equal(state.issued, NOW);
    assert_int_equal(state.issue.count, 0);
    generation_init(&files);
    assert_int_equal(generation_load(dir, "www", 1, &files, NULL), 0);
    struct key *key;
    assert_int_equal(key_parse(files.key.data, files.key.length, &key, NULL), 0);
    assert_true(x509_matches_key(files.certificate.data, files.certificate.length, key, NULL));
    // The root is left out of the chain.
    assert_int_equal(files.chain.length, 0);
    assert_string_equal(buf_string(&files.certificate), buf_string(&last_certificate));
    key_free(key);
    generation_free(&files);
    assert_int_equal(faccessat(dir, "certs/www/next/key.pem", F_OK, 0), -1);
}

static void the_request_carries_what_the_hook_contract_says(void **unused)
{
    static const struct hook_option declared[] = {{"lifetime", "duration", false, "90d", "x"}};

    (void)unused;
    template.section.declared = declared;
    template.section.declared_count = 1;
    renewed(1);
    assert_string_equal(asked("name"), "www");
    assert_string_equal(asked("key_type"), "ecdsa-p256");
    assert_string_equal(asked("template"), "internal");
    assert_non_null(strstr(asked("csr"), "BEGIN CERTIFICATE REQUEST"));
    const cJSON *names = cJSON_GetObjectItem(asked_for, "names");
    assert_int_equal(cJSON_GetArraySize(names), 2);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(names, 1)), "b.example");
    assert_null(cJSON_GetObjectItem(asked_for, "previous"));
    assert_null(cJSON_GetObjectItem(asked_for, "cookie"));
    assert_true(cJSON_GetObjectItem(asked_for, "attempt")->valuedouble == 1);
    assert_true(cJSON_GetObjectItem(asked_for, "deadline")->valuedouble == (double)(NOW + 600));
    assert_true(cJSON_GetObjectItem(cJSON_GetObjectItem(asked_for, "options"), "lifetime")->valuedouble == 90.0 * DAY);
    // No private key goes to an issue hook.
    char *text = cJSON_PrintUnformatted(asked_for);
    assert_null(strstr(text, "PRIVATE"));
    cJSON_free(text);
    char serial[256];
    strcpy(serial, state.serial);
    renewed(2);
    const cJSON *previous = cJSON_GetObjectItem(asked_for, "previous");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(previous, "serial")), serial);
    assert_true(cJSON_GetObjectItem(previous, "not_after")->valuedouble == (double)(NOW + 90 * DAY));
    assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(previous, "certificate")), "BEGIN CERT"));
}

static void what_follows_a_revoked_generation_has_another_key_and_the_state_remembers(void **unused)
{
    struct buf first, second;

    (void)unused;
    settings.reuse_key = true;
    renewed(1);
    state_publication_add(&state, "live")->published = 1;
    succession_revoke(&state, 1);
    assert_true(state.revoked && state.revoked_here);
    assert_int_equal(state.revoked_older, 0);
    assert_int_equal(state_save(&state, dir, "www", now, NULL), 0);
    renewed(2);
    key_of(1, &first);
    key_of(2, &second);
    assert_string_not_equal(buf_string(&first), buf_string(&second));
    assert_false(state.revoked || state.revoked_here);
    assert_int_equal(state.revoked_older, 1);
    assert_true(state_publication(&state, "live")->published_revoked);
    // That of an older one does not move the mark back, nor make the newest due.
    renewed(3);
    succession_revoke(&state, 2);
    succession_revoke(&state, 1);
    assert_int_equal(state.revoked_older, 2);
    assert_false(state.revoked);
    buf_free(&first);
    buf_free(&second);
}

static void each_generation_has_a_key_of_its_own_unless_it_is_to_be_reused(void **unused)
{
    struct buf first, second, third, fourth;

    (void)unused;
    renewed(1);
    renewed(2);
    settings.reuse_key = true;
    renewed(3);
    // Of another type it cannot be reused.
    settings.key = KEY_ECDSA_P384;
    renewed(4);
    key_of(1, &first);
    key_of(2, &second);
    key_of(3, &third);
    key_of(4, &fourth);
    assert_string_not_equal(buf_string(&first), buf_string(&second));
    assert_string_equal(buf_string(&second), buf_string(&third));
    assert_string_not_equal(buf_string(&third), buf_string(&fourth));
    assert_string_equal(state.key_type, "ecdsa-p384");
    buf_free(&first);
    buf_free(&second);
    buf_free(&third);
    buf_free(&fourth);
}

static void a_failed_attempt_is_made_again_with_the_same_key(void **unused)
{
    struct buf aside, kept;

    (void)unused;
    ca.text = "{\"error\":\"come back\"}";
    failed("come back");
    buf_init_secret(&aside, 65536);
    assert_int_equal(generation_key_load(dir, "www", &aside, NULL), 0);
    ca.text = NULL;
    renewed(1);
    key_of(1, &kept);
    assert_string_equal(buf_string(&aside), buf_string(&kept));
    buf_free(&aside);
    buf_free(&kept);
}

static void a_key_aside_of_another_type_is_not_used(void **unused)
{
    (void)unused;
    ca.text = "{\"error\":\"come back\"}";
    failed("come back");
    ca.text = NULL;
    settings.key = KEY_ECDSA_P384;
    renewed(1);
    assert_string_equal(asked("key_type"), "ecdsa-p384");
}

static void an_imported_certificate_without_names_keeps_its_own(void **unused)
{
    (void)unused;
    renewed(1);
    certificate.names = NULL;
    renewed(2);
    assert_string_equal(state.names, "a.example, b.example");
}

static void a_key_that_the_ca_brings_is_kept_instead(void **unused)
{
    struct generation files;
    struct key *key;

    (void)unused;
    ca.bring_key = true;
    renewed(1);
    generation_init(&files);
    assert_int_equal(generation_load(dir, "www", 1, &files, NULL), 0);
    assert_int_equal(key_parse(files.key.data, files.key.length, &key, NULL), 0);
    assert_true(x509_matches_key(files.certificate.data, files.certificate.length, key, NULL));
    key_free(key);
    generation_free(&files);
}

static void a_chain_behind_the_certificate_is_found(void **unused)
{
    (void)unused;
    ca.chain_in_certificate = true;
    char path[128];
    snprintf(path, sizeof(path), "%s/trust.pem", folder);
    FILE *file = fopen(path, "w");
    fputs(buf_string(&ca_pem), file);
    fclose(file);
    template.trust = path;
    renewed(1);
}

// ---- What is refused

static const struct bend {
    const char *says;
    enum {
        OTHER_KEY,
        FEWER_NAMES,
        TOO_EARLY,
        TOO_LATE,
        SAME_AGAIN,
        WRONG_CHAIN,
        WRONG_KEY,
        RUBBISH,
        NO_PEM,
        BAD_PEM
    } what;
} bends[] = {
    {"for another key", OTHER_KEY},    {"the certificate is not for 'b.example'", FEWER_NAMES},
    {"is valid only from", TOO_EARLY}, {"has expired", TOO_LATE},
    {"held already", SAME_AGAIN},      {"chain", WRONG_CHAIN},
    {"for another key", WRONG_KEY},    {"not JSON", RUBBISH},
    {"no certificate", NO_PEM},        {"certificate 1", BAD_PEM},
};

static void bend(const struct bend *bend)
{
    memset(&ca, 0, sizeof(ca));
    ca.not_before = NOW - 60;
    ca.not_after = bend->what == TOO_LATE ? NOW : NOW + 90 * DAY;
    ca.other_key = bend->what == OTHER_KEY;
    ca.names = bend->what == FEWER_NAMES ? "a.example" : NULL;
    ca.not_before += bend->what == TOO_EARLY ? 60 + 3601 : 0;
    ca.same_again = bend->what == SAME_AGAIN;
    ca.wrong_chain = bend->what == WRONG_CHAIN;
    ca.bring_wrong_key = bend->what == WRONG_KEY;
    ca.text = bend->what == RUBBISH   ? "rubbish"
              : bend->what == NO_PEM  ? "{\"ok\":{\"certificate\":\"hello\"}}"
              : bend->what == BAD_PEM ? "{\"ok\":{\"certificate\":\"-----BEGIN CERTIFICATE-----\\nMAA=\\n"
                                        "-----END CERTIFICATE-----\\n\"}}"
                                      : NULL;
}

static void answers_that_fail_a_check_are_refused_and_nothing_changes(void **unused)
{
    char fingerprint[X509_FINGERPRINT_SIZE];
    uint32_t newest;

    (void)unused;
    renewed(1);
    strcpy(fingerprint, state.fingerprint);
    hold_on_to_last();
    for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
        bend(&bends[i]);
        failed(bends[i].says);
        assert_int_equal(state.issue.count, i + 1);
        assert_int_equal(state.issue.last, NOW);
        assert_non_null(state.issue.error);
        assert_string_equal(state.issue.settings, "digest one");
        assert_int_equal(state.generation, 1);
        assert_string_equal(state.fingerprint, fingerprint);
        assert_string_equal(state.names, "a.example, b.example");
        assert_int_equal(generation_newest(dir, "www", &newest, NULL), 0);
        assert_int_equal(newest, 1);
    }
    memset(&ca, 0, sizeof(ca));
    ca.not_before = NOW + 3600;
    ca.not_after = NOW + 90 * DAY;
    renewed(2);
    assert_int_equal(state.issue.count, 0);
    assert_null(state.issue.error);
}

static void more_names_than_asked_for_are_fine(void **unused)
{
    (void)unused;
    ca.names = "b.example, c.example, a.example";
    renewed(1);
    assert_string_equal(state.names, "a.example, b.example");
}

static void the_chain_must_end_at_trust_where_it_is_given(void **unused)
{
    char path[128];

    (void)unused;
    snprintf(path, sizeof(path), "%s/trust.pem", folder);
    template.trust = path;
    failed("trust.pem");
    // Nobody was asked: it could not be checked.
    assert_int_equal(calls, 0);
    FILE *file = fopen(path, "w");
    fputs(buf_string(&other_ca_pem), file);
    fclose(file);
    failed("");
    assert_int_equal(calls, 1);
    file = fopen(path, "w");
    fputs(buf_string(&other_ca_pem), file);
    fputs(buf_string(&ca_pem), file);
    fclose(file);
    ca.no_chain = true;
    renewed(1);
}

static void a_shorter_life_is_no_fault(void **unused)
{
    (void)unused;
    renewed(1);
    ca.not_after = NOW + 20 * DAY;
    renewed(2);
}

static void one_that_is_due_again_at_once_is_kept_and_counts_as_a_failure(void **unused)
{
    (void)unused;
    settings.renew = (struct renew){.rule = RENEW_BEFORE, .amount = 50 * DAY};
    renewed(1);
    // It ran already when it was issued, so that the rule makes it due at once.
    ca.not_before = NOW - 200 * DAY;
    ca.not_after = NOW + 40 * DAY;
    struct report report = step();
    assert_int_equal(report.outcome, OUTCOME_FAILED);
    assert_int_equal(report.generation, 2);
    assert_non_null(strstr(report.error.message, "generation 2 was issued, but it is due for renewal again at once"));
    assert_int_equal(state.generation, 2);
    assert_true(state.due_again);
    assert_int_equal(state.issue.count, 1);
    report = step();
    assert_int_equal(state.generation, 3);
    assert_int_equal(state.issue.count, 2);
    ca.not_after = NOW + 400 * DAY;
    renewed(4);
    assert_false(state.due_again);
    assert_int_equal(state.issue.count, 0);
}

// ---- Failures

static void failures_are_counted_until_settings_change_or_a_person_starts(void **unused)
{
    (void)unused;
    ca.text = "{\"error\":\"no\"}";
    failed("no");
    now += 100;
    failed("no");
    assert_int_equal(state.issue.count, 2);
    assert_int_equal(state.issue.last, NOW + 100);
    assert_true(cJSON_GetObjectItem(asked_for, "attempt")->valuedouble == 2);
    digest = "digest two";
    failed("no");
    assert_int_equal(state.issue.count, 1);
    failed("no");
    assert_int_equal(step_with(DECIDE_BY_HAND_ISSUE).outcome, OUTCOME_FAILED);
    assert_int_equal(state.issue.count, 1);
}

static void retry_after_and_permanent_are_kept_of_a_refusal(void **unused)
{
    (void)unused;
    ca.text = "{\"error\":\"slow down\",\"wait\":3600,\"permanent\":true}";
    failed("slow down");
    assert_true(state.issue.permanent);
    assert_int_equal(state.retry_after, NOW + 3600);
    ca.text = "{\"error\":\"much slower\",\"wait\":99999999}";
    failed("much slower");
    assert_false(state.issue.permanent);
    assert_int_equal(state.retry_after, NOW + 7 * DAY);
    ca.text = NULL;
    renewed(1);
    assert_int_equal(state.retry_after, CLOCK_NONE);
}

static void a_hook_that_dies_or_raises_is_a_failure(void **unused)
{
    (void)unused;
    ca.dies = "the hook process was killed by signal 9 without an answer";
    failed("killed by signal 9");
    ca.dies = NULL;
    ca.text = "{\"raised\":\"ca.lua:7: boom\",\"traceback\":\"stack\"}";
    failed("ca.lua:7: boom");
    assert_int_equal(state.issue.count, 2);
    assert_string_equal(state.issue.error, "ca.lua:7: boom");
}

static void options_that_cannot_be_read_fail_the_step_without_asking(void **unused)
{
    static const struct hook_option declared[] = {{"token", "secret", true, NULL, "x"}};
    static const struct option options[] = {{.name = "token", .value = "@/nonexistent", .declared = &declared[0]}};

    (void)unused;
    template.section.declared = declared;
    template.section.declared_count = 1;
    template.section.options = options;
    template.section.option_count = 1;
    failed("option 'token'");
    assert_int_equal(calls, 0);
    assert_int_equal(state.issue.count, 1);
}

// ---- What belongs to one generation ends with it

static void what_belonged_to_the_old_generation_ends_with_it(void **unused)
{
    (void)unused;
    renewed(1);
    state.revoked = true;
    state.revoked_here = true;
    state.window_start = NOW;
    state.window_finish = NOW + 5;
    state.window_url = "https://ca.example/why";
    state.warned = "14d";
    state.withdrawn = 1;
    state.held = 1;
    state.held_reason = "issuer";
    struct publication *web = state_publication_add(&state, "web");
    web->published = 1;
    web->at = NOW;
    assert_int_equal(state_save(&state, dir, "www", NOW, NULL), 0);
    renewed(2);
    assert_false(state.revoked);
    assert_false(state.revoked_here);
    assert_int_equal(state.window_start, CLOCK_NONE);
    assert_null(state.window_url);
    assert_null(state.warned);
    assert_int_equal(state.withdrawn, 0);
    assert_int_equal(state.held, 0);
    assert_true(state_publication(&state, "web")->published_revoked);
    assert_int_equal(state_publication(&state, "web")->published, 1);
}

static void those_that_were_held_and_never_forced_are_remembered_as_long_as_they_follow_each_other(void **unused)
{
    static const struct {
        uint32_t held, published, first, last;
    } cases[] = {
        {0, 0, 0, 0},                                           // generation 1 is published
        {2, 1, 2, 2}, {3, 1, 2, 3}, {0, 4, 2, 3}, {5, 5, 2, 3}, // by force
        {6, 5, 6, 6}, {7, 5, 6, 7},
    };

    (void)unused;
    renewed(1);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        state.held = cases[i].held;
        state_publication_add(&state, "web")->published = cases[i].published;
        assert_int_equal(state_save(&state, dir, "www", now, NULL), 0);
        renewed(i + 2);
        assert_int_equal(state.held_first, cases[i].first);
        assert_int_equal(state.held_last, cases[i].last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_first_certificate_is_asked_for_checked_and_kept),
        TEST(the_request_carries_what_the_hook_contract_says),
        TEST(those_that_were_held_and_never_forced_are_remembered_as_long_as_they_follow_each_other),
        TEST(what_follows_a_revoked_generation_has_another_key_and_the_state_remembers),
        TEST(each_generation_has_a_key_of_its_own_unless_it_is_to_be_reused),
        TEST(a_failed_attempt_is_made_again_with_the_same_key),
        TEST(a_key_aside_of_another_type_is_not_used),
        TEST(an_imported_certificate_without_names_keeps_its_own),
        TEST(a_key_that_the_ca_brings_is_kept_instead),
        TEST(a_chain_behind_the_certificate_is_found),
        TEST(answers_that_fail_a_check_are_refused_and_nothing_changes),
        TEST(more_names_than_asked_for_are_fine),
        TEST(the_chain_must_end_at_trust_where_it_is_given),
        TEST(a_shorter_life_is_no_fault),
        TEST(one_that_is_due_again_at_once_is_kept_and_counts_as_a_failure),
        TEST(failures_are_counted_until_settings_change_or_a_person_starts),
        TEST(retry_after_and_permanent_are_kept_of_a_refusal),
        TEST(a_hook_that_dies_or_raises_is_a_failure),
        TEST(options_that_cannot_be_read_fail_the_step_without_asking),
        TEST(what_belonged_to_the_old_generation_ends_with_it),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
