// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Directories: made, opened, and removed with all that is in them.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define DEEPEST 32 // nothing of ours is nested deeper

int file_open_directory(int dirfd, const char *name, struct error *error)
{
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? error_errno(error, "cannot open directory %s", name) : fd;
}

static int make_one(int dirfd, const char *name, mode_t mode, struct error *error)
{
    struct stat info;

    if (mkdirat(dirfd, name, mode) == 0) {
        return file_sync_parent(dirfd, name, error);
    }
    if (errno != EEXIST) {
        return error_errno(error, "cannot make directory %s", name);
    }
    if (fstatat(dirfd, name, &info, 0) != 0) {
        return error_errno(error, "cannot make directory %s", name);
    }
    if (!S_ISDIR(info.st_mode)) {
        return error_set(error, ERROR_REFUSED, "%s is no directory", name);
    }
    return 0;
}

int file_make_directory(int dirfd, const char *name, mode_t mode, bool parents, struct error *error)
{
    char *path = strdup(name);
    int result = 0;

    if (path == NULL) {
        return error_set(error, ERROR_SYSTEM, "cannot make directory %s: out of memory", name);
    }
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--) {
        path[length - 1] = '\0';
    }
    for (char *slash = path; parents && result == 0;) {
        slash = strchr(slash + 1, '/');
        if (slash == NULL) {
            break;
        }
        // "a//b" is "a/b".
        if (slash[-1] != '/') {
            *slash = '\0';
            result = make_one(dirfd, path, 0755, error);
            *slash = '/';
        }
    }
    if (result == 0) {
        result = make_one(dirfd, path, mode, error);
    }
    free(path);
    return result;
}

static int empty_directory(int fd, int depth, const char *what, struct error *error);

static int remove_entry(int dirfd, const char *name, int depth, const char *what, struct error *error)
{
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT) {
        return 0;
    }
    if (errno != EISDIR) {
        return error_errno(error, "cannot remove %s of %s", name, what);
    }
    if (depth >= DEEPEST) {
        return error_set(error, ERROR_REFUSED, "cannot remove %s: nested too deep", what);
    }
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return error_errno(error, "cannot remove %s of %s", name, what);
    }
    if (empty_directory(fd, depth + 1, what, error) != 0) {
        return -1;
    }
    if (unlinkat(dirfd, name, AT_REMOVEDIR) != 0) {
        return error_errno(error, "cannot remove %s of %s", name, what);
    }
    return 0;
}

// Removes all that is in the directory; closes fd. What is removed while it is read may make readdir skip entries,
// so it is read again until a whole reading found nothing.
static int empty_directory(int fd, int depth, const char *what, struct error *error)
{
    DIR *dir = fdopendir(fd);
    bool found = true;
    int result = 0;

    if (dir == NULL) {
        error_errno(error, "cannot read directory %s", what);
        close(fd);
        return -1;
    }
    while (found && result == 0) {
        found = false;
        rewinddir(dir);
        while (result == 0) {
            errno = 0;
            const struct dirent *entry = readdir(dir);
            if (entry == NULL) {
                result = errno == 0 ? 0 : error_errno(error, "cannot read directory %s", what);
                break;
            }
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
                found = true;
                result = remove_entry(dirfd(dir), entry->d_name, depth, what, error);
            }
        }
    }
    closedir(dir);
    return result;
}

int file_remove_tree(int dirfd, const char *name, struct error *error)
{
    struct stat info;

    if (fstatat(dirfd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? 0 : error_errno(error, "cannot remove %s", name);
    }
    if (remove_entry(dirfd, name, 0, name, error) != 0) {
        return -1;
    }
    return file_sync_parent(dirfd, name, error);
}
