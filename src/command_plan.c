// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command plan: what will happen when, to all certificates in one list, and what is to be feared.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "command.h"
#include "host.h"
#include "plan.h"
#include "session.h"
#include "sort.h"
#include "status.h"
#include "table.h"

#define DAYS 30
#define MOST_DAYS 3660
#define DAY ((int64_t)86400)
#define MOST_STEPS 1000   // of one certificate
#define LEAST_STEPS 50    // of one among very many
#define ALL_STEPS 1000000 // of all together, as far as LEAST_STEPS lets
#define MAX_SENTENCE 8192

// A step or a warning, to be told when all are known. All text is in the arena or the configuration.
struct line {
    int64_t at; // of a step
    size_t number;
    const char *name, *profile, *text;
    enum step step;
};

// Lines in the order in which they were found.
struct lines {
    const struct line **list;
    size_t count, capacity;
};

struct planning {
    const struct config *config;
    struct arena arena;
    struct lines steps, warnings;
    struct buf sentence;
    bool no_memory;
    bool unreadable; // a state
};

// ---- Gathering

static void add_line(struct planning *planning, struct lines *lines, const struct line *facts)
{
    struct line *line = arena_take(&planning->arena, sizeof(*line));
    const char *text = arena_text(&planning->arena, buf_string(&planning->sentence), planning->sentence.length);
    if (lines->count == lines->capacity) {
        size_t capacity = lines->capacity == 0 ? 64 : lines->capacity * 2;
        void *list = realloc(lines->list, capacity * sizeof(lines->list[0]));
        lines->list = list == NULL ? lines->list : list;
        lines->capacity = list == NULL ? lines->capacity : capacity;
    }
    if (line == NULL || text == NULL || planning->sentence.failed || lines->count == lines->capacity) {
        planning->no_memory = true;
        return;
    }
    *line = *facts;
    line->number = lines->count;
    line->text = text;
    lines->list[lines->count++] = line;
}

static void add_step(void *context, const struct certificate *certificate, const struct decision *decision, int64_t at)
{
    struct planning *planning = context;
    buf_clear(&planning->sentence);
    decide_reason(planning->config, decision, at, &planning->sentence);
    add_line(planning, &planning->steps,
             &(struct line){.at = at, .name = certificate->name, .profile = decision->profile, .step = decision->step});
}

// "generation 2 expires 2026-04-01 00:00 before it is renewed (2026-04-03 03:00)"
static void add_expiry(struct planning *planning, const struct plan_warning *warning, const char *what)
{
    char expiry[STATUS_TIME_SIZE], at[STATUS_TIME_SIZE];
    struct buf *out = &planning->sentence;
    bool live = warning->decision->profile == NULL || strcmp(warning->decision->profile, STATE_LIVE) == 0;
    status_time(planning->config, warning->expiry, expiry);
    status_time(planning->config, warning->at, at);
    buf_format(out, "generation %u expires %s, before %s", warning->generation, expiry, what);
    if (!live) {
        buf_format(out, " by %s", warning->decision->profile);
    }
    if (warning->at != CLOCK_NONE) {
        buf_format(out, " (%s)", at);
    } else if (warning->decision->step == STEP_NONE) {
        buf_text(out, ": ");
        decide_reason(planning->config, warning->decision, warning->expiry, out);
    }
}

static void add_warning(void *context, const struct certificate *certificate, const struct plan_warning *warning)
{
    struct planning *planning = context;
    char at[STATUS_TIME_SIZE];
    buf_clear(&planning->sentence);
    switch (warning->kind) {
    case PLAN_SETTINGS: decide_warnings(warning->decision, &planning->sentence); break;
    case PLAN_EXPIRES_BEFORE_RENEWAL: add_expiry(planning, warning, "it is renewed"); break;
    case PLAN_EXPIRES_BEFORE_REPLACED: add_expiry(planning, warning, "a newer one is published"); break;
    case PLAN_EXPIRES_BEFORE_PUBLISHED: add_expiry(planning, warning, "it is published"); break;
    case PLAN_NEVER_OPENS: decide_reason(planning->config, warning->decision, CLOCK_NONE, &planning->sentence); break;
    case PLAN_CUT:
        status_time(planning->config, warning->at, at);
        buf_format(&planning->sentence, "it has too many steps: those from %s on are left out", at);
        break;
    case PLAN_WARNING_COUNT: break;
    }
    add_line(planning, &planning->warnings, &(struct line){.name = certificate->name});
}

static int by_time(const void *one, const void *other)
{
    const struct line *a = one, *b = other;
    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

static void gather(struct planning *planning, struct status_view *view, const struct plan *plan)
{
    const struct config *config = planning->config;
    for (size_t i = 0; i < config->certificate_count && !planning->no_memory; i++) {
        const struct certificate *certificate = &config->certificates[i];
        struct error error;
        if (status_read(view, certificate, &error) == 0) {
            plan_certificate(plan, certificate, &view->state);
            continue;
        }
        planning->unreadable = true;
        arguments_complain("%s", error.message);
        buf_clear(&planning->sentence);
        buf_text(&planning->sentence, STATUS_UNREADABLE);
        add_line(planning, &planning->warnings, &(struct line){.name = certificate->name});
    }
    sort_pointers((const void **)planning->steps.list, planning->steps.count, by_time);
}

// ---- Telling

static void print_text(const struct planning *planning, const struct plan *plan)
{
    static const struct table_column steps[] = {{"WHEN", 0}, {"CERTIFICATE", 24}, {"STEP", 0}, {"REASON", 0}};
    static const struct table_column warnings[] = {{"CERTIFICATE", 24}, {"WARNING", 0}};
    struct table table;
    char when[STATUS_TIME_SIZE];
    table_init(&table, steps, sizeof steps / sizeof steps[0]);
    for (size_t i = 0; i < planning->steps.count; i++) {
        const struct line *line = planning->steps.list[i];
        status_time(planning->config, line->at, when);
        table_cell(&table, TABLE_PLAIN, when);
        table_cell(&table, TABLE_PLAIN, line->name);
        table_cell(&table, TABLE_PLAIN, step_name(line->step));
        table_cell(&table, TABLE_PLAIN, line->text);
    }
    if (planning->steps.count == 0) {
        status_time(planning->config, plan->until, when);
        printf("nothing happens until %s\n", when);
    } else {
        table_print(&table, stdout);
    }
    table_free(&table);
    if (planning->warnings.count == 0) {
        return;
    }
    puts("");
    table_init(&table, warnings, sizeof warnings / sizeof warnings[0]);
    for (size_t i = 0; i < planning->warnings.count; i++) {
        table_cell(&table, TABLE_PLAIN, planning->warnings.list[i]->name);
        table_cell(&table, TABLE_WARN, planning->warnings.list[i]->text);
    }
    table_print(&table, stdout);
    table_free(&table);
}

// The text is borrowed until the document has been printed.
static void json_text(cJSON *item, const char *key, const char *text)
{
    cJSON_AddItemToObjectCS(item, key, text == NULL ? cJSON_CreateNull() : cJSON_CreateStringReference(text));
}

static bool json_add(cJSON *list, cJSON *item, int fields)
{
    // An item that found no memory is missing.
    if (cJSON_GetArraySize(item) == fields && cJSON_AddItemToArray(list, item)) {
        return true;
    }
    cJSON_Delete(item);
    return false;
}

static bool json_step(cJSON *list, const struct line *line)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToObjectCS(item, "at", status_json_time(line->at));
    json_text(item, "name", line->name);
    json_text(item, "step", step_name(line->step));
    json_text(item, "profile", line->profile);
    json_text(item, "reason", line->text);
    return json_add(list, item, 5);
}

static bool json_warning(cJSON *list, const struct line *line)
{
    cJSON *item = cJSON_CreateObject();
    json_text(item, "name", line->name);
    json_text(item, "message", line->text);
    return json_add(list, item, 2);
}

// NULL: no memory.
static cJSON *plan_json(const struct planning *planning)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *steps = cJSON_AddArrayToObject(document, "steps");
    cJSON *warnings = cJSON_AddArrayToObject(document, "warnings");
    bool fine = steps != NULL && warnings != NULL;
    for (size_t i = 0; fine && i < planning->steps.count; i++) {
        fine = json_step(steps, planning->steps.list[i]);
    }
    for (size_t i = 0; fine && i < planning->warnings.count; i++) {
        fine = json_warning(warnings, planning->warnings.list[i]);
    }
    if (!fine) {
        cJSON_Delete(document);
        return NULL;
    }
    return document;
}

static int tell(const struct planning *planning, const struct plan *plan, bool as_json)
{
    if (planning->no_memory) {
        arguments_complain("no memory for the plan");
        return EXIT_STEP_FAILED;
    }
    if (!as_json) {
        print_text(planning, plan);
    } else if (!session_print_json(plan_json(planning))) {
        return EXIT_STEP_FAILED;
    }
    return planning->unreadable ? EXIT_STEP_FAILED : EXIT_DONE;
}

// ---- The command

// Very many certificates share what a plan may take of memory.
static size_t most_steps(const struct config *config)
{
    size_t share = config->certificate_count == 0 ? MOST_STEPS : ALL_STEPS / config->certificate_count;
    return share > MOST_STEPS ? MOST_STEPS : share < LEAST_STEPS ? LEAST_STEPS : share;
}

static int days_of(const struct arguments *arguments, int64_t *days)
{
    const char *text = arguments->option[OPTION_DAYS];
    *days = DAYS;
    if (text == NULL) {
        return EXIT_DONE;
    }
    char *end;
    long value = text[0] >= '1' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
    if (value < 1 || value > MOST_DAYS || *end != '\0') {
        arguments_complain("'%s' is no number of days: give a whole number from 1 to %d", text, MOST_DAYS);
        return EXIT_MISTAKE;
    }
    *days = value;
    return EXIT_DONE;
}

static int make_plan(const struct config *config, const struct arguments *arguments, int64_t at, int64_t days)
{
    struct planning planning = {.config = config};
    struct status_view view;
    struct error error;
    char host[HOST_TEXT_SIZE];
    int code = EXIT_DONE;
    buf_init(&planning.sentence, MAX_SENTENCE);
    if (status_open(&view, config, at, &error) < 0) {
        arguments_complain("%s", error.message);
        code = error.code == ERROR_SYSTEM ? EXIT_STEP_FAILED : EXIT_MISTAKE;
        goto out;
    }
    if (view.trust != CLOCK_TRUSTED) {
        arguments_complain("%s", buf_string(&view.doubt));
    }
    host_text(host);
    const struct plan plan = {.config = config,
                              .host = host,
                              .from = view.now,
                              .until = view.now + days * DAY,
                              .assume_failure = arguments->option[OPTION_ASSUME_FAILURE] != NULL,
                              .most_steps = most_steps(config),
                              .step = add_step,
                              .warning = add_warning,
                              .context = &planning};
    gather(&planning, &view, &plan);
    code = tell(&planning, &plan, arguments->option[OPTION_JSON] != NULL);
out:
    status_close(&view);
    buf_free(&planning.sentence);
    free(planning.steps.list);
    free(planning.warnings.list);
    arena_free(&planning.arena);
    return code;
}

int command_plan(const struct arguments *arguments)
{
    struct session session = {0};
    int64_t at, days;
    if (session_at(arguments, &at) != EXIT_DONE || days_of(arguments, &days) != EXIT_DONE) {
        return EXIT_MISTAKE;
    }
    int code = session_open(&session, arguments);
    if (code == EXIT_DONE) {
        code = make_plan(session.config, arguments, at, days);
    }
    session_close(&session);
    return code;
}
