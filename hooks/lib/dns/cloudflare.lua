-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at Cloudflare, by its API version 4: one object a value.

local dns = require "lib.dns"

local FULL_PAGE <const> = 50

local function call(options, method, path, body, accept)
  return dns.call({ url = dns.url(options.url, path), method = method, json = body,
    headers = { Authorization = "Bearer " .. options.token } }, accept)
end

local function zone_path(options, name)
  local zone, message, details = dns.zone(name, function(page)
    page = page or 1
    local answer, why, more = call(options, "GET", ("/zones?page=%d&per_page=%d"):format(page, FULL_PAGE))
    if not answer then
      return nil, why, more
    end
    local zones = dns.list(answer.result)
    return zones, #zones >= FULL_PAGE and page + 1 or nil
  end)
  if not zone then
    return nil, message, details
  end
  local id = tostring(zone.id)
  if not id:find("^%x+$") then
    return nil, "the API's zone has no identifier"
  end
  return ("/zones/%s/dns_records"):format(id)
end

-- The records of the name, each with id and content.
local function records(options, path, name)
  local answer, message, details = call(options, "GET", ("%s?type=TXT&name=%s&per_page=100"):format(path, name))
  if not answer then
    return nil, message, details
  end
  return dns.list(answer.result)
end

local function is_own(item, record)
  return item.content == record.value or item.content == dns.quoted(record.value)
end

local function present(options, record)
  local path, message, details = zone_path(options, record.name)
  if not path then
    return nil, message, details
  end
  local list
  list, message, details = records(options, path, record.name)
  if not list then
    return nil, message, details
  end
  for _, item in ipairs(list) do
    if is_own(item, record) then
      return true
    end
  end
  return call(options, "POST", path, { type = "TXT", name = record.name, content = dns.quoted(record.value),
    ttl = math.max(60, record.ttl) })
end

local function cleanup(options, record)
  local path, message, details = zone_path(options, record.name)
  if not path then
    return nil, message, details
  end
  local list
  list, message, details = records(options, path, record.name)
  if not list then
    return nil, message, details
  end
  for _, item in ipairs(list) do
    if is_own(item, record) and tostring(item.id):find("^%x+$") then
      local done
      done, message, details = call(options, "DELETE", path .. "/" .. item.id, nil, { 404 })
      if not done then
        return nil, message, details
      end
    end
  end
  return true
end

return dns.provider {
  doc = "Cloudflare.",
  options = {
    { name = "token", type = "secret", required = true, doc = "API token that may read zones and edit DNS." },
    { name = "url", type = "url", default = "https://api.cloudflare.com/client/v4", doc = "Address of the API." },
  },
  present = present,
  cleanup = cleanup,
}
