// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the commands share: the configuration, names, complaints, JSON.
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "log.h"

#define MAX_LINE 8192
#define MAX_NEAR 64 // longest word that "did you mean" looks at

// ---- Complaints

void command_complain(const char *format, ...)
{
    struct buf text, line;
    va_list args;
    buf_init(&text, MAX_LINE);
    buf_init(&line, (size_t)4 * MAX_LINE);
    va_start(args, format);
    buf_vformat(&text, format, args);
    va_end(args);
    buf_escape_message(&line, buf_string(&text), text.length, MAX_LINE);
    fprintf(stderr, "certauto: %s\n", buf_string(&line));
    buf_free(&text);
    buf_free(&line);
}

// How many letters must be changed, left out, put in or swapped (optimal string alignment).
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][MAX_NEAR + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++) {
        rows[0][j] = j;
    }
    size_t i = 0;
    for (; a[i] != '\0'; i++) {
        const size_t *before = rows[(i + 2) % 3];
        const size_t *above = rows[i % 3];
        size_t *row = rows[(i + 1) % 3];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t least = above[j] + (a[i] != b[j]);
            least = above[j + 1] + 1 < least ? above[j + 1] + 1 : least;
            least = row[j] + 1 < least ? row[j] + 1 : least;
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] && before[j - 1] + 1 < least) {
                least = before[j - 1] + 1;
            }
            row[j + 1] = least;
        }
    }
    return rows[i % 3][width];
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t length = strlen(nearest->word);
    if (length > MAX_NEAR || strlen(candidate) > MAX_NEAR) {
        return;
    }
    size_t far = distance(nearest->word, candidate);
    if (far <= 1 + length / 4 && far < length && (nearest->best == NULL || far < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = far;
    }
}

const char *nearest_text(const struct nearest *nearest, char out[NEAREST_SIZE])
{
    out[0] = '\0';
    if (nearest->best != NULL) {
        snprintf(out, NEAREST_SIZE, ": did you mean '%s'?", nearest->best);
    }
    return out;
}

// ---- The configuration

const char *session_file(const struct arguments *arguments)
{
    return arguments->option[OPTION_CONFIG] != NULL ? arguments->option[OPTION_CONFIG] : CONFIG_DEFAULT_FILE;
}

// Mistakes only: warnings are "check"'s.
static void print_mistakes(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        if (problem->level != PROBLEM_MISTAKE) {
            continue;
        }
        if (problem->line > 0) {
            fprintf(stderr, "%s:%u: %s\n", problem->file, problem->line, problem->message);
        } else {
            fprintf(stderr, "%s%s%s\n", problem->file, problem->file[0] != '\0' ? ": " : "", problem->message);
        }
    }
}

int session_open(struct session *session, const struct arguments *arguments)
{
    struct hook_source source = declarations_source(&session->declarations);
    struct problems problems;
    problems_init(&problems);
    session->config = config_load(session_file(arguments), &source, &problems);
    if (session->config == NULL) {
        print_mistakes(&problems);
    }
    problems_free(&problems);
    if (session->config == NULL) {
        return EXIT_MISTAKE;
    }
    const struct engine *engine = &session->config->engine;
    log_setup(engine->log_level, engine->log_format, engine->log_target);
    return EXIT_DONE;
}

void session_close(struct session *session)
{
    config_free(session->config);
    declarations_free(&session->declarations);
    session->config = NULL;
}

// ---- Names

const struct certificate *command_find(const struct config *config, const char *name)
{
    const struct certificate *certificate = config_find(config, name);
    if (certificate == NULL) {
        const char *similar = config_similar(config, name);
        command_complain(similar == NULL ? "there is no certificate '%s'%s"
                                         : "there is no certificate '%s': did you mean '%s'?",
                         name, similar == NULL ? "" : similar);
    }
    return certificate;
}

int command_check_names(const struct config *config, char *const *names)
{
    int code = EXIT_DONE;
    for (; *names != NULL; names++) {
        if (command_find(config, *names) == NULL) {
            code = EXIT_MISTAKE;
        }
    }
    return code;
}

// ---- JSON

bool command_print_json(cJSON *document)
{
    char *text = document == NULL ? NULL : cJSON_Print(document);
    cJSON_Delete(document);
    if (text == NULL) {
        command_complain("no memory for the JSON document");
        return false;
    }
    bool fine = puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    if (!fine) {
        command_complain("the standard output cannot be written");
    }
    return fine;
}
