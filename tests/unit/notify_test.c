// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of notify: the events that a report amounts to, one courier at a time, and a bound to what waits.
#include "notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "courier.h"

static const struct certificate certificate = {.name = "www"};
static struct config config;
static struct notices notices;
static char folder[] = "/tmp/notify-XXXXXX";

const struct certificate *__wrap_config_find(const struct config *of, const char *name);
const struct certificate *__wrap_config_find(const struct config *of, const char *name)
{
    (void)of;
    return strcmp(name, certificate.name) == 0 ? &certificate : NULL;
}

// In a process of its own: leaves a file that says what was delivered.
void __wrap_courier_run(const struct config *of, const struct notice *list, size_t count);
void __wrap_courier_run(const struct config *of, const struct notice *list, size_t count)
{
    char path[64];
    (void)of;
    snprintf(path, sizeof(path), "%s/%zu", folder, count);
    FILE *file = fopen(path, "we");
    for (size_t i = 0; file != NULL && i < count; i++) {
        fprintf(file, "%s %s\n", event_name(list[i].event), list[i].message == NULL ? "-" : list[i].message);
    }
    _exit(file == NULL || fclose(file) != 0);
}

static int setup(void **unused)
{
    (void)unused;
    notices = (struct notices){.config = &config};
    config.notifies = true;
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    notify_wait(&notices);
    notify_stop(&notices);
    return 0;
}

// The events of a report, as text.
static const char *events_of(struct report report)
{
    static char text[256];
    text[0] = '\0';
    notify_report(&notices, "www", &report);
    for (size_t i = 0; i < notices.count; i++) {
        assert_ptr_equal(notices.list[i].certificate, &certificate);
        strncat(text, i > 0 ? " " : "", sizeof(text) - strlen(text) - 1);
        strncat(text, event_name(notices.list[i].event), sizeof(text) - strlen(text) - 1);
    }
    notify_stop(&notices);
    return text;
}

static void a_report_amounts_to_its_events(void **unused)
{
    static const struct {
        enum outcome outcome;
        enum step step;
        bool again, rolled_back, kept_back;
        const char *events;
    } cases[] = {
        {OUTCOME_NOTHING, STEP_ISSUE, false, false, false, ""},
        {OUTCOME_BUSY, STEP_ISSUE, false, false, false, ""},
        {OUTCOME_WAITING, STEP_ISSUE, true, false, false, ""},
        {OUTCOME_RENEWED, STEP_ISSUE, false, false, false, "renewed"},
        {OUTCOME_RENEWED, STEP_ISSUE, false, false, true, "renewed held"},
        {OUTCOME_PUBLISHED, STEP_PUBLISH, false, false, false, "published"},
        {OUTCOME_PUBLISHED, STEP_PUBLISH, false, true, false, "rolled_back"},
        {OUTCOME_FAILED, STEP_ISSUE, false, false, false, "renew_failed"},
        {OUTCOME_FAILED, STEP_PUBLISH, false, false, false, "publish_failed"},
        {OUTCOME_FAILED, STEP_PUBLISH, false, true, false, "publish_failed rolled_back"},
        {OUTCOME_FAILED, STEP_NONE, false, false, false, "state_unreadable"},
        {OUTCOME_PENDING, STEP_ISSUE, false, false, false, "pending"},
        {OUTCOME_PENDING, STEP_ISSUE, true, false, false, ""},
        {OUTCOME_HELD, STEP_ISSUE, false, false, false, "held"},
        {OUTCOME_HELD, STEP_PUBLISH, true, false, false, ""},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct report report = {.outcome = cases[i].outcome,
                                .step = cases[i].step,
                                .again = cases[i].again,
                                .rolled_back = cases[i].rolled_back,
                                .kept_back = cases[i].kept_back};
        assert_string_equal(events_of(report), cases[i].events);
    }
    // An errand is no step; only what it hears of a revocation is told.
    assert_string_equal(events_of((struct report){.outcome = OUTCOME_FAILED, .step = STEP_ERRAND}), "");
    assert_string_equal(events_of((struct report){.step = STEP_ERRAND, .changed = true}), "");
    assert_string_equal(events_of((struct report){.step = STEP_ERRAND, .changed = true, .revoked = true}), "revoked");
}

static void without_a_notify_section_nothing_is_kept(void **unused)
{
    (void)unused;
    config.notifies = false;
    notify_event(&notices, EVENT_CLOCK_UNTRUSTED, NULL, "it reads 1970");
    assert_true(notify_is_idle(&notices));
    assert_null(notices.list);
}

static size_t lines_of(size_t count)
{
    char path[64], line[256];
    size_t lines = 0;
    snprintf(path, sizeof(path), "%s/%zu", folder, count);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        lines++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return lines;
}

static void all_that_waits_goes_with_one_courier(void **unused)
{
    (void)unused;
    notify_event(&notices, EVENT_CONFIG_REFUSED, NULL, "a typo");
    notify_turn(&notices);
    pid_t first = notices.courier;
    assert_true(first > 0);
    assert_null(notices.list);
    notify_event(&notices, EVENT_RENEWED, &certificate, NULL);
    notify_event(&notices, EVENT_PUBLISHED, &certificate, NULL);
    assert_false(notify_is_idle(&notices));
    notify_wait(&notices);
    assert_true(notify_is_idle(&notices));
    assert_int_equal(lines_of(1), 1);
    assert_int_equal(lines_of(2), 2);
}

static void what_waits_is_bounded(void **unused)
{
    (void)unused;
    for (int i = 0; i < 1500; i++) {
        notify_event(&notices, EVENT_RENEWED, &certificate, "again");
    }
    assert_int_equal(notices.count, 1000);
    assert_int_equal(notices.lost, 500);
    notify_wait(&notices);
    assert_int_equal(lines_of(1000), 1000);
    assert_int_equal(notices.lost, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_report_amounts_to_its_events),
        TEST(without_a_notify_section_nothing_is_kept),
        TEST(all_that_waits_goes_with_one_courier),
        TEST(what_waits_is_bounded),
    };
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int failed = cmocka_run_group_tests_name("notify", tests, NULL, NULL);
    for (size_t i = 1; i <= 1000; i = i == 1 ? 2 : i == 2 ? 1000 : i + 1) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%zu", folder, i);
        unlink(path);
    }
    rmdir(folder);
    return failed;
}
