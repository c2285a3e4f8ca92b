// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A queue of numbers by rank: the lowest first, of equal ones the lower number.
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_entry {
    int64_t rank;
    uint32_t number;
};

// All zero: empty.
struct queue {
    struct queue_entry *heap;
    size_t length, capacity;
};

// -1: no memory, and the queue is as it was.
int queue_push(struct queue *queue, int64_t rank, uint32_t number);
// The first one; the queue must not be empty.
const struct queue_entry *queue_first(const struct queue *queue);
// Takes the first one off.
void queue_pop(struct queue *queue);
void queue_free(struct queue *queue);

#endif
