-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Tells a command of events: as JSON on its standard input, and in its environment.

local exec = require "certauto.exec"
local json = require "certauto.json"
local time = require "certauto.time"
local words = require "lib.words"

-- The fields of an event but its lists, in the words of the environment.
local FIELDS = { "event", "name", "profile", "step", "generation", "message", "host" }

local function wanted(options, event)
  for _, word in ipairs(options.events or { event }) do
    if word == event then
      return true
    end
  end
  return false
end

local function environment(event)
  local list = {
    CERTAUTO_TIME = time.format(event.time),
    CERTAUTO_NOT_AFTER = event.not_after and time.format(event.not_after) or "",
    CERTAUTO_GROUPS = table.concat(event.groups or {}, ","),
  }
  for _, name in ipairs(FIELDS) do
    list["CERTAUTO_" .. name:upper()] = event[name] or ""
  end
  return list
end

return {
  api = 1,
  doc = "Tells a command of events.",
  options = {
    { name = "command", type = "command", required = true, doc = "Command that is run for each event." },
    { name = "events", type = "list", doc = "Events that it is run for; all unless given." },
  },
  notify = function(event)
    local options = event.options
    if not wanted(options, event.event) then
      return true
    end
    -- The options are between the configuration and us.
    event.options = nil
    local text, why = json.encode(event)
    if not text then
      return nil, why
    end
    local result, message = exec.run(options.command, { input = text .. "\n", environment = environment(event) })
    if not result then
      return nil, message
    elseif result.status ~= 0 then
      return nil, ("the command ended with %d%s"):format(result.status, words.of(result.err))
    end
    return true
  end,
}
