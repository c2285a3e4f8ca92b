// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command explain: why a certificate is renewed or published, or why not.
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "look.h"

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

// What the CA suggests, whether or not it is what decides.
static void add_window(struct table *table, const struct config *config, const struct state *state)
{
    char from[STATUS_TIME_SIZE], until[STATUS_TIME_SIZE];
    if (state->window_start != CLOCK_NONE && state->window_finish != CLOCK_NONE) {
        status_time(config, state->window_start, from);
        status_time(config, state->window_finish, until);
        table_cell(table, TABLE_DIM, "window");
        table_format(table, TABLE_PLAIN, "%s until %s, suggests its CA", from, until);
        add_text(table, "  why", state->window_url);
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
    add_window(table, config, state);
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
    table_cell(&table, look_colour(status->word), status->word);
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
