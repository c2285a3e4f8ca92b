-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Looks into DNS: which zone holds a name, where an alias leads, and whether a record is served by all servers of its
-- zone. What answers is believed for no more than that: a CA looks by itself.
--
-- settings: resolver, as lookup.place takes it, instead of those of /etc/resolv.conf; its port is also that at which
-- the servers of zones are asked. latest, the time (as time.boot) when all of them must serve a record.

local fs = require "certauto.fs"
local log = require "certauto.log"
local net = require "certauto.net"
local packet = require "lib.dns_packet"
local time = require "certauto.time"

local lookup = {}

local PORT <const> = 53
local TIMEOUT <const> = 2
local TRIES <const> = 2
local MAX_ALIASES <const> = 8
local MAX_SERVERS <const> = 26
-- Seconds for which a server that was silent is not asked again: an order may have a hundred names.
local REST <const> = 60
-- What is left for the CA when the hook's time is short.
local RESERVE <const> = 20

-- ---- One question

-- "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53" or a name: host and port, nil for what is none.
function lookup.place(text)
  local host, port = text:match("^%[([%x:.]+)%]:?(%d*)$")
  if not host and select(2, text:gsub(":", "")) > 1 then
    host, port = text:match("^[%x:.]+$"), ""
  elseif not host then
    host, port = text:match("^([%w._-]+):?(%d*)$")
  end
  local number = port == "" and PORT or math.tointeger(tonumber(port))
  if not host or not number or number < 1 or number > 65535 then
    return nil
  end
  return { host = host, port = number }
end

-- Sends a message over TCP and returns the bytes that answer it.
function lookup.carry(place, bytes, timeout)
  local peer <close>, message = net.connect { host = place.host, port = place.port, timeout = timeout }
  if not peer then
    return nil, message
  end
  local done, size
  done, message = peer:send(string.pack(">s2", bytes))
  if done then
    size, message = peer:read(2)
  end
  if not size then
    return nil, message
  end
  size = string.unpack(">I2", size)
  if size == 0 then
    return nil, "the server's answer is empty"
  end
  return peer:read(size)
end

local function is_answer(message, id, name)
  return message and message.response and message.id == id and message.question == name
end

-- The answer to a question by UDP; datagrams that answer another are passed over.
local function by_udp(place, bytes, id, name)
  local peer <close>, message = net.connect { host = place.host, port = place.port, kind = "udp", timeout = TIMEOUT }
  local done = peer
  if peer then
    done, message = peer:send(bytes)
  end
  local latest = time.boot() + TIMEOUT
  while done and time.boot() < latest do
    local datagram
    datagram, message = peer:receive()
    if not datagram then
      return nil, message
    end
    local parsed = packet.parse(datagram)
    if is_answer(parsed, id, name) then
      return parsed
    end
  end
  return nil, message or "no answer that fits"
end

-- When a server may be asked again, by its address.
local resting = {}

-- Asks one server. Returns the parsed message, or nil and why there is none.
function lookup.ask(place, name, kind)
  local address = place.host .. " " .. place.port
  if time.boot() < (resting[address] or 0) then
    return nil, "no answer a short time ago"
  end
  name = name:lower()
  local id = math.random(0, 65535)
  local bytes = packet.query(id, name, kind)
  local message, why
  for _ = 1, TRIES do
    message, why = by_udp(place, bytes, id, name)
    if message then
      break
    end
  end
  resting[address] = not message and time.boot() + REST or nil
  if message and message.truncated then
    local answer
    answer, why = lookup.carry(place, bytes, TIMEOUT)
    if not answer then
      return nil, why
    end
    message = packet.parse(answer)
    if not is_answer(message, id, name) then
      return nil, "no answer that fits"
    end
  end
  return message, why
end

-- The values of the records of a name in an answer.
local function values_of(message, name, kind)
  local values = {}
  for _, record in ipairs(message and message.records or {}) do
    if record.section == 1 and record.name == name and record.type == packet.TYPES[kind] and record.value then
      values[#values + 1] = record.value
    end
  end
  return values
end

-- ---- Zones and aliases

-- The zone that holds a name, as one server sees it: it says so in the SOA record of its answer.
function lookup.zone(place, name)
  local label, why = name:lower(), nil
  while label ~= "" do
    local message
    message, why = lookup.ask(place, label, "SOA")
    if not message then
      return nil, why
    end
    for _, record in ipairs(message.records) do
      if record.type == packet.TYPES.SOA and record.section < 3 and record.name ~= ""
        and ("." .. label):sub(-#record.name - 1) == "." .. record.name then
        return record.name
      end
    end
    why = message.code ~= 0 and packet.sentence(message.code) or "the server knows no zone for it"
    label = label:match("%.(.*)$") or ""
  end
  return nil, why
end

local function resolver(settings)
  if settings.resolver then
    return lookup.place(settings.resolver)
  end
  local address = ("\n" .. (fs.read("/etc/resolv.conf") or "")):match("\nnameserver[ \t]+([%w:.]+)")
  return { host = address or "127.0.0.1", port = PORT }
end

-- The name to which an alias leads, over several; the name itself when it is none, or nobody answers.
function lookup.follow(settings, name)
  local place = resolver(settings)
  for _ = 1, MAX_ALIASES do
    local target = values_of(lookup.ask(place, name, "CNAME"), name, "CNAME")[1]
    if not target then
      return name
    elseif not target:find("^[%w._-]+$") then
      return nil, ("%s is an alias of what is no name"):format(name)
    end
    name = target
  end
  return nil, ("the aliases of %s do not end"):format(name)
end

-- The servers of the zone of a name, each address once; nil and why there are none.
local function servers_of(settings, name)
  local place = resolver(settings)
  local zone, why = lookup.zone(place, name)
  if not zone then
    return nil, why
  end
  local list, seen = {}, {}
  for _, server in ipairs(values_of(lookup.ask(place, zone, "NS"), zone, "NS")) do
    for _, kind in ipairs { "A", "AAAA" } do
      for _, address in ipairs(values_of(lookup.ask(place, server, kind), server, kind)) do
        if not seen[address] and #list < MAX_SERVERS then
          seen[address] = true
          list[#list + 1] = { host = address, port = settings.resolver and place.port or PORT }
        end
      end
    end
  end
  return list[1] and list, ("no server of the zone %s was found"):format(zone)
end

-- ---- The look before the CA's

-- Those of the servers that do not serve the record, and how many do. Who cannot be asked, as by IPv6 where there is
-- none, is left out.
local function without_record(servers, record)
  local missing, serving = {}, 0
  for _, place in ipairs(servers) do
    local message = lookup.ask(place, record.name, "TXT")
    local found = false
    for _, value in ipairs(values_of(message, record.name, "TXT")) do
      found = found or value == record.value
    end
    if found then
      serving = serving + 1
    elseif message then
      missing[#missing + 1] = place
    end
  end
  return missing, serving
end

-- Waits until all servers of its zone that answer serve a record of name and value. Where none can be found or asked
-- that is logged, and left to the CA. Returns true, or nil and a message when the time is over.
function lookup.wait(settings, record)
  record = { name = record.name:lower(), value = record.value }
  local missing, why = servers_of(settings, record.name)
  local serving, pause = 0, 1
  while missing do
    local more
    missing, more = without_record(missing, record)
    serving = serving + more
    if #missing == 0 then
      break
    elseif time.boot() + pause > settings.latest or time.left() < pause + RESERVE then
      return nil, ("the name server %s does not serve %s yet"):format(missing[1].host, record.name)
    end
    time.sleep(pause)
    pause = math.min(pause * 2, 10)
  end
  if serving == 0 then
    log.warning(("the record %s was not looked up: %s"):format(record.name, missing and "no server of its zone answers"
      or why))
  end
  return true
end

return lookup
