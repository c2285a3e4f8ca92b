-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- The built-in hooks that run commands, and policy/approval-file, with commands and files of their own.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local fs = require "certauto.fs"
local json = require "certauto.json"
local key = require "certauto.key"
local time = require "certauto.time"
local x509 = require "certauto.x509"
local test, equal = check.test, check.equal

local folder = check.folder()
local NOW <const> = time.now()

local function certificate(name)
  local own = assert(key.generate())
  return assert(x509.issue {
    key = own, public_key = own:public(), subject = "CN=" .. name, names = { name },
    not_before = NOW - 60, not_after = NOW + 3600,
  })
end

-- A command that writes its input and its CERTAUTO_ environment to files, then ends with a code.
local function script(name, code, more)
  return { "sh", "-c", ("cat >%s/%s.in; env | grep ^CERTAUTO_ | sort >%s/%s.env; %s; exit %d"):format(
    folder, name, folder, name, more or ":", code) }
end

local function said(name, variable)
  return (assert(fs.read(folder .. "/" .. name .. ".env")):match("CERTAUTO_" .. variable .. "=([^\n]*)"))
end

local function request(command)
  return {
    name = "www", names = { "www.example.org", "192.0.2.1" }, csr = "the request\n", key_type = "rsa-2048",
    template = "script", options = { command = command, wait = 300 }, attempt = 2, deadline = NOW + 60,
  }
end

test("issue_exec_parts_certificate_and_chain", function()
  local hook = check.hook("hooks/issue/exec.lua")
  local leaf, issuer = certificate("www.example.org"), certificate("ca.example.org")
  assert(fs.write(folder .. "/both.pem", leaf .. issuer))
  equal(hook.issue(request({ "cat", folder .. "/both.pem" })), { certificate = leaf, chain = issuer })
end)

test("issue_exec_gives_the_request_on_the_input_and_facts_in_the_environment", function()
  local hook = check.hook("hooks/issue/exec.lua")
  local asked = request(script("issue", 3))
  asked.cookie = "order 9"
  asked.previous = { certificate = "PEM", serial = "0a", not_after = 1800000000 }
  hook.issue(asked)
  equal(fs.read(folder .. "/issue.in"), "the request\n")
  equal(said("issue", "NAMES"), "www.example.org,192.0.2.1")
  equal(said("issue", "KEY_TYPE"), "rsa-2048")
  equal(said("issue", "ATTEMPT"), "2")
  equal(said("issue", "COOKIE"), "order 9")
  equal(said("issue", "PREVIOUS_NOT_AFTER"), "2027-01-15T08:00:00Z")
end)

test("issue_exec_understands_exit_codes", function()
  local hook = check.hook("hooks/issue/exec.lua")
  equal(hook.issue(request("sh -c 'echo noise; echo order-17; exit 75'")),
    { pending = true, wait = 300, cookie = "order-17" })
  local _, message, details = hook.issue(request("sh -c 'echo one >&2; echo two >&2; echo >&2; exit 77'"))
  equal(message, "the command ended with 77: two")
  equal(details, { permanent = true })
  local _, why, more = hook.issue(request("false"))
  equal(why, "the command ended with 1")
  equal(more, { permanent = false })
  local _, none = hook.issue(request("echo nothing"))
  check.contains(none, "the command wrote no certificate")
  local _, gone = hook.issue(request("/nowhere/command"))
  check.contains(gone, "/nowhere/command")
end)

local function bundle(generation, options)
  options.input = options.input or "none"
  return {
    name = "www", names = { "www.example.org" }, profile = "script", generation = generation, options = options,
    directory = "/state/certs/www/" .. generation, certificate = "certificate\n", chain = "chain\n",
    fullchain = "certificate\nchain\n", key = "the key", not_before = NOW, not_after = NOW + 60,
    fingerprint = "f" .. generation,
  }
end

test("publish_exec_names_the_files_and_never_tells_the_key_but_on_the_input", function()
  local hook = check.hook("hooks/publish/exec.lua")
  local one = bundle(7, { command = script("publish", 0) })
  one.previous = { generation = 6, fingerprint = "f6" }
  equal(hook.publish(one), true)
  equal(fs.read(folder .. "/publish.in"), "")
  equal(said("publish", "KEY"), "/state/certs/www/7/key.pem")
  equal(said("publish", "PREVIOUS_GENERATION"), "6")
  check.raises("does not contain", check.contains, fs.read(folder .. "/publish.env"), "the key")
  one.options.input = "combined"
  equal(hook.publish(one), true)
  equal(fs.read(folder .. "/publish.in"), "the key\ncertificate\nchain\n")
end)

test("publish_exec_verifies_only_with_a_command", function()
  local hook = check.hook("hooks/publish/exec.lua")
  equal(hook.verify(bundle(1, { command = "true" })), true)
  local _, message = hook.verify(bundle(1, { command = "true", verify_command = "sh -c 'echo old; exit 4'" }))
  equal(message, "verify_command ended with 4: old")
end)

test("publish_exec_goes_back_by_its_command_or_by_publishing", function()
  local hook = check.hook("hooks/publish/exec.lua")
  local options = { command = script("again", 0) }
  equal(hook.rollback(bundle(1, options), bundle(2, options)), true)
  equal(said("again", "GENERATION"), "1")
  local _, message = hook.rollback(nil, bundle(2, options))
  equal(message, "nothing is removed: rollback_command is not set")
  options.rollback_command = script("back", 0)
  equal(hook.rollback(bundle(1, options), bundle(2, options)), true)
  equal(said("back", "GENERATION") .. said("back", "FAILED_GENERATION") .. said("back", "ACTION"), "12rollback")
  equal(hook.rollback(nil, bundle(2, options)), true)
  equal(said("back", "GENERATION") .. said("back", "KEY"), "")
  equal(said("back", "FAILED_GENERATION"), "2")
end)

test("notify_exec_tells_the_event_in_both_ways_without_its_options", function()
  local hook = check.hook("hooks/notify/exec.lua")
  local function event()
    return { event = "renewed", time = 1800000000, name = "www", groups = { "a", "b" }, step = "issue", generation = 3,
      host = "here", options = { command = script("notify", 0), events = { "renewed" } } }
  end
  equal(hook.notify(event()), true)
  local told = assert(json.decode(fs.read(folder .. "/notify.in")))
  equal(told.options, nil)
  equal(told.generation, 3)
  equal(said("notify", "TIME") .. " " .. said("notify", "GROUPS") .. " " .. said("notify", "MESSAGE"),
    "2027-01-15T08:00:00Z a,b ")
  local other = event()
  other.options = { command = "false", events = { "expired" } }
  equal(hook.notify(other), true)
  other.options = { command = "sh -c 'echo away >&2; exit 9'" }
  local _, message = hook.notify(other)
  equal(message, "the command ended with 9: away")
end)

local function decide(name, step)
  local hook = check.hook("hooks/policy/approval-file.lua")
  return hook.decide({ name = name },
    { step = step, options = { folder = folder .. "/approve", valid = 3600, again = 60 } })
end

test("approval_file_waits_for_a_file_that_names_the_step", function()
  local held = decide("www", "issue")
  equal(held.step, "wait")
  check.contains(held.reason, "approve")
  assert(fs.mkdir(folder .. "/approve", { mode = "0755" }))
  held = decide("www", "issue")
  equal(held.reason, "waits for the file " .. folder .. "/approve/www")
  assert(held["until"] >= NOW + 60 and held["until"] < NOW + 120)
  assert(fs.write(folder .. "/approve/www", ""))
  equal(decide("www", "issue").step, "issue")
  equal(decide("www", "publish").step, "publish")
  assert(fs.write(folder .. "/approve/www", "publish\n"))
  equal(decide("www", "publish").step, "publish")
  check.contains(decide("www", "issue").reason, "does not name issue")
end)

test("approval_file_counts_for_a_while_after_it_was_written", function()
  check.command("touch", "-d", "2 hours ago", folder .. "/approve/www")
  check.contains(decide("www", "publish").reason, "too long ago")
  check.command("touch", "-d", "2 hours", folder .. "/approve/www")
  check.contains(decide("www", "publish").reason, "from the future")
  check.command("touch", folder .. "/approve/www")
  equal(decide("www", "publish").step, "publish")
end)

-- One line that a program drew its progress in, then what went wrong.
test("exec_hooks_find_the_last_words_behind_a_very_long_line", function()
  local command = { "sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x >&2; echo >&2; echo 'it failed ' >&2; exit 3" }
  local began, message = time.boot(), "the command ended with 3: it failed"
  equal(select(2, check.hook("hooks/issue/exec.lua").issue(request(command))), message)
  local event = { event = "renewed", time = NOW, options = { command = command } }
  equal(select(2, check.hook("hooks/notify/exec.lua").notify(event)), message)
  equal(time.boot() - began < 10, true)
end)

test("approval_file_refuses_what_others_can_write", function()
  local path = folder .. "/approve/www"
  check.command("chmod", "664", path)
  local verdict, message = decide("www", "publish")
  equal(verdict, nil)
  check.contains(message, "can be written by others")
  check.command("chmod", "644", path)
  check.command("chmod", "777", folder .. "/approve")
  check.contains(select(2, decide("www", "publish")), "can be written by others")
  check.command("chmod", "755", folder .. "/approve")
  assert(fs.link(path, folder .. "/approve/linked"))
  check.contains(select(2, decide("linked", "publish")), "is no file")
  if fs.stat(folder).owner == 0 then
    check.command("chown", "12345", path)
    check.contains(select(2, decide("www", "publish")), "belongs to neither root")
  end
end)

check.command("rm", "-rf", folder)
return check.status()
