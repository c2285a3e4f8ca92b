-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Challenges: what proves to a CA that a name is ours is set up, and removed again whatever comes.
--
-- Each kind is a pair of functions, set_up(options, proof) and clean_up(options, proof), which return true, or nil and
-- a message. A proof is what is kept in the store until it is removed: strings only, so that the run after a kill can
-- remove it too. clean_up must bear that there is nothing to remove.

local codec = require "certauto.codec"
local fs = require "certauto.fs"
local key = require "certauto.key"
local net = require "certauto.net"
local store = require "certauto.store"
local time = require "certauto.time"
local x509 = require "certauto.x509"

local challenge = {}

local WELL_KNOWN <const> = "/.well-known/acme-challenge"

-- ---- http-01: a file below the root of the web server

local function folder_of(options)
  return (options.webroot:gsub("/+$", "")) .. WELL_KNOWN
end

local webroot = {}

function webroot.set_up(options, proof)
  local found, message = fs.stat(options.webroot)
  if not found or found.type ~= "directory" then
    return nil, "webroot: " .. (message or options.webroot .. " is no folder")
  end
  local made
  made, message = fs.mkdir(proof.folder, { parents = true })
  if not made then
    return nil, "webroot: " .. message
  end
  return fs.write(proof.folder .. "/" .. proof.token, proof.authorisation, { mode = "0644" })
end

-- From where it was put, also when the configuration has another folder by now.
function webroot.clean_up(_, proof)
  return fs.remove(proof.folder .. "/" .. proof.token)
end

-- ---- http-01 and tls-alpn-01 by a listener of one's own: one for all proofs of an order

-- The listener and the lock of its port, while there is one; both end with the call of the hook at the latest.
local responder, lock

-- Nothing is set up before all proofs are known, and nothing outlives the call.
local own_listener = {
  set_up = function()
    return true
  end,
  clean_up = function()
    if responder then
      responder:close()
    end
    if lock then
      lock:close()
    end
    responder, lock = nil, nil
    return true
  end,
}

-- "80", "192.0.2.1:80" or "[2001:db8::1]:80" as a port and an address, which is nil for all.
local function place_of(text)
  local address, port = text:match("^%[([%x:.]+)%]:(%d+)$")
  if not port then
    address, port = text:match("^([%d.]+):(%d+)$")
  end
  port = math.tointeger(tonumber(port or text:match("^%d+$")))
  if port and port >= 1 and port <= 65535 then
    return port, address
  end
  return nil, ("'%s' is no port, and no ADDRESS:PORT"):format(text)
end

-- The certificate that answers for one name (RFC 8737 section 3).
local function tls_answer(proof)
  local own = key.generate()
  local pem, message = x509.issue {
    key = own,
    public_key = own:public(),
    subject = "CN=ACME challenge",
    names = { proof.domain },
    not_before = time.now() - 3600,
    not_after = time.now() + 86400,
    acme_identifier = codec.digest("sha256", proof.authorisation),
  }
  return pem and { name = proof.server, certificate = pem, key = own:pem() }, message
end

-- What the listener is to answer.
local function answers(proofs)
  local settings = { http = {} }
  for index, proof in ipairs(proofs) do
    if proof.kind == "http-01" then
      settings.http[WELL_KNOWN .. "/" .. proof.token] = proof.authorisation
    else
      local answer, message = tls_answer(proof)
      if not answer then
        return nil, message
      end
      settings.http, settings.alpn, settings.tls = nil, "acme-tls/1", settings.tls or {}
      settings.tls[index] = answer
    end
  end
  return settings
end

-- Listens for the CA, until the first of them is cleaned up. Workers take turns at a port.
function own_listener.ready(options, proofs)
  local settings, message = answers(proofs)
  if settings then
    local listen = proofs[1].kind == "http-01" and options.http_listen or options.tls_listen
    settings.port, settings.address = place_of(listen)
    lock, message = store.lock("acme/listeners/" .. settings.port)
    if lock then
      responder, message = net.serve(settings)
    end
  end
  return responder and true, message
end

-- The name that stands for an address in TLS (RFC 8738 section 6); nil for what is no address.
local function reverse_name(address)
  local a, b, c, d = address:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a then
    return ("%s.%s.%s.%s.in-addr.arpa"):format(d, c, b, a)
  end
  local front, back = address:match("^([%x:]*)::([%x:]*)$")
  local function digits_of(groups)
    return (groups:gsub("%x+", function(group)
      return ("0"):rep(4 - #group) .. group:lower()
    end):gsub(":", ""))
  end
  front, back = digits_of(front or address), digits_of(back or "")
  local digits = front .. ("0"):rep(32 - #front - #back) .. back
  return #digits == 32 and digits:find("^%x+$") and digits:reverse():gsub("%x", "%0.") .. "ip6.arpa" or nil
end

-- ---- dns-01: a record, through a provider

-- The options that a provider is given: those that the hook declares as PROVIDER_KEY, by KEY, and those of dns_options.
local function provider_options(options)
  local own, start = {}, options.dns:gsub("%W", "_") .. "_"
  for name, value in pairs(options) do
    if name:sub(1, #start) == start and start ~= "dns_" then
      own[name:sub(#start + 1)] = value
    end
  end
  for _, word in ipairs(options.dns_options or {}) do
    local name, value = word:match("^([%w_]+)=(.*)$")
    if not name then
      return nil, ("dns_options: '%s' is not of the form KEY=VALUE"):format(word)
    end
    own[name] = value
  end
  return own
end

-- A record as lib.dns.NAME takes it: name, value, domain and ttl.
local function record_of(proof)
  return { name = proof.record, value = proof.value, domain = proof.domain, ttl = 60 }
end

local function provide(action)
  return function(options, proof)
    local own, message = provider_options(options)
    if not own then
      return nil, message
    end
    local provider = require("lib.dns." .. options.dns)
    local done, details
    done, message, details = provider[action](own, record_of(proof))
    return done, message and ("dns %s: %s"):format(options.dns, message), details
  end
end

-- The reading of DNS is only loaded where it is needed: most challenges get on without.
local function lookup()
  return require "lib.dns_lookup"
end

-- How DNS is asked, until when; nil when it is not.
local function lookup_settings(options)
  local wait = options.dns_wait or 0
  return wait > 0 and { resolver = options.dns_resolver, latest = time.boot() + wait } or nil
end

local dns = { set_up = provide("present"), clean_up = provide("cleanup") }

-- Every look of the CA costs one of the failures that it allows, so that it is only asked for what is served.
function dns.ready(options, proofs)
  local settings = lookup_settings(options)
  for _, proof in ipairs(settings and proofs or {}) do
    local done, message = lookup().wait(settings, { name = proof.record, value = proof.value })
    if not done then
      return nil, ("%s: %s"):format(proof.domain, message)
    end
  end
  return true
end

-- ---- dns-persist-01: a record that stays, made by hand or by those who run the zone

local persistent = {
  set_up = function()
    return true
  end,
  clean_up = function()
    return true
  end,
}

local KINDS = { ["dns-01"] = dns, ["dns-persist-01"] = persistent, ["tls-alpn-01"] = own_listener }

local function kind_of(proof)
  if proof.kind == "http-01" then
    return proof.folder and webroot or own_listener
  end
  return KINDS[proof.kind]
end

-- ---- From a CA's challenge to a proof

-- What a configuration lacks for its challenge, or nil.
function challenge.lack(options)
  local listen = options.challenge == "http-01" and options.http_listen
    or options.challenge == "tls-alpn-01" and options.tls_listen
  if options.challenge == "http-01" and not options.webroot and not listen then
    return "challenge = http-01 needs webroot or http_listen"
  elseif options.challenge == "http-01" and options.webroot and listen then
    return "webroot and http_listen are two ways for one thing: give one of them"
  elseif listen and not place_of(listen) then
    return (options.challenge == "http-01" and "http_listen: " or "tls_listen: ") .. select(2, place_of(listen))
  elseif options.challenge == "dns-01" and not options.dns then
    return "challenge = dns-01 needs dns, the name of a provider"
  elseif options.dns and not options.dns:find("^[%w_][%w_-]*$") then
    return ("dns: '%s' is no name of a provider"):format(options.dns)
  elseif options.dns_resolver and not lookup().place(options.dns_resolver) then
    return ("dns_resolver: '%s' is no ADDRESS[:PORT]"):format(options.dns_resolver)
  end
  return nil
end

-- The one of a CA's challenges that is configured. Others, unknown or without a token, are none of our business.
local function choose(options, authorisation)
  local offered = {}
  for _, offer in ipairs(type(authorisation.challenges) == "table" and authorisation.challenges or {}) do
    if type(offer) == "table" and type(offer.type) == "string" then
      if offer.type == options.challenge and type(offer.url) == "string" then
        return offer
      end
      offered[#offered + 1] = offer.type:sub(1, 40)
    end
  end
  return nil, ("the CA offers no %s for it, only %s"):format(options.challenge, table.concat(offered, ", "))
end

-- A proof for a pending authorisation of one name. Returns it and the address at which it is answered, or nil and a
-- message.
function challenge.prove(options, authorisation, thumbprint)
  local domain = authorisation.identifier.value
  local offer, message = choose(options, authorisation)
  if not offer then
    return nil, message
  end
  local proof = { kind = offer.type, domain = domain }
  if offer.type == "dns-persist-01" then
    return proof, offer.url
  end
  -- The token becomes the name of a file.
  if type(offer.token) ~= "string" or not offer.token:find("^[%w_-]+$") or #offer.token > 200 then
    return nil, "the CA's challenge has no token that is base64url"
  end
  proof.token = offer.token
  proof.authorisation = offer.token .. "." .. thumbprint
  if offer.type == "dns-01" then
    local settings = lookup_settings(options)
    proof.record = "_acme-challenge." .. domain
    if settings then
      proof.record, message = lookup().follow(settings, proof.record)
      if not proof.record then
        return nil, message
      end
    end
    proof.value = codec.base64url(codec.digest("sha256", proof.authorisation))
  elseif offer.type == "http-01" and options.webroot then
    proof.folder = folder_of(options)
  elseif offer.type == "tls-alpn-01" then
    proof.server = authorisation.identifier.type == "ip" and reverse_name(domain) or domain
  end
  return proof, offer.url
end

function challenge.set_up(options, proof)
  return kind_of(proof).set_up(options, proof)
end

-- When all are set up: what their kind does before the CA looks. Returns true, or nil and a message.
function challenge.ready(options, proofs)
  local ready = proofs[1] and kind_of(proofs[1]).ready
  if not ready then
    return true
  end
  return ready(options, proofs)
end

-- Removes what was set up, also by another run. Returns true, or nil and a message.
function challenge.clean_up(options, proof)
  local kind = kind_of(proof)
  if not kind or proof.kind == "dns-01" and not options.dns then
    return nil, ("what was set up for %s is left: %s is no longer configured"):format(proof.domain, proof.kind)
  end
  return kind.clean_up(options, proof)
end

return challenge
