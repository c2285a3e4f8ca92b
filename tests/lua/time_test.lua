-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.time: now, since boot, text, waiting.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local time = require "certauto.time"
local test, equal = check.test, check.equal

test("time_now_is_the_time", function()
  assert(math.type(time.now()) == "integer" and math.abs(time.now() - os.time()) < 5)
end)

test("time_boot_goes_on", function()
  local before = time.boot()
  assert(time.sleep(0.05))
  local took = time.boot() - before
  assert(took >= 0.049 and took < 5, took)
end)

test("time_left_is_endless_in_a_script", function()
  equal(time.left(), math.huge)
end)

test("time_format_and_parse_are_opposites", function()
  for number, text in pairs {
    [0] = "1970-01-01T00:00:00Z", [1763867207] = "2025-11-23T03:06:47Z", [951782400] = "2000-02-29T00:00:00Z",
    [253402300799] = "9999-12-31T23:59:59Z", [-1] = "1969-12-31T23:59:59Z",
  } do
    equal(time.format(number), text)
    equal(time.parse(text), number)
  end
end)

test("time_parse_refuses_other_forms", function()
  for _, text in ipairs {
    "", "now", "2025-11-23", "2025-11-23T03:06:47", "2025-11-23 03:06:47Z", "2025-02-30T00:00:00Z",
    "2025-13-01T00:00:00Z",
    "2025-11-23T24:00:00Z", "2025-11-23T03:06:47.5Z", "2025-11-23T03:06:47+01:00",
    "2025-11-23T03:06:47Z ", "2025-11-23T03:06:47Z\0",
  } do
    check.fails("format", time.parse(text))
  end
end)

test("time_misuse_raises", function()
  check.raises("bad argument", time.format, "x")
  check.raises("bad argument", time.format, 1.5)
  check.raises("bad argument", time.parse, {})
  check.raises("bad argument", time.sleep, -1)
  check.raises("bad argument", time.sleep, 0 / 0)
  check.raises("bad argument", time.sleep, "soon")
end)

return check.status()
