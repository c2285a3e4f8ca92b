-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Compiles hooks/KIND/NAME.lua into a C file of constant tables (src/hooks_data.h).
--
-- usage: lua embed.lua HOOKS_FOLDER FILE... >hooks_data.c
-- Comments and indentation are dropped, newlines stay, so that tracebacks name
-- the right line. Every hook is run once, without the engine, to read what it
-- declares. A mistake ends the build with FILE:LINE.

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

-- Cuts Lua source into pieces: "comment", "string" (which no one may touch),
-- "blank", "newline" and "code".
local function next_piece(text, at)
  local equals = text:match("^%-%-%[(=*)%[", at)
  if equals then
    local _, last = text:find("]" .. equals .. "]", at, true)
    return "comment", last or #text
  end
  if text:find("^%-%-", at) then
    return "comment", (text:find("\n", at, true) or #text + 1) - 1
  end
  equals = text:match("^%[(=*)%[", at)
  if equals then
    local _, last = text:find("]" .. equals .. "]", at, true)
    return "string", last or #text
  end
  local quote = text:match("^[\"']", at)
  if quote then
    local last = at + 1
    while last < #text and text:sub(last, last) ~= quote do
      last = last + (text:sub(last, last) == "\\" and 2 or 1)
    end
    return "string", last
  end
  if text:find("^\n", at) then
    return "newline", at
  end
  local _, last = text:find("^[ \t\r]+", at)
  if last then
    return "blank", last
  end
  _, last = text:find("^[%w_]+", at)
  return "code", last or at
end

-- May the blank between these two bytes go? Only beside signs that join nothing.
local function joins_nothing(before, after)
  if after == "=" and before:find("[<>~=]") then
    return false -- "local x <const> = 1"
  elseif (before == "." or after == ".") and not (before .. after):find("%d") and before ~= after then
    return true -- not of "1 .. text", nor of "a .. ..."
  end
  return before:find("[]=(),{};\n\"'#:+*/%%<>~]") or after:find("[=(),{};\"'#:+*/%%<>~]")
    or (before == "-" or after == "-") and before ~= after
end

-- Drops comments, indentation and needless blanks. Newlines stay.
local function strip(text)
  local out, at, blank, before = {}, 1, false, "\n"
  local function add(piece)
    if blank and not joins_nothing(before, piece:sub(1, 1)) then
      out[#out + 1] = " "
    end
    out[#out + 1] = piece
    before, blank = piece:sub(-1), false
  end
  while at <= #text do
    local kind, last = next_piece(text, at)
    local piece = text:sub(at, last)
    if kind == "comment" then
      local newlines = piece:gsub("[^\n]", "")
      out[#out + 1] = newlines
      before = newlines ~= "" and "\n" or before
      blank = true
    elseif kind == "blank" then
      blank = true
    elseif kind == "newline" then
      out[#out + 1], before, blank = "\n", "\n", false
    else
      add(piece)
    end
    at = last + 1
  end
  return (table.concat(out):gsub("\n+$", "\n"))
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
  elseif type(hook.options or {}) ~= "table" then
    complain("options is a list", "options")
  elseif type(hook[NEEDED[file.kind]]) ~= "function" then
    complain(("a hook of this kind has a function '%s'"):format(NEEDED[file.kind]))
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
  for index, option in ipairs(hook.options or {}) do
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
  file.text = strip(file.source)
  local before, after = load(file.source, "@" .. path, "t"), load(file.text, "@" .. path, "t")
  if not before or not after or string.dump(before) ~= string.dump(after) then
    fail("%s:1: it is another program after embed.lua stripped it, which is its mistake", path)
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

local function write_text(index, text)
  print(("static const char text_%d[] ="):format(index))
  for line in text:gmatch("[^\n]*\n?") do
    if line ~= "" then
      print("    " .. c_string(line))
    end
  end
  print('    "";')
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
  write_text(index, file.text)
  rows[index] = ("    {%s, %s, text_%d, sizeof text_%d - 1, %s, %d, %s, %d, %s},"):format(
    c_string(file.kind), c_string(file.name), index, index, c_string(file.doc), file.api,
    write_options(index, file.options), #file.options,
    #file.functions > 0 and table.concat(file.functions, " | ") or "0")
end
-- The last row is no hook: C has no empty tables.
print("const struct hook_file hooks_builtin[] = {")
print(table.concat(rows, "\n"))
print("    {NULL, NULL, NULL, 0, NULL, 0, NULL, 0, 0},\n};")
print(("const size_t hooks_builtin_count = %d;"):format(#files))
