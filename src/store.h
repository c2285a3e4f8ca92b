// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The store: what hooks keep. One file a key below store/, exactly the bytes given, a lock per key.
#ifndef STORE_H
#define STORE_H

#include <stddef.h>

#include "buf.h"
#include "error.h"

#define STORE_MAX_VALUE (1024 * 1024)

// A key is 1-200 bytes of A-Z a-z 0-9 . _ - / ; each part between '/' not empty and not beginning with '.' or '-'.
// store_dirfd is the directory, opened before the account changes. Files are 0600, folders 0700.
int store_get(int store_dirfd, const char *key, struct buf *value, struct error *error); // ERROR_NOT_FOUND
int store_set(int store_dirfd, const char *key, const void *bytes, size_t length, struct error *error);
int store_delete(int store_dirfd, const char *key, struct error *error); // not there: success
// Keys that begin with prefix, sorted, each followed by '\n'.
int store_list(int store_dirfd, const char *prefix, struct buf *keys, struct error *error);
// Locks a key in store/.locks as lock.h does, waiting until the deadline. Returns the descriptor or -1.
int store_lock(int store_dirfd, const char *key, long long deadline_boot_ms, struct error *error);

#endif
