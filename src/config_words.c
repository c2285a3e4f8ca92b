// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Values that are words: one of a list, or any of a list, and the days of the week with their ranges.
#include <string.h>

#include "config_value.h"
#include "x509.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

// A word and what it stands for.
struct word {
    const char *word;
    int number;
};

static const struct word *find_word(const struct config_item *item, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (config_is_word(item, words[i].word)) {
            return &words[i];
        }
    }
    return NULL;
}

// ---- One word

static int parse_word(const char *text, const struct word *words, size_t count, struct value *value)
{
    struct config_item item = {text, strlen(text)};
    const struct word *found = find_word(&item, words, count);

    value->number = found == NULL ? 0 : found->number;
    return found != NULL ? 0 : -1;
}

int config_parse_clock(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    static const struct word words[] = {{"check", false}, {"trust", true}};

    (void)loader;
    (void)error;
    return parse_word(text, words, COUNT(words), value);
}

int config_parse_log_level(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    static const struct word words[] = {{"error", LOG_LEVEL_ERROR},
                                        {"warning", LOG_LEVEL_WARNING},
                                        {"info", LOG_LEVEL_INFO},
                                        {"debug", LOG_LEVEL_DEBUG}};

    (void)loader;
    (void)error;
    return parse_word(text, words, COUNT(words), value);
}

int config_parse_log_format(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    static const struct word words[] = {{"text", LOG_FORMAT_TEXT}, {"json", LOG_FORMAT_JSON}};

    (void)loader;
    (void)error;
    return parse_word(text, words, COUNT(words), value);
}

int config_parse_log_target(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    static const struct word words[] = {{"stderr", LOG_TARGET_STDERR}, {"syslog", LOG_TARGET_SYSLOG}};

    (void)loader;
    (void)error;
    return parse_word(text, words, COUNT(words), value);
}

int config_parse_key(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    enum key_type type;

    (void)error;
    // Words are case-insensitive; key_type_parse knows them in lower case.
    buf_clear(&loader->scratch);
    for (; *text != '\0'; text++) {
        buf_char(&loader->scratch, *text >= 'A' && *text <= 'Z' ? (char)(*text | 0x20) : *text);
    }
    if (!key_type_parse(buf_string(&loader->scratch), true, &type)) {
        return -1;
    }
    value->number = type;
    value->text = key_type_name(type);
    return 0;
}

// ---- Any of several words

static int parse_bits(struct config_loader *loader, const char *text, const struct word *words, size_t count,
                      struct value *value, struct error *error)
{
    struct config_item item;

    buf_clear(&loader->scratch);
    while (config_next_item(&text, &item)) {
        if (config_check_item(&item, error) < 0) {
            return -1;
        }
        const struct word *found = find_word(&item, words, count);
        if (found == NULL) {
            return -1;
        }
        value->number |= found->number;
        config_show_item(&loader->scratch, &item);
    }
    value->text = config_text(loader, buf_string(&loader->scratch), loader->scratch.length);
    return value->text != NULL ? 0 : -1;
}

int config_parse_usage(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    static const struct word words[] = {
        {"server", X509_SERVER}, {"client", X509_CLIENT}, {"email", X509_EMAIL}, {"code", X509_CODE}};

    return parse_bits(loader, text, words, COUNT(words), value, error);
}

int config_parse_must_keep(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    static const struct word words[] = {
        {"names", KEEP_NAMES}, {"eku", KEEP_EKU}, {"key_type", KEEP_KEY_TYPE}, {"issuer", KEEP_ISSUER}};

    return parse_bits(loader, text, words, COUNT(words), value, error);
}

// ---- Days

static const struct word day_words[] = {
    {"sun", 0},    {"mon", 1},    {"tue", 2},     {"wed", 3},       {"thu", 4},      {"fri", 5},    {"sat", 6},
    {"sunday", 0}, {"monday", 1}, {"tuesday", 2}, {"wednesday", 3}, {"thursday", 4}, {"friday", 5}, {"saturday", 6},
};

static bool find_day(const char *text, size_t length, int *day)
{
    struct config_item item = {text, length};
    const struct word *found = find_word(&item, day_words, COUNT(day_words));

    *day = found == NULL ? 0 : found->number;
    return found != NULL;
}

// Adds a day, or all from one to another, which may go over the end of the week (sat-mon).
static bool add_days(const struct config_item *item, int64_t *days)
{
    const char *dash = memchr(item->text, '-', item->length);
    size_t first_length = dash == NULL ? item->length : (size_t)(dash - item->text);
    int first, last;

    if (!find_day(item->text, first_length, &first)) {
        return false;
    }
    last = first;
    if (dash != NULL && !find_day(dash + 1, item->length - first_length - 1, &last)) {
        return false;
    }
    for (int day = first;; day = (day + 1) % 7) {
        *days |= 1 << day;
        if (day == last) {
            return true;
        }
    }
}

int config_parse_days(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item item = {text, strlen(text)};

    if (config_is_word(&item, "all")) {
        value->number = 0x7f;
        return 0;
    }
    buf_clear(&loader->scratch);
    while (config_next_item(&text, &item)) {
        if (config_check_item(&item, error) < 0) {
            return -1;
        }
        if (!add_days(&item, &value->number)) {
            return error_set(error, ERROR_CONFIG, "'%.*s' is no day of the week and no range of days",
                             (int)(item.length > 200 ? 200 : item.length), item.text);
        }
        config_show_item(&loader->scratch, &item);
    }
    value->text = config_text(loader, buf_string(&loader->scratch), loader->scratch.length);
    return value->text != NULL ? 0 : -1;
}
