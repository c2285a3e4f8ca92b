// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Slots as sets of local readings, the runs, and a jitter that is the same every time.
#include "schedule.h"

#include <string.h>

#include "clock.h"

#define MINUTE ((int64_t)60)
#define DAY ((int64_t)86400)
#define WEEK (7 * DAY)
#define HORIZON (60 * 366 * DAY)
#define MOST_TIME ((int64_t)1000000000000000) // beyond, there is no calendar
#define MOST_SHIFT (52 * 3600)                // more than two offsets of a zone can differ
#define NONE INT64_MAX
#define MOST_STEPS 20000 // of a search for a run in a slot

static int64_t floor_days(int64_t time)
{
    return time / DAY - (time % DAY < 0);
}

static int64_t within_calendar(int64_t time)
{
    return time > MOST_TIME ? MOST_TIME : time < -MOST_TIME ? -MOST_TIME : time;
}

// ---- The week of local readings: no zone, no changes

static bool day_chosen(const struct slots *slots, int64_t day)
{
    int64_t weekday = ((day + 4) % 7 + 7) % 7; // 1970-01-01 was a Thursday

    return (slots->days >> weekday & 1) != 0;
}

static int periods_of(const struct slots *slots)
{
    return slots->period_count == 0 ? 1 : slots->period_count;
}

// The readings [*start, *end) of a period that begins on that day. Empty for "24:00-00:00".
static void period_readings(const struct slots *slots, int period, int64_t day, int64_t *start, int64_t *end)
{
    static const struct period all_day = {0, 24 * 60};
    const struct period *p = slots->period_count == 0 ? &all_day : &slots->periods[period];

    *start = day * DAY + p->start_min * MINUTE;
    *end = day * DAY + p->end_min * MINUTE + (p->end_min <= p->start_min ? DAY : 0);
}

// Finds the period that a reading lies in, of that day or the day before.
static bool period_at(const struct slots *slots, int64_t reading, int *period, int64_t *day, int64_t *end)
{
    int64_t today = floor_days(reading), start;

    for (*day = today - 1; *day <= today; (*day)++) {
        if (!day_chosen(slots, *day)) {
            continue;
        }
        for (*period = 0; *period < periods_of(slots); (*period)++) {
            period_readings(slots, *period, *day, &start, end);
            if (start <= reading && reading < *end) {
                return true;
            }
        }
    }
    return false;
}

static bool reading_open(const struct slots *slots, int64_t reading)
{
    int period;
    int64_t day, end;

    return period_at(slots, reading, &period, &day, &end);
}

// The first open reading at or after this one; NONE when there is none in the week.
static int64_t reading_next(const struct slots *slots, int64_t reading)
{
    int64_t today = floor_days(reading), first = NONE, start, end;

    if (reading_open(slots, reading)) {
        return reading;
    }
    for (int64_t day = today; day <= today + 7 && first == NONE; day++) {
        for (int i = 0; day_chosen(slots, day) && i < periods_of(slots); i++) {
            period_readings(slots, i, day, &start, &end);
            if (start >= reading && start < end && start < first) {
                first = start;
            }
        }
    }
    return first;
}

// The first closed reading at or after this one; NONE when all are open.
static int64_t reading_close(const struct slots *slots, int64_t reading)
{
    int period;
    int64_t day, end, at = reading;

    while (at - reading <= WEEK && period_at(slots, at, &period, &day, &end)) {
        at = end;
    }
    return at - reading > WEEK ? NONE : at;
}

// ---- Slots: between two changes of the clock, instants and readings differ by one number

bool slots_always(const struct slots *slots)
{
    if (slots->days != 0x7f) {
        return false;
    }
    return slots->period_count == 0 || reading_close(slots, 0) == NONE;
}

bool slots_open(const struct slots *slots, const struct zone *zone, int64_t time)
{
    time = within_calendar(time);
    return reading_open(slots, time + zone_offset(zone, time, NULL));
}

// The first instant >= time at which the wall clock reads what "find" finds, offset by offset: a reading that a change
// of the clock skips is no instant.
static int64_t first_instant(const struct slots *slots, const struct zone *zone, int64_t time,
                             int64_t (*find)(const struct slots *slots, int64_t reading))
{
    int64_t until;

    time = within_calendar(time);
    int64_t last = time + HORIZON;
    while (time <= last) {
        int32_t offset = zone_offset(zone, time, &until);
        int64_t reading = find(slots, time + offset);
        if (reading == NONE) {
            return SCHEDULE_NEVER;
        }
        // Else the change comes first, at which the reading jumps, perhaps into or out of every period.
        if (reading - offset < until) {
            return reading - offset;
        }
        time = until;
    }
    return SCHEDULE_NEVER;
}

int64_t slots_next(const struct slots *slots, const struct zone *zone, int64_t time)
{
    return first_instant(slots, zone, time, reading_next);
}

int64_t slots_close(const struct slots *slots, const struct zone *zone, int64_t time)
{
    return first_instant(slots, zone, time, reading_close);
}

int64_t slots_next_opening(const struct slots *slots, const struct zone *zone, int64_t time)
{
    if (slots_open(slots, zone, time)) {
        time = slots_close(slots, zone, time);
    }
    return time == SCHEDULE_NEVER ? time : slots_next(slots, zone, time);
}

void slots_describe(const struct slots *slots, const struct zone *zone, int64_t time, struct buf *out)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    int period;
    int64_t day, start, end;

    int64_t at = slots_next(slots, zone, time);
    if (at == SCHEDULE_NEVER) {
        buf_text(out, "never");
    } else if (slots_always(slots)) {
        buf_text(out, "any time");
    } else if (period_at(slots, at + zone_offset(zone, at, NULL), &period, &day, &end)) {
        period_readings(slots, period, day, &start, &end);
        int from = (int)((start - day * DAY) / MINUTE);
        int to = (int)((end - day * DAY) / MINUTE);
        to = to > 24 * 60 ? to - 24 * 60 : to;
        buf_format(out, "%s %02d:%02d–%02d:%02d", days[((day + 4) % 7 + 7) % 7], from / 60, from % 60, to / 60,
                   to % 60);
    }
}

// ---- Runs

// The run of that local day: the first instant that reads so, or the change that skips it.
static int64_t daily_run(const struct runs *runs, const struct zone *zone, int64_t day)
{
    int64_t instants[2];

    zone_instants(zone, day * DAY + runs->at_min * MINUTE, instants);
    return instants[0];
}

static int64_t daily_next(const struct runs *runs, const struct zone *zone, int64_t time)
{
    int64_t until, best = NONE;

    // Far from any change it is plain arithmetic.
    int32_t offset = zone_offset(zone, time - MOST_SHIFT, &until);
    int64_t today = floor_days(time + offset);
    int64_t run = today * DAY + runs->at_min * MINUTE - offset;
    run += run < time ? DAY : 0;
    if (run + MOST_SHIFT < until) {
        return run;
    }
    for (int64_t day = today - 3; day <= today + 3; day++) {
        run = daily_run(runs, zone, day);
        best = run >= time && run < best ? run : best;
    }
    return best;
}

int64_t runs_next(const struct runs *runs, const struct zone *zone, int64_t time)
{
    time = within_calendar(time);
    if (runs->daily) {
        return daily_next(runs, zone, time);
    }
    int64_t epoch = zone_epoch(zone);
    int64_t past = (time - epoch) % runs->every_s;
    past += past < 0 ? runs->every_s : 0;
    return past == 0 ? time : time - past + runs->every_s;
}

int64_t runs_next_in(const struct runs *runs, const struct slots *slots, const struct zone *zone, int64_t from,
                     int64_t to)
{
    // From run to run where runs are rare, from slot to slot where slots are.
    for (int step = 0; step < MOST_STEPS && from < to; step++) {
        int64_t run = runs_next(runs, zone, from);
        from = slots_next(slots, zone, run);
        if (from == run) {
            return run < to ? run : SCHEDULE_NEVER;
        }
    }
    return SCHEDULE_NEVER;
}

int64_t runs_interval(const struct runs *runs)
{
    return runs->daily ? DAY : runs->every_s;
}

int runs_count(const struct runs *runs, const struct zone *zone, int64_t from, int64_t to, int most)
{
    int count = 0;

    // A daily run is never further from the one before than a day and the largest change of the clock.
    if (to > from && (to - from) / runs_interval(runs) > most + 4) {
        return most;
    }
    for (int64_t run = runs_next(runs, zone, from); run < to && count < most; count++) {
        run = runs_next(runs, zone, run + 1);
    }
    return count;
}

// ---- Jitter

// The upper half of a product of 64 bits each, so that a random number becomes a share of another.
static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    uint64_t low = (a & 0xffffffff) * (b & 0xffffffff);
    uint64_t middle = (a >> 32) * (b & 0xffffffff) + (low >> 32);
    uint64_t other = (a & 0xffffffff) * (b >> 32) + (middle & 0xffffffff);

    return (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
}

static uint64_t mix(uint64_t hash, const char *text)
{
    // The NUL goes in as well: "ab" and "c" differ from "a" and "bc".
    do {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
    } while (*text++ != '\0');
    return hash;
}

int64_t jitter_s(const char *host, const char *name, int64_t most_s)
{
    uint64_t hash = mix(mix(0xcbf29ce484222325, host), name);

    if (most_s <= 0) {
        return 0;
    }
    // FNV leaves its upper bits poor for short texts; these two rounds spread every bit over all.
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
    hash ^= hash >> 31;
    return (int64_t)multiply_high(hash, (uint64_t)most_s + 1);
}
