// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of state.c and state_*.c: the grammar in tables, and round trips of random states.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"
#include "state.h"
#include "state_fields.h"

static int opens, reads, closes;
static bool counting, fail_fsync;

int __real_openat64(int dirfd, const char *name, int flags, ...);
int __wrap_openat64(int dirfd, const char *name, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    opens += counting;
    return __real_openat64(dirfd, name, flags, mode);
}

ssize_t __real_read(int fd, void *bytes, size_t length);
ssize_t __wrap_read(int fd, void *bytes, size_t length)
{
    reads += counting;
    return __real_read(fd, bytes, length);
}

int __real_close(int fd);
int __wrap_close(int fd)
{
    closes += counting;
    return __real_close(fd);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (fail_fsync) {
        errno = EIO;
        return -1;
    }
    return __real_fsync(fd);
}

static char folder[256];
static int dir;

static int setup(void **unused)
{
    const char *tmp = getenv("TMPDIR");

    (void)unused;
    snprintf(folder, sizeof(folder), "%s/certauto-state-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    assert_true(dir >= 0);
    return 0;
}

static int teardown(void **unused)
{
    struct error error;

    (void)unused;
    close(dir);
    return file_remove_tree(AT_FDCWD, folder, &error);
}

static int parse(struct state *state, const char *text, size_t length, struct error *error)
{
    buf_clear(&state->text);
    buf_add(&state->text, text, length);
    return state_parse(state, "www.state", error);
}

static void put(const char *name, const char *text, size_t length)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), length);
    close(fd);
}

#define HEALTHY                                                                        \
    "format = 1\n"                                                                     \
    "written = 2026-11-23T03:06:47Z\n"                                                 \
    "\n"                                                                               \
    "[certificate]\n"                                                                  \
    "generation = 3\n"                                                                 \
    "serial = 0a1b2c\n"                                                                \
    "fingerprint = 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n" \
    "not_before = 2026-11-01T00:00:00Z\n"                                              \
    "not_after = 2027-01-30T00:00:00Z\n"                                               \
    "issued = 2026-11-01T01:00:00Z\n"                                                  \
    "names = www.example.org, example.org, 192.0.2.1\n"                                \
    "key_type = ecdsa-p256\n"                                                          \
    "template = lan\n"                                                                 \
    "\n"                                                                               \
    "[publish nginx]\n"                                                                \
    "published = 3\n"                                                                  \
    "previous = 2\n"                                                                   \
    "at = 2026-11-01T01:00:05Z\n"                                                      \
    "not_after = 2027-01-30T00:00:00Z\n"                                               \
    "\n"                                                                               \
    "[end]\n"

static void an_empty_state_is_two_lines(void **unused)
{
    struct state state;
    struct error error;
    struct buf out;

    (void)unused;
    state_init(&state);
    buf_init(&out, 10000);
    state_format(&state, &out);
    assert_string_equal(buf_string(&out), "format = 1\n\n[end]\n");
    assert_int_equal(parse(&state, out.data, out.length, &error), 0);
    assert_int_equal(state.generation, 0);
    assert_true(state.written == CLOCK_NONE && state.pending_since == CLOCK_NONE && state.hold_since == CLOCK_NONE);
    assert_null(state.names);
    assert_null(state.unknown);
    state_free(&state);
    buf_free(&out);
}

static void a_healthy_state_is_read_and_written_the_same(void **unused)
{
    struct state state;
    struct error error;
    struct buf out;

    (void)unused;
    state_init(&state);
    buf_init(&out, 10000);
    assert_int_equal(parse(&state, HEALTHY, strlen(HEALTHY), &error), 0);
    assert_int_equal(state.generation, 3);
    assert_int_equal(state.written, 1795403207);
    assert_string_equal(state.names, "www.example.org, example.org, 192.0.2.1");
    assert_string_equal(state.template, "lan");
    assert_int_equal(state.publication_count, 1);
    const struct publication *publication = state_publication(&state, "nginx");
    assert_non_null(publication);
    assert_int_equal(publication->published, 3);
    assert_int_equal(publication->previous, 2);
    assert_int_equal(publication->published_not_after, state.not_after);
    assert_true(publication->failures.last == CLOCK_NONE);
    assert_null(state_publication(&state, "other"));
    assert_null(state.kept.data);
    state_format(&state, &out);
    assert_string_equal(buf_string(&out), HEALTHY);
    state_free(&state);
    buf_free(&out);
}

static void state_load_rejects_a_cut_file_wherever_it_is_cut(void **unused)
{
    struct state state;
    struct error error;

    (void)unused;
    state_init(&state);
    for (size_t length = 0; length < strlen(HEALTHY); length++) {
        put("www.state", HEALTHY, length);
        assert_int_equal(state_load(&state, dir, "www", &error), -1);
        assert_int_equal(error.code, ERROR_FORMAT);
        assert_non_null(strstr(error.message, "www.state:"));
        assert_int_equal(state.generation, 0);
    }
    // A value that looks like the last line is not the last line.
    static const char trap[] = "format = 1\n[certificate]\ntemplate = [end]\n";
    assert_int_equal(parse(&state, trap, strlen(trap), &error), -1);
    assert_string_equal(error.message, "www.state:3: the file is cut: its last line is not [end]");
    state_free(&state);
}

static void mistakes_are_named_with_their_line(void **unused)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "0: the file is cut: its last line is not [end]"},
        {"[end]\n", "1: the file is cut: its last line is not [end]"},
        {"\n[end]\n", "2: the file is cut: its last line is not [end]"},
        {"format = 2\n[end]\n", "1: the first line is not 'format = 1': no state, or one of a later version"},
        {"xormat = 1\n[end]\n", "1: the first line is not 'format = 1': no state, or one of a later version"},
        {"format = 1\nwritten = yesterday\n[end]\n", "2: 'written' must be a time like 2026-11-23T03:06:47Z"},
        {"format = 1\n\n[certificate]\ngeneration = 0\n[end]\n",
         "4: 'generation' must be a whole number from 1 to 4294967295"},
        {"format = 1\n[certificate]\ngeneration = 4294967296\n[end]\n",
         "3: 'generation' must be a whole number from 1 to 4294967295"},
        {"format = 1\n[certificate]\ngeneration = 1x\n[end]\n",
         "3: 'generation' must be a whole number from 1 to 4294967295"},
        {"format = 1\n[certificate]\ngeneration = 1\n[end]\n", "3: a generation without 'not_before' and 'not_after'"},
        {"format = 1\n[certificate]\nrevoked = true\n[end]\n", "3: 'revoked' must be yes or no"},
        {"format = 1\n[certificate]\nserial = 1\nserial = 1\n[end]\n", "4: 'serial' stands here twice"},
        {"format = 1\n[hold]\n[hold]\n[end]\n", "3: [hold] stands here twice"},
        {"format = 1\n[publish a]\n[publish a]\n[end]\n", "3: [publish a] stands here twice"},
        {"format = 1\n[publish ]\n[end]\n", "2: no name of a profile"},
        {"format = 1\n[publish a b]\n[end]\n", "2: no name of a profile"},
        {"format = 1\n[publish ../x]\n[end]\n", "2: no name of a profile"},
        {"format = 1\n[certificate\n[end]\n", "2: a section that does not end in ']'"},
        {"format = 1\n[]\n[end]\n", "2: a section that does not end in ']'"},
        {"format = 1\n[end]\nwritten = x\n[end]\n", "2: [end] before the end"},
        {"format = 1\nwritten\n[end]\n", "2: neither 'key = value' nor '[section]'"},
        {"format = 1\n = x\n[end]\n", "2: neither 'key = value' nor '[section]'"},
        {"format = 1\n written = x\n[end]\n", "2: neither 'key = value' nor '[section]'"},
        {"format = 1\n[hold]\nby = a\tb\n[end]\n", "3: a control byte in 'by'"},
        {"format = 1\n[hold]\nby = a\rb\n[end]\n", "3: a control byte in 'by'"},
        {"format = 1\n[hold]\nby = a\\b\n[end]\n", "3: a '\\' in 'by' that begins no \\xNN"},
        {"format = 1\n[hold]\nby = a\\x00b\n[end]\n", "3: a '\\' in 'by' that begins no \\xNN"},
        {"format = 1\n[future]\nby = a\tb\n[end]\n", "3: a control byte"},
        {"format = 1\n[fut\1ure]\n[end]\n", "2: a control byte"},
        {"format = 1\npublishing = nginx\n[end]\n", "2: 'publishing' must be a profile and a generation"},
        {"format = 1\npublishing = ng/inx 3\n[end]\n", "2: 'publishing' must be a profile and a generation"},
        {"format = 1\npublishing = nginx 0\n[end]\n", "2: 'publishing' must be a profile and a generation"},
    };
    struct state state;

    (void)unused;
    state_init(&state);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {.code = ERROR_NONE};
        assert_int_equal(parse(&state, cases[i].text, strlen(cases[i].text), &error), -1);
        assert_int_equal(error.code, ERROR_FORMAT);
        assert_memory_equal(error.message, "www.state:", 10);
        assert_string_equal(error.message + 10, cases[i].message);
        assert_int_equal(state.publication_count, 0);
        assert_null(state.hold_by);
    }
    state_free(&state);
}

static void a_nul_byte_is_refused_wherever_it_stands(void **unused)
{
    char text[sizeof(HEALTHY)];
    struct state state;
    struct error error;

    (void)unused;
    state_init(&state);
    for (size_t i = 0; i < strlen(HEALTHY); i++) {
        memcpy(text, HEALTHY, sizeof(text));
        text[i] = '\0';
        assert_int_equal(parse(&state, text, strlen(HEALTHY), &error), -1);
    }
    state_free(&state);
}

static void what_people_change_by_hand_is_understood(void **unused)
{
    static const char text[] =
        "format = 1\n# a remark\nwritten=2026-11-23T03:06:47Z\n[hold]\nby   =   me   \nstep =\n[end]\n";
    struct state state;
    struct error error;

    (void)unused;
    state_init(&state);
    assert_int_equal(parse(&state, text, strlen(text), &error), 0);
    assert_int_equal(state.written, 1795403207);
    assert_string_equal(state.hold_by, "me");
    assert_string_equal(state.hold_step, "");
    state_free(&state);
}

static void what_a_later_version_wrote_survives(void **unused)
{
    static const char text[] = "format = 1\n"
                               "written = 2026-11-23T03:06:47Z\n"
                               "colour = blue\n"
                               "shape = \\x0around \n"
                               "\n"
                               "[certificate]\n"
                               "generation = 3\n"
                               "not_before = 2026-11-01T00:00:00Z\n"
                               "not_after = 2027-01-30T00:00:00Z\n"
                               "post_quantum = yes\n"
                               "\n"
                               "[issue]\n"
                               "mood = bad\n"
                               "\n"
                               "[publish a]\n"
                               "published = 3\n"
                               "sent = 1\n"
                               "\n"
                               "[publish b]\n"
                               "sent = 2\n"
                               "\n"
                               "[future]\n"
                               "since = tomorrow\n"
                               "names = x\n"
                               "\n"
                               "[future b]\n"
                               "\n"
                               "[end]\n";
    struct state state;
    struct error error;
    struct buf out;

    (void)unused;
    state_init(&state);
    buf_init(&out, 10000);
    assert_int_equal(parse(&state, text, strlen(text), &error), 0);
    state_format(&state, &out);
    assert_string_equal(buf_string(&out), text);
    // And a second time, although the memory was used before.
    assert_int_equal(parse(&state, text, strlen(text), &error), 0);
    buf_clear(&out);
    state_format(&state, &out);
    assert_string_equal(buf_string(&out), text);
    // A known section that vanishes keeps what was not ours.
    state.publication_count = 0;
    buf_clear(&out);
    state_format(&state, &out);
    assert_non_null(strstr(buf_string(&out), "\n[publish b]\nsent = 2\n"));
    assert_int_equal(parse(&state, HEALTHY, strlen(HEALTHY), &error), 0);
    assert_null(state.unknown);
    state_free(&state);
    buf_free(&out);
}

static void nothing_from_outside_begins_a_line(void **unused)
{
    static const char hostile[] = "x\n[end]\n[certificate]\ngeneration = 9\r\n\t\x7f\\x0a";
    struct state state, again;
    struct error error;
    struct buf out;

    (void)unused;
    state_init(&state);
    state_init(&again);
    buf_init(&out, 100000);
    state.issue.error = state.hold_reason = state.held_reason = state.names = state.pending_cookie = hostile;
    state.serial = state.warned = state.window_url = " ";
    state.hold_by = "  two  ";
    state_format(&state, &out);
    assert_null(strstr(out.data, "generation = 9\n"));
    assert_int_equal(parse(&again, out.data, out.length, &error), 0);
    assert_int_equal(again.generation, 0);
    assert_string_equal(again.issue.error, hostile);
    assert_string_equal(again.names, hostile);
    assert_string_equal(again.pending_cookie, hostile);
    assert_string_equal(again.serial, " ");
    assert_string_equal(again.hold_by, "  two  ");
    state_free(&state);
    state_free(&again);
    buf_free(&out);
}

static void long_sentences_are_cut_and_long_facts_refused(void **unused)
{
    char text[STATE_MAX_NAMES + 2];
    struct state state, again;
    struct error error;
    struct buf out;

    (void)unused;
    state_init(&state);
    state_init(&again);
    buf_init(&out, STATE_MAX_BYTES);
    memset(text, 'a', sizeof(text));
    text[STATE_MAX_TEXT - 1] = '\xc3';
    text[STATE_MAX_TEXT] = '\xa4';
    text[sizeof(text) - 1] = '\0';
    state.issue.error = text;
    state_format(&state, &out);
    assert_int_equal(parse(&again, out.data, out.length, &error), 0);
    assert_int_equal(strlen(again.issue.error), STATE_MAX_TEXT - 1);

    memset(text, 'a', STATE_MAX_TEXT + 1);
    state.serial = text + sizeof(text) - 1 - STATE_MAX_TEXT;
    state.names = text + 1;
    assert_int_equal(state_save(&state, dir, "www", 1000, &error), 0);
    assert_int_equal(state_load(&again, dir, "www", &error), 0);
    assert_int_equal(strlen(again.serial), STATE_MAX_TEXT);
    assert_int_equal(strlen(again.names), STATE_MAX_NAMES);
    state.serial--;
    assert_int_equal(state_save(&state, dir, "www", 2000, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    assert_int_equal(state.written, 1000);
    state.serial = NULL;
    state.names--;
    assert_int_equal(state_save(&state, dir, "www", 2000, &error), -1);
    assert_int_equal(state_load(&again, dir, "www", &error), 0);
    assert_int_equal(again.written, 1000);
    state_free(&state);
    state_free(&again);
    buf_free(&out);
}

// The worst that can be: every profile failed with a text that is four times as long when escaped.
static void a_state_always_fits_into_its_file(void **unused)
{
    static char text[STATE_MAX_TEXT + 1], profiles[STATE_MAX_PUBLICATIONS][16], names[STATE_MAX_NAMES + 1];
    struct state state, again;
    struct error error;

    (void)unused;
    state_init(&state);
    state_init(&again);
    memset(text, '\n', STATE_MAX_TEXT);
    memset(names, '\\', STATE_MAX_NAMES);
    state.issue.error = state.hold_reason = state.held_reason = text;
    state.names = state.pending_names = names;
    for (size_t i = 0; i < STATE_MAX_PUBLICATIONS; i++) {
        snprintf(profiles[i], sizeof(profiles[i]), "p%zu", i);
        struct publication *publication = state_publication_add(&state, profiles[i]);
        assert_non_null(publication);
        assert_ptr_equal(state_publication_add(&state, profiles[i]), publication);
        publication->failures.error = text;
        publication->failures.count = 1;
    }
    assert_null(state_publication_add(&state, "one-too-many"));
    assert_int_equal(state_save(&state, dir, "www", 1000, &error), 0);
    assert_int_equal(state_load(&again, dir, "www", &error), 0);
    assert_int_equal(again.publication_count, STATE_MAX_PUBLICATIONS);
    assert_string_equal(again.names, names);
    assert_int_equal(again.publications[63].failures.error[0], '\n');
    state_free(&state);
    state_free(&again);
}

static void a_state_that_would_not_load_is_not_written(void **unused)
{
    struct state state;
    struct error error;

    (void)unused;
    state_init(&state);
    state.generation = 7;
    assert_int_equal(state_save(&state, dir, "www", 1000, &error), -1);
    assert_non_null(strstr(error.message, "would not load"));
    assert_int_equal(faccessat(dir, "www.state", F_OK, 0), -1);
    assert_true(state.written == CLOCK_NONE);
    state_clear(&state);
    state_publication_add(&state, "a]\n[b");
    assert_int_equal(state_save(&state, dir, "www", 1000, &error), -1);
    state_clear(&state);
    state.publishing = "a 1\nwritten";
    state.publishing_generation = 1;
    assert_int_equal(state_save(&state, dir, "www", 1000, &error), -1);
    state_clear(&state);
    assert_int_equal(state_save(&state, dir, "../www", 1000, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    assert_int_equal(state_load(&state, dir, "../www", &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    state_free(&state);
}

static void state_load_takes_one_open_one_read_one_close(void **unused)
{
    struct state state;
    struct error error;

    (void)unused;
    put("www.state", HEALTHY, strlen(HEALTHY));
    state_init(&state);
    opens = reads = closes = 0;
    counting = true;
    assert_int_equal(state_load(&state, dir, "www", &error), 0);
    counting = false;
    assert_int_equal(opens, 1);
    assert_int_equal(reads, 1);
    assert_int_equal(closes, 1);
    assert_int_equal(state.generation, 3);
    state_free(&state);
}

static void state_load_reads_long_files_and_refuses_too_long_ones(void **unused)
{
    struct state state;
    struct error error;
    struct buf text;

    (void)unused;
    state_init(&state);
    for (size_t lines = 1; lines < 40000; lines = lines * 5 / 3 + 1) {
        buf_init(&text, 10 * STATE_MAX_BYTES);
        buf_text(&text, "format = 1\n");
        for (size_t i = 0; i < lines; i++) {
            buf_format(&text, "line%zu = twenty bytes of text\n", i);
        }
        buf_text(&text, "[end]\n");
        put("www.state", text.data, text.length);
        bool good = text.length < STATE_MAX_BYTES;
        assert_int_equal(state_load(&state, dir, "www", &error), good ? 0 : -1);
        if (!good) {
            assert_int_equal(error.code, ERROR_REFUSED);
            assert_string_equal(error.message, "www.state is longer than 1048576 bytes");
        } else {
            assert_int_equal(strlen(state.unknown), text.length - strlen("format = 1\n[end]\n"));
        }
        buf_free(&text);
    }
    state_free(&state);
}

static void state_load_takes_only_regular_files_of_its_own(void **unused)
{
    struct state state;
    struct error error;

    (void)unused;
    state_init(&state);
    assert_int_equal(state_load(&state, dir, "none", &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    put("www.state", HEALTHY, strlen(HEALTHY));
    assert_int_equal(symlinkat("www.state", dir, "link.state"), 0);
    assert_int_equal(state_load(&state, dir, "link", &error), -1);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_int_equal(mkfifoat(dir, "fifo.state", 0600), 0);
    assert_int_equal(state_load(&state, dir, "fifo", &error), -1);
    assert_int_equal(mkdirat(dir, "folder.state", 0700), 0);
    assert_int_equal(state_load(&state, dir, "folder", &error), -1);
    state_free(&state);
}

static void state_save_leaves_the_old_file_when_the_disk_fails(void **unused)
{
    struct state state;
    struct error error;
    struct stat info;

    (void)unused;
    state_init(&state);
    assert_int_equal(state_save(&state, dir, "www", 1000, &error), 0);
    assert_int_equal(fstatat(dir, "www.state", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    state.retry_after = 5;
    fail_fsync = true;
    assert_int_equal(state_save(&state, dir, "www", 2000, &error), -1);
    fail_fsync = false;
    assert_int_equal(state.written, 1000);
    assert_int_equal(state_load(&state, dir, "www", &error), 0);
    assert_int_equal(state.written, 1000);
    assert_true(state.retry_after == CLOCK_NONE);
    assert_int_equal(faccessat(dir, ".www.state.tmp", F_OK, 0), -1);
    state_free(&state);
}

static void state_file_names_are_names_of_certificates(void **unused)
{
    static const char *const bad[] = {".state", "..state", "-a.state", "a", "a.stat", "a.state.tmp", "a b.state", ""};
    char name[140];
    size_t length;

    (void)unused;
    assert_true(state_file_name("www.example.org.state", &length));
    assert_int_equal(length, 15);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(state_file_name(bad[i], &length));
    }
    memset(name, 'a', 128);
    strcpy(name + 128, ".state");
    assert_true(state_file_name(name, &length));
    memset(name, 'a', 129);
    strcpy(name + 129, ".state");
    assert_false(state_file_name(name, &length));
}

// ---- Random states

#define TEXTS 64
static char texts[TEXTS][80];

static const char *random_text(int i)
{
    size_t length = (size_t)random() % 40;

    for (size_t k = 0; k < length; k++) {
        static const char often[] = "\n\r\\x0 =[]#";
        texts[i][k] = (char)(random() % 2 == 0 ? often[(size_t)random() % (sizeof(often) - 1)] : random() % 255 + 1);
    }
    texts[i][length] = '\0';
    return texts[i];
}

static void fill_section(const struct state_section *section, void *base, int *text)
{
    for (unsigned i = 0; i < section->count; i++) {
        void *value = (char *)base + section->fields[i].offset;
        if (random() % 2 == 0 || section->fields[i].kind == STATE_NOTE) {
            continue;
        }
        switch ((enum state_kind)section->fields[i].kind) {
        case STATE_TIME: *(int64_t *)value = random() * 2; break;
        case STATE_NUMBER: *(uint32_t *)value = (uint32_t)random() * 2 + 1; break;
        case STATE_SWITCH: *(bool *)value = true; break;
        default: *(const char **)value = random_text((*text)++);
        }
    }
}

static void compare_section(const struct state_section *section, const void *a, const void *b)
{
    for (unsigned i = 0; i < section->count; i++) {
        const void *x = (const char *)a + section->fields[i].offset, *y = (const char *)b + section->fields[i].offset;
        const char *s, *t;
        switch ((enum state_kind)section->fields[i].kind) {
        case STATE_TIME: assert_true(*(const int64_t *)x == *(const int64_t *)y); break;
        case STATE_NUMBER: assert_int_equal(*(const uint32_t *)x, *(const uint32_t *)y); break;
        case STATE_SWITCH: assert_int_equal(*(const bool *)x, *(const bool *)y); break;
        default:
            s = *(const char *const *)x;
            t = *(const char *const *)y;
            assert_int_equal(s == NULL, t == NULL);
            if (s != NULL && t != NULL) {
                assert_string_equal(s, t);
            }
        }
    }
}

static void random_states_are_read_as_they_were_written(void **unused)
{
    static const char *const profiles[] = {"nginx", "live", "a", "B.2_c-d"};
    struct state state, again;
    struct error error;
    struct buf out, second;

    (void)unused;
    srandom(3);
    state_init(&state);
    state_init(&again);
    buf_init(&out, STATE_MAX_BYTES);
    buf_init(&second, STATE_MAX_BYTES);
    for (int round = 0; round < 20000; round++) {
        int text = 0;

        state_clear(&state);
        for (unsigned i = 0; i < STATE_SECTION_COUNT; i++) {
            fill_section(&state_sections[i], &state, &text);
        }
        for (long i = random() % 5; i > 0; i--) {
            fill_section(&state_publish_section, state_publication_add(&state, profiles[i - 1]), &text);
        }
        if (random() % 4 == 0) {
            state.publishing = "nginx";
            state.publishing_generation = 4;
        }
        if (state.generation != 0) {
            state.not_before = random();
            state.not_after = random();
        }
        assert_true(text <= TEXTS);
        buf_clear(&out);
        state_format(&state, &out);
        assert_false(out.failed);
        assert_int_equal(parse(&again, out.data, out.length, &error), 0);
        for (unsigned i = 0; i < STATE_SECTION_COUNT; i++) {
            compare_section(&state_sections[i], &state, &again);
        }
        assert_int_equal(state.publishing_generation, again.publishing_generation);
        assert_int_equal(state.publication_count, again.publication_count);
        for (size_t i = 0; i < state.publication_count; i++) {
            assert_string_equal(state.publications[i].profile, again.publications[i].profile);
            compare_section(&state_publish_section, &state.publications[i], &again.publications[i]);
        }
        assert_null(again.unknown);
        buf_clear(&second);
        state_format(&again, &second);
        assert_string_equal(buf_string(&out), buf_string(&second));
        // Cut anywhere, it is refused.
        assert_int_equal(parse(&again, out.data, (size_t)random() % out.length, &error), -1);
    }
    state_free(&state);
    state_free(&again);
    buf_free(&out);
    buf_free(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_state_is_two_lines),
        cmocka_unit_test(a_healthy_state_is_read_and_written_the_same),
        cmocka_unit_test_setup_teardown(state_load_rejects_a_cut_file_wherever_it_is_cut, setup, teardown),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(what_people_change_by_hand_is_understood),
        cmocka_unit_test(what_a_later_version_wrote_survives),
        cmocka_unit_test(nothing_from_outside_begins_a_line),
        cmocka_unit_test_setup_teardown(long_sentences_are_cut_and_long_facts_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_state_always_fits_into_its_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_state_that_would_not_load_is_not_written, setup, teardown),
        cmocka_unit_test_setup_teardown(state_load_takes_one_open_one_read_one_close, setup, teardown),
        cmocka_unit_test_setup_teardown(state_load_reads_long_files_and_refuses_too_long_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(state_load_takes_only_regular_files_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(state_save_leaves_the_old_file_when_the_disk_fails, setup, teardown),
        cmocka_unit_test(state_file_names_are_names_of_certificates),
        cmocka_unit_test(random_states_are_read_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
