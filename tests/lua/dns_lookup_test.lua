-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- lib.dns_lookup: addresses of servers as people write them. What it asks is tried against BIND.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local lookup = require "lib.dns_lookup"
local test, equal = check.test, check.equal

local function text_of(place)
  return place and place.host .. " " .. place.port
end

test("lookup_reads_addresses_with_and_without_a_port", function()
  equal(text_of(lookup.place("192.0.2.1")), "192.0.2.1 53")
  equal(text_of(lookup.place("192.0.2.1:5353")), "192.0.2.1 5353")
  equal(text_of(lookup.place("ns1.example.org:54")), "ns1.example.org 54")
  equal(text_of(lookup.place("2001:db8::1")), "2001:db8::1 53")
  equal(text_of(lookup.place("[2001:db8::1]")), "2001:db8::1 53")
  equal(text_of(lookup.place("[2001:db8::1]:5353")), "2001:db8::1 5353")
end)

test("lookup_refuses_what_is_no_address", function()
  for _, text in ipairs { "", ":53", "a b", "192.0.2.1:0", "192.0.2.1:65536", "[::1", "ns/1", "[]:53", "a:b:c:g" } do
    equal(lookup.place(text), nil)
  end
end)

return check.status()
