// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command status: what each certificate does next, and why; orphans; the loop.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "look.h"

// Where the rows of a status go: a table, or a JSON list.
struct rows {
    struct table table;
    bool json;
    struct session_list list; // json: certificates, then orphans
    size_t unreadable;
    size_t orphan_count;
};

static void add_row(struct rows *rows, const struct look *look, const struct status *status)
{
    char expires[STATUS_TIME_SIZE];
    status_time(look->session.config, status->state->generation > 0 ? status->state->not_after : CLOCK_NONE, expires);
    table_cell(&rows->table, TABLE_PLAIN, status->certificate->name);
    table_cell(&rows->table, look_colour(status->word), status->word);
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
    if (rows->json) {
        fine = session_list_add(&rows->list, status_json(&status));
    } else {
        add_row(rows, look, &status);
    }
    status_free(&status);
    return fine;
}

static void add_orphan(void *context, const char *name)
{
    struct rows *rows = context;
    if (rows->json) {
        session_list_add(&rows->list, cJSON_CreateString(name));
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
    cJSON *loop = status_loop_json(&look->view);
    char *text = loop == NULL ? NULL : cJSON_PrintUnformatted(loop);
    cJSON_Delete(loop);
    session_list_open(&rows->list, "{\"loop\":%s,\n\"certificates\":[", text == NULL ? "null" : text);
    free(text);
    look_at_each(look, arguments, status_each, rows);
    session_list_open(&rows->list, "],\n\"orphans\":[");
    int code = find_orphans(look, arguments, rows);
    return session_list_close(&rows->list, "]}") ? code : EXIT_STEP_FAILED;
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
    look_at_each(look, arguments, status_each, rows);
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
    struct rows rows = {.json = arguments->option[OPTION_JSON] != NULL};
    int code = look_open(&look, arguments, CLOCK_NONE);
    if (code == EXIT_DONE) {
        code = rows.json ? status_as_json(&look, arguments, &rows) : status_as_table(&look, arguments, &rows);
        code = rows.unreadable > 0 ? EXIT_STEP_FAILED : code;
    }
    look_close(&look);
    return code;
}
