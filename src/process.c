// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What a forked process does first: descriptors, signals, dumps, account.
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

// Where neither close_range(2) nor /proc is to be had, the limit of open files bounds the search.
static void close_one_by_one(int first)
{
    long most = sysconf(_SC_OPEN_MAX);
    if (most < 0 || most > 65536) {
        most = 65536;
    }
    for (int fd = first; fd < (int)most; fd++) {
        close(fd);
    }
}

static int number(const char *text)
{
    int value = 0;
    for (; *text >= '0' && *text <= '9' && value < 100000000; text++) {
        value = value * 10 + (*text - '0');
    }
    return *text == '\0' ? value : -1;
}

void process_close_from(int first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0) {
        return;
    }
#endif
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        close_one_by_one(first);
        return;
    }
    // A name that is closed while the folder is read may hide another: so again until there is none.
    bool closed = true;
    while (closed) {
        closed = false;
        rewinddir(dir);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            int fd = number(entry->d_name);
            if (entry->d_name[0] != '.' && fd >= first && fd != dirfd(dir)) {
                close(fd);
                closed = true;
            }
        }
    }
    closedir(dir);
}

void process_default_signals(void)
{
    // Asked of the kernel, whose default is all zeros: the C libraries keep 32 to 34 for themselves and refuse them,
    // though an ancestor may have left them ignored.
    static const unsigned long defaults[16];
    for (int number_of = 1; number_of < NSIG; number_of++) {
        syscall(SYS_rt_sigaction, number_of, defaults, NULL, NSIG / 8);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void no_dumps(void)
{
    struct rlimit core;
    // Only the soft limit: a service that a hook restarts may raise its own again.
    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        core.rlim_cur = 0;
        setrlimit(RLIMIT_CORE, &core);
    }
    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

int process_settle(int keep)
{
    process_default_signals();
    // A peer that is gone is an error of write(2), not the end.
    signal(SIGPIPE, SIG_IGN);
    no_dumps();
    // Else the next line for syslog would go to whatever has its descriptor by then.
    closelog();
    if (keep >= 0 && keep < 3) {
        // One of 0-2 was closed in our parent; they are about to be filled.
        keep = fcntl(keep, F_DUPFD_CLOEXEC, 3);
        if (keep < 0) {
            return -1;
        }
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        if (fcntl(STDERR_FILENO, F_GETFD) < 0) {
            dup2(null, STDERR_FILENO);
        }
        dup2(null, STDIN_FILENO);
    } else {
        close(STDIN_FILENO);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (keep < 0) {
        process_close_from(3);
        return -1;
    }
    if (keep != 3) {
        if (dup2(keep, 3) < 0) {
            return -1;
        }
    }
    fcntl(3, F_SETFD, FD_CLOEXEC);
    process_close_from(4);
    return 3;
}

void process_die_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
    // It may have died before we asked.
    if (getppid() != parent) {
        _exit(1);
    }
}

int process_find_account(const char *name, struct account *account, struct error *error)
{
    memset(account, 0, sizeof(*account));
    errno = 0;
    const struct passwd *entry = getpwnam(name);
    if (entry == NULL) {
        if (errno != 0 && errno != ENOENT) {
            return error_errno(error, "hook_user '%s' cannot be looked up", name);
        }
        return error_set(error, ERROR_NOT_FOUND, "hook_user '%s' is no account of this system", name);
    }
    if (strlen(name) >= sizeof(account->name)) {
        return error_set(error, ERROR_REFUSED, "hook_user '%s' is too long a name", name);
    }
    memcpy(account->name, name, strlen(name) + 1);
    account->uid = entry->pw_uid;
    account->gid = entry->pw_gid;
    return 0;
}

int process_become(const struct account *account, struct error *error)
{
    if (geteuid() == account->uid && getuid() == account->uid) {
        return 0;
    }
    if (initgroups(account->name, account->gid) < 0 || setgid(account->gid) < 0 || setuid(account->uid) < 0) {
        return error_errno(error, "cannot become hook_user '%s'", account->name);
    }
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    if (getresuid(&real, &effective, &saved) < 0 || getresgid(&real_group, &effective_group, &saved_group) < 0 ||
        real != account->uid || effective != account->uid || saved != account->uid || real_group != account->gid ||
        effective_group != account->gid || saved_group != account->gid || (account->uid != 0 && setuid(0) == 0)) {
        return error_set(error, ERROR_REFUSED, "the change to hook_user '%s' does not hold", account->name);
    }
    // The change of account made the process one that may be dumped or traced, or not, as the system likes.
    no_dumps();
    return 0;
}

void process_describe(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status)) {
        snprintf(text, size, "was killed by signal %d", WTERMSIG(status));
    } else {
        snprintf(text, size, "ended with exit code %d", WEXITSTATUS(status));
    }
}
