-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Certificates of any CA that speaks ACME (RFC 8555): Let's Encrypt and its kin, or a CA of the house.

local account = require "lib.acme_account"
local acme = require "lib.acme"
local ari = require "lib.acme_ari"
local challenge = require "lib.acme_challenge"
local order = require "lib.acme_order"

local LETS_ENCRYPT <const> = "https://acme-v02.api.letsencrypt.org/directory"

-- What the engine is told of a fault.
local function tell(fault)
  local details = { wait = fault.wait, permanent = fault.permanent }
  return nil, fault.message, details
end

-- Calls back with a client that has its account. An account that the CA has lost is made again, once.
local function with_account(options, action)
  local client, fault = acme.open(options)
  if not client then
    return tell(fault)
  end
  local done
  done, fault = account.open(client)
  local result
  if done then
    result, fault = action(client)
  end
  if not result and fault.type == "accountDoesNotExist" and done and not options.only_existing then
    done, fault = account.renew(client)
    if done then
      result, fault = action(client)
    end
  end
  if result then
    return result
  end
  return tell(fault)
end

local function issue(request)
  local lack = challenge.lack(request.options)
  if lack then
    return nil, lack, { permanent = true }
  end
  return with_account(request.options, function(client)
    return order.issue(client, request)
  end)
end

-- By an account that is made for it; roots have other names there.
local function rehearse(request)
  local options = request.options
  options.directory = options.staging
    or options.directory == LETS_ENCRYPT and LETS_ENCRYPT:gsub("v02", "staging-v02") or nil
  options.only_existing, options.preferred_chain = false, nil
  if not options.directory then
    return nil, "staging is to be set: no directory for trials is known of this CA"
  elseif options.challenge == "dns-persist-01" then
    return nil, "dns-persist-01 cannot be rehearsed: its record names the account"
  end
  return issue(request)
end

local function renewal_info(request)
  if not request.previous then
    return nil, "there is no certificate to ask about"
  end
  local client, fault = acme.open(request.options)
  local window
  if client then
    window, fault = ari.window(client, request.previous.certificate)
  end
  if window then
    return window
  end
  return tell(fault)
end

-- By the account. By the certificate's own key where there is no account here, for one that was made now could not do
-- it, and where the account may not.
local function revoke(request)
  local client, fault = acme.open(request.options)
  if not client then
    return tell(fault)
  end
  if not request.jwk or account.is_kept(client) and not request.signature then
    return with_account(request.options, function(opened)
      local done, why = order.revoke(opened, request.certificate, request.reason)
      if not done and why.type == "unauthorized" and request.jwk then
        return order.revoke_by_own_key(opened, request)
      end
      return done, why
    end)
  end
  local done
  done, fault = order.revoke_by_own_key(client, request)
  if done then
    return done
  end
  return tell(fault)
end

-- The options and those of the DNS providers that are built in, each as PROVIDER_KEY. Which of them are required, and
-- their defaults, is the provider's to say: only one of them is used. No run but the one that declares loads them all.
local function with_providers(options)
  for _, name in ipairs { "acme-dns", "azure", "cloudflare", "desec", "digitalocean", "exec", "gandi", "gcloud",
    "hetzner", "ovh", "powerdns", "rfc2136", "route53" } do
    for _, option in ipairs(require("lib.dns." .. name).options) do
      options[#options + 1] = { name = name:gsub("%W", "_") .. "_" .. option.name, type = option.type,
        doc = option.doc }
    end
  end
  return options
end

return {
  api = 1,
  doc = "Certificates of a CA that speaks ACME: Let's Encrypt, ZeroSSL, Google, step-ca and others.",
  options = function()
    return with_providers {
      {
        name = "directory",
        type = "url",
        default = LETS_ENCRYPT,
        doc = "Address of the CA's directory; that of Let's Encrypt unless given.",
      },
      { name = "staging", type = "url", doc = "Directory to rehearse with; that of Let's Encrypt is known." },
      { name = "server_ca", type = "path", doc = "PEM file of the CAs to trust when talking to the directory." },
      { name = "contact", type = "list", doc = "Mail addresses, or other URLs, by which the CA reaches you." },
      {
        name = "terms_agreed",
        type = "boolean",
        default = false,
        doc = "You agree to the CA's terms of service.",
      },
      { name = "eab_kid", type = "string", doc = "Key identifier of the external account that the CA gave you." },
      { name = "eab_key", type = "secret", doc = "Key of the external account, base64url." },
      {
        name = "only_existing",
        type = "boolean",
        default = false,
        doc = "Never make an account: the key in the store must have one.",
      },
      {
        name = "account_key",
        type = "enum:ecdsa-p256|ecdsa-p384|rsa-2048|rsa-3072|rsa-4096",
        default = "ecdsa-p256",
        doc = "Type of the account's key when it is made.",
      },
      {
        name = "challenge",
        type = "enum:http-01|tls-alpn-01|dns-01|dns-persist-01",
        default = "http-01",
        doc = "How it is proved that the names are yours.",
      },
      { name = "webroot", type = "path", doc = "http-01: the folder that your web server serves as /." },
      {
        name = "http_listen",
        type = "string",
        doc = "http-01: answer the CA itself, at this PORT or ADDRESS:PORT, instead of webroot.",
      },
      {
        name = "tls_listen",
        type = "string",
        default = "443",
        doc = "tls-alpn-01: answer the CA at this PORT or ADDRESS:PORT.",
      },
      { name = "dns", type = "string", doc = "dns-01: the provider, a file lib/dns/NAME.lua." },
      { name = "dns_options", type = "list", doc = "dns-01: options of the provider, each KEY=VALUE." },
      {
        name = "dns_wait",
        type = "duration",
        default = "2m",
        doc = "dns-01: how long to wait until all servers of the zone serve a record; 0s: not at all.",
      },
      { name = "dns_resolver", type = "string", doc = "dns-01: ADDRESS[:PORT] to ask instead of the system's." },
      {
        name = "preferred_chain",
        type = "string",
        doc = "Name or SHA-256 fingerprint of the root of the chain to take if there are several.",
      },
      { name = "certificate_profile", type = "string", doc = "The CA's profile of certificates, as 'shortlived'." },
    }
  end,
  issue = issue,
  rehearse = rehearse,
  renewal_info = renewal_info,
  revoke = revoke,
  account = function(request)
    local client, fault = acme.open(request.options)
    local done
    if client then
      done, fault = account.change(client, request.action)
    end
    if done then
      return done
    end
    return tell(fault)
  end,
}
