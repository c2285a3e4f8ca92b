-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at deSEC, which only replaces whole sets.

local dns = require "lib.dns"

local function change(options, record, wanted)
  local function call(method, path, body, accept)
    return dns.call({ url = dns.url(options.url, path), method = method, json = body,
      headers = { Authorization = "Token " .. options.token } }, accept)
  end
  local zone, message, details = dns.zone(record.name, function()
    return dns.only_page(call("GET", "/domains/?owns_qname=" .. record.name))
  end)
  if not zone then
    return nil, message, details
  end
  local _ <close> = dns.lock("desec", record.name)
  local path = ("/domains/%s/rrsets/"):format(dns.name(zone.name))
  local label = dns.below(record.name, zone.name, "@")
  local set
  set, message, details = call("GET", ("%s%s/TXT/"):format(path, label), nil, { 404 })
  if not set then
    return nil, message, details
  end
  local values = dns.with(set.records, dns.quoted(record.value), wanted)
  if not values then
    return true
  end
  local least = math.tointeger(zone.minimum_ttl) or 3600
  -- A set without records is one that goes away.
  return call("PUT", path, { { subname = label == "@" and "" or label, type = "TXT",
    ttl = math.max(least, record.ttl), records = values } })
end

return dns.provider {
  doc = "deSEC.",
  options = {
    { name = "token", type = "secret", required = true, doc = "API token." },
    { name = "url", type = "url", default = "https://desec.io/api/v1", doc = "Address of the API." },
  },
  change = change,
}
