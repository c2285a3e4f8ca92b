// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.x509: certificates and requests read, chains checked, and what a CA needs to issue.
#include <string.h>

#include "clock.h"
#include "key.h"
#include "lua_sandbox.h"
#include "names.h"
#include "x509.h"

#define KEY "key" // lua_key.c
#define FACTS "x509.facts"
#define REQUEST "x509.request"
#define MAX_LIST 4096 // names of one certificate

static const struct {
    const char *word;
    unsigned bit;
} usages[] = {
    {"server", X509_SERVER},
    {"client", X509_CLIENT},
    {"email", X509_EMAIL},
    {"code", X509_CODE},
};
#define USAGES (sizeof usages / sizeof usages[0])

static void release_facts(void *payload)
{
    x509_facts_free(payload);
}

static void release_request(void *payload)
{
    x509_request_free(payload);
}

static const struct key *check_key(lua_State *L, int argument)
{
    struct key **key = sandbox_check(L, argument, KEY);

    return *key;
}

// ---- Lists

// Canonical text as a list of names: none holds a comma.
static void push_names(lua_State *L, const struct buf *names)
{
    const char *at = buf_string(names), *comma;
    lua_Integer count = 0;

    lua_newtable(L);
    for (; *at != '\0'; at = comma[0] == '\0' ? comma : comma + 2) {
        comma = strstr(at, ", ");
        if (comma == NULL)
            comma = at + strlen(at);
        lua_pushlstring(L, at, (size_t)(comma - at));
        lua_rawseti(L, -2, ++count);
    }
}

static void push_usage(lua_State *L, unsigned bits)
{
    lua_Integer count = 0;

    lua_newtable(L);
    for (size_t i = 0; i < USAGES; i++) {
        if ((bits & usages[i].bit) != 0) {
            lua_pushstring(L, usages[i].word);
            lua_rawseti(L, -2, ++count);
        }
    }
}

// The length of the list at index, whose items must be strings without NUL bytes.
static lua_Integer check_list(lua_State *L, int index, const char *what)
{
    lua_Integer count;

    if (!lua_istable(L, index))
        return luaL_error(L, "%s: a list of strings expected", what);
    count = (lua_Integer)lua_rawlen(L, index);
    if (count > MAX_LIST)
        return luaL_error(L, "%s: more than %d items", what, MAX_LIST);
    for (lua_Integer i = 1; i <= count; i++) {
        bool good = lua_rawgeti(L, index, i) == LUA_TSTRING && strlen(lua_tostring(L, -1)) == lua_rawlen(L, -1);

        if (!good)
            return luaL_error(L, "%s: a list of strings expected", what);
        lua_pop(L, 1);
    }
    return count;
}

// Canonical text of the list of names at index, in a buffer that is left on the stack; NULL when a name is none.
static struct buf *read_names(lua_State *L, int index, struct error *error)
{
    lua_Integer count = check_list(L, index, "names");
    struct buf *text = sandbox_buf(L, NAMES_MAX_BYTES, false);
    struct buf *names = sandbox_buf(L, NAMES_MAX_BYTES, false);

    for (lua_Integer i = 1; i <= count; i++) {
        const char *name;

        lua_rawgeti(L, index, i);
        name = lua_tostring(L, -1);
        if (strchr(name, ',') != NULL) {
            error_set(error, ERROR_USAGE, "a name holds no comma: '%s'", name);
            return NULL;
        }
        buf_text(text, i > 1 ? "," : "");
        buf_text(text, name);
        lua_pop(L, 1);
    }
    if (text->failed) {
        error_set(error, ERROR_USAGE, "the names are too long");
        return NULL;
    }
    if (count > 0 && names_parse(buf_string(text), names, error) != 0)
        return NULL;
    return names;
}

static unsigned read_usage(lua_State *L, int index)
{
    lua_Integer count = lua_isnil(L, index) ? 0 : check_list(L, index, "usage");
    unsigned bits = 0;

    for (lua_Integer i = 1; i <= count; i++) {
        const char *word;
        size_t j = 0;

        lua_rawgeti(L, index, i);
        word = lua_tostring(L, -1);
        while (j < USAGES && strcmp(usages[j].word, word) != 0)
            j++;
        if (j == USAGES)
            luaL_error(L, "usage: '%s' is none of server, client, email, code", word);
        bits |= usages[j].bit;
        lua_pop(L, 1);
    }
    return bits;
}

// ---- Fields of a table of settings

// Pushes the field and returns its place on the stack; nil when the table itself is left out.
static int push_field(lua_State *L, int table, const char *name)
{
    if (lua_istable(L, table))
        lua_getfield(L, table, name);
    else
        lua_pushnil(L);
    return lua_gettop(L);
}

// The text of a field, which stays on the stack; NULL when there is none.
static const char *text_field(lua_State *L, int table, const char *name, size_t *length)
{
    int at = push_field(L, table, name);

    if (lua_isnil(L, at))
        return NULL;
    if (lua_type(L, at) != LUA_TSTRING)
        luaL_error(L, "%s: a string expected", name);
    if (length == NULL && strlen(lua_tostring(L, at)) != lua_rawlen(L, at))
        luaL_error(L, "%s: text without NUL bytes expected", name);
    return lua_tolstring(L, at, length);
}

static int64_t whole_field(lua_State *L, int table, const char *name, int64_t otherwise)
{
    int at = push_field(L, table, name), is_number = 1;
    int64_t time = lua_isnil(L, at) ? otherwise : lua_tointegerx(L, at, &is_number);

    if (!is_number || lua_type(L, at) == LUA_TSTRING)
        luaL_error(L, "%s: a whole number expected", name);
    lua_pop(L, 1);
    return time;
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

// ---- Functions

// x509.read(pem): a table of facts, or nil and why not.
static int read_certificate(lua_State *L)
{
    size_t length;
    const char *pem = luaL_checklstring(L, 1, &length);
    struct x509_facts *facts = sandbox_resource(L, FACTS, sizeof *facts, release_facts);
    int resource = lua_gettop(L);
    struct error error;

    if (x509_read(pem, length, facts, &error) != 0)
        return sandbox_fail(L, &error);
    lua_newtable(L);
    lua_pushinteger(L, facts->not_before);
    lua_setfield(L, -2, "not_before");
    lua_pushinteger(L, facts->not_after);
    lua_setfield(L, -2, "not_after");
    set_text(L, "serial", facts->serial);
    set_text(L, "fingerprint", facts->fingerprint);
    set_text(L, "key_type", key_type_name(facts->key_type));
    lua_pushboolean(L, facts->is_ca);
    lua_setfield(L, -2, "ca");
    push_usage(L, facts->usage);
    lua_setfield(L, -2, "usage");
    set_text(L, "subject", facts->subject);
    set_text(L, "issuer", facts->issuer);
    set_text(L, "organisation", facts->issuer_organisation);
    set_text(L, "aki", facts->aki);
    push_names(L, &facts->names);
    lua_setfield(L, -2, "names");
    sandbox_close(L, resource);
    return 1;
}

// x509.split(pem): a list of the certificates, each as PEM of its own, or nil and why not.
static int split(lua_State *L)
{
    static const char end[] = "-----END CERTIFICATE-----\n";
    size_t length;
    const char *pem = luaL_checklstring(L, 1, &length), *at, *next;
    struct buf *all = sandbox_buf(L, 2 * X509_MAX_PEM, false);
    lua_Integer found = 0;
    struct error error;
    int count = x509_split(pem, length, all, all, &error);

    if (count == 0)
        error_set(&error, ERROR_FORMAT, "no certificate in PEM form found");
    if (count <= 0)
        return sandbox_fail(L, &error);
    lua_createtable(L, count, 0);
    for (at = buf_string(all); (next = strstr(at, end)) != NULL; at = next) {
        next += strlen(end);
        lua_pushlstring(L, at, (size_t)(next - at));
        lua_rawseti(L, -2, ++found);
    }
    return 1;
}

// x509.matches(pem, key): whether the certificate is the key's, or nil and why it cannot be read.
static int matches(lua_State *L)
{
    size_t length;
    const char *pem = luaL_checklstring(L, 1, &length);
    const struct key *key = check_key(L, 2);
    struct error error = {.code = ERROR_NONE};
    bool same = x509_matches_key(pem, length, key, &error);

    if (!same && error.code != ERROR_REFUSED)
        return sandbox_fail(L, &error);
    lua_pushboolean(L, same);
    return 1;
}

// x509.check_chain(certificate, chain[, settings]): the chain in order, or nil and why it does not build.
static int check_chain(lua_State *L)
{
    static const char *const fields[] = {"trust", "now", NULL};
    size_t leaf_length, chain_length, trust_length = 0;
    const char *leaf = luaL_checklstring(L, 1, &leaf_length);
    const char *chain = luaL_checklstring(L, 2, &chain_length), *trust;
    struct buf *ordered;
    struct error error;
    int64_t now;

    sandbox_fields(L, 3, fields);
    lua_settop(L, 3);
    now = whole_field(L, 3, "now", clock_now());
    trust = text_field(L, 3, "trust", &trust_length);
    ordered = sandbox_buf(L, 2 * X509_MAX_PEM, false);
    if (x509_check_chain(leaf, leaf_length, chain, chain_length, trust, trust_length, now, ordered, &error) != 0)
        return sandbox_fail(L, &error);
    sandbox_push_buf(L, ordered);
    return 1;
}

// x509.request(key, names[, settings]): a request in PEM, or nil and why not.
static int request(lua_State *L)
{
    static const char *const fields[] = {"subject", "usage", NULL};
    const struct key *key = check_key(L, 1);
    const char *subject;
    struct buf *names, *pem;
    struct error error;
    unsigned usage;

    luaL_checktype(L, 2, LUA_TTABLE);
    sandbox_fields(L, 3, fields);
    lua_settop(L, 3);
    subject = text_field(L, 3, "subject", NULL);
    usage = read_usage(L, push_field(L, 3, "usage"));
    names = read_names(L, 2, &error);
    if (names == NULL)
        return sandbox_fail(L, &error);
    pem = sandbox_buf(L, X509_MAX_PEM, false);
    if (x509_request(key, buf_string(names), subject, usage, pem, &error) != 0)
        return sandbox_fail(L, &error);
    sandbox_push_buf(L, pem);
    return 1;
}

// x509.read_request(pem[, settings]): what a rightly signed request asks for, or nil and why not.
static int read_request(lua_State *L)
{
    size_t length;
    static const char *const fields[] = {"verify", NULL};
    const char *pem = luaL_checklstring(L, 1, &length);
    struct x509_request_facts *facts;
    struct error error;
    bool verify;
    int resource;

    sandbox_fields(L, 2, fields);
    lua_settop(L, 2);
    verify = lua_type(L, push_field(L, 2, "verify")) == LUA_TNIL || lua_toboolean(L, -1);
    facts = sandbox_resource(L, REQUEST, sizeof *facts, release_request);
    resource = lua_gettop(L);
    if (x509_request_read(pem, length, verify, facts, &error) != 0)
        return sandbox_fail(L, &error);
    lua_newtable(L);
    push_names(L, &facts->names);
    lua_setfield(L, -2, "names");
    set_text(L, "key_type", key_type_name(facts->key_type));
    set_text(L, "subject", facts->subject);
    push_usage(L, facts->usage);
    lua_setfield(L, -2, "usage");
    lua_pushlstring(L, buf_string(&facts->public_der), facts->public_der.length);
    lua_setfield(L, -2, "public_key");
    sandbox_close(L, resource);
    return 1;
}

// Fills the template from the table at 1. What it points to stays on the stack.
static int read_template(lua_State *L, struct x509_template *template, struct error *error)
{
    size_t identifier_length = 0;
    struct buf *names;
    int64_t path_length;
    int at;

    template->subject = text_field(L, 1, "subject", NULL);
    if (template->subject == NULL)
        template->subject = "";
    template->serial = text_field(L, 1, "serial", NULL);
    template->public_der = text_field(L, 1, "public_key", &template->public_length);
    if (template->public_der == NULL)
        return luaL_error(L, "public_key: a string expected");
    template->not_before = whole_field(L, 1, "not_before", CLOCK_NONE);
    template->not_after = whole_field(L, 1, "not_after", CLOCK_NONE);
    if (template->not_before == CLOCK_NONE || template->not_after == CLOCK_NONE)
        return luaL_error(L, "not_before and not_after: whole numbers expected");
    path_length = whole_field(L, 1, "path_length", -1);
    if (path_length < -1 || path_length > 127)
        return luaL_error(L, "path_length: 0 to 127 expected");
    template->path_length = (int)path_length;
    template->is_ca = lua_toboolean(L, push_field(L, 1, "ca")) != 0;
    template->usage = read_usage(L, push_field(L, 1, "usage"));
    template->acme_identifier = text_field(L, 1, "acme_identifier", &identifier_length);
    if (template->acme_identifier != NULL && identifier_length != X509_ACME_IDENTIFIER_SIZE)
        return luaL_error(L, "acme_identifier: %d bytes expected", X509_ACME_IDENTIFIER_SIZE);
    at = push_field(L, 1, "names");
    if (lua_isnil(L, at))
        return 0;
    names = read_names(L, at, error);
    template->names = names != NULL ? buf_string(names) : NULL;
    return names != NULL ? 0 : -1;
}

// x509.issue(settings): a new certificate in PEM, or nil and why not.
static int issue(lua_State *L)
{
    static const char *const fields[] = {"key",     "issuer",          "public_key", "not_before", "not_after",
                                         "subject", "names",           "usage",      "ca",         "path_length",
                                         "serial",  "acme_identifier", NULL};
    struct x509_template template = {.names = NULL};
    const struct key *key;
    const char *issuer;
    size_t issuer_length = 0;
    struct buf *pem;
    struct error error;

    luaL_checktype(L, 1, LUA_TTABLE);
    sandbox_fields(L, 1, fields);
    lua_settop(L, 1);
    key = check_key(L, push_field(L, 1, "key"));
    issuer = text_field(L, 1, "issuer", &issuer_length);
    if (read_template(L, &template, &error) != 0)
        return sandbox_fail(L, &error);
    pem = sandbox_buf(L, X509_MAX_PEM, false);
    if (x509_issue(&template, issuer, issuer_length, key, pem, &error) != 0)
        return sandbox_fail(L, &error);
    sandbox_push_buf(L, pem);
    return 1;
}

static const luaL_Reg functions[] = {
    {"read", read_certificate}, {"split", split},
    {"matches", matches},       {"check_chain", check_chain},
    {"request", request},       {"read_request", read_request},
    {"issue", issue},           {NULL, NULL},
};

// PSA verifies signatures, so it is started here too.
int luaopen_certauto_x509(lua_State *L)
{
    struct error error;

    if (key_start(&error) != 0)
        return luaL_error(L, "%s", error.message);
    sandbox_type(L, FACTS, NULL);
    sandbox_type(L, REQUEST, NULL);
    luaL_newlib(L, functions);
    return 1;
}
