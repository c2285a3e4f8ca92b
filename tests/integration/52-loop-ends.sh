#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# TERM: workers finish as begun, for 20 seconds; then they are ended, and the exit status is 0 all the same.
. "$(dirname "$0")/lib.sh"

cat >"$HOOKS/publish/sleepy.lua" <<'END'
return {
  api = 1, doc = "Sleeps.",
  options = {{name = "seconds", type = "integer", required = true, doc = "How long."}},
  publish = function(bundle) require("certauto.time").sleep(bundle.options.seconds) return true end,
}
END
configure() {
    write_config <<END
[template internal]
hook = local-ca
[profile sleepy]
hook = sleepy
seconds = $1
[certificate a]
names = a.example.org
auto_renew = yes
auto_publish = yes
template = internal
profile = sleepy
[certificate b]
names = b.example.org
auto_renew = yes
template = internal
END
}
logged() { grep -qF -e "$1" "$DIR/loop.log"; }
begun() {
    start loop "$CERTAUTO" -c "$CONFIG"
    pid=$(cat "$DIR/loop.pid")
    check "$1" wait_for 10 logged "renewed certificate=a"
    sleep 0.5
}
ended() { # NAME LEAST MOST
    before=$(date +%s)
    wait "$pid"
    code=$?
    took=$(($(date +%s) - before))
    rm -f "$DIR/loop.pid"
    same "$1: the exit status is 0" "$code" 0
    check "$1: after $2 to $3 s ($took)" test "$took" -ge "$2" -a "$took" -le "$3"
    refute "$1: no worker is left" pgrep -g "$pid"
    refute "$1: the lock is free" grep -q "another loop" "$DIR/loop.log"
}

configure 3
begun "a publication of three seconds begins"
kill -TERM "$pid"
ended "TERM while it works" 1 5
says "it was brought to its end" "$DIR/loop.log" "published certificate=a"
says "which was told before" "$DIR/loop.log" "ends when 1 workers are done"

rm -r "$STATE"
configure 300
begun "one that hangs begins"
kill -TERM "$pid"
sleep 1
check "the loop waits for it" kill -0 "$pid"
kill -TERM "$pid"
ended "a second TERM" 0 4
silent_about "it was not published" "$DIR/loop.log" "published certificate=a"

# What was begun is brought to its end by the next start, before anything else.
says "the transaction stands in the state" "$STATE/a.state" "publishing = sleepy 1"
configure 0
start loop "$CERTAUTO" -c "$CONFIG"
check "the next start finishes it" wait_for 10 logged "published certificate=a"
stop loop

rm -r "$STATE"
configure 300
begun "another one that hangs begins"
kill -TERM "$pid"
ended "TERM alone" 18 24
