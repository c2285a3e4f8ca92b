// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Locks: one byte a name in one file, held by an open file description.
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "codec.h"

#define LOOP_BYTE ((off_t)1 << 62)

// While waiting the lock is tried again after so long. The kernel's own waiting knows no deadline, and a signal to
// end it would belong to the whole process.
#define FIRST_WAIT_MS 5
#define MOST_WAIT_MS 100

_Static_assert(sizeof(off_t) == 8, "the bytes of the locks lie beyond 32 bits");

// The byte of a name: the first 62 bits of its SHA-256, big-endian.
static off_t byte_of(const char *name)
{
    uint8_t digest[CODEC_SHA256_SIZE];
    uint64_t first = 0;

    codec_sha256(name, strlen(name), digest);
    for (int i = 0; i < 8; i++) {
        first = first << 8 | digest[i];
    }
    return (off_t)(first >> 2);
}

static int open_locks(int dirfd, const char *file, struct error *error)
{
    int fd = openat(dirfd, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

    return fd < 0 ? error_errno(error, "cannot open %s", file) : fd;
}

// Tries once: 0 when the lock is ours, 1 when another holds it, -1 with error.
static int try_lock(int fd, off_t byte, const char *what, struct error *error)
{
    // l_pid must be 0 for a lock of an open file description (fcntl(2)).
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int result;

    do {
        result = fcntl(fd, F_OFD_SETLK, &range);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return 0;
    }
    return errno == EAGAIN || errno == EACCES ? 1 : error_errno(error, "cannot lock %s", what);
}

static int take(int dirfd, const char *file, off_t byte, const char *what, struct error *error)
{
    int fd = open_locks(dirfd, file, error);

    if (fd < 0) {
        return -1;
    }
    int held = try_lock(fd, byte, what, error);
    if (held != 0) {
        close(fd);
        return held < 0 ? -1 : error_set(error, ERROR_BUSY, "another process works on %s", what);
    }
    return fd;
}

int lock_take(int dirfd, const char *file, const char *name, struct error *error)
{
    return take(dirfd, file, byte_of(name), name, error);
}

int lock_take_loop(int dirfd, const char *file, struct error *error)
{
    return take(dirfd, file, LOOP_BYTE, "the same state directory", error);
}

int lock_wait(int dirfd, const char *file, const char *name, long long deadline_boot_ms, struct error *error)
{
    off_t byte = byte_of(name);
    int64_t wait_ms = FIRST_WAIT_MS;
    int fd = open_locks(dirfd, file, error);

    if (fd < 0) {
        return -1;
    }
    for (;;) {
        int held = try_lock(fd, byte, name, error);
        if (held == 0) {
            return fd;
        }
        int64_t left = deadline_boot_ms - clock_boot_ms();
        if (held < 0 || left <= 0) {
            close(fd);
            return held < 0 ? -1 : error_set(error, ERROR_TIMEOUT, "%s is locked by another process", name);
        }
        wait_ms = wait_ms < left ? wait_ms : left;
        nanosleep(&(struct timespec){.tv_nsec = wait_ms * 1000000}, NULL);
        wait_ms = wait_ms * 2 < MOST_WAIT_MS ? wait_ms * 2 : MOST_WAIT_MS;
    }
}

// Asking needs no right to write, and makes nothing.
static bool is_held(int dirfd, const char *file, off_t byte)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        return false;
    }
    bool held = fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
    close(fd);
    return held;
}

bool lock_is_held(int dirfd, const char *file, const char *name)
{
    return is_held(dirfd, file, byte_of(name));
}

bool lock_loop_is_held(int dirfd, const char *file)
{
    return is_held(dirfd, file, LOOP_BYTE);
}
