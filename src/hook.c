// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Hooks: one file, run in a state of its own, one call, its result as JSON.
#include "hook.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "lua_sandbox.h"

#define MAX_MESSAGE 16384
#define MAX_TRACEBACK 65536
#define MAX_SCRIPT (1024 * 1024)
#define MAX_ARGUMENTS 8

const char *const hook_function_names[] = {"issue",  "renewal_info", "revoke",  "publish",  "verify", "rollback",
                                           "decide", "notify",       "account", "rehearse", NULL};
_Static_assert(HOOK_ISSUE == 1 && HOOK_PUBLISH == 1 << 3 && HOOK_REHEARSE == 1 << 9,
               "hook_function_names is in the order of enum hook_function");

const char *const hook_option_types[] = {"string", "secret", "integer", "boolean", "duration",    "path",
                                         "url",    "list",   "mode",    "command", "certificate", NULL};

// One call on its way through the state.
struct call {
    const char *function;
    const char *argument; // JSON
    size_t length;
    struct buf *answer;
};

// ---- The answer

// The two texts become {"raised":…,"traceback":…}.
static int answer_raised(struct buf *answer, const struct buf *message, const struct buf *traceback)
{
    buf_clear(answer);
    buf_text(answer, "{\"raised\":\"");
    buf_escape_json(answer, buf_string(message), message->length);
    buf_text(answer, "\",\"traceback\":\"");
    buf_escape_json(answer, buf_string(traceback), traceback->length);
    buf_text(answer, "\"}");
    return answer->failed ? -1 : 0;
}

// Encodes the table on top of the stack as the answer.
static void answer_table(lua_State *L, const char *function, struct buf *answer)
{
    struct error error;
    size_t length;
    if (json_encode(L, -1, &error) != 0) {
        luaL_error(L, "%s returned what cannot be passed on: %s", function, error.message);
    }
    const char *text = lua_tolstring(L, -1, &length);
    buf_clear(answer);
    buf_add(answer, text, length);
}

// "nil, message[, details]" at the three indexes from "first" on, to the table {error, wait, permanent}.
static void push_failure(lua_State *L, int first, const char *function)
{
    static const char *const fields[] = {"wait", "permanent", NULL};
    lua_newtable(L);
    if (lua_type(L, first + 1) == LUA_TSTRING) {
        lua_pushvalue(L, first + 1);
    } else {
        lua_pushfstring(L, "%s failed without saying why", function);
    }
    lua_setfield(L, -2, "error");
    if (lua_isnil(L, first + 2)) {
        return;
    }
    // A word, as the modules give it with their failures, says nothing to the engine.
    if (lua_type(L, first + 2) == LUA_TSTRING) {
        return;
    }
    if (!lua_istable(L, first + 2)) {
        luaL_error(L, "the third value that %s returned is no table", function);
    }
    const char *unknown = sandbox_unknown_field(L, first + 2, fields);
    if (unknown != NULL) {
        luaL_error(L, "%s returned an unknown field '%s'", function, unknown);
    }
    if (lua_getfield(L, first + 2, "wait") != LUA_TNIL) {
        lua_Number wait = lua_tonumber(L, -1);
        if (lua_type(L, -1) != LUA_TNUMBER || !(wait >= 0) || !isfinite(wait)) {
            luaL_error(L, "the wait that %s returned is no number of seconds", function);
        }
    }
    lua_setfield(L, -2, "wait");
    if (lua_getfield(L, first + 2, "permanent") != LUA_TNIL && !lua_isboolean(L, -1)) {
        luaL_error(L, "the permanent that %s returned is no boolean", function);
    }
    lua_setfield(L, -2, "permanent");
}

// A policy may name the step that it lets pass.
static bool is_step(lua_State *L, int index, const struct call *call)
{
    return lua_type(L, index) == LUA_TSTRING && strcmp(call->function, "decide") == 0;
}

// The three results of a function, on top of the stack, become the answer.
static void answer_results(lua_State *L, const struct call *call)
{
    int first = lua_gettop(L) - 2;
    if (!lua_toboolean(L, first)) {
        push_failure(L, first, call->function);
    } else if (lua_isboolean(L, first) || lua_istable(L, first) || is_step(L, first, call)) {
        lua_newtable(L);
        lua_pushvalue(L, first);
        lua_setfield(L, -2, "ok");
    } else {
        luaL_error(L, "%s returned a %s value; a table, true, or nil and a message are expected", call->function,
                   luaL_typename(L, first));
    }
    answer_table(L, call->function, call->answer);
}

// ---- Calling

// Pushes the table that the hook file returns.
static void push_hook(lua_State *L)
{
    const struct hook_context *context = sandbox_context(L);
    struct error error;
    if (sandbox_load(L, context->kind, context->name, &error) != 0) {
        luaL_error(L, "%s", error.message);
    }
    lua_call(L, 0, 1);
    if (!lua_istable(L, -1)) {
        luaL_error(L, "%s/%s.lua: a hook returns a table", context->kind, context->name);
    }
    lua_pushliteral(L, "api");
    lua_rawget(L, -2);
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) != 1) {
        luaL_error(L, "%s/%s.lua: api is not 1", context->kind, context->name);
    }
    lua_pop(L, 1);
}

// Pushes the arguments; returns their number.
static int push_arguments(lua_State *L, const struct call *call)
{
    struct error error;
    if (json_decode(L, call->argument, call->length, false, &error) != 0) {
        luaL_error(L, "the argument of %s: %s", call->function, error.message);
    }
    if (lua_istable(L, -1) && call->argument[strspn(call->argument, " \t\r\n")] == '[') {
        // A null leaves a hole, so the border of the table says nothing.
        int list = lua_gettop(L);
        for (int i = 1; i <= MAX_ARGUMENTS; i++) {
            lua_rawgeti(L, list, i);
        }
        lua_remove(L, list);
        return MAX_ARGUMENTS;
    }
    return 1;
}

static int call_body(lua_State *L)
{
    const struct call *call = lua_touserdata(L, 1);
    push_hook(L);
    lua_pushstring(L, call->function);
    lua_rawget(L, -2);
    if (!lua_isfunction(L, -1)) {
        const struct hook_context *context = sandbox_context(L);
        return luaL_error(L, "%s/%s.lua has no function '%s'", context->kind, context->name, call->function);
    }
    luaL_checkstack(L, MAX_ARGUMENTS + LUA_MINSTACK, "arguments");
    lua_call(L, push_arguments(L, call), 3);
    answer_results(L, call);
    return 0;
}

// Runs the body in a new state; what it raises becomes the answer.
static int run_call(const struct hook_context *context, lua_CFunction body, struct call *call)
{
    struct buf message, traceback;
    int result = 0;
    buf_init(&message, MAX_MESSAGE);
    buf_init(&traceback, MAX_TRACEBACK);
    struct sandbox *sandbox = sandbox_new(context, false);
    if (sandbox == NULL) {
        buf_text(&message, "not enough memory to start a hook");
        result = answer_raised(call->answer, &message, &traceback);
    } else if (sandbox_run(sandbox, body, call, &message, &traceback) != SANDBOX_DONE) {
        result = answer_raised(call->answer, &message, &traceback);
    }
    sandbox_free(sandbox);
    buf_free(&message);
    buf_free(&traceback);
    return result != 0 || call->answer->failed ? -1 : 0;
}

int hook_call(const struct hook_context *context, const char *function, const char *argument_json,
              size_t argument_length, struct buf *answer)
{
    struct call call = {function, argument_json, argument_length, answer};
    return run_call(context, call_body, &call);
}

static int declare_body(lua_State *L)
{
    const struct call *call = lua_touserdata(L, 1);
    push_hook(L);
    lua_declaration(L, sandbox_context(L)->kind);
    answer_table(L, "the hook", call->answer);
    return 0;
}

int hook_declaration(const struct hook_context *context, struct buf *answer)
{
    struct call call = {.answer = answer};
    return run_call(context, declare_body, &call);
}

// ---- Scripts

struct script {
    const char *path;
    int argc;
    char *const *argv;
    int status;
};

static int script_body(lua_State *L)
{
    struct script *script = lua_touserdata(L, 1);
    struct error error;
    struct buf *text = sandbox_buf(L, MAX_SCRIPT, false);
    if (file_read(AT_FDCWD, script->path, text, &error) != 0) {
        return luaL_error(L, "%s", error.message);
    }
    // "#!" is for the system.
    if (text->length >= 2 && text->data[0] == '#' && text->data[1] == '!') {
        memcpy(text->data, "--", 2);
    }
    lua_pushfstring(L, "@%s", script->path);
    if (luaL_loadbufferx(L, buf_string(text), text->length, lua_tostring(L, -1), "t") != LUA_OK) {
        return lua_error(L);
    }
    lua_createtable(L, script->argc, 1);
    lua_pushstring(L, script->path);
    lua_rawseti(L, -2, 0);
    for (int i = 0; i < script->argc; i++) {
        lua_pushstring(L, script->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setglobal(L, "arg");
    luaL_checkstack(L, script->argc, "arguments");
    for (int i = 0; i < script->argc; i++) {
        lua_pushstring(L, script->argv[i]);
    }
    lua_call(L, script->argc, 1);
    script->status = lua_isinteger(L, -1) ? (int)(lua_tointeger(L, -1) & 0xff) : 0;
    return 0;
}

int hook_script(const struct hook_context *context, const char *path, int argc, char *const *argv)
{
    struct script script = {path, argc, argv, 0};
    struct buf message, traceback;
    buf_init(&message, MAX_MESSAGE);
    buf_init(&traceback, MAX_TRACEBACK);
    struct sandbox *sandbox = sandbox_new(context, true);
    if (sandbox == NULL) {
        buf_text(&message, "not enough memory to start a script");
        script.status = 1;
    } else if (sandbox_run(sandbox, script_body, &script, &message, &traceback) != SANDBOX_DONE) {
        script.status = 1;
    }
    sandbox_free(sandbox);
    if (message.length > 0) {
        fprintf(stderr, "%s\n", buf_string(&message));
    }
    if (traceback.length > 0) {
        fprintf(stderr, "%s\n", buf_string(&traceback));
    }
    buf_free(&message);
    buf_free(&traceback);
    return script.status;
}

const struct hook_file *hook_builtin(const char *kind, const char *name)
{
    for (size_t i = 0; i < hooks_builtin_count; i++) {
        if (strcmp(hooks_builtin[i].kind, kind) == 0 && strcmp(hooks_builtin[i].name, name) == 0) {
            return &hooks_builtin[i];
        }
    }
    return NULL;
}
