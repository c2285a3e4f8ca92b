-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at Azure DNS, by the Resource Manager's API, which replaces whole sets and takes tokens of an application.

local dns = require "lib.dns"
local json = require "certauto.json"
local time = require "certauto.time"

local VERSION <const> = "?api-version=2018-05-01"
local MAX_TRIES <const> = 5

-- By the application, its secret, where it logs in and what for; for this process only.
local tokens = {}

-- The client credentials grant (RFC 6749 §4.4). The token takes the secret's place, so that no message shows it.
local function log_in(options)
  for _, name in ipairs { "tenant", "subscription", "resource_group" } do
    if options[name] and not options[name]:find "^[%w._()-]+$" then
      return nil, ("option '%s' has characters that Azure's names have not"):format(name), { permanent = true }
    end
  end
  local url = dns.url(options.login_url, "/" .. options.tenant .. "/oauth2/v2.0/token")
  local of = table.concat({ url, options.client_id, options.client_secret, options.url }, "\n")
  local known = tokens[of]
  if not known or known.ends < time.boot() then
    local answer, message, details = dns.call { url = url, method = "POST",
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
      body = ("grant_type=client_credentials&client_id=%s&client_secret=%s&scope=%s"):format(
        dns.encoded(options.client_id), dns.encoded(options.client_secret),
        dns.encoded(dns.url(options.url, "/.default"))) }
    if not answer then
      -- In the form, which an answer may repeat, the secret is in another shape than the one that messages lose.
      local sent = dns.encoded(options.client_secret):gsub("%W", "%%%0")
      return nil, "no token: " .. message:gsub(sent, "***"), details
    end
    local token = answer.access_token
    if type(token) ~= "string" or not token:find "^[%w%p]+$" then
      return nil, "no token: there is none in the answer"
    end
    known = { token = token, ends = time.boot() + (tonumber(answer.expires_in) or 0) - 60 }
    tokens[of] = known
  end
  options.client_secret, options.token = known.token, known.token
  return true
end

local function zone_of(options, name)
  local group = options.resource_group
  local list = ("/subscriptions/%s%s/providers/Microsoft.Network/dnsZones"):format(options.subscription,
    group and "/resourceGroups/" .. group or "")
  return dns.zone(name, function(page)
    local answer, message, details = dns.bearer(options, "GET", page or list .. VERSION)
    if not answer then
      return nil, message, details
    end
    local following = answer.nextLink
    if type(following) ~= "string" or following == "" then
      return dns.list(answer.value)
    end
    -- The token would go where it leads.
    local base = dns.url(options.url, "/")
    if following:sub(1, #base) ~= base or following:find "[%c ]" then
      return nil, "the API's next page is at another place"
    end
    return dns.list(answer.value), following:sub(#base)
  end)
end

local function value_of(item)
  return type(item.value) == "table" and item.value[1] ~= nil and #item.value == 1
    and item.value[1]
end

-- The records with the value or without it; nil when it is so already. A record may be of several strings.
local function with(records, value, wanted)
  local changed, found = json.array {}, false
  for _, item in ipairs(dns.list(records)) do
    local own = value_of(item) == value
    found = found or own
    if not own then
      changed[#changed + 1] = item
    end
  end
  if found == wanted then
    return nil
  elseif wanted then
    changed[#changed + 1] = { value = { value } }
  end
  return changed
end

-- Replaces the set as it was read, or makes it where there was none: what somebody else did meanwhile is not undone.
local function replace(options, path, record, wanted)
  local answer, status, details
  for try = 1, MAX_TRIES do
    answer, status, details = dns.bearer(options, "GET", path, nil, { 404 })
    if not answer then
      return nil, status, details
    end
    local old = status ~= 404 and type(answer.properties) == "table" and answer.properties or {}
    local records = with(old.TXTRecords, record.value, wanted)
    if not records then
      return true
    end
    local headers = { Authorization = "Bearer " .. options.token }
    if status == 404 then
      headers["If-None-Match"] = "*"
    elseif type(answer.etag) == "string" and answer.etag:find "^[%w%p]+$" then
      headers["If-Match"] = answer.etag
    else
      return nil, "the API's set has no etag"
    end
    answer, status, details = dns.call({ url = dns.url(options.url, path), method = records[1] and "PUT" or "DELETE",
      headers = headers, json = records[1] and { properties = { metadata = old.metadata, TTL = record.ttl,
        TXTRecords = records } } or nil }, { 404, 409, 412 })
    if not answer or status < 300 then
      return answer, status, details
    elseif try < MAX_TRIES and not time.sleep(0.1 * 2 ^ try) then
      break
    end
  end
  return nil, (dns.refusal({ status = status, headers = {} }, answer))
end

local function change(options, record, wanted)
  local done, message, details = log_in(options)
  if not done then
    return nil, message, details
  end
  local zone
  zone, message, details = zone_of(options, record.name)
  if not zone then
    return nil, message, details
  end
  -- It becomes a path of the API.
  if not tostring(zone.id):find "^/subscriptions/[%w._()/-]+$" or zone.id:find("..", 1, true) then
    return nil, "the API's zone has no identifier"
  end
  local _ <close> = dns.lock("azure", record.name)
  local path = ("%s/TXT/%s%s"):format(zone.id, dns.below(record.name, zone.name, "@"), VERSION)
  return replace(options, path, record, wanted)
end

return dns.provider {
  doc = "Azure DNS.",
  options = {
    { name = "tenant", type = "string", required = true, doc = "Directory of the application, its identifier." },
    { name = "client_id", type = "string", required = true, doc = "Identifier of the application." },
    { name = "client_secret", type = "secret", required = true, doc = "Secret of the application." },
    { name = "subscription", type = "string", required = true, doc = "Subscription that the zone belongs to." },
    { name = "resource_group", type = "string", doc = "Resource group of the zone; any unless given." },
    { name = "login_url", type = "url", default = "https://login.microsoftonline.com",
      doc = "Where tokens are asked for." },
    { name = "url", type = "url", default = "https://management.azure.com", doc = "Address of the API." },
  },
  change = change,
}
