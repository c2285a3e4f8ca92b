-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.store: one file a key, with a lock. Alone it is run without a store, so that all fails; the C test of
-- hooks runs this file again with a store of its own, which it says by the argument "store".

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local store = require "certauto.store"
local test, equal = check.test, check.equal

if arg[1] ~= "store" then
  local _, _, code = store.list()
  -- The store of this machine is not touched.
  if code == "refused" then
    test("store_fails_where_there_is_none", function()
      check.fails("refused", store.get("a"))
      check.fails("refused", store.set("a", "b"))
      check.fails("refused", store.delete("a"))
      check.fails("refused", store.list(""))
      check.fails("refused", store.lock("a"))
    end)
  end
  return check.status()
end

test("store_keeps_exactly_the_bytes_given", function()
  for _, bytes in ipairs { "", "text\n", "\0\255\r\n", ("x"):rep(1024 * 1024) } do
    equal(store.set("test/value", bytes), true)
    assert(store.get("test/value") == bytes)
  end
  assert(store.set("test/value", ("x"):rep(1024 * 1024 + 1)) == nil)
  assert(#store.get("test/value") == 1024 * 1024)
end)

test("store_says_what_is_not_there", function()
  check.fails("not_found", store.get("test/nothing"))
  equal(store.delete("test/nothing"), true)
end)

test("store_lists_sorted_by_prefix", function()
  for _, key in ipairs { "list/c", "list/a", "list/b/x", "other" } do
    assert(store.set(key, "1"))
  end
  equal(store.list("list/"), { "list/a", "list/b/x", "list/c" })
  equal(store.list("list/b"), { "list/b/x" })
  equal(store.list("nothing"), {})
  equal(store.delete("list/b/x"), true)
  equal(store.list("list/"), { "list/a", "list/c" })
end)

test("store_refuses_ill_formed_keys", function()
  for _, key in ipairs { "", "/a", "a/", "a//b", "../a", "a/../b", ".a", "-a", "a b", "ä", ("a"):rep(201) } do
    check.fails("usage", store.get(key))
    check.fails("usage", store.set(key, "x"))
    check.fails("usage", store.delete(key))
    check.fails("usage", store.lock(key))
  end
end)

test("store_locks_are_held_until_closed", function()
  local lock = assert(store.lock("account"))
  equal(lock:close(), true)
  check.raises("closed before", lock.close, lock)
  for _ = 1, 3 do
    local held <close> = assert(store.lock("account"))
    assert(held)
  end
  assert(store.lock("account"):close())
end)

test("store_misuse_raises", function()
  check.raises("bad argument", store.get)
  check.raises("bad argument", store.get, 1)
  check.raises("NUL", store.get, "a\0b")
  check.raises("bad argument", store.set, "a")
  check.raises("bad argument", store.set, "a", {})
  check.raises("bad argument", store.lock, {})
end)

return check.status()
