-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- An example of a notify hook, to copy: events are posted to a web address, as chat programs take them.
--
-- It works as it is. With this in certauto.ini
--
--   [notify chat]
--   hook = example
--   url = https://chat.example.com/hooks/certauto
--   token = @/etc/certauto/chat.token
--
--   [defaults]
--   notify = chat
--
-- every event becomes a line of chat. certauto-hooks(7) describes everything that is used here.

local http = require "certauto.http"
local json = require "certauto.json"

-- One line for people. Fields that mean nothing for an event are absent.
local function sentence(event)
  local about = event.name or "certauto"
  if event.profile then
    about = about .. " by " .. event.profile
  end
  return ("%s: %s on %s%s"):format(event.event, about, event.host, event.message and ": " .. event.message or "")
end

local function notify(event)
  local options = event.options
  local headers = { ["Content-Type"] = "application/json" }
  if options.token then
    headers.Authorization = "Bearer " .. options.token
  end
  local answer, message = http.request {
    url = options.url, method = "POST", headers = headers, body = assert(json.encode { text = sentence(event) }),
  }
  -- A failure is one line in the log; it does not touch the step.
  if not answer then
    return nil, message
  elseif answer.status >= 300 then
    return nil, "the server answers " .. answer.status
  end
  return true
end

return {
  api = 1,
  doc = "Posts events to a web address (an example to copy).",
  options = {
    { name = "url", type = "url", required = true, doc = "Address to post to." },
    { name = "token", type = "secret", doc = "Sent as bearer token." },
  },
  notify = notify,
}
