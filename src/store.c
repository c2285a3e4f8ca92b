// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What hooks keep: one file a key, in folders where keys have '/'.
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "lock.h"
#include "process.h"

#define LOCKS ".locks"
#define WRITING ".set"     // no key of a hook's: those do not begin so
#define MOST_WAIT_MS 30000 // for other writers
#define MAX_KEY 200
#define FOLDER_MODE 0700

static bool is_key(const char *key)
{
    bool first = true;
    size_t length = 0;

    for (; key[length] != '\0'; length++) {
        char c = key[length];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (length == MAX_KEY || (!letter && (first || (c != '.' && c != '-' && c != '/')))) {
            return false;
        }
        first = c == '/';
    }
    // A part that is empty or only begun at the end is no part.
    return length > 0 && !first;
}

static int check_key(const char *key, struct error *error)
{
    return is_key(key) ? 0 : error_set(error, ERROR_USAGE, "'%s' is no key of the store", key);
}

// A publishing hook is root in the store of "hook_user", who must be able to read what it keeps there, and may have
// put links there that lead elsewhere. So files are touched as by their folder's owner. Returns what as_ourselves
// is to be given: -1 when nothing changed, else the parent that we are to die with, or 0.
static pid_t as_owner(int store_dirfd)
{
    struct stat info;
    pid_t parent = getppid();
    int number = 0;

    if (geteuid() != 0 || fstat(store_dirfd, &info) != 0 || info.st_uid == 0) {
        return -1;
    }
    prctl(PR_GET_PDEATHSIG, &number);
    setfsgid(info.st_gid);
    setfsuid(info.st_uid);
    return number == 0 ? 0 : parent;
}

static void as_ourselves(pid_t parent)
{
    if (parent < 0) {
        return;
    }
    setfsuid(geteuid());
    setfsgid(getegid());
    // A change of account makes the kernel forget it.
    if (parent > 0) {
        process_die_with_parent(parent);
    }
}

int store_get(int store_dirfd, const char *key, struct buf *value, struct error *error)
{
    if (check_key(key, error) != 0) {
        return -1;
    }
    pid_t parent = as_owner(store_dirfd);
    int result = file_read_own(store_dirfd, key, value, error);
    as_ourselves(parent);
    return result;
}

// Makes the folders that the key stands in.
static int make_folders(int store_dirfd, const char *key, struct error *error)
{
    char folder[MAX_KEY + 1];

    for (const char *slash = strchr(key, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t length = (size_t)(slash - key);
        memcpy(folder, key, length);
        folder[length] = '\0';
        if (file_make_directory(store_dirfd, folder, FOLDER_MODE, false, error) != 0) {
            return -1;
        }
    }
    return 0;
}

int store_set(int store_dirfd, const char *key, const void *bytes, size_t length, struct error *error)
{
    if (check_key(key, error) != 0) {
        return -1;
    }
    if (length > STORE_MAX_VALUE) {
        return error_set(error, ERROR_REFUSED, "the value of %s is longer than %d bytes", key, STORE_MAX_VALUE);
    }
    pid_t parent = as_owner(store_dirfd);
    int result = -1;
    // One writer at a time: what a crash leaves of a write, a CA's key it may be, is replaced by the next of that key.
    int lock = lock_wait(store_dirfd, LOCKS, WRITING, clock_boot_ms() + MOST_WAIT_MS, error);
    if (lock < 0) {
        error_prefix(error, "%s cannot be kept", key);
    } else {
        if (make_folders(store_dirfd, key, error) == 0) {
            result = file_write_alone(store_dirfd, key, bytes, length, NULL, error);
        }
        close(lock);
    }
    as_ourselves(parent);
    return result;
}

int store_delete(int store_dirfd, const char *key, struct error *error)
{
    if (check_key(key, error) != 0) {
        return -1;
    }
    pid_t parent = as_owner(store_dirfd);
    int result = file_remove(store_dirfd, key, error);
    as_ourselves(parent);
    return result;
}

int store_lock(int store_dirfd, const char *key, long long deadline_boot_ms, struct error *error)
{
    if (check_key(key, error) != 0) {
        return -1;
    }
    pid_t parent = as_owner(store_dirfd);
    int fd = lock_wait(store_dirfd, LOCKS, key, deadline_boot_ms, error);
    as_ourselves(parent);
    return fd;
}

// ---- Listing

struct listing {
    struct buf text; // the keys, each followed by its NUL
    size_t count;
    const char *prefix;
    int dirfd;
};

static int list_folder(struct listing *listing, const char *folder, struct error *error);

// Takes one entry of a folder ("" or ending in '/'): a key that begins with the prefix, or a folder in which there
// may be one. Everything else there is not ours to name.
static int take_entry(struct listing *listing, const char *folder, const struct dirent *entry, struct error *error)
{
    char path[MAX_KEY + 2];
    size_t start = strlen(folder), length = strlen(entry->d_name), wanted = strlen(listing->prefix);

    if (start + length > MAX_KEY) {
        return 0;
    }
    memcpy(path, folder, start);
    memcpy(path + start, entry->d_name, length + 1);
    if (!is_key(path)) {
        return 0;
    }
    length += start;
    size_t shared = length < wanted ? length : wanted;
    if (memcmp(path, listing->prefix, shared) != 0) {
        return 0;
    }
    // What kind it is tells only the attempt: not every file system fills d_type.
    int fd = openat(listing->dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        path[length] = '/';
        path[length + 1] = '\0';
        shared = length + 1 < wanted ? length + 1 : wanted;
        return memcmp(path, listing->prefix, shared) == 0 ? list_folder(listing, path, error) : 0;
    }
    if (errno == ENOTDIR && length >= wanted) {
        buf_add(&listing->text, path, length + 1);
        listing->count++;
    }
    return 0;
}

static int list_folder(struct listing *listing, const char *folder, struct error *error)
{
    int result = 0;
    int fd = file_open_directory(listing->dirfd, folder[0] == '\0' ? "." : folder, error);

    if (fd < 0) {
        return -1;
    }
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        error_errno(error, "cannot read the store");
        close(fd);
        return -1;
    }
    while (result == 0) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            result = errno == 0 ? 0 : error_errno(error, "cannot read the store");
            break;
        }
        result = take_entry(listing, folder, entry, error);
    }
    closedir(stream);
    return result;
}

// Sorts by bytes, merging runs of doubling length: from "from" to "to" and back.
static const char **sort_keys(const char **from, const char **to, size_t count)
{
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t start = 0; start < count; start += 2 * run) {
            size_t middle = start + run < count ? start + run : count;
            size_t end = start + 2 * run < count ? start + 2 * run : count;
            size_t a = start, b = middle;
            for (size_t i = start; i < end; i++) {
                bool first = b == end || (a < middle && strcmp(from[a], from[b]) <= 0);
                to[i] = first ? from[a++] : from[b++];
            }
        }
        const char **other = from;
        from = to;
        to = other;
    }
    return from;
}

int store_list(int store_dirfd, const char *prefix, struct buf *keys, struct error *error)
{
    struct listing listing = {.prefix = prefix, .dirfd = store_dirfd};
    const char **pointers = NULL;
    int result = -1;

    buf_init(&listing.text, SIZE_MAX - 1);
    pid_t parent = as_owner(store_dirfd);
    int listed = list_folder(&listing, "", error);
    as_ourselves(parent);
    if (listed != 0) {
        goto out;
    }
    pointers = calloc(2 * listing.count + 1, sizeof(*pointers));
    if (pointers == NULL || listing.text.failed) {
        error_set(error, ERROR_SYSTEM, "cannot list the store: out of memory");
        goto out;
    }
    const char *at = buf_string(&listing.text);
    for (size_t i = 0; i < listing.count; i++) {
        pointers[i] = at;
        at += strlen(at) + 1;
    }
    const char **sorted = sort_keys(pointers, pointers + listing.count, listing.count);
    for (size_t i = 0; i < listing.count; i++) {
        buf_text(keys, sorted[i]);
        buf_char(keys, '\n');
    }
    result = keys->failed ? error_set(error, ERROR_REFUSED, "the store has more keys than can be listed") : 0;
out:
    free(pointers);
    buf_free(&listing.text);
    return result;
}
