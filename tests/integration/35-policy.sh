#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Policies let a step pass or hold it; one that fails holds, with its reason, and nobody is asked in a circle.
. "$(dirname "$0")/lib.sh"
need jq jq

mkdir -p "$HOOKS/policy" "$DIR/live"
write_config <<END
hook_timeout = 2s

[defaults]
auto_renew = yes
template = internal

[template internal]
hook = local-ca
hook_timeout = 1m
[profile files]
hook = files
fullchain = $DIR/live/%{name}.pem
END

# A policy hook of this body, and a certificate of its name that it decides about.
policy() { # NAME BODY [SETTINGS]
    printf 'return {api = 1, doc = "Test.", options = {{name = "word", type = "secret", doc = "A word."}},\n' \
        >"$HOOKS/policy/$1.lua"
    printf 'decide = function(status, step)\n%s\nend}\n' "$2" >>"$HOOKS/policy/$1.lua"
    printf '[policy %s]\nhook = %s\nword = %s-word\n[certificate %s]\nnames = %s.example.org\npolicy = %s\n%s\n' \
        "$1" "$1" "$1" "$1" "$1" "$1" "${3:-}" >>"$CONFIG"
}
policy passes 'return step'
policy named 'return "issue"'
policy past 'return {step = "wait", ["until"] = 5, reason = "not before 1970"}'
policy future 'return {step = "wait", ["until"] = 99999999999}'
policy silent 'return {step = "wait"}'
policy raises 'error("boom\nwith \27[31mcolour and " .. step.options.word)'
policy loops 'while true do end'
policy hangs 'return nil, select(2, require("certauto.exec").run({"sleep", "62.25"}))'
policy rubbish 'return 7'
policy yes 'return true'
policy other 'return {step = "publish"}'
policy field 'return {step = "issue", colour = "red"}'
policy lines 'return {step = "wait", reason = "one\ntwo = 2\n[end]\n"}'
policy fails 'return nil, "no such word"'
policy eats 'local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end'

exits 0 "the configuration is fine" check
now=$(date +%s)
exits 0 "what policies hold is no failure" --run-now --json
took=$(($(date +%s) - now))
check "it is over soon ($took s)" test "$took" -le 40
of() { # CERTIFICATE FILTER
    json "$1: $2" ".results[] | select(.name == \"$1\") | $2"
}
of passes '.outcome == "renewed"'
of named '.outcome == "renewed"'
for name in past future silent raises loops hangs rubbish yes other field lines fails eats; do
    of "$name" '.outcome == "held" and .step == "issue"'
    check "$name has no certificate" test ! -e "$STATE/certs/$name/1"
done
of past '.error | test("not before 1970") and test("held by past")'
of raises '.error | test("the policy failed: .*boom.x0awith")'
of loops '.error | test("in time|no answer within")'
of hangs '.error | test("deadline|time")'
of rubbish '.error | test("number")'
of yes '.error | test("no step")'
of other '.error | test("was asked about issue and returned the step .publish")'
of field '.error | test("colour")'
of lines '.error | test("one.x0atwo = 2.x0a.end")'
of fails '.error | test("no such word")'
of eats '.error | test("memory")'
silent_about "no traceback tells a secret" "$DIR/err" raises-word
silent_about "nor does the state" "$STATE/raises.state" raises-word

exits 0 "status shows the holds" status --json
json "with the reason" '[.certificates[] | select(.name == "past")][0] | .state == "unissued" and .step == "wait" and (.reason | test("held by past.*not before 1970"))'
held() { # CERTIFICATE LEAST MOST: seconds from the run to the end of the hold
    until=$(jq -r ".certificates[] | select(.name == \"$1\").at | fromdate" "$DIR/out")
    check "$1 is held between $2 and $3 s ($((until - now)))" test "$((until - now))" -ge "$2" -a "$((until - now))" -le "$3"
}
held past 60 110
held future 86400 86450
held silent 86400 86450
held raises 600 650
exits 0 "explain shows it too" explain future
says "by whom" "$DIR/out" "held by future"

cp "$STATE/past.state" "$DIR/before"
exits 0 "the next run asks nobody" --run-now past --json
json "and says why" '.results[0].outcome == "held"'
check "and writes nothing" cmp "$DIR/before" "$STATE/past.state"
exits 0 "--dry-run and plan ask nobody either" plan

exits 0 "a person need not ask a policy" renew past raises
check "nor one that fails" test -e "$STATE/certs/raises/1/cert.pem"
refute "the hold is over" grep -q '^\[hold\]' "$STATE/past.state"

# What the hook is told, publishing, and several policies.
cat >"$HOOKS/policy/notes.lua" <<'END'
local json, exec = require "certauto.json", require "certauto.exec"
return {api = 1, doc = "Notes.", options = {{name = "file", type = "path", required = true, doc = "File."}},
  decide = function(status, step)
    exec.run({"tee", "-a", step.options.file}, {input = json.encode({status = status, step = step}) .. "\n"})
    return {step = step.step}
  end}
END
cat >>"$CONFIG" <<END
[policy first]
hook = notes
file = $DIR/first
[policy second]
hook = approval-file
folder = $DIR/approve
again = 2s
[policy third]
hook = notes
file = $DIR/third
[certificate both]
names = both.example.org
policy = first, second, third
auto_publish = yes
profile = files
override_slots = never
END
mkdir -m 755 "$DIR/approve"
echo issue >"$DIR/approve/both"
exits 0 "an approved step is done" --run-now both --json
json "and the other held" '[.results[] | [.step, .outcome]] == [["issue", "renewed"], ["publish", "held"]]'
json "with the reason" '.results[1].error | test("held by second: .*approve/both does not name publish")'
check "the status and the step were told" jq -se '.[0].status.name == "both" and .[0].status.generation == 0 and
    .[0].status.state == "unissued" and .[0].step.step == "issue" and (.[0].step.reason | type) == "string" and
    .[1].step.profile == "files" and .[1].step.generation == 1 and .[1].status.not_after != null' "$DIR/first"
same "who comes after the first that holds is not asked" "$(wc -l <"$DIR/third")" 1
check "no secret is told" sh -c "! grep -q PRIVATE '$DIR/first'"
chmod 666 "$DIR/approve/both"
sed -i "s/^until = .*/until = 2020-01-01T00:00:00Z/" "$STATE/both.state"
exits 0 "a file that others can write approves nothing" --run-now both --json
json "and says so" '.results[0].error | test("can be written by others")'
chmod 644 "$DIR/approve/both"
echo publish >"$DIR/approve/both"
sed -i "s/^until = .*/until = 2020-01-01T00:00:00Z/" "$STATE/both.state"
exits 0 "once it is approved it is published" --run-now both --json
json "and reported" '.results == [{"name": "both", "step": "publish", "outcome": "published", "error": null}]'
check "in place" test -s "$DIR/live/both.pem"
refute "the hold is over then" grep -q '^\[hold\]' "$STATE/both.state"
# Policies and notifications run as hook_user, who has no business in the state.
if [ "$(id -u)" -eq 0 ]; then
    mkdir -p "$HOOKS/notify"
    chmod 755 "$DIR"
    printf 'return {api = 1, doc = "Who.", decide = function()
    local who = require("certauto.exec").run("id -un").out
    local state, why = require("certauto.fs").list("%s")
    return {step = "wait", reason = who .. tostring(why)} end}' "$STATE" >"$HOOKS/policy/who.lua"
    printf 'return {api = 1, doc = "Who.", notify = function(event)
    return nil, "told by " .. require("certauto.exec").run("id -un").out end}' >"$HOOKS/notify/who.lua"
    cat >>"$CONFIG" <<END
[policy who]
hook = who
[notify who]
hook = who
[certificate who]
names = who.example.org
policy = who
notify = who
END
    sed -i 's/^hook_timeout = 2s/&\nhook_user = nobody/' "$CONFIG"
    exits 0 "with hook_user" --run-now who --json
    json "the policy runs as that account" '.results[0].error | test("nobody.x0a.*[Pp]ermission")'
    says "so does the notification" "$DIR/err" 'error="told by nobody'
fi
exits 0 "review shows the policies" review both --json
json "with their options" '[.settings[] | select(.key == "policy second.again").value] == ["2s"]'
