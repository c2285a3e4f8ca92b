-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at Amazon Route 53, whose API of 2013-04-01 speaks XML, is signed (Signature Version 4), and only replaces
-- whole sets.

local dns = require "lib.dns"
local http = require "certauto.http"
local sigv4 = require "lib.sigv4"
local xml = require "lib.xml"

local VERSION <const> = "/2013-04-01"

local function call(options, method, path, query, body)
  local request = sigv4.sign({ method = method, url = dns.url(options.url, VERSION .. path), query = query, body = body,
    service = "route53", region = options.region }, options)
  local response, message = http.request { url = request.url, method = method, headers = request.headers, body = body,
    redirects = 0, timeout = 30 }
  if not response then
    return nil, message
  elseif response.status == 200 then
    return response.body
  end
  local code = xml.text(response.body, "Code")
  if code == "Throttling" or code == "PriorRequestNotComplete" then
    return nil, "the API takes no more requests for now: " .. code, { wait = 5 }
  end
  local why = xml.text(response.body, "Message")
  return nil, dns.refusal(response, { message = code and ("%s: %s"):format(code, why or "") or why })
end

local function zone_of(options, name)
  return dns.zone(name, function(marker)
    local body, message, details = call(options, "GET", "/hostedzone", { maxitems = "100", marker = marker })
    if not body then
      return nil, message, details
    end
    local zones = {}
    for _, item in ipairs(xml.elements(body, "HostedZone")) do
      local id = (xml.text(item, "Id") or ""):match("^/hostedzone/(%w+)$")
      -- A private zone is served to no CA.
      if id and xml.text(item, "PrivateZone") ~= "true" then
        zones[#zones + 1] = { name = xml.text(item, "Name"), id = id }
      end
    end
    return zones, xml.text(body, "IsTruncated") == "true" and xml.text(body, "NextMarker") or nil
  end)
end

-- The values of the name's set and its TTL. The API lists from a name on, whether or not there is such a set.
local function values_of(options, path, name)
  local body, message, details = call(options, "GET", path .. "/rrset", { name = name, type = "TXT", maxitems = "1" })
  if not body then
    return nil, message, details
  end
  local set, values = xml.elements(body, "ResourceRecordSet")[1] or "", {}
  if dns.name(xml.text(set, "Name") or "") ~= name or xml.text(set, "Type") ~= "TXT" then
    return values
  end
  for _, item in ipairs(xml.elements(set, "ResourceRecord")) do
    values[#values + 1] = xml.text(item, "Value")
  end
  return values, math.tointeger(tonumber(xml.text(set, "TTL")))
end

-- The change as the API takes it. A set is deleted by naming what it holds.
local function change_of(action, name, ttl, values)
  local records = {}
  for index, value in ipairs(values) do
    records[index] = ("<ResourceRecord><Value>%s</Value></ResourceRecord>"):format(xml.escaped(value))
  end
  return ('<?xml version="1.0" encoding="UTF-8"?>\n'
    .. '<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes>'
    .. "<Change><Action>%s</Action><ResourceRecordSet><Name>%s.</Name><Type>TXT</Type><TTL>%d</TTL>"
    .. "<ResourceRecords>%s</ResourceRecords></ResourceRecordSet></Change>"
    .. "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"):format(action, name, ttl, table.concat(records))
end

local function change(options, record, wanted)
  local zone, message, details = zone_of(options, record.name)
  if not zone then
    return nil, message, details
  end
  local _ <close> = dns.lock("route53", record.name)
  local path = "/hostedzone/" .. zone.id
  local old, ttl, more = values_of(options, path, record.name)
  if not old then
    return nil, ttl, more
  end
  local values = dns.with(old, dns.quoted(record.value), wanted)
  if not values then
    return true
  end
  local gone = #values == 0
  return call(options, "POST", path .. "/rrset/", {},
    change_of(gone and "DELETE" or "UPSERT", record.name, ttl or record.ttl, gone and old or values))
end

return dns.provider {
  doc = "Amazon Route 53.",
  options = {
    { name = "access_key", type = "string", required = true, doc = "Access key ID." },
    { name = "secret_key", type = "secret", required = true, doc = "Secret access key." },
    { name = "session_token", type = "secret", doc = "Of temporary credentials." },
    { name = "region", type = "string", default = "us-east-1", doc = "Region of the signature." },
    { name = "url", type = "url", default = "https://route53.amazonaws.com", doc = "Address of the API." },
  },
  change = change,
}
