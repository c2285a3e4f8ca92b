-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- lib.dns_packet: messages as RFC 1035 and 2136 draw them, signatures, and bytes of every hostile kind.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local codec = require "certauto.codec"
local packet = require "lib.dns_packet"
local test, equal = check.test, check.equal

local KEY <const> = { name = "Key.example.", algorithm = "hmac-sha256", secret = ("s"):rep(32) }
local NOW <const> = 1764111600
local RECORD <const> = { name = "_acme-challenge.example.org", value = "abc", ttl = 60 }

-- A response with one TXT record whose name is a pointer to the question.
local function response(flags, tail)
  return string.pack(">I2I2I2I2I2I2", 7, flags, 1, 1, 0, 0) .. "\3www\7example\0" .. string.pack(">I2I2", 16, 1)
    .. (tail or "\xc0\x0c" .. string.pack(">I2I2I4s2", 16, 1, 60, "\2ab\1c"))
end

-- What a server with that key would answer to a message with that signature.
local function answer(request_mac, secret, time)
  local plain = string.pack(">I2I2I2I2I2I2", 7, 0xa800, 0, 0, 0, 0)
  local name, algorithm = packet.name(KEY.name), packet.name(KEY.algorithm)
  local mac = codec.hmac("sha256", secret, string.pack(">s2", request_mac) .. plain .. name
    .. string.pack(">I2I4", 255, 0) .. algorithm .. string.pack(">I6I2I2I2", time, 300, 0, 0))
  return plain:sub(1, 10) .. "\0\1" .. name .. string.pack(">I2I2I4s2", 250, 255, 0,
    algorithm .. string.pack(">I6I2s2I2I2I2", time, 300, mac, 7, 0, 0))
end

test("packet_asks_as_rfc_1035_draws_it", function()
  equal(codec.hex(packet.query(0x1234, "F.ISI.ARPA.", "TXT")),
    "123401000001000000000000" .. "0166036973690461727061" .. "00" .. "00100001")
end)

test("packet_updates_as_rfc_2136_draws_it", function()
  local head = "000728000001000000010000" .. "076578616d706c65036f7267" .. "00" .. "00060001"
    .. "0f5f61636d652d6368616c6c656e6765076578616d706c65036f7267" .. "00"
  equal(codec.hex(packet.update(7, "example.org", RECORD, true)), head .. "001000010000003c000403616263")
  equal(codec.hex(packet.update(7, "example.org", RECORD, false)), head .. "001000fe00000000000403616263")
end)

test("packet_parses_pointers_and_strings", function()
  local message = packet.parse(response(0x8400))
  equal(message.authoritative, true)
  equal(message.truncated, false)
  equal(message.records[1].name, "www.example")
  equal(message.records[1].value, "abc")
  equal(packet.parse(response(0x8605)).code, 5)
end)

test("packet_refuses_pointers_that_lead_in_circles_or_ahead", function()
  for _, name in ipairs { "\xc0\x1d", "\xc0\x1e", "\xff\xff", "\1a\xc0\x1d", "\xc0" } do
    equal(packet.parse(response(0x8400, name .. string.pack(">I2I2I4s2", 16, 1, 60, "\0"))), nil)
  end
end)

test("packet_bears_every_cut_and_every_changed_byte", function()
  local signed, mac = packet.sign(packet.update(7, "example.org", RECORD, true), KEY, NOW)
  for _, bytes in ipairs { response(0x8400), answer(mac, KEY.secret, NOW), signed } do
    for at = 1, #bytes do
      packet.parse(bytes:sub(1, at - 1))
      equal(packet.verify(bytes:sub(1, at - 1), KEY, mac, NOW), nil)
      for _, byte in ipairs { 0, 1, 63, 64, 192, 255 } do
        packet.parse(bytes:sub(1, at - 1) .. string.char(byte) .. bytes:sub(at + 1))
        packet.verify(bytes:sub(1, at - 1) .. string.char(byte) .. bytes:sub(at + 1), KEY, mac, NOW)
      end
    end
  end
end)

test("packet_verifies_the_answer_and_nothing_else", function()
  local _, mac = packet.sign(packet.update(7, "example.org", RECORD, true), KEY, NOW)
  equal(packet.verify(answer(mac, KEY.secret, NOW), KEY, mac, NOW).code, 0)
  equal(select(2, packet.verify(answer(mac, ("t"):rep(32), NOW), KEY, mac, NOW)),
    "the signature of the server's answer is wrong")
  equal(select(2, packet.verify(answer("other", KEY.secret, NOW), KEY, mac, NOW)),
    "the signature of the server's answer is wrong")
  equal(select(2, packet.verify(answer(mac, KEY.secret, NOW - 301), KEY, mac, NOW)),
    "the server's answer is from another time")
  equal(select(2, packet.verify(response(0x8000), KEY, mac, NOW)), "the server's answer is not signed")
  equal(select(2, packet.verify(response(0x8005), KEY, mac, NOW)), packet.sentence(5))
end)

return check.status()
