// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of values: what every key takes, what it means, and what it refuses; options of hooks by their types.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_data.h"
#include "config_fixture.h"
#include "zone.h"

#define HOUR 3600
#define DAY 86400
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

// The settings of the only certificate, which has this line; the configuration is freed by the caller.
static struct config *load_line(const char *line, struct settings *settings)
{
    char text[1024];

    snprintf(text, sizeof(text), "[certificate a]\n%s\n", line);
    struct config *config = load_good(text);
    config_settings(config, config_find(config, "a"), NULL, settings);
    return config;
}

static void refuse(const char *section, const char *key, const char *const *values, size_t count, const char *words)
{
    for (size_t i = 0; i < count; i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%s\n%s = %s\n", section, key, values[i]);
        expect_one(text, 2, words);
    }
}

static void switches_are_yes_or_no_in_any_case(void **unused)
{
    static const char *const yes[] = {"yes", "true", "on", "YES", "True", "oN"};
    static const char *const no[] = {"no", "false", "off", "No"};
    static const char *const bad[] = {"1", "0", "y", "yes please", "ja"};
    struct settings settings;
    char line[64];
    (void)unused;
    for (size_t i = 0; i < COUNT(yes); i++) {
        snprintf(line, sizeof(line), "auto_publish = %s", yes[i]);
        struct config *config = load_line(line, &settings);
        assert_true(settings.auto_publish);
        config_free(config);
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        snprintf(line, sizeof(line), "[defaults]\nauto_renew = yes\n[certificate b]\nauto_renew = %s", no[i]);
        struct config *config = load_good(line);
        config_settings(config, config_find(config, "b"), NULL, &settings);
        assert_false(settings.auto_renew);
        config_free(config);
    }
    refuse("[certificate a]", "auto_renew", bad, COUNT(bad), "give yes, no");
}

static void renew_has_five_rules(void **unused)
{
    static const struct {
        const char *text;
        enum renew_rule rule;
        int64_t amount;
    } table[] = {
        {"auto", RENEW_AUTO, 0},
        {"AUTO", RENEW_AUTO, 0},
        {"31d before expiry", RENEW_BEFORE, 31 * DAY},
        {"31D  Before\tExpiry", RENEW_BEFORE, 31 * DAY},
        {"31d", RENEW_BEFORE, 31 * DAY},
        {"36h", RENEW_BEFORE, 36 * HOUR},
        {"2w", RENEW_BEFORE, 14 * DAY},
        {"5m", RENEW_BEFORE, 300},
        {"1s", RENEW_BEFORE, 1},
        {"33% before expiry", RENEW_BEFORE_PERCENT, 33},
        {"99% before expiry", RENEW_BEFORE_PERCENT, 99},
        {"on expiry", RENEW_ON_EXPIRY, 0},
        {"3d after expiry", RENEW_AFTER_EXPIRY, 3 * DAY},
    };
    static const char *const bad[] = {"31",
                                      "31 d",
                                      "d",
                                      "-1d",
                                      "1.5d",
                                      "0d",
                                      "0d before expiry",
                                      "33%",
                                      "0% before expiry",
                                      "100% before expiry",
                                      "33% after expiry",
                                      "before expiry",
                                      "after expiry",
                                      "31d before",
                                      "31d before expiry please",
                                      "on expiration",
                                      "never",
                                      "31d, 3d",
                                      "99999999999999999999d",
                                      "101w before expiry x"};
    (void)unused;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct settings settings;
        char line[128];
        snprintf(line, sizeof(line), "renew = %s", table[i].text);
        struct config *config = load_line(line, &settings);
        assert_int_equal(settings.renew.rule, table[i].rule);
        assert_int_equal(settings.renew.amount, table[i].amount);
        config_free(config);
    }
    refuse("[certificate a]", "renew", bad, COUNT(bad), "give auto, 31d before expiry");
}

static void publish_has_three_rules(void **unused)
{
    static const struct {
        const char *text;
        enum publish_rule rule;
        int64_t after_s;
    } table[] = {
        {"after renewal", PUBLISH_AFTER_RENEWAL, 0},
        {"on previous expiry", PUBLISH_ON_PREVIOUS_EXPIRY, 0},
        {"After Previous Expiry", PUBLISH_AFTER_PREVIOUS_EXPIRY, DAY},
        {"3d after previous expiry", PUBLISH_AFTER_PREVIOUS_EXPIRY, 3 * DAY},
    };
    static const char *const bad[] = {"after",
                                      "on expiry",
                                      "3d after renewal",
                                      "0d after previous expiry",
                                      "renewal",
                                      "3 d after previous expiry",
                                      "3d before previous expiry",
                                      "always"};
    (void)unused;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct settings settings;
        char line[128];
        snprintf(line, sizeof(line), "publish = %s", table[i].text);
        struct config *config = load_line(line, &settings);
        assert_int_equal(settings.publish.rule, table[i].rule);
        assert_int_equal(settings.publish.after_s, table[i].after_s);
        config_free(config);
    }
    refuse("[certificate a]", "publish", bad, COUNT(bad), "give after renewal");
}

static void days_are_words_and_ranges(void **unused)
{
    static const struct {
        const char *text;
        uint8_t days;
    } table[] = {
        {"all", 0x7f},           {"ALL", 0x7f},          {"sun", 0x01},     {"sat", 0x40},
        {"mon,wed , FRI", 0x2a}, {"mon-fri", 0x3e},      {"sat-mon", 0x43}, {"Saturday-Sunday", 0x41},
        {"mon-mon", 0x02},       {"tuesday, tue", 0x04}, {"sun-sat", 0x7f}, {"fri-thu", 0x7f},
    };
    static const char *const bad[] = {"none",     "mo",          "mon-",     "-mon", "mon - fri", "mon fri",
                                      "mon,,fri", "mon-tue-wed", "all, mon", "1",    "mon-all"};
    (void)unused;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct settings settings;
        char line[128];
        snprintf(line, sizeof(line), "days = %s", table[i].text);
        struct config *config = load_line(line, &settings);
        assert_int_equal(settings.renew_slots->days, table[i].days);
        assert_int_equal(settings.publish_slots->days, table[i].days);
        assert_int_equal(settings.renew_slots->period_count, 0);
        config_free(config);
    }
    refuse("[certificate a]", "days", bad, COUNT(bad), "ranges such as mon-fri");
}

static void periods_may_cross_midnight(void **unused)
{
    static const char *const bad[] = {"8:00-12:00",
                                      "08:00",
                                      "08:00-",
                                      "08:00-08:00",
                                      "00:00-00:00",
                                      "24:00-08:00",
                                      "08:00-24:01",
                                      "08:60-09:00",
                                      "25:00-26:00",
                                      "08:00 - 12:00",
                                      "08:00-12:00 13:00-14:00",
                                      "08:00-12:00,",
                                      "all, 08:00-12:00",
                                      "08.00-12.00",
                                      "morning"};
    struct settings settings;
    (void)unused;
    struct config *config = load_line("periods = 20:00-04:00, 08:00-24:00,12:30-00:00", &settings);
    const struct slots *slots = settings.publish_slots;
    assert_int_equal(slots->period_count, 3);
    assert_int_equal(slots->periods[0].start_min, 1200);
    assert_int_equal(slots->periods[0].end_min, 240);
    assert_int_equal(slots->periods[1].end_min, 1440);
    assert_int_equal(slots->periods[2].start_min, 750);
    assert_int_equal(slots->periods[2].end_min, 0);
    config_free(config);
    config = load_line("periods = all", &settings);
    assert_int_equal(settings.renew_slots->period_count, 0);
    config_free(config);
    refuse("[certificate a]", "periods", bad, COUNT(bad), "periods such as 22:00-04:00");
    // As many as there is room for, and one more.
    struct buf line;
    buf_init(&line, 4096);
    buf_text(&line, "periods = 00:00-00:01");
    for (int i = 1; i < SCHEDULE_MAX_PERIODS; i++) {
        buf_format(&line, ",%02d:00-%02d:30", i % 24, i % 24);
    }
    config = load_line(buf_string(&line), &settings);
    assert_int_equal(settings.renew_slots->period_count, SCHEDULE_MAX_PERIODS);
    config_free(config);
    char text[4096];
    snprintf(text, sizeof(text), "[certificate a]\n%s,23:00-23:10\n", buf_string(&line));
    expect_one(text, 2, "more than 32 periods");
    buf_free(&line);
}

static void retry_and_override_are_durations(void **unused)
{
    static const char *const bad_retry[] = {"1", "1m 2m", "1m,,2m", "1m,", "soon", "1m, 2"};
    static const char *const bad_override[] = {"always", "2d", "before expiry", "2d before", "2 d before expiry"};
    struct settings settings;
    (void)unused;
    struct config *config = load_line("retry = 10s,2m , 3h\noverride_slots = 2d Before expiry", &settings);
    assert_int_equal(settings.retry.count, 3);
    assert_int_equal(settings.retry.s[0], 10);
    assert_int_equal(settings.retry.s[2], 3 * HOUR);
    assert_int_equal(settings.override_before_s, 2 * DAY);
    config_free(config);
    config = load_line("override_slots = never", &settings);
    assert_int_equal(settings.override_before_s, -1);
    assert_int_equal(settings.retry.count, 3);
    assert_int_equal(settings.retry.s[0], 60);
    assert_int_equal(settings.retry.s[1], 600);
    assert_int_equal(settings.retry.s[2], 6000);
    assert_int_equal(settings.notify_before.count, 4);
    config_free(config);
    refuse("[certificate a]", "retry", bad_retry, COUNT(bad_retry), "as in 1m, 10m, 100m");
    refuse("[certificate a]", "override_slots", bad_override, COUNT(bad_override), "give never");
}

static void the_engine_has_its_settings(void **unused)
{
    (void)unused;
    struct config *config = load_good("state_dir = /s\nrun_dir = /r\nrun = daily at 23:59\njitter = 0s\n"
                                      "max_parallel = 1000\nhook_timeout = 1s\nhook_memory = 2047M\nhook_user = root\n"
                                      "clock = trust\nlog_level = error\nlog_format = JSON\nlog_target = syslog\n"
                                      "keep = 0\ntimezone = CET-1CEST,M3.5.0,M10.5.0/3\n");
    const struct engine *engine = &config->engine;
    assert_string_equal(engine->state_dir, "/s");
    assert_string_equal(engine->run_dir, "/r");
    assert_string_equal(engine->hook_user, "root");
    assert_true(engine->runs.daily);
    assert_int_equal(engine->runs.at_min, 23 * 60 + 59);
    assert_int_equal(engine->jitter_s, 0);
    assert_int_equal(engine->max_parallel, 1000);
    assert_int_equal(engine->hook_timeout_s, 1);
    assert_int_equal(engine->hook_memory_bytes, 2047ll * 1024 * 1024);
    assert_true(engine->trust_clock);
    assert_int_equal(engine->log_level, LOG_LEVEL_ERROR);
    assert_int_equal(engine->log_format, LOG_FORMAT_JSON);
    assert_int_equal(engine->log_target, LOG_TARGET_SYSLOG);
    assert_int_equal(engine->keep, 0);
    assert_int_equal(zone_offset(engine->zone, 0, NULL), HOUR);
    config_free(config);
    config = load_good("run = every 6h\n");
    assert_false(config->engine.runs.daily);
    assert_int_equal(config->engine.runs.every_s, 6 * HOUR);
    config_free(config);
}

static void the_engine_refuses_other_values(void **unused)
{
    static const char *const run[] = {"weekly", "daily at", "daily at 24:00", "daily at 3:00",   "daily 03:00",
                                      "every",  "every 0s", "every day",      "every 6h please", "at 03:00"};
    static const char *const count[] = {"0", "-1", "1001", "many", "1 2", "99999999999999999999"};
    static const char *const memory[] = {"64", "0m", "2048m", "64k", "1g", "m", "64 m"};
    static const char *const path[] = {"relative", "./x", "~/x"};
    static const char *const word[] = {"maybe", "infos", "check trust"};
    static const char *const wait[] = {"0s", "10", "10 m", "-1s", "200000w"};
    (void)unused;
    refuse("", "run", run, COUNT(run), "give daily, daily at HH:MM, or every DURATION");
    refuse("", "max_parallel", count, COUNT(count), "from 1 to 1000");
    refuse("", "keep", count + 1, COUNT(count) - 1, "from 0 to 1000");
    refuse("", "hook_memory", memory, COUNT(memory), "whole number of MiB");
    refuse("", "state_dir", path, COUNT(path), "absolute path");
    refuse("", "clock", word, COUNT(word), "check or trust");
    refuse("", "log_level", word, COUNT(word), "error, warning, info or debug");
    refuse("", "log_format", word, COUNT(word), "text or json");
    refuse("", "log_target", word, COUNT(word), "stderr or syslog");
    refuse("", "hook_timeout", wait, COUNT(wait), "above 0");
    expect_one("\nhook_user = no-such-account-here\n", 2, "no account 'no-such-account-here'");
}

static void zones_are_names_or_posix_strings_and_never_other_files(void **unused)
{
    static const char *const bad[] = {"../../etc/passwd",
                                      "/etc/localtime",
                                      "Europe/../../passwd",
                                      "Mars/Olympus",
                                      "CET",
                                      ".",
                                      "Europe",
                                      "Europe/",
                                      "UTC+",
                                      "zone.tab",
                                      "Europe/Berlin ,"};
    (void)unused;
    struct config *config = load_good("timezone = Europe/Berlin\n");
    assert_int_equal(zone_offset(config->engine.zone, 1800000000, NULL), HOUR);
    config_free(config);
    config = load_good("timezone = utc\n");
    assert_int_equal(zone_offset(config->engine.zone, 1800000000, NULL), 0);
    config_free(config);
    config = load_good("timezone = System\n");
    assert_non_null(config->engine.zone);
    config_free(config);
    // "CET" is a zone where the zone files have it.
    refuse("", "timezone", bad, 4, "no zone");
    refuse("", "timezone", bad + 5, COUNT(bad) - 5, "timezone: ");
    // TZ in the environment does not count.
    setenv("TZ", "Pacific/Kiritimati", 1);
    config = load_good("timezone = system\n");
    assert_int_not_equal(zone_offset(config->engine.zone, 1800000000, NULL), 14 * HOUR);
    config_free(config);
    unsetenv("TZ");
}

static void templates_have_keys_of_their_own(void **unused)
{
    (void)unused;
    struct config *config = load_good(
        "hook_timeout = 5m\n[template t]\nhook = ca\nurl = https://ca.example/dir\nkey = ECDSA-P384\nreuse_key = yes\n"
        "usage = server, Client,email,code\ntrust = /etc/ca.pem\nmax_parallel = 2\nhook_timeout = 7m\n"
        "[template u]\nhook = ca\nurl = https://u\n");
    const struct template *t = config_template(config, "t"), *u = config_template(config, "u");
    assert_string_equal(t->section.name, "t");
    assert_string_equal(t->section.hook, "ca");
    assert_int_equal(t->section.kind, SECTION_TEMPLATE);
    assert_int_equal(t->section.functions, HOOK_ISSUE);
    assert_int_equal(t->section.hook_timeout_s, 7 * 60);
    assert_int_equal(t->key, KEY_ECDSA_P384);
    assert_true(t->reuse_key);
    assert_int_equal(t->usage, 15);
    assert_string_equal(t->trust, "/etc/ca.pem");
    assert_int_equal(t->max_parallel, 2);
    assert_int_equal(t->section.option_count, 1);
    assert_string_equal(t->section.options[0].value, "https://ca.example/dir");
    assert_string_equal(t->section.options[0].declared->name, "url");
    assert_int_equal(t->section.declared_count, 3);
    assert_int_equal(u->section.hook_timeout_s, 5 * 60);
    assert_int_equal(u->usage, 1);
    assert_int_equal(u->key, KEY_ECDSA_P256);
    assert_false(u->has_key);
    assert_null(u->trust);
    assert_int_equal(u->max_parallel, 0);
    assert_null(config_template(config, "v"));
    config_free(config);
    expect_one("[template t]\nhook = ca\nurl = x://y\nkey = ecdsa-p521\n", 4, "give ecdsa-p256");
    expect_one("[template t]\nhook = ca\nurl = x://y\nusage = server, serverx\n", 4, "any of server");
    expect_one("[template t]\nhook = ca\nurl = x://y\ntrust = ca.pem\n", 4, "absolute path");
}

static void hooks_are_found_and_fit(void **unused)
{
    (void)unused;
    expect_one("[template t]\n", 1, "names no hook");
    expect_one("[template t]\nhook =\n", 1, "names no hook");
    expect_one("[template t]\nhook = ../ca\n", 2, "no name of a hook");
    expect_one("[template t]\nhook = copy\n", 2, "no issue hook 'copy'");
    expect_one("[template t]\nhook = local-cb\n", 2, "did you mean 'local-ca'?");
    expect_one("[template t]\nhook = broken\n", 2, "syntax error in line 3");
    expect_one("[template t]\nhook = lame\n", 2, "has no function issue()");
    expect_one("[template t]\nhook = greedy\n", 2, "'trust', which is a key of [template] itself");
    expect_one("[template t]\nhook = odd\n", 2,
               "declares the default 'soon' for its option 'wait', which is no duration");
    expect_one("[template t]\nhook = ca\n", 1, "lacks 'url'");
    expect_one("[template t]\nhook = ca\nurl =\n", 1, "lacks 'url'");
    expect_one("[template t]\nhook = ca\nurl = x://y\nurll = 1\n", 4, "did you mean 'url'?");
    expect_one("[template t]\nhook = ca\nurl = x://y\nURL = x://y\n", 4,
               "stands twice in this section: first in line 5");
    expect_one("[profile p]\nhook = ca\n", 2, "no publish hook 'ca'");
    expect_one("[profile p]\nhook = copy\nhook_timeout = x\n", 3, "above 0");
    // A secret is never shown.
    assert_null(load_text("[template t]\nhook = ca\nurl = x://y\ntoken = @relative-secret\n"));
    EXPECT_MISTAKE("main.ini", 6, "token: the value is not accepted; give @/PATH");
    assert_null(strstr(problems.list[0].message, "relative-secret"));
}

static void options_are_checked_by_their_types(void **unused)
{
    static const struct {
        const char *type, *good[6], *bad[9];
    } table[] = {
        {"string",
         {"x", "a b", "@/etc/x", "@credential:token", "@@x", "a@b"},
         {"@x", "@", "@credential:", "@credential:../x", "@credential:a/b"}},
        {"secret", {"x", "@/etc/x", "@@"}, {"@x"}},
        {"integer",
         {"0", "-5", "+7", "007", "9007199254740992", "00000000000000000001"},
         {"", "x", "1.5", "1 2", "--1", "9007199254740993", "0x10", "-"}},
        {"boolean", {"yes", "OFF"}, {"2", "maybe"}},
        {"duration", {"90d", "0s"}, {"90", "90 d", "-1d"}},
        {"path", {"/x", "/a b", "/x/%{name}.pem"}, {"x", "./x", "@/x"}},
        {"url",
         {"https://ca.example/x", "unix:///run/x"},
         {"ca.example", "https://", "://x", "https://a b", "https:/x"}},
        {"list", {"a", "a,b , c"}, {"a b", "a,,b", "a,", ","}},
        {"mode", {"0644", "600", "0000"}, {"64", "0999", "1777", "u=rw", "07777"}},
        {"command", {"systemctl reload nginx", "a 'b c' \"d\"", "a\\ b", "\"it's\""}, {"a 'b", "a \"b", "a\\", "'"}},
        {"certificate", {"www", "a.b"}, {"a b", ".a", "a/b"}},
        {"enum:fast|slow", {"fast", "slow", "FAST"}, {"", "fas", "fast|slow", "|"}},
        {"mystery", {NULL}, {"x"}},
    };
    (void)unused;
    for (size_t i = 0; i < COUNT(table); i++) {
        char room[256];
        for (size_t j = 0; j < COUNT(table[i].good) && table[i].good[j] != NULL; j++) {
            if (config_option_fault(table[i].type, table[i].good[j], room, sizeof(room)) != NULL) {
                fail_msg("%s '%s' is refused", table[i].type, table[i].good[j]);
            }
        }
        for (size_t j = 0; j < COUNT(table[i].bad) && table[i].bad[j] != NULL; j++) {
            if (config_option_fault(table[i].type, table[i].bad[j], room, sizeof(room)) == NULL) {
                fail_msg("%s '%s' is taken", table[i].type, table[i].bad[j]);
            }
        }
    }
    char room[16];
    assert_string_equal(config_option_fault("enum:fast|slow|a-very-long-word", "x", room, sizeof(room)), "fast, slow");
}

static void options_reach_the_section_as_they_were_written(void **unused)
{
    (void)unused;
    struct config *config =
        load_good("[certificate www]\n"
                  "[profile p]\nhook = copy\nTarget = /etc/x\nreload = a 'b c'\ntries = 3\nforce =\n"
                  "hosts = a, b\nclient = www\nhow = SLOW\nnote = @@home\n"
                  "[defaults]\nprofile = p\n");
    struct settings settings;
    config_settings(config, &config->certificates[0], NULL, &settings);
    assert_int_equal(settings.profiles.count, 1);
    const struct hook_section *section = &settings.profiles.list[0]->section;
    assert_int_equal(section->kind, SECTION_PROFILE);
    assert_int_equal(section->at.line, 4);
    // "force =" has no value: its default counts.
    assert_int_equal(section->option_count, 7);
    assert_string_equal(section->options[0].name, "target");
    assert_int_equal(section->options[0].at.line, 6);
    // A word arrives as the hook declares it.
    assert_string_equal(section->options[5].value, "slow");
    assert_string_equal(section->options[6].name, "note");
    assert_string_equal(section->options[6].value, "@@home");
    config_free(config);
    expect_one("[certificate www]\n[profile p]\nhook = copy\nclient = wwv\n", 4, "did you mean 'www'?");
    expect_one("[profile p]\nhook = copy\nhow = slowly\n", 3, "give fast, slow");
}

static void what_has_no_effect_yet_is_refused_by_name(void **unused)
{
    static const struct {
        const char *section, *line;
    } table[] = {
        {"", "metrics_file = /run/x.prom"},
        {"[template t]\nhook = ca\nurl = x://y", "rate = 50/7d"},
    };
    (void)unused;
    for (size_t i = 0; i < COUNT(table); i++) {
        char text[256], words[128];
        snprintf(text, sizeof(text), "%s\n%s\n", table[i].section, table[i].line);
        snprintf(words, sizeof(words), "'%.*s' has no effect in this version yet", (int)strcspn(table[i].line, " "),
                 table[i].line);
        unsigned line = 2;
        for (const char *at = table[i].section; *at != '\0'; at++) {
            line += *at == '\n';
        }
        expect_one(text, line, words);
        // Without a value it asks for nothing.
        snprintf(text, sizeof(text), "%s\n%.*s =\n", table[i].section, (int)strcspn(table[i].line, " "), table[i].line);
        config_free(load_good(text));
    }
    // Their values are typed all the same.
    expect_one("[defaults]\nmust_keep = everything\n", 2, "any of names, eku");
    expect_one("[template t]\nhook = ca\nurl = x://y\nrate = 50 a week\n", 4, "as in 50/7d");
    expect_one("[profile p]\nhook = copy\nverify = gopher://x\n", 3, "begins with tls://");
}

// Every default of the table is a value that the key takes.
static void every_default_is_accepted(void **unused)
{
    (void)unused;
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        const struct rule *row = &config_rules[rule];
        assert_non_null(row->key);
        assert_non_null(row->parse);
        assert_true(row->scopes != 0);
        assert_true(strlen(row->accepts) > 0);
        if (*row->fallback == '\0' || row->to_come) {
            continue;
        }
        int type = 0;
        while ((row->scopes & 1u << type) == 0) {
            type++;
        }
        char text[256];
        bool named = type != SECTION_CERTAUTO && type != SECTION_DEFAULTS;
        snprintf(text, sizeof(text), "[certificate x]\n[%s%s]\n%s%s = %s\n",
                 config_section_word((enum section_type)type), named ? " n" : "",
                 type == SECTION_OF_KIND(SECTION_TEMPLATE)  ? "hook = ca\nurl = x://y\n"
                 : type == SECTION_OF_KIND(SECTION_PROFILE) ? "hook = copy\n"
                                                            : "",
                 row->key, row->fallback);
        if (type == SECTION_CERTAUTO) {
            snprintf(text, sizeof(text), "[certauto]\n%s = %s\n", row->key, row->fallback);
            write_text("main.ini", text);
            struct config *config = load();
            assert_non_null(config);
            config_free(config);
        } else {
            config_free(load_good(text));
        }
    }
}

// certauto.ini(5) has every key, and lists those without effect.
static void the_manual_page_names_every_key(void **unused)
{
    struct buf page;
    struct error error;
    (void)unused;
    buf_init(&page, 1024 * 1024);
    if (file_read(AT_FDCWD, "man/certauto.ini.5", &page, &error) != 0) {
        fail_msg("%s (the tests run in the top folder)", error.message);
    }
    const char *start = strstr(buf_string(&page), ".Ss Not yet\n");
    assert_non_null(start);
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        const struct rule *row = &config_rules[rule];
        char word[64];
        snprintf(word, sizeof(word), "Cm %s", row->key);
        const char *found = strstr(buf_string(&page), word);
        if (found == NULL || found > start) {
            fail_msg("%s is not described", row->key);
        }
        snprintf(word, sizeof(word), " %s ", row->key);
        const char *end = strstr(start, "\n.Sh");
        found = strstr(start, word);
        if (row->to_come != (found != NULL && found < end)) {
            fail_msg("%s is said to %s", row->key, row->to_come ? "work" : "have no effect yet");
        }
    }
    buf_free(&page);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(switches_are_yes_or_no_in_any_case),
        TEST(renew_has_five_rules),
        TEST(publish_has_three_rules),
        TEST(days_are_words_and_ranges),
        TEST(periods_may_cross_midnight),
        TEST(retry_and_override_are_durations),
        TEST(the_engine_has_its_settings),
        TEST(the_engine_refuses_other_values),
        TEST(zones_are_names_or_posix_strings_and_never_other_files),
        TEST(templates_have_keys_of_their_own),
        TEST(hooks_are_found_and_fit),
        TEST(options_are_checked_by_their_types),
        TEST(options_reach_the_section_as_they_were_written),
        TEST(what_has_no_effect_yet_is_refused_by_name),
        TEST(every_default_is_accepted),
        TEST(the_manual_page_names_every_key),
    };
    return cmocka_run_group_tests_name("config values", tests, NULL, NULL);
}
