// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the tests of schedule.c and decide.c share: times, zones and slots out of short text.
#ifndef CALENDAR_H
#define CALENDAR_H

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "random.h"
#include "schedule.h"
#include "zone.h"

#define CALENDAR_ZONES 9
static const char *const calendar_zones[CALENDAR_ZONES] = {
    "UTC0",          "Australia/Lord_Howe", "Pacific/Apia",   "Africa/Casablanca",  "America/St_Johns",
    "Europe/Dublin", "Europe/Berlin",       "America/Cancun", "Pacific/Kiritimati",
};

// "2026-11-23T00:00:00Z"
static inline int64_t at(const char *text)
{
    int64_t time;

    if (!clock_parse(text, strlen(text), &time)) {
        fail_msg("'%s' is no time", text);
    }
    return time;
}

// A zone of the system, or else a POSIX string.
static inline struct zone *zone_of(const char *name)
{
    static char bytes[65536];
    char path[200];
    struct zone *zone;
    struct error error;

    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    FILE *file = strchr(name, '/') == NULL ? NULL : fopen(path, "rb");
    if (file == NULL && strchr(name, '/') != NULL) {
        fail_msg("%s is missing (package tzdata)", path);
    }
    size_t length = file == NULL ? 0 : fread(bytes, 1, sizeof(bytes), file);
    if (file != NULL) {
        fclose(file);
    }
    if ((file == NULL ? zone_from_posix(name, &zone, &error) : zone_from_tzif(bytes, length, &zone, &error)) != 0) {
        fail_msg("%s: %s", name, error.message);
    }
    return zone;
}

// "all", "none", or days as "mon,wed" or "mon-fri"; then perhaps periods as "08:00-12:00,20:00-04:00".
static inline struct slots slots_of(const char *text)
{
    static const char days[] = "sunmontuewedthufrisat";
    struct slots slots = {.days = 0};
    int used, start_hour, start, end_hour, end;

    if (strncmp(text, "all", 3) == 0 || strncmp(text, "none", 4) == 0) {
        slots.days = text[0] == 'a' ? 0x7f : 0;
        text += strcspn(text, " ");
    }
    for (int first = -1; *text != '\0' && *text != ' '; text += *text == ',' || *text == '-') {
        char day[4] = {text[0], text[1], text[2], '\0'};
        int index = (int)(strstr(days, day) - days) / 3;
        for (int d = first < 0 ? index : first; d <= index; d++) {
            slots.days |= (uint8_t)(1 << d);
        }
        text += 3;
        first = *text == '-' ? index : -1;
    }
    while (sscanf(text, "%*1[ ,]%d:%d-%d:%d%n", &start_hour, &start, &end_hour, &end, &used) == 4) {
        slots.periods[slots.period_count++] =
            (struct period){(uint16_t)(start_hour * 60 + start), (uint16_t)(end_hour * 60 + end)};
        text += used;
    }
    if (*text != '\0') {
        fail_msg("'%s' is no slot", text);
    }
    return slots;
}

static inline struct slots random_slots(struct random *random)
{
    struct slots slots = {.days = (uint8_t)(random_one_in(random, 2) ? 0x7f : random_between(random, 1, 0x7f))};

    slots.period_count = (uint8_t)(random_one_in(random, 4) ? 0 : random_between(random, 1, 4));
    for (int i = 0; i < slots.period_count; i++) {
        // On whole and half hours, as people set them, and anywhere.
        int64_t step = random_one_in(random, 2) ? 30 : 1;
        uint16_t start = (uint16_t)(random_between(random, 0, 1439) / step * step);
        uint16_t end = (uint16_t)(random_between(random, 1, 1440) / step * step);
        end = end == start ? (uint16_t)(end + 1) : end;
        slots.periods[i] = (struct period){start, end};
    }
    return slots;
}

#endif
