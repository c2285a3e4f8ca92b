#!/bin/sh
# A hostile or broken ACME CA at each step of an order: a clear sentence, nothing lost, and the next run succeeds.
. "$(dirname "$0")/lib.sh"

need openssl openssl
need perl perl
port=$(free_port)
mkdir "$DIR/ca"
for name in ca other; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 20 -subj "/CN=$name" \
        -keyout "$DIR/ca/$name.key" -out "$DIR/ca/$name.pem" 2>/dev/null
done
: >"$DIR/mode"
start peer perl "$TREE/tests/integration/acme_peer.pl" "$port" "$DIR/ca" "$DIR/mode"
sleep 0.3
write_config <<END
hook_timeout = 4s
[template hostile]
hook = acme
directory = http://127.0.0.1:$port/directory
webroot = $DIR
[certificate www]
names = www.example.org
template = hostile
END

exits 0 "the peer is a CA when it wants to" renew www
generation=1

# One fault at one step: it fails with a sentence, and the run after it succeeds.
tried() { # STEP FAULT [TEXT]
    rm -f "$STATE"/store/acme/*/directory "$STATE/store/acme/orders/www"
    [ "$1" != account ] || rm -f "$STATE"/store/acme/*/account
    echo "$1 $2" >"$DIR/mode"
    certauto renew www >"$DIR/out" 2>"$DIR/err"
    code=$?
    : >"$DIR/mode"
    if [ "$code" -eq 1 ] && ! grep -q -e traceback -e 'hook/\|lua:' "$DIR/err" && grep -qF -e "${3:-}" "$DIR/err" &&
        [ "$(find "$STATE/certs/www" -name cert.pem | wc -l)" -eq "$generation" ]; then
        ok "$1, $2: $(sed -n 's/.*error="\(.*\)"$/\1/p' "$DIR/err" | cut -c 1-120)"
    else
        not_ok "$1, $2" "exit code $code
$(cat "$DIR/err")"
    fi
    sed -i '/^retry_after/d' "$STATE/www.state"
    if certauto renew www >"$DIR/out" 2>"$DIR/err"; then
        generation=$(find "$STATE/certs/www" -name cert.pem | wc -l)
    else
        not_ok "the run after $1, $2" "$(cat "$DIR/err")"
    fi
}

for step in directory nonce account order authz finalise certificate; do
    for fault in close json list types html error round huge; do
        case $step-$fault in
        # A nonce is a header: whatever the body is, it is there or not.
        nonce-json | nonce-list | nonce-types | nonce-html | nonce-error | nonce-huge | nonce-round) ;;
        account-json | account-list | account-types | certificate-huge) ;;
        *) tried $step $fault ;;
        esac
    done
done
tried order slow "in time"
tried certificate slow "in time"
tried certificate names
tried certificate expired
tried certificate empty "is none"
tried certificate key
tried order forbidden "no (unauthorized); www.example.org: CAA says no (caa); no reason given"

# A CA that needs an hour, which it says as a date: the order is asked about again, not made again.
echo "certificate later" >"$DIR/mode"
rm -f "$STATE/store/acme/orders/www"
exits 0 "a CA that is slow" renew www --json
json "makes the certificate pending" '.results[0].outcome == "pending"'
: >"$DIR/mode"
orders=$(grep -c '^order$' "$DIR/peer.log")
sed -i '/^pending_/s/[0-9-]*T[0-9:]*Z/2026-01-01T00:00:00Z/; /^retry_after/d' "$STATE/www.state"
exits 0 "asked again" renew www --json
json "it has it" '.results[0].outcome == "renewed"'
same "without another order" "$orders" "$(grep -c '^order$' "$DIR/peer.log")"

echo "certificate later" >"$DIR/mode"
exits 0 "a CA that is slow, once more" renew www
: >"$DIR/mode"
orders=$(grep -c '^order$' "$DIR/peer.log")
exits 0 "an order that is dropped" renew www --restart
same "is made anew" "$((orders + 1))" "$(grep -c '^order$' "$DIR/peer.log")"

echo "order rate" >"$DIR/mode"
exits 1 "a rate limit" renew www
says "is told on one line" "$DIR/err" 'too\\x07 many\\x0aof you (rateLimited)'
: >"$DIR/mode"
certauto renew www >"$DIR/out" 2>&1
says "and holds the next run" "$DIR/out" "its CA asks to wait so long"
