// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A growing byte buffer with a stated maximum, and the one place where text is escaped for each way out.
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

// "data" is NUL-terminated after every append (the NUL is not counted in "length").
// An append that would pass "limit" or finds no memory sets "failed" and changes nothing; later
// appends do nothing either, so that callers check once at the end.
struct buf {
    char *data;
    size_t length;
    size_t capacity;
    size_t limit;
    bool failed;
    bool secret; // wiped when grown or freed
};

// Makes an empty buffer without taking memory. limit: most bytes it may hold, without the NUL.
void buf_init(struct buf *buf, size_t limit);
// The same for keys and other secrets: memory is wiped before it is given back.
void buf_init_secret(struct buf *buf, size_t limit);
// Gives the memory back; the buffer may be used again. NULL-safe in all its parts.
void buf_free(struct buf *buf);
// Empties it, keeping the memory (wiped if secret).
void buf_clear(struct buf *buf);

void buf_add(struct buf *buf, const void *bytes, size_t length);
// Room for "more" bytes behind the text, for a read(2) into it; NULL (and failed) when there is none. What was
// read is counted by buf_added.
char *buf_reserve(struct buf *buf, size_t more);
void buf_added(struct buf *buf, size_t length);
void buf_text(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vformat(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
// The text so far, "" when empty. Valid until the next append.
const char *buf_string(const struct buf *buf);

// Escapes. Input is any bytes, not NUL-terminated.
// State and logs: control bytes (below 0x20, 0x7f) and '\\' as \xNN (spec 4).
void buf_escape_line(struct buf *buf, const char *text, size_t length);
// Terminals and messages: control characters (C1 too) and bytes that are no UTF-8 as \xNN, backslash kept,
// cut at "most" bytes with "..." (spec 9: 500), never within a character.
void buf_escape_message(struct buf *buf, const char *text, size_t length, size_t most);
// The same into an array of "size" bytes (at least 4), NUL included. Returns the length.
size_t buf_message(char *out, size_t size, const char *text, size_t length);
// Between the quotes of a JSON string: bytes that are no UTF-8 become U+FFFD.
void buf_escape_json(struct buf *buf, const char *text, size_t length);
// HTML text and attribute values: & < > " '.
void buf_escape_html(struct buf *buf, const char *text, size_t length);
// Prometheus label values: backslash, double quote, newline.
void buf_escape_prometheus(struct buf *buf, const char *text, size_t length);

// Undoes buf_escape_line in place: returns the new length, or (size_t)-1 when a '\\' is not followed
// by xNN, or when a decoded byte is NUL. The result is NUL-terminated; text needs length + 1 bytes.
size_t buf_unescape_line(char *text, size_t length);

#endif
