#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# certauto.net against real and hostile peers: slow, closing, garbage, huge datagrams, TLS that proves the wrong thing.
# needs: perl-base openssl
. "$(dirname "$0")/lib.sh"

tcp=$(free_port)
udp=$(free_port)
rubbish=$(free_port)
drip=$(free_port)
tls=$(free_port)
old=$(free_port)
late=$(free_port)
peer=$TREE/tests/integration/net_peer.pl
start tcp perl "$peer" tcp "$tcp"
start udp perl "$peer" udp "$udp"
start rubbish env PEER_DEFAULT=rubbish perl "$peer" tcp "$rubbish"
start drip env PEER_DEFAULT=record perl "$peer" tcp "$drip"
make_certificate "$DIR/ca.pem" "$DIR/ca.key" "DNS:localhost,IP:127.0.0.1" "-1 day" "+10 days"
make_certificate "$DIR/old.pem" "$DIR/old.key" "DNS:localhost" "-9 days" "-1 day"
start tls openssl s_server -www -alpn dot,http/1.1 -accept "127.0.0.1:$tls" -cert "$DIR/ca.pem" -key "$DIR/ca.key"
start old openssl s_server -www -tls1_2 -accept "127.0.0.1:$old" -cert "$DIR/ca.pem" -key "$DIR/ca.key"
start late openssl s_server -www -accept "127.0.0.1:$late" -cert "$DIR/old.pem" -key "$DIR/old.key"

# talk SETTINGS METHOD ARGUMENT WISH...: connects, sends each wish, prints what METHOD gives, how long it took and the
# protocol. SETTINGS are fields of a Lua table.
cat >"$DIR/talk.lua" <<'END'
local fs = require "certauto.fs"
local net = require "certauto.net"
local time = require "certauto.time"
local function ca(name)
  return assert(fs.read(arg[1] .. "/" .. name .. ".pem"))
end
local settings = assert(load("local ca = ... return {host = '127.0.0.1', " .. arg[2] .. "}"))(ca)
local began = time.boot()
local connection, message, code = net.connect(settings)
if not connection then
  print("failed " .. code .. ": " .. message)
else
  for i = 5, #arg do
    assert(connection:send((arg[i]:gsub("\\n", "\n"):gsub("\\r", "\r"))))
  end
  for _ = 1, 4 do
    local got
    got, message, code = connection[arg[3]](connection, math.tointeger(arg[4]))
    print(got and ("got %d '%s'"):format(#got, got:sub(1, 60)) or "failed " .. code .. ": " .. message)
    if not got or got == "" then break end
  end
  print("protocol", connection:protocol())
end
print(time.boot() - began < 2 and "soon" or "late")
END
talk() {
    "$CERTAUTO" lua "$DIR/talk.lua" "$DIR" "$@" >"$DIR/out" 2>&1
}
answers() {
    talk "$@" && grep -q "^got" "$DIR/out"
}
wait_for 5 answers "port = $tcp" line "" 'lines\n'
wait_for 5 answers "port = $udp, kind = 'udp', timeout = 0.2" receive "" hello
for port in $tls $old $late; do
    wait_for 5 openssl s_client -connect "127.0.0.1:$port" </dev/null
done
wait_for 5 sh -c "perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(qq(127.0.0.1:$rubbish))'"
wait_for 5 sh -c "perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(qq(127.0.0.1:$drip))'"

# ---- TCP

talk "port = $tcp" line "" 'lines\n'
says "a line comes without CR LF" "$DIR/out" "got 8 'echo one'"
says "and without LF" "$DIR/out" "got 3 'two'"
says "a line without an end is a failure" "$DIR/out" "failed format: the connection ended before the end of a line"
talk "port = $tcp" read 9 'lines\n'
says "exactly so many bytes are read" "$DIR/out" "got 9 'echo one"
says "a stream that ends before is a failure" "$DIR/out" "failed format: the connection ended with 8 bytes missing"
talk "port = $tcp" receive "" 'close\n'
says "the end of the stream is an empty piece" "$DIR/out" "got 0 ''"
talk "port = $tcp" line 4096 'long\n'
says "a line is bounded" "$DIR/out" "failed refused: a line is too long"
talk "port = $tcp" receive 10 'long\n'
says "a piece is as long as is asked for" "$DIR/out" "got 10 'xxxxxxxxxx'"
talk "port = $tcp, timeout = 0.5" line "" 'drip\n'
says "a peer that drips is cut off" "$DIR/out" "failed timeout"
says "in time" "$DIR/out" "soon"
talk "port = $tcp, timeout = 0.3" read 5 'silent\n'
says "a peer that is silent too" "$DIR/out" "failed timeout"

# ---- UDP

talk "port = $udp, kind = 'udp', timeout = 0.3" receive "" hello
says "a datagram goes and comes" "$DIR/out" "got 10 'echo hello'"
says "what does not come is a timeout" "$DIR/out" "failed timeout"
talk "port = $udp, kind = 'udp', timeout = 1" receive 512 huge
says "a huge datagram is refused, not cut" "$DIR/out" "failed refused: a datagram of more than 512 bytes came"
talk "port = $udp, kind = 'udp', timeout = 1" receive "" huge
says "unless there is room for it" "$DIR/out" "got 60000 'xxx"
talk "port = $udp, kind = 'udp', timeout = 1" receive "" empty
says "a datagram may be empty" "$DIR/out" "got 0 ''"
talk "port = $udp, kind = 'udp', timeout = 0.3" receive "" stranger
says "the peer is heard" "$DIR/out" "got 4 'true'"
silent_about "a stranger is not" "$DIR/out" "forged"
talk "port = $(free_port), kind = 'udp', timeout = 0.3" receive "" hello
says "a port that is closed says so" "$DIR/out" "failed system"

# ---- TLS

get='GET / HTTP/1.0\r\n\r\n'
talk "port = $tls, tls = true, trust = ca 'ca', alpn = {'h2', 'dot'}" line "" "$get"
says "TLS 1.3 to an address that the certificate has" "$DIR/out" "got 15 'HTTP/1.0 200 ok'"
says "the protocol is the server's choice" "$DIR/out" "protocol	dot"
talk "host = 'localhost', port = $old, tls = true, trust = ca 'ca'" line "" "$get"
says "TLS 1.2 to a name" "$DIR/out" "got 15 'HTTP/1.0 200 ok'"
says "no protocol was asked for" "$DIR/out" "protocol	nil"
talk "port = $tls, tls = true" line "" "$get"
says "a CA that the system does not trust is refused" "$DIR/out" "failed refused: the TLS certificate of 127.0.0.1"
talk "port = $tls, tls = true, trust = ca 'ca', server_name = 'www.example.org'" line "" "$get"
says "another name is refused" "$DIR/out" "of www.example.org is not trusted: it is not for this name"
talk "port = $tls, tls = true, trust = ca 'ca', server_name = '127.0.0.2'" line "" "$get"
says "another address too" "$DIR/out" "of 127.0.0.2 is not trusted: it is not for this name"
talk "port = $late, tls = true, trust = ca 'old', server_name = 'localhost'" line "" "$get"
says "an expired certificate too" "$DIR/out" "failed refused: the TLS certificate of localhost is not trusted: it has expired"
talk "port = $tls, tls = true, trust = 'no PEM'" line "" "$get"
says "a bundle that is none is told" "$DIR/out" "failed format: the bundle of CA certificates holds none"
talk "port = $rubbish, tls = true, trust = ca 'ca'" line "" "$get"
says "garbage instead of TLS is a failure" "$DIR/out" "failed format: the TLS handshake"
talk "port = $drip, tls = true, trust = ca 'ca', timeout = 0.5" line "" "$get"
says "a handshake has its time" "$DIR/out" "failed timeout"
says "whatever drips" "$DIR/out" "soon"
talk "port = $tcp, tls = true, trust = ca 'ca', timeout = 1" line "" "$get"
says "a peer that closes is told" "$DIR/out" "failed format: the TLS handshake"
