// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of hook_process.c and hook_server.c with real processes: answers, deaths, deadlines, accounts, descriptors.
// not under valgrind: it looks at all descriptors of its process, and valgrind has its own
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "file.h"
#include "hook.h"
#include "hook_process.h"

static char folder[64];
static struct engine engine;

int __wrap_hook_call(const struct hook_context *context, const char *function, const char *argument_json,
                     size_t argument_length, struct buf *answer);

static void say_descriptors(struct buf *answer)
{
    struct stat in, null, out, err;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd > 2 && fd != dirfd(dir)) {
            buf_format(answer, "%d ", fd);
        }
    }
    closedir(dir);
    stat("/dev/null", &null);
    fstat(0, &in);
    fstat(1, &out);
    fstat(2, &err);
    buf_format(answer, "stdin %s, stdout %s", in.st_rdev == null.st_rdev && S_ISCHR(in.st_mode) ? "null" : "other",
               out.st_ino == err.st_ino && out.st_dev == err.st_dev ? "as stderr" : "other");
}

static void say_settings(struct buf *answer)
{
    struct rlimit core;
    sigset_t blocked;
    struct sigaction action;
    getrlimit(RLIMIT_CORE, &core);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    sigaction(SIGTERM, NULL, &action);
    buf_format(answer, "core %lld, dumpable %d, TERM %s %s, leader %s", (long long)core.rlim_cur,
               prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), sigismember(&blocked, SIGTERM) ? "blocked" : "open",
               action.sa_handler == SIG_DFL ? "default" : "caught",
               getpgrp() == getpid() && getsid(0) == getpid() ? "yes" : "no");
}

static void say_account(struct buf *answer)
{
    gid_t groups[64];
    int count = getgroups(64, groups);
    bool root_group = getegid() == 0;
    for (int i = 0; i < count; i++) {
        root_group = root_group || groups[i] == 0;
    }
    buf_format(answer, "uid %d %d, gid %d %d, %s, back %s", (int)getuid(), (int)geteuid(), (int)getgid(),
               (int)getegid(), root_group ? "in group 0" : "not in group 0",
               setuid(0) == 0 ? "possible" : "impossible");
}

// What "hooks" do in these tests.
int __wrap_hook_call(const struct hook_context *context, const char *function, const char *argument_json,
                     size_t argument_length, struct buf *answer)
{
    if (strcmp(function, "echo") == 0) {
        buf_format(answer, "%s %s %s %zu %d ", context->kind, context->name, context->certificate,
                   context->memory_bytes, (int)(context->deadline_boot_ms - clock_boot_ms() + 500) / 1000);
        buf_add(answer, argument_json, argument_length);
    } else if (strcmp(function, "killed") == 0) {
        raise(SIGKILL);
    } else if (strcmp(function, "exits") == 0) {
        _exit(7);
    } else if (strcmp(function, "hangs") == 0) {
        for (;;) {
            pause();
        }
    } else if (strcmp(function, "spawns") == 0) {
        // A child in the same group that holds nothing of ours, but must go with it.
        pid_t pid = fork();
        if (pid == 0) {
            sleep(30);
            _exit(0);
        }
        FILE *file = fopen(argument_json, "w");
        fprintf(file, "%d", (int)pid);
        fclose(file);
        pause();
    } else if (strcmp(function, "shouts") == 0) {
        for (size_t i = 0; i <= HOOK_PROCESS_MAX_ANSWER; i++) {
            buf_char(answer, 'a');
        }
    } else if (strcmp(function, "fills") == 0) {
        for (size_t i = 0; i < HOOK_PROCESS_MAX_ANSWER; i++) {
            buf_char(answer, 'a');
        }
    } else if (strcmp(function, "garbage") == 0) {
        // The socket is descriptor 3.
        if (write(3, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) < 0) {
            return -1;
        }
        pause();
    } else if (strcmp(function, "descriptors") == 0) {
        say_descriptors(answer);
    } else if (strcmp(function, "settings") == 0) {
        say_settings(answer);
    } else if (strcmp(function, "account") == 0) {
        say_account(answer);
    } else if (strcmp(function, "store") == 0) {
        int fd = openat(context->store_dirfd, "made", O_CREAT | O_WRONLY, 0600);
        buf_format(answer, "%s", fd >= 0 ? "written" : strerror(errno));
    } else {
        return -1;
    }
    return 0;
}

static int setup(void **unused)
{
    (void)unused;
    strcpy(folder, "/tmp/certauto-process-XXXXXX");
    assert_non_null(mkdtemp(folder));
    engine = (struct engine){.state_dir = folder, .hooks_dir = "/nonexistent", .hook_memory_bytes = 64 << 20};
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    return file_remove_tree(AT_FDCWD, folder, NULL);
}

// Starting it changes the signals of its process, so each test is a process of its own, as keepers are.
static void in_keeper(void (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0) {
        fail_msg("the test's process ended with status %d", status);
    }
}

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                       \
        }                                                                   \
    } while (0)

static struct hook_process *begin(const char *kind, int spares)
{
    struct hook_process *process;
    struct error error;
    if (hook_process_start(&engine, kind, "www", spares, &process, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        _exit(1);
    }
    return process;
}

// Calls and compares: "said" is the answer, or (result -1) what the sentence holds.
static void expect(struct hook_process *process, const char *function, int64_t timeout_s, int result, const char *said)
{
    struct buf answer;
    struct error error = {0};
    buf_init(&answer, HOOK_PROCESS_MAX_ANSWER);
    int got = hook_process_call(process, "ca", function, timeout_s, "{}", 2, &answer, &error);
    if (got != result || (got == 0 ? strcmp(buf_string(&answer), said) != 0 : strstr(error.message, said) == NULL)) {
        fprintf(stderr, "%s: %d, '%.300s', '%s'\n", function, got, buf_string(&answer), error.message);
        _exit(1);
    }
    buf_free(&answer);
}

static void echo_twice(void)
{
    struct hook_process *process = begin("issue", 0);
    expect(process, "echo", 60, 0, "issue ca www 67108864 60 {}");
    expect(process, "echo", 5, 0, "issue ca www 67108864 5 {}");
    hook_process_end(process);
}

static void a_call_brings_the_hooks_answer_more_than_once(void **unused)
{
    (void)unused;
    in_keeper(echo_twice);
}

static void die(void)
{
    struct hook_process *process = begin("issue", 0);
    expect(process, "killed", 60, -1, "was killed by signal 9");
    expect(process, "echo", 60, -1, "no hook process is left");
    hook_process_end(process);
    process = begin("issue", 0);
    expect(process, "exits", 60, -1, "ended with exit code 7");
    hook_process_end(process);
    process = begin("issue", 0);
    expect(process, "nothing", 60, -1, "ended with exit code 0");
    hook_process_end(process);
}

static void a_hook_process_that_dies_is_a_sentence(void **unused)
{
    (void)unused;
    in_keeper(die);
}

static void hang(void)
{
    int64_t before = clock_boot_ms();
    struct hook_process *process = begin("publish", 1);
    expect(process, "hangs", 1, -1, "no answer within 1 s");
    int64_t took = clock_boot_ms() - before;
    CHECK(took >= 1000 && took < 1000 + HOOK_PROCESS_GRACE_MS + 2000);
    // The spare answers what comes after.
    expect(process, "echo", 5, 0, "publish ca www 67108864 5 {}");
    hook_process_end(process);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void a_hook_that_hangs_is_killed_at_the_deadline_and_a_spare_takes_over(void **unused)
{
    (void)unused;
    in_keeper(hang);
}

static void spawn(void)
{
    char path[128];
    int pid = 0;
    struct hook_process *process = begin("publish", 0);
    struct buf answer;
    struct error error;
    snprintf(path, sizeof(path), "%s/pid", folder);
    buf_init(&answer, 100);
    CHECK(hook_process_call(process, "ca", "spawns", 0, path, strlen(path), &answer, &error) == -1);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL && fscanf(file, "%d", &pid) == 1);
    fclose(file);
    // It is no child of ours: gone means gone, or a zombie that the first process reaps.
    for (int i = 0; i < 100 && kill(pid, 0) == 0; i++) {
        char status[128], text[256] = "";
        snprintf(status, sizeof(status), "/proc/%d/stat", pid);
        FILE *stat = fopen(status, "r");
        bool zombie = stat == NULL || (fgets(text, sizeof(text), stat) != NULL && strstr(text, ") Z") != NULL);
        if (stat != NULL) {
            fclose(stat);
        }
        if (zombie) {
            break;
        }
        CHECK(i < 99);
        usleep(10000);
    }
    hook_process_end(process);
}

static void the_whole_process_group_is_killed_at_the_deadline(void **unused)
{
    (void)unused;
    in_keeper(spawn);
}

static void shout(void)
{
    struct hook_process *process = begin("publish", 1);
    expect(process, "shouts", 30, -1, "longer than 4 MiB");
    expect(process, "garbage", 30, -1, "longer than 4 MiB");
    hook_process_end(process);
    process = begin("publish", 0);
    struct buf answer;
    buf_init(&answer, HOOK_PROCESS_MAX_ANSWER);
    CHECK(hook_process_call(process, "ca", "fills", 30, "{}", 2, &answer, NULL) == 0);
    CHECK(answer.length == HOOK_PROCESS_MAX_ANSWER);
    buf_free(&answer);
    hook_process_end(process);
}

static void an_answer_that_is_too_long_ends_the_hook_process(void **unused)
{
    (void)unused;
    in_keeper(shout);
}

static void inherit_nothing(void)
{
    int extra = open("/dev/null", O_RDONLY);
    CHECK(extra >= 3);
    signal(SIGTERM, SIG_IGN);
    struct hook_process *process = begin("issue", 0);
    // 3 is the socket, 5 the store.
    expect(process, "descriptors", 5, 0, "3 5 stdin null, stdout as stderr");
    expect(process, "settings", 5, 0, "core 0, dumpable 0, TERM open default, leader yes");
    hook_process_end(process);
}

static void a_hook_process_inherits_no_descriptors_signals_or_dumps(void **unused)
{
    (void)unused;
    in_keeper(inherit_nothing);
}

static void look_at_store(void)
{
    struct stat facts;
    char path[128];
    snprintf(path, sizeof(path), "%s/store", folder);
    CHECK(mkdir(path, 0755) == 0);
    struct hook_process *process = begin("publish", 0);
    expect(process, "store", 5, 0, "written");
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 07777) == 0700);
    hook_process_end(process);
}

static void the_store_is_closed_to_others(void **unused)
{
    (void)unused;
    in_keeper(look_at_store);
}

static void become_nobody(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    char expected[128], path[128];
    struct stat facts;
    struct hook_process *process = begin("publish", 0);
    expect(process, "store", 5, 0, "written");
    hook_process_end(process);
    engine.hook_user = "nobody";
    snprintf(expected, sizeof(expected), "uid %d %d, gid %d %d, not in group 0, back impossible", (int)nobody->pw_uid,
             (int)nobody->pw_uid, (int)nobody->pw_gid, (int)nobody->pw_gid);
    process = begin("issue", 0);
    expect(process, "account", 5, 0, expected);
    // What lay in the store before is the account's now.
    expect(process, "store", 5, 0, "written");
    expect(process, "settings", 5, 0, "core 0, dumpable 0, TERM open default, leader yes");
    hook_process_end(process);
    snprintf(path, sizeof(path), "%s/store/made", folder);
    CHECK(stat(path, &facts) == 0 && facts.st_uid == nobody->pw_uid);
    // Publishing writes where services read: it keeps our account.
    process = begin("publish", 0);
    expect(process, "account", 5, 0, "uid 0 0, gid 0 0, in group 0, back possible");
    hook_process_end(process);
}

static void issue_hooks_become_hook_user_for_good(void **unused)
{
    (void)unused;
    if (getuid() != 0) {
        skip();
    }
    in_keeper(become_nobody);
}

static void become_no_one(void)
{
    engine.hook_user = "no-such-account";
    struct hook_process *process = begin("issue", 0);
    expect(process, "echo", 5, -1, "hook_user 'no-such-account' is no account");
    hook_process_end(process);
}

static void an_unknown_hook_user_is_a_sentence(void **unused)
{
    (void)unused;
    in_keeper(become_no_one);
}

static void store_is_a_link(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/store", folder);
    CHECK(symlink("/tmp", path) == 0);
    struct hook_process *process = begin("issue", 0);
    expect(process, "echo", 5, -1, "store");
    hook_process_end(process);
}

static void a_store_that_is_a_link_is_refused(void **unused)
{
    (void)unused;
    in_keeper(store_is_a_link);
}

static void a_keeper_asked_to_end_kills_its_hook_and_ends(void **unused)
{
    int status, ends[2];

    (void)unused;
    // The hook process holds the pipe open as long as it lives.
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t keeper = fork();
    if (keeper == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        struct hook_process *process = begin("issue", 0);
        // A signal that comes before the call waits for it.
        raise(SIGTERM);
        expect(process, "hangs", 600, 0, "");
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(keeper, &status, 0), keeper);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static void a_hook_process_ends_when_its_keeper_is_killed(void **unused)
{
    int status, ends[2];

    (void)unused;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t keeper = fork();
    if (keeper == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        struct hook_process *process = begin("publish", 1);
        // The hook process is up and hangs; then we die.
        signal(SIGALRM, SIG_DFL);
        alarm(1);
        expect(process, "hangs", 600, 0, "");
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(keeper, &status, 0), keeper);
    assert_true(WIFSIGNALED(status));
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_brings_the_hooks_answer_more_than_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hook_process_that_dies_is_a_sentence, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hook_that_hangs_is_killed_at_the_deadline_and_a_spare_takes_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_whole_process_group_is_killed_at_the_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_is_too_long_ends_the_hook_process, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hook_process_inherits_no_descriptors_signals_or_dumps, setup, teardown),
        cmocka_unit_test_setup_teardown(the_store_is_closed_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(issue_hooks_become_hook_user_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_hook_user_is_a_sentence, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_that_is_a_link_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_keeper_asked_to_end_kills_its_hook_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hook_process_ends_when_its_keeper_is_killed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
