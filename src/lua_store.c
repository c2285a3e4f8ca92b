// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.store: what hooks keep, one file a key, with a lock per key.
#include <string.h>
#include <unistd.h>

#include "lua_sandbox.h"
#include "store.h"

#define LOCK "lock"
#define MAX_KEYS (1024 * 1024) // bytes of all keys of a list

// The folder, or -1 with error.
static int folder(lua_State *L, struct error *error)
{
    int dirfd = sandbox_context(L)->store_dirfd;
    sandbox_watch(L);
    return dirfd >= 0 ? dirfd : error_set(error, ERROR_REFUSED, "there is no store here");
}

static int get(lua_State *L)
{
    struct error error;
    const char *key = sandbox_text(L, 1);
    int dirfd = folder(L, &error);
    struct buf *value = sandbox_buf(L, STORE_MAX_VALUE, true);
    if (dirfd < 0 || store_get(dirfd, key, value, &error) != 0) {
        buf_free(value);
        return sandbox_fail(L, &error);
    }
    sandbox_push_buf(L, value);
    return 1;
}

static int set(lua_State *L)
{
    struct error error;
    size_t length;
    const char *key = sandbox_text(L, 1);
    const char *value = luaL_checklstring(L, 2, &length);
    int dirfd = folder(L, &error);
    if (dirfd < 0 || store_set(dirfd, key, value, length, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    lua_pushboolean(L, true);
    return 1;
}

static int delete (lua_State *L)
{
    struct error error;
    const char *key = sandbox_text(L, 1);
    int dirfd = folder(L, &error);
    if (dirfd < 0 || store_delete(dirfd, key, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    lua_pushboolean(L, true);
    return 1;
}

static int list(lua_State *L)
{
    struct error error;
    const char *prefix = lua_isnoneornil(L, 1) ? "" : sandbox_text(L, 1);
    int dirfd = folder(L, &error);
    struct buf *keys = sandbox_buf(L, MAX_KEYS, false);
    if (dirfd < 0 || store_list(dirfd, prefix, keys, &error) != 0) {
        buf_free(keys);
        return sandbox_fail(L, &error);
    }
    lua_newtable(L);
    lua_Integer count = 0;
    for (const char *at = buf_string(keys), *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        lua_pushlstring(L, at, (size_t)(end - at));
        lua_rawseti(L, -2, ++count);
    }
    buf_free(keys);
    return 1;
}

// The payload is the descriptor and 1, so that zeroed memory is no lock.
static void release_lock(void *payload)
{
    int fd = *(int *)payload - 1;
    if (fd >= 0) {
        close(fd);
    }
}

static int lock(lua_State *L)
{
    struct error error;
    const char *key = sandbox_text(L, 1);
    int dirfd = folder(L, &error);
    int *held = sandbox_resource(L, LOCK, sizeof *held, release_lock);
    int fd = dirfd < 0 ? -1 : store_lock(dirfd, key, sandbox_context(L)->deadline_boot_ms, &error);
    if (fd < 0) {
        return sandbox_fail(L, &error);
    }
    *held = fd + 1;
    return 1;
}

static int close_lock(lua_State *L)
{
    sandbox_check(L, 1, LOCK);
    sandbox_close(L, 1);
    lua_pushboolean(L, true);
    return 1;
}

static const luaL_Reg functions[] = {
    {"get", get}, {"set", set}, {"delete", delete}, {"list", list}, {"lock", lock}, {NULL, NULL},
};

static const luaL_Reg lock_methods[] = {
    {"close", close_lock},
    {NULL, NULL},
};

int luaopen_certauto_store(lua_State *L)
{
    sandbox_type(L, LOCK, lock_methods);
    luaL_newlib(L, functions);
    return 1;
}
