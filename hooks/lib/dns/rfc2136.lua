-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records by dynamic updates (RFC 2136), signed (TSIG), as BIND, Knot, PowerDNS and others take them.

local codec = require "certauto.codec"
local dns = require "lib.dns"
local lookup = require "lib.dns_lookup"
local packet = require "lib.dns_packet"
local time = require "certauto.time"

local TIMEOUT <const> = 10
-- REFUSED, NOTAUTH, NOTZONE: they stay so until somebody changes something.
local FINAL <const> = { [5] = true, [9] = true, [10] = true }

local function change(options, record, wanted)
  local place, secret = lookup.place(options.server), codec.unbase64(options.secret)
  local key_name = dns.name(options.key)
  if not place then
    return nil, "the option 'server' is no ADDRESS[:PORT]", { permanent = true }
  elseif not secret or secret == "" then
    return nil, "the option 'secret' is not base64", { permanent = true }
  elseif not key_name then
    return nil, "the option 'key' is no name", { permanent = true }
  end
  local zone, why = options.zone and dns.name(options.zone), nil
  if not zone then
    zone, why = lookup.zone(place, record.name)
  end
  if not zone then
    return nil, ("the server %s: %s"):format(options.server, why)
  end
  local key = { name = key_name, algorithm = options.algorithm, secret = secret }
  local id = math.random(0, 65535)
  local signed, mac = packet.sign(packet.update(id, zone, record, wanted), key, time.now())
  local bytes, message
  bytes, why = lookup.carry(place, signed, TIMEOUT)
  if not bytes then
    return nil, why
  end
  message, why = packet.verify(bytes, key, mac, time.now())
  if not message then
    return nil, why, { permanent = why:find("^BAD[KS]") and true or nil }
  elseif message.code ~= 0 then
    return nil, packet.sentence(message.code), { permanent = FINAL[message.code] }
  end
  return true
end

return dns.provider {
  doc = "A name server that takes signed dynamic updates (RFC 2136).",
  options = {
    { name = "server", type = "string", required = true, doc = "The zone's primary server, ADDRESS[:PORT]." },
    { name = "key", type = "string", required = true, doc = "Name of the TSIG key." },
    { name = "secret", type = "secret", required = true, doc = "The key, base64." },
    { name = "algorithm", type = "enum:hmac-sha256|hmac-sha384|hmac-sha512", default = "hmac-sha256",
      doc = "The key's algorithm." },
    { name = "zone", type = "string", doc = "The zone to change; the server knows it otherwise." },
  },
  change = change,
}
