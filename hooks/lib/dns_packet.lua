-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- DNS messages (RFC 1035), updates (RFC 2136) and their signatures (TSIG, RFC 8945), as bytes. Whoever sends them
-- gives bytes from anybody to parse and verify, which raise nothing.

local codec = require "certauto.codec"

local packet = { TYPES = { A = 1, NS = 2, CNAME = 5, SOA = 6, TXT = 16, AAAA = 28, TSIG = 250, ANY = 255 } }

local HEADER <const> = 12
local MAX_NAME <const> = 255
local MAX_RECORDS <const> = 1000
local IN <const>, NONE <const>, ANY <const> = 1, 254, 255
local FUDGE <const> = 300
local ALGORITHMS <const> = { ["hmac-sha256"] = "sha256", ["hmac-sha384"] = "sha384", ["hmac-sha512"] = "sha512" }

-- What servers answer, by number; those of TSIG stand in its record.
local CODES <const> = {
  [1] = "FORMERR: the server did not understand the message",
  [2] = "SERVFAIL: the server failed",
  [3] = "NXDOMAIN: there is no such name",
  [4] = "NOTIMP: the server has no dynamic updates",
  [5] = "REFUSED: the server does not allow it",
  [6] = "YXDOMAIN: the name is there",
  [7] = "YXRRSET: the record is there",
  [8] = "NXRRSET: the record is not there",
  [9] = "NOTAUTH: the server is not responsible for the zone, or the key may not change it",
  [10] = "NOTZONE: the name is not in the zone",
  [16] = "BADSIG: the server has another secret for this key",
  [17] = "BADKEY: the server does not know this key",
  [18] = "BADTIME: the clocks of server and client differ",
  [22] = "BADTRUNC: the server wants a longer signature",
}

function packet.sentence(code)
  return CODES[code] or ("the server answered with code %d"):format(code)
end

-- ---- Building

-- A name in its wire form, lower case. Names are checked by who reads them; a wrong one raises.
function packet.name(text)
  local parts = {}
  for label in text:lower():gsub("%.$", ""):gmatch("[^.]+") do
    assert(#label <= 63, "a label is longer than 63 bytes")
    parts[#parts + 1] = string.pack("s1", label)
  end
  local wire = table.concat(parts) .. "\0"
  assert(#wire <= MAX_NAME, "a name is longer than 255 bytes")
  return wire
end

-- The data of a TXT record: strings of up to 255 bytes.
function packet.text(value)
  local parts = {}
  for at = 1, math.max(#value, 1), 255 do
    parts[#parts + 1] = string.pack("s1", value:sub(at, at + 254))
  end
  return table.concat(parts)
end

function packet.query(id, name, kind)
  return string.pack(">I2I2I2I2I2I2", id, 0x0100, 1, 0, 0, 0) .. packet.name(name)
    .. string.pack(">I2I2", packet.TYPES[kind], IN)
end

-- An update of a zone that adds a TXT record, or removes it and no other.
function packet.update(id, zone, record, wanted)
  return string.pack(">I2I2I2I2I2I2", id, 5 << 11, 1, 0, 1, 0) .. packet.name(zone)
    .. string.pack(">I2I2", packet.TYPES.SOA, IN) .. packet.name(record.name)
    .. string.pack(">I2I2I4s2", packet.TYPES.TXT, wanted and IN or NONE, wanted and record.ttl or 0,
      packet.text(record.value))
end

-- ---- Parsing

-- The name at a place, and the place after it; nil for what is none. A pointer leads strictly back, before the part
-- it stands in, so that every name ends.
local function name_at(bytes, at)
  local labels, length, after, before = {}, 1, nil, at
  while true do
    local size = bytes:byte(at)
    if not size then
      return nil
    elseif size == 0 then
      return table.concat(labels, "."):lower(), after or at + 1
    elseif size >= 0xc0 then
      local low = bytes:byte(at + 1)
      local target = low and ((size & 0x3f) << 8 | low) + 1
      if not target or target >= before then
        return nil
      end
      after = after or at + 2
      at, before = target, target
    elseif size > 63 or at + size > #bytes then
      return nil
    else
      length = length + size + 1
      if length > MAX_NAME then
        return nil
      end
      labels[#labels + 1] = (bytes:sub(at + 1, at + size):gsub("[^%w_*-]", function(byte)
        return ("\\%03d"):format(byte:byte())
      end))
      at = at + size + 1
    end
  end
end

local function record_at(bytes, at)
  local name, after = name_at(bytes, at)
  if not name or after + 9 > #bytes then
    return nil
  end
  local kind, class, ttl, size, data = string.unpack(">I2I2I4I2", bytes, after)
  if data + size - 1 > #bytes then
    return nil
  end
  return { name = name, type = kind, class = class, ttl = ttl, at = at, data = data, size = size }, data + size
end

-- What a record says, by its type: the strings of a TXT as one, a name, an address as text; nil for others and what
-- is broken.
local function value_of(bytes, record)
  local at, last = record.data, record.data + record.size - 1
  if record.type == packet.TYPES.TXT then
    local parts = {}
    while at <= last do
      local size = bytes:byte(at)
      if at + size > last then
        return nil
      end
      parts[#parts + 1] = bytes:sub(at + 1, at + size)
      at = at + size + 1
    end
    return table.concat(parts)
  elseif record.type == packet.TYPES.A and record.size == 4 then
    return ("%d.%d.%d.%d"):format(bytes:byte(at, last))
  elseif record.type == packet.TYPES.AAAA and record.size == 16 then
    return ("%x:%x:%x:%x:%x:%x:%x:%x"):format(string.unpack(">I2I2I2I2I2I2I2I2", bytes, at))
  elseif record.type == packet.TYPES.NS or record.type == packet.TYPES.CNAME or record.type == packet.TYPES.SOA then
    return (name_at(bytes, at))
  end
  return nil
end

-- A message: id, response, authoritative, truncated, code, and its records, each with name, type, class, ttl, value
-- and section (1 answer, 2 authority, 3 additional). nil and a message for what is none.
function packet.parse(bytes)
  if #bytes < HEADER then
    return nil, "the DNS message is cut short"
  end
  local id, flags, questions = string.unpack(">I2I2I2", bytes)
  local counts = { string.unpack(">I2I2I2", bytes, 7) }
  if questions > 1 or counts[1] + counts[2] + counts[3] > MAX_RECORDS then
    return nil, "the DNS message has too many records"
  end
  local message = { id = id, response = flags & 0x8000 ~= 0, authoritative = flags & 0x0400 ~= 0,
    truncated = flags & 0x0200 ~= 0, code = flags & 15, records = {} }
  local at = HEADER + 1
  if questions == 1 then
    local name, after = name_at(bytes, at)
    if not name or after + 3 > #bytes then
      return nil, "the DNS message is malformed"
    end
    message.question, at = name, after + 4
  end
  for section = 1, 3 do
    for _ = 1, counts[section] do
      local record
      record, at = record_at(bytes, at)
      if not record then
        return nil, "the DNS message is malformed"
      end
      record.section, record.value = section, value_of(bytes, record)
      table.insert(message.records, record)
    end
  end
  return message
end

-- ---- TSIG

-- What is signed of a TSIG record, which stands for the rest of it.
local function variables(key, time, fudge, code, other)
  return packet.name(key.name) .. string.pack(">I2I4", ANY, 0) .. packet.name(key.algorithm)
    .. string.pack(">I6I2I2s2", time, fudge, code, other)
end

-- Signs a message with key: name, algorithm ("hmac-sha256"), secret (bytes). Returns it and its signature, by which
-- the answer is verified. An unknown algorithm raises.
function packet.sign(bytes, key, now)
  local hash = assert(ALGORITHMS[key.algorithm], "unknown algorithm")
  local mac = codec.hmac(hash, key.secret, bytes .. variables(key, now, FUDGE, 0, ""))
  local id, more = string.unpack(">I2", bytes), string.unpack(">I2", bytes, 11)
  local data = packet.name(key.algorithm) .. string.pack(">I6I2s2I2I2I2", now, FUDGE, mac, id, 0, 0)
  return bytes:sub(1, 10) .. string.pack(">I2", more + 1) .. bytes:sub(13) .. packet.name(key.name)
    .. string.pack(">I2I2I4s2", packet.TYPES.TSIG, ANY, 0, data), mac
end

-- The fields of a TSIG record's data, nil when they do not fit in it.
local function fields(bytes, record)
  local algorithm, at = name_at(bytes, record.data)
  local last = record.data + record.size - 1
  if not algorithm or at + 9 > last then
    return nil
  end
  local time, fudge, size, mac = string.unpack(">I6I2I2", bytes, at)
  if mac + size + 5 > last then
    return nil
  end
  local id, code, length, other = string.unpack(">I2I2I2", bytes, mac + size)
  if other + length - 1 ~= last then
    return nil
  end
  return { algorithm = algorithm, time = time, fudge = fudge, mac = bytes:sub(mac, mac + size - 1), id = id,
    code = code, other = bytes:sub(other, last) }
end

-- Is the answer to a signed message signed with the same key? Returns the parsed answer, or nil and a sentence.
function packet.verify(bytes, key, request_mac, now)
  local message, why = packet.parse(bytes)
  if not message then
    return nil, why
  end
  local record = message.records[#message.records]
  local tsig = record and record.type == packet.TYPES.TSIG and record.section == 3 and fields(bytes, record)
  if not tsig then
    return nil, message.code ~= 0 and packet.sentence(message.code) or "the server's answer is not signed"
  elseif tsig.code == 16 or tsig.code == 17 then
    return nil, packet.sentence(tsig.code)
  elseif record.name ~= key.name:lower():gsub("%.$", "") or tsig.algorithm ~= key.algorithm then
    return nil, "the server's answer is signed with another key"
  end
  local plain = string.pack(">I2", tsig.id) .. bytes:sub(3, 10)
    .. string.pack(">I2", string.unpack(">I2", bytes, 11) - 1) .. bytes:sub(13, record.at - 1)
  local mac = codec.hmac(ALGORITHMS[key.algorithm], key.secret, string.pack(">s2", request_mac) .. plain
    .. variables(key, tsig.time, tsig.fudge, tsig.code, tsig.other))
  if not codec.equal(mac, tsig.mac) then
    return nil, "the signature of the server's answer is wrong"
  elseif tsig.code ~= 0 then
    return nil, packet.sentence(tsig.code)
  elseif math.abs(now - tsig.time) > tsig.fudge then
    return nil, "the server's answer is from another time"
  end
  return message
end

return packet
