// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of run.c, crew.c, worker.c and keeper.c: real workers in a real folder; only the steps and settings are played.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "failures.h"
#include "file.h"
#include "keeper.h"
#include "lock.h"
#include "publish.h"
#include "renew.h"
#include "run.h"

#define DAY ((int64_t)86400)
#define MOST 64

static const struct slots any_time = {.days = 0x7f};
static const int64_t retry[] = {3600};
static struct template templates[2];
static struct profile web, mail;
static const struct profile *both[] = {&web, &mail};
static struct config config;
static struct certificate certificates[MOST];
static struct settings settings[MOST];
static char names[MOST][32];
static char folder[64];
static int dir;
static struct run_options options;
static struct run_results results;

// What the played steps do, by the certificate's number.
static struct play {
    enum { FINE, FAILS, DIES, WAITS_LONG, SLOW, CHANGES_NOTHING } issue, publish;
} plays[MOST];

void __wrap_decide_settings(const struct config *of, const struct certificate *certificate, const struct state *state,
                            struct settings *out);
void __wrap_config_digest(const struct config *of, const struct certificate *certificate, const struct settings *with,
                          const struct profile *profile, char out[65]);
const struct certificate *__wrap_config_find(const struct config *of, const char *name);
const struct group *__wrap_config_group(const struct config *of, const char *name);
void __wrap_renew_step(struct keeping *keeping, struct report *report);
void __wrap_publish_step(struct keeping *keeping, struct report *report);

void __wrap_decide_settings(const struct config *of, const struct certificate *certificate, const struct state *state,
                            struct settings *out)
{
    (void)state;
    *out = settings[certificate - of->certificates];
}

void __wrap_config_digest(const struct config *of, const struct certificate *certificate, const struct settings *with,
                          const struct profile *profile, char out[65])
{
    (void)of;
    (void)certificate;
    (void)with;
    (void)profile;
    strcpy(out, "same");
}

const struct certificate *__wrap_config_find(const struct config *of, const char *name)
{
    for (size_t i = 0; i < of->certificate_count; i++) {
        if (strcmp(of->certificates[i].name, name) == 0) {
            return &of->certificates[i];
        }
    }
    return NULL;
}

// One group, whose address is all that is known of it.
static int group_mark;
const struct group *__wrap_config_group(const struct config *of, const char *name)
{
    (void)of;
    return strcmp(name, "intern") == 0 ? (const struct group *)(const void *)&group_mark : NULL;
}

// Each step leaves a line in the folder: all keepers append to one file.
static void note(const struct keeping *keeping, const char *text)
{
    char line[64];
    int fd = openat(keeping->state_dirfd, "steps", O_WRONLY | O_APPEND | O_CREAT, 0600);
    int length = snprintf(line, sizeof(line), "%s%s ", keeping->order->certificate->name, text);
    if (write(fd, line, (size_t)length) != length) {
        abort();
    }
    close(fd);
}

static const char *steps(void)
{
    static char text[8192];
    ssize_t length = 0;
    int fd = openat(dir, "steps", O_RDONLY);
    if (fd >= 0) {
        length = read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    text[length > 0 ? length - 1 : 0] = '\0';
    return text;
}

static void play(struct keeping *keeping, int how, struct failures *failures, struct report *report)
{
    struct state *state = keeping->state;
    if (how == DIES) {
        raise(SIGKILL);
    }
    if (how == WAITS_LONG || how == SLOW) {
        usleep(how == SLOW ? 100000 : 20000000);
    }
    report->outcome = keeping->decision->step == STEP_ISSUE ? OUTCOME_RENEWED : OUTCOME_PUBLISHED;
    if (how == FAILS) {
        report->outcome = OUTCOME_FAILED;
        error_set(&report->error, ERROR_HOOK, "played failure");
        failures_add(failures, failures->count, clock_now(), false, "played failure", "same");
    }
    if (how != CHANGES_NOTHING &&
        state_save(state, keeping->state_dirfd, keeping->order->certificate->name, clock_now(), NULL) < 0) {
        abort();
    }
}

void __wrap_renew_step(struct keeping *keeping, struct report *report)
{
    struct state *state = keeping->state;
    int how = plays[keeping->order->certificate - certificates].issue;
    note(keeping, "<");
    if (how == FINE || how == SLOW) {
        state->generation++;
        state->not_before = clock_now() - 60;
        state->not_after = clock_now() + 90 * DAY;
        state->issued = clock_now();
        state->names = keeping->order->certificate->names;
        state->key_type = "ecdsa-p256";
        failures_end(&state->issue);
        report->generation = state->generation;
    }
    play(keeping, how, &state->issue, report);
    note(keeping, ">");
}

void __wrap_publish_step(struct keeping *keeping, struct report *report)
{
    struct state *state = keeping->state;
    int how = plays[keeping->order->certificate - certificates].publish;
    struct publication *publication = state_publication_add(state, keeping->decision->profile);
    char text[32];
    snprintf(text, sizeof(text), ":%s", keeping->decision->profile);
    note(keeping, text);
    if (how == FINE) {
        publication->published = keeping->decision->generation;
        publication->at = clock_now();
        failures_end(&publication->failures);
    }
    strcpy(report->profile, keeping->decision->profile);
    report->generation = keeping->decision->generation;
    play(keeping, how, &publication->failures, report);
}

static void configure(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "c%zu", i);
        certificates[i] = (struct certificate){.name = names[i], .names = "a.example"};
        settings[i] = (struct settings){.auto_renew = true,
                                        .auto_publish = true,
                                        .template = &templates[0],
                                        .key = KEY_ECDSA_P256,
                                        .renew_slots = &any_time,
                                        .publish_slots = &any_time,
                                        .override_before_s = -1,
                                        .retry = {.count = 1, .s = retry},
                                        .profiles = {.count = 1, .list = both}};
    }
    config.certificates = certificates;
    config.certificate_count = count;
}

static int setup(void **unused)
{
    (void)unused;
    strcpy(folder, "/tmp/certauto-run-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    memset(plays, 0, sizeof(plays));
    memset(templates, 0, sizeof(templates));
    templates[0].section.name = "internal";
    templates[1].section.name = "other";
    web.section.name = "web";
    mail.section.name = "mail";
    config = (struct config){.engine = {.state_dir = folder,
                                        .hooks_dir = folder,
                                        .max_parallel = 4,
                                        .keep = 3,
                                        .hook_memory_bytes = 1 << 20,
                                        .zone = zone_utc()}};
    options = (struct run_options){0};
    configure(1);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    run_results_free(&results);
    close(dir);
    return file_remove_tree(AT_FDCWD, folder, NULL);
}

// A state that was issued 60 days ago and ends in so many.
static void write_state(size_t number, int64_t left_s, int64_t written)
{
    struct state state;
    struct error error;
    state_init(&state);
    state.generation = 1;
    state.not_before = clock_now() - 60 * DAY;
    state.not_after = clock_now() + left_s;
    state.issued = state.not_before;
    state.names = "a.example";
    state.key_type = "ecdsa-p256";
    struct publication *publication = state_publication_add(&state, "web");
    publication->published = 1;
    publication->at = state.not_before;
    publication->published_not_after = state.not_after;
    if (state_save(&state, dir, names[number], written, &error) < 0) {
        fail_msg("%s", error.message);
    }
    state_free(&state);
}

static struct state *read_state(size_t number)
{
    static struct state state;
    struct error error;
    state_free(&state);
    state_init(&state);
    if (state_load(&state, dir, names[number], &error) < 0) {
        fail_msg("%s", error.message);
    }
    return &state;
}

static void run(void)
{
    struct error error;
    run_results_free(&results);
    if (run_pass(&config, &options, NULL, NULL, &results, &error) < 0) {
        fail_msg("%s", error.message);
    }
    // Every worker was reaped.
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

// The results as text: "c0 renewed 1;c0 published 1 web".
static const char *told(void)
{
    static char text[4096];
    text[0] = '\0';
    for (size_t i = 0; i < results.count; i++) {
        const struct report *report = &results.list[i].report;
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "%s%s %s %u%s%s", i == 0 ? "" : ";", results.list[i].name,
                 outcome_name(report->outcome), report->generation, report->profile[0] == '\0' ? "" : " ",
                 report->profile);
    }
    return text;
}

static void a_run_takes_a_certificate_through_all_its_steps(void **unused)
{
    (void)unused;
    settings[0].profiles.count = 2;
    run();
    assert_string_equal(told(), "c0 renewed 1;c0 published 1 web;c0 published 1 mail");
    assert_string_equal(steps(), "c0< c0> c0:web c0:mail");
    run();
    assert_string_equal(told(), "");
    assert_int_equal(results.unreadable, 0);
}

static void a_state_dir_that_is_missing_is_made_by_the_first_worker(void **unused)
{
    static char path[96];

    (void)unused;
    snprintf(path, sizeof(path), "%s/deep/state", folder);
    config.engine.state_dir = path;
    run();
    assert_string_equal(told(), "c0 renewed 1;c0 published 1 web");
    // Nothing of which something is due makes it.
    snprintf(path, sizeof(path), "%s/other/state", folder);
    settings[0].auto_renew = false;
    run();
    assert_int_equal(access(path, F_OK), -1);
}

static void the_nearest_to_expiry_go_first_and_those_never_issued_last(void **unused)
{
    (void)unused;
    configure(5);
    config.engine.max_parallel = 1;
    write_state(1, 20 * DAY, clock_now());
    write_state(2, 5 * DAY, clock_now());
    write_state(3, -DAY, clock_now());
    for (size_t i = 0; i < 5; i++) {
        settings[i].auto_publish = false;
    }
    run();
    assert_string_equal(steps(), "c3< c3> c2< c2> c1< c1> c0< c0> c4< c4>");
}

// The most that were between "<" and ">" at once.
static int most_at_once(const char *of)
{
    int now = 0, most = 0;
    for (const char *at = steps(); *at != '\0'; at++) {
        if ((*at == '<' || *at == '>') && (of == NULL || strchr(of, at[-1]) != NULL)) {
            now += *at == '<' ? 1 : -1;
        }
        most = now > most ? now : most;
    }
    return most;
}

static void max_parallel_holds_for_all_and_for_each_template(void **unused)
{
    (void)unused;
    configure(8);
    for (size_t i = 0; i < 8; i++) {
        settings[i].auto_publish = false;
        plays[i].issue = SLOW;
    }
    config.engine.max_parallel = 3;
    run();
    assert_int_equal(results.count, 8);
    assert_int_equal(most_at_once(NULL), 3);
}

static void a_templates_own_limit_leaves_room_for_the_others(void **unused)
{
    (void)unused;
    configure(8);
    templates[1].max_parallel = 1;
    for (size_t i = 0; i < 8; i++) {
        settings[i].auto_publish = false;
        settings[i].template = &templates[i < 5 ? 1 : 0];
        plays[i].issue = SLOW;
    }
    run();
    assert_int_equal(results.count, 8);
    // c0 to c4 one at a time, c5 to c7 beside them.
    assert_int_equal(most_at_once("01234"), 1);
    assert_int_equal(most_at_once("567"), 3);
}

static void a_failed_step_is_not_made_again_in_the_same_run(void **unused)
{
    (void)unused;
    plays[0].issue = FAILS;
    options.flags = DECIDE_IGNORE_RETRY;
    run();
    assert_string_equal(told(), "c0 failed 0");
    assert_string_equal(results.list[0].report.error.message, "played failure");
    assert_int_equal(read_state(0)->issue.count, 1);
    // The next run waits, or does not when it is told so.
    options.flags = 0;
    run();
    assert_string_equal(told(), "c0 waiting 0");
    assert_string_not_equal(results.list[0].report.error.message, "");
    options.flags = DECIDE_IGNORE_RETRY;
    plays[0].issue = FINE;
    run();
    assert_string_equal(told(), "c0 renewed 1;c0 published 1 web");
}

static void a_failed_publication_does_not_hold_another_profile_or_the_renewal(void **unused)
{
    (void)unused;
    settings[0].profiles.count = 2;
    plays[0].publish = FAILS;
    run();
    assert_string_equal(told(), "c0 renewed 1;c0 failed 1 web;c0 failed 1 mail");
}

static void a_keeper_that_dies_is_a_failure_and_the_others_go_on(void **unused)
{
    (void)unused;
    configure(2);
    plays[0].issue = DIES;
    config.engine.max_parallel = 1;
    run();
    assert_string_equal(told(), "c0 failed 0;c1 renewed 1;c1 published 1 web");
    assert_string_equal(results.list[0].report.error.message, "the worker was killed by signal 9 before it was done");
    assert_int_equal(results.list[0].report.step, STEP_ISSUE);
    // Nothing was counted; the lock went with its holder.
    plays[0].issue = FINE;
    run();
    assert_string_equal(told(), "c0 renewed 1;c0 published 1 web");
}

static void a_step_that_changes_nothing_is_not_made_for_ever(void **unused)
{
    (void)unused;
    plays[0].issue = CHANGES_NOTHING;
    run();
    assert_string_equal(told(), "c0 renewed 0");
}

static void a_certificate_whose_lock_is_held_is_busy(void **unused)
{
    struct error error;

    (void)unused;
    int lock = lock_take(dir, "locks", "c0", &error);
    assert_true(lock >= 0);
    run();
    assert_string_equal(told(), "c0 busy 0");
    close(lock);
}

static void a_state_file_that_cannot_be_read_is_told_and_stops_only_its_certificate(void **unused)
{
    (void)unused;
    configure(2);
    assert_int_equal(file_write_atomic(dir, "c0.state", "rubbish\n", 8, NULL, NULL), 0);
    run();
    assert_int_equal(results.unreadable, 1);
    assert_string_equal(told(), "c0 failed 0;c1 renewed 1;c1 published 1 web");
    assert_int_equal(results.list[0].report.step, STEP_NONE);
    assert_non_null(strstr(results.list[0].report.error.message, "c0.state:1"));
    // A run that was asked for others leaves it to them.
    options.names = (char *[]){names[1], NULL};
    run();
    assert_int_equal(results.unreadable, 0);
    assert_string_equal(told(), "");
}

static void under_a_clock_that_is_not_believed_nothing_starts(void **unused)
{
    (void)unused;
    configure(3);
    write_state(1, 5 * DAY, clock_now() + 3 * 3600);
    assert_int_equal(file_write_atomic(dir, "c2.state", "rubbish\n", 8, NULL, NULL), 0);
    run();
    assert_true(results.clock_untrusted);
    assert_non_null(strstr(results.clock.message, "clock"));
    assert_string_equal(told(), "c2 failed 0");
    assert_string_equal(steps(), "");
    config.engine.trust_clock = true;
    run();
    assert_false(results.clock_untrusted);
    assert_string_not_equal(steps(), "");
}

static void trusting_the_clock_sets_back_what_lies_ahead(void **unused)
{
    (void)unused;
    configure(2);
    write_state(0, 60 * DAY, clock_now() + 3 * 3600);
    write_state(1, 5 * DAY, clock_now() - DAY);
    // Whichever were chosen, the clock is judged by all.
    options.names = (char *[]){names[1], NULL};
    run();
    assert_true(results.clock_untrusted);
    options.trust_clock = true;
    options.dry_run = true;
    run();
    assert_string_equal(told(), "c1 renewed 2");
    assert_true(read_state(0)->written > clock_now());
    options.dry_run = false;
    run();
    assert_true(read_state(0)->written <= clock_now());
    assert_int_equal(read_state(0)->generation, 1);
    options.trust_clock = false;
    run();
    assert_false(results.clock_untrusted);
}

static void names_and_groups_choose(void **unused)
{
    static const struct group *const in[] = {(const struct group *)(const void *)&group_mark};
    struct error error;

    (void)unused;
    configure(3);
    certificates[1].groups = in;
    certificates[1].group_count = 1;
    for (size_t i = 0; i < 3; i++) {
        settings[i].auto_publish = false;
    }
    options.names = (char *[]){names[2], NULL};
    run();
    assert_string_equal(told(), "c2 renewed 1");
    options.names = NULL;
    options.group = "intern";
    run();
    assert_string_equal(told(), "c1 renewed 1");
    options.group = "none";
    run_results_free(&results);
    assert_int_equal(run_pass(&config, &options, NULL, NULL, &results, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    options.group = NULL;
    options.names = (char *[]){(char *)(uintptr_t) "c9", NULL};
    assert_int_equal(run_pass(&config, &options, NULL, NULL, &results, &error), -1);
    assert_non_null(strstr(error.message, "c9"));
}

static void a_dry_run_tells_what_would_be_done_and_does_nothing(void **unused)
{
    (void)unused;
    configure(2);
    write_state(1, 60 * DAY, clock_now());
    settings[1].profiles.count = 2;
    options.dry_run = true;
    run();
    // "web" has generation 1 already.
    assert_string_equal(told(), "c1 published 1 mail;c0 renewed 1");
    assert_string_equal(steps(), "");
    assert_int_equal(faccessat(dir, "locks", F_OK, 0), -1);
}

static void by_hand_a_certificate_is_renewed_that_is_not_due(void **unused)
{
    (void)unused;
    write_state(0, 60 * DAY, clock_now());
    settings[0].auto_renew = false;
    options.by_hand_issue = true;
    options.names = (char *[]){names[0], NULL};
    run();
    assert_string_equal(told(), "c0 renewed 2;c0 published 2 web");
    // One that cannot be renewed is told as a failure; by itself it would only wait.
    settings[0].template = NULL;
    run();
    assert_string_equal(told(), "c0 failed 2");
    plays[0].issue = FAILS;
    settings[0].template = &templates[0];
    run();
    assert_string_equal(told(), "c0 failed 0");
}

static void by_hand_each_profile_is_published_once(void **unused)
{
    (void)unused;
    write_state(0, 60 * DAY, clock_now());
    settings[0].auto_publish = false;
    settings[0].profiles.count = 2;
    options.by_hand_publish = true;
    options.names = (char *[]){names[0], NULL};
    run();
    assert_string_equal(told(), "c0 published 1 mail");
    options.flags = DECIDE_FORCE;
    run();
    assert_string_equal(told(), "c0 published 1 web;c0 published 1 mail");
    options.profile = "web";
    run();
    assert_string_equal(told(), "c0 published 1 web");
    options.profile = "ftp";
    run();
    assert_string_equal(told(), "c0 failed 1 ftp");
    settings[0].profiles.count = 0;
    options.profile = NULL;
    run();
    assert_string_equal(told(), "c0 published 1 live");
}

static void four_runs_at_once_do_each_step_once(void **unused)
{
    (void)unused;
    configure(12);
    for (size_t i = 0; i < 12; i++) {
        plays[i].issue = i % 3 == 0 ? SLOW : FINE;
    }
    fflush(NULL);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            struct error error;
            _exit(run_pass(&config, &options, NULL, NULL, &results, &error) == 0 ? 0 : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    // Who met a held lock left the rest to its holder.
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(read_state(i)->generation, 1);
        assert_int_equal(state_publication(read_state(i), "web")->published, 1);
    }
    int renewals = 0, publications = 0;
    for (const char *at = steps(); *at != '\0'; at++) {
        renewals += *at == '>';
        publications += *at == ':';
    }
    assert_int_equal(renewals, 12);
    assert_int_equal(publications, 12);
}

static void a_worker_asked_to_stop_ends_without_a_report(void **unused)
{
    struct worker worker;
    struct report report;
    struct error error;
    struct order order = {.config = &config, .certificate = &certificates[0], .step = STEP_ISSUE};

    (void)unused;
    plays[0].issue = WAITS_LONG;
    assert_int_equal(worker_start(&worker, &order, &error), 0);
    while (strcmp(steps(), "c0<") != 0) {
        usleep(1000);
    }
    assert_int_equal(worker_collect(&worker, &report), 0);
    // A step that waits for its hook heeds TERM at once (hook_process_test); one that does not is killed in the end.
    worker_stop(&worker);
    kill(worker.pid, SIGKILL);
    while (worker_collect(&worker, &report) == 0) {
        usleep(1000);
    }
    assert_int_equal(report.outcome, OUTCOME_FAILED);
    assert_int_equal(worker.fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_takes_a_certificate_through_all_its_steps),
        TEST(a_state_dir_that_is_missing_is_made_by_the_first_worker),
        TEST(the_nearest_to_expiry_go_first_and_those_never_issued_last),
        TEST(max_parallel_holds_for_all_and_for_each_template),
        TEST(a_templates_own_limit_leaves_room_for_the_others),
        TEST(a_failed_step_is_not_made_again_in_the_same_run),
        TEST(a_failed_publication_does_not_hold_another_profile_or_the_renewal),
        TEST(a_keeper_that_dies_is_a_failure_and_the_others_go_on),
        TEST(a_step_that_changes_nothing_is_not_made_for_ever),
        TEST(a_certificate_whose_lock_is_held_is_busy),
        TEST(a_state_file_that_cannot_be_read_is_told_and_stops_only_its_certificate),
        TEST(under_a_clock_that_is_not_believed_nothing_starts),
        TEST(trusting_the_clock_sets_back_what_lies_ahead),
        TEST(names_and_groups_choose),
        TEST(a_dry_run_tells_what_would_be_done_and_does_nothing),
        TEST(by_hand_a_certificate_is_renewed_that_is_not_due),
        TEST(by_hand_each_profile_is_published_once),
        TEST(four_runs_at_once_do_each_step_once),
        TEST(a_worker_asked_to_stop_ends_without_a_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
