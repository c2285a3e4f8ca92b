// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Resources: what lua_sandbox.c and lua_resource.c share about the C things that Lua values own.
#ifndef LUA_RESOURCE_H
#define LUA_RESOURCE_H

#include <lua.h>

// The head of a resource's userdata; its payload follows. In the list of its state until it is released.
struct resource {
    struct resource *next;
    struct resource **link;         // what points to this one
    void (*release)(void *payload); // NULL: released
};

// Makes the types that every state has.
void resource_set_up(lua_State *L);
// Gives it back, once, and takes it out of the list.
void resource_release(struct resource *resource);
// The head of a state's list. lua_sandbox.c.
struct resource **sandbox_resources(lua_State *L);

#endif
