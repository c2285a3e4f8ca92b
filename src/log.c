// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Log lines: composed in a fixed array, without memory, and written whole.
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"

// A pipe takes up to 4096 bytes (PIPE_BUF) in one piece.
#define LINE_SIZE 4096
#define MESSAGE_SIZE 2048
#define VALUE_SIZE 501 // spec 9: cut at 500 bytes

static const struct {
    const char *name, *colour;
    int priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", "\033[31m", LOG_ERR},
    [LOG_LEVEL_WARNING] = {"warning", "\033[33m", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info", "", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", "\033[2m", LOG_DEBUG},
};

static enum log_level setup_level = LOG_LEVEL_INFO;
static enum log_format setup_format = LOG_FORMAT_TEXT;
static enum log_target setup_target = LOG_TARGET_STDERR;

struct line {
    char text[LINE_SIZE];
    size_t length;
};

void log_setup(enum log_level level, enum log_format format, enum log_target target)
{
    if (setup_target == LOG_TARGET_SYSLOG) {
        closelog();
    }
    setup_level = level;
    setup_format = format;
    setup_target = target;
    if (target == LOG_TARGET_SYSLOG) {
        openlog("certauto", LOG_PID, LOG_DAEMON);
    }
}

bool log_wants(enum log_level level)
{
    return level <= setup_level;
}

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

// Appends when it fits with "spare" bytes left, else changes nothing.
static bool add(struct line *line, const char *text, size_t length, size_t spare)
{
    if (length + spare + 1 > sizeof(line->text) - line->length) {
        return false;
    }
    memcpy(line->text + line->length, text, length);
    line->length += length;
    return true;
}

static void add_text(struct line *line, const char *text)
{
    add(line, text, strlen(text), 0);
}

// Appends text between double quotes. The text is clean already: only '"' and '\\' are left to be escaped, in
// JSON as in text.
static bool add_quoted(struct line *line, const char *text, size_t spare)
{
    size_t start = line->length;
    bool fits = add(line, "\"", 1, spare);

    for (; fits && *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fits = add(line, "\\", 1, spare);
        }
        fits = fits && add(line, text, 1, spare);
    }
    if (!fits || !add(line, "\"", 1, spare)) {
        line->length = start;
        return false;
    }
    return true;
}

static void compose_json(struct line *line, enum log_level level, const char *message, const struct log_field *fields,
                         int count)
{
    char time[CLOCK_UTC_SIZE], value[VALUE_SIZE];

    clock_format(clock_now(), time);
    add_text(line, "{\"time\":\"");
    add_text(line, time);
    add_text(line, "\",\"level\":\"");
    add_text(line, levels[level].name);
    add_text(line, "\",\"message\":");
    if (!add_quoted(line, message, 2)) {
        add_text(line, "\"\"");
    }
    for (int i = 0; i < count; i++) {
        size_t start = line->length;

        if (fields[i].value == NULL) {
            continue;
        }
        buf_message(value, sizeof(value), fields[i].value, strlen(fields[i].value));
        if (!add(line, ",", 1, 2) || !add_quoted(line, fields[i].name, 2) || !add(line, ":", 1, 2) ||
            !add_quoted(line, value, 2)) {
            line->length = start;
        }
    }
    add_text(line, "}");
}

static void compose_fields(struct line *line, const struct log_field *fields, int count)
{
    char value[VALUE_SIZE];

    for (int i = 0; i < count; i++) {
        size_t start = line->length;

        if (fields[i].value == NULL) {
            continue;
        }
        buf_message(value, sizeof(value), fields[i].value, strlen(fields[i].value));
        bool plain = value[0] != '\0' && strpbrk(value, " \"=") == NULL;
        if (!add(line, " ", 1, 1) || !add(line, fields[i].name, strlen(fields[i].name), 1) || !add(line, "=", 1, 1) ||
            !(plain ? add(line, value, strlen(value), 1) : add_quoted(line, value, 1))) {
            line->length = start;
        }
    }
}

static void compose_text(struct line *line, enum log_level level, const char *message, bool colour)
{
    if (level != LOG_LEVEL_INFO) {
        if (colour) {
            add_text(line, levels[level].colour);
        }
        add_text(line, levels[level].name);
        add_text(line, colour ? ":\033[0m " : ": ");
    }
    add_text(line, message);
}

// True when stderr is the stream that the service manager connected to its journal (systemd.exec(5)): somebody
// who sent stderr elsewhere gets times.
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char wanted[48];
    struct stat info;

    if (stream == NULL || fstat(STDERR_FILENO, &info) != 0) {
        return false;
    }
    snprintf(wanted, sizeof(wanted), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)info.st_dev, (uintmax_t)info.st_ino);
    return strcmp(stream, wanted) == 0;
}

static void compose_stderr(struct line *line, enum log_level level, const char *message)
{
    const char *no_color = getenv("NO_COLOR");
    char start[32];

    if (isatty(STDERR_FILENO)) {
        add_text(line, "certauto: ");
        compose_text(line, level, message, no_color == NULL || no_color[0] == '\0');
    } else if (stderr_is_journal()) {
        snprintf(start, sizeof(start), "<%d>", levels[level].priority);
        add_text(line, start);
        compose_text(line, level, message, false);
    } else {
        clock_format(clock_now(), start);
        add_text(line, start);
        add_text(line, " certauto: ");
        compose_text(line, level, message, false);
    }
}

void log_line(enum log_level level, const char *message, const struct log_field *fields, int count)
{
    int saved = errno;
    char clean[MESSAGE_SIZE];
    struct line line;

    if (!log_wants(level)) {
        return;
    }
    line.length = 0;
    buf_message(clean, sizeof(clean), message, strlen(message));
    if (setup_format == LOG_FORMAT_JSON) {
        compose_json(&line, level, clean, fields, count);
    } else {
        if (setup_target == LOG_TARGET_SYSLOG) {
            compose_text(&line, level, clean, false);
        } else {
            compose_stderr(&line, level, clean);
        }
        compose_fields(&line, fields, count);
    }
    if (setup_target == LOG_TARGET_SYSLOG) {
        line.text[line.length] = '\0';
        syslog(levels[level].priority, "%s", line.text);
    } else {
        line.text[line.length++] = '\n';
        // When nobody can read the log there is nobody to tell.
        ssize_t ignored = write(STDERR_FILENO, line.text, line.length);
        (void)ignored;
    }
    errno = saved;
}

static void log_format(enum log_level level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void log_format(enum log_level level, const char *format, va_list args)
{
    char message[MESSAGE_SIZE];

    if (log_wants(level) && vsnprintf(message, sizeof(message), format, args) >= 0) {
        log_line(level, message, NULL, 0);
    }
}

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_format(LOG_LEVEL_ERROR, format, args);
    va_end(args);
}

void log_warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_format(LOG_LEVEL_WARNING, format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_format(LOG_LEVEL_INFO, format, args);
    va_end(args);
}

void log_debug(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_format(LOG_LEVEL_DEBUG, format, args);
    va_end(args);
}
