#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The loop renews a certificate that lives ten seconds, publishes each generation, and says what it is doing.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq

mkdir "$DIR/etc"
write_config <<END
[template brief]
hook = local-ca
lifetime = 10s

[template internal]
hook = local-ca
lifetime = 90d

[profile web]
hook = files
cert = $DIR/etc/%{name}.crt
key = $DIR/etc/%{name}.key
reload = sh -c 'echo reloaded >>$DIR/reloads'

[defaults]
auto_renew = yes
auto_publish = yes
template = internal

[certificate brief]
names = brief.example.org
template = brief
profile = web

[certificate long]
names = long.example.org

[certificate off]
names = off.example.org
auto_renew = no
END

start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
logged() { grep -qF -e "$1" "$DIR/loop.log"; }
published() { logged "published certificate=brief step=publish profile=web generation=$1"; }
check "the start of the loop is a run: what was never issued is issued" wait_for 10 logged "renewed certificate=long"
check "and published" wait_for 5 logged "published certificate=long"
check "a certificate that lives ten seconds is published" wait_for 5 published 1

told() { certauto status --json | jq -e '.loop.result != null'; }
check "it tells others of its run" wait_for 5 told
exits 0 "status succeeds beside the loop" status --json
json "it tells the loop's process" ".loop.pid == $pid"
json "when it began, and when it read its configuration" '[.loop.since, .loop.configuration | fromdateiso8601] | length == 2'
json "what its run came to" '.loop.result | test("2 renewed, 2 published")'
json "and when it looks again, before the ten seconds are over" \
    '(.loop.next_run | fromdateiso8601) - (.loop.last_run | fromdateiso8601) | . > 0 and . <= 10'
exits 0 "status as text" status
says "names the loop too" "$DIR/out" "The loop is process $pid"

exits 2 "a second loop on the directory is refused"
says "with the first one's process" "$DIR/err" "another loop is at work on $STATE: process $pid"

check "it renews itself" wait_for 10 published 2
check "and again" wait_for 10 published 3
check "the target has a certificate that is good for some seconds" \
    openssl x509 -in "$DIR/etc/brief.crt" -noout -checkend 1
same "and its key" "$(openssl pkey -in "$DIR/etc/brief.key" -pubout)" \
    "$(openssl x509 -in "$DIR/etc/brief.crt" -noout -pubkey)"
check "the service was reloaded each time" test "$(wc -l <"$DIR/reloads")" -ge 3
silent_about "what is off is left alone" "$DIR/loop.log" "certificate=off"
same "what is not due is not renewed" "$(grep -c 'renewed certificate=long' "$DIR/loop.log")" 1
silent_about "nothing failed" "$DIR/loop.log" error

exits 0 "a run beside the loop" --run-now --json
json "finds nothing or the brief one" '[.results[].name] - ["brief"] == []'

kill -TERM "$pid"
wait "$pid"
same "TERM ends it with 0" "$?" 0
rm "$DIR/loop.pid"
says "which it logs" "$DIR/loop.log" "certauto ends"
check "it takes its file away" test -z "$(find "$DIR/run" -type f)"
exits 0 "status without it" status --json
json "knows that it is gone" '.loop == null'
same "a log line for each step, and few more" \
    "$(grep -cv -e renewed -e published -e ' begins: 3 certificates' -e 'made a' -e ' ends' "$DIR/loop.log")" 0
