-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.net as hooks use it. Peers of bad manners and TLS are in tests/integration/43-net.sh.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local net = require "certauto.net"
local test, equal, raises, fails = check.test, check.equal, check.raises, check.fails

test("net_resolve_lists_addresses", function()
  equal(net.resolve "127.0.0.1", { "127.0.0.1" })
  equal(net.resolve "::1", { "::1" })
  fails("not_found", net.resolve "127.0.0.1.no-such-host.invalid.")
  raises("NUL", net.resolve, "local\0host")
end)

test("net_connect_raises_for_misuse", function()
  raises("host is missing", net.connect, { port = 1 })
  raises("port is a whole number", net.connect, { host = "127.0.0.1" })
  raises("port is a whole number", net.connect, { host = "127.0.0.1", port = 65536 })
  raises("port is a whole number", net.connect, { host = "127.0.0.1", port = 1.5 })
  raises("kind is", net.connect, { host = "127.0.0.1", port = 1, kind = "raw" })
  raises("no TLS over UDP", net.connect, { host = "127.0.0.1", port = 1, kind = "udp", tls = true })
  raises("go with tls", net.connect, { host = "127.0.0.1", port = 1, server_name = "www.example.org" })
  raises("timeout is a number", net.connect, { host = "127.0.0.1", port = 1, timeout = -1 })
  raises("alpn is a list", net.connect, { host = "127.0.0.1", port = 1, tls = true, alpn = {} })
  raises("alpn is a list", net.connect, { host = "127.0.0.1", port = 1, tls = true, alpn = { ("x"):rep(64) } })
  raises("unknown field", net.connect, { host = "127.0.0.1", port = 1, verify = false })
  raises("text without NUL", net.connect, { host = "127.0.0.1\0", port = 1 })
end)

test("net_connect_fails_where_nobody_listens", function()
  check.contains(fails("system", net.connect { host = "127.0.0.1", port = 1 }), "127.0.0.1:1: no connection")
  fails("not_found", net.connect { host = "no-such-host.invalid.", port = 1 })
end)

test("net_connections_are_owned_and_closed_once", function()
  local connection = assert(net.connect { host = "127.0.0.1", port = 9, kind = "udp", timeout = 0.05 })
  raises("by receive alone", connection.line, connection)
  raises("by receive alone", connection.read, connection, 1)
  raises("1 to 1048576", connection.receive, connection, 0)
  equal(connection:protocol(), nil)
  equal(connection:close(), true)
  raises("closed before", connection.send, connection, "x")
  equal(connection:close(), true)
  do
    local other <close> = assert(net.connect { host = "127.0.0.1", port = 9, kind = "udp" })
    connection = other
  end
  raises("closed before", connection.send, connection, "x")
end)

return check.status()
