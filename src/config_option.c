// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Values of hook options by their declared types: certauto-hooks(7) says what each type takes.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config_value.h"
#include "exec.h"

#define MAX_INTEGER 9007199254740992 // 2^53: what JSON, by which it travels, holds exactly
#define CREDENTIAL "@credential:"

// What is wrong, as "what would be accepted"; NULL when the value is good.
typedef const char *option_check(const char *text);

static const char *check_text(const char *text)
{
    if (text[0] != '@' || text[1] == '@' || text[1] == '/') {
        return NULL;
    }
    if (strncmp(text, CREDENTIAL, strlen(CREDENTIAL)) == 0) {
        const char *name = text + strlen(CREDENTIAL);
        return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL ? NULL : "@credential:NAME";
    }
    return "@/PATH, @credential:NAME, or @@ for a text that begins with '@'";
}

static const char *check_integer(const char *text)
{
    int64_t number;
    size_t sign = text[0] == '-' || text[0] == '+';
    size_t zeros = strspn(text + sign, "0");
    size_t length = strlen(text + sign);

    // Leading zeros are no more than that.
    zeros = zeros == length && zeros > 0 ? zeros - 1 : zeros;
    if (length - zeros > 15) {
        return length - zeros == 16 && strspn(text + sign, "0123456789") == length &&
                       strcmp(text + sign + zeros, "9007199254740992") <= 0
                   ? NULL
                   : "a whole number";
    }
    return config_parse_number(text + sign + zeros, length - zeros, 0, MAX_INTEGER, &number) ? NULL : "a whole number";
}

static const char *check_boolean(const char *text)
{
    struct value value;

    return config_parse_switch(NULL, text, &value, NULL) == 0 ? NULL : "yes, no, true, false, on or off";
}

static const char *check_duration(const char *text)
{
    int64_t seconds;

    return clock_parse_duration(text, strlen(text), &seconds) ? NULL
                                                              : "a whole number and s, m, h, d or w, as in 90s or 31d";
}

static const char *check_path(const char *text)
{
    return text[0] == '/' && strlen(text) < 4096 ? NULL : "an absolute path";
}

static const char *check_url(const char *text)
{
    size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    bool good =
        scheme > 0 && strncmp(text + scheme, "://", 3) == 0 && text[scheme + 3] != '\0' && strpbrk(text, " \t") == NULL;

    return good ? NULL : "a URL such as https://example.com/path";
}

static const char *check_list(const char *text)
{
    struct config_item item;
    struct error error;

    while (config_next_item(&text, &item)) {
        if (config_check_item(&item, &error) < 0) {
            return "items separated by commas, without blanks inside and none of them empty";
        }
    }
    return NULL;
}

static const char *check_mode(const char *text)
{
    size_t length = strlen(text);

    return length >= 3 && length <= 4 && strspn(text, "01234567") == length && (length == 3 || text[0] == '0')
               ? NULL
               : "permission bits in octal, as in 0640";
}

// As certauto.exec takes it.
static const char *check_command(const char *text)
{
    char **words;
    size_t count;
    struct error error;

    if (exec_split(text, &words, &count, &error) != 0) {
        // Want of memory is no mistake in the command; whoever runs it will say so.
        return error.code == ERROR_SYSTEM
                   ? NULL
                   : "a command whose quotation marks are closed, of at most 256 words, not ending with '\\'";
    }
    free(words);
    return NULL;
}

static const char *check_certificate(const char *text)
{
    return config_is_name(text, strlen(text), NULL) ? NULL : "the name of a certificate";
}

// The next of the words "one|two"; *at moves on. False at the end.
static bool next_word(const char **at, struct config_item *word)
{
    if (**at == '\0') {
        return false;
    }
    word->text = *at;
    word->length = strcspn(*at, "|");
    *at += word->length;
    *at += **at == '|';
    return true;
}

bool config_option_word(const char *type, const char *text, struct config_item *word)
{
    const char *at = type + strlen(CONFIG_ENUM);

    while (strncmp(type, CONFIG_ENUM, strlen(CONFIG_ENUM)) == 0 && next_word(&at, word)) {
        if (config_is_word(word, text)) {
            return true;
        }
    }
    return false;
}

// All the words, as far as there is room.
static const char *list_words(const char *type, char *room, size_t room_size)
{
    const char *at = type + strlen(CONFIG_ENUM);
    struct config_item word;
    size_t used = 0;

    room[0] = '\0';
    while (next_word(&at, &word)) {
        if (used + word.length + 3 < room_size) {
            used += (size_t)snprintf(room + used, room_size - used, "%s%.*s", used == 0 ? "" : ", ", (int)word.length,
                                     word.text);
        }
    }
    return room;
}

const char *config_option_fault(const char *type, const char *text, char *room, size_t room_size)
{
    static const struct {
        const char *type;
        option_check *check;
    } checks[] = {
        {"string", check_text},
        {"secret", check_text},
        {"integer", check_integer},
        {"boolean", check_boolean},
        {"duration", check_duration},
        {"path", check_path},
        {"url", check_url},
        {"list", check_list},
        {"mode", check_mode},
        {"command", check_command},
        {"certificate", check_certificate},
    };

    if (strncmp(type, CONFIG_ENUM, strlen(CONFIG_ENUM)) == 0) {
        struct config_item word;
        return config_option_word(type, text, &word) ? NULL : list_words(type, room, room_size);
    }
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (strcmp(checks[i].type, type) == 0) {
            return checks[i].check(text);
        }
    }
    return "nothing: the hook declares a type that certauto does not know";
}
