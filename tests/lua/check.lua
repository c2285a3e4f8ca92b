-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- What the Lua tests share. A test begins with
--   local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
-- and ends with "return check.status()".

local exec = require "certauto.exec"
local fs = require "certauto.fs"
local json = require "certauto.json"

local check = { failed = 0 }

-- Runs one test; what it raises is its failure.
function check.test(name, body)
  local fine, trace = xpcall(body, function(message)
    return tostring(message)
  end)
  if fine then
    print("ok " .. name)
  else
    check.failed = check.failed + 1
    print("not ok " .. name)
    print("# " .. tostring(trace):gsub("\n", "\n# "))
  end
end

local function show(value)
  if type(value) == "table" then
    return json.encode(value) or tostring(value)
  end
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function same(one, other)
  if type(one) ~= "table" or type(other) ~= "table" then
    return one == other and math.type(one) == math.type(other)
  end
  for key, value in pairs(one) do
    if not same(value, other[key]) then
      return false
    end
  end
  for key in pairs(other) do
    if one[key] == nil then
      return false
    end
  end
  return true
end

-- Tables are compared by what they hold, numbers also by their type.
function check.equal(got, expected)
  if not same(got, expected) then
    error(("got %s, expected %s"):format(show(got), show(expected)), 2)
  end
end

function check.contains(text, part)
  if type(text) ~= "string" or not text:find(part, 1, true) then
    error(("%s does not contain %q"):format(show(text), part), 2)
  end
end

-- The call raised, with this text.
function check.raises(part, call, ...)
  local fine, message = pcall(call, ...)
  if fine then
    error("it raised nothing", 2)
  elseif not tostring(message):find(part, 1, true) then
    error(("it raised %q, not %q"):format(tostring(message), part), 2)
  end
end

-- The results are a failure of this word: nil, message, code.
function check.fails(code, ...)
  local value, message, word = ...
  if value ~= nil or type(message) ~= "string" or message == "" or word ~= code then
    error(("%s, %s, %s is no failure of the kind %s"):format(show(value), show(message), show(word), code), 2)
  end
  return message
end

-- A new folder, gone when the test is over.
function check.folder()
  local made = exec.run({ "mktemp", "-d", (os.getenv("TMPDIR") or "/tmp") .. "/certauto-lua-XXXXXX" })
  return (assert(made.status == 0 and made.out, made.err):gsub("\n$", ""))
end

-- Runs a command that must succeed; returns its output.
function check.command(...)
  local result = assert(exec.run({ ... }))
  assert(result.status == 0, result.err)
  return result.out
end

-- A hook of ours as its file gives it.
function check.hook(path)
  return assert(load(assert(fs.read(path)), "@" .. path))()
end

function check.status()
  return check.failed > 0 and 1 or 0
end

return check
