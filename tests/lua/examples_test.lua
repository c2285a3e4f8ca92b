-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- The examples in etc/hooks, which people copy, do what they say.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local fs = require "certauto.fs"
local key = require "certauto.key"
local time = require "certauto.time"
local x509 = require "certauto.x509"
local test, equal = check.test, check.equal

local folder = check.folder()

-- A certificate of its own signature for a name.
local function certificate(name)
  local own = assert(key.generate())
  return assert(x509.issue {
    key = own, public_key = own:public(), subject = "CN=" .. name, names = { name },
    not_before = time.now() - 60, not_after = time.now() + 3600,
  }), own:pem()
end

local function request(command)
  return {
    name = "www", names = { "www.example.org", "example.org" }, csr = "the request\n", key_type = "ecdsa-p256",
    template = "example", options = { command = command, wait = 300 }, attempt = 1, deadline = time.now() + 60,
  }
end

test("issue_example_parts_what_the_command_wrote", function()
  local hook = check.hook("etc/hooks/issue/example.lua")
  local leaf, issuer = certificate("www.example.org"), certificate("ca.example.org")
  assert(fs.write(folder .. "/both.pem", leaf .. issuer))
  local answer = assert(hook.issue(request({ "cat", folder .. "/both.pem" })))
  equal(answer, { certificate = leaf, chain = issuer })
end)

test("issue_example_gives_the_command_the_request", function()
  local hook = check.hook("etc/hooks/issue/example.lua")
  local script = 'cat > %s/csr; echo "$CERTAUTO_NAME $CERTAUTO_NAMES $CERTAUTO_COOKIE" > %s/env; exit 9'
  script = script:format(folder, folder)
  hook.issue(request({ "sh", "-c", script }))
  equal(fs.read(folder .. "/csr"), "the request\n")
  equal(fs.read(folder .. "/env"), "www www.example.org,example.org \n")
end)

test("issue_example_says_when_it_is_pending_or_failed", function()
  local hook = check.hook("etc/hooks/issue/example.lua")
  equal(hook.issue(request("sh -c 'echo order-17; exit 75'")), { pending = true, wait = 300, cookie = "order-17" })
  local _, message = hook.issue(request("sh -c 'echo noise >&2; echo refused >&2; exit 1'"))
  equal(message, "the command ended with 1: refused")
  local _, why, details = hook.issue(request("echo nothing"))
  check.contains(why, "the command wrote no certificate")
  equal(details, { permanent = true })
  local _, gone = hook.issue(request("/nowhere/command"))
  check.contains(gone, "/nowhere/command")
end)

local function bundle(generation, options)
  local pem, private = certificate("www.example.org")
  return {
    name = "www", profile = "example", generation = generation, certificate = pem, chain = "", fullchain = pem,
    key = private, fingerprint = assert(x509.read(pem)).fingerprint, options = options,
  }
end

test("publish_example_switches_a_link_and_back", function()
  local hook = check.hook("etc/hooks/publish/example.lua")
  local options = { folder = folder .. "/tls" }
  assert(fs.mkdir(options.folder))
  local one, two = bundle(1, options), bundle(2, options)
  equal(hook.publish(one), true)
  equal(fs.readlink(options.folder .. "/www"), "www-1")
  equal(fs.stat(options.folder .. "/www/key.pem").mode, 384)
  equal(hook.verify(one), true)
  local _, message = hook.verify(two)
  check.contains(message, one.fingerprint)
  equal(hook.publish(two), true)
  equal(hook.verify(two), true)
  equal(hook.rollback(one, two), true)
  equal(hook.verify(one), true)
end)

test("publish_example_rolls_back_to_nothing", function()
  local hook = check.hook("etc/hooks/publish/example.lua")
  local options = { folder = folder .. "/none" }
  assert(fs.mkdir(options.folder))
  local one = bundle(1, options)
  equal(hook.rollback(nil, one), true)
  equal(hook.publish(one), true)
  equal(hook.rollback(nil, one), true)
  equal(fs.list(options.folder), { "www-1" })
  equal(fs.list(options.folder .. "/www-1"), {})
  options.reload = "false"
  local _, message = hook.publish(one)
  check.contains(message, "reload ended with 1")
end)

test("policy_example_freezes_but_what_would_expire", function()
  local hook = check.hook("etc/hooks/policy/example.lua")
  local now = time.now()
  local step = { step = "issue", options = { from = time.format(now - 60), to = time.format(now + 600) } }
  local held = hook.decide({ not_after = time.format(now + 3600) }, step)
  equal(held["until"], now + 600)
  check.contains(held.reason, "nothing changes before")
  equal(hook.decide({ not_after = time.format(now + 300) }, step), step)
  step.options.to = time.format(now - 30)
  equal(hook.decide({ not_after = time.format(now + 3600) }, step), step)
  step.options.to = "Christmas"
  local verdict, message = hook.decide({}, step)
  equal(verdict, nil)
  assert(type(message) == "string")
end)

test("notify_example_says_when_nobody_takes_it", function()
  local hook = check.hook("etc/hooks/notify/example.lua")
  local done, message = hook.notify {
    event = "renewed", time = time.now(), name = "www", host = "here",
    options = { url = "http://127.0.0.1:1/", token = "t" },
  }
  equal(done, nil)
  assert(type(message) == "string")
end)

check.command("rm", "-rf", folder)
return check.status()
