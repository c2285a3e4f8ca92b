-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Gets certificates from a command: the request on its standard input, the certificate and its chain on its output.

local exec = require "certauto.exec"
local time = require "certauto.time"
local words = require "lib.words"
local x509 = require "certauto.x509"

-- Exit codes, as sysexits.h has them: EX_TEMPFAIL, EX_NOPERM.
local LATER <const> = 75
local NEVER <const> = 77

-- What the command is told beside the request. None of it is secret.
local function environment(request)
  local previous = request.previous or {}
  return {
    CERTAUTO_NAME = request.name,
    CERTAUTO_NAMES = table.concat(request.names, ","),
    CERTAUTO_KEY_TYPE = request.key_type,
    CERTAUTO_TEMPLATE = request.template,
    CERTAUTO_ATTEMPT = request.attempt,
    CERTAUTO_DEADLINE = time.format(request.deadline),
    CERTAUTO_COOKIE = request.cookie or "",
    CERTAUTO_PREVIOUS_CERTIFICATE = previous.certificate or "",
    CERTAUTO_PREVIOUS_SERIAL = previous.serial or "",
    CERTAUTO_PREVIOUS_NOT_AFTER = previous.not_after and time.format(previous.not_after) or "",
  }
end

local function issue(request)
  local options = request.options
  local result, message = exec.run(options.command, { input = request.csr, environment = environment(request) })
  if not result then
    return nil, message
  elseif result.status == LATER then
    return { pending = true, wait = options.wait, cookie = words.last_line(result.out) }
  elseif result.status ~= 0 then
    return nil, ("the command ended with %d%s"):format(result.status, words.of(result.err)),
      { permanent = result.status == NEVER }
  elseif result.out_cut then
    return nil, "the command wrote more than 1 MiB"
  end
  local certificates, why = x509.split(result.out)
  if not certificates then
    return nil, "the command wrote no certificate: " .. why
  end
  return { certificate = certificates[1], chain = table.concat(certificates, "", 2) }
end

return {
  api = 1,
  doc = "Gets certificates from a command: the request on its input, certificate and chain on its output.",
  options = {
    { name = "command", type = "command", required = true, doc = "Command that has requests signed." },
    { name = "wait", type = "duration", default = "5m", doc = "When to ask again after it ended with 75: not yet." },
  },
  issue = issue,
}
