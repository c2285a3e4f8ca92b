// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// An index of names by open addressing: four bytes a slot, so that a hundred thousand names cost little.
#include <stdlib.h>
#include <string.h>

#include "config_data.h"

#define FIRST_SIZE ((size_t)64)

// Eight bytes at a time; multiplied so that all of them reach the low bits, which choose the slot.
static size_t hash(const char *name)
{
    uint64_t sum = 0x9e3779b97f4a7c15u, part;

    for (size_t left = strlen(name); left > 0;) {
        size_t size = left < sizeof(part) ? left : sizeof(part);
        part = 0;
        memcpy(&part, name, size);
        sum = (sum ^ part) * 0x9fb21c651e98df25u;
        sum ^= sum >> 32;
        name += size;
        left -= size;
    }
    return (size_t)(sum ^ sum >> 29);
}

static void put(struct name_index *index, uint32_t place, const char *name)
{
    size_t slot = hash(name) & index->mask;

    while (index->slots[slot] != 0) {
        slot = (slot + 1) & index->mask;
    }
    index->slots[slot] = place + 1;
}

static int grow(struct name_index *index, config_name_at *name_at, const struct config_data *data)
{
    struct name_index larger = {.count = index->count};
    size_t size = index->slots == NULL ? FIRST_SIZE : 2 * (index->mask + 1);

    larger.mask = size - 1;
    larger.slots = calloc(size, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        return -1;
    }
    for (size_t i = 0; index->slots != NULL && i <= index->mask; i++) {
        if (index->slots[i] != 0) {
            put(&larger, index->slots[i] - 1, name_at(data, index->slots[i] - 1));
        }
    }
    free(index->slots);
    *index = larger;
    return 0;
}

int config_index_add(struct name_index *index, uint32_t place, config_name_at *name_at, const struct config_data *data)
{
    // Three quarters full at the most.
    if (index->slots == NULL || 4 * (index->count + 1) > 3 * (index->mask + 1)) {
        if (grow(index, name_at, data) < 0) {
            return -1;
        }
    }
    put(index, place, name_at(data, place));
    index->count++;
    return 0;
}

int64_t config_index_find(const struct name_index *index, const char *name, config_name_at *name_at,
                          const struct config_data *data)
{
    if (index->slots == NULL) {
        return -1;
    }
    for (size_t slot = hash(name) & index->mask; index->slots[slot] != 0; slot = (slot + 1) & index->mask) {
        if (strcmp(name_at(data, index->slots[slot] - 1), name) == 0) {
            return (int64_t)index->slots[slot] - 1;
        }
    }
    return -1;
}
