// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command check: every mistake of the configuration, and the files that steps will read, tried.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "command.h"
#include "file.h"
#include "key.h"
#include "options.h"
#include "session.h"
#include "status.h"
#include "x509.h"

#define MAX_TRUST ((size_t)4 * 1024 * 1024)

struct checking {
    const struct config *config;
    struct problems *problems;
    const struct hook_section **seen; // sections that were tried: many certificates share one
    size_t seen_count, seen_capacity;
};

static void add(struct checking *checking, enum problem_level level, const struct location *at, const char *message)
{
    problems_add(checking->problems, level, checking->config->files[at->file], at->line, "%s", message);
}

static bool first_time(struct checking *checking, const struct hook_section *section)
{
    for (size_t i = 0; i < checking->seen_count; i++) {
        if (checking->seen[i] == section) {
            return false;
        }
    }
    if (checking->seen_count == checking->seen_capacity) {
        size_t capacity = checking->seen_capacity * 2 + 16;
        const struct hook_section **seen = reallocarray(checking->seen, capacity, sizeof(const struct hook_section *));
        if (seen == NULL) {
            return true;
        }
        checking->seen = seen;
        checking->seen_capacity = capacity;
    }
    checking->seen[checking->seen_count++] = section;
    return true;
}

// ---- Files that steps read

static void try_options(struct checking *checking, const struct hook_section *section)
{
    for (size_t i = 0; i < section->option_count; i++) {
        struct buf value;
        struct error error;
        buf_init_secret(&value, OPTIONS_MAX_FILE + 1);
        if (options_read(&section->options[i], &value, &error) < 0) {
            add(checking, PROBLEM_MISTAKE, &section->options[i].at, error.message);
        }
        buf_free(&value);
    }
}

static void try_trust(struct checking *checking, const struct template *template)
{
    struct buf text;
    struct error error;
    int skipped = 0;
    buf_init(&text, MAX_TRUST);
    if (file_read(AT_FDCWD, template->trust, &text, &error) < 0) {
        error_prefix(&error, "trust");
        add(checking, PROBLEM_MISTAKE, &template->section.at, error.message);
    } else if (x509_bundle_count(buf_string(&text), text.length, &skipped) <= 0) {
        error_set(&error, ERROR_FORMAT, "trust: %s holds no certificate that can be read", template->trust);
        add(checking, PROBLEM_MISTAKE, &template->section.at, error.message);
    }
    buf_free(&text);
}

static void try_sections(struct checking *checking, const struct sections *sections)
{
    for (size_t i = 0; i < sections->count; i++) {
        if (first_time(checking, sections->list[i])) {
            try_options(checking, sections->list[i]);
        }
    }
}

static void try_settings(struct checking *checking, const struct settings *settings)
{
    for (const struct template *template = settings->first; template != NULL; template = template->fallback) {
        if (first_time(checking, &template->section)) {
            try_options(checking, &template->section);
            if (template->trust != NULL) {
                try_trust(checking, template);
            }
        }
    }
    for (size_t i = 0; i < settings->profiles.count; i++) {
        const struct hook_section *section = &settings->profiles.list[i]->section;
        if (first_time(checking, section)) {
            try_options(checking, section);
        }
    }
    try_sections(checking, &settings->policies);
    try_sections(checking, &settings->notifies);
}

// All groups are tried: which of them acts may change.
static void try_certificate(struct checking *checking, const struct certificate *certificate)
{
    struct settings settings;
    for (uint16_t i = 0; i < certificate->group_count; i++) {
        config_settings(checking->config, certificate, certificate->groups[i], &settings);
        try_settings(checking, &settings);
    }
    if (certificate->group_count == 0) {
        config_settings(checking->config, certificate, NULL, &settings);
        try_settings(checking, &settings);
    }
}

// ---- What the state makes of the settings

static void add_warnings(struct checking *checking, const struct certificate *certificate,
                         const struct decision *decision, bool only_slots)
{
    struct buf text;
    if (only_slots && !decision->never_opens) {
        return;
    }
    buf_init(&text, 4096);
    buf_format(&text, "certificate '%s': ", certificate->name);
    size_t start = text.length;
    decide_warnings(decision, &text);
    if (text.length > start) {
        add(checking, PROBLEM_WARNING, &certificate->at, buf_string(&text));
    }
    buf_free(&text);
}

static void look_at(struct checking *checking, struct status_view *view, const struct certificate *certificate)
{
    struct status status;
    struct decision decision;
    status_of(view, certificate, &status);
    if (status.unreadable) {
        add(checking, PROBLEM_WARNING, &certificate->at, status.error.message);
        status_free(&status);
        return;
    }
    decide_issue(checking->config, certificate, &status.settings, status.state, view->now, 0, &decision);
    add_warnings(checking, certificate, &decision, false);
    for (size_t i = 0; i < status.settings.profiles.count; i++) {
        decide_publish(checking->config, certificate, &status.settings, status.state,
                       status.settings.profiles.list[i]->section.name, view->now, 0, &decision);
        add_warnings(checking, certificate, &decision, true);
    }
    status_free(&status);
}

static void look_at_states(struct checking *checking)
{
    const struct config *config = checking->config;
    struct status_view view;
    struct error error;
    if (status_open(&view, config, CLOCK_NONE, &error) < 0) {
        problems_add(checking->problems, PROBLEM_MISTAKE, config->files[1], 0, "state_dir: %s", error.message);
    } else {
        for (size_t i = 0; i < config->certificate_count; i++) {
            look_at(checking, &view, &config->certificates[i]);
        }
    }
    status_close(&view);
}

// ---- The command

static const char *level_name(enum problem_level level)
{
    return level == PROBLEM_MISTAKE ? "mistake" : "warning";
}

static cJSON *problems_json(const struct problems *problems)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(document, "problems");
    bool fine = list != NULL;
    for (size_t i = 0; fine && i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "file", problem->file);
        cJSON_AddNumberToObject(item, "line", problem->line);
        cJSON_AddStringToObject(item, "level", level_name(problem->level));
        cJSON_AddStringToObject(item, "message", problem->message);
        fine = cJSON_GetArraySize(item) == 4 && cJSON_AddItemToArray(list, item);
    }
    if (!fine) {
        cJSON_Delete(document);
        return NULL;
    }
    return document;
}

static void print_problems(const struct problems *problems, const struct config *config)
{
    for (size_t i = 0; i < problems->count; i++) {
        session_print_problem(stdout, &problems->list[i]);
    }
    size_t warnings = problems->count - problems->mistakes;
    printf("%zu mistake%s, %zu warning%s", problems->mistakes, problems->mistakes == 1 ? "" : "s", warnings,
           warnings == 1 ? "" : "s");
    if (config != NULL) {
        printf(", %zu certificate%s", config->certificate_count, config->certificate_count == 1 ? "" : "s");
    }
    putchar('\n');
}

int command_check(const struct arguments *arguments)
{
    struct session session = {0};
    struct problems problems;
    struct error error;
    problems_init(&problems);
    session_load(&session, arguments, &problems);
    struct checking checking = {.config = session.config, .problems = &problems};
    if (session.config != NULL) {
        // After the last hook was asked: what follows parses certificates, and forks no more.
        if (key_start(&error) < 0) {
            arguments_complain("%s", error.message);
        }
        try_sections(&checking, &config_defaults(session.config)->notifies);
        for (size_t i = 0; i < session.config->certificate_count; i++) {
            try_certificate(&checking, &session.config->certificates[i]);
        }
        look_at_states(&checking);
    }
    int code = problems.mistakes > 0 ? EXIT_MISTAKE : EXIT_DONE;
    if (arguments->option[OPTION_JSON] == NULL) {
        print_problems(&problems, session.config);
    } else if (!session_print_json(problems_json(&problems))) {
        code = EXIT_STEP_FAILED;
    }
    free(checking.seen);
    session_close(&session);
    problems_free(&problems);
    return code;
}
