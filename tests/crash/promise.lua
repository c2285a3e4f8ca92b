-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Asserts promise 1 of a state directory, as it was left by something that died, and as the next run leaves it.
--
-- usage: certauto lua promise.lua start|after|settled|imported|failed|clean STATE_DIR FACTS NAME ORDERS [FOLDER...]
--   start    writes to the file FACTS which generation of the certificate NAME is there
--   after    something died: what is there must be whole; adds to FACTS what is there
--   settled  the next run is over: also, one generation has come since the start, ordered (ORDERS: how often) only
--            if it was not there already, with the key that lay aside; it is published
--   imported the same for one that was not ordered
--   failed   something failed and said so: as "after", and nothing is left half done
--   clean    after one step more: as "failed", and nothing that was only on its way is left lying about
-- Each FOLDER holds target files NAME.crt and NAME.key, which are a pair once things are settled.
-- Prints what is wrong, a line each, and exits 1.

local codec = require "certauto.codec"
local fs = require "certauto.fs"
local key = require "certauto.key"
local x509 = require "certauto.x509"

local mode, state_dir, facts_file, name, orders = ...
local folders = { select(6, ...) }
local calm = mode ~= "start" and mode ~= "after"
local wrong = false

local function digest_of(text)
  return codec.hex(codec.digest("sha256", text))
end

local function complain(...)
  print(string.format(...))
  wrong = true
end

local function is_secret(path)
  local base = path:match("[^/]*$"):gsub("^%.", ""):gsub("%.tmp.*$", "")
  return not (base == "cert.pem" or base == "chain.pem" or base == "fullchain.pem" or base:find("%.crt$"))
end

-- Calls visit(path, status) for all that is in a folder.
local function walk(folder, visit)
  for _, entry in ipairs(fs.list(folder) or {}) do
    local path = folder .. "/" .. entry
    local status = assert(fs.lstat(path))
    visit(path, status)
    if status.type == "directory" then
      walk(path, visit)
    end
  end
end

-- Nothing with a secret is readable by others.
local function look(path, status)
  if status.type ~= "link" and is_secret(path) and status.type == "file" and status.mode & 63 ~= 0 then
    complain("%s is readable by others: %o", path, status.mode)
  end
  if mode == "clean" and path:sub(1, #state_dir) == state_dir and (path:find("%.tmp") or path:find("%.old$")) then
    complain("%s is left lying about", path)
  end
end

-- Certificate and key in two texts fit, and nothing of them is cut short.
local function check_pair(what, certificate, private)
  local parsed, message = key.parse(private or "")
  local fits
  if parsed then
    fits, message = x509.matches(certificate or "", parsed)
  end
  if not fits then
    complain("%s: %s", what, message or "the key is not that of the certificate")
  end
  return fits
end

local function check_generation(folder)
  local text = {}
  for _, part in ipairs { "key", "cert", "chain", "fullchain" } do
    text[part] = fs.read(folder .. "/" .. part .. ".pem")
    if not text[part] then
      complain("%s/%s.pem is missing", folder, part)
      return nil
    end
  end
  if not check_pair(folder, text.cert, text.key) then
    return nil
  end
  if text.fullchain ~= text.cert .. text.chain then
    complain("%s: fullchain.pem is not cert.pem and chain.pem", folder)
  end
  if text.chain ~= "" then
    local done, message = x509.check_chain(text.cert, text.chain)
    if not done then
      complain("%s: %s", folder, message)
    end
  end
  return digest_of(text.key .. text.fullchain), digest_of(text.key)
end

-- All generations of the certificate: number to digest, number to digest of the key; and the newest.
local function generations()
  local all, keys, newest = {}, {}, 0
  local folder = state_dir .. "/certs/" .. name
  for _, entry in ipairs(fs.list(folder) or {}) do
    local number = entry:match("^%d+$") and math.tointeger(tonumber(entry))
    if number then
      all[number], keys[number] = check_generation(folder .. "/" .. entry)
      newest = math.max(newest, number)
    end
  end
  return all, keys, newest
end

local function check_live(all)
  local target = fs.readlink(state_dir .. "/live/" .. name)
  local number = target and math.tointeger(tonumber(target:match("^%.%./certs/" .. name .. "/(%d+)$")))
  if target and not (number and all[number]) then
    complain("live/%s leads to %s, which is no whole generation", name, target)
  end
  return number or 0
end

-- Values of the state file by their keys: those of profiles come last to first.
local function read_state()
  local text = fs.read(state_dir .. "/" .. name .. ".state")
  if not text then
    return {}
  end
  if not text:find("\n%[end%]\n$") then
    complain("the state file is cut short")
  end
  local values = {}
  for word, value in text:gmatch("\n([a-z_]+) = ([^\n]*)") do
    values[word] = values[word] or value
  end
  return values
end

local function number_of(values, word)
  return math.tointeger(tonumber(values[word] or "0"))
end

local function check_targets()
  for _, folder in ipairs(folders) do
    local base = folder .. "/" .. name
    local certificate, private = fs.read(base .. ".crt"), fs.read(base .. ".key")
    if certificate or private then
      check_pair(base, certificate, private)
    end
  end
end

local facts = {}
for word, value in (fs.read(facts_file) or ""):gmatch("(%S+) (%S+)\n") do
  facts[word] = value
end

local function write_facts()
  local lines = {}
  for word, value in pairs(facts) do
    lines[#lines + 1] = word .. " " .. value .. "\n"
  end
  assert(fs.write(facts_file, table.concat(lines)))
end

-- What was there after the death is there still or pruned, never another under the same number.
local function check_numbers(all)
  for word, digest in pairs(facts) do
    local number = math.tointeger(tonumber(word:match("^generation%.(%d+)$")))
    if number and all[number] and all[number] ~= digest then
      complain("generation %d is another one than it was", number)
    end
  end
end

local function check_settled(all, keys, newest, live, state)
  local before, left = number_of(facts, "start"), number_of(facts, "left")
  check_numbers(all)
  if newest ~= before + 1 then
    complain("generation %d came after %d", newest, before)
  end
  if number_of(state, "generation") ~= newest or number_of(state, "published") ~= newest or live ~= newest then
    complain("generation %s is known, %s published and %d live, of %d",
      state.generation, state.published, live, newest)
  end
  local needed = left == before and mode == "settled" and 1 or 0
  if tonumber(orders) ~= needed then
    complain("%s were ordered where %d was needed", orders, needed)
  end
  if needed == 1 and facts.aside and keys[newest] ~= facts.aside then
    complain("the key that lay aside was not used")
  end
end

local all, keys, newest = generations()
if mode == "start" then
  facts = { start = newest }
  write_facts()
  return
end
walk(state_dir, look)
for _, folder in ipairs(folders) do
  walk(folder, look)
end
local live = check_live(all)
local state = read_state()
if calm then
  if state.publishing then
    complain("the note '%s' is left", state.publishing)
  end
  check_targets()
end
if mode == "settled" or mode == "imported" then
  -- One that could not be removed is known by being that of the newest generation.
  local aside = fs.read(state_dir .. "/certs/" .. name .. "/next/key.pem")
  if aside and digest_of(aside) ~= keys[newest] then
    complain("a key is left aside")
  end
  check_settled(all, keys, newest, live, state)
elseif mode == "after" then
  facts.left = newest
  for number, digest in pairs(all) do
    facts["generation." .. number] = digest
  end
  local aside = fs.read(state_dir .. "/certs/" .. name .. "/next/key.pem")
  if aside then
    if not key.parse(aside) then
      complain("the key aside is cut short")
    end
    local digest = digest_of(aside)
    facts.aside = digest ~= keys[newest] and digest or nil
  end
  write_facts()
end
if wrong then
  error("promise 1 is broken", 0)
end
