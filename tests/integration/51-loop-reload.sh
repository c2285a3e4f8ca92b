#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# HUP: a new configuration is taken when it has no mistake; workers finish as begun. USR1: a run now.
. "$(dirname "$0")/lib.sh"
need jq jq

cat >"$HOOKS/publish/slow.lua" <<'END'
return {
  api = 1, doc = "Takes its time.",
  options = {{name = "seconds", type = "integer", default = "0", doc = "How long."},
             {name = "note", type = "string", required = true, doc = "Where it is noted."}},
  publish = function(bundle)
    require("certauto.time").sleep(bundle.options.seconds)
    local done, message = require("certauto.exec").run({"sh", "-c", 'echo "$1" >>"$2"', "sh",
      bundle.name .. " " .. bundle.options.seconds, bundle.options.note})
    if not done then return nil, message end
    return true
  end,
}
END

runs="daily at 12:00"
case $(date -u +%H:%M) in
11:5? | 12:0?) runs="daily at 18:00" ;;
esac
configure() { # SECONDS, then more sections on stdin
    write_config <<END
max_parallel = 2
run = $runs
[template internal]
hook = local-ca
[profile slow]
hook = slow
seconds = $1
note = $DIR/notes
[defaults]
auto_renew = yes
auto_publish = yes
template = internal
$(cat)
END
}
logged() { grep -qF -e "$1" "$DIR/loop.log"; }
noted() { grep -qxF -e "$1" "$DIR/notes"; }
count() { grep -cF -e "$1" "$DIR/loop.log"; }
again() { test "$(count 'was read again')" -ge "$1"; }

configure 0 <<END
[certificate a]
names = a.example.org
END
start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "the first certificate is published" wait_for 10 logged "published certificate=a"

printf '[certificate b\nnames = b.example.org\ntemplat = none\n' >>"$CONFIG"
kill -HUP "$pid"
check "a mistake is logged with its line" wait_for 5 logged "$CONFIG:$(($(wc -l <"$CONFIG") - 2)):"
check "the configuration in force stays" wait_for 5 logged "is refused, the one in force stays"
cp "$CONFIG" "$DIR/broken"
configure 0 <<END
[certificate a]
names = a.example.org
END
exits 0 "status meanwhile" status --json
json "says that one was refused" '(.loop.refused | fromdateiso8601) > 0 and (.loop.refusal | test("certauto.ini:[0-9]+: "))'
cp "$DIR/broken" "$CONFIG"
kill -HUP "$pid"
refused_twice() { test "$(count 'the one in force stays')" -eq 2; }
check "again it is refused" wait_for 5 refused_twice

configure 0 <<END
[certificate a]
names = a.example.org
[certificate b]
names = b.example.org
END
kill -HUP "$pid"
check "with the mistake gone it is read" wait_for 5 again 1
check "a new certificate is issued and published at once" wait_for 10 logged "published certificate=b"
exits 0 "status after it" status --json
json "has forgotten the refusal" '.loop.refused == null and .loop.refusal == null'
json "and knows the newer configuration" '(.loop.configuration | fromdateiso8601) >= (.loop.since | fromdateiso8601)'

# ---- Workers that are at work

configure 3 <<END
[certificate a]
names = a.example.org
[certificate c]
names = c.example.org
profile = slow
END
kill -HUP "$pid"
check "a slow publication begins" wait_for 10 logged "renewed certificate=c"
sleep 0.3
configure 0 <<END
[certificate d]
names = d.example.org
profile = slow
END
kill -HUP "$pid"
check "the configuration is read while it is at work" wait_for 3 again 3
check "the new one's certificate does not wait for it" wait_for 2 noted "d 0"
refute "which is not done yet" noted "c 3"
check "it finishes as it was begun" wait_for 6 noted "c 3"
check "and is told" wait_for 3 logged "published certificate=c"
silent_about "nothing failed" "$DIR/loop.log" "failed certificate"

# A certificate that is at work is not taken twice.
configure 2 <<END
[certificate e]
names = e.example.org
profile = slow
END
kill -HUP "$pid"
check "another slow one" wait_for 10 logged "renewed certificate=e"
sleep 0.3
kill -HUP "$pid"
check "is read over" wait_for 3 again 5
check "and done" wait_for 6 logged "published certificate=e"
sleep 1
same "once" "$(grep -c '^e 2$' "$DIR/notes")" 1
same "without being busy" "$(count busy)" 0

# ---- USR1

configure 0 <<END
[certificate f]
names = f.example.org
END
# A renewal that is ready waits for its run; asked, it does not.
exits 0 "one more is issued" --run-now f
now=$(date -u +%s)
sed -i -e "s/^not_before = .*/not_before = $(date -u -d "@$((now - 86400 * 80))" +%Y-%m-%dT%H:%M:%SZ)/" \
    -e "s/^not_after = .*/not_after = $(date -u -d "@$((now + 86400 * 10))" +%Y-%m-%dT%H:%M:%SZ)/" "$STATE/f.state"
stop loop
start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "the loop is back" wait_for 5 logged begins
sleep 1
# The start is a run too, which jitter spreads.
silent_about "a renewal that is due waits for its moment" "$DIR/loop.log" "renewed certificate=f"
kill -USR1 "$pid"
check "asked for a run, it starts now" wait_for 5 logged "renewed certificate=f step=issue generation=2"
says "which is logged" "$DIR/loop.log" "a run begins, as asked"
kill -USR1 "$pid"
run_ended() { certauto status --json | jq -e '.loop.result == "nothing was due"'; }
check "a run of which nothing is due is told as such" wait_for 5 run_ended
kill -INT "$pid"
wait "$pid"
same "INT ends it with 0" "$?" 0
rm "$DIR/loop.pid"
