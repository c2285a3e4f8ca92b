// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.net: connections by TCP, TLS and UDP, addresses, and answers to a CA's validation.
#include <netdb.h>
#include <string.h>

#include "clock.h"
#include "lua_sandbox.h"
#include "net.h"
#include "net_responder.h"
#include "net_stream.h"
#include "net_tls.h"

#define CONNECTION "connection"
#define ADDRESSES "addresses"
#define RESPONDER "responder"
#define MOST_ANSWERS 1024 // pages or certificates of one responder
#define TIMEOUT_MS 30000
#define MOST_TIMEOUT 86400
#define RECEIVE 65536 // more than any datagram holds

struct connection {
    struct net_stream *stream;
    bool udp;
    long long timeout_ms; // of each call
};

static void release_connection(void *payload)
{
    struct connection *connection = payload;
    net_stream_close(connection->stream);
}

static void release_addresses(void *payload)
{
    struct addrinfo **list = payload;
    if (*list != NULL) {
        freeaddrinfo(*list);
    }
}

// A call is over after the connection's time-out, and never after the hook's deadline.
static long long deadline(lua_State *L, long long timeout_ms)
{
    long long end = sandbox_context(L)->deadline_boot_ms, own = clock_boot_ms() + timeout_ms;
    sandbox_watch(L);
    return own < end ? own : end;
}

// ---- Settings: strings that the table at 1 holds

static const char *text_of(lua_State *L, const char *name, const char *fallback)
{
    const char *text = fallback;
    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING && strlen(lua_tostring(L, -1)) == lua_rawlen(L, -1), 1,
                      lua_pushfstring(L, "%s is text without NUL bytes", name));
        text = lua_tostring(L, -1);
    }
    lua_pop(L, 1);
    return text;
}

static long long timeout_of(lua_State *L)
{
    lua_Number seconds = TIMEOUT_MS / 1000.0;
    if (lua_getfield(L, 1, "timeout") != LUA_TNIL) {
        luaL_argcheck(L, lua_type(L, -1) == LUA_TNUMBER, 1, "timeout is a number");
        seconds = lua_tonumber(L, -1);
        luaL_argcheck(L, seconds >= 0 && seconds <= MOST_TIMEOUT, 1, "timeout is a number from 0 to 86400");
    }
    lua_pop(L, 1);
    return (long long)(seconds * 1000);
}

static uint16_t port_of(lua_State *L, lua_Integer least_port)
{
    lua_getfield(L, 1, "port");
    lua_Integer port = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
    luaL_argcheck(L, port >= least_port && port <= UINT16_MAX, 1, "port is a whole number from 1 to 65535");
    lua_pop(L, 1);
    return (uint16_t)port;
}

static const char *const *read_protocols(lua_State *L, const char *protocols[NET_TLS_MOST_PROTOCOLS + 1])
{
    if (lua_getfield(L, 1, "alpn") == LUA_TNIL) {
        lua_pop(L, 1);
        return NULL;
    }
    luaL_argcheck(L, lua_istable(L, -1), 1, "alpn is a list of strings");
    lua_Unsigned count = lua_rawlen(L, -1);
    luaL_argcheck(L, count >= 1 && count <= NET_TLS_MOST_PROTOCOLS, 1, "alpn is a list of 1 to 8 strings");
    for (lua_Unsigned i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        size_t length = lua_type(L, -1) == LUA_TSTRING ? lua_rawlen(L, -1) : 0;
        luaL_argcheck(L, length > 0 && length < NET_TLS_PROTOCOL_SIZE && strlen(lua_tostring(L, -1)) == length, 1,
                      "alpn is a list of names of protocols");
        protocols[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return protocols;
}

static void read_target(lua_State *L, struct net_target *target, const char *protocols[NET_TLS_MOST_PROTOCOLS + 1])
{
    target->host = text_of(L, "host", NULL);
    luaL_argcheck(L, target->host != NULL, 1, "host is missing");
    target->port = port_of(L, 1);
    const char *kind = text_of(L, "kind", "tcp");
    target->udp = strcmp(kind, "udp") == 0;
    luaL_argcheck(L, target->udp || strcmp(kind, "tcp") == 0, 1, "kind is 'tcp' or 'udp'");
    lua_getfield(L, 1, "tls");
    target->tls = lua_toboolean(L, -1);
    lua_pop(L, 1);
    target->server_name = text_of(L, "server_name", NULL);
    target->trust = text_of(L, "trust", NULL);
    target->trust_length = target->trust != NULL ? strlen(target->trust) : 0;
    target->protocols = read_protocols(L, protocols);
    luaL_argcheck(L, !target->udp || !target->tls, 1, "there is no TLS over UDP here");
    luaL_argcheck(L, target->tls || (target->server_name == NULL && target->trust == NULL && target->protocols == NULL),
                  1, "server_name, trust and alpn go with tls");
}

// net.connect{host=, port=, kind=, timeout=, tls=, server_name=, trust=, alpn=}: a connection; or nil, message, code.
static int connect_to(lua_State *L)
{
    static const char *const fields[] = {"host",        "port",  "kind", "timeout", "tls",
                                         "server_name", "trust", "alpn", NULL};
    const char *protocols[NET_TLS_MOST_PROTOCOLS + 1] = {NULL};
    struct net_target target = {.host = NULL};
    struct error error;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    sandbox_fields(L, 1, fields);
    read_target(L, &target, protocols);
    struct connection *connection = sandbox_resource(L, CONNECTION, sizeof(*connection), release_connection);
    connection->timeout_ms = timeout_of(L);
    connection->udp = target.udp;
    if (net_stream_open(&target, deadline(L, connection->timeout_ms), &connection->stream, &error) < 0) {
        return sandbox_fail(L, &error);
    }
    return 1;
}

// ---- Methods

static size_t length_of(lua_State *L, size_t fallback)
{
    lua_Integer length = luaL_optinteger(L, 2, (lua_Integer)fallback);
    luaL_argcheck(L, length > 0 && length <= NET_STREAM_MOST, 2, "1 to 1048576 expected");
    return (size_t)length;
}

// connection:send(bytes): true; or nil, message, code.
static int send_bytes(lua_State *L)
{
    size_t length;
    struct error error;
    struct connection *connection = sandbox_check(L, 1, CONNECTION);
    const char *bytes = luaL_checklstring(L, 2, &length);
    if (net_stream_send(connection->stream, bytes, length, deadline(L, connection->timeout_ms), &error) < 0) {
        return sandbox_fail(L, &error);
    }
    lua_pushboolean(L, true);
    return 1;
}

typedef int reading(struct net_stream *stream, size_t length, long long deadline_boot_ms, struct buf *out,
                    struct error *error);

static int receive_by(lua_State *L, reading *read, size_t length)
{
    struct error error;
    struct connection *connection = sandbox_check(L, 1, CONNECTION);
    luaL_argcheck(L, !connection->udp || read == net_stream_receive, 1, "datagrams come by receive alone");
    // One more for a datagram, see there.
    struct buf *out = sandbox_buf(L, length + 1, true);
    if (read(connection->stream, length, deadline(L, connection->timeout_ms), out, &error) < 0) {
        return sandbox_fail(L, &error);
    }
    sandbox_push_buf(L, out);
    return 1;
}

// connection:receive([most]): what has come, "" at the end; or nil, message, code.
static int receive(lua_State *L)
{
    return receive_by(L, net_stream_receive, length_of(L, RECEIVE));
}

// connection:read(length): exactly so many bytes; or nil, message, code.
static int read_exactly(lua_State *L)
{
    luaL_checkinteger(L, 2);
    return receive_by(L, net_stream_read, length_of(L, 1));
}

// connection:line([most]): a line without its end; or nil, message, code.
static int line(lua_State *L)
{
    return receive_by(L, net_stream_line, length_of(L, RECEIVE));
}

// connection:protocol(): what the server chose of alpn, or nil.
static int protocol(lua_State *L)
{
    const struct connection *connection = sandbox_check(L, 1, CONNECTION);
    const char *name = net_stream_protocol(connection->stream);
    lua_pushstring(L, *name != '\0' ? name : NULL);
    return 1;
}

// connection:close(): true.
static int close_connection(lua_State *L)
{
    luaL_checkudata(L, 1, CONNECTION);
    sandbox_close(L, 1);
    lua_pushboolean(L, true);
    return 1;
}

// ---- Addresses

// net.resolve(host): a list of addresses as text; or nil, message, code.
static int resolve(lua_State *L)
{
    const char *host = sandbox_text(L, 1);
    struct error error;
    char text[NET_ADDRESS_SIZE];
    struct addrinfo **list = sandbox_resource(L, ADDRESSES, sizeof(struct addrinfo *), release_addresses);
    int resource = lua_gettop(L);
    sandbox_watch(L);
    if (net_resolve(host, 0, list, &error) < 0) {
        return sandbox_fail(L, &error);
    }
    lua_newtable(L);
    lua_Integer count = 0;
    for (const struct addrinfo *address = *list; address != NULL; address = address->ai_next) {
        lua_pushstring(L, net_host_text(address, text));
        lua_rawseti(L, -2, ++count);
    }
    sandbox_close(L, resource);
    return 1;
}

// ---- Responders

static void release_responder(void *payload)
{
    net_responder_stop(payload);
}

// The string at a field of the table on top of the stack, which holds it.
static const char *offer_text(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING && strlen(lua_tostring(L, -1)) == lua_rawlen(L, -1), 1,
                  "tls is a list of tables with the texts name, certificate and key");
    const char *text = lua_tostring(L, -1);
    lua_pop(L, 1);
    return text;
}

// Leaves a userdata with the offers on the stack, in place of the list.
static void read_offers(lua_State *L, struct net_service *service)
{
    static const char *const fields[] = {"name", "certificate", "key", NULL};
    luaL_argcheck(L, lua_istable(L, -1), 1, "tls is a list");
    service->offer_count = lua_rawlen(L, -1);
    luaL_argcheck(L, service->offer_count > 0 && service->offer_count <= MOST_ANSWERS, 1,
                  "tls is a list of 1 to 1024 tables");
    struct net_offer *offers = lua_newuserdatauv(L, service->offer_count * sizeof(*offers), 0);
    lua_insert(L, -2);
    for (size_t i = 0; i < service->offer_count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        luaL_argcheck(L, lua_istable(L, -1) && sandbox_unknown_field(L, lua_gettop(L), fields) == NULL, 1,
                      "tls is a list of tables with name, certificate and key");
        offers[i].name = offer_text(L, "name");
        offers[i].certificate = offer_text(L, "certificate");
        offers[i].key = offer_text(L, "key");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    service->offers = offers;
}

// The same with the pages.
static void read_pages(lua_State *L, struct net_service *service)
{
    luaL_argcheck(L, lua_istable(L, -1), 1, "http is a table of paths and bodies");
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING, 1,
                      "http is a table of paths and bodies, which are strings");
        luaL_argcheck(L, lua_rawlen(L, -1) <= NET_PAGE_MOST_BODY, 1, "http has a body of more than 524288 bytes");
        service->page_count++;
    }
    luaL_argcheck(L, service->page_count <= MOST_ANSWERS, 1, "http has more than 1024 paths");
    struct net_page *page = lua_newuserdatauv(L, (service->page_count + 1) * sizeof(*page), 0);
    service->pages = page;
    lua_insert(L, -2);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        *page++ = (struct net_page){lua_tostring(L, -2), lua_tostring(L, -1), lua_rawlen(L, -1)};
    }
    lua_pop(L, 1);
}

// net.serve{address=, port=, http={[path]=body}} or {…, tls={{name=, certificate=, key=}…}, alpn=}: a responder; or nil,
// message, code.
static int serve(lua_State *L)
{
    static const char *const fields[] = {"address", "port", "http", "tls", "alpn", NULL};
    struct net_service service = {.address = NULL};
    struct error error;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    sandbox_fields(L, 1, fields);
    service.address = text_of(L, "address", NULL);
    service.port = port_of(L, 0);
    service.protocol = text_of(L, "alpn", NULL);
    bool http = lua_getfield(L, 1, "http") != LUA_TNIL, tls = lua_getfield(L, 1, "tls") != LUA_TNIL;
    luaL_argcheck(L, http != tls && tls == (service.protocol != NULL), 1, "either http, or tls and alpn");
    if (tls) {
        read_offers(L, &service);
    } else {
        lua_pop(L, 1);
        read_pages(L, &service);
    }
    struct net_responder *responder = sandbox_resource(L, RESPONDER, sizeof(*responder), release_responder);
    sandbox_watch(L);
    if (net_responder_start(&service, responder, &error) < 0) {
        return sandbox_fail(L, &error);
    }
    return 1;
}

// responder:port(): where it listens.
static int port(lua_State *L)
{
    const struct net_responder *responder = sandbox_check(L, 1, RESPONDER);
    lua_pushinteger(L, responder->port);
    return 1;
}

// responder:close(): true.
static int close_responder(lua_State *L)
{
    luaL_checkudata(L, 1, RESPONDER);
    sandbox_close(L, 1);
    lua_pushboolean(L, true);
    return 1;
}

static const luaL_Reg connection_methods[] = {
    {"send", send_bytes},   {"receive", receive},        {"read", read_exactly}, {"line", line},
    {"protocol", protocol}, {"close", close_connection}, {NULL, NULL},
};

static const luaL_Reg responder_methods[] = {
    {"port", port},
    {"close", close_responder},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"connect", connect_to},
    {"resolve", resolve},
    {"serve", serve},
    {NULL, NULL},
};

// PSA serves TLS, so it is started here too.
int luaopen_certauto_net(lua_State *L)
{
    struct error error;
    if (key_start(&error) != 0) {
        return luaL_error(L, "%s", error.message);
    }
    sandbox_type(L, CONNECTION, connection_methods);
    sandbox_type(L, ADDRESSES, NULL);
    sandbox_type(L, RESPONDER, responder_methods);
    luaL_newlib(L, functions);
    return 1;
}
