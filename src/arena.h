// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// An arena: memory taken in small pieces and given back all at once.
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

// All zero is an empty arena. What it gave stays where it is until arena_free.
struct arena {
    struct arena_block *blocks;
    char *at, *end;
};

// Memory for any object, all zero, or NULL when there is none.
void *arena_take(struct arena *arena, size_t size);
// A copy of the bytes and a NUL after them, or NULL. Texts lie close, without gaps.
char *arena_text(struct arena *arena, const char *text, size_t length);
// Gives all of it back; the arena is empty then and may be used again.
void arena_free(struct arena *arena);

#endif
