// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The commands that only look: status, review, explain.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "session.h"
#include "status.h"
#include "table.h"

// What a view is made of, opened together.
struct look {
    struct session session;
    struct status_view view;
    bool opened;
};

static int look_open(struct look *look, const struct arguments *arguments, int64_t at)
{
    struct error error;
    *look = (struct look){0};
    int code = session_open(&look->session, arguments);
    if (code == EXIT_DONE) {
        code = session_check_names(look->session.config, arguments->words);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    look->opened = true;
    if (status_open(&look->view, look->session.config, at, &error) < 0) {
        arguments_complain("%s", error.message);
        return error.code == ERROR_SYSTEM ? EXIT_STEP_FAILED : EXIT_MISTAKE;
    }
    if (look->view.trust != CLOCK_TRUSTED) {
        arguments_complain("%s", buf_string(&look->view.doubt));
    }
    return EXIT_DONE;
}

static void look_close(struct look *look)
{
    if (look->opened) {
        status_close(&look->view);
    }
    session_close(&look->session);
}

// Calls "each" for the certificates named, in that order, or for all. False ends it.
static bool for_each(struct look *look, const struct arguments *arguments,
                     bool (*each)(void *context, struct look *look, const struct certificate *certificate),
                     void *context)
{
    const struct config *config = look->session.config;
    bool fine = true;
    for (size_t i = 0; fine && arguments->word_count == 0 && i < config->certificate_count; i++) {
        fine = each(context, look, &config->certificates[i]);
    }
    for (char *const *word = arguments->words; fine && *word != NULL; word++) {
        fine = each(context, look, config_find(config, *word));
    }
    return fine;
}

// ---- status

// Where the rows of a status go: a table, or a JSON list.
struct rows {
    struct table table;
    cJSON *list; // NULL: the table
    cJSON *orphans;
    size_t unreadable;
    size_t orphan_count;
};

static enum table_colour word_colour(const char *word)
{
    static const struct {
        const char *word;
        enum table_colour colour;
    } colours[] = {{"ok", TABLE_GOOD},       {"expired", TABLE_BAD}, {"failed", TABLE_BAD},   {"pending", TABLE_WARN},
                   {"unissued", TABLE_WARN}, {"due", TABLE_WARN},    {"waiting", TABLE_WARN}, {"disabled", TABLE_DIM}};
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        if (strcmp(colours[i].word, word) == 0) {
            return colours[i].colour;
        }
    }
    return TABLE_PLAIN;
}

static void add_row(struct rows *rows, const struct look *look, const struct status *status)
{
    char expires[STATUS_TIME_SIZE];
    status_time(look->session.config, status->state->generation > 0 ? status->state->not_after : CLOCK_NONE, expires);
    table_cell(&rows->table, TABLE_PLAIN, status->certificate->name);
    table_cell(&rows->table, word_colour(status->word), status->word);
    table_cell(&rows->table, TABLE_PLAIN, expires);
    if (status->last_error != NULL && !status->unreadable) {
        table_format(&rows->table, TABLE_PLAIN, "%s; last error: %s", buf_string(&status->reason), status->last_error);
    } else {
        table_cell(&rows->table, TABLE_PLAIN, buf_string(&status->reason));
    }
}

static bool status_each(void *context, struct look *look, const struct certificate *certificate)
{
    struct rows *rows = context;
    struct status status;
    bool fine = true;
    status_of(&look->view, certificate, &status);
    if (status.unreadable) {
        rows->unreadable++;
        arguments_complain("%s", status.error.message);
    }
    if (rows->list != NULL) {
        cJSON *item = status_json(&status);
        fine = item != NULL && cJSON_AddItemToArray(rows->list, item);
    } else {
        add_row(rows, look, &status);
    }
    status_free(&status);
    return fine;
}

static void add_orphan(void *context, const char *name)
{
    struct rows *rows = context;
    if (rows->orphans != NULL) {
        cJSON_AddItemToArray(rows->orphans, cJSON_CreateString(name));
        return;
    }
    if (rows->orphan_count++ == 0) {
        puts("\norphans: state without a certificate section");
    }
    printf("  %s\n", name);
}

static int find_orphans(struct look *look, const struct arguments *arguments, struct rows *rows)
{
    struct error error;
    if (arguments->word_count > 0 || status_orphans(&look->view, add_orphan, rows, &error) == 0) {
        return EXIT_DONE;
    }
    arguments_complain("%s", error.message);
    return EXIT_STEP_FAILED;
}

static int status_as_json(struct look *look, const struct arguments *arguments, struct rows *rows)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddItemToObject(document, "loop", status_loop_json(&look->view));
    rows->list = cJSON_AddArrayToObject(document, "certificates");
    rows->orphans = cJSON_AddArrayToObject(document, "orphans");
    int code = EXIT_DONE;
    if (rows->orphans == NULL || cJSON_GetArraySize(document) != 3 || !for_each(look, arguments, status_each, rows)) {
        cJSON_Delete(document);
        document = NULL;
    } else {
        code = find_orphans(look, arguments, rows);
    }
    return session_print_json(document) ? code : EXIT_STEP_FAILED;
}

static void print_loop(const struct look *look)
{
    const struct config *config = look->session.config;
    char since[STATUS_TIME_SIZE], last[STATUS_TIME_SIZE], next[STATUS_TIME_SIZE], refused[STATUS_TIME_SIZE];
    struct loop_facts facts;
    if (!status_loop(&look->view, &facts)) {
        return;
    }
    if (facts.pid == 0) {
        puts("\nThe loop is at work; what it tells cannot be read.");
        return;
    }
    status_time(config, facts.since, since);
    printf("\nThe loop is process %lld, since %s.\n", (long long)facts.pid, since);
    if (facts.last_run != CLOCK_NONE) {
        status_time(config, facts.last_run, last);
        printf("Last run %s: %s.\n", last, facts.result);
    }
    if (facts.next_run != CLOCK_NONE) {
        status_time(config, facts.next_run, next);
        printf("Next run %s.\n", next);
    }
    if (facts.refused != CLOCK_NONE) {
        status_time(config, facts.refused, refused);
        printf("It refused the configuration of %s: %s\n", refused, facts.refusal);
    }
    if (facts.trouble[0] != '\0') {
        printf("Nothing starts: %s\n", facts.trouble);
    }
}

static int status_as_table(struct look *look, const struct arguments *arguments, struct rows *rows)
{
    static const struct table_column columns[] = {{"CERTIFICATE", 24}, {"STATE", 0}, {"EXPIRES", 0}, {"NEXT", 0}};
    table_init(&rows->table, columns, sizeof columns / sizeof columns[0]);
    for_each(look, arguments, status_each, rows);
    if (rows->table.cell_count == 0) {
        puts("no certificates");
    }
    table_print(&rows->table, stdout);
    table_free(&rows->table);
    int code = find_orphans(look, arguments, rows);
    print_loop(look);
    return code;
}

int command_status(const struct arguments *arguments)
{
    struct look look;
    struct rows rows = {0};
    int code = look_open(&look, arguments, CLOCK_NONE);
    if (code == EXIT_DONE) {
        code = arguments->option[OPTION_JSON] != NULL ? status_as_json(&look, arguments, &rows)
                                                      : status_as_table(&look, arguments, &rows);
        code = rows.unreadable > 0 ? EXIT_STEP_FAILED : code;
    }
    look_close(&look);
    return code;
}

// ---- review

struct review {
    const char *certificate;
    struct table *table;
    char section[2 * CONFIG_NAME_MAX]; // whose settings the rows are now: "template internal"
    cJSON *list;                       // NULL: the table
    size_t count;
    bool failed;
};

// The settings of a template or profile ("template internal.lifetime") stand below its name.
static void review_row(struct review *review, const char *key, const char *value, const char *source)
{
    const char *dot = strrchr(key, '.');
    size_t length = dot == NULL ? 0 : (size_t)(dot - key);
    if (length < sizeof(review->section) &&
        (strncmp(review->section, key, length) != 0 || review->section[length] != '\0')) {
        memcpy(review->section, key, length);
        review->section[length] = '\0';
        table_cell(review->table, TABLE_PLAIN, review->section);
        table_cell(review->table, TABLE_PLAIN, "");
        table_cell(review->table, TABLE_PLAIN, "");
    }
    table_format(review->table, TABLE_PLAIN, "%s%s", dot == NULL ? "" : "  ", dot == NULL ? key : dot + 1);
    table_cell(review->table, TABLE_DIM, source);
    table_cell(review->table, TABLE_PLAIN, value);
}

static void review_setting(void *context, const char *key, const char *value, const char *source)
{
    struct review *review = context;
    if (review->list == NULL) {
        review_row(review, key, value, source);
        return;
    }
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "certificate", review->certificate);
    cJSON_AddStringToObject(item, "key", key);
    cJSON_AddItemToObject(item, "value", status_json_text(value));
    cJSON_AddStringToObject(item, "source", source);
    if (cJSON_GetArraySize(item) != 4 || !cJSON_AddItemToArray(review->list, item)) {
        cJSON_Delete(item);
        review->failed = true;
    }
}

// The settings in force: which group acts depends on the state, when there is one that can be read.
static bool review_each(void *context, struct look *look, const struct certificate *certificate)
{
    static const struct table_column columns[] = {{"SETTING", 16}, {"FROM", 40}, {"VALUE", 0}};
    const struct config *config = look->session.config;
    struct review *review = context;
    struct status status;
    struct table table;
    status_of(&look->view, certificate, &status);
    const struct group *group = decide_group(config, certificate, status.state);
    status_free(&status);
    review->certificate = certificate->name;
    review->table = &table;
    if (review->list != NULL) {
        config_review(config, certificate, group, review_setting, review);
        return !review->failed;
    }
    printf("%s%s\n", review->count++ == 0 ? "" : "\n", certificate->name);
    review->section[0] = '\0';
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    config_review(config, certificate, group, review_setting, review);
    table_print(&table, stdout);
    table_free(&table);
    return true;
}

int command_review(const struct arguments *arguments)
{
    struct look look;
    struct review review = {0};
    int code = look_open(&look, arguments, CLOCK_NONE);
    if (code != EXIT_DONE) {
        goto out;
    }
    if (arguments->option[OPTION_JSON] == NULL) {
        for_each(&look, arguments, review_each, &review);
        goto out;
    }
    cJSON *document = cJSON_CreateObject();
    review.list = cJSON_AddArrayToObject(document, "settings");
    if (review.list == NULL || !for_each(&look, arguments, review_each, &review)) {
        cJSON_Delete(document);
        document = NULL;
    }
    code = session_print_json(document) ? EXIT_DONE : EXIT_STEP_FAILED;
out:
    look_close(&look);
    return code;
}

// ---- explain

static void add_time(struct table *table, const struct config *config, const char *title, int64_t time)
{
    char text[STATUS_TIME_SIZE];
    if (time != CLOCK_NONE) {
        status_time(config, time, text);
        table_cell(table, TABLE_DIM, title);
        table_cell(table, TABLE_PLAIN, text);
    }
}

static void add_text(struct table *table, const char *title, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        table_cell(table, TABLE_DIM, title);
        table_cell(table, TABLE_PLAIN, text);
    }
}

static void add_generation(struct table *table, const struct config *config, const struct state *state)
{
    char from[STATUS_TIME_SIZE], until[STATUS_TIME_SIZE];
    if (state->generation == 0) {
        add_text(table, "generation", "none yet");
        return;
    }
    status_time(config, state->not_before, from);
    status_time(config, state->not_after, until);
    table_cell(table, TABLE_DIM, "generation");
    table_format(table, TABLE_PLAIN, "%u, valid from %s until %s", state->generation, from, until);
    add_text(table, "serial", state->serial);
    add_text(table, "fingerprint", state->fingerprint);
}

static void add_groups(struct table *table, const struct config *config, const struct status *status)
{
    const struct certificate *certificate = status->certificate;
    const struct group *acting = decide_group(config, certificate, status->state);
    struct buf text;
    buf_init(&text, (size_t)64 * 1024);
    for (uint16_t i = 0; i < certificate->group_count; i++) {
        const struct group *group = certificate->groups[i];
        buf_format(&text, "%s%s%s", i > 0 ? ", " : "", group_name(group),
                   group == acting && certificate->group_count > 1 ? " (whose settings it takes)" : "");
    }
    add_text(table, "groups", buf_string(&text));
    buf_free(&text);
}

// The decision about one step alone, with its slots and failures.
static void add_step(struct table *table, const struct config *config, const struct decision *decision, int64_t now,
                     const char *title, const struct failures *failures)
{
    struct buf text;
    buf_init(&text, 8192);
    decide_reason(config, decision, now, &text);
    add_text(table, title, buf_string(&text));
    if (decision->slots != NULL && !slots_always(decision->slots)) {
        int64_t opening = slots_next(decision->slots, config->engine.zone, now);
        buf_clear(&text);
        if (opening != SCHEDULE_NEVER) {
            slots_describe(decision->slots, config->engine.zone, opening, &text);
            table_cell(table, TABLE_DIM, "  slot");
            table_format(table, TABLE_PLAIN, "%s: %s", opening == now ? "open" : "next", buf_string(&text));
        }
    }
    if (decision->failures > 0 && failures != NULL) {
        add_time(table, config, "  failed", decision->last_failure);
        add_text(table, "  error", failures->error);
    }
    buf_clear(&text);
    decide_warnings(decision, &text);
    add_text(table, "  warning", buf_string(&text));
    buf_free(&text);
}

static void add_publication(struct table *table, const struct look *look, const struct status *status,
                            const char *profile)
{
    const struct config *config = look->session.config;
    const struct publication *publication = state_publication(status->state, profile);
    struct decision decision;
    char title[160], when[STATUS_TIME_SIZE];
    bool live = strcmp(profile, STATE_LIVE) == 0;
    decide_publish(config, status->certificate, &status->settings, status->state, profile, look->view.now, 0,
                   &decision);
    snprintf(title, sizeof(title), "publish%s%s", live ? "" : " by ", live ? "" : profile);
    add_step(table, config, &decision, look->view.now, title, publication == NULL ? NULL : &publication->failures);
    if (publication != NULL && publication->published > 0) {
        status_time(config, publication->at, when);
        table_cell(table, TABLE_DIM, "  published");
        table_format(table, TABLE_PLAIN, "generation %u, %s", publication->published, when);
    }
}

static void explain_in_text(struct look *look, const struct status *status)
{
    static const struct table_column columns[] = {{NULL, 14}, {NULL, 0}};
    const struct config *config = look->session.config;
    const struct settings *settings = &status->settings;
    const struct profiles *profiles = &settings->profiles;
    const struct state *state = status->state;
    struct table table;
    struct buf text;
    buf_init(&text, 16384);
    buf_format(&text, "%s: %s", status->certificate->name, buf_string(&status->reason));
    table_paragraph(stdout, buf_string(&text));
    buf_free(&text);
    putchar('\n');
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    table_cell(&table, TABLE_DIM, "state");
    table_cell(&table, word_colour(status->word), status->word);
    add_time(&table, config, "at", look->view.now);
    add_groups(&table, config, status);
    add_text(&table, "template", settings->template != NULL ? settings->template->section.name : "none");
    add_text(&table, "names", status->certificate->names != NULL ? status->certificate->names : state->names);
    add_generation(&table, config, state);
    if (!status->unreadable) {
        struct decision decision;
        decide_issue(config, status->certificate, settings, state, look->view.now, 0, &decision);
        add_step(&table, config, &decision, look->view.now, "issue", &state->issue);
        if (decision.due != CLOCK_NONE && decision.due != INT64_MAX) {
            add_time(&table, config, "  due", decision.due);
        }
        add_time(&table, config, "  earliest", decision.at);
        for (size_t i = 0; i < profiles->count; i++) {
            add_publication(&table, look, status, profiles->list[i]->section.name);
        }
        if (profiles->count == 0) {
            add_publication(&table, look, status, STATE_LIVE);
        }
    }
    table_print(&table, stdout);
    table_free(&table);
}

int command_explain(const struct arguments *arguments)
{
    int64_t at;
    struct look look;
    if (session_at(arguments, &at) != EXIT_DONE) {
        return EXIT_MISTAKE;
    }
    int code = look_open(&look, arguments, at);
    if (code == EXIT_DONE) {
        struct status status;
        status_of(&look.view, config_find(look.session.config, arguments->words[0]), &status);
        if (status.unreadable) {
            arguments_complain("%s", status.error.message);
            code = EXIT_STEP_FAILED;
        }
        if (arguments->option[OPTION_JSON] == NULL) {
            explain_in_text(&look, &status);
        } else if (!session_print_json(status_json(&status))) {
            code = EXIT_STEP_FAILED;
        }
        status_free(&status);
    }
    look_close(&look);
    return code;
}
