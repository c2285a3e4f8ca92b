#!/bin/sh
# ACME cut short: killed, or the connection closed, at each request of an order in turn, and the next run ends with one
# valid certificate, without a second account and without a needless second order.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_acme.sh"

need perl perl

start_ca PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0
start_web
relay=$(free_port)

configure() { # RUN
    STATE=$DIR/state-$1
    {
        template pebble | sed "s,^directory = .*,directory = https://127.0.0.1:$relay/dir,"
        printf '[certificate www]\nnames = run%s.example.org\ntemplate = pebble\nauto_renew = yes\n' "$1"
    } | write_config
}

# Begins the relay anew, with what it is to do.
relay() {
    stop relay
    rm -f "$DIR/counts"
    start relay perl "$TREE/tests/integration/acme_relay.pl" "$relay" "$CA_PORT" "$DIR/counts" "$@"
    wait_for 10 test -s "$DIR/counts"
}



relay
configure count
exits 0 "the first certificate, with a new account" --run-now
read -r connections records <"$DIR/counts"
same "over one connection" 1 "$connections"
before=$(asked 'calling handler')
exits 0 "the next, the account known and the directory fresh" renew www
requests=$(($(asked 'calling handler') - before))
check "with at most 8 requests ($requests)" test "$requests" -le 8
rm -f "$STATE"/store/acme/*/directory
before=$(asked 'calling handler')
exits 0 "the next, without the directory" renew www
requests=$(($(asked 'calling handler') - before))
check "with at most 9 requests ($requests)" test "$requests" -le 9
read -r connections _ <"$DIR/counts"
same "over a connection each" 3 "$connections"

# Whether one run after the other, of which the first was cut short, ends as it should.
recovers() { # ACTION NUMBER
    orders=$(asked 'Added order')
    accounts=$(asked 'accounts in memory')
    relay "$1" "$2" "$DIR/run.pid"
    configure "$1-$2"
    start run "$CERTAUTO" -c "$CONFIG" --run-now
    wait "$(cat "$DIR/run.pid")" 2>/dev/null
    rm -f "$DIR/run.pid"
    mv "$DIR/run.log" "$DIR/first"
    issued_first=$(test -e "$STATE/certs/www/1/cert.pem" && echo yes)
    relay
    certauto --run-now --json >"$DIR/out" 2>"$DIR/err"
    if [ "$(jq -r '.results[0].outcome' "$DIR/out")" != renewed ] && [ -z "$issued_first" ]; then
        certauto renew www >"$DIR/out" 2>"$DIR/err"
    fi
    openssl verify -partial_chain -trusted "$STATE/certs/www/1/chain.pem" "$STATE/certs/www/1/cert.pem" >"$DIR/verified" 2>&1 &&
        [ ! -e "$STATE/certs/www/2" ] && [ -z "$(find "$WEBROOT" -type f)" ] &&
        [ "$(find "$STATE/store/acme" -name account | wc -l)" = 1 ] &&
        [ "$(($(asked 'accounts in memory') - accounts))" -le 1 ]
}

for action in kill killed close; do
    number=2
    # The first record ends the handshake, the last the connection.
    while [ "$number" -lt "$records" ]; do
        if recovers "$action" "$number"; then
            ok "$action at request $number: one certificate, one account ($(($(asked 'Added order') - orders)) orders)"
        else
            not_ok "$action at request $number" "$(
                cat "$DIR/first" "$DIR/out" "$DIR/err" "$DIR/verified"
                find "$STATE" "$WEBROOT"
            )"
        fi
        # An order that the CA has told of is never made twice.
        check "$action at request $number: no needless order" test "$(($(asked 'Added order') - orders))" -le \
            "$([ "$action" = killed ] && echo 2 || echo 1)"
        number=$((number + 1))
    done
done
