// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.exec: commands, never a shell.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "exec.h"
#include "lua_sandbox.h"

#define COMMAND "command"
#define MAX_STDIN (16 * 1024 * 1024)
#define MAX_ENVIRONMENT 64

// What a run owns: freed with its slot on the stack, whatever raises.
struct running {
    char **arguments;
    struct exec_result result;
};

static void release_running(void *payload)
{
    struct running *running = payload;
    free(running->arguments);
    running->arguments = NULL;
    exec_result_free(&running->result);
}

static struct running *new_running(lua_State *L)
{
    return sandbox_resource(L, COMMAND, sizeof(struct running), release_running);
}

// The list at index 1. The strings are held by the table, which is not changed meanwhile.
static int read_list(lua_State *L, struct running *running, struct error *error)
{
    lua_Integer count = luaL_len(L, 1);
    luaL_argcheck(L, count >= 1 && count <= EXEC_MAX_ARGUMENTS, 1, "a list of 1 to 256 strings expected");
    running->arguments = calloc((size_t)count + 1, sizeof *running->arguments);
    if (running->arguments == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a command");
    }
    for (lua_Integer i = 0; i < count; i++) {
        size_t length = 0;
        const char *text = lua_rawgeti(L, 1, i + 1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
        luaL_argcheck(L, text != NULL && strlen(text) == length, 1, "arguments are strings without NUL bytes");
        running->arguments[i] = (char *)(uintptr_t)text;
        lua_pop(L, 1);
    }
    return 0;
}

static int read_command(lua_State *L, struct running *running, struct error *error)
{
    if (lua_type(L, 1) == LUA_TSTRING) {
        size_t count;
        return exec_split(sandbox_text(L, 1), &running->arguments, &count, error);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    return read_list(L, running, error);
}

// Pushes the value of a setting; true when it is there.
static bool setting(lua_State *L, const char *name)
{
    if (lua_isnoneornil(L, 2)) {
        lua_pushnil(L);
        return false;
    }
    return lua_getfield(L, 2, name) != LUA_TNIL;
}

// Text from the settings; it stays on the stack.
static const char *text_setting(lua_State *L, const char *name)
{
    size_t length;
    if (!setting(L, name)) {
        return NULL;
    }
    const char *text = lua_tolstring(L, -1, &length);
    luaL_argcheck(L, text != NULL && strlen(text) == length, 2, "text without NUL bytes expected");
    return text;
}

// "NAME=value" lines; they stay on the stack.
static void read_environment(lua_State *L, const char *list[MAX_ENVIRONMENT + 1])
{
    int count = 0;
    list[0] = NULL;
    if (!setting(L, "environment")) {
        return;
    }
    int table = lua_gettop(L);
    luaL_argcheck(L, lua_istable(L, table), 2, "environment is a table");
    luaL_checkstack(L, MAX_ENVIRONMENT + 8, "environment");
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1), 2,
                      "environment has strings as names and values");
        luaL_argcheck(L, count < MAX_ENVIRONMENT, 2, "environment has more than 64 variables");
        const char *name = lua_tostring(L, -2);
        luaL_argcheck(L, name[0] != '\0' && strchr(name, '=') == NULL && strlen(name) == lua_rawlen(L, -2), 2,
                      "a name in environment is empty, or holds '=' or a NUL");
        // A copy, since what is on the stack as a number would be turned into text in place.
        lua_pushvalue(L, -1);
        const char *value = lua_tostring(L, -1);
        luaL_argcheck(L, strlen(value) == lua_rawlen(L, -1), 2, "a value in environment holds a NUL");
        list[count++] = lua_pushfstring(L, "%s=%s", name, value);
        list[count] = NULL;
        // The line moves below the key, which has to be on top for the next round.
        lua_insert(L, -4);
        lua_pop(L, 2);
    }
}

static long long read_deadline(lua_State *L)
{
    long long deadline = sandbox_context(L)->deadline_boot_ms;
    if (setting(L, "timeout")) {
        lua_Number seconds = lua_tonumber(L, -1);
        luaL_argcheck(L, lua_isnumber(L, -1) && seconds >= 0, 2, "timeout is a number of seconds");
        if (seconds < 1e9) {
            long long own = clock_boot_ms() + (long long)(seconds * 1000);
            deadline = own < deadline ? own : deadline;
        }
    }
    lua_pop(L, 1);
    return deadline;
}

static void push_result(lua_State *L, struct exec_result *result)
{
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, result->status);
    lua_setfield(L, -2, "status");
    lua_pushlstring(L, buf_string(&result->out), result->out.length);
    lua_setfield(L, -2, "out");
    lua_pushlstring(L, buf_string(&result->err), result->err.length);
    lua_setfield(L, -2, "err");
    lua_pushboolean(L, result->out_cut);
    lua_setfield(L, -2, "out_cut");
    lua_pushboolean(L, result->err_cut);
    lua_setfield(L, -2, "err_cut");
}

static int run(lua_State *L)
{
    static const char *const fields[] = {"input", "timeout", "environment", "directory", NULL};
    struct exec_command command = {.output_limit = EXEC_MAX_OUTPUT};
    const char *environment[MAX_ENVIRONMENT + 1];
    struct error error;

    lua_settop(L, 2);
    sandbox_watch(L);
    sandbox_fields(L, 2, fields);
    struct running *running = new_running(L);
    if (setting(L, "input")) {
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "input is a string");
        command.input = lua_tolstring(L, -1, &command.input_length);
        luaL_argcheck(L, command.input_length <= MAX_STDIN, 2, "input is longer than 16 MiB");
    }
    command.directory = text_setting(L, "directory");
    command.deadline_boot_ms = read_deadline(L);
    read_environment(L, environment);
    command.environment = environment;
    if (read_command(L, running, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    command.arguments = running->arguments;
    if (exec_run(&command, &running->result, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    push_result(L, &running->result);
    sandbox_close(L, 3);
    return 1;
}

static int split(lua_State *L)
{
    struct error error;
    size_t count;
    const char *text = sandbox_text(L, 1);
    lua_settop(L, 1);
    struct running *running = new_running(L);
    if (exec_split(text, &running->arguments, &count, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, running->arguments[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    sandbox_close(L, 2);
    return 1;
}

static int find(lua_State *L)
{
    struct error error;
    char path[PATH_MAX];
    lua_settop(L, 1);
    struct running *running = new_running(L);
    if (read_command(L, running, &error) != 0 || exec_find(running->arguments[0], path, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    lua_pushstring(L, path);
    sandbox_close(L, 2);
    return 1;
}

static const luaL_Reg functions[] = {
    {"run", run},
    {"find", find},
    {"split", split},
    {NULL, NULL},
};

int luaopen_certauto_exec(lua_State *L)
{
    sandbox_type(L, COMMAND, NULL);
    luaL_newlib(L, functions);
    return 1;
}
