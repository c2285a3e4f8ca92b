// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// state_dir as the home of a loop: its lock there, and whether it is still the same folder.
#include "home.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "lock.h"

#define LOCKS "locks"

int home_enter(struct home *home, const char *state_dir, bool make, struct error *error)
{
    *home = HOME_NONE;
    if (make && file_make_directory(AT_FDCWD, state_dir, 0700, true, error) < 0) {
        return -1;
    }
    int dirfd = file_open_directory(AT_FDCWD, state_dir, error);
    if (dirfd < 0) {
        return -1;
    }
    if (file_check_trusted(state_dir, false, error) == 0) {
        home->lock = lock_take_loop(dirfd, LOCKS, error);
    }
    close(dirfd);
    return home->lock < 0 ? -1 : 0;
}

int home_open(const struct home *home, const char *state_dir, struct error *error)
{
    struct stat ours, there;
    int dirfd = file_open_directory(AT_FDCWD, state_dir, error);
    if (dirfd < 0) {
        return -1;
    }
    // A descriptor keeps the file that it was opened for, wherever that is by now.
    if (fstat(home->lock, &ours) == 0 && fstatat(dirfd, LOCKS, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) {
        return dirfd;
    }
    close(dirfd);
    return error_set(error, ERROR_NOT_FOUND, "%s is not the folder any more that this loop has locked", state_dir);
}

void home_leave(struct home *home)
{
    if (home->lock >= 0) {
        close(home->lock);
    }
    *home = HOME_NONE;
}
