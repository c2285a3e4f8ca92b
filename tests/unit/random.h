// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Random cases for property tests, the same again for the same seed.
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random {
    uint64_t state;
};

// The seed is CERTAUTO_SEED of the environment, else the time; it is printed, so that a failure can be had again.
static inline struct random random_start(const char *what)
{
    struct random random = {(uint64_t)time(NULL)};
    const char *seed = getenv("CERTAUTO_SEED");

    if (seed != NULL) {
        random.state = strtoull(seed, NULL, 10);
    }
    printf("# %s: CERTAUTO_SEED=%llu\n", what, (unsigned long long)random.state);
    fflush(stdout);
    return random;
}

static inline uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// From low to high, both included.
static inline int64_t random_between(struct random *random, int64_t low, int64_t high)
{
    return low + (int64_t)(random_next(random) % ((uint64_t)(high - low) + 1));
}

static inline bool random_one_in(struct random *random, unsigned n)
{
    return random_next(random) % n == 0;
}

#endif
