// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto.time: now, since boot, until the deadline, as text, and waiting.
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <time.h>

#include "clock.h"
#include "lua_sandbox.h"

static int now(lua_State *L)
{
    lua_pushinteger(L, clock_now());
    return 1;
}

static int boot(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)clock_boot_ms() / 1000);
    return 1;
}

// Milliseconds until the deadline, at least 0; LLONG_MAX when there is none.
static long long left_ms(lua_State *L)
{
    long long deadline = sandbox_context(L)->deadline_boot_ms, present = clock_boot_ms();
    if (deadline == LLONG_MAX) {
        return LLONG_MAX;
    }
    return deadline > present ? deadline - present : 0;
}

static int left(lua_State *L)
{
    long long ms = left_ms(L);
    lua_pushnumber(L, ms == LLONG_MAX ? HUGE_VAL : (lua_Number)ms / 1000);
    return 1;
}

static int format(lua_State *L)
{
    char text[CLOCK_UTC_SIZE];
    clock_format(luaL_checkinteger(L, 1), text);
    lua_pushstring(L, text);
    return 1;
}

static int parse(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    int64_t time;
    if (!clock_parse(text, length, &time)) {
        struct error error;
        error_set(&error, ERROR_FORMAT, "'%s' is no time as 2026-11-23T03:06:47Z", text);
        return sandbox_fail(L, &error);
    }
    lua_pushinteger(L, time);
    return 1;
}

static int sleep_for(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);
    long long ms = left_ms(L);
    luaL_argcheck(L, seconds >= 0, 1, "seconds from 0 on expected");
    if (seconds * 1000 >= (lua_Number)ms) {
        struct error error;
        error_set(&error, ERROR_TIMEOUT, "the deadline comes before the end of this wait");
        return sandbox_fail(L, &error);
    }
    long long length = (long long)(seconds * 1000);
    struct timespec rest = {(time_t)(length / 1000), (long)(length % 1000) * 1000000};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
    lua_pushboolean(L, true);
    return 1;
}

static const luaL_Reg functions[] = {
    {"now", now},     {"boot", boot},       {"left", left}, {"format", format},
    {"parse", parse}, {"sleep", sleep_for}, {NULL, NULL},
};

int luaopen_certauto_time(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
