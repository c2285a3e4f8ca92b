-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.key: keys made, read, written, used to sign, and never printed.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local codec = require "certauto.codec"
local fs = require "certauto.fs"
local json = require "certauto.json"
local key = require "certauto.key"
local test, equal = check.test, check.equal

local function data(name)
  return assert(fs.read("tests/data/x509/" .. name))
end

test("key_made_is_of_the_type_asked_for", function()
  equal(key.generate():type(), "ecdsa-p256")
  for _, type in ipairs { "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048" } do
    local made = assert(key.generate(type))
    equal(made:type(), type)
    local again = assert(key.parse(made:pem()))
    equal(again:pem(), made:pem())
    equal(again:public(), made:public())
  end
end)

test("key_reads_what_others_write", function()
  equal(key.parse(data "pkcs1.key"):type(), "rsa-2048")
  equal(key.parse(data "sec1.key"):type(), "ecdsa-p256")
  equal(key.parse(data "rsa1024.key"):type(), "other")
  check.contains(check.fails("format", key.parse(data "encrypted.key")), "encrypted")
  check.contains(check.fails("format", key.parse(data "ed25519.key")), "Ed25519")
  check.fails("format", key.parse "")
  check.fails("format", key.parse "\0")
end)

-- OpenSSL judges what we signed.
test("key_signatures_are_right", function()
  local folder = check.folder()
  local hashes = { p256 = "sha256", p384 = "sha384", p521 = "sha512", rsa2048 = "sha256" }
  for name, hash in pairs(hashes) do
    local mine = assert(key.parse(data(name .. ".key")))
    local signature = assert(mine:sign "some text")
    assert(fs.write(folder .. "/signature", signature))
    assert(fs.write(folder .. "/text", "some text"))
    assert(fs.write(folder .. "/public", mine:public()))
    check.command("openssl", "dgst", "-" .. hash, "-verify", folder .. "/public", "-keyform", "DER", "-signature",
      folder .. "/signature", folder .. "/text")
  end
  check.command("rm", "-r", folder)
end)

test("key_signs_raw_for_jose", function()
  equal(#key.parse(data "p256.key"):sign("text", "raw"), 64)
  equal(#key.parse(data "p521.key"):sign("text", "raw"), 132)
  local rsa = key.parse(data "rsa2048.key")
  equal(rsa:sign("text", "raw"), rsa:sign("text", "der"))
end)

test("key_jwk_is_json_in_the_form_that_is_hashed", function()
  local mine = key.parse(data "p256.key")
  local jwk = mine:jwk()
  local parsed = assert(json.decode(jwk))
  equal(parsed.kty, "EC")
  equal(parsed.crv, "P-256")
  -- The point is what SubjectPublicKeyInfo ends with.
  equal(codec.unbase64url(parsed.x) .. codec.unbase64url(parsed.y), mine:public():sub(-64))
  equal(jwk, ('{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}'):format(parsed.x, parsed.y))
end)

test("key_random_bytes_differ", function()
  equal(#key.random(16), 16)
  equal(#key.random(1024), 1024)
  assert(key.random(16) ~= key.random(16))
end)

test("key_never_prints_itself", function()
  local mine = key.generate()
  check.contains(tostring(mine), "key: ")
  assert(not tostring(mine):find("PRIVATE"))
  check.fails("format", json.encode(mine))
  check.fails("format", json.encode { mine })
end)

test("key_many_at_once_are_given_back", function()
  for _ = 1, 300 do
    assert(key.parse(data "p256.key"))
  end
  local closed
  do
    local held <close> = key.generate()
    closed = held
  end
  check.raises("closed before", closed.type, closed)
end)

test("key_misuse_raises", function()
  check.raises("'ed25519' is no type of key", key.generate, "ed25519")
  check.raises("'other' is no type of key", key.generate, "other")
  check.raises("bad argument", key.parse)
  check.raises("bad argument", key.parse, {})
  check.raises("1 to 1024", key.random, 0)
  check.raises("1 to 1024", key.random, 1025)
  local mine = key.generate()
  check.raises("bad argument", mine.sign, mine)
  check.raises("invalid option", mine.sign, mine, "text", "pem")
  check.raises("bad argument", mine.pem, "text")
end)

return check.status()
