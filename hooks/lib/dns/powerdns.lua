-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records of a PowerDNS authoritative server, by its own HTTP API, which replaces whole sets.

local dns = require "lib.dns"

local function change(options, record, wanted)
  local function call(method, path, body)
    local base = ("/api/v1/servers/%s/zones"):format(options.server)
    return dns.call { url = dns.url(options.url, base .. path), method = method, json = body,
      headers = { ["X-API-Key"] = options.key } }
  end
  local zone, message, details = dns.zone(record.name, function()
    return dns.only_page(call("GET", ""))
  end)
  if not zone then
    return nil, message, details
  end
  local id = tostring(zone.id)
  if not id:find("^[%w._=-]+$") then
    return nil, "the API's zone has no identifier"
  end
  local _ <close> = dns.lock("powerdns", record.name)
  local path, name = "/" .. id, record.name .. "."
  local answer
  answer, message, details = call("GET", ("%s?rrset_name=%s&rrset_type=TXT"):format(path, name))
  if not answer then
    return nil, message, details
  end
  local values = {}
  for _, set in ipairs(dns.list(answer.rrsets)) do
    -- Servers before 4.6 pass over the question and answer with the whole zone.
    for _, item in ipairs(set.name == name and set.type == "TXT" and dns.list(set.records) or {}) do
      values[#values + 1] = item.content
    end
  end
  values = dns.with(values, dns.quoted(record.value), wanted)
  if not values then
    return true
  end
  local set = { name = name, type = "TXT", changetype = "DELETE" }
  if #values > 0 then
    set.changetype, set.ttl, set.records = "REPLACE", record.ttl, {}
    for index, value in ipairs(values) do
      set.records[index] = { content = value, disabled = false }
    end
  end
  return call("PATCH", path, { rrsets = { set } })
end

return dns.provider {
  doc = "A PowerDNS authoritative server.",
  options = {
    { name = "url", type = "url", required = true, doc = "Address of the server's API, as http://ns.example:8081." },
    { name = "key", type = "secret", required = true, doc = "Its api-key." },
    { name = "server", type = "string", default = "localhost", doc = "Its server_id." },
  },
  change = change,
}
