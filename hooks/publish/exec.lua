-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- Publishes by commands: they get the paths of the files in their environment, and what they ask for on their input.

local exec = require "certauto.exec"
local time = require "certauto.time"
local words = require "lib.words"

local INPUTS = {
  none = {}, key = { "key" }, fullchain = { "fullchain" }, combined = { "key", "fullchain" },
}

-- What a command is told of the bundle. The key is only named: its file is readable for our account alone.
local function environment(action, bundle)
  local previous = bundle.previous or {}
  return {
    CERTAUTO_ACTION = action,
    CERTAUTO_NAME = bundle.name,
    CERTAUTO_NAMES = table.concat(bundle.names, ","),
    CERTAUTO_PROFILE = bundle.profile,
    CERTAUTO_GENERATION = bundle.generation,
    CERTAUTO_DIRECTORY = bundle.directory,
    CERTAUTO_KEY = bundle.directory .. "/key.pem",
    CERTAUTO_CERTIFICATE = bundle.directory .. "/cert.pem",
    CERTAUTO_CHAIN = bundle.directory .. "/chain.pem",
    CERTAUTO_FULLCHAIN = bundle.directory .. "/fullchain.pem",
    CERTAUTO_FINGERPRINT = bundle.fingerprint,
    CERTAUTO_NOT_BEFORE = time.format(bundle.not_before),
    CERTAUTO_NOT_AFTER = time.format(bundle.not_after),
    CERTAUTO_PREVIOUS_GENERATION = previous.generation or "",
    CERTAUTO_PREVIOUS_FINGERPRINT = previous.fingerprint or "",
  }
end

local function input(bundle)
  local texts = {}
  for index, part in ipairs(INPUTS[bundle.options.input]) do
    texts[index] = bundle[part] .. (bundle[part]:sub(-1) == "\n" and "" or "\n")
  end
  return table.concat(texts)
end

local function run(option, bundle, settings)
  local result, message = exec.run(bundle.options[option], settings)
  if not result then
    return nil, option .. ": " .. message
  elseif result.status ~= 0 then
    return nil, ("%s ended with %d%s"):format(option, result.status, words.of(result.err, result.out))
  end
  return true
end

local function publish(bundle)
  -- Leaves a fifth of the time for putting things back.
  return run("command", bundle, { input = input(bundle), environment = environment("publish", bundle),
    timeout = time.left() * 0.8 })
end

local function verify(bundle)
  if not bundle.options.verify_command then
    return true
  end
  return run("verify_command", bundle, { environment = environment("verify", bundle) })
end

-- To what was published before; without it, what "failed" has made is removed.
local function rollback(previous, failed)
  if not failed.options.rollback_command then
    if previous then
      return publish(previous)
    end
    return nil, "nothing is removed: rollback_command is not set"
  end
  local settings = { input = "", environment = environment("rollback", previous or failed) }
  if previous then
    settings.input = input(previous)
  else
    for _, name in ipairs { "DIRECTORY", "KEY", "CERTIFICATE", "CHAIN", "FULLCHAIN", "FINGERPRINT", "GENERATION" } do
      settings.environment["CERTAUTO_" .. name] = ""
    end
  end
  settings.environment.CERTAUTO_FAILED_GENERATION = failed.generation
  return run("rollback_command", failed, settings)
end

return {
  api = 1,
  doc = "Publishes by commands, which are given the paths of the files.",
  options = {
    { name = "command", type = "command", required = true, doc = "Command that puts the files where they are used." },
    { name = "verify_command", type = "command", doc = "Command that looks whether the certificate is in use." },
    { name = "rollback_command", type = "command",
      doc = "Command that goes back to what was before; without it the first is run with the files of then." },
    { name = "input", type = "enum:none|key|fullchain|combined", default = "none",
      doc = "What the first and the last read on their input, in PEM; combined is key and fullchain." },
  },
  publish = publish,
  verify = verify,
  rollback = rollback,
}
