// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Commands: an argument list run without a shell, its input and output bounded, over when it exits.
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

#define MAX_ENVIRONMENT 128
// How often a child is looked after where the kernel has no pidfd_open(2), in milliseconds.
#define LOOK_MS 20
#define CHUNK 4096

static const char *const fixed_environment[] = {"PATH=" EXEC_PATH, "HOME=/", "LANG=C.UTF-8"};
#define FIXED_COUNT (sizeof fixed_environment / sizeof fixed_environment[0])

// ---- Splitting

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Copies one argument without its quotes to *out and moves both on. False with an open quote or a '\' at the end.
static bool split_one(const char **text, char **out)
{
    const char *in = *text;
    char quote = '\0';
    for (; *in != '\0' && (quote != '\0' || !is_blank(*in)); in++) {
        if (quote == '\0' && (*in == '\'' || *in == '"')) {
            quote = *in;
        } else if (quote != '\0' && *in == quote) {
            quote = '\0';
        } else if (*in == '\\' && (quote == '\0' || (quote == '"' && (in[1] == '"' || in[1] == '\\')))) {
            in++;
            if (*in == '\0') {
                return false;
            }
            *(*out)++ = *in;
        } else {
            *(*out)++ = *in;
        }
    }
    *(*out)++ = '\0';
    *text = in;
    return quote == '\0';
}

int exec_split(const char *text, char ***arguments, size_t *count, struct error *error)
{
    // The list and, behind it, the text of all arguments, which is never longer than what was given.
    size_t room = (EXEC_MAX_ARGUMENTS + 1) * sizeof(char *);
    char **list = malloc(room + strlen(text) + 1);
    *arguments = NULL;
    *count = 0;
    if (list == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a command");
    }
    char *out = (char *)list + room;
    size_t found = 0;
    const char *at = text;
    for (;;) {
        while (is_blank(*at)) {
            at++;
        }
        if (*at == '\0') {
            break;
        }
        if (found == EXEC_MAX_ARGUMENTS) {
            free(list);
            return error_set(error, ERROR_FORMAT, "a command has at most %d arguments", EXEC_MAX_ARGUMENTS);
        }
        list[found++] = out;
        if (!split_one(&at, &out)) {
            free(list);
            return error_set(error, ERROR_FORMAT, "a quotation mark is open, or a '\\' ends the command: %s", text);
        }
    }
    if (found == 0) {
        free(list);
        return error_set(error, ERROR_FORMAT, "the command is empty");
    }
    list[found] = NULL;
    *arguments = list;
    *count = found;
    return 0;
}

// ---- Starting

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

// Writes the path of a program into "path": as given when it holds '/', else the first in EXEC_PATH.
static int find_program(const char *name, char path[PATH_MAX], struct error *error)
{
    size_t length = strlen(name);
    if (length == 0) {
        return error_set(error, ERROR_USAGE, "the command's first word is empty");
    }
    if (strchr(name, '/') != NULL) {
        if (length >= PATH_MAX) {
            return error_set(error, ERROR_USAGE, "the path of the command is too long");
        }
        memcpy(path, name, length + 1);
        return 0;
    }
    for (const char *folder = EXEC_PATH; folder != NULL;) {
        size_t folder_length = strcspn(folder, ":");
        if (folder_length + 1 + length < PATH_MAX) {
            memcpy(path, folder, folder_length);
            path[folder_length] = '/';
            memcpy(path + folder_length + 1, name, length + 1);
            if (is_program(path)) {
                return 0;
            }
        }
        folder = folder[folder_length] == ':' ? folder + folder_length + 1 : NULL;
    }
    return error_set(error, ERROR_NOT_FOUND, "%s: no such command in %s", name, EXEC_PATH);
}

int exec_find(const char *name, char path[PATH_MAX], struct error *error)
{
    if (find_program(name, path, error) < 0) {
        return -1;
    }
    return is_program(path) ? 0
                            : error_set(error, ERROR_NOT_FOUND, "%s: no such program, or it may not be started", path);
}

// True when "extra" sets the same variable as "setting".
static bool is_set(const char *const *extra, const char *setting)
{
    size_t length = strcspn(setting, "=") + 1;
    for (; extra != NULL && *extra != NULL; extra++) {
        if (strncmp(*extra, setting, length) == 0) {
            return true;
        }
    }
    return false;
}

static int make_environment(const char *const *extra, const char *list[MAX_ENVIRONMENT + 1], struct error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < FIXED_COUNT; i++) {
        if (!is_set(extra, fixed_environment[i])) {
            list[count++] = fixed_environment[i];
        }
    }
    for (; extra != NULL && *extra != NULL; extra++) {
        if (count == MAX_ENVIRONMENT) {
            return error_set(error, ERROR_USAGE, "a command has at most %d variables in its environment",
                             MAX_ENVIRONMENT - (int)FIXED_COUNT);
        }
        list[count++] = *extra;
    }
    list[count] = NULL;
    return 0;
}

// The descriptors of one command: the ends of the child and ours, -1 when closed.
struct pipes {
    int child[3];
    int ours[3];
    int fault[2]; // the child writes errno here when it cannot become the program
};

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static void pipes_close(struct pipes *pipes)
{
    for (int i = 0; i < 3; i++) {
        close_fd(&pipes->child[i]);
        close_fd(&pipes->ours[i]);
    }
    close_fd(&pipes->fault[0]);
    close_fd(&pipes->fault[1]);
}

// pipe2(2) whose ends are beyond 0-2, so that the child can put its own there in any order.
static int make_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        if (ends[i] <= 2) {
            int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
            if (moved < 0) {
                int saved = errno;
                close_fd(&ends[0]);
                close_fd(&ends[1]);
                errno = saved;
                return -1;
            }
            close(ends[i]);
            ends[i] = moved;
        }
    }
    return 0;
}

static int pipes_open(struct pipes *pipes, bool has_input)
{
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (i == 0 && !has_input) {
            int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
            pipes->child[0] = null < 0 || null > 2 ? null : fcntl(null, F_DUPFD_CLOEXEC, 3);
            if (null >= 0 && pipes->child[0] != null) {
                close(null);
            }
            if (pipes->child[0] < 0) {
                return -1;
            }
            continue;
        }
        if (make_pipe(ends) != 0) {
            return -1;
        }
        pipes->child[i] = ends[i == 0 ? 0 : 1];
        pipes->ours[i] = ends[i == 0 ? 1 : 0];
        if (fcntl(pipes->ours[i], F_SETFL, O_NONBLOCK) != 0) {
            return -1;
        }
    }
    return make_pipe(pipes->fault);
}

// In the child: becomes the program or tells why not.
_Noreturn static void become(const char *path, const struct exec_command *command, const char *const *environment,
                             const struct pipes *pipes)
{
    setpgid(0, 0);
    process_default_signals();
    bool ready = dup2(pipes->child[0], 0) == 0 && dup2(pipes->child[1], 1) == 1 && dup2(pipes->child[2], 2) == 2 &&
                 dup3(pipes->fault[1], 3, O_CLOEXEC) == 3;
    // When the pipe for faults is descriptor 3 already, dup3 says EINVAL and all is well.
    if (ready || (pipes->fault[1] == 3 && errno == EINVAL)) {
        process_close_from(4);
        if (chdir(command->directory != NULL ? command->directory : "/") == 0) {
            execve(path, command->arguments, (char *const *)environment);
        }
    }
    int fault = errno;
    ssize_t written = write(3, &fault, sizeof fault);
    (void)written;
    _exit(127);
}

// Waits for the child to become the program. 0, or its errno.
static int await_start(struct pipes *pipes)
{
    int fault = 0;
    ssize_t got;
    close_fd(&pipes->fault[1]);
    do {
        got = read(pipes->fault[0], &fault, sizeof fault);
    } while (got < 0 && errno == EINTR);
    close_fd(&pipes->fault[0]);
    return got == (ssize_t)sizeof fault ? fault : 0;
}

// Returns the child, or -1 with error.
static pid_t start(const char *path, const struct exec_command *command, const char *const *environment,
                   struct pipes *pipes, struct error *error)
{
    pid_t self = getpid();
    pid_t child = fork();
    if (child < 0) {
        error_errno(error, "%s: no new process", command->arguments[0]);
        return -1;
    }
    if (child == 0) {
        // A hook process that is killed takes the command it waits for along; what that left running stays.
        process_die_with_parent(self);
        become(path, command, environment, pipes);
    }
    // Both set it, since either may be the first to need it.
    setpgid(child, child);
    for (int i = 0; i < 3; i++) {
        close_fd(&pipes->child[i]);
    }
    int fault = await_start(pipes);
    if (fault != 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
        errno = fault;
        error_errno(error, "%s cannot be started", command->arguments[0]);
        return -1;
    }
    return child;
}

// ---- Running

// Reads what there is; what goes beyond "limit" is dropped. "most": at most so many bytes now.
static void read_output(int *fd, struct buf *kept, size_t limit, bool *cut, size_t most)
{
    char chunk[CHUNK];
    while (*fd >= 0 && most > 0) {
        ssize_t got = read(*fd, chunk, most < sizeof chunk ? most : sizeof chunk);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
            close_fd(fd);
        } else if (got < 0 && errno == EAGAIN) {
            return;
        } else if (got > 0) {
            size_t length = (size_t)got;
            size_t free_room = limit - kept->length;
            most -= length;
            *cut = *cut || length > free_room;
            buf_add(kept, chunk, length < free_room ? length : free_room);
        }
    }
}

static void write_input(int *fd, const struct exec_command *command, size_t *written)
{
    while (*fd >= 0) {
        if (*written == command->input_length) {
            close_fd(fd);
            return;
        }
        ssize_t put = write(*fd, (const char *)command->input + *written, command->input_length - *written);
        if (put >= 0) {
            *written += (size_t)put;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            // A program need not read all that it is given.
            close_fd(fd);
        }
    }
}

static int wait_ms(long long deadline, bool can_wait)
{
    long long left = deadline == LLONG_MAX ? LLONG_MAX : deadline - clock_boot_ms();
    if (left < 0) {
        left = 0;
    }
    if (!can_wait && left > LOOK_MS) {
        left = LOOK_MS;
    }
    return left > 60000 ? 60000 : (int)left;
}

// True when the child is over.
static bool reap(pid_t child, int *status)
{
    pid_t done;
    do {
        done = waitpid(child, status, WNOHANG);
    } while (done < 0 && errno == EINTR);
    return done != 0;
}

// Feeds and drains until the child exits (true) or the deadline passes (false).
static bool attend(pid_t child, const struct exec_command *command, struct pipes *pipes, struct exec_result *result,
                   int *status)
{
    size_t written = 0;
    bool over = false;
    // Without a pidfd poll(2) ignores the -1, and the child is looked after now and then.
#ifdef SYS_pidfd_open
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
#else
    int pidfd = -1;
#endif
    while (!(over = reap(child, status)) && clock_boot_ms() < command->deadline_boot_ms) {
        struct pollfd set[4] = {{.fd = pipes->ours[0], .events = POLLOUT},
                                {.fd = pipes->ours[1], .events = POLLIN},
                                {.fd = pipes->ours[2], .events = POLLIN},
                                {.fd = pidfd, .events = POLLIN}};
        if (poll(set, 4, wait_ms(command->deadline_boot_ms, pidfd >= 0)) <= 0) {
            continue;
        }
        if (set[0].revents != 0) {
            write_input(&pipes->ours[0], command, &written);
        }
        // A program that never stops talking must not keep us from the deadline: a piece at a time.
        read_output(&pipes->ours[1], &result->out, command->output_limit, &result->out_cut, 16 * CHUNK);
        read_output(&pipes->ours[2], &result->err, command->output_limit, &result->err_cut, 16 * CHUNK);
    }
    close_fd(&pidfd);
    return over;
}

// The whole life of the child. Returns 0, or -1 when the deadline passed.
static int run(pid_t child, const struct exec_command *command, struct pipes *pipes, struct exec_result *result,
               struct error *error)
{
    int status = 0;
    if (!attend(child, command, pipes, result, &status)) {
        kill(-child, SIGKILL);
        kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        return error_set(error, ERROR_TIMEOUT, "%s did not end in time and was killed", command->arguments[0]);
    }
    // What it wrote before it exited is in the pipes; what others write after that is not waited for.
    read_output(&pipes->ours[1], &result->out, command->output_limit, &result->out_cut, EXEC_MAX_OUTPUT);
    read_output(&pipes->ours[2], &result->err, command->output_limit, &result->err_cut, EXEC_MAX_OUTPUT);
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (result->out.failed || result->err.failed) {
        return error_set(error, ERROR_SYSTEM, "no memory for the output of %s", command->arguments[0]);
    }
    return 0;
}

void exec_result_free(struct exec_result *result)
{
    if (result != NULL) {
        buf_free(&result->out);
        buf_free(&result->err);
    }
}

int exec_run(const struct exec_command *command, struct exec_result *result, struct error *error)
{
    struct pipes pipes = {{-1, -1, -1}, {-1, -1, -1}, {-1, -1}};
    const char *environment[MAX_ENVIRONMENT + 1];
    char path[PATH_MAX];
    int done = -1;

    *result = (struct exec_result){0};
    buf_init(&result->out, command->output_limit);
    buf_init(&result->err, command->output_limit);
    if (find_program(command->arguments[0], path, error) != 0 ||
        make_environment(command->environment, environment, error) != 0) {
        return -1;
    }
    // A program that does not read its input must not end us.
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, &before);
    if (pipes_open(&pipes, command->input != NULL) != 0) {
        error_errno(error, "%s: no pipes", command->arguments[0]);
    } else {
        pid_t child = start(path, command, environment, &pipes, error);
        done = child < 0 ? -1 : run(child, command, &pipes, result, error);
    }
    pipes_close(&pipes);
    sigaction(SIGPIPE, &before, NULL);
    return done;
}
