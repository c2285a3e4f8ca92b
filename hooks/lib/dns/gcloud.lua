-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records at Google Cloud DNS, by its API version 1, which replaces whole sets and takes tokens of a service account,
-- asked for by a signed assertion (RFC 7523).

local codec = require "certauto.codec"
local dns = require "lib.dns"
local json = require "certauto.json"
local key = require "certauto.key"
local time = require "certauto.time"

-- By the text of the key, for this process only.
local tokens = {}

local function part(fields)
  return codec.base64url(json.encode(fields))
end

local function log_in(options)
  local text, now, account = options.key, time.now(), json.decode(options.key)
  account = type(account) == "table" and account or {}
  local url = options.token_url or account.token_uri or "https://oauth2.googleapis.com/token"
  local own = key.parse(tostring(account.private_key))
  options.project = options.project or account.project_id
  -- What the key says goes nowhere without TLS, and nowhere else in the API.
  if not own or not options.token_url and not tostring(url):find "^https://"
    or not tostring(options.project or ""):find "^%w[%w:.-]*$" then
    return nil, "the key is no service account's, with a project_id and a token_uri of https", { permanent = true }
  end
  local known = tokens[text]
  if not known or known.ends < now then
    local proof = part { alg = "RS256", typ = "JWT" } .. "." .. part { iss = account.client_email, aud = url,
      scope = "https://www.googleapis.com/auth/ndev.clouddns.readwrite", iat = now, exp = now + 3600 }
    proof = proof .. "." .. codec.base64url(assert(own:sign(proof)))
    -- What is sent takes the place of the option, so that no message shows it.
    options.key = proof
    local answer, message, details = dns.call { url = url, method = "POST",
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
      body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" .. proof }
    local token = answer and tostring(answer.access_token or "")
    if not token or not token:find "^[%w%p]+$" then
      return nil, "no token: " .. (token and "none in the answer" or message), details
    end
    known = { token = token, ends = now + (tonumber(answer.expires_in) or 0) - 60 }
    tokens[text] = known
  end
  options.key, options.token = known.token, known.token
  return true
end

local function call(options, method, path, ...)
  if not options.token then
    local done, message, details = log_in(options)
    if not done then
      return nil, message, details
    end
  end
  path = "/projects/" .. options.project .. "/managedZones" .. path
  local answer, status, details = dns.bearer(options, method, path, ...)
  -- A quota that is used up for this minute is 403 too.
  return answer, status, not answer and status:find "%(403%).*xceeded" and { wait = 60 } or details
end

local function zone_of(options, name)
  return dns.zone(name, function(page)
    local answer, message, details = call(options, "GET", page and "?pageToken=" .. page or "")
    if not answer then
      return nil, message, details
    end
    local zones, following = dns.list(answer.managedZones), answer.nextPageToken
    for _, zone in ipairs(zones) do
      zone.path = "/" .. tostring(zone.name):gsub("[^%w-]", "")
      -- A private zone is served to no CA.
      zone.name = zone.visibility ~= "private" and zone.dnsName or ""
    end
    return zones, type(following) == "string" and dns.encoded(following) or nil
  end)
end

local function change(options, record, wanted)
  local zone, message, details = zone_of(options, record.name)
  if not zone then
    return nil, message, details
  end
  local _ <close> = dns.lock("gcloud", record.name)
  local name, pause, answer = record.name .. ".", 0.1
  -- The API refuses to delete what is no longer exactly so: then the set is read again.
  repeat
    answer, message, details = call(options, "GET", zone.path .. "/rrsets?type=TXT&name=" .. name)
    local old = answer and dns.list(answer.rrsets)[1]
    if old and type(old.rrdatas) ~= "table" then
      return nil, "the API's set has no values"
    end
    local values = answer and dns.with(old and old.rrdatas, dns.quoted(record.value), wanted)
    if not values then
      return answer and true, message, details
    end
    answer, message, details = call(options, "POST", zone.path .. "/changes", { deletions = json.array { old },
      additions = json.array { values[1] and { name = name, type = "TXT", ttl = record.ttl, rrdatas = values } } },
      { 404, 409, 412 })
    pause = pause * 2
  until not answer or message < 300 or pause > 2 or not time.sleep(pause)
  if answer and message >= 300 then
    return nil, (dns.refusal({ status = message, headers = {} }, answer))
  end
  -- Nobody waits for a record to go.
  while wanted and answer and answer.status ~= "done" do
    if pause > 60 or not time.sleep(pause) then
      return nil, "the API is not done with the change in time"
    end
    pause = pause * 2
    answer, message, details = call(options, "GET", zone.path .. "/changes/" .. tostring(answer.id):gsub("%W", ""))
  end
  return answer, message, details
end

return dns.provider {
  doc = "Google Cloud DNS.",
  options = {
    { name = "key", type = "secret", required = true, doc = "Key of a service account, JSON; usually @FILE." },
    { name = "project", type = "string", doc = "Unless it is the key's." },
    { name = "token_url", type = "url", doc = "Unless it is the key's token_uri." },
    { name = "url", type = "url", default = "https://dns.googleapis.com/dns/v1", doc = "Address of the API." },
  },
  change = change,
}
