#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# In real time: a slot that opens (periods never hold 03:00, when the daily run is), one that stays closed, both rules of
# the previous expiry, and a certificate of ten seconds.
. "$(dirname "$0")/lib.sh"
need jq jq

# Not over midnight, nor in the minutes before 03:00: the periods of this test are a few minutes of now.
minute() { date -u -d "$1" +%H:%M; }
while [ "$(date -u +%H%M)" -ge 2355 ] || { [ "$(date -u +%H%M)" -ge 0250 ] && [ "$(date -u +%H%M)" -le 0300 ]; }; do
    sleep 20
done
# The next minute, at least four seconds from now.
[ "$(date -u +%S)" -le 55 ] || sleep 6
opens=$(minute "+1 minute")
closes=$(minute "+3 minutes")
later=$(minute "+2 hours")
latest=$(minute "+2 hours 5 minutes")

write_config <<END
jitter = 0s
keep = 20
[defaults]
auto_renew = yes
auto_publish = yes
template = days
[template days]
hook = local-ca
lifetime = 90d
[template ten]
hook = local-ca
lifetime = 10s
[template twelve]
hook = local-ca
lifetime = 12s
[certificate opening]
names = opening.example.org
periods = $opens-$closes
[certificate closed]
names = closed.example.org
periods = $later-$latest
[certificate ten]
names = ten.example.org
template = ten
[certificate on]
names = on.example.org
template = twelve
renew = 3s before expiry
publish = on previous expiry
[certificate after]
names = after.example.org
template = twelve
renew = 3s before expiry
publish = 3s after previous expiry
END

published() { # NAME GENERATION
    grep -qF -e "published certificate=$1 step=publish profile=live generation=$2" "$DIR/loop.log"
}
# The moment of a line of the log, and the end of a generation, as Unix seconds.
moment() { date -u -d "$(grep -F -e "$1" "$DIR/loop.log" | head -n 1 | cut -d ' ' -f 1)" +%s; }
end_of() { date -u -d "$(openssl x509 -in "$STATE/certs/$1/$2/cert.pem" -noout -enddate | cut -d = -f 2)" +%s; }

start loop "$CERTAUTO" -c "$CONFIG"
check "a certificate of ten seconds is published" wait_for 10 published ten 1
check "those that wait for an expiry are published first of all" wait_for 10 published on 1
check "both" wait_for 10 published after 1
check "the ten seconds are renewed" wait_for 12 published ten 2
check "and again" wait_for 12 published ten 3
third=$(moment "renewed certificate=ten step=issue generation=3")
second=$(moment "renewed certificate=ten step=issue generation=2")
check "every five seconds ($((third - second)))" test $((third - second)) -ge 3 -a $((third - second)) -le 8

check "on previous expiry: the next generation is published" wait_for 30 published on 2
late=$(($(moment "published certificate=on step=publish profile=live generation=2") - $(end_of on 1)))
check "when the one before has expired ($late s)" test "$late" -ge 0 -a "$late" -le 3
renewed=$(($(end_of on 1) - $(moment "renewed certificate=on step=issue generation=2")))
check "having been issued before ($renewed s)" test "$renewed" -ge 2
check "after previous expiry: the next one is published" wait_for 30 published after 2
late=$(($(moment "published certificate=after step=publish profile=live generation=2") - $(end_of after 1)))
check "three seconds after it ($late s)" test "$late" -ge 3 -a "$late" -le 6

check "the slot opens, and what waited for it is issued" wait_for 70 published opening 1
issued=$(moment "renewed certificate=opening")
check "at its opening ($(date -u -d "@$issued" +%H:%M:%S))" test $((issued % 60)) -le 3
same "in the minute that was set" "$(date -u -d "@$issued" +%H:%M)" "$opens"
silent_about "what is closed is left alone" "$DIR/loop.log" "renewed certificate=closed"
exits 0 "explain says for how long" explain closed --json
json "to the minute" ".at | endswith(\"T$later:00Z\")"
exits 0 "a run outside the slot" --run-now closed
silent_about "does not issue it either" "$DIR/out" renewed
exits 0 "unless slots are ignored" --run-now closed --ignore-slots
says "then it does" "$DIR/out" renewed
silent_about "nothing failed" "$DIR/loop.log" "failed certificate"
check "the loop lives" kill -0 "$(cat "$DIR/loop.pid")"
