-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Signs requests as Amazon's services want them: Signature Version 4.

local codec = require "certauto.codec"
local dns = require "lib.dns"
local time = require "certauto.time"

local sigv4 = {}

local ALGORITHM <const> = "AWS4-HMAC-SHA256"

local function hash(text)
  return codec.hex(codec.digest("sha256", text))
end

-- The query in the order of its encoded names and values.
local function query_of(query)
  local pairs_of = {}
  for name, value in pairs(query or {}) do
    pairs_of[#pairs_of + 1] = { dns.encoded(name), dns.encoded(value) }
  end
  table.sort(pairs_of, function(one, other)
    return one[1] < other[1]
  end)
  for index, pair in ipairs(pairs_of) do
    pairs_of[index] = pair[1] .. "=" .. pair[2]
  end
  return table.concat(pairs_of, "&")
end

-- request: method, url (without query), query (names and values), headers (lower case), body, service, region, now.
-- keys: access_key, secret_key, session_token. Returns a table with the url to ask and all headers but Host, which the
-- client sends by itself.
function sigv4.sign(request, keys)
  local host, path = request.url:match("^%a+://([^/]+)(.*)$")
  local query = query_of(request.query)
  local stamp = time.format(request.now or time.now()):gsub("[-:]", "")
  local headers = { host = host, ["x-amz-date"] = stamp, ["x-amz-security-token"] = keys.session_token }
  for name, value in pairs(request.headers or {}) do
    headers[name] = value
  end
  local names, lines = {}, {}
  for name in pairs(headers) do
    names[#names + 1] = name
  end
  table.sort(names)
  for index, name in ipairs(names) do
    lines[index] = name .. ":" .. headers[name] .. "\n"
  end
  local signed = table.concat(names, ";")
  local canonical = table.concat({ request.method, path == "" and "/" or path, query, table.concat(lines), signed,
    hash(request.body or "") }, "\n")
  local key = "AWS4" .. keys.secret_key
  local scope = { stamp:sub(1, 8), request.region, request.service, "aws4_request" }
  for _, part in ipairs(scope) do
    key = codec.hmac("sha256", key, part)
  end
  local place = table.concat(scope, "/")
  local signature = codec.hex(codec.hmac("sha256", key, table.concat({ ALGORITHM, stamp, place, hash(canonical) },
    "\n")))
  headers.authorization = ("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s"):format(ALGORITHM, keys.access_key,
    place, signed, signature)
  headers.host = nil
  return { url = request.url .. (query ~= "" and "?" .. query or ""), headers = headers }
end

return sigv4
