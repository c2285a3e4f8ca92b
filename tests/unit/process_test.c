// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of process.c: descriptors closed on every kind of kernel, ends with the parent, accounts, sentences.
// not under valgrind: it closes descriptors whatever they are, those of valgrind too
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process.h"

static bool no_close_range, no_proc;

long __wrap_syscall(long number, long a, long b, long c, long d);
long __real_syscall(long number, long a, long b, long c, long d);
DIR *__wrap_opendir(const char *name);
DIR *__real_opendir(const char *name);

long __wrap_syscall(long number, long a, long b, long c, long d)
{
    if (no_close_range) {
        errno = ENOSYS;
        return -1;
    }
    return __real_syscall(number, a, b, c, d);
}

DIR *__wrap_opendir(const char *name)
{
    return no_proc ? NULL : __real_opendir(name);
}

// Opens many, closes from one in the middle on, and says whether exactly those below are left.
static bool closes_exactly(void)
{
    enum { MANY = 200, MIDDLE = 20 };
    bool fine = true;
    for (int i = 0; i < MANY; i++) {
        fine = open("/dev/null", O_RDONLY) >= 0 && fine;
    }
    process_close_from(MIDDLE);
    for (int fd = 0; fd < MANY; fd++) {
        fine = fine && (fcntl(fd, F_GETFD) >= 0) == (fd < MIDDLE);
    }
    return fine;
}

static void all_descriptors_are_closed_also_without_close_range_and_proc(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            no_close_range = i > 0;
            no_proc = i > 1;
            _exit(closes_exactly() ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

static void a_process_that_settles_keeps_one_descriptor_even_when_it_has_no_others(void **unused)
{
    int ends[2], status;
    char text[8] = "";

    (void)unused;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        // As when the parent was started with 0 to 2 closed.
        int keep = dup2(ends[1], 1);
        close(0);
        close(2);
        int fd = process_settle(keep);
        bool fine = fd == 3 && fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0 &&
                    fcntl(3, F_GETFD) == FD_CLOEXEC && fcntl(4, F_GETFD) < 0;
        _exit(fine && write(fd, "fine", 4) == 4 ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], text, sizeof(text)), 4);
    close(ends[0]);
}

static void whose_parent_is_dead_already_ends_at_once(void **unused)
{
    int status;

    (void)unused;
    pid_t pid = fork();
    if (pid == 0) {
        process_die_with_parent(getpid());
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void an_account_is_found_or_named(void **unused)
{
    struct account account;
    struct error error;

    (void)unused;
    assert_int_equal(process_find_account("root", &account, &error), 0);
    assert_int_equal(account.uid, 0);
    // Whoever is that account already stays as it is.
    if (getuid() == 0) {
        assert_int_equal(process_become(&account, &error), 0);
    }
    assert_int_equal(process_find_account("no-such-account", &account, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "no-such-account"));
}

static void the_end_of_a_process_is_a_sentence(void **unused)
{
    char text[64];

    (void)unused;
    process_describe(W_EXITCODE(3, 0), text, sizeof(text));
    assert_string_equal(text, "ended with exit code 3");
    process_describe(W_EXITCODE(0, SIGKILL), text, sizeof(text));
    assert_string_equal(text, "was killed by signal 9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_descriptors_are_closed_also_without_close_range_and_proc),
        cmocka_unit_test(a_process_that_settles_keeps_one_descriptor_even_when_it_has_no_others),
        cmocka_unit_test(whose_parent_is_dead_already_ends_at_once),
        cmocka_unit_test(an_account_is_found_or_named),
        cmocka_unit_test(the_end_of_a_process_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
