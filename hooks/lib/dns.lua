-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- What the DNS providers in lib/dns/ share: their contract, calls of an API in JSON, and the zone that holds a name.
--
-- A provider's function returns true, or nil, a message and a table that may hold wait= (seconds) and permanent=.

local http = require "certauto.http"
local json = require "certauto.json"
local store = require "certauto.store"

local dns = {}

local MAX_PAGES <const> = 500
local MAX_MESSAGE <const> = 300

-- ---- The contract

-- The options as declared: with defaults, whole, and nothing else among them.
local function complete(declared, given)
  local known, options = {}, {}
  for _, option in ipairs(declared) do
    known[option.name] = true
    local value = given[option.name]
    if value == nil then
      value = option.default
    end
    if value == nil and option.required then
      return nil, ("option '%s' is missing"):format(option.name)
    end
    options[option.name] = value
  end
  for name in pairs(given) do
    if not known[name] then
      return nil, ("there is no option '%s'"):format(name)
    end
  end
  return options
end

-- A peer may say anything, also what it was sent. Cut only afterwards: half a secret is not found.
local function without_secrets(declared, options, message)
  for _, option in ipairs(declared) do
    local value = option.type == "secret" and options[option.name]
    if type(value) == "string" and value ~= "" then
      message = message:gsub(value:gsub("%W", "%%%0"), "***")
    end
  end
  return message:sub(1, MAX_MESSAGE)
end

-- A name as the functions of providers take it, or nil: without the final dot, in lower case, of 1 to 253 letters,
-- digits, "-" and "_". It becomes part of addresses.
function dns.name(text)
  local name = tostring(text):lower():gsub("%.$", "")
  for label in (name .. "."):gmatch("([^.]*)%.") do
    if not label:find("^[%w_-]+$") or #label > 63 then
      return nil
    end
  end
  return #name <= 253 and name or nil
end

-- Makes a provider of {doc=, options=, present=, cleanup=}, or change= for both, whose third argument says whether the
-- record is wanted: its functions then find their options checked and complete, the record's name in lower case, and
-- their messages lose the secrets.
function dns.provider(provider)
  local function guard(action, wanted)
    return function(given, record)
      local options, message = complete(provider.options, given)
      if not options then
        return nil, message, { permanent = true }
      end
      local name = dns.name(record.name)
      if not name then
        return nil, "the record has no name that DNS knows", { permanent = true }
      elseif not tostring(record.value):find("^[%w%p ]+$") or #record.value > 255 or record.value:find('["\\]') then
        return nil, "the record's value is not plain text of up to 255 bytes", { permanent = true }
      end
      local done, why, details = action(options,
        { name = name, value = record.value, domain = record.domain, ttl = record.ttl or 60 },
        wanted)
      if done then
        return true
      end
      return nil, without_secrets(provider.options, options, why or "it failed without a reason"), details
    end
  end
  return { doc = provider.doc, options = provider.options, present = guard(provider.present or provider.change, true),
    cleanup = guard(provider.cleanup or provider.change, false) }
end

-- ---- Calls

-- What an API says of its failure, wherever it says it.
local function reason(answer)
  local body = type(answer) == "table" and answer or {}
  local first = type(body.errors) == "table" and body.errors[1] or body.error_description or body.error or body
  local text = type(first) == "table" and (first.message or first.detail or first.description) or first
  return type(text) == "string" and text ~= "" and ": " .. text or ""
end

-- The sentence for an HTTP answer that is no success, and what it means for the next attempt.
function dns.refusal(response, answer)
  local status, why = response.status, reason(answer)
  if status == 401 or status == 403 then
    return ("the API refuses these credentials (%d)%s"):format(status, why), { permanent = true }
  elseif status == 429 then
    local wait = tonumber((response.headers["retry-after"] or ""):match("^%d+$"))
    return "the API takes no more requests for now (429)" .. why, { wait = wait and math.tointeger(wait) }
  elseif status >= 500 then
    return ("the API is out of order (%d)%s"):format(status, why)
  end
  -- What is missing, in conflict or locked may be otherwise the next time.
  local passes = status == 404 or status == 409 or status == 423
  return ("the API refuses the request (%d)%s"):format(status, why), { permanent = not passes }
end

-- One call: settings are those of http.request, with json= for a body, or body= for text, JSON unless the headers
-- say otherwise. For 2xx and for what is listed in accept it returns the decoded answer ({} for one that is no table),
-- its status, and the answer as it is; else nil, message, details.
function dns.call(settings, accept)
  local headers = { Accept = "application/json" }
  for name, value in pairs(settings.headers or {}) do
    headers[name] = value
  end
  local body, message, response = settings.body
  if settings.json then
    body, message = json.encode(settings.json)
    if not body then
      return nil, message
    end
  end
  headers["Content-Type"] = headers["Content-Type"] or body and "application/json"
  response, message = http.request { url = settings.url, method = settings.method, headers = headers, body = body,
    redirects = 0, timeout = 30 }
  if not response then
    return nil, message
  end
  local answer = response.body:find("%S") and json.decode(response.body) or nil
  local accepted = response.status >= 200 and response.status < 300
  for _, status in ipairs(accept or {}) do
    accepted = accepted or response.status == status
  end
  if not accepted then
    return nil, dns.refusal(response, answer)
  elseif answer == nil and response.body:find("%S") and response.status < 300 then
    return nil, "the API's answer is no JSON"
  end
  return type(answer) == "table" and answer or {}, response.status, answer
end

-- An address: base and path, joined by one "/".
function dns.url(base, path)
  return (base:gsub("/+$", "")) .. path
end

-- Text as a part of an address or a form (RFC 3986 §2.1).
function dns.encoded(text)
  return (text:gsub("[^%w._~-]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

-- One call of an API at options.url that takes a token as Bearer.
function dns.bearer(options, method, path, body, accept)
  return dns.call({ url = dns.url(options.url, path), method = method, json = body,
    headers = { Authorization = "Bearer " .. options.token } }, accept)
end

-- A list in an answer, of tables only. A hostile or changed API gives anything.
function dns.list(value)
  local list = {}
  for _, item in ipairs(type(value) == "table" and value or {}) do
    if type(item) == "table" then
      list[#list + 1] = item
    end
  end
  return list
end

-- ---- Zones

-- The zone with the longest name that holds name. page(at) returns a list of tables with the field name, and what
-- to call it with for the next page, nil after the last.
function dns.zone(name, page)
  local best, length = nil, 0
  local at
  for _ = 1, MAX_PAGES do
    local zones, following, details = page(at)
    if not zones then
      return nil, following, details
    end
    for _, zone in ipairs(dns.list(zones)) do
      local own = dns.name(zone.name)
      if own and #own > length and (name == own or name:sub(-#own - 1) == "." .. own) then
        best, length = zone, #own
      end
    end
    if following == nil then
      if best then
        return best
      end
      return nil, ("this account has no zone for %s"):format(name), { permanent = true }
    elseif following == at then
      return nil, "the API's list of zones does not end"
    end
    at = following
  end
  return nil, "the API's list of zones does not end"
end

-- For an API that lists all its zones in one answer: that answer of dns.call as a last page.
function dns.only_page(answer, message, details)
  if answer then
    return answer
  end
  return nil, message, details
end

-- What comes before the zone in a name; apex for the zone itself.
function dns.below(name, zone, apex)
  local own = dns.name(zone)
  return name == own and apex or name:sub(1, -#own - 2)
end

-- ---- Sets of values

function dns.quoted(value)
  return '"' .. value .. '"'
end

-- The list with the value in it, or without it; nil when it is so already.
function dns.with(list, value, wanted)
  local changed, found = json.array {}, false
  for _, item in ipairs(type(list) == "table" and list or {}) do
    found = found or item == value
    if item ~= value then
      changed[#changed + 1] = item
    end
  end
  if found == wanted then
    return nil
  elseif wanted then
    changed[#changed + 1] = value
  end
  return changed
end

-- For APIs that only replace a whole set: no other certificate of this state directory changes it meanwhile.
-- To be kept in a <close> variable; nil where there is no store.
function dns.lock(provider, name)
  return (store.lock(("dns/%s/x%s"):format(provider, name:sub(-150))))
end

return dns
