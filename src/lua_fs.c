// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.fs: files read whole, written whole, looked at.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "file.h"
#include "lua_sandbox.h"

#define STAGED "staged file"
#define DIRECTORY "directory"
#define READ_DEFAULT (1024 * 1024)
#define READ_MOST (16 * 1024 * 1024)
#define MAX_NAMES 10000
#define MAX_LABEL 256

static int fail_errno(lua_State *L, const char *path)
{
    struct error error;
    error_errno(&error, "%s", path);
    return sandbox_fail(L, &error);
}

static int succeed(lua_State *L)
{
    lua_pushboolean(L, true);
    return 1;
}

// ---- Attributes

// Octal text or an integer; raises for others. The value is on top of the stack.
static mode_t read_mode(lua_State *L, int argument)
{
    lua_Integer mode = -1;
    if (lua_isinteger(L, -1)) {
        mode = lua_tointeger(L, -1);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        const char *text = lua_tostring(L, -1);
        char *end;
        bool octal = strspn(text, "01234567") == strlen(text) && strlen(text) >= 3 && strlen(text) <= 5;
        mode = octal ? strtol(text, &end, 8) : -1;
    }
    luaL_argcheck(L, mode >= 0 && mode <= 07777, argument, "mode is an integer or octal text as \"0640\"");
    return (mode_t)mode;
}

// The number of an account or group, on top of the stack as a number or a name. False with error for a name
// that nobody has.
static bool read_account(lua_State *L, int argument, bool group, unsigned *id, struct error *error)
{
    const char *what = group ? "group" : "owner";
    if (lua_isinteger(L, -1)) {
        lua_Integer number = lua_tointeger(L, -1);
        luaL_argcheck(L, number >= 0 && number < (lua_Integer)UINT_MAX, argument, "no such number of an account");
        *id = (unsigned)number;
        return true;
    }
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, argument, "owner and group are names or numbers");
    const char *name = lua_tostring(L, -1);
    if (name[0] != '\0' && strspn(name, "0123456789") == strlen(name) && strlen(name) < 10) {
        *id = (unsigned)strtoul(name, NULL, 10);
        return true;
    }
    const struct group *found_group = group ? getgrnam(name) : NULL;
    const struct passwd *found = group ? NULL : getpwnam(name);
    if (found_group == NULL && found == NULL) {
        error_set(error, ERROR_NOT_FOUND, "there is no %s '%s'", what, name);
        return false;
    }
    *id = group ? found_group->gr_gid : found->pw_uid;
    return true;
}

// Reads the table of attributes at "argument".
static bool read_attributes(lua_State *L, int argument, struct file_mode *mode, struct error *error)
{
    static const char *const fields[] = {"mode", "owner", "group", NULL};
    *mode = (struct file_mode){.mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    sandbox_fields(L, argument, fields);
    if (lua_isnoneornil(L, argument)) {
        return true;
    }
    if (lua_getfield(L, argument, "mode") != LUA_TNIL) {
        mode->mode = read_mode(L, argument);
    }
    if (lua_getfield(L, argument, "owner") != LUA_TNIL) {
        mode->set_owner = true;
        if (!read_account(L, argument, false, &mode->uid, error)) {
            return false;
        }
    }
    if (lua_getfield(L, argument, "group") != LUA_TNIL) {
        mode->set_owner = true;
        if (!read_account(L, argument, true, &mode->gid, error)) {
            return false;
        }
    }
    lua_pop(L, 3);
    return true;
}

// ---- Whole files

static int read_file(lua_State *L)
{
    sandbox_watch(L);
    struct error error;
    const char *path = sandbox_text(L, 1);
    lua_Integer limit = luaL_optinteger(L, 2, READ_DEFAULT);
    luaL_argcheck(L, limit >= 0 && limit <= READ_MOST, 2, "a limit from 0 to 16 MiB expected");
    struct buf *content = sandbox_buf(L, (size_t)limit, true);
    if (file_read(AT_FDCWD, path, content, &error) != 0) {
        buf_free(content);
        return sandbox_fail(L, &error);
    }
    sandbox_push_buf(L, content);
    return 1;
}

static int write_file(lua_State *L)
{
    sandbox_watch(L);
    struct error error;
    struct file_mode mode;
    size_t length;
    const char *path = sandbox_text(L, 1), *bytes = luaL_checklstring(L, 2, &length);
    if (!read_attributes(L, 3, &mode, &error) || file_write_atomic(AT_FDCWD, path, bytes, length, &mode, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    return succeed(L);
}

// A temporary file that waits for its switch.
struct staged {
    char *temporary; // NULL: committed or discarded
    char *path;
};

static void release_staged(void *payload)
{
    struct staged *staged = payload;
    if (staged->temporary != NULL) {
        unlink(staged->temporary);
    }
    free(staged->temporary);
    free(staged->path);
    *staged = (struct staged){0};
}

static int stage_file(lua_State *L)
{
    sandbox_watch(L);
    struct error error;
    struct file_mode mode;
    size_t length;
    const char *path = sandbox_text(L, 1), *bytes = luaL_checklstring(L, 2, &length);
    if (!read_attributes(L, 3, &mode, &error)) {
        return sandbox_fail(L, &error);
    }
    struct staged *staged = sandbox_resource(L, STAGED, sizeof *staged, release_staged);
    staged->path = strdup(path);
    if (staged->path == NULL) {
        error_set(&error, ERROR_SYSTEM, "%s: no memory", path);
        return sandbox_fail(L, &error);
    }
    if (file_stage(AT_FDCWD, path, bytes, length, &mode, &staged->temporary, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    return 1;
}

static int commit_staged(lua_State *L)
{
    sandbox_watch(L);
    struct error error;
    struct staged *staged = sandbox_check(L, 1, STAGED);
    if (file_commit(AT_FDCWD, staged->temporary, staged->path, &error) != 0) {
        sandbox_close(L, 1);
        return sandbox_fail(L, &error);
    }
    free(staged->temporary);
    staged->temporary = NULL;
    sandbox_close(L, 1);
    return succeed(L);
}

static int discard_staged(lua_State *L)
{
    sandbox_check(L, 1, STAGED);
    sandbox_close(L, 1);
    return succeed(L);
}

static int remove_file(lua_State *L)
{
    sandbox_watch(L);
    struct error error;
    return file_remove(AT_FDCWD, sandbox_text(L, 1), &error) == 0 ? succeed(L) : sandbox_fail(L, &error);
}

// ---- Looking

static int exists(lua_State *L)
{
    lua_pushboolean(L, access(sandbox_text(L, 1), F_OK) == 0);
    return 1;
}

static void set_integer(lua_State *L, const char *name, long long value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static const char *type_word(mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "link" : "other";
}

static int push_status(lua_State *L, bool follow)
{
    struct stat status;
    const char *path = sandbox_text(L, 1);
    if ((follow ? stat(path, &status) : lstat(path, &status)) != 0) {
        return fail_errno(L, path);
    }
    lua_createtable(L, 0, 10);
    lua_pushstring(L, type_word(status.st_mode));
    lua_setfield(L, -2, "type");
    set_integer(L, "size", status.st_size);
    set_integer(L, "mode", status.st_mode & 07777);
    set_integer(L, "owner", status.st_uid);
    set_integer(L, "group", status.st_gid);
    set_integer(L, "mtime", status.st_mtime);
    if (follow) {
        lua_pushboolean(L, access(path, W_OK) == 0);
        lua_setfield(L, -2, "writable");
    }
    const struct passwd *owner = getpwuid(status.st_uid);
    lua_pushstring(L, owner != NULL ? owner->pw_name : NULL);
    lua_setfield(L, -2, "owner_name");
    const struct group *group = getgrgid(status.st_gid);
    lua_pushstring(L, group != NULL ? group->gr_name : NULL);
    lua_setfield(L, -2, "group_name");
    char label[MAX_LABEL];
    ssize_t length = follow ? getxattr(path, "security.selinux", label, sizeof label)
                            : lgetxattr(path, "security.selinux", label, sizeof label);
    if (length > 0) {
        // The kernel counts the NUL at its end.
        lua_pushlstring(L, label, strnlen(label, (size_t)length));
        lua_setfield(L, -2, "label");
    }
    return 1;
}

static int stat_file(lua_State *L)
{
    return push_status(L, true);
}

static int lstat_file(lua_State *L)
{
    return push_status(L, false);
}

// ---- Directories and links

static int make_directory(lua_State *L)
{
    sandbox_watch(L);
    static const char *const fields[] = {"mode", "parents", NULL};
    struct error error;
    const char *path = sandbox_text(L, 1);
    mode_t mode = 0755;
    bool parents = false;
    sandbox_fields(L, 2, fields);
    if (!lua_isnoneornil(L, 2)) {
        if (lua_getfield(L, 2, "mode") != LUA_TNIL) {
            mode = read_mode(L, 2);
        }
        lua_getfield(L, 2, "parents");
        parents = lua_toboolean(L, -1);
    }
    return file_make_directory(AT_FDCWD, path, mode, parents, &error) == 0 ? succeed(L) : sandbox_fail(L, &error);
}

static int make_link(lua_State *L)
{
    sandbox_watch(L);
    struct error error;
    const char *target = sandbox_text(L, 1), *path = sandbox_text(L, 2);
    return file_link_atomic(AT_FDCWD, target, path, &error) == 0 ? succeed(L) : sandbox_fail(L, &error);
}

static int read_link(lua_State *L)
{
    char target[PATH_MAX];
    const char *path = sandbox_text(L, 1);
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0) {
        return fail_errno(L, path);
    }
    lua_pushlstring(L, target, (size_t)length);
    return 1;
}

static void release_directory(void *payload)
{
    DIR **dir = payload;
    if (*dir != NULL) {
        closedir(*dir);
    }
    *dir = NULL;
}

static int list_directory(lua_State *L)
{
    sandbox_watch(L);
    struct error error;
    const char *path = sandbox_text(L, 1);
    lua_settop(L, 1);
    DIR **dir = sandbox_resource(L, DIRECTORY, sizeof *dir, release_directory);
    *dir = opendir(path);
    if (*dir == NULL) {
        return fail_errno(L, path);
    }
    lua_newtable(L);
    lua_Integer count = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(*dir);
        if (entry == NULL && errno != 0) {
            return fail_errno(L, path);
        }
        if (entry == NULL) {
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (count == MAX_NAMES) {
            error_set(&error, ERROR_REFUSED, "%s: there are more than %d names", path, MAX_NAMES);
            return sandbox_fail(L, &error);
        }
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -2, ++count);
    }
    sandbox_close(L, 2);
    sandbox_sort(L);
    return 1;
}

static const luaL_Reg functions[] = {
    {"read", read_file}, {"write", write_file},   {"stage", stage_file},    {"remove", remove_file},
    {"exists", exists},  {"stat", stat_file},     {"lstat", lstat_file},    {"mkdir", make_directory},
    {"link", make_link}, {"readlink", read_link}, {"list", list_directory}, {NULL, NULL},
};

static const luaL_Reg staged_methods[] = {
    {"commit", commit_staged},
    {"discard", discard_staged},
    {NULL, NULL},
};

int luaopen_certauto_fs(lua_State *L)
{
    sandbox_type(L, STAGED, staged_methods);
    sandbox_type(L, DIRECTORY, NULL);
    luaL_newlib(L, functions);
    return 1;
}
