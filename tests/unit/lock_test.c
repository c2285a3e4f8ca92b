// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of lock.c, between descriptors and between processes.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "file.h"
#include "lock.h"

static char folder[256];
static int dir;

static int setup(void **unused)
{
    const char *tmp = getenv("TMPDIR");

    (void)unused;
    snprintf(folder, sizeof(folder), "%s/certauto-lock-XXXXXX", tmp == NULL ? "/tmp" : tmp);
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

static void lock_is_held_until_its_descriptor_closes(void **unused)
{
    struct error error;
    struct stat info;

    (void)unused;
    assert_false(lock_is_held(dir, "locks", "www"));
    // Asking makes nothing.
    assert_int_equal(faccessat(dir, "locks", F_OK, 0), -1);
    int fd = lock_take(dir, "locks", "www", &error);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, 0);
    // In the same process too: POSIX locks would have let it pass.
    assert_int_equal(lock_take(dir, "locks", "www", &error), -1);
    assert_int_equal(error.code, ERROR_BUSY);
    assert_string_equal(error.message, "another process works on www");
    assert_true(lock_is_held(dir, "locks", "www"));
    assert_false(lock_is_held(dir, "locks", "wwx"));
    int other = lock_take(dir, "locks", "wwx", &error);
    assert_true(other >= 0);
    close(fd);
    assert_false(lock_is_held(dir, "locks", "www"));
    assert_true(lock_is_held(dir, "locks", "wwx"));
    close(other);
}

static void lock_byte_is_that_of_the_specification(void **unused)
{
    // SHA-256("abc") begins ba7816bf8f01cfea; its first 62 bits are that shifted right by two.
    struct flock range = {.l_type = F_WRLCK, .l_start = 0xba7816bf8f01cfea >> 2, .l_len = 1};
    struct error error;

    (void)unused;
    int fd = lock_take(dir, "locks", "abc", &error);
    assert_true(fd >= 0);
    int other = openat(dir, "locks", O_RDWR);
    assert_int_equal(fcntl(other, F_OFD_SETLK, &range), -1);
    range.l_start++;
    assert_int_equal(fcntl(other, F_OFD_SETLK, &range), 0);
    close(other);
    close(fd);
    fd = lock_take_loop(dir, "locks", &error);
    other = openat(dir, "locks", O_RDWR);
    range.l_start = (off_t)1 << 62;
    assert_int_equal(fcntl(other, F_OFD_SETLK, &range), -1);
    close(other);
    close(fd);
}

static void loop_has_a_lock_of_its_own(void **unused)
{
    struct error error;

    (void)unused;
    assert_false(lock_loop_is_held(dir, "locks"));
    int loop = lock_take_loop(dir, "locks", &error);
    assert_true(loop >= 0);
    assert_true(lock_loop_is_held(dir, "locks"));
    assert_int_equal(lock_take_loop(dir, "locks", &error), -1);
    assert_int_equal(error.code, ERROR_BUSY);
    int fd = lock_take(dir, "locks", "www", &error);
    assert_true(fd >= 0);
    close(fd);
    close(loop);
}

static void lock_dies_with_its_holder(void **unused)
{
    struct error error;
    int channel[2];
    char ready;

    (void)unused;
    assert_int_equal(pipe(channel), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = lock_take(dir, "locks", "www", &error);
        if (fd < 0 || write(channel[1], "x", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    assert_int_equal(read(channel[0], &ready, 1), 1);
    assert_int_equal(lock_take(dir, "locks", "www", &error), -1);
    assert_int_equal(error.code, ERROR_BUSY);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    int fd = lock_take(dir, "locks", "www", &error);
    assert_true(fd >= 0);
    close(fd);
    close(channel[0]);
    close(channel[1]);
}

static void of_many_processes_one_gets_the_lock(void **unused)
{
    int start[2], got = 0, status;

    (void)unused;
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < 16; i++) {
        if (fork() == 0) {
            struct error error;
            char go;

            close(start[1]);
            // Ends when the parent closes its end.
            if (read(start[0], &go, 1) != 0) {
                _exit(2);
            }
            if (lock_take(dir, "locks", "www", &error) >= 0) {
                nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
                _exit(7);
            }
            _exit(error.code == ERROR_BUSY ? 0 : 2);
        }
    }
    close(start[0]);
    close(start[1]);
    for (int i = 0; i < 16; i++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 7));
        got += WEXITSTATUS(status) == 7;
    }
    assert_int_equal(got, 1);
}

static void lock_wait_waits_until_its_deadline(void **unused)
{
    struct error error;
    int64_t begun = clock_boot_ms();

    (void)unused;
    int fd = lock_take(dir, "locks", "key", &error);
    assert_int_equal(lock_wait(dir, "locks", "key", begun + 50, &error), -1);
    assert_int_equal(error.code, ERROR_TIMEOUT);
    assert_true(clock_boot_ms() >= begun + 50);
    close(fd);
}

static void lock_wait_gets_the_lock_when_it_is_let_go(void **unused)
{
    struct error error;
    int channel[2], status;
    char ready;

    (void)unused;
    assert_int_equal(pipe(channel), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = lock_take(dir, "locks", "key", &error);
        if (fd < 0 || write(channel[1], "x", 1) != 1) {
            _exit(1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        _exit(0);
    }
    assert_int_equal(read(channel[0], &ready, 1), 1);
    int fd = lock_wait(dir, "locks", "key", clock_boot_ms() + 20000, &error);
    assert_true(fd >= 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fd);
    close(channel[0]);
    close(channel[1]);
}

static void lock_fails_with_a_reason_where_there_is_no_folder(void **unused)
{
    struct error error;

    (void)unused;
    assert_int_equal(lock_take(dir, "none/locks", "www", &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(symlinkat("locks", dir, "link"), 0);
    assert_int_equal(lock_take(dir, "link", "www", &error), -1);
    assert_int_equal(error.code, ERROR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lock_is_held_until_its_descriptor_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_byte_is_that_of_the_specification, setup, teardown),
        cmocka_unit_test_setup_teardown(loop_has_a_lock_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_dies_with_its_holder, setup, teardown),
        cmocka_unit_test_setup_teardown(of_many_processes_one_gets_the_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_wait_waits_until_its_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_wait_gets_the_lock_when_it_is_let_go, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_fails_with_a_reason_where_there_is_no_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
