// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Errors: a code and one sentence, built where something fails.
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"

// Text before it is escaped: what is longer than a message is cut anyway.
#define RAW_SIZE 2048

static void format_text(char raw[RAW_SIZE], const char *format, va_list args)
{
    if (vsnprintf(raw, RAW_SIZE, format, args) < 0) {
        raw[0] = '\0';
    }
}

int error_set(struct error *error, enum error_code code, const char *format, ...)
{
    char raw[RAW_SIZE];
    va_list args;

    if (error == NULL) {
        return -1;
    }
    // The arguments may point into the message that is replaced, hence the copy in between.
    va_start(args, format);
    format_text(raw, format, args);
    va_end(args);
    error->code = code;
    buf_message(error->message, sizeof(error->message), raw, strlen(raw));
    return -1;
}

int error_errno(struct error *error, const char *format, ...)
{
    int saved = errno;
    char raw[RAW_SIZE];
    char reason[128];
    va_list args;

    if (error == NULL) {
        return -1;
    }
    va_start(args, format);
    format_text(raw, format, args);
    va_end(args);

    // The reason is what people need most: a long text is cut, the reason never.
    snprintf(reason, sizeof(reason), ": %s", strerror(saved));
    size_t room = sizeof(error->message) - strlen(reason);
    size_t length = buf_message(error->message, room, raw, strlen(raw));
    memcpy(error->message + length, reason, strlen(reason) + 1);
    error->code = saved == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM;
    errno = saved;
    return -1;
}

int error_prefix(struct error *error, const char *format, ...)
{
    char raw[RAW_SIZE];
    va_list args;

    if (error == NULL) {
        return -1;
    }
    va_start(args, format);
    format_text(raw, format, args);
    va_end(args);

    size_t length = strnlen(raw, RAW_SIZE - 3);
    snprintf(raw + length, RAW_SIZE - length, ": %s", error->message);
    buf_message(error->message, sizeof(error->message), raw, strlen(raw));
    return -1;
}

void error_clear(struct error *error)
{
    if (error != NULL) {
        error->code = ERROR_NONE;
        error->message[0] = '\0';
    }
}
