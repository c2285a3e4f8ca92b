// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of zone.c: POSIX strings, hostile files, and odd zones of the system against zdump and localtime.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "random.h"
#include "zone.h"

#define FOLDER "/usr/share/zoneinfo/"

// Half-hour daylight saving time; a skipped and a doubled day; several changes a year; daylight saving time
// below standard time; the furthest from UTC; changes at midnight; days that begin at 01:00; plain ones.
static const char *const odd[] = {
    "Australia/Lord_Howe", "Pacific/Apia",     "Pacific/Kwajalein",  "Africa/Casablanca",    "America/St_Johns",
    "Europe/Dublin",       "Europe/Berlin",    "Pacific/Kiritimati", "America/Sao_Paulo",    "Asia/Beirut",
    "Africa/Cairo",        "America/New_York", "Antarctica/Troll",   "America/Scoresbysund", "Asia/Gaza",
    "Asia/Kathmandu",      "Etc/UTC",          "Etc/GMT+12",
};
#define ODD_COUNT (sizeof(odd) / sizeof(odd[0]))

static size_t read_whole(const char *path, uint8_t *bytes, size_t most)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s is missing (package tzdata)", path);
    }
    size_t length = fread(bytes, 1, most, file);
    fclose(file);
    return length;
}

static size_t read_zone(const char *name, uint8_t *bytes, size_t most)
{
    char path[200];

    snprintf(path, sizeof(path), FOLDER "%s", name);
    return read_whole(path, bytes, most);
}

static struct zone *load(const char *name)
{
    static uint8_t bytes[65536];
    struct zone *zone;
    struct error error;

    size_t length = read_zone(name, bytes, sizeof(bytes));
    if (zone_from_tzif(bytes, length, &zone, &error) != 0) {
        fail_msg("%s: %s", name, error.message);
    }
    return zone;
}

static struct zone *posix(const char *text)
{
    struct zone *zone;
    struct error error;

    if (zone_from_posix(text, &zone, &error) != 0) {
        fail_msg("%s: %s", text, error.message);
    }
    return zone;
}

static int64_t utc(const char *text)
{
    int64_t time;

    assert_true(clock_parse(text, strlen(text), &time));
    return time;
}

// ---- POSIX strings

static void zone_posix_offsets_are_read(void **unused)
{
    static const struct {
        const char *text;
        const char *at;
        int32_t offset;
    } rows[] = {
        {"UTC0", "2026-07-01T00:00:00Z", 0},
        {"EST5", "2026-07-01T00:00:00Z", -18000},
        {"<+0330>-3:30", "2026-07-01T00:00:00Z", 12600},
        {"<-03>+3", "2026-07-01T00:00:00Z", -10800},
        {"XXX-5:45:30", "2026-07-01T00:00:00Z", 20730},
        {"XXX24", "2026-07-01T00:00:00Z", -86400},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", 3600},
        // Without a rule, that of the United States.
        {"EST5EDT", "2026-03-08T06:59:59Z", -18000},
        {"EST5EDT", "2026-03-08T07:00:00Z", -14400},
        {"EST5EDT", "2026-11-01T05:59:59Z", -14400},
        {"EST5EDT", "2026-11-01T06:00:00Z", -18000},
        // The other half of the earth: daylight saving time over new year.
        {"NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-01-01T00:00:00Z", 46800},
        {"NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-07-01T00:00:00Z", 43200},
        {"NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-12-31T23:59:59Z", 46800},
        // Daylight saving time by half an hour, and negative.
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-01-01T00:00:00Z", 39600},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3600},
        // Hours beyond the day and below it (RFC 9636 §3.3.1).
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600},
        {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-27T23:59:59Z", 7200},
        {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-28T00:00:00Z", 10800},
        // Daylight saving time all year (RFC 9636 §3.3.1).
        {"XXX3EDT4,0/0,J365/23", "2026-01-01T02:59:59Z", -14400},
        {"XXX3EDT4,0/0,J365/23", "2026-01-01T03:00:00Z", -14400},
        {"XXX3EDT4,0/0,J365/23", "2028-12-31T23:59:59Z", -14400},
        // J60 is the first of March in every year, 59 the 60th day.
        {"AAA0BBB,J60/0,J300/0", "2028-02-29T23:59:59Z", 0},
        {"AAA0BBB,J60/0,J300/0", "2028-03-01T00:00:00Z", 3600},
        {"AAA0BBB,J60/0,J300/0", "2026-03-01T00:00:00Z", 3600},
        {"AAA0BBB,59/0,300/0", "2028-02-28T23:59:59Z", 0},
        {"AAA0BBB,59/0,300/0", "2028-02-29T00:00:00Z", 3600},
        {"AAA0BBB,59/0,300/0", "2026-03-01T00:00:00Z", 3600},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone *zone = posix(rows[i].text);
        int32_t offset = zone_offset(zone, utc(rows[i].at), NULL);
        if (offset != rows[i].offset) {
            fail_msg("%s at %s: %d, not %d", rows[i].text, rows[i].at, offset, rows[i].offset);
        }
        zone_free(zone);
    }
}

static void zone_posix_refuses_what_is_none(void **unused)
{
    static const char *const rows[] = {
        "",
        "Europe/Berlin",
        "CET",
        "C-1",
        "CE-1",
        "CET-25",
        "CET-1:60",
        "CET-1:0:60",
        "CET--1",
        "<CET-1",
        "<>-1",
        "<+1>-1",
        "CET-1CEST,",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5,M10.5.0",
        "CET-1CEST,J0,J10",
        "CET-1CEST,J366,J10",
        "CET-1CEST,366,10",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3x",
        "CET-1CEST,M3.5.0,M10.5.0 ",
        "CET-1 ",
        " CET-1",
        "CET-1C",
        "CET-99999999999999999999",
        ":CET-1",
        "-1",
        "1",
    };
    static char lengthy[400];
    struct zone *zone;
    struct error error;

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (zone_from_posix(rows[i], &zone, &error) != -1 || zone != NULL) {
            fail_msg("'%s' was taken", rows[i]);
        }
        assert_int_equal(error.code, ERROR_FORMAT);
    }
    memset(lengthy, 'A', 300);
    memcpy(lengthy + 300, "-1", 3);
    assert_int_equal(zone_from_posix(lengthy, &zone, &error), -1);
}

static void zone_utc_never_changes(void **unused)
{
    int64_t until, out[2];

    (void)unused;
    assert_int_equal(zone_offset(zone_utc(), 0, &until), 0);
    assert_true(until == INT64_MAX);
    assert_int_equal(zone_instants(zone_utc(), 12345, out), 1);
    assert_int_equal(out[0], 12345);
    assert_int_equal(zone_epoch(zone_utc()), 0);
    zone_free(zone_utc());
    zone_free(NULL);
}

static void zone_holds_at_the_ends_of_time(void **unused)
{
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1,       -4000000000000000000, INT64_MAX - 1,
                                    INT64_MAX, 4000000000000000000, 253402300799};

    (void)unused;
    for (size_t i = 0; i < ODD_COUNT + 1; i++) {
        struct zone *zone = i < ODD_COUNT ? load(odd[i]) : posix("CET-1CEST,M3.5.0,M10.5.0/3");
        for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++) {
            int64_t until, out[2];
            int32_t offset = zone_offset(zone, times[j], &until);
            assert_in_range(offset + 93600, 0, 187200);
            assert_true(until > times[j] || until == INT64_MAX);
            zone_instants(zone, times[j], out);
        }
        zone_free(zone);
    }
}

// ---- Local readings

static void zone_instants_of_doubled_and_skipped_readings(void **unused)
{
    static const struct {
        const char *zone, *reading;
        int count;
        const char *first, *second; // with count 0: the change
    } rows[] = {
        {"Europe/Berlin", "2026-07-01T12:00:00Z", 1, "2026-07-01T10:00:00Z", NULL},
        {"Europe/Berlin", "2026-03-29T01:59:59Z", 1, "2026-03-29T00:59:59Z", NULL},
        {"Europe/Berlin", "2026-03-29T02:00:00Z", 0, "2026-03-29T01:00:00Z", NULL},
        {"Europe/Berlin", "2026-03-29T02:59:59Z", 0, "2026-03-29T01:00:00Z", NULL},
        {"Europe/Berlin", "2026-03-29T03:00:00Z", 1, "2026-03-29T01:00:00Z", NULL},
        {"Europe/Berlin", "2026-10-25T01:59:59Z", 1, "2026-10-24T23:59:59Z", NULL},
        {"Europe/Berlin", "2026-10-25T02:00:00Z", 2, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
        {"Europe/Berlin", "2026-10-25T02:59:59Z", 2, "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z"},
        {"Europe/Berlin", "2026-10-25T03:00:00Z", 1, "2026-10-25T02:00:00Z", NULL},
        // Half an hour.
        {"Australia/Lord_Howe", "2026-10-04T02:15:00Z", 0, "2026-10-03T15:30:00Z", NULL},
        {"Australia/Lord_Howe", "2026-10-04T02:30:00Z", 1, "2026-10-03T15:30:00Z", NULL},
        {"Australia/Lord_Howe", "2026-04-05T01:45:00Z", 2, "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"},
        {"Australia/Lord_Howe", "2026-04-05T01:15:00Z", 1, "2026-04-04T14:15:00Z", NULL},
        // The whole 30 December 2011 is missing.
        {"Pacific/Apia", "2011-12-29T23:59:59Z", 1, "2011-12-30T09:59:59Z", NULL},
        {"Pacific/Apia", "2011-12-30T00:00:00Z", 0, "2011-12-30T10:00:00Z", NULL},
        {"Pacific/Apia", "2011-12-30T23:59:59Z", 0, "2011-12-30T10:00:00Z", NULL},
        {"Pacific/Apia", "2011-12-31T00:00:00Z", 1, "2011-12-30T10:00:00Z", NULL},
        // Two changes a year around Ramadan.
        {"Africa/Casablanca", "2026-02-15T02:30:00Z", 2, "2026-02-15T01:30:00Z", "2026-02-15T02:30:00Z"},
        {"Africa/Casablanca", "2026-03-22T02:30:00Z", 0, "2026-03-22T02:00:00Z", NULL},
        // St John's changed at 00:01 in those years.
        {"America/St_Johns", "2008-03-09T00:30:00Z", 0, "2008-03-09T03:31:00Z", NULL},
        {"America/St_Johns", "2008-11-01T23:30:00Z", 2, "2008-11-02T02:00:00Z", "2008-11-02T03:00:00Z"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone *zone = load(rows[i].zone);
        int64_t out[2] = {0, 0};
        int count = zone_instants(zone, utc(rows[i].reading), out);
        if (count != rows[i].count || out[0] != utc(rows[i].first) || (count == 2 && out[1] != utc(rows[i].second))) {
            char first[CLOCK_UTC_SIZE], second[CLOCK_UTC_SIZE];
            clock_format(out[0], first);
            clock_format(out[1], second);
            fail_msg("%s %s: %d, %s, %s", rows[i].zone, rows[i].reading, count, first, second);
        }
        zone_free(zone);
    }
}

// What zone_instants must say, by trying every offset of the days around.
static int instants_by_trial(const struct zone *zone, int64_t local, int64_t out[2])
{
    int64_t found[64], offset_list[64];
    int count = 0, offsets = 0;

    for (int64_t t = local - 2 * 86400; t <= local + 2 * 86400; t += 1800) {
        int32_t offset = zone_offset(zone, t, NULL);
        int i = 0;
        while (i < offsets && offset_list[i] != offset) {
            i++;
        }
        if (i == offsets) {
            offset_list[offsets++] = offset;
        }
    }
    for (int i = 0; i < offsets; i++) {
        if (zone_offset(zone, local - offset_list[i], NULL) == offset_list[i]) {
            found[count++] = local - offset_list[i];
        }
    }
    if (count == 2 && found[0] > found[1]) {
        int64_t swap = found[0];
        found[0] = found[1];
        found[1] = swap;
    }
    memcpy(out, found, sizeof(found[0]) * (count > 2 ? 2 : (size_t)count));
    return count;
}

static void zone_instants_agree_with_trial_near_every_change(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ODD_COUNT; i++) {
        struct zone *zone = load(odd[i]);
        int64_t t = utc("1970-01-01T00:00:00Z"), until;
        int32_t offset = zone_offset(zone, t, &until);
        while (until < utc("2101-01-01T00:00:00Z")) {
            t = until;
            int32_t after = zone_offset(zone, t, &until);
            for (int64_t local = t + offset - 90000; local < t + offset + 90000; local += 1799) {
                int64_t out[2], expected[2];
                int count = zone_instants(zone, local, out);
                assert_int_equal(count, instants_by_trial(zone, local, expected));
                assert_true(count == 0 || memcmp(out, expected, sizeof(out[0]) * (size_t)count) == 0);
                if (count == 0) {
                    assert_true(out[0] == t && local >= t + offset && local < t + after);
                }
            }
            // Every second year is enough of the changes that the rule repeats.
            if (t > utc("2040-01-01T00:00:00Z")) {
                t += 2 * 365 * 86400;
                after = zone_offset(zone, t, &until);
            }
            offset = after;
        }
        zone_free(zone);
    }
}

// ---- Against the system

// Runs "zdump -v -c 1970,2101" on the zone; what it prints is in "text".
static void run_zdump(const char *name, char *text, size_t size)
{
    int ends[2], status;
    size_t length = 0;
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execlp("zdump", "zdump", "-v", "-c", "1970,2101", name, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + length, size - 1 - length)) > 0) {
        length += (size_t)got;
    }
    close(ends[0]);
    text[length] = '\0';
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || length == 0 || length == size - 1) {
        fail_msg("zdump (package libc-bin) failed for %s", name);
    }
}

// "Australia/Lord_Howe  Sat Feb 28 13:59:59 1981 UT = … gmtoff=36000"
static bool read_zdump_line(const char *line, int64_t *time, int32_t *offset)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4];
    int day, hour, minute, second, year, gmtoff;

    if (sscanf(line, "%*s %*3s %3s %d %d:%d:%d %d UT =", month, &day, &hour, &minute, &second, &year) != 6) {
        return false;
    }
    const char *gmt = strstr(line, "gmtoff="), *place = strstr(months, month);
    if (gmt == NULL || place == NULL || sscanf(gmt, "gmtoff=%d", &gmtoff) != 1) {
        return false;
    }
    *time = clock_days(year, (int)(place - months) / 3 + 1, day) * 86400 + hour * 3600 + minute * 60 + second;
    *offset = gmtoff;
    return true;
}

static void zone_agrees_with_zdump(void **unused)
{
    static char text[262144];
    unsigned checked = 0;

    (void)unused;
    for (size_t i = 0; i < ODD_COUNT; i++) {
        struct zone *zone = load(odd[i]);
        run_zdump(odd[i], text, sizeof(text));
        for (char *line = text; line != NULL && *line != '\0';) {
            char *end = strchr(line, '\n');
            int64_t time, until;
            int32_t offset;
            if (end != NULL) {
                *end++ = '\0';
            }
            if (read_zdump_line(line, &time, &offset)) {
                if (zone_offset(zone, time, &until) != offset) {
                    fail_msg("%s: %d, not %d", line, zone_offset(zone, time, NULL), offset);
                }
                assert_true(until > time);
                checked++;
            }
            line = end;
        }
        zone_free(zone);
    }
    assert_true(checked > 3000);
}

static void set_zone(const char *name)
{
    char value[200];

    snprintf(value, sizeof(value), ":" FOLDER "%s", name);
    setenv("TZ", value, 1);
    tzset();
}

static void zone_agrees_with_localtime_at_random_instants(void **unused)
{
    struct random random = random_start("zone");
    int64_t end = utc("2100-12-31T00:00:00Z");

    (void)unused;
    for (size_t i = 0; i < ODD_COUNT; i++) {
        struct zone *zone = load(odd[i]);
        set_zone(odd[i]);
        for (int j = 0; j < 5000; j++) {
            time_t time = (time_t)random_between(&random, 0, end);
            struct tm local;
            int64_t until;
            assert_non_null(localtime_r(&time, &local));
            int32_t offset = zone_offset(zone, time, &until);
            if (offset != local.tm_gmtoff) {
                fail_msg("%s at %lld: %d, not %ld", odd[i], (long long)time, offset, local.tm_gmtoff);
            }
            // Up to "until" the offset is the same, and a change that is one lies there.
            if (until < end) {
                int64_t within = random_between(&random, time, until - 1);
                assert_int_equal(zone_offset(zone, within, NULL), offset);
            }
        }
        zone_free(zone);
    }
    unsetenv("TZ");
    tzset();
}

// ---- Hostile files

static void zone_of_a_cut_file_is_refused(void **unused)
{
    static uint8_t bytes[65536];
    size_t length = read_zone("Europe/Berlin", bytes, sizeof(bytes));

    (void)unused;
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *copy = malloc(cut == 0 ? 1 : cut);
        struct zone *zone;
        struct error error;
        memcpy(copy, bytes, cut);
        assert_int_equal(zone_from_tzif(copy, cut, &zone, &error), -1);
        assert_null(zone);
        assert_true(error.message[0] != '\0');
        free(copy);
    }
}

static void zone_survives_files_with_random_bytes(void **unused)
{
    static uint8_t whole[65536];
    struct random random = random_start("hostile zone");

    (void)unused;
    for (size_t i = 0; i < ODD_COUNT; i++) {
        size_t length = read_zone(odd[i], whole, sizeof(whole));
        for (int round = 0; round < 1500; round++) {
            size_t cut = (size_t)random_between(&random, 1, (int64_t)length);
            uint8_t *copy = malloc(random_one_in(&random, 2) ? cut : (cut = length));
            struct zone *zone;
            struct error error;
            memcpy(copy, whole, cut);
            for (int64_t flips = random_between(&random, 1, 8); flips > 0; flips--) {
                // Headers and footer are where it hurts.
                size_t most = random_one_in(&random, 2) && cut > 60 ? 60 : cut;
                copy[random_between(&random, 0, (int64_t)most - 1)] = (uint8_t)random_between(&random, 0, 255);
            }
            if (zone_from_tzif(copy, cut, &zone, &error) == 0) {
                int64_t time = random_between(&random, -4000000000, 8000000000), until, out[2];
                zone_offset(zone, time, &until);
                assert_true(until > time || until == INT64_MAX);
                assert_in_range(zone_instants(zone, time, out), 0, 2);
                zone_free(zone);
            }
            free(copy);
        }
    }
}

static void zone_that_counts_leap_seconds_is_refused(void **unused)
{
    static uint8_t bytes[65536];
    struct zone *zone;
    struct error error;

    (void)unused;
    // The second header's count of leap seconds, and the twelve bytes of one.
    size_t length = read_zone("Etc/UTC", bytes, sizeof(bytes));
    uint8_t *second = memmem(bytes + 44, length - 44, "TZif", 4);
    assert_non_null(second);
    second[31] = 1;
    uint8_t *footer = memchr(second + 44, '\n', length - (size_t)(second + 44 - bytes));
    assert_non_null(footer);
    memmove(footer + 12, footer, length - (size_t)(footer - bytes));
    memset(footer, 0, 12);
    assert_int_equal(zone_from_tzif(bytes, length + 12, &zone, &error), -1);
    assert_non_null(strstr(error.message, "leap seconds"));
}

static void zone_of_version_1_ends_with_its_last_offset(void **unused)
{
    // One change, at 1000, from 0 to one hour.
    static const uint8_t file[] = {
        'T', 'Z', 'i', 'f',  0, 0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0,             // magic, version
        0,   0,   0,   0,    0, 0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4, // counts
        0,   0,   3,   0xe8, 1,                                                                // time, index
        0,   0,   0,   0,    0, 0, 0, 0, 0x0e, 0x10, 0, 0,                                     // types
        'U', 'T', 'C', 0,
    };
    struct zone *zone;
    struct error error;
    int64_t until;

    (void)unused;
    assert_int_equal(zone_from_tzif(file, sizeof(file), &zone, &error), 0);
    assert_int_equal(zone_offset(zone, 999, &until), 0);
    assert_int_equal(until, 1000);
    assert_int_equal(zone_offset(zone, 1000, &until), 3600);
    assert_true(until == INT64_MAX);
    assert_int_equal(zone_offset(zone, INT64_MAX, &until), 3600);
    zone_free(zone);
}

static void zone_epoch_is_local_midnight_of_1970(void **unused)
{
    static const struct {
        const char *zone, *epoch;
    } rows[] = {
        {"Europe/Berlin", "1969-12-31T23:00:00Z"},
        {"America/New_York", "1970-01-01T05:00:00Z"},
        {"Europe/Dublin", "1969-12-31T23:00:00Z"}, // on British Standard Time
        {"Pacific/Apia", "1970-01-01T11:00:00Z"},  // east of the date line only since 2011
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone *zone = load(rows[i].zone);
        assert_int_equal(zone_epoch(zone), utc(rows[i].epoch));
        zone_free(zone);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_posix_offsets_are_read),
        cmocka_unit_test(zone_posix_refuses_what_is_none),
        cmocka_unit_test(zone_utc_never_changes),
        cmocka_unit_test(zone_holds_at_the_ends_of_time),
        cmocka_unit_test(zone_instants_of_doubled_and_skipped_readings),
        cmocka_unit_test(zone_instants_agree_with_trial_near_every_change),
        cmocka_unit_test(zone_agrees_with_zdump),
        cmocka_unit_test(zone_agrees_with_localtime_at_random_instants),
        cmocka_unit_test(zone_of_a_cut_file_is_refused),
        cmocka_unit_test(zone_survives_files_with_random_bytes),
        cmocka_unit_test(zone_that_counts_leap_seconds_is_refused),
        cmocka_unit_test(zone_of_version_1_ends_with_its_last_offset),
        cmocka_unit_test(zone_epoch_is_local_midnight_of_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
