#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The loop among hooks and CAs of every kind of malice: each ends one step of one certificate with its sentence; the loop
# lives, the others go on, and nobody is asked more often than "retry" says.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

write_config <<END
jitter = 0s
max_parallel = 4
hook_memory = 8m
hook_timeout = 2s
[defaults]
auto_renew = yes
auto_publish = yes
retry = 2s, 1h
[template brief]
hook = local-ca
lifetime = 10s
[certificate brief]
names = brief.example.org
template = brief
END
# A certificate whose hook does this; each call leaves a line.
hook() { # NAME LUA
    cat >"$HOOKS/issue/$1.lua" <<END
local function issue(request)
  require("certauto.exec").run({"sh", "-c", "echo $1 >>$DIR/calls"})
  $2
end
return {api = 1, doc = "Hostile.", issue = issue}
END
    printf '[template %s]\nhook = %s\n[certificate %s]\nnames = %s.example.org\ntemplate = %s\n' \
        "$1" "$1" "$1" "$1" "$1" >>"$CONFIG"
}
hook raises 'error("boom\n2026-01-01T00:00:00Z certauto: error: a line of its own")'
hook loops 'while true do end'
hook eats 'local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end'
hook rubbish 'return {certificate = "x", colour = "red"}'
hook number 'return 7'
hook nothing 'return'
hook lines 'return nil, "one\ntwo = 2\n[end]\n\27[31mred"'
hook stays 'local r = require("certauto.exec").run({"sh", "-c", "sleep 30 & echo $!"}) return nil, "stays " .. r.out'
hook hangs 'return nil, tostring(select(2, require("certauto.exec").run({"sleep", "600"})))'
hook dies 'require("certauto.exec").run({"sh", "-c", "kill -9 $PPID"}) return nil, "unreached"'

# A CA that answers with what it should not.
cat >"$HOOKS/issue/ca.lua" <<'END'
local key, x509, time, store = require "certauto.key", require "certauto.x509", require "certauto.time", require "certauto.store"
local function kept(name)
  local lock <close> = store.lock(name)
  local text = store.get(name)
  if text then return assert(key.parse(text)) end
  local made = assert(key.generate())
  assert(store.set(name, made:pem()))
  return made
end
local function issue(request)
  local way, now, own = request.options.way, time.now(), kept("ca")
  local root = assert(x509.issue({key = own, public_key = own:public(), subject = "CN=root", ca = true,
    not_before = now - 86400, not_after = now + 86400}))
  local asked = assert(x509.read_request(request.csr))
  local last = store.get("last-" .. request.name)
  if way == "same" and last then return {certificate = last, chain = root} end
  local settings = {key = own, issuer = root, public_key = way == "key" and kept("other"):public() or asked.public_key,
    names = way == "names" and {"other.example.org"} or asked.names, not_before = now - 1,
    not_after = now + (way == "short" and request.previous and 8 or 12)}
  if way == "expired" then settings.not_before, settings.not_after = now - 7200, now - 3600 end
  local certificate = assert(x509.issue(settings))
  assert(store.set("last-" .. request.name, certificate))
  return {certificate = certificate, chain = root}
end
return {api = 1, doc = "A CA that answers what it should not.", issue = issue,
  options = {{name = "way", type = "string", required = true, doc = "How."}}}
END
for way in key names expired same short; do
    printf '[template %s]\nhook = ca\nway = %s\n[certificate %s]\nnames = %s.example.org\ntemplate = %s\n' \
        "$way" "$way" "$way" "$way" "$way" >>"$CONFIG"
done

logged() { grep -qE -e "$1" "$DIR/loop.log"; }
count() { grep -cE -e "$1" "$DIR/loop.log"; }
brief() { test "$(count '(^| )published certificate=brief')" -ge "$1"; }
told() { # CERTIFICATE SENTENCE
    check "$1 is told: $2" wait_for 20 logged "failed certificate=$1 .*$2"
}

start loop "$CERTAUTO" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "beside all of them a good certificate is published" wait_for 20 brief 1
told raises "boom"
told loops "did not end in time"
told eats "memory"
told rubbish "'colour' is no field"
told number "error"
told nothing "error"
told lines "one..x0atwo"
told stays "stays [0-9]+"
told hangs "did not end in time|killed"
told dies "error"
told key "another key"
told names "not for 'names.example.org'"
told expired "has expired"
told same "held already"
check "a shorter life is no failure but a warning" wait_for 20 logged "short: the new certificate lives"
check "nor a reason not to publish" wait_for 20 test "$(readlink "$STATE/live/short")" != "../certs/short/1"
refute "what a hook says begins no line" logged "^2026-01-01T00:00:00Z"
check "every line of the log is one of ours" sh -c "! grep -vE '^20[0-9-]+T[0-9:]+Z certauto: ' $DIR/loop.log"
check "the loop lives" kill -0 "$pid"
renewals=$(count 'published certificate=brief')
check "and renews the good one" wait_for 20 brief $((renewals + 1))
same "no state of theirs is broken" "$(for f in "$STATE"/*.state; do tail -n 1 "$f"; done | sort -u)" "[end]"
for name in raises loops rubbish number lines; do
    calls=$(grep -c "^$name\$" "$DIR/calls")
    check "$name was called but twice ($calls)" test "$calls" -le 2
done

# ---- A run each second after a failure asks nobody more often

for _ in 1 2 3 4; do
    certauto --run-now >"$DIR/out" 2>"$DIR/err"
    sleep 1
done
for name in raises rubbish lines; do
    check "$name was not called by them" test "$(grep -c "^$name\$" "$DIR/calls")" -le 2
done
exits 0 "status says what each waits for" status --json
json "as failed, with the sentence" '[.certificates[] | select(.name == "raises")][0] | .state == "failed" and (.last_error | test("boom"))'

kill "$pid"
wait "$pid"
same "TERM ends it with 0" "$?" 0
children=$(sed -n 's/.*failed certificate=stays .*stays \([0-9]*\).*/\1/p' "$DIR/loop.log" | head -n 1)
check "a child that stayed holds nothing up" test -n "$children"
for child in $(sed -n 's/.*failed certificate=stays .*stays \([0-9]*\).*/\1/p' "$DIR/loop.log"); do
    kill "$child" 2>/dev/null
done
