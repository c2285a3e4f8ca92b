// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Failures in a row of issuing or of one publishing profile: counted, and ended.
#include "failures.h"

#include <string.h>

uint32_t failures_so_far(const struct failures *failures, const char *digest, bool by_hand)
{
    if (by_hand || failures->settings == NULL || strcmp(failures->settings, digest) != 0) {
        return 0;
    }
    return failures->count;
}

void failures_add(struct failures *failures, uint32_t so_far, int64_t now, bool permanent, const char *message,
                  const char *digest)
{
    failures->count = so_far < UINT32_MAX ? so_far + 1 : so_far;
    failures->last = now;
    failures->permanent = permanent;
    failures->error = message;
    failures->settings = digest;
}

void failures_end(struct failures *failures)
{
    *failures = (struct failures){.last = CLOCK_NONE};
}
