// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of file.c, file_tree.c and file_trust.c, with every system call of a write failing in turn.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"

// The call that is to fail, counted over all that are wrapped while "counting"; 0: none. What was called last.
static int fail_at, calls, fail_errno = EIO;
static bool counting, short_writes;
static uid_t pretended_uid;
static const char *last_call;

static bool fails(const char *name)
{
    if (!counting) {
        return false;
    }
    last_call = name;
    errno = fail_errno;
    return ++calls == fail_at;
}

int __real_openat64(int dirfd, const char *name, int flags, ...);
int __wrap_openat64(int dirfd, const char *name, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails("openat") ? -1 : __real_openat64(dirfd, name, flags, mode);
}

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    if (fails("write")) {
        return -1;
    }
    return __real_write(fd, bytes, counting && short_writes && length > 3 ? 3 : length);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails("fsync") ? -1 : __real_fsync(fd);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
    return fails("fchmod") ? -1 : __real_fchmod(fd, mode);
}

int __real_fchown(int fd, uid_t uid, gid_t gid);
int __wrap_fchown(int fd, uid_t uid, gid_t gid)
{
    return fails("fchown") ? -1 : __real_fchown(fd, uid, gid);
}

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return fails("renameat") ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int __real_symlinkat(const char *target, int dirfd, const char *name);
int __wrap_symlinkat(const char *target, int dirfd, const char *name)
{
    return fails("symlinkat") ? -1 : __real_symlinkat(target, dirfd, name);
}

int __real_close(int fd);
int __wrap_close(int fd)
{
    int result = __real_close(fd);

    return fails("close") ? -1 : result;
}

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void)
{
    return pretended_uid != 0 ? pretended_uid : __real_geteuid();
}

static char folder[256];
static int dirfd_of_folder;

static int setup(void **unused)
{
    const char *tmp = getenv("TMPDIR");

    (void)unused;
    fail_at = calls = 0;
    fail_errno = EIO;
    counting = short_writes = false;
    pretended_uid = 0;
    snprintf(folder, sizeof(folder), "%s/certauto-file-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(folder));
    dirfd_of_folder = open(folder, O_RDONLY | O_DIRECTORY);
    assert_true(dirfd_of_folder >= 0);
    return 0;
}

static int teardown(void **unused)
{
    struct error error;

    (void)unused;
    counting = false;
    close(dirfd_of_folder);
    return file_remove_tree(AT_FDCWD, folder, &error);
}

static void put(const char *name, const char *text, mode_t mode)
{
    int fd = openat(dirfd_of_folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void assert_content(const char *name, const char *text)
{
    struct buf buf;
    struct error error;

    buf_init(&buf, 100000);
    assert_int_equal(file_read(dirfd_of_folder, name, &buf, &error), 0);
    assert_string_equal(buf_string(&buf), text);
    buf_free(&buf);
}

static int entries(void)
{
    int count = 0;
    DIR *dir = opendir(folder);

    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2;
}

static void file_read_gives_all_or_nothing(void **unused)
{
    struct buf buf;
    struct error error;

    (void)unused;
    put("five", "12345", 0600);
    for (size_t limit = 0; limit < 10; limit++) {
        buf_init(&buf, limit + 2);
        buf_text(&buf, "ab");
        if (limit < 5) {
            assert_int_equal(file_read(dirfd_of_folder, "five", &buf, &error), -1);
            assert_int_equal(error.code, ERROR_REFUSED);
            assert_string_equal(buf_string(&buf), "ab");
            assert_false(buf.failed);
        } else {
            assert_int_equal(file_read(dirfd_of_folder, "five", &buf, &error), 0);
            assert_string_equal(buf_string(&buf), "ab12345");
        }
        buf_free(&buf);
    }
}

static void file_read_refuses_what_is_no_regular_file(void **unused)
{
    struct buf buf;
    struct error error;

    (void)unused;
    buf_init(&buf, 100);
    assert_int_equal(file_read(dirfd_of_folder, "none", &buf, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(mkfifoat(dirfd_of_folder, "fifo", 0600), 0);
    assert_int_equal(file_read(dirfd_of_folder, "fifo", &buf, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    assert_int_equal(file_read(dirfd_of_folder, ".", &buf, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    put("file", "x", 0600);
    assert_int_equal(symlinkat("file", dirfd_of_folder, "link"), 0);
    assert_int_equal(file_read_own(dirfd_of_folder, "link", &buf, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    assert_string_equal(error.message, "link is a symbolic link");
    assert_int_equal(buf.length, 0);
    assert_int_equal(file_read(dirfd_of_folder, "link", &buf, &error), 0);
    assert_string_equal(buf_string(&buf), "x");
    buf_free(&buf);
}

// A file of /proc says that it is empty and is not.
static void file_read_goes_by_what_it_reads(void **unused)
{
    struct buf buf;
    struct error error;

    (void)unused;
    buf_init(&buf, 100000);
    assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", &buf, &error), 0);
    assert_non_null(strstr(buf_string(&buf), "Name:"));
    buf_free(&buf);
    buf_init(&buf, 10);
    assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", &buf, &error), -1);
    assert_int_equal(error.code, ERROR_REFUSED);
    buf_free(&buf);
}

static void file_write_atomic_replaces_and_sets_the_mode(void **unused)
{
    struct error error;
    struct stat info;
    struct file_mode mode = {.mode = 0640, .set_owner = true, .uid = (uid_t)-1, .gid = (gid_t)-1};

    (void)unused;
    umask(022);
    assert_int_equal(file_write_atomic(dirfd_of_folder, "a", "old", 3, NULL, &error), 0);
    assert_content("a", "old");
    assert_int_equal(fstatat(dirfd_of_folder, "a", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    umask(0777);
    assert_int_equal(file_write_atomic(dirfd_of_folder, "a", "newer", 5, &mode, &error), 0);
    umask(022);
    assert_content("a", "newer");
    assert_int_equal(fstatat(dirfd_of_folder, "a", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    if (getuid() == 0) {
        mode.uid = 12345;
        mode.gid = 54321;
        assert_int_equal(file_write_alone(dirfd_of_folder, "a", "", 0, &mode, &error), 0);
        assert_int_equal(fstatat(dirfd_of_folder, "a", &info, 0), 0);
        assert_int_equal(info.st_uid, 12345);
        assert_int_equal(info.st_gid, 54321);
    }
    assert_int_equal(entries(), 1);
}

static void file_write_atomic_survives_short_and_interrupted_writes(void **unused)
{
    struct error error;

    (void)unused;
    counting = short_writes = true;
    fail_errno = EINTR;
    // The second call is the first write.
    fail_at = 2;
    assert_int_equal(file_write_atomic(dirfd_of_folder, "a", "0123456789", 10, NULL, &error), 0);
    counting = false;
    assert_content("a", "0123456789");
}

// Each call of a write fails in turn: the old or the new content is there, whole, and nothing else.
static void every_failing_call_of_a_write_leaves_old_or_new(void **unused)
{
    static const int errors[] = {EIO, ENOSPC, EROFS, EDQUOT};
    const struct file_mode mode = {.mode = 0644, .set_owner = true, .uid = (uid_t)-1, .gid = (gid_t)-1};
    struct error error;
    int seen = 0;

    (void)unused;
    for (size_t e = 0; e < 4; e++) {
        fail_errno = errors[e];
        for (int alone = 0; alone < 2; alone++) {
            int result = -1;

            for (fail_at = 1; result != 0; fail_at++) {
                put("a", "old", 0600);
                calls = 0;
                counting = true;
                error_clear(&error);
                result = (alone ? file_write_alone : file_write_atomic)(dirfd_of_folder, "a", "new", 3, &mode, &error);
                counting = false;
                assert_int_equal(entries(), 1);
                struct buf buf;
                buf_init(&buf, 10);
                assert_int_equal(file_read(dirfd_of_folder, "a", &buf, NULL), 0);
                assert_true(strcmp(buf.data, "old") == 0 || strcmp(buf.data, "new") == 0);
                if (result == 0) {
                    // The look at the old label, and the last close of the directory, may fail unnoticed.
                    assert_true(strcmp(buf.data, "new") == 0);
                    result = calls < fail_at ? 0 : -1;
                } else {
                    assert_int_equal(error.code, ERROR_SYSTEM);
                    assert_non_null(strstr(error.message, strerror(fail_errno)));
                    seen++;
                }
                buf_free(&buf);
            }
        }
    }
    // open, write, fchown, fchmod, fsync, close, rename, open and fsync of the directory.
    assert_int_equal(seen, 4 * 2 * 9);
}

static void every_failing_call_of_a_link_leaves_old_or_new(void **unused)
{
    struct error error;
    int result = -1, seen = 0;
    char target[10];

    (void)unused;
    assert_int_equal(symlinkat("old", dirfd_of_folder, "l"), 0);
    for (fail_at = 1; result != 0; fail_at++) {
        calls = 0;
        counting = true;
        result = file_link_alone(dirfd_of_folder, "new", "l", &error);
        counting = false;
        assert_int_equal(entries(), 1);
        assert_int_equal(readlinkat(dirfd_of_folder, "l", target, sizeof(target)), 3);
        assert_true(memcmp(target, "old", 3) == 0 || memcmp(target, "new", 3) == 0);
        seen += result != 0;
        // The close of the directory that was synced changes nothing.
        result = calls < fail_at ? result : -1;
    }
    assert_int_equal(seen, 4);
    assert_memory_equal(target, "new", 3);
    assert_int_equal(file_link_atomic(dirfd_of_folder, "third", "l", &error), 0);
    assert_int_equal(readlinkat(dirfd_of_folder, "l", target, sizeof(target)), 5);
    assert_int_equal(entries(), 1);
}

static void file_write_alone_replaces_what_a_crash_left(void **unused)
{
    struct error error;

    (void)unused;
    put("a", "old", 0600);
    put(".a.tmp", "half", 0644);
    assert_int_equal(file_write_alone(dirfd_of_folder, "a", "new", 3, NULL, &error), 0);
    assert_content("a", "new");
    assert_int_equal(symlinkat("x", dirfd_of_folder, ".a.tmp"), 0);
    assert_int_equal(file_link_alone(dirfd_of_folder, "a", "a", &error), 0);
    assert_int_equal(entries(), 1);
}

static void file_write_atomic_does_not_follow_a_link(void **unused)
{
    struct error error;
    struct stat info;

    (void)unused;
    put("target", "precious", 0600);
    assert_int_equal(symlinkat("target", dirfd_of_folder, "a"), 0);
    assert_int_equal(file_write_atomic(dirfd_of_folder, "a", "new", 3, NULL, &error), 0);
    assert_content("target", "precious");
    assert_content("a", "new");
    assert_int_equal(fstatat(dirfd_of_folder, "a", &info, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(info.st_mode));
}

static void file_stage_and_commit_are_the_two_halves(void **unused)
{
    struct error error;
    char *staged;

    (void)unused;
    assert_int_equal(mkdirat(dirfd_of_folder, "d", 0700), 0);
    assert_int_equal(file_stage(dirfd_of_folder, "d/a", "new", 3, NULL, &staged, &error), 0);
    assert_memory_equal(staged, "d/.a.tmp", 8);
    assert_int_equal(strlen(staged), 14);
    assert_content(staged, "new");
    assert_int_equal(file_commit(dirfd_of_folder, staged, "d/a", &error), 0);
    assert_content("d/a", "new");
    free(staged);
    assert_int_equal(file_stage(dirfd_of_folder, "none/a", "new", 3, NULL, &staged, &error), -1);
    assert_null(staged);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void a_name_of_255_bytes_can_be_written(void **unused)
{
    struct error error;
    char name[256];

    (void)unused;
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(file_write_atomic(dirfd_of_folder, name, "x", 1, NULL, &error), 0);
    assert_content(name, "x");
}

static void directories_are_made_with_their_parents(void **unused)
{
    struct error error;
    struct stat info;

    (void)unused;
    umask(022);
    assert_int_equal(file_make_directory(dirfd_of_folder, "a/b//c/", 0700, false, &error), -1);
    assert_int_equal(file_make_directory(dirfd_of_folder, "a/b//c/", 0700, true, &error), 0);
    assert_int_equal(file_make_directory(dirfd_of_folder, "a/b/c", 0700, true, &error), 0);
    assert_int_equal(fstatat(dirfd_of_folder, "a/b/c", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(fstatat(dirfd_of_folder, "a/b", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0755);
    put("file", "", 0600);
    assert_int_equal(file_make_directory(dirfd_of_folder, "file", 0700, false, &error), -1);
    assert_string_equal(error.message, "file is no directory");
}

static void trees_are_removed_without_following_links(void **unused)
{
    struct error error;
    char name[40];

    (void)unused;
    put("precious", "x", 0600);
    assert_int_equal(file_make_directory(dirfd_of_folder, "t/a/b/c", 0700, true, &error), 0);
    assert_int_equal(symlinkat("../precious", dirfd_of_folder, "t/link"), 0);
    assert_int_equal(symlinkat("../..", dirfd_of_folder, "t/a/up"), 0);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "t/a/b/file-%d", i);
        put(name, "x", 0400);
    }
    assert_int_equal(file_remove_tree(dirfd_of_folder, "t", &error), 0);
    assert_int_equal(entries(), 1);
    assert_content("precious", "x");
    assert_int_equal(file_remove_tree(dirfd_of_folder, "t", &error), 0);
    assert_int_equal(file_remove(dirfd_of_folder, "precious", &error), 0);
    assert_int_equal(file_remove(dirfd_of_folder, "precious", &error), 0);
    assert_int_equal(entries(), 0);
}

static void file_rename_moves_between_directories(void **unused)
{
    struct error error;

    (void)unused;
    put("a", "x", 0600);
    assert_int_equal(mkdirat(dirfd_of_folder, "d", 0700), 0);
    assert_int_equal(file_rename(dirfd_of_folder, "a", "d/b", &error), 0);
    assert_content("d/b", "x");
    assert_int_equal(file_rename(dirfd_of_folder, "a", "d/b", &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void only_trusted_files_are_obeyed(void **unused)
{
    static const struct {
        mode_t mode, parent;
        unsigned uid, gid;
        bool trusted, secret;
    } cases[] = {
        {0600, 0755, 0, 0, true, true},      {0644, 0755, 0, 0, true, false},    {0664, 0755, 0, 0, true, false},
        {0660, 0755, 0, 0, true, true},      {0640, 0755, 0, 1000, true, false}, {0660, 0755, 0, 1000, false, false},
        {0602, 0755, 0, 0, false, false},    {0604, 0755, 0, 0, true, false},    {0600, 0777, 0, 0, false, true},
        {0600, 01777, 0, 0, true, true},     {01602, 0755, 0, 0, false, false},  {0600, 0755, 1000, 0, false, false},
        {0400, 0755, 1001, 0, false, false},
    };
    char path[300];

    (void)unused;
    if (getuid() != 0) {
        skip();
    }
    snprintf(path, sizeof(path), "%s/d/f", folder);
    assert_int_equal(mkdirat(dirfd_of_folder, "d", 0755), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put("d/f", "x", 0600);
        assert_int_equal(chown(path, cases[i].uid, cases[i].gid), 0);
        assert_int_equal(chmod(path, cases[i].mode), 0);
        assert_int_equal(fchmodat(dirfd_of_folder, "d", cases[i].parent, 0), 0);
        struct error error = {.code = ERROR_NONE};
        assert_int_equal(file_check_trusted(path, true, &error), cases[i].trusted ? 0 : -1);
        assert_int_equal(error.code, cases[i].trusted ? ERROR_NONE : ERROR_REFUSED);
        assert_int_equal(file_check_secret(path, &error), cases[i].secret ? 0 : -1);
        if (cases[i].uid != 0) {
            pretended_uid = cases[i].uid;
            assert_int_equal(file_check_trusted(path, true, &error), 0);
            pretended_uid = 0;
        }
    }
    assert_int_equal(unlink(path), 0);
    struct error error;
    assert_int_equal(file_check_trusted(path, true, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void links_are_judged_by_their_target(void **unused)
{
    struct error error;
    char link[300];

    (void)unused;
    snprintf(link, sizeof(link), "%s/link", folder);
    assert_int_equal(mkdirat(dirfd_of_folder, "d", 0755), 0);
    put("d/f", "x", 0600);
    assert_int_equal(symlinkat("d/f", dirfd_of_folder, "link"), 0);
    assert_int_equal(file_check_trusted(link, true, &error), 0);
    assert_int_equal(fchmodat(dirfd_of_folder, "d", 0777, 0), 0);
    assert_int_equal(file_check_trusted(link, false, &error), 0);
    assert_int_equal(file_check_trusted(link, true, &error), -1);
    assert_non_null(strstr(error.message, "/d (mode 0777"));
    assert_int_equal(fchmodat(dirfd_of_folder, "d", 0755, 0), 0);
    // Who can change the link can choose the target.
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(file_check_trusted(link, true, &error), -1);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(fchmodat(dirfd_of_folder, "d/f", 0666, 0), 0);
    assert_int_equal(file_check_trusted(link, false, &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_read_gives_all_or_nothing),
        cmocka_unit_test(file_read_refuses_what_is_no_regular_file),
        cmocka_unit_test(file_read_goes_by_what_it_reads),
        cmocka_unit_test(file_write_atomic_replaces_and_sets_the_mode),
        cmocka_unit_test(file_write_atomic_survives_short_and_interrupted_writes),
        cmocka_unit_test(every_failing_call_of_a_write_leaves_old_or_new),
        cmocka_unit_test(every_failing_call_of_a_link_leaves_old_or_new),
        cmocka_unit_test(file_write_alone_replaces_what_a_crash_left),
        cmocka_unit_test(file_write_atomic_does_not_follow_a_link),
        cmocka_unit_test(file_stage_and_commit_are_the_two_halves),
        cmocka_unit_test(a_name_of_255_bytes_can_be_written),
        cmocka_unit_test(directories_are_made_with_their_parents),
        cmocka_unit_test(trees_are_removed_without_following_links),
        cmocka_unit_test(file_rename_moves_between_directories),
        cmocka_unit_test(only_trusted_files_are_obeyed),
        cmocka_unit_test(links_are_judged_by_their_target),
    };
    struct CMUnitTest with_folder[sizeof(tests) / sizeof(tests[0])];

    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        with_folder[i] = tests[i];
        with_folder[i].setup_func = setup;
        with_folder[i].teardown_func = teardown;
    }
    return cmocka_run_group_tests(with_folder, NULL, NULL);
}
