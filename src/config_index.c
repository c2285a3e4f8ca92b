// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// An index of names by open addressing: eight bytes a slot, the hash beside the place, so that neither growing nor
// passing over another name touches the names themselves.
#include <stdlib.h>
#include <string.h>

#include "config_data.h"

#define FIRST_SIZE ((size_t)64)

// Eight bytes at a time; multiplied so that all of them reach the low bits, which choose the slot.
uint32_t config_hash(const char *name, size_t length)
{
    uint64_t sum = 0x9e3779b97f4a7c15u ^ length, part;

    for (; length >= sizeof(part); length -= sizeof(part), name += sizeof(part)) {
        memcpy(&part, name, sizeof(part));
        sum = (sum ^ part) * 0x9fb21c651e98df25u;
        sum ^= sum >> 32;
    }
    for (part = 0; length > 0; length--, name++) {
        part = part << 8 | (unsigned char)*name;
    }
    sum = (sum ^ part) * 0x9fb21c651e98df25u;
    return (uint32_t)(sum ^ sum >> 32 ^ sum >> 47);
}

static void put(struct name_index *index, struct name_slot entry)
{
    size_t slot = entry.hash & index->mask;

    while (index->slots[slot].place != 0) {
        slot = (slot + 1) & index->mask;
    }
    index->slots[slot] = entry;
}

static int grow(struct name_index *index)
{
    struct name_index larger = {.count = index->count};
    size_t size = index->slots == NULL ? FIRST_SIZE : 2 * (index->mask + 1);

    larger.mask = size - 1;
    larger.slots = calloc(size, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        return -1;
    }
    for (size_t i = 0; index->slots != NULL && i <= index->mask; i++) {
        if (index->slots[i].place != 0) {
            put(&larger, index->slots[i]);
        }
    }
    free(index->slots);
    *index = larger;
    return 0;
}

int config_index_add(struct name_index *index, uint32_t hash, uint32_t place)
{
    // Three quarters full at the most.
    if (index->slots == NULL || 4 * (index->count + 1) > 3 * (index->mask + 1)) {
        if (grow(index) < 0) {
            return -1;
        }
    }
    put(index, (struct name_slot){.hash = hash, .place = place + 1});
    index->count++;
    return 0;
}

int64_t config_index_find(const struct name_index *index, uint32_t hash, const char *name, config_name_at *name_at,
                          const struct config_data *data)
{
    if (index->slots == NULL) {
        return -1;
    }
    for (size_t slot = hash & index->mask; index->slots[slot].place != 0; slot = (slot + 1) & index->mask) {
        uint32_t place = index->slots[slot].place - 1;
        if (index->slots[slot].hash == hash && strcmp(name_at(data, place), name) == 0) {
            return place;
        }
    }
    return -1;
}
