-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Publishes a certificate as files: staged beside their places, switched back to back, then a reload.

local exec = require "certauto.exec"
local fs = require "certauto.fs"
local time = require "certauto.time"
local words = require "lib.words"

-- The largest file that is put back when a publication fails.
local MOST <const> = 16 * 1024 * 1024

-- What is older, beside a file of ours and named as certauto.fs names what it stages, was left by a power cut.
local STALE <const> = 86400

-- A row for each option that names a file.
local FILES = {
  { option = "cert", parts = { "certificate" } },
  { option = "key", parts = { "key" }, secret = true },
  { option = "chain", parts = { "chain" } },
  { option = "fullchain", parts = { "fullchain" } },
  { option = "combined", parts = { "key", "fullchain" }, secret = true },
}

-- Fills in a path. Returns it, or nil and a message.
local function expand(option, pattern, name)
  local wrong
  local path = pattern:gsub("%%(%%?)({?[%w_]*}?)", function(percent, word)
    if percent ~= "" then
      return "%" .. word
    elseif word == "{name}" then
      return name
    end
    wrong = "%" .. word
    return ""
  end)
  if wrong then
    return nil, ("%s: '%s' means nothing in a path, only %%{name} and %%%% do"):format(option, wrong)
  end
  path = path:gsub("/+", "/")
  if path:sub(1, 1) ~= "/" or path:sub(-1) == "/" then
    return nil, ("%s: '%s' is not the absolute path of a file"):format(option, path)
  end
  return path
end

-- The text of a file: its parts, each ending with a newline.
local function content(file, bundle)
  local texts = {}
  for index, part in ipairs(file.parts) do
    local text = bundle[part] or ""
    if part ~= "chain" and text == "" then
      return nil, ("%s: generation %d has no %s"):format(file.option, bundle.generation, part)
    end
    texts[index] = (text == "" or text:sub(-1) == "\n") and text or text .. "\n"
  end
  return table.concat(texts)
end

local function attributes(file, options)
  if file.secret then
    return { owner = options.key_owner, group = options.key_group, mode = options.key_mode or "0600" }
  end
  return { owner = options.owner, group = options.group, mode = options.mode or "0644" }
end

-- What stands at a path now: nothing, a link, or a file with content and attributes.
local function look(path)
  local found, message, code = fs.lstat(path)
  if code == "not_found" then
    return { path = path }
  elseif not found then
    return nil, message
  elseif found.type == "link" then
    local target, why = fs.readlink(path)
    return target and { path = path, link = target }, why
  elseif found.type ~= "file" then
    return nil, path .. " is there and no file"
  end
  local bytes, why = fs.read(path, MOST)
  return bytes and { path = path, bytes = bytes, status = found }, why
end

-- Whether an account is the one asked for, by name or number; one that was not asked for always is.
local function same_account(asked, number, name)
  return asked == nil or asked == name or tonumber(asked, 10) == number
end

local function in_place(target)
  local before, wanted = target.before, target.attributes
  return before.bytes == target.bytes
    and tonumber(wanted.mode, 8) == before.status.mode
    and same_account(wanted.owner, before.status.owner, before.status.owner_name)
    and same_account(wanted.group, before.status.group, before.status.group_name)
end

-- The folder that is to hold the file must be there. Returns true, or nil and a message.
local function check_folder(file, path)
  local folder = path:match("^(/.*)/") or "/"
  local status, message, code = fs.stat(folder)
  if code == "not_found" then
    return nil, ("%s: the folder %s is not there"):format(file.option, folder)
  elseif not status then
    return nil, ("%s: %s"):format(file.option, message)
  elseif status.type ~= "directory" then
    return nil, ("%s: %s is no folder"):format(file.option, folder)
  end
  return true
end

-- What one option makes of a bundle, and what stands at its path now. Returns a table, or nil and a message.
local function target_of(file, bundle)
  local path, message = expand(file.option, bundle.options[file.option], bundle.name)
  if not path then
    return nil, message
  end
  local fine, why = check_folder(file, path)
  if not fine then
    return nil, why
  end
  local target = { path = path, attributes = attributes(file, bundle.options) }
  target.bytes, message = content(file, bundle)
  if target.bytes then
    target.before, message = look(path)
  end
  return target.before and target, message
end

-- The files that a bundle makes. Returns the list, or nil and a message.
local function targets(bundle)
  local list, taken = {}, {}
  for _, file in ipairs(FILES) do
    if bundle.options[file.option] then
      local target, message = target_of(file, bundle)
      if not target then
        return nil, message
      elseif taken[target.path] then
        return nil, ("%s and %s are the same file, %s"):format(taken[target.path], file.option, target.path)
      end
      taken[target.path] = file.option
      list[#list + 1] = target
    end
  end
  if #list == 0 then
    return nil, "none of cert, key, chain, fullchain and combined is given"
  end
  return list
end

-- Puts one file back to what stood there before.
local function restore(before)
  if before.link then
    return fs.link(before.link, before.path)
  elseif before.bytes then
    return fs.write(before.path, before.bytes,
      { mode = before.status.mode, owner = before.status.owner, group = before.status.group })
  end
  return fs.remove(before.path)
end

-- Puts all back, the last first. Returns what could not be, as text to add to a message.
local function undo(switched)
  local faults = ""
  for index = #switched, 1, -1 do
    local done, message = restore(switched[index].before)
    if not done then
      faults = faults .. "; it could not be put back: " .. message
    end
    switched[index] = nil
  end
  return faults
end

-- Leaves a fifth of the time for putting things back.
local function reload(options)
  if not options.reload then
    return true
  end
  local result, message = exec.run(options.reload, { timeout = time.left() * 0.8 })
  if not result then
    return nil, "reload: " .. message
  elseif result.status ~= 0 then
    return nil, ("reload ended with %d%s"):format(result.status, words.of(result.err, result.out))
  end
  return true
end

-- Writes all files beside their places, so that nothing has changed when one cannot be written.
local function stage(list)
  for _, target in ipairs(list) do
    if not in_place(target) then
      local staged, message = fs.stage(target.path, target.bytes, target.attributes)
      if not staged then
        return nil, message
      end
      target.staged = staged
    end
  end
  return true
end

-- Switches what was staged. Files already switched are listed in "switched".
local function switch(list, switched)
  for _, target in ipairs(list) do
    if target.staged then
      local staged = target.staged
      target.staged = nil
      switched[#switched + 1] = target
      local done, message = staged:commit()
      if not done then
        return nil, message
      end
    end
  end
  return true
end

-- Brings the files of a bundle into place, or leaves all as it was.
local function place(bundle)
  local list, message = targets(bundle)
  if not list then
    return nil, message
  end
  local done, switched = nil, {}
  -- Also what raises half way, as for want of memory, is undone.
  local guard <close> = setmetatable({}, { __close = function()
    for _, target in ipairs(list) do
      if target.staged then
        target.staged:discard()
      end
    end
    if not done then
      undo(switched)
    end
  end })
  done, message = stage(list)
  if done then
    done, message = switch(list, switched)
  end
  if not done then
    return nil, message .. undo(switched)
  end
  return guard and switched
end

-- Removes what a power cut left beside the files, since it may hold a key. Not being able to is no failure.
local function sweep(switched)
  for _, target in ipairs(switched) do
    local folder, name = target.path:match("^(.*/)([^/]+)$")
    local start = "." .. name:sub(1, 200) .. ".tmp"
    for _, other in ipairs(fs.list(folder) or {}) do
      local path = folder .. other
      local status = other:sub(1, #start) == start and other:sub(#start + 1):find("^[a-z0-5]+$") and fs.lstat(path)
      if status and status.type == "file" and status.mtime < time.now() - STALE then
        fs.remove(path)
      end
    end
  end
end

local function publish(bundle)
  local switched, message = place(bundle)
  if not switched then
    return nil, message
  end
  local done, why = reload(bundle.options)
  if not done then
    return nil, why .. undo(switched)
  end
  sweep(switched)
  return true
end

-- Writes the files below the folder of the rehearsal, and looks whether they could be written and the reload started.
local function rehearse(bundle)
  local list, message = targets(bundle)
  if not list then
    return nil, message
  end
  for _, target in ipairs(list) do
    local folder = target.path:match("^.*/")
    if not fs.stat(folder).writable then
      return nil, ("the folder %s cannot be written to"):format(folder)
    end
    fs.mkdir(bundle.rehearsal .. folder, { parents = true })
    local done
    done, message = fs.write(bundle.rehearsal .. target.path, target.bytes, target.attributes)
    if not done then
      return nil, message
    end
  end
  if not bundle.options.reload then
    return true
  end
  local found, why = exec.find(bundle.options.reload)
  return found and true, why and "reload: " .. why
end

-- Removes the files of a bundle that nobody has changed since.
local function withdraw(bundle)
  local list, message = targets(bundle)
  if not list then
    return nil, message
  end
  for _, target in ipairs(list) do
    if target.before.bytes == target.bytes then
      local done, why = fs.remove(target.path)
      if not done then
        return nil, why
      end
    end
  end
  return reload(bundle.options)
end

return {
  api = 1,
  doc = "Writes certificate and key to files, then runs a command that makes services read them.",
  options = {
    { name = "cert", type = "path", doc = "File for the certificate; %{name} in a path is its name, %% a %." },
    { name = "key", type = "path", doc = "File for the private key." },
    { name = "chain", type = "path", doc = "File for the certificates of its issuers, without the root." },
    { name = "fullchain", type = "path", doc = "File for the certificate and those of its issuers." },
    { name = "combined", type = "path", doc = "File for key, certificate and those of its issuers." },
    { name = "owner", type = "string", doc = "Owner of the files without a key: a name or a number." },
    { name = "group", type = "string", doc = "Group of the files without a key: a name or a number." },
    { name = "mode", type = "mode", default = "0644", doc = "Permissions of the files without a key." },
    { name = "key_owner", type = "string", doc = "Owner of the files that hold the key." },
    { name = "key_group", type = "string", doc = "Group of the files that hold the key." },
    { name = "key_mode", type = "mode", default = "0600", doc = "Permissions of the files that hold the key." },
    { name = "reload", type = "command", doc = "Command to run when all files are in place." },
  },
  publish = publish,
  rehearse = rehearse,
  rollback = function(previous, bundle)
    if not previous then
      return withdraw(bundle)
    end
    -- The files stay, also when the reload fails: they are the ones that were good.
    local switched, message = place(previous)
    if not switched then
      return nil, message
    end
    return reload(previous.options)
  end,
}
