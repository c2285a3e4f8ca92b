// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The agenda: for each certificate the moment at which the loop is to look at it next, the earliest first.
#include "agenda.h"

#include <stdlib.h>

#include "clock.h"

#define OFF_AGENDA UINT32_MAX

int agenda_init(struct agenda *agenda, size_t count, struct error *error)
{
    *agenda = (struct agenda){0};
    if (count >= OFF_AGENDA) {
        return error_set(error, ERROR_SYSTEM, "%zu certificates are too many", count);
    }
    size_t room = count > 0 ? count : 1;
    agenda->when = calloc(room, sizeof *agenda->when);
    agenda->heap = calloc(room, sizeof *agenda->heap);
    agenda->position = calloc(room, sizeof *agenda->position);
    if (agenda->when == NULL || agenda->heap == NULL || agenda->position == NULL) {
        agenda_free(agenda);
        return error_set(error, ERROR_SYSTEM, "no memory for the agenda of %zu certificates", count);
    }
    agenda->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        agenda->when[i] = CLOCK_NONE;
        agenda->position[i] = OFF_AGENDA;
    }
    return 0;
}

void agenda_free(struct agenda *agenda)
{
    free(agenda->when);
    free(agenda->heap);
    free(agenda->position);
    *agenda = (struct agenda){0};
}

static void place(struct agenda *agenda, uint32_t at, uint32_t index)
{
    agenda->heap[at] = index;
    agenda->position[index] = at;
}

static void sift_up(struct agenda *agenda, uint32_t at, uint32_t index)
{
    while (at > 0) {
        uint32_t above = agenda->heap[(at - 1) / 2];
        if (agenda->when[above] <= agenda->when[index]) {
            break;
        }
        place(agenda, at, above);
        at = (at - 1) / 2;
    }
    place(agenda, at, index);
}

static void sift_down(struct agenda *agenda, uint32_t at, uint32_t index)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= agenda->length) {
            break;
        }
        if (child + 1 < agenda->length && agenda->when[agenda->heap[child + 1]] < agenda->when[agenda->heap[child]]) {
            child++;
        }
        if (agenda->when[index] <= agenda->when[agenda->heap[child]]) {
            break;
        }
        place(agenda, at, agenda->heap[child]);
        at = child;
    }
    place(agenda, at, index);
}

static void take_off(struct agenda *agenda, uint32_t index)
{
    uint32_t hole = agenda->position[index];
    agenda->position[index] = OFF_AGENDA;
    agenda->length--;
    if (hole == agenda->length) {
        return;
    }
    // The last one fills the hole and then finds its own place, above or below.
    uint32_t last = agenda->heap[agenda->length];
    sift_up(agenda, hole, last);
    sift_down(agenda, agenda->position[last], last);
}

void agenda_set(struct agenda *agenda, size_t index, int64_t when)
{
    uint32_t i = (uint32_t)index;
    if (agenda->position[i] != OFF_AGENDA) {
        if (agenda->when[i] == when) {
            return;
        }
        take_off(agenda, i);
    }
    agenda->when[i] = when;
    if (when != CLOCK_NONE) {
        sift_up(agenda, agenda->length++, i);
    }
}

bool agenda_first(const struct agenda *agenda, size_t *index, int64_t *when)
{
    if (agenda->length == 0) {
        return false;
    }
    *index = agenda->heap[0];
    *when = agenda->when[agenda->heap[0]];
    return true;
}
