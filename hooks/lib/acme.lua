-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- The ACME protocol (RFC 8555) as one client of one CA speaks it: directory, nonces, signed requests, problems.
--
-- What fails here returns nil and a fault: a table with "message", a sentence, and where they are known "type" (the
-- last part of the problem's type), "status", "wait" in seconds and "permanent", when asking again will not help.

local codec = require "certauto.codec"
local fs = require "certauto.fs"
local http = require "certauto.http"
local jose = require "lib.jose"
local json = require "certauto.json"
local store = require "certauto.store"
local time = require "certauto.time"

local acme = {}

local DIRECTORY_FRESH <const> = 86400
local NONCE_TRIES <const> = 20 -- one in a million is left of a CA that rejects half of them
local WORDS <const> = 400 -- bytes of a CA's own words in a sentence

-- Problems that are the same tomorrow, unless somebody changes the configuration.
local PERMANENT = {}
for word in ([[malformed rejectedIdentifier unsupportedIdentifier badCSR badPublicKey badSignatureAlgorithm caa
  externalAccountRequired invalidContact unsupportedContact userActionRequired badRevocationReason alreadyRevoked
  invalidProfile unauthorized]]):gmatch("%a+") do
  PERMANENT[word] = true
end

function acme.fault(message, fields)
  local fault = fields or {}
  fault.message = message
  return fault
end

-- ---- Times

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11,
  Dec = 12 }

-- Seconds that a Retry-After asks to wait, whether it is a number or a date; nil without one.
function acme.retry_after(answer)
  local text = answer.headers["retry-after"] or ""
  if text:find("^%d+$") then
    return math.tointeger(tonumber(text:sub(1, 9)))
  end
  local day, month, year, clock = text:match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$")
  local at = MONTHS[month] and time.parse(("%s-%02d-%sT%sZ"):format(year, MONTHS[month], day, clock))
  return at and math.max(0, at - time.now())
end

-- Waits before the next look at what the CA works on: what it asks for, else ever longer. Returns false when there is
-- not enough time left, or so much is asked for that the CA had better be asked by another call.
function acme.pause(answer, tries)
  local wait = acme.retry_after(answer) or 0.1 * 2 ^ math.min(tries, 7)
  if wait > 60 or wait > time.left() * 0.8 then
    return false, math.max(1, math.ceil(wait))
  end
  return time.sleep(math.max(wait, 0.05))
end

-- ---- Problems

-- The last part of a problem's type, "badNonce".
local function problem_type(problem)
  return type(problem.type) == "string" and problem.type:match("[^:/#]*$") or ""
end

local function words_of(problem)
  local detail = type(problem.detail) == "string" and problem.detail or type(problem.title) == "string"
    and problem.title or ""
  local kind = problem_type(problem)
  if detail == "" then
    return kind ~= "" and kind or "no reason given"
  end
  return detail:sub(1, WORDS) .. (kind ~= "" and " (" .. kind .. ")" or "")
end

-- One sentence of a problem document (RFC 7807), with what it says of single names.
function acme.describe(problem)
  local parts = { words_of(problem) }
  for _, sub in ipairs(type(problem.subproblems) == "table" and problem.subproblems or {}) do
    if type(sub) == "table" and #parts <= 10 then
      local name = type(sub.identifier) == "table" and sub.identifier.value
      parts[#parts + 1] = (type(name) == "string" and name:sub(1, 255) .. ": " or "") .. words_of(sub)
    end
  end
  return table.concat(parts, "; ")
end

function acme.is_permanent(kind)
  return PERMANENT[kind] == true
end

-- The fault that an answer with an error status is.
local function fault_of(answer, what)
  local problem = json.decode(answer.body)
  local wait = acme.retry_after(answer)
  if type(problem) ~= "table" or not (problem.type or problem.detail) then
    return acme.fault(("the CA's answer to %s is status %d"):format(what, answer.status),
      { status = answer.status, wait = wait })
  end
  local kind = problem_type(problem)
  local message = ("the CA refused %s: %s"):format(what, acme.describe(problem))
  if kind == "userActionRequired" and type(problem.instance) == "string" then
    message = message .. "; see " .. problem.instance:sub(1, WORDS)
  end
  return acme.fault(message, {
    type = kind,
    status = answer.status,
    wait = wait or kind == "rateLimited" and 3600 or nil,
    permanent = acme.is_permanent(kind) or nil,
  })
end

-- ---- Requests

-- One request on the connection that is kept. Every answer may bring a nonce.
local function send(client, settings, what)
  -- Time is left to say what was wrong, and to clean up.
  settings.trust, settings.timeout = client.trust, math.min(60, time.left() * 0.8)
  local answer, message = http.request(settings)
  if not answer then
    return nil, acme.fault(("%s: %s"):format(what, message))
  end
  local nonce = answer.headers["replay-nonce"]
  client.nonce = nonce and nonce:match("^[%w_-]+$") or client.nonce
  return answer
end

local function take_nonce(client)
  if not client.nonce then
    local answer, fault = send(client, { url = client.directory.newNonce, method = "HEAD" }, "a nonce")
    if not answer then
      return nil, fault
    elseif not client.nonce then
      return nil, acme.fault(("the CA gave no nonce at %s (status %d)"):format(client.directory.newNonce,
        answer.status))
    end
  end
  local nonce = client.nonce
  client.nonce = nil
  return nonce
end

-- Sends one signed request. Returns the answer, or nil and a fault.
local function post_once(client, url, body, what)
  local answer, fault = send(client, {
    url = url,
    method = "POST",
    headers = { ["Content-Type"] = "application/jose+json" },
    body = body,
  }, what)
  if answer and answer.status >= 300 then
    return nil, fault_of(answer, what)
  end
  return answer, fault
end

local function check_address(url, what)
  if type(url) ~= "string" or not url:find("^https?://") then
    return nil, acme.fault(("the CA gave no address for %s"):format(what))
  end
  return true
end

-- Sends a signed request and returns the answer. "payload" is a table, or nil to read (POST-as-GET). "what" is what
-- is asked, for sentences. Fields of "settings", which may be left out: key and kid instead of the account's.
function acme.post(client, url, payload, what, settings)
  local key, kid = client.key, client.kid
  if settings then
    key, kid = settings.key, settings.kid
  end
  local good, unfit = check_address(url, what)
  if not good then
    return nil, unfit
  end
  local text = payload and assert(json.encode(payload)) or ""
  local answer, fault
  for _ = 1, NONCE_TRIES do
    local nonce
    nonce, fault = take_nonce(client)
    if not nonce then
      return nil, fault
    end
    answer, fault = post_once(client, url, jose.sign(key, { url = url, nonce = nonce }, kid, text), what)
    if answer or fault.type ~= "badNonce" then
      return answer, fault
    end
  end
  return nil, fault
end

-- A request that a key is to sign which is not ours to use: its public part is known, JSON text. Returns what is to be
-- signed, or nil and a fault.
function acme.prepare(client, url, payload, jwk, what)
  local good, fault = check_address(url, what)
  local nonce
  if good then
    nonce, fault = take_nonce(client)
  end
  if not nonce then
    return nil, fault
  end
  return jose.input(jwk, { url = url, nonce = nonce }, assert(json.encode(payload)))
end

-- Sends it, signed. Returns the answer, or nil and a fault.
function acme.deliver(client, url, input, signature, what)
  return post_once(client, url, jose.complete(input, signature), what)
end

-- The same for an answer that is a JSON object; returns it and the answer.
function acme.ask(client, url, payload, what, settings)
  local answer, fault = acme.post(client, url, payload, what, settings)
  if not answer then
    return nil, fault
  end
  local value = json.decode(answer.body)
  if type(value) ~= "table" then
    return nil, acme.fault(("the CA's answer to %s is no JSON object"):format(what))
  end
  return value, answer
end

-- ---- The directory

-- The folder of a CA in the store. An external account is an account of its own.
local function folder_of(options)
  local digest = codec.hex(codec.digest("sha256", options.directory .. "\0" .. (options.eab_kid or "")))
  local host = options.directory:match("^%a+://([^/]+)"):gsub("[^%w.-]", "_"):gsub("^[.-]+", "")
  return ("acme/%s-%s/"):format(host:sub(1, 80), digest:sub(1, 8))
end

local function is_directory(value)
  return type(value) == "table" and type(value.newNonce) == "string" and type(value.newAccount) == "string"
    and type(value.newOrder) == "string"
end

-- What was kept of the directory, if it is fresh and of this address.
local function kept_directory(client)
  local kept = json.decode(store.get(client.folder .. "directory") or "")
  local age = type(kept) == "table" and math.type(kept.fetched) == "integer" and time.now() - kept.fetched
  if age and age >= 0 and age < DIRECTORY_FRESH and is_directory(kept.directory) then
    return kept.directory
  end
  return nil
end

-- Reads the directory anew. Not being able to keep it is no failure: it is read again.
local function fetch_directory(client)
  local answer, fault = send(client, { url = client.options.directory }, "the CA's directory")
  if not answer then
    return nil, fault
  elseif answer.status ~= 200 then
    return nil, fault_of(answer, "the question for its directory")
  end
  local directory = json.decode(answer.body)
  if not is_directory(directory) then
    return nil, acme.fault(("%s is no ACME directory"):format(answer.url))
  end
  store.set(client.folder .. "directory", assert(json.encode { fetched = time.now(), directory = directory }))
  return directory
end

-- Forgets what was kept, so that the next run sees what the CA has changed.
function acme.forget_directory(client)
  store.delete(client.folder .. "directory")
end

-- A client for the CA of these options.
function acme.open(options)
  local client = { options = options, folder = folder_of(options) }
  if options.server_ca then
    local message
    client.trust, message = fs.read(options.server_ca)
    if not client.trust then
      return nil, acme.fault("server_ca: " .. message)
    end
  end
  local fault
  client.directory = kept_directory(client)
  if not client.directory then
    client.directory, fault = fetch_directory(client)
  end
  if not client.directory then
    return nil, fault
  end
  local meta = client.directory.meta
  client.meta = type(meta) == "table" and meta or {}
  return client
end

-- Reads without a signature, as renewal information is.
function acme.get(client, url, what)
  local answer, fault = send(client, { url = url }, what)
  if answer and answer.status ~= 200 then
    return nil, fault_of(answer, what)
  end
  return answer, fault
end

return acme
