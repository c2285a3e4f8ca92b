-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Signed requests as ACME wants them: JWS (RFC 7515) in flattened JSON, with thumbprints (RFC 7638).

local codec = require "certauto.codec"
local json = require "certauto.json"

local jose = {}

-- Signs what "sign" is given, over the two parts in their encoding. Returns JSON text.
local function flatten(header, payload, sign)
  local protected = codec.base64url(assert(json.encode(header)))
  local body = codec.base64url(payload)
  return assert(json.encode {
    protected = protected,
    payload = body,
    signature = codec.base64url(sign(protected .. "." .. body)),
  })
end

local function algorithm(key)
  local kind = key:type()
  return kind == "ecdsa-p256" and "ES256" or kind == "ecdsa-p384" and "ES384" or "RS256"
end

-- The JWS of a payload, JSON text or empty. "header" has what the request needs beside the algorithm: url and nonce.
-- Without "kid" the public key itself goes along.
function jose.sign(key, header, kid, payload)
  local full = { alg = algorithm(key), kid = kid }
  for name, value in pairs(header) do
    full[name] = value
  end
  if not kid then
    full.jwk = assert(json.decode(key:jwk()))
  end
  return flatten(full, payload, function(text)
    return assert(key:sign(text, "raw"))
  end)
end

-- The external account binding (RFC 8555 section 7.3.4): the account's key, vouched for by one that the CA gave out.
function jose.bind(key, url, kid, secret)
  return assert(json.decode(flatten({ alg = "HS256", kid = kid, url = url }, key:jwk(), function(text)
    return codec.hmac("sha256", secret, text)
  end)))
end

function jose.thumbprint(key)
  return codec.base64url(codec.digest("sha256", key:jwk()))
end

return jose
