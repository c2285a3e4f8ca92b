-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Compiles hooks/KIND/NAME.lua into a C file of constant tables (src/hooks_data.h).
--
-- usage: lua embed.lua HOOKS_FOLDER FILE... >hooks_data.c
-- The texts are compressed, by the machine's gzip. Every hook is run once,
-- without the engine, to read what it declares. A mistake ends the build with
-- FILE:LINE.

local FUNCTIONS = { "issue", "renewal_info", "revoke", "publish", "verify", "rollback", "decide", "notify", "account",
  "rehearse" }
local NEEDED = { issue = "issue", publish = "publish", policy = "decide", notify = "notify" }
local TYPES = {}
for word in ("string secret integer boolean duration path url list mode command certificate"):gmatch("%a+") do
  TYPES[word] = true
end
local OPTION_FIELDS = { name = "string", type = "string", required = "boolean", doc = "string", default = "any" }

local folder = assert(arg[1], "usage: lua embed.lua HOOKS_FOLDER FILE...")

local function fail(message, ...)
  io.stderr:write(message:format(...), "\n")
  os.exit(1)
end

local function read(path)
  local file, message = io.open(path, "rb")
  if not file then
    fail("%s", message)
  end
  local text = file:read("a")
  file:close()
  return text
end

-- The line of the first match of a plain text, else 1.
local function line_of(text, needle)
  local at = needle and text:find(needle, 1, true)
  return at and select(2, text:sub(1, at):gsub("\n", "")) + 1 or 1
end

-- The text as raw DEFLATE (RFC 1951): what gzip makes of it, without head and trailer (RFC 1952 §2.3).
local function deflate(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  assert(file:write(text) and file:close())
  local pipe = assert(io.popen("exec gzip -9n <" .. path, "r"))
  local packed = pipe:read("a")
  local fine = pipe:close()
  os.remove(path)
  -- No name, no time, and at the end the length of what went in.
  if not fine or packed:sub(1, 4) ~= "\31\139\8\0" or string.unpack("<I4", packed, -4) ~= #text then
    fail("gzip, which compresses the hooks, did not work")
  end
  return packed:sub(11, -9)
end

-- What stands for the engine's modules: anything may be indexed and called.
local stub = setmetatable({}, {})
getmetatable(stub).__index = function()
  return stub
end
getmetatable(stub).__call = function()
  return stub
end

-- The world in which a hook is run for its declaration.
local function sandbox()
  local world, loaded = {}, {}
  for _, name in ipairs({
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen",
    "rawset", "select", "setmetatable", "tonumber", "tostring", "type", "xpcall",
    "coroutine", "math", "string", "table", "utf8",
  }) do
    world[name] = _G[name]
  end
  world.os = { time = os.time, date = os.date, clock = os.clock, getenv = function() end }
  world._G = world
  function world.require(name)
    local file = name:match("^lib%.([%w_.-]+)$")
    if not file then
      return stub
    end
    if loaded[name] == nil then
      local path = ("%s/lib/%s.lua"):format(folder, (file:gsub("%.", "/")))
      local value = assert(load(read(path), "@" .. path, "t", world))(name)
      loaded[name] = value == nil and true or value
    end
    return loaded[name]
  end
  return world
end

-- A default as one would write it in the configuration.
local function as_text(value, complain)
  if type(value) == "boolean" then
    return value and "yes" or "no"
  elseif math.type(value) == "integer" or type(value) == "string" then
    return tostring(value)
  elseif type(value) == "table" then
    local words = {}
    for index, word in ipairs(value) do
      words[index] = tostring(word)
    end
    return table.concat(words, ", ")
  end
  return complain("a default is text, a whole number, a boolean or a list of words")
end

local function read_option(option, complain)
  if type(option) ~= "table" or type(option.name) ~= "string" or not option.name:find("^%l[%l%d_]*$") then
    complain("an option is a table with a name of a-z 0-9 _")
  end
  local function wrong(message, ...)
    complain("option " .. option.name .. ": " .. message:format(...), 'name = "' .. option.name .. '"')
  end
  for field, value in pairs(option) do
    local wanted = OPTION_FIELDS[field]
    if not wanted then
      wrong("unknown field '%s'", tostring(field))
    elseif wanted ~= "any" and type(value) ~= wanted then
      wrong("%s is not a %s", field, wanted)
    end
  end
  if not TYPES[option.type] and not (option.type or ""):find("^enum:[^|]+[^ ]*$") then
    wrong("no such type: %s", tostring(option.type))
  end
  if not option.doc or option.doc == "" or option.doc:find("\n") then
    wrong("doc is one line of text")
  end
  if option.default ~= nil and option.required then
    wrong("one that is required has no default")
  end
  local fallback = option.default ~= nil and as_text(option.default, wrong) or nil
  local words = option.type:match("^enum:(.*)")
  if words and fallback and not ("|" .. words .. "|"):find("|" .. fallback .. "|", 1, true) then
    wrong("the default '%s' is none of %s", fallback, words)
  end
  return { name = option.name, type = option.type, required = option.required, fallback = fallback, doc = option.doc }
end

-- Runs a hook and checks what it declares.
local function declaration(file)
  local function complain(message, needle)
    fail("%s:%d: %s", file.path, line_of(file.source, needle), message)
  end
  local chunk, message = load(file.source, "@" .. file.path, "t", sandbox())
  if not chunk then
    fail("%s", message)
  end
  local fine, hook = pcall(chunk)
  if not fine then
    fail("%s", tostring(hook))
  elseif type(hook) ~= "table" then
    complain("a hook returns a table")
  elseif hook.api ~= 1 then
    complain("api is not 1", "api")
  elseif type(hook.doc) ~= "string" or hook.doc == "" or hook.doc:find("\n") then
    complain("doc is one line of text", "doc")
  elseif type(hook[NEEDED[file.kind]]) ~= "function" then
    complain(("a hook of this kind has a function '%s'"):format(NEEDED[file.kind]))
  end
  local options = type(hook.options) == "function" and hook.options() or hook.options or {}
  if type(options) ~= "table" then
    complain("options is a list, or a function that returns one", "options")
  end
  file.api, file.doc, file.options, file.functions = 1, hook.doc, {}, {}
  local known, seen = { api = true, doc = true, options = true }, {}
  for _, name in ipairs(FUNCTIONS) do
    known[name] = true
    if hook[name] ~= nil then
      if type(hook[name]) ~= "function" then
        complain(name .. " is not a function", name)
      end
      table.insert(file.functions, "HOOK_" .. name:upper())
    end
  end
  for field in pairs(hook) do
    if not known[field] then
      complain(("unknown field '%s'"):format(tostring(field)), tostring(field))
    end
  end
  for index, option in ipairs(options) do
    file.options[index] = read_option(option, complain)
    if seen[option.name] then
      complain("option " .. option.name .. " is declared twice", 'name = "' .. option.name .. '"')
    end
    seen[option.name] = true
  end
end

local function open_file(path)
  local kind, name = path:sub(#folder + 2):match("^(%l+)/([%w_./-]+)%.lua$")
  if not kind or not (NEEDED[kind] or kind == "lib") or (kind ~= "lib" and name:find("/", 1, true)) then
    fail("%s:1: not a place for a hook: hooks/KIND/NAME.lua, or hooks/lib/NAME.lua", path)
  end
  local file = { path = path, kind = kind, name = name, source = read(path), api = 0, doc = "", options = {} }
  if kind == "lib" then
    local chunk, message = load(file.source, "@" .. path, "t")
    if not chunk then
      fail("%s", message)
    end
    file.functions = {}
  else
    declaration(file)
  end
  return file
end

local function c_string(text)
  if text == nil then
    return "NULL"
  end
  return '"' .. text:gsub("[%c\"\\\127-\255?]", function(byte)
    return byte == "\n" and "\\n" or ("\\%03o"):format(byte:byte())
  end) .. '"'
end

local function write_options(index, options)
  if #options == 0 then
    return "NULL"
  end
  print(("static const struct hook_option options_%d[] = {"):format(index))
  for _, option in ipairs(options) do
    print(("    {%s, %s, %s, %s, %s},"):format(c_string(option.name), c_string(option.type),
      option.required and "true" or "false", c_string(option.fallback), c_string(option.doc)))
  end
  print("};")
  return "options_" .. index
end

local function write_text(index, packed)
  print(("static const unsigned char packed_%d[] = {"):format(index))
  for at = 1, #packed, 32 do
    print("    " .. table.concat({ packed:byte(at, math.min(at + 31, #packed)) }, ",") .. ",")
  end
  print("};")
end

local files = {}
for index = 2, #arg do
  files[index - 1] = open_file(arg[index])
end
table.sort(files, function(one, other)
  return one.kind .. "/" .. one.name < other.kind .. "/" .. other.name
end)
print("// Made by src/embed.lua out of hooks/. Do not edit.")
print('#include "hooks_data.h"')
local rows = {}
for index, file in ipairs(files) do
  write_text(index, deflate(file.source))
  rows[index] = ("    {%s, %s, packed_%d, sizeof packed_%d, %d, %s, %d, %s, %d, %s},"):format(
    c_string(file.kind), c_string(file.name), index, index, #file.source, c_string(file.doc), file.api,
    write_options(index, file.options), #file.options,
    #file.functions > 0 and table.concat(file.functions, " | ") or "0")
end
-- The last row is no hook: C has no empty tables.
print("const struct hook_file hooks_builtin[] = {")
print(table.concat(rows, "\n"))
print("    {NULL, NULL, NULL, 0, 0, NULL, 0, NULL, 0, 0},\n};")
print(("const size_t hooks_builtin_count = %d;"):format(#files))
