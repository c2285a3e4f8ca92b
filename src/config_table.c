// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The one table of all keys: where each may stand, how it is read, its default, what it accepts.
#include <string.h>
#include <strings.h>

#include "config_value.h"

#define IN(type) (1u << (type))
#define ENGINE IN(SECTION_CERTAUTO)
#define TEMPLATE IN(SECTION_OF_KIND(SECTION_TEMPLATE))
#define PROFILE IN(SECTION_OF_KIND(SECTION_PROFILE))
#define POLICY IN(SECTION_OF_KIND(SECTION_POLICY))
#define NOTIFY IN(SECTION_OF_KIND(SECTION_NOTIFY))
#define CERTIFICATE IN(SECTION_CERTIFICATE)
#define INHERITED (IN(SECTION_DEFAULTS) | IN(SECTION_GROUP) | CERTIFICATE)

#define SWITCH "yes, no, true, false, on or off"
#define DURATION "a whole number and s, m, h, d or w, as in 90s or 31d"
#define WAIT "a whole number above 0 and s, m, h, d or w, as in 10m"
#define PATH "an absolute path, as in /var/lib/certauto"
#define DAYS "all, or any of sun, mon, tue, wed, thu, fri, sat and ranges such as mon-fri, separated by commas"
#define PERIODS "all, or periods such as 22:00-04:00, separated by commas"
#define NAMED "the name of a section"
#define NAMED_LIST "names of sections, separated by commas"

// For reasons of layout a row is one line; NAME, reader, default, what it accepts, scopes, what it refers to, to come.
// clang-format off
const struct rule config_rules[RULE_COUNT] = {
    [SETTING_AUTO_RENEW] = {"auto_renew", config_parse_switch, "no", SWITCH, INHERITED, 0, false},
    [SETTING_RENEW] = {"renew", config_parse_renew, "auto",
        "auto, 31d before expiry (or just 31d), 33% before expiry, on expiry, or 3d after expiry", INHERITED, 0, false},
    [SETTING_TEMPLATE] = {"template", config_parse_section, "", NAMED, INHERITED, TEMPLATE, false},
    [SETTING_AUTO_PUBLISH] = {"auto_publish", config_parse_switch, "no", SWITCH, INHERITED, 0, false},
    [SETTING_PROFILE] = {"profile", config_parse_sections, "", NAMED_LIST, INHERITED, PROFILE, false},
    [SETTING_PUBLISH] = {"publish", config_parse_publish, "after renewal",
        "after renewal, on previous expiry, after previous expiry, or 3d after previous expiry", INHERITED, 0, false},
    [SETTING_DAYS] = {"days", config_parse_days, "all", DAYS, INHERITED, 0, false},
    [SETTING_PERIODS] = {"periods", config_parse_periods, "all", PERIODS, INHERITED, 0, false},
    [SETTING_RENEW_DAYS] = {"renew_days", config_parse_days, "", DAYS, INHERITED, 0, false},
    [SETTING_RENEW_PERIODS] = {"renew_periods", config_parse_periods, "", PERIODS, INHERITED, 0, false},
    [SETTING_PUBLISH_DAYS] = {"publish_days", config_parse_days, "", DAYS, INHERITED, 0, false},
    [SETTING_PUBLISH_PERIODS] = {"publish_periods", config_parse_periods, "", PERIODS, INHERITED, 0, false},
    [SETTING_OVERRIDE_SLOTS] = {"override_slots", config_parse_override, "never", "never, or 2d before expiry", INHERITED, 0, false},
    [SETTING_RETRY] = {"retry", config_parse_retry, "1m, 10m, 100m", "durations separated by commas, as in 1m, 10m, 100m", INHERITED, 0, false},
    [SETTING_MUST_KEEP] = {"must_keep", config_parse_must_keep, "", "any of names, eku, key_type and issuer, separated by commas", INHERITED, 0, false},
    [SETTING_NOTIFY_BEFORE] = {"notify_before", config_parse_warnings, "14d, 7d, 3d, 1d", "durations separated by commas, as in 14d, 7d", INHERITED, 0, false},
    [SETTING_POLICY] = {"policy", config_parse_sections, "", NAMED_LIST, INHERITED, POLICY, false},
    [SETTING_NOTIFY] = {"notify", config_parse_sections, "", NAMED_LIST, INHERITED, NOTIFY, false},
    [SETTING_KEY] = {"key", config_parse_key, "", "ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096", INHERITED | TEMPLATE, 0, false},
    [SETTING_REUSE_KEY] = {"reuse_key", config_parse_switch, "", SWITCH, INHERITED | TEMPLATE, 0, false},

    [RULE_NAMES] = {"names", config_parse_names, "", "DNS names, IP addresses, email:USER@HOST and uri:URI, separated by commas", CERTIFICATE, 0, false},
    [RULE_GROUP] = {"group", config_parse_sections, "", NAMED_LIST, CERTIFICATE, IN(SECTION_GROUP), false},
    [RULE_SUBJECT] = {"subject", config_parse_subject, "", "parts such as CN=www.example.com,O=Example", CERTIFICATE, 0, false},

    [RULE_HOOK] = {"hook", config_parse_hook, "", "the name of a hook", TEMPLATE | PROFILE | POLICY | NOTIFY, 0, false},
    [RULE_SECTION_TIMEOUT] = {"hook_timeout", config_parse_wait, "", WAIT, TEMPLATE | PROFILE, 0, false},
    [RULE_USAGE] = {"usage", config_parse_usage, "server", "any of server, client, email and code, separated by commas", TEMPLATE, 0, false},
    [RULE_TRUST] = {"trust", config_parse_path, "", PATH, TEMPLATE, 0, false},
    [RULE_TEMPLATE_PARALLEL] = {"max_parallel", config_parse_count, "", "a whole number from 1 to 1000", TEMPLATE, 0, false},
    [RULE_RATE] = {"rate", config_parse_rate, "", "a number and a duration, as in 50/7d", TEMPLATE, 0, true},
    [RULE_FALLBACK] = {"fallback", config_parse_section, "", NAMED, TEMPLATE, TEMPLATE, false},
    [RULE_FALLBACK_AFTER] = {"fallback_after", config_parse_count, "3", "a whole number from 1 to 1000", TEMPLATE, 0, false},
    [RULE_VERIFY] = {"verify", config_parse_verify, "", "tls://HOST:PORT", PROFILE, 0, false},
    [RULE_VERIFY_TIMEOUT] = {"verify_timeout", config_parse_wait, "30s", WAIT, PROFILE, 0, false},

    [RULE_STATE_DIR] = {"state_dir", config_parse_path, "/var/lib/certauto", PATH, ENGINE, 0, false},
    [RULE_RUN_DIR] = {"run_dir", config_parse_path, "/run/certauto", PATH, ENGINE, 0, false},
    [RULE_HOOKS_DIR] = {"hooks_dir", config_parse_path, "/etc/certauto/hooks", PATH, ENGINE, 0, false},
    [RULE_INCLUDE] = {"include", config_parse_include, "", "file names or patterns such as conf.d/*.ini, separated by commas", ENGINE, 0, false},
    [RULE_RUN] = {"run", config_parse_run, "daily", "daily, daily at HH:MM, or every DURATION", ENGINE, 0, false},
    [RULE_JITTER] = {"jitter", config_parse_duration, "1h", DURATION, ENGINE, 0, false},
    [RULE_MAX_PARALLEL] = {"max_parallel", config_parse_count, "4", "a whole number from 1 to 1000", ENGINE, 0, false},
    [RULE_HOOK_TIMEOUT] = {"hook_timeout", config_parse_wait, "10m", WAIT, ENGINE, 0, false},
    [RULE_HOOK_MEMORY] = {"hook_memory", config_parse_memory, "64m", "a whole number of MiB from 1m to 2047m", ENGINE, 0, false},
    [RULE_HOOK_USER] = {"hook_user", config_parse_account, "", "the name of an account", ENGINE, 0, false},
    [RULE_CLOCK] = {"clock", config_parse_clock, "check", "check or trust", ENGINE, 0, false},
    [RULE_LOG_LEVEL] = {"log_level", config_parse_log_level, "info", "error, warning, info or debug", ENGINE, 0, false},
    [RULE_LOG_FORMAT] = {"log_format", config_parse_log_format, "text", "text or json", ENGINE, 0, false},
    [RULE_LOG_TARGET] = {"log_target", config_parse_log_target, "stderr", "stderr or syslog", ENGINE, 0, false},
    [RULE_METRICS_FILE] = {"metrics_file", config_parse_path, "", PATH, ENGINE, 0, true},
    [RULE_KEEP] = {"keep", config_parse_keep, "3", "a whole number from 0 to 1000", ENGINE, 0, false},
    [RULE_TIMEZONE] = {"timezone", config_parse_zone, "system",
        "system, a zone name such as Europe/Berlin, or a POSIX string such as CET-1CEST,M3.5.0,M10.5.0/3", ENGINE, 0, false},
};
// clang-format on

static const char *const section_words[SECTION_TYPE_COUNT] = {
    [SECTION_CERTAUTO] = "certauto",
    [SECTION_DEFAULTS] = "defaults",
    [SECTION_GROUP] = "group",
    [SECTION_OF_KIND(SECTION_TEMPLATE)] = "template",
    [SECTION_OF_KIND(SECTION_PROFILE)] = "profile",
    [SECTION_OF_KIND(SECTION_POLICY)] = "policy",
    [SECTION_OF_KIND(SECTION_NOTIFY)] = "notify",
    [SECTION_CERTIFICATE] = "certificate",
};

const char *config_section_word(enum section_type type)
{
    return section_words[type];
}

const char *config_hook_kind(enum section_kind kind)
{
    static const char *const kinds[] = {
        [SECTION_TEMPLATE] = "issue",
        [SECTION_PROFILE] = "publish",
        [SECTION_POLICY] = "policy",
        [SECTION_NOTIFY] = "notify",
    };
    return kinds[kind];
}

int config_rule(enum section_type type, const char *key, int hint)
{
    int rule = hint;

    do {
        // The first letter tells most rows apart.
        const struct rule *row = &config_rules[rule];
        if ((row->scopes & IN(type)) != 0 && row->key[0] == (key[0] | 0x20) && strcasecmp(row->key, key) == 0) {
            return rule;
        }
        rule = rule + 1 == RULE_COUNT ? 0 : rule + 1;
    } while (rule != hint);
    return -1;
}
