-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- An example of an issue hook, to copy: it gets certificates from a command.
--
-- It works as it is. With this in certauto.ini
--
--   [template example]
--   hook = example
--   command = /usr/local/bin/sign-request
--
-- the command is given the certificate request on its standard input and writes the certificate, then those of its
-- issuers, to its standard output, all in PEM. certauto-hooks(7) describes everything that is used here.

local exec = require "certauto.exec"
local log = require "certauto.log"
local x509 = require "certauto.x509"

-- The exit code by which the command says that the CA needs time: EX_TEMPFAIL of sysexits.h.
local LATER <const> = 75

-- The last line that is not empty.
local function last_line(text)
  return text:match("([^\n]+)%s*$") or ""
end

-- Asks the CA. "request" holds what is wanted: names, key type, the request itself. The private key is not in it.
local function issue(request)
  local options = request.options
  local result, message = exec.run(options.command, {
    input = request.csr,
    environment = {
      CERTAUTO_NAME = request.name,
      CERTAUTO_NAMES = table.concat(request.names, ","),
      -- What the command wrote when it last said "later"; empty the first time.
      CERTAUTO_COOKIE = request.cookie or "",
    },
  })

  -- A failure is nil and one sentence. The sentence is shown by "certauto status", so it holds no secret.
  if not result then
    return nil, message
  end

  -- Not yet: this function is called again later with the same request and the cookie.
  if result.status == LATER then
    return { pending = true, wait = options.wait, cookie = last_line(result.out) }
  end
  if result.status ~= 0 then
    return nil, ("the command ended with %d: %s"):format(result.status, last_line(result.err))
  end

  -- The engine checks key, names, validity and chain. Here it is enough to part the certificates.
  local certificates, why = x509.split(result.out)
  if not certificates then
    -- "permanent" because asking the same command again soon would give the same.
    return nil, "the command wrote no certificate: " .. why, { permanent = true }
  end
  log.debug("the command gave certificates", { count = #certificates })
  return {
    certificate = certificates[1],
    chain = table.concat(certificates, "", 2),
  }
end

return {
  api = 1,
  doc = "Gets certificates from a command (an example to copy).",
  options = {
    {
      name = "command",
      type = "command",
      required = true,
      doc = "Reads a certificate request, writes the certificate and those of its issuers.",
    },
    {
      name = "wait",
      type = "duration",
      default = "5m",
      doc = "When to ask again after the command ended with 75: not yet.",
    },
  },
  issue = issue,
}
