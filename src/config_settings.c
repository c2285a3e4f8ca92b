// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Effective settings: [defaults] and each group worked out once, so that a certificate's are a copy and its own.
#include <stdlib.h>
#include <string.h>

#include "config_data.h"

const struct setting *config_own_setting(const struct setting *settings, size_t count, enum rule_id rule)
{
    for (size_t i = 0; i < count; i++) {
        if (settings[i].rule == rule) {
            return &settings[i];
        }
    }
    return NULL;
}

static bool has(const struct value *value)
{
    return value->text[0] != '\0';
}

// ---- One value into the settings

static struct sections hook_sections(const struct value *value)
{
    return has(value)
               ? (struct sections){value->sections.count, (const struct hook_section *const *)value->sections.list}
               : (struct sections){0};
}

static void apply(struct settings *out, enum setting_id id, const struct value *value)
{
    switch (id) {
    case SETTING_AUTO_RENEW: out->auto_renew = value->number != 0; break;
    case SETTING_RENEW: out->renew = value->renew; break;
    case SETTING_TEMPLATE: out->template = has(value) ? value->sections.list[0] : NULL; break;
    case SETTING_AUTO_PUBLISH: out->auto_publish = value->number != 0; break;
    case SETTING_PROFILE:
        out->profiles.count = has(value) ? value->sections.count : 0;
        out->profiles.list = has(value) ? (const struct profile *const *)value->sections.list : NULL;
        break;
    case SETTING_PUBLISH: out->publish = value->publish; break;
    case SETTING_OVERRIDE_SLOTS: out->override_before_s = value->number; break;
    case SETTING_RETRY: out->retry = value->durations; break;
    case SETTING_MUST_KEEP: out->must_keep = (unsigned)value->number; break;
    case SETTING_NOTIFY_BEFORE: out->notify_before = value->durations; break;
    case SETTING_POLICY: out->policies = hook_sections(value); break;
    case SETTING_NOTIFY: out->notifies = hook_sections(value); break;
    // Slots and keys depend on each other: see settle_slots and settle_key.
    case SETTING_DAYS:
    case SETTING_PERIODS:
    case SETTING_RENEW_DAYS:
    case SETTING_RENEW_PERIODS:
    case SETTING_PUBLISH_DAYS:
    case SETTING_PUBLISH_PERIODS:
    case SETTING_KEY:
    case SETTING_REUSE_KEY:
    case SETTING_COUNT: break;
    }
}

// ---- Keys: certificate, group, template, defaults

// The value of the nearest of certificate and group, "" where it says the default again; NULL when both are silent.
static const struct value *own_or_group(const struct certificate *certificate, const struct group *group,
                                        enum setting_id id)
{
    const struct setting *setting = NULL;

    if (certificate != NULL) {
        setting = config_own_setting(certificate->own, certificate->own_count, (enum rule_id)id);
    }
    if (setting == NULL && group != NULL) {
        setting = config_own_setting(group->section->settings, group->section->setting_count, (enum rule_id)id);
    }
    return setting == NULL ? NULL : setting->value;
}

static void settle_key(const struct config_data *data, const struct certificate *certificate, const struct group *group,
                       struct settings *out)
{
    const struct template *template = out->template;
    const struct value *key = own_or_group(certificate, group, SETTING_KEY);
    const struct value *reuse = own_or_group(certificate, group, SETTING_REUSE_KEY);
    // "key =" asks for the default again, which is the template's and not that of [defaults].
    const struct value *last_key = key == NULL ? data->defaults.from[SETTING_KEY]->value : key;
    const struct value *last_reuse = reuse == NULL ? data->defaults.from[SETTING_REUSE_KEY]->value : reuse;
    bool templates_key = (key == NULL || !has(key)) && template != NULL && template->has_key;
    bool templates_reuse = (reuse == NULL || !has(reuse)) && template != NULL && template->has_reuse_key;

    out->has_key = templates_key || has(last_key);
    out->key = templates_key ? template->key : has(last_key) ? (enum key_type)last_key->number : KEY_ECDSA_P256;
    out->has_reuse_key = templates_reuse || has(last_reuse);
    out->reuse_key = templates_reuse ? template->reuse_key : has(last_reuse) && last_reuse->number != 0;
    const struct setting *own =
        certificate == NULL ? NULL
                            : config_own_setting(certificate->own, certificate->own_count, (enum rule_id)SETTING_KEY);
    out->key_is_own = own != NULL && has(own->value);
}

// ---- Slots

static void make_slots(const struct value *days, const struct value *periods, struct slots *out)
{
    memset(out, 0, sizeof(*out));
    out->days = (uint8_t)days->number;
    out->period_count = (uint8_t)periods->periods.count;
    if (periods->periods.count > 0) {
        memcpy(out->periods, periods->periods.list, periods->periods.count * sizeof(*out->periods));
    }
}

static size_t slots_hash(const struct slots *slots)
{
    uint64_t sum = 0xcbf29ce484222325u ^ slots->days;

    for (size_t i = 0; i < slots->period_count; i++) {
        sum = (sum ^ slots->periods[i].start_min) * 0x100000001b3u;
        sum = (sum ^ slots->periods[i].end_min) * 0x100000001b3u;
    }
    return (size_t)(sum ^ sum >> 32);
}

// Where these slots are in the table, or the free place where they belong. There always is a free one.
static struct slots **find_slots(const struct config_data *data, const struct slots *slots)
{
    size_t place = slots_hash(slots) & data->slots_mask;

    for (; data->slots[place] != NULL; place = (place + 1) & data->slots_mask) {
        const struct slots *other = data->slots[place];
        if (other->days == slots->days && other->period_count == slots->period_count &&
            memcmp(other->periods, slots->periods, slots->period_count * sizeof(*slots->periods)) == 0) {
            break;
        }
    }
    return &data->slots[place];
}

static int grow_slots(struct config_loader *loader)
{
    struct config_data *data = loader->data;
    struct config_data larger = *data;

    larger.slots_mask = data->slots == NULL ? 15 : 2 * data->slots_mask + 1;
    larger.slots = calloc(larger.slots_mask + 1, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        loader->no_memory = true;
        return -1;
    }
    for (size_t i = 0; data->slots != NULL && i <= data->slots_mask; i++) {
        if (data->slots[i] != NULL) {
            *find_slots(&larger, data->slots[i]) = data->slots[i];
        }
    }
    free(data->slots);
    data->slots = larger.slots;
    data->slots_mask = larger.slots_mask;
    return 0;
}

static void keep_slots(struct config_loader *loader, const struct value *days, const struct value *periods)
{
    struct config_data *data = loader->data;
    struct slots slots;

    make_slots(days, periods, &slots);
    if ((data->slots == NULL || 2 * data->slots_count >= data->slots_mask) && grow_slots(loader) < 0) {
        return;
    }
    struct slots **place = find_slots(data, &slots);
    if (*place == NULL) {
        *place = config_take(loader, sizeof(slots));
        if (*place != NULL) {
            **place = slots;
            data->slots_count++;
        }
    }
}

// The values that make the slots of both steps: the certificate's own, else the layer's; apart, else for both.
struct slot_values {
    const struct value *renew_days, *renew_periods, *publish_days, *publish_periods;
};

static const struct value *nearest_value(const struct layer *layer, const struct certificate *certificate,
                                         enum setting_id id)
{
    const struct setting *own =
        certificate == NULL ? NULL : config_own_setting(certificate->own, certificate->own_count, (enum rule_id)id);

    return own != NULL ? own->value : layer->from[id]->value;
}

static const struct value *apart_or_both(const struct layer *layer, const struct certificate *certificate,
                                         enum setting_id apart, enum setting_id both)
{
    const struct value *value = nearest_value(layer, certificate, apart);

    return has(value) ? value : nearest_value(layer, certificate, both);
}

static struct slot_values slot_values(const struct layer *layer, const struct certificate *certificate)
{
    return (struct slot_values){
        .renew_days = apart_or_both(layer, certificate, SETTING_RENEW_DAYS, SETTING_DAYS),
        .renew_periods = apart_or_both(layer, certificate, SETTING_RENEW_PERIODS, SETTING_PERIODS),
        .publish_days = apart_or_both(layer, certificate, SETTING_PUBLISH_DAYS, SETTING_DAYS),
        .publish_periods = apart_or_both(layer, certificate, SETTING_PUBLISH_PERIODS, SETTING_PERIODS),
    };
}

static void prepare_slots(struct config_loader *loader, const struct layer *layer,
                          const struct certificate *certificate)
{
    struct slot_values values = slot_values(layer, certificate);

    keep_slots(loader, values.renew_days, values.renew_periods);
    keep_slots(loader, values.publish_days, values.publish_periods);
}

static void settle_slots(const struct config_data *data, const struct layer *layer,
                         const struct certificate *certificate, struct settings *out)
{
    struct slot_values values = slot_values(layer, certificate);
    struct slots slots;

    make_slots(values.renew_days, values.renew_periods, &slots);
    out->renew_slots = *find_slots(data, &slots);
    make_slots(values.publish_days, values.publish_periods, &slots);
    out->publish_slots = *find_slots(data, &slots);
}

static bool is_slot_setting(unsigned rule)
{
    return rule >= SETTING_DAYS && rule <= SETTING_PUBLISH_PERIODS;
}

// ---- Layers

static void build_layer(struct config_loader *loader, struct layer *layer, const struct section *section,
                        const struct layer *below)
{
    memset(&layer->settings, 0, sizeof(layer->settings));
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *own =
            section == NULL ? NULL : config_own_setting(section->settings, section->setting_count, (enum rule_id)id);
        if (own == NULL && below != NULL) {
            own = below->from[id];
        }
        if (own == NULL) {
            struct setting *fallback = config_take(loader, sizeof(*fallback));
            if (fallback == NULL) {
                return;
            }
            *fallback = (struct setting){.value = config_fallback(loader, (enum rule_id)id), .rule = (uint8_t)id};
            own = fallback;
        }
        layer->from[id] = own;
        apply(&layer->settings, (enum setting_id)id, own->value);
    }
    prepare_slots(loader, layer, NULL);
}

// The slots of every certificate that has some of its own, with each of its groups and without one.
static void prepare_certificate(struct config_loader *loader, const struct certificate *certificate)
{
    bool own = false;

    for (size_t i = 0; i < certificate->own_count; i++) {
        own = own || is_slot_setting(certificate->own[i].rule);
    }
    if (own) {
        prepare_slots(loader, &loader->data->defaults, certificate);
    }
    for (size_t i = 0; own && i < certificate->group_count; i++) {
        prepare_slots(loader, &certificate->groups[i]->layer, certificate);
    }
}

void config_build_layers(struct config_loader *loader)
{
    struct config_data *data = loader->data;
    const struct section *defaults = config_find_section(data, SECTION_DEFAULTS, "");

    build_layer(loader, &data->defaults, defaults, NULL);
    for (size_t i = 0; i < data->section_count && !loader->no_memory; i++) {
        if (data->sections[i]->type == SECTION_GROUP) {
            struct group *group = data->sections[i]->made;
            group->section = data->sections[i];
            build_layer(loader, &group->layer, data->sections[i], &data->defaults);
        }
    }
    for (size_t i = 0; i < data->certificate_count && !loader->no_memory; i++) {
        prepare_certificate(loader, &data->certificates[i]);
    }
    if (loader->no_memory) {
        return;
    }
    // Only now all slots are where they stay.
    settle_slots(data, &data->defaults, NULL, &data->defaults.settings);
    settle_key(data, NULL, NULL, &data->defaults.settings);
    for (size_t i = 0; i < data->section_count; i++) {
        if (data->sections[i]->type == SECTION_GROUP) {
            struct group *group = data->sections[i]->made;
            settle_slots(data, &group->layer, NULL, &group->layer.settings);
            settle_key(data, NULL, group, &group->layer.settings);
        }
    }
}

void config_settings(const struct config *config, const struct certificate *certificate, const struct group *group,
                     struct settings *out)
{
    const struct config_data *data = config->data;
    const struct layer *layer = group == NULL ? &data->defaults : &group->layer;
    bool slots = false, key = false;

    *out = layer->settings;
    for (size_t i = 0; i < certificate->own_count; i++) {
        unsigned rule = certificate->own[i].rule;
        if (rule < SETTING_COUNT) {
            apply(out, (enum setting_id)rule, certificate->own[i].value);
            slots = slots || is_slot_setting(rule);
            key = key || rule == SETTING_KEY || rule == SETTING_REUSE_KEY || rule == SETTING_TEMPLATE;
        }
    }
    if (slots) {
        settle_slots(data, layer, certificate, out);
    }
    if (key) {
        settle_key(data, certificate, group, out);
    }
    out->first = out->template;
    out->first_key = out->key;
    out->first_reuse_key = out->reuse_key;
}

void config_fall_back(const struct config *config, const struct certificate *certificate, const struct group *group,
                      const struct template *template, struct settings *settings)
{
    settings->template = template;
    settle_key(config->data, certificate, group, settings);
}

const struct settings *config_defaults(const struct config *config)
{
    return &config->data->defaults.settings;
}
