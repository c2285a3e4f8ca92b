// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A hook's options: "@path" and "@credential:NAME" read, every value typed as declared, for the hook's argument.
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "file.h"

#define CREDENTIAL "@credential:"

static bool takes_files(const struct hook_option *declared)
{
    return strcmp(declared->type, "string") == 0 || strcmp(declared->type, "secret") == 0;
}

// Reads the file; its content is never part of a message.
static int read_file(const char *path, struct buf *value, struct error *error)
{
    struct buf text;
    buf_init_secret(&text, OPTIONS_MAX_FILE);
    int result = -1;
    if (file_check_secret(path, error) < 0 || file_read(AT_FDCWD, path, &text, error) < 0) {
        goto out;
    }
    if (text.length > 0 && memchr(text.data, '\0', text.length) != NULL) {
        error_set(error, ERROR_FORMAT, "%s holds a NUL byte", path);
        goto out;
    }
    if (text.length > 0 && text.data[text.length - 1] == '\n') {
        text.length--;
    }
    buf_add(value, buf_string(&text), text.length);
    result = value->failed ? error_set(error, ERROR_SYSTEM, "no memory for %s", path) : 0;
out:
    buf_free(&text);
    return result;
}

static int read_credential(const char *name, struct buf *value, struct error *error)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL || directory[0] != '/') {
        return error_set(error, ERROR_NOT_FOUND,
                         "no credential '%s': the service manager gives none (CREDENTIALS_DIRECTORY)", name);
    }
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
        return error_set(error, ERROR_REFUSED, "'%s' is no name of a credential", name);
    }
    struct buf path;
    buf_init(&path, 4096);
    buf_format(&path, "%s/%s", directory, name);
    int result = path.failed ? error_set(error, ERROR_REFUSED, "the credential's path is too long")
                             : read_file(buf_string(&path), value, error);
    buf_free(&path);
    return result;
}

int options_read(const struct option *option, struct buf *value, struct error *error)
{
    const char *text = option->value;
    int result = 0;
    if (takes_files(option->declared) && text[0] == '@') {
        if (text[1] == '@') {
            buf_text(value, text + 1);
        } else if (strncmp(text, CREDENTIAL, strlen(CREDENTIAL)) == 0) {
            result = read_credential(text + strlen(CREDENTIAL), value, error);
        } else if (text[1] != '/') {
            result = error_set(error, ERROR_REFUSED, "'%s' is no absolute path", text + 1);
        } else {
            result = read_file(text + 1, value, error);
        }
    } else {
        buf_text(value, text);
    }
    if (result == 0 && value->failed) {
        result = error_set(error, ERROR_SYSTEM, "no memory");
    }
    return result < 0 ? error_prefix(error, "option '%s'", option->name) : 0;
}

void options_hide(const struct hook_section *section, char *text)
{
    struct buf value;
    buf_init_secret(&value, OPTIONS_MAX_FILE + 1);
    for (size_t i = 0; i < section->option_count; i++) {
        const struct option *option = &section->options[i];
        bool hidden =
            strcmp(option->declared->type, "secret") == 0 || (takes_files(option->declared) && option->value[0] == '@');
        buf_clear(&value);
        // What is short stands in any sentence by chance, and hiding it would only tell it.
        if (!hidden || options_read(option, &value, NULL) < 0 || value.length < 4) {
            continue;
        }
        for (char *at = text; (at = strstr(at, buf_string(&value))) != NULL; at += value.length) {
            memset(at, '*', value.length);
        }
    }
    buf_free(&value);
}

static bool is_yes(const char *text)
{
    return strcasecmp(text, "yes") == 0 || strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0;
}

static cJSON *list_json(const char *text)
{
    cJSON *list = cJSON_CreateArray();
    while (list != NULL && *text != '\0') {
        size_t length = strcspn(text, ",");
        const char *next = text + length + (text[length] == ',');
        while (length > 0 && (text[0] == ' ' || text[0] == '\t')) {
            text++;
            length--;
        }
        while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t')) {
            length--;
        }
        char *word = strndup(text, length);
        cJSON *item = word == NULL ? NULL : cJSON_CreateString(word);
        free(word);
        if (item == NULL || (length > 0 && !cJSON_AddItemToArray(list, item))) {
            cJSON_Delete(list);
            return NULL;
        }
        if (length == 0) {
            cJSON_Delete(item);
        }
        text = next;
    }
    return list;
}

// config has checked the values; a duration or number that does not parse here was never let in.
static cJSON *typed_json(const char *type, const char *text)
{
    if (strcmp(type, "integer") == 0) {
        return cJSON_CreateNumber((double)strtoll(text, NULL, 10));
    }
    if (strcmp(type, "boolean") == 0) {
        return cJSON_CreateBool(is_yes(text));
    }
    if (strcmp(type, "duration") == 0) {
        int64_t seconds = 0;
        if (!clock_parse_duration(text, strlen(text), &seconds)) {
            return cJSON_CreateString(text);
        }
        return cJSON_CreateNumber((double)seconds);
    }
    if (strcmp(type, "list") == 0) {
        return list_json(text);
    }
    return cJSON_CreateString(text);
}

static const struct option *written(const struct hook_section *section, const char *name)
{
    for (size_t i = 0; i < section->option_count; i++) {
        if (strcmp(section->options[i].name, name) == 0 && section->options[i].value[0] != '\0') {
            return &section->options[i];
        }
    }
    return NULL;
}

cJSON *options_json(const struct hook_section *section, struct error *error)
{
    cJSON *object = cJSON_CreateObject();
    struct buf value;
    buf_init_secret(&value, OPTIONS_MAX_FILE + 1);
    bool fine = object != NULL;
    if (!fine) {
        error_set(error, ERROR_SYSTEM, "no memory for the hook's options");
    }
    for (size_t i = 0; fine && i < section->declared_count; i++) {
        const struct hook_option *declared = &section->declared[i];
        const struct option *option = written(section, declared->name);
        buf_clear(&value);
        if (option != NULL) {
            fine = options_read(option, &value, error) == 0;
        } else if (declared->fallback != NULL) {
            buf_text(&value, declared->fallback);
        } else {
            continue;
        }
        cJSON *item = fine ? typed_json(declared->type, buf_string(&value)) : NULL;
        if (fine && (item == NULL || !cJSON_AddItemToObject(object, declared->name, item))) {
            cJSON_Delete(item);
            error_set(error, ERROR_SYSTEM, "no memory for the hook's options");
            fine = false;
        }
    }
    buf_free(&value);
    if (!fine) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}
