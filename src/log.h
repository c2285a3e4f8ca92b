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
// "error", "warning", "info", "debug".
const char *log_level_name(enum log_level level);

// A field of a line: name and value, both borrowed during the call; a NULL value leaves the field out.
struct log_field {
    const char *name;
    const char *value;
};

// One line in one write(2), so that lines of several processes do not mix; errno is kept. Text from outside is
// written as buf_escape_message does, a value cut at 500 bytes, the line at 4 KiB. Forms:
//   text, stderr a terminal:       certauto: warning: MESSAGE name=value ...      (colour unless NO_COLOR is set)
//   text, stderr is the journal:   <4>warning: MESSAGE name=value ...             (JOURNAL_STREAM names stderr)
//   text, stderr anything else:    2026-11-23T03:06:47Z certauto: warning: MESSAGE name=value ...
//   text, syslog:                  warning: MESSAGE name=value ...                (facility daemon, "certauto[PID]")
//   json:                          {"time":"...","level":"warning","message":"...","name":"value",...}
// "info: " is not written in text. A value with blanks, quotes or '=' stands in double quotes, '"' and '\' with
// a '\' before. A line that does not fit loses whole fields.
void log_line(enum log_level level, const char *message, const struct log_field *fields, int count);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
