// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of wake.c: what wakes it, with the real kernel; only a clock that is set is played.
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
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "file.h"
#include "wake.h"

static char folder[256];
static struct wake wake;
static struct pollfd polls[WAKE_OWN + 2];
static struct error error;

// The timer, as the kernel takes it and as it is read.
static int settings, refused;
static bool clock_was_set;
static struct itimerspec set_to;
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *from);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *from);
ssize_t __real_read(int fd, void *to, size_t most);
ssize_t __wrap_read(int fd, void *to, size_t most);

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *from)
{
    settings++;
    set_to = *to;
    assert_int_equal(flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    if (refused > 0) {
        refused--;
        errno = ENOTSUP;
        return -1;
    }
    return __real_timerfd_settime(fd, flags, to, from);
}

ssize_t __wrap_read(int fd, void *to, size_t most)
{
    ssize_t got = __real_read(fd, to, most);
    if (fd == wake.timer && clock_was_set) {
        clock_was_set = false;
        errno = ECANCELED;
        return -1;
    }
    return got;
}

static int setup(void **unused)
{
    const char *tmp = getenv("TMPDIR");

    (void)unused;
    snprintf(folder, sizeof(folder), "%s/certauto-wake-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(wake_open(&wake, &error), 0);
    settings = refused = 0;
    clock_was_set = false;
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    wake_close(&wake);
    (void)file_remove_tree(AT_FDCWD, folder, NULL);
    return 0;
}

static void put(const char *name)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void put_in_place(const char *from, const char *to)
{
    char old[300], new[300];
    put(from);
    snprintf(old, sizeof(old), "%s/%s", folder, from);
    snprintf(new, sizeof(new), "%s/%s", folder, to);
    assert_int_equal(rename(old, new), 0);
}

static unsigned wait_ms(int64_t ms)
{
    return wake_wait(&wake, CLOCK_NONE, clock_boot_ms() + ms, polls, WAKE_OWN);
}

static void each_signal_has_its_reason(void **unused)
{
    static const struct {
        int signal;
        unsigned reason;
    } cases[] = {{SIGHUP, WAKE_RELOAD},
                 {SIGTERM, WAKE_STOP},
                 {SIGINT, WAKE_STOP},
                 {SIGUSR1, WAKE_RUN_NOW},
                 {SIGCHLD, WAKE_CHILD}};

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(raise(cases[i].signal), 0);
        assert_int_equal(wait_ms(10000), cases[i].reason);
        assert_int_equal(wait_ms(0), 0);
    }
    raise(SIGHUP);
    raise(SIGUSR1);
    assert_int_equal(wait_ms(10000), WAKE_RELOAD | WAKE_RUN_NOW);
}

static void a_moment_that_has_come_or_has_passed_wakes(void **unused)
{
    (void)unused;
    int64_t before = clock_boot_ms();
    assert_int_equal(wake_wait(&wake, clock_now() - 5, INT64_MAX, polls, WAKE_OWN), 0);
    assert_int_equal(wake_wait(&wake, INT64_MIN + 1, INT64_MAX, polls, WAKE_OWN), 0);
    int64_t soon = clock_now() + 2;
    assert_int_equal(wake_wait(&wake, soon, INT64_MAX, polls, WAKE_OWN), 0);
    assert_true(clock_now() >= soon);
    assert_in_range(clock_boot_ms() - before, 500, 5000);
}

static void the_boot_clock_wakes_too(void **unused)
{
    (void)unused;
    int64_t before = clock_boot_ms();
    assert_int_equal(wake_wait(&wake, clock_now() + 100, before + 200, polls, WAKE_OWN), 0);
    assert_in_range(clock_boot_ms() - before, 200, 5000);
    assert_int_equal(wake_wait(&wake, CLOCK_NONE, before, polls, WAKE_OWN), 0);
}

static void the_timer_is_set_again_only_for_another_moment(void **unused)
{
    int64_t then = clock_now() + 1000;

    (void)unused;
    wake_wait(&wake, then, 0, polls, WAKE_OWN);
    wake_wait(&wake, then, 0, polls, WAKE_OWN);
    assert_int_equal(settings, 1);
    assert_int_equal(set_to.it_value.tv_sec, then);
    wake_wait(&wake, then + 1, 0, polls, WAKE_OWN);
    assert_int_equal(settings, 2);
    // Armed also for nothing, since only an armed one tells that the clock is set.
    wake_wait(&wake, CLOCK_NONE, 0, polls, WAKE_OWN);
    assert_int_equal(settings, 3);
    assert_true(set_to.it_value.tv_sec > then);
    wake_wait(&wake, INT64_MAX, 0, polls, WAKE_OWN);
    assert_int_equal(settings, 3);
}

static void a_clock_that_is_set_wakes_and_the_timer_is_set_again(void **unused)
{
    (void)unused;
    clock_was_set = true;
    assert_int_equal(wake_wait(&wake, clock_now() - 1, INT64_MAX, polls, WAKE_OWN), WAKE_CLOCK);
    settings = 0;
    wake_wait(&wake, clock_now() + 1000, 0, polls, WAKE_OWN);
    assert_int_equal(settings, 1);
}

static void a_moment_that_the_kernel_refuses_is_tried_again(void **unused)
{
    int64_t then = clock_now() + 1000;

    (void)unused;
    refused = 1;
    wake_wait(&wake, then, 0, polls, WAKE_OWN);
    wake_wait(&wake, then, 0, polls, WAKE_OWN);
    assert_int_equal(settings, 2);
}

static void a_file_in_place_written_anew_or_gone_is_told_by_name(void **unused)
{
    char path[300];
    struct wake_change change;

    (void)unused;
    assert_int_equal(wake_watch(&wake, folder, &error), 0);
    assert_int_equal(wait_ms(0), 0);
    put_in_place(".a.tmp", "a.state");
    assert_int_equal(wait_ms(10000), WAKE_CHANGES);
    bool seen = false;
    while (wake_changed(&wake, &change)) {
        seen |= strcmp(change.name, "a.state") == 0 && !change.gone;
    }
    assert_true(seen);
    put("b.state");
    assert_int_equal(wait_ms(10000), WAKE_CHANGES);
    assert_true(wake_changed(&wake, &change));
    assert_string_equal(change.name, "b.state");
    assert_false(change.gone);
    assert_false(wake_changed(&wake, &change));
    snprintf(path, sizeof(path), "%s/a.state", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(wait_ms(10000), WAKE_CHANGES);
    assert_true(wake_changed(&wake, &change));
    assert_string_equal(change.name, "a.state");
    assert_true(change.gone);
    assert_int_equal(wait_ms(0), 0);
}

static void many_changes_are_all_told(void **unused)
{
    struct wake_change change;
    char name[128];
    bool seen[100] = {false};

    (void)unused;
    assert_int_equal(wake_watch(&wake, folder, &error), 0);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "%0100d.state", i);
        put_in_place(".new", name);
    }
    while (wake_changed(&wake, &change)) {
        int number;
        if (strlen(change.name) == 106 && sscanf(change.name, "%d.state", &number) == 1) {
            seen[number] = true;
        }
    }
    for (int i = 0; i < 100; i++) {
        assert_true(seen[i]);
    }
}

static void reading_wakes_nobody(void **unused)
{
    char path[300];

    (void)unused;
    put("a.state");
    assert_int_equal(wake_watch(&wake, folder, &error), 0);
    snprintf(path, sizeof(path), "%s/a.state", folder);
    close(open(path, O_RDONLY | O_CLOEXEC));
    close(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_int_equal(wait_ms(50), 0);
}

static void a_folder_that_goes_is_told_without_a_name(void **unused)
{
    struct wake_change change;
    char away[300];

    (void)unused;
    assert_int_equal(wake_watch(&wake, folder, &error), 0);
    snprintf(away, sizeof(away), "%s-away", folder);
    assert_int_equal(rename(folder, away), 0);
    assert_int_equal(wait_ms(10000), WAKE_CHANGES);
    assert_true(wake_changed(&wake, &change));
    assert_string_equal(change.name, "");
    assert_int_equal(wake_watch(&wake, folder, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(wake.changes, -1);
    assert_false(wake_changed(&wake, &change));
    assert_int_equal(rename(away, folder), 0);
    assert_int_equal(wake_watch(&wake, folder, &error), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(wait_ms(10000), WAKE_CHANGES);
    assert_true(wake_changed(&wake, &change));
    assert_string_equal(change.name, "");
}

static void descriptors_of_workers_are_told_apart(void **unused)
{
    int first[2], second[2];

    (void)unused;
    assert_int_equal(pipe(first), 0);
    assert_int_equal(pipe(second), 0);
    polls[WAKE_OWN] = (struct pollfd){.fd = first[0], .events = POLLIN};
    polls[WAKE_OWN + 1] = (struct pollfd){.fd = second[0], .events = POLLIN};
    close(second[1]);
    assert_int_equal(wake_wait(&wake, CLOCK_NONE, clock_boot_ms() + 10000, polls, WAKE_OWN + 2), 0);
    assert_int_equal(polls[WAKE_OWN].revents, 0);
    assert_true((polls[WAKE_OWN + 1].revents & POLLHUP) != 0);
    // What was seen before is not told again when time is up.
    polls[WAKE_OWN + 1].fd = -1;
    assert_int_equal(wake_wait(&wake, CLOCK_NONE, 0, polls, WAKE_OWN + 2), 0);
    assert_int_equal(polls[WAKE_OWN + 1].revents, 0);
    close(first[0]);
    close(first[1]);
    close(second[0]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_signal_has_its_reason),
        TEST(a_moment_that_has_come_or_has_passed_wakes),
        TEST(the_boot_clock_wakes_too),
        TEST(the_timer_is_set_again_only_for_another_moment),
        TEST(a_clock_that_is_set_wakes_and_the_timer_is_set_again),
        TEST(a_moment_that_the_kernel_refuses_is_tried_again),
        TEST(a_file_in_place_written_anew_or_gone_is_told_by_name),
        TEST(many_changes_are_all_told),
        TEST(reading_wakes_nobody),
        TEST(a_folder_that_goes_is_told_without_a_name),
        TEST(descriptors_of_workers_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
