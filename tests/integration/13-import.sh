#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# import: certificates with and without key and chain, expired ones, wrong keys, broken states, locks.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

write_config <<END
[template internal]
hook = local-ca

[certificate a]
names = a.example.org, extra.example.org
template = internal

[certificate own]
template = internal

[certificate keyless]
template = internal
auto_renew = yes
auto_publish = yes

[certificate rsa]
template = internal
END

make_certificate "$DIR/1.pem" "$DIR/1.key" DNS:a.example.org "-10 days" "+80 days"
make_certificate "$DIR/2.pem" "$DIR/2.key" DNS:a.example.org "-1 day" "+89 days"
make_certificate "$DIR/rsa.pem" "$DIR/rsa.key" DNS:r.example.org,IP:192.0.2.1 "-90 days" "-2 days" \
    -algorithm RSA -pkeyopt rsa_keygen_bits:2048

exits 1 "a key that does not fit is refused" import a --cert "$DIR/1.pem" --key "$DIR/2.key"
says "with the key's file" "$DIR/err" "$DIR/2.key"
exits 1 "a file without a certificate too" import a --cert "$DIR/1.key"
says "by its name" "$DIR/err" "$DIR/1.key"
exits 1 "a file that is not there" import a --cert "$DIR/none.pem"
exits 2 "a certificate that no section names" import b --cert "$DIR/1.pem"
check "none of that left a generation" test ! -e "$STATE/certs/a/1" -a ! -e "$STATE/a.state"

exits 0 "a certificate with its key" import a --cert "$DIR/1.pem" --key "$DIR/1.key"
says "becomes generation 1" "$DIR/out" "generation 1"
same "the state folder is ours alone" "$(stat -c %a "$STATE")" 700
same "and so is the key" "$(stat -c %a "$STATE/certs/a/1/key.pem")" 600
same "the certificate is kept" "$(openssl x509 -in "$STATE/certs/a/1/cert.pem" -noout -fingerprint)" \
    "$(openssl x509 -in "$DIR/1.pem" -noout -fingerprint)"
same "with its key" "$(openssl pkey -in "$STATE/certs/a/1/key.pem" -pubout)" "$(openssl pkey -in "$DIR/1.key" -pubout)"
exits 0 "its names are those of the configuration" explain a --json
json "so that it is not renewed for them at once" '.step != "issue"'
exits 0 "the same certificate again" import a --cert "$DIR/1.pem" --key "$DIR/1.key"
says "is not taken twice" "$DIR/out" "already"
check "no generation came" test ! -e "$STATE/certs/a/2"
exits 0 "another one" import a --cert "$DIR/2.pem" --key "$DIR/2.key"
says "becomes generation 2" "$DIR/out" "generation 2"

exits 0 "without names in the configuration" import own --cert "$DIR/1.pem" --key "$DIR/1.key"
exits 0 "they are the certificate's own" explain own
says "as explain shows" "$DIR/out" "a.example.org"

exits 0 "an expired RSA certificate" import rsa --cert "$DIR/rsa.pem" --key "$DIR/rsa.key"
exits 0 "is taken over as it is" explain rsa --json
json "and is expired" '.generation == 1 and .not_after != null'

exits 0 "a certificate without key" import keyless --cert "$DIR/1.pem"
says "says that it cannot be published" "$DIR/out" "cannot be published"
exits 0 "its status" status keyless --json
json "says so too" '.certificates[0] | .step != "publish" and (.reason | test("key"))'
exits 1 "publishing it by hand fails" publish keyless
exits 0 "the same one with its key" import keyless --cert "$DIR/1.pem" --key "$DIR/1.key"
says "is taken, since the key is new" "$DIR/out" "generation 2"
exits 0 "and can be published" publish keyless --json
json "which it was" '.results | map(.outcome) == ["published"]'

# A chain: a CA of openssl, a leaf below it, given in one file and in two.
make_certificate "$DIR/ca.pem" "$DIR/ca.key" DNS:ca.example "-5 days" "+300 days"
exits 0 "a chain that does not fit is kept with a warning" import own --cert "$DIR/2.pem" --key "$DIR/2.key" \
    --chain "$DIR/ca.pem"
says "which says why" "$DIR/err" "warning: the chain is kept as it is"

# Under a clock that is behind, an import is no way to have it believed.
ahead=$(date -u -d '+3 days' +%Y-%m-%dT%H:%M:%SZ)
sed -i "s/^written = .*/written = $ahead/" "$STATE/keyless.state"
exits 0 "a certificate under a clock that is behind" import keyless --cert "$DIR/2.pem" --key "$DIR/2.key"
says "leaves the moment of the last writing" "$STATE/keyless.state" "written = $ahead"
exits 3 "so that the clock is not believed from then on" --run-now
exits 0 "until a person says so" --run-now --trust-clock keyless

printf 'nonsense\n' >"$STATE/a.state"
exits 1 "a state that cannot be read stops it" import a --cert "$DIR/1.pem" --key "$DIR/1.key"
says "and is named" "$DIR/err" "a.state:1"
same "nothing was overwritten" "$(cat "$STATE/a.state")" nonsense
exits 0 "--force makes it new" import a --cert "$DIR/1.pem" --key "$DIR/1.key" --force
says "as the next generation, whatever the state was" "$DIR/out" "generation 3"
exits 0 "and it can be read again" status a
