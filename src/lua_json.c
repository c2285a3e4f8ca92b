// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.json: JSON to Lua values and back, by cJSON, with one set of limits.
#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_sandbox.h"

#define ARRAY "json.array"
#define TOO_MUCH "more than 4 MiB"
#define MAX_EXACT 9007199254740992.0 // 2^53: up to here a double holds every whole number

// cJSON's memory is the state's, so that it counts, and is given back when a raise leaves a tree behind. cJSON
// takes its allocator from the whole process: it is set only while C code runs that cannot raise.
static struct sandbox *owner;
static bool exhausted;

static void *take(size_t size)
{
    void *memory = sandbox_take(owner, size);
    exhausted = exhausted || memory == NULL;
    return memory;
}

static void give(void *memory)
{
    sandbox_give(owner, memory);
}

static void enter(lua_State *L)
{
    cJSON_Hooks hooks = {take, give};
    owner = sandbox_of(L);
    exhausted = false;
    cJSON_InitHooks(&hooks);
}

static void leave(void)
{
    cJSON_InitHooks(NULL);
    owner = NULL;
}

static void drop(lua_State *L, cJSON *tree)
{
    enter(L);
    cJSON_Delete(tree);
    leave();
}

// ---- Decoding

struct decoding {
    bool keep_null;
    struct error *error;
};

// C strings end at a NUL, so one that is written as an escape would cut the text unseen.
static bool has_nul(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\0') {
            return true;
        }
        if (text[i] == '\\') {
            i++;
            if (length - i >= 5 && memcmp(text + i, "u0000", 5) == 0) {
                return true;
            }
        }
    }
    return false;
}

static int push_value(lua_State *L, const cJSON *item, int depth, const struct decoding *decoding);

static int push_number(lua_State *L, const cJSON *item, const struct decoding *decoding)
{
    double value = item->valuedouble;
    if (!isfinite(value)) {
        return error_set(decoding->error, ERROR_FORMAT, "a number is too large");
    }
    if (value == floor(value) && fabs(value) <= MAX_EXACT) {
        lua_pushinteger(L, (lua_Integer)value);
    } else {
        lua_pushnumber(L, value);
    }
    return 0;
}

static int push_object(lua_State *L, const cJSON *object, int depth, const struct decoding *decoding)
{
    lua_newtable(L);
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        lua_pushstring(L, item->string);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) != LUA_TNIL) {
            return error_set(decoding->error, ERROR_FORMAT, "the name '%s' stands twice in an object", item->string);
        }
        lua_pop(L, 1);
        if (push_value(L, item, depth, decoding) != 0) {
            return -1;
        }
        lua_rawset(L, -3);
    }
    return 0;
}

static int push_array(lua_State *L, const cJSON *array, int depth, const struct decoding *decoding)
{
    lua_Integer index = 0;
    lua_newtable(L);
    luaL_setmetatable(L, ARRAY);
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        if (push_value(L, item, depth, decoding) != 0) {
            return -1;
        }
        lua_rawseti(L, -2, ++index);
    }
    return 0;
}

// On failure the stack is left as it is: the caller cleans it.
static int push_value(lua_State *L, const cJSON *item, int depth, const struct decoding *decoding)
{
    luaL_checkstack(L, 8, "JSON");
    if (depth > JSON_MAX_DEPTH) {
        return error_set(decoding->error, ERROR_FORMAT, "there are more than %d levels", JSON_MAX_DEPTH);
    }
    if (cJSON_IsObject(item)) {
        return push_object(L, item, depth + 1, decoding);
    }
    if (cJSON_IsArray(item)) {
        return push_array(L, item, depth + 1, decoding);
    }
    if (cJSON_IsNumber(item)) {
        return push_number(L, item, decoding);
    }
    if (cJSON_IsString(item)) {
        lua_pushstring(L, item->valuestring);
    } else if (cJSON_IsBool(item)) {
        lua_pushboolean(L, cJSON_IsTrue(item));
    } else if (decoding->keep_null) {
        lua_pushlightuserdata(L, NULL);
    } else {
        lua_pushnil(L);
    }
    return 0;
}

static bool only_blanks(const char *text, const char *end)
{
    while (text < end && strchr(" \t\r\n", *text) != NULL) {
        text++;
    }
    return text == end;
}

int json_decode(lua_State *L, const char *text, size_t length, bool keep_null, struct error *error)
{
    if (has_nul(text, length)) {
        return error_set(error, ERROR_FORMAT, "it holds a NUL character");
    }
    const char *end = text;
    int top = lua_gettop(L);
    enter(L);
    cJSON *tree = cJSON_ParseWithLengthOpts(text, length, &end, 0);
    leave();
    if (tree == NULL && exhausted) {
        return error_set(error, ERROR_SYSTEM, "not enough memory for JSON");
    }
    if (tree == NULL || !only_blanks(end, text + length)) {
        drop(L, tree);
        return error_set(error, ERROR_FORMAT, "it is no JSON from byte %zu on", (size_t)(end - text) + 1);
    }
    struct decoding decoding = {keep_null, error};
    int done = push_value(L, tree, 0, &decoding);
    drop(L, tree);
    if (done != 0) {
        lua_settop(L, top);
    }
    return done;
}

// ---- Encoding

struct encoding {
    size_t size; // about what it will be as text
    struct error *error;
};

static cJSON *make_value(lua_State *L, int index, int depth, struct encoding *encoding);

static cJSON *refuse(struct encoding *encoding, const char *what)
{
    error_set(encoding->error, ERROR_FORMAT, "JSON cannot hold %s", what);
    return NULL;
}

// Written here, since cJSON takes two numbers that differ only in their last bit for the same.
static cJSON *make_number(lua_State *L, int index, struct encoding *encoding)
{
    double value = lua_tonumber(L, index);
    char text[32];
    if (!isfinite(value)) {
        return refuse(encoding, "a number that is not finite");
    }
    if (lua_isinteger(L, index) && fabs(value) > MAX_EXACT) {
        return refuse(encoding, "a whole number beyond 2^53 exactly");
    }
    if (lua_isinteger(L, index)) {
        snprintf(text, sizeof text, LUA_INTEGER_FMT, lua_tointeger(L, index));
    } else {
        int digits = 15;
        do {
            snprintf(text, sizeof text, "%.*g", digits++, value);
        } while (digits <= 17 && strtod(text, NULL) != value);
    }
    encoding->size += strlen(text);
    return cJSON_CreateRaw(text);
}

// A tree that memory did not suffice for is NULL without a sentence; one is put there at the end.
static cJSON *make_string(lua_State *L, int index, struct encoding *encoding)
{
    size_t length;
    const char *text = lua_tolstring(L, index, &length);
    if (strlen(text) != length) {
        return refuse(encoding, "a string with a NUL byte");
    }
    encoding->size += length + 3;
    return encoding->size > JSON_MAX_BYTES ? refuse(encoding, TOO_MUCH) : cJSON_CreateString(text);
}

// True for an array: marked as one, or with keys, all of which are 1 to n. Sets *count; -1 when it is neither
// array nor object.
static bool is_array(lua_State *L, int index, lua_Integer *count)
{
    lua_Integer length = (lua_Integer)lua_rawlen(L, index), numbers = 0, others = 0;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key >= 1 && key <= length) {
            numbers++;
        } else if (lua_type(L, -1) == LUA_TSTRING) {
            others++;
        } else {
            numbers = -1;
            lua_pop(L, 1);
            break;
        }
    }
    bool marked = false;
    if (lua_getmetatable(L, index) != 0) {
        luaL_getmetatable(L, ARRAY);
        marked = lua_rawequal(L, -1, -2) != 0;
        lua_pop(L, 2);
    }
    bool array = marked || numbers != 0;
    bool fits = array ? numbers == length && others == 0 : true;
    *count = fits ? length : -1;
    return array;
}

static cJSON *make_array(lua_State *L, int index, lua_Integer count, int depth, struct encoding *encoding)
{
    cJSON *array = cJSON_CreateArray();
    for (lua_Integer i = 1; array != NULL && i <= count; i++) {
        lua_rawgeti(L, index, i);
        cJSON *item = make_value(L, lua_gettop(L), depth, encoding);
        lua_pop(L, 1);
        if (item == NULL || !cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            cJSON_Delete(array);
            return NULL;
        }
    }
    return array;
}

static cJSON *make_object(lua_State *L, int index, int depth, struct encoding *encoding)
{
    cJSON *object = cJSON_CreateObject();
    lua_pushnil(L);
    while (object != NULL && lua_next(L, index) != 0) {
        size_t length;
        const char *name = lua_tolstring(L, -2, &length);
        cJSON *item = strlen(name) != length ? refuse(encoding, "a string with a NUL byte")
                                             : make_value(L, lua_gettop(L), depth, encoding);
        encoding->size += length + 4;
        if (item == NULL || !cJSON_AddItemToObject(object, name, item)) {
            cJSON_Delete(item);
            cJSON_Delete(object);
            return NULL;
        }
        lua_pop(L, 1);
    }
    return object;
}

static cJSON *make_table(lua_State *L, int index, int depth, struct encoding *encoding)
{
    lua_Integer count;
    if (depth >= JSON_MAX_DEPTH) {
        return refuse(encoding, "more than 64 levels, or a table within itself");
    }
    bool array = is_array(L, index, &count);
    if (count < 0) {
        return refuse(encoding, "a table that is neither a list without gaps nor has only strings as keys");
    }
    return array ? make_array(L, index, count, depth + 1, encoding) : make_object(L, index, depth + 1, encoding);
}

// Nothing here raises: the stack was made large enough before, and no metamethod runs.
static cJSON *make_value(lua_State *L, int index, int depth, struct encoding *encoding)
{
    encoding->size += 8;
    if (encoding->size > JSON_MAX_BYTES) {
        return refuse(encoding, TOO_MUCH);
    }
    switch (lua_type(L, index)) {
    case LUA_TNUMBER: return make_number(L, index, encoding);
    case LUA_TSTRING: return make_string(L, index, encoding);
    case LUA_TBOOLEAN: return cJSON_CreateBool(lua_toboolean(L, index));
    case LUA_TTABLE: return make_table(L, index, depth, encoding);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, index) == NULL) {
            return cJSON_CreateNull();
        }
        break;
    default: break;
    }
    encoding->size = JSON_MAX_BYTES;
    error_set(encoding->error, ERROR_FORMAT, "JSON cannot hold a %s value", luaL_typename(L, index));
    return NULL;
}

int json_encode(lua_State *L, int index, struct error *error)
{
    struct encoding encoding = {0, error};
    index = lua_absindex(L, index);
    int top = lua_gettop(L);
    luaL_checkstack(L, 4 * (JSON_MAX_DEPTH + 2), "JSON");
    error_clear(error);
    enter(L);
    cJSON *tree = make_value(L, index, 0, &encoding);
    char *text = tree != NULL ? cJSON_PrintUnformatted(tree) : NULL;
    cJSON_Delete(tree);
    leave();
    lua_settop(L, top);
    if (text == NULL) {
        return error->code != ERROR_NONE ? -1 : error_set(error, ERROR_SYSTEM, "not enough memory for JSON");
    }
    lua_pushstring(L, text);
    sandbox_give(sandbox_of(L), text);
    return 0;
}

// ---- The module

static int encode(lua_State *L)
{
    struct error error;
    luaL_checkany(L, 1);
    return json_encode(L, 1, &error) == 0 ? 1 : sandbox_fail(L, &error);
}

static int decode(lua_State *L)
{
    struct error error;
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    if (length > JSON_MAX_BYTES) {
        error_set(&error, ERROR_FORMAT, "it has more than 4 MiB");
        return sandbox_fail(L, &error);
    }
    return json_decode(L, text, length, true, &error) == 0 ? 1 : sandbox_fail(L, &error);
}

void json_mark_array(lua_State *L)
{
    luaL_setmetatable(L, ARRAY);
}

static int array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    json_mark_array(L);
    return 1;
}

static const luaL_Reg functions[] = {
    {"encode", encode},
    {"decode", decode},
    {"array", array},
    {NULL, NULL},
};

void json_set_up(lua_State *L)
{
    luaL_newmetatable(L, ARRAY);
    lua_pop(L, 1);
}

int luaopen_certauto_json(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
