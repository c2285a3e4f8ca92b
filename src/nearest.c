// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Distances between words, for "did you mean".
#include "nearest.h"

#include <stdio.h>
#include <string.h>

#define MAX_NEAR 128 // longest word that is looked at

// How many letters must be changed, left out, put in or swapped (optimal string alignment).
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][MAX_NEAR + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++) {
        rows[0][j] = j;
    }
    size_t i = 0;
    for (; a[i] != '\0'; i++) {
        const size_t *before = rows[(i + 2) % 3];
        const size_t *above = rows[i % 3];
        size_t *row = rows[(i + 1) % 3];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t least = above[j] + (a[i] != b[j]);
            least = above[j + 1] + 1 < least ? above[j + 1] + 1 : least;
            least = row[j] + 1 < least ? row[j] + 1 : least;
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] && before[j - 1] + 1 < least) {
                least = before[j - 1] + 1;
            }
            row[j + 1] = least;
        }
    }
    return rows[i % 3][width];
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t length = strlen(nearest->word), other = strlen(candidate), most = 1 + length / 4;
    // Words that differ so much in length cannot be near: most candidates end here.
    if (length > MAX_NEAR || other > MAX_NEAR || other > length + most || length > other + most) {
        return;
    }
    size_t far = distance(nearest->word, candidate);
    if (far <= most && far < length && (nearest->best == NULL || far < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = far;
    }
}

const char *nearest_text(const struct nearest *nearest, char out[NEAREST_SIZE])
{
    out[0] = '\0';
    if (nearest->best != NULL) {
        snprintf(out, NEAREST_SIZE, ": did you mean '%s'?", nearest->best);
    }
    return out;
}
