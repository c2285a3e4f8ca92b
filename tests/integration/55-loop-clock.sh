#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The clock starts in the past, is set, jumps ahead, goes back, and the machine sleeps. The build with sanitizers is the
# one whose clock can be moved: a file holds by how many seconds, and by how many that since boot.
. "$(dirname "$0")/lib.sh"
need jq jq

CERTAUTO=$TREE/build/asan/certauto
check "the build with a clock for tests is there (make asan)" test -x "$CERTAUTO"
CERTAUTO_NOW_OFFSET=$DIR/offset
export CERTAUTO_NOW_OFFSET

write_config <<END
run = every 1h
jitter = 0s
[template brief]
hook = local-ca
lifetime = 20s
[template internal]
hook = local-ca
lifetime = 90d
[defaults]
auto_renew = yes
auto_publish = yes
[certificate long]
names = long.example.org
template = internal
[certificate brief]
names = brief.example.org
template = brief
END

# A change in state_dir wakes the loop, as setting the clock does.
nudges=0
move() { # SECONDS [SECONDS SINCE BOOT]
    echo "$*" >"$DIR/offset.new"
    mv "$DIR/offset.new" "$DIR/offset"
    nudges=$((nudges + 1))
    echo >"$STATE/nudge-$nudges"
}
logged() { grep -qF -e "$1" "$DIR/loop.log"; }
count() { grep -cF -e "$1" "$DIR/loop.log"; }
more() { test "$(count "$1")" -gt "$2"; }
renewed() { count "renewed certificate=brief"; }

mkdir -m 700 "$STATE"
move -1000000000
start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "a clock before the build is not believed" wait_for 10 logged "before this program was built"
sleep 1
silent_about "nothing is issued" "$DIR/loop.log" renewed
exits 0 "status succeeds" status --json
json "and says what holds everything" '.loop.trouble | test("before this program was built")'
json "and that nothing is expected by the clock" '.loop.next_run == null'
kill -USR1 "$pid"
check "a run is not made either" wait_for 5 logged "no run, as asked: the clock reads"
same "it is told once" "$(count 'warning: the clock reads')" 1

move 0
check "the clock is set: it is noticed" wait_for 5 logged "the clock is believed now"
check "the start of the loop, which is a run, is made up for" wait_for 10 logged "renewed certificate=long"
check "all is issued" wait_for 10 logged "published certificate=brief"

# ---- Ahead, and back again

move 7200
check "a jump of two hours is doubted" wait_for 5 logged "the clock has jumped ahead"
before=$(renewed)
exits 0 "status in doubt" status --json
json "says so" '.loop.trouble | test("nothing starts for ten minutes")'
sleep 3
cp -p "$STATE/brief.state" "$DIR/brief.state"
sleep 12
same "what is due by such a clock is not started" "$(renewed)" "$before"
check "nor written" cmp "$STATE/brief.state" "$DIR/brief.state"
move 0
back() { test "$(count 'the clock is believed now')" -eq 2; }
check "it goes back: nothing has happened" wait_for 5 back
check "and what was due is renewed" wait_for 15 more "renewed certificate=brief" "$before"

# ---- Ahead, and so for ten minutes

before=$(renewed)
move 7200
jumped_twice() { test "$(count 'the clock has jumped ahead')" -eq 2; }
check "again it jumps" wait_for 5 jumped_twice
move 7700 500
sleep 1
same "eight minutes later it is still in doubt" "$(count 'believed now')" 2
move 7810 610
believed() { test "$(count 'believed now')" -eq 3; }
check "ten minutes later it is believed" wait_for 5 believed
check "and work goes on" wait_for 15 more "renewed certificate=brief" "$before"
published() { test "$(grep -c 'published certificate=brief' "$DIR/loop.log")" -ge "$(renewed)"; }
check "to its end" wait_for 5 published

# ---- Back, before what was written by that clock

move 0
check "now it lies before what certauto wrote" wait_for 5 logged "before certauto last wrote"
exits 3 "a command says so too" --run-now
exits 0 "which --trust-clock settles" --run-now --trust-clock
settled() { test "$(count 'believed now')" -eq 4; }
check "the loop notices that" wait_for 5 settled

# ---- Asleep for five hours

# A renewal that is due waits for its run, which comes within the hour.
stop loop
rm -rf "$STATE"
sed -i 's/^jitter/max_parallel = 1\njitter/' "$CONFIG"
start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "the loop begins anew" wait_for 20 logged "published certificate=brief"
check "with all of them" wait_for 5 logged "published certificate=long"
now=$(date -u +%s)
sed -e "s/^not_before = .*/not_before = $(date -u -d "@$((now - 86400 * 80))" +%Y-%m-%dT%H:%M:%SZ)/" \
    -e "s/^not_after = .*/not_after = $(date -u -d "@$((now + 86400 * 10))" +%Y-%m-%dT%H:%M:%SZ)/" \
    "$STATE/long.state" >"$DIR/long.state"
cp "$DIR/long.state" "$STATE/long.state"
sleep 3
case $(date -u +%M) in
00 | 59) ok "this is the minute of the run" ;;
*) same "one that is due waits for its run" "$(count 'renewed certificate=long')" 1 ;;
esac
before=$(renewed)
move 18000 18000
check "a machine that slept has no clock that jumped: work goes on" wait_for 10 more "renewed certificate=brief" "$before"
check "a run that passed meanwhile is still owed" wait_for 10 logged "renewed certificate=long step=issue generation=2"
same "without a doubt" "$(count 'jumped ahead')" 0
silent_about "nothing failed" "$DIR/loop.log" "failed certificate"
kill -TERM "$pid"
wait "$pid"
same "TERM ends it with 0, and nothing leaked" "$?" 0
rm "$DIR/loop.pid"

# ---- Never doubted

rm -rf "$STATE"
mkdir -m 700 "$STATE"
move -1000000000
sed -i 's/^jitter/clock = trust\njitter/' "$CONFIG"
start loop "$CERTAUTO" -c "$CONFIG"
check "with clock = trust it is believed, whatever it reads" wait_for 10 logged "renewed certificate=long"
