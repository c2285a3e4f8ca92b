// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A queue of numbers by rank: a binary heap.
#include "queue.h"

#include <stdlib.h>

static bool goes_before(const struct queue_entry *a, const struct queue_entry *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->number < b->number;
}

int queue_push(struct queue *queue, int64_t rank, uint32_t number)
{
    struct queue_entry entry = {.rank = rank, .number = number};
    if (queue->length == queue->capacity) {
        size_t capacity = queue->capacity == 0 ? 16 : queue->capacity * 2;
        struct queue_entry *heap = reallocarray(queue->heap, capacity, sizeof(*heap));
        if (heap == NULL) {
            return -1;
        }
        queue->heap = heap;
        queue->capacity = capacity;
    }
    size_t at = queue->length++;
    while (at > 0 && goes_before(&entry, &queue->heap[(at - 1) / 2])) {
        queue->heap[at] = queue->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->heap[at] = entry;
    return 0;
}

const struct queue_entry *queue_first(const struct queue *queue)
{
    return &queue->heap[0];
}

void queue_pop(struct queue *queue)
{
    struct queue_entry last = queue->heap[--queue->length];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < queue->length && goes_before(&queue->heap[child + 1], &queue->heap[child])) {
            child++;
        }
        if (child >= queue->length || !goes_before(&queue->heap[child], &last)) {
            break;
        }
        queue->heap[at] = queue->heap[child];
        at = child;
    }
    if (queue->length > 0) {
        queue->heap[at] = last;
    }
}

void queue_free(struct queue *queue)
{
    free(queue->heap);
    *queue = (struct queue){0};
}
