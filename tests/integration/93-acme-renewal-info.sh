#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Renewal information of a real CA (RFC 9773): its window is asked for, a changed one moves the renewal, and what replaces
# what is said in the order.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_acme.sh"

export PEBBLE_MORE=
start_ca PEBBLE_WFE_NONCEREJECT=0
start_web
configure() {
    {
        printf 'jitter = 0s\n[defaults]\nauto_renew = yes\ntemplate = pebble\n'
        template pebble
        printf '[certificate www]\nnames = www.example.org\n'
    } | write_config
}
# The CA's window for the newest certificate.
suggest() { # RESPONSE
    newest=$(find "$STATE/certs/www" -name cert.pem | sort -V | tail -n 1)
    management POST /set-renewal-info/ \
        "$(jq -n --rawfile pem "$newest" --arg answer "$1" '{Certificate: $pem, ARIResponse: $answer}')" >/dev/null
}
window() { # START END
    printf '{"suggestedWindow": {"start": "%s", "end": "%s"}, "explanationURL": "https://example.org/why"}' "$1" "$2"
}
infos() { asked 'GET .*renewalInfo'; }
forget() { rm -f "$DIR"/run/*/errands; }
day() { date -u -d "@$(($(date +%s) + $1 * 86400))" +%Y-%m-%dT%H:%M:%SZ; }

configure
exits 0 "a certificate is issued" --run-now
same "without asking for a window" 0 "$(infos)"
exits 0 "the next run" --run-now
same "asks" 1 "$(infos)"
check "and has the CA's window" grep -q '^window_start = ' "$STATE/www.state"
exits 0 "one more" --run-now
same "does not" 1 "$(infos)"

if pebble_at_least 8 "a changed window"; then
    start loop "$CERTAUTO" -c "$CONFIG"
    suggest "$(window "$(day 5)" "$(day 6)")"
    moved() { grep -q "^window_start = $(day 5 | cut -c 1-10)" "$STATE/www.state"; }
    forget
    kill -HUP "$(cat "$DIR/loop.pid")"
    check "the loop notices that the window has moved" wait_for 20 moved
    exits 0 "status" status www --json
    json "has another time and the CA's reason" \
        '.certificates[0].reason | test("^renews in [456] d.*: its CA suggests it \\(https://example.org/why\\)")'
    exits 0 "explain" explain www
    says "shows the window" "$DIR/out" "window"
    says "and the reason" "$DIR/out" "https://example.org/why"

    suggest "$(window "$(day 6)" "$(day 5)")"
    forget
    kill -HUP "$(cat "$DIR/loop.pid")"
    check "a window that ends before it starts is told of" wait_for 20 grep -q "has no window" "$DIR/loop.log"
    check "the one before stays" moved
    stop loop

    # As if it were older than a day.
    sed -i "s/^issued = .*/issued = $(day -3)/" "$STATE/www.state"
    suggest "$(window "$(day -2)" "$(day -1)")"
    forget
    exits 0 "a run hears of a window that has passed" --run-now --json
    json "and renews" '[.results[].outcome] == ["renewed"]'
    refute "whose window ends with it" grep -q '^window' "$STATE/www.state"
    check "its order says what it replaces" grep -q 'is a replacement of' "$DIR/ca.log"
fi

stop ca
forget
exits 0 "a CA that is not there" --run-now --json
json "fails no run" '.results == []'
says "and is told of" "$DIR/err" "window is not known"
