#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A rehearsal with a real ACME CA as staging, where the CA of the configuration is never asked; by a web root, a listener
# and DNS, with an account of its own, and nothing left where the proofs were.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_acme.sh"
need perl perl

TMPDIR=$DIR/scratch
export TMPDIR
mkdir -p "$TMPDIR" "$HOOKS/lib/dns"
start_ca PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0
start_web

cat >"$HOOKS/lib/dns/challtestsrv.lua" <<END
local fs = require "certauto.fs"
local http = require "certauto.http"
local json = require "certauto.json"
local function call(path, body)
  local answer, message = http.request { url = "$DNS_API" .. path, method = "POST", proxy = "", body = json.encode(body) }
  return answer and answer.status == 200 or nil, message or "refused"
end
return {
  options = {},
  present = function(_, record)
    fs.write("$DIR/record", record.name)
    return call("/set-txt", { host = record.name .. ".", value = record.value })
  end,
  cleanup = function(_, record)
    fs.remove("$DIR/record")
    return call("/clear-txt", { host = record.name .. "." })
  end,
}
END

# Nothing listens where the real directory would be.
dead=$(free_port)
trial() { # NAME
    template "$1" | sed "s|^directory = .*|directory = https://127.0.0.1:$dead/dir\nstaging = $DIRECTORY|"
}
{
    trial web
    printf 'trust = %s/ca/none.pem\npreferred_chain = ISRG Root X1\nonly_existing = yes\n' "$DIR"
    trial listener | sed "s|^webroot = .*|http_listen = 127.0.0.1:$HTTP_PORT|"
    trial dns | sed 's|^webroot = .*|challenge = dns-01\ndns = challtestsrv\ndns_wait = 0s|'
    trial persist | sed 's|^webroot = .*|challenge = dns-persist-01|'
    trial unknown | sed '/^staging = /d'
    trial strange | sed '/^terms_agreed/d'
    for name in web listener persist unknown strange; do
        printf '[certificate %s]\nnames = %s.example.org, 127.0.0.1\ntemplate = %s\n' "$name" "$name" "$name"
    done
    printf '[certificate dns]\nnames = *.example.org, example.org\ntemplate = dns\n'
} | write_config
sed -i 's/^names = persist.*/names = persist.example.org/' "$CONFIG"

exits 0 "a web root" rehearse web --json --keep
json "is gone the whole way" '[.results[] | .outcome] == ["renewed", "published"]'
kept=$(jq -r .folder "$DIR/out")
check "the certificate is staging's" sh -c "openssl x509 -noout -issuer -in '$kept/live/web/cert.pem' | grep -qi pebble"
check "its names are there" sh -c "openssl x509 -noout -ext subjectAltName -in '$kept/live/web/cert.pem' |
    grep -q 'DNS:web.example.org'"
check "and the account in a store of its own" sh -c "ls '$kept'/store/acme/127.0.0.1*/account"
rm -r "$kept"
same "nothing is left in the web server's folder" "" "$(find "$WEBROOT" -type f)"
before=$(asked 'POST /sign-me-up')
exits 0 "a wildcard by DNS, twice named" rehearse dns dns
same "with one account for all" "$((before + 1))" "$(asked 'POST /sign-me-up')"
check "no record is left" test ! -e "$DIR/record"
exits 1 "a CA whose staging is not known" rehearse unknown
says "says what to set" "$DIR/out" "staging is to be set"
exits 1 "dns-persist-01" rehearse persist
says "says why not" "$DIR/out" "dns-persist-01 cannot be rehearsed"
exits 1 "terms that are not agreed to" rehearse strange
says "are found before it counts" "$DIR/out" "terms_agreed"
stop web
exits 1 "a web server that does not run" rehearse web
says "is found before it counts" "$DIR/out" "the CA rejected the order: "
same "nothing is left in the web server's folder" "" "$(find "$WEBROOT" -type f)"
exits 0 "a listener" rehearse listener
check "nothing was written to the state directory" test ! -e "$STATE"
same "nor left in TMPDIR" "" "$(ls -A "$TMPDIR")"
silent_about "the real directory was never asked" "$DIR/out" "$dead"

# Ended in the middle, the proof is removed all the same.
start_web
stop ca
start_ca PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 PEBBLE_VA_NOSLEEP=0 PEBBLE_VA_SLEEPTIME=6
start rehearsal env "$CERTAUTO" -c "$CONFIG" rehearse web
check "a proof stands" wait_for 20 sh -c "find '$WEBROOT' -type f | grep -q ."
pid=$(cat "$DIR/rehearsal.pid")
kill "$pid"
wait "$pid"
same "it ends as the signal does" 143 "$?"
rm "$DIR/rehearsal.pid"
same "the proof is removed" "" "$(find "$WEBROOT" -type f)"
same "and the folder" "" "$(ls -A "$TMPDIR")"

# The address of Let's Encrypt's staging is known. What asks for it gets no farther than this proxy.
proxy=$(free_port)
# shellcheck disable=SC2016 # Perl's own
start proxy perl -MIO::Socket::INET -e '$| = 1;
    my $own = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 9) or die "$!\n";
    while (my $peer = $own->accept) { print scalar <$peer>; print $peer "HTTP/1.1 403 No\r\n\r\n" }' "$proxy"
listens() { grep -q "$(printf ':%04X 00000000:0000 0A' "$proxy")" /proc/net/tcp; }
check "a proxy starts" wait_for 10 listens
printf '[template le]\nhook = acme\nwebroot = %s\n[certificate le]\nnames = le.example.org\ntemplate = le\n' \
    "$WEBROOT" | write_config
https_proxy=http://127.0.0.1:$proxy
export https_proxy
exits 1 "Let's Encrypt" rehearse le
same "is asked at its staging alone" "CONNECT acme-staging-v02.api.letsencrypt.org:443" \
    "$(sed 's/ HTTP.*//' "$DIR/proxy.log" | sort -u)"
