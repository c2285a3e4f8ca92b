// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Time zones: TZif files and POSIX strings read into changes of offset and a rule for ever after.
#include "zone.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define DAY ((int64_t)86400)
#define MOST_OFFSET (26 * 3600)               // RFC 9636 §3.2 expects less from every file
#define MOST_TIME ((int64_t)1000000000000000) // 30 million years: beyond, the zone stands still
#define MOST_RULE 255                         // bytes of a POSIX string

// A day of the year, and seconds from its local midnight, at which daylight saving time begins or ends.
struct rule {
    enum { RULE_JULIAN, RULE_DAY, RULE_MONTH } kind;
    int month, week, day;
    int32_t time;
};

// What a POSIX string says. Without daylight saving time both offsets are the same.
struct rules {
    bool changes;
    int32_t standard, daylight; // seconds east
    struct rule start, end;
};

struct change {
    int64_t at;
    int32_t offset;
};

struct zone {
    int64_t epoch;
    int64_t rules_from; // the rules hold from here on; INT64_MAX: there are none
    struct rules rules;
    int32_t first; // offset before the first change
    size_t count;
    struct change changes[];
};

static struct zone utc = {.rules_from = INT64_MAX};

// ---- POSIX strings (RFC 9636 §3.3.1). Each parser moves *at on, and is false where the text is none of its kind.

static bool parse_name(const char **at)
{
    const char *text = *at;
    size_t length;

    if (*text == '<') {
        length = strspn(++text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-");
        *at = text + length + 1;
        return length >= 3 && text[length] == '>';
    }
    length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    *at = text + length;
    return length >= 3;
}

static bool parse_number(const char **at, int most, int *number)
{
    const char *digit = *at;

    *number = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        *number = *number * 10 + (*digit - '0');
        if (*number > most) {
            return false;
        }
    }
    bool any = digit > *at;
    *at = digit;
    return any;
}

static bool parse_literal(const char **at, char literal)
{
    if (**at != literal) {
        return false;
    }
    (*at)++;
    return true;
}

// [+-]hh[:mm[:ss]]
static bool parse_time(const char **at, int most_hours, int32_t *seconds)
{
    int hours, minutes = 0, rest = 0;
    bool negative = parse_literal(at, '-');

    if (!negative) {
        parse_literal(at, '+');
    }
    if (!parse_number(at, most_hours, &hours)) {
        return false;
    }
    if (parse_literal(at, ':')) {
        if (!parse_number(at, 59, &minutes)) {
            return false;
        }
        if (parse_literal(at, ':') && !parse_number(at, 59, &rest)) {
            return false;
        }
    }
    *seconds = hours * 3600 + minutes * 60 + rest;
    *seconds = negative ? -*seconds : *seconds;
    return true;
}

// ",Jn", ",n" or ",Mm.w.d", each with "/time" or at 02:00.
static bool parse_rule(const char **at, struct rule *rule)
{
    bool good;

    if (!parse_literal(at, ',')) {
        return false;
    }
    if (parse_literal(at, 'M')) {
        rule->kind = RULE_MONTH;
        good = parse_number(at, 12, &rule->month) && rule->month >= 1 && parse_literal(at, '.') &&
               parse_number(at, 5, &rule->week) && rule->week >= 1 && parse_literal(at, '.') &&
               parse_number(at, 6, &rule->day);
    } else if (parse_literal(at, 'J')) {
        rule->kind = RULE_JULIAN;
        good = parse_number(at, 365, &rule->day) && rule->day >= 1;
    } else {
        rule->kind = RULE_DAY;
        good = parse_number(at, 365, &rule->day);
    }
    rule->time = 2 * 3600;
    if (good && parse_literal(at, '/')) {
        good = parse_time(at, 167, &rule->time);
    }
    return good;
}

static bool parse_rules(const char *text, struct rules *rules)
{
    int32_t west;

    memset(rules, 0, sizeof(*rules));
    if (strlen(text) > MOST_RULE || !parse_name(&text) || !parse_time(&text, 24, &west)) {
        return false;
    }
    rules->standard = rules->daylight = -west;
    if (*text == '\0') {
        return true;
    }
    rules->changes = true;
    rules->daylight += 3600;
    if (!parse_name(&text)) {
        return false;
    }
    if (*text != ',' && *text != '\0') {
        if (!parse_time(&text, 24, &west)) {
            return false;
        }
        rules->daylight = -west;
    }
    // POSIX leaves a missing rule to the system; everyone takes the one of the United States.
    if (*text == '\0') {
        text = ",M3.2.0,M11.1.0";
    }
    return parse_rule(&text, &rules->start) && parse_rule(&text, &rules->end) && *text == '\0';
}

// ---- Rules

static int64_t floor_days(int64_t time)
{
    return time / DAY - (time % DAY < 0);
}

// The local reading (before the change) at which the rule strikes in that year.
static int64_t rule_reading(const struct rule *rule, int64_t year)
{
    int64_t day;

    if (rule->kind == RULE_MONTH) {
        int64_t first = clock_days(year, rule->month, 1);
        int64_t next = rule->month == 12 ? clock_days(year + 1, 1, 1) : clock_days(year, rule->month + 1, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7;
        day = first + (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;
        day -= day >= next ? 7 : 0;
    } else {
        day = clock_days(year, 1, 1) + rule->day;
        if (rule->kind == RULE_JULIAN) {
            // J1 is the first of January, and the 29th of February is never counted.
            day -= rule->day < 60 || clock_days(year, 3, 1) - clock_days(year, 2, 1) == 28 ? 1 : 0;
        }
    }
    return day * DAY + rule->time;
}

// Daylight saving time is the union of one interval a year, from its start to the first end after it. An end
// that comes at or after the next start thereby means daylight saving time all year, as RFC 9636 wants.
static int32_t rules_offset(const struct rules *rules, int64_t time, int64_t *until)
{
    int64_t year, next = INT64_MAX;
    int month, day;
    bool daylight = false;

    if (!rules->changes || time > MOST_TIME) {
        *until = INT64_MAX;
        return rules->standard;
    }
    if (time < -MOST_TIME) {
        *until = -MOST_TIME;
        return rules->standard;
    }
    clock_date(floor_days(time), &year, &month, &day);
    for (int64_t y = year - 2; y <= year + 2; y++) {
        int64_t from = rule_reading(&rules->start, y) - rules->standard;
        int64_t to = rule_reading(&rules->end, y) - rules->daylight;
        if (to <= from) {
            to = rule_reading(&rules->end, y + 1) - rules->daylight;
        }
        daylight |= from <= time && time < to;
        next = from > time && from < next ? from : next;
        next = to > time && to < next ? to : next;
    }
    *until = next;
    return daylight ? rules->daylight : rules->standard;
}

// ---- TZif files (RFC 9636 §3)

struct tzif {
    const uint8_t *at;
    size_t left;
    uint8_t version;
    uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t read_time(const uint8_t *bytes, size_t size)
{
    if (size == 4) {
        return (int32_t)read_u32(bytes);
    }
    return (int64_t)((uint64_t)read_u32(bytes) << 32 | read_u32(bytes + 4));
}

static bool read_header(struct tzif *tzif)
{
    if (tzif->left < 44 || memcmp(tzif->at, "TZif", 4) != 0) {
        return false;
    }
    tzif->version = tzif->at[4];
    tzif->isutcnt = read_u32(tzif->at + 20);
    tzif->isstdcnt = read_u32(tzif->at + 24);
    tzif->leapcnt = read_u32(tzif->at + 28);
    tzif->timecnt = read_u32(tzif->at + 32);
    tzif->typecnt = read_u32(tzif->at + 36);
    tzif->charcnt = read_u32(tzif->at + 40);
    tzif->at += 44;
    tzif->left -= 44;
    return true;
}

// The bytes of the data block after a header, with times of that size. 64 bits hold any sum of the counts.
static uint64_t block_size(const struct tzif *tzif, size_t size)
{
    return (uint64_t)tzif->timecnt * (size + 1) + (uint64_t)tzif->typecnt * 6 + tzif->charcnt +
           (uint64_t)tzif->leapcnt * (size + 4) + tzif->isstdcnt + tzif->isutcnt;
}

static bool read_type(const struct tzif *tzif, const uint8_t *types, uint32_t index, int32_t *offset)
{
    if (index >= tzif->typecnt) {
        return false;
    }
    *offset = (int32_t)read_u32(types + (size_t)index * 6);
    return *offset >= -MOST_OFFSET && *offset <= MOST_OFFSET;
}

// Reads the data block into a new zone; NULL with a reason in *why. A change of name alone is no change.
static struct zone *read_block(const struct tzif *tzif, size_t size, const char **why)
{
    const uint8_t *times = tzif->at;
    const uint8_t *indexes = times + tzif->timecnt * size;
    const uint8_t *types = indexes + tzif->timecnt;
    struct zone *zone = calloc(1, sizeof(*zone) + tzif->timecnt * sizeof(zone->changes[0]));
    int64_t last = INT64_MIN;
    int32_t offset;

    *why = "there is no memory for it";
    if (zone == NULL) {
        return NULL;
    }
    *why = "its offsets are broken";
    if (!read_type(tzif, types, 0, &zone->first)) {
        goto broken;
    }
    int32_t before = zone->first;
    for (uint32_t i = 0; i < tzif->timecnt; i++) {
        int64_t at = read_time(times + i * size, size);
        if (!read_type(tzif, types, indexes[i], &offset)) {
            goto broken;
        }
        if (i > 0 && at <= last) {
            *why = "its changes are out of order";
            goto broken;
        }
        last = at;
        if (offset != before) {
            zone->changes[zone->count++] = (struct change){.at = at, .offset = offset};
            before = offset;
        }
    }
    zone->rules_from = last;
    return zone;
broken:
    free(zone);
    return NULL;
}

// The footer is a newline, a POSIX string (empty: the last offset holds for ever) and a newline.
static bool read_footer(const uint8_t *at, size_t left, struct zone *zone)
{
    char text[MOST_RULE + 1];

    const uint8_t *end = left < 2 || at[0] != '\n' ? NULL : memchr(at + 1, '\n', left - 1);
    size_t length = end == NULL ? 0 : (size_t)(end - at) - 1;
    if (end == NULL || length > MOST_RULE || memchr(at + 1, '\0', length) != NULL) {
        return false;
    }
    if (length == 0) {
        zone->rules_from = INT64_MAX;
        return true;
    }
    memcpy(text, at + 1, length);
    text[length] = '\0';
    return parse_rules(text, &zone->rules);
}

static struct zone *read_tzif(struct tzif *tzif, const char **why)
{
    size_t size = 4;

    *why = "it is no time zone file";
    if (!read_header(tzif) || block_size(tzif, size) > tzif->left) {
        return NULL;
    }
    // From version 2 on a second header and block with times of 64 bits follow those of 32.
    if (tzif->version >= '2') {
        tzif->at += block_size(tzif, size);
        tzif->left -= (size_t)block_size(tzif, size);
        size = 8;
        if (!read_header(tzif) || block_size(tzif, size) > tzif->left) {
            return NULL;
        }
    }
    if (tzif->leapcnt != 0) {
        *why = "it counts leap seconds, which the system's clock does not";
        return NULL;
    }
    struct zone *zone = read_block(tzif, size, why);
    if (zone == NULL) {
        return NULL;
    }
    if (size == 4) {
        zone->rules_from = INT64_MAX;
        return zone;
    }
    size_t block = (size_t)block_size(tzif, size);
    if (!read_footer(tzif->at + block, tzif->left - block, zone)) {
        *why = "its footer is broken";
        free(zone);
        return NULL;
    }
    return zone;
}

// ---- The contract

static struct zone *with_epoch(struct zone *zone)
{
    int64_t instants[2];

    zone_instants(zone, 0, instants);
    zone->epoch = instants[0];
    return zone;
}

int zone_from_tzif(const void *bytes, size_t length, struct zone **zone, struct error *error)
{
    struct tzif tzif = {.at = bytes, .left = length};
    const char *why = "it is too long for a time zone file";

    *zone = length > ZONE_MAX_BYTES ? NULL : read_tzif(&tzif, &why);
    if (*zone == NULL) {
        return error_set(error, ERROR_FORMAT, "%s", why);
    }
    with_epoch(*zone);
    return 0;
}

int zone_from_posix(const char *text, struct zone **zone, struct error *error)
{
    struct rules rules;

    *zone = NULL;
    if (!parse_rules(text, &rules)) {
        return error_set(error, ERROR_FORMAT, "'%.200s' is no POSIX time zone", text);
    }
    struct zone *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a time zone");
    }
    made->rules = rules;
    made->rules_from = INT64_MIN;
    *zone = with_epoch(made);
    return 0;
}

struct zone *zone_utc(void)
{
    return &utc;
}

void zone_free(struct zone *zone)
{
    if (zone != &utc) {
        free(zone);
    }
}

int32_t zone_offset(const struct zone *zone, int64_t time, int64_t *until)
{
    int64_t end;
    int32_t offset;

    if (time >= zone->rules_from && zone->rules_from != INT64_MAX) {
        offset = rules_offset(&zone->rules, time, &end);
    } else {
        // The number of changes at or before the time.
        size_t low = 0, high = zone->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (zone->changes[middle].at <= time) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        offset = low == 0 ? zone->first : zone->changes[low - 1].offset;
        end = low < zone->count ? zone->changes[low].at : zone->rules_from;
    }
    if (until != NULL) {
        *until = end;
    }
    return offset;
}

int zone_instants(const struct zone *zone, int64_t local, int64_t out[2])
{
    int64_t until, change = 0;
    int found = 0;

    local = local > MOST_TIME ? MOST_TIME : local < -MOST_TIME ? -MOST_TIME : local;
    int64_t from = local - MOST_OFFSET;
    int32_t offset = zone_offset(zone, from, &until);
    for (;;) {
        int64_t instant = local - offset;
        if (instant >= from && instant < until) {
            out[found++] = instant;
        }
        if (found == 2 || until > local + MOST_OFFSET) {
            break;
        }
        // A change skips the reading when the clock was before it and is behind it then.
        from = until;
        int32_t after = zone_offset(zone, from, &until);
        if (from + offset <= local && local < from + after) {
            change = from;
        }
        offset = after;
    }
    if (found == 0) {
        out[0] = change;
    }
    return found;
}

int64_t zone_epoch(const struct zone *zone)
{
    return zone->epoch;
}
