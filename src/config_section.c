// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Sections and keys as inih finds them: known or not, once or twice, and what their values mean.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_value.h"
#include "state.h"

#define SUGGESTIONS 2000000 // names compared in one load: a few seconds of mistakes, not hours

static const struct value no_value = {.text = ""};

static bool is_hook_section(enum section_type type)
{
    return type >= SECTION_HOOKS && type < SECTION_CERTIFICATE;
}

// ---- Finding sections

static const char *section_at(const struct config_data *data, uint32_t place)
{
    return data->sections[place]->name;
}

const char *config_certificate_at(const struct config_data *data, uint32_t place)
{
    return data->certificates[place].name;
}

struct section *config_find_section(const struct config_data *data, enum section_type type, const char *name)
{
    uint32_t hash = config_hash(name, strlen(name));
    int64_t place = config_index_find(&data->section_names[type], hash, name, section_at, data);

    return place < 0 ? NULL : data->sections[place];
}

void config_offer_sections(struct config_loader *loader, enum section_type type, struct nearest *nearest)
{
    const struct config_data *data = loader->data;

    if (loader->suggestions_used + data->section_count > SUGGESTIONS) {
        return;
    }
    loader->suggestions_used += data->section_count;
    for (size_t i = 0; i < data->section_count; i++) {
        if (data->sections[i]->type == type) {
            nearest_offer(nearest, data->sections[i]->name);
        }
    }
}

// ---- A section begins

// Where a section of this type and name stands already, line 0: nowhere.
static struct location find_first(const struct config_loader *loader, enum section_type type, const char *name,
                                  uint32_t hash)
{
    const struct config_data *data = loader->data;

    if (type == SECTION_CERTIFICATE) {
        int64_t place = config_index_find(&data->certificate_names, hash, name, config_certificate_at, data);
        return place < 0 ? (struct location){0} : data->certificates[place].at;
    }
    int64_t place = config_index_find(&data->section_names[type], hash, name, section_at, data);
    return place < 0 ? (struct location){0} : data->sections[place]->at;
}

static int add_certificate(struct config_loader *loader, const char *name, uint32_t hash, uint32_t line)
{
    struct config_data *data = loader->data;

    if (data->certificate_count == data->certificate_capacity) {
        size_t capacity = data->certificate_capacity == 0 ? 64 : 2 * data->certificate_capacity;
        struct certificate *list = realloc(data->certificates, capacity * sizeof(*list));
        if (list == NULL) {
            return -1;
        }
        data->certificates = list;
        data->certificate_capacity = capacity;
    }
    data->certificates[data->certificate_count] = (struct certificate){.name = name, .at = config_here(loader, line)};
    return config_index_add(&data->certificate_names, hash, (uint32_t)data->certificate_count++);
}

// What a section becomes has its place from the start, so that others can point to it.
static void *make(struct config_loader *loader, enum section_type type)
{
    static const size_t sizes[SECTION_TYPE_COUNT] = {
        [SECTION_GROUP] = sizeof(struct group),
        [SECTION_OF_KIND(SECTION_TEMPLATE)] = sizeof(struct template),
        [SECTION_OF_KIND(SECTION_PROFILE)] = sizeof(struct profile),
        [SECTION_OF_KIND(SECTION_POLICY)] = sizeof(struct hook_section),
        [SECTION_OF_KIND(SECTION_NOTIFY)] = sizeof(struct hook_section),
    };

    return config_take(loader, sizes[type] == 0 ? 1 : sizes[type]);
}

static int add_section(struct config_loader *loader, enum section_type type, const char *name, uint32_t hash,
                       uint32_t line)
{
    struct config_data *data = loader->data;

    if (data->section_count == data->section_capacity) {
        size_t capacity = data->section_capacity == 0 ? 16 : 2 * data->section_capacity;
        struct section **list = realloc(data->sections, capacity * sizeof(*list));
        if (list == NULL) {
            return -1;
        }
        data->sections = list;
        data->section_capacity = capacity;
    }
    struct section *section = config_take(loader, sizeof(*section));
    void *made = make(loader, type);
    if (section == NULL || made == NULL) {
        return -1;
    }
    *section = (struct section){.type = type, .name = name, .at = config_here(loader, line), .made = made};
    data->sections[data->section_count] = section;
    return config_index_add(&data->section_names[type], hash, (uint32_t)data->section_count++);
}

// Finds the type that the header's first word names; false, and said, when there is none.
static bool find_type(struct config_loader *loader, const char *word, size_t length, uint32_t line,
                      enum section_type *type)
{
    struct config_item item = {word, length};
    struct nearest nearest = {0};
    char near[NEAREST_SIZE], copy[CONFIG_NAME_MAX + 1] = "";

    for (int i = 0; i < SECTION_TYPE_COUNT; i++) {
        *type = (enum section_type)i;
        // The first letter spares most comparisons: this is done for every section.
        if ((word[0] | 0x20) == config_section_word(*type)[0] && config_is_word(&item, config_section_word(*type))) {
            return true;
        }
    }
    memcpy(copy, word, length < CONFIG_NAME_MAX ? length : CONFIG_NAME_MAX);
    nearest.word = copy;
    for (int i = 0; i < SECTION_TYPE_COUNT; i++) {
        nearest_offer(&nearest, config_section_word((enum section_type)i));
    }
    if (length == 0) {
        config_mistake(loader, line, "the header is empty: it is [KIND] or [KIND NAME]");
    } else {
        config_mistake(loader, line, "there is no kind of section '%s'%s", copy, nearest_text(&nearest, near));
    }
    return false;
}

// True when the name suits the type; said when not.
static bool check_name(struct config_loader *loader, const char *name, size_t length, uint32_t line)
{
    const char *word = config_section_word(loader->type), *fault;
    bool unnamed = loader->type == SECTION_CERTAUTO || loader->type == SECTION_DEFAULTS;

    if (!unnamed && config_is_name(name, length, &fault)) {
        return true;
    }
    if (unnamed && length == 0) {
        return true;
    }
    if (unnamed) {
        config_mistake(loader, line, "[%s] takes no name", word);
    } else if (length == 0) {
        config_mistake(loader, line, "a section of this kind has a name: [%s NAME]", word);
    } else {
        config_mistake(loader, line, "'%s' is no name for [%s]: %s", config_shown(name), word, fault);
    }
    return false;
}

// The state keeps what is published by profile, and the link alone under a name of its own.
static bool is_reserved(const struct config_loader *loader, const char *name)
{
    return loader->type == SECTION_OF_KIND(SECTION_PROFILE) && strcmp(name, STATE_LIVE) == 0;
}

// Says it when there is such a section already, and then puts this one aside.
static void check_double(struct config_loader *loader, const char *name, uint32_t hash, uint32_t line)
{
    struct location first = find_first(loader, loader->type, name, hash);

    if (first.line != 0) {
        config_mistake(loader, line, "[%s%s%s] stands twice: first at %s:%u", config_section_word(loader->type),
                       *name == '\0' ? "" : " ", name, loader->data->files[first.file], first.line);
        loader->stray = true;
    }
}

static void enter(struct config_loader *loader, const char *text, size_t length, uint32_t line)
{
    const char *name = config_text(loader, text, length);
    uint32_t hash = config_hash(text, length);

    loader->skip = name == NULL;
    if (name == NULL) {
        return;
    }
    loader->stray = !check_name(loader, name, length, line);
    if (is_reserved(loader, name)) {
        config_mistake(loader, line, "'%s' is no name for [profile]: it stands for the link alone", name);
        loader->stray = true;
    }
    if (!loader->stray) {
        check_double(loader, name, hash, line);
    }
    if (!loader->stray &&
        (loader->type == SECTION_CERTIFICATE ? add_certificate(loader, name, hash, line)
                                             : add_section(loader, loader->type, name, hash, line)) < 0) {
        loader->no_memory = true;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void config_open_section(struct config_loader *loader, const char *text, uint32_t line)
{
    size_t word = 0, length;

    config_close_section(loader);
    while (is_blank(*text)) {
        text++;
    }
    while (text[word] != '\0' && !is_blank(text[word])) {
        word++;
    }
    loader->outside = false;
    loader->skip = !find_type(loader, text, word, line, &loader->type);
    for (text += word; is_blank(*text); text++) {
    }
    for (length = strlen(text); length > 0 && is_blank(text[length - 1]); length--) {
    }
    if (!loader->skip) {
        enter(loader, text, length, line);
    }
}

// ---- A section ends

static void finish_certificate(struct config_loader *loader, const struct setting *settings)
{
    struct certificate *certificate = &loader->data->certificates[loader->data->certificate_count - 1];
    const struct setting *names = config_own_setting(settings, loader->setting_count, RULE_NAMES);
    const struct setting *groups = config_own_setting(settings, loader->setting_count, RULE_GROUP);
    const struct setting *subject = config_own_setting(settings, loader->setting_count, RULE_SUBJECT);

    certificate->own = settings;
    certificate->own_count = (uint16_t)loader->setting_count;
    certificate->names = names == NULL || *names->value->text == '\0' ? NULL : names->value->text;
    certificate->subject = subject == NULL || *subject->value->text == '\0' ? NULL : subject->value->text;
    if (groups != NULL && *groups->value->text != '\0') {
        // The names in the list become groups when all files are read.
        certificate->groups = (const struct group *const *)groups->value->sections.list;
        certificate->group_count = (uint16_t)groups->value->sections.count;
    }
}

static void finish_section(struct config_loader *loader, const struct setting *settings)
{
    struct config_data *data = loader->data;
    struct section *section = data->sections[data->section_count - 1];

    section->settings = settings;
    section->setting_count = loader->setting_count;
    section->options = config_take(loader, loader->option_count * sizeof(*section->options));
    if (section->options == NULL) {
        return;
    }
    section->option_count = loader->option_count;
    memcpy(section->options, loader->options, loader->option_count * sizeof(*section->options));
    for (size_t i = 0; loader->type == SECTION_CERTAUTO && i < loader->setting_count; i++) {
        data->engine[settings[i].rule] = &settings[i];
        if (settings[i].rule == RULE_INCLUDE) {
            loader->includes = settings[i];
        }
    }
}

void config_close_section(struct config_loader *loader)
{
    if (!loader->outside && !loader->skip && !loader->stray && !loader->no_memory) {
        struct setting *settings = config_take(loader, loader->setting_count * sizeof(*settings));
        if (settings != NULL) {
            memcpy(settings, loader->settings, loader->setting_count * sizeof(*settings));
            if (loader->type == SECTION_CERTIFICATE) {
                finish_certificate(loader, settings);
            } else {
                finish_section(loader, settings);
            }
        }
    }
    loader->outside = true;
    loader->skip = loader->stray = false;
    loader->setting_count = loader->option_count = 0;
    loader->seen = 0;
}

// ---- Keys

// A key that the engine does not know is an option of the section's hook, which is asked later.
static void add_option(struct config_loader *loader, const char *key, const char *text, uint32_t line)
{
    for (size_t i = 0; i < loader->option_count; i++) {
        if (strcasecmp(loader->options[i].name, key) == 0) {
            config_mistake(loader, line, "'%s' stands twice in this section: first in line %u", key,
                           loader->options[i].at.line);
            return;
        }
    }
    if (loader->option_count == CONFIG_MAX_OPTIONS) {
        config_mistake(loader, line, "'%s' is one key too many: a section has at most %d options", key,
                       CONFIG_MAX_OPTIONS);
        return;
    }
    char name[CONFIG_NAME_MAX + 1];
    size_t length = 0;
    for (; key[length] != '\0' && length < CONFIG_NAME_MAX; length++) {
        name[length] = key[length] >= 'A' && key[length] <= 'Z' ? (char)(key[length] | 0x20) : key[length];
    }
    loader->options[loader->option_count++] = (struct option){
        .name = config_text(loader, name, length),
        .value = config_text(loader, text, strlen(text)),
        .at = config_here(loader, line),
    };
}

static void refuse_key(struct config_loader *loader, const char *key, uint32_t line)
{
    const char *word = config_section_word(loader->type);
    struct nearest nearest = {.word = key};
    char near[NEAREST_SIZE];

    for (int rule = 0; rule < RULE_COUNT; rule++) {
        if ((config_rules[rule].scopes & 1u << loader->type) != 0) {
            nearest_offer(&nearest, config_rules[rule].key);
        }
    }
    if (nearest.best == NULL) {
        // Perhaps a key of another section, in the wrong place.
        for (int other = 0; other < SECTION_TYPE_COUNT; other++) {
            if (config_rule((enum section_type)other, key, 0) >= 0) {
                config_mistake(loader, line, "[%s] has no key '%s'; it belongs to [%s%s]", word, config_shown(key),
                               config_section_word((enum section_type)other),
                               other == SECTION_CERTAUTO || other == SECTION_DEFAULTS ? "" : " NAME");
                return;
            }
        }
    }
    config_mistake(loader, line, "[%s] has no key '%s'%s", word, config_shown(key), nearest_text(&nearest, near));
}

const struct value *config_fallback(struct config_loader *loader, enum rule_id rule)
{
    struct config_data *data = loader->data;
    const char *text = config_rules[rule].fallback;
    struct error error = {0};

    if (*text == '\0') {
        return &no_value;
    }
    if (data->fallbacks[rule] == NULL) {
        struct value *value = config_take(loader, sizeof(*value));
        if (value == NULL) {
            return &no_value;
        }
        if (config_rules[rule].parse(loader, text, value, &error) < 0) {
            // Only the system's time zone can be wrong here; it is no mistake of the configuration's.
            config_warning_at(loader, (struct location){0}, "%s: UTC is taken", error.message);
            value->zone = zone_utc();
        }
        value->text = text;
        data->fallbacks[rule] = value;
    }
    return data->fallbacks[rule];
}

static void refuse_value(struct config_loader *loader, enum rule_id id, const char *text, uint32_t line,
                         const struct error *error)
{
    const struct rule *rule = &config_rules[id];

    if (loader->no_memory) {
        return;
    }
    if (error->message[0] != '\0') {
        config_mistake(loader, line, "%s: %s; give %s", rule->key, error->message, rule->accepts);
    } else {
        config_mistake(loader, line, "%s: '%s' is not accepted; give %s", rule->key, config_shown(text), rule->accepts);
    }
}

// Lists of sections are filled in when all files are read.
static void refer(struct config_loader *loader, enum rule_id rule, struct value *value)
{
    if (loader->reference_count == loader->reference_capacity) {
        size_t capacity = loader->reference_capacity == 0 ? 64 : 2 * loader->reference_capacity;
        struct reference *list = realloc(loader->references, capacity * sizeof(*list));
        if (list == NULL) {
            loader->no_memory = true;
            return;
        }
        loader->references = list;
        loader->reference_capacity = capacity;
    }
    loader->references[loader->reference_count++] = (struct reference){.value = value, .rule = rule};
}

static const struct value *read_value(struct config_loader *loader, enum rule_id id, const char *text, uint32_t line)
{
    const struct rule *rule = &config_rules[id];
    struct value value = {0};
    struct error error; // large, so only its first byte is made empty
    error.message[0] = '\0';

    if (*text == '\0') {
        return config_fallback(loader, id);
    }
    // Many sections say the same: then the same value serves.
    if (loader->last[id] != NULL && strcmp(loader->last[id]->text, text) == 0) {
        return loader->last[id];
    }
    if (rule->parse(loader, text, &value, &error) < 0) {
        refuse_value(loader, id, text, line, &error);
        return &no_value;
    }
    if (value.text == NULL) {
        value.text = config_text(loader, text, strlen(text));
    }
    struct value *kept = config_take(loader, sizeof(*kept));
    if (kept == NULL || value.text == NULL) {
        return &no_value;
    }
    *kept = value;
    if (rule->refers != 0) {
        refer(loader, id, kept);
    }
    loader->last[id] = kept;
    return kept;
}

void config_key(struct config_loader *loader, const char *key, const char *text, uint32_t line)
{
    if (loader->skip) {
        return;
    }
    if (loader->outside) {
        config_mistake(loader, line, "the key '%s' stands before the first [section]", config_shown(key));
        return;
    }
    int rule = config_rule(loader->type, key, loader->hint);
    loader->hint = rule < 0 ? loader->hint : rule;
    if (rule < 0 && is_hook_section(loader->type)) {
        add_option(loader, key, text, line);
        return;
    }
    if (rule < 0) {
        refuse_key(loader, key, line);
        return;
    }
    if ((loader->seen & (uint64_t)1 << rule) != 0) {
        const struct setting *first = config_own_setting(loader->settings, loader->setting_count, (enum rule_id)rule);
        config_mistake(loader, line, "'%s' stands twice in this section: first in line %u", config_rules[rule].key,
                       first->line);
        return;
    }
    if (rule == RULE_INCLUDE && loader->file_index != 1) {
        config_mistake(loader, line, "include belongs to the main file, %s", loader->data->files[1]);
    }
    const struct value *value = read_value(loader, (enum rule_id)rule, text, line);
    bool faulty = *text != '\0' && value == &no_value;
    if (config_rules[rule].to_come && *text != '\0' && !faulty) {
        config_mistake(loader, line, "'%s' has no effect in this version yet", config_rules[rule].key);
    }
    loader->seen |= (uint64_t)1 << rule;
    loader->settings[loader->setting_count++] = (struct setting){
        .value = value, .line = line, .file = loader->file_index, .rule = (uint8_t)rule, .faulty = faulty};
}
