-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- ACME renewal information (RFC 9773): when the CA would like a certificate to be renewed, and what an order replaces.

local acme = require "lib.acme"
local codec = require "certauto.codec"
local json = require "certauto.json"
local time = require "certauto.time"
local x509 = require "certauto.x509"

local ari = {}

-- The identifier of a certificate: key identifier of its issuer, and its serial number as it stands in DER. nil for a
-- certificate without the first.
function ari.identify(pem)
  local facts = x509.read(pem)
  if not facts or facts.aki == "" or facts.serial:find("^-") then
    return nil
  end
  local serial = facts.serial:find("^[89a-f]") and "00" .. facts.serial or facts.serial
  return codec.base64url(codec.unhex(facts.aki)) .. "." .. codec.base64url(codec.unhex(serial))
end

-- What a new order replaces: the certificate there is, if this account got it and the CA keeps renewal information.
function ari.replaced(client, request, note)
  local previous = request.previous
  local facts = previous and type(client.directory.renewalInfo) == "string" and x509.read(previous.certificate)
  if not facts or note.ca ~= client.folder or note.account ~= client.kid
    or facts.fingerprint ~= (note.fingerprint or note.before) then
    return nil
  end
  return ari.identify(previous.certificate)
end

-- A time of RFC 3339, also with a fraction or an offset, in Unix seconds.
local function parse_time(text)
  if type(text) ~= "string" then
    return nil
  end
  local base, zone = text:match("^(%d+%-%d+%-%d+T%d+:%d+:%d+)%.?%d*(.+)$")
  local at = base and time.parse(base .. "Z")
  if not at or zone == "Z" then
    return at
  end
  local sign, hours, minutes = zone:match("^([+-])(%d%d):(%d%d)$")
  return sign and at - (sign == "-" and -1 or 1) * (hours * 3600 + minutes * 60)
end

-- The CA's window for the certificate that there is. Returns the table of a hook's renewal_info, or nil and a fault.
function ari.window(client, pem)
  local base, identifier = client.directory.renewalInfo, ari.identify(pem)
  if type(base) ~= "string" then
    return nil, acme.fault("the CA has no renewal information", { permanent = true })
  elseif not identifier then
    return nil, acme.fault("the certificate does not name its issuer's key", { permanent = true })
  end
  local answer, fault = acme.get(client, base:gsub("/$", "") .. "/" .. identifier, "renewal information")
  if not answer then
    return nil, fault
  end
  local info = json.decode(answer.body)
  local window = type(info) == "table" and info.suggestedWindow
  local start = parse_time(type(window) == "table" and window.start)
  local finish = parse_time(type(window) == "table" and window["end"])
  if not start or not finish or finish <= start then
    return nil, acme.fault("the CA's renewal information has no window")
  end
  local url = info.explanationURL
  return {
    start = start,
    finish = finish,
    url = type(url) == "string" and url:find("^https?://") and url or nil,
    retry_after = acme.retry_after(answer),
  }
end

return ari
