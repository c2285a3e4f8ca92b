-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Challenges: what proves to a CA that a name is ours is set up, and removed again whatever comes.
--
-- Each kind is a pair of functions, set_up(options, proof) and clean_up(options, proof), which return true, or nil and
-- a message. A proof is what is kept in the store until it is removed: strings only, so that the run after a kill can
-- remove it too. clean_up must bear that there is nothing to remove.

local codec = require "certauto.codec"
local fs = require "certauto.fs"

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
    local done
    done, message = provider[action](own, record_of(proof))
    return done, message and ("dns %s: %s"):format(options.dns, message)
  end
end

local dns = { set_up = provide("present"), clean_up = provide("cleanup") }

-- ---- dns-persist-01: a record that stays, made by hand or by those who run the zone

local persistent = {
  set_up = function()
    return true
  end,
  clean_up = function()
    return true
  end,
}

local KINDS = { ["http-01"] = webroot, ["dns-01"] = dns, ["dns-persist-01"] = persistent }

-- ---- From a CA's challenge to a proof

-- What a configuration lacks for its challenge, or nil.
function challenge.lack(options)
  if options.challenge == "http-01" and not options.webroot then
    return "challenge = http-01 needs webroot"
  elseif options.challenge == "dns-01" and not options.dns then
    return "challenge = dns-01 needs dns, the name of a provider"
  elseif options.dns and not options.dns:find("^[%w_][%w_-]*$") then
    return ("dns: '%s' is no name of a provider"):format(options.dns)
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
    proof.record = "_acme-challenge." .. domain
    proof.value = codec.base64url(codec.digest("sha256", proof.authorisation))
  elseif offer.type == "http-01" then
    proof.folder = folder_of(options)
  end
  return proof, offer.url
end

function challenge.set_up(options, proof)
  return KINDS[proof.kind].set_up(options, proof)
end

-- Removes what was set up, also by another run. Returns true, or nil and a message.
function challenge.clean_up(options, proof)
  local kind = KINDS[proof.kind]
  if not kind or proof.kind == "dns-01" and not options.dns then
    return nil, ("what was set up for %s is left: %s is no longer configured"):format(proof.domain, proof.kind)
  end
  return kind.clean_up(options, proof)
end

return challenge
