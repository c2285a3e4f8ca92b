-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at Gandi, by its LiveDNS API version 5, which replaces whole sets.

local dns = require "lib.dns"

local LEAST_TTL <const> = 300

local function zone_of(options, name)
  return dns.zone(name, function(page)
    page = page or 1
    local answer, message, details = dns.bearer(options, "GET", ("/domains?page=%d&per_page=100"):format(page))
    if not answer then
      return nil, message, details
    end
    local zones = dns.list(answer)
    for _, zone in ipairs(zones) do
      zone.name = zone.fqdn
    end
    -- How many it gives at most is not documented; that it gives none after the last page is.
    return zones, zones[1] and page + 1
  end)
end

local function change(options, record, wanted)
  local zone, message, details = zone_of(options, record.name)
  if not zone then
    return nil, message, details
  end
  local _ <close> = dns.lock("gandi", record.name)
  local path = ("/domains/%s/records/%s/TXT"):format(dns.name(zone.name), dns.below(record.name, zone.name, "@"))
  local set
  set, message, details = dns.bearer(options, "GET", path, nil, { 404 })
  if not set then
    return nil, message, details
  end
  local values = {}
  for index, value in ipairs(type(set.rrset_values) == "table" and set.rrset_values or {}) do
    -- The published examples have them with quotation marks and without.
    value = tostring(value)
    values[index] = value:find '^"' and value or dns.quoted(value)
  end
  values = dns.with(values, dns.quoted(record.value), wanted)
  if not values then
    return true
  elseif #values == 0 then
    return dns.bearer(options, "DELETE", path, nil, { 404 })
  end
  return dns.bearer(options, "PUT", path, { rrset_values = values, rrset_ttl = math.max(LEAST_TTL, record.ttl) })
end

return dns.provider {
  doc = "Gandi, LiveDNS.",
  options = {
    { name = "token", type = "secret", required = true,
      doc = "Personal access token that may manage the domain's technical configuration." },
    { name = "url", type = "url", default = "https://api.gandi.net/v5/livedns", doc = "Address of the API." },
  },
  change = change,
}
