-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at DigitalOcean, by its API version 2: one object a value.

local dns = require "lib.dns"

-- The page after this one, nil when the answer has no link to it. The link itself is the API's word and not followed.
local function following(answer, page)
  local pages = type(answer.links) == "table" and answer.links.pages
  return type(pages) == "table" and pages.next and page + 1 or nil
end

-- The path of the zone's records, the identifiers of those that hold the value, and the zone.
local function find(options, record)
  local zone, failure, details = dns.zone(record.name, function(page)
    page = page or 1
    local answer, why, more = dns.bearer(options, "GET", ("/domains?page=%d&per_page=200"):format(page))
    if not answer then
      return nil, why, more
    end
    return dns.list(answer.domains), following(answer, page)
  end)
  if not zone then
    return nil, failure, details
  end
  local path, own, page = ("/domains/%s/records"):format(dns.name(zone.name)), {}, 1
  while page do
    local answer, message, more = dns.bearer(options, "GET",
      ("%s?type=TXT&name=%s&page=%d&per_page=200"):format(path, record.name, page))
    if not answer then
      return nil, message, more
    end
    for _, item in ipairs(dns.list(answer.domain_records)) do
      if item.data == record.value and math.tointeger(item.id) then
        own[#own + 1] = math.tointeger(item.id)
      end
    end
    page = page < 100 and following(answer, page) or nil
  end
  return path, own, zone
end

local function change(options, record, wanted)
  local path, own, zone = find(options, record)
  if not path then
    return nil, own, zone
  elseif wanted and #own == 0 then
    return dns.bearer(options, "POST", path, { type = "TXT", name = dns.below(record.name, zone.name, "@"),
      data = record.value, ttl = math.max(30, record.ttl) })
  end
  for _, id in ipairs(wanted and {} or own) do
    local done, message, details = dns.bearer(options, "DELETE", ("%s/%d"):format(path, id), nil, { 404 })
    if not done then
      return nil, message, details
    end
  end
  return true
end

return dns.provider {
  doc = "DigitalOcean.",
  options = {
    { name = "token", type = "secret", required = true, doc = "API token that may read and write domains." },
    { name = "url", type = "url", default = "https://api.digitalocean.com/v2", doc = "Address of the API." },
  },
  change = change,
}
