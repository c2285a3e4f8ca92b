// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The agenda: for each certificate the moment at which the loop is to look at it next, the earliest first.
#ifndef AGENDA_H
#define AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

// A binary heap over the indices 0..count-1; 16 bytes a certificate.
struct agenda {
    int64_t *when;      // by index; CLOCK_NONE: not on the agenda
    uint32_t *heap;     // indices, the earliest first
    uint32_t *position; // by index: where it stands in the heap
    uint32_t length, count;
};

// Makes an empty agenda for "count" certificates. 0, or -1 without memory.
int agenda_init(struct agenda *agenda, size_t count, struct error *error);
void agenda_free(struct agenda *agenda);

// Sets the moment of one; CLOCK_NONE takes it off.
void agenda_set(struct agenda *agenda, size_t index, int64_t when);
// The earliest entry: false when there is none.
bool agenda_first(const struct agenda *agenda, size_t *index, int64_t *when);

#endif
