// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The Nth allocation fails, for N = 1, 2, … until none does: no crash, no leak, a sentence, and the disk is intact.
#include <dirent.h>
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

#include "answer.h"
#include "keeper.h"
#include "renew.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);

// ---- Allocations of our own files and of the libraries

static unsigned long left; // until one fails; 0: none will
static bool all_after;     // and so do those after it
static bool met;

static bool fails(void)
{
    if (left == 0 || --left > 0) {
        return false;
    }
    left = all_after ? 1 : 0;
    met = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length)
{
    return fails() ? NULL : __real_strndup(text, length);
}

// ---- The world of renewals, whose CA has memory

int64_t __wrap_clock_now(void);
void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65]);
int __wrap_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error);
int __real_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error);
int __wrap_hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                             const char *argument, size_t length, struct buf *answer, struct error *error);
static int play_ca(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                   const char *argument, size_t length, struct buf *answer, struct error *error);

#define __wrap_hook_process_call play_ca
#include "issuing.h"
#undef __wrap_hook_process_call

int __wrap_hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                             const char *argument, size_t length, struct buf *answer, struct error *error)
{
    unsigned long kept = left;
    left = 0;
    int result = play_ca(process, hook, function, timeout_s, argument, length, answer, error);
    left = kept;
    return result;
}

// ---- Each N

#define MOST 100000

// There with sanitizers only; valgrind, which looks for itself, is slower by far.
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

// Runs what(N) until no allocation fails any more. Prints how many there are.
static void each(const char *name, unsigned long stride, void (*what)(void))
{
    unsigned long n = 0;
    for (int both = 0; both < 2; both++) {
        all_after = both == 1;
        n = 1;
        for (met = true; met && n < MOST; n += stride) {
            met = false;
            left = n;
            what();
            left = 0;
        }
    }
    assert_true(n > 1 && n < MOST);
    if (__lsan_do_recoverable_leak_check != NULL) {
        assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
    }
    print_message("# %s: %lu allocations, each failed alone and with all after it\n", name, n);
}

static void has_sentence(const struct error *error)
{
    assert_int_not_equal(error->code, ERROR_NONE);
    assert_true(error->message[0] != '\0');
}

// ---- Answers of hooks

static char answer_text[65536];
static size_t answer_length;

static void read_answer(void)
{
    struct issue_answer answer;
    struct error error = {0};
    struct buf traceback;
    bool permanent;
    if (answer_read_issue(answer_text, answer_length, &answer, &error) < 0) {
        has_sentence(&error);
    }
    answer_free_issue(&answer);
    buf_init(&traceback, 4096);
    error_clear(&error);
    if (answer_read_done(answer_text, answer_length, &permanent, &traceback, &error) < 0) {
        has_sentence(&error);
    }
    buf_free(&traceback);
}

static void an_answer_is_read_or_refused_with_a_sentence(void **unused)
{
    (void)unused;
    DIR *corpus = opendir("tests/data/fuzz/answer");
    assert_non_null(corpus);
    for (const struct dirent *entry; (entry = readdir(corpus)) != NULL;) {
        struct buf text;
        if (entry->d_name[0] == '.') {
            continue;
        }
        buf_init(&text, sizeof(answer_text));
        assert_int_equal(file_read(dirfd(corpus), entry->d_name, &text, NULL), 0);
        memcpy(answer_text, text.length > 0 ? text.data : "", text.length);
        answer_length = text.length;
        buf_free(&text);
        each(entry->d_name, 1, read_answer);
    }
    closedir(corpus);
}

// ---- Configurations and decisions

// What it decides of its certificates takes no memory of its own, and is the same each time.
static void load_configuration(void)
{
    struct problems problems;
    problems_init(&problems);
    struct config *loaded = config_load("etc/certauto.ini", NULL, &problems);
    if (loaded == NULL) {
        assert_true(problems.mistakes > 0);
    } else {
        assert_int_equal(problems.mistakes, 0);
    }
    config_free(loaded);
    problems_free(&problems);
    loaded = NULL;
    problems_init(&problems);
    loaded = config_load("tests/data/fuzz/config/mistakes.ini", NULL, &problems);
    assert_null(loaded);
    assert_true(problems.mistakes > 0);
    problems_sort(&problems);
    problems_free(&problems);
}

static void a_configuration_is_read_whole_or_refused_with_a_mistake(void **unused)
{
    (void)unused;
    each("a configuration", 1, load_configuration);
}

// ---- States

static void load_and_save_state(void)
{
    struct state one;
    struct error error = {0};
    state_init(&one);
    if (state_load(&one, dir, "www", &error) < 0) {
        has_sentence(&error);
    } else if (__real_state_save(&one, dir, "www", NOW, &error) < 0) {
        has_sentence(&error);
    }
    state_free(&one);
}

static void a_state_is_read_and_written_whole_or_not_at_all(void **unused)
{
    (void)unused;
    renewed(1);
    each("state", 1, load_and_save_state);
    load();
    assert_int_equal(state.generation, 1);
    assert_string_equal(state.names, "a.example, b.example");
}

// ---- Renewals

// From a fresh folder: whatever fails, the step says so, and the next one succeeds.
static void renew_once(void)
{
    unsigned long kept = left;
    left = 0;
    assert_int_equal(setup(NULL), 0);
    struct report report = {0};
    struct order order = {.config = &config, .certificate = &certificate, .step = STEP_ISSUE};
    struct decision decision = {.step = STEP_ISSUE};
    struct keeping keeping = {
        .order = &order, .settings = &settings, .state = &state, .decision = &decision, .state_dirfd = dir, .now = now};
    load();
    left = kept;
    renew_step(&keeping, &report);
    left = 0;
    state_free(&state);
    state_init(&state);
    if (report.outcome != OUTCOME_RENEWED) {
        assert_int_equal(report.outcome, OUTCOME_FAILED);
        has_sentence(&report.error);
        calls = 0;
        struct report after = step();
        if (after.outcome != OUTCOME_RENEWED) {
            fail_msg("after '%s': '%s'", report.error.message, after.error.message);
        }
    }
    load();
    assert_int_equal(state.generation, 1);
    struct buf key;
    key_of(1, &key);
    assert_true(key.length > 0);
    buf_free(&key);
    assert_int_equal(teardown(NULL), 0);
}

static void a_renewal_succeeds_or_fails_with_a_sentence_and_succeeds_then(void **unused)
{
    (void)unused;
    // They are thousands, most of them in the arithmetic of keys: a prime stride meets each place in time.
    each("a renewal", __lsan_do_recoverable_leak_check != NULL ? 31 : 251, renew_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_read_or_refused_with_a_sentence),
        cmocka_unit_test(a_configuration_is_read_whole_or_refused_with_a_mistake),
        TEST(a_state_is_read_and_written_whole_or_not_at_all),
        cmocka_unit_test(a_renewal_succeeds_or_fails_with_a_sentence_and_succeeds_then),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
