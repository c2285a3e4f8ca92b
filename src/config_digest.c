// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The digest of what a step depends on: when it changes, failures so far no longer count.
#include <stdio.h>
#include <string.h>

#include "codec.h"
#include "config_data.h"

// One "key=value" line. Values are single lines, so nothing in one can look like another.
static void add(struct codec_sha256 *sha, const char *key, const char *value)
{
    codec_sha256_add(sha, key, strlen(key));
    codec_sha256_add(sha, "=", 1);
    codec_sha256_add(sha, value, strlen(value));
    codec_sha256_add(sha, "\n", 1);
}

static void add_number(struct codec_sha256 *sha, const char *key, int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    add(sha, key, text);
}

// The options in the order in which the hook declares them, with its defaults: not as the file has them.
static void add_section(struct codec_sha256 *sha, const struct hook_section *section)
{
    add(sha, "section", section->name);
    add(sha, "hook", section->hook);
    add_number(sha, "hook_timeout", section->hook_timeout_s);
    for (size_t i = 0; i < section->declared_count; i++) {
        const struct hook_option *declared = &section->declared[i];
        const char *value = declared->fallback == NULL ? "" : declared->fallback;
        for (size_t j = 0; j < section->option_count; j++) {
            if (section->options[j].declared == declared) {
                value = section->options[j].value;
            }
        }
        // A dot, which no key of the engine has, keeps options apart from them.
        codec_sha256_add(sha, ".", 1);
        add(sha, declared->name, value);
    }
}

// Of what is set and all its fallbacks, whichever is to issue by now: falling back must not end the count.
static void add_issue(struct codec_sha256 *sha, const struct certificate *certificate, const struct settings *settings)
{
    add(sha, "names", certificate->names == NULL ? "" : certificate->names);
    add(sha, "subject", certificate->subject == NULL ? "" : certificate->subject);
    add(sha, "key", key_type_name(settings->first_key));
    add_number(sha, "reuse_key", settings->first_reuse_key);
    for (const struct template *template = settings->first; template != NULL; template = template->fallback) {
        if (template->fallback != NULL) {
            add_number(sha, "fallback_after", template->fallback_after);
        }
        if (template != settings->first) {
            add(sha, "its_key", template->has_key ? key_type_name(template->key) : "");
            add_number(sha, "its_reuse_key", template->reuse_key);
        }
        add_number(sha, "usage", template->usage);
        add(sha, "trust", template->trust == NULL ? "" : template->trust);
        add_section(sha, &template->section);
    }
}

void config_digest(const struct config *config, const struct certificate *certificate, const struct settings *settings,
                   const struct profile *profile, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    struct codec_sha256 sha;
    uint8_t digest[CODEC_SHA256_SIZE];

    codec_sha256_start(&sha);
    add(&sha, "hook_user", config->engine.hook_user == NULL ? "" : config->engine.hook_user);
    if (profile == NULL) {
        add_issue(&sha, certificate, settings);
    } else {
        add(&sha, "verify", profile->verify == NULL ? "" : profile->verify);
        add_number(&sha, "verify_timeout", profile->verify_timeout_s);
        add_section(&sha, &profile->section);
    }
    codec_sha256_end(&sha, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * sizeof(digest)] = '\0';
}
