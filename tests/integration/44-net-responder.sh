#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The responders of certauto.net: gone with whoever began them, of randomness of their own, patient for ten seconds.
# needs: perl-base openssl curl
. "$(dirname "$0")/lib.sh"

http=$(free_port)
one=$(free_port)
two=$(free_port)
make_certificate "$DIR/cert.pem" "$DIR/key.pem" "DNS:www.example.org" "-1 day" "+10 days"
cat >"$DIR/serve.lua" <<'END'
local fs = require "certauto.fs"
local key = require "certauto.key"
local net = require "certauto.net"
local time = require "certauto.time"
local tls = {{name = "www.example.org", certificate = assert(fs.read(arg[4])), key = assert(fs.read(arg[5]))}}
-- So that there is a generator whose state could be copied.
key.random(32)
local held = {
  assert(net.serve {address = "127.0.0.1", port = math.tointeger(arg[1]), http = {["/"] = "here"}}),
  assert(net.serve {address = "127.0.0.1", port = math.tointeger(arg[2]), tls = tls, alpn = "acme-tls/1"}),
  assert(net.serve {address = "127.0.0.1", port = math.tointeger(arg[3]), tls = tls, alpn = "acme-tls/1"}),
}
print("ready", #held)
time.sleep(60)
END
start serve "$CERTAUTO" lua "$DIR/serve.lua" "$http" "$one" "$two" "$DIR/cert.pem" "$DIR/key.pem"
listening() { # PORT
    perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new("127.0.0.1:$ARGV[0]")' "$1"
}
wait_for 10 listening "$two"

# How long a guest is waited for who says nothing, half a request, or half a handshake.
cat >"$DIR/guest.pl" <<'END'
use strict; use warnings; use IO::Socket::INET;
my ($port, $bytes) = @ARGV;
my $began = time;
my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die;
syswrite $socket, $bytes =~ s/\\x(..)/chr hex $1/ger;
sysread $socket, my $got, 1;
my $took = time - $began;
print $took >= 9 && $took < 15 ? "fine\n" : "closed after $took s\n";
END
start silent perl "$DIR/guest.pl" "$http" ""
start half perl "$DIR/guest.pl" "$http" "GET / HTTP/1.1"
start hello perl "$DIR/guest.pl" "$one" '\x16\x03\x01\x01\x00\x01'

# ---- Randomness

random_of() { # PORT: the server's random bytes, those of its first message (RFC 8446 section 4.1.3)
    openssl s_client -connect "127.0.0.1:$1" -servername www.example.org -alpn acme-tls/1 -msg </dev/null 2>/dev/null |
        awk '/^<<< .*ServerHello/ { found = 1; next } found && /^ / { text = text $0; next } found { exit }
             END { gsub(/ /, "", text); print substr(text, 13, 64) }'
}
first=$(random_of "$one")
check "a random is 32 bytes" sh -c "printf %s '$first' | grep -qxE '[0-9a-f]{64}'"
again=$(random_of "$one")
other=$(random_of "$two")
same "the randoms of two processes and two handshakes differ" 3 \
    "$(printf '%s\n' "$first" "$again" "$other" | sort -u | wc -l)"

# ---- Handshakes that are none

refute "a name that is not shown is refused" sh -c "openssl s_client -connect 127.0.0.1:$one -alpn acme-tls/1 \
    -servername other.example.org </dev/null 2>/dev/null | grep -q 'BEGIN CERTIFICATE'"
refute "so is no name at all" sh -c "openssl s_client -connect 127.0.0.1:$one -alpn acme-tls/1 -noservername \
    </dev/null 2>/dev/null | grep -q 'BEGIN CERTIFICATE'"
check "TLS 1.2 is spoken too" sh -c "openssl s_client -connect 127.0.0.1:$one -alpn acme-tls/1 -tls1_2 \
    -servername www.example.org </dev/null 2>/dev/null | grep -q 'ALPN protocol: acme-tls/1'"
check "garbage does no harm" sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | perl -MIO::Socket::INET -e '
    my \$s = IO::Socket::INET->new(qq(127.0.0.1:$one)); print \$s <STDIN>; sysread \$s, my \$g, 100; exit 0'"
check "and the next is served" listening "$one"

# ---- The end

for guest in silent half hello; do
    wait_for 20 grep -q . "$DIR/$guest.log"
    says "a guest that is $guest has ten seconds" "$DIR/$guest.log" fine
done
check "the others still hold" curl -s --noproxy '*' -o "$DIR/page" "http://127.0.0.1:$http/"
same "a page is served" here "$(cat "$DIR/page")"
kill -9 "$(cat "$DIR/serve.pid")"
gone() {
    ! listening "$http" && ! listening "$one" && ! listening "$two"
}
check "all end with whoever began them, however that ends" wait_for 5 gone

# ---- Ports of root

cat >"$DIR/low.lua" <<'END'
local responder, message, code = require "certauto.net".serve {address = "127.0.0.1", port = 79, http = {}}
print(responder and "listens" or code .. ": " .. message)
END
chmod 755 "$DIR"
chmod 644 "$DIR/low.lua"
cp "$CERTAUTO" "$DIR/certauto"
if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$DIR/certauto" lua "$DIR/low.lua"
else
    "$DIR/certauto" lua "$DIR/low.lua"
fi >"$DIR/out" 2>&1
says "a low port needs root" "$DIR/out" "refused: listening at port 79 needs root or CAP_NET_BIND_SERVICE"
