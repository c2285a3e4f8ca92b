-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- The issue hook of the crash tests: signs at once, writes nothing, and says so, so that orders can be counted.

local fs = require "certauto.fs"
local key = require "certauto.key"
local log = require "certauto.log"
local time = require "certauto.time"
local x509 = require "certauto.x509"

return {
  api = 1,
  doc = "Signs at once, and says so.",
  options = {
    { name = "lifetime", type = "duration", default = "90d", doc = "How long certificates live." },
    { name = "ca", type = "path", required = true, doc = "Key and certificate of the CA." },
  },
  issue = function(request)
    local ca = assert(fs.read(request.options.ca))
    local asked = assert(x509.read_request(request.csr))
    local start = time.now() - 60
    local certificate = assert(x509.issue {
      key = assert(key.parse(ca)),
      issuer = ca:match("%-%-%-%-%-BEGIN CERTIFICATE.*$"),
      public_key = asked.public_key,
      subject = asked.subject,
      names = asked.names,
      usage = { "server" },
      not_before = start,
      not_after = start + request.options.lifetime,
    })
    log.info("ordered")
    return { certificate = certificate, chain = "" }
  end,
}
