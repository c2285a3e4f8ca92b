#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The errand renewal_info: whose CA is asked and when, what is believed of its answer, and what follows from it.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq
need strace strace

# Issues by itself. What renewal_info is asked goes into a line of a file; its answer comes from one, as JSON or a word.
mkdir -p "$DIR/hook" "$HOOKS/notify"
chmod 0777 "$DIR/hook"
cat >"$HOOKS/issue/silent.lua" <<'END'
local fs, json, key, time, x509 = require "certauto.fs", require "certauto.json", require "certauto.key",
  require "certauto.time", require "certauto.x509"
local exec = require "certauto.exec"
local function note(file, text)
  exec.run({"tee", "-a", "FOLDER/" .. file}, {input = text .. "\n"})
end
return {
  api = 1,
  doc = "Signs by itself.",
  issue = function(request)
    local asked = assert(x509.read_request(request.csr))
    local ca = key.generate("ecdsa-p256")
    return {certificate = assert(x509.issue {key = ca, public_key = asked.public_key, names = asked.names,
      subject = "CN=ca", usage = {"server"}, not_before = time.now() - 60,
      not_after = time.now() + 90 * 86400})}
  end,
  --INFO
}
END
cat >"$DIR/info.lua" <<'END'
  renewal_info = function(request)
    local facts = x509.read(request.previous.certificate)
    note("asked", json.encode {name = request.name, names = request.names, csr = request.csr,
      template = request.template, key_type = request.key_type, user = exec.run({"id", "-u"}).out,
      serial = request.previous.serial == facts.serial, left = request.deadline - time.now(),
      key = request.key, not_after = request.previous.not_after})
    local answer = fs.read("FOLDER/answer") or "{}"
    local word = answer:match("^%w+")
    if word == "raise" then
      error("told to raise")
    elseif word == "fail" then
      return nil, "the CA says\nno", {wait = tonumber(answer:match("%d+"))}
    elseif word == "hang" then
      local at = time.boot() + 30
      while time.boot() < at do string.find(("a"):rep(40000), (".-"):rep(30) .. "b") end
    end
    return json.decode(answer)
  end,
END
sed -i "s|FOLDER|$DIR/hook|" "$HOOKS/issue/silent.lua" "$DIR/info.lua"
sed -e "/--INFO/r $DIR/info.lua" -e '/--INFO/d' "$HOOKS/issue/silent.lua" >"$HOOKS/issue/ca.lua"
cat >"$HOOKS/notify/notes.lua" <<END
local json, exec = require "certauto.json", require "certauto.exec"
return {api = 1, doc = "Notes.", notify = function(event)
  event.options = nil
  exec.run({"tee", "-a", "$DIR/hook/notes"}, {input = json.encode(event) .. "\n"})
  return true
end}
END

configure() { # LINES OF [certauto]
    {
        printf '%s\n' "$@"
        cat <<END
jitter = 0s
[defaults]
auto_renew = yes
template = ca
notify = notes
[notify notes]
hook = notes
[template ca]
hook = ca
hook_timeout = 2s
[template silent]
hook = silent
[group web]
[certificate www]
names = www.example.org
group = web
[certificate mail]
names = mail.example.org
renew = on expiry
[certificate quiet]
names = quiet.example.org
template = silent
END
    } | write_config
}
answer() { printf '%s' "$1" >"$DIR/hook/answer"; }
asked() { jq -r .name "$DIR/hook/asked" 2>/dev/null | tr '\n' ' '; }
forget() { rm -f "$DIR/hook/asked" "$DIR"/run/*/errands; }
# When www's CA is to be asked again, in seconds from now: "next" is a record's upper 33 bits.
next_in() {
    od -A n -v -t u8 -w16 "$DIR"/run/*/errands |
        awk -v now="$(date +%s)" '$1 != 0 { printf "%.0f\n", int($2 / 2147483648) - now }' | sort -n | tail -n 1
}
between() { [ "$(next_in)" -ge "$1" ] && [ "$(next_in)" -le "$2" ]; }
day() { date -u -d "@$(($(date +%s) + $1 * 86400))" +%Y-%m-%dT%H:%M:%SZ; }
second() { echo $(($(date +%s) + $1 * 86400)); }
states() { sha256sum "$STATE"/*.state; }

# ---- By --run-now

configure
answer "{\"start\": $(second 20), \"finish\": $(second 21), \"url\": \"https://ca.example.org/why\"}"
start=$(day 20)
exits 0 "all are issued" --run-now --json
json "three" '[.results[].outcome] == ["renewed", "renewed", "renewed"]'
same "that run asks no CA" "" "$(asked)"
exits 0 "a dry run" --run-now --dry-run
exits 0 "and commands that take one step" renew quiet
same "ask none either" "" "$(asked)"
exits 0 "the next run" --run-now --group web --json
json "has no results" '.results == []'
same "asks only those chosen" "www " "$(asked)"
exits 0 "one by name" --run-now mail quiet
same "also where only 'revoked' counts, none whose hook has no such function" "www mail " "$(asked)"
check "it is asked as for an issue, without a request or key" jq -se '.[0] | .names == ["www.example.org"] and
    .csr == null and .key == null and .serial and .template == "ca" and .key_type == "ecdsa-p256" and
    (.left > 0 and .left <= 2)' "$DIR/hook/asked"
says "the window is in the state" "$STATE/www.state" "window_start = ${start%:*}"
says "that of one that expires first, too" "$STATE/mail.state" "window_url = https://ca.example.org/why"
check "without Retry-After it is asked in six hours" between 21500 21600
states >"$DIR/before"
exits 0 "the next run" --run-now --json
same "asks none" "www mail " "$(asked)"
exits 0 "explain shows the window" explain www
says "from when" "$DIR/out" "$(echo "$start" | tr T ' ' | cut -c 1-16)"
says "and why" "$DIR/out" https://ca.example.org/why
exits 0 "status names the reason with its address" status www --json
json "within the window" '.certificates[0].reason | test("^renews in (19|20) d.*: its CA suggests it \\(https://ca.example.org/why\\)")'
forget
exits 0 "a run_dir that was lost" --run-now
same "makes it asked again" "mail www " "$(jq -r .name "$DIR/hook/asked" | sort | tr '\n' ' ')"
same "what is not new is not written" "$(cat "$DIR/before")" "$(states)"

# ---- Retry-After, and what is not believed

forget
answer "{\"start\": $(second 30), \"finish\": $(second 31), \"retry_after\": 5}"
exits 0 "Retry-After of 5 s" --run-now www
check "is held at an hour" between 3500 3600
refute "and the address that is gone is forgotten" grep -q window_url "$STATE/www.state"
forget
answer "{\"start\": $(second 30), \"finish\": $(second 31), \"retry_after\": 1e9}"
exits 0 "one of years" --run-now www
check "is held at a day" between 86300 86400
states >"$DIR/before"
refuse() { # ANSWER SENTENCE
    forget
    answer "$1"
    exits 0 "$1 fails no run" --run-now www --json
    json "nor is it a result" '.results == []'
    says "it is told" "$DIR/err" "$2"
    check "and asked again in six hours" between 21500 21600
}
refuse '{"start": 5, "finish": 5}' "'finish' is not after 'start'"
refuse '{"start": 5}' "'finish' is not after 'start'"
refuse '{"start": 1.5, "finish": 7}' "'start' is of the wrong type"
refuse '{"start": -1, "finish": 7}' "'start' is of the wrong type"
refuse '{"start": 1, "finish": 253402300800}' "'finish' is of the wrong type"
refuse '{"start": 1, "finish": 7, "url": "javascript:1"}' "'url' is no address of http or https"
refuse '{"start": 1, "finish": 7, "url": "https://a b"}' "'url' is no address of http or https"
refuse '{"start": 1, "finish": 7, "colour": "red"}' "'colour' is no field of it"
refuse '{"start": 1, "finish": 7, "revoked": "no"}' "'revoked' is of the wrong type"
refuse '"soon"' "returned a string value"
refuse 'fail 60' 'the CA says\\x0ano'
refuse 'raise' 'told to raise'
refuse 'hang' 'no answer within 2 s'
exits 0 "nothing counts as a failure" status www --json
json "of the certificate" '.certificates[0] | .failures == 0 and .last_error == null and .state == "ok"'
same "and nothing is written" "$(cat "$DIR/before")" "$(states)"
forget
answer "fail 50000"
exits 0 "a CA that fails and states a longer wait" --run-now www
check "gets it" between 49900 50000

# ---- By the loop

loop_asked() { [ "$(asked)" = "$1" ]; }
stop_loop() { stop loop; mv "$DIR/loop.log" "$DIR/loop.old"; }
forget
rm -rf "$STATE" "$DIR/hook/notes"
answer "{\"start\": $(second 40), \"finish\": $(second 41)}"
user=nobody
[ "$(id -u)" -eq 0 ] || user=
chmod 755 "$DIR" "$HOOKS" "$HOOKS/issue" "$HOOKS/notify"
configure "hook_user = $user"
start loop "$CERTAUTO" -c "$CONFIG"
check "the loop asks after issuing" wait_for 20 sh -c "[ \"\$(wc -l <'$DIR/hook/asked')\" = 2 ]"
window_known() { [ "$(grep -l window_start "$STATE"/*.state | wc -l)" -eq 2 ]; }
check "and notes what it heard" wait_for 10 window_known
if [ "$(id -u)" -eq 0 ]; then
    check "the hook runs as hook_user" jq -se --arg id "$(id -u nobody)" 'all(.user == $id + "\n")' "$DIR/hook/asked"
fi
next_known() { certauto status --json | jq -e ".loop.next_run | fromdate - now | . > 21400 and . <= 21600"; }
check "it wakes when the CA is to be asked again" wait_for 10 next_known
silent_about "a line tells of it, none says that nothing came of it" "$DIR/loop.log" "outcome=nothing"
same "one line a window" 2 "$(grep -c 'suggests a window' "$DIR/loop.log")"
certauto status --json | jq -r .loop.result >"$DIR/result"
says "an errand is no run" "$DIR/result" "3 renewed"
timeout 3 strace -f -q -p "$(cat "$DIR/loop.pid")" -o "$DIR/calls"
grep -v -e resuming -e detached "$DIR/calls" >"$DIR/made"
check "until then it makes no system call" test -e "$DIR/calls" -a ! -s "$DIR/made"

answer fail
rm -f "$DIR"/run/*/errands "$DIR/hook/asked"
kill -HUP "$(cat "$DIR/loop.pid")"
check "a run_dir lost makes it ask again" wait_for 10 sh -c "[ \"\$(wc -l <'$DIR/hook/asked')\" = 2 ]"
check "what fails is told" wait_for 10 sh -c "[ \"\$(grep -c 'window is not known' '$DIR/loop.log')\" = 2 ]"
same "no step has failed" 0 "$(grep -c 'level=error\|failed' "$DIR/loop.log")"

# A worker that is killed in the asking: it was noted before.
sed -i 's/^hook_timeout = 2s/hook_timeout = 1m/' "$CONFIG"
answer hang
rm -f "$DIR"/run/*/errands "$DIR/hook/asked"
kill -HUP "$(cat "$DIR/loop.pid")"
check "a CA that hangs" wait_for 10 sh -c "[ \"\$(wc -l <'$DIR/hook/asked')\" = 2 ]"
same "what it is asked again at is noted" "0" "$(next_in | awk '{ print ($1 < 21500) }')"
# shellcheck disable=SC2046 # a list
kill -KILL $(cat "/proc/$(cat "$DIR/loop.pid")/task/$(cat "$DIR/loop.pid")/children")
check "is not asked at once by the next worker" wait_for 10 next_known
same "but later" 2 "$(wc -l <"$DIR/hook/asked")"

# A window that has passed, within a day of the issue: that time is waited for.
answer "{\"start\": 5, \"finish\": 7}"
rm -f "$DIR"/run/*/errands "$DIR/hook/asked"
kill -HUP "$(cat "$DIR/loop.pid")"
check "the window moves" wait_for 10 grep -q "window_start = 1970" "$STATE/www.state"
exits 0 "a window in the past" explain www
says "makes it due" "$DIR/out" "its CA suggests it"
says "after a day" "$DIR/out" "within a day of its issue"

# Revoked: told once, and asked no more.
answer '{"revoked": true}'
rm -f "$DIR"/run/*/errands "$DIR/hook/asked"
kill -HUP "$(cat "$DIR/loop.pid")"
check "revoked is in the state" wait_for 10 grep -q "^revoked = yes" "$STATE/www.state"
check "and told" wait_for 10 sh -c "[ \"\$(grep -c '\"event\":\"revoked\"' '$DIR/hook/notes')\" = 2 ]"
rm -f "$DIR"/run/*/errands "$DIR/hook/asked"
kill -HUP "$(cat "$DIR/loop.pid")"
reloaded() { [ "$(grep -c 'configuration' "$DIR/loop.log")" -ge 5 ]; }
check "the loop has looked again" wait_for 10 reloaded
stop_loop
exits 0 "nor does a run" --run-now
same "ask a CA of what is revoked" "" "$(asked)"

# A generation of days ago is renewed at once, by the run that hears of it.
old() { # NAME
    sed -i "s/^issued = .*/issued = $(day -3)/; s/^revoked = .*//; s/^window.*//" "$STATE/$1.state"
}
old www
old mail
answer '{"revoked": true}'
exits 0 "a run that hears it of an older one" --run-now www mail --json
json "renews it at once, under every rule" '[.results[].outcome] == ["renewed", "renewed"]'
refute "and that ends with its generation" grep -q "^revoked = yes" "$STATE/www.state"

# ---- Off

sed -i 's/^auto_renew = yes/auto_renew = no/' "$CONFIG"
forget
exits 0 "where renewal is off" --run-now
same "no CA is asked" "" "$(asked)"

# ---- A loop that cannot note it

sed -i 's/^auto_renew = no/auto_renew = yes/' "$CONFIG"
answer "{\"start\": $(second 40), \"finish\": $(second 41)}"
rm -rf "$DIR/run"
: >"$DIR/run"
start loop "$CERTAUTO" -c "$CONFIG"
check "a loop without a run_dir says so" wait_for 10 grep -q "run" "$DIR/loop.log"
exits 0 "a run without one" --run-now
same "asks no CA: it could not keep from asking again" "" "$(asked)"
stop loop
