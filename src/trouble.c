// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the world denies: told once, tried again after a while that grows.
#include "trouble.h"

#include <stdio.h>
#include <string.h>

#include "log.h"

#define FIRST_PAUSE_MS 1000
#define MOST_PAUSE_MS 60000

void trouble_begin(struct trouble *trouble, int64_t boot_ms, const struct error *error)
{
    if (strcmp(trouble->told, error->message) != 0) {
        log_error("%s", error->message);
        snprintf(trouble->told, sizeof(trouble->told), "%s", error->message);
    }
    int64_t pause = trouble->pause_ms == 0 ? FIRST_PAUSE_MS : trouble->pause_ms * 2;
    trouble->pause_ms = pause < MOST_PAUSE_MS ? pause : MOST_PAUSE_MS;
    trouble->until_boot_ms = boot_ms + trouble->pause_ms;
}

void trouble_end(struct trouble *trouble)
{
    if (trouble->told[0] != '\0') {
        log_info("over: %s", trouble->told);
    }
    *trouble = (struct trouble){0};
}
