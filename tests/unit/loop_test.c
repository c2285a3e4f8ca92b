// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of loop.c, home.c and service.c: what a loop tells the others, where it is at home, whom it notifies.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "file.h"
#include "home.h"
#include "lock.h"
#include "loop.h"
#include "service.h"

static char folder[256], run_dir[300], state_dir[300], notify[300];
static struct engine engine;
static struct error error;

static int setup(void **unused)
{
    const char *tmp = getenv("TMPDIR");

    (void)unused;
    snprintf(folder, sizeof(folder), "%s/certauto-loop-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(folder));
    snprintf(run_dir, sizeof(run_dir), "%s/run", folder);
    snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
    snprintf(notify, sizeof(notify), "%s/notify", folder);
    engine = (struct engine){.run_dir = run_dir, .state_dir = state_dir};
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    return file_remove_tree(AT_FDCWD, folder, NULL);
}

// ---- The file

static struct loop_facts some_facts(void)
{
    struct loop_facts facts = {.pid = 4711,
                               .since = 1795403207,
                               .configured = 1795403208,
                               .refused = CLOCK_NONE,
                               .last_run = 1795403209,
                               .result = "2 renewed, 1 failed",
                               .next_run = CLOCK_NONE};
    return facts;
}

static void the_folder_is_named_by_the_hash_of_state_dir(void **unused)
{
    char path[LOOP_PATH_SIZE];
    const struct engine usual = {.run_dir = "/run/certauto", .state_dir = "/var/lib/certauto"};

    (void)unused;
    assert_int_equal(loop_path(&usual, path, &error), 0);
    // printf /var/lib/certauto | sha256sum
    assert_string_equal(path, "/run/certauto/646508e0/loop");
}

static void what_is_written_is_read(void **unused)
{
    struct loop_facts facts = some_facts(), read;

    (void)unused;
    assert_int_equal(loop_write(&engine, &facts, &error), 0);
    assert_int_equal(loop_read(&engine, &read, &error), 0);
    assert_true(loop_same(&facts, &read));
    facts.refused = 1795403300;
    snprintf(facts.refusal, sizeof(facts.refusal), "%s", "a.ini:3: 'x' = \x1b\nnext_run = \\ and \xc3\xa9");
    snprintf(facts.trouble, sizeof(facts.trouble), "no room");
    facts.next_run = 1795403999;
    assert_int_equal(loop_write(&engine, &facts, &error), 0);
    assert_int_equal(loop_read(&engine, &read, &error), 0);
    assert_true(loop_same(&facts, &read));
    assert_string_equal(read.refusal, facts.refusal);
    read.next_run++;
    assert_false(loop_same(&facts, &read));
    read = facts;
    read.trouble[1] = 'x';
    assert_false(loop_same(&facts, &read));
}

static void only_we_may_read_it(void **unused)
{
    struct loop_facts facts = some_facts();
    char path[LOOP_PATH_SIZE];
    struct stat info;

    (void)unused;
    assert_int_equal(loop_write(&engine, &facts, &error), 0);
    assert_int_equal(loop_path(&engine, path, &error), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    *strrchr(path, '/') = '\0';
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void a_folder_that_others_can_write_is_refused(void **unused)
{
    struct loop_facts facts = some_facts();
    char path[LOOP_PATH_SIZE];

    (void)unused;
    assert_int_equal(loop_write(&engine, &facts, &error), 0);
    assert_int_equal(loop_path(&engine, path, &error), 0);
    *strrchr(path, '/') = '\0';
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(loop_write(&engine, &facts, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
}

static void a_file_that_is_gone_or_rubbish_tells_nothing(void **unused)
{
    struct loop_facts facts = some_facts(), read;
    char path[LOOP_PATH_SIZE];

    (void)unused;
    assert_int_equal(loop_read(&engine, &read, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(loop_write(&engine, &facts, &error), 0);
    assert_int_equal(loop_path(&engine, path, &error), 0);
    int fd = open(path, O_WRONLY | O_TRUNC);
    static const char rubbish[] = "pid = x\nsince = tomorrow\nresult = a\\b\nnonsense\nunknown = 1\n\n = \nlast_run = ";
    assert_int_equal(write(fd, rubbish, sizeof(rubbish) - 1), sizeof(rubbish) - 1);
    close(fd);
    assert_int_equal(loop_read(&engine, &read, &error), 0);
    assert_int_equal(read.pid, 0);
    assert_true(read.since == CLOCK_NONE && read.last_run == CLOCK_NONE);
    assert_string_equal(read.result, "");
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(loop_read(&engine, &read, &error), 0);
    loop_remove(&engine);
    assert_int_equal(access(path, F_OK), -1);
    loop_remove(&engine);
}

static void a_path_that_is_too_long_is_an_error(void **unused)
{
    static char deep[5000];
    char path[LOOP_PATH_SIZE];
    struct loop_facts facts = some_facts();

    (void)unused;
    memset(deep, 'x', sizeof(deep) - 1);
    deep[0] = '/';
    engine.run_dir = deep;
    assert_int_equal(loop_path(&engine, path, &error), -1);
    assert_int_equal(loop_write(&engine, &facts, &error), -1);
    loop_remove(&engine);
}

// ---- Home

static void one_loop_is_at_home(void **unused)
{
    struct home home, other;

    (void)unused;
    assert_int_equal(home_enter(&home, state_dir, false, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(home.lock, -1);
    assert_int_equal(home_enter(&home, state_dir, true, &error), 0);
    assert_int_equal(home_enter(&other, state_dir, true, &error), -1);
    assert_int_equal(error.code, ERROR_BUSY);
    assert_int_equal(other.lock, -1);
    int dirfd = home_open(&home, state_dir, &error);
    assert_true(dirfd >= 0);
    assert_true(lock_loop_is_held(dirfd, "locks"));
    home_leave(&home);
    assert_false(lock_loop_is_held(dirfd, "locks"));
    close(dirfd);
    home_leave(&home);
    assert_int_equal(home_enter(&other, state_dir, true, &error), 0);
    home_leave(&other);
}

static void another_folder_in_its_place_is_not_home(void **unused)
{
    struct home home;
    char away[400];

    (void)unused;
    assert_int_equal(home_enter(&home, state_dir, true, &error), 0);
    snprintf(away, sizeof(away), "%s-away", state_dir);
    assert_int_equal(rename(state_dir, away), 0);
    assert_int_equal(home_open(&home, state_dir, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(mkdir(state_dir, 0700), 0);
    assert_int_equal(home_open(&home, state_dir, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(rmdir(state_dir), 0);
    assert_int_equal(rename(away, state_dir), 0);
    int dirfd = home_open(&home, state_dir, &error);
    assert_true(dirfd >= 0);
    close(dirfd);
    home_leave(&home);
}

static void a_home_that_others_can_write_is_refused(void **unused)
{
    struct home home;

    (void)unused;
    assert_int_equal(mkdir(state_dir, 0700), 0);
    assert_int_equal(chmod(state_dir, 0777), 0);
    assert_int_equal(home_enter(&home, state_dir, true, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    assert_int_equal(home.lock, -1);
}

// ---- The service manager

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@'));
    assert_true(fd >= 0);
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, length), 0);
    setenv("NOTIFY_SOCKET", path, 1);
    return fd;
}

static const char *heard(int fd)
{
    static char text[256];
    ssize_t got = recv(fd, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static void the_manager_is_told(void **unused)
{
    struct service service;
    char abstract[64];
    long long moment;

    (void)unused;
    snprintf(abstract, sizeof(abstract), "@certauto-loop-test-%d", (int)getpid());
    const char *paths[] = {notify, abstract};
    for (int i = 0; i < 2; i++) {
        int fd = listen_at(paths[i]);
        service_open(&service);
        service_ready(&service);
        assert_string_equal(heard(fd), "READY=1");
        service_reloading(&service);
        assert_int_equal(sscanf(heard(fd), "RELOADING=1\nMONOTONIC_USEC=%lld", &moment), 1);
        assert_true(moment > 0);
        service_stopping(&service);
        assert_string_equal(heard(fd), "STOPPING=1");
        assert_true(service_alive(&service, 1000) == INT64_MAX);
        assert_string_equal(heard(fd), "");
        close(fd);
        // Nobody listens any more.
        service_ready(&service);
    }
}

static void without_a_manager_nothing_is_told(void **unused)
{
    static const char *const nobody[] = {"", "/", "@", "relative", "vsock:2:1234"};
    struct service service;
    static char longer[200];

    (void)unused;
    service_open(&service);
    assert_int_equal(service.length, 0);
    service_ready(&service);
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        setenv("NOTIFY_SOCKET", nobody[i], 1);
        service_open(&service);
        assert_int_equal(service.length, 0);
    }
    memset(longer, 'a', sizeof(longer) - 1);
    longer[0] = '/';
    setenv("NOTIFY_SOCKET", longer, 1);
    service_open(&service);
    assert_int_equal(service.length, 0);
}

static void signs_of_life_are_given_at_half_the_time_asked_for(void **unused)
{
    struct service service;
    char pid[32];
    int fd = listen_at(notify);

    (void)unused;
    setenv("WATCHDOG_USEC", "10000000", 1);
    service_open(&service);
    assert_int_equal(service_alive(&service, 1000), 6000);
    assert_string_equal(heard(fd), "WATCHDOG=1");
    assert_int_equal(service_alive(&service, 5999), 6000);
    assert_string_equal(heard(fd), "");
    assert_int_equal(service_alive(&service, 6001), 11001);
    assert_string_equal(heard(fd), "WATCHDOG=1");
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    service_open(&service);
    assert_int_equal(service.watchdog_ms, 5000);
    setenv("WATCHDOG_USEC", "1", 1);
    service_open(&service);
    assert_int_equal(service.watchdog_ms, 1);
    close(fd);
}

static void signs_of_life_are_not_given_when_another_was_asked_or_not_well(void **unused)
{
    static const char *const wrong[] = {"", "0", "-5", "5s", "99999999999999999999", " 5"};
    struct service service;
    int fd = listen_at(notify);

    (void)unused;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("WATCHDOG_USEC", wrong[i], 1);
        service_open(&service);
        assert_int_equal(service.watchdog_ms, 0);
    }
    setenv("WATCHDOG_USEC", "1000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    service_open(&service);
    assert_int_equal(service.watchdog_ms, 0);
    setenv("WATCHDOG_PID", "rubbish", 1);
    service_open(&service);
    assert_int_equal(service.watchdog_ms, 0);
    close(fd);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_folder_is_named_by_the_hash_of_state_dir),
        TEST(what_is_written_is_read),
        TEST(only_we_may_read_it),
        TEST(a_folder_that_others_can_write_is_refused),
        TEST(a_file_that_is_gone_or_rubbish_tells_nothing),
        TEST(a_path_that_is_too_long_is_an_error),
        TEST(one_loop_is_at_home),
        TEST(another_folder_in_its_place_is_not_home),
        TEST(a_home_that_others_can_write_is_refused),
        TEST(the_manager_is_told),
        TEST(without_a_manager_nothing_is_told),
        TEST(signs_of_life_are_given_at_half_the_time_asked_for),
        TEST(signs_of_life_are_not_given_when_another_was_asked_or_not_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
