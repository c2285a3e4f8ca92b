#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Four processes started together on the same certificates issue and publish each once, with keys and serials of their
# own; locks hold and die.
. "$(dirname "$0")/lib.sh"
need jq jq

mkdir "$DIR/etc"
{
    cat <<END
max_parallel = 4

[template internal]
hook = counted

[profile web]
hook = files
cert = $DIR/etc/%{name}.crt
reload = sh -c 'echo x >>$DIR/published'

[defaults]
auto_renew = yes
auto_publish = yes
template = internal
profile = web
END
    for i in $(seq 64); do
        printf '[certificate c%s]\nnames = c%s.example.org\n' "$i" "$i"
    done
} | write_config

# The local CA, slowed down, with a line for each certificate that it gives out.
cat >"$HOOKS/issue/counted.lua" <<END
local ca = require "lib.ca"
local exec = require "certauto.exec"
return {
  api = 1,
  doc = "Counts.",
  issue = function(request)
    local done = assert(exec.run({"sh", "-c", "echo " .. request.name .. " >>$DIR/issued; sleep 0.1"}))
    assert(done.status == 0)
    return ca.sign(request, 86400 * 90)
  end,
}
END
mkdir "$HOOKS/lib"
cat >"$HOOKS/lib/ca.lua" <<'END'
local key, x509, time, store = require "certauto.key", require "certauto.x509", require "certauto.time", require "certauto.store"
local ca = {}
function ca.sign(request, lifetime)
  local lock <close> = assert(store.lock("ca"))
  local now, text = time.now(), store.get("ca")
  local own
  if text then
    own = assert(key.parse(text))
  else
    own = assert(key.generate())
    assert(store.set("ca", own:pem()))
  end
  local root = assert(x509.issue({key = own, public_key = own:public(), subject = "CN=root", ca = true,
    not_before = now - 60, not_after = now + 86400 * 900}))
  local asked = assert(x509.read_request(request.csr))
  return {certificate = assert(x509.issue({key = own, issuer = root, public_key = asked.public_key,
    names = asked.names, not_before = now - 60, not_after = now + lifetime})), chain = root}
end
return ca
END

for i in 1 2 3 4; do
    certauto --run-now --json >"$DIR/out.$i" 2>"$DIR/err.$i" &
    eval "pid$i=\$!"
done
# shellcheck disable=SC2154
for pid in $pid1 $pid2 $pid3 $pid4; do
    wait "$pid"
    same "each process exits 0" $? 0
done
same "each certificate was issued once" "$(sort "$DIR/issued" | uniq -c | awk '$1 != 1')" ""
same "all of them were" "$(wc -l <"$DIR/issued")" 64
same "each was published once" "$(wc -l <"$DIR/published")" 64
same "each is in its first generation" "$(find "$STATE/certs" -mindepth 2 -maxdepth 2 -name 1 | wc -l)" 64
same "64 renewals were told in all" "$(jq -s '[.[].results[] | select(.outcome == "renewed")] | length' "$DIR"/out.?)" 64
same "and no failures" "$(jq -s '[.[].results[] | select(.outcome == "failed")] | length' "$DIR"/out.?)" 0

# Generators that a fork has duplicated would give the same numbers.
same "all keys differ" "$(sha256sum "$STATE"/certs/*/1/key.pem | cut -d ' ' -f 1 | sort -u | wc -l)" 64
same "all serials differ" "$(sed -n 's/^serial = //p' "$STATE"/*.state | sort -u | wc -l)" 64

# ---- A holder that is killed

children() {
    cat "/proc/$1/task/$1/children" 2>/dev/null
}
# Whether a process with this command line is there.
running() {
    for file in /proc/[0-9]*/cmdline; do
        if [ "$(tr '\0' ' ' <"$file" 2>/dev/null)" = "$1 " ]; then
            return 0
        fi
    done
    return 1
}
gone() {
    ! running "$1"
}
ended() {
    case $(cut -d ' ' -f 3 "/proc/$1/stat" 2>/dev/null) in
    Z | '') return 0 ;;
    *) return 1 ;;
    esac
}

sed -i 's/^names = c1\..*/names = c1.example.net/' "$CONFIG"
sed -i 's/ >>\(.*\); sleep 0.1"/ >>\1; exec sleep 61.75"/' "$HOOKS/issue/counted.lua"
start run "$CERTAUTO" -c "$CONFIG" --run-now c1
run=$(cat "$DIR/run.pid")
check "the hook is at work" wait_for 10 running "sleep 61.75"
exits 0 "meanwhile another finds it busy" --run-now --json c1
json "and says so" '[.results[].outcome] == ["busy"]'
check "its keeper is found" test -n "$(children "$run")"
# shellcheck disable=SC2046
kill -9 $(children "$run")
check "the run ends all the same" wait_for 10 ended "$run"
check "the command that the hook waited for is gone" wait_for 5 gone "sleep 61.75"
says "the run says what happened" "$DIR/run.log" "was killed by signal 9"

start run "$CERTAUTO" -c "$CONFIG" --run-now c1
run=$(cat "$DIR/run.pid")
check "its lock died with it: another works on it" wait_for 10 running "sleep 61.75"
before=$(cat "$STATE/c1.state")
# shellcheck disable=SC2046
kill -TERM $(children "$run")
check "a keeper that is asked to end takes its hook along" wait_for 5 gone "sleep 61.75"
check "and the run ends" wait_for 5 ended "$run"
same "the state is as it was" "$(cat "$STATE/c1.state")" "$before"

sed -i 's/exec sleep 61.75/true/' "$HOOKS/issue/counted.lua"
exits 0 "the next run does the work" --run-now --json c1
json "whole" '[.results[].outcome] == ["renewed","published"]'
