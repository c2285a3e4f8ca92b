// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Heapsort: musl's own sort is kept out of the program (its 1.2.6 has a fault in it).
#include "sort.h"

// Lets the pointer at "root" sink until no child is greater.
static void sink(const void **heap, size_t root, size_t count, int (*order)(const void *one, const void *other))
{
    const void *sinking = heap[root];

    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        child += child + 1 < count && order(heap[child], heap[child + 1]) < 0;
        if (order(sinking, heap[child]) >= 0) {
            break;
        }
        heap[root] = heap[child];
        root = child;
    }
    heap[root] = sinking;
}

void sort_pointers(const void **list, size_t count, int (*order)(const void *one, const void *other))
{
    for (size_t root = count / 2; root-- > 0;) {
        sink(list, root, count, order);
    }
    for (size_t last = count; last-- > 1;) {
        const void *greatest = list[0];
        list[0] = list[last];
        list[last] = greatest;
        sink(list, 0, last, order);
    }
}
