// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the commands share: the configuration they read, names, JSON.
#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "command.h"
#include "log.h"

// ---- The configuration

const char *session_file(const struct arguments *arguments)
{
    return arguments->option[OPTION_CONFIG] != NULL ? arguments->option[OPTION_CONFIG] : CONFIG_DEFAULT_FILE;
}

void session_print_problem(FILE *out, const struct problem *problem)
{
    const char *level = problem->level == PROBLEM_WARNING ? "warning: " : "";
    if (problem->line > 0) {
        fprintf(out, "%s:%u: %s%s\n", problem->file, problem->line, level, problem->message);
    } else {
        fprintf(out, "%s%s%s%s\n", problem->file, problem->file[0] != '\0' ? ": " : "", level, problem->message);
    }
}

void session_load(struct session *session, const struct arguments *arguments, struct problems *problems)
{
    struct hook_source source = declarations_source(&session->declarations);
    session->config = config_load(session_file(arguments), &source, problems);
    if (session->config != NULL) {
        const struct engine *engine = &session->config->engine;
        log_setup(engine->log_level, engine->log_format, engine->log_target);
    }
}

int session_open(struct session *session, const struct arguments *arguments)
{
    struct problems problems;
    problems_init(&problems);
    session_load(session, arguments, &problems);
    bool said = session->config != NULL;
    // Mistakes only: warnings are "check"'s.
    for (size_t i = 0; session->config == NULL && i < problems.count; i++) {
        if (problems.list[i].level == PROBLEM_MISTAKE) {
            session_print_problem(stderr, &problems.list[i]);
            said = true;
        }
    }
    if (!said) {
        arguments_complain("no memory for the configuration, nor for what is wrong with it");
    }
    problems_free(&problems);
    return session->config != NULL ? EXIT_DONE : EXIT_MISTAKE;
}

void session_close(struct session *session)
{
    config_free(session->config);
    declarations_free(&session->declarations);
    session->config = NULL;
}

// ---- Names

const struct certificate *session_find(const struct config *config, const char *name)
{
    const struct certificate *certificate = config_find(config, name);
    if (certificate == NULL) {
        const char *similar = config_similar(config, name);
        arguments_complain(similar == NULL ? "there is no certificate '%s'%s"
                                           : "there is no certificate '%s': did you mean '%s'?",
                           name, similar == NULL ? "" : similar);
    }
    return certificate;
}

int session_check_names(const struct config *config, char *const *names)
{
    int code = EXIT_DONE;
    for (; *names != NULL; names++) {
        if (session_find(config, *names) == NULL) {
            code = EXIT_MISTAKE;
        }
    }
    return code;
}

// ---- Times

int session_at(const struct arguments *arguments, int64_t *at)
{
    const char *text = arguments->option[OPTION_AT];
    *at = CLOCK_NONE;
    if (text == NULL || clock_parse_user(text, at)) {
        return EXIT_DONE;
    }
    arguments_complain("'%s' is no time: 2026-11-23T03:06:47Z, 2026-11-23, '2026-11-23 03:06' (UTC) and @UNIX are",
                       text);
    return EXIT_MISTAKE;
}

// ---- JSON

bool session_print_json(cJSON *document)
{
    char *text = document == NULL ? NULL : cJSON_Print(document);
    cJSON_Delete(document);
    if (text == NULL) {
        arguments_complain("no memory for the JSON document");
        return false;
    }
    bool fine = puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    if (!fine) {
        arguments_complain("the standard output cannot be written");
    }
    return fine;
}

void session_list_open(struct session_list *list, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    list->started = false;
}

bool session_list_add(struct session_list *list, cJSON *item)
{
    char *text = list->failed || item == NULL ? NULL : cJSON_PrintUnformatted(item);
    cJSON_Delete(item);
    if (text == NULL) {
        if (!list->failed) {
            arguments_complain("no memory for the JSON document");
        }
        list->failed = true;
        return false;
    }
    fputs(list->started ? ",\n" : "\n", stdout);
    fputs(text, stdout);
    free(text);
    list->started = true;
    return true;
}

bool session_list_close(struct session_list *list, const char *end)
{
    puts(end);
    return !list->failed;
}
