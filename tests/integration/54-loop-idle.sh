#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Idle costs nothing: no system call, no write, and little memory, with a hundred and with a hundred thousand certificates.
. "$(dirname "$0")/lib.sh"
need strace strace
need jq jq

configure() { # HOW MANY
    write_config <<END
[template internal]
hook = local-ca
lifetime = 90d
[defaults]
auto_renew = yes
auto_publish = yes
template = internal
[certificate seed]
names = seed.example.org
END
    awk -v count="$1" 'BEGIN {
        for (i = 1; i <= count; i++)
            printf "[certificate c%06d]\nnames = c%06d.example.org, www.c%06d.example.org\n", i, i, i
    }' >>"$CONFIG"
}

# Each has the seed's state under its own name.
multiply() { # HOW MANY
    awk -v count="$1" -v folder="$STATE" '
        { line[NR] = $0 }
        END {
            for (i = 1; i <= count; i++) {
                name = sprintf("c%06d", i)
                file = folder "/" name ".state"
                for (j = 1; j <= NR; j++) {
                    text = line[j]
                    if (text == "names = seed.example.org")
                        text = "names = " name ".example.org,www." name ".example.org"
                    print text >file
                }
                close(file)
            }
        }' "$STATE/seed.state"
}
kilobytes() { awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status"; }
looked() { certauto status seed --json | jq -e ".loop.pid == $pid and .loop.last_run != null"; }

configure 0
exits 0 "one certificate is issued" --run-now
configure 100
multiply 100
exits 0 "none of a hundred and one is due" --run-now --json
json "at all" '.results == []'
start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "the loop has looked at them" wait_for 10 looked
check "it takes at most 1.5 MiB ($(kilobytes) KiB)" test "$(kilobytes)" -le 1536

find "$STATE" "$DIR/run" -printf '%p %T@ %i\n' | sort >"$DIR/before"
timeout 20 strace -f -q -p "$pid" -o "$DIR/calls"
grep -v -e resuming -e detached "$DIR/calls" >"$DIR/made"
check "in 20 s it makes no system call" test -e "$DIR/calls" -a ! -s "$DIR/made"
find "$STATE" "$DIR/run" -printf '%p %T@ %i\n' | sort >"$DIR/after"
check "and writes nothing" cmp "$DIR/before" "$DIR/after"

before=$(kilobytes)
for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -HUP "$pid"
    kill -USR1 "$pid"
    sleep 0.2
done
sleep 0.5
check "ten reloads and runs later it is no larger ($before, $(kilobytes) KiB)" \
    test "$(kilobytes)" -le $((before + 64))
stop loop
silent_about "nothing was done" "$DIR/loop.log" renewed

configure 100000
multiply 100000
start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "it has looked at a hundred thousand" wait_for 60 looked
check "for which it takes at most 45 MiB ($(kilobytes) KiB)" test "$(kilobytes)" -le 46080
timeout 3 strace -f -q -p "$pid" -o "$DIR/calls"
grep -v -e resuming -e detached "$DIR/calls" >"$DIR/made"
check "and sleeps" test -e "$DIR/calls" -a ! -s "$DIR/made"
kill -TERM "$pid"
wait "$pid"
same "TERM ends it with 0" "$?" 0
rm "$DIR/loop.pid"
silent_about "nothing was done" "$DIR/loop.log" renewed
