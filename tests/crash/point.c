// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Runs a command and, at the Nth of the calls that change something, kills a process or lets the call fail.
//
// usage: point [-n N] [-d VICTIM] [-e ERRNO] [-a] [-k KINDS] [-r ROLE] [-o FILE] [-t FILE] COMMAND [ARGUMENT...]
//   -n N       the point, from 1 on; without it they are only counted
//   -d VICTIM  who dies just before the call: caller, above (the caller's parent), root (the command itself) or
//              all; default caller
//   -e ERRNO   nobody dies: the call fails with ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENOMEM or EAGAIN
//   -a         and so do all after it
//   -k KINDS   only calls of these kinds count, as "write,fsync"; without it all but "memory"
//   -r ROLE    only calls of root, keeper, hook (the children and grandchildren of the command) count
//   -t FILE    once there is such a file the command is asked to end (TERM)
//   -o FILE    gets the number of points, and what was met at the Nth: its kind, whose call it was, and the path
//
// Exits as the command does (128 and the signal's number when it was killed), once all that it had started is gone.
//
// The kernel asks us of each such call by seccomp (SECCOMP_RET_USER_NOTIF) and holds its caller until we answer, so
// that this works on any program, however linked, and costs little. What commands of other programs do is not
// counted, nor what is written to the descriptors 0 to 2.
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define MOST_PROCESSES 256
#define MOST_LEFT_S 30 // for what the command leaves running

// Calls that not every architecture has are left out where it has them not.
static const struct {
    int number;
    const char *kind;
} calls[] = {
    {SYS_write, "write"},       {SYS_writev, "write"},    {SYS_pwrite64, "write"},   {SYS_sendto, "send"},
    {SYS_sendmsg, "send"},      {SYS_fsync, "fsync"},     {SYS_fdatasync, "fsync"},  {SYS_fchmod, "mode"},
    {SYS_fchown, "mode"},       {SYS_renameat, "rename"}, {SYS_renameat2, "rename"}, {SYS_unlinkat, "unlink"},
    {SYS_symlinkat, "symlink"}, {SYS_mkdirat, "mkdir"},   {SYS_openat, "open"},      {SYS_ftruncate, "write"},
    {SYS_clone, "fork"},        {SYS_clone3, "fork"},     {SYS_execve, "exec"},      {SYS_socketpair, "socket"},
    {SYS_pipe2, "socket"},      {SYS_mmap, "memory"},     {SYS_brk, "memory"},
#ifdef SYS_open
    {SYS_open, "open"},         {SYS_rename, "rename"},   {SYS_unlink, "unlink"},    {SYS_rmdir, "unlink"},
    {SYS_symlink, "symlink"},   {SYS_mkdir, "mkdir"},     {SYS_chmod, "mode"},       {SYS_fork, "fork"},
    {SYS_vfork, "fork"},
#endif
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static const struct {
    const char *name;
    int number;
} errors[] = {{"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO},      {"EROFS", EROFS},
              {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}};

static long wanted;
static const char *victim = "caller", *kinds, *role, *out, *end_file;
static int failure;
static bool always;

static pid_t root;
static pid_t seen[MOST_PROCESSES];
static size_t seen_count;
static long count;
static bool met;
static char description[512];

static void die(const char *what)
{
    perror(what);
    exit(125);
}

// ---- The command, under the filter

static int install(void)
{
    struct sock_filter code[2 + 2 * CALLS + 1];
    size_t n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < CALLS; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    // Root keeps what a new user or set-id bits bring.
    if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    // A signal must not make the kernel ask twice; before Linux 5.19 it may.
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    return (int)(fd >= 0 ? fd : syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

// The listener's number in the child is told by a write that the filter would hold: so it is left where it is, and
// the parent takes it out of the child by this number, guessed as the lowest that is free.
static int take_listener(pid_t pid, int number)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    for (int tries = 0; tries < 5000; tries++) {
        int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
        if (fd >= 0) {
            close(pidfd);
            return fd;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    die("point: no listener");
    return -1;
}

static int start(char **command)
{
    int number = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(number);
    root = fork();
    if (root < 0) {
        die("point: fork");
    }
    if (root == 0) {
        int fd = install();
        if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
            die("point: seccomp");
        }
        execvp(command[0], command);
        die(command[0]);
    }
    return take_listener(root, number);
}

// ---- What a call is

// A field of /proc/PID/stat that follows the command's name: 1 is the state, 2 the parent.
static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    int parent = 0;
    if (fd >= 0) {
        close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    const char *end = strrchr(text, ')');
    if (end == NULL || sscanf(end + 1, " %*c %d", &parent) != 1) {
        return 0;
    }
    return parent;
}

static const char *role_of(pid_t pid)
{
    static const char *const roles[] = {"root", "keeper", "hook", "command"};
    size_t depth = 0;
    while (pid != root && pid > 1 && depth < 3) {
        pid = parent_of(pid);
        depth++;
    }
    return pid == root ? roles[depth] : "orphan";
}

static void link_of(pid_t pid, const char *what, char text[256])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
    ssize_t length = readlink(path, text, 255);
    text[length > 0 ? length : 0] = '\0';
}

static void text_of(pid_t pid, uint64_t address, char text[256])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : pread(fd, text, 255, (off_t)address);
    if (fd >= 0) {
        close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
}

// Another program's, such as a command that a hook runs. The command itself has not begun when it is still ours.
static bool is_foreign(pid_t pid)
{
    char one[256], other[256];
    link_of(pid, "exe", one);
    link_of(root, "exe", other);
    return other[0] != '\0' && strcmp(one, other) != 0;
}

static bool is_wanted(const char *kind)
{
    size_t length = strlen(kind);
    for (const char *at = kinds; at != NULL; at = strchr(at, ',')) {
        at += at != kinds;
        if (strncmp(at, kind, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return kinds == NULL && strcmp(kind, "memory") != 0;
}

// True when the call is a point. What it is goes to "description".
static bool is_point(const struct seccomp_notif *asked)
{
    const char *kind = "";
    char path[256] = "", fd[32];
    pid_t pid = (pid_t)asked->pid;
    int number = asked->data.nr;
    for (size_t i = 0; i < CALLS; i++) {
        kind = calls[i].number == number ? calls[i].kind : kind;
    }
    bool at = number == SYS_openat;
    if (strcmp(kind, "open") == 0) {
        if ((asked->data.args[at ? 2 : 1] & O_CREAT) == 0) {
            return false;
        }
        text_of(pid, asked->data.args[at ? 1 : 0], path);
        kind = "create";
    } else if (strcmp(kind, "write") == 0 || strcmp(kind, "fsync") == 0 || strcmp(kind, "send") == 0) {
        if (asked->data.args[0] <= 2) {
            return false;
        }
        snprintf(fd, sizeof(fd), "fd/%d", (int)asked->data.args[0]);
        link_of(pid, fd, path);
    } else if (strcmp(kind, "rename") == 0 || strcmp(kind, "unlink") == 0 || strcmp(kind, "mkdir") == 0) {
        bool plain =
            number != SYS_renameat && number != SYS_renameat2 && number != SYS_unlinkat && number != SYS_mkdirat;
        text_of(pid, asked->data.args[plain ? 0 : 1], path);
    }
    if (!is_wanted(kind) || is_foreign(pid) || (role != NULL && strcmp(role, role_of(pid)) != 0)) {
        return false;
    }
    snprintf(description, sizeof(description), "%s by %s %s", kind, role_of(pid), path);
    return true;
}

// ---- What is done at the point

static void note(pid_t pid)
{
    for (size_t i = 0; i < seen_count; i++) {
        if (seen[i] == pid) {
            return;
        }
    }
    if (seen_count < MOST_PROCESSES) {
        seen[seen_count++] = pid;
    }
}

static void kill_all(void)
{
    // The parents first: none is to see its child die.
    kill(root, SIGKILL);
    for (size_t i = 0; i < seen_count; i++) {
        kill(seen[i], SIGKILL);
    }
}

// Returns whether the caller is among the dead: then its call is not answered, so that it is not made.
static bool strike(pid_t caller)
{
    pid_t above = parent_of(caller);
    if (strcmp(victim, "all") == 0) {
        kill_all();
        return true;
    }
    pid_t pid = caller;
    if (strcmp(victim, "root") == 0 || (strcmp(victim, "above") == 0 && above == getpid())) {
        pid = root;
    } else if (strcmp(victim, "above") == 0) {
        pid = above;
    }
    kill(pid, SIGKILL);
    return pid == caller;
}

static void tell(void)
{
    if (out == NULL) {
        return;
    }
    FILE *file = fopen(out, "w");
    if (file == NULL || fprintf(file, "%ld %s\n", count, met ? description : "") < 0 || fclose(file) != 0) {
        die(out);
    }
}

static void answer(int listener, const struct seccomp_notif *asked)
{
    struct seccomp_notif_resp response = {.id = asked->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    pid_t pid = (pid_t)asked->pid;
    char before[sizeof(description)];
    memcpy(before, description, sizeof(before));
    note(pid);
    if (!is_point(asked)) {
        memcpy(description, before, sizeof(before));
    } else {
        count++;
        bool now = count == wanted;
        if (failure != 0 && (now || (always && wanted > 0 && count > wanted))) {
            response.flags = 0;
            response.error = -failure;
        }
        if (!now) {
            memcpy(description, before, sizeof(before));
        } else {
            met = true;
            if (failure == 0 && strike(pid)) {
                return;
            }
        }
    }
    // Gone with its caller: nobody waits for the answer.
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0 && errno != ENOENT) {
        die("point: answer");
    }
}

// Answers until none is left of those under the filter. Returns how the command ended.
static int watch(int listener)
{
    struct seccomp_notif_sizes sizes;
    int status = -1;
    time_t end = 0;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
        die("point: sizes");
    }
    struct seccomp_notif *asked = calloc(1, sizes.seccomp_notif + sizeof(*asked));
    for (;;) {
        struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
        int ready = poll(&poll_fd, 1, 50);
        int one;
        if (end_file != NULL && status < 0 && access(end_file, F_OK) == 0) {
            kill(root, SIGTERM);
            end_file = NULL;
        }
        for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;) {
            if (pid == root) {
                status = one;
                end = time(NULL) + MOST_LEFT_S;
            }
        }
        if (status >= 0 && ready > 0 && (poll_fd.revents & POLLIN) == 0) {
            break;
        }
        if (end != 0 && time(NULL) > end) {
            fprintf(stderr, "point: something still runs after %d s\n", MOST_LEFT_S);
            kill_all();
            exit(125);
        }
        if (ready > 0 && (poll_fd.revents & POLLIN) != 0) {
            memset(asked, 0, sizes.seccomp_notif);
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, asked) == 0) {
                answer(listener, asked);
            } else if (errno != ENOENT && errno != EINTR) {
                die("point: listen");
            }
        } else if (ready > 0) {
            // Nobody is left but zombies that are about to be ours.
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    free(asked);
    return status;
}

int main(int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "+n:d:e:ak:r:o:t:")) != -1;) {
        switch (option) {
        case 'n': wanted = strtol(optarg, NULL, 10); break;
        case 'd': victim = optarg; break;
        case 'a': always = true; break;
        case 'k': kinds = optarg; break;
        case 'r': role = optarg; break;
        case 'o': out = optarg; break;
        case 't': end_file = optarg; break;
        case 'e':
            for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
                failure = strcmp(errors[i].name, optarg) == 0 ? errors[i].number : failure;
            }
            if (failure == 0) {
                fprintf(stderr, "point: no error %s\n", optarg);
                return 125;
            }
            break;
        default: return 125;
        }
    }
    if (optind == argc) {
        return 125;
    }
    // Who loses its parent comes to us, so that we know when it is gone.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int listener = start(argv + optind);
    int status = watch(listener);
    tell();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
