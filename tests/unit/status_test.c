// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The facts behind the views: states of every kind, JSON with exactly its fields, a clock that is not believed.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "file.h"
#include "status.h"

#define DAY ((int64_t)86400)
#define NOW ((int64_t)1900000000) // 2030-03-17T17:46:40Z
#define FIELDS 12

static int64_t now = NOW;

int64_t __wrap_clock_now(void);
int64_t __wrap_clock_now(void)
{
    return now;
}

// A folder with a configuration of one certificate "www", opened.
struct fixture {
    char folder[64], state_dir[80], file[80];
    struct config *config;
    struct status_view view;
    struct status status;
    struct state state;
};

static int set_up(void **context)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/certauto-status.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->state_dir, sizeof(fixture->state_dir), "%s/state", fixture->folder);
    snprintf(fixture->file, sizeof(fixture->file), "%s/c.ini", fixture->folder);
    state_init(&fixture->state);
    now = NOW;
    *context = fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    struct error error;
    status_free(&fixture->status);
    if (fixture->config != NULL) {
        status_close(&fixture->view);
    }
    config_free(fixture->config);
    state_free(&fixture->state);
    assert_int_equal(file_remove_tree(AT_FDCWD, fixture->folder, &error), 0);
    free(fixture);
    return 0;
}

static void load(struct fixture *fixture, const char *zone, const char *more)
{
    struct problems problems;
    FILE *out = fopen(fixture->file, "w");
    assert_non_null(out);
    fprintf(out,
            "[certauto]\nstate_dir = %s\ntimezone = %s\n[template ca]\nhook = local-ca\n"
            "[certificate www]\nnames = www.example.org\ntemplate = ca\n%s\n",
            fixture->state_dir, zone, more);
    fclose(out);
    problems_init(&problems);
    fixture->config = config_load(fixture->file, NULL, &problems);
    if (fixture->config == NULL) {
        fail_msg("%s", problems.list[0].message);
    }
    problems_free(&problems);
}

// A state of www: its first generation lives from "from" until "until", written at "written".
static void save(struct fixture *fixture, int64_t from, int64_t until, int64_t written)
{
    struct error error;
    struct state *state = &fixture->state;
    state->generation = 1;
    state->serial = "01";
    state->fingerprint = "0123456789012345678901234567890123456789012345678901234567890123";
    state->not_before = state->issued = from;
    state->not_after = until;
    state->names = "www.example.org";
    state->key_type = "ecdsa-p256";
    state->template = "ca";
    mkdir(fixture->state_dir, 0700);
    int dirfd = file_open_directory(AT_FDCWD, fixture->state_dir, &error);
    assert_true(dirfd >= 0);
    assert_int_equal(state_save(state, dirfd, "www", written, &error), 0);
    close(dirfd);
}

static void look(struct fixture *fixture, int64_t at)
{
    struct error error;
    assert_int_equal(status_open(&fixture->view, fixture->config, at, &error), 0);
    status_of(&fixture->view, &fixture->config->certificates[0], &fixture->status);
}

static void status_of_one_never_issued_needs_no_state_dir(void **context)
{
    struct fixture *fixture = *context;
    load(fixture, "UTC0", "auto_renew = yes");
    look(fixture, CLOCK_NONE);
    assert_string_equal(fixture->status.word, "unissued");
    assert_int_equal(fixture->status.step, STEP_ISSUE);
    assert_int_equal(fixture->status.at, CLOCK_NONE);
    assert_int_equal(access(fixture->state_dir, F_OK), -1);
}

static void status_tells_the_first_moment_of_what_waits(void **context)
{
    struct fixture *fixture = *context;
    load(fixture, "UTC0", "auto_renew = yes\nauto_publish = no");
    save(fixture, NOW - 10 * DAY, NOW + 80 * DAY, NOW);
    look(fixture, CLOCK_NONE);
    assert_string_equal(fixture->status.word, "ok");
    assert_int_equal(fixture->status.step, STEP_WAIT);
    assert_int_equal(fixture->status.at, NOW + 50 * DAY);
    assert_true(fixture->status.reason.length > 0);
}

static void status_of_another_time_is_believed(void **context)
{
    struct fixture *fixture = *context;
    load(fixture, "UTC0", "auto_renew = yes");
    save(fixture, NOW - 10 * DAY, NOW + 80 * DAY, NOW);
    look(fixture, NOW - 3000 * DAY);
    assert_int_equal(fixture->view.trust, CLOCK_TRUSTED);
    assert_string_equal(fixture->status.word, "ok");
    status_free(&fixture->status);
    status_close(&fixture->view);
    look(fixture, NOW + 81 * DAY);
    assert_string_equal(fixture->status.word, "expired");
}

static void status_under_a_clock_that_is_not_believed_starts_nothing_and_calls_nothing_expired(void **context)
{
    struct fixture *fixture = *context;
    load(fixture, "UTC0", "auto_renew = yes");
    save(fixture, NOW - 90 * DAY, NOW - DAY, NOW + DAY);
    look(fixture, CLOCK_NONE);
    assert_int_equal(fixture->view.trust, CLOCK_BEFORE_WRITTEN);
    assert_string_not_equal(fixture->status.word, "expired");
    assert_int_equal(fixture->status.step, STEP_WAIT);
    assert_int_equal(fixture->status.at, CLOCK_NONE);
    assert_non_null(strstr(buf_string(&fixture->status.reason), "clock"));
}

static void status_with_a_trusted_clock_never_doubts(void **context)
{
    struct fixture *fixture = *context;
    load(fixture, "UTC0", "auto_renew = yes\n[defaults]\nkey = ecdsa-p256");
    save(fixture, NOW - 90 * DAY, NOW - DAY, NOW + DAY);
    fixture->config->engine.trust_clock = true;
    look(fixture, CLOCK_NONE);
    assert_string_equal(fixture->status.word, "expired");
}

static void status_of_an_unreadable_state_is_failed_with_file_and_line(void **context)
{
    struct fixture *fixture = *context;
    load(fixture, "UTC0", "auto_renew = yes");
    save(fixture, NOW - DAY, NOW + DAY, NOW);
    char path[128];
    snprintf(path, sizeof(path), "%s/www.state", fixture->state_dir);
    FILE *out = fopen(path, "w");
    fputs("format = 1\nrubbish\n[end]\n", out);
    fclose(out);
    look(fixture, CLOCK_NONE);
    assert_true(fixture->status.unreadable);
    assert_string_equal(fixture->status.word, "failed");
    assert_int_equal(fixture->status.step, STEP_NONE);
    assert_non_null(strstr(fixture->status.last_error, "www.state:2"));
    cJSON *json = status_json(&fixture->status);
    assert_int_equal(cJSON_GetArraySize(json), FIELDS);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "not_after")));
    cJSON_Delete(json);
}

static void status_tells_the_error_of_the_step_that_failed_last(void **context)
{
    struct fixture *fixture = *context;
    load(fixture, "UTC0", "auto_renew = yes\nauto_publish = yes");
    struct publication *live = state_publication_add(&fixture->state, STATE_LIVE);
    struct settings settings;
    char digest[65];
    save(fixture, NOW - 70 * DAY, NOW + 20 * DAY, NOW);
    decide_settings(fixture->config, &fixture->config->certificates[0], &fixture->state, &settings);
    config_digest(fixture->config, &fixture->config->certificates[0], &settings, NULL, digest);
    live->published = 1;
    live->at = NOW - 69 * DAY;
    live->published_not_after = NOW + 20 * DAY;
    fixture->state.issue =
        (struct failures){.count = 3, .last = NOW - 60, .error = "the CA said \001no", .settings = digest};
    save(fixture, NOW - 70 * DAY, NOW + 20 * DAY, NOW);
    look(fixture, CLOCK_NONE);
    assert_string_equal(fixture->status.word, "failed");
    assert_int_equal(fixture->status.failures, 3);
    cJSON *json = status_json(&fixture->status);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "last_error")), "the CA said \\x01no");
    assert_int_equal(cJSON_GetObjectItem(json, "failures")->valueint, 3);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "published"), "live")->valueint, 1);
    cJSON_Delete(json);
}

static void status_json_has_exactly_the_fields_of_the_contract(void **context)
{
    static const char *const fields[FIELDS] = {"name",       "groups",    "state",      "step",
                                               "at",         "reason",    "not_before", "not_after",
                                               "generation", "published", "failures",   "last_error"};
    struct fixture *fixture = *context;
    load(fixture, "UTC0", "group = web, shop\n[group web]\n[group shop]");
    save(fixture, NOW - DAY, NOW + DAY, NOW);
    look(fixture, CLOCK_NONE);
    cJSON *json = status_json(&fixture->status);
    const cJSON *item = json->child;
    for (int i = 0; i < FIELDS; i++, item = item->next) {
        assert_string_equal(item->string, fields[i]);
    }
    assert_null(item);
    char *text = cJSON_PrintUnformatted(json);
    assert_non_null(strstr(text, "\"groups\":[\"web\",\"shop\"],\"state\":\"disabled\",\"step\":\"none\",\"at\":null"));
    assert_non_null(strstr(text, "\"not_before\":\"2030-03-16T17:46:40Z\",\"not_after\":\"2030-03-18T17:46:40Z\""));
    assert_non_null(strstr(text, "\"generation\":1,\"published\":{},\"failures\":0,\"last_error\":null}"));
    free(text);
    cJSON_Delete(json);
}

static void collect(void *context, const char *name)
{
    buf_format(context, "%s ", name);
}

static void status_orphans_are_state_files_without_a_section(void **context)
{
    static const char *const names[] = {"gone.state", ".hidden.state", "www.state.tmp", "-x.state", "locks"};
    struct fixture *fixture = *context;
    struct error error;
    struct buf list;
    buf_init(&list, 256);
    load(fixture, "UTC0", "");
    save(fixture, NOW - DAY, NOW + DAY, NOW);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", fixture->state_dir, names[i]);
        fclose(fopen(path, "w"));
    }
    look(fixture, CLOCK_NONE);
    assert_int_equal(status_orphans(&fixture->view, collect, &list, &error), 0);
    assert_string_equal(buf_string(&list), "gone ");
    buf_free(&list);
}

static void status_refuses_a_state_dir_that_others_can_write(void **context)
{
    struct fixture *fixture = *context;
    struct error error;
    load(fixture, "UTC0", "");
    save(fixture, NOW - DAY, NOW + DAY, NOW);
    assert_int_equal(chmod(fixture->state_dir, 0777), 0);
    assert_int_equal(status_open(&fixture->view, fixture->config, CLOCK_NONE, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
}

static void status_times_are_those_of_the_configured_zone(void **context)
{
    static const struct {
        int64_t time;
        const char *text;
    } rows[] = {
        {CLOCK_NONE, "-"},
        {NOW, "2030-03-17 18:46"},
        {0, "1970-01-01 01:00"},
        {-86400 - 3601, "1969-12-30 23:59"},
        {1783000000, "2026-07-02 15:46"}, // summer
    };
    struct fixture *fixture = *context;
    char text[STATUS_TIME_SIZE];
    load(fixture, "CET-1CEST,M3.5.0,M10.5.0/3", "");
    look(fixture, CLOCK_NONE);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        status_time(fixture->config, rows[i].time, text);
        assert_string_equal(text, rows[i].text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(status_of_one_never_issued_needs_no_state_dir),
        TEST(status_tells_the_first_moment_of_what_waits),
        TEST(status_of_another_time_is_believed),
        TEST(status_under_a_clock_that_is_not_believed_starts_nothing_and_calls_nothing_expired),
        TEST(status_with_a_trusted_clock_never_doubts),
        TEST(status_of_an_unreadable_state_is_failed_with_file_and_line),
        TEST(status_tells_the_error_of_the_step_that_failed_last),
        TEST(status_json_has_exactly_the_fields_of_the_contract),
        TEST(status_orphans_are_state_files_without_a_section),
        TEST(status_refuses_a_state_dir_that_others_can_write),
        TEST(status_times_are_those_of_the_configured_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
