// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of generation.c; among them a crash at each system call that changes something.
#include <dirent.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"
#include "generation.h"

// Before the call with this number the process dies (crash) or the call fails; 0: never.
static int stop_at, calls;
static bool counting, failing;

static bool stopped(void)
{
    if (!counting || ++calls != stop_at) {
        return false;
    }
    if (!failing) {
        _exit(99);
    }
    errno = EIO;
    return true;
}

int __real_openat64(int dirfd, const char *name, int flags, ...);
int __wrap_openat64(int dirfd, const char *name, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return (flags & O_CREAT) != 0 && stopped() ? -1 : __real_openat64(dirfd, name, flags, mode);
}

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    return stopped() ? -1 : __real_write(fd, bytes, length);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd)
{
    return stopped() ? -1 : __real_fsync(fd);
}

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return stopped() ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int __real_unlinkat(int dirfd, const char *name, int flags);
int __wrap_unlinkat(int dirfd, const char *name, int flags)
{
    return stopped() ? -1 : __real_unlinkat(dirfd, name, flags);
}

int __real_mkdirat(int dirfd, const char *name, mode_t mode);
int __wrap_mkdirat(int dirfd, const char *name, mode_t mode)
{
    return stopped() ? -1 : __real_mkdirat(dirfd, name, mode);
}

int __real_symlinkat(const char *target, int dirfd, const char *name);
int __wrap_symlinkat(const char *target, int dirfd, const char *name)
{
    return stopped() ? -1 : __real_symlinkat(target, dirfd, name);
}

static char folder[256];
static int dir;

static int setup(void **unused)
{
    const char *tmp = getenv("TMPDIR");

    (void)unused;
    counting = failing = false;
    snprintf(folder, sizeof(folder), "%s/certauto-generation-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    assert_true(dir >= 0);
    return 0;
}

static int teardown(void **unused)
{
    struct error error;

    (void)unused;
    counting = false;
    close(dir);
    return file_remove_tree(AT_FDCWD, folder, &error);
}

static void make(struct generation *files, uint32_t number)
{
    generation_init(files);
    buf_format(&files->key, "key %u\n", number);
    buf_format(&files->certificate, "certificate %u\n", number);
    buf_format(&files->chain, "chain %u\n", number);
}

static void save(uint32_t number)
{
    struct generation files;
    struct error error;

    make(&files, number);
    assert_int_equal(generation_save(dir, "www", number, &files, &error), 0);
    generation_free(&files);
}

static bool exists(const char *path)
{
    struct stat info;

    return fstatat(dir, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

static int entries(const char *path)
{
    int count = 0, fd = openat(dir, path, O_RDONLY | O_DIRECTORY);

    if (fd < 0) {
        return 0;
    }
    DIR *stream = fdopendir(fd);
    assert_non_null(stream);
    while (readdir(stream) != NULL) {
        count++;
    }
    closedir(stream);
    return count - 2;
}

static void assert_mode(const char *path, mode_t mode)
{
    struct stat info;

    assert_int_equal(fstatat(dir, path, &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, mode);
}

static void a_generation_is_saved_and_loaded(void **unused)
{
    struct generation files;
    struct error error;
    struct buf path;
    uint32_t number;

    (void)unused;
    assert_int_equal(generation_newest(dir, "www", &number, &error), 0);
    assert_int_equal(number, 0);
    assert_int_equal(generation_unused(dir, "www", &number, &error), 0);
    assert_int_equal(number, 1);
    save(1);
    assert_mode("certs/www/1", 0700);
    assert_mode("certs/www/1/key.pem", 0600);
    assert_mode("certs/www/1/cert.pem", 0644);
    assert_int_equal(entries("certs/www/1"), 4);
    assert_int_equal(entries("certs/www"), 1);
    generation_init(&files);
    assert_int_equal(generation_load(dir, "www", 1, &files, &error), 0);
    assert_string_equal(files.key.data, "key 1\n");
    assert_string_equal(files.certificate.data, "certificate 1\n");
    assert_string_equal(files.chain.data, "chain 1\n");
    assert_string_equal(files.fullchain.data, "certificate 1\nchain 1\n");
    assert_int_equal(generation_load(dir, "www", 2, &files, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    generation_free(&files);
    buf_init(&path, 100);
    generation_path("/var/lib/certauto", "www", 7, &path);
    assert_string_equal(buf_string(&path), "/var/lib/certauto/certs/www/7");
    buf_free(&path);
    assert_int_equal(generation_newest(dir, "www", &number, &error), 0);
    assert_int_equal(number, 1);
    assert_int_equal(generation_unused(dir, "www", &number, &error), 0);
    assert_int_equal(number, 2);
}

static void a_generation_is_never_replaced(void **unused)
{
    struct generation files;
    struct error error;

    (void)unused;
    save(1);
    make(&files, 9);
    assert_int_equal(generation_save(dir, "www", 1, &files, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    assert_string_equal(error.message, "certs/www/1 is there already");
    assert_int_equal(generation_save(dir, "www", 0, &files, &error), -1);
    assert_int_equal(generation_save(dir, "../www", 1, &files, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    generation_free(&files);
    generation_init(&files);
    assert_int_equal(generation_save(dir, "www", 2, &files, &error), -1);
    assert_int_equal(generation_load(dir, "www", 1, &files, &error), 0);
    assert_string_equal(files.key.data, "key 1\n");
    generation_free(&files);
}

static void a_generation_may_come_without_key_and_chain(void **unused)
{
    struct generation files;
    struct error error;
    uint32_t number;

    (void)unused;
    generation_init(&files);
    buf_text(&files.certificate, "certificate without newline");
    assert_int_equal(generation_save(dir, "www", 1, &files, &error), 0);
    assert_false(exists("certs/www/1/key.pem"));
    assert_int_equal(generation_load(dir, "www", 1, &files, &error), 0);
    assert_int_equal(files.key.length, 0);
    assert_int_equal(files.chain.length, 0);
    assert_string_equal(files.fullchain.data, "certificate without newline\n");
    // It was brought by a person, not left by a crash: nothing to adopt. Its number is used all the same.
    assert_int_equal(generation_newest(dir, "www", &number, &error), 0);
    assert_int_equal(number, 0);
    assert_int_equal(generation_unused(dir, "www", &number, &error), 0);
    assert_int_equal(number, 2);
    generation_free(&files);
}

static void only_complete_generations_are_believed(void **unused)
{
    static const char *const names[] = {"09", "+9", "9x", "x", ".9.tmp", "4294967296", "0", "-1", "next"};
    char path[64];
    struct error error;
    uint32_t number;

    (void)unused;
    save(1);
    save(2);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "certs/www/%s", names[i]);
        assert_int_equal(file_make_directory(dir, path, 0700, false, &error), 0);
        snprintf(path, sizeof(path), "certs/www/%s/key.pem", names[i]);
        assert_int_equal(file_write_atomic(dir, path, "x", 1, NULL, &error), 0);
        snprintf(path, sizeof(path), "certs/www/%s/cert.pem", names[i]);
        assert_int_equal(file_write_atomic(dir, path, "x", 1, NULL, &error), 0);
        snprintf(path, sizeof(path), "certs/www/%s/fullchain.pem", names[i]);
        assert_int_equal(file_write_atomic(dir, path, "x", 1, NULL, &error), 0);
    }
    // Folders with a good number, but not all in it.
    assert_int_equal(file_make_directory(dir, "certs/www/7", 0700, false, &error), 0);
    assert_int_equal(file_write_atomic(dir, "certs/www/7/cert.pem", "x", 1, NULL, &error), 0);
    assert_int_equal(file_write_atomic(dir, "certs/www/7/fullchain.pem", "x", 1, NULL, &error), 0);
    assert_int_equal(file_write_atomic(dir, "certs/www/7/key.pem", "", 0, NULL, &error), 0);
    assert_int_equal(file_write_atomic(dir, "certs/www/8", "x", 1, NULL, &error), 0);
    assert_int_equal(generation_newest(dir, "www", &number, &error), 0);
    assert_int_equal(number, 2);
    // Not even their numbers are taken again.
    assert_int_equal(generation_unused(dir, "www", &number, &error), 0);
    assert_int_equal(number, 9);
}

static void the_key_aside_is_kept_until_its_certificate_is_there(void **unused)
{
    struct buf key, loaded;
    struct error error;

    (void)unused;
    buf_init_secret(&key, 1000);
    buf_init_secret(&loaded, 1000);
    assert_int_equal(generation_key_load(dir, "www", &loaded, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    buf_text(&key, "key 1\n");
    assert_int_equal(generation_key_save(dir, "www", &key, &error), 0);
    assert_mode("certs/www/next", 0700);
    assert_mode("certs/www/next/key.pem", 0600);
    assert_int_equal(generation_key_load(dir, "www", &loaded, &error), 0);
    assert_string_equal(loaded.data, "key 1\n");
    save(1);
    assert_false(exists("certs/www/next"));
    // What a crash before the drop leaves is recognised.
    assert_int_equal(generation_key_save(dir, "www", &key, &error), 0);
    assert_int_equal(generation_key_load(dir, "www", &loaded, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(loaded.length, 0);
    assert_int_equal(generation_key_drop(dir, "www", &error), 0);
    assert_int_equal(generation_key_drop(dir, "www", &error), 0);
    buf_free(&key);
    buf_free(&loaded);
}

static void live_is_a_relative_link(void **unused)
{
    struct error error;
    char target[64] = {0};

    (void)unused;
    save(1);
    save(12);
    assert_int_equal(generation_live(dir, "www"), 0);
    assert_int_equal(generation_switch(dir, "www", 1, &error), 0);
    assert_int_equal(readlinkat(dir, "live/www", target, sizeof(target) - 1), 14);
    assert_string_equal(target, "../certs/www/1");
    assert_int_equal(generation_live(dir, "www"), 1);
    assert_true(exists("live/www/cert.pem"));
    assert_int_equal(generation_switch(dir, "www", 12, &error), 0);
    assert_int_equal(generation_live(dir, "www"), 12);
    assert_int_equal(entries("live"), 1);
    // Nothing is written for what is so already.
    failing = counting = true;
    calls = 0;
    stop_at = 1;
    assert_int_equal(generation_switch(dir, "www", 12, &error), 0);
    counting = false;
    assert_int_equal(generation_switch(dir, "www", 13, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(generation_live(dir, "www"), 12);
    assert_int_equal(generation_switch(dir, "www", 0, &error), 0);
    assert_int_equal(generation_live(dir, "www"), 0);
    assert_int_equal(generation_switch(dir, "www", 0, &error), 0);
    assert_int_equal(symlinkat("../certs/other/1", dir, "live/www"), 0);
    assert_int_equal(generation_live(dir, "www"), 0);
}

static void pruning_spares_what_is_in_use(void **unused)
{
    struct state state;
    struct error error;
    char path[64];

    (void)unused;
    for (uint32_t i = 1; i <= 12; i++) {
        save(i);
    }
    assert_int_equal(generation_switch(dir, "www", 3, &error), 0);
    state_init(&state);
    state.generation = 10;
    state.publishing = "a";
    state.publishing_generation = 4;
    struct publication *publication = state_publication_add(&state, "a");
    publication->published = 2;
    publication->previous = 1;
    // In use: 12 (newest on disk), 10, 4, 3, 2, 1; besides two of 11, 9, 8, 7, 6, 5 are kept.
    assert_int_equal(generation_prune(dir, "www", &state, 2, &error), 0);
    for (uint32_t i = 1; i <= 12; i++) {
        snprintf(path, sizeof(path), "certs/www/%u/key.pem", i);
        assert_int_equal(exists(path), i < 5 || i > 8);
    }
    assert_int_equal(generation_prune(dir, "www", &state, 0, &error), 0);
    assert_int_equal(entries("certs/www"), 6);
    assert_int_equal(generation_prune(dir, "none", &state, 0, &error), 0);
    state_free(&state);
}

// What the crash tests do: a renewal, its publication, and pruning of all else.
static int renew(uint32_t number)
{
    struct generation files;
    struct error error;
    struct state state;
    int result = -1;

    make(&files, number);
    state_init(&state);
    state.generation = number;
    state_publication_add(&state, "live")->published = number;
    if (generation_key_save(dir, "www", &files.key, &error) == 0 &&
        generation_save(dir, "www", number, &files, &error) == 0 &&
        generation_switch(dir, "www", number, &error) == 0 && generation_prune(dir, "www", &state, 0, &error) == 0) {
        result = 0;
    }
    state_free(&state);
    generation_free(&files);
    return result;
}

// Every folder with a number is whole and one generation's, what live points to is there, and the key of the one
// to come is somewhere once it was aside.
static void assert_nothing_lost(uint32_t before)
{
    struct generation files;
    struct error error;
    struct stat info;
    char text[64];
    uint32_t newest, found = 0;

    generation_init(&files);
    for (uint32_t i = before; i <= before + 1; i++) {
        snprintf(text, sizeof(text), "certs/www/%u", i);
        if (exists(text)) {
            assert_int_equal(generation_load(dir, "www", i, &files, &error), 0);
            snprintf(text, sizeof(text), "key %u\n", i);
            assert_string_equal(files.key.data, text);
            snprintf(text, sizeof(text), "certificate %u\nchain %u\n", i, i);
            assert_string_equal(files.fullchain.data, text);
            found = i;
        }
    }
    assert_true(found >= before);
    assert_int_equal(generation_newest(dir, "www", &newest, &error), 0);
    assert_int_equal(newest, found);
    assert_true(generation_live(dir, "www") >= before);
    assert_int_equal(fstatat(dir, "live/www/key.pem", &info, 0), 0);
    // An old one goes only after the new one is published.
    snprintf(text, sizeof(text), "certs/www/%u", before);
    assert_true(exists(text) || generation_live(dir, "www") == before + 1);
    generation_free(&files);
}

static void a_crash_at_any_call_loses_nothing(void **unused)
{
    int status = -1, crashes = 0;

    (void)unused;
    assert_int_equal(renew(1), 0);
    uint32_t before = 1;
    for (stop_at = 1; status != 0; stop_at++) {
        pid_t pid = fork();
        if (pid == 0) {
            calls = 0;
            counting = true;
            _exit(renew(before + 1) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 99) {
            crashes++;
            assert_nothing_lost(before);
        } else {
            assert_int_equal(status, 0);
        }
        // The next run adopts what is complete, or does it again; nothing of the crash stays behind.
        struct error error;
        uint32_t newest;
        assert_int_equal(generation_newest(dir, "www", &newest, &error), 0);
        assert_int_equal(renew(newest + 1), 0);
        before = newest + 1;
        assert_int_equal(entries("certs/www"), 1);
        assert_int_equal(entries("certs"), 1);
        assert_int_equal(entries("live"), 1);
    }
    assert_true(crashes > 40);
}

static void a_failure_at_any_call_loses_nothing(void **unused)
{
    int failures = 0;
    uint32_t before = 1;
    bool reached = true;

    (void)unused;
    assert_int_equal(renew(1), 0);
    failing = true;
    for (stop_at = 1; reached; stop_at++) {
        calls = 0;
        counting = true;
        failures += renew(before + 1) != 0;
        counting = false;
        reached = calls >= stop_at;
        assert_nothing_lost(before);
        struct error error;
        uint32_t newest;
        assert_int_equal(generation_newest(dir, "www", &newest, &error), 0);
        assert_int_equal(renew(newest + 1), 0);
        before = newest + 1;
        assert_int_equal(entries("certs/www"), 1);
    }
    assert_true(failures > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_generation_is_saved_and_loaded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generation_is_never_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generation_may_come_without_key_and_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(only_complete_generations_are_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_key_aside_is_kept_until_its_certificate_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(live_is_a_relative_link, setup, teardown),
        cmocka_unit_test_setup_teardown(pruning_spares_what_is_in_use, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_at_any_call_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_at_any_call_loses_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
