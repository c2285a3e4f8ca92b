-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records by a command, which is told in its environment what to do.

local dns = require "lib.dns"
local exec = require "certauto.exec"
local words = require "lib.words"

local function act(action)
  return function(options, record)
    local result, message = exec.run(options.command, { environment = {
      CERTAUTO_ACTION = action,
      CERTAUTO_RECORD = record.name,
      CERTAUTO_VALUE = record.value,
      CERTAUTO_DOMAIN = record.domain or "",
      CERTAUTO_TTL = tostring(record.ttl),
    } })
    if not result then
      return nil, message
    elseif result.status ~= 0 then
      return nil, ("the command ended with %d%s"):format(result.status, words.of(result.err))
    end
    return true
  end
end

return dns.provider {
  doc = "A command that sets and removes records.",
  options = {
    { name = "command", type = "command", required = true, doc = "Command; its environment says what to do." },
  },
  present = act "present",
  cleanup = act "cleanup",
}
