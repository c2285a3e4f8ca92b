#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The loop notices what another certauto writes, and outlives its state_dir, its run_dir and what is broken in them.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq

write_config <<END
[template internal]
hook = local-ca
lifetime = 90d
[template brief]
hook = local-ca
lifetime = 12s
[defaults]
template = internal
auto_renew = yes
auto_publish = yes
[certificate a]
names = a.example.org
[certificate brief]
names = brief.example.org
template = brief
auto_renew = no
[certificate taken]
names = taken.example.org
auto_renew = no
END
logged() { grep -qF -e "$1" "$DIR/loop.log"; }
start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "it is at work" wait_for 10 logged "published certificate=a"

# ---- Another certauto

make_certificate "$DIR/taken.pem" "$DIR/taken.key" DNS:taken.example.org "-1 day" "+60 days"
exits 0 "a certificate is imported beside the loop" import taken --cert "$DIR/taken.pem" --key "$DIR/taken.key"
check "the loop publishes it" wait_for 5 logged "published certificate=taken step=publish profile=live generation=1"
exits 0 "one is renewed by hand" renew brief
certauto renew taken >/dev/null 2>&1
check "the loop knows the newer one: it publishes nothing twice" sleep 1
same "nor busies itself with what is done" "$(grep -c 'certificate=taken' "$DIR/loop.log")" 1

# ---- What cannot be read

cp "$STATE/a.state" "$DIR/a.state"
echo rubbish >"$STATE/a.state"
check "a state file that is broken is reported with its line" wait_for 5 logged "a.state:1:"
check "the loop lives" kill -0 "$pid"
kill -USR1 "$pid"
sleep 1
kill -USR1 "$pid"
sleep 0.5
same "and reported once" "$(grep -c 'a.state:1:' "$DIR/loop.log")" 1
cp "$DIR/a.state" "$STATE/a.state"
sleep 0.5
silent_about "put right, it is not issued again" "$DIR/loop.log" "certificate=a step=issue generation=2"

# ---- run_dir

rm -r "$DIR/run"
echo >"$DIR/run"
kill -USR1 "$pid"
check "a run_dir that is none is reported" wait_for 5 logged "run"
rm "$DIR/run"
sleep 1.5
kill -USR1 "$pid"
written() { test -n "$(find "$DIR/run" -name loop 2>/dev/null)"; }
check "it is made anew when that is possible" wait_for 10 written

# ---- state_dir

mv "$STATE" "$DIR/elsewhere"
check "a state_dir that is gone is reported" wait_for 5 logged "$STATE"
kill -USR1 "$pid"
sleep 2
refute "it is not made anew: who took it may bring it back" test -e "$STATE"
check "the loop lives still" kill -0 "$pid"
check "and spins not" test "$(grep -c "$STATE" "$DIR/loop.log")" -le 3
mv "$DIR/elsewhere" "$STATE"
home() { certauto status --json | jq -e ".loop.pid == $pid"; }
check "it comes home when it is back" wait_for 10 home
exits 2 "the lock is held there"
exits 0 "and others are noticed there again" import taken --cert "$DIR/taken.pem" --key "$DIR/taken.key" --force
same "what was issued is not issued again" "$(grep -c 'renewed certificate=a ' "$DIR/loop.log")" 1

cp -a "$STATE" "$DIR/copy"
rm -rf "$STATE"
sleep 7
refute "one that was removed is not issued into" test -e "$STATE"
cp -a "$DIR/copy" "$STATE"
check "a copy of it is as good" wait_for 65 home
sleep 6
silent_about "nothing is issued again" "$DIR/loop.log" "certificate=a step=issue generation=2"
kill -TERM "$pid"
wait "$pid"
same "TERM ends it with 0" "$?" 0
rm "$DIR/loop.pid"
