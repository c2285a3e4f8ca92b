// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of renew.c: pending orders, and what a death in between leaves behind.
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

// Replaced in all of our own files.
int64_t __wrap_clock_now(void);
void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65]);
int __wrap_hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                             const char *argument, size_t length, struct buf *answer, struct error *error);
int __wrap_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error);
int __real_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error);

#include "issuing.h"

// ---- Pending orders

static void a_pending_order_is_kept_and_asked_about_with_its_cookie_and_key(void **unused)
{
    struct buf aside, kept;

    (void)unused;
    ca.text = "{\"ok\":{\"pending\":true,\"wait\":300,\"cookie\":\"order 17\"}}";
    struct report report = step();
    assert_int_equal(report.outcome, OUTCOME_PENDING);
    assert_non_null(strstr(report.error.message, "5 min"));
    assert_int_equal(state.pending_since, NOW);
    assert_int_equal(state.pending_next, NOW + 300);
    assert_string_equal(state.pending_cookie, "order 17");
    assert_string_equal(state.pending_names, "a.example, b.example");
    assert_string_equal(state.pending_key_type, "ecdsa-p256");
    assert_int_equal(state.issue.count, 0);
    buf_init_secret(&aside, 65536);
    assert_int_equal(generation_key_load(dir, "www", &aside, NULL), 0);
    now += 300;
    ca.text = "{\"ok\":{\"pending\":true,\"cookie\":\"order 18\"}}";
    assert_int_equal(step().outcome, OUTCOME_PENDING);
    assert_string_equal(asked("cookie"), "order 17");
    // Its age goes on.
    assert_int_equal(state.pending_since, NOW);
    assert_int_equal(state.pending_next, now + RENEW_PENDING_WAIT_S);
    ca.text = NULL;
    renewed(1);
    assert_string_equal(asked("cookie"), "order 18");
    assert_int_equal(state.pending_since, CLOCK_NONE);
    assert_null(state.pending_cookie);
    key_of(1, &kept);
    assert_string_equal(buf_string(&aside), buf_string(&kept));
    buf_free(&aside);
    buf_free(&kept);
}

static void the_wait_of_a_pending_order_is_held_between_a_second_and_a_day(void **unused)
{
    (void)unused;
    ca.text = "{\"ok\":{\"pending\":true,\"wait\":0}}";
    assert_int_equal(step().outcome, OUTCOME_PENDING);
    assert_int_equal(state.pending_next, NOW + 1);
    ca.text = "{\"ok\":{\"pending\":true,\"wait\":864000}}";
    assert_int_equal(step().outcome, OUTCOME_PENDING);
    assert_int_equal(state.pending_next, NOW + DAY);
}

static void pending(void)
{
    ca.text = "{\"ok\":{\"pending\":true,\"wait\":300,\"cookie\":\"order 17\"}}";
    assert_int_equal(step().outcome, OUTCOME_PENDING);
    ca.text = NULL;
}

static void a_pending_order_with_the_old_key_again_is_asked_about_with_its_cookie(void **unused)
{
    struct buf old, kept;

    (void)unused;
    renewed(1);
    key_of(1, &old);
    settings.reuse_key = true;
    pending();
    now += 300;
    ca.text = "{\"ok\":{\"pending\":true,\"cookie\":\"order 18\"}}";
    assert_int_equal(step().outcome, OUTCOME_PENDING);
    assert_string_equal(asked("cookie"), "order 17");
    assert_int_equal(state.pending_since, NOW);
    ca.text = NULL;
    renewed(2);
    assert_string_equal(asked("cookie"), "order 18");
    key_of(2, &kept);
    assert_string_equal(buf_string(&old), buf_string(&kept));
    buf_free(&old);
    buf_free(&kept);
}

static void a_pending_order_is_dropped_when_names_or_key_change_or_it_is_too_old(void **unused)
{
    (void)unused;
    pending();
    certificate.names = "c.example";
    ca.text = "{\"error\":\"no\"}";
    failed("no");
    assert_string_equal(asked("cookie"), "");
    assert_int_equal(state.pending_since, CLOCK_NONE);
    pending();
    settings.key = KEY_ECDSA_P384;
    ca.text = "{\"error\":\"no\"}";
    failed("no");
    assert_string_equal(asked("cookie"), "");
    pending();
    now += 30 * DAY;
    ca.text = "{\"ok\":{\"pending\":true}}";
    assert_int_equal(step().outcome, OUTCOME_PENDING);
    assert_string_equal(asked("cookie"), "");
    assert_int_equal(state.pending_since, now);
}

static void a_pending_order_is_dropped_when_the_hook_fails_it_but_not_when_the_hook_dies(void **unused)
{
    (void)unused;
    pending();
    ca.dies = "the hook was killed: no answer within 10 min";
    now += 300;
    failed("no answer");
    assert_int_equal(state.pending_since, NOW);
    assert_string_equal(state.pending_cookie, "order 17");
    assert_int_equal(state.pending_next, now + 60);
    ca.dies = NULL;
    ca.text = "{\"error\":\"denied\"}";
    failed("denied");
    assert_string_equal(asked("cookie"), "order 17");
    assert_int_equal(state.pending_since, CLOCK_NONE);
    assert_null(state.pending_cookie);
}

// ---- Deaths

static void a_generation_that_the_state_does_not_know_is_adopted_not_ordered_again(void **unused)
{
    (void)unused;
    renewed(1);
    now += 60 * DAY;
    ca.not_before = now;
    ca.not_after = now + 90 * DAY;
    failing_saves = 1;
    struct report report = step();
    assert_int_equal(report.outcome, OUTCOME_FAILED);
    assert_non_null(strstr(report.error.message, "generation 2 is on disk, but: no space left"));
    assert_int_equal(state.generation, 1);
    calls = 0;
    renewed(2);
    assert_int_equal(calls, 0);
    assert_int_equal(state.not_after, now + 90 * DAY);
    assert_string_equal(state.names, "a.example, b.example");
    assert_string_equal(state.key_type, "ecdsa-p256");
    assert_string_equal(state.template, "internal");
}

static void an_adopted_generation_has_the_names_that_it_can_have_been_asked_for(void **unused)
{
    (void)unused;
    failing_saves = 1;
    assert_int_equal(step().outcome, OUTCOME_FAILED);
    // Meanwhile other names were configured: it was never asked for these.
    certificate.names = "a.example, new.example";
    calls = 0;
    step();
    assert_int_equal(calls, 0);
    assert_int_equal(state.generation, 1);
    assert_string_equal(state.names, "a.example, b.example");
}

static void a_broken_generation_is_not_adopted_and_its_number_not_used_again(void **unused)
{
    (void)unused;
    failing_saves = 1;
    assert_int_equal(step().outcome, OUTCOME_FAILED);
    int fd = openat(dir, "certs/www/1/cert.pem", O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    close(fd);
    struct report report = step();
    assert_int_equal(report.outcome, OUTCOME_RENEWED);
    assert_int_equal(report.generation, 2);
    assert_int_equal(calls, 2);
}

static void a_lost_newest_certificate_does_not_hold_its_renewal(void **unused)
{
    (void)unused;
    renewed(1);
    assert_int_equal(file_remove_tree(dir, "certs/www/1", NULL), 0);
    renewed(2);
    assert_null(cJSON_GetObjectItem(asked_for, "previous"));
}

static void old_generations_are_pruned_after_an_issue_only_when_nothing_publishes(void **unused)
{
    (void)unused;
    config.engine.keep = 1;
    for (uint32_t i = 1; i <= 4; i++) {
        renewed(i);
    }
    assert_int_equal(faccessat(dir, "certs/www/1", F_OK, 0), 0);
    settings.auto_publish = false;
    renewed(5);
    assert_int_equal(faccessat(dir, "certs/www/1", F_OK, 0), -1);
    assert_int_equal(faccessat(dir, "certs/www/4", F_OK, 0), 0);
    assert_int_equal(faccessat(dir, "certs/www/5", F_OK, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pending_order_is_kept_and_asked_about_with_its_cookie_and_key),
        TEST(the_wait_of_a_pending_order_is_held_between_a_second_and_a_day),
        TEST(a_pending_order_with_the_old_key_again_is_asked_about_with_its_cookie),
        TEST(a_pending_order_is_dropped_when_names_or_key_change_or_it_is_too_old),
        TEST(a_pending_order_is_dropped_when_the_hook_fails_it_but_not_when_the_hook_dies),
        TEST(a_generation_that_the_state_does_not_know_is_adopted_not_ordered_again),
        TEST(an_adopted_generation_has_the_names_that_it_can_have_been_asked_for),
        TEST(a_broken_generation_is_not_adopted_and_its_number_not_used_again),
        TEST(a_lost_newest_certificate_does_not_hold_its_renewal),
        TEST(old_generations_are_pruned_after_an_issue_only_when_nothing_publishes),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
