-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- The parts of ACME that need no CA: signatures, times, problems, identifiers, challenges.
local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()

local acme = require "lib.acme"
local ari = require "lib.acme_ari"
local challenge = require "lib.acme_challenge"
local codec = require "certauto.codec"
local jose = require "lib.jose"
local json = require "certauto.json"
local key = require "certauto.key"
local time = require "certauto.time"
local x509 = require "certauto.x509"

local function part(text)
  return json.decode(codec.unbase64url(text))
end

check.test("a signed request has key or account, address and nonce, and says how it is signed", function()
  for kind, name in pairs { ["ecdsa-p256"] = "ES256", ["ecdsa-p384"] = "ES384", ["rsa-2048"] = "RS256" } do
    local made = key.generate(kind)
    local jws = json.decode(jose.sign(made, { url = "https://ca/x", nonce = "n" }, nil, '{"a":1}'))
    local header = part(jws.protected)
    check.equal(header.alg, name)
    check.equal(header.nonce, "n")
    check.equal(header.jwk, json.decode(made:jwk()))
    check.equal(part(jws.payload), { a = 1 })
    header = part(json.decode(jose.sign(made, { url = "https://ca/x" }, "https://ca/me", "")).protected)
    check.equal(header.kid, "https://ca/me")
    check.equal(header.jwk, nil)
  end
end)

check.test("an external account vouches for the key by HMAC", function()
  local made = key.generate()
  local jws = jose.bind(made, "https://ca/new", "kid-1", "secret")
  check.equal(part(jws.protected), { alg = "HS256", kid = "kid-1", url = "https://ca/new" })
  check.equal(codec.unbase64url(jws.payload), made:jwk())
  check.equal(jws.signature, codec.base64url(codec.hmac("sha256", "secret", jws.protected .. "." .. jws.payload)))
end)

check.test("Retry-After is seconds or a date, and nothing else", function()
  local function after(text)
    return acme.retry_after { headers = { ["retry-after"] = text } }
  end
  check.equal(after("120"), 120)
  check.equal(after(os.date("!%a, %d %b %Y %H:%M:%S GMT", time.now() - 60)), 0)
  local left = after(os.date("!%a, %d %b %Y %H:%M:%S GMT", time.now() + 100))
  check.equal(left >= 98 and left <= 100, true)
  for _, text in ipairs { "", "soon", "-5", "1.5", "Sun, 99 Foo 2026 00:00:00 GMT", "Sun, 99 Nov 2026 00:00:00 GMT" } do
    check.equal(after(text), nil)
  end
  check.equal(after(nil), nil)
end)

check.test("a problem is one sentence with what it says of each name", function()
  check.equal(acme.describe { type = "urn:ietf:params:acme:error:malformed", detail = "Some names were bad",
    subproblems = { { type = "urn:ietf:params:acme:error:rejectedIdentifier", detail = "not that one",
      identifier = { type = "dns", value = "example.org" } } } },
    "Some names were bad (malformed); example.org: not that one (rejectedIdentifier)")
  check.equal(acme.describe { detail = {}, title = 5, type = {}, subproblems = "x" }, "no reason given")
end)

check.test("the identifier of a certificate has its serial number as in DER (RFC 9773 section 4.1)", function()
  local issuer = key.generate()
  local now = time.now()
  local ca = assert(x509.issue { key = issuer, public_key = issuer:public(), subject = "CN=ca", ca = true,
    not_before = now, not_after = now + 1000 })
  for serial, text in pairs { ["0087654321"] = "AIdlQyE", ["07654321"] = "B2VDIQ" } do
    local pem = assert(x509.issue { key = issuer, issuer = ca, public_key = issuer:public(), names = { "a.example" },
      not_before = now, not_after = now + 100, serial = serial })
    check.equal(ari.identify(pem), codec.base64url(codec.unhex(x509.read(pem).aki)) .. "." .. text)
  end
end)

local function authorisation(...)
  return { identifier = { type = "dns", value = "example.org" }, challenges = { ... } }
end

check.test("the configured challenge is found among any others", function()
  local http = { type = "http-01", url = "https://ca/c", token = "abc" }
  local proof, url = challenge.prove({ challenge = "http-01", webroot = "/srv" },
    authorisation({ type = "dns-persist-01", url = "x" }, 5, { type = 7 }, {}, { type = "new-99" }, http), "print")
  check.equal(url, "https://ca/c")
  check.equal(proof, { kind = "http-01", domain = "example.org", token = "abc", authorisation = "abc.print",
    folder = "/srv/.well-known/acme-challenge" })
  local none, message = challenge.prove({ challenge = "dns-01" }, authorisation(http), "print")
  check.equal(none, nil)
  check.equal(message, "the CA offers no dns-01 for it, only http-01")
end)

check.test("a token that is no base64url never becomes a file", function()
  for _, token in ipairs { "../../etc/passwd", "", "a/b", "a b", ("x"):rep(201), 5, "a\0b" } do
    local none = challenge.prove({ challenge = "http-01", webroot = "/srv" },
      authorisation { type = "http-01", url = "https://ca/c", token = token }, "print")
    check.equal(none, nil)
  end
end)

check.test("the record of dns-01 holds the digest of the authorisation", function()
  local proof = challenge.prove({ challenge = "dns-01", dns = "ours" },
    authorisation { type = "dns-01", url = "https://ca/c", token = "abc" }, "print")
  check.equal(proof.record, "_acme-challenge.example.org")
  check.equal(proof.value, codec.base64url(codec.digest("sha256", "abc.print")))
end)

check.test("the system's bundle of CAs is a file", function()
  local path = require "certauto.http".bundle()
  check.equal(type(path), "string")
  check.equal(require "certauto.fs".stat(path).type, "file")
end)

check.test("an address is named in reverse to be proved by TLS", function()
  local function server(value, type)
    return challenge.prove({ challenge = "tls-alpn-01" }, {
      identifier = { type = type or "ip", value = value },
      challenges = { { type = "tls-alpn-01", url = "https://ca/1", token = "abc" } },
    }, "print").server
  end
  check.equal(server("192.0.2.1"), "1.2.0.192.in-addr.arpa")
  check.equal(server("2001:db8::1"), ("1." .. ("0."):rep(23) .. "8.b.d.0.1.0.0.2.ip6.arpa"))
  check.equal(server("::1"), ("1." .. ("0."):rep(31) .. "ip6.arpa"))
  check.equal(server("1:2:3:4:5:6:7:8"), "8.0.0.0.7.0.0.0.6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.ip6.arpa")
  check.equal(server("rubbish"), "rubbish")
  check.equal(server("example.org", "dns"), "example.org")
end)

check.test("what a challenge lacks is told", function()
  check.equal(challenge.lack { challenge = "http-01" }, "challenge = http-01 needs webroot or http_listen")
  check.contains(challenge.lack { challenge = "http-01", webroot = "/", http_listen = "80" }, "give one of them")
  for _, place in ipairs { "80", "192.0.2.1:80", "[2001:db8::1]:80" } do
    check.equal(challenge.lack { challenge = "http-01", http_listen = place }, nil)
  end
  for _, place in ipairs { "0", "65536", "http", "localhost:80", ":80", "80.5", "2001:db8::1" } do
    check.equal(challenge.lack { challenge = "tls-alpn-01", tls_listen = place },
      ("tls_listen: '%s' is no port, and no ADDRESS:PORT"):format(place))
  end
  check.equal(challenge.lack { challenge = "dns-01" }, "challenge = dns-01 needs dns, the name of a provider")
  check.equal(challenge.lack { challenge = "dns-01", dns = "../x" }, "dns: '../x' is no name of a provider")
  check.equal(challenge.lack { challenge = "dns-01", dns = "ours" }, nil)
end)

return check.status()
