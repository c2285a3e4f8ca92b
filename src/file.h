// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Files: the bounded read, the one atomic write, and who may own and change what.
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "error.h"

// "dirfd" is a directory or AT_FDCWD; "name" is a path relative to it (absolute for AT_FDCWD).
// All descriptors are close-on-exec. All functions return 0, or -1 with "error" set.

// Appends the whole regular file to buf; refused when it is longer than buf's limit allows or no regular file.
// ENOENT gives ERROR_NOT_FOUND. On failure buf is as it was.
int file_read(int dirfd, const char *name, struct buf *buf, struct error *error);
// The same for files of our own folders: "name" itself must not be a symbolic link.
int file_read_own(int dirfd, const char *name, struct buf *buf, struct error *error);

struct file_mode {
    mode_t mode;    // permission bits
    bool set_owner; // use uid and gid (each -1: leave)
    uid_t uid;
    gid_t gid;
};

// The one atomic write: a temporary file beside "name" (".NAME.tmp" and random letters, O_EXCL, 0600 until its
// mode is set), write, fsync, rename over "name", fsync of the directory. mode NULL: 0600. Before the rename
// nothing of the old is touched; on any failure the temporary file is removed. An existing security label
// (security.selinux) of the old file is kept where the system lets us. A link "name" is replaced, not followed.
int file_write_atomic(int dirfd, const char *name, const void *bytes, size_t length, const struct file_mode *mode,
                      struct error *error);
// The same for the only writer of "name" (it holds the lock): the temporary file is always ".NAME.tmp", so that
// what a crash left behind is replaced by the next write and never gathers.
int file_write_alone(int dirfd, const char *name, const void *bytes, size_t length, const struct file_mode *mode,
                     struct error *error);
// The two halves, for writers that switch several files back to back: stage writes and syncs
// a temporary file and stores its name (malloc, caller frees); commit renames it and syncs the directory.
// After a failed commit the temporary file is gone too.
int file_stage(int dirfd, const char *name, const void *bytes, size_t length, const struct file_mode *mode,
               char **staged, struct error *error);
int file_commit(int dirfd, const char *staged, const char *name, struct error *error);

// A symbolic link "name" to "target", switched atomically (symlink aside, rename, fsync of the directory).
// link_alone is for the only writer of "name", as file_write_alone.
int file_link_atomic(int dirfd, const char *target, const char *name, struct error *error);
int file_link_alone(int dirfd, const char *target, const char *name, struct error *error);
// Renames within a directory, or between two below dirfd, and syncs both.
int file_rename(int dirfd, const char *from, const char *to, struct error *error);
// Removes a file and syncs the directory. Not there: success.
int file_remove(int dirfd, const char *name, struct error *error);
// Removes a folder with all that is in it, without following links; syncs the parent. Not there: success.
int file_remove_tree(int dirfd, const char *name, struct error *error);
// Makes a directory (and, with "parents", those above it, 0755) unless it is there; syncs the parent.
int file_make_directory(int dirfd, const char *name, mode_t mode, bool parents, struct error *error);
// Opens a directory. Returns the descriptor or -1.
int file_open_directory(int dirfd, const char *name, struct error *error);
int file_sync(int fd, const char *what, struct error *error);
// Syncs the directory that "name" stands in, without which a change of name may not outlive a power cut.
int file_sync_parent(int dirfd, const char *name, struct error *error);

// Promise 3: refuses a file or directory that others can write (the world, or a group that is not gid 0; a
// sticky directory apart), or that belongs to neither root nor the running user. Links are judged by their target.
// With "parent", the directory that "path" stands in is judged likewise, and that of a link's target.
int file_check_trusted(const char *path, bool parent, struct error *error);
// For secrets behind @path: refuses also what others can read (the world, or a group that is not gid 0).
int file_check_secret(const char *path, struct error *error);

#endif
