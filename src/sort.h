// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Sorting in place, without memory and without surprises for hostile input: n log n always.
#ifndef SORT_H
#define SORT_H

#include <stddef.h>

// Sorts pointers so that order() of each and the next is <= 0. Not stable: order() decides everything.
void sort_pointers(const void **list, size_t count, int (*order)(const void *one, const void *other));

#endif
