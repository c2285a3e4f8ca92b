-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.json: there and back, and what is refused.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local json = require "certauto.json"
local test, equal = check.test, check.equal

test("json_decode_gives_each_kind_of_value", function()
  for text, value in pairs {
    ["1"] = 1, ["-0"] = 0, ["1.5"] = 1.5, ["1e3"] = 1000, ["true"] = true, ["false"] = false, ['"a"'] = "a",
    ['"\\u00e4\\n\\/\\ud83d\\ude00"'] = "ä\n/😀", [' [ 1 , 2 ] '] = { 1, 2 },
    ['{"a":{"b":[]}}'] = { a = { b = {} } },
    ["9007199254740992"] = 9007199254740992, ["-9007199254740992"] = -9007199254740992,
    ["9007199254740994"] = 9007199254740994.0, ["1e300"] = 1e300,
  } do
    equal(json.decode(text), value)
  end
  equal(json.decode("null"), json.null)
  equal(json.decode("[null,1]")[1], json.null)
  equal(json.decode("[null,1]")[2], 1)
end)

test("json_decode_refuses_what_is_not_json", function()
  for _, text in ipairs {
    "", " ", "{", "}", "[1,]", '{"a"}', '{"a":1,}', "{a:1}", "'a'", "nul", "tru", "1 2", "[1]x", '"a',
    '"\\x"', '"\\ud800"',
    "[1}", "NaN", "Infinity", "-", "1e999", "\0", '"a\0b"', '"\\u0000"', '["\\\\\\u0000"]',
    '{"a":1,"a":1}', '{"a":null,"a":1}',
    ("["):rep(100) .. ("]"):rep(100), ("["):rep(1000000),
  } do
    check.fails("format", json.decode(text))
  end
  check.fails("format", json.decode('"' .. ("x"):rep(5 * 1024 * 1024) .. '"'))
  assert(json.decode('"\\\\u0000"') == "\\u0000")
  assert(json.decode(("["):rep(60) .. ("]"):rep(60)))
end)

test("json_encode_gives_each_kind_of_value", function()
  for _, pair in ipairs {
    { 1, "1" }, { -5, "-5" }, { 0.5, "0.5" }, { 0.1, "0.1" }, { 1e300, "1e+300" }, { 9007199254740991,
    "9007199254740991" },
    { 1763867687, "1763867687" }, { true, "true" }, { json.null, "null" }, { "a\"\\\n\1",
    '"a\\"\\\\\\n\\u0001"' }, { {}, "{}" },
    { { 1, "a" }, '[1,"a"]' }, { { a = { 1 } }, '{"a":[1]}' }, { json.array({}), "[]" },
    { { json.array({}) }, "[[]]" },
    { "ä", '"ä"' }, { { json.null }, "[null]" },
  } do
    equal(json.encode(pair[1]), pair[2])
  end
end)

test("json_numbers_survive_to_the_last_bit", function()
  for _, number in ipairs { 0.1 + 0.2, 1 / 3, 2 ^ 53 - 1, 1e-300, 5e-324, 1.7976931348623157e308,
    math.pi, 123456789.123456789 } do
    assert(json.decode(json.encode(number)) == number)
  end
end)

test("json_arrays_stay_arrays", function()
  equal(json.encode(json.decode('{"a":[]}')), '{"a":[]}')
  equal(json.encode(json.decode('{"a":{}}')), '{"a":{}}')
  equal(json.encode(json.decode("[[],{},[[]]]")), "[[],{},[[]]]")
end)

test("json_encode_refuses_what_json_cannot_hold", function()
  local circle = {}
  circle.a = circle
  for _, value in ipairs {
    print, coroutine.create(print), 0 / 0, math.huge, -math.huge, math.maxinteger, 1 << 60, "a\0", { ["a\0"] = 1 },
    { 1, a = 2 }, { [2] = 1 }, { [1] = 1, [3] = 3 }, { [0] = 1 }, { [1.5] = 1 }, { [true] = 1 }, circle,
    { { print } },
    json.array({ a = 1 }), ("x"):rep(5 * 1024 * 1024),
  } do
    check.fails("format", json.encode(value))
  end
end)

test("json_misuse_raises", function()
  check.raises("bad argument", json.encode)
  check.raises("bad argument", json.decode)
  check.raises("bad argument", json.decode, {})
  check.raises("bad argument", json.array, 1)
end)

return check.status()
