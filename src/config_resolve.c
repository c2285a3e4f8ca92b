// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Once all files are read: the engine's settings, and the names of sections turned into what they name.
#include <string.h>

#include "config_data.h"

// ---- [certauto]

static const struct value *engine_value(struct config_loader *loader, enum rule_id rule)
{
    const struct setting *setting = loader->data->engine[rule];

    return setting != NULL && !setting->faulty ? setting->value : config_fallback(loader, rule);
}

static const char *engine_text(struct config_loader *loader, enum rule_id rule)
{
    const char *text = engine_value(loader, rule)->text;

    return *text == '\0' ? NULL : text;
}

static void fill_engine(struct config_loader *loader)
{
    struct engine *engine = &loader->data->config.engine;

    engine->state_dir = engine_text(loader, RULE_STATE_DIR);
    engine->run_dir = engine_text(loader, RULE_RUN_DIR);
    engine->hooks_dir = engine_text(loader, RULE_HOOKS_DIR);
    engine->hook_user = engine_text(loader, RULE_HOOK_USER);
    engine->metrics_file = engine_text(loader, RULE_METRICS_FILE);
    engine->runs = engine_value(loader, RULE_RUN)->runs;
    engine->jitter_s = engine_value(loader, RULE_JITTER)->number;
    engine->hook_timeout_s = engine_value(loader, RULE_HOOK_TIMEOUT)->number;
    engine->max_parallel = (int)engine_value(loader, RULE_MAX_PARALLEL)->number;
    engine->keep = (int)engine_value(loader, RULE_KEEP)->number;
    engine->hook_memory_bytes = engine_value(loader, RULE_HOOK_MEMORY)->number;
    engine->trust_clock = engine_value(loader, RULE_CLOCK)->number != 0;
    engine->log_level = (enum log_level)engine_value(loader, RULE_LOG_LEVEL)->number;
    engine->log_format = (enum log_format)engine_value(loader, RULE_LOG_FORMAT)->number;
    engine->log_target = (enum log_target)engine_value(loader, RULE_LOG_TARGET)->number;
    engine->zone = engine_value(loader, RULE_TIMEZONE)->zone;
}

// ---- References

// The section of the rule's kind with this name, or NULL.
static const struct section *find_named(const struct config_data *data, enum rule_id rule, const char *name)
{
    for (int type = 0; type < SECTION_TYPE_COUNT; type++) {
        if ((config_rules[rule].refers & 1u << type) != 0) {
            return config_find_section(data, (enum section_type)type, name);
        }
    }
    return NULL;
}

static enum section_type named_type(enum rule_id rule)
{
    int type = 0;

    while ((config_rules[rule].refers & 1u << type) == 0) {
        type++;
    }
    return (enum section_type)type;
}

// Turns the names into pointers, all or none. The pointers are copied in, because they are read as pointers to
// groups, templates and profiles.
static bool resolve(const struct config_data *data, const struct reference *reference)
{
    struct value *value = reference->value;

    for (uint32_t i = 0; i < value->sections.count; i++) {
        if (find_named(data, reference->rule, value->sections.list[i]) == NULL) {
            value->sections.broken = true;
            return false;
        }
    }
    for (uint32_t i = 0; i < value->sections.count; i++) {
        const void *made = find_named(data, reference->rule, value->sections.list[i])->made;
        memcpy(&value->sections.list[i], &made, sizeof(made));
    }
    return true;
}

// Names every name that is not known, at the line where it stands.
static void refuse_references(struct config_loader *loader, const struct setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum rule_id rule = settings[i].rule;
        const struct value *value = settings[i].value;
        struct location at = {.line = settings[i].line, .file = settings[i].file};
        bool broken = config_rules[rule].refers != 0 && value->text[0] != '\0' && value->sections.broken;
        for (uint32_t j = 0; broken && j < value->sections.count; j++) {
            const char *name = value->sections.list[j];
            struct nearest nearest = {.word = name};
            char near[NEAREST_SIZE];
            if (find_named(loader->data, rule, name) == NULL) {
                config_offer_sections(loader, named_type(rule), &nearest);
                config_mistake_at(loader, at, "%s: there is no [%s %s]%s", config_rules[rule].key,
                                  config_section_word(named_type(rule)), name, nearest_text(&nearest, near));
            }
        }
    }
}

static void resolve_references(struct config_loader *loader)
{
    const struct config_data *data = loader->data;
    bool good = true;

    for (size_t i = 0; i < loader->reference_count; i++) {
        // What has no effect yet has been refused already, with its sections.
        if (!config_rules[loader->references[i].rule].to_come) {
            good = resolve(data, &loader->references[i]) && good;
        }
    }
    for (size_t i = 0; !good && i < data->section_count; i++) {
        refuse_references(loader, data->sections[i]->settings, data->sections[i]->setting_count);
    }
    for (size_t i = 0; !good && i < data->certificate_count; i++) {
        refuse_references(loader, data->certificates[i].own, data->certificates[i].own_count);
    }
}

void config_resolve(struct config_loader *loader)
{
    struct config_data *data = loader->data;
    struct config *config = &data->config;

    config->files = data->files;
    config->file_count = data->file_count;
    config->certificates = data->certificates;
    config->certificate_count = data->certificate_count;
    fill_engine(loader);
    resolve_references(loader);
    config_resolve_hooks(loader);
    if (loader->problems->mistakes == loader->mistakes_before && !loader->no_memory) {
        config_build_layers(loader);
    }
}
