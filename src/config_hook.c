// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Hook sections: the hook found, its options checked against what it declares, templates and profiles made.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config_value.h"

// ---- The hook

static const struct hook_file *find_builtin(const char *kind, const char *name, struct nearest *nearest)
{
    for (size_t i = 0; i < hooks_builtin_count; i++) {
        const struct hook_file *file = &hooks_builtin[i];
        if (strcmp(file->kind, kind) == 0) {
            if (strcmp(file->name, name) == 0) {
                return file;
            }
            nearest_offer(nearest, file->name);
        }
    }
    return NULL;
}

static unsigned needed_function(enum section_kind kind)
{
    static const unsigned needed[] = {
        [SECTION_TEMPLATE] = HOOK_ISSUE,
        [SECTION_PROFILE] = HOOK_PUBLISH,
        [SECTION_POLICY] = HOOK_DECIDE,
        [SECTION_NOTIFY] = HOOK_NOTIFY,
    };
    return needed[kind];
}

// True when hooks_dir holds a file for the hook, be it good or not. Without one nobody need be asked.
static bool is_in_folder(const char *folder, const char *kind, const char *name)
{
    char path[2 * 4096];
    int length = snprintf(path, sizeof(path), "%s/%s/%s.lua", folder, kind, name);

    return length > 0 && (size_t)length < sizeof(path) && (access(path, F_OK) == 0 || errno != ENOENT);
}

// The hook of a section, first in hooks_dir, then among the built-in ones. NULL, and said, when it is nowhere.
static const struct hook_file *find_hook(struct config_loader *loader, const struct hook_section *section,
                                         const struct setting *setting)
{
    struct location at = {.line = setting->line, .file = setting->file};
    const char *kind = config_hook_kind(section->kind), *folder = loader->data->config.engine.hooks_dir;
    struct nearest nearest = {.word = section->hook};
    const struct hook_file *file = NULL;
    char near[NEAREST_SIZE];
    struct error error = {0};

    if (loader->hooks != NULL && is_in_folder(folder, kind, section->hook) &&
        loader->hooks->declare(loader->hooks->context, folder, kind, section->hook, &file, &error) < 0 &&
        error.code != ERROR_NOT_FOUND) {
        config_mistake_at(loader, at, "hook: '%s' of %s/%s cannot be used: %s", section->hook, folder, kind,
                          error.message);
        return NULL;
    }
    if (file == NULL) {
        file = find_builtin(kind, section->hook, &nearest);
    }
    if (file == NULL) {
        config_mistake_at(loader, at, "hook: there is no %s hook '%s', neither in %s/%s nor built in%s", kind,
                          section->hook, folder, kind, nearest_text(&nearest, near));
    } else if ((file->functions & needed_function(section->kind)) == 0) {
        config_mistake_at(loader, at, "hook: '%s' has no function %s()", section->hook,
                          section->kind == SECTION_POLICY ? "decide" : kind);
        return NULL;
    }
    return file;
}

// ---- Options

static const struct hook_option *find_option(const struct hook_file *file, const char *name)
{
    for (size_t i = 0; i < file->option_count; i++) {
        if (strcmp(file->options[i].name, name) == 0) {
            return &file->options[i];
        }
    }
    return NULL;
}

static void refuse_option(struct config_loader *loader, const struct section *section, const struct hook_file *file,
                          const struct option *option)
{
    struct nearest nearest = {.word = option->name};
    char near[NEAREST_SIZE];

    for (size_t i = 0; i < file->option_count; i++) {
        nearest_offer(&nearest, file->options[i].name);
    }
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        if ((config_rules[rule].scopes & 1u << section->type) != 0) {
            nearest_offer(&nearest, config_rules[rule].key);
        }
    }
    config_mistake_at(loader, option->at, "neither [%s] nor its hook '%s' has a key '%s'%s",
                      config_section_word(section->type), file->name, option->name, nearest_text(&nearest, near));
}

// A certificate of this configuration.
static void check_certificate(struct config_loader *loader, const struct option *option)
{
    if (config_find(&loader->data->config, option->value) == NULL) {
        const char *similar = config_similar(&loader->data->config, option->value);
        config_mistake_at(loader, option->at, "%s: there is no certificate '%s'%s%s%s", option->name,
                          config_shown(option->value), similar == NULL ? "" : ": did you mean '",
                          similar == NULL ? "" : similar, similar == NULL ? "" : "'?");
    }
}

// Keeps the options that have a value and are declared; says what is wrong with others. Values may be secret, so
// they are not shown.
static void check_options(struct config_loader *loader, struct section *section, const struct hook_file *file)
{
    size_t kept = 0;

    for (size_t i = 0; i < section->option_count; i++) {
        struct option option = section->options[i];
        struct config_item word;
        char room[256];
        option.declared = find_option(file, option.name);
        if (option.declared == NULL) {
            refuse_option(loader, section, file, &option);
            continue;
        }
        if (*option.value == '\0') {
            continue;
        }
        const char *accepts = config_option_fault(option.declared->type, option.value, room, sizeof(room));
        if (accepts != NULL) {
            config_mistake_at(loader, option.at, "%s: the value is not accepted; give %s", option.name, accepts);
        } else if (strcmp(option.declared->type, "certificate") == 0) {
            check_certificate(loader, &option);
        } else if (config_option_word(option.declared->type, option.value, &word)) {
            // Words may be written in any case; the hook gets its own.
            option.value = config_text(loader, word.text, word.length);
        }
        section->options[kept++] = option;
    }
    section->option_count = kept;
}

static void check_required(struct config_loader *loader, const struct section *section, const struct hook_file *file)
{
    for (size_t i = 0; i < file->option_count; i++) {
        const struct hook_option *declared = &file->options[i];
        bool given = !declared->required;
        for (size_t j = 0; j < section->option_count && !given; j++) {
            given = section->options[j].declared == declared;
        }
        if (!given) {
            config_mistake_at(loader, section->at, "[%s %s] lacks '%s', which its hook '%s' needs: %s",
                              config_section_word(section->type), section->name, declared->name, file->name,
                              declared->doc);
        }
    }
}

// A default is written by the hook's author, whose mistakes must not wait for a step either. Texts are taken as they
// are, also with an '@' at their beginning.
static bool is_sound_default(const struct hook_option *declared)
{
    char room[256];

    return declared->fallback == NULL || *declared->fallback == '\0' || strcmp(declared->type, "string") == 0 ||
           strcmp(declared->type, "secret") == 0 ||
           config_option_fault(declared->type, declared->fallback, room, sizeof(room)) == NULL;
}

// A hook may not declare a key of the engine's own: it would never see it.
static void check_declaration(struct config_loader *loader, const struct section *section, const struct hook_file *file,
                              struct location at)
{
    for (size_t i = 0; i < file->option_count; i++) {
        const struct hook_option *declared = &file->options[i];
        if (config_rule(section->type, declared->name, 0) >= 0) {
            config_mistake_at(loader, at, "hook: '%s' declares the option '%s', which is a key of [%s] itself",
                              file->name, declared->name, config_section_word(section->type));
        }
        if (!is_sound_default(declared)) {
            config_mistake_at(loader, at, "hook: '%s' declares the default '%s' for its option '%s', which is no %s",
                              file->name, config_shown(declared->fallback), declared->name, declared->type);
        }
    }
}

// ---- The sections

static const struct value *value_of(struct config_loader *loader, const struct section *section, enum rule_id rule)
{
    const struct setting *setting = config_own_setting(section->settings, section->setting_count, rule);

    return setting != NULL ? setting->value : config_fallback(loader, rule);
}

static bool has(const struct value *value)
{
    return value->text[0] != '\0';
}

static const char *text_of(struct config_loader *loader, const struct section *section, enum rule_id rule)
{
    const struct value *value = value_of(loader, section, rule);

    return has(value) ? value->text : NULL;
}

static void fill_hook(struct config_loader *loader, struct section *section, struct hook_section *made)
{
    const struct setting *hook = config_own_setting(section->settings, section->setting_count, RULE_HOOK);
    const struct value *timeout = value_of(loader, section, RULE_SECTION_TIMEOUT);

    made->kind = (enum section_kind)(section->type - SECTION_HOOKS);
    made->name = section->name;
    made->at = section->at;
    made->hook_timeout_s = has(timeout) ? timeout->number : loader->data->config.engine.hook_timeout_s;
    if (hook == NULL || !has(hook->value)) {
        // An ill-typed one has been named already.
        if (hook == NULL || !hook->faulty) {
            config_mistake_at(loader, section->at, "[%s %s] names no hook: hook = NAME",
                              config_section_word(section->type), section->name);
        }
        return;
    }
    made->hook = hook->value->text;
    const struct hook_file *file = find_hook(loader, made, hook);
    if (file == NULL) {
        return;
    }
    check_declaration(loader, section, file, (struct location){.line = hook->line, .file = hook->file});
    check_options(loader, section, file);
    check_required(loader, section, file);
    made->options = section->options;
    made->option_count = section->option_count;
    made->declared = file->options;
    made->declared_count = file->option_count;
    made->functions = file->functions;
}

static void fill_template(struct config_loader *loader, const struct section *section, struct template *made)
{
    const struct value *key = value_of(loader, section, (enum rule_id)SETTING_KEY);
    const struct value *reuse = value_of(loader, section, (enum rule_id)SETTING_REUSE_KEY);
    const struct value *parallel = value_of(loader, section, RULE_TEMPLATE_PARALLEL);

    made->has_key = has(key);
    made->key = has(key) ? (enum key_type)key->number : KEY_ECDSA_P256;
    made->has_reuse_key = has(reuse);
    made->reuse_key = has(reuse) && reuse->number != 0;
    made->usage = (unsigned)value_of(loader, section, RULE_USAGE)->number;
    made->trust = text_of(loader, section, RULE_TRUST);
    made->max_parallel = has(parallel) ? (int)parallel->number : 0;
    const struct value *fallback = value_of(loader, section, RULE_FALLBACK);
    made->fallback = has(fallback) && !fallback->sections.broken ? fallback->sections.list[0] : NULL;
    made->fallback_after = (int)value_of(loader, section, RULE_FALLBACK_AFTER)->number;
}

// A chain of fallbacks must end: one that leads back to its beginning is named at each of its templates.
static void refuse_circle(struct config_loader *loader, const struct section *section)
{
    const struct template *first = section->made, *at = first->fallback;
    const struct setting *setting =
        config_own_setting(section->settings, section->setting_count, (enum rule_id)RULE_FALLBACK);

    for (size_t i = 0; at != NULL && at != first && i < loader->data->section_count; i++) {
        at = at->fallback;
    }
    if (at == first) {
        config_mistake_at(loader, (struct location){.line = setting->line, .file = setting->file},
                          "fallback: [template %s] leads back to [template %s]; a chain of fallbacks has an end",
                          first->fallback->section.name, first->section.name);
    }
}

void config_resolve_hooks(struct config_loader *loader)
{
    for (size_t i = 0; i < loader->data->section_count && !loader->no_memory; i++) {
        struct section *section = loader->data->sections[i];
        if (section->type == SECTION_OF_KIND(SECTION_TEMPLATE)) {
            struct template *made = section->made;
            fill_hook(loader, section, &made->section);
            fill_template(loader, section, made);
        } else if (section->type == SECTION_OF_KIND(SECTION_PROFILE)) {
            struct profile *made = section->made;
            fill_hook(loader, section, &made->section);
            made->verify = text_of(loader, section, RULE_VERIFY);
            made->verify_timeout_s = value_of(loader, section, RULE_VERIFY_TIMEOUT)->number;
        } else if (section->type == SECTION_OF_KIND(SECTION_POLICY) ||
                   section->type == SECTION_OF_KIND(SECTION_NOTIFY)) {
            fill_hook(loader, section, section->made);
            loader->data->config.notifies |= section->type == SECTION_OF_KIND(SECTION_NOTIFY);
        }
    }
    // Only now each template knows its fallback.
    for (size_t i = 0; i < loader->data->section_count && !loader->no_memory; i++) {
        if (loader->data->sections[i]->type == SECTION_OF_KIND(SECTION_TEMPLATE)) {
            refuse_circle(loader, loader->data->sections[i]);
        }
    }
}
