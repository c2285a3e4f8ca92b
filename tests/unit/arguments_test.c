// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command line: options anywhere, words in order, and what is said of mistakes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arguments.h"

#define MOST 16

// Takes a line apart at its blanks; the words and options, or the message, as one text.
static void assert_parsed(const char *line, const char *expected)
{
    char copy[256], got[1024];
    char *argv[MOST] = {0};
    char program[] = "certauto";
    int argc = 1;
    struct arguments arguments = {.words = NULL};
    struct error error;
    argv[0] = program;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    if (arguments_parse(argc, argv, "lua", &arguments, &error) < 0) {
        snprintf(got, sizeof(got), "%s", error.message);
    } else {
        size_t used = 0;
        got[0] = '\0';
        for (char **word = arguments.words; *word != NULL; word++) {
            used += (size_t)snprintf(got + used, sizeof(got) - used, "[%s]", *word);
        }
        for (unsigned i = 0; i < OPTION_COUNT; i++) {
            if (arguments.option[i] != NULL) {
                used +=
                    (size_t)snprintf(got + used, sizeof(got) - used, " %s=%s", arguments_name(i), arguments.option[i]);
            }
        }
    }
    arguments_free(&arguments);
    assert_string_equal(got, expected);
}

static void arguments_take_options_before_between_and_after_words(void **unused)
{
    (void)unused;
    assert_parsed("", "");
    assert_parsed("status", "[status]");
    assert_parsed("-c x.ini status --json a b", "[status][a][b] config=x.ini json=");
    assert_parsed("status a --json b -cx.ini", "[status][a][b] config=x.ini json=");
    assert_parsed("--config=x status", "[status] config=x");
    assert_parsed("--run-now a --group g --dry-run b", "[a][b] run-now= group=g dry-run=");
    assert_parsed("-hV", " help= version=");
    assert_parsed("explain a --at 2026-11-23", "[explain][a] at=2026-11-23");
}

static void arguments_after_two_dashes_are_words(void **unused)
{
    (void)unused;
    assert_parsed("status -- --json", "[status][--json]");
    assert_parsed("-- -h -- x", "[-h][--][x]");
}

static void arguments_of_a_script_are_its_own(void **unused)
{
    (void)unused;
    assert_parsed("lua x.lua -c y --json -- z", "[lua][x.lua][-c][y][--json][--][z]");
    assert_parsed("-c a lua x.lua -h", "[lua][x.lua][-h] config=a");
    assert_parsed("lua -h", "[lua] help=");
    assert_parsed("status lua -h", "[status][lua] help=");
}

static void arguments_that_are_wrong_are_named(void **unused)
{
    (void)unused;
    assert_parsed("status --jsno", "unknown option '--jsno': did you mean '--json'?");
    assert_parsed("--dryrun", "unknown option '--dryrun': did you mean '--dry-run'?");
    assert_parsed("--xyzzy", "unknown option '--xyzzy'");
    assert_parsed("status -q", "unknown option '-q'");
    assert_parsed("status -hq", "unknown option '-q'");
    assert_parsed("-c", "the option '-c' needs a value");
    assert_parsed("--group", "the option '--group' needs a value");
    assert_parsed("status --json=x", "the option '--json' takes no value");
    assert_parsed("renew a --restart", "[renew][a] restart=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_take_options_before_between_and_after_words),
        cmocka_unit_test(arguments_after_two_dashes_are_words),
        cmocka_unit_test(arguments_of_a_script_are_its_own),
        cmocka_unit_test(arguments_that_are_wrong_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
