#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Notifications: which events are told, once each; a hook that fails or hangs holds nothing up; warnings of expiry.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

mkdir -p "$HOOKS/notify" "$HOOKS/policy" "$DIR/live"
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
printf 'return {api = 1, doc = "Holds.", decide = function() return {step = "wait", reason = "not today"} end}' \
    >"$HOOKS/policy/never.lua"
printf 'return {api = 1, doc = "Asks.", issue = function() return {pending = true, wait = 3600, cookie = "c"} end}' \
    >"$HOOKS/issue/slow.lua"
printf 'return {api = 1, doc = "Fails.", issue = function() return nil, "the CA\\nis\\27[31m closed" end}' \
    >"$HOOKS/issue/closed.lua"

configure() { # NOTIFY SECTIONS OF [defaults]
    write_config <<END
hook_timeout = 2s
[defaults]
auto_renew = yes
template = internal
notify = $1
[template internal]
hook = local-ca
hook_timeout = 1m
[template slow]
hook = slow
[template closed]
hook = closed
[policy never]
hook = never
[profile files]
hook = files
fullchain = $DIR/live/%{name}.pem
[profile broken]
hook = files
fullchain = $DIR/live/broken-%{name}.pem
reload = sh -c 'test -e $DIR/works'
[notify notes]
hook = notes
file = $DIR/notes
[notify own]
hook = notes
file = $DIR/own
[group web]
[certificate good]
names = good.example.org
group = web
auto_publish = yes
profile = files
[certificate waits]
names = waits.example.org
policy = never
[certificate slow]
names = slow.example.org
template = slow
[certificate closed]
names = closed.example.org
template = closed
notify = own
[certificate silent]
names = silent.example.org
notify =
END
}
events() { # CERTIFICATE: its events, in their order
    jq -rs "[.[] | select(.name == \"$1\").event] | join(\" \")" "$DIR/notes"
}

configure notes
exits 0 "notify sections are taken" check
exits 0 "--dry-run" --run-now --dry-run
refute "tells nobody" test -e "$DIR/notes"
exits 1 "a run" --run-now --json
same "a first issue and publication are told" "$(events good)" "renewed published"
same "a hold is told" "$(events waits)" held
same "a pending order is told" "$(events slow)" pending
same "nobody is told where notify says so" "$(events silent)" ""
same "a failure goes to the certificate's own" "$(jq -r .event "$DIR/own")" renew_failed
same "with its message, on one line" "$(jq -r .message "$DIR/own")" 'the CA\x0ais\x1b[31m closed'
check "the fields are those promised" jq -se --arg host "$(uname -n)" '[.[] | select(.name == "good")] |
    .[0] == {event: "renewed", time: .[0].time, name: "good", groups: ["web"], step: "issue", generation: 1,
        not_after: .[0].not_after, host: $host} and .[1].profile == "files" and .[1].step == "publish" and
    (.[0].time | . > 1700000000) and .[0].not_after > .[0].time + 80 * 86400' "$DIR/notes"
: >"$DIR/notes"
exits 0 "another run" --run-now
same "tells nothing twice" "$(cat "$DIR/notes")" ""
exits 1 "a failure by hand" renew closed
same "is told again" "$(jq -r .event "$DIR/own" | tr '\n' ' ')" "renew_failed renew_failed "

# Publications that fail, and go back.
cat >>"$CONFIG" <<END
[certificate back]
names = back.example.org
auto_publish = yes
profile = broken
END
exits 1 "a publication fails" --run-now back
same "which is told" "$(events back)" "renewed publish_failed"
touch "$DIR/works"
exits 0 "it is published" publish back
rm "$DIR/works"
exits 1 "another generation is not" renew back
same "nothing was put back before, now it was tried" "$(events back | cut -d ' ' -f 3-5)" "published renewed publish_failed"
touch "$DIR/works"
exits 0 "the newer is published" publish back
: >"$DIR/notes"
exits 0 "and rolled back by hand" rollback back
same "which is told" "$(events back)" rolled_back

printf 'return {api = 1, doc = "Picky.", publish = function(bundle)
    if bundle.generation == 2 then return nil, "not this one" end return true end}' >"$HOOKS/publish/picky.lua"
cat >>"$CONFIG" <<END
[profile picky]
hook = picky
[certificate picky]
names = picky.example.org
auto_publish = yes
profile = picky
END
exits 0 "a target that takes the first generation" --run-now picky
exits 1 "but not the second" renew picky
same "is put back, which is told" "$(events picky)" "renewed published renewed publish_failed rolled_back"

# A state that is damaged.
: >"$DIR/notes"
echo garbage >>"$STATE/waits.state"
exits 1 "a state that cannot be read" --run-now waits
same "is told" "$(events waits)" state_unreadable
rm "$STATE/waits.state"

# The engine's own.
: >"$DIR/notes"
cp "$STATE/good.state" "$DIR/good.state"
sed -i "s/^written = .*/written = $(date -u -d '+3 hours' +%Y-%m-%dT%H:%M:%SZ)/" "$STATE/good.state"
exits 3 "a clock that is behind" --run-now
same "is told to those of [defaults]" "$(jq -r .event "$DIR/notes")" clock_untrusted
check "without a certificate" jq -e '.name == null and .groups == null and (.message | test("clock"))' "$DIR/notes"
cp "$DIR/good.state" "$STATE/good.state"

# Hooks that misbehave.
bad() { # NAME BODY
    printf 'return {api = 1, doc = "Bad.", notify = function(event)\n%s\nend}\n' "$2" >"$HOOKS/notify/$1.lua"
    printf '[notify %s]\nhook = %s\n' "$1" "$1" >>"$CONFIG"
}
configure "raises, fails, rubbish, loops, hangs, notes"
bad raises 'error("boom\n\27[31m")'
bad fails 'return nil, "one\ntwo"'
bad rubbish 'return {colour = "red"}'
bad loops 'while true do end'
bad hangs 'return nil, select(2, require("certauto.exec").run({"sleep", "62.5"}))'
: >"$DIR/notes"
exits 0 "hooks that fail fail no step" renew good
same "those after them are told" "$(events good)" "renewed published"
for name in raises fails rubbish loops hangs; do
    says "$name is a warning" "$DIR/err" "notify=$name"
done
same "each is one line" "$(grep -c -v -e '^20' "$DIR/err")" 0
same "a hook that had to be killed is not called again, others are" \
    "$(grep -c 'not delivered.*notify=fails' "$DIR/err")" 2

# Expiry.
configure notes
cat >>"$CONFIG" <<END
[certificate ends]
auto_renew = no
notify_before = 20d, 9d, 5d, 1d
END
make_certificate "$DIR/ends.pem" "$DIR/ends.key" DNS:ends.example.org "-50 days" "+8 days"
exits 0 "a certificate that ends in 8 days" import ends --cert "$DIR/ends.pem" --key "$DIR/ends.key"
: >"$DIR/notes"
exits 0 "a run" --run-now
same "warns of it" "$(events ends)" expiring
check "with its end" jq -e '.not_after > .time + 7 * 86400 and (.message | test("expires in (7 d|8 d)"))' "$DIR/notes"
says "in the log too" "$DIR/err" "expiring certificate=ends"
says "the state knows" "$STATE/ends.state" "warned = 777600s before"
cp "$STATE/ends.state" "$DIR/before"
exits 0 "another run" --run-now
same "does not" "$(events ends)" expiring
check "and writes nothing" cmp "$DIR/before" "$STATE/ends.state"
make_certificate "$DIR/over.pem" "$DIR/over.key" DNS:over.example.org "-50 days" "-1 hour"
exits 0 "one that has expired" import ends --cert "$DIR/over.pem" --key "$DIR/over.key" --force
exits 0 "a run" --run-now
same "is told, once and for all" "$(events ends)" "expiring expired"
exits 0 "another run" --run-now
same "is silent" "$(events ends)" "expiring expired"
