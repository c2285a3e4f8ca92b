-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Signed requests as ACME wants them: JWS (RFC 7515) in flattened JSON, with thumbprints (RFC 7638).

local codec = require "certauto.codec"
local json = require "certauto.json"

local jose = {}

-- By the curve of the key (RFC 7518 section 3.1); an RSA key has none.
local ALGORITHMS <const> = { ["256"] = "ES256", ["384"] = "ES384", ["521"] = "ES512" }

-- What is signed (RFC 7515 section 5.1): the two parts in their encoding. "full" is the header but for what a request
-- adds to it.
local function input_of(full, header, payload)
  for name, value in pairs(header) do
    full[name] = value
  end
  return codec.base64url(assert(json.encode(full))) .. "." .. codec.base64url(payload)
end

-- The JWS, JSON text, of what was signed and its signature, base64url.
function jose.complete(input, signature)
  local protected, payload = input:match("^(.-)%.(.*)$")
  return assert(json.encode { protected = protected, payload = payload, signature = signature })
end

-- By the name of the key's type, such as "ecdsa-p256", or of its curve in a JWK, such as "P-256".
local function algorithm(name)
  return ALGORITHMS[name:match("%d+$")] or "RS256"
end

-- What a key that is not ours is to sign, of which the public part is known, JSON text.
function jose.input(jwk, header, payload)
  local public = assert(json.decode(jwk))
  return input_of({ alg = algorithm(public.crv or ""), jwk = public }, header, payload)
end

-- The JWS of a payload, JSON text or empty. "header" has what the request needs beside the algorithm: url and nonce.
-- Without "kid" the public key itself goes along.
function jose.sign(key, header, kid, payload)
  local full = { alg = algorithm(key:type()), kid = kid, jwk = not kid and assert(json.decode(key:jwk())) or nil }
  local input = input_of(full, header, payload)
  return jose.complete(input, codec.base64url(assert(key:sign(input, "raw"))))
end

-- The external account binding (RFC 8555 section 7.3.4): the account's key, vouched for by one that the CA gave out.
function jose.bind(key, url, kid, secret)
  local input = input_of({ alg = "HS256", kid = kid }, { url = url }, key:jwk())
  return assert(json.decode(jose.complete(input, codec.base64url(codec.hmac("sha256", secret, input)))))
end

function jose.thumbprint(key)
  return codec.base64url(codec.digest("sha256", key:jwk()))
end

return jose
