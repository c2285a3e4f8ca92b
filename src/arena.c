// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The arena: blocks that grow up to a size, each used from its start to its end.
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK ((size_t)4096)
#define LARGEST_BLOCK ((size_t)256 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size; // of "bytes"
    alignas(max_align_t) char bytes[];
};

// Makes room for "size" bytes, whatever their alignment. What is left of the block before stays unused.
static int grow(struct arena *arena, size_t size)
{
    size_t room = arena->blocks == NULL ? FIRST_BLOCK : arena->blocks->size * 2;

    room = room > LARGEST_BLOCK ? LARGEST_BLOCK : room;
    room = room < size ? size : room;
    if (room > SIZE_MAX - sizeof(struct arena_block)) {
        return -1;
    }
    struct arena_block *block = malloc(sizeof(*block) + room);
    if (block == NULL) {
        return -1;
    }
    block->next = arena->blocks;
    block->size = room;
    arena->blocks = block;
    arena->at = block->bytes;
    arena->end = block->bytes + room;
    return 0;
}

void *arena_take(struct arena *arena, size_t size)
{
    // Eight bytes suit every object that we keep; only a long double would want more.
    size_t gap = (size_t)(-(uintptr_t)arena->at % sizeof(int64_t));

    if ((size_t)(arena->end - arena->at) < gap || (size_t)(arena->end - arena->at) - gap < size) {
        if (grow(arena, size) < 0) {
            return NULL;
        }
        gap = 0;
    }
    void *piece = arena->at + gap;
    arena->at += gap + size;
    return memset(piece, 0, size);
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    if ((size_t)(arena->end - arena->at) <= length && (length == SIZE_MAX || grow(arena, length + 1) < 0)) {
        return NULL;
    }
    char *copy = arena->at;
    memcpy(copy, text, length);
    copy[length] = '\0';
    arena->at += length + 1;
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->at = arena->end = NULL;
}
