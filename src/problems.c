// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The list of problems: grown as they come, put in order once.
#include "problems.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "sort.h"

#define MAX_MESSAGE 2000

void problems_init(struct problems *problems)
{
    memset(problems, 0, sizeof(*problems));
}

void problems_free(struct problems *problems)
{
    free(problems->list);
    arena_free(&problems->arena);
    problems_init(problems);
}

static int grow(struct problems *problems)
{
    size_t capacity = problems->capacity == 0 ? 16 : 2 * problems->capacity;
    struct problem *list = realloc(problems->list, capacity * sizeof(*list));

    if (list == NULL) {
        return -1;
    }
    problems->list = list;
    problems->capacity = capacity;
    return 0;
}

// Problems come in runs of the same file, whose name is kept once.
static const char *keep_file(struct problems *problems, const char *file)
{
    if (problems->count > 0 && strcmp(problems->list[problems->count - 1].file, file) == 0) {
        return problems->list[problems->count - 1].file;
    }
    return arena_text(&problems->arena, file, strlen(file));
}

static void keep(struct problems *problems, enum problem_level level, const char *file, uint32_t line,
                 const char *message)
{
    struct buf shown;
    buf_init(&shown, 4 * MAX_MESSAGE + 16);
    buf_escape_message(&shown, message, strlen(message), MAX_MESSAGE);
    struct problem problem = {
        .level = level,
        .file = keep_file(problems, file),
        .line = line,
        .message = arena_text(&problems->arena, buf_string(&shown), shown.length),
    };
    buf_free(&shown);
    if (problem.file != NULL && problem.message != NULL &&
        (problems->count < problems->capacity || grow(problems) == 0)) {
        problems->list[problems->count++] = problem;
    }
}

void problems_add(struct problems *problems, enum problem_level level, const char *file, uint32_t line,
                  const char *format, ...)
{
    struct buf message;
    va_list args;

    problems->mistakes += level == PROBLEM_MISTAKE;
    if (problems->count > PROBLEMS_MAX) {
        return;
    }
    if (problems->count == PROBLEMS_MAX) {
        keep(problems, PROBLEM_WARNING, file, line, "there are more problems than can be shown; these are the first");
        return;
    }
    buf_init(&message, 65536);
    va_start(args, format);
    buf_vformat(&message, format, args);
    va_end(args);
    keep(problems, level, file, line, buf_string(&message));
    buf_free(&message);
}

// By file and line; equal ones stay as they came, because their places in the list are compared last.
static int order(const void *one, const void *other)
{
    const struct problem *a = one, *b = other;
    int by_file = strcmp(a->file, b->file);

    if (by_file != 0) {
        return by_file;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

void problems_sort(struct problems *problems)
{
    size_t count = problems->count;
    const void **places = count < 2 ? NULL : malloc(count * sizeof(*places));
    struct problem *sorted = count < 2 ? NULL : malloc(problems->capacity * sizeof(*sorted));

    // Without memory they stay as they came, which is nearly the same.
    if (places != NULL && sorted != NULL) {
        for (size_t i = 0; i < count; i++) {
            places[i] = &problems->list[i];
        }
        sort_pointers(places, count, order);
        for (size_t i = 0; i < count; i++) {
            sorted[i] = *(const struct problem *)places[i];
        }
        free(problems->list);
        problems->list = sorted;
        sorted = NULL;
    }
    free(places);
    free(sorted);
}
