-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at OVHcloud, by its API version 1: one object a value, served after a refresh of the zone.

local codec = require "certauto.codec"
local dns = require "lib.dns"
local json = require "certauto.json"
local time = require "certauto.time"

-- Of method, URL, body and time. The API takes this and no other: SHA-1 over the secrets too, not an HMAC.
local function signature(options, ...)
  local text = table.concat({ options.application_secret, options.consumer_key, ... }, "+")
  return "$1$" .. codec.hex(codec.digest("sha1", text))
end

-- One call, signed as soon as options.ahead tells how far the API's clock is before ours.
local function call(options, method, path, fields)
  local url, body, headers = dns.url(options.url, path), fields and json.encode(fields)
  if options.ahead then
    local now = time.now() + options.ahead
    headers = { ["X-Ovh-Application"] = options.application_key, ["X-Ovh-Consumer"] = options.consumer_key,
      ["X-Ovh-Timestamp"] = tostring(now), ["X-Ovh-Signature"] = signature(options, method, url, body or "", now) }
  end
  -- What is asked by its number may have gone meanwhile.
  return dns.call({ url = url, method = method, body = body, headers = headers }, path:find "/%d+$" and { 404 })
end

local function zone_of(options, name)
  -- Where the API does not tell its time, it will tell what is wrong with ours.
  local _, _, now = call(options, "GET", "/auth/time")
  options.ahead = (math.tointeger(now) or time.now()) - time.now()
  return dns.zone(name, function()
    local names, message, details = dns.only_page(call(options, "GET", "/domain/zone/"))
    for index, zone in ipairs(names or {}) do
      names[index] = { name = zone }
    end
    return names, message, details
  end)
end

local function change(options, record, wanted)
  local done, message, details = zone_of(options, record.name)
  if not done then
    return nil, message, details
  end
  local path, label = "/domain/zone/" .. dns.name(done.name), dns.below(record.name, done.name, "")
  done, message, details = call(options, "GET", path .. "/record?fieldType=TXT&subDomain=" .. label)
  local found
  for _, id in ipairs(done or {}) do
    local at = ("%s/record/%d"):format(path, math.tointeger(id) or 0)
    done, message, details = call(options, "GET", at)
    if done and (done.target == record.value or done.target == dns.quoted(record.value)) then
      found = true
      if not wanted then
        done, message, details = call(options, "DELETE", at)
      end
    end
    if not done then
      break
    end
  end
  if done and wanted and not found then
    done, message, details = call(options, "POST", path .. "/record",
      { fieldType = "TXT", subDomain = label, target = record.value, ttl = math.max(60, record.ttl) })
  end
  if not done then
    return nil, message, details
  end
  -- Also when nothing had to be changed: an attempt before may have ended before its refresh.
  return call(options, "POST", path .. "/refresh")
end

local provider = dns.provider {
  doc = "OVHcloud.",
  options = {
    { name = "application_key", type = "string", required = true, doc = "Application key." },
    { name = "application_secret", type = "secret", required = true, doc = "Application secret." },
    { name = "consumer_key", type = "secret", required = true, doc = "May GET, POST, DELETE /domain/zone/*." },
    { name = "url", type = "url", default = "https://api.eu.ovhcloud.com/1.0", doc = "Address of the region's API." },
  },
  change = change,
}
provider.signature = signature
return provider
