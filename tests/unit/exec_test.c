// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Commands: how lines are split, what a command starts with, when it is over.
// not under valgrind: a command that valgrind starts has descriptors of valgrind
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "exec.h"

#define W(text) ((char *)(uintptr_t)(text))
#define ARGUMENTS(...) ((char *const[]){__VA_ARGS__, NULL})

static struct exec_command shell(const char *script)
{
    static char text[8192];
    static char *arguments[] = {W("/bin/sh"), W("-c"), text, NULL};
    snprintf(text, sizeof text, "%s", script);
    return (struct exec_command){
        .arguments = arguments, .output_limit = EXEC_MAX_OUTPUT, .deadline_boot_ms = clock_boot_ms() + 10000};
}

// ---- Splitting

static void exec_split_follows_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words; // joined by '|'
    } table[] = {
        {"reload", "reload"},
        {"  a  b\tc\n", "a|b|c"},
        {"a 'b c' d", "a|b c|d"},
        {"a \"b c\" d", "a|b c|d"},
        {"a'b'\"c\"d", "abcd"},
        {"a '' b", "a||b"},
        {"\"\"", ""},
        {"a\\ b", "a b"},
        {"\\'a\\'", "'a'"},
        {"'a\\b'", "a\\b"},
        {"\"a\\b\"", "a\\b"},
        {"\"a\\\"b\\\\c\"", "a\"b\\c"},
        {"'\"' \"'\"", "\"|'"},
        {"$HOME `x` $(y) ~ * ; | & > #", "$HOME|`x`|$(y)|~|*|;|||&|>|#"},
        {"\xc3\xa4 b", "\xc3\xa4|b"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char **words, joined[256] = "";
        size_t count;
        struct error error;
        assert_int_equal(exec_split(table[i].text, &words, &count, &error), 0);
        for (size_t j = 0; j < count; j++) {
            size_t length = strlen(joined);
            snprintf(joined + length, sizeof joined - length, "%s%s", j > 0 ? "|" : "", words[j]);
        }
        assert_null(words[count]);
        assert_string_equal(joined, table[i].words);
        free(words);
    }
}

static void exec_split_refuses_what_is_no_command(void **state)
{
    (void)state;
    static const char *const table[] = {"", "   ", "'a", "a \"b", "a\\", "'a\"", "\"a\\\"", "\"a\\"};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char **words;
        size_t count;
        struct error error;
        assert_int_equal(exec_split(table[i], &words, &count, &error), -1);
        assert_int_equal(error.code, ERROR_FORMAT);
        assert_null(words);
    }
}

static void exec_split_bounds_the_number_of_arguments(void **state)
{
    (void)state;
    char text[2 * (EXEC_MAX_ARGUMENTS + 1) + 1], **words;
    size_t count;
    struct error error;
    for (size_t i = 0; i <= EXEC_MAX_ARGUMENTS; i++) {
        memcpy(text + 2 * i, "a ", 2);
    }
    text[2 * (EXEC_MAX_ARGUMENTS + 1)] = '\0';
    assert_int_equal(exec_split(text, &words, &count, &error), -1);
    text[2 * EXEC_MAX_ARGUMENTS] = '\0';
    assert_int_equal(exec_split(text, &words, &count, &error), 0);
    assert_int_equal(count, EXEC_MAX_ARGUMENTS);
    free(words);
}

// ---- Running

static void exec_gives_status_and_both_outputs(void **state)
{
    (void)state;
    struct exec_result result;
    struct error error;
    struct exec_command command = shell("echo out; echo err >&2; exit 7");
    assert_int_equal(exec_run(&command, &result, &error), 0);
    assert_int_equal(result.status, 7);
    assert_string_equal(buf_string(&result.out), "out\n");
    assert_string_equal(buf_string(&result.err), "err\n");
    assert_false(result.out_cut);
    exec_result_free(&result);
}

static void exec_says_which_signal_ended_a_command(void **state)
{
    (void)state;
    struct exec_result result;
    struct exec_command command = shell("kill -TERM $$");
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_int_equal(result.status, 128 + SIGTERM);
    exec_result_free(&result);
}

static void exec_looks_for_programs_in_its_own_path(void **state)
{
    (void)state;
    struct exec_result result;
    struct error error;
    struct exec_command command = shell("");
    setenv("PATH", "/nowhere", 1);
    command.arguments = ARGUMENTS(W("printf"), W("%s"), W("a b"));
    assert_int_equal(exec_run(&command, &result, &error), 0);
    assert_string_equal(buf_string(&result.out), "a b");
    exec_result_free(&result);
    command.arguments = ARGUMENTS(W("certauto-no-such-program"));
    assert_int_equal(exec_run(&command, &result, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    command.arguments = ARGUMENTS(W(""));
    assert_int_equal(exec_run(&command, &result, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    command.arguments = ARGUMENTS(W("/etc/passwd"));
    assert_int_equal(exec_run(&command, &result, &error), -1);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_non_null(strstr(error.message, "Permission denied"));
    command.arguments = ARGUMENTS(W("/nowhere/program"));
    assert_int_equal(exec_run(&command, &result, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void exec_starts_with_a_fixed_environment(void **state)
{
    (void)state;
    struct exec_result result;
    struct exec_command command = shell("");
    setenv("SECRET", "of the parent", 1);
    command.arguments = ARGUMENTS(W("env"));
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_string_equal(buf_string(&result.out), "PATH=" EXEC_PATH "\nHOME=/\nLANG=C.UTF-8\n");
    exec_result_free(&result);
    command.environment = (const char *const[]){"HOME=/root", "MORE=a=b c", NULL};
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_string_equal(buf_string(&result.out), "PATH=" EXEC_PATH "\nLANG=C.UTF-8\nHOME=/root\nMORE=a=b c\n");
    exec_result_free(&result);
}

static void exec_starts_in_the_directory_asked_for(void **state)
{
    (void)state;
    struct exec_result result;
    struct error error;
    struct exec_command command = shell("pwd");
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_string_equal(buf_string(&result.out), "/\n");
    exec_result_free(&result);
    command.directory = "/etc";
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_string_equal(buf_string(&result.out), "/etc\n");
    exec_result_free(&result);
    command.directory = "/nowhere";
    assert_int_equal(exec_run(&command, &result, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void exec_leaves_only_three_descriptors_open(void **state)
{
    (void)state;
    struct exec_result result;
    // One that is not close-on-exec, as a careless library leaves it.
    int fds[2], far;
    assert_int_equal(pipe(fds), 0);
    far = dup2(fds[0], 777);
    struct exec_command command = shell("cd /proc/self/fd && echo *");
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    // The shell's own descriptor for reading the folder is not among them: echo is built in, the glob is closed.
    assert_memory_equal(buf_string(&result.out), "0 1 2", 5);
    assert_null(strstr(buf_string(&result.out), "777"));
    exec_result_free(&result);
    close(fds[0]);
    close(fds[1]);
    close(far);
}

static void exec_starts_with_default_unblocked_signals(void **state)
{
    (void)state;
    struct exec_result result;
    sigset_t blocked, before;
    sigfillset(&blocked);
    sigprocmask(SIG_SETMASK, &blocked, &before);
    void (*handler)(int) = signal(SIGHUP, SIG_IGN);
    struct exec_command command = shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
    int done = exec_run(&command, &result, NULL);
    signal(SIGHUP, handler);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(done, 0);
    assert_string_equal(buf_string(&result.out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    exec_result_free(&result);
}

static void exec_passes_input_of_any_size(void **state)
{
    (void)state;
    size_t length = 900000;
    char *bytes = malloc(length);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (char)(i * 31 + i / 251);
    }
    struct exec_result result;
    struct exec_command command = shell("cat");
    command.input = bytes;
    command.input_length = length;
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_int_equal(result.out.length, length);
    assert_memory_equal(buf_string(&result.out), bytes, length);
    exec_result_free(&result);
    // Without input there is the end of the file at once, and a program need not read what it is given.
    command.input = NULL;
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_int_equal(result.out.length, 0);
    exec_result_free(&result);
    command = shell("exec <&-; exit 3");
    command.input = bytes;
    command.input_length = length;
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_int_equal(result.status, 3);
    exec_result_free(&result);
    free(bytes);
}

static void exec_cuts_output_without_stopping_the_command(void **state)
{
    (void)state;
    struct exec_result result;
    struct exec_command command = shell("head -c 300000 /dev/zero; echo done >&2; exit 4");
    command.output_limit = 1000;
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_int_equal(result.status, 4);
    assert_int_equal(result.out.length, 1000);
    assert_true(result.out_cut);
    assert_false(result.err_cut);
    assert_string_equal(buf_string(&result.err), "done\n");
    exec_result_free(&result);
}

// A service that is started and keeps the output open must neither hold us nor be killed.
static void exec_is_over_when_the_command_exits(void **state)
{
    (void)state;
    struct exec_result result;
    long long begun = clock_boot_ms();
    struct exec_command command = shell("sleep 30 & echo $!");
    assert_int_equal(exec_run(&command, &result, NULL), 0);
    assert_true(clock_boot_ms() - begun < 5000);
    int pid = (int)strtol(buf_string(&result.out), NULL, 10);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, 0), 0);
    kill(pid, SIGKILL);
    exec_result_free(&result);
}

static void exec_kills_the_process_group_at_the_deadline(void **state)
{
    (void)state;
    struct exec_result result;
    struct error error;
    long long begun = clock_boot_ms();
    struct exec_command command = shell("trap '' TERM; sleep 30 & echo $!; while :; do :; done");
    command.deadline_boot_ms = begun + 300;
    assert_int_equal(exec_run(&command, &result, &error), -1);
    assert_int_equal(error.code, ERROR_TIMEOUT);
    assert_true(clock_boot_ms() - begun >= 300);
    assert_true(clock_boot_ms() - begun < 5000);
    int pid = (int)strtol(buf_string(&result.out), NULL, 10);
    assert_true(pid > 1);
    // It is reaped by another than us, so give it a moment.
    for (int i = 0; i < 200 && kill(pid, 0) == 0; i++) {
        char path[64], status[512] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *file = fopen(path, "r");
        if (file == NULL || fgets(status, sizeof status, file) == NULL || strstr(status, ") Z ") != NULL) {
            pid = 0;
        }
        if (file != NULL) {
            fclose(file);
        }
        if (pid == 0) {
            break;
        }
        usleep(10000);
    }
    assert_true(pid == 0 || kill(pid, 0) != 0);
    exec_result_free(&result);
}

static void exec_ends_a_command_that_never_stops_talking(void **state)
{
    (void)state;
    struct exec_result result;
    struct error error;
    struct exec_command command = shell("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
    command.deadline_boot_ms = clock_boot_ms() + 200;
    assert_int_equal(exec_run(&command, &result, &error), -1);
    assert_int_equal(error.code, ERROR_TIMEOUT);
    exec_result_free(&result);
}

static void exec_leaves_no_child_and_no_descriptor_behind(void **state)
{
    (void)state;
    int before = dup(0), after;
    close(before);
    for (int i = 0; i < 20; i++) {
        struct exec_result result;
        struct exec_command command = shell(i % 2 == 0 ? "exit 1" : "cat");
        command.input = "x";
        command.input_length = 1;
        assert_int_equal(exec_run(&command, &result, NULL), 0);
        exec_result_free(&result);
    }
    after = dup(0);
    close(after);
    assert_int_equal(after, before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

// The kernel of an old router.
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
static bool old_kernel;

long __wrap_syscall(long number, ...)
{
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);
    va_end(list);
    if (old_kernel) {
        errno = ENOSYS;
        return -1;
    }
    return __real_syscall(number, a, b, c, d);
}

static void exec_does_without_what_old_kernels_lack(void **state)
{
    old_kernel = true;
    exec_is_over_when_the_command_exits(state);
    exec_leaves_only_three_descriptors_open(state);
    exec_kills_the_process_group_at_the_deadline(state);
    old_kernel = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exec_split_follows_the_table),
        cmocka_unit_test(exec_split_refuses_what_is_no_command),
        cmocka_unit_test(exec_split_bounds_the_number_of_arguments),
        cmocka_unit_test(exec_gives_status_and_both_outputs),
        cmocka_unit_test(exec_says_which_signal_ended_a_command),
        cmocka_unit_test(exec_looks_for_programs_in_its_own_path),
        cmocka_unit_test(exec_starts_with_a_fixed_environment),
        cmocka_unit_test(exec_starts_in_the_directory_asked_for),
        cmocka_unit_test(exec_leaves_only_three_descriptors_open),
        cmocka_unit_test(exec_starts_with_default_unblocked_signals),
        cmocka_unit_test(exec_passes_input_of_any_size),
        cmocka_unit_test(exec_cuts_output_without_stopping_the_command),
        cmocka_unit_test(exec_is_over_when_the_command_exits),
        cmocka_unit_test(exec_kills_the_process_group_at_the_deadline),
        cmocka_unit_test(exec_ends_a_command_that_never_stops_talking),
        cmocka_unit_test(exec_leaves_no_child_and_no_descriptor_behind),
        cmocka_unit_test(exec_does_without_what_old_kernels_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
