// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The configuration: all files read, all mistakes named, everything resolved, or nothing.
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config_data.h"
#include "names.h"

#define SHOWN 200

// ---- Mistakes and memory

static void add_problem(struct config_loader *loader, enum problem_level level, struct location at, const char *format,
                        va_list args)
{
    struct buf text;
    const char *file = at.file < loader->data->file_count ? loader->data->files[at.file] : "";

    buf_init(&text, 65536);
    buf_vformat(&text, format, args);
    problems_add(loader->problems, level, file, at.line, "%s", buf_string(&text));
    buf_free(&text);
}

void config_mistake(struct config_loader *loader, uint32_t line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_problem(loader, PROBLEM_MISTAKE, config_here(loader, line), format, args);
    va_end(args);
}

void config_mistake_at(struct config_loader *loader, struct location at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_problem(loader, PROBLEM_MISTAKE, at, format, args);
    va_end(args);
}

void config_warning_at(struct config_loader *loader, struct location at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_problem(loader, PROBLEM_WARNING, at, format, args);
    va_end(args);
}

const char *config_shown(const char *text)
{
    static char places[4][SHOWN + 4];
    static unsigned next;
    size_t length = strlen(text);

    if (length <= SHOWN) {
        return text;
    }
    char *place = places[next++ % 4];
    memcpy(place, text, SHOWN);
    memcpy(place + SHOWN, "...", 4);
    return place;
}

void *config_take(struct config_loader *loader, size_t size)
{
    void *piece = arena_take(&loader->data->arena, size);

    loader->no_memory = loader->no_memory || piece == NULL;
    return piece;
}

const char *config_text(struct config_loader *loader, const char *text, size_t length)
{
    const char *copy = arena_text(&loader->data->arena, text, length);

    loader->no_memory = loader->no_memory || copy == NULL;
    return copy;
}

struct location config_here(const struct config_loader *loader, uint32_t line)
{
    return (struct location){.line = line, .file = loader->file_index};
}

// ---- The files that were read

static struct file_id *find_id(struct file_id *ids, size_t mask, uint64_t device, uint64_t inode)
{
    size_t place = (size_t)(inode * 0x9e3779b97f4a7c15u >> 32) & mask;

    while (ids[place].inode != 0 && (ids[place].inode != inode || ids[place].device != device)) {
        place = (place + 1) & mask;
    }
    return &ids[place];
}

static int grow_files(struct config_loader *loader)
{
    struct config_data *data = loader->data;
    size_t capacity = data->file_capacity == 0 ? 8 : 2 * data->file_capacity;
    const char **files = realloc(data->files, capacity * sizeof(*files));

    if (files != NULL) {
        data->files = files;
    }
    struct file_id *ids = calloc(2 * capacity, sizeof(*ids));
    if (files == NULL || ids == NULL) {
        free(ids);
        return -1;
    }
    for (size_t i = 0; loader->file_ids != NULL && i <= loader->file_ids_mask; i++) {
        const struct file_id *id = &loader->file_ids[i];
        if (id->inode != 0) {
            *find_id(ids, 2 * capacity - 1, id->device, id->inode) = *id;
        }
    }
    free(loader->file_ids);
    loader->file_ids = ids;
    loader->file_ids_mask = 2 * capacity - 1;
    data->file_capacity = capacity;
    return 0;
}

bool config_enter_file(struct config_loader *loader, const char *path, uint64_t device, uint64_t inode)
{
    struct config_data *data = loader->data;

    if (data->file_count == data->file_capacity && grow_files(loader) < 0) {
        loader->no_memory = true;
        return false;
    }
    struct file_id *id = find_id(loader->file_ids, loader->file_ids_mask, device, inode);
    if (id->inode != 0) {
        return false;
    }
    if (data->file_count >= CONFIG_MAX_FILES) {
        config_mistake_at(loader, loader->include_at, "include: more than %d files", CONFIG_MAX_FILES - 1);
        return false;
    }
    const char *name = config_text(loader, path, strlen(path));
    if (name == NULL) {
        return false;
    }
    *id = (struct file_id){.device = device, .inode = inode};
    loader->file_index = (uint16_t)data->file_count;
    data->files[data->file_count++] = name;
    return true;
}

// ---- The load

// The first place in the list is that of the defaults, which have no file.
static int start(struct config_loader *loader)
{
    struct config_data *data = loader->data;

    data->config.data = data;
    buf_init(&loader->scratch, (size_t)2 * NAMES_MAX_BYTES);
    if (grow_files(loader) < 0) {
        return -1;
    }
    data->files[data->file_count++] = "";
    return 0;
}

static void stop(struct config_loader *loader)
{
    free(loader->references);
    free(loader->file_ids);
    free(loader->buffer);
    buf_free(&loader->scratch);
    free(loader);
}

struct config *config_load(const char *path, const struct hook_source *hooks, struct problems *problems)
{
    struct config_loader *loader = calloc(1, sizeof(*loader)); // too large for a stack
    struct config_data *data = calloc(1, sizeof(*data));
    bool good = false;

    if (loader == NULL || data == NULL) {
        problems_add(problems, PROBLEM_MISTAKE, path, 0, "no memory for the configuration");
        free(loader);
        free(data);
        return NULL;
    }
    *loader = (struct config_loader){
        .data = data, .problems = problems, .hooks = hooks, .mistakes_before = problems->mistakes, .outside = true};
    if (start(loader) == 0) {
        config_read_file(loader, path);
        // A main file that cannot be opened has been named; there is nothing more to say.
        if (data->file_count > 1) {
            config_read_includes(loader);
            config_resolve(loader);
        }
        good = !loader->no_memory && problems->mistakes == loader->mistakes_before;
    } else {
        loader->no_memory = true;
    }
    if (loader->no_memory) {
        problems_add(problems, PROBLEM_MISTAKE, path, 0, "no memory for the configuration");
    }
    problems_sort(problems);
    stop(loader);
    if (!good) {
        config_free(&data->config);
        return NULL;
    }
    return &data->config;
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    struct config_data *data = config->data;
    for (int type = 0; type < SECTION_TYPE_COUNT; type++) {
        free(data->section_names[type].slots);
    }
    free(data->certificate_names.slots);
    free(data->certificates);
    free(data->sections);
    free(data->slots);
    free(data->files);
    zone_free(data->zone);
    arena_free(&data->arena);
    free(data);
}

// ---- Finding

const struct certificate *config_find(const struct config *config, const char *name)
{
    int64_t place = config_index_find(&config->data->certificate_names, config_hash(name, strlen(name)), name,
                                      config_certificate_at, config->data);

    return place < 0 ? NULL : &config->certificates[place];
}

const struct group *config_group(const struct config *config, const char *name)
{
    const struct section *section = config_find_section(config->data, SECTION_GROUP, name);

    return section == NULL ? NULL : section->made;
}

const struct template *config_template(const struct config *config, const char *name)
{
    const struct section *section = config_find_section(config->data, SECTION_OF_KIND(SECTION_TEMPLATE), name);

    return section == NULL ? NULL : section->made;
}

const char *group_name(const struct group *group)
{
    return group->section->name;
}

const char *config_similar(const struct config *config, const char *name)
{
    struct nearest nearest = {.word = name};

    for (size_t i = 0; i < config->certificate_count; i++) {
        nearest_offer(&nearest, config->certificates[i].name);
    }
    return nearest.best;
}
