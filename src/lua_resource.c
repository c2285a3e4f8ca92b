// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the Lua modules share: resources that Lua values own, buffers, failures, arguments.
#include "lua_resource.h"

#include <stddef.h>
#include <string.h>

#include "lua_sandbox.h"

#define BUFFER "buffer"
#define HEAD ((sizeof(struct resource) + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t))

static void *payload_of(struct resource *resource)
{
    return (char *)resource + HEAD;
}

void resource_release(struct resource *resource)
{
    void (*release)(void *payload) = resource->release;
    if (release == NULL) {
        return;
    }
    resource->release = NULL;
    *resource->link = resource->next;
    if (resource->next != NULL) {
        resource->next->link = resource->link;
    }
    release(payload_of(resource));
}

// __gc and __close. The metatable is out of reach of Lua code, so the argument is a resource.
static int collect(lua_State *L)
{
    struct resource *resource = lua_touserdata(L, 1);
    if (resource != NULL) {
        resource_release(resource);
    }
    return 0;
}

void sandbox_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
    if (luaL_newmetatable(L, name) != 0) {
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__close");
        lua_pushboolean(L, false);
        lua_setfield(L, -2, "__metatable");
        lua_newtable(L);
        if (methods != NULL) {
            luaL_setfuncs(L, methods, 0);
        }
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
}

void *sandbox_resource(lua_State *L, const char *name, size_t size, void (*release)(void *payload))
{
    struct resource *resource = lua_newuserdatauv(L, HEAD + size, 0);
    struct resource **list = sandbox_resources(L);
    memset(resource, 0, HEAD + size);
    luaL_setmetatable(L, name);
    resource->release = release;
    resource->link = list;
    resource->next = *list;
    if (resource->next != NULL) {
        resource->next->link = &resource->next;
    }
    *list = resource;
    return payload_of(resource);
}

void *sandbox_check(lua_State *L, int argument, const char *name)
{
    struct resource *resource = luaL_checkudata(L, argument, name);
    luaL_argcheck(L, resource->release != NULL, argument, "it was closed before");
    return payload_of(resource);
}

void sandbox_close(lua_State *L, int index)
{
    struct resource *resource = lua_touserdata(L, index);
    resource_release(resource);
}

static void release_buf(void *payload)
{
    buf_free(payload);
}

struct buf *sandbox_buf(lua_State *L, size_t limit, bool secret)
{
    struct buf *buf = sandbox_resource(L, BUFFER, sizeof(struct buf), release_buf);
    if (secret) {
        buf_init_secret(buf, limit);
    } else {
        buf_init(buf, limit);
    }
    return buf;
}

void sandbox_push_buf(lua_State *L, struct buf *buf)
{
    if (buf->failed) {
        luaL_error(L, "the result is too long, or there is not enough memory");
    }
    lua_pushlstring(L, buf_string(buf), buf->length);
    buf_free(buf);
}

int sandbox_fail(lua_State *L, const struct error *error)
{
    static const char *const words[] = {
        [ERROR_NONE] = "system",         [ERROR_USAGE] = "usage",   [ERROR_CONFIG] = "usage",
        [ERROR_SYSTEM] = "system",       [ERROR_FORMAT] = "format", [ERROR_REFUSED] = "refused",
        [ERROR_NOT_FOUND] = "not_found", [ERROR_BUSY] = "busy",     [ERROR_TIMEOUT] = "timeout",
        [ERROR_HOOK] = "hook",
    };
    lua_pushnil(L);
    lua_pushstring(L, error->message);
    lua_pushstring(L, words[error->code]);
    return 3;
}

const char *sandbox_text(lua_State *L, int argument)
{
    size_t length;
    luaL_checktype(L, argument, LUA_TSTRING);
    const char *text = lua_tolstring(L, argument, &length);
    luaL_argcheck(L, strlen(text) == length, argument, "text without NUL bytes expected");
    return text;
}

const char *sandbox_unknown_field(lua_State *L, int index, const char *const *fields)
{
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(no name)";
        const char *const *known = fields;
        while (*known != NULL && strcmp(*known, name) != 0) {
            known++;
        }
        if (*known == NULL) {
            lua_pop(L, 2);
            return name;
        }
        lua_pop(L, 1);
    }
    return NULL;
}

void sandbox_fields(lua_State *L, int index, const char *const *fields)
{
    if (!lua_isnoneornil(L, index)) {
        luaL_checktype(L, index, LUA_TTABLE);
        const char *name = sandbox_unknown_field(L, index, fields);
        if (name != NULL) {
            luaL_argerror(L, index, lua_pushfstring(L, "unknown field '%s'", name));
        }
    }
}

void sandbox_sort(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "certauto.sort");
    lua_pushvalue(L, -2);
    lua_call(L, 1, 0);
}

void resource_set_up(lua_State *L)
{
    sandbox_type(L, BUFFER, NULL);
    // Kept before any hook can put something else in its place.
    lua_getglobal(L, LUA_TABLIBNAME);
    lua_getfield(L, -1, "sort");
    lua_setfield(L, LUA_REGISTRYINDEX, "certauto.sort");
    lua_pop(L, 1);
}
