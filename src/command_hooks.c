// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The commands around Lua: hooks (list, show, export) and lua.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "file.h"
#include "hook.h"
#include "hook_text.h"
#include "nearest.h"
#include "session.h"
#include "state.h"
#include "table.h"

#define DEFAULT_HOOKS_DIR "/etc/certauto/hooks"
#define SCRIPT_MEMORY ((size_t)256 * 1024 * 1024)
#define MAX_PATH 4096

static const char *const kinds[] = {"issue", "publish", "policy", "notify"};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

// One hook that was found: in hooks_dir, or built in.
struct found {
    const char *kind;
    char name[CONFIG_NAME_MAX + 1];
    const struct hook_file *file; // NULL: it does not load, "error" says why
    bool builtin;
    struct error error;
};

struct search {
    struct session session; // its declarations
    const char *hooks_dir;
    struct found *list; // by kind, then name
    size_t count, capacity;
};

// ---- Finding

// The configuration is asked only for hooks_dir: one that is being written must not hide what hooks there are.
static void open_search(struct search *search, const struct arguments *arguments)
{
    struct problems problems;
    search->hooks_dir = DEFAULT_HOOKS_DIR;
    if (arguments->option[OPTION_CONFIG] == NULL && access(CONFIG_DEFAULT_FILE, F_OK) < 0) {
        return;
    }
    problems_init(&problems);
    session_load(&search->session, arguments, &problems);
    if (search->session.config != NULL) {
        search->hooks_dir = search->session.config->engine.hooks_dir;
    } else {
        arguments_complain("%s has mistakes (certauto check tells them): looking for hooks in %s",
                           session_file(arguments), search->hooks_dir);
    }
    problems_free(&problems);
}

static void close_search(struct search *search)
{
    free(search->list);
    session_close(&search->session);
}

static bool precedes(const struct found *a, const struct found *b)
{
    int order = strcmp(a->kind, b->kind);
    return order < 0 || (order == 0 && strcmp(a->name, b->name) < 0);
}

// Puts it in its place; what is there already hides it.
static struct found *add_found(struct search *search, const char *kind, const char *name, bool builtin)
{
    struct found found = {.kind = kind, .builtin = builtin};
    size_t length = strlen(name);
    if (!state_is_name(name, length)) {
        return NULL;
    }
    memcpy(found.name, name, length + 1);
    size_t at = 0;
    while (at < search->count && precedes(&search->list[at], &found)) {
        at++;
    }
    if (at < search->count && !precedes(&found, &search->list[at])) {
        return NULL;
    }
    if (search->count == search->capacity) {
        size_t capacity = search->capacity * 2 + 16;
        struct found *list = reallocarray(search->list, capacity, sizeof(*list));
        if (list == NULL) {
            return NULL;
        }
        search->list = list;
        search->capacity = capacity;
    }
    memmove(&search->list[at + 1], &search->list[at], (search->count - at) * sizeof(found));
    search->list[at] = found;
    search->count++;
    return &search->list[at];
}

static void ask(struct search *search, struct found *found)
{
    struct hook_source source = declarations_source(&search->session.declarations);
    if (source.declare(source.context, search->hooks_dir, found->kind, found->name, &found->file, &found->error) < 0) {
        found->file = NULL;
    }
}

static void find_in_folder(struct search *search, const char *kind)
{
    char path[MAX_PATH];
    if (snprintf(path, sizeof(path), "%s/%s", search->hooks_dir, kind) >= (int)sizeof(path)) {
        return;
    }
    DIR *folder = opendir(path);
    if (folder == NULL && errno != ENOENT) {
        arguments_complain("%s cannot be read: %s", path, strerror(errno));
    }
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char name[CONFIG_NAME_MAX + 1];
        size_t length = strlen(entry->d_name);
        if (length > 4 && length - 4 <= CONFIG_NAME_MAX && strcmp(entry->d_name + length - 4, ".lua") == 0) {
            memcpy(name, entry->d_name, length - 4);
            name[length - 4] = '\0';
            add_found(search, kind, name, false);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static void find_all(struct search *search)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        find_in_folder(search, kinds[i]);
    }
    for (size_t i = 0; i < search->count; i++) {
        ask(search, &search->list[i]);
    }
    for (size_t i = 0; i < hooks_builtin_count; i++) {
        if (strcmp(hooks_builtin[i].kind, "lib") != 0) {
            struct found *found = add_found(search, hooks_builtin[i].kind, hooks_builtin[i].name, true);
            if (found != NULL) {
                found->file = &hooks_builtin[i];
            }
        }
    }
}

// The hook that a word "KIND/NAME" names, or NULL, said on stderr.
static const struct found *find_named(const struct search *search, const char *word)
{
    struct nearest nearest = {.word = word};
    char full[CONFIG_NAME_MAX + 16], best[CONFIG_NAME_MAX + 16], near[NEAREST_SIZE];
    for (size_t i = 0; i < search->count; i++) {
        snprintf(full, sizeof(full), "%s/%s", search->list[i].kind, search->list[i].name);
        if (strcmp(full, word) == 0) {
            return &search->list[i];
        }
        nearest_offer(&nearest, full);
        if (nearest.best == full) {
            nearest.best = memcpy(best, full, sizeof(best));
        }
    }
    arguments_complain("there is no hook '%s'%s", word, nearest_text(&nearest, near));
    return NULL;
}

// ---- Showing

static void source_of(const struct search *search, const struct found *found, char out[MAX_PATH])
{
    if (found->builtin) {
        snprintf(out, MAX_PATH, "built in");
    } else {
        snprintf(out, MAX_PATH, "%s/%s/%s.lua", search->hooks_dir, found->kind, found->name);
    }
}

static void print_list(const struct search *search)
{
    static const struct table_column columns[] = {{"HOOK", 32}, {"FROM", 0}, {"WHAT IT DOES", 0}};
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < search->count; i++) {
        const struct found *found = &search->list[i];
        table_format(&table, TABLE_PLAIN, "%s/%s", found->kind, found->name);
        table_cell(&table, TABLE_DIM, found->builtin ? "built in" : "hooks_dir");
        if (found->file != NULL) {
            table_cell(&table, TABLE_PLAIN, found->file->doc);
        } else {
            table_cell(&table, TABLE_BAD, found->error.message);
        }
    }
    table_print(&table, stdout);
    table_free(&table);
}

static void print_one(const struct search *search, const struct found *found)
{
    static const struct table_column columns[] = {{"OPTION", 16}, {"TYPE", 12}, {"DEFAULT", 16}, {"MEANING", 0}};
    char source[MAX_PATH];
    struct table table;
    source_of(search, found, source);
    printf("%s/%s (%s)\n", found->kind, found->name, source);
    if (found->file == NULL) {
        table_paragraph(stdout, found->error.message);
        return;
    }
    table_paragraph(stdout, found->file->doc);
    printf("functions:");
    for (size_t i = 0; hook_function_names[i] != NULL; i++) {
        if ((found->file->functions & 1u << i) != 0) {
            printf(" %s", hook_function_names[i]);
        }
    }
    puts("\n");
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < found->file->option_count; i++) {
        const struct hook_option *option = &found->file->options[i];
        table_cell(&table, TABLE_PLAIN, option->name);
        table_cell(&table, TABLE_PLAIN, option->type);
        table_cell(&table, TABLE_PLAIN,
                   option->required           ? "(required)"
                   : option->fallback != NULL ? option->fallback
                                              : "none");
        table_cell(&table, TABLE_PLAIN, option->doc);
    }
    table_print(&table, stdout);
    table_free(&table);
}

static cJSON *option_json(const struct hook_option *option)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", option->name);
    cJSON_AddStringToObject(item, "type", option->type);
    cJSON_AddBoolToObject(item, "required", option->required);
    if (option->fallback != NULL) {
        cJSON_AddStringToObject(item, "default", option->fallback);
    } else {
        cJSON_AddNullToObject(item, "default");
    }
    cJSON_AddStringToObject(item, "doc", option->doc);
    return item;
}

static cJSON *hook_json(const struct search *search, const struct found *found)
{
    char source[MAX_PATH];
    cJSON *item = cJSON_CreateObject();
    source_of(search, found, source);
    cJSON_AddStringToObject(item, "kind", found->kind);
    cJSON_AddStringToObject(item, "name", found->name);
    cJSON_AddStringToObject(item, "source", source);
    if (found->file == NULL) {
        cJSON_AddStringToObject(item, "error", found->error.message);
        return item;
    }
    cJSON_AddStringToObject(item, "doc", found->file->doc);
    cJSON *functions = cJSON_AddArrayToObject(item, "functions");
    for (size_t i = 0; hook_function_names[i] != NULL; i++) {
        if ((found->file->functions & 1u << i) != 0) {
            cJSON_AddItemToArray(functions, cJSON_CreateString(hook_function_names[i]));
        }
    }
    cJSON *options = cJSON_AddArrayToObject(item, "options");
    for (size_t i = 0; i < found->file->option_count; i++) {
        cJSON_AddItemToArray(options, option_json(&found->file->options[i]));
    }
    return item;
}

static int show(const struct search *search, const struct arguments *arguments)
{
    bool json = arguments->option[OPTION_JSON] != NULL;
    cJSON *document = json ? cJSON_CreateObject() : NULL;
    cJSON *list = json ? cJSON_AddArrayToObject(document, "hooks") : NULL;
    int code = EXIT_DONE;
    if (arguments->word_count == 0 && !json) {
        print_list(search);
    }
    for (size_t i = 0; arguments->word_count == 0 && json && i < search->count; i++) {
        cJSON_AddItemToArray(list, hook_json(search, &search->list[i]));
    }
    for (char **word = arguments->words; *word != NULL; word++) {
        const struct found *found = find_named(search, *word);
        if (found == NULL) {
            code = EXIT_MISTAKE;
        } else if (json) {
            cJSON_AddItemToArray(list, hook_json(search, found));
        } else {
            printf("%s", word == arguments->words ? "" : "\n");
            print_one(search, found);
        }
    }
    if (json && !session_print_json(document)) {
        code = EXIT_STEP_FAILED;
    }
    return code;
}

// ---- Exporting

static int export_one(const char *directory, const struct hook_file *hook, bool force, struct error *error)
{
    static const struct file_mode mode = {.mode = 0644};
    char path[MAX_PATH], folder[MAX_PATH];
    struct buf text;
    if (snprintf(path, sizeof(path), "%s/%s/%s.lua", directory, hook->kind, hook->name) >= (int)sizeof(path)) {
        return error_set(error, ERROR_USAGE, "the path is too long");
    }
    memcpy(folder, path, sizeof(folder));
    *strrchr(folder, '/') = '\0';
    if (!force && access(path, F_OK) == 0) {
        return error_set(error, ERROR_REFUSED, "%s is there already (--force replaces it)", path);
    }
    buf_init(&text, hook->length);
    int result = file_make_directory(AT_FDCWD, folder, 0755, true, error) < 0 || hook_text(hook, &text, error) < 0
                     ? -1
                     : file_write_atomic(AT_FDCWD, path, buf_string(&text), text.length, &mode, error);
    buf_free(&text);
    if (result == 0) {
        puts(path);
    }
    return result;
}

static bool is_wanted(const struct hook_file *hook, const struct arguments *arguments)
{
    for (char **word = arguments->words; *word != NULL; word++) {
        size_t length = strlen(hook->kind);
        if (strncmp(*word, hook->kind, length) == 0 && (*word)[length] == '/' &&
            strcmp(*word + length + 1, hook->name) == 0) {
            return true;
        }
    }
    return arguments->word_count == 0;
}

static int export(const struct arguments *arguments)
{
    struct error error;
    size_t wanted = 0;
    int code = EXIT_DONE;
    for (size_t i = 0; i < hooks_builtin_count; i++) {
        if (!is_wanted(&hooks_builtin[i], arguments)) {
            continue;
        }
        wanted++;
        if (export_one(arguments->option[OPTION_EXPORT], &hooks_builtin[i], arguments->option[OPTION_FORCE] != NULL,
                       &error) < 0) {
            arguments_complain("%s", error.message);
            code = EXIT_STEP_FAILED;
        }
    }
    if (wanted < arguments->word_count) {
        arguments_complain("not all of these hooks are built in (certauto hooks lists them)");
        code = EXIT_MISTAKE;
    }
    return code;
}

int command_hooks(const struct arguments *arguments)
{
    bool exports = arguments->option[OPTION_EXPORT] != NULL;
    if (arguments->option[exports ? OPTION_JSON : OPTION_FORCE] != NULL) {
        arguments_complain(exports ? "--export takes no --json" : "--force goes with --export");
        return EXIT_MISTAKE;
    }
    if (exports) {
        return export(arguments);
    }
    struct search search = {0};
    open_search(&search, arguments);
    find_all(&search);
    int code = show(&search, arguments);
    close_search(&search);
    return code;
}

// ---- lua

// The store of the configuration, when there is a state_dir to have it.
static int open_store(const struct config *config)
{
    struct error error;
    int dirfd = config == NULL ? -1 : file_open_directory(AT_FDCWD, config->engine.state_dir, &error);
    int fd = -1;
    if (dirfd < 0) {
        return -1;
    }
    if (file_check_trusted(config->engine.state_dir, false, &error) < 0 ||
        file_make_directory(dirfd, "store", 0700, false, &error) < 0 ||
        (fd = file_open_directory(dirfd, "store", &error)) < 0) {
        arguments_complain("scripts get no store: %s", error.message);
    }
    close(dirfd);
    return fd;
}

int command_lua(const struct arguments *arguments)
{
    struct session session = {0};
    int code = EXIT_DONE;
    if (arguments->option[OPTION_CONFIG] != NULL || access(CONFIG_DEFAULT_FILE, F_OK) == 0) {
        code = session_open(&session, arguments);
    }
    if (code == EXIT_DONE) {
        const struct config *config = session.config;
        struct hook_context context = {.hooks_dir = config != NULL ? config->engine.hooks_dir : DEFAULT_HOOKS_DIR,
                                       .kind = "lua",
                                       .name = arguments->words[0],
                                       .store_dirfd = open_store(config),
                                       .memory_bytes = SCRIPT_MEMORY,
                                       .deadline_boot_ms = LLONG_MAX};
        code = hook_script(&context, arguments->words[0], (int)arguments->word_count - 1, arguments->words + 1);
        if (context.store_dirfd >= 0) {
            close(context.store_dirfd);
        }
    }
    session_close(&session);
    return code;
}
