// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The commands that take steps: --run-now, renew, publish, rollback.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "log.h"
#include "nearest.h"
#include "run.h"
#include "session.h"
#include "status.h"
#include "table.h"

// Progress of a run, and how the result is to be told.
struct telling {
    bool terminal; // stderr: one line that changes; else a line a step
    bool dry_run;
    size_t count;
};

// ---- Progress

// What was not done is for those who look for it.
static enum log_level level_of(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_FAILED: return LOG_LEVEL_ERROR;
    case OUTCOME_WAITING: return LOG_LEVEL_DEBUG;
    default: return LOG_LEVEL_INFO;
    }
}

static void tell(void *context, const struct run_result *result)
{
    struct telling *telling = context;
    telling->count++;
    if (telling->dry_run) {
        return;
    }
    if (telling->terminal) {
        fprintf(stderr, "\r\033[K[%zu] %.60s: %s", telling->count, result->name, outcome_name(result->report.outcome));
        fflush(stderr);
    } else {
        run_log(result->name, &result->report, level_of(result->report.outcome));
    }
}

static void end_progress(const struct telling *telling)
{
    if (telling->terminal && !telling->dry_run && telling->count > 0) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}

// ---- Results

static cJSON *results_json(const struct run_results *results)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(document, "results");
    for (size_t i = 0; i < results->count; i++) {
        const struct report *report = &results->list[i].report;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", results->list[i].name);
        cJSON_AddStringToObject(item, "step", step_name(report->step));
        cJSON_AddStringToObject(item, "outcome", outcome_name(report->outcome));
        if (report->error.message[0] != '\0') {
            cJSON_AddStringToObject(item, "error", report->error.message);
        } else {
            cJSON_AddNullToObject(item, "error");
        }
        if (cJSON_GetArraySize(item) != 4 || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            cJSON_Delete(document);
            return NULL;
        }
    }
    if (list == NULL) {
        cJSON_Delete(document);
        return NULL;
    }
    return document;
}

static enum table_colour outcome_colour(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_RENEWED:
    case OUTCOME_PUBLISHED: return TABLE_GOOD;
    case OUTCOME_FAILED: return TABLE_BAD;
    case OUTCOME_PENDING:
    case OUTCOME_HELD:
    case OUTCOME_BUSY:
    case OUTCOME_WAITING: return TABLE_WARN;
    default: return TABLE_PLAIN;
    }
}

static void add_row(struct table *table, const struct run_result *result, bool dry_run)
{
    const struct report *report = &result->report;
    bool done = report->outcome == OUTCOME_RENEWED || report->outcome == OUTCOME_PUBLISHED;
    table_cell(table, TABLE_PLAIN, result->name);
    table_cell(table, TABLE_PLAIN, report->step == STEP_NONE ? "-" : step_name(report->step));
    table_format(table, outcome_colour(report->outcome), "%s%s", dry_run && done ? "would be " : "",
                 outcome_name(report->outcome));
    if (report->error.message[0] != '\0') {
        table_cell(table, TABLE_PLAIN, report->error.message);
    } else if (!done || report->generation == 0) {
        table_cell(table, TABLE_PLAIN, "");
    } else if (report->profile[0] != '\0' && strcmp(report->profile, STATE_LIVE) != 0) {
        table_format(table, TABLE_PLAIN, "generation %u by %s", report->generation, report->profile);
    } else {
        table_format(table, TABLE_PLAIN, "generation %u", report->generation);
    }
}

static void print_results(const struct run_results *results, bool dry_run)
{
    static const struct table_column columns[] = {{"CERTIFICATE", 24}, {"STEP", 0}, {"OUTCOME", 0}, {"DETAIL", 0}};
    if (results->count == 0) {
        if (!results->clock_untrusted) {
            puts("nothing is due");
        }
        return;
    }
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < results->count; i++) {
        add_row(&table, &results->list[i], dry_run);
    }
    table_print(&table, stdout);
    table_free(&table);
}

static int exit_code(const struct run_results *results, bool detailed)
{
    bool changed = false;
    if (results->clock_untrusted) {
        return EXIT_CLOCK;
    }
    for (size_t i = 0; i < results->count; i++) {
        enum outcome outcome = results->list[i].report.outcome;
        if (outcome == OUTCOME_FAILED) {
            return EXIT_STEP_FAILED;
        }
        changed = changed || outcome == OUTCOME_RENEWED || outcome == OUTCOME_PUBLISHED;
    }
    if (results->unreadable > 0) {
        return EXIT_STEP_FAILED;
    }
    return detailed && changed ? EXIT_CHANGED : EXIT_DONE;
}

// ---- The run

static int run(const struct config *config, const struct arguments *arguments, struct run_options *options)
{
    struct telling telling = {.terminal = isatty(STDERR_FILENO) == 1, .dry_run = options->dry_run};
    struct run_results results;
    struct error error;
    options->names = arguments->words;
    options->trust_clock = arguments->option[OPTION_TRUST_CLOCK] != NULL;
    if (run_pass(config, options, tell, &telling, &results, &error) < 0) {
        end_progress(&telling);
        arguments_complain("%s", error.message);
        run_results_free(&results);
        // What stops a run as a whole is a name or a folder that is refused, or the system.
        return error.code == ERROR_SYSTEM ? EXIT_STEP_FAILED : EXIT_MISTAKE;
    }
    end_progress(&telling);
    if (results.clock_untrusted) {
        arguments_complain("%s", results.clock.message);
    }
    int code = exit_code(&results, arguments->option[OPTION_DETAILED_EXITCODE] != NULL);
    if (arguments->option[OPTION_JSON] == NULL) {
        print_results(&results, options->dry_run);
    } else if (!session_print_json(results_json(&results))) {
        code = EXIT_STEP_FAILED;
    }
    run_results_free(&results);
    return code;
}

static int check_group(const struct config *config, const char *name)
{
    if (name == NULL || config_group(config, name) != NULL) {
        return EXIT_DONE;
    }
    char near[NEAREST_SIZE];
    struct nearest nearest = {.word = name};
    for (size_t i = 0; i < config->certificate_count; i++) {
        const struct certificate *certificate = &config->certificates[i];
        for (uint16_t j = 0; j < certificate->group_count; j++) {
            nearest_offer(&nearest, group_name(certificate->groups[j]));
        }
    }
    arguments_complain("there is no group '%s'%s", name, nearest_text(&nearest, near));
    return EXIT_MISTAKE;
}

int command_run_now(const struct arguments *arguments)
{
    struct session session = {0};
    struct run_options options = {.group = arguments->option[OPTION_GROUP],
                                  .dry_run = arguments->option[OPTION_DRY_RUN] != NULL};
    options.flags = (arguments->option[OPTION_IGNORE_SLOTS] != NULL ? DECIDE_IGNORE_SLOTS : 0u) |
                    (arguments->word_count > 0 ? DECIDE_IGNORE_RETRY : 0u);
    int code = session_open(&session, arguments);
    if (code == EXIT_DONE) {
        code = session_check_names(session.config, arguments->words);
    }
    if (code == EXIT_DONE) {
        code = check_group(session.config, options.group);
    }
    if (code == EXIT_DONE) {
        code = run(session.config, arguments, &options);
    }
    session_close(&session);
    return code;
}

int command_renew(const struct arguments *arguments)
{
    struct session session = {0};
    struct run_options options = {.by_hand_issue = true,
                                  .flags = arguments->option[OPTION_RESTART] != NULL ? DECIDE_RESTART : 0u};
    int code = session_open(&session, arguments);
    if (code == EXIT_DONE) {
        code = session_check_names(session.config, arguments->words);
    }
    if (code == EXIT_DONE) {
        code = run(session.config, arguments, &options);
    }
    session_close(&session);
    return code;
}

// A profile that none of the named certificates publishes by is a word typed wrong.
static int check_profile(const struct config *config, const struct arguments *arguments)
{
    const char *name = arguments->option[OPTION_PROFILE];
    struct nearest nearest = {.word = name};
    struct status_view view;
    struct error error;
    char near[NEAREST_SIZE];
    bool found = false;
    if (name == NULL) {
        return EXIT_DONE;
    }
    if (status_open(&view, config, clock_now(), &error) < 0) {
        arguments_complain("%s", error.message);
        status_close(&view);
        return EXIT_MISTAKE;
    }
    for (char *const *word = arguments->words; *word != NULL; word++) {
        struct status status;
        status_of(&view, config_find(config, *word), &status);
        for (size_t i = 0; i < status.settings.profiles.count; i++) {
            const char *known = status.settings.profiles.list[i]->section.name;
            found = found || strcmp(known, name) == 0;
            nearest_offer(&nearest, known);
        }
        status_free(&status);
    }
    status_close(&view);
    if (!found) {
        arguments_complain("'%s' is no profile of %s%s", name, arguments->words[0], nearest_text(&nearest, near));
    }
    return found ? EXIT_DONE : EXIT_MISTAKE;
}

static int publish(const struct arguments *arguments, unsigned flags)
{
    struct session session = {0};
    struct run_options options = {
        .by_hand_publish = true, .profile = arguments->option[OPTION_PROFILE], .flags = flags};
    int code = session_open(&session, arguments);
    if (code == EXIT_DONE) {
        code = session_check_names(session.config, arguments->words);
    }
    if (code == EXIT_DONE) {
        code = check_profile(session.config, arguments);
    }
    if (code == EXIT_DONE) {
        code = run(session.config, arguments, &options);
    }
    session_close(&session);
    return code;
}

int command_publish(const struct arguments *arguments)
{
    return publish(arguments, arguments->option[OPTION_FORCE] != NULL ? DECIDE_FORCE : 0u);
}

int command_rollback(const struct arguments *arguments)
{
    return publish(arguments, DECIDE_ROLLBACK);
}
