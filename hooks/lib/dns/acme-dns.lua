-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Records of an acme-dns server, to which _acme-challenge is delegated by a CNAME record.

local dns = require "lib.dns"

return dns.provider {
  doc = "An acme-dns server, to which _acme-challenge is a CNAME.",
  options = {
    { name = "url", type = "url", required = true, doc = "Address of the server." },
    { name = "username", type = "secret", required = true, doc = "From its registration." },
    { name = "password", type = "secret", required = true, doc = "From its registration." },
    { name = "subdomain", type = "string", required = true, doc = "From its registration." },
  },
  present = function(options, record)
    local answer, message, details = dns.call { url = dns.url(options.url, "/update"), method = "POST",
      headers = { ["X-Api-User"] = options.username, ["X-Api-Key"] = options.password },
      json = { subdomain = options.subdomain, txt = record.value } }
    if not answer then
      return nil, message, details
    elseif answer.txt ~= record.value then
      return nil, "the server did not take the value"
    end
    return true
  end,
  -- The server keeps the last two values by itself and removes none.
  cleanup = function()
    return true
  end,
}
