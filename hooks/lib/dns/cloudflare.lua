-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at Cloudflare, by its API version 4: one object a value.

local dns = require "lib.dns"

local FULL_PAGE <const> = 50

local function zone_path(options, name)
  local zone, message, details = dns.zone(name, function(page)
    page = page or 1
    local answer, why, more = dns.bearer(options, "GET", ("/zones?page=%d&per_page=%d"):format(page, FULL_PAGE))
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

local function change(options, record, wanted)
  local path, message, details = zone_path(options, record.name)
  if not path then
    return nil, message, details
  end
  local answer
  answer, message, details = dns.bearer(options, "GET",
    ("%s?type=TXT&name.exact=%s&per_page=100"):format(path, record.name))
  if not answer then
    return nil, message, details
  end
  local quoted = dns.quoted(record.value)
  for _, item in ipairs(dns.list(answer.result)) do
    local is_own = item.content == record.value or item.content == quoted
    if is_own and wanted then
      return true
    elseif is_own and tostring(item.id):find("^%x+$") then
      answer, message, details = dns.bearer(options, "DELETE", path .. "/" .. item.id, nil, { 404 })
      if not answer then
        return nil, message, details
      end
    end
  end
  if not wanted then
    return true
  end
  return dns.bearer(options, "POST", path, { type = "TXT", name = record.name, content = quoted,
    ttl = math.max(60, record.ttl) })
end

return dns.provider {
  doc = "Cloudflare.",
  options = {
    { name = "token", type = "secret", required = true, doc = "API token that may read zones and edit DNS." },
    { name = "url", type = "url", default = "https://api.cloudflare.com/client/v4", doc = "Address of the API." },
  },
  change = change,
}
