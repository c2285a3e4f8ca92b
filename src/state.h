// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The state file of a certificate: the stable facts, parsed, formatted, and what later versions wrote kept.
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "clock.h"
#include "error.h"

#define STATE_FORMAT 1
#define STATE_MAX_BYTES (1024 * 1024) // a file
#define STATE_MAX_TEXT 4096           // one text from outside
#define STATE_MAX_NAMES 65536         // a list of names
#define STATE_MAX_PUBLICATIONS 64
#define STATE_LIVE "live" // the profile of a publication that is only the switch of live/NAME

// Failures in a row of issuing, or of one publishing profile.
struct failures {
    uint32_t count;
    int64_t last;         // CLOCK_NONE: none
    bool permanent;       // the hook said so: the short waits are skipped
    const char *error;    // last_error or NULL
    const char *settings; // digest of the effective settings then, or NULL
};

// One publishing profile (or STATE_LIVE).
struct publication {
    const char *profile;
    uint32_t published;          // generation; 0: none
    uint32_t previous;           // the one before it; 0: none
    int64_t at;                  // when "published" was; CLOCK_NONE
    int64_t published_not_after; // of "published"; CLOCK_NONE
    bool published_revoked;      // "published" was revoked
    struct failures failures;
};

// Every time is Unix seconds or CLOCK_NONE; every text is NUL-terminated, decoded, or NULL.
// Texts point into memory that the state owns, or (set by its user before a save) that the user owns.
struct state {
    int64_t written; // when certauto itself last wrote this file

    // The newest generation; 0: never issued.
    uint32_t generation;
    const char *serial, *fingerprint; // hex
    int64_t not_before, not_after, issued;
    const char *names, *key_type, *template; // last asked for; names canonical (names.h)
    bool keyless;                            // imported without its key: it cannot be published (HOLD_NO_KEY)
    bool revoked;
    bool revoked_here;                   // by "revoke NAME": renewed at once even within a day of its issue (spec 5)
    uint32_t revoked_older;              // the newest older generation that was revoked; 0: none
    int64_t window_start, window_finish; // the CA's suggestion for this generation
    const char *window_url;
    bool due_again;     // at issue it was due again at once: its circle counts as a failure
    uint32_t withdrawn; // newest generation that a rollback withdrew; 0: none
    uint32_t held;      // generation held by must_keep; 0: none
    const char *held_reason;
    uint32_t held_first, held_last; // older ones, one after another, that were held and never published; 0: none

    struct failures issue;
    int64_t retry_after; // the CA's: holds every command until then

    // A pending order; pending_since == CLOCK_NONE: none.
    int64_t pending_since, pending_next; // since when; when the hook is to be asked again
    const char *pending_cookie, *pending_names, *pending_key_type, *pending_template;

    // A policy's hold; hold_since == CLOCK_NONE: none.
    int64_t hold_since, hold_until;
    const char *hold_by, *hold_step, *hold_reason;

    // The note of a transaction under way; NULL: none.
    const char *publishing;
    uint32_t publishing_generation;

    const char *warned; // expiry warnings sent, as text ("14d, 7d"), or NULL

    const char *unknown; // lines that this version does not know, kept as they are, with their sections

    // What follows is not touched by making a state empty, so that one struct is cheaply used again and again.
    struct publication publications[STATE_MAX_PUBLICATIONS];
    size_t publication_count;
    struct buf text; // the memory that parsed texts point into
    struct buf kept; // the memory of "unknown"
};

// The file: INI, "key = value" and "[section]" lines, first "format = 1", last "[end]". Sections: certificate, issue,
// pending, hold, "publish PROFILE"; at the top also "written" and "publishing = PROFILE GENERATION". Only what is set
// is written. Texts are escaped as buf_escape_line does, a blank at either end as \x20; times as clock_format;
// switches "yes" (or left out).

// Makes an empty state (never issued). Takes no memory.
void state_init(struct state *state);
void state_free(struct state *state);
// Makes it empty again, keeping the memory that it has.
void state_clear(struct state *state);

// Parses bytes that state.text already holds (it is changed in place). "file" is for messages:
// "FILE:LINE: message". An unknown format number, a cut file (the last line must be "[end]"), control bytes, a bad,
// doubled or overlong value or key: -1, nothing guessed, and the state is empty. Lines that begin with '#' or are
// empty mean nothing. Keys and sections not known are kept in "unknown" and written again by state_format.
int state_parse(struct state *state, const char *file, struct error *error);

// Reads NAME.state below the directory into state, reusing its memory: one openat, one read, one close
// when the file is whole. ERROR_NOT_FOUND: there is none (state is empty, which is no fault).
int state_load(struct state *state, int state_dirfd, const char *name, struct error *error);

// Appends the file's text. Deterministic. Sentences (last_error, reasons) are cut at STATE_MAX_TEXT, never beginning
// a line; any other text that is longer than its limit sets out->failed, since cut it would mean something else.
void state_format(const struct state *state, struct buf *out);
// The same with sentences cut at "most" bytes.
void state_format_cut(const struct state *state, size_t most, struct buf *out);

// Sets written to now and writes NAME.state atomically (0600). Only with the lock of NAME in hand. What is written
// is known to load again; when it would not, or does not fit, nothing is written. On failure written is as before.
int state_save(struct state *state, int state_dirfd, const char *name, int64_t now, struct error *error);

// The publication of a profile, or NULL; and the same, added empty when missing (NULL: too many). The name is
// borrowed: it must live as long as the state.
const struct publication *state_publication(const struct state *state, const char *profile);
struct publication *state_publication_add(struct state *state, const char *profile);
// The newest generation that any profile has published; 0: none.
uint32_t state_newest_published(const struct state *state);

// True when "name" is "NAME.state" with a valid name; length of NAME in *length.
bool state_file_name(const char *name, size_t *length);
// True for what may be the name of a certificate, profile or any other section (spec 2): 1-128 of A-Z a-z 0-9 . _ -,
// not beginning with '.' or '-'.
bool state_is_name(const char *name, size_t length);

#endif
