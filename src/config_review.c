// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Review: every effective setting as text, with the file and line that it comes from.
#include <stdio.h>
#include <string.h>

#include "config_data.h"

#define MAX_SOURCE 8192

struct review {
    const struct config *config;
    const struct certificate *certificate;
    const struct group *group;
    config_review_fn *each;
    void *context;
};

// What a setting's place is called: "FILE:LINE", after the section where that is not the certificate's own.
static void say(const struct review *review, const char *key, const char *value, const char *section, const char *name,
                struct location at)
{
    char source[MAX_SOURCE];

    if (at.line == 0) {
        snprintf(source, sizeof(source), "default");
    } else if (section == NULL) {
        snprintf(source, sizeof(source), "%s:%u", review->config->files[at.file], at.line);
    } else {
        snprintf(source, sizeof(source), "[%s%s%s] %s:%u", section, *name == '\0' ? "" : " ", name,
                 review->config->files[at.file], at.line);
    }
    review->each(review->context, key, value, source);
}

static void say_setting(const struct review *review, const char *key, const struct setting *setting,
                        const char *section, const char *name)
{
    say(review, key, setting->value->text, section, name,
        (struct location){.line = setting->line, .file = setting->file});
}

static bool has(const struct setting *setting)
{
    return setting != NULL && setting->value->text[0] != '\0';
}

static const struct setting *own(const struct review *review, enum rule_id rule)
{
    return config_own_setting(review->certificate->own, review->certificate->own_count, rule);
}

// ---- The settings that are inherited

// Where a setting of the layers comes from: the group, [defaults], or nowhere.
static void say_layer(const struct review *review, const char *key, enum setting_id id)
{
    const struct group *group = review->group;
    const struct setting *groups =
        group == NULL ? NULL
                      : config_own_setting(group->section->settings, group->section->setting_count, (enum rule_id)id);

    if (groups != NULL) {
        say_setting(review, key, groups, "group", group->section->name);
    } else {
        say_setting(review, key, review->config->data->defaults.from[id], "defaults", "");
    }
}

static void say_inherited(const struct review *review, const char *key, enum setting_id id)
{
    const struct setting *setting = own(review, (enum rule_id)id);

    if (setting != NULL) {
        say_setting(review, key, setting, NULL, "");
    } else {
        say_layer(review, key, id);
    }
}

static const struct setting *effective(const struct review *review, enum setting_id id)
{
    const struct setting *setting = own(review, (enum rule_id)id);

    if (setting != NULL) {
        return setting;
    }
    return review->group != NULL ? review->group->layer.from[id] : review->config->data->defaults.from[id];
}

// Days and periods of one step are those of both where they are not set apart.
static void say_slots(const struct review *review, enum setting_id apart, enum setting_id both)
{
    const char *key = config_rules[apart].key;

    say_inherited(review, key, has(effective(review, apart)) ? apart : both);
}

static const struct section *section_of(const struct review *review, enum section_type type, const char *name)
{
    return config_find_section(review->config->data, type, name);
}

// certificate, group, template, defaults; "key =" goes to the template at once.
static void say_key(const struct review *review, enum setting_id id, const struct template *template,
                    const char *fallback)
{
    const char *key = config_rules[id].key;
    const struct group *group = review->group;
    const struct setting *nearest = own(review, (enum rule_id)id);
    const struct setting *from_template = NULL;

    if (nearest == NULL && group != NULL) {
        nearest = config_own_setting(group->section->settings, group->section->setting_count, (enum rule_id)id);
    }
    if (has(nearest)) {
        say_inherited(review, key, id);
        return;
    }
    if (template != NULL) {
        const struct section *section = section_of(review, SECTION_OF_KIND(SECTION_TEMPLATE), template->section.name);
        from_template = config_own_setting(section->settings, section->setting_count, (enum rule_id)id);
    }
    if (has(from_template)) {
        say_setting(review, key, from_template, "template", template->section.name);
    } else if (nearest == NULL && has(review->config->data->defaults.from[id])) {
        say_layer(review, key, id);
    } else {
        say(review, key, fallback, NULL, "", (struct location){0});
    }
}

static void say_settings(const struct review *review, const struct settings *settings)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        switch (id) {
        case SETTING_RENEW_DAYS:
        case SETTING_PUBLISH_DAYS: say_slots(review, id, SETTING_DAYS); break;
        case SETTING_RENEW_PERIODS:
        case SETTING_PUBLISH_PERIODS: say_slots(review, id, SETTING_PERIODS); break;
        case SETTING_KEY: say_key(review, id, settings->template, key_type_name(KEY_ECDSA_P256)); break;
        case SETTING_REUSE_KEY: say_key(review, id, settings->template, "no"); break;
        default: say_inherited(review, config_rules[id].key, id);
        }
    }
}

// ---- Templates, profiles, policies, notifies

static const struct option *find_option(const struct hook_section *section, const struct hook_option *declared)
{
    for (size_t i = 0; i < section->option_count; i++) {
        if (section->options[i].declared == declared) {
            return &section->options[i];
        }
    }
    return NULL;
}

// "template NAME.KEY" for every key of the section and every option of its hook.
static void say_hook_section(const struct review *review, const struct hook_section *made)
{
    enum section_type type = SECTION_OF_KIND(made->kind);
    const struct section *section = section_of(review, type, made->name);
    const char *word = config_section_word(type);
    char key[3 * CONFIG_NAME_MAX];

    for (int rule = 0; rule < RULE_COUNT; rule++) {
        const struct setting *setting =
            config_own_setting(section->settings, section->setting_count, (enum rule_id)rule);
        if ((config_rules[rule].scopes & 1u << type) == 0) {
            continue;
        }
        snprintf(key, sizeof(key), "%s %s.%s", word, made->name, config_rules[rule].key);
        if (has(setting)) {
            say_setting(review, key, setting, NULL, "");
        } else {
            say(review, key, config_rules[rule].fallback, NULL, "", (struct location){0});
        }
    }
    for (size_t i = 0; i < made->declared_count; i++) {
        const struct hook_option *declared = &made->declared[i];
        const struct option *option = find_option(made, declared);
        snprintf(key, sizeof(key), "%s %s.%s", word, made->name, declared->name);
        if (option != NULL) {
            say(review, key, option->value, NULL, "", option->at);
        } else {
            say(review, key, declared->fallback == NULL ? "" : declared->fallback, NULL, "", (struct location){0});
        }
    }
}

// ---- All of it

static void say_engine(const struct review *review)
{
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        const struct setting *setting = review->config->data->engine[rule];
        if ((config_rules[rule].scopes & 1u << SECTION_CERTAUTO) == 0) {
            continue;
        }
        if (setting != NULL) {
            say_setting(review, config_rules[rule].key, setting, NULL, "");
        } else {
            say(review, config_rules[rule].key, config_rules[rule].fallback, NULL, "", (struct location){0});
        }
    }
}

void config_review(const struct config *config, const struct certificate *certificate, const struct group *group,
                   config_review_fn *each, void *context)
{
    static const enum rule_id first[] = {RULE_NAMES, RULE_GROUP, RULE_SUBJECT};
    const struct review review = {config, certificate, group, each, context};
    struct settings settings;

    if (certificate == NULL) {
        say_engine(&review);
        return;
    }
    config_settings(config, certificate, group, &settings);
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        const struct setting *setting = own(&review, first[i]);
        if (setting != NULL) {
            say_setting(&review, config_rules[first[i]].key, setting, NULL, "");
        } else {
            say(&review, config_rules[first[i]].key, "", NULL, "", (struct location){0});
        }
    }
    say_settings(&review, &settings);
    for (const struct template *template = settings.first; template != NULL; template = template->fallback) {
        say_hook_section(&review, &template->section);
    }
    for (size_t i = 0; i < settings.profiles.count; i++) {
        say_hook_section(&review, &settings.profiles.list[i]->section);
    }
    for (size_t i = 0; i < settings.policies.count; i++) {
        say_hook_section(&review, settings.policies.list[i]);
    }
    for (size_t i = 0; i < settings.notifies.count; i++) {
        say_hook_section(&review, settings.notifies.list[i]);
    }
}
