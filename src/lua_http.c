// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.http: requests over HTTP and HTTPS.
#include <string.h>

#include "http.h"
#include "lua_sandbox.h"

#define SESSION "session"
#define EXCHANGE "exchange"
#define KEPT "certauto.http.session"

static const char *const fields[] = {"method", "url",         "headers", "body",  "timeout", "limit", "redirects",
                                     "trust",  "certificate", "key",     "proxy", "ip",      NULL};

// One request's resources, freed with their slot on the stack, whatever raises.
struct exchange {
    struct http_response response;
    const char *headers[HTTP_MOST_HEADERS + 1]; // strings that the stack holds
};

static void release_session(void *payload)
{
    struct http **session = payload;
    http_close(*session);
    *session = NULL;
}

static void release_exchange(void *payload)
{
    struct exchange *exchange = payload;
    http_response_free(&exchange->response);
}

// The state's one session: connections and the trust bundle serve all requests of a call.
static struct http *session_of(lua_State *L, struct error *error)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, KEPT) == LUA_TNIL) {
        struct http **session = sandbox_resource(L, SESSION, sizeof *session, release_session);
        if (http_open(session, error) != 0) {
            return NULL;
        }
        lua_setfield(L, LUA_REGISTRYINDEX, KEPT);
        lua_pop(L, 1);
        lua_getfield(L, LUA_REGISTRYINDEX, KEPT);
    }
    struct http **session = sandbox_check(L, -1, SESSION);
    lua_pop(L, 1);
    return *session;
}

// The string at a field of the table at index 1, or NULL; it is held by the table. "length" may be NULL: then it is
// text without NUL bytes.
static const char *field(lua_State *L, const char *name, size_t *length)
{
    const char *text = NULL;
    size_t size = 0;
    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, lua_pushfstring(L, "%s is a string", name));
        text = lua_tolstring(L, -1, &size);
        luaL_argcheck(L, length != NULL || strlen(text) == size, 1, lua_pushfstring(L, "%s holds a NUL byte", name));
    }
    lua_settop(L, 2);
    if (length != NULL) {
        *length = size;
    }
    return text;
}

static lua_Number number(lua_State *L, const char *name, lua_Number fallback, lua_Number most)
{
    lua_Number value = fallback;
    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        value = lua_tonumber(L, -1);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TNUMBER && value >= 0 && value <= most, 1,
                      lua_pushfstring(L, "%s is a number from 0 to %f", name, most));
    }
    lua_settop(L, 2);
    return value;
}

// A name is a token (RFC 9110 §5.6.2), a value has no line ends: nothing can begin a header of its own.
static void check_header(lua_State *L, const char *name, size_t name_length, const char *value, size_t value_length)
{
    luaL_argcheck(L, name_length > 0 && strlen(name) == name_length && strpbrk(name, " \t\r\n:;,\"()") == NULL, 1,
                  "headers: a name is no header's name");
    luaL_argcheck(L, strlen(value) == value_length && strpbrk(value, "\r\n") == NULL, 1,
                  "headers: a value holds a line end or a NUL byte");
}

// "Name: value" lines on the stack, held there until the request is over. An empty value is sent as such.
static void read_headers(lua_State *L, struct exchange *exchange)
{
    int count = 0;
    if (lua_getfield(L, 1, "headers") == LUA_TNIL) {
        return;
    }
    int table = lua_gettop(L);
    luaL_argcheck(L, lua_istable(L, table), 1, "headers is a table");
    luaL_checkstack(L, HTTP_MOST_HEADERS + 8, "headers");
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING, 1,
                      "headers has strings as names and values");
        luaL_argcheck(L, count < HTTP_MOST_HEADERS, 1, "headers has more than 64 of them");
        const char *name = lua_tostring(L, -2), *value = lua_tostring(L, -1);
        check_header(L, name, lua_rawlen(L, -2), value, lua_rawlen(L, -1));
        // libcurl's way to send a header without a value ends in a semicolon.
        exchange->headers[count++] = lua_pushfstring(L, *value != '\0' ? "%s: %s" : "%s;", name, value);
        lua_insert(L, -3);
        lua_pop(L, 1);
    }
}

static void read_request(lua_State *L, struct exchange *exchange, struct http_request *request)
{
    request->url = field(L, "url", NULL);
    luaL_argcheck(L, request->url != NULL, 1, "url is missing");
    request->method = field(L, "method", NULL);
    luaL_argcheck(
        L, request->method == NULL || request->method[strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0', 1,
        "method is a word in capital letters");
    request->body = field(L, "body", &request->body_length);
    request->timeout_ms = (int64_t)(number(L, "timeout", HTTP_TIMEOUT_MS / 1000.0, 86400) * 1000);
    request->limit = (size_t)number(L, "limit", HTTP_BODY_LIMIT, HTTP_BODY_LIMIT_MOST);
    request->redirects = (int)number(L, "redirects", 5, HTTP_REDIRECTS_MOST);
    request->trust = field(L, "trust", &request->trust_length);
    request->certificate = field(L, "certificate", NULL);
    request->key = field(L, "key", NULL);
    luaL_argcheck(L, (request->certificate == NULL) == (request->key == NULL), 1, "certificate and key go together");
    request->proxy = field(L, "proxy", NULL);
    request->ip = (int)number(L, "ip", 0, 6);
    luaL_argcheck(L, request->ip == 0 || request->ip == 4 || request->ip == 6, 1, "ip is 4 or 6");
    request->deadline_boot_ms = sandbox_context(L)->deadline_boot_ms;
    read_headers(L, exchange);
    request->headers = exchange->headers;
}

// The headers as a table by name in lower case; those that came more than once are joined by ", " (RFC 9110 §5.3).
static void push_headers(lua_State *L, const struct buf *headers)
{
    lua_newtable(L);
    const char *at = buf_string(headers);
    for (const char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        lua_pushlstring(L, at, (size_t)(colon - at));
        lua_pushvalue(L, -1);
        bool again = lua_rawget(L, -3) != LUA_TNIL;
        lua_pushstring(L, again ? ", " : "");
        lua_pushlstring(L, colon + 2, (size_t)(end - colon - 2));
        if (again) {
            lua_concat(L, 3);
        } else {
            lua_replace(L, -3);
            lua_pop(L, 1);
        }
        lua_rawset(L, -3);
    }
}

static void push_response(lua_State *L, struct http_response *response)
{
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, response->status);
    lua_setfield(L, -2, "status");
    push_headers(L, &response->headers);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, buf_string(&response->body), response->body.length);
    lua_setfield(L, -2, "body");
    lua_pushlstring(L, buf_string(&response->url), response->url.length);
    lua_setfield(L, -2, "url");
}

// http.request{url=, method=, headers=, body=, timeout=, limit=, redirects=, trust=, certificate=, key=, proxy=, ip=}:
// a table with status, headers, body and url; or nil, message, code.
static int perform(lua_State *L)
{
    struct error error;
    struct http_request request = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    sandbox_fields(L, 1, fields);
    struct exchange *exchange = sandbox_resource(L, EXCHANGE, sizeof *exchange, release_exchange);
    struct http *session = session_of(L, &error);
    if (session == NULL) {
        return sandbox_fail(L, &error);
    }
    read_request(L, exchange, &request);
    if (http_perform(session, &request, &exchange->response, &error) != 0) {
        return sandbox_fail(L, &error);
    }
    push_response(L, &exchange->response);
    sandbox_close(L, 2);
    return 1;
}

// http.bundle(): the path of the system's bundle of CA certificates, or nil.
static int bundle(lua_State *L)
{
    lua_pushstring(L, http_system_bundle());
    return 1;
}

static const luaL_Reg functions[] = {
    {"request", perform},
    {"bundle", bundle},
    {NULL, NULL},
};

int luaopen_certauto_http(lua_State *L)
{
    sandbox_type(L, SESSION, NULL);
    sandbox_type(L, EXCHANGE, NULL);
    luaL_newlib(L, functions);
    return 1;
}
