// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What a running loop tells the others: the file "loop" in run_dir.
#include "loop.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "codec.h"
#include "file.h"

#define MAX_BYTES 16384
#define FILE_NAME "loop"
#define DIGITS 8 // of SHA-256 of state_dir's path

// The keys of the file in their order; one table for both ways.
enum kind { TIME, TEXT };
static const struct {
    const char *key;
    enum kind kind;
    size_t offset, size;
} keys[] = {
#define FACT(key, kind, member)                                                                  \
    {                                                                                            \
        key, kind, offsetof(struct loop_facts, member), sizeof(((struct loop_facts *)0)->member) \
    }
    FACT("since", TIME, since),       FACT("configuration", TIME, configured), FACT("refused", TIME, refused),
    FACT("refusal", TEXT, refusal),   FACT("last_run", TIME, last_run),        FACT("result", TEXT, result),
    FACT("next_run", TIME, next_run), FACT("trouble", TEXT, trouble),
#undef FACT
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

int loop_path(const struct engine *engine, char out[LOOP_PATH_SIZE], struct error *error)
{
    char hex[CODEC_HEX256_SIZE];
    codec_sha256_hex(engine->state_dir, strlen(engine->state_dir), hex);
    int length = snprintf(out, LOOP_PATH_SIZE, "%s/%.*s/" FILE_NAME, engine->run_dir, DIGITS, hex);
    if (length < 0 || length >= LOOP_PATH_SIZE) {
        return error_set(error, ERROR_SYSTEM, "the path of run_dir is too long");
    }
    return 0;
}

bool loop_same(const struct loop_facts *one, const struct loop_facts *other)
{
    bool same = one->pid == other->pid;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const char *a = (const char *)one + keys[i].offset, *b = (const char *)other + keys[i].offset;
        same = same && (keys[i].kind == TIME ? memcmp(a, b, sizeof(int64_t)) == 0 : strcmp(a, b) == 0);
    }
    return same;
}

static void write_text(const struct loop_facts *facts, struct buf *out)
{
    buf_format(out, "pid = %lld\n", (long long)facts->pid);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const char *member = (const char *)facts + keys[i].offset;
        if (keys[i].kind == TIME) {
            char text[CLOCK_UTC_SIZE];
            int64_t time;
            memcpy(&time, member, sizeof(time));
            if (time != CLOCK_NONE) {
                clock_format(time, text);
                buf_format(out, "%s = %s\n", keys[i].key, text);
            }
        } else if (member[0] != '\0') {
            buf_format(out, "%s = ", keys[i].key);
            buf_escape_line(out, member, strlen(member));
            buf_char(out, '\n');
        }
    }
}

int loop_open_folder(const struct engine *engine, bool make, struct error *error)
{
    char path[LOOP_PATH_SIZE];
    if (loop_path(engine, path, error) < 0) {
        return -1;
    }
    *strrchr(path, '/') = '\0';
    if ((make && (file_make_directory(AT_FDCWD, engine->run_dir, 0755, true, error) < 0 ||
                  file_make_directory(AT_FDCWD, path, 0700, false, error) < 0)) ||
        file_check_trusted(path, true, error) < 0) {
        return -1;
    }
    return file_open_directory(AT_FDCWD, path, error);
}

int loop_write(const struct engine *engine, const struct loop_facts *facts, struct error *error)
{
    struct buf text;
    int dirfd = loop_open_folder(engine, true, error);
    if (dirfd < 0) {
        return -1;
    }
    buf_init(&text, MAX_BYTES);
    write_text(facts, &text);
    int result = text.failed ? error_set(error, ERROR_SYSTEM, "no memory to write " FILE_NAME)
                             : file_write_alone(dirfd, FILE_NAME, text.data, text.length, NULL, error);
    buf_free(&text);
    close(dirfd);
    return result;
}

void loop_remove(const struct engine *engine)
{
    char path[LOOP_PATH_SIZE];
    if (loop_path(engine, path, NULL) == 0) {
        (void)unlink(path);
    }
}

static void take(struct loop_facts *facts, const char *key, char *value)
{
    if (strcmp(key, "pid") == 0) {
        facts->pid = (pid_t)strtol(value, NULL, 10);
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(key, keys[i].key) != 0) {
            continue;
        }
        char *member = (char *)facts + keys[i].offset;
        int64_t time;
        if (keys[i].kind == TIME && clock_parse(value, strlen(value), &time)) {
            memcpy(member, &time, sizeof(time));
        } else if (keys[i].kind == TEXT) {
            size_t length = buf_unescape_line(value, strlen(value));
            snprintf(member, keys[i].size, "%s", length == (size_t)-1 ? "" : value);
        }
    }
}

int loop_read(const struct engine *engine, struct loop_facts *facts, struct error *error)
{
    char path[LOOP_PATH_SIZE];
    struct buf text;
    *facts = (struct loop_facts){.since = CLOCK_NONE,
                                 .configured = CLOCK_NONE,
                                 .refused = CLOCK_NONE,
                                 .last_run = CLOCK_NONE,
                                 .next_run = CLOCK_NONE};
    buf_init(&text, MAX_BYTES);
    if (loop_path(engine, path, error) < 0 || file_read_own(AT_FDCWD, path, &text, error) < 0) {
        buf_free(&text);
        return -1;
    }
    char *rest = text.data;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        char *equals = strstr(line, " = ");
        if (equals != NULL) {
            *equals = '\0';
            take(facts, line, equals + 3);
        }
    }
    buf_free(&text);
    return 0;
}
