#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Rollback: the generation before is published again, and stays; what must be kept and is lost holds a generation.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq

tls=$DIR/tls
mkdir "$tls"
settings() { # NAMES
    write_config <<END
[defaults]
auto_renew = yes
auto_publish = yes
template = ca
retry = 1s

[template ca]
hook = local-ca
lifetime = ${lifetime:-30d}

[profile web]
hook = files
fullchain = $tls/%{name}.pem
key = $tls/%{name}.key
reload = $DIR/reload

[profile mail]
hook = files
combined = $tls/%{name}-mail.pem

[certificate www]
names = $1
profile = web, mail
must_keep = ${keep:-}

[certificate bare]
names = bare.example.org
END
}
printf '#!/bin/sh\ntest ! -e %s/broken\n' "$DIR" >"$DIR/reload"
chmod 700 "$DIR/reload"
settings "www.example.org, example.org"

serves() { # GENERATION FILE
    openssl x509 -in "$2" -outform DER | cmp -s - "$DIR/der" ||
        { openssl x509 -in "$STATE/certs/www/$1/cert.pem" -outform DER >"$DIR/der" && openssl x509 -in "$2" -outform DER | cmp -s - "$DIR/der"; }
}
state() { # FILTER
    certauto status --json "${2:-www}" 2>/dev/null | jq -r ".certificates[0].$1"
}

# ---- Rollback

exits 0 "a first generation is issued and published" --run-now
exits 1 "there is nothing to go back to yet" rollback www
says "and it says so" "$DIR/err" "there is no generation before 1 with its key that is still valid"
same "no failure is counted for that" "$(state failures)" 0
exits 0 "a second generation follows" renew www bare
check "it is in place" serves 2 "$tls/www.pem"
exits 0 "rollback goes back" rollback www --json
json "by both profiles" '[.results[] | select(.outcome == "published")] | length == 2'
check "the older one is in place" serves 1 "$tls/www.pem"
check "with its key" cmp "$STATE/certs/www/1/key.pem" "$tls/www.key"
check "by the other profile too" serves 1 "$tls/www-mail.pem"
same "live/ points to it" "$(readlink "$STATE/live/www")" "../certs/www/1"
exits 0 "a run after a rollback" --run-now --detailed-exitcode
says "publishes nothing" "$DIR/out" "nothing is due"
check "and what was gone back to stays" serves 1 "$tls/www.pem"
exits 0 "explain says why" explain www
says "the newer one is withdrawn" "$DIR/out" "generation 2 is withdrawn"
exits 0 "rollback of the bare link" rollback bare
same "switches it back" "$(readlink "$STATE/live/bare")" "../certs/bare/1"
exits 0 "a run leaves it" --run-now
same "where it is" "$(readlink "$STATE/live/bare")" "../certs/bare/1"
exits 1 "there is no more to go back to" rollback www

start loop "$CERTAUTO" -c "$CONFIG"
sleep 2
check "the loop does not publish it again either" serves 1 "$tls/www.pem"
stop loop

exits 0 "publish lifts the withdrawal" publish www
check "and the newer one is in place again" serves 2 "$tls/www.pem"
exits 0 "one profile alone goes back" rollback www --profile mail
check "it has the older one" serves 1 "$tls/www-mail.pem"
check "the other one does not" serves 2 "$tls/www.pem"
exits 0 "the others go back without it" rollback www --json
json "which stays as it is" '[.results[] | select(.outcome == "published")] | length == 1'
check "the older one is with both now" serves 1 "$tls/www.pem"
exits 0 "a newer generation ends the withdrawal" renew www
check "and is published" serves 3 "$tls/www.pem"
check "by both" serves 3 "$tls/www-mail.pem"
exits 2 "an unknown profile is refused" rollback www --profile none
exits 2 "an unknown name is refused" rollback none

touch "$DIR/broken"
exits 1 "a rollback whose reload fails is a failure" rollback www --profile web
says "what was published is back" "$DIR/out" "going back failed too"
rm "$DIR/broken"
exits 0 "and is finished by hand" publish www --force
check "with the newest" serves 3 "$tls/www.pem"
rm -rf "$STATE/certs/www/2/key.pem"
exits 0 "a generation without its key is passed over" rollback www --profile web
check "the one before it is taken" serves 1 "$tls/www.pem"

# ---- must_keep

keep="names, key_type, issuer, eku"
settings "www.example.org"
exits 0 "fewer names: issued, but held" --run-now www
says "with the reason" "$DIR/err" "it lost the name example.org"
check "what was published stays" serves 1 "$tls/www.pem"
exits 0 "explain tells" explain www
says "what holds it" "$DIR/out" "generation 4 is held"
exits 0 "a run does not publish it" --run-now www
check "ever" serves 1 "$tls/www.pem"
exits 0 "publish alone does not" publish www
says "and says how" "$DIR/out" "--force"
check "nothing has changed" serves 1 "$tls/www.pem"
exits 0 "a renewal that lost the same" renew www
check "is held too, whatever the newest one has" serves 1 "$tls/www.pem"
exits 0 "publish --force publishes it" publish www --force
check "it is in place" serves 5 "$tls/www.pem"
exits 0 "one that keeps everything" renew www
check "is published by itself" serves 6 "$tls/www.pem"
sed -i 's/^lifetime/key = rsa-2048\n&/' "$CONFIG"
exits 0 "another type of key" renew www
check "is held" serves 6 "$tls/www.pem"
says "with both types" "$DIR/err" "ecdsa-p256 before, now rsa-2048"

# ---- Orphans

exits 2 "a configured one is not forgotten" forget www
says "and it says why" "$DIR/err" "remove its section first"
sed -i '/^\[certificate bare\]/,$d' "$CONFIG"
exits 0 "status lists the orphan" status --json
json "by name" '.orphans == ["bare"]'
exits 0 "forget drops it" forget bare
check "its state is gone" test ! -e "$STATE/bare.state"
check "its keys are not" test -e "$STATE/certs/bare/2/key.pem"
exits 0 "status has no orphan" status --json
json "any more" '.orphans == []'
exits 2 "what is not there is unknown" forget bare
exits 2 "a name that is none is refused" forget ../etc
printf '\n[certificate bare]\nnames = bare.example.org\n' >>"$CONFIG"
exits 0 "should it come back" --run-now bare
same "its newest generation is adopted" "$(state generation bare)" 2
