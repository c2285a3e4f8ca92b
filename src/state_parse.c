// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The state file's parser: one pass, in place, without taking memory unless there is something to keep.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "state.h"
#include "state_fields.h"

#define TEXT_LENGTH(text) (sizeof(text) - 1)

struct parser {
    struct state *state;
    const char *file;
    struct error *error;
    char *line, *end;                    // the line without its newline, which stands at end
    unsigned number;                     // of the line
    const struct state_section *section; // NULL: one that is not known
    char *base;                          // what the section's offsets count from
    unsigned next;                       // the field that is likely to come next: they are written in order
    uint32_t seen;                       // fields of this section
    uint32_t sections_seen;
    char *header, *header_end; // the section's line
    bool header_kept;
};

__attribute__((format(printf, 2, 3))) static int bad_line(struct parser *parser, const char *format, ...)
{
    struct error *error = parser->error;
    char message[256];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return error_set(error, ERROR_FORMAT, "%s:%u: %s", parser->file, parser->number, message);
}

#define ONES (UINT64_MAX / 255)
#define HIGHS (ONES * 128)

// True when a byte of text is a control byte or '\\'. Eight bytes at a time, since every text of every state passes
// here: x has a byte below n if (x - ONES * n) & ~x & HIGHS, and one that is zero if it has one below 1.
static bool has_special(const char *text, size_t length)
{
    uint64_t word;

    for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        uint64_t backslash = word ^ ONES * '\\', del = word ^ ONES * 0x7f;
        uint64_t found = ((word - ONES * 0x20) & ~word) | ((backslash - ONES) & ~backslash) | ((del - ONES) & ~del);
        if ((found & HIGHS) != 0) {
            return true;
        }
    }
    for (; length > 0; text++, length--) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f || *text == '\\') {
            return true;
        }
    }
    return false;
}

static bool has_control(const char *text, size_t length)
{
    if (!has_special(text, length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static int parse_text(struct parser *parser, const struct state_field *field, char *value, size_t length,
                      const char **out)
{
    value[length] = '\0';
    if (has_special(value, length)) {
        if (has_control(value, length)) {
            return bad_line(parser, "a control byte in '%s'", field->key);
        }
        length = buf_unescape_line(value, length);
        if (length == (size_t)-1) {
            return bad_line(parser, "a '\\' in '%s' that begins no \\xNN", field->key);
        }
    }
    if (length > state_limit(field->kind)) {
        return bad_line(parser, "'%s' is longer than %zu bytes", field->key, state_limit(field->kind));
    }
    *out = value;
    return 0;
}

// Reads a whole number from 1: what is 0 is not written.
static bool parse_number(const char *text, size_t length, uint32_t *number)
{
    uint64_t value = 0;

    if (length == 0 || length > 10 || text[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *number = (uint32_t)value;
    return value <= UINT32_MAX;
}

// Reads "PROFILE GENERATION".
static int parse_note(struct parser *parser, char *value, size_t length)
{
    char *blank = memchr(value, ' ', length);

    if (blank == NULL || !state_is_name(value, (size_t)(blank - value)) ||
        !parse_number(blank + 1, length - (size_t)(blank + 1 - value), &parser->state->publishing_generation)) {
        return bad_line(parser, "'publishing' must be a profile and a generation");
    }
    *blank = '\0';
    parser->state->publishing = value;
    return 0;
}

static int parse_value(struct parser *parser, const struct state_field *field, char *value, size_t length)
{
    void *target = parser->base + field->offset;

    switch ((enum state_kind)field->kind) {
    case STATE_TIME:
        if (!clock_parse(value, length, target)) {
            return bad_line(parser, "'%s' must be a time like 2026-11-23T03:06:47Z", field->key);
        }
        return 0;
    case STATE_NUMBER:
        if (!parse_number(value, length, target)) {
            return bad_line(parser, "'%s' must be a whole number from 1 to %" PRIu32, field->key, UINT32_MAX);
        }
        return 0;
    case STATE_SWITCH:
        *(bool *)target = length == 3;
        if (!(length == 3 && memcmp(value, "yes", 3) == 0) && !(length == 2 && memcmp(value, "no", 2) == 0)) {
            return bad_line(parser, "'%s' must be yes or no", field->key);
        }
        return 0;
    case STATE_FACT:
    case STATE_SENTENCE:
    case STATE_NAMES: return parse_text(parser, field, value, length, target);
    case STATE_NOTE: return parse_note(parser, value, length);
    }
    return -1;
}

// Keeps the line as it is, with its section's header before the first.
static int keep_line(struct parser *parser)
{
    struct buf *kept = &parser->state->kept;

    if (has_control(parser->line, (size_t)(parser->end - parser->line))) {
        return bad_line(parser, "a control byte");
    }
    if (!parser->header_kept && parser->header != NULL && parser->line != parser->header) {
        // The bracket of a profile's header is overwritten by the end of its name.
        buf_add(kept, parser->header, (size_t)(parser->header_end - 1 - parser->header));
        buf_text(kept, "]\n");
    }
    parser->header_kept = true;
    buf_add(kept, parser->line, (size_t)(parser->end - parser->line));
    buf_char(kept, '\n');
    return kept->failed ? bad_line(parser, "out of memory") : 0;
}

// The field with this key in the section, or NULL.
static const struct state_field *find_field(const struct parser *parser, const char *key, size_t length)
{
    for (unsigned i = 0; parser->section != NULL && i < parser->section->count; i++) {
        const struct state_field *field = &parser->section->fields[i];
        if (field->length == length && memcmp(field->key, key, length) == 0) {
            return field;
        }
    }
    return NULL;
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

// Finds key and value of a line as certauto writes it when its key is the next one: nearly all lines of all files.
static const struct state_field *expected_field(struct parser *parser, char **value)
{
    const struct state_section *section = parser->section;

    if (section == NULL) {
        return NULL;
    }
    for (unsigned i = parser->next; i < section->count; i++) {
        const struct state_field *field = &section->fields[i];
        if (field->key[0] == parser->line[0] && (size_t)(parser->end - parser->line) >= field->length + 3U &&
            memcmp(parser->line, field->key, field->length) == 0 &&
            memcmp(parser->line + field->length, " = ", 3) == 0) {
            parser->next = i + 1;
            *value = parser->line + field->length + 3;
            return field;
        }
    }
    return NULL;
}

static int parse_key(struct parser *parser)
{
    char *value;
    const struct state_field *field = expected_field(parser, &value);

    if (field == NULL) {
        char *key_end = parser->line;
        while (is_key_char(*key_end)) {
            key_end++;
        }
        value = key_end;
        while (*value == ' ') {
            value++;
        }
        if (key_end == parser->line || *value != '=') {
            return bad_line(parser, "neither 'key = value' nor '[section]'");
        }
        value++;
        field = find_field(parser, parser->line, (size_t)(key_end - parser->line));
        if (field == NULL) {
            return keep_line(parser);
        }
    }
    while (*value == ' ') {
        value++;
    }
    char *value_end = parser->end;
    while (value_end > value && value_end[-1] == ' ') {
        value_end--;
    }
    uint32_t bit = (uint32_t)1 << (field - parser->section->fields);
    if ((parser->seen & bit) != 0) {
        return bad_line(parser, "'%s' stands here twice", field->key);
    }
    parser->seen |= bit;
    return parse_value(parser, field, value, (size_t)(value_end - value));
}

static void enter(struct parser *parser, const struct state_section *section, void *base)
{
    parser->section = section;
    parser->base = base;
    parser->next = 0;
    parser->seen = 0;
    parser->header = parser->line;
    parser->header_end = parser->end;
    parser->header_kept = false;
}

static int parse_publish_header(struct parser *parser)
{
    char *profile = parser->line + TEXT_LENGTH(STATE_PUBLISH_START);

    if (!state_is_name(profile, (size_t)(parser->end - 1 - profile))) {
        return bad_line(parser, "no name of a profile");
    }
    parser->end[-1] = '\0';
    if (state_publication(parser->state, profile) != NULL) {
        return bad_line(parser, "[publish %s] stands here twice", profile);
    }
    struct publication *publication = state_publication_add(parser->state, profile);
    if (publication == NULL) {
        return bad_line(parser, "more than %d profiles", STATE_MAX_PUBLICATIONS);
    }
    enter(parser, &state_publish_section, publication);
    return 0;
}

static int parse_header(struct parser *parser)
{
    size_t length = (size_t)(parser->end - parser->line);

    if (parser->end[-1] != ']' || length < 3) {
        return bad_line(parser, "a section that does not end in ']'");
    }
    for (unsigned i = 1; i < STATE_SECTION_COUNT; i++) {
        if (length == state_sections[i].length && memcmp(parser->line, state_sections[i].header, length) == 0) {
            if ((parser->sections_seen & (uint32_t)1 << i) != 0) {
                return bad_line(parser, "%s stands here twice", state_sections[i].header);
            }
            parser->sections_seen |= (uint32_t)1 << i;
            enter(parser, &state_sections[i], parser->state);
            return 0;
        }
    }
    if (length > TEXT_LENGTH(STATE_PUBLISH_START) &&
        memcmp(parser->line, STATE_PUBLISH_START, TEXT_LENGTH(STATE_PUBLISH_START)) == 0) {
        return parse_publish_header(parser);
    }
    if (length == TEXT_LENGTH(STATE_LAST_LINE) - 1 && memcmp(parser->line, STATE_LAST_LINE, length) == 0) {
        return bad_line(parser, "[end] before the end");
    }
    enter(parser, NULL, NULL);
    return keep_line(parser);
}

// The newline that ends the line, eight bytes at a time: musl's memchr takes three times as long, for every line of
// every state. There is one before the last line, whose length (and its NUL) the last look may reach into.
static char *find_line_end(char *at)
{
    uint64_t word, newline;

    _Static_assert(TEXT_LENGTH(STATE_LAST_LINE) + 1 >= sizeof(word) - 1, "a look ends within the text");
    for (;; at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        newline = word ^ ONES * '\n';
        if (((newline - ONES) & ~newline & HIGHS) != 0) {
            break;
        }
    }
    while (*at != '\n') {
        at++;
    }
    return at;
}

// Reads the lines between the first and the last, which are checked already.
static int parse_lines(struct parser *parser, char *at, char *stop)
{
    while (at < stop) {
        // There is a newline before stop, so that each line has its end.
        parser->line = at;
        parser->end = find_line_end(at);
        parser->number++;
        at = parser->end + 1;
        int result = 0;
        if (*parser->line == '[') {
            result = parse_header(parser);
        } else if (parser->line != parser->end && *parser->line != '#') {
            result = parse_key(parser);
        }
        if (result != 0) {
            return -1;
        }
    }
    return 0;
}

static unsigned count_lines(const char *text, size_t length)
{
    unsigned lines = 0;

    for (size_t i = 0; i < length; i++) {
        lines += text[i] == '\n' || i + 1 == length;
    }
    return lines;
}

static int parse_all(struct parser *parser)
{
    struct state *state = parser->state;
    char *text = state->text.data;
    size_t length = state->text.length;
    const size_t first = TEXT_LENGTH(STATE_FIRST_LINE), last = TEXT_LENGTH(STATE_LAST_LINE);

    if (length < first + last || memcmp(text + length - last, STATE_LAST_LINE, last) != 0 ||
        text[length - last - 1] != '\n') {
        parser->number = count_lines(text, length);
        return bad_line(parser, "the file is cut: its last line is not [end]");
    }
    parser->number = 1;
    if (memcmp(text, STATE_FIRST_LINE, first) != 0) {
        return bad_line(parser, "the first line is not 'format = %d': no state, or one of a later version",
                        STATE_FORMAT);
    }
    parser->section = &state_sections[0];
    parser->base = (char *)state;
    if (parse_lines(parser, text + first, text + length - last) != 0) {
        return -1;
    }
    // Every moment is computed from these two.
    if (state->generation != 0 && (state->not_before == CLOCK_NONE || state->not_after == CLOCK_NONE)) {
        return bad_line(parser, "a generation without 'not_before' and 'not_after'");
    }
    state->unknown = state->kept.length == 0 ? NULL : state->kept.data;
    return 0;
}

int state_parse(struct state *state, const char *file, struct error *error)
{
    struct parser parser = {.state = state, .file = file, .error = error};

    state_clear(state);
    buf_clear(&state->kept);
    if (parse_all(&parser) != 0) {
        state_clear(state);
        return -1;
    }
    return 0;
}
