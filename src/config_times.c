// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Values that say when: rules of renewal and publication, periods, waits, runs and rates.
#include <string.h>

#include "clock.h"
#include "config_value.h"

#define DAY ((int64_t)86400)

static bool is_duration(const struct config_item *word, int64_t *seconds)
{
    return clock_parse_duration(word->text, word->length, seconds);
}

// True when the words from "first" on are these two.
static bool are(const struct config_item *words, size_t first, const char *one, const char *other)
{
    return config_is_word(&words[first], one) && config_is_word(&words[first + 1], other);
}

// ---- When to renew and to publish

static bool is_percent(const struct config_item *word, int64_t *percent)
{
    return word->length > 1 && word->text[word->length - 1] == '%' &&
           config_parse_number(word->text, word->length - 1, 1, 99, percent);
}

int config_parse_renew(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item words[3];
    size_t count = config_words(text, words, 3);
    int64_t amount = 0;

    (void)loader;
    (void)error;
    if (count == 1 && config_is_word(&words[0], "auto")) {
        value->renew = (struct renew){.rule = RENEW_AUTO};
        return 0;
    }
    if (count == 2 && are(words, 0, "on", "expiry")) {
        value->renew = (struct renew){.rule = RENEW_ON_EXPIRY};
        return 0;
    }
    bool before = count == 3 && are(words, 1, "before", "expiry");
    bool after = count == 3 && are(words, 1, "after", "expiry");
    if (before && is_percent(&words[0], &amount)) {
        value->renew = (struct renew){.rule = RENEW_BEFORE_PERCENT, .amount = amount};
        return 0;
    }
    if (count < 1 || !is_duration(&words[0], &amount) || amount == 0 || !(before || after || count == 1)) {
        return -1;
    }
    value->renew = (struct renew){.rule = after ? RENEW_AFTER_EXPIRY : RENEW_BEFORE, .amount = amount};
    return 0;
}

int config_parse_publish(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item words[4];
    size_t count = config_words(text, words, 4);
    int64_t after = DAY;

    (void)loader;
    (void)error;
    if (count == 2 && are(words, 0, "after", "renewal")) {
        value->publish = (struct publish_when){.rule = PUBLISH_AFTER_RENEWAL};
        return 0;
    }
    if (count == 3 && are(words, 0, "on", "previous") && config_is_word(&words[2], "expiry")) {
        value->publish = (struct publish_when){.rule = PUBLISH_ON_PREVIOUS_EXPIRY};
        return 0;
    }
    if (count < 3 || count > 4 || (count == 4 && (!is_duration(&words[0], &after) || after == 0)) ||
        !are(words, count - 3, "after", "previous") || !config_is_word(&words[count - 1], "expiry")) {
        return -1;
    }
    value->publish = (struct publish_when){.rule = PUBLISH_AFTER_PREVIOUS_EXPIRY, .after_s = after};
    return 0;
}

int config_parse_override(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item words[3];
    size_t count = config_words(text, words, 3);

    (void)loader;
    (void)error;
    if (count == 1 && config_is_word(&words[0], "never")) {
        value->number = -1;
        return 0;
    }
    return count == 3 && is_duration(&words[0], &value->number) && are(words, 1, "before", "expiry") ? 0 : -1;
}

// ---- Periods and lists of durations

bool config_parse_minute(const char *text, size_t length, bool end, uint16_t *minute)
{
    int64_t hours, minutes;

    if (length != 5 || text[2] != ':' || !config_parse_number(text, 2, 0, end ? 24 : 23, &hours) ||
        !config_parse_number(text + 3, 2, 0, 59, &minutes) || hours * 60 + minutes > 1440) {
        return false;
    }
    *minute = (uint16_t)(hours * 60 + minutes);
    return true;
}

static int parse_period(const struct config_item *item, struct period *period, struct error *error)
{
    if (config_check_item(item, error) < 0) {
        return -1;
    }
    if (item->length != 11 || item->text[5] != '-' || !config_parse_minute(item->text, 5, false, &period->start_min) ||
        !config_parse_minute(item->text + 6, 5, true, &period->end_min)) {
        return error_set(error, ERROR_CONFIG, "'%.*s' is no period HH:MM-HH:MM",
                         (int)(item->length > 200 ? 200 : item->length), item->text);
    }
    if (period->start_min == period->end_min) {
        return error_set(error, ERROR_CONFIG,
                         "'%.*s' begins and ends at the same time; the whole day is 00:00-24:00 or all",
                         (int)item->length, item->text);
    }
    return 0;
}

int config_parse_periods(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item item = {text, strlen(text)};
    struct period list[SCHEDULE_MAX_PERIODS];
    size_t count = 0;

    if (config_is_word(&item, "all")) {
        value->periods.count = 0;
        return 0;
    }
    buf_clear(&loader->scratch);
    while (config_next_item(&text, &item)) {
        if (count == SCHEDULE_MAX_PERIODS) {
            return error_set(error, ERROR_CONFIG, "there are more than %d periods", SCHEDULE_MAX_PERIODS);
        }
        if (parse_period(&item, &list[count++], error) < 0) {
            return -1;
        }
        config_show_item(&loader->scratch, &item);
    }
    struct period *kept = config_take(loader, count * sizeof(*kept));
    value->text = config_text(loader, buf_string(&loader->scratch), loader->scratch.length);
    if (kept == NULL || value->text == NULL) {
        return -1;
    }
    memcpy(kept, list, count * sizeof(*kept));
    value->periods.count = count;
    value->periods.list = kept;
    return 0;
}

static int parse_durations(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item item;
    int64_t list[CONFIG_MAX_RETRY];
    size_t count = 0;

    buf_clear(&loader->scratch);
    while (config_next_item(&text, &item)) {
        if (count == CONFIG_MAX_RETRY) {
            return error_set(error, ERROR_CONFIG, "there are more than %d durations", CONFIG_MAX_RETRY);
        }
        if (config_check_item(&item, error) < 0) {
            return -1;
        }
        if (!is_duration(&item, &list[count++])) {
            return error_set(error, ERROR_CONFIG, "'%.*s' is no duration", (int)(item.length > 200 ? 200 : item.length),
                             item.text);
        }
        config_show_item(&loader->scratch, &item);
    }
    int64_t *kept = config_take(loader, count * sizeof(*kept));
    value->text = config_text(loader, buf_string(&loader->scratch), loader->scratch.length);
    if (kept == NULL || value->text == NULL) {
        return -1;
    }
    memcpy(kept, list, count * sizeof(*kept));
    value->durations = (struct durations){.count = count, .s = kept};
    return 0;
}

int config_parse_retry(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    return parse_durations(loader, text, value, error);
}

int config_parse_warnings(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    return parse_durations(loader, text, value, error);
}

// ---- Runs and rates

int config_parse_run(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item words[3];
    size_t count = config_words(text, words, 3);
    uint16_t at = 3 * 60;
    int64_t every = 0;

    (void)loader;
    (void)error;
    if (count == 2 && config_is_word(&words[0], "every") && is_duration(&words[1], &every) && every > 0) {
        value->runs = (struct runs){.every_s = every};
        return 0;
    }
    if (count == 0 || !config_is_word(&words[0], "daily") || count == 2 || count > 3 ||
        (count == 3 &&
         (!config_is_word(&words[1], "at") || !config_parse_minute(words[2].text, words[2].length, false, &at)))) {
        return -1;
    }
    value->runs = (struct runs){.daily = true, .at_min = at};
    return 0;
}

int config_parse_rate(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    const char *slash = strchr(text, '/');

    (void)loader;
    (void)error;
    return slash != NULL && config_parse_number(text, (size_t)(slash - text), 1, 1000000, &value->rate.count) &&
                   clock_parse_duration(slash + 1, strlen(slash + 1), &value->rate.s) && value->rate.s > 0
               ? 0
               : -1;
}
