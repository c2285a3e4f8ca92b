#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Wildcards by dynamic updates of a real BIND, which a real CA then asks: signed, followed through aliases, looked up at
# every server of the zone before the CA does, and removed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_acme.sh"
need named bind9
need perl perl

PORT=$(free_port)
silent_port=$(free_port)
SECRET=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
SECRET512=ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=
# What every zone begins with.
zone() {
    # shellcheck disable=SC2016 # BIND's own dollar
    printf '$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n'
}
mkdir -p "$DIR/bind"
{
    zone
    printf '%s IN CNAME %s\n' _acme-challenge.alias other.acme other.acme third.acme \
        _acme-challenge.ring _acme-challenge.ring
    printf 'long IN TXT "%0200d" "%0200d" "%0200d"\n' 1 2 3
} >"$DIR/bind/example.org"
{ zone && printf '@ IN NS other\nother IN A 127.0.0.2\n'; } >"$DIR/bind/example.com"
{ zone && printf '@ IN NS silent\nsilent IN A 127.0.0.3\n'; } >"$DIR/bind/example.info"
cat >"$DIR/bind/named.conf" <<END
key "one.example" { algorithm hmac-sha256; secret "$SECRET"; };
key "two.example" { algorithm hmac-sha512; secret "$SECRET512"; };
key "idle.example" { algorithm hmac-sha256; secret "$SECRET"; };
options {
    directory "$DIR/bind"; pid-file "lock"; session-keyfile "session.key"; listen-on port $PORT { 127.0.0.1; };
    listen-on-v6 { none; }; recursion no; notify no; dnssec-validation no; max-udp-size 512;
};
controls { };
zone "example.org" {
    type primary; file "example.org"; update-policy { grant one.example zonesub TXT; grant two.example zonesub TXT; };
};
zone "example.com" { type primary; file "example.com"; update-policy { grant one.example zonesub TXT; }; };
zone "example.info" { type primary; file "example.info"; update-policy { grant one.example zonesub TXT; }; };
END
start named named -g -c "$DIR/bind/named.conf"
check "BIND starts" wait_for 10 grep -q running "$DIR/named.log"

# Another server of example.com: it says what BIND says, but knows no such name while there is a file "behind".
cat >"$DIR/behind.pl" <<'END'
use strict;
use warnings;
use IO::Socket::INET;
my ($port, $file) = @ARGV;
my $own = IO::Socket::INET->new(LocalAddr => '127.0.0.2', LocalPort => $port, Proto => 'udp') or die "$!\n";
my $bind = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'udp') or die "$!\n";
$| = 1;
print "running\n";
while ($own->recv(my $query, 512)) {
    my $answer = substr($query, 0, 2) . "\x84\x03" . substr $query, 4;
    if (!-e $file) {
        $bind->send($query);
        $bind->recv($answer, 512);
    }
    $own->send($answer);
    print "answered\n";
}
END
start behind perl "$DIR/behind.pl" "$PORT" "$DIR/behind"
check "another server starts" wait_for 10 grep -q running "$DIR/behind.log"
CA_DNS=127.0.0.1:$PORT start_ca PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0

# Each time anew: a certificate for none of the names before replaces nothing.
configure() { # NAMES [OPTION…]
    rm -rf "$STATE"
    {
        template wild | grep -v webroot
        printf 'challenge = dns-01\ndns = rfc2136\nrfc2136_server = 127.0.0.1:%s\n' "$PORT"
        printf 'dns_resolver = 127.0.0.1:%s\n' "$PORT"
        names=$1
        shift
        printf '%s\n' "$@"
        printf '[certificate wild]\nnames = %s\ntemplate = wild\n' "$names"
    } | write_config
}
key="rfc2136_key = one.example"
secret="rfc2136_secret = $SECRET"
# The records of a name that BIND has.
records() {
    cat >"$DIR/look.lua" <<END
local lookup = require "lib.dns_lookup"
local message = assert(lookup.ask({ host = "127.0.0.1", port = $PORT }, "$1", "TXT"))
for _, record in ipairs(message.records) do
  if record.section == 1 then print(record.value) end
end
END
    certauto lua "$DIR/look.lua" 2>&1
}

configure "example.org, *.example.org" "$key" "$secret"
exits 0 "the configuration is good" check
same "what is too long for UDP comes by TCP" "$(printf '%0200d%0200d%0200d' 1 2 3)" "$(records long.example.org)"
exits 0 "a name and its wildcard, two values at one name" renew wild
check "the certificate has both" sh -c "openssl x509 -noout -ext subjectAltName -in '$STATE/certs/wild/1/cert.pem' | grep -qF '*.example.org'"
check "both were added" test "$(grep -c "adding an RR at '_acme-challenge.example.org' TXT" "$DIR/named.log")" = 2
same "and both removed" "" "$(records _acme-challenge.example.org)"
configure "www.example.org" "rfc2136_key = two.example" "rfc2136_secret = $SECRET512" "rfc2136_algorithm = hmac-sha512"
exits 0 "a key for HMAC-SHA512" renew wild
configure "alias.example.org" "$key" "$secret"
exits 0 "aliases are followed" renew wild
check "and the record is made where they lead" grep -q "adding an RR at 'third.acme.example.org' TXT" "$DIR/named.log"
same "and removed there" "" "$(records third.acme.example.org)"
configure "ring.example.org" "$key" "$secret"
refused "aliases that go round" wild
says "are told" "$DIR/err" "the aliases of _acme-challenge.ring.example.org do not end"

before=$(asked 'POST /chalZ/')
touch "$DIR/behind"
configure "example.com" "$key" "$secret" "dns_wait = 3s"
refused "a server of the zone that does not have the record" wild
says "is told" "$DIR/err" "the name server 127.0.0.2 does not serve _acme-challenge.example.com yet"
same "before the CA is asked to look" "$before" "$(asked 'POST /chalZ/')"
same "and the record is removed" "" "$(records _acme-challenge.example.com)"
configure "example.com" "$key" "$secret" "dns_wait = 0s"
exits 0 "without that look the CA decides" renew wild
configure "example.com" "$key" "$secret"
: >"$DIR/behind.log"
{ wait_for 20 grep -q answered "$DIR/behind.log" && rm "$DIR/behind"; } &
exits 0 "a server that comes to have the record is waited for" renew wild
check "and asked again" test "$(grep -c answered "$DIR/behind.log")" -ge 2
configure "example.info" "$key" "$secret"
exits 0 "a server that does not answer is passed over" renew wild
cat >"$DIR/silent.lua" <<END
local lookup = require "lib.dns_lookup"
local time = require "certauto.time"
for _ = 1, 2 do
  local before = time.boot()
  print(lookup.ask({ host = "127.0.0.1", port = $silent_port }, "example.org", "SOA") == nil, time.boot() - before > 1)
end
END
start silent perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => shift,
    Proto => "udp") or die; $| = 1; print "running\n"; sleep 60' "$silent_port"
wait_for 10 grep -q running "$DIR/silent.log"
same "and not asked again at once" "true	true
true	false" "$(certauto lua "$DIR/silent.lua" 2>&1)"

told() { # SENTENCE MESSAGE NAME OPTION…
    told_name=$1 told_message=$2
    shift 2
    configure "$@"
    refused "$told_name" wild
    says "is told" "$DIR/err" "$told_message"
    silent_about "without the secret" "$DIR/err" "$SECRET"
}
told "a wrong secret" "BADSIG: the server has another secret for this key" example.org "$key" \
    "rfc2136_secret = $SECRET512"
told "an unknown key" "BADKEY: the server does not know this key" example.org "rfc2136_key = none.example" "$secret"
told "a key without rights" "REFUSED: the server does not allow it" example.org "rfc2136_key = idle.example" "$secret"
told "a secret that is none" "the option 'secret' is not base64" example.org "$key" "rfc2136_secret = ?$SECRET"
told "a zone of others" "NOTAUTH: the server is not responsible for the zone" example.org "$key" "$secret" \
    "rfc2136_zone = org"
told "a key that is not given" "option 'key' is missing" example.org "$secret"
stop named
told "a server that is not there" "the server 127.0.0.1:$PORT: " example.org "$key" "$secret"
