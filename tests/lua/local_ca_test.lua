-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- hooks/issue/local-ca.lua over a store in memory and a clock of its own: what it issues, what it keeps, and when it
-- makes a new issuing CA. Several processes at once are in tests/integration.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local fs = require "certauto.fs"
local key = require "certauto.key"
local time = require "certauto.time"
local x509 = require "certauto.x509"
local test, equal = check.test, check.equal

local DAY <const> = 86400
local PATH <const> = "hooks/issue/local-ca.lua"

-- A hook whose store and clock are tables of ours.
local function load_hook(world)
  world.files = world.files or {}
  world.lines = world.lines or {}
  world.locked = world.locked or 0
  local modules = {
    ["certauto.store"] = {
      get = function(name)
        if world.broken then
          return nil, "the store is broken", "system"
        elseif not world.files[name] then
          return nil, "not there", "not_found"
        end
        return world.files[name]
      end,
      set = function(name, bytes)
        if world.full then
          return nil, "the store is full", "system"
        end
        world.files[name] = bytes
        return true
      end,
      lock = function()
        if world.busy then
          return nil, "somebody holds the lock", "timeout"
        end
        world.locked = world.locked + 1
        if world.on_lock then
          world.on_lock()
        end
        return setmetatable({}, { __close = function() end })
      end,
    },
    ["certauto.log"] = {
      info = function(message)
        table.insert(world.lines, message)
      end,
      warning = function(message)
        table.insert(world.lines, message)
      end,
    },
    ["certauto.time"] = {
      now = function()
        return world.now or time.now()
      end,
      format = time.format,
    },
  }
  local environment = setmetatable({
    require = function(name)
      return modules[name] or require(name)
    end,
  }, { __index = _G })
  return assert(load(assert(fs.read(PATH)), "@" .. PATH, "t", environment))()
end

local function request(names, options, settings)
  local mine = key.generate()
  local asked = { lifetime = 90 * DAY, name = "certauto local CA" }
  for name, value in pairs(options or {}) do
    asked[name] = value
  end
  return { names = names, csr = assert(x509.request(mine, names, settings)), options = asked, key = mine }
end

local function issue(world, names, options, settings)
  local hook = load_hook(world)
  local asked = request(names or { "www.example.org" }, options, settings)
  local answer, message, details = hook.issue(asked)
  if not answer then
    return nil, message, details
  end
  return answer, x509.read(answer.certificate), asked
end

test("local_ca_issues_what_the_request_asks", function()
  local world = {}
  local names = { "www.example.org", "*.example.org", "192.0.2.1", "2001:db8::1" }
  local answer, facts, asked = issue(world, names, nil, { subject = "CN=one, O=two\\, three", usage = { "client" } })
  equal(facts.names, names)
  equal(facts.subject, "CN=one, O=two\\, three")
  equal(facts.usage, { "client" })
  equal(facts.not_after - facts.not_before, 90 * DAY)
  equal(facts.ca, false)
  equal(x509.matches(answer.certificate, asked.key), true)
  local chain = assert(x509.check_chain(answer.certificate, answer.chain, { trust = world.files["local-ca/root.pem"] }))
  equal(chain, answer.chain)
end)

test("local_ca_certificates_are_for_servers_unless_asked_otherwise", function()
  local _, facts = issue({}, { "192.0.2.1" })
  equal(facts.usage, { "server" })
  equal(facts.subject, "")
  equal(facts.names, { "192.0.2.1" })
end)

test("local_ca_is_made_once_and_kept", function()
  local world = {}
  local first = assert(issue(world))
  equal(world.locked, 1)
  local kept = {}
  for name, bytes in pairs(world.files) do
    kept[name] = bytes
  end
  local names = {}
  for name in pairs(kept) do
    table.insert(names, name)
  end
  table.sort(names)
  equal(world.lines, { "made a root CA; clients must trust store/local-ca/root.pem", "made an issuing CA" })
  equal(names, { "local-ca/issuing", "local-ca/root", "local-ca/root.pem" })
  assert(not kept["local-ca/root.pem"]:find "PRIVATE")
  for _ = 1, 3 do
    equal(issue(world).chain, first.chain)
  end
  equal(world.files, kept)
  equal(world.locked, 1)
end)

test("local_ca_of_another_process_is_taken", function()
  local other = {}
  assert(issue(other))
  local world = {}
  -- While we wait for the lock the other one makes it.
  world.on_lock = function()
    world.files = other.files
  end
  local answer = assert(issue(world))
  equal(answer.chain, issue(other).chain)
end)

test("local_ca_lifetimes_are_as_asked_from_a_second_on", function()
  local world = {}
  for _, lifetime in ipairs { 1, 5, 60, 3600, DAY, 825 * DAY, 10 * 365 * DAY } do
    local before = time.now()
    local _, facts = issue(world, nil, { lifetime = lifetime })
    equal(facts.not_after - facts.not_before, lifetime)
    assert(facts.not_before <= time.now() and facts.not_before >= before - 60)
    assert(facts.not_after > before, "dead on arrival")
  end
end)

-- check_chain judges by the real clock, so that the CA's age is changed instead: "now" lies before the real time.
test("local_ca_renews_its_issuing_ca_before_a_certificate_would_outlive_it", function()
  local life = 1825 * DAY
  -- Left of the issuing CA's life when the second certificate is asked for, and whether it still does.
  for left, stays in pairs { [90 * DAY - 61] = false, [90 * DAY] = true, [200 * DAY] = true, [DAY] = false } do
    local world = { now = time.now() - life + left }
    local first = assert(issue(world))
    local root = world.files["local-ca/root.pem"]
    world.now = nil
    local second, facts = issue(world)
    equal(second.chain == first.chain, stays)
    assert(facts.not_after <= x509.read(second.chain).not_after)
    equal(world.files["local-ca/root.pem"], root)
    assert(x509.check_chain(second.certificate, second.chain, { trust = root }))
  end
end)

test("local_ca_makes_no_certificate_that_outlives_the_root", function()
  local world = { now = time.now() - 7300 * DAY + 30 * DAY }
  assert(issue(world))
  world.now = nil
  local answer, message, details = issue(world)
  equal(answer, nil)
  check.contains(message, "the root CA ends at ")
  equal(details, { permanent = true })
  local shorter, facts = issue(world, nil, { lifetime = 29 * DAY })
  assert(facts.not_after <= x509.read(shorter.chain).not_after)
  assert(x509.read(shorter.chain).not_after <= x509.read(world.files["local-ca/root.pem"]).not_after)
end)

test("local_ca_refuses_names_that_do_not_fit", function()
  local _, message, details = issue({}, nil, { name = ("x"):rep(33) })
  check.contains(message, "at most 32 bytes")
  equal(details, { permanent = true })
  _, message = issue({}, nil, { lifetime = 0 })
  check.contains(message, "at least one second")
  local world = {}
  assert(issue(world, nil, { name = 'A, B + "C" <D>' }))
  equal(x509.read(world.files["local-ca/root.pem"]).subject, 'CN=A\\, B \\+ \\"C\\" \\<D\\> root')
end)

test("local_ca_refuses_requests_with_a_wrong_signature", function()
  local hook = load_hook {}
  local asked = request { "example.org" }
  asked.csr = assert(fs.read "tests/data/x509/forged.csr")
  local answer, message = hook.issue(asked)
  equal(answer, nil)
  check.contains(message, "signature")
end)

test("local_ca_never_overwrites_what_it_cannot_read", function()
  for _, name in ipairs { "local-ca/root", "local-ca/issuing" } do
    for _, rubbish in ipairs { "", "rubbish", key.generate():pem() } do
      local world = {}
      assert(issue(world))
      world.files[name] = rubbish
      local answer, message = issue(world)
      equal(answer, nil)
      check.contains(message, "store/" .. name)
      equal(world.files[name], rubbish)
    end
  end
end)

test("local_ca_says_why_the_store_fails", function()
  for _, fault in ipairs { "broken", "full", "busy" } do
    local answer, message = issue { [fault] = true }
    equal(answer, nil)
    check.contains(message, fault == "busy" and "lock" or fault)
  end
end)

test("local_ca_puts_the_root_for_clients_back", function()
  local world = {}
  assert(issue(world))
  local root = world.files["local-ca/root.pem"]
  world.files["local-ca/root.pem"] = nil
  assert(issue(world))
  equal(world.files["local-ca/root.pem"], root)
end)

local function revoke(world, answer, reason)
  return load_hook(world).revoke {
    certificate = answer.certificate,
    reason = reason,
    previous = { certificate = answer.certificate, chain = answer.chain },
  }
end

test("local_ca_notes_what_it_revokes_once_with_time_and_reason", function()
  local world = {}
  local answer, facts = issue(world)
  equal(revoke(world, answer, "keyCompromise"), true)
  local name = "local-ca/revoked-" .. facts.serial
  check.contains(world.files[name], " keyCompromise\n")
  local first = world.files[name]
  equal(revoke(world, answer, "superseded"), true)
  equal(world.files[name], first)
  check.contains(world.lines[#world.lines], "there is no CRL")
end)

test("local_ca_revokes_only_its_own", function()
  local world, other = {}, {}
  local answer = assert(issue(world))
  local done, message, details = revoke(other, answer, "superseded")
  equal(done, nil)
  check.contains(message, "no CA here")
  equal(details, { permanent = true })
  assert(issue(other))
  done, message, details = revoke(other, answer, "superseded")
  equal(done, nil)
  check.contains(message, "not of this CA")
  equal(details, { permanent = true })
  world.full = true
  done, message = revoke(world, answer, "superseded")
  equal(done, nil)
  check.contains(message, "full")
end)

return check.status()
