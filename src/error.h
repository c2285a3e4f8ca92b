// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// An error is a value: a code for programs and one sentence for people, built where it fails.
#ifndef ERROR_H
#define ERROR_H

enum error_code {
    ERROR_NONE,
    ERROR_USAGE,     // the caller's words are wrong
    ERROR_CONFIG,    // configuration; stops the start
    ERROR_SYSTEM,    // a system call failed; the message ends with its reason
    ERROR_FORMAT,    // foreign bytes are not what they should be
    ERROR_REFUSED,   // permissions, limits or checks forbid it
    ERROR_NOT_FOUND, // what was named is not there
    ERROR_BUSY,      // another process holds the lock
    ERROR_TIMEOUT,   // a deadline passed
    ERROR_HOOK,      // a hook failed or returned rubbish
};

#define ERROR_MESSAGE_SIZE 768

struct error {
    enum error_code code;
    char message[ERROR_MESSAGE_SIZE]; // one sentence, no final full stop, no newline
};

// Each of these returns -1, so that a function can end with "return error_set(...)".
// Control bytes from arguments are written \xNN; a message that is too long is cut with "...".
// "error" may be NULL: then nothing is kept.

// Sets code and message.
int error_set(struct error *error, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Sets ERROR_SYSTEM (ERROR_NOT_FOUND for ENOENT) and the message followed by ": " and the text of errno.
int error_errno(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Puts the formatted text and ": " before the message that is there; keeps the code.
int error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Makes "error" empty: ERROR_NONE and "".
void error_clear(struct error *error);

#endif
