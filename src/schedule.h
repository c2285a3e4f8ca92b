// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The calendar: slots, runs and jitter, over a zone. Pure.
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "zone.h"

#define SCHEDULE_NEVER INT64_MAX

// Minutes of the local day, 0-1440; start is inside, end is not; end <= start crosses midnight
// (start == end is refused by config). It belongs to the day on which it begins.
struct period {
    uint16_t start_min, end_min;
};

#define SCHEDULE_MAX_PERIODS 32

// Slots: sets of instants by their local reading.
struct slots {
    uint8_t days;         // bit 0 is Sunday; 0x7f: all
    uint8_t period_count; // 0: all day
    struct period periods[SCHEDULE_MAX_PERIODS];
};

bool slots_always(const struct slots *slots);

// True when the instant lies in a slot. (A period that a clock change removes does not open that day; one
// that it doubles is open twice.)
bool slots_open(const struct slots *slots, const struct zone *zone, int64_t time);
// The first instant >= time that lies in a slot: time itself when open; SCHEDULE_NEVER when none opens within
// 60 years.
int64_t slots_next(const struct slots *slots, const struct zone *zone, int64_t time);
// The first instant > time, time being open, at which the slots are closed; SCHEDULE_NEVER when always open.
int64_t slots_close(const struct slots *slots, const struct zone *zone, int64_t time);
// The first instant > time at which a slot opens anew (for "the opening of each slot is a run for it").
int64_t slots_next_opening(const struct slots *slots, const struct zone *zone, int64_t time);
// For people: the slot that opens at (or is open at) time: "Sun 00:00–04:00"; "any time" when always open.
// A slot that reaches over more than one period is told by the one that time lies in.
void slots_describe(const struct slots *slots, const struct zone *zone, int64_t time, struct buf *out);

// When runs happen: "daily at HH:MM" local, or every so many seconds counted from local midnight of 1970-01-01.
struct runs {
    bool daily;
    uint16_t at_min; // daily: minute of the local day
    int64_t every_s; // otherwise; >= 1
};

// The first run >= time. (A daily one that is skipped runs at the change, one that is doubled runs once, the first.)
int64_t runs_next(const struct runs *runs, const struct zone *zone, int64_t time);
// The first run >= from and < to that lies in a slot; SCHEDULE_NEVER when there is none.
int64_t runs_next_in(const struct runs *runs, const struct slots *slots, const struct zone *zone, int64_t from,
                     int64_t to);
// Seconds between runs: 86400 or every_s.
int64_t runs_interval(const struct runs *runs);
// How many runs fall into [from, to), counted to "most" at the most.
int runs_count(const struct runs *runs, const struct zone *zone, int64_t from, int64_t to, int most);

// Stable per host and certificate, uniform in 0..most_s (inclusive); host is any text (machine id).
int64_t jitter_s(const char *host, const char *name, int64_t most_s);

#endif
