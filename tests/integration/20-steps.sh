#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A run issues by the local CA, publishes to files, and does nothing when nothing is due.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq

mkdir "$DIR/etc"
write_config <<END
[template internal]
hook = local-ca
lifetime = 90d

[profile web]
hook = files
cert = $DIR/etc/%{name}.crt
key = $DIR/etc/%{name}.key
fullchain = $DIR/etc/%{name}.full
reload = sh -c 'echo reloaded >>$DIR/reloads; readlink $STATE/live/www >>$DIR/live-at-reload'

[profile mail]
hook = files
combined = $DIR/etc/%{name}.pem

[defaults]
auto_renew = yes
auto_publish = yes
template = internal

[certificate www]
names = www.example.org, 192.0.2.7
profile = web, mail

[certificate plain]
names = plain.example.org
key = ecdsa-p384
END

exits 0 "a dry run tells what would be done" --run-now --dry-run --json
json "and names both certificates" '[.results[].name] | sort == ["plain","www"]'
refute "and makes nothing" test -e "$STATE"
exits 10 "with --detailed-exitcode a dry run exits 10" --run-now --dry-run --detailed-exitcode

exits 0 "a first run succeeds" --run-now --json
json "it renews and publishes each" '[.results[] | "\(.name) \(.step) \(.outcome)"] | sort ==
    ["plain issue renewed","plain publish published","www issue renewed","www publish published","www publish published"]'

same "the state folder is ours alone" "$(stat -c %a "$STATE")" 700
same "keys are ours alone" "$(stat -c %a "$STATE/certs/www/1/key.pem" "$DIR/etc/www.key" "$DIR/etc/www.pem" | sort -u)" 600
same "the link shows what is published" "$(readlink "$STATE/live/www")" ../certs/www/1
same "without a profile the link alone is switched" "$(readlink "$STATE/live/plain")" ../certs/plain/1
same "the service was reloaded once" "$(cat "$DIR/reloads")" reloaded
same "after the link was switched" "$(cat "$DIR/live-at-reload")" ../certs/www/1
check "the key fits the certificate" test \
    "$(openssl pkey -in "$DIR/etc/www.key" -pubout)" = "$(openssl x509 -in "$DIR/etc/www.crt" -noout -pubkey)"
check "it verifies against the root" openssl verify -CAfile "$STATE/store/local-ca/root.pem" \
    -untrusted "$DIR/etc/www.full" "$DIR/etc/www.crt"
openssl x509 -in "$DIR/etc/www.crt" -noout -ext subjectAltName >"$DIR/san"
says "it is for the names asked for" "$DIR/san" "DNS:www.example.org"
says "and for the address" "$DIR/san" "IP Address:192.0.2.7"
openssl pkey -in "$STATE/certs/plain/1/key.pem" -noout -text >"$DIR/key"
says "a certificate's own key type is taken" "$DIR/key" P-384
refute "no key lies aside" test -e "$STATE/certs/www/next/key.pem"

before=$(cd "$STATE" && find . -type f -exec sha256sum {} + | sort)
exits 0 "a second run finds nothing due" --run-now --json
json "and has no results" '.results == []'
same "and changes nothing" "$(cd "$STATE" && find . -type f -exec sha256sum {} + | sort)" "$before"

# ---- By hand, names, key type

exits 0 "renew NAME renews at once" renew www
same "the generation is the second" "$(readlink "$STATE/live/www")" ../certs/www/2
refute "with a key of its own" cmp -s "$STATE/certs/www/1/key.pem" "$STATE/certs/www/2/key.pem"
check "and it is published" cmp -s "$STATE/certs/www/2/cert.pem" "$DIR/etc/www.crt"

sed -i 's/^names = www.*/names = www.example.org, new.example.org/' "$CONFIG"
exits 10 "other names are due at once" --run-now --detailed-exitcode
openssl x509 -in "$DIR/etc/www.crt" -noout -ext subjectAltName >"$DIR/san"
says "the new certificate has them" "$DIR/san" "DNS:new.example.org"
sed -i 's/^names = www.*/names = NEW.example.org, www.example.org/' "$CONFIG"
exits 0 "their order and case do not count" --run-now --json
json "nothing was done" '.results == []'
sed -i 's/^key = ecdsa-p384/key = rsa-2048/' "$CONFIG"
exits 0 "another key type is due at once" --run-now plain
openssl pkey -in "$STATE/certs/plain/2/key.pem" -noout -text >"$DIR/key"
says "the new key is of that type" "$DIR/key" "Private-Key: (2048 bit"

# ---- A publication that fails

cp "$DIR/etc/www.crt" "$DIR/good.crt"
touch "$DIR/fail"
sed -i "s|^reload = .*|reload = sh -c 'test ! -e $DIR/fail \|\| { rm $DIR/fail; exit 3; }'|" "$CONFIG"
exits 1 "a failed publication fails the run" renew www --json
json "the renewal is fine" '.results[0].outcome == "renewed"'
json "the publication failed with its reason" '.results[1] | .outcome == "failed" and
    (.error | test("ended with 3; generation 3 is back in place"))'
check "the target is as it was" cmp "$DIR/etc/www.crt" "$DIR/good.crt"
same "and so is the link" "$(readlink "$STATE/live/www")" ../certs/www/3
check "the other profile has the new one" grep -qF "$(sed -n 2p "$STATE/certs/www/4/cert.pem")" "$DIR/etc/www.pem"
refute "no note is left" grep -q '^publishing' "$STATE/www.state"
exits 0 "the next run waits" --run-now --json
json "and says so" '.results[0].outcome == "waiting"'
sed -i "s|^reload = .*|reload = true|" "$CONFIG"
exits 0 "a change of the settings ends the wait" --run-now --json
json "and the publication is made" '[.results[].outcome] == ["published"]'
check "without a new certificate" cmp -s "$STATE/certs/www/4/cert.pem" "$DIR/etc/www.crt"

# ---- Nowhere to say anything

rm -rf "$STATE"
"$CERTAUTO" -c "$CONFIG" --run-now >&- 2>&-
same "a run without stdout and stderr says by its exit code that it could say nothing" "$?" 1
same "but it does all its steps" "$(readlink "$STATE/live/www")" ../certs/www/1
