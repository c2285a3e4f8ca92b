-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- The account at a CA: its key is on disk before the CA hears of it, so that no crash makes a second account.
--
-- In the store, in the CA's folder: "account", JSON with the key, the account's address ("kid") once it is known, the
-- contacts that the CA has, and while the key is changed the "next" one.

local acme = require "lib.acme"
local codec = require "certauto.codec"
local jose = require "lib.jose"
local json = require "certauto.json"
local key = require "certauto.key"
local log = require "certauto.log"
local store = require "certauto.store"

local account = {}

-- What the command account takes of one fact.
local MAX_FACT = 4096

local function load_kept(client)
  local text, message, code = store.get(client.folder .. "account")
  if not text then
    if code == "not_found" then
      return {}
    end
    return nil, acme.fault(message)
  end
  local kept = json.decode(text)
  local parsed = type(kept) == "table" and type(kept.key) == "string" and key.parse(kept.key)
  if not parsed then
    return nil, acme.fault(("store/%saccount cannot be read; move it away for a new account"):format(client.folder))
  end
  return kept
end

local function keep(client, kept)
  local done, message = store.set(client.folder .. "account", assert(json.encode(kept)))
  return done, message and acme.fault(message)
end

local function contacts(client)
  local list = {}
  for index, contact in ipairs(client.options.contact or {}) do
    list[index] = contact:find("^%a+:") and contact or "mailto:" .. contact
  end
  return json.array(list)
end

-- What the CA needs to make an account. Returns the payload, or nil and a fault.
local function application(client)
  local options, meta = client.options, client.meta
  local payload = { contact = #contacts(client) > 0 and contacts(client) or nil }
  if options.only_existing then
    payload.onlyReturnExisting = true
    return payload
  end
  if type(meta.termsOfService) == "string" then
    if not options.terms_agreed then
      return nil, acme.fault(("the CA's terms of service are to be agreed to by terms_agreed = yes: %s")
        :format(meta.termsOfService:sub(1, 300)), { permanent = true })
    end
    payload.termsOfServiceAgreed = true
  end
  if options.eab_kid then
    local secret = options.eab_key and codec.unbase64url((options.eab_key:gsub("=+$", "")))
    if not secret then
      return nil, acme.fault("eab_key is to be the base64url text that the CA gave with eab_kid", { permanent = true })
    end
    payload.externalAccountBinding = jose.bind(client.key, client.directory.newAccount, options.eab_kid, secret)
  elseif meta.externalAccountRequired == true then
    return nil, acme.fault("the CA makes accounts only for its customers: eab_kid and eab_key are needed",
      { permanent = true })
  end
  return payload
end

-- Asks for the account of the client's key, which the CA makes unless it has one.
local function register(client, kept)
  local payload, unfit = application(client)
  if not payload then
    return nil, unfit
  end
  local answer, fault = acme.post(client, client.directory.newAccount, payload, "an account", { key = client.key })
  if not answer then
    return nil, fault
  end
  local kid = answer.headers.location
  if not kid then
    return nil, acme.fault("the CA made an account without an address")
  end
  -- An account that was there already keeps its contacts; they are sent by the next call.
  kept.kid, kept.contact = kid, answer.status == 201 and payload.contact or nil
  if answer.status == 201 then
    log.info("made an account", { account = kid })
  end
  return keep(client, kept)
end

-- A change of the key that was cut short: whether the CA already has the next one is for it to say.
local function settle(client, kept)
  local next_key = key.parse(kept.next)
  if not next_key then
    kept.next = nil
    return keep(client, kept)
  end
  local answer, fault = acme.post(client, client.directory.newAccount, { onlyReturnExisting = true },
    "the account of the changed key", { key = next_key })
  if answer then
    kept.key, client.key = kept.next, next_key
  elseif fault.type ~= "accountDoesNotExist" then
    return nil, fault
  end
  kept.next = nil
  return keep(client, kept)
end

-- Tells the CA of contacts that have changed in the configuration.
local function update(client, kept)
  local wanted = contacts(client)
  if client.options.only_existing or table.concat(kept.contact or {}, "\n") == table.concat(wanted, "\n") then
    return true
  end
  local answer, fault = acme.post(client, client.kid, { contact = wanted }, "the account's contacts")
  if not answer then
    return nil, fault
  end
  kept.contact = wanted
  return keep(client, kept)
end

local function prepare(client)
  local lock <close>, message = store.lock(client.folder .. "account")
  if not lock then
    return nil, acme.fault(message)
  end
  local kept, fault = load_kept(client)
  local done = true
  if kept and not kept.key then
    kept.key = assert(key.generate(client.options.account_key)):pem()
    done, fault = keep(client, kept)
  end
  if not kept or not done then
    return nil, fault
  end
  client.key = key.parse(kept.key)
  if kept.next then
    done, fault = settle(client, kept)
  end
  if done and not kept.kid then
    done, fault = register(client, kept)
  end
  client.kid = kept.kid
  if done then
    done, fault = update(client, kept)
  end
  return done and kept, fault
end

-- Whether there is an account here, or something in its place that cannot be read.
function account.is_kept(client)
  local kept = load_kept(client)
  return not kept or kept.key ~= nil
end

-- Gives the client its account, which is made when there is none. Returns true, or nil and a fault.
function account.open(client)
  local kept, fault = prepare(client)
  if kept then
    return true
  end
  if fault.type == "accountDoesNotExist" and client.kid and not client.options.only_existing then
    return account.renew(client)
  end
  return nil, fault
end

-- For an account that the CA no longer knows: asks for one with the same key.
function account.renew(client)
  do
    local lock <close>, message = store.lock(client.folder .. "account")
    if not lock then
      return nil, acme.fault(message)
    end
    local kept, fault = load_kept(client)
    if not kept then
      return nil, fault
    end
    log.warning("the CA does not know the account; it is asked for a new one", { account = kept.kid })
    kept.kid = nil
    local done
    done, fault = keep(client, kept)
    if not done then
      return nil, fault
    end
  end
  local kept, fault = prepare(client)
  return kept and true, fault
end

-- Changes the account's key (RFC 8555 section 7.3.5).
local function roll_over(client, kept)
  local url = client.directory.keyChange
  if type(url) ~= "string" then
    return nil, acme.fault("the CA does not change the keys of accounts", { permanent = true })
  end
  local next_key = assert(key.generate(client.options.account_key))
  kept.next = next_key:pem()
  local done, fault = keep(client, kept)
  if not done then
    return nil, fault
  end
  local inner = jose.sign(next_key, { url = url }, nil,
    assert(json.encode { account = client.kid, oldKey = json.decode(client.key:jwk()) }))
  local answer
  answer, fault = acme.post(client, url, json.decode(inner), "the change of the account's key")
  if not answer then
    return nil, fault
  end
  kept.key, kept.next = kept.next, nil
  return keep(client, kept)
end

local function deactivate(client)
  local answer, fault = acme.post(client, client.kid, { status = "deactivated" }, "the end of the account")
  if not answer then
    return nil, fault
  end
  local done, message = store.delete(client.folder .. "account")
  return done, message and acme.fault(message)
end

-- What the CA says of the account: facts for a person.
local function show(client)
  local told, fault = acme.ask(client, client.kid, nil, "the account")
  if not told then
    return nil, fault
  end
  local contact = type(told.contact) == "table" and told.contact or {}
  for index, one in ipairs(contact) do
    contact[index] = tostring(one)
  end
  return {
    url = client.kid,
    status = type(told.status) == "string" and told.status or nil,
    contact = #contact > 0 and table.concat(contact, ", "):sub(1, MAX_FACT) or nil,
    directory = client.options.directory,
    key_type = client.key:type(),
  }
end

-- "show", "roll-over" or "deactivate"; an account that is not there yet is made. Returns the facts of the one that is
-- shown, else true; or nil and a fault.
function account.change(client, action)
  local kept, fault = prepare(client)
  if not kept then
    return nil, fault
  end
  local lock <close>, message = store.lock(client.folder .. "account")
  if not lock then
    return nil, acme.fault(message)
  end
  if action == "roll-over" then
    return roll_over(client, kept)
  elseif action == "deactivate" then
    return deactivate(client)
  end
  return show(client)
end

return account
