// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The keys of the state file: one table, read by the parser and by the writer. Only for state_*.c.
#ifndef STATE_FIELDS_H
#define STATE_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#define STATE_FIRST_LINE "format = 1\n"
#define STATE_LAST_LINE "[end]\n"
#define STATE_PUBLISH_START "[publish "

// What a value is, and with it how long a text may be.
enum state_kind {
    STATE_TIME,
    STATE_NUMBER,   // 1 to 2^32-1
    STATE_SWITCH,   // "yes"
    STATE_FACT,     // a text that means something only whole
    STATE_SENTENCE, // a text for people
    STATE_NAMES,    // a list of names
    STATE_NOTE,     // "PROFILE GENERATION" of the publication under way
};

struct state_field {
    const char *key;
    uint8_t length;
    uint8_t kind;
    uint16_t offset; // in struct state, or in struct publication
};

struct state_section {
    const char *header; // the whole line; "" for the top, NULL for "[publish PROFILE]"
    size_t length;
    const struct state_field *fields; // at most 32, in the order of writing
    unsigned count;
};

// The top first.
#define STATE_SECTION_COUNT 5
extern const struct state_section state_sections[STATE_SECTION_COUNT];
extern const struct state_section state_publish_section;

// The most bytes of a text of this kind.
size_t state_limit(enum state_kind kind);

#endif
