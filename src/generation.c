// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Generations on disk. Whatever dies when, the folder with a plain number for its name is complete:
//
//   certs/NAME/next/key.pem   written atomically before its certificate is asked for;
//   certs/NAME/.N.tmp/        filled, every file and the folder synced, and only then renamed to
//   certs/NAME/N/             which is one step for every reader, and lasts once certs/NAME is synced;
//   certs/NAME/.N.old/        what N is renamed to before anything in it is removed.
//
// A crash before the first rename leaves the key aside and a ".N.tmp" that nobody believes; one after it leaves N
// complete, and the key aside too, which is then recognised as that of N. In between the key is in both places.
#include "generation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "x509.h"

#define CERTS "certs"
#define LIVE "live"
#define KEY "key.pem"
#define CERTIFICATE "cert.pem"
#define CHAIN "chain.pem"
#define FULLCHAIN "fullchain.pem"
#define MAX_KEY 65536
#define PATH_SIZE 320
#define FOLDER_MODE 0700

void generation_init(struct generation *generation)
{
    buf_init_secret(&generation->key, MAX_KEY);
    buf_init(&generation->certificate, X509_MAX_PEM);
    buf_init(&generation->chain, X509_MAX_PEM);
    buf_init(&generation->fullchain, 2 * X509_MAX_PEM + 1);
}

void generation_free(struct generation *generation)
{
    buf_free(&generation->key);
    buf_free(&generation->certificate);
    buf_free(&generation->chain);
    buf_free(&generation->fullchain);
}

// ---- Paths and numbers

// "certs/NAME" and what the format adds. Names are checked by whoever reads them; here only that nothing is cut.
__attribute__((format(printf, 4, 5))) static int path_of(char path[PATH_SIZE], const char *name, struct error *error,
                                                         const char *format, ...)
{
    va_list args;

    if (!state_is_name(name, strnlen(name, PATH_SIZE))) {
        return error_set(error, ERROR_REFUSED, "'%s' is no name of a certificate", name);
    }
    int length = snprintf(path, PATH_SIZE, CERTS "/%s", name);
    va_start(args, format);
    vsnprintf(path + length, PATH_SIZE - (size_t)length, format, args);
    va_end(args);
    return 0;
}

void generation_path(const char *state_dir, const char *name, uint32_t number, struct buf *path)
{
    buf_format(path, "%s/" CERTS "/%s/%" PRIu32, state_dir, name, number);
}

// Reads a plain number, as it is written: no sign, no leading zero. 0: it is none.
static uint32_t read_number(const char *text, size_t length)
{
    uint64_t value = 0;

    if (length == 0 || length > 10 || text[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return 0;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    return value <= UINT32_MAX ? (uint32_t)value : 0;
}

// The numbers that have a folder, the greatest first.
struct numbers {
    uint32_t *list;
    size_t count, capacity;
};

static bool numbers_add(struct numbers *numbers, uint32_t number)
{
    if (numbers->count == numbers->capacity) {
        size_t capacity = numbers->capacity == 0 ? 16 : numbers->capacity * 2;
        uint32_t *list = realloc(numbers->list, capacity * sizeof(*list));
        if (list == NULL) {
            return false;
        }
        numbers->list = list;
        numbers->capacity = capacity;
    }
    // They are few: pruning keeps them so.
    size_t at = numbers->count++;
    for (; at > 0 && numbers->list[at - 1] < number; at--) {
        numbers->list[at] = numbers->list[at - 1];
    }
    numbers->list[at] = number;
    return true;
}

// True for ".N.tmp" and ".N.old".
static bool is_leftover(const char *name)
{
    size_t length = strlen(name);

    return length > 5 && name[0] == '.' && read_number(name + 1, length - 5) != 0 &&
           (strcmp(name + length - 4, ".tmp") == 0 || strcmp(name + length - 4, ".old") == 0);
}

// Reads certs/NAME: the numbers, and with "clear" removes what a crash left. No folder: no numbers.
static int read_folder(int state_dirfd, const char *name, struct numbers *numbers, bool clear, struct error *error)
{
    char path[PATH_SIZE];
    int result = 0;

    *numbers = (struct numbers){0};
    if (path_of(path, name, error, "%s", "") != 0) {
        return -1;
    }
    int fd = openat(state_dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : error_errno(error, "cannot open directory %s", path);
    }
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        error_errno(error, "cannot read directory %s", path);
        close(fd);
        return -1;
    }
    while (result == 0) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            result = errno == 0 ? 0 : error_errno(error, "cannot read directory %s", path);
            break;
        }
        uint32_t number = read_number(entry->d_name, strlen(entry->d_name));
        if (number != 0 && !numbers_add(numbers, number)) {
            result = error_set(error, ERROR_SYSTEM, "cannot read directory %s: out of memory", path);
        } else if (clear && is_leftover(entry->d_name)) {
            result = file_remove_tree(dirfd(folder), entry->d_name, error);
        }
    }
    closedir(folder);
    if (result != 0) {
        free(numbers->list);
        *numbers = (struct numbers){0};
    }
    return result;
}

static bool has_file(int state_dirfd, const char *name, uint32_t number, const char *file)
{
    char path[PATH_SIZE];
    struct stat info;

    return path_of(path, name, NULL, "/%" PRIu32 "/%s", number, file) == 0 &&
           fstatat(state_dirfd, path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
}

static bool is_complete(int state_dirfd, const char *name, uint32_t number)
{
    return has_file(state_dirfd, name, number, KEY) && has_file(state_dirfd, name, number, CERTIFICATE) &&
           has_file(state_dirfd, name, number, FULLCHAIN);
}

int generation_before(int state_dirfd, const char *name, uint64_t before, uint32_t *number, struct error *error)
{
    struct numbers numbers;

    *number = 0;
    if (read_folder(state_dirfd, name, &numbers, false, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < numbers.count && *number == 0; i++) {
        if (numbers.list[i] < before && is_complete(state_dirfd, name, numbers.list[i])) {
            *number = numbers.list[i];
        }
    }
    free(numbers.list);
    return 0;
}

int generation_newest(int state_dirfd, const char *name, uint32_t *number, struct error *error)
{
    return generation_before(state_dirfd, name, (uint64_t)UINT32_MAX + 1, number, error);
}

int generation_unused(int state_dirfd, const char *name, uint32_t *number, struct error *error)
{
    struct numbers numbers;

    *number = 0;
    if (read_folder(state_dirfd, name, &numbers, false, error) != 0) {
        return -1;
    }
    uint32_t greatest = numbers.count == 0 ? 0 : numbers.list[0];
    free(numbers.list);
    if (greatest == UINT32_MAX) {
        return error_set(error, ERROR_REFUSED, "%s has used up its generations", name);
    }
    *number = greatest + 1;
    return 0;
}

// ---- The key of the generation to come

static int make_folders(int state_dirfd, const char *name, struct error *error)
{
    char path[PATH_SIZE];

    if (path_of(path, name, error, "%s", "") != 0 ||
        file_make_directory(state_dirfd, CERTS, FOLDER_MODE, false, error) != 0) {
        return -1;
    }
    return file_make_directory(state_dirfd, path, FOLDER_MODE, false, error);
}

int generation_key_save(int state_dirfd, const char *name, const struct buf *key, struct error *error)
{
    char folder[PATH_SIZE], path[PATH_SIZE];

    if (path_of(folder, name, error, "/next") != 0 || path_of(path, name, error, "/next/" KEY) != 0 ||
        make_folders(state_dirfd, name, error) != 0 ||
        file_make_directory(state_dirfd, folder, FOLDER_MODE, false, error) != 0) {
        return -1;
    }
    return file_write_alone(state_dirfd, path, key->data, key->length, NULL, error);
}

// True when the key is that of the newest generation: its certificate has come, only the key aside was not dropped
// before a crash. Each generation has its own key.
static bool is_used(int state_dirfd, const char *name, const struct buf *key)
{
    char path[PATH_SIZE];
    struct buf newest;
    uint32_t number;

    if (generation_newest(state_dirfd, name, &number, NULL) != 0 || number == 0 ||
        path_of(path, name, NULL, "/%" PRIu32 "/" KEY, number) != 0) {
        return false;
    }
    buf_init_secret(&newest, MAX_KEY);
    bool used = file_read_own(state_dirfd, path, &newest, NULL) == 0 && newest.length == key->length &&
                memcmp(newest.data, key->data, key->length) == 0;
    buf_free(&newest);
    return used;
}

int generation_key_load(int state_dirfd, const char *name, struct buf *key, struct error *error)
{
    char path[PATH_SIZE];

    buf_clear(key);
    if (path_of(path, name, error, "/next/" KEY) != 0 || file_read_own(state_dirfd, path, key, error) != 0) {
        return -1;
    }
    if (key->length == 0 || is_used(state_dirfd, name, key)) {
        buf_clear(key);
        return error_set(error, ERROR_NOT_FOUND, "%s has no key aside", name);
    }
    return 0;
}

int generation_key_drop(int state_dirfd, const char *name, struct error *error)
{
    char path[PATH_SIZE];

    if (path_of(path, name, error, "/next") != 0) {
        return -1;
    }
    return file_remove_tree(state_dirfd, path, error);
}

// ---- Whole generations

static int join_chain(const struct generation *files, struct buf *fullchain, struct error *error)
{
    const struct buf *certificate = &files->certificate;

    buf_add(fullchain, certificate->data, certificate->length);
    if (certificate->data[certificate->length - 1] != '\n') {
        buf_char(fullchain, '\n');
    }
    buf_add(fullchain, files->chain.data, files->chain.length);
    return fullchain->failed ? error_set(error, ERROR_REFUSED, "certificate and chain are too long") : 0;
}

static int fill_folder(int state_dirfd, const char *folder, const struct generation *files, const struct buf *fullchain,
                       struct error *error)
{
    const struct {
        const char *name;
        const struct buf *text;
        mode_t mode;
    } contents[] = {
        {KEY, &files->key, 0600},
        {CERTIFICATE, &files->certificate, 0644},
        {CHAIN, &files->chain, 0644},
        {FULLCHAIN, fullchain, 0644},
    };
    int result = -1;
    int fd = file_open_directory(state_dirfd, folder, error);

    if (fd < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        const struct file_mode mode = {.mode = contents[i].mode};
        // Imported without a key: then there is no file, rather than an empty one.
        if (contents[i].text == &files->key && files->key.length == 0) {
            continue;
        }
        if (file_write_alone(fd, contents[i].name, buf_string(contents[i].text), contents[i].text->length, &mode,
                             error) != 0) {
            goto out;
        }
    }
    // Each write has synced the folder that holds it.
    result = 0;
out:
    close(fd);
    return result;
}

static int check_free(int state_dirfd, const char *path, struct error *error)
{
    struct stat info;

    if (fstatat(state_dirfd, path, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        return error_set(error, ERROR_REFUSED, "%s is there already", path);
    }
    return errno == ENOENT ? 0 : error_errno(error, "cannot look at %s", path);
}

int generation_save(int state_dirfd, const char *name, uint32_t number, const struct generation *files,
                    struct error *error)
{
    char path[PATH_SIZE], temporary[PATH_SIZE];
    struct numbers numbers = {0};
    struct buf fullchain;
    int result = -1;

    buf_init(&fullchain, 2 * X509_MAX_PEM + 1);
    if (number == 0 || files->certificate.length == 0) {
        error_set(error, ERROR_REFUSED, "a generation needs a number and a certificate");
        goto out;
    }
    if (path_of(path, name, error, "/%" PRIu32, number) != 0 ||
        path_of(temporary, name, error, "/.%" PRIu32 ".tmp", number) != 0 ||
        join_chain(files, &fullchain, error) != 0 || make_folders(state_dirfd, name, error) != 0 ||
        check_free(state_dirfd, path, error) != 0 || read_folder(state_dirfd, name, &numbers, true, error) != 0) {
        goto out;
    }
    if (file_make_directory(state_dirfd, temporary, FOLDER_MODE, false, error) != 0 ||
        fill_folder(state_dirfd, temporary, files, &fullchain, error) != 0 ||
        file_rename(state_dirfd, temporary, path, error) != 0) {
        file_remove_tree(state_dirfd, temporary, NULL);
        goto out;
    }
    // The generation is there, whatever becomes of the key aside: it is recognised as used.
    generation_key_drop(state_dirfd, name, NULL);
    result = 0;
out:
    free(numbers.list);
    buf_free(&fullchain);
    return result;
}

int generation_load(int state_dirfd, const char *name, uint32_t number, struct generation *files, struct error *error)
{
    const struct {
        const char *name;
        struct buf *text;
    } contents[] = {
        {KEY, &files->key},
        {CERTIFICATE, &files->certificate},
        {CHAIN, &files->chain},
        {FULLCHAIN, &files->fullchain},
    };
    char path[PATH_SIZE];
    struct error reason;

    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        buf_clear(contents[i].text);
        if (path_of(path, name, error, "/%" PRIu32 "/%s", number, contents[i].name) != 0) {
            return -1;
        }
        if (file_read_own(state_dirfd, path, contents[i].text, &reason) == 0 ||
            (contents[i].text == &files->key && reason.code == ERROR_NOT_FOUND)) {
            continue;
        }
        if (error != NULL) {
            *error = reason;
        }
        return -1;
    }
    return 0;
}

// ---- The published one, and those that go

uint32_t generation_live(int state_dirfd, const char *name)
{
    char link[PATH_SIZE], target[PATH_SIZE], start[PATH_SIZE];

    snprintf(link, sizeof(link), LIVE "/%s", name);
    int start_length = snprintf(start, sizeof(start), "../" CERTS "/%s/", name);
    ssize_t length = readlinkat(state_dirfd, link, target, sizeof(target));
    if (length <= start_length || length == (ssize_t)sizeof(target) ||
        memcmp(target, start, (size_t)start_length) != 0) {
        return 0;
    }
    return read_number(target + start_length, (size_t)(length - start_length));
}

int generation_switch(int state_dirfd, const char *name, uint32_t number, struct error *error)
{
    char link[PATH_SIZE], path[PATH_SIZE], target[PATH_SIZE + 3];

    if (path_of(path, name, error, "/%" PRIu32, number) != 0) {
        return -1;
    }
    snprintf(link, sizeof(link), LIVE "/%s", name);
    if (number == 0) {
        return file_remove(state_dirfd, link, error);
    }
    if (!has_file(state_dirfd, name, number, CERTIFICATE)) {
        return error_set(error, ERROR_NOT_FOUND, "%s has no generation %" PRIu32, name, number);
    }
    if (generation_live(state_dirfd, name) == number) {
        return 0;
    }
    if (file_make_directory(state_dirfd, LIVE, FOLDER_MODE, false, error) != 0) {
        return -1;
    }
    snprintf(target, sizeof(target), "../%s", path);
    return file_link_alone(state_dirfd, target, link, error);
}

static bool is_in_use(const struct state *state, uint32_t newest, uint32_t live, uint32_t number)
{
    if (number == newest || number == state->generation || number == live || number == state->publishing_generation) {
        return true;
    }
    for (size_t i = 0; i < state->publication_count; i++) {
        if (number == state->publications[i].published || number == state->publications[i].previous) {
            return true;
        }
    }
    return false;
}

// Removes a generation as a whole: a crash must not leave a certificate without its key.
static int remove_generation(int state_dirfd, const char *name, uint32_t number, struct error *error)
{
    char path[PATH_SIZE], aside[PATH_SIZE];

    if (path_of(path, name, error, "/%" PRIu32, number) != 0 ||
        path_of(aside, name, error, "/.%" PRIu32 ".old", number) != 0 ||
        file_rename(state_dirfd, path, aside, error) != 0) {
        return -1;
    }
    return file_remove_tree(state_dirfd, aside, error);
}

int generation_prune(int state_dirfd, const char *name, const struct state *state, int keep, struct error *error)
{
    uint32_t newest, live = generation_live(state_dirfd, name);
    struct numbers numbers;
    int result = 0;

    if (generation_newest(state_dirfd, name, &newest, error) != 0 ||
        read_folder(state_dirfd, name, &numbers, true, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < numbers.count && result == 0; i++) {
        if (i == 0 || is_in_use(state, newest, live, numbers.list[i])) {
            continue;
        }
        if (keep > 0) {
            keep--;
            continue;
        }
        result = remove_generation(state_dirfd, name, numbers.list[i], error);
    }
    free(numbers.list);
    return result;
}
