-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.exec: lists and text, settings, results.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local exec = require "certauto.exec"
local test, equal = check.test, check.equal

test("exec_run_takes_a_list_or_text", function()
  local expected = { status = 0, out = "a b|c", err = "", out_cut = false, err_cut = false }
  equal(exec.run({ "printf", "%s|%s", "a b", "c" }), expected)
  equal(exec.run("printf '%s|%s' \"a b\" c"), expected)
  equal(exec.run({ "printf", "%s", "$HOME;*`x`" }).out, "$HOME;*`x`")
end)

test("exec_run_gives_status_and_error_output", function()
  local result = assert(exec.run({ "sh", "-c", "echo no >&2; exit 3" }))
  equal(result.status, 3)
  equal(result.err, "no\n")
end)

test("exec_run_passes_input_environment_and_directory", function()
  equal(exec.run("cat", { input = "a\0b\n" }).out, "a\0b\n")
  equal(exec.run("cat", { input = "" }).out, "")
  equal(exec.run("pwd", { directory = "/etc" }).out, "/etc\n")
  equal(exec.run({ "sh", "-c", "echo $ONE-$TWO" }, { environment = { ONE = "1", TWO = 2 } }).out, "1-2\n")
end)

test("exec_run_ends_at_its_timeout", function()
  check.contains(check.fails("timeout", exec.run("sleep 100", { timeout = 0.1 })), "sleep")
end)

test("exec_run_cuts_what_is_too_much", function()
  local result = assert(exec.run("head -c 2000000 /dev/zero"))
  equal(#result.out, 1024 * 1024)
  equal(result.out_cut, true)
  equal(result.err_cut, false)
end)

test("exec_run_fails_for_what_cannot_be_started", function()
  check.fails("not_found", exec.run("certauto-no-such-command"))
  check.fails("not_found", exec.run("/nowhere/command"))
  check.fails("not_found", exec.run("true", { directory = "/nowhere" }))
  check.fails("system", exec.run("/etc/passwd"))
  check.fails("format", exec.run(""))
  check.fails("format", exec.run("a 'b"))
  check.fails("usage", exec.run({ "" }))
end)

test("exec_split_shows_the_list", function()
  equal(exec.split("a 'b c' \"d\\\"\" \\e"), { "a", "b c", 'd"', "e" })
  check.fails("format", exec.split("a \\"))
  check.fails("format", exec.split(" "))
end)

test("exec_find_tells_what_would_be_started", function()
  assert(assert(exec.find("sh -c 'exit 1'")):find("^/.*/sh$"))
  equal(exec.find { "/bin/sh", "-c" }, "/bin/sh")
  check.fails("not_found", exec.find("no-such-program now"))
  check.fails("not_found", exec.find("/etc/passwd"))
  check.fails("not_found", exec.find { "/nowhere/sh" })
  check.fails("format", exec.find(" "))
  check.raises("bad argument", exec.find)
end)

test("exec_misuse_raises", function()
  check.raises("bad argument", exec.run)
  check.raises("bad argument", exec.run, 1)
  check.raises("1 to 256", exec.run, {})
  check.raises("without NUL", exec.run, { "a\0b" })
  check.raises("without NUL", exec.run, { "a", 1 })
  check.raises("NUL", exec.run, "a\0b")
  check.raises("unknown field 'shell'", exec.run, "true", { shell = true })
  check.raises("input is a string", exec.run, "true", { input = 1 })
  check.raises("timeout", exec.run, "true", { timeout = "soon" })
  check.raises("timeout", exec.run, "true", { timeout = -1 })
  check.raises("environment", exec.run, "true", { environment = "A=B" })
  check.raises("environment", exec.run, "true", { environment = { ["A=B"] = "c" } })
  check.raises("environment", exec.run, "true", { environment = { "A=B" } })
  check.raises("bad argument", exec.split, {})
end)

return check.status()
