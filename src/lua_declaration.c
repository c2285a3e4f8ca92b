// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What a hook file declares, checked by the rules that src/embed.lua has for the built-in ones.
#include <string.h>

#include "lua_sandbox.h"

#define MAX_OPTIONS 128
#define MAX_WORD 128  // bytes of a name
#define MAX_WORDS 128 // of a default that is a list
#define MAX_DOC 1024
#define MAX_DEFAULT 4096

static const char *const option_fields[] = {"name", "type", "required", "default", "doc", NULL};

// The function without which a hook of its kind would be of no use.
static const struct {
    const char *kind, *function;
} needed[] = {{"issue", "issue"}, {"publish", "publish"}, {"policy", "decide"}, {"notify", "notify"}};

static bool is_in(const char *word, const char *const *list)
{
    while (*list != NULL && strcmp(*list, word) != 0) {
        list++;
    }
    return *list != NULL;
}

// What views and JSON can show as it is: no control characters, and UTF-8.
static bool is_line(const char *text, size_t length, size_t most)
{
    char shown[MAX_DEFAULT + 1];
    return strlen(text) == length && length <= most && buf_message(shown, sizeof(shown), text, length) == length;
}

// The field of the table at "index", without metamethods, which must be one line of text.
static const char *line_field(lua_State *L, int index, const char *name, size_t most)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    return text[0] != '\0' && is_line(text, lua_rawlen(L, -1), most) ? text : NULL;
}

static bool is_option_name(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

// "enum:one|two": at least one word, none empty, without blanks.
static bool is_enumeration(const char *type)
{
    if (strncmp(type, "enum:", 5) != 0) {
        return false;
    }
    const char *word = type + 5;
    for (;;) {
        size_t length = strcspn(word, "|, \t");
        if (length == 0 || (word[length] != '|' && word[length] != '\0')) {
            return false;
        }
        if (word[length] == '\0') {
            return true;
        }
        word += length + 1;
    }
}

static bool has_word(const char *type, const char *wanted)
{
    size_t length = strlen(wanted);
    for (const char *word = type + 5;; word += strcspn(word, "|") + 1) {
        if (strncmp(word, wanted, length) == 0 && (word[length] == '|' || word[length] == '\0')) {
            return true;
        }
        if (word[strcspn(word, "|")] == '\0') {
            return false;
        }
    }
}

// Joins the list of words at "index" by commas; leaves the text on the stack.
static void push_words(lua_State *L, int index, const char *option)
{
    lua_Unsigned count = lua_rawlen(L, index);
    luaL_checkstack(L, 8, "default");
    lua_pushliteral(L, "");
    if (count > MAX_WORDS) {
        luaL_error(L, "option %s: the default has more than %d words", option, MAX_WORDS);
    }
    for (lua_Unsigned i = 1; i <= count; i++) {
        if (lua_rawgeti(L, index, (lua_Integer)i) != LUA_TSTRING && !lua_isinteger(L, -1)) {
            luaL_error(L, "option %s: a default that is a list has words", option);
        }
        lua_pushfstring(L, i > 1 ? "%s, %s" : "%s%s", lua_tostring(L, -2), lua_tostring(L, -1));
        lua_replace(L, -3);
        lua_pop(L, 1);
    }
}

// Pushes the default as one would write it in the configuration, or nil.
static void push_default(lua_State *L, int option, const char *name)
{
    lua_pushliteral(L, "default");
    int type = lua_rawget(L, option);
    if (type == LUA_TBOOLEAN) {
        lua_pushstring(L, lua_toboolean(L, -1) ? "yes" : "no");
    } else if (type == LUA_TTABLE) {
        push_words(L, lua_gettop(L), name);
    } else if (lua_isinteger(L, -1)) {
        lua_tostring(L, -1);
    } else if (type != LUA_TSTRING && type != LUA_TNIL) {
        luaL_error(L, "option %s: a default is text, a whole number, a boolean or a list of words", name);
    }
    const char *text = lua_tostring(L, -1);
    if (text != NULL && !is_line(text, lua_rawlen(L, -1), MAX_DEFAULT)) {
        luaL_error(L, "option %s: the default is not one line of text", name);
    }
}

static bool read_required(lua_State *L, int option, const char *name)
{
    lua_pushliteral(L, "required");
    int type = lua_rawget(L, option);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        luaL_error(L, "option %s: required is no boolean", name);
    }
    return lua_toboolean(L, -1);
}

static void set_text(lua_State *L, int table, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, table, name);
}

// The option at index becomes a checked one, pushed.
static void push_option(lua_State *L, int option)
{
    if (!lua_istable(L, option)) {
        luaL_error(L, "options is a list of tables");
    }
    luaL_checkstack(L, 16, "options");
    const char *name = line_field(L, option, "name", MAX_WORD);
    if (name == NULL || !is_option_name(name)) {
        luaL_error(L, "an option has a name of a-z 0-9 _ that begins with a letter");
    }
    const char *unknown = sandbox_unknown_field(L, option, option_fields);
    if (unknown != NULL) {
        luaL_error(L, "option %s: unknown field '%s'", name, unknown);
    }
    const char *type = line_field(L, option, "type", MAX_DOC), *doc = line_field(L, option, "doc", MAX_DOC);
    if (type == NULL || (!is_in(type, hook_option_types) && !is_enumeration(type))) {
        luaL_error(L, "option %s: no such type: %s", name, type != NULL ? type : "none");
    }
    if (doc == NULL) {
        luaL_error(L, "option %s: doc is one line of text", name);
    }
    bool required = read_required(L, option, name);
    push_default(L, option, name);
    const char *fallback = lua_tostring(L, -1);
    if (required && fallback != NULL) {
        luaL_error(L, "option %s: one that is required has no default", name);
    }
    if (fallback != NULL && is_enumeration(type) && !has_word(type, fallback)) {
        luaL_error(L, "option %s: the default '%s' is none of %s", name, fallback, type + 5);
    }
    lua_newtable(L);
    int table = lua_gettop(L);
    set_text(L, table, "name", name);
    set_text(L, table, "type", type);
    set_text(L, table, "doc", doc);
    set_text(L, table, "default", fallback);
    lua_pushboolean(L, required);
    lua_setfield(L, table, "required");
}

// Puts the list of checked options into the table "into".
static void add_options(lua_State *L, int hook, int into)
{
    lua_pushliteral(L, "options");
    int type = lua_rawget(L, hook);
    if (type == LUA_TFUNCTION) {
        lua_call(L, 0, 1);
        type = lua_type(L, -1);
    }
    if (type != LUA_TNIL && type != LUA_TTABLE) {
        luaL_error(L, "options is a list, or a function that returns one");
    }
    int list = lua_gettop(L);
    lua_Unsigned count = type == LUA_TTABLE ? lua_rawlen(L, list) : 0;
    if (count > MAX_OPTIONS) {
        luaL_error(L, "there are more than %d options", MAX_OPTIONS);
    }
    lua_newtable(L); // the names seen
    lua_newtable(L);
    json_mark_array(L);
    for (lua_Unsigned i = 1; i <= count; i++) {
        int base = lua_gettop(L);
        lua_rawgeti(L, list, (lua_Integer)i);
        push_option(L, base + 1);
        lua_getfield(L, -1, "name");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, list + 1) != LUA_TNIL) {
            luaL_error(L, "option %s is declared twice", lua_tostring(L, -2));
        }
        lua_pop(L, 1);
        lua_pushboolean(L, true);
        lua_rawset(L, list + 1);
        lua_rawseti(L, list + 2, (lua_Integer)i);
        lua_settop(L, base);
    }
    lua_setfield(L, into, "options");
    lua_settop(L, into);
}

static void add_functions(lua_State *L, int hook, int into, const char *kind)
{
    lua_Integer count = 0;
    lua_newtable(L);
    json_mark_array(L);
    for (const char *const *name = hook_function_names; *name != NULL; name++) {
        lua_pushstring(L, *name);
        int type = lua_rawget(L, hook);
        lua_pop(L, 1);
        if (type == LUA_TFUNCTION) {
            lua_pushstring(L, *name);
            lua_rawseti(L, -2, ++count);
        } else if (type != LUA_TNIL) {
            luaL_error(L, "%s is no function", *name);
        }
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
            if (strcmp(needed[i].kind, kind) == 0 && strcmp(needed[i].function, *name) == 0 && type != LUA_TFUNCTION) {
                luaL_error(L, "a hook of kind %s has a function '%s'", kind, *name);
            }
        }
    }
    lua_setfield(L, into, "functions");
}

static void check_fields(lua_State *L, int hook)
{
    static const char *const facts[] = {"api", "doc", "options", NULL};
    lua_pushnil(L);
    while (lua_next(L, hook) != 0) {
        lua_pop(L, 1);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "(no name)";
        if (!is_in(name, facts) && !is_in(name, hook_function_names)) {
            luaL_error(L, "unknown field '%s'", name);
        }
    }
}

void lua_declaration(lua_State *L, const char *kind)
{
    int hook = lua_gettop(L);
    luaL_checkstack(L, 32, "declaration");
    check_fields(L, hook);
    const char *doc = line_field(L, hook, "doc", MAX_DOC);
    if (doc == NULL) {
        luaL_error(L, "doc is one line of text");
    }
    lua_newtable(L);
    int into = lua_gettop(L);
    lua_pushinteger(L, 1);
    lua_setfield(L, into, "api");
    set_text(L, into, "doc", doc);
    add_options(L, hook, into);
    add_functions(L, hook, into, kind);
    lua_replace(L, hook);
    lua_settop(L, hook);
}
