// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Who may own and change the files that certauto obeys (promise 3).
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

// The bits of "mode" that are open to others: the world's, and those of a group that is not root's own.
static mode_t open_to_others(const struct stat *info, mode_t group, mode_t world)
{
    mode_t bits = info->st_mode & world;

    return info->st_gid == 0 ? bits : bits | (info->st_mode & group);
}

static int check_info(const char *path, const struct stat *info, struct error *error)
{
    // In a sticky directory others can make files but not replace ours.
    bool sticky = S_ISDIR(info->st_mode) && (info->st_mode & S_ISVTX) != 0;

    if (info->st_uid != 0 && info->st_uid != geteuid()) {
        return error_set(error, ERROR_REFUSED, "%s belongs to user %lu, neither root nor the running user", path,
                         (unsigned long)info->st_uid);
    }
    if (!sticky && open_to_others(info, S_IWGRP, S_IWOTH) != 0) {
        return error_set(error, ERROR_REFUSED, "others can write %s (mode %04o, group %lu)", path,
                         (unsigned)(info->st_mode & 07777), (unsigned long)info->st_gid);
    }
    return 0;
}

static int check_path(const char *path, struct stat *info, struct error *error)
{
    if (stat(path, info) != 0) {
        return error_errno(error, "cannot look at %s", path);
    }
    return check_info(path, info, error);
}

// Judges the directory that path stands in.
static int check_parent(const char *path, struct error *error)
{
    char parent[PATH_MAX];
    struct stat info;
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    if (length == 0) {
        return check_path(".", &info, error);
    }
    if (length >= sizeof(parent)) {
        return error_set(error, ERROR_REFUSED, "the path %s is too long", path);
    }
    memcpy(parent, path, length);
    parent[length] = '\0';
    return check_path(parent, &info, error);
}

int file_check_trusted(const char *path, bool parent, struct error *error)
{
    struct stat info, link;

    if (check_path(path, &info, error) != 0) {
        return -1;
    }
    if (!parent) {
        return 0;
    }
    if (check_parent(path, error) != 0) {
        return -1;
    }
    if (lstat(path, &link) != 0) {
        return error_errno(error, "cannot look at %s", path);
    }
    if (!S_ISLNK(link.st_mode)) {
        return 0;
    }
    char *target = realpath(path, NULL);
    if (target == NULL) {
        return error_errno(error, "cannot look at %s", path);
    }
    int result = check_parent(target, error);
    free(target);
    return result;
}

int file_check_secret(const char *path, struct error *error)
{
    struct stat info;

    if (check_path(path, &info, error) != 0) {
        return -1;
    }
    if (open_to_others(&info, S_IRGRP, S_IROTH) != 0) {
        return error_set(error, ERROR_REFUSED, "others can read %s (mode %04o, group %lu)", path,
                         (unsigned)(info.st_mode & 07777), (unsigned long)info.st_gid);
    }
    return 0;
}
