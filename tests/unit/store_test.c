// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of store.c.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "file.h"
#include "process.h"
#include "store.h"

static char folder[256];
static int dir;

static int setup(void **unused)
{
    const char *tmp = getenv("TMPDIR");

    (void)unused;
    snprintf(folder, sizeof(folder), "%s/certauto-store-XXXXXX", tmp == NULL ? "/tmp" : tmp);
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

static void set(const char *key, const char *value)
{
    struct error error;

    assert_int_equal(store_set(dir, key, value, strlen(value), &error), 0);
}

static void assert_list(const char *prefix, const char *wanted)
{
    struct error error;
    struct buf keys;

    buf_init(&keys, 1000000);
    assert_int_equal(store_list(dir, prefix, &keys, &error), 0);
    assert_string_equal(buf_string(&keys), wanted);
    buf_free(&keys);
}

static void the_store_keeps_exactly_the_bytes(void **unused)
{
    static const char bytes[] = "a\0b\n\xff";
    struct error error;
    struct stat info;
    struct buf value;

    (void)unused;
    buf_init(&value, STORE_MAX_VALUE);
    assert_int_equal(store_get(dir, "acme/account", &value, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(store_set(dir, "acme/account", bytes, sizeof(bytes), &error), 0);
    assert_int_equal(store_get(dir, "acme/account", &value, &error), 0);
    assert_int_equal(value.length, sizeof(bytes));
    assert_memory_equal(value.data, bytes, sizeof(bytes));
    buf_clear(&value);
    assert_int_equal(store_set(dir, "acme/account", "", 0, &error), 0);
    assert_int_equal(store_get(dir, "acme/account", &value, &error), 0);
    assert_int_equal(value.length, 0);
    assert_int_equal(fstatat(dir, "acme/account", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(fstatat(dir, "acme", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(store_delete(dir, "acme/account", &error), 0);
    assert_int_equal(store_delete(dir, "acme/account", &error), 0);
    assert_int_equal(store_get(dir, "acme/account", &value, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    buf_free(&value);
}

static void the_store_refuses_what_is_no_key(void **unused)
{
    static const char *const bad[] = {"",     "/",        "/a",     "a/",   "a//b", ".",    "..",
                                      "../a", "a/../b",   ".locks", "a/.b", "-a",   "a/-b", "a b",
                                      "a\nb", "\xc3\xa4", "a:b",    "a/.",  "a\\b"};
    char longest[202];
    struct error error;
    struct buf value;

    (void)unused;
    buf_init(&value, STORE_MAX_VALUE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(store_set(dir, bad[i], "x", 1, &error), -1);
        assert_int_equal(error.code, ERROR_USAGE);
        assert_int_equal(store_get(dir, bad[i], &value, &error), -1);
        assert_int_equal(store_delete(dir, bad[i], &error), -1);
        assert_int_equal(store_lock(dir, bad[i], clock_boot_ms(), &error), -1);
        assert_int_equal(error.code, ERROR_USAGE);
    }
    memset(longest, 'k', sizeof(longest));
    longest[201] = '\0';
    assert_int_equal(store_set(dir, longest, "x", 1, &error), -1);
    longest[200] = '\0';
    set(longest, "x");
    longest[99] = '/';
    set(longest, "y");
    assert_int_equal(store_get(dir, longest, &value, &error), 0);
    buf_free(&value);
}

static void the_store_refuses_values_that_are_too_long(void **unused)
{
    char *bytes = calloc(1, STORE_MAX_VALUE + 1);
    struct error error;

    (void)unused;
    assert_int_equal(store_set(dir, "a", bytes, STORE_MAX_VALUE, &error), 0);
    assert_int_equal(store_set(dir, "a", bytes, STORE_MAX_VALUE + 1, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    free(bytes);
}

static void the_store_does_not_follow_links(void **unused)
{
    struct error error;
    struct buf value;

    (void)unused;
    buf_init(&value, STORE_MAX_VALUE);
    set("real", "x");
    assert_int_equal(symlinkat("real", dir, "link"), 0);
    assert_int_equal(store_get(dir, "link", &value, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    set("link", "own");
    assert_int_equal(store_get(dir, "real", &value, &error), 0);
    assert_string_equal(value.data, "x");
    buf_free(&value);
}

static void the_store_lists_keys_in_order(void **unused)
{
    struct error error;
    struct buf wanted;
    char key[32];
    int fd;

    (void)unused;
    assert_list("", "");
    set("b", "");
    set("a/x", "");
    set("a/y/z", "");
    set("a.b", "");
    set("ab", "");
    fd = store_lock(dir, "b", clock_boot_ms() + 1000, &error);
    assert_true(fd >= 0);
    close(fd);
    assert_list("", "a.b\na/x\na/y/z\nab\nb\n");
    assert_list("a", "a.b\na/x\na/y/z\nab\n");
    assert_list("a/", "a/x\na/y/z\n");
    assert_list("a/y", "a/y/z\n");
    assert_list("a/y/z", "a/y/z\n");
    assert_list("a/y/zz", "");
    assert_list("c", "");
    // Random names, against their order by number.
    buf_init(&wanted, 1000000);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "many/%04d", i * 7919 % 1000);
        set(key, "");
        buf_format(&wanted, "many/%04d\n", i);
    }
    assert_list("many/", buf_string(&wanted));
    buf_free(&wanted);
}

static void the_store_locks_a_key(void **unused)
{
    struct error error;
    struct stat info;

    (void)unused;
    int fd = store_lock(dir, "acme/account", clock_boot_ms() + 1000, &error);
    assert_true(fd >= 0);
    assert_int_equal(fstatat(dir, ".locks", &info, 0), 0);
    assert_int_equal(store_lock(dir, "acme/account", clock_boot_ms() + 20, &error), -1);
    assert_int_equal(error.code, ERROR_TIMEOUT);
    int other = store_lock(dir, "acme/other", clock_boot_ms() + 1000, &error);
    assert_true(other >= 0);
    close(other);
    close(fd);
    fd = store_lock(dir, "acme/account", clock_boot_ms() + 1000, &error);
    assert_true(fd >= 0);
    close(fd);
}

static void root_works_in_the_store_of_another_account_as_that_account(void **unused)
{
    struct error error;
    struct stat info;
    struct buf value;
    char elsewhere[300];

    (void)unused;
    if (geteuid() != 0) {
        skip();
    }
    snprintf(elsewhere, sizeof(elsewhere), "%s-elsewhere", folder);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(symlinkat(elsewhere, dir, "link"), 0);
    assert_int_equal(fchown(dir, 65534, 65534), 0);
    assert_int_equal(store_set(dir, "link/secret", "x", 1, &error), -1);
    assert_non_null(strstr(error.message, "Permission denied"));
    assert_int_equal(store_delete(dir, "link/secret", &error), -1);
    buf_init(&value, 100);
    assert_int_equal(store_get(dir, "link/secret", &value, &error), -1);
    assert_non_null(strstr(error.message, "Permission denied"));
    set("its/own", "x");
    assert_int_equal(fstatat(dir, "its/own", &info, 0), 0);
    assert_int_equal(info.st_uid, 65534);
    assert_int_equal(info.st_gid, 65534);
    int fd = store_lock(dir, "its/own", clock_boot_ms() + 1000, &error);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(fstatat(dir, ".locks", &info, 0), 0);
    assert_int_equal(info.st_uid, 65534);
    // And is root again afterwards.
    assert_int_equal(rmdir(elsewhere), 0);
    buf_free(&value);
}

static void a_process_that_dies_with_its_parent_does_so_still_after_that(void **unused)
{
    struct error error;
    int number = 0, status = 0;

    (void)unused;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(fchown(dir, 65534, 65534), 0);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        process_die_with_parent(parent);
        bool kept = store_set(dir, "key", "x", 1, &error) == 0;
        prctl(PR_GET_PDEATHSIG, &number);
        _exit(kept && number == SIGKILL ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_store_keeps_exactly_the_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_store_refuses_what_is_no_key, setup, teardown),
        cmocka_unit_test_setup_teardown(the_store_refuses_values_that_are_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(the_store_does_not_follow_links, setup, teardown),
        cmocka_unit_test_setup_teardown(the_store_lists_keys_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(the_store_locks_a_key, setup, teardown),
        cmocka_unit_test_setup_teardown(root_works_in_the_store_of_another_account_as_that_account, setup, teardown),
        cmocka_unit_test_setup_teardown(a_process_that_dies_with_its_parent_does_so_still_after_that, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
