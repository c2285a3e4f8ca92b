// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The state of a certificate: made empty, loaded, saved, and its publications found.
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "state_fields.h"

#define NAME_MOST 128
#define SUFFIX ".state"
#define PATH_SIZE (NAME_MOST + sizeof(SUFFIX))
#define FIRST_READ 4096 // most states are below 1 KiB

void state_clear(struct state *state)
{
    memset(state, 0, offsetof(struct state, publications));
    state->publication_count = 0;
    state->written = CLOCK_NONE;
    state->not_before = state->not_after = state->issued = CLOCK_NONE;
    state->window_start = state->window_finish = CLOCK_NONE;
    state->issue.last = state->retry_after = CLOCK_NONE;
    state->pending_since = state->pending_next = CLOCK_NONE;
    state->hold_since = state->hold_until = CLOCK_NONE;
}

void state_init(struct state *state)
{
    state_clear(state);
    buf_init(&state->text, STATE_MAX_BYTES);
    // Twice as much: each line may need its section's header.
    buf_init(&state->kept, 2 * STATE_MAX_BYTES);
}

void state_free(struct state *state)
{
    buf_free(&state->text);
    buf_free(&state->kept);
    state_clear(state);
}

bool state_is_name(const char *name, size_t length)
{
    if (length == 0 || length > NAME_MOST || name[0] == '.' || name[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

bool state_file_name(const char *name, size_t *length)
{
    size_t whole = strlen(name), suffix = strlen(SUFFIX);

    if (whole <= suffix || memcmp(name + whole - suffix, SUFFIX, suffix) != 0 || !state_is_name(name, whole - suffix)) {
        return false;
    }
    *length = whole - suffix;
    return true;
}

static int path_of(const char *name, char path[PATH_SIZE], struct error *error)
{
    size_t length = strnlen(name, NAME_MOST + 1);

    if (!state_is_name(name, length)) {
        return error_set(error, ERROR_REFUSED, "'%s' is no name of a certificate", name);
    }
    memcpy(path, name, length);
    memcpy(path + length, SUFFIX, sizeof(SUFFIX));
    return 0;
}

// True when the last line is read, so that nothing can follow in a file that is only ever replaced whole.
static bool is_whole(const struct buf *text)
{
    static const char last[] = "\n" STATE_LAST_LINE;
    size_t length = sizeof(last) - 1;

    return text->length > length && memcmp(text->data + text->length - length, last, length) == 0;
}

// Reads the file into state->text. One read does it unless the file is long: what is there is enlarged once more
// than it needs to be.
static int read_text(struct state *state, int fd, const char *path, struct error *error)
{
    struct buf *text = &state->text;

    buf_clear(text);
    for (;;) {
        size_t room = text->capacity > text->length + 1 ? text->capacity - text->length - 1 : 0;
        if (room < FIRST_READ / 2) {
            room = text->length < FIRST_READ ? FIRST_READ : text->length;
            room = room < text->limit - text->length ? room : text->limit - text->length;
        }
        if (room == 0) {
            return error_set(error, ERROR_REFUSED, "%s is longer than %d bytes", path, STATE_MAX_BYTES);
        }
        char *into = buf_reserve(text, room);
        if (into == NULL) {
            return error_set(error, ERROR_SYSTEM, "cannot read %s: out of memory", path);
        }
        ssize_t got = read(fd, into, room);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_errno(error, "cannot read %s", path);
        }
        buf_added(text, (size_t)got);
        if (got == 0 || ((size_t)got < room && is_whole(text))) {
            return 0;
        }
    }
}

int state_load(struct state *state, int state_dirfd, const char *name, struct error *error)
{
    char path[PATH_SIZE];

    state_clear(state);
    if (path_of(name, path, error) != 0) {
        return -1;
    }
    // O_NONBLOCK: whatever stands there, opening it must not wait.
    int fd = openat(state_dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return error_errno(error, "cannot open %s", path);
    }
    int result = read_text(state, fd, path, error);
    close(fd);
    return result == 0 ? state_parse(state, path, error) : -1;
}

// Formats the state so that it fits into a file: long sentences are cut more and more.
static int format_to_fit(const struct state *state, struct buf *out, struct error *error)
{
    static const size_t sentences[] = {STATE_MAX_TEXT, 512, 64};

    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        buf_clear(out);
        state_format_cut(state, sentences[i], out);
        if (!out->failed) {
            return 0;
        }
    }
    return error_set(error, ERROR_REFUSED, "the state is too long to be written");
}

// A state that does not load would stop its certificate for good: better that one write fails.
static int check_loads(const struct buf *text, const char *path, struct error *error)
{
    struct state copy;

    state_init(&copy);
    buf_add(&copy.text, text->data, text->length);
    int result = copy.text.failed ? error_set(error, ERROR_SYSTEM, "out of memory") : state_parse(&copy, path, error);
    state_free(&copy);
    return result == 0 ? 0 : error_prefix(error, "the state to be written would not load");
}

int state_save(struct state *state, int state_dirfd, const char *name, int64_t now, struct error *error)
{
    char path[PATH_SIZE];
    int64_t before = state->written;
    struct buf text;
    int result = -1;

    buf_init(&text, STATE_MAX_BYTES);
    if (path_of(name, path, error) != 0) {
        return -1;
    }
    state->written = now;
    if (format_to_fit(state, &text, error) == 0 && check_loads(&text, path, error) == 0) {
        result = file_write_alone(state_dirfd, path, text.data, text.length, NULL, error);
    }
    if (result != 0) {
        state->written = before;
    }
    buf_free(&text);
    return result;
}

const struct publication *state_publication(const struct state *state, const char *profile)
{
    for (size_t i = 0; i < state->publication_count; i++) {
        if (strcmp(state->publications[i].profile, profile) == 0) {
            return &state->publications[i];
        }
    }
    return NULL;
}

struct publication *state_publication_add(struct state *state, const char *profile)
{
    for (size_t i = 0; i < state->publication_count; i++) {
        if (strcmp(state->publications[i].profile, profile) == 0) {
            return &state->publications[i];
        }
    }
    if (state->publication_count == STATE_MAX_PUBLICATIONS) {
        return NULL;
    }
    struct publication *publication = &state->publications[state->publication_count++];
    *publication = (struct publication){
        .profile = profile, .at = CLOCK_NONE, .published_not_after = CLOCK_NONE, .failures.last = CLOCK_NONE};
    return publication;
}

uint32_t state_newest_published(const struct state *state)
{
    uint32_t newest = 0;
    for (size_t i = 0; i < state->publication_count; i++) {
        newest = state->publications[i].published > newest ? state->publications[i].published : newest;
    }
    return newest;
}
