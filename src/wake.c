// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What wakes the loop: signals, the timer, clock changes, worker ends, state folder changes, in one poll.
#include "wake.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET 2
#endif

// In the year 2242: the timer stays armed for it when nothing is due, so that a clock that is set still wakes.
#define FAR ((int64_t)1 << 33)
// How often to look where the kernel takes no such moment.
#define LOOK_MS 60000

enum { FD_SIGNALS, FD_TIMER, FD_CHANGES };

static const struct {
    int signal;
    unsigned reason;
} signal_reasons[] = {
    {SIGHUP, WAKE_RELOAD}, {SIGTERM, WAKE_STOP}, {SIGINT, WAKE_STOP}, {SIGUSR1, WAKE_RUN_NOW}, {SIGCHLD, WAKE_CHILD},
};
#define SIGNAL_COUNT (sizeof signal_reasons / sizeof signal_reasons[0])

static void shut(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

int wake_open(struct wake *wake, struct error *error)
{
    *wake = (struct wake){.signals = -1, .timer = -1, .changes = -1, .armed = CLOCK_NONE};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        sigaddset(&set, signal_reasons[i].signal);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (wake->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        error_errno(error, "cannot receive signals");
        goto failed;
    }
    wake->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (wake->timer < 0) {
        error_errno(error, "cannot make a timer");
        goto failed;
    }
    return 0;

failed:
    wake_close(wake);
    return -1;
}

void wake_close(struct wake *wake)
{
    shut(&wake->signals);
    shut(&wake->timer);
    shut(&wake->changes);
}

// Files that we write come in by a rename; people also write over them.
int wake_watch(struct wake *wake, const char *state_dir, struct error *error)
{
    shut(&wake->changes);
    wake->events_length = wake->events_at = 0;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 || inotify_add_watch(fd, state_dir,
                                    IN_MOVED_TO | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_DELETE | IN_MOVE_SELF |
                                        IN_DELETE_SELF | IN_ONLYDIR) < 0) {
        error_errno(error, "cannot watch %s", state_dir);
        shut(&fd);
        return -1;
    }
    wake->changes = fd;
    return 0;
}

// Sets the timer unless it is set to that already: a loop that turns without news makes no system call for it.
// False: the kernel does not take the moment.
static bool arm(struct wake *wake, int64_t until)
{
    int64_t at = until == CLOCK_NONE || until > FAR ? FAR : clock_kernel(until);
    if (at < 1) {
        at = 1; // zero would disarm it
    }
    if (at == wake->armed) {
        return true;
    }
    struct itimerspec spec = {.it_value = {.tv_sec = (time_t)at}};
    wake->armed = CLOCK_NONE;
    if (timerfd_settime(wake->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL) != 0) {
        return false;
    }
    wake->armed = at;
    return true;
}

static unsigned read_signals(const struct wake *wake)
{
    struct signalfd_siginfo info;
    unsigned reasons = 0;
    while (read(wake->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        for (size_t i = 0; i < SIGNAL_COUNT; i++) {
            if (signal_reasons[i].signal == (int)info.ssi_signo) {
                reasons |= signal_reasons[i].reason;
            }
        }
    }
    return reasons;
}

// A timer that has run out has to be set anew, and so has one that was cancelled since the clock was set.
static unsigned read_timer(struct wake *wake)
{
    uint64_t expirations;
    ssize_t got = read(wake->timer, &expirations, sizeof expirations);
    if (got >= 0) {
        wake->armed = CLOCK_NONE;
        return 0;
    }
    if (errno != ECANCELED) {
        return 0;
    }
    wake->armed = CLOCK_NONE;
    return WAKE_CLOCK;
}

// The milliseconds poll(2) may sleep for the boot clock's sake; -1: no limit.
static int boot_timeout(int64_t until_boot_ms)
{
    if (until_boot_ms == INT64_MAX) {
        return -1;
    }
    int64_t left = until_boot_ms - clock_boot_ms();
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

unsigned wake_wait(struct wake *wake, int64_t until, int64_t until_boot_ms, struct pollfd *polls, size_t count)
{
    unsigned reasons = 0;
    int timeout = boot_timeout(until_boot_ms);
    if (!arm(wake, until) && (timeout < 0 || timeout > LOOK_MS)) {
        timeout = LOOK_MS;
    }
    polls[FD_SIGNALS] = (struct pollfd){.fd = wake->signals, .events = POLLIN};
    polls[FD_TIMER] = (struct pollfd){.fd = wake->timer, .events = POLLIN};
    polls[FD_CHANGES] = (struct pollfd){.fd = wake->changes, .events = POLLIN};
    int ready = poll(polls, (nfds_t)count, timeout);
    if (ready < 0 && errno != EINTR) {
        // No memory: a loop that turned without sleeping would make it worse.
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    if (ready <= 0) {
        for (size_t i = 0; i < count; i++) {
            polls[i].revents = 0;
        }
        return 0;
    }
    reasons |= polls[FD_SIGNALS].revents != 0 ? read_signals(wake) : 0;
    reasons |= polls[FD_TIMER].revents != 0 ? read_timer(wake) : 0;
    reasons |= polls[FD_CHANGES].revents != 0 ? WAKE_CHANGES : 0;
    return reasons;
}

bool wake_changed(struct wake *wake, struct wake_change *change)
{
    if (wake->events_at >= wake->events_length) {
        ssize_t got = wake->changes < 0 ? -1 : read(wake->changes, wake->events, sizeof wake->events);
        if (got <= 0) {
            return false;
        }
        wake->events_length = (size_t)got;
        wake->events_at = 0;
    }
    struct inotify_event event;
    const char *at = wake->events + wake->events_at;
    memcpy(&event, at, sizeof event);
    wake->events_at += sizeof event + event.len;
    bool lost = (event.mask & (IN_Q_OVERFLOW | IN_MOVE_SELF | IN_DELETE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0;
    change->name = lost || event.len == 0 ? "" : at + sizeof event;
    change->gone = (event.mask & (IN_DELETE | IN_MOVED_FROM)) != 0;
    return true;
}
