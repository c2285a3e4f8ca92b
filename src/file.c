// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Files: the bounded read and the one atomic write.
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LABEL "security.selinux"
#define LABEL_SIZE 256
#define BASE_MOST 200 // of a name in its temporary name, which must fit 255 bytes
#define NAME_ATTEMPTS 100

// Reads what is left of fd. The size that fstat gave is only a hint: the file may grow meanwhile, so that its end
// is where read says it is.
static int read_all(int fd, size_t hint, const char *name, struct buf *buf, struct error *error)
{
    for (;;) {
        size_t room = buf->limit - buf->length;
        size_t chunk = hint < 511 ? 512 : hint + 1;
        char probe;
        char *into = &probe;

        chunk = chunk < room ? chunk : room;
        if (chunk > 0) {
            into = buf_reserve(buf, chunk);
            if (into == NULL) {
                return error_set(error, ERROR_SYSTEM, "cannot read %s: out of memory", name);
            }
        }
        ssize_t got = read(fd, into, chunk > 0 ? chunk : 1);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return error_errno(error, "cannot read %s", name);
        }
        if (got == 0) {
            return 0;
        }
        if (chunk == 0) {
            return error_set(error, ERROR_REFUSED, "%s is longer than %zu bytes", name, buf->limit);
        }
        buf_added(buf, (size_t)got);
        hint = hint > (size_t)got ? hint - (size_t)got : 0;
    }
}

static int read_file(int dirfd, const char *name, int flags, struct buf *buf, struct error *error)
{
    size_t start = buf->length;
    struct stat info;
    int result = -1;

    // O_NONBLOCK: to open a FIFO must not wait for a writer.
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
    if (fd < 0) {
        if (errno == ELOOP && (flags & O_NOFOLLOW) != 0) {
            return error_set(error, ERROR_REFUSED, "%s is a symbolic link", name);
        }
        return error_errno(error, "cannot open %s", name);
    }
    if (fstat(fd, &info) != 0) {
        error_errno(error, "cannot read %s", name);
    } else if (!S_ISREG(info.st_mode)) {
        error_set(error, ERROR_REFUSED, "%s is no regular file", name);
    } else if ((uintmax_t)info.st_size > buf->limit - start) {
        error_set(error, ERROR_REFUSED, "%s is longer than %zu bytes", name, buf->limit);
    } else {
        result = read_all(fd, (size_t)info.st_size, name, buf, error);
    }
    close(fd);
    if (result != 0 && buf->data != NULL) {
        if (buf->secret) {
            explicit_bzero(buf->data + start, buf->length - start);
        }
        buf->length = start;
        buf->data[start] = '\0';
        buf->failed = false;
    }
    return result;
}

int file_read(int dirfd, const char *name, struct buf *buf, struct error *error)
{
    return read_file(dirfd, name, 0, buf, error);
}

int file_read_own(int dirfd, const char *name, struct buf *buf, struct error *error)
{
    return read_file(dirfd, name, O_NOFOLLOW, buf, error);
}

int file_sync(int fd, const char *what, struct error *error)
{
    // EINVAL: what cannot be synced (some network file systems' directories) has nothing to sync.
    if (fsync(fd) != 0 && errno != EINVAL) {
        return error_errno(error, "cannot sync %s", what);
    }
    return 0;
}

// Where the last part of a path begins.
static const char *base_of(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash == NULL ? name : slash + 1;
}

int file_sync_parent(int dirfd, const char *name, struct error *error)
{
    size_t length = (size_t)(base_of(name) - name);
    char *parent = strndup(length == 0 ? "." : name, length == 0 ? 1 : length);

    if (parent == NULL) {
        return error_set(error, ERROR_SYSTEM, "cannot sync the directory of %s: out of memory", name);
    }
    int result = -1;
    int fd = file_open_directory(dirfd, parent, error);
    if (fd >= 0) {
        result = file_sync(fd, parent, error);
        close(fd);
    }
    free(parent);
    return result;
}

// ".NAME.tmp" beside name, and six random letters unless the writer is alone. NULL: no memory.
static char *temporary_name(const char *name, bool alone)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    const char *base = base_of(name);
    size_t size = strlen(name) + sizeof("..tmp") + 6;
    unsigned char random[6];
    char suffix[7] = "";
    char *temporary = malloc(size);

    if (temporary == NULL) {
        return NULL;
    }
    if (!alone) {
        // The letters need not be secret: O_EXCL decides. Without random numbers the attempts decide.
        if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
            memset(random, 0, sizeof(random));
        }
        for (size_t i = 0; i < sizeof(random); i++) {
            suffix[i] = letters[random[i] % 32];
        }
    }
    snprintf(temporary, size, "%.*s.%.*s.tmp%s", (int)(base - name), name, BASE_MOST, base, suffix);
    return temporary;
}

// Makes a temporary file (target NULL; its descriptor is returned) or link (0 is returned) beside "name".
static int make_temporary(int dirfd, const char *name, bool alone, const char *target, char **temporary,
                          struct error *error)
{
    *temporary = NULL;
    for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        int made;

        free(*temporary);
        *temporary = temporary_name(name, alone);
        if (*temporary == NULL) {
            return error_set(error, ERROR_SYSTEM, "cannot write %s: out of memory", name);
        }
        if (target == NULL) {
            made = openat(dirfd, *temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        } else {
            made = symlinkat(target, dirfd, *temporary);
        }
        if (made >= 0) {
            return made;
        }
        // Alone, it can only be what a crash left behind.
        if (errno != EEXIST || (alone && unlinkat(dirfd, *temporary, 0) != 0)) {
            break;
        }
    }
    error_errno(error, "cannot write %s", name);
    free(*temporary);
    *temporary = NULL;
    return -1;
}

static int write_all(int fd, const char *bytes, size_t length, const char *name, struct error *error)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return error_errno(error, "cannot write %s", name);
        }
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

// Gives the new file the security label of the old one. What the system does not let us it need not: no label,
// no such file system, no such right.
static void keep_label(int dirfd, const char *name, int fd)
{
    char label[LABEL_SIZE];
    int old = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (old < 0) {
        return;
    }
    ssize_t length = fgetxattr(old, LABEL, label, sizeof(label));
    if (length > 0) {
        int ignored = fsetxattr(fd, LABEL, label, (size_t)length, 0);
        (void)ignored;
    }
    close(old);
}

// Writes the temporary file whole, with owner, mode and label, and syncs it. Closes fd in any case.
static int fill(int dirfd, int fd, const char *name, const void *bytes, size_t length, const struct file_mode *mode,
                struct error *error)
{
    int result = write_all(fd, bytes, length, name, error);

    if (result == 0) {
        keep_label(dirfd, name, fd);
    }
    // The owner before the mode: a change of owner takes set-id bits away, and the mode opens the file to others.
    if (result == 0 && mode != NULL && mode->set_owner && fchown(fd, mode->uid, mode->gid) != 0) {
        result = error_errno(error, "cannot change the owner of %s", name);
    }
    if (result == 0 && fchmod(fd, mode == NULL ? 0600 : mode->mode & 07777) != 0) {
        result = error_errno(error, "cannot change the mode of %s", name);
    }
    if (result == 0) {
        result = file_sync(fd, name, error);
    }
    if (close(fd) != 0 && result == 0 && errno != EINTR) {
        result = error_errno(error, "cannot write %s", name);
    }
    return result;
}

static int stage(int dirfd, const char *name, bool alone, const void *bytes, size_t length,
                 const struct file_mode *mode, char **staged, struct error *error)
{
    int fd = make_temporary(dirfd, name, alone, NULL, staged, error);

    if (fd < 0) {
        return -1;
    }
    if (fill(dirfd, fd, name, bytes, length, mode, error) != 0) {
        unlinkat(dirfd, *staged, 0);
        free(*staged);
        *staged = NULL;
        return -1;
    }
    return 0;
}

int file_stage(int dirfd, const char *name, const void *bytes, size_t length, const struct file_mode *mode,
               char **staged, struct error *error)
{
    return stage(dirfd, name, false, bytes, length, mode, staged, error);
}

int file_commit(int dirfd, const char *staged, const char *name, struct error *error)
{
    if (renameat(dirfd, staged, dirfd, name) != 0) {
        error_errno(error, "cannot replace %s", name);
        unlinkat(dirfd, staged, 0);
        return -1;
    }
    return file_sync_parent(dirfd, name, error);
}

static int write_file(int dirfd, const char *name, bool alone, const void *bytes, size_t length,
                      const struct file_mode *mode, struct error *error)
{
    char *staged;

    if (stage(dirfd, name, alone, bytes, length, mode, &staged, error) != 0) {
        return -1;
    }
    int result = file_commit(dirfd, staged, name, error);
    free(staged);
    return result;
}

int file_write_atomic(int dirfd, const char *name, const void *bytes, size_t length, const struct file_mode *mode,
                      struct error *error)
{
    return write_file(dirfd, name, false, bytes, length, mode, error);
}

int file_write_alone(int dirfd, const char *name, const void *bytes, size_t length, const struct file_mode *mode,
                     struct error *error)
{
    return write_file(dirfd, name, true, bytes, length, mode, error);
}

static int link_file(int dirfd, const char *target, const char *name, bool alone, struct error *error)
{
    char *temporary;

    if (make_temporary(dirfd, name, alone, target, &temporary, error) < 0) {
        return -1;
    }
    int result = file_commit(dirfd, temporary, name, error);
    free(temporary);
    return result;
}

int file_link_atomic(int dirfd, const char *target, const char *name, struct error *error)
{
    return link_file(dirfd, target, name, false, error);
}

int file_link_alone(int dirfd, const char *target, const char *name, struct error *error)
{
    return link_file(dirfd, target, name, true, error);
}

int file_rename(int dirfd, const char *from, const char *to, struct error *error)
{
    size_t from_length = (size_t)(base_of(from) - from), to_length = (size_t)(base_of(to) - to);

    if (renameat(dirfd, from, dirfd, to) != 0) {
        return error_errno(error, "cannot rename %s to %s", from, to);
    }
    if (file_sync_parent(dirfd, to, error) != 0) {
        return -1;
    }
    bool same = from_length == to_length && memcmp(from, to, to_length) == 0;
    return same ? 0 : file_sync_parent(dirfd, from, error);
}

int file_remove(int dirfd, const char *name, struct error *error)
{
    if (unlinkat(dirfd, name, 0) != 0) {
        return errno == ENOENT ? 0 : error_errno(error, "cannot remove %s", name);
    }
    return file_sync_parent(dirfd, name, error);
}
