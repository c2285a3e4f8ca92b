// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Values of the plain kinds: switches, numbers, durations, paths, names, and lists of them.
#include "config_value.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "names.h"
#include "verify.h"
#include "x509.h"

#define MIB ((int64_t)1024 * 1024)
#define MAX_PATH 4096
#define MAX_SUBJECT 1024

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// ---- Items and words

bool config_next_item(const char **at, struct config_item *item)
{
    if (*at == NULL) {
        return false;
    }
    const char *comma = strchr(*at, ',');
    item->text = *at;
    item->length = comma == NULL ? strlen(*at) : (size_t)(comma - *at);
    *at = comma == NULL ? NULL : comma + 1;
    while (item->length > 0 && is_blank(item->text[0])) {
        item->text++;
        item->length--;
    }
    while (item->length > 0 && is_blank(item->text[item->length - 1])) {
        item->length--;
    }
    return true;
}

int config_check_item(const struct config_item *item, struct error *error)
{
    if (item->length == 0) {
        return error_set(error, ERROR_CONFIG, "an item between two commas is missing, or before or after one");
    }
    for (size_t i = 0; i < item->length; i++) {
        if (is_blank(item->text[i])) {
            return error_set(error, ERROR_CONFIG, "the item '%.*s' has a blank inside; items are separated by commas",
                             (int)(item->length > 200 ? 200 : item->length), item->text);
        }
    }
    return 0;
}

void config_show_item(struct buf *shown, const struct config_item *item)
{
    if (shown->length > 0) {
        buf_text(shown, ", ");
    }
    buf_add(shown, item->text, item->length);
}

size_t config_words(const char *text, struct config_item *words, size_t most)
{
    size_t count = 0;

    for (;;) {
        text += strspn(text, " \t");
        if (*text == '\0') {
            return count;
        }
        if (count == most) {
            return most + 1;
        }
        words[count].text = text;
        words[count].length = strcspn(text, " \t");
        text += words[count++].length;
    }
}

bool config_is_word(const struct config_item *item, const char *word)
{
    return strlen(word) == item->length && strncasecmp(item->text, word, item->length) == 0;
}

static bool is_name_byte(char c)
{
    char low = (char)(c | 0x20);

    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool config_is_name(const char *text, size_t length, const char **fault)
{
    const char *reason = NULL;
    size_t i = 0;

    while (i < length && is_name_byte(text[i])) {
        i++;
    }
    if (length == 0 || length > CONFIG_NAME_MAX) {
        reason = length == 0 ? "it is empty" : "it is longer than 128 characters";
    } else if (text[0] == '.' || text[0] == '-') {
        reason = "it begins with '.' or '-'";
    } else if (i < length) {
        reason = "only A-Z a-z 0-9 . _ - are allowed";
    }
    if (fault != NULL) {
        *fault = reason;
    }
    return reason == NULL;
}

// ---- Numbers

bool config_parse_number(const char *text, size_t length, int64_t least, int64_t most, int64_t *number)
{
    int64_t value = 0;

    if (length == 0 || length > 15) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *number = value;
    return value >= least && value <= most;
}

int config_parse_switch(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    (void)loader;
    (void)error;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            value->number = (int64_t)(i % 2);
            return 0;
        }
    }
    return -1;
}

int config_parse_duration(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    (void)loader;
    (void)error;
    return clock_parse_duration(text, strlen(text), &value->number) ? 0 : -1;
}

int config_parse_wait(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    return config_parse_duration(loader, text, value, error) == 0 && value->number > 0 ? 0 : -1;
}

int config_parse_count(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    (void)loader;
    (void)error;
    return config_parse_number(text, strlen(text), 1, 1000, &value->number) ? 0 : -1;
}

int config_parse_keep(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    (void)loader;
    (void)error;
    return config_parse_number(text, strlen(text), 0, 1000, &value->number) ? 0 : -1;
}

int config_parse_memory(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    size_t length = strlen(text);

    (void)loader;
    (void)error;
    // Less than 2 GiB, so that it fits a size_t everywhere.
    if ((text[length - 1] | 0x20) != 'm' || !config_parse_number(text, length - 1, 1, 2047, &value->number)) {
        return -1;
    }
    value->number *= MIB;
    return 0;
}

// ---- Texts

int config_parse_path(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    (void)loader;
    (void)value;
    if (strlen(text) >= MAX_PATH) {
        return error_set(error, ERROR_CONFIG, "the path is longer than %d bytes", MAX_PATH - 1);
    }
    return text[0] == '/' ? 0 : -1;
}

int config_parse_verify(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct verify_target target;
    (void)loader;
    (void)value;
    return verify_parse(text, &target, error);
}

int config_parse_subject(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    (void)loader;
    (void)value;
    if (strlen(text) > MAX_SUBJECT) {
        return error_set(error, ERROR_CONFIG, "the subject is longer than %d bytes", MAX_SUBJECT);
    }
    return x509_subject_check(text, error);
}

int config_parse_account(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    (void)loader;
    (void)value;
    errno = 0;
    if (getpwnam(text) == NULL) {
        return errno == 0 || errno == ENOENT
                   ? error_set(error, ERROR_CONFIG, "there is no account '%s' on this system", config_shown(text))
                   : error_errno(error, "the account '%s' cannot be looked up", config_shown(text));
    }
    return 0;
}

// The kind and the folder are known only later; the name is checked so that it can name no other folder's file.
int config_parse_hook(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    const char *fault;

    (void)loader;
    (void)value;
    if (!config_is_name(text, strlen(text), &fault)) {
        return error_set(error, ERROR_CONFIG, "'%s' is no name of a hook: %s", config_shown(text), fault);
    }
    return 0;
}

int config_parse_names(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct buf *canonical = &loader->scratch;

    buf_clear(canonical);
    if (names_parse(text, canonical, error) < 0) {
        return -1;
    }
    value->text = config_text(loader, buf_string(canonical), canonical->length);
    return value->text != NULL ? 0 : -1;
}

// ---- Lists

// How many items there can be at most.
static size_t count_items(const char *text)
{
    size_t count = 1;

    while ((text = strchr(text, ',')) != NULL) {
        text++;
        count++;
    }
    return count;
}

static int add_section(struct config_loader *loader, struct value *value, const struct config_item *item,
                       struct error *error)
{
    const char *fault;

    if (config_check_item(item, error) < 0) {
        return -1;
    }
    if (!config_is_name(item->text, item->length, &fault)) {
        return error_set(error, ERROR_CONFIG, "'%.*s' is no name of a section: %s",
                         (int)(item->length > 200 ? 200 : item->length), item->text, fault);
    }
    for (size_t i = 0; i < value->sections.count; i++) {
        const char *other = value->sections.list[i];
        if (strlen(other) == item->length && memcmp(other, item->text, item->length) == 0) {
            return error_set(error, ERROR_CONFIG, "'%s' stands twice in the list", other);
        }
    }
    const char *name = config_text(loader, item->text, item->length);
    if (name == NULL) {
        return -1;
    }
    value->sections.list[value->sections.count++] = name;
    config_show_item(&loader->scratch, item);
    return 0;
}

int config_parse_sections(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item item;
    size_t most = count_items(text);

    if (most > CONFIG_MAX_ITEMS) {
        return error_set(error, ERROR_CONFIG, "there are more than %d names in the list", CONFIG_MAX_ITEMS);
    }
    value->sections.count = 0;
    value->sections.list = config_take(loader, most * sizeof(*value->sections.list));
    if (value->sections.list == NULL) {
        return -1;
    }
    buf_clear(&loader->scratch);
    while (config_next_item(&text, &item)) {
        if (add_section(loader, value, &item, error) < 0) {
            return -1;
        }
    }
    value->text =
        most == 1 ? value->sections.list[0] : config_text(loader, buf_string(&loader->scratch), loader->scratch.length);
    return value->text != NULL ? 0 : -1;
}

int config_parse_section(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    if (strchr(text, ',') != NULL) {
        return error_set(error, ERROR_CONFIG, "only one name may be given");
    }
    return config_parse_sections(loader, text, value, error);
}

// Patterns are for the last part of a path only, so that no tree is walked.
static int check_pattern(const struct config_item *item, struct error *error)
{
    size_t folder = item->length;

    if (config_check_item(item, error) < 0) {
        return -1;
    }
    while (folder > 0 && item->text[folder - 1] != '/') {
        folder--;
    }
    for (size_t i = 0; i < folder; i++) {
        if (strchr("*?[", item->text[i]) != NULL) {
            return error_set(error, ERROR_CONFIG, "only the last part of '%.*s' may hold * ? or [", (int)item->length,
                             item->text);
        }
    }
    if (folder == item->length) {
        return error_set(error, ERROR_CONFIG, "'%.*s' names a folder, not files", (int)item->length, item->text);
    }
    return 0;
}

int config_parse_include(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct config_item item;
    struct buf *shown = &loader->scratch;

    buf_clear(shown);
    while (config_next_item(&text, &item)) {
        if (item.length >= MAX_PATH) {
            return error_set(error, ERROR_CONFIG, "a path is longer than %d bytes", MAX_PATH - 1);
        }
        if (check_pattern(&item, error) < 0) {
            return -1;
        }
        config_show_item(shown, &item);
    }
    value->text = config_text(loader, buf_string(shown), shown->length);
    return value->text != NULL ? 0 : -1;
}
