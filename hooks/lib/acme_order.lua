-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Orders (RFC 8555 section 7.4): made, proved, finalised and fetched; a run that died goes on with the order it made.
--
-- In the store, "acme/orders/NAME" is the note of a certificate's order, JSON: whose it is ("ca", "account", "names",
-- "key", "profile"), its address "order", the "proofs" that are set up, "pending" when the engine has its cookie, and
-- when the certificate was handed over "fingerprint" and "attempt". It stays until the next order, which names the
-- certificate that it replaces; "before" is the fingerprint of that one until there is a new one.

local acme = require "lib.acme"
local ari = require "lib.acme_ari"
local challenge = require "lib.acme_challenge"
local codec = require "certauto.codec"
local fs = require "certauto.fs"
local http = require "certauto.http"
local jose = require "lib.jose"
local json = require "certauto.json"
local log = require "certauto.log"
local store = require "certauto.store"
local x509 = require "certauto.x509"

local order = {}

-- RFC 5280 section 5.3.1, by the words that people use.
local REASONS = { unspecified = 0, keycompromise = 1, cacompromise = 2, affiliationchanged = 3, superseded = 4,
  cessationofoperation = 5, certificatehold = 6, removefromcrl = 8, privilegewithdrawn = 9, aacompromise = 10 }

local MOST_CHAINS <const> = 8
local MOST_BUNDLE <const> = 16 * 1024 * 1024

-- ---- The note

local function note_key(request)
  return "acme/orders/" .. request.name
end

local function load_note(request)
  local note = json.decode(store.get(note_key(request)) or "")
  return type(note) == "table" and note or {}
end

local function keep_note(request, note)
  local done, message = store.set(note_key(request), assert(json.encode(note)))
  return done, message and acme.fault(message)
end

-- Whose order it is: only the same names with the same key at the same CA go on with it.
local function mark_of(client, request)
  local asked, message = x509.read_request(request.csr, { verify = false })
  if not asked then
    return nil, acme.fault(message)
  end
  local names = table.move(request.names, 1, #request.names, 1, {})
  table.sort(names)
  return {
    ca = client.folder,
    account = client.kid,
    names = table.concat(names, " "),
    key = codec.hex(codec.digest("sha256", asked.public_key)),
    profile = request.options.certificate_profile or "",
  }
end

local function is_same(note, mark)
  for field, value in pairs(mark) do
    if note[field] ~= value then
      return false
    end
  end
  return type(note.order) == "string"
end

-- Removes what is set up. What cannot be removed is told and no failure: the certificate is what counts.
local function clean_up(client, request, note)
  for _, proof in ipairs(note.proofs or {}) do
    local fine, done, message = pcall(challenge.clean_up, client.options, proof)
    if not fine or not done then
      log.warning("a challenge could not be removed: " .. tostring(fine and message or done))
    end
  end
  note.proofs = json.array {}
  return keep_note(request, note)
end

-- ---- Making one

local function identifiers(names)
  local list = json.array {}
  for index, name in ipairs(names) do
    if name:find("^%a+:.*@") or name:find("^uri:") then
      return nil, acme.fault(("an ACME CA has no certificates for '%s'"):format(name), { permanent = true })
    end
    local is_address = name:find(":", 1, true) or name:find("^%d+%.%d+%.%d+%.%d+$")
    list[index] = { type = is_address and "ip" or "dns", value = name }
  end
  return list
end

local function check_profile(client, profile)
  local offered = client.meta.profiles
  if not profile or type(offered) == "table" and offered[profile] ~= nil then
    return true
  end
  local names = {}
  for name in pairs(type(offered) == "table" and offered or {}) do
    names[#names + 1] = tostring(name):sub(1, 64)
  end
  table.sort(names)
  acme.forget_directory(client)
  return nil, acme.fault(("the CA has no certificate_profile '%s', only: %s"):format(profile,
    #names > 0 and table.concat(names, ", ") or "none at all"), { permanent = true })
end

-- Whether an order without "replaces" may do better: the CA does not know what is replaced, or it was already, or
-- stumbles over it (Pebble does over one serial number in sixteen). It only spares us rate limits.
local function minds_replaces(fault)
  return fault.status == 409 or fault.status == 404 or fault.type == "malformed" or fault.type == "unauthorized"
    or fault.type == "serverInternal"
end

local function make(client, request, replaces)
  local list, fault = identifiers(request.names)
  if not list then
    return nil, fault
  end
  local fine
  fine, fault = check_profile(client, request.options.certificate_profile)
  if not fine then
    return nil, fault
  end
  local payload = { identifiers = list, profile = request.options.certificate_profile, replaces = replaces }
  local made, answer = acme.ask(client, client.directory.newOrder, payload, "the order")
  if not made then
    if replaces and minds_replaces(answer) then
      log.info("the CA takes no replacement; ordering without: " .. answer.message)
      return make(client, request)
    end
    return nil, answer
  elseif type(answer.headers.location) ~= "string" then
    return nil, acme.fault("the CA made an order without an address")
  end
  made.url = answer.headers.location
  return made
end

local function read(client, url)
  local found, answer = acme.ask(client, url, nil, "a look at the order")
  if found then
    found.url = url
  end
  return found, answer
end

-- The order that a run before this one made, if it can still come to something. nil without a fault: there is none.
local function resume(client, request, note, mark)
  if not is_same(note, mark) or note.pending and not request.cookie then
    -- Without its cookie a pending order was dropped.
    return nil
  elseif note.fingerprint then
    -- It was handed over. It is kept by now, or the engine has refused it: only a crash in between asks for it again.
    local previous = request.previous and x509.read(request.previous.certificate)
    if previous and previous.fingerprint == note.fingerprint or request.attempt > (note.attempt or 0) then
      return nil
    end
  end
  local found, fault = read(client, note.order)
  if found and (found.status == "pending" or found.status == "ready" or found.status == "processing"
    or found.status == "valid") then
    return found
  elseif not found and not (fault.status == 404 or fault.status == 403 or fault.status == 401
    or fault.type == "malformed") then
    return nil, fault
  end
  return nil
end

-- The order to work on, its note kept.
local function obtain(client, request, note)
  local mark, fault = mark_of(client, request)
  if not mark then
    return nil, nil, fault
  end
  local found
  if request.cookie and note.order ~= request.cookie then
    note = mark
    note.order, note.proofs = request.cookie, json.array {}
  end
  found, fault = resume(client, request, note, mark)
  if found or fault then
    return found, note, fault
  end
  found, fault = make(client, request, ari.replaced(client, request, note))
  if not found then
    return nil, nil, fault
  end
  mark.order, mark.proofs = found.url, json.array {}
  mark.before = note.account == mark.account and (note.fingerprint or note.before) or nil
  local done
  done, fault = keep_note(request, mark)
  return done and found, mark, fault
end

-- ---- Proving

local function name_of(authorisation)
  local identifier = authorisation.identifier
  return (authorisation.wildcard and "*." or "") .. identifier.value
end

local function read_authorisation(client, url)
  local found, answer = acme.ask(client, url, nil, "a look at an authorisation")
  if found and not (type(found.identifier) == "table" and type(found.identifier.value) == "string"
    and type(found.status) == "string") then
    return nil, acme.fault("the CA's authorisation has no name or no status")
  end
  return found, answer
end

-- Why an authorisation failed: what the CA says of the challenge that it tried.
local function failure_of(found)
  for _, tried in ipairs(type(found.challenges) == "table" and found.challenges or {}) do
    if type(tried) == "table" and type(tried.error) == "table" then
      local kind = type(tried.error.type) == "string" and tried.error.type:match("[^:]*$") or ""
      return ("%s: %s"):format(name_of(found), acme.describe(tried.error)),
        kind ~= "unauthorized" and acme.is_permanent(kind)
    end
  end
  return ("%s: its authorisation is %s"):format(name_of(found), found.status), false
end

-- The sentence for an order that failed, which names each name that did.
local function order_failure(client, found)
  local parts, permanent = {}, false
  for _, url in ipairs(type(found.authorizations) == "table" and found.authorizations or {}) do
    local authorisation = read_authorisation(client, url)
    if authorisation and authorisation.status ~= "valid" and authorisation.status ~= "pending" and #parts < 10 then
      local text, final = failure_of(authorisation)
      parts[#parts + 1], permanent = text, permanent or final
    end
  end
  if #parts == 0 then
    parts[1] = type(found.error) == "table" and acme.describe(found.error) or "no reason given"
  end
  return acme.fault("the CA rejected the order: " .. table.concat(parts, "; "),
    { permanent = permanent or nil, final = true })
end

-- The challenges that are to be answered: a list of proofs, each with the address "url" beside it. An authorisation
-- that is valid already is passed over.
local function collect(client, found)
  local proofs, urls, thumbprint = json.array {}, {}, jose.thumbprint(client.key)
  for _, url in ipairs(found.authorizations) do
    local authorisation, fault = read_authorisation(client, url)
    if not authorisation then
      return nil, fault
    elseif authorisation.status == "pending" then
      local proof, where = challenge.prove(client.options, authorisation, thumbprint)
      if not proof then
        return nil, acme.fault(("%s: %s"):format(name_of(authorisation), where), { permanent = true })
      end
      proofs[#proofs + 1], urls[#urls + 1] = proof, where
    elseif authorisation.status ~= "valid" then
      return nil, order_failure(client, found)
    end
  end
  return proofs, urls
end

-- Waits until the CA has gone on from this state of the order. Returns the order, or nil and a fault; with "pending"
-- set the fault is that it takes longer than this call can wait.
local function wait_while(client, found, answer, status)
  local tries = 0
  while found.status == status do
    local waited, wait = acme.pause(answer, tries)
    if not waited then
      return nil, acme.fault(("the CA takes its time: the order is still %s"):format(status),
        { pending = true, wait = wait })
    end
    local url = found.url
    found, answer = read(client, url)
    if not found then
      return nil, answer
    end
    tries = tries + 1
  end
  return found
end

-- Sets all proofs up, then answers them together, then waits for the verdict.
local function answer_all(client, found, proofs, urls)
  for _, proof in ipairs(proofs) do
    local done, message, details = challenge.set_up(client.options, proof)
    if not done then
      return nil, acme.fault(("%s: %s"):format(proof.domain, message),
        details and { wait = details.wait, permanent = details.permanent })
    end
  end
  local ready, why = challenge.ready(client.options, proofs)
  if not ready then
    return nil, acme.fault(why)
  end
  local answer, fault
  for index, url in ipairs(urls) do
    answer, fault = acme.post(client, url, {}, "the challenge of " .. proofs[index].domain)
    if not answer then
      return nil, fault
    end
  end
  if not answer then
    return read(client, found.url)
  end
  found, fault = wait_while(client, found, answer, "pending")
  -- The proofs go when this call ends, so that what comes later is no validation.
  if fault and fault.pending then
    fault = acme.fault("the CA has not looked at the challenges in time", { wait = fault.wait })
  end
  return found, fault
end

local function prove(client, request, note, found)
  if type(found.authorizations) ~= "table" or #found.authorizations == 0 then
    return nil, acme.fault("the CA's order has no authorisations")
  end
  local proofs, urls = collect(client, found)
  if not proofs then
    return nil, urls
  end
  note.proofs = proofs
  local done, fault = keep_note(request, note)
  if not done then
    return nil, fault
  end
  -- Also what raises half way, as at the deadline, is removed.
  local guard <close> = setmetatable({}, { __close = function()
    clean_up(client, request, note)
  end })
  return answer_all(guard and client, found, proofs, urls)
end

-- ---- Finalising

-- The first block of PEM text as base64url, which is how ACME carries it; nil when there is none.
local function carried(pem)
  local body = pem:match("BEGIN [%u ]+%-+(.-)%-+END")
  local der = body and codec.unbase64(body)
  return der and codec.base64url(der)
end

local function finalise(client, request, found)
  local url = found.url
  local done, answer = acme.ask(client, found.finalize, { csr = carried(request.csr) }, "the certificate request")
  if not done then
    return nil, answer
  end
  done.url = url
  return done, answer
end

-- ---- Fetching

local function alternates(answer)
  local list = {}
  for link, relation in (answer.headers.link or ""):gmatch("<([^<>]*)>([^<]*)") do
    if relation:find('rel="?alternate"?') and #list < MOST_CHAINS then
      list[#list + 1] = link
    end
  end
  return list
end

-- The CA certificate with this fingerprint among those that this machine trusts, as PEM; nil when there is none.
local function trusted_root(client, print)
  local bundle = client.trust or fs.read(http.bundle() or "", MOST_BUNDLE) or ""
  for pem, body in bundle:gmatch("(%-+BEGIN CERTIFICATE%-+(.-)%-+END CERTIFICATE%-+)") do
    local der = codec.unbase64(body)
    if der and codec.hex(codec.digest("sha256", der)) == print then
      return pem
    end
  end
  return nil
end

-- What says of a chain whether it leads to the preferred root: by the name of the issuer of its last certificate, or
-- by the fingerprint of the root, or of any issuer that the CA sends along.
local function preference(client, wanted)
  local print = wanted:gsub(":", ""):lower()
  local root = print:find("^%x+$") and #print == 64 and trusted_root(client, print)
  return function(chain)
    if root and x509.check_chain(chain[1], table.concat(chain, "", 2), { trust = root }) then
      return true
    end
    local last
    for index, pem in ipairs(chain) do
      last = x509.read(pem)
      if not last then
        return false
      elseif index > 1 and last.fingerprint == print then
        return true
      end
    end
    return last.issuer == wanted or ("," .. last.issuer .. ","):find(",CN=" .. wanted .. ",", 1, true) ~= nil
  end
end

local function fetch_chain(client, url)
  local answer, fault = acme.post(client, url, nil, "the certificate")
  if not answer then
    return nil, fault
  end
  local chain, message = x509.split(answer.body)
  if not chain then
    return nil, acme.fault("what the CA gave as the certificate is none: " .. message)
  end
  return chain, answer
end

-- The chain to take: the CA's own choice unless an alternate is preferred.
local function fetch(client, found)
  local chain, answer = fetch_chain(client, found.certificate)
  local wanted = client.options.preferred_chain
  local is_preferred = chain and wanted and preference(client, wanted)
  if not is_preferred or is_preferred(chain) then
    return chain, answer
  end
  for _, link in ipairs(alternates(answer)) do
    local other, fault = fetch_chain(client, link)
    if not other then
      return nil, fault
    elseif is_preferred(other) then
      return other
    end
  end
  log.warning(("the CA has no chain to '%s'; its own choice is taken"):format(wanted))
  return chain
end

local function hand_over(client, request, note, found)
  local chain, fault = fetch(client, found)
  if not chain then
    return nil, fault
  end
  local facts = x509.read(chain[1])
  note.fingerprint, note.attempt = facts.fingerprint, request.attempt
  local done
  done, fault = keep_note(request, note)
  return done and { certificate = chain[1], chain = table.concat(chain, "", 2) }, fault
end

-- Takes an order from wherever it is to its end.
local function complete(client, request, note, found)
  local answer, fault
  if found.status == "pending" then
    found, fault = prove(client, request, note, found)
    if not found then
      return nil, fault
    end
  end
  if found.status == "ready" then
    found, answer = finalise(client, request, found)
    if not found then
      return nil, answer
    end
  end
  if found.status == "processing" then
    found, fault = wait_while(client, found, answer or { headers = {} }, "processing")
    if not found then
      return nil, fault
    end
  end
  if found.status == "invalid" then
    return nil, order_failure(client, found)
  elseif found.status ~= "valid" or type(found.certificate) ~= "string" then
    return nil, acme.fault("the CA's order is in no state that ACME knows")
  end
  return hand_over(client, request, note, found)
end

-- Gets the certificate of a request. Returns what an issue hook returns, or nil and a fault.
function order.issue(client, request)
  local lock <close>, message = store.lock(note_key(request))
  if not lock then
    return nil, acme.fault(message)
  end
  local note = load_note(request)
  if note.proofs and #note.proofs > 0 then
    clean_up(client, request, note)
  end
  local found, fault
  found, note, fault = obtain(client, request, note)
  if not found then
    return nil, fault
  end
  local issued
  issued, fault = complete(client, request, note, found)
  if not issued and fault.pending then
    note.pending = true
    local done
    done, message = keep_note(request, note)
    return done and { pending = true, wait = fault.wait, cookie = note.order }, message
  elseif not issued and (fault.final or fault.permanent) then
    -- Nothing comes of this order any more, whatever its state says.
    note.order = nil
    keep_note(request, note)
  end
  return issued, fault
end

-- ---- Revoking

local function reason_code(reason)
  if math.type(reason) == "integer" then
    return reason
  end
  return REASONS[(tostring(reason or "unspecified"):lower():gsub("[^%a]", ""))]
end

local function revocation(certificate, reason)
  local code, der = reason_code(reason), carried(certificate)
  if not code or not der then
    return nil, acme.fault(code and "the certificate is not PEM" or ("'%s' is no reason to revoke"):format(reason))
  end
  return { certificate = der, reason = code }
end

-- What is revoked is what was asked for.
local function is_revoked(answer, fault)
  if answer or fault.type == "alreadyRevoked" then
    return true
  end
  return nil, fault
end

-- Revokes a certificate. Returns true, or nil and a fault.
function order.revoke(client, certificate, reason)
  local payload, fault = revocation(certificate, reason)
  if not payload then
    return nil, fault
  end
  return is_revoked(acme.post(client, client.directory.revokeCert, payload, "the revocation"))
end

-- The same by the certificate's own key (RFC 8555 section 7.6), which the engine has: returns also a table with what is
-- to be signed, for the next call to have it signed.
function order.revoke_by_own_key(client, request)
  local url = client.directory.revokeCert
  if request.signature then
    local answer, fault = acme.deliver(client, url, request.signing_input, request.signature, "the revocation")
    if answer or fault.type ~= "badNonce" then
      return is_revoked(answer, fault)
    end
  end
  local payload, fault = revocation(request.certificate, request.reason)
  local input
  if payload then
    input, fault = acme.prepare(client, url, payload, request.jwk, "the revocation")
  end
  return input and { sign = input }, fault
end

return order
