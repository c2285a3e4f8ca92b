// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of errand.c: what is noted comes back, however many there are, and nothing else is believed.
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

#include "clock.h"
#include "errand.h"
#include "file.h"
#include "loop.h"

static struct config config;
static char folder[256], path[LOOP_PATH_SIZE];

static int make_folder(void **unused)
{
    const char *tmp = getenv("TMPDIR");
    (void)unused;
    snprintf(folder, sizeof(folder), "%s/certauto-errand-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    config.engine.state_dir = "/var/lib/certauto";
    config.engine.run_dir = folder;
    config.certificate_count = 10;
    if (loop_path(&config.engine, path, NULL) < 0) {
        return -1;
    }
    strcpy(strrchr(path, '/'), "/errands");
    return 0;
}

static int remove_folder(void **unused)
{
    (void)unused;
    return file_remove_tree(AT_FDCWD, folder, NULL);
}

static void note(const char *name, uint32_t generation, int64_t next, bool failed)
{
    struct error error = {0};
    if (errand_write(&config, name, &(struct errand){generation, next, failed}, &error) < 0) {
        fail_msg("%s", error.message);
    }
}

static void expect(const char *name, uint32_t generation, int64_t next, bool failed)
{
    int fd = errand_open(&config.engine);
    struct errand errand = errand_read(fd, name);
    if (fd >= 0) {
        close(fd);
    }
    if (errand.generation != generation || errand.next != next || errand.failed != failed) {
        fail_msg("%s: %u %lld %d", name, errand.generation, (long long)errand.next, errand.failed);
    }
}

static void nothing_is_known_without_the_file(void **unused)
{
    (void)unused;
    assert_int_equal(errand_open(&config.engine), -1);
    expect("www", 0, 0, false);
}

static void what_is_noted_comes_back(void **unused)
{
    struct stat facts;

    (void)unused;
    note("www", 7, 1800000000, true);
    note("mail", 0x3fffffff, 0x1ffffffff, false);
    expect("www", 7, 1800000000, true);
    expect("mail", 0x3fffffff, 0x1ffffffff, false);
    note("www", 8, 1800000001, false);
    expect("www", 8, 1800000001, false);
    expect("other", 0, 0, false);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    assert_int_equal(facts.st_size, 256 * 16);
}

static void so_it_does_for_as_many_as_there_are_certificates(void **unused)
{
    char name[32];

    (void)unused;
    config.certificate_count = 5000;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "host%d.example.org", i);
        note(name, (uint32_t)i + 1, clock_now() + i, i % 2 == 1);
    }
    int64_t now = clock_now();
    int fd = errand_open(&config.engine);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "host%d.example.org", i);
        struct errand errand = errand_read(fd, name);
        assert_int_equal(errand.generation, i + 1);
        assert_in_range(errand.next, now - 60 + i, now + i);
        assert_int_equal(errand.failed, i % 2 == 1);
    }
    close(fd);
    // Begun anew when it became too small.
    expect("www", 0, 0, false);
}

// Names come and go; those of old make room.
static void the_file_does_not_fill_up(void **unused)
{
    char name[32];
    struct stat facts;

    (void)unused;
    assert_int_equal(unlink(path), 0);
    config.certificate_count = 10;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "host%d", i);
        note(name, 1, clock_now() - 3 * 86400, false);
    }
    note("www", 3, 1800000000, false);
    expect("www", 3, 1800000000, false);
    // Even where all are new, what is noted comes back.
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "new%d", i);
        int64_t next = clock_now() + 3600;
        note(name, 2, next, false);
        expect(name, 2, next, false);
    }
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_size, 256 * 16);
}

static void what_is_no_file_of_ours_is_not_read(void **unused)
{
    (void)unused;
    assert_int_equal(truncate(path, 100), 0);
    expect("www", 0, 0, false);
    note("www", 3, 1800000000, false);
    expect("www", 3, 1800000000, false);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    expect("www", 0, 0, false);
    assert_int_equal(errand_write(&config, "www", &(struct errand){1, 1, false}, NULL), -1);
    assert_int_equal(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(errand_write(&config, "www", &(struct errand){1, 1, false}, NULL), -1);
    assert_int_equal(chmod(path, 0700), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_without_the_file),
        cmocka_unit_test(what_is_noted_comes_back),
        cmocka_unit_test(so_it_does_for_as_many_as_there_are_certificates),
        cmocka_unit_test(the_file_does_not_fill_up),
        cmocka_unit_test(what_is_no_file_of_ours_is_not_read),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
