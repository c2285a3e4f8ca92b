// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The readers of values that the table of keys names, one for each kind of value.
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config_data.h"

// config_value.c: plain kinds.
config_parse config_parse_switch, config_parse_duration, config_parse_wait, config_parse_count, config_parse_keep,
    config_parse_memory, config_parse_path, config_parse_verify, config_parse_names, config_parse_sections,
    config_parse_section, config_parse_hook, config_parse_account, config_parse_include, config_parse_subject;
// config_words.c: one or several words out of a list.
config_parse config_parse_clock, config_parse_log_level, config_parse_log_format, config_parse_log_target,
    config_parse_key, config_parse_usage, config_parse_must_keep, config_parse_days;
// config_times.c: rules about when.
config_parse config_parse_renew, config_parse_publish, config_parse_override, config_parse_periods, config_parse_retry,
    config_parse_warnings, config_parse_run, config_parse_rate;
// config_zone.c
config_parse config_parse_zone;

// The next item of a list separated by commas, blanks around it dropped; *at moves on. False at the end. An empty
// item has length 0.
struct config_item {
    const char *text;
    size_t length;
};
bool config_next_item(const char **at, struct config_item *item);
// Splits at blanks into at most "most" words; the number of words, most + 1 when there are more.
size_t config_words(const char *text, struct config_item *words, size_t most);
bool config_is_word(const struct config_item *item, const char *word);
// An item without a blank inside and not empty; otherwise -1 with the reason.
int config_check_item(const struct config_item *item, struct error *error);
// Adds the item to the text that is shown, after ", ".
void config_show_item(struct buf *shown, const struct config_item *item);
// "HH:MM", to 23:59, or to 24:00 where "end"; false otherwise.
bool config_parse_minute(const char *text, size_t length, bool end, uint16_t *minute);
// A whole number without sign, least-most.
bool config_parse_number(const char *text, size_t length, int64_t least, int64_t most, int64_t *number);
// An option of type "enum:one|two": the declared word that the text means, in any case; false when it means none.
#define CONFIG_ENUM "enum:"
bool config_option_word(const char *type, const char *text, struct config_item *word);
// True for a name as sections have it; *fault says what is wrong otherwise.
bool config_is_name(const char *text, size_t length, const char **fault);

#endif
