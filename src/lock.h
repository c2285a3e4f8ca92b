// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The lock of a certificate: one byte of one file, held by an open file description.
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>

#include "error.h"

// Opens FILE "locks" below dirfd (made 0600 if missing, close-on-exec) and takes the open-file-description
// write lock (F_OFD_SETLK, fcntl(2)) on the byte at the first 62 bits of SHA-256(name), big-endian.
// Does not wait: held elsewhere gives ERROR_BUSY. Returns the descriptor that holds the lock (closing it,
// or dying, lets it go), or -1. Must be called by the process that is to hold it, after its forks.
int lock_take(int dirfd, const char *file, const char *name, struct error *error);
// The same, but waits until deadline_boot_ms (clock_boot_ms); then ERROR_TIMEOUT.
int lock_wait(int dirfd, const char *file, const char *name, long long deadline_boot_ms, struct error *error);
// The loop's own byte, 2^62.
int lock_take_loop(int dirfd, const char *file, struct error *error);
// True when some other open file description holds the lock; opens the file read-only, makes nothing.
bool lock_is_held(int dirfd, const char *file, const char *name);
bool lock_loop_is_held(int dirfd, const char *file);

#endif
