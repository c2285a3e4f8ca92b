-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Holds steps until a person has approved them by a file.
--
-- The certificate www goes on once there is a file "www" in the folder: an empty one approves every step, one with the
-- words "issue" or "publish" only those. It is not consumed, because a step may fail and be tried again, but it counts
-- for a day (valid) after it was last written; "touch" approves for another. Others must not be able to approve, so
-- the file and its folder are refused when they belong to somebody else, or others can write there.

local fs = require "certauto.fs"
local time = require "certauto.time"

local DEFAULT <const> = "/etc/certauto/approve"

-- The mode bits of writing by the group and by others.
local OTHERS_WRITE <const> = 18

-- Who can write there can approve. Returns true, or nil and a message.
local function check_trusted(path, status, owner)
  if status.owner ~= 0 and status.owner ~= owner then
    return nil, ("%s belongs to neither root nor the owner of its folder"):format(path)
  elseif status.mode & OTHERS_WRITE ~= 0 then
    return nil, path .. " can be written by others than its owner"
  end
  return true
end

-- Whether the text of a file approves the step: it is empty, or holds its name as a word.
local function approves(text, step)
  if not text:find("%S") then
    return true
  end
  for word in text:gmatch("%S+") do
    if word == step then
      return true
    end
  end
  return false
end

-- What is not there does not approve; what cannot be looked at is a failure.
local function missing(code, why, message)
  if code == "not_found" then
    return false, why
  end
  return nil, message
end

-- Looks at the file. Returns true when it approves, false and why not, or nil and what is wrong with it.
local function look(folder, name, step, valid)
  local path = folder .. "/" .. name
  local place, message, code = fs.stat(folder)
  if not place then
    return missing(code, message, message)
  end
  -- Its folder's owner may approve as well as root.
  local fine, why = check_trusted(folder, place, place.owner)
  if not fine then
    return nil, why
  end
  local status, lost, word = fs.lstat(path)
  if not status then
    return missing(word, "waits for the file " .. path, lost)
  elseif status.type ~= "file" then
    return nil, path .. " is no file"
  end
  fine, why = check_trusted(path, status, place.owner)
  if not fine then
    return nil, why
  end
  local age = time.now() - status.mtime
  if age < 0 or age >= valid then
    return false, path .. (age < 0 and " is from the future" or " was written too long ago")
  end
  local text, unread = fs.read(path, 4096)
  if not text then
    return nil, unread
  end
  return approves(text, step), path .. " does not name " .. step
end

return {
  api = 1,
  doc = "Holds each step until a file approves it.",
  options = {
    { name = "folder", type = "path", default = DEFAULT, doc = "Folder of the files, each named as its certificate." },
    { name = "valid", type = "duration", default = "1d", doc = "How long a file approves after it was written." },
    { name = "again", type = "duration", default = "15m", doc = "How long to wait before the next look." },
  },
  decide = function(status, step)
    local options = step.options
    local approved, why = look(options.folder, status.name, step.step, options.valid)
    if approved then
      return step
    elseif approved == nil then
      return nil, why
    end
    return { step = "wait", ["until"] = time.now() + options.again, reason = why }
  end,
}
