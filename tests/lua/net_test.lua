-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- certauto.net as hooks use it. Peers of bad manners and TLS are in tests/integration/43-net.sh.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local http = require "certauto.http"
local key = require "certauto.key"
local net = require "certauto.net"
local time = require "certauto.time"
local x509 = require "certauto.x509"
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

-- What a responder answers to bytes.
local function ask(responder, bytes, address)
  local connection <close> = assert(net.connect { host = address or "127.0.0.1", port = responder:port(), timeout = 5 })
  assert(connection:send(bytes))
  local all = {}
  repeat
    all[#all + 1] = assert(connection:receive())
  until all[#all] == ""
  return table.concat(all)
end

test("net_serve_raises_for_misuse", function()
  raises("either http, or tls", net.serve, { port = 0 })
  raises("either http, or tls", net.serve, { port = 0, http = {}, tls = {} })
  raises("either http, or tls", net.serve, { port = 0, tls = {} })
  raises("port is a whole number", net.serve, { http = {} })
  raises("paths and bodies", net.serve, { port = 0, http = { ["/"] = 1 } })
  raises("1 to 1024", net.serve, { port = 0, tls = {}, alpn = "x" })
  raises("with name, certificate and key", net.serve, { port = 0, tls = { { path = "x" } }, alpn = "x" })
  raises("the texts name", net.serve, { port = 0, tls = { { name = "x" } }, alpn = "x" })
  raises("unknown field", net.serve, { port = 0, http = {}, root = "/" })
end)

test("net_serve_answers_by_http", function()
  local body = ("x"):rep(100000)
  local responder <close> = assert(net.serve { port = 0, http = { ["/one"] = "first", ["/two"] = body } })
  local base = "http://127.0.0.1:" .. responder:port()
  local answer = assert(http.request { url = base .. "/one" })
  equal({ answer.status, answer.body }, { 200, "first" })
  equal(assert(http.request { url = base .. "/two" }).body, body)
  answer = assert(http.request { url = base .. "/one", method = "HEAD" })
  equal({ answer.status, answer.body, answer.headers["content-length"] }, { 200, "", "5" })
  equal(assert(http.request { url = base .. "/" }).status, 404)
  equal(assert(http.request { url = base .. "/one", body = "x", method = "POST" }).status, 405)
  check.contains(ask(responder, "GET /one\r\n\r\n"), "400 Bad Request")
  check.contains(ask(responder, "GET /one\0 HTTP/1.1\r\n\r\n"), "404 Not Found")
  check.contains(ask(responder, "GET /" .. ("x"):rep(5000)), "431 ")
  check.contains(ask(responder, "GET /one HTTP/1.1\r\n\r\n", "::1"), "first")
end)

test("net_serve_bears_many_who_are_silent", function()
  local responder <close> = assert(net.serve { address = "127.0.0.1", port = 0, http = { ["/"] = "here" } })
  local silent = {}
  for i = 1, 80 do
    silent[i] = assert(net.connect { host = "127.0.0.1", port = responder:port() })
  end
  check.contains(ask(responder, "GET / HTTP/1.1\r\n\r\n"), "here")
  -- The oldest had to go, the newest are still served.
  equal(silent[1]:receive(), "")
  assert(silent[80]:send "GET / HTTP/1.1\r\n\r\n")
  check.contains(silent[80]:receive(), "200 OK")
  fails("system", net.connect { host = "::1", port = responder:port() })
end)

test("net_serve_says_what_cannot_be_had", function()
  local responder = assert(net.serve { address = "127.0.0.1", port = 0, http = {} })
  local port = responder:port()
  check.contains(fails("busy", net.serve { address = "127.0.0.1", port = port, http = {} }), "is in use by another")
  check.contains(fails("busy", net.serve { port = port, http = {} }), "is in use by another")
  equal(responder:close(), true)
  fails("system", net.connect { host = "127.0.0.1", port = port })
  raises("closed before", responder.port, responder)
  fails("usage", net.serve { address = "localhost", port = 0, http = {} })
  fails("system", net.serve { address = "192.0.2.1", port = 0, http = {} })
end)

test("net_serve_shows_certificates_by_name", function()
  local function offer(name)
    local made = key.generate()
    local pem = assert(x509.issue {
      key = made,
      public_key = made:public(),
      subject = "CN=" .. name,
      names = { name },
      not_before = time.now() - 60,
      not_after = time.now() + 3600,
    })
    return { name = name, certificate = pem, key = made:pem() }
  end
  local one, two = offer "one.example.org", offer "two.example.org"
  fails("format", net.serve { port = 0, alpn = "x", tls = { { name = "x", certificate = "x", key = one.key } } })
  local mixed = { name = "x", certificate = one.certificate, key = two.key }
  fails("format", net.serve { port = 0, alpn = "x", tls = { mixed } })
  local responder <close> = assert(net.serve { port = 0, alpn = "acme-tls/1", tls = { one, two } })
  local function visit(name, trust, protocol)
    return net.connect {
      host = "127.0.0.1",
      port = responder:port(),
      tls = true,
      server_name = name,
      trust = trust.certificate,
      alpn = { protocol or "acme-tls/1" },
      timeout = 5,
    }
  end
  for _ = 1, 3 do
    local connection = assert(visit("one.example.org", one))
    equal(connection:protocol(), "acme-tls/1")
    equal(connection:receive(), "")
    equal(assert(visit("TWO.example.org", two)):protocol(), "acme-tls/1")
  end
  fails("refused", visit("one.example.org", two))
  fails("format", visit("three.example.org", one))
  fails("format", visit("one.example.org", one, "h2"))
end)

return check.status()
