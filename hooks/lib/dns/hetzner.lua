-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at Hetzner, by the DNS part of its Cloud API, which adds and removes single values of a set.

local dns = require "lib.dns"

-- The set's path and its values. A set that is not there has none.
local function find(options, record)
  local zone, message, details = dns.zone(record.name, function(page)
    local answer, why, more = dns.bearer(options, "GET", ("/zones?page=%d&per_page=50"):format(page or 1))
    if not answer then
      return nil, why, more
    end
    local meta = type(answer.meta) == "table" and answer.meta.pagination
    return dns.list(answer.zones), type(meta) == "table" and math.tointeger(meta.next_page) or nil
  end)
  local id = zone and math.tointeger(zone.id)
  if not id then
    return nil, message or "the API's zone has no identifier", details
  end
  local path = ("/zones/%d/rrsets/%s/TXT"):format(id, dns.below(record.name, zone.name, "@"))
  local answer
  answer, message, details = dns.bearer(options, "GET", path, nil, { 404 })
  if not answer then
    return nil, message, details
  end
  local values = {}
  for _, item in ipairs(dns.list(type(answer.rrset) == "table" and answer.rrset.records)) do
    values[#values + 1] = item.value
  end
  return path, values
end

local function change(options, record, wanted)
  local path, values, details = find(options, record)
  if not path then
    return nil, values, details
  end
  local quoted = dns.quoted(record.value)
  if not dns.with(values, quoted, wanted) then
    return true
  elseif wanted then
    -- The TTL is the set's: one that is there keeps its own.
    return dns.bearer(options, "POST", path .. "/actions/add_records",
      { records = { { value = quoted } }, ttl = values[1] == nil and math.max(60, record.ttl) or nil })
  end
  return dns.bearer(options, "POST", path .. "/actions/remove_records", { records = { { value = quoted } } }, { 404 })
end

return dns.provider {
  doc = "Hetzner, zones of the Cloud console.",
  options = {
    { name = "token", type = "secret", required = true, doc = "Cloud API token that may read and write." },
    { name = "url", type = "url", default = "https://api.hetzner.cloud/v1", doc = "Address of the API." },
  },
  change = change,
}
