// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Bytes that grow up to a limit, and every way of writing foreign text safely.
#include "buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 128

static const char hex_digits[] = "0123456789abcdef";

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_init_secret(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit, .secret = true};
}

void buf_free(struct buf *buf)
{
    if (buf == NULL) {
        return;
    }
    if (buf->secret && buf->data != NULL) {
        explicit_bzero(buf->data, buf->capacity);
    }
    free(buf->data);
    *buf = (struct buf){.limit = buf->limit, .secret = buf->secret};
}

void buf_clear(struct buf *buf)
{
    if (buf->data != NULL) {
        if (buf->secret) {
            explicit_bzero(buf->data, buf->capacity);
        }
        buf->data[0] = '\0';
    }
    buf->length = 0;
    buf->failed = false;
}

// Takes memory for "needed" bytes, the NUL included. A secret must not stay behind in memory that realloc
// gave back, so it is copied by hand and wiped.
static bool grow(struct buf *buf, size_t needed)
{
    size_t capacity = buf->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buf->capacity;
    char *data;

    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    // The limit is below SIZE_MAX here, or "needed" could not have been computed.
    if (capacity > buf->limit && buf->limit < SIZE_MAX) {
        capacity = buf->limit + 1;
    }
    if (!buf->secret) {
        data = realloc(buf->data, capacity);
    } else {
        data = malloc(capacity);
        if (data != NULL && buf->data != NULL) {
            memcpy(data, buf->data, buf->length + 1);
            explicit_bzero(buf->data, buf->capacity);
            free(buf->data);
        }
    }
    if (data == NULL) {
        return false;
    }
    data[buf->length] = '\0';
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

char *buf_reserve(struct buf *buf, size_t more)
{
    if (buf->failed) {
        return NULL;
    }
    if (more > buf->limit || buf->length > buf->limit - more || buf->length + more == SIZE_MAX) {
        buf->failed = true;
        return NULL;
    }
    size_t needed = buf->length + more + 1;
    if (needed > buf->capacity && !grow(buf, needed)) {
        buf->failed = true;
        return NULL;
    }
    return buf->data + buf->length;
}

void buf_added(struct buf *buf, size_t length)
{
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void buf_add(struct buf *buf, const void *bytes, size_t length)
{
    char *room;

    if (length == 0) {
        return;
    }
    room = buf_reserve(buf, length);
    if (room != NULL) {
        memcpy(room, bytes, length);
        buf_added(buf, length);
    }
}

void buf_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_vformat(struct buf *buf, const char *format, va_list args)
{
    va_list again;

    if (buf->failed) {
        return;
    }
    va_copy(again, args);
    size_t room = buf->capacity - buf->length;
    int length = vsnprintf(buf->data == NULL ? NULL : buf->data + buf->length, room, format, args);

    if (length < 0) {
        buf->failed = true;
    } else if ((size_t)length < room) {
        buf->length += (size_t)length;
    } else if (buf_reserve(buf, (size_t)length) != NULL) {
        vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    // A failed append changes nothing, also not behind the end.
    if (buf->data != NULL) {
        buf->data[buf->length] = '\0';
    }
    va_end(again);
}

void buf_format(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vformat(buf, format, args);
    va_end(args);
}

const char *buf_string(const struct buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static void add_hex(struct buf *buf, unsigned char c)
{
    const char text[4] = {'\\', 'x', hex_digits[c >> 4], hex_digits[c & 15]};

    buf_add(buf, text, sizeof(text));
}

void buf_escape_line(struct buf *buf, const char *text, size_t length)
{
    size_t start = 0;

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_control(c) || c == '\\') {
            buf_add(buf, text + start, i - start);
            add_hex(buf, c);
            start = i + 1;
        }
    }
    buf_add(buf, text + start, length - start);
}

// The bytes of the well-formed UTF-8 character at text (RFC 3629 section 4: shortest form, no surrogates, up
// to U+10FFFF), or 0.
static size_t utf8_length(const unsigned char *text, size_t left)
{
    unsigned char c = text[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t length;

    if (c < 0x80) {
        return 1;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        length = 2;
    } else if (c >= 0xe0 && c <= 0xef) {
        length = 3;
        low = c == 0xe0 ? 0xa0 : 0x80;
        high = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        length = 4;
        low = c == 0xf0 ? 0x90 : 0x80;
        high = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (left < length || text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

// One character as messages show it: written to out (at most 8 bytes), its length in *written; returns how many
// bytes of text it took. U+0080 to U+009F are controls too: some terminals obey them.
static size_t message_step(const unsigned char *text, size_t left, char out[8], size_t *written)
{
    size_t taken = utf8_length(text, left);
    bool hidden =
        taken == 0 || (taken == 1 && is_control(text[0])) || (taken == 2 && text[0] == 0xc2 && text[1] < 0xa0);

    taken = taken == 0 ? 1 : taken;
    if (!hidden) {
        memcpy(out, text, taken);
        *written = taken;
        return taken;
    }
    for (size_t i = 0; i < taken; i++) {
        out[4 * i] = '\\';
        out[4 * i + 1] = 'x';
        out[4 * i + 2] = hex_digits[text[i] >> 4];
        out[4 * i + 3] = hex_digits[text[i] & 15];
    }
    *written = 4 * taken;
    return taken;
}

// How many bytes of text can be shown in "most" bytes; *shown is what they take. Unless all of it fits, room for
// the dots is left.
static size_t message_measure(const char *text, size_t length, size_t most, size_t *shown)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t done = 0, used = 0, kept = 0;

    *shown = 0;
    while (done < length) {
        char step[8];
        size_t written;
        size_t taken = message_step(at + done, length - done, step, &written);

        if (used + written > most) {
            return kept;
        }
        done += taken;
        used += written;
        if (used + 3 <= most) {
            kept = done;
            *shown = used;
        }
    }
    *shown = used;
    return length;
}

// Writes the first "fits" bytes of text, and dots when that is not all.
static void message_write(char *out, const char *text, size_t fits, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;

    for (size_t done = 0; done < fits;) {
        char step[8];
        size_t written;

        done += message_step(at + done, length - done, step, &written);
        memcpy(out, step, written);
        out += written;
    }
    if (fits < length) {
        memcpy(out, "...", 3);
    }
}

size_t buf_message(char *out, size_t size, const char *text, size_t length)
{
    size_t shown;
    size_t fits = message_measure(text, length, size - 1, &shown);

    message_write(out, text, fits, length);
    shown += fits < length ? 3 : 0;
    out[shown] = '\0';
    return shown;
}

void buf_escape_message(struct buf *buf, const char *text, size_t length, size_t most)
{
    size_t shown, plain = 0;

    // Nearly all text is plain.
    while (plain < length && text[plain] >= ' ' && text[plain] <= '~') {
        plain++;
    }
    if (plain == length && length <= most) {
        buf_add(buf, text, length);
        return;
    }
    size_t fits = message_measure(text, length, most, &shown);

    shown += fits < length ? 3 : 0;
    char *room = shown == 0 ? NULL : buf_reserve(buf, shown);
    if (room != NULL) {
        message_write(room, text, fits, length);
        buf_added(buf, shown);
    }
}

void buf_escape_json(struct buf *buf, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;

    while (length > 0) {
        size_t taken = utf8_length(at, length);
        if (taken == 0) {
            buf_text(buf, "\xef\xbf\xbd");
            taken = 1;
        } else if (*at == '"' || *at == '\\') {
            buf_char(buf, '\\');
            buf_char(buf, (char)*at);
        } else if (is_control(*at)) {
            buf_format(buf, "\\u%04x", *at);
        } else {
            buf_add(buf, at, taken);
        }
        at += taken;
        length -= taken;
    }
}

void buf_escape_html(struct buf *buf, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '&': buf_text(buf, "&amp;"); break;
        case '<': buf_text(buf, "&lt;"); break;
        case '>': buf_text(buf, "&gt;"); break;
        case '"': buf_text(buf, "&quot;"); break;
        case '\'': buf_text(buf, "&#39;"); break;
        default: buf_char(buf, text[i]);
        }
    }
}

void buf_escape_prometheus(struct buf *buf, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            buf_text(buf, "\\n");
        } else {
            if (text[i] == '\\' || text[i] == '"') {
                buf_char(buf, '\\');
            }
            buf_char(buf, text[i]);
        }
    }
}

// The value of a lower- or upper-case hex digit, or -1.
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t buf_unescape_line(char *text, size_t length)
{
    size_t out = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '\\') {
            int high = i + 3 < length && text[i + 1] == 'x' ? hex_value(text[i + 2]) : -1;
            int low = high < 0 ? -1 : hex_value(text[i + 3]);
            if (low < 0) {
                return (size_t)-1;
            }
            c = (char)(high * 16 + low);
            i += 3;
        }
        if (c == '\0') {
            return (size_t)-1;
        }
        text[out++] = c;
    }
    text[out] = '\0';
    return out;
}
