// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Fuzzes the time zones: files, and (where the first byte is no 'T') POSIX strings; whatever is taken must hold together.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "zone.h"

static void check(int good)
{
    if (!good) {
        abort();
    }
}

// From change to change, and a reading at each: what is read there must be what the offset says.
static void walk(const struct zone *zone)
{
    int64_t time = -4000000000, until, out[2];

    for (int i = 0; i < 300 && time < 8000000000; i++) {
        int32_t offset = zone_offset(zone, time, &until);
        check(until > time);
        int count = zone_instants(zone, time + offset, out);
        check(count >= 1 && count <= 2);
        for (int j = 0; j < count; j++) {
            check(out[j] + zone_offset(zone, out[j], NULL) == time + offset);
        }
        if (until == INT64_MAX) {
            break;
        }
        time = until;
    }
    zone_epoch(zone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone *zone;
    struct error error;
    int result;

    if (size > 0 && data[0] == 'T') {
        result = zone_from_tzif(data, size, &zone, &error);
    } else {
        char *text = malloc(size + 1);
        check(text != NULL);
        memcpy(text, data, size);
        text[size] = '\0';
        result = zone_from_posix(text, &zone, &error);
        free(text);
    }
    check((result == 0) == (zone != NULL));
    if (zone != NULL) {
        walk(zone);
    } else {
        check(error.message[0] != '\0');
    }
    zone_free(zone);
    return 0;
}
