// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The inside of a hook process: settles, opens the store, changes its account, and answers requests until its keeper is gone.
#include "hook_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "error.h"
#include "file.h"
#include "hook.h"
#include "hook_process.h"
#include "process.h"
#include "verify.h"

#define STORE_DEPTH 16

static bool read_all(int fd, void *bytes, size_t length)
{
    char *at = bytes;
    while (length > 0) {
        ssize_t got = read(fd, at, length);
        if (got > 0) {
            at += got;
            length -= (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t put = write(fd, at, length);
        if (put >= 0) {
            at += put;
            length -= (size_t)put;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

// Gives what lies in the store to the account, as when "hook_user" was set after the first hooks had run.
static int give_entries(int dirfd, const struct account *account, int depth, struct error *error)
{
    int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir == NULL) {
        error_errno(error, "store cannot be read");
        if (copy >= 0) {
            close(copy);
        }
        return -1;
    }
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (fchownat(dirfd, entry->d_name, account->uid, account->gid, AT_SYMLINK_NOFOLLOW) < 0) {
            result = error_errno(error, "store/%s cannot be given to '%s'", entry->d_name, account->name);
            break;
        }
        int sub = openat(dirfd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub >= 0) {
            result = depth > 0 ? give_entries(sub, account, depth - 1, error)
                               : error_set(error, ERROR_REFUSED, "store is nested too deeply");
            close(sub);
        }
    }
    closedir(dir);
    return result;
}

// 0700 and the hooks' own, whatever it was.
static int settle_store(int fd, const struct account *account, struct error *error)
{
    struct stat facts;
    if (fstat(fd, &facts) < 0) {
        return error_errno(error, "store cannot be looked at");
    }
    if (account != NULL && (facts.st_uid != account->uid || facts.st_gid != account->gid) && geteuid() == 0) {
        // The folder last: a change that is cut short is made again.
        if (give_entries(fd, account, STORE_DEPTH, error) < 0) {
            return -1;
        }
        if (fchown(fd, account->uid, account->gid) < 0) {
            return error_errno(error, "store cannot be given to '%s'", account->name);
        }
    }
    if ((facts.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0) {
        return error_errno(error, "store cannot be closed to others");
    }
    return 0;
}

static int open_store(const char *state_dir, const struct account *account, struct error *error)
{
    int fd = -1;
    int dirfd = file_open_directory(AT_FDCWD, state_dir, error);
    if (dirfd < 0) {
        return -1;
    }
    if (file_make_directory(dirfd, "store", 0700, false, error) < 0) {
        close(dirfd);
        return -1;
    }
    fd = openat(dirfd, "store", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        error_errno(error, "%s/store cannot be opened", state_dir);
    } else if (settle_store(fd, account, error) < 0) {
        close(fd);
        fd = -1;
    }
    close(dirfd);
    return fd;
}

// Opens the store and changes the account. Returns the store's descriptor, -1 for none, -2 for a failure.
static int set_up(const struct hook_server *server, struct error *error)
{
    struct account user, owner;
    if (server->user != NULL && process_find_account(server->user, &user, error) < 0) {
        return -2;
    }
    int store = -1;
    if (server->state_dir != NULL) {
        if (server->store_user != NULL && process_find_account(server->store_user, &owner, error) < 0) {
            return -2;
        }
        store = open_store(server->state_dir, server->store_user == NULL ? NULL : &owner, error);
        if (store < 0) {
            return -2;
        }
    }
    if (server->user != NULL && process_become(&user, error) < 0) {
        return -2;
    }
    return store;
}

static bool answer_one(int fd, const struct hook_server *server, int store, const struct error *unable)
{
    struct hook_request_head head;
    if (!read_all(fd, &head, sizeof(head)) || head.length > HOOK_PROCESS_MAX_REQUEST) {
        return false;
    }
    char *argument = malloc((size_t)head.length + 1);
    if (argument == NULL || !read_all(fd, argument, head.length)) {
        free(argument);
        return false;
    }
    argument[head.length] = '\0';
    struct buf answer;
    // One more than is allowed, so that the keeper sees an answer that is too long.
    buf_init_secret(&answer, HOOK_PROCESS_MAX_ANSWER + 1);
    struct hook_context context = {.hooks_dir = server->hooks_dir,
                                   .kind = server->kind,
                                   .name = head.hook,
                                   .certificate = server->certificate,
                                   .store_dirfd = store,
                                   .memory_bytes = server->memory_bytes,
                                   .deadline_boot_ms = head.deadline_boot_ms};
    struct hook_answer_head answer_head = {0};
    bool said = true;
    if (unable->code != ERROR_NONE) {
        answer_head.failed = 1;
        buf_text(&answer, unable->message);
    } else if (strcmp(head.function, HOOK_SERVER_DECLARE) == 0) {
        said = hook_declaration(&context, &answer) == 0;
    } else if (strcmp(head.function, HOOK_SERVER_VERIFY) == 0) {
        said = verify_answer(argument, head.length, head.deadline_boot_ms, &answer) == 0;
    } else {
        said = hook_call(&context, head.function, argument, head.length, &answer) == 0;
    }
    explicit_bzero(argument, head.length);
    free(argument);
    said = said && !answer.failed;
    answer_head.length = (uint32_t)answer.length;
    said =
        said && write_all(fd, &answer_head, sizeof(answer_head)) && write_all(fd, buf_string(&answer), answer.length);
    buf_free(&answer);
    return said;
}

noreturn void hook_server_run(const struct hook_server *server, int fd, pid_t parent)
{
    struct error error;
    error_clear(&error);
    fd = process_settle(fd);
    if (fd < 0) {
        _exit(1);
    }
    int store = set_up(server, &error);
    process_die_with_parent(parent);
    while (answer_one(fd, server, store < 0 ? -1 : store, &error)) {
    }
    _exit(0);
}
