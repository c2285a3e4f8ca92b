// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of effective settings: which section wins, groups, slots apart, keys, references, review and digests.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

#define DAY 86400

static const char sections[] = "[template t1]\nhook = ca\nurl = https://one\nkey = ecdsa-p384\n"
                               "[template t2]\nhook = ca\nurl = https://two\nreuse_key = yes\n"
                               "[profile p1]\nhook = copy\ntarget = /p1\n"
                               "[profile p2]\nhook = copy\ntarget = /p2\n";

// Loads the sections above and then this text, which begins in line 17.
static struct config *load_with(const char *text)
{
    char all[4096];

    snprintf(all, sizeof(all), "%s%s", sections, text);
    return load_good(all);
}

static struct settings settings_of(const struct config *config, const char *name, const char *group)
{
    struct settings settings;

    // Whatever is not set shows.
    memset(&settings, 0xa5, sizeof(settings));
    config_settings(config, config_find(config, name), group == NULL ? NULL : config_group(config, group), &settings);
    return settings;
}

static void the_nearest_section_wins(void **unused)
{
    (void)unused;
    struct config *config = load_with(
        "[defaults]\nauto_renew = yes\nrenew = 10d\ntemplate = t1\nprofile = p1\npublish = on previous expiry\n"
        "[group g]\nrenew = 20d\ntemplate = t2\noverride_slots = 1d before expiry\n"
        "[certificate a]\ngroup = g\nrenew = 30d\nprofile = p2, p1\nauto_renew = no\n"
        "[certificate b]\ngroup = g\n"
        "[certificate c]\n");
    struct settings a = settings_of(config, "a", "g");
    assert_false(a.auto_renew);
    assert_false(a.auto_publish);
    assert_int_equal(a.renew.amount, 30 * DAY);
    assert_string_equal(a.template->section.name, "t2");
    assert_int_equal(a.profiles.count, 2);
    assert_string_equal(a.profiles.list[0]->section.name, "p2");
    assert_string_equal(a.profiles.list[1]->section.name, "p1");
    assert_int_equal(a.publish.rule, PUBLISH_ON_PREVIOUS_EXPIRY);
    assert_int_equal(a.override_before_s, DAY);
    struct settings b = settings_of(config, "b", "g");
    assert_true(b.auto_renew);
    assert_int_equal(b.renew.amount, 20 * DAY);
    assert_string_equal(b.profiles.list[0]->section.name, "p1");
    // Without the group, [defaults] are next.
    b = settings_of(config, "b", NULL);
    assert_int_equal(b.renew.amount, 10 * DAY);
    assert_string_equal(b.template->section.name, "t1");
    assert_int_equal(b.override_before_s, -1);
    struct settings c = settings_of(config, "c", NULL);
    assert_int_equal(c.renew.amount, 10 * DAY);
    assert_int_equal(c.policies.count, 0);
    assert_int_equal(c.notifies.count, 0);
    assert_int_equal(c.must_keep, 0);
    config_free(config);
}

static void an_empty_list_is_none(void **unused)
{
    (void)unused;
    struct config *config = load_with(
        "[defaults]\ntemplate = t1\nprofile = p1\n[certificate a]\ntemplate =\nprofile =\ngroup =\nnames =\nsubject =\n");
    struct settings a = settings_of(config, "a", NULL);
    assert_null(a.template);
    assert_int_equal(a.profiles.count, 0);
    assert_int_equal(config->certificates[0].group_count, 0);
    assert_null(config->certificates[0].names);
    assert_null(config->certificates[0].subject);
    config_free(config);
}

static void groups_are_kept_in_their_order(void **unused)
{
    (void)unused;
    struct config *config =
        load_good("[certificate a]\ngroup = y, x\nsubject = CN=a.example,O=A\nnames = b.example,A.example\n"
                  "[certificate b]\ngroup = y, x\n[group x]\n[group y]\n");
    const struct certificate *a = config_find(config, "a"), *b = config_find(config, "b");
    assert_int_equal(a->group_count, 2);
    assert_string_equal(group_name(a->groups[0]), "y");
    assert_string_equal(group_name(a->groups[1]), "x");
    assert_ptr_equal(a->groups[1], config_group(config, "x"));
    assert_ptr_equal(a->groups[0], b->groups[0]);
    assert_string_equal(a->subject, "CN=a.example,O=A");
    assert_string_equal(a->names, "b.example, a.example");
    assert_null(config_group(config, "z"));
    config_free(config);
}

static void policies_and_notifies_are_sections_of_their_own(void **unused)
{
    struct settings settings;
    (void)unused;
    write_text("main.ini", "[policy a]\nhook = approval-file\nagain = 5m\n[policy b]\nhook = approval-file\n"
                           "[notify n]\nhook = exec\ncommand = tell me\n"
                           "[defaults]\npolicy = a\nnotify = n\nnotify_before = 3d, 1d\n[group g]\npolicy = b, a\n"
                           "[certificate c]\ngroup = g\n[certificate d]\nnotify =\n");
    struct config *config = config_load(path_of("main.ini"), NULL, &problems);
    assert_non_null(config);
    config_settings(config, config_find(config, "c"), config_group(config, "g"), &settings);
    assert_int_equal(settings.policies.count, 2);
    assert_string_equal(settings.policies.list[0]->name, "b");
    assert_string_equal(settings.policies.list[1]->hook, "approval-file");
    assert_string_equal(settings.policies.list[1]->options[0].value, "5m");
    assert_int_equal(settings.policies.list[1]->hook_timeout_s, 600);
    assert_string_equal(settings.notifies.list[0]->name, "n");
    assert_int_equal(settings.notify_before.count, 2);
    config_settings(config, config_find(config, "d"), NULL, &settings);
    assert_int_equal(settings.notifies.count, 0);
    assert_int_equal(config_defaults(config)->notifies.count, 1);
    assert_true(config->notifies);
    config_free(config);
}

static void slots_of_both_steps_may_be_apart(void **unused)
{
    (void)unused;
    struct config *config = load_good("[defaults]\ndays = mon-fri\nperiods = 01:00-02:00\nrenew_days = sat\n"
                                      "[group g]\npublish_periods = 03:00-04:00\n"
                                      "[certificate a]\ngroup = g\n"
                                      "[certificate b]\ngroup = g\ndays = sun\npublish_periods = all\n"
                                      "[certificate c]\nrenew_days =\n");
    struct settings a = settings_of(config, "a", "g");
    assert_int_equal(a.renew_slots->days, 0x40);
    assert_int_equal(a.renew_slots->periods[0].start_min, 60);
    assert_int_equal(a.publish_slots->days, 0x3e);
    assert_int_equal(a.publish_slots->periods[0].start_min, 180);
    // A key that stands apart is not changed by the one for both, however near that is.
    struct settings b = settings_of(config, "b", "g");
    assert_int_equal(b.renew_slots->days, 0x40);
    assert_int_equal(b.publish_slots->days, 0x01);
    assert_int_equal(b.publish_slots->period_count, 0);
    assert_int_equal(b.renew_slots->period_count, 1);
    // Without its group, too.
    b = settings_of(config, "b", NULL);
    assert_int_equal(b.publish_slots->days, 0x01);
    // An empty one is "days" again.
    assert_int_equal(settings_of(config, "c", NULL).renew_slots->days, 0x3e);
    // Equal slots are one.
    assert_ptr_equal(settings_of(config, "a", NULL).publish_slots, settings_of(config, "c", NULL).renew_slots);
    config_free(config);
}

static void many_different_slots_are_all_kept(void **unused)
{
    struct buf text;
    char name[16];
    (void)unused;
    buf_init(&text, 1024 * 1024);
    for (int i = 0; i < 1000; i++) {
        buf_format(&text, "[certificate c%d]\nperiods = %02d:%02d-23:59\n", i, i / 60, i % 60);
    }
    struct config *config = load_good(buf_string(&text));
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        assert_int_equal(settings_of(config, name, NULL).renew_slots->periods[0].start_min, i);
    }
    config_free(config);
    buf_free(&text);
}

static void the_key_is_the_certificates_then_the_groups_then_the_templates(void **unused)
{
    static const struct {
        const char *name, *group;
        enum key_type key;
        bool has, own, reuse, has_reuse;
    } table[] = {
        {"plain", NULL, KEY_RSA_3072, true, false, false, false},     // [defaults]
        {"with-t1", NULL, KEY_ECDSA_P384, true, false, false, false}, // the template's
        {"with-t2", NULL, KEY_RSA_3072, true, false, true, true},     // it has none; its reuse_key
        {"with-t1", "g", KEY_RSA_4096, true, false, false, true},     // the group's
        {"own", "g", KEY_RSA_2048, true, true, false, true},
        {"empty", "g", KEY_ECDSA_P384, true, false, false, true}, // "key =": the template's again
        {"empty-plain", NULL, KEY_ECDSA_P256, false, false, false, false},
        {"plain", "g", KEY_RSA_4096, true, false, false, true},
    };
    (void)unused;
    struct config *config =
        load_with("[defaults]\nkey = rsa-3072\n[group g]\nkey = rsa-4096\nreuse_key = no\n"
                  "[certificate plain]\n[certificate with-t1]\ntemplate = t1\n[certificate with-t2]\ntemplate = t2\n"
                  "[certificate own]\ntemplate = t1\nkey = rsa-2048\n"
                  "[certificate empty]\ntemplate = t1\nkey =\n[certificate empty-plain]\nkey =\n");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct settings settings = settings_of(config, table[i].name, table[i].group);
        if (settings.key != table[i].key || settings.has_key != table[i].has || settings.key_is_own != table[i].own ||
            settings.reuse_key != table[i].reuse || settings.has_reuse_key != table[i].has_reuse) {
            fail_msg("%s in %s: %s", table[i].name, table[i].group == NULL ? "no group" : table[i].group,
                     key_type_name(settings.key));
        }
    }
    config_free(config);
}

static void every_unknown_reference_is_named(void **unused)
{
    (void)unused;
    assert_null(
        load_text("[group web]\ntemplate = lokal\n[certificate a]\ngroup = web, wbe, mail\n"
                  "[certificate b]\ngroup = web, wbe, mail\nprofile = p\n[template local]\nhook = ca\nurl = x://y\n"
                  "[defaults]\nprofile = q\n"));
    EXPECT_MISTAKE("main.ini", 4, "template: there is no [template lokal]: did you mean 'local'?");
    EXPECT_MISTAKE("main.ini", 6, "group: there is no [group wbe]: did you mean 'web'?");
    EXPECT_MISTAKE("main.ini", 6, "group: there is no [group mail]");
    EXPECT_MISTAKE("main.ini", 8, "there is no [group wbe]");
    EXPECT_MISTAKE("main.ini", 8, "there is no [group mail]");
    EXPECT_MISTAKE("main.ini", 9, "there is no [profile p]");
    EXPECT_MISTAKE("main.ini", 14, "there is no [profile q]");
    assert_int_equal(problems.count, 7);
    expect_one("[certificate a]\ngroup = x, x\n[group x]\n", 2, "'x' stands twice");
    expect_one("[certificate a]\ngroup = x y\n", 2, "blank inside");
    expect_one("[certificate a]\ngroup = x,\n", 2, "missing");
    expect_one("[certificate a]\ntemplate = x, y\n", 2, "only one name");
    expect_one("[certificate a]\ngroup = ../x\n", 2, "begins with '.'");
    // Names are not words: their case counts.
    expect_one("[certificate a]\ngroup = Web\n[group web]\n", 2, "no [group Web]: did you mean 'web'?");
}

static void a_similar_certificate_is_found(void **unused)
{
    (void)unused;
    struct config *config = load_good("[certificate www.example.com]\n[certificate mail.example.com]\n");
    assert_string_equal(config_similar(config, "mial.example.com"), "mail.example.com");
    assert_null(config_similar(config, "quite-another-thing"));
    assert_null(config_find(config, "mial.example.com"));
    config_free(config);
}

// ---- Review

struct reviewed {
    struct buf text;
};

static void add_review(void *context, const char *key, const char *value, const char *source)
{
    struct reviewed *reviewed = context;
    const char *slash = strstr(source, "main.ini");

    // The folder's name differs from run to run.
    buf_format(&reviewed->text, "%s=%s <%.*s%s>\n", key, value,
               slash == NULL ? (int)strlen(source) : (int)(strcspn(source, "/")), source, slash == NULL ? "" : slash);
}

static void review_of(const struct config *config, const char *name, const char *group, struct reviewed *out)
{
    buf_init(&out->text, 65536);
    config_review(config, name == NULL ? NULL : config_find(config, name),
                  group == NULL ? NULL : config_group(config, group), add_review, out);
}

static void review_names_every_setting_and_its_source(void **unused)
{
    static const char *const lines[] = {
        "names=a.example, b.example <main.ini:31>\n",
        "group=g <main.ini:30>\n",
        "subject= <default>\n",
        "auto_renew=YES <[defaults] main.ini:20>\n",
        "renew=20d <[group g] main.ini:25>\n",
        "template=t1 <[defaults] main.ini:21>\n",
        "auto_publish=no <default>\n",
        "profile=p2, p1 <main.ini:32>\n",
        "publish=after renewal <default>\n",
        "days=mon, tue <[defaults] main.ini:22>\n",
        "periods=all <default>\n",
        "renew_days=sat <main.ini:33>\n",
        "renew_periods=all <default>\n",
        "publish_days=mon, tue <[defaults] main.ini:22>\n",
        "publish_periods=all <default>\n",
        "override_slots=never <default>\n",
        "retry=1m, 10m, 100m <default>\n",
        "must_keep= <default>\n",
        "notify_before=14d, 7d, 3d, 1d <default>\n",
        "policy= <default>\n",
        "notify= <default>\n",
        "key=ecdsa-p384 <[template t1] main.ini:6>\n",
        "reuse_key=on <[group g] main.ini:26>\n",
        "template t1.hook=ca <main.ini:4>\n",
        "template t1.usage=server <default>\n",
        "template t1.url=https://one <main.ini:5>\n",
        "template t1.lifetime=90d <default>\n",
        "template t1.token= <default>\n",
        "profile p2.target=/p2 <main.ini:16>\n",
        "profile p1.target=/p1 <main.ini:13>\n",
        "profile p1.mode=0644 <default>\n",
    };
    struct reviewed review;
    (void)unused;
    struct config *config =
        load_with("# 17\n# 18\n[defaults]\nauto_renew = YES\ntemplate = t1\ndays = mon,tue\n# 23\n"
                  "[group g]\nrenew = 20d\nreuse_key = on\n# 27\n# 28\n"
                  "[certificate a]\ngroup = g\nnames = A.example,b.example\nprofile = p2,p1\nrenew_days = sat\n");
    review_of(config, "a", "g", &review);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (strstr(buf_string(&review.text), lines[i]) == NULL) {
            fail_msg("no %s in:\n%s", lines[i], buf_string(&review.text));
        }
    }
    buf_free(&review.text);
    // Without the group its settings are gone.
    review_of(config, "a", NULL, &review);
    assert_non_null(strstr(buf_string(&review.text), "\nrenew=auto <default>\n"));
    assert_non_null(strstr(buf_string(&review.text), "\nreuse_key=no <default>\n"));
    buf_free(&review.text);
    // The engine's own.
    review_of(config, NULL, NULL, &review);
    assert_non_null(strstr(buf_string(&review.text), "state_dir=/var/lib/certauto <default>\n"));
    assert_non_null(strstr(buf_string(&review.text), "run=daily <default>\n"));
    assert_non_null(strstr(buf_string(&review.text), "timezone=system <default>\n"));
    assert_non_null(strstr(buf_string(&review.text), "main.ini:2>\n"));
    buf_free(&review.text);
    config_free(config);
}

// ---- Digests

static void digests_of(const char *text, char issue[65], char publish[65])
{
    struct config *config = load_good(text);
    struct settings settings = settings_of(config, "a", NULL);

    config_digest(config, config_find(config, "a"), &settings, NULL, issue);
    strcpy(publish, "");
    if (settings.profiles.count > 0) {
        config_digest(config, config_find(config, "a"), &settings, settings.profiles.list[0], publish);
    }
    config_free(config);
}

static void digests_change_with_what_the_step_depends_on(void **unused)
{
    static const char base[] =
        "[template t]\nhook = ca\nurl = x://y\ntoken = @/etc/t\n[profile p]\nhook = copy\ntarget = /p\n"
        "[certificate a]\nnames = a.example\ntemplate = t\nprofile = p\n";
    static const struct {
        const char *text;
        bool issue, publish;
    } table[] = {
        // The order, another certificate, comments, a default written out, slots: nothing changes.
        {"[certificate a]\nprofile = p\ntemplate = t\nnames = A.example\n# x\n[certificate b]\n[profile p]\ntarget = /p\nhook = copy\n"
         "[template t]\ntoken = @/etc/t\nlifetime = 90d\nurl = x://y\nhook = ca\nusage = Server\n",
         false, false},
        {"days = x", false, false},
        {"[template t]\nhook = ca\nurl = x://z\ntoken = @/etc/t\n[profile p]\nhook = copy\ntarget = /p\n"
         "[certificate a]\nnames = a.example\ntemplate = t\nprofile = p\n",
         true, false},
        {"[template t]\nhook = ca\nurl = x://y\ntoken = @/etc/t\nkey = rsa-2048\n[profile p]\nhook = copy\ntarget = /p\n"
         "[certificate a]\nnames = a.example\ntemplate = t\nprofile = p\n",
         true, false},
        {"[template t]\nhook = ca\nurl = x://y\ntoken = @/etc/t\n[profile p]\nhook = copy\ntarget = /p\nmode = 0600\n"
         "[certificate a]\nnames = a.example\ntemplate = t\nprofile = p\n",
         false, true},
        {"[template t]\nhook = ca\nurl = x://y\ntoken = @/etc/t\n[profile p]\nhook = copy\ntarget = /p\n"
         "[certificate a]\nnames = a.example, b.example\ntemplate = t\nprofile = p\n",
         true, false},
        {"[template t]\nhook = ca\nurl = x://y\ntoken = @/etc/t\n[profile p]\nhook = copy\ntarget = /p\n"
         "[certificate a]\nnames = a.example\nsubject = CN=x\ntemplate = t\nprofile = p\n",
         true, false},
        {"hook_timeout = 9m\n[template t]\nhook = ca\nurl = x://y\ntoken = @/etc/t\n[profile p]\nhook = copy\ntarget = /p\n"
         "[certificate a]\nnames = a.example\ntemplate = t\nprofile = p\n",
         true, true},
    };
    char issue[65], publish[65], other_issue[65], other_publish[65];
    (void)unused;
    digests_of(base, issue, publish);
    assert_int_equal(strlen(issue), 64);
    assert_int_equal(strspn(issue, "0123456789abcdef"), 64);
    assert_string_not_equal(issue, publish);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%s", table[i].text);
        if (strcmp(text, "days = x") == 0) {
            snprintf(text, sizeof(text), "%sdays = mon\nauto_renew = yes\nretry = 1s\n", base);
        }
        digests_of(text, other_issue, other_publish);
        assert_int_equal(strcmp(issue, other_issue) != 0, table[i].issue);
        assert_int_equal(strcmp(publish, other_publish) != 0, table[i].publish);
    }
}

// ---- Memory

static int fail_after = -1;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fail_after >= 0 && fail_after-- == 0 ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return fail_after >= 0 && fail_after-- == 0 ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
    return fail_after >= 0 && fail_after-- == 0 ? NULL : __real_realloc(old, size);
}

// Whichever allocation fails: a configuration that is whole, or none and a mistake. Never something in between.
static void no_failed_allocation_goes_unnoticed(void **unused)
{
    static const struct hook_source hooks = {.declare = fixture_declare};
    char path[512];
    int n = 0;
    (void)unused;
    struct config *config =
        load_with("[defaults]\nretry = 1m, 2m\ndays = mon,tue\n[group g]\n"
                  "[certificate a]\ngroup = g\nnames = a.example,b.example\nprofile = p1,p2\nperiods = 01:00-02:00\n");
    config_free(config);
    snprintf(path, sizeof(path), "%s", path_of("main.ini"));
    for (;; n++) {
        fail_after = n;
        config = config_load(path, &hooks, &problems);
        bool reached = fail_after < 0;
        fail_after = -1;
        if (config != NULL) {
            assert_int_equal(config->certificate_count, 1);
            struct settings settings = settings_of(config, "a", "g");
            assert_int_equal(settings.profiles.count, 2);
            assert_int_equal(settings.renew_slots->days, 6);
            assert_int_equal(settings.renew_slots->period_count, 1);
        } else {
            assert_true(problems.mistakes > 0);
        }
        config_free(config);
        problems_free(&problems);
        if (!reached) {
            break;
        }
    }
    assert_true(n > 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_nearest_section_wins),
        TEST(an_empty_list_is_none),
        TEST(groups_are_kept_in_their_order),
        TEST(policies_and_notifies_are_sections_of_their_own),
        TEST(slots_of_both_steps_may_be_apart),
        TEST(many_different_slots_are_all_kept),
        TEST(the_key_is_the_certificates_then_the_groups_then_the_templates),
        TEST(every_unknown_reference_is_named),
        TEST(a_similar_certificate_is_found),
        TEST(review_names_every_setting_and_its_source),
        TEST(digests_change_with_what_the_step_depends_on),
        TEST(no_failed_allocation_goes_unnoticed),
    };
    return cmocka_run_group_tests_name("config settings", tests, NULL, NULL);
}
