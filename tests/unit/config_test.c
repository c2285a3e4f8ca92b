// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of the grammar: lines, headers, sections, files; every mistake with its line, and nothing guessed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

#define NAME119 \
    "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-0123456789a"

// ---- What is good

static void an_empty_file_is_all_defaults(void **unused)
{
    (void)unused;
    write_text("main.ini", "");
    struct config *config = load();
    assert_non_null(config);
    assert_int_equal(config->certificate_count, 0);
    assert_string_equal(config->engine.state_dir, "/var/lib/certauto");
    assert_string_equal(config->engine.run_dir, "/run/certauto");
    assert_string_equal(config->engine.hooks_dir, "/etc/certauto/hooks");
    assert_null(config->engine.hook_user);
    assert_null(config->engine.metrics_file);
    assert_true(config->engine.runs.daily);
    assert_int_equal(config->engine.runs.at_min, 180);
    assert_int_equal(config->engine.jitter_s, 3600);
    assert_int_equal(config->engine.hook_timeout_s, 600);
    assert_int_equal(config->engine.hook_memory_bytes, 64 * 1024 * 1024);
    assert_int_equal(config->engine.max_parallel, 4);
    assert_int_equal(config->engine.keep, 3);
    assert_false(config->engine.trust_clock);
    assert_int_equal(config->engine.log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->engine.log_format, LOG_FORMAT_TEXT);
    assert_int_equal(config->engine.log_target, LOG_TARGET_STDERR);
    assert_non_null(config->engine.zone);
    config_free(config);
}

static void comments_blanks_case_and_line_ends_do_not_matter(void **unused)
{
    static const char text[] = "\xef\xbb\xbf# a comment\r\n"
                               "   ; another\r\n"
                               "\t[CertAuto]\t\r\n"
                               "\r\n"
                               "  STATE_DIR=/a # b ; c\r\n"
                               "Log_Level \t=\tDEBUG  \r\n"
                               "[ Certificate \t Www ]\n"
                               "names = a.example";
    (void)unused;
    write_text("main.ini", text);
    struct config *config = load();
    assert_non_null(config);
    // Nothing after a value is a comment.
    assert_string_equal(config->engine.state_dir, "/a # b ; c");
    assert_int_equal(config->engine.log_level, LOG_LEVEL_DEBUG);
    const struct certificate *certificate = config_find(config, "Www");
    assert_non_null(certificate);
    assert_null(config_find(config, "www"));
    assert_string_equal(certificate->names, "a.example");
    assert_int_equal(certificate->at.line, 7);
    assert_string_equal(config->files[certificate->at.file], path_of("main.ini"));
    config_free(config);
}

static void an_empty_value_is_the_default_again(void **unused)
{
    (void)unused;
    struct config *config = load_good("[defaults]\nauto_renew = yes\nrenew = 3d\nretry = 5s\nkey = rsa-2048\n"
                                      "[certificate a]\nauto_renew =\nrenew =\nretry =\nkey =\n"
                                      "[certificate b]\n");
    struct settings settings;
    config_settings(config, config_find(config, "a"), NULL, &settings);
    assert_false(settings.auto_renew);
    assert_int_equal(settings.renew.rule, RENEW_AUTO);
    assert_int_equal(settings.retry.count, 3);
    assert_int_equal(settings.key, KEY_ECDSA_P256);
    assert_false(settings.key_is_own);
    config_settings(config, config_find(config, "b"), NULL, &settings);
    assert_true(settings.auto_renew);
    assert_int_equal(settings.renew.amount, 3 * 86400);
    assert_int_equal(settings.retry.count, 1);
    assert_int_equal(settings.key, KEY_RSA_2048);
    config_free(config);
}

static void names_that_differ_in_character_120_are_two(void **unused)
{
    (void)unused;
    assert_int_equal(strlen(NAME119), 119);
    struct config *config = load_good("[certificate " NAME119 "x12345678]\nnames = x.example\n"
                                      "[certificate " NAME119 "y12345678]\nnames = y.example\n");
    assert_int_equal(config->certificate_count, 2);
    assert_string_equal(config_find(config, NAME119 "x12345678")->names, "x.example");
    assert_string_equal(config_find(config, NAME119 "y12345678")->names, "y.example");
    assert_null(config_find(config, NAME119));
    config_free(config);
}

static void a_list_of_a_hundred_names_is_whole(void **unused)
{
    struct buf text;
    (void)unused;
    buf_init(&text, 65536);
    buf_text(&text, "[certificate a]\nnames = ");
    for (int i = 0; i < 100; i++) {
        buf_format(&text, "%shost-number-%d.some.domain.example", i == 0 ? "" : ",", i);
    }
    struct config *config = load_good(buf_string(&text));
    const char *names = config->certificates[0].names;
    assert_non_null(strstr(names, "host-number-0.some.domain.example, host-number-1.some.domain.example, "));
    assert_string_equal(strrchr(names, ' '), " host-number-99.some.domain.example");
    config_free(config);
    buf_free(&text);
}

static void lines_of_nearly_64_KiB_are_read_and_longer_ones_refused(void **unused)
{
    static char text[70000];
    (void)unused;
    for (int more = -1; more <= 1; more++) {
        // 65,535 bytes and the line's end are 64 KiB.
        memset(text, 'x', sizeof(text));
        memcpy(text, "[certauto]\nstate_dir = /d", 25);
        memcpy(text, "#", 1);
        memcpy(text + 11, "#", 1);
        size_t end = 11 + 65535 + (size_t)(more + 1) - 1;
        memcpy(text + end, "\n[certificate a]\n", 17);
        write_bytes("main.ini", text, end + 17);
        struct config *config = load();
        if (more <= 0) {
            assert_non_null(config);
            assert_int_equal(config->certificates[0].at.line, 3);
            config_free(config);
        } else {
            assert_null(config);
            EXPECT_MISTAKE("main.ini", 2, "64 KiB");
            assert_int_equal(problems.count, 1);
        }
    }
}

// The longest line that inih takes: the value arrives whole.
static void a_value_of_nearly_64_KiB_arrives_whole(void **unused)
{
    static char text[70000], names[65536];
    size_t length = 0;
    (void)unused;
    for (int i = 0; length < 65000; i++) {
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%sn%06d.example", i == 0 ? "" : ", ", i);
    }
    snprintf(text, sizeof(text), "[certificate a]\nnames = %s\n[certificate b]\nnames=\n", names);
    struct config *config = load_good(text);
    assert_string_equal(config->certificates[0].names, names);
    assert_int_equal(config->certificates[1].at.line, 5);
    config_free(config);
}

// ---- What is not

static void each_mistake_of_the_grammar_is_named(void **unused)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *words;
    } table[] = {
        {"[a", 1, "no ']'"},
        {"[certificate a] x\nnames = 1\n", 1, "nothing may follow"},
        {"[certificate a]]\n", 1, "nothing may follow"},
        {"[certificate a] # comment\n", 1, "a comment has a line of its own"},
        {"[]\n", 1, "empty"},
        {"[ ]\n", 1, "empty"},
        {"[certificate]\n", 1, "has a name"},
        {"[defaults x]\n", 1, "takes no name"},
        {"[certificate a b]\n", 1, "only A-Z"},
        {"[certificate .a]\n", 1, "begins with"},
        {"[certificate -a]\n", 1, "begins with"},
        {"[certificate a/b]\n", 1, "only A-Z"},
        {"[certificate ../b]\n", 1, "begins with"},
        {"[certificate a\xc3\xa4]\n", 1, "only A-Z"},
        {"[certificate " NAME119 "0123456789]\n", 1, "longer than 128"},
        {"[certificat a]\n", 1, "did you mean 'certificate'?"},
        {"[nonsense]\n", 1, "no kind of section 'nonsense'"},
        {"[group \"a\"]\n", 1, "only A-Z"},
        {"[certificate a]\nnames\n", 2, "no '=' in 'names'"},
        {"[certificate a]\nnames: b\n", 2, "no '=' in 'names: b'"},
        {"[certificate a]\nna:mes = b\n", 2, "'na:mes' is no key"},
        {"[certificate a]\nna mes = b\n", 2, "'na mes' is no key"},
        {"[certificate a]\n= b\n", 2, "no key before"},
        {"[certificate a]\n  names = b\n   continued\n", 3, "no '='"},
        {"[certificate a]\nnames = a\x01.example\n", 2, "control character (0x01)"},
        {"[certificate a]\nnames = \x1b[31m\n", 2, "control character (0x1b)"},
        {"[certificate a]\nnames = a\rb\n", 2, "control character (0x0d)"},
        {"[certificate a]\nnames = \xff\n", 2, "0xff in the line is no UTF-8"},
        {"[certificate a]\nsubject = CN=\xc0\xaf\n", 2, "0xc0 in the line is no UTF-8"},
        {"[certificate a]\nsubject = CN=\xed\xa0\x80\n", 2, "0xed in the line is no UTF-8"},
        {"[certificate a]\nnames = a.example\nnames = b.example\n", 3, "stands twice in this section: first in line 4"},
        {"[certificate a]\nnmes = a.example\n", 2, "has no key 'nmes': did you mean 'names'?"},
        {"[certificate a]\nqqqqq = a.example\n", 2, "has no key 'qqqqq'"},
        {"[certificate a]\nstate_dir = /x\n", 2, "it belongs to [certauto]"},
        {"[defaults]\nnames = a.example\n", 2, "it belongs to [certificate NAME]"},
        {"[certificate a]\n[certificate a]\n", 2, "main.ini:3"},
        {"[defaults]\n[defaults]\n", 2, "stands twice"},
        {"[certificate a]\n[group a]\n[certificate a]\nnames = b.example\n", 3, "first at"},
        {"[profile live]\nhook = copy\n", 1, "stands for the link alone"},
        {"[policy x]\nhook = ca\n", 2, "there is no policy hook 'ca'"},
        {"[notify x]\n", 1, "names no hook"},
        {"[notify x]\nhook = exec\n", 1, "lacks 'command', which its hook 'exec' needs"},
        {"[policy x]\nhook = approval-file\nhook_timeout = 5s\n", 3, "neither [policy] nor its hook"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        expect_one(table[i].text, table[i].line, table[i].words);
    }
}

static void a_key_before_any_section_belongs_to_none(void **unused)
{
    (void)unused;
    write_text("main.ini", "state_dir = /x\n[certauto]\n");
    assert_null(load());
    EXPECT_MISTAKE("main.ini", 1, "before the first [section]");
    assert_int_equal(problems.count, 1);
}

// The keys below a broken header are nobody's: no mistakes of theirs, and not joined to the section before.
static void keys_below_a_broken_header_are_left_alone(void **unused)
{
    (void)unused;
    expect_one("[certificate a]\nnames = a.example\n[certificate b\nnames = b.example\nqq = 1\n", 3, "no ']'");
    expect_one("[certificate a]\nnames = a.example\n[certfoo b]\nnames = b.example\nqq = 1\n", 3, "kind of section");
}

// A section whose name is wrong, or that stands twice, is still read for its own mistakes.
static void keys_below_a_wrong_name_are_tried(void **unused)
{
    (void)unused;
    assert_null(load_text("[certificate a b]\nrenew = x\n[certificate c]\n[certificate c]\nqq = 1\n"));
    EXPECT_MISTAKE("main.ini", 3, "only A-Z");
    EXPECT_MISTAKE("main.ini", 4, "renew");
    EXPECT_MISTAKE("main.ini", 6, "stands twice");
    EXPECT_MISTAKE("main.ini", 7, "qq");
    assert_int_equal(problems.count, 4);
}

static void nul_bytes_hide_nothing(void **unused)
{
    static const char text[] = "[certificate a]\nnames = a.example\0, b.example\n"
                               "[certificate b]\n# comment \0 too\n[certi\0ficate c]\nrenew = x\n";
    (void)unused;
    write_bytes("main.ini", text, sizeof(text) - 1);
    assert_null(load());
    EXPECT_MISTAKE("main.ini", 2, "NUL byte");
    EXPECT_MISTAKE("main.ini", 4, "NUL byte");
    EXPECT_MISTAKE("main.ini", 5, "NUL byte");
    EXPECT_MISTAKE("main.ini", 6, "renew");
    assert_int_equal(problems.count, 4);
}

static void ten_kinds_of_mistake_are_named_at_once(void **unused)
{
    (void)unused;
    assert_null(load_text("jiter = 1h\n"         // 3: unknown key
                          "jitter = 1 h\n"       // 4: ill-typed
                          "jitter = 1h\n"        // 5: twice
                          "[certificate a\n"     // 6: broken header
                          "[sertificate b]\n"    // 7: unknown kind
                          "[certificate c]\n"    //
                          "what is this\n"       // 9: no '='
                          "names = a b\n"        // 10: blank inside an item
                          "template = nowhere\n" // 11: unknown reference
                          "policy = approval\n"  // 12: unknown reference
                          "[template t]\n"       // 13: a required option
                          "hook = ca\n"          //
                          "lifetim = 1d\n"       // 15: undeclared option
                          "[template u]\n"       //
                          "hook = acmee\n"       // 17: no such hook
                          "[certificate c]\n"    // 18: twice
                          "subject = CN=\x02\n"  // 19: control character
                          "include = x.ini\n")); // 20: key of another section
    static const struct {
        unsigned line;
        const char *words;
    } expected[] = {
        {3, "did you mean 'jitter'?"},
        {4, "give a whole number and s, m, h, d or w"},
        {5, "first in line 4"},
        {6, "no ']'"},
        {7, "did you mean 'certificate'?"},
        {9, "no '='"},
        {10, "blank inside"},
        {11, "there is no [template nowhere]"},
        {12, "there is no [policy approval]"},
        {13, "lacks 'url'"},
        {15, "did you mean 'lifetime'?"},
        {17, "there is no issue hook 'acmee'"},
        {18, "main.ini:8"},
        {19, "control character"},
        {20, "belongs to [certauto]"},
    };
    size_t count = sizeof(expected) / sizeof(expected[0]);
    for (size_t i = 0; i < count; i++) {
        EXPECT_MISTAKE("main.ini", expected[i].line, expected[i].words);
        assert_int_equal(problems.list[i].line, expected[i].line);
    }
    assert_int_equal(problems.count, count);
    assert_int_equal(problems.mistakes, count);
}

// ---- Files that are none

static void a_binary_file_is_left_alone_after_some_lines(void **unused)
{
    static char bytes[1 << 20];
    uint32_t random = 1;
    (void)unused;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        random = random * 1664525u + 1013904223u;
        bytes[i] = (char)(random >> 24);
    }
    write_bytes("main.ini", bytes, sizeof(bytes));
    assert_null(load());
    assert_true(problems.count > 20 && problems.count < 200);
    assert_non_null(strstr(problems.list[problems.count - 1].message, "no text file"));
}

static void ten_megabytes_are_read_to_the_end(void **unused)
{
    struct buf text;
    (void)unused;
    buf_init(&text, 16 * 1024 * 1024);
    int count = 0;
    for (; text.length < 10 * 1024 * 1024; count++) {
        buf_format(&text, "[certificate c%d]\nnames = host-%d.example.com\n# ------------------------------\n", count,
                   count);
    }
    struct config *config = load_good(buf_string(&text));
    assert_int_equal(config->certificate_count, count);
    char name[32];
    for (int i = 0; i < count; i += 997) {
        snprintf(name, sizeof(name), "c%d", i);
        const struct certificate *certificate = config_find(config, name);
        assert_non_null(certificate);
        assert_int_equal(certificate->at.line, 3 + 3 * i);
    }
    config_free(config);
    // The same with nothing but mistakes: many are kept, all are counted.
    buf_clear(&text);
    for (count = 0; text.length < 10 * 1024 * 1024; count++) {
        buf_text(&text, "an error this is\n");
    }
    assert_null(load_text(buf_string(&text)));
    assert_int_equal(problems.count, PROBLEMS_MAX + 1);
    assert_int_equal(problems.mistakes, count);
    buf_free(&text);
}

// A file cut anywhere loads or does not, but never crashes, and never has more certificates than it says.
static void files_cut_anywhere_are_mistakes_or_shorter(void **unused)
{
    static const char text[] = "[defaults]\nauto_renew = yes\n[group g]\nrenew = 31d before expiry\n"
                               "[certificate a]\nnames = a.example, b.example\ngroup = g\ndays = mon-fri\n";
    (void)unused;
    for (size_t length = 0; length < sizeof(text); length++) {
        write_bytes("main.ini", text, length);
        struct config *config = load();
        assert_true((config == NULL) == (problems.mistakes > 0));
        assert_true(config == NULL || config->certificate_count <= 1);
        config_free(config);
    }
}

static void what_is_no_file_is_refused(void **unused)
{
    (void)unused;
    assert_null(load()); // not there
    EXPECT_MISTAKE("main.ini", 0, "No such file");
    assert_int_equal(mkdir(path_of("main.ini"), 0755), 0);
    assert_null(load());
    EXPECT_MISTAKE("main.ini", 0, "no regular file");
    assert_int_equal(rmdir(path_of("main.ini")), 0);
    assert_int_equal(mkfifo(path_of("main.ini"), 0644), 0);
    assert_null(load());
    EXPECT_MISTAKE("main.ini", 0, "no regular file");
}

static void files_that_others_can_write_are_refused(void **unused)
{
    (void)unused;
    write_text("main.ini", "[certauto]\ninclude = conf.d/*.ini\n");
    write_text("conf.d/a.ini", "[certificate a]\n");
    assert_int_equal(chmod(path_of("main.ini"), 0666), 0);
    assert_null(load());
    EXPECT_MISTAKE("main.ini", 0, "others can write");
    assert_int_equal(chmod(path_of("main.ini"), 0644), 0);
    assert_int_equal(chmod(path_of("conf.d/a.ini"), 0646), 0);
    assert_null(load());
    EXPECT_MISTAKE("conf.d/a.ini", 0, "others can write");
    assert_int_equal(chmod(path_of("conf.d/a.ini"), 0644), 0);
    assert_int_equal(chmod(path_of("conf.d"), 0777), 0);
    assert_null(load());
    EXPECT_MISTAKE("main.ini", 2, "others can write");
    assert_int_equal(chmod(path_of("conf.d"), 01777), 0);
    struct config *config = load();
    assert_non_null(config);
    config_free(config);
}

// ---- Includes

static void includes_are_sorted_and_relative_to_the_main_file(void **unused)
{
    (void)unused;
    write_text("main.ini", "[certauto]\ninclude = one.ini, conf.d/*.ini, nothing-*.ini, gone.d/*.ini\n"
                           "[certificate m]\n");
    write_text("one.ini", "[certificate one]\n");
    write_text("conf.d/20.ini", "[certificate c20]\n");
    write_text("conf.d/10.ini", "[certificate c10]\n");
    write_text("conf.d/3.ini", "[certificate c3]\n");
    write_text("conf.d/.hidden.ini", "mistake\n");
    write_text("conf.d/10.ini~", "mistake\n");
    struct config *config = load();
    assert_non_null(config);
    static const char *const names[] = {"m", "one", "c10", "c20", "c3"};
    assert_int_equal(config->certificate_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(config->certificates[i].name, names[i]);
    }
    assert_string_equal(config->files[config_find(config, "c10")->at.file], path_of("conf.d/10.ini"));
    config_free(config);
}

static void a_file_is_read_once_whatever_it_is_called(void **unused)
{
    (void)unused;
    write_text("main.ini", "[certauto]\ninclude = *.ini, a.ini, ./a.ini\n");
    write_text("a.ini", "[certificate a]\n");
    assert_int_equal(symlink("a.ini", path_of("b.ini")), 0);
    struct config *config = load();
    assert_non_null(config);
    assert_int_equal(config->certificate_count, 1);
    config_free(config);
}

static void mistakes_of_includes_have_their_own_lines(void **unused)
{
    (void)unused;
    write_text("main.ini", "[certauto]\ninclude = a.ini, gone.ini\n[certificate x]\n");
    write_text("a.ini", "\n[certificate x]\n[certificate y]\nqq = 1\n[certificat]\n[certauto]\ninclude = b.ini\n");
    assert_null(load());
    EXPECT_MISTAKE("main.ini", 2, "gone.ini");
    EXPECT_MISTAKE("a.ini", 2, "main.ini:3");
    EXPECT_MISTAKE("a.ini", 4, "qq");
    EXPECT_MISTAKE("a.ini", 5, "certificat");
    EXPECT_MISTAKE("a.ini", 6, "stands twice");
    EXPECT_MISTAKE("a.ini", 7, "include belongs to the main file");
    assert_int_equal(problems.count, 6);
    // Sorted by file and line.
    assert_string_equal(problems.list[0].file, path_of("a.ini"));
    assert_string_equal(problems.list[5].file, path_of("main.ini"));
}

static void sections_end_with_their_file(void **unused)
{
    (void)unused;
    write_text("main.ini", "[certauto]\ninclude = a.ini\n[certificate x]\n");
    write_text("a.ini", "names = a.example\n");
    assert_null(load());
    EXPECT_MISTAKE("a.ini", 1, "before the first [section]");
}

static void patterns_are_matched_by_name(void **unused)
{
    static const struct {
        const char *pattern;
        int count;
    } table[] = {
        {"conf.d/*", 4},        {"conf.d/a*", 2},        {"conf.d/?.ini", 2},      {"conf.d/[ab].ini", 2},
        {"conf.d/[!a].ini", 1}, {"conf.d/[^a].ini", 1},  {"conf.d/[a-c].ini", 2},  {"conf.d/[]x].ini", 0},
        {"conf.d/*.i*i", 4},    {"conf.d/a*b*c.ini", 1}, {"conf.d/*a*a*a*a*b", 0}, {"conf.d/.*", 1},
        {"conf.d/[a", 0},       {"conf.d/**i", 4},
    };
    (void)unused;
    write_text("conf.d/a.ini", "[certificate a]\n");
    write_text("conf.d/b.ini", "[certificate b]\n");
    write_text("conf.d/axbxc.ini", "[certificate c]\n");
    write_text("conf.d/d-d.ini", "[certificate d]\n");
    write_text("conf.d/.e", "[certificate e]\n");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "[certauto]\ninclude = %s\n", table[i].pattern);
        write_text("main.ini", text);
        struct config *config = load();
        assert_non_null(config);
        if ((int)config->certificate_count != table[i].count) {
            fail_msg("%s: %zu", table[i].pattern, config->certificate_count);
        }
        config_free(config);
    }
    expect_one("include = conf.d/*/x.ini\n", 1, "only the last part");
    expect_one("include = conf.d/\n", 1, "names a folder");
    expect_one("include = a.ini b.ini\n", 1, "blank inside");
    expect_one("include = a.ini,\n", 1, "missing");
    expect_one("include = hooks/issue\n", 1, "no regular file");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_file_is_all_defaults),
        TEST(comments_blanks_case_and_line_ends_do_not_matter),
        TEST(an_empty_value_is_the_default_again),
        TEST(names_that_differ_in_character_120_are_two),
        TEST(a_list_of_a_hundred_names_is_whole),
        TEST(lines_of_nearly_64_KiB_are_read_and_longer_ones_refused),
        TEST(a_value_of_nearly_64_KiB_arrives_whole),
        TEST(each_mistake_of_the_grammar_is_named),
        TEST(a_key_before_any_section_belongs_to_none),
        TEST(keys_below_a_broken_header_are_left_alone),
        TEST(keys_below_a_wrong_name_are_tried),
        TEST(nul_bytes_hide_nothing),
        TEST(ten_kinds_of_mistake_are_named_at_once),
        TEST(a_binary_file_is_left_alone_after_some_lines),
        TEST(ten_megabytes_are_read_to_the_end),
        TEST(files_cut_anywhere_are_mistakes_or_shorter),
        TEST(what_is_no_file_is_refused),
        TEST(files_that_others_can_write_are_refused),
        TEST(includes_are_sorted_and_relative_to_the_main_file),
        TEST(a_file_is_read_once_whatever_it_is_called),
        TEST(mistakes_of_includes_have_their_own_lines),
        TEST(sections_end_with_their_file),
        TEST(patterns_are_matched_by_name),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
