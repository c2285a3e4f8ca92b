// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The hook process as its keeper sees it: started before any key is read, asked over one socket pair, killed at the deadline.
#include "hook_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "hook_server.h"
#include "process.h"

#define MOST_PROCESSES 2
#define DECLARE_TIMEOUT_S 10
#define DECLARE_MEMORY (64 * 1024 * 1024)

struct hook_process {
    struct child {
        pid_t pid; // 0: gone
        int fd;    // our end, non-blocking; -1: closed
    } children[MOST_PROCESSES];
    int count;
    int current;
    bool heeds_stop; // the signals that ask us to end get through while we wait
};

// Set by the signals that ask us to end.
static volatile sig_atomic_t stop_signal;

static void note_stop(int number)
{
    stop_signal = number;
}

// From here on the signals wait until we wait for a hook.
static void hold_stop_signals(void)
{
    struct sigaction action = {.sa_handler = note_stop};
    sigemptyset(&action.sa_mask);
    sigset_t stops;
    sigemptyset(&stops);
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaddset(&stops, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &stops, NULL);
}

static int reap(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

// Kills what still runs of it and returns its status.
static int kill_child(struct child *child)
{
    int status = 0;
    if (child->fd >= 0) {
        close(child->fd);
        child->fd = -1;
    }
    if (child->pid > 0) {
        kill(-child->pid, SIGKILL);
        kill(child->pid, SIGKILL);
        status = reap(child->pid);
        child->pid = 0;
    }
    return status;
}

static void stop_now(struct hook_process *process)
{
    for (int i = 0; i < process->count; i++) {
        kill_child(&process->children[i]);
    }
    _exit(128 + (int)stop_signal);
}

static int start_child(const struct hook_server *server, struct child *child, struct error *error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return error_errno(error, "no socket pair for the hook process");
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        error_errno(error, "the hook process cannot be forked");
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (pid == 0) {
        // A group to be killed by, and no terminal that a command could ask for a password.
        setsid();
        hook_server_run(server, ends[1], parent);
    }
    close(ends[1]);
    int flags = fcntl(ends[0], F_GETFL);
    fcntl(ends[0], F_SETFL, flags | O_NONBLOCK);
    child->pid = pid;
    child->fd = ends[0];
    return 0;
}

static int start(const struct hook_server *server, int count, struct hook_process **process, struct error *error)
{
    *process = NULL;
    struct hook_process *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a hook process");
    }
    for (made->count = 0; made->count < count; made->count++) {
        if (start_child(server, &made->children[made->count], error) < 0) {
            hook_process_end(made);
            return -1;
        }
    }
    *process = made;
    return 0;
}

int hook_process_start(const struct engine *engine, const char *kind, const char *certificate, int spares,
                       struct hook_process **process, struct error *error)
{
    struct hook_server server = {.hooks_dir = engine->hooks_dir,
                                 .kind = kind,
                                 .certificate = certificate,
                                 .state_dir = engine->state_dir,
                                 .memory_bytes = (size_t)engine->hook_memory_bytes};
    // Publishing writes where services read, so those hooks keep our account.
    if (strcmp(kind, "publish") != 0) {
        server.user = engine->hook_user;
    }
    server.store_user = engine->hook_user;
    int count = spares + 1 < MOST_PROCESSES ? spares + 1 : MOST_PROCESSES;
    if (start(&server, count, process, error) < 0) {
        return -1;
    }
    (*process)->heeds_stop = true;
    hold_stop_signals();
    return 0;
}

// Waits until the socket is ready. 1: it is; 0: the deadline has passed; -1: poll failed.
static int wait_ready(struct hook_process *process, short events, long long deadline_ms)
{
    struct pollfd poll_fd = {.fd = process->children[process->current].fd, .events = events};
    sigset_t none;
    sigemptyset(&none);
    for (;;) {
        int64_t left = deadline_ms - clock_boot_ms();
        if (left <= 0) {
            return 0;
        }
        struct timespec time = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};
        int ready = ppoll(&poll_fd, 1, &time, process->heeds_stop ? &none : NULL);
        if (process->heeds_stop && stop_signal != 0) {
            stop_now(process);
        }
        if (ready > 0) {
            return 1;
        }
        if (ready < 0 && errno != EINTR) {
            return -1;
        }
    }
}

enum transfer { MOVED, ENDED, TOO_LATE, BROKEN };

static enum transfer send_all(struct hook_process *process, const void *bytes, size_t length, long long deadline_ms)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t sent = send(process->children[process->current].fd, at, length, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        } else if (sent < 0 && errno == EPIPE) {
            return ENDED;
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return BROKEN;
        } else {
            int ready = wait_ready(process, POLLOUT, deadline_ms);
            if (ready <= 0) {
                return ready == 0 ? TOO_LATE : BROKEN;
            }
        }
    }
    return MOVED;
}

static enum transfer receive_all(struct hook_process *process, void *bytes, size_t length, long long deadline_ms)
{
    char *at = bytes;
    while (length > 0) {
        ssize_t got = recv(process->children[process->current].fd, at, length, 0);
        if (got > 0) {
            at += got;
            length -= (size_t)got;
        } else if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            return ENDED;
        } else if (errno != EAGAIN && errno != EINTR) {
            return BROKEN;
        } else {
            int ready = wait_ready(process, POLLIN, deadline_ms);
            if (ready <= 0) {
                return ready == 0 ? TOO_LATE : BROKEN;
            }
        }
    }
    return MOVED;
}

// Kills the current one and says why nothing came of the call; a spare is next.
static int give_up(struct hook_process *process, enum transfer how, int64_t timeout_s, struct error *error)
{
    char text[CLOCK_DURATION_SIZE + 64];
    int cause = errno;
    struct child *child = &process->children[process->current];
    pid_t pid = child->pid;
    int status = 0;
    bool ended = how == ENDED && waitpid(pid, &status, WNOHANG) == pid;
    if (ended) {
        kill(-pid, SIGKILL);
        child->pid = 0;
    }
    // A process that closed its end is about to end by itself: how it ended tells more than our kill.
    for (int tries = 0; how == ENDED && !ended && tries < 100; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        ended = waitpid(pid, &status, WNOHANG) == pid;
        if (ended) {
            kill(-pid, SIGKILL);
            child->pid = 0;
        }
    }
    kill_child(child);
    if (process->current + 1 < process->count) {
        process->current++;
    }
    if (how == TOO_LATE) {
        clock_format_duration(timeout_s, text);
        return error_set(error, ERROR_TIMEOUT, "the hook was killed: no answer within %s", text);
    }
    if (how == BROKEN) {
        errno = cause;
        return error_errno(error, "the hook process cannot be reached");
    }
    if (!ended) {
        return error_set(error, ERROR_HOOK, "the hook process closed its end without an answer");
    }
    process_describe(status, text, sizeof(text));
    return error_set(error, ERROR_HOOK, "the hook process %s without an answer", text);
}

// Reads the answer's head and body.
static int receive_answer(struct hook_process *process, int64_t timeout_s, long long deadline_ms, struct buf *answer,
                          struct error *error)
{
    struct hook_answer_head head;
    enum transfer how = receive_all(process, &head, sizeof(head), deadline_ms);
    if (how != MOVED) {
        return give_up(process, how, timeout_s, error);
    }
    if (head.length > HOOK_PROCESS_MAX_ANSWER || (head.failed != 0 && head.failed != 1)) {
        give_up(process, BROKEN, timeout_s, NULL);
        return error_set(error, ERROR_HOOK, "the hook's answer is longer than %d MiB",
                         HOOK_PROCESS_MAX_ANSWER / 1024 / 1024);
    }
    char *text = malloc((size_t)head.length + 1);
    if (text == NULL) {
        give_up(process, BROKEN, timeout_s, NULL);
        return error_set(error, ERROR_SYSTEM, "no memory for the hook's answer");
    }
    how = receive_all(process, text, head.length, deadline_ms);
    if (how != MOVED) {
        free(text);
        return give_up(process, how, timeout_s, error);
    }
    text[head.length] = '\0';
    int result = 0;
    if (head.failed) {
        result = error_set(error, ERROR_SYSTEM, "%s", text);
    } else {
        buf_add(answer, text, head.length);
        if (answer->failed) {
            result = error_set(error, ERROR_HOOK, "the hook's answer is too long");
        }
    }
    // It may hold a key that the CA made.
    explicit_bzero(text, head.length);
    free(text);
    return result;
}

int hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                      const char *argument, size_t length, struct buf *answer, struct error *error)
{
    struct hook_request_head head = {.length = (uint32_t)length};
    if (process->children[process->current].pid == 0) {
        return error_set(error, ERROR_HOOK, "no hook process is left to call '%s'", function);
    }
    if (length > HOOK_PROCESS_MAX_REQUEST || strlen(hook) >= sizeof(head.hook) ||
        strlen(function) >= sizeof(head.function)) {
        return error_set(error, ERROR_REFUSED, "the request to the hook '%s' is too long", hook);
    }
    memcpy(head.hook, hook, strlen(hook));
    memcpy(head.function, function, strlen(function));
    head.deadline_boot_ms = clock_boot_ms() + timeout_s * 1000;
    long long deadline_ms = head.deadline_boot_ms + HOOK_PROCESS_GRACE_MS;
    enum transfer how = send_all(process, &head, sizeof(head), deadline_ms);
    if (how == MOVED) {
        how = send_all(process, argument, length, deadline_ms);
    }
    if (how != MOVED) {
        return give_up(process, how, timeout_s, error);
    }
    return receive_answer(process, timeout_s, deadline_ms, answer, error);
}

void hook_process_end(struct hook_process *process)
{
    if (process == NULL) {
        return;
    }
    for (int i = 0; i < process->count; i++) {
        struct child *child = &process->children[i];
        if (child->pid > 0) {
            // Only the process itself, idle as it is: what its hook left running in its group stays.
            kill(child->pid, SIGKILL);
            reap(child->pid);
            close(child->fd);
        }
    }
    free(process);
}

int hook_process_declare(const char *hooks_dir, const char *kind, const char *name, struct buf *answer,
                         struct error *error)
{
    struct hook_server server = {.hooks_dir = hooks_dir, .kind = kind, .memory_bytes = DECLARE_MEMORY};
    struct hook_process *process;
    if (start(&server, 1, &process, error) < 0) {
        return -1;
    }
    int result = hook_process_call(process, name, HOOK_SERVER_DECLARE, DECLARE_TIMEOUT_S, "", 0, answer, error);
    hook_process_end(process);
    return result;
}
