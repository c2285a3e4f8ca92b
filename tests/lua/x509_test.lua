-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.x509: facts, chains, requests and issuing, as hooks use them. The odd certificates are in tests/unit.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local codec = require "certauto.codec"
local fs = require "certauto.fs"
local key = require "certauto.key"
local time = require "certauto.time"
local x509 = require "certauto.x509"
local test, equal = check.test, check.equal

local function data(name)
  return assert(fs.read("tests/data/x509/" .. name))
end

local function ca(subject, issuer)
  local made = { key = key.generate() }
  made.pem = assert(x509.issue {
    key = issuer and issuer.key or made.key,
    issuer = issuer and issuer.pem,
    public_key = made.key:public(),
    not_before = time.now() - 60,
    not_after = time.now() + 3600,
    subject = subject,
    ca = true,
  })
  return made
end

test("x509_read_gives_the_facts", function()
  local facts = assert(x509.read(data "p256.pem"))
  equal(facts.names, { "www.example.org", "example.org" })
  equal(facts.usage, { "server", "client" })
  equal(facts.subject, "C=DE, O=Example\\, Inc., CN=www.example.org")
  equal(facts.organisation, "Example, Inc.")
  equal(facts.key_type, "ecdsa-p256")
  equal(facts.ca, false)
  equal(#facts.fingerprint, 64)
  equal(math.type(facts.not_after), "integer")
  facts = assert(x509.read(data "year9999.pem"))
  equal(facts.not_after, 253402300799)
  equal(#facts.aki, 40)
  equal(facts.usage, {})
  equal(facts.ca, false)
  equal(#assert(x509.read(data "many.pem")).names, 153)
end)

test("x509_read_says_what_it_cannot_read", function()
  check.contains(check.fails("format", x509.read(data "ed25519.pem")), "Ed25519")
  check.fails("format", x509.read "")
  check.fails("format", x509.read(data "p256.key"))
end)

test("x509_split_takes_a_bundle_apart", function()
  equal(x509.split(data "text.pem"), { data "p256.pem", data "p384.pem" })
  equal(x509.split(data "crlf.pem"), { data "p256.pem" })
  check.fails("format", x509.split "")
  check.contains(check.fails("format", x509.split(data "bundle.pem")), "certificate 3")
end)

test("x509_matches_tells_whose_certificate_it_is", function()
  equal(x509.matches(data "p256.pem", key.parse(data "p256.key")), true)
  equal(x509.matches(data "p256.pem", key.parse(data "sec1.key")), false)
  check.fails("format", x509.matches("", key.generate()))
end)

test("x509_check_chain_orders_and_judges", function()
  local root = ca "CN=Root"
  local one = ca("CN=One", root)
  local two = ca("CN=Two", one)
  local leaf = ca("CN=Leaf", two)
  equal(x509.check_chain(leaf.pem, root.pem .. one.pem .. two.pem), two.pem .. one.pem)
  equal(x509.check_chain(leaf.pem, one.pem .. two.pem, { trust = root.pem }), two.pem .. one.pem)
  equal(x509.check_chain(leaf.pem, ""), "")
  check.contains(check.fails("refused", x509.check_chain(leaf.pem, one.pem)), "does not fit in")
  check.contains(
    check.fails("refused", x509.check_chain(leaf.pem, two.pem, { trust = data "p256.pem" })),
    "not among the trusted"
  )
  check.contains(
    check.fails("refused", x509.check_chain(leaf.pem, two.pem, { now = time.now() + 7200 })),
    "expired"
  )
  check.fails("format", x509.check_chain("", ""))
end)

test("x509_request_is_read_again", function()
  local mine = key.generate "ecdsa-p384"
  local names = { "example.org", "*.example.org", "192.0.2.1", "2001:db8::1", "email:me@example.org" }
  local pem = assert(x509.request(mine, names, { subject = "CN=one, O=two", usage = { "client", "server" } }))
  local asked = assert(x509.read_request(pem))
  equal(asked.names, names)
  equal(asked.subject, "CN=one, O=two")
  equal(asked.usage, { "server", "client" })
  equal(asked.key_type, "ecdsa-p384")
  equal(asked.public_key, mine:public())
  asked = assert(x509.read_request(assert(x509.request(mine, { "Example.ORG", "example.org" }))))
  equal(asked.names, { "example.org" })
  equal(asked.subject, "CN=example.org")
  equal(asked.usage, {})
end)

test("x509_request_refuses_what_no_certificate_can_hold", function()
  local mine = key.generate()
  check.fails("usage", x509.request(mine, { "a,b" }))
  check.contains(check.fails("usage", x509.request(mine, { "a" }, { subject = "nothing" })), "subject")
  local fine = pcall(x509.request, mine, { "two words" })
  assert(fine and x509.request(mine, { "two words" }) == nil)
  check.contains(check.fails("refused", x509.read_request(data "forged.csr")), "signature")
end)

test("x509_issue_makes_what_was_asked", function()
  local root = ca "O=Trust, CN=Root"
  local mine = key.generate()
  local facts = assert(x509.read(assert(x509.issue {
    key = root.key,
    issuer = root.pem,
    public_key = mine:public(),
    not_before = 1800000000,
    not_after = 1800000001,
    names = { "example.org" },
    usage = { "server" },
    serial = "0a0b",
  })))
  equal(facts.serial, "0a0b")
  equal(facts.not_after - facts.not_before, 1)
  equal(facts.subject, "")
  equal(facts.issuer, "O=Trust, CN=Root")
  equal(facts.organisation, "Trust")
  equal(facts.usage, { "server" })
  equal(facts.ca, false)
end)

test("x509_issue_fails_for_what_cannot_be", function()
  local mine = key.generate()
  local function issue(change)
    local settings = { key = mine, public_key = mine:public(), not_before = 0, not_after = 10, subject = "CN=a" }
    for name, value in pairs(change) do
      settings[name] = value
    end
    return x509.issue(settings)
  end
  assert(issue {})
  check.fails("usage", issue { not_after = 0 })
  check.fails("usage", issue { serial = "xx" })
  check.fails("format", issue { public_key = "rubbish" })
  check.contains(check.fails("refused", issue { issuer = data "p384.pem" }), "another key")
  check.raises("unknown field 'subjekt'", issue, { subjekt = "CN=b" })
  check.raises("names: a list", issue, { names = "example.org" })
  check.raises("names: a list", issue, { names = { "a\0b" } })
  check.raises("usage: 'tls' is none", issue, { usage = { "tls" } })
  check.raises("not_before: a whole number", issue, { not_before = 1.5 })
  check.raises("not_before: a whole number", issue, { not_before = "1" })
  check.raises("path_length", issue, { path_length = 1000 })
  check.raises("key", issue, { key = "text" })
  check.raises("public_key: a string expected", x509.issue, { key = mine, not_before = 0, not_after = 1 })
  check.raises("whole numbers expected", x509.issue, { key = mine, public_key = mine:public() })
end)

test("x509_misuse_raises", function()
  check.raises("bad argument", x509.read)
  check.raises("bad argument", x509.split, {})
  check.raises("bad argument", x509.matches, "", "key")
  check.raises("bad argument", x509.check_chain, "")
  check.raises("unknown field 'when'", x509.check_chain, "", "", { when = 1 })
  check.raises("bad argument", x509.request, key.generate(), "example.org")
  check.raises("unknown field", x509.request, key.generate(), {}, { cn = "a" })
  check.raises("bad argument", x509.read_request)
end)

test("x509_issue_adds_the_identifier_of_acme", function()
  local own = key.generate()
  local settings = {
    key = own,
    public_key = own:public(),
    names = { "www.example.org" },
    not_before = time.now(),
    not_after = time.now() + 60,
    acme_identifier = ("i"):rep(32),
  }
  local der = assert(codec.unbase64(x509.issue(settings):match("%-\n(.*)\n%-")))
  -- The OID, TRUE for critical, and an OCTET STRING in that of the extension (RFC 8737 section 3).
  check.contains(der, "\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x1f\x01\x01\xff\x04\x22\x04\x20" .. ("i"):rep(32))
  settings.acme_identifier = "short"
  check.raises("32 bytes", x509.issue, settings)
end)

return check.status()
