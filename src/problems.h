// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Problems: the mistakes and warnings that were found, each with its file and line, in order.
#ifndef PROBLEMS_H
#define PROBLEMS_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"

#define PROBLEMS_MAX 10000 // kept; more are only counted, and said to be so

enum problem_level { PROBLEM_MISTAKE, PROBLEM_WARNING };
struct problem {
    enum problem_level level;
    const char *file; // "" when none
    uint32_t line;    // 0 when none
    const char *message;
};
struct problems {
    struct problem *list; // after problems_sort by file, then line, then as they came
    size_t count;
    size_t mistakes; // those that are PROBLEM_MISTAKE, counted also past PROBLEMS_MAX
    size_t capacity;
    struct arena arena; // texts
};

void problems_init(struct problems *problems);
void problems_free(struct problems *problems);
// Adds one; all texts are copied, control characters of the message written \xNN. Without memory the mistake is
// still counted.
void problems_add(struct problems *problems, enum problem_level level, const char *file, uint32_t line,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
void problems_sort(struct problems *problems);

#endif
