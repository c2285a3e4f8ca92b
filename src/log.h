// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The log: one line an event, text or JSON, to stderr or syslog.
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

// Until this is called: info, text, stderr. May be called again at a reload.
void log_setup(enum log_level level, enum log_format format, enum log_target target);
bool log_wants(enum log_level level);

// A field of a line: name and value, both borrowed during the call; a NULL value leaves the field out.
struct log_field {
    const char *name;
    const char *value;
};

// One line. Control bytes are written \xNN; JSON when asked for ("time level message" and the fields).
// text: "LEVEL message name=value ..." (no time on stderr under a service manager: JOURNAL_STREAM is set).
// The line goes out in one write(2). "fields" may be NULL; ends at count.
void log_line(enum log_level level, const char *message, const struct log_field *fields, int count);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
