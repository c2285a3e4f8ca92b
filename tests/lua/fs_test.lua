-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.fs: files read and written whole, staged, looked at; links and folders.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local fs = require "certauto.fs"
local test, equal = check.test, check.equal

local folder = check.folder()
local function path(name)
  return folder .. "/" .. name
end

test("fs_writes_and_reads_exactly_the_bytes_given", function()
  for _, bytes in ipairs { "", "text\n", "\0\255\r\n", ("x"):rep(100000) } do
    equal(fs.write(path "a", bytes), true)
    assert(fs.read(path "a") == bytes)
  end
  equal(fs.list(folder), { "a" })
end)

test("fs_read_has_a_limit", function()
  assert(fs.write(path "a", ("x"):rep(1000)))
  assert(fs.read(path "a", 1000))
  assert(fs.read(path "a", 999) == nil)
  check.fails("not_found", fs.read(path "nothing"))
  assert(fs.read(folder) == nil)
end)

test("fs_write_sets_mode_and_owner", function()
  assert(fs.write(path "a", "x"))
  equal(fs.stat(path "a").mode, 384)
  assert(fs.write(path "a", "x", { mode = "0640" }))
  equal(fs.stat(path "a").mode, 416)
  assert(fs.write(path "a", "x", { mode = 420 }))
  equal(fs.stat(path "a").mode, 420)
  local me = fs.stat(path "a")
  assert(fs.write(path "a", "x", { owner = me.owner, group = me.group }))
  assert(fs.write(path "a", "x", { owner = tostring(me.owner), group = tostring(me.group) }))
  check.contains(check.fails("not_found", fs.write(path "a", "y", { owner = "no-such-account" })), "no-such-account")
  check.contains(check.fails("not_found", fs.write(path "a", "y", { group = "no-such-group" })), "no-such-group")
  equal(fs.read(path "a"), "x")
  if me.owner == 0 then
    assert(fs.write(path "a", "x", { owner = "nobody", group = 12345 }))
    local after = fs.stat(path "a")
    equal(after.owner_name, "nobody")
    equal(after.group, 12345)
    equal(after.group_name, nil)
  end
end)

test("fs_write_fails_where_it_cannot", function()
  check.fails("not_found", fs.write("/nowhere/file", "x"))
  assert(fs.write(folder, "x") == nil)
end)

test("fs_stage_changes_nothing_until_the_commit", function()
  assert(fs.write(path "a", "old"))
  local staged = assert(fs.stage(path "a", "new", { mode = "0600" }))
  equal(fs.read(path "a"), "old")
  equal(staged:commit(), true)
  equal(fs.read(path "a"), "new")
  check.raises("closed before", staged.commit, staged)
  staged = assert(fs.stage(path "a", "newer"))
  equal(#fs.list(folder), 2)
  equal(staged:discard(), true)
  equal(fs.list(folder), { "a" })
  equal(fs.read(path "a"), "new")
end)

test("fs_stage_leaves_nothing_behind", function()
  do
    local staged <close> = assert(fs.stage(path "a", "x"))
    assert(staged and #fs.list(folder) == 2)
  end
  equal(fs.list(folder), { "a" })
  fs.stage(path "a", "x")
  collectgarbage()
  collectgarbage()
  equal(fs.list(folder), { "a" })
  check.fails("not_found", fs.stage("/nowhere/file", "x"))
end)

test("fs_remove_bears_what_is_not_there", function()
  assert(fs.write(path "b", "x"))
  equal(fs.remove(path "b"), true)
  equal(fs.remove(path "b"), true)
  equal(fs.exists(path "b"), false)
end)

test("fs_stat_tells_what_stands_there", function()
  assert(fs.write(path "a", "12345"))
  local status = assert(fs.stat(path "a"))
  equal(status.type, "file")
  equal(status.size, 5)
  equal(status.writable, true)
  equal(fs.lstat(path "a").writable, nil)
  assert(math.abs(status.mtime - os.time()) < 10)
  equal(fs.stat(folder).type, "directory")
  equal(fs.stat("/dev/null").type, "other")
  check.fails("not_found", fs.stat(path "nothing"))
  equal(fs.exists(path "a"), true)
  equal(fs.exists(path "nothing"), false)
end)

test("fs_links_are_switched_in_place", function()
  equal(fs.link("a", path "link"), true)
  equal(fs.readlink(path "link"), "a")
  equal(fs.lstat(path "link").type, "link")
  equal(fs.stat(path "link").type, "file")
  equal(fs.link("elsewhere", path "link"), true)
  equal(fs.readlink(path "link"), "elsewhere")
  check.fails("not_found", fs.stat(path "link"))
  equal(fs.exists(path "link"), false)
  assert(fs.readlink(path "a") == nil)
  equal(fs.remove(path "link"), true)
end)

test("fs_mkdir_bears_what_is_there", function()
  equal(fs.mkdir(path "folder", { mode = "0700" }), true)
  equal(fs.mkdir(path "folder"), true)
  equal(fs.stat(path "folder").mode, 448)
  check.fails("not_found", fs.mkdir(path "x/y/z"))
  equal(fs.mkdir(path "x/y/z", { parents = true }), true)
  equal(fs.stat(path "x/y/z").type, "directory")
end)

test("fs_list_is_sorted", function()
  assert(fs.mkdir(path "list"))
  for _, name in ipairs { "c", "a", ".hidden", "b" } do
    assert(fs.write(path("list/" .. name), ""))
  end
  equal(fs.list(path "list"), { ".hidden", "a", "b", "c" })
  check.fails("not_found", fs.list(path "nothing"))
end)

test("fs_misuse_raises", function()
  for _, name in ipairs { "read", "write", "stage", "remove", "exists", "stat", "lstat", "mkdir",
    "link", "readlink", "list" } do
    check.raises("bad argument", fs[name])
    check.raises("bad argument", fs[name], {})
    check.raises("bad argument", fs[name], 1)
    check.raises("NUL", fs[name], "a\0b", "x")
  end
  check.raises("unknown field 'user'", fs.write, path "a", "x", { user = "root" })
  check.raises("mode is", fs.write, path "a", "x", { mode = "rw" })
  check.raises("mode is", fs.write, path "a", "x", { mode = "0888" })
  check.raises("mode is", fs.write, path "a", "x", { mode = 4096 })
  check.raises("mode is", fs.write, path "a", "x", { mode = true })
  check.raises("names or numbers", fs.write, path "a", "x", { owner = {} })
  check.raises("a limit", fs.read, path "a", -1)
  check.raises("a limit", fs.read, path "a", 1 << 40)
end)

check.command("rm", "-rf", folder)
return check.status()
