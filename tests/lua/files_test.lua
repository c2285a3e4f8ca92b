-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- The built-in hook publish/files: what it writes, and what it puts back when a step fails.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local fs = require "certauto.fs"
local test, equal = check.test, check.equal

local hook = check.hook("hooks/publish/files.lua")
local folder = check.folder()
local count = 0
local here -- of the test that runs

local function path(name)
  return here .. "/" .. name
end

-- Each test has a folder of its own.
local function case(name, body)
  count = count + 1
  here = folder .. "/" .. count
  assert(fs.mkdir(here))
  test(name, body)
end

-- The bundle of a generation; its texts tell of which.
local function bundle(generation, options)
  return {
    name = "www", profile = "web", generation = generation, options = options,
    certificate = "certificate " .. generation .. "\n", chain = "chain " .. generation .. "\n",
    fullchain = "certificate " .. generation .. "\nchain " .. generation .. "\n", key = "key " .. generation .. "\n",
  }
end

local function everything()
  return {
    cert = path "%{name}.crt", key = path "%{name}.key", chain = path "chain.pem",
    fullchain = path "full.pem", combined = path "all.pem", mode = "0644", key_mode = "0600",
  }
end

local function assert_holds(generation)
  equal(fs.read(path "www.crt"), "certificate " .. generation .. "\n")
  equal(fs.read(path "www.key"), "key " .. generation .. "\n")
  equal(fs.read(path "chain.pem"), "chain " .. generation .. "\n")
  equal(fs.read(path "full.pem"), ("certificate %d\nchain %d\n"):format(generation, generation))
  equal(fs.read(path "all.pem"), ("key %d\ncertificate %d\nchain %d\n"):format(generation, generation, generation))
end

local function fails(part, done, message)
  equal(done, nil)
  check.contains(message, part)
end

case("files_writes_all_five_files", function()
  equal(hook.publish(bundle(1, everything())), true)
  assert_holds(1)
  equal(#fs.list(here), 5)
  for name, mode in pairs { ["www.crt"] = 420, ["chain.pem"] = 420, ["full.pem"] = 420,
    ["www.key"] = 384, ["all.pem"] = 384 } do
    equal(fs.stat(path(name)).mode, mode)
  end
  equal(hook.publish(bundle(2, everything())), true)
  assert_holds(2)
end)

case("files_heeds_modes_and_owners", function()
  local options = everything()
  options.mode, options.key_mode = "0444", "0640"
  local root = fs.stat(here).owner == 0
  if root then
    options.owner, options.key_group = "nobody", "12345"
  end
  equal(hook.publish(bundle(1, options)), true)
  equal(fs.stat(path "www.crt").mode, 292)
  equal(fs.stat(path "all.pem").mode, 416)
  if root then
    equal(fs.stat(path "www.crt").owner_name, "nobody")
    equal(fs.stat(path "www.key").owner, 0)
    equal(fs.stat(path "www.key").group, 12345)
  end
  -- Changed by hand, they are set again, although the content is right.
  check.command("chmod", "0600", path "www.crt")
  equal(hook.publish(bundle(1, options)), true)
  equal(fs.stat(path "www.crt").mode, 292)
  if root then
    check.command("chown", "0:0", path "www.crt", path "www.key")
    equal(hook.publish(bundle(1, options)), true)
    equal(fs.stat(path "www.crt").owner_name, "nobody")
    equal(fs.stat(path "www.key").group, 12345)
  end
end)

case("files_fills_in_paths", function()
  equal(hook.publish(bundle(1, { cert = path "100%%-%{name}%%{name}.pem" })), true)
  equal(fs.list(here), { "100%-www%{name}.pem" })
  for wrong, part in pairs {
    ["%{domain}"] = "'%{domain}' means nothing", ["%{name"] = "'%{name'", ["%name"] = "'%name'", ["a%"] = "'%'",
    ["%{}"] = "'%{}'", ["%s"] = "'%s'", ["%%%"] = "'%'",
  } do
    fails(part, hook.publish(bundle(1, { cert = path(wrong) })))
  end
end)

case("files_refuses_paths_that_cannot_be_meant", function()
  fails("none of cert", hook.publish(bundle(1, {})))
  fails("not the absolute path", hook.publish(bundle(1, { cert = "cert.pem" })))
  fails("not the absolute path", hook.publish(bundle(1, { cert = "" })))
  fails("not the absolute path", hook.publish(bundle(1, { cert = here .. "/" })))
  fails("cert and key are the same file", hook.publish(bundle(1, { cert = path "a", key = path "a" })))
  fails("same file", hook.publish(bundle(1, { cert = path "a", chain = here .. "//a" })))
  fails("the folder " .. here .. "/nothing is not there", hook.publish(bundle(1, { cert = path "nothing/a" })))
  assert(fs.write(path "file", ""))
  fails("is no folder", hook.publish(bundle(1, { cert = path "file/a" })))
  fails("is there and no file", hook.publish(bundle(1, { cert = here })))
  equal(fs.list(here), { "file" })
end)

case("files_runs_the_command_after_all_files", function()
  local options = everything()
  options.reload = ("sh -c 'cat %s/www.crt %s/all.pem > %s/seen'"):format(here, here, here)
  equal(hook.publish(bundle(1, options)), true)
  equal(fs.read(path "seen"), "certificate 1\nkey 1\ncertificate 1\nchain 1\n")
end)

case("files_in_place_are_not_written_again", function()
  local options = everything()
  options.reload = ("sh -c 'echo x >> %s/runs'"):format(here)
  equal(hook.publish(bundle(1, options)), true)
  local before = check.command("stat", "-c", "%i %Z", path "www.crt", path "all.pem")
  equal(hook.publish(bundle(1, options)), true)
  equal(check.command("stat", "-c", "%i %Z", path "www.crt", path "all.pem"), before)
  equal(fs.read(path "runs"), "x\nx\n")
end)

case("files_puts_back_when_the_command_fails", function()
  local options = everything()
  equal(hook.publish(bundle(1, options)), true)
  check.command("chmod", "0440", path "www.crt")
  options.reload = "sh -c 'echo first >&2; echo wrong syntax >&2; exit 7'"
  fails("reload ended with 7: wrong syntax", hook.publish(bundle(2, options)))
  assert_holds(1)
  equal(fs.stat(path "www.crt").mode, 288)
  equal(#fs.list(here), 5)
  options.reload = "/nowhere/command"
  fails("reload: ", hook.publish(bundle(2, options)))
  assert_holds(1)
end)

case("files_puts_back_what_was_not_there_and_what_was_a_link", function()
  assert(fs.write(path "real", "of the user"))
  assert(fs.link("real", path "www.crt"))
  fails("reload ended with 1", hook.publish(bundle(1, { cert = path "%{name}.crt", key = path "k",
  reload = "false" })))
  equal(fs.list(here), { "real", "www.crt" })
  equal(fs.readlink(path "www.crt"), "real")
  equal(fs.read(path "real"), "of the user")
  equal(hook.publish(bundle(1, { cert = path "%{name}.crt" })), true)
  equal(fs.lstat(path "www.crt").type, "file")
  equal(fs.read(path "real"), "of the user")
end)

case("files_changes_nothing_when_one_cannot_be_staged", function()
  local options = everything()
  equal(hook.publish(bundle(1, options)), true)
  options.key_owner = "no-such-account"
  fails("no-such-account", hook.publish(bundle(2, options)))
  assert_holds(1)
  equal(#fs.list(here), 5)
end)

case("files_puts_back_when_a_switch_fails", function()
  local options = everything()
  equal(hook.publish(bundle(1, options)), true)
  -- The third file cannot be switched: the staged file is taken away behind the hook's back.
  local stage, calls = fs.stage, 0
  fs.stage = function(...)
    calls = calls + 1
    local staged, message = stage(...)
    if calls == 3 then
      check.command("sh", "-c", ("rm -f '%s'/.*chain.pem* '%s'/*chain.pem?*"):format(here, here))
    end
    return staged, message
  end
  local done, message = hook.publish(bundle(2, options))
  fs.stage = stage
  fails("chain.pem", done, message)
  assert_holds(1)
  equal(#fs.list(here), 5)
end)

case("files_undoes_also_when_something_raises", function()
  local options = everything()
  equal(hook.publish(bundle(1, options)), true)
  local stage, calls = fs.stage, 0
  fs.stage = function(...)
    calls = calls + 1
    if calls == 4 then
      error("out of the blue")
    end
    return stage(...)
  end
  check.raises("out of the blue", hook.publish, bundle(2, options))
  fs.stage = stage
  assert_holds(1)
  equal(#fs.list(here), 5)
end)

case("files_needs_a_key_where_one_is_asked_for", function()
  local without = bundle(1, { cert = path "a", key = path "b" })
  without.key = nil
  fails("key: generation 1 has no key", hook.publish(without))
  equal(fs.list(here), {})
  without.options.key = nil
  equal(hook.publish(without), true)
end)

case("files_bears_an_empty_chain_and_missing_newlines", function()
  local short = bundle(1, { chain = path "chain", combined = path "all" })
  short.chain, short.fullchain, short.key = "", "certificate", "key"
  equal(hook.publish(short), true)
  equal(fs.read(path "chain"), "")
  equal(fs.read(path "all"), "key\ncertificate\n")
end)

case("files_rolls_back_to_the_previous_bundle", function()
  local options = everything()
  options.reload = ("sh -c 'echo x >> %s/runs'"):format(here)
  equal(hook.publish(bundle(1, options)), true)
  equal(hook.publish(bundle(2, options)), true)
  equal(hook.rollback(bundle(1, options), bundle(2, options)), true)
  assert_holds(1)
  equal(fs.read(path "runs"), "x\nx\nx\n")
  -- Also when there is nothing to put back.
  equal(hook.rollback(bundle(1, options), bundle(2, options)), true)
  assert_holds(1)
end)

case("files_keeps_the_previous_files_when_their_reload_fails", function()
  local options = everything()
  equal(hook.publish(bundle(1, options)), true)
  equal(hook.publish(bundle(2, options)), true)
  options.reload = "false"
  fails("reload ended with 1", hook.rollback(bundle(1, options), bundle(2, options)))
  assert_holds(1)
end)

case("files_sweeps_what_a_power_cut_left", function()
  local old, new, other = path ".www.key.tmpabcdef", path ".www.key.tmpabcde0", path ".other.tmpabcdef"
  for _, name in ipairs { old, new, other, path ".www.key.tmp-mine" } do
    assert(fs.write(name, "key"))
  end
  check.command("touch", "-d", "2 days ago", old, other, path ".www.key.tmp-mine")
  equal(hook.publish(bundle(1, { key = path "%{name}.key" })), true)
  equal(fs.list(here), { ".other.tmpabcdef", ".www.key.tmp-mine", ".www.key.tmpabcde0", "www.key" })
end)

case("files_rolls_back_to_nothing", function()
  local options = everything()
  equal(hook.publish(bundle(1, options)), true)
  equal(hook.rollback(nil, bundle(1, options)), true)
  equal(fs.list(here), {})
  equal(hook.rollback(nil, bundle(1, options)), true)
  -- What is not of this publication stays.
  assert(fs.write(path "www.crt", "of the user"))
  equal(hook.rollback(nil, bundle(1, options)), true)
  equal(fs.list(here), { "www.crt" })
end)

case("rehearse_writes_below_its_folder_only", function()
  local options = everything()
  options.reload = "touch " .. path "reloaded"
  local asked = bundle(1, options)
  asked.rehearsal = path "rehearsal"
  equal(assert(hook.rehearse(asked)), true)
  equal(fs.list(here), { "rehearsal" })
  equal(fs.read(asked.rehearsal .. path "www.key"), "key 1\n")
  equal(fs.stat(asked.rehearsal .. path "www.key").mode, 384)
  equal(fs.stat(asked.rehearsal .. path "all.pem").mode, 384)
  equal(fs.stat(asked.rehearsal .. path "full.pem").mode, 420)
end)

case("rehearse_says_what_would_fail", function()
  local asked = bundle(1, { cert = path "none/a.pem" })
  asked.rehearsal = path "rehearsal"
  check.fails(nil, hook.rehearse(asked))
  check.command("chmod", "500", here)
  -- Root may write to any folder.
  local may, closed = fs.stat(here).writable, bundle(1, { cert = path "a.pem" })
  closed.rehearsal = folder .. "/closed"
  local done, message = hook.rehearse(closed)
  check.command("chmod", "700", here)
  assert(may and done or not done and message:find("cannot be written to", 1, true), message)
  asked.options = { cert = path "a.pem", reload = "/nowhere/program" }
  done, message = hook.rehearse(asked)
  equal(done, nil)
  assert(message:find "^reload: /nowhere/program: ", message)
end)

check.command("rm", "-rf", folder)
return check.status()
