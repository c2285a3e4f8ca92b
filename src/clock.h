// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The one clock: UTC seconds, time since boot, and times and durations as text.
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_UTC_SIZE 24 // "2026-11-23T03:06:47Z" and its NUL, years to 9999
#define CLOCK_DURATION_SIZE 48
#define CLOCK_NONE INT64_MIN // "no time"

// Now, Unix seconds. Everything in certauto takes the time from here (mbedTLS's checks too).
// Only test builds (CERTAUTO_TEST_CLOCK) heed the environment variable CERTAUTO_NOW_OFFSET: seconds, or the path of a
// file that holds them and, after a blank, seconds that the time since boot is ahead.
int64_t clock_now(void);
// What the kernel's clock reads at that moment of ours, for its timers: the same, but in test builds.
int64_t clock_kernel(int64_t time);
// CLOCK_BOOTTIME in milliseconds: also counts suspend.
int64_t clock_boot_ms(void);

// Writes RFC 3339 UTC with whole seconds and "Z". Years 0000-9999; others are clamped.
void clock_format(int64_t time, char out[CLOCK_UTC_SIZE]);
// Reads exactly that form (YYYY-MM-DDTHH:MM:SSZ, a real date); length is without NUL. False otherwise.
bool clock_parse(const char *text, size_t length, int64_t *time);
// Reads what people type for --at: the form above, "YYYY-MM-DD", "YYYY-MM-DD HH:MM[:SS]" (UTC), or "@UNIX".
bool clock_parse_user(const char *text, int64_t *time);

// Days since 1970-01-01 of a proleptic Gregorian date, and back. month 1-12, day 1-31. Any year.
int64_t clock_days(int64_t year, int month, int day);
void clock_date(int64_t days, int64_t *year, int *month, int *day);

// Reads a whole number and one of s m h d w ("90d"); at most 100 years; false otherwise.
bool clock_parse_duration(const char *text, size_t length, int64_t *seconds);
// Writes a duration for people, one or two units: "12 d", "3 h 20 min", "45 s", "0 s". Negative: its size.
void clock_format_duration(int64_t seconds, char out[CLOCK_DURATION_SIZE]);

#endif
