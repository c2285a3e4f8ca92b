// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The files that "include" names: patterns matched in one folder, sorted, each file read once.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_value.h"
#include "file.h"
#include "sort.h"

#define MAX_PATTERN 4096

// ---- Matching

// Matches one character against "[...]", which begins behind its '['; *pattern moves behind its ']'. A class that is
// not closed matches nothing.
static bool match_class(const char **pattern, char c)
{
    const char *at = *pattern;
    bool negated = *at == '!' || *at == '^', matched = false;

    at += negated;
    for (bool first = true; *at != '\0' && (*at != ']' || first); first = false) {
        unsigned char from = (unsigned char)*at, to = from;
        if (at[1] == '-' && at[2] != ']' && at[2] != '\0') {
            to = (unsigned char)at[2];
            at += 2;
        }
        matched = matched || ((unsigned char)c >= from && (unsigned char)c <= to);
        at++;
    }
    if (*at == '\0') {
        return false;
    }
    *pattern = at + 1;
    return matched != negated;
}

// Matches a whole file name. After a '*' only the last one is tried again, so that it is quick for any pattern.
static bool match(const char *pattern, const char *name)
{
    const char *star = NULL, *retry = NULL;

    // As in a shell, hidden files are meant only when the dot is written.
    if (name[0] == '.' && pattern[0] != '.') {
        return false;
    }
    while (*name != '\0') {
        const char *next = pattern + 1;
        bool fits = *pattern == '?' || (*pattern == '[' ? match_class(&next, *name) : *pattern == *name);
        if (*pattern == '*') {
            star = pattern++;
            retry = name;
        } else if (*pattern != '\0' && fits) {
            pattern = next;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

// ---- Files

static int by_name(const void *one, const void *other)
{
    return strcmp(one, other);
}

static void add_name(struct config_loader *loader, const char ***list, size_t *count, const char *name)
{
    // Room is doubled when the count is a power of two.
    if ((*count & (*count - 1)) == 0) {
        const char **larger = realloc(*list, (*count == 0 ? 1 : 2 * *count) * sizeof(*larger));
        if (larger == NULL) {
            loader->no_memory = true;
            return;
        }
        *list = larger;
    }
    (*list)[*count] = config_text(loader, name, strlen(name));
    *count += (*list)[*count] != NULL;
}

// All names in the folder that match, sorted.
static const char **find_names(struct config_loader *loader, const char *folder, const char *pattern, size_t *count)
{
    const char **list = NULL;
    struct error error;
    DIR *directory = opendir(folder);

    *count = 0;
    if (directory == NULL) {
        // A pattern may match nothing, so its folder need not be there.
        if (errno != ENOENT) {
            error_errno(&error, "the folder %s cannot be read", folder);
            config_mistake_at(loader, loader->include_at, "include: %s", error.message);
        }
        return NULL;
    }
    if (file_check_trusted(folder, false, &error) < 0) {
        config_mistake_at(loader, loader->include_at, "include: %s", error.message);
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        bool is_folder = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!is_folder && match(pattern, entry->d_name)) {
            add_name(loader, &list, count, entry->d_name);
        }
    }
    closedir(directory);
    sort_pointers((const void **)list, *count, by_name);
    return list;
}

static void read_pattern(struct config_loader *loader, const char *path)
{
    char folder[MAX_PATTERN * 2], file[MAX_PATTERN * 2 + 256];
    const char *pattern = strrchr(path, '/');
    size_t length = pattern == NULL ? 0 : (size_t)(pattern - path) + 1;
    size_t count;

    memcpy(folder, path, length);
    folder[length] = '\0';
    const char **names = find_names(loader, length == 0 ? "." : folder, path + length, &count);
    for (size_t i = 0; i < count && !loader->no_memory; i++) {
        memcpy(file, path, length);
        memcpy(file + length, names[i], strlen(names[i]) + 1);
        config_read_file(loader, file);
    }
    free(names);
}

void config_read_includes(struct config_loader *loader)
{
    const char *main_file = loader->data->files[1];
    const char *slash = strrchr(main_file, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - main_file) + 1;
    const struct setting *setting = &loader->includes;
    const char *at = setting->value == NULL || *setting->value->text == '\0' ? NULL : setting->value->text;
    struct config_item item;

    loader->include_at = (struct location){.line = setting->line, .file = setting->file};
    while (config_next_item(&at, &item)) {
        char path[MAX_PATTERN * 2];
        bool relative = item.text[0] != '/';
        size_t start = relative ? folder : 0;
        if (start + item.length >= sizeof(path)) {
            config_mistake_at(loader, loader->include_at, "include: the path is too long");
            continue;
        }
        memcpy(path, main_file, start);
        memcpy(path + start, item.text, item.length);
        path[start + item.length] = '\0';
        if (strpbrk(path + start, "*?[") != NULL) {
            read_pattern(loader, path);
        } else if (access(path, F_OK) != 0) {
            struct error error;
            error_errno(&error, "include: %s cannot be read", path);
            config_mistake_at(loader, loader->include_at, "%s", error.message);
        } else {
            config_read_file(loader, path);
        }
    }
}
