// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The Lua state that hooks live in: capped memory, a deadline, few libraries, "require" of our own.
#include "lua_sandbox.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "hook_text.h"
#include "lua_resource.h"

// The clock is looked at after so many instructions.
#define WATCH_INSTRUCTIONS 1000
#define MAX_MESSAGE 4096
#define MAX_TRACEBACK 16384
#define MAX_FILE (1024 * 1024)
#define LOADED "certauto.loaded"

// Every block of memory is in a list, so that a state can be left in the middle of anything and all its
// memory still be given back, without running any of its code.
struct block {
    struct block *next, *previous;
    size_t size;
};
#define BLOCK_HEAD ((sizeof(struct block) + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t))

struct sandbox {
    const struct hook_context *context;
    lua_State *lua;
    struct block *blocks;
    struct resource *resources;
    size_t used; // bytes of all blocks, their heads included
    jmp_buf leave;
    struct buf *message, *traceback; // of the run under way
    bool script;
};

// ---- Memory

static void link_block(struct sandbox *sandbox, struct block *block)
{
    block->previous = NULL;
    block->next = sandbox->blocks;
    if (block->next != NULL) {
        block->next->previous = block;
    }
    sandbox->blocks = block;
}

static void unlink_block(struct sandbox *sandbox, struct block *block)
{
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        sandbox->blocks = block->next;
    }
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
}

static struct block *block_of(void *memory)
{
    return memory == NULL ? NULL : (struct block *)(void *)((char *)memory - BLOCK_HEAD);
}

void sandbox_give(struct sandbox *sandbox, void *memory)
{
    struct block *block = block_of(memory);
    if (block != NULL) {
        unlink_block(sandbox, block);
        sandbox->used -= block->size + BLOCK_HEAD;
        // A bundle's key is among what Lua holds, and nobody knows where.
        explicit_bzero(memory, block->size);
        free(block);
    }
}

// As realloc(3), within the limit.
static void *resize(struct sandbox *sandbox, void *memory, size_t size)
{
    struct block *old = block_of(memory);
    size_t old_size = old == NULL ? 0 : old->size + BLOCK_HEAD;
    size_t limit = sandbox->context->memory_bytes;
    if (size > limit || sandbox->used - old_size + BLOCK_HEAD > limit - size) {
        return NULL;
    }
    if (old != NULL) {
        unlink_block(sandbox, old);
    }
    struct block *block = realloc(old, BLOCK_HEAD + size);
    if (block == NULL) {
        if (old != NULL) {
            link_block(sandbox, old);
        }
        return NULL;
    }
    block->size = size;
    sandbox->used += BLOCK_HEAD + size - old_size;
    link_block(sandbox, block);
    return (char *)block + BLOCK_HEAD;
}

void *sandbox_take(struct sandbox *sandbox, size_t size)
{
    return resize(sandbox, NULL, size);
}

// lua_Alloc. Lua trusts that making a block smaller never fails.
static void *allocate(void *data, void *memory, size_t old_size, size_t size)
{
    struct sandbox *sandbox = data;
    if (size == 0) {
        sandbox_give(sandbox, memory);
        return NULL;
    }
    void *moved = resize(sandbox, memory, size);
    return moved == NULL && memory != NULL && size <= old_size ? memory : moved;
}

// ---- Deadline

static int trace(lua_State *L)
{
    luaL_traceback(L, lua_touserdata(L, 1), NULL, 0);
    return 1;
}

// Past the deadline the state is left for good: an error could be caught by pcall, by a
// coroutine or by a handler that loops in its turn, and hooks do not fire in all of these.
void sandbox_watch(lua_State *L)
{
    struct sandbox *sandbox = sandbox_of(L);
    if (clock_boot_ms() < sandbox->context->deadline_boot_ms) {
        return;
    }
    buf_clear(sandbox->message);
    buf_clear(sandbox->traceback);
    buf_text(sandbox->message, "the hook did not end in time and was stopped");
    lua_pushcfunction(L, trace);
    lua_pushlightuserdata(L, L);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
        buf_text(sandbox->traceback, lua_tostring(L, -1));
    }
    longjmp(sandbox->leave, 1);
}

static void watch(lua_State *L, lua_Debug *debug)
{
    (void)debug;
    sandbox_watch(L);
}

// ---- Errors

// Puts the error value into the message. Values of any kind can be raised.
static void describe(lua_State *L, struct sandbox *sandbox)
{
    size_t length;
    const char *text = NULL;
    if (lua_type(L, 1) == LUA_TSTRING) {
        text = lua_tolstring(L, 1, &length);
    } else if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
        text = luaL_tolstring(L, 1, &length);
    }
    buf_clear(sandbox->message);
    if (text != NULL) {
        buf_escape_message(sandbox->message, text, length, MAX_MESSAGE);
    } else {
        buf_format(sandbox->message, "it raised a %s value, which has no text", luaL_typename(L, 1));
    }
}

static int handle(lua_State *L)
{
    struct sandbox *sandbox = sandbox_of(L);
    describe(L, sandbox);
    luaL_traceback(L, L, NULL, 1);
    buf_clear(sandbox->traceback);
    buf_text(sandbox->traceback, lua_tostring(L, -1));
    lua_settop(L, 1);
    return 1;
}

enum sandbox_end sandbox_run(struct sandbox *sandbox, lua_CFunction body, void *data, struct buf *message,
                             struct buf *traceback)
{
    lua_State *L = sandbox->lua;
    sandbox->message = message;
    sandbox->traceback = traceback;
    if (setjmp(sandbox->leave) != 0) {
        return SANDBOX_RAISED;
    }
    if (sandbox->context->deadline_boot_ms != LLONG_MAX) {
        lua_sethook(L, watch, LUA_MASKCOUNT, WATCH_INSTRUCTIONS);
    }
    lua_settop(L, 0);
    lua_pushcfunction(L, handle);
    lua_pushcfunction(L, body);
    lua_pushlightuserdata(L, data);
    int status = lua_pcall(L, 1, 0, 1);
    if (status == LUA_OK) {
        return SANDBOX_DONE;
    }
    // The handler is not called for these two.
    if (status == LUA_ERRMEM || status == LUA_ERRERR) {
        buf_clear(message);
        buf_clear(traceback);
        buf_text(message, status == LUA_ERRMEM ? "not enough memory" : "it raised an error while one was handled");
    }
    return SANDBOX_RAISED;
}

// ---- Libraries

// load(): text only, whatever mode is asked for.
static int load_text(lua_State *L)
{
    int count = lua_gettop(L) >= 4 ? 4 : 3;
    lua_settop(L, count);
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, count, LUA_MULTRET);
    return lua_gettop(L);
}

// setmetatable() without finalizers: Lua runs them with its hooks off, so that no deadline would hold them.
static int set_metatable(lua_State *L)
{
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L, "__gc is not to be had here; a <close> variable is");
        }
        lua_pop(L, 1);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int print_line(lua_State *L)
{
    int count = lua_gettop(L);
    for (int i = 1; i <= count; i++) {
        size_t length;
        const char *text = luaL_tolstring(L, i, &length);
        fwrite(text, 1, length, stdout);
        fputc(i == count ? '\n' : '\t', stdout);
        lua_pop(L, 1);
    }
    if (count == 0) {
        fputc('\n', stdout);
    }
    fflush(stdout);
    return 0;
}

struct module {
    const char *name;
    lua_CFunction open;
};

static const struct module libraries[] = {
    {LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
    {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
    {LUA_UTF8LIBNAME, luaopen_utf8},  {LUA_COLIBNAME, luaopen_coroutine},
    {LUA_OSLIBNAME, luaopen_os},      {NULL, NULL},
};

static const struct module modules[] = {
    {"codec", luaopen_certauto_codec}, {"exec", luaopen_certauto_exec}, {"fs", luaopen_certauto_fs},
    {"http", luaopen_certauto_http},   {"json", luaopen_certauto_json}, {"key", luaopen_certauto_key},
    {"log", luaopen_certauto_log},     {"net", luaopen_certauto_net},   {"store", luaopen_certauto_store},
    {"time", luaopen_certauto_time},   {"x509", luaopen_certauto_x509}, {NULL, NULL},
};

// Puts a function of ours in the place of a basic one, which becomes its upvalue.
static void wrap_global(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getglobal(L, name);
    lua_pushcclosure(L, function, 1);
    lua_setglobal(L, name);
}

static void remove_field(lua_State *L, const char *table, const char *field)
{
    lua_getglobal(L, table);
    lua_pushnil(L);
    lua_setfield(L, -2, field);
    lua_pop(L, 1);
}

// Of os only what cannot change the world.
static void limit_os(lua_State *L)
{
    static const char *const kept[] = {"time", "date", "clock", "getenv", NULL};
    lua_newtable(L);
    lua_getglobal(L, LUA_OSLIBNAME);
    for (const char *const *name = kept; *name != NULL; name++) {
        lua_getfield(L, -1, *name);
        lua_setfield(L, -3, *name);
    }
    lua_pop(L, 1);
    lua_setglobal(L, LUA_OSLIBNAME);
}

// ---- require

// "lib.one.two" to "one/two". False for a name that is none.
static bool library_name(const char *name, struct buf *path)
{
    size_t part = 0;
    for (; *name != '\0'; name++) {
        bool dot = *name == '.';
        if (dot ? part == 0 : strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == 0) {
            return false;
        }
        part = dot ? 0 : part + 1;
        buf_char(path, dot ? '/' : *name);
    }
    return part > 0 && !path->failed;
}

int sandbox_load(lua_State *L, const char *kind, const char *name, struct error *error)
{
    const char *folder = sandbox_context(L)->hooks_dir;
    struct buf *text = sandbox_buf(L, MAX_FILE, false);
    int place = lua_gettop(L);
    lua_pushfstring(L, "@%s/%s/%s.lua", folder != NULL ? folder : "", kind, name);
    const char *chunk = lua_tostring(L, -1);
    int result = -1;
    error_clear(error);
    if (folder != NULL && file_check_trusted(chunk + 1, true, error) == 0 &&
        file_read(AT_FDCWD, chunk + 1, text, error) == 0) {
        result = 0;
    } else if (error->code == ERROR_NONE || error->code == ERROR_NOT_FOUND) {
        const struct hook_file *file = hook_builtin(kind, name);
        if (file == NULL) {
            lua_settop(L, place - 1);
            return error_set(error, ERROR_NOT_FOUND, "there is no %s/%s.lua, neither in %s nor built in", kind, name,
                             folder != NULL ? folder : "hooks_dir");
        }
        chunk = lua_pushfstring(L, "@%s/%s.lua", kind, name);
        result = hook_text(file, text, error);
    }
    if (result == 0 && luaL_loadbufferx(L, buf_string(text), text->length, chunk, "t") != LUA_OK) {
        result = error_set(error, ERROR_HOOK, "%s", lua_tostring(L, -1));
    }
    // Not left to the collector, which does not see how much it is.
    buf_free(text);
    if (result != 0) {
        lua_settop(L, place - 1);
        return -1;
    }
    lua_replace(L, place);
    lua_settop(L, place);
    return 0;
}

// Pushes what opens the module: a C function, or the chunk of a library.
static void find_module(lua_State *L, const char *name)
{
    if (strncmp(name, "certauto.", 9) == 0) {
        for (const struct module *module = modules; module->name != NULL; module++) {
            if (strcmp(module->name, name + 9) == 0) {
                lua_pushcfunction(L, module->open);
                return;
            }
        }
    } else if (strncmp(name, "lib.", 4) == 0) {
        struct error error;
        struct buf *path = sandbox_buf(L, 256, false);
        if (!library_name(name + 4, path)) {
            luaL_error(L, "'%s' is not the name of a library", name);
        } else if (sandbox_load(L, "lib", buf_string(path), &error) != 0) {
            luaL_error(L, "%s", error.message);
        }
        return;
    }
    luaL_error(L, "there is no module '%s': hooks have certauto.* and lib.*", name);
}

static int require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LOADED);
    if (lua_getfield(L, 2, name) == LUA_TNIL) {
        // Until it has returned it stands as false, which is how a circle shows.
        lua_pushboolean(L, false);
        lua_setfield(L, 2, name);
        find_module(L, name);
        lua_pushvalue(L, 1);
        lua_call(L, 1, 1);
        if (lua_isnil(L, -1)) {
            lua_pushboolean(L, true);
            lua_replace(L, -2);
        }
        lua_pushvalue(L, -1);
        lua_setfield(L, 2, name);
    } else if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) {
        return luaL_error(L, "module '%s' requires itself, or failed before", name);
    }
    return 1;
}

// ---- Life

static int set_up(lua_State *L)
{
    struct sandbox *sandbox = lua_touserdata(L, 1);
    for (const struct module *library = libraries; library->name != NULL; library++) {
        luaL_requiref(L, library->name, library->open, 1);
        lua_pop(L, 1);
    }
    limit_os(L);
    remove_field(L, LUA_GNAME, "dofile");
    remove_field(L, LUA_GNAME, "loadfile");
    remove_field(L, LUA_GNAME, "warn");
    remove_field(L, LUA_STRLIBNAME, "dump");
    wrap_global(L, "load", load_text);
    wrap_global(L, "setmetatable", set_metatable);
    lua_register(L, "print", sandbox->script ? print_line : lua_log_print);
    lua_register(L, "require", require);
    resource_set_up(L);
    json_set_up(L);
    return 0;
}

struct sandbox *sandbox_new(const struct hook_context *context, bool script)
{
    struct sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (sandbox == NULL) {
        return NULL;
    }
    sandbox->context = context;
    sandbox->script = script;
    sandbox->lua = lua_newstate(allocate, sandbox);
    if (sandbox->lua == NULL) {
        sandbox_free(sandbox);
        return NULL;
    }
    // Lua copies the extra space into every coroutine.
    memcpy(lua_getextraspace(sandbox->lua), &sandbox, sizeof sandbox);
    lua_pushcfunction(sandbox->lua, set_up);
    lua_pushlightuserdata(sandbox->lua, sandbox);
    if (lua_pcall(sandbox->lua, 1, 0, 0) != LUA_OK) {
        sandbox_free(sandbox);
        return NULL;
    }
    return sandbox;
}

void sandbox_free(struct sandbox *sandbox)
{
    if (sandbox == NULL) {
        return;
    }
    while (sandbox->resources != NULL) {
        resource_release(sandbox->resources);
    }
    while (sandbox->blocks != NULL) {
        struct block *block = sandbox->blocks;
        sandbox->blocks = block->next;
        explicit_bzero((char *)block + BLOCK_HEAD, block->size);
        free(block);
    }
    free(sandbox);
}

struct sandbox *sandbox_of(lua_State *L)
{
    struct sandbox *sandbox;
    memcpy(&sandbox, lua_getextraspace(L), sizeof sandbox);
    return sandbox;
}

const struct hook_context *sandbox_context(lua_State *L)
{
    return sandbox_of(L)->context;
}

struct resource **sandbox_resources(lua_State *L)
{
    return &sandbox_of(L)->resources;
}
