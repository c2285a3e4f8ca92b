#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The loop asks policies, tells of events once, and wakes for warnings of expiry though every switch is off.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl
need strace strace

mkdir -p "$HOOKS/notify" "$HOOKS/policy"
cat >"$HOOKS/notify/notes.lua" <<'END'
local json, exec = require "certauto.json", require "certauto.exec"
return {api = 1, doc = "Notes.", options = {{name = "file", type = "path", required = true, doc = "File."}},
  notify = function(event)
    local file = event.options.file
    event.options = nil
    exec.run({"tee", "-a", file}, {input = json.encode(event) .. "\n"})
    return true
  end}
END
printf 'return {api = 1, doc = "Hangs.", notify = function()
    require("certauto.exec").run({"sleep", "62.25"}) end}' >"$HOOKS/notify/hangs.lua"
printf 'return {api = 1, doc = "Raises.", decide = function() error("no") end}' >"$HOOKS/policy/raises.lua"
configure() { # NOTIFY
    write_config <<END
hook_timeout = 20s
[defaults]
notify = $1
notify_before = 80d, 18s, 2s
template = internal
[template internal]
hook = local-ca
[notify notes]
hook = notes
file = $DIR/notes
[notify hangs]
hook = hangs
[policy wait]
hook = approval-file
folder = $DIR/approve
again = 1m
[policy raises]
hook = raises
[certificate ends]
[certificate spread]
names = spread.example.org
auto_renew = yes
notify_before = 14d
[certificate wanted]
names = wanted.example.org
auto_renew = yes
policy = wait
[certificate raised]
names = raised.example.org
auto_renew = yes
policy = raises
END
}
told() { # EVENT HOW OFTEN
    test "$(jq -rs "[.[] | select(.event == \"$1\" and (.name // \"\" | test(\"${3:-.*}\")))] | length" \
        "$DIR/notes" 2>/dev/null)" = "$2"
}
loop_starts() {
    start loop "$CERTAUTO" -c "$CONFIG"
    pid=$(cat "$DIR/loop.pid")
}

mkdir -m 755 "$DIR/approve"
: >"$DIR/notes"
configure notes
# Lifetime 64 s, so its window is 32 s and 18 s is too early.
make_certificate "$DIR/ends.pem" "$DIR/ends.key" DNS:ends.example.org "-57 seconds" "+7 seconds"
end=$(date -d "$(openssl x509 -in "$DIR/ends.pem" -noout -enddate | sed 's/.*=//')" +%s)
# Due since 18 days, warned of since 2, and to be renewed within an hour of the start.
make_certificate "$DIR/spread.pem" "$DIR/spread.key" DNS:spread.example.org "-78 days" "+12 days"
exits 0 "a certificate in its window" import spread --cert "$DIR/spread.pem" --key "$DIR/spread.key"
exits 0 "a certificate that ends in a moment" import ends --cert "$DIR/ends.pem" --key "$DIR/ends.key"
loop_starts
check "a hold is told" wait_for 5 told held 2
check "so is a warning that was missed" wait_for 5 told expiring 1 spread
refute "which spoils the jitter of no renewal" test -e "$STATE/certs/spread/2"
check "and a warning when its time comes" wait_for 10 told expiring 1 ends
check "at that time" jq -se --argjson over "$end" '[.[] | select(.event == "expiring" and .name == "ends")][0] |
    .not_after == $over and .time >= $over - 2 and .time <= $over' "$DIR/notes"
check "the expiry is told" wait_for 5 told expired 1
check "at its second" jq -se --argjson over "$end" '[.[] | select(.event == "expired")][0] |
    .time >= $over and .time <= $over + 1' "$DIR/notes"
printf '[oops\n' >>"$CONFIG"
kill -HUP "$pid"
check "a configuration that is refused is told" wait_for 5 told config_refused 1
configure notes
echo garbage >>"$STATE/ends.state"
check "so is a state that cannot be read" wait_for 5 told state_unreadable 1
kill -USR1 "$pid"
sleep 1
check "nothing twice, though there was a run" told state_unreadable 1
check "and policies were not asked again" told held 2
same "each hold is one line" "$(grep -c 'held certificate=' "$DIR/loop.log")" 2

timeout 4 strace -f -q -p "$pid" -o "$DIR/calls"
grep -v -e resuming -e detached "$DIR/calls" >"$DIR/made"
size=$(awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status")
check "with all this it takes at most 1.5 MiB ($size KiB)" test "$size" -le 1536
check "then it sleeps" test -e "$DIR/calls" -a ! -s "$DIR/made"
stop loop
make_certificate "$DIR/ends.pem" "$DIR/ends.key" DNS:ends.example.org "-57 seconds" "-1 seconds"
exits 0 "it expired meanwhile" import ends --cert "$DIR/ends.pem" --key "$DIR/ends.key" --force
loop_starts
check "which is told after a start" wait_for 5 told expired 2
stop loop
loop_starts
sleep 2
check "but not after the next" told expired 2
check "nor are holds" told held 2
stop loop

# A hook that hangs holds up neither the loop nor a step.
configure "hangs, notes"
touch "$DIR/approve/wanted"
sed -i "s/^until = .*/until = 2020-01-01T00:00:00Z/" "$STATE/wanted.state"
loop_starts
check "an approved step is done" wait_for 10 test -e "$STATE/certs/wanted/1/cert.pem"
before=$(date +%s)
kill -TERM "$pid"
wait "$pid"
same "the loop ends" "$?" 0
took=$(($(date +%s) - before))
check "within its 20 s ($took s)" test "$took" -le 24
rm "$DIR/loop.pid"
