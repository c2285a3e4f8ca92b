-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.log: what is taken. How lines look is the business of the C tests.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local log = require "certauto.log"

check.test("log_takes_text_and_fields", function()
  check.equal(select("#", log.debug("quiet")), 0)
  log.debug("quiet", { one = 1, two = "two", three = true, four = 0.5 })
  log.debug(("x"):rep(100000))
  log.debug("a\0b\n\27[31m", { value = "a\0b\n" })
end)

check.test("log_misuse_raises", function()
  for _, level in ipairs { "debug", "info", "warning", "error" } do
    check.raises("bad argument", log[level])
    check.raises("bad argument", log[level], {})
    check.raises("bad argument", log[level], "x", "y")
  end
  local fields = {}
  for i = 1, 9 do
    fields["f" .. i] = i
  end
  check.raises("too many fields", log.error, "x", fields)
  check.raises("names of fields", log.error, "x", { ["a b"] = 1 })
  check.raises("names of fields", log.error, "x", { 1 })
  check.raises("values of fields", log.error, "x", { a = {} })
end)

return check.status()
