// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The Lua state that hooks live in: capped memory, a deadline, few libraries, and what its modules share.
#ifndef LUA_SANDBOX_H
#define LUA_SANDBOX_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "error.h"
#include "hook.h"

struct sandbox; // opaque

// Makes a state with the libraries of certauto-hooks(7). context is borrowed. script: "print" writes to stdout
// and there is a global "arg"; else it logs. NULL when there is no memory.
struct sandbox *sandbox_new(const struct hook_context *context, bool script);
// Ends it in whatever condition it is: all memory and all resources are given back, no Lua code runs.
void sandbox_free(struct sandbox *sandbox);

enum sandbox_end { SANDBOX_DONE, SANDBOX_RAISED };

// The one protected call: body(L) with "data" as light userdata in its only argument. SANDBOX_RAISED: "message" and
// "traceback" say what was raised; the deadline leaves the state at once, past every pcall and coroutine.
// Whatever the end, the state may then only be freed.
enum sandbox_end sandbox_run(struct sandbox *sandbox, lua_CFunction body, void *data, struct buf *message,
                             struct buf *traceback);

// Pushes the chunk of KIND/NAME.lua, from hooks_dir or built in, not run. On failure pushes nothing and sets error.
int sandbox_load(lua_State *L, const char *kind, const char *name, struct error *error);

// ---- What the modules (lua_*.c) use. They are C functions of Lua: they may raise.

// What the hook process was given.
const struct hook_context *sandbox_context(lua_State *L);

// Leaves the state for good when the deadline has passed. The state does so itself now and then; functions that may take
// long call it before they begin, since many of them fit between two looks at the clock.
void sandbox_watch(lua_State *L);

// The world's failure: pushes nil, the sentence and the code as a word ("not_found" ...). Returns 3, so that a
// function can end with "return sandbox_fail(L, &error)".
int sandbox_fail(lua_State *L, const struct error *error);

// A type of resource: a metatable with __gc, __close and __name that Lua code cannot reach. "name" is global ("key").
// methods may be NULL. Called once a type from the module's luaopen function. Pushes nothing.
void sandbox_type(lua_State *L, const char *name, const luaL_Reg *methods);
// A new resource on the stack: a userdata of that type with "size" bytes, zeroed, given back by release(payload)
// exactly once: when collected, closed, or when the state ends. Made empty before the C resource is taken, so
// that nothing leaks when Lua raises in between. release must bear the zeroed payload.
void *sandbox_resource(lua_State *L, const char *name, size_t size, void (*release)(void *payload));
// The payload of the argument; raises for anything else and for a resource that was closed.
void *sandbox_check(lua_State *L, int argument, const char *name);
// Gives the resource back now.
void sandbox_close(lua_State *L, int index);
// A buffer on the stack that lives as long as its stack slot (a resource, so it survives raises without a leak).
struct buf *sandbox_buf(lua_State *L, size_t limit, bool secret);
// Pushes the buffer's bytes as a string and empties the buffer; raises when it failed (too long, no memory).
void sandbox_push_buf(lua_State *L, struct buf *buf);

// Text without NUL bytes; raises for others.
const char *sandbox_text(lua_State *L, int argument);
// The first field of the table at "index" that is not in "fields" (NULL-terminated), or NULL.
const char *sandbox_unknown_field(lua_State *L, int index, const char *const *fields);
// Raises when the table at "index" (nil is fine too) has a field that is not in "fields" (NULL-terminated).
void sandbox_fields(lua_State *L, int index, const char *const *fields);
// Sorts the list on top of the stack.
void sandbox_sort(lua_State *L);

// Memory that counts as the state's and ends with it at the latest, for what may be left behind by a raise. NULL
// when there is none. sandbox_give is NULL-safe.
void *sandbox_take(struct sandbox *sandbox, size_t size);
void sandbox_give(struct sandbox *sandbox, void *memory);
struct sandbox *sandbox_of(lua_State *L);

// The modules, each in its file lua_NAME.c. Each pushes its table and returns 1.
int luaopen_certauto_codec(lua_State *L);
int luaopen_certauto_exec(lua_State *L);
int luaopen_certauto_fs(lua_State *L);
int luaopen_certauto_http(lua_State *L);
int luaopen_certauto_json(lua_State *L);
int luaopen_certauto_key(lua_State *L);
int luaopen_certauto_log(lua_State *L);
int luaopen_certauto_net(lua_State *L);
int luaopen_certauto_store(lua_State *L);
int luaopen_certauto_time(lua_State *L);
int luaopen_certauto_x509(lua_State *L);

// "print" of a hook: a line of the log. lua_log.c.
int lua_log_print(lua_State *L);

// What the hook table on top of the stack declares becomes the table of hook_declaration, in its place. Raises what is
// wrong. lua_declaration.c.
void lua_declaration(lua_State *L, const char *kind);

// Marks the table on top of the stack as an array. lua_json.c.
void json_mark_array(lua_State *L);
// The metatable that marks arrays. lua_json.c.
void json_set_up(lua_State *L);

// ---- lua_json.c, also used by hook.c for arguments and answers.

#define JSON_MAX_BYTES (4 * 1024 * 1024) // of certauto.json and of an answer
#define JSON_MAX_DEPTH 64

// Pushes the value of JSON text; null becomes json.null with "keep_null", else nil, so that a member is as if
// it were not there. On failure pushes nothing and sets error (ERROR_FORMAT).
int json_decode(lua_State *L, const char *text, size_t length, bool keep_null, struct error *error);
// Pushes the JSON text of the value at index; on failure pushes nothing and sets error. Runs no metamethods.
int json_encode(lua_State *L, int index, struct error *error);

#endif
