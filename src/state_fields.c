// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The keys of the state file, section by section, in the order of writing.
#include "state_fields.h"

#include "state.h"

#define STATE_FIELD(kind, key, member)                             \
    {                                                              \
        key, sizeof(key) - 1, kind, offsetof(struct state, member) \
    }
#define PUBLICATION_FIELD(kind, key, member)                             \
    {                                                                    \
        key, sizeof(key) - 1, kind, offsetof(struct publication, member) \
    }

static const struct state_field top_fields[] = {
    STATE_FIELD(STATE_TIME, "written", written),
    STATE_FIELD(STATE_NOTE, "publishing", publishing),
};

static const struct state_field certificate_fields[] = {
    STATE_FIELD(STATE_NUMBER, "generation", generation),
    STATE_FIELD(STATE_FACT, "serial", serial),
    STATE_FIELD(STATE_FACT, "fingerprint", fingerprint),
    STATE_FIELD(STATE_TIME, "not_before", not_before),
    STATE_FIELD(STATE_TIME, "not_after", not_after),
    STATE_FIELD(STATE_TIME, "issued", issued),
    STATE_FIELD(STATE_NAMES, "names", names),
    STATE_FIELD(STATE_FACT, "key_type", key_type),
    STATE_FIELD(STATE_FACT, "template", template),
    STATE_FIELD(STATE_SWITCH, "keyless", keyless),
    STATE_FIELD(STATE_SWITCH, "revoked", revoked),
    STATE_FIELD(STATE_SWITCH, "revoked_here", revoked_here),
    STATE_FIELD(STATE_NUMBER, "revoked_older", revoked_older),
    STATE_FIELD(STATE_TIME, "window_start", window_start),
    STATE_FIELD(STATE_TIME, "window_finish", window_finish),
    STATE_FIELD(STATE_FACT, "window_url", window_url),
    STATE_FIELD(STATE_SWITCH, "due_again", due_again),
    STATE_FIELD(STATE_NUMBER, "withdrawn", withdrawn),
    STATE_FIELD(STATE_NUMBER, "held", held),
    STATE_FIELD(STATE_SENTENCE, "held_reason", held_reason),
    STATE_FIELD(STATE_NUMBER, "held_first", held_first),
    STATE_FIELD(STATE_NUMBER, "held_last", held_last),
    STATE_FIELD(STATE_FACT, "warned", warned),
};

static const struct state_field issue_fields[] = {
    STATE_FIELD(STATE_NUMBER, "failures", issue.count),      STATE_FIELD(STATE_TIME, "last_failure", issue.last),
    STATE_FIELD(STATE_SWITCH, "permanent", issue.permanent), STATE_FIELD(STATE_SENTENCE, "last_error", issue.error),
    STATE_FIELD(STATE_FACT, "settings", issue.settings),     STATE_FIELD(STATE_TIME, "retry_after", retry_after),
};

static const struct state_field pending_fields[] = {
    STATE_FIELD(STATE_TIME, "since", pending_since),       STATE_FIELD(STATE_TIME, "next", pending_next),
    STATE_FIELD(STATE_FACT, "cookie", pending_cookie),     STATE_FIELD(STATE_NAMES, "names", pending_names),
    STATE_FIELD(STATE_FACT, "key_type", pending_key_type), STATE_FIELD(STATE_FACT, "template", pending_template),
};

static const struct state_field hold_fields[] = {
    STATE_FIELD(STATE_TIME, "since", hold_since),
    STATE_FIELD(STATE_TIME, "until", hold_until),
    STATE_FIELD(STATE_FACT, "by", hold_by),
    STATE_FIELD(STATE_FACT, "step", hold_step),
    STATE_FIELD(STATE_SENTENCE, "reason", hold_reason),
};

static const struct state_field publish_fields[] = {
    PUBLICATION_FIELD(STATE_NUMBER, "published", published),
    PUBLICATION_FIELD(STATE_NUMBER, "previous", previous),
    PUBLICATION_FIELD(STATE_TIME, "at", at),
    PUBLICATION_FIELD(STATE_TIME, "not_after", published_not_after),
    PUBLICATION_FIELD(STATE_SWITCH, "revoked", published_revoked),
    PUBLICATION_FIELD(STATE_NUMBER, "failures", failures.count),
    PUBLICATION_FIELD(STATE_TIME, "last_failure", failures.last),
    PUBLICATION_FIELD(STATE_SWITCH, "permanent", failures.permanent),
    PUBLICATION_FIELD(STATE_SENTENCE, "last_error", failures.error),
    PUBLICATION_FIELD(STATE_FACT, "settings", failures.settings),
};

#define COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))
#define SECTION(header, fields)                           \
    {                                                     \
        header, sizeof(header) - 1, fields, COUNT(fields) \
    }

const struct state_section state_sections[STATE_SECTION_COUNT] = {
    SECTION("", top_fields),          SECTION("[certificate]", certificate_fields),
    SECTION("[issue]", issue_fields), SECTION("[pending]", pending_fields),
    SECTION("[hold]", hold_fields),
};

const struct state_section state_publish_section = {NULL, 0, publish_fields, COUNT(publish_fields)};

_Static_assert(STATE_FORMAT == 1, "STATE_FIRST_LINE says which format this is");
_Static_assert(COUNT(certificate_fields) <= 32, "the parser marks the keys of a section in 32 bits");
_Static_assert(offsetof(struct state, publications) <= UINT16_MAX, "offsets fit");

size_t state_limit(enum state_kind kind)
{
    return kind == STATE_NAMES ? STATE_MAX_NAMES : STATE_MAX_TEXT;
}
