// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The state file's writer: what is set, in the table's order, and what other versions wrote.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "state.h"
#include "state_fields.h"

#define TEXT_LENGTH(text) (sizeof(text) - 1)

// Writes the escaped text; a blank at either end would be lost in reading.
static void write_text(struct buf *out, const char *text, size_t length)
{
    size_t start = 0, end = length;

    if (start < end && text[start] == ' ') {
        buf_text(out, "\\x20");
        start++;
    }
    bool blank = start < end && text[end - 1] == ' ';
    buf_escape_line(out, text + start, end - blank - start);
    if (blank) {
        buf_text(out, "\\x20");
    }
}

// The length of a sentence when it is cut, not within a character.
static size_t cut_length(const char *text, size_t most)
{
    size_t length = strnlen(text, most + 1);

    if (length <= most) {
        return length;
    }
    for (length = most; length > 0 && most - length < 3 && ((unsigned char)text[length] & 0xc0) == 0x80;) {
        length--;
    }
    return length;
}

static bool is_set(const struct state_field *field, const void *value)
{
    switch ((enum state_kind)field->kind) {
    case STATE_TIME: return *(const int64_t *)value != CLOCK_NONE;
    case STATE_NUMBER: return *(const uint32_t *)value != 0;
    case STATE_SWITCH: return *(const bool *)value;
    case STATE_FACT:
    case STATE_SENTENCE:
    case STATE_NAMES:
    case STATE_NOTE: return *(const char *const *)value != NULL;
    }
    return false;
}

static void write_value(const struct state *state, const struct state_field *field, const void *value, size_t most,
                        struct buf *out)
{
    char time[CLOCK_UTC_SIZE];
    const char *text;

    switch ((enum state_kind)field->kind) {
    case STATE_TIME:
        clock_format(*(const int64_t *)value, time);
        buf_text(out, time);
        break;
    case STATE_NUMBER: buf_format(out, "%" PRIu32, *(const uint32_t *)value); break;
    case STATE_SWITCH: buf_text(out, "yes"); break;
    case STATE_SENTENCE:
        text = *(const char *const *)value;
        write_text(out, text, cut_length(text, most));
        break;
    case STATE_FACT:
    case STATE_NAMES:
        text = *(const char *const *)value;
        if (strnlen(text, state_limit(field->kind) + 1) > state_limit(field->kind)) {
            out->failed = true;
        }
        write_text(out, text, strlen(text));
        break;
    case STATE_NOTE: buf_format(out, "%s %" PRIu32, state->publishing, state->publishing_generation); break;
    }
}

// Where the kept lines of a section begin, or NULL; "" is the top. Kept text is lines, each section's after its header.
static const char *kept_lines(const char *kept, const char *header)
{
    size_t length = strlen(header);

    if (length == 0) {
        return kept;
    }
    for (const char *line = kept; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (strncmp(line, header, length) == 0 && line[length] == '\n') {
            return line + length + 1;
        }
    }
    return NULL;
}

// Where the next header begins, or the end of the text.
static const char *next_header(const char *lines)
{
    while (*lines != '\0' && *lines != '[') {
        lines = strchr(lines, '\n') + 1;
    }
    return lines;
}

// Writes a section, its kept lines included, unless it has nothing to say; "always" then means its header.
static void write_section(const struct state *state, const struct state_section *section, const char *header,
                          const void *base, bool always, size_t most, struct buf *out)
{
    const char *kept = state->unknown == NULL ? NULL : kept_lines(state->unknown, header);
    bool begun = header[0] == '\0';

    if (!begun && (always || kept != NULL)) {
        buf_format(out, "\n%s\n", header);
        begun = true;
    }
    for (unsigned i = 0; i < section->count; i++) {
        const struct state_field *field = &section->fields[i];
        const void *value = (const char *)base + field->offset;

        if (!is_set(field, value)) {
            continue;
        }
        if (!begun) {
            buf_format(out, "\n%s\n", header);
            begun = true;
        }
        buf_add(out, field->key, field->length);
        buf_text(out, " = ");
        write_value(state, field, value, most, out);
        buf_char(out, '\n');
    }
    if (kept != NULL) {
        buf_add(out, kept, (size_t)(next_header(kept) - kept));
    }
}

// True when the header at the beginning of line is one that write_section has written.
static bool is_written(const struct state *state, const char *line)
{
    size_t length = strcspn(line, "\n");

    for (unsigned i = 1; i < STATE_SECTION_COUNT; i++) {
        if (length == state_sections[i].length && memcmp(line, state_sections[i].header, length) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < state->publication_count; i++) {
        const char *profile = state->publications[i].profile;
        size_t start = TEXT_LENGTH(STATE_PUBLISH_START);
        if (length == start + strlen(profile) + 1 && memcmp(line, STATE_PUBLISH_START, start) == 0 &&
            memcmp(line + start, profile, strlen(profile)) == 0) {
            return true;
        }
    }
    return false;
}

void state_format_cut(const struct state *state, size_t most, struct buf *out)
{
    char header[sizeof(STATE_PUBLISH_START) + 130];

    buf_text(out, STATE_FIRST_LINE);
    for (unsigned i = 0; i < STATE_SECTION_COUNT; i++) {
        write_section(state, &state_sections[i], state_sections[i].header, state, false, most, out);
    }
    for (size_t i = 0; i < state->publication_count; i++) {
        // The name is the one text that is not escaped.
        const char *profile = state->publications[i].profile;
        if (!state_is_name(profile, strlen(profile))) {
            out->failed = true;
        }
        snprintf(header, sizeof(header), STATE_PUBLISH_START "%s]", profile);
        write_section(state, &state_publish_section, header, &state->publications[i], true, most, out);
    }
    // What is left are sections that only a later version knows.
    for (const char *at = state->unknown == NULL ? "" : next_header(state->unknown); *at != '\0';) {
        const char *next = next_header(strchr(at, '\n') + 1);
        if (!is_written(state, at)) {
            buf_char(out, '\n');
            buf_add(out, at, (size_t)(next - at));
        }
        at = next;
    }
    buf_text(out, "\n" STATE_LAST_LINE);
}

void state_format(const struct state *state, struct buf *out)
{
    state_format_cut(state, STATE_MAX_TEXT, out);
}
