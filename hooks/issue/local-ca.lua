-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- A CA of one's own: a root that clients trust, and an issuing CA below it that signs.
--
-- In the store: local-ca/root and local-ca/issuing hold key and certificate of the two, together in one file each
-- so that no crash can part them; local-ca/root.pem is the root's certificate alone, to be given to clients.
-- The issuing CA is made anew, with a new key, before a certificate would outlive it. The root is made once.
-- local-ca/revoked-SERIAL says when and why a certificate was revoked. Nobody is told: there is no CRL.

local key = require "certauto.key"
local log = require "certauto.log"
local store = require "certauto.store"
local time = require "certauto.time"
local x509 = require "certauto.x509"

local DAY <const> = 86400
local ROOT_LIFETIME <const> = 7300 * DAY
local ISSUING_LIFETIME <const> = 1825 * DAY
local MAX_NAME <const> = 32 -- what follows it still fits a common name

-- Certificates begin a little in the past, for clients whose clocks are behind.
local CA_BACKDATE <const> = 3600
local BACKDATE <const> = 60

-- A word of a subject, with the backslashes that certauto.x509 wants.
local function escape(text)
  return (text:gsub('[,+"\\<>;=#]', "\\%0"))
end

-- Reads a CA. nil without a message: there is none yet.
local function load_ca(name)
  local text, message, code = store.get("local-ca/" .. name)
  if not text then
    return nil, code ~= "not_found" and message or nil
  end
  local ca = { pem = text:match("%-%-%-%-%-BEGIN CERTIFICATE.*$") }
  ca.key, message = key.parse(text)
  if ca.key and ca.pem then
    ca.facts, message = x509.read(ca.pem)
  end
  if not ca.facts then
    return nil, ("store/local-ca/%s: %s"):format(name, message or "no certificate in it")
  end
  return ca
end

-- Makes a CA that is signed by "issuer", or by itself, and keeps it.
local function make_ca(name, settings, issuer)
  local made, message = key.generate("ecdsa-p256")
  if not made then
    return nil, message
  end
  settings.key = issuer and issuer.key or made
  settings.issuer = issuer and issuer.pem
  settings.public_key = made:public()
  settings.ca = true
  local pem
  pem, message = x509.issue(settings)
  if not pem then
    return nil, message
  end
  local text = made:pem() .. pem
  local kept
  kept, message = store.set("local-ca/" .. name, text)
  if not kept then
    return nil, message
  end
  return { key = made, pem = pem, facts = x509.read(pem) }
end

local function make_root(options, now)
  local root, message = make_ca("root", {
    subject = "CN=" .. escape(options.name) .. " root",
    not_before = now - CA_BACKDATE,
    not_after = now + math.max(ROOT_LIFETIME, 4 * options.lifetime),
  })
  if root then
    log.info("made a root CA; clients must trust store/local-ca/root.pem", { fingerprint = root.facts.fingerprint })
  end
  return root, message
end

local function make_issuing(root, options, now)
  local issuing, message = make_ca("issuing", {
    subject = "CN=" .. escape(options.name) .. " issuing " .. time.format(now),
    not_before = math.max(now - CA_BACKDATE, root.facts.not_before),
    not_after = math.min(now + math.max(ISSUING_LIFETIME, 2 * options.lifetime), root.facts.not_after),
    path_length = 0,
  }, root)
  if issuing then
    log.info("made an issuing CA", { fingerprint = issuing.facts.fingerprint })
  end
  return issuing, message
end

-- The issuing CA below this root, if it lives as long as a certificate that ends at "finish".
local function usable(issuing, root, finish)
  return issuing and issuing.facts.issuer == root.facts.subject and issuing.facts.not_after >= finish
    and x509.check_chain(issuing.pem, "", { trust = root.pem }) ~= nil
end

-- Reads what there is. Two values are nil without a message where something is missing.
local function load_both()
  local root, message = load_ca("root")
  if not root then
    return nil, nil, message
  end
  local issuing
  issuing, message = load_ca("issuing")
  return root, issuing, message
end

-- Makes what is missing. Of several workers that start together one makes it; the others find it made.
local function make_missing(options, finish)
  local lock <close>, message = store.lock("local-ca/lock")
  if not lock then
    return nil, message
  end
  local root, issuing
  root, issuing, message = load_both()
  if message then
    return nil, message
  end
  if not root then
    root, message = make_root(options, time.now())
    if not root then
      return nil, message
    end
  end
  local published
  published, message = store.set("local-ca/root.pem", root.pem)
  if not published then
    return nil, message
  end
  if root.facts.not_after < finish then
    return nil, ("the root CA ends at %s, before the certificate would; for a new one move store/local-ca away "
      .. "and give its root.pem to the clients"):format(time.format(root.facts.not_after)), { permanent = true }
  end
  if not usable(issuing, root, finish) then
    issuing, message = make_issuing(root, options, time.now())
  end
  return issuing, message
end

-- The issuing CA that can sign a certificate which ends at "finish".
local function issuing_ca(options, finish)
  local root, issuing, message = load_both()
  if message then
    return nil, message
  end
  if root and usable(issuing, root, finish) and store.get("local-ca/root.pem") == root.pem then
    return issuing
  end
  return make_missing(options, finish)
end

local function issue(request)
  local options = request.options
  if options.lifetime < 1 then
    return nil, "lifetime must be at least one second", { permanent = true }
  elseif #options.name > MAX_NAME or options.name:find("%c") then
    return nil, ("name must be text of at most %d bytes"):format(MAX_NAME), { permanent = true }
  end
  local asked, message = x509.read_request(request.csr)
  if not asked then
    return nil, message
  end
  local start = time.now() - math.min(BACKDATE, options.lifetime // 10)
  local finish = start + options.lifetime
  local ca, details
  ca, message, details = issuing_ca(options, finish)
  if not ca then
    return nil, message, details
  end
  local certificate
  certificate, message = x509.issue {
    key = ca.key,
    issuer = ca.pem,
    public_key = asked.public_key,
    subject = asked.subject,
    names = asked.names,
    usage = #asked.usage > 0 and asked.usage or { "server" },
    not_before = start,
    not_after = finish,
  }
  if not certificate then
    return nil, message
  end
  return { certificate = certificate, chain = ca.pem }
end

-- Only a certificate of this CA. One that was revoked before stays as it was noted then.
local function revoke(request)
  local root, message = load_ca("root")
  if not root then
    return nil, message or "there is no CA here that could have issued it", { permanent = true }
  end
  local facts
  facts, message = x509.read(request.certificate)
  if not facts then
    return nil, message
  end
  local chain
  chain, message = x509.check_chain(request.certificate, request.previous.chain, { trust = root.pem })
  if not chain then
    return nil, "it is not of this CA: " .. message, { permanent = true }
  end
  local name = "local-ca/revoked-" .. facts.serial
  local lock <close>, failure = store.lock("local-ca/lock")
  if not lock then
    return nil, failure
  elseif store.get(name) then
    return true
  end
  log.warning("a revocation is noted in the store only: there is no CRL, so those who trust the CA go on trusting it",
    { serial = facts.serial })
  return store.set(name, ("%s %s\n"):format(time.format(time.now()), request.reason))
end

return {
  api = 1,
  doc = "A CA of one's own, kept in store/local-ca; clients must trust its store/local-ca/root.pem.",
  options = {
    {
      name = "lifetime",
      type = "duration",
      default = "90d",
      doc = "How long certificates live, from a second on.",
    },
    {
      name = "name",
      type = "string",
      default = "certauto local CA",
      doc = "What the CA is called when it is first made, at most 32 bytes; one that is there keeps its name.",
    },
  },
  issue = issue,
  -- Its store is one of its own, so this is another CA.
  rehearse = issue,
  revoke = revoke,
}
