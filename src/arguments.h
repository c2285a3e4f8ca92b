// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command line, taken apart, and complaints about it.
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <stddef.h>

#include "error.h"

enum arguments_option {
    OPTION_CONFIG,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_RUN_NOW,
    OPTION_JSON,
    OPTION_TRUST_CLOCK,
    OPTION_GROUP,
    OPTION_IGNORE_SLOTS,
    OPTION_DRY_RUN,
    OPTION_DETAILED_EXITCODE,
    OPTION_AT,
    OPTION_DAYS,
    OPTION_ASSUME_FAILURE,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_CHAIN,
    OPTION_FORCE,
    OPTION_PROFILE,
    OPTION_RESTART,
    OPTION_EXPORT,
    OPTION_GENERATION,
    OPTION_REASON,
    OPTION_ROLL_OVER,
    OPTION_DEACTIVATE,
    OPTION_KEEP,
    OPTION_COUNT,
};
// A set of them.
#define OPTION_BIT(option) (1u << (option))

// All text is that of argv.
struct arguments {
    const char *option[OPTION_COUNT]; // value, "" for one without; NULL: not given
    char **words;                     // what is no option, NULL-terminated
    size_t word_count;
};

// Options may stand anywhere before "--". When the first word is "script", the words after the second are all its own.
// arguments is all zero before; arguments_free in any case.
int arguments_parse(int argc, char **argv, const char *script, struct arguments *arguments, struct error *error);
void arguments_free(struct arguments *arguments);
// "json" and kin.
const char *arguments_name(enum arguments_option option);
// Prints a line for each option of the set.
void arguments_help(unsigned set);

// A line on stderr: "certauto: ..."; control characters are written \xNN.
void arguments_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
