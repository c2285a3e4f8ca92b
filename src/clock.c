// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The clock, and the calendar as text: proleptic Gregorian, UTC, without the C library's time zone.
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY ((int64_t)86400)
#define YEAR_0 ((int64_t)-62167219200) // 0000-01-01T00:00:00Z
#define YEAR_10000 ((int64_t)253402300800)
#define MOST_UNITS ((int64_t)36525 * DAY) // a hundred years

#ifdef CERTAUTO_TEST_CLOCK
struct offsets {
    int64_t wall, boot;
};
static struct offsets test_offsets(void)
{
    struct offsets offsets = {0, 0};
    const char *offset = getenv("CERTAUTO_NOW_OFFSET");
    char text[64] = "", *rest;
    if (offset == NULL || offset[0] != '/') {
        offsets.wall = offset == NULL ? 0 : strtoll(offset, NULL, 10);
        return offsets;
    }
    FILE *file = fopen(offset, "re");
    if (file != NULL) {
        if (fgets(text, sizeof(text), file) == NULL) {
            text[0] = '\0';
        }
        fclose(file);
    }
    offsets.wall = strtoll(text, &rest, 10);
    offsets.boot = strtoll(rest, NULL, 10);
    return offsets;
}
#define WALL_OFFSET test_offsets().wall
#define BOOT_OFFSET test_offsets().boot
#else
#define WALL_OFFSET ((int64_t)0)
#define BOOT_OFFSET ((int64_t)0)
#endif

int64_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec + WALL_OFFSET;
}

int64_t clock_kernel(int64_t time)
{
    return time - WALL_OFFSET;
}

int64_t clock_boot_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return ((int64_t)now.tv_sec + BOOT_OFFSET) * 1000 + now.tv_nsec / 1000000;
}

// Both conversions count years from March, so that the leap day is the last of its year, and eras of 400
// years (146,097 days), in which the calendar repeats.
int64_t clock_days(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void clock_date(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static void put_digits(char *out, int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void clock_format(int64_t time, char out[CLOCK_UTC_SIZE])
{
    int64_t year;
    int month, day;

    time = time < YEAR_0 ? YEAR_0 : time;
    time = time >= YEAR_10000 ? YEAR_10000 - 1 : time;
    int64_t days = time / DAY - (time % DAY < 0);
    int64_t second = time - days * DAY;

    clock_date(days, &year, &month, &day);
    memcpy(out, "0000-00-00T00:00:00Z", 21);
    put_digits(out, year, 4);
    put_digits(out + 5, month, 2);
    put_digits(out + 8, day, 2);
    put_digits(out + 11, second / 3600, 2);
    put_digits(out + 14, second / 60 % 60, 2);
    put_digits(out + 17, second % 60, 2);
}

// The number that two digits write, or -1. Every state has a dozen of them or more.
static int two_digits(const char *text)
{
    unsigned tens = (unsigned)(unsigned char)text[0] - '0', ones = (unsigned)(unsigned char)text[1] - '0';

    return tens > 9 || ones > 9 ? -1 : (int)(tens * 10 + ones);
}

// Reads "YYYY-MM-DD", a date that there is.
static bool parse_date(const char *text, int64_t *time)
{
    static const char lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int century = two_digits(text), year = two_digits(text + 2);
    int month = two_digits(text + 5), day = two_digits(text + 8);

    if (century < 0 || year < 0 || month < 1 || month > 12 || day < 1 || text[4] != '-' || text[7] != '-') {
        return false;
    }
    year += century * 100;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > lengths[month - 1] + (month == 2 && leap)) {
        return false;
    }
    *time = clock_days(year, month, day) * DAY;
    return true;
}

// Reads "HH:MM" or, with seconds, "HH:MM:SS", and adds it. A leap second is no time here.
static bool parse_time(const char *text, bool seconds, int64_t *time)
{
    int hour = two_digits(text), minute = two_digits(text + 3);
    int second = seconds ? two_digits(text + 6) : 0;

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || text[2] != ':' ||
        (seconds && text[5] != ':')) {
        return false;
    }
    *time += hour * 3600 + minute * 60 + second;
    return true;
}

bool clock_parse(const char *text, size_t length, int64_t *time)
{
    return length == 20 && text[10] == 'T' && text[19] == 'Z' && parse_date(text, time) &&
           parse_time(text + 11, true, time);
}

// Reads the rest of "@UNIX", within the years that can be written.
static bool parse_unix(const char *text, int64_t *time)
{
    bool negative = *text == '-';
    int64_t value = 0;

    text += negative;
    if (*text == '\0' || strlen(text) > 12) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (*text - '0');
    }
    value = negative ? -value : value;
    if (value < YEAR_0 || value >= YEAR_10000) {
        return false;
    }
    *time = value;
    return true;
}

bool clock_parse_user(const char *text, int64_t *time)
{
    size_t length = strlen(text);
    int64_t parsed;
    bool good;

    if (text[0] == '@') {
        return parse_unix(text + 1, time);
    }
    switch (length) {
    case 10: // the date alone
        good = parse_date(text, &parsed);
        break;
    case 16: // without seconds
    case 19: good = text[10] == ' ' && parse_date(text, &parsed) && parse_time(text + 11, length == 19, &parsed); break;
    default: good = clock_parse(text, length, &parsed);
    }
    if (good) {
        *time = parsed;
    }
    return good;
}

bool clock_parse_duration(const char *text, size_t length, int64_t *seconds)
{
    int64_t value = 0, unit;

    if (length < 2) {
        return false;
    }
    switch (text[length - 1] | 0x20) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3600; break;
    case 'd': unit = DAY; break;
    case 'w': unit = 7 * DAY; break;
    default: return false;
    }
    for (size_t i = 0; i < length - 1; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (text[i] - '0');
        if (value > MOST_UNITS / unit) {
            return false;
        }
    }
    *seconds = value * unit;
    return true;
}

void clock_format_duration(int64_t seconds, char out[CLOCK_DURATION_SIZE])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{DAY, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    // The size of INT64_MIN is no int64_t.
    uint64_t size = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    size_t i = 0;

    while (i < 3 && size < (uint64_t)units[i].seconds) {
        i++;
    }
    unsigned long long first = size / (uint64_t)units[i].seconds;
    unsigned long long rest = i == 3 ? 0 : size % (uint64_t)units[i].seconds;
    unsigned long long second = i == 3 ? 0 : rest / (uint64_t)units[i + 1].seconds;

    // From ten days on nobody asks for the hours.
    if (second == 0 || (i == 0 && first >= 10)) {
        snprintf(out, CLOCK_DURATION_SIZE, "%llu %s", first, units[i].name);
    } else {
        snprintf(out, CLOCK_DURATION_SIZE, "%llu %s %llu %s", first, units[i].name, second, units[i + 1].name);
    }
}
