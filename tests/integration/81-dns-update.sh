#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# BIND takes the updates that lib.dns_packet signs, and refuses by name what it should. Perl carries the bytes.
# needs: perl bind9
. "$(dirname "$0")/lib.sh"
need perl perl
need named bind9

VALUE=LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0
PORT=$(free_port)
SECRET256=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
SECRET512=ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=
write_config <<EOF
EOF
cat >"$DIR/named.conf" <<EOF
key "one.example" { algorithm hmac-sha256; secret "$SECRET256"; };
key "two.example" { algorithm hmac-sha512; secret "$SECRET512"; };
key "idle.example" { algorithm hmac-sha256; secret "$SECRET256"; };
options {
    directory "$DIR";
    pid-file "$DIR/named.lock";
    session-keyfile "$DIR/session.key";
    listen-on port $PORT { 127.0.0.1; };
    listen-on-v6 { none; };
    recursion no;
    notify no;
    dnssec-validation no;
};
controls { };
zone "example.org" {
    type primary;
    file "$DIR/zone";
    update-policy { grant one.example zonesub TXT; grant two.example zonesub TXT; };
};
EOF
cat >"$DIR/zone" <<EOF
\$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
_acme-challenge.alias IN CNAME _acme-challenge
EOF
# Bytes from standard input to the server over TCP, its answer to standard output.
cat >"$DIR/carry.pl" <<'EOF'
use strict;
use warnings;
use IO::Socket::INET;
local $/;
my $message = <STDIN>;
my $peer = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ARGV[0], Timeout => 5) or die "connect: $!\n";
print $peer pack('n', length $message) . $message;
$peer->flush;
alarm 10;
read $peer, my $size, 2;
read $peer, my $answer, unpack 'n', $size;
print $answer;
EOF
cat >"$DIR/act.lua" <<'EOF'
local codec = require "certauto.codec"
local exec = require "certauto.exec"
local packet = require "lib.dns_packet"
local time = require "certauto.time"

local function ask(bytes)
  local result = assert(exec.run({ "perl", os.getenv "DIR" .. "/carry.pl", os.getenv "PORT" }, { input = bytes }))
  assert(result.status == 0, result.err)
  return result.out
end

local action, name, value, zone = os.getenv "ACTION", os.getenv "RECORD", os.getenv "VALUE", os.getenv "ZONE"
if action == "look" then
  local message = assert(packet.parse(ask(packet.query(77, name, os.getenv "KIND"))))
  assert(message.id == 77 and message.response and message.authoritative, "no authoritative answer")
  local seen = {}
  for _, record in ipairs(message.records) do
    if record.section == 1 then
      seen[#seen + 1] = record.name .. " " .. tostring(record.value)
    end
  end
  table.sort(seen)
  print(table.concat(seen, "\n"))
  return
end
local key = { name = os.getenv "KEY", algorithm = os.getenv "ALGORITHM", secret = codec.unbase64(os.getenv "SECRET") }
local now = time.now() + tonumber(os.getenv "SKEW")
local signed, mac = packet.sign(packet.update(4711, zone, { name = name, value = value, ttl = 60 }, action == "add"), key,
  now)
local message, why = packet.verify(ask(signed), key, mac, now)
print(message and (message.code == 0 and "done" or packet.sentence(message.code)) or why)
EOF

# update ACTION VALUE [VARIABLE=…]: the result in $DIR/out
update() {
    action=$1 value=$2
    shift 2
    env DIR="$DIR" PORT="$PORT" ACTION="$action" VALUE="$value" RECORD=_acme-challenge.example.org ZONE=example.org \
        KEY=one.example ALGORITHM=hmac-sha256 SECRET=$SECRET256 SKEW=0 KIND=TXT "$@" \
        "$CERTAUTO" -c "$CONFIG" lua "$DIR/act.lua" >"$DIR/out" 2>&1
}

# answers SENTENCE RESULT ACTION VALUE [VARIABLE=…]
answers() {
    name=$1 result=$2
    shift 2
    update "$@"
    same "$name" "$(cat "$DIR/out")" "$result"
}

start named named -g -c "$DIR/named.conf"
check "BIND starts" wait_for 10 grep -q running "$DIR/named.log"

answers "a value is added, by HMAC-SHA256" "done" add "$VALUE"
answers "a second one comes beside it, by HMAC-SHA512" "done" add second KEY=two.example ALGORITHM=hmac-sha512 \
    SECRET=$SECRET512
answers "both are served" "_acme-challenge.example.org $VALUE
_acme-challenge.example.org second" look -
answers "what is there is added again" "done" add second
answers "one is removed" "done" remove "$VALUE"
answers "the other stays" "_acme-challenge.example.org second" look -
answers "what is not there is removed" "done" remove "$VALUE"
answers "an alias is followed in the answer" "_acme-challenge.alias.example.org _acme-challenge.example.org
_acme-challenge.example.org second" look - RECORD=_acme-challenge.alias.example.org
answers "the name of the zone's server is read" "example.org ns.example.org" look - RECORD=example.org KIND=NS
answers "a long value comes in pieces" "done" add "$(printf '%0600d' 7)"
answers "and is put together again" "_acme-challenge.example.org $(printf '%0600d' 7)
_acme-challenge.example.org second" look -

answers "a wrong secret is told" "BADSIG: the server has another secret for this key" add x SECRET=$SECRET512
answers "an unknown key is told" "BADKEY: the server does not know this key" add x KEY=none.example
answers "a wrong time is told" "BADTIME: the clocks of server and client differ" add x SKEW=-4000
answers "a key without rights is told" "REFUSED: the server does not allow it" add x KEY=idle.example
answers "a zone of others is told" \
    "NOTAUTH: the server is not responsible for the zone, or the key may not change it" add x ZONE=example.net \
    RECORD=_acme-challenge.example.net
answers "a name outside of the zone is told" "NOTZONE: the name is not in the zone" add x \
    RECORD=_acme-challenge.example.net
silent_about "no secret is in the server's log" "$DIR/named.log" "$SECRET256"
