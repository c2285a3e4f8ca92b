// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.log: lines of the log with the hook's and the certificate's name.
#include <stdbool.h>
#include <string.h>

#include "log.h"
#include "lua_sandbox.h"

#define MAX_MESSAGE 4096
#define MAX_FIELDS 8

// A name goes into the line as it is.
static bool is_name(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

// Fields of the table at index 2, after those that are there. Their text stays on the stack.
static int add_fields(lua_State *L, struct log_field *fields, int count)
{
    int most = count + MAX_FIELDS;
    if (lua_isnoneornil(L, 2)) {
        return count;
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checkstack(L, 2 * MAX_FIELDS + 4, "log");
    lua_pushnil(L);
    while (lua_next(L, 2) != 0) {
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && is_name(lua_tostring(L, -2)), 2,
                      "names of fields are of a-z 0-9 _");
        luaL_argcheck(L, count < most, 2, "too many fields");
        luaL_argcheck(L, lua_type(L, -1) == LUA_TBOOLEAN || lua_isstring(L, -1), 2,
                      "values of fields are strings, numbers or booleans");
        fields[count].name = lua_tostring(L, -2);
        fields[count++].value = luaL_tolstring(L, -1, NULL);
        // The text moves below the key, which has to be on top for the next round.
        lua_insert(L, -3);
        lua_pop(L, 1);
    }
    return count;
}

static void write_line(lua_State *L, enum log_level level, const char *text, size_t length)
{
    const struct hook_context *context = sandbox_context(L);
    struct log_field fields[2 + MAX_FIELDS];
    int count = 0;
    if (!log_wants(level)) {
        return;
    }
    if (context->kind != NULL && context->name != NULL) {
        fields[count].name = "hook";
        fields[count++].value = lua_pushfstring(L, "%s/%s", context->kind, context->name);
    }
    if (context->certificate != NULL) {
        fields[count].name = "certificate";
        fields[count++].value = context->certificate;
    }
    struct buf *message = sandbox_buf(L, 4 * MAX_MESSAGE + 8, false);
    buf_escape_message(message, text, length, MAX_MESSAGE);
    count = add_fields(L, fields, count);
    log_line(level, buf_string(message), fields, count);
    buf_free(message);
}

static int write_level(lua_State *L, enum log_level level)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
    }
    lua_settop(L, 2);
    write_line(L, level, text, length);
    return 0;
}

static int debug(lua_State *L)
{
    return write_level(L, LOG_LEVEL_DEBUG);
}

static int info(lua_State *L)
{
    return write_level(L, LOG_LEVEL_INFO);
}

static int warning(lua_State *L)
{
    return write_level(L, LOG_LEVEL_WARNING);
}

static int error_level(lua_State *L)
{
    return write_level(L, LOG_LEVEL_ERROR);
}

int lua_log_print(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1) {
            luaL_addchar(&line, '\t');
        }
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    // Where the table of fields would stand.
    lua_replace(L, 1);
    lua_settop(L, 1);
    lua_pushnil(L);
    write_line(L, LOG_LEVEL_INFO, text, length);
    return 0;
}

static const luaL_Reg functions[] = {
    {"debug", debug}, {"info", info}, {"warning", warning}, {"error", error_level}, {NULL, NULL},
};

int luaopen_certauto_log(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
