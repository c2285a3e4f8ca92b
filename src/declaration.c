// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the hooks of hooks_dir declare, asked of a worker once each and kept while the configuration lives.
#include "declaration.h"

#include <cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "hook.h"
#include "worker.h"

#define MAX_ANSWER ((size_t)1024 * 1024)

struct declaration {
    struct declaration *next;
    struct hook_file file;
    struct hook_option options[DECLARATION_MAX_OPTIONS];
    char *kind, *name;
    cJSON *root; // the texts of file and options are those of this tree
};

// The place of a word in a list that ends with NULL, or -1.
static int find(const char *word, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static void declaration_drop(struct declaration *declaration)
{
    if (declaration != NULL) {
        cJSON_Delete(declaration->root);
        free(declaration->kind);
        free(declaration->name);
        free(declaration);
    }
}

// A text without line breaks, or NULL.
static const char *line_of(const cJSON *object, const char *field)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, field));
    if (text == NULL || strlen(text) > DECLARATION_MAX_TEXT || strpbrk(text, "\r\n") != NULL) {
        return NULL;
    }
    return text;
}

static bool is_option_name(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' && strlen(name) <= CONFIG_NAME_MAX &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static int read_option(const cJSON *item, struct hook_option *option, struct error *error)
{
    option->name = line_of(item, "name");
    option->type = line_of(item, "type");
    option->doc = line_of(item, "doc");
    option->fallback = line_of(item, "default");
    option->required = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "required"));
    if (option->name == NULL || !is_option_name(option->name)) {
        return error_set(error, ERROR_HOOK, "it declares an option without a proper name");
    }
    if (option->doc == NULL) {
        return error_set(error, ERROR_HOOK, "its option '%s' has no line of documentation", option->name);
    }
    if (option->type == NULL || (find(option->type, hook_option_types) < 0 && strncmp(option->type, "enum:", 5) != 0)) {
        return error_set(error, ERROR_HOOK, "its option '%s' has an unknown type", option->name);
    }
    if (option->fallback == NULL && cJSON_HasObjectItem(item, "default")) {
        return error_set(error, ERROR_HOOK, "the default of its option '%s' is no line of text", option->name);
    }
    return 0;
}

static int read_fields(struct declaration *declaration, struct error *error)
{
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(declaration->root, "options");
    const cJSON *functions = cJSON_GetObjectItemCaseSensitive(declaration->root, "functions");
    const cJSON *api = cJSON_GetObjectItemCaseSensitive(declaration->root, "api");
    const cJSON *item;
    struct hook_file *file = &declaration->file;
    file->doc = line_of(declaration->root, "doc");
    if (file->doc == NULL || !cJSON_IsNumber(api) || api->valueint != 1 || !cJSON_IsArray(functions)) {
        return error_set(error, ERROR_HOOK, "its declaration is incomplete");
    }
    file->api = 1;
    cJSON_ArrayForEach(item, options)
    {
        if (file->option_count == DECLARATION_MAX_OPTIONS) {
            return error_set(error, ERROR_HOOK, "it declares more than %d options", DECLARATION_MAX_OPTIONS);
        }
        if (read_option(item, &declaration->options[file->option_count++], error) < 0) {
            return -1;
        }
    }
    cJSON_ArrayForEach(item, functions)
    {
        const char *name = cJSON_GetStringValue(item);
        int number = name == NULL ? -1 : find(name, hook_function_names);
        if (number < 0) {
            return error_set(error, ERROR_HOOK, "it declares an unknown function");
        }
        file->functions |= 1u << number;
    }
    return 0;
}

static int read_root(struct declaration *declaration, const char *json, size_t length, struct error *error)
{
    declaration->root = cJSON_ParseWithLength(json, length);
    if (!cJSON_IsObject(declaration->root)) {
        return error_set(error, ERROR_HOOK, "its declaration is no JSON object");
    }
    const cJSON *raised = cJSON_GetObjectItemCaseSensitive(declaration->root, "raised");
    if (raised != NULL) {
        const char *text = cJSON_GetStringValue(raised);
        return error_set(error, ERROR_HOOK, "%s", text != NULL ? text : "it does not load");
    }
    return read_fields(declaration, error);
}

int declaration_read(struct declarations *declarations, const char *kind, const char *name, const char *json,
                     size_t length, const struct hook_file **file, struct error *error)
{
    *file = NULL;
    struct declaration *declaration = calloc(1, sizeof(*declaration));
    if (declaration == NULL || (declaration->kind = strdup(kind)) == NULL ||
        (declaration->name = strdup(name)) == NULL) {
        declaration_drop(declaration);
        return error_set(error, ERROR_SYSTEM, "no memory for a hook's declaration");
    }
    if (read_root(declaration, json, length, error) < 0) {
        declaration_drop(declaration);
        return -1;
    }
    declaration->file.kind = declaration->kind;
    declaration->file.name = declaration->name;
    declaration->file.options = declaration->options;
    declaration->next = declarations->first;
    declarations->first = declaration;
    *file = &declaration->file;
    return 0;
}

static int declare(void *context, const char *hooks_dir, const char *kind, const char *name,
                   const struct hook_file **file, struct error *error)
{
    struct declarations *declarations = context;
    for (struct declaration *known = declarations->first; known != NULL; known = known->next) {
        if (strcmp(known->kind, kind) == 0 && strcmp(known->name, name) == 0) {
            *file = &known->file;
            return 0;
        }
    }
    // No process is needed to see that there is none, which is so for every built-in hook.
    struct buf path, answer;
    buf_init(&path, PATH_MAX);
    buf_format(&path, "%s/%s/%s.lua", hooks_dir, kind, name);
    bool missing = path.failed || (access(buf_string(&path), F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR));
    buf_free(&path);
    if (missing) {
        return error_set(error, ERROR_NOT_FOUND, "there is no hook %s/%s in %s", kind, name, hooks_dir);
    }
    buf_init(&answer, MAX_ANSWER);
    int result = worker_declare(hooks_dir, kind, name, &answer, error);
    if (result == 0) {
        result = declaration_read(declarations, kind, name, buf_string(&answer), answer.length, file, error);
    }
    buf_free(&answer);
    return result;
}

struct hook_source declarations_source(struct declarations *declarations)
{
    return (struct hook_source){.declare = declare, .context = declarations};
}

void declarations_free(struct declarations *declarations)
{
    while (declarations->first != NULL) {
        struct declaration *next = declarations->first->next;
        declaration_drop(declarations->first);
        declarations->first = next;
    }
}
