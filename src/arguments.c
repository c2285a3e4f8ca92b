// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command line, taken apart; and what is said of words that are not known.
#include "arguments.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "nearest.h"

#define MAX_LINE 8192
#define LETTERS 256 // getopt_long's codes above are options, below letters
#define HELP_WIDTH 26

static const struct {
    const char *name, *value, *help;
    char letter;
} options[OPTION_COUNT] = {
    [OPTION_CONFIG] = {"config", "FILE", "read this configuration", 'c'},
    [OPTION_HELP] = {"help", NULL, "say how it is used", 'h'},
    [OPTION_VERSION] = {"version", NULL, "print the version, and those of the libraries", 'V'},
    [OPTION_RUN_NOW] = {"run-now", NULL, "one run at this moment", 0},
    [OPTION_JSON] = {"json", NULL, "print one JSON document", 0},
    [OPTION_TRUST_CLOCK] = {"trust-clock", NULL, "believe the clock this once", 0},
    [OPTION_GROUP] = {"group", "GROUP", "only certificates of this group", 0},
    [OPTION_IGNORE_SLOTS] = {"ignore-slots", NULL, "also outside days and periods", 0},
    [OPTION_DRY_RUN] = {"dry-run", NULL, "say what would be done, do nothing", 0},
    [OPTION_DETAILED_EXITCODE] = {"detailed-exitcode", NULL, "exit 10 when something was renewed or published", 0},
    [OPTION_AT] = {"at", "TIME", "as if it were this time", 0},
    [OPTION_DAYS] = {"days", "N", "so many days instead of 30", 0},
    [OPTION_ASSUME_FAILURE] = {"assume-failure", NULL, "as if every step failed", 0},
    [OPTION_CERT] = {"cert", "FILE", "the certificate, PEM", 0},
    [OPTION_KEY] = {"key", "FILE", "its private key, PEM", 0},
    [OPTION_CHAIN] = {"chain", "FILE", "its chain, PEM", 0},
    [OPTION_FORCE] = {"force", NULL, "also what is refused without it", 0},
    [OPTION_PROFILE] = {"profile", "PROFILE", "only by this publishing profile", 0},
    [OPTION_RESTART] = {"restart", NULL, "drop a pending order and begin anew", 0},
    [OPTION_GENERATION] = {"generation", "N", "this generation instead of the newest", 0},
    [OPTION_REASON] = {"reason", "WORD", "why: keyCompromise, superseded, ... (RFC 5280)", 0},
    [OPTION_ROLL_OVER] = {"roll-over", NULL, "give the account a new key", 0},
    [OPTION_DEACTIVATE] = {"deactivate", NULL, "end the account for good", 0},
    [OPTION_KEEP] = {"keep", NULL, "leave the folder where it was done", 0},
    [OPTION_EXPORT] = {"export", "DIRECTORY", "write the built-in hooks there", 0},
};

// ---- Complaints

void arguments_complain(const char *format, ...)
{
    struct buf text, line;
    va_list args;
    buf_init(&text, MAX_LINE);
    buf_init(&line, (size_t)4 * MAX_LINE);
    va_start(args, format);
    buf_vformat(&text, format, args);
    va_end(args);
    buf_escape_message(&line, buf_string(&text), text.length, MAX_LINE);
    fprintf(stderr, "certauto: %s\n", line.length > 0 ? buf_string(&line) : "no memory to say what is wrong");
    buf_free(&text);
    buf_free(&line);
}

// ---- The options

const char *arguments_name(enum arguments_option option)
{
    return options[option].name;
}

void arguments_help(unsigned set)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if ((set & OPTION_BIT(i)) == 0) {
            continue;
        }
        char name[64];
        const char letter[] = {options[i].letter != 0 ? '-' : ' ', options[i].letter != 0 ? options[i].letter : ' ',
                               options[i].letter != 0 ? ',' : ' ', '\0'};
        snprintf(name, sizeof(name), "%s --%s %s", letter, options[i].name,
                 options[i].value != NULL ? options[i].value : "");
        printf("  %-*s %s\n", HELP_WIDTH, name, options[i].help);
    }
}

// ---- Parsing

static int unknown_option(const char *typed, struct error *error)
{
    char near[NEAREST_SIZE], word[NEAREST_SIZE], best[NEAREST_SIZE];
    snprintf(word, sizeof(word), "%s", strncmp(typed, "--", 2) == 0 ? typed + 2 : typed);
    word[strcspn(word, "=")] = '\0';
    struct nearest nearest = {.word = word};
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        nearest_offer(&nearest, options[i].name);
    }
    if (nearest.best != NULL) {
        snprintf(best, sizeof(best), "--%s", nearest.best);
        nearest.best = best;
    }
    return error_set(error, ERROR_USAGE, "unknown option '%s'%s", typed, nearest_text(&nearest, near));
}

// What getopt_long could not take: it left its letter, or 0 for a long name, in optopt.
static int complain(char *const *argv, int at, bool lacks_value, struct error *error)
{
    const char *typed = argv[at];
    char letter[] = {'-', (char)optopt, '\0'};
    if (strncmp(typed, "--", 2) != 0 && optopt > 0 && optopt < LETTERS) {
        typed = letter;
    }
    size_t length = strcspn(typed, "=");
    if (lacks_value) {
        return error_set(error, ERROR_USAGE, "the option '%s' needs a value", typed);
    }
    if (optopt >= LETTERS && typed[length] == '=') {
        return error_set(error, ERROR_USAGE, "the option '%.*s' takes no value", (int)length, typed);
    }
    return unknown_option(typed, error);
}

static int option_of(int got)
{
    if (got >= LETTERS) {
        return got - LETTERS;
    }
    int option = 0;
    while (options[option].letter != got) {
        option++;
    }
    return option;
}

int arguments_parse(int argc, char **argv, const char *script, struct arguments *arguments, struct error *error)
{
    struct option table[OPTION_COUNT + 1] = {{0}};
    bool only_words = false;
    arguments->words = calloc((size_t)argc + 1, sizeof(char *));
    if (arguments->words == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory");
    }
    for (int i = 0; i < OPTION_COUNT; i++) {
        int value = options[i].value != NULL ? required_argument : no_argument;
        table[i] = (struct option){.name = options[i].name, .has_arg = value, .val = LETTERS + i};
    }
    opterr = 0;
    optind = 0; // from the start
    for (int at = 1; at < argc; at = optind) {
        int got = only_words ? -1 : getopt_long(argc, argv, "+:c:hV", table, NULL);
        if (got == '?' || got == ':') {
            return complain(argv, at, got == ':', error);
        }
        if (got >= 0) {
            int option = option_of(got);
            arguments->option[option] = options[option].value != NULL ? optarg : "";
        } else if (optind > at) {
            only_words = true; // after "--"
        } else {
            arguments->words[arguments->word_count++] = argv[at];
            optind = at + 1;
            only_words = only_words || (arguments->word_count == 2 && strcmp(arguments->words[0], script) == 0);
        }
    }
    return 0;
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->words);
    arguments->words = NULL;
}
