#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The command plan: what it shows is what explain says of those moments, and it changes nothing.
. "$(dirname "$0")/lib.sh"
need jq jq

write_config <<END
jitter = 1h
log_level = error
[defaults]
auto_renew = yes
auto_publish = yes
template = ca
[template ca]
hook = local-ca
[template short]
hook = local-ca
lifetime = 2d
[template seconds]
hook = local-ca
lifetime = 10s
[profile copy]
hook = files
combined = $DIR/copy/both.pem
[certificate www.example.org]
names = www.example.org
profile = copy
[certificate sundays.example.org]
names = sundays.example.org
renew = 31d before expiry
days = sun
periods = 00:00-04:00
END
mkdir "$DIR/copy"
exits 0 "before the first run there is a plan" plan --json
json "of the first issue and publication, at once" \
    '[.steps[] | select(.name == "www.example.org")] | .[0].step == "issue" and .[1].profile == "copy" and length == 2'
check "which made nothing" test ! -e "$STATE" -a ! -e "$DIR/run"
exits 0 "certificates are issued" renew www.example.org sundays.example.org
exits 0 "and published" publish www.example.org sundays.example.org
before=$(find "$STATE" -printf '%p %T@ %s\n' | sort)

exits 0 "a plan of a year" plan --days 365 --json
json "has steps and warnings" '(keys == ["steps", "warnings"]) and (.warnings == [])'
json "each step has its fields" \
    '[.steps[] | keys_unsorted] | unique == [["at", "name", "step", "profile", "reason"]]'
json "in the order of time" '[.steps[].at] == ([.steps[].at] | sort)'
json "an issue has no profile" '[.steps[] | select(.step == "issue") | .profile] | unique == [null]'
json "publications name theirs, the link alone being live" \
    '[.steps[] | select(.step == "publish") | .profile] | unique == ["copy", "live"]'
json "a certificate of 90 days is renewed each 60, at a run and its jitter" \
    '[.steps[] | select(.name == "www.example.org" and .step == "issue") | .at | fromdate] |
     [.[1:], .[:-1]] | transpose | map(.[0] - .[1]) | length >= 4 and all(. >= 60 * 86400 and . < 62 * 86400)'
json "by its slots on Sundays only, before four" \
    '[.steps[] | select(.name == "sundays.example.org") | .at | fromdate | strftime("%a %H")]
     | length > 0 and all(test("^Sun 0[0-3]$"))'
cp "$DIR/out" "$DIR/year"
exits 0 "half of it" plan --days 180 --json
# The clock has gone on by a little, which no step of these minds.
same "is its beginning" "$(jq -c '.steps' "$DIR/out")" \
    "$(jq -c --argjson n "$(jq '.steps | length' "$DIR/out")" '.steps[:$n]' "$DIR/year")"

at=$(jq -r '[.steps[] | select(.name == "www.example.org")][0].at' "$DIR/year")
reason=$(jq -r '[.steps[] | select(.name == "www.example.org")][0].reason' "$DIR/year")
exits 0 "explain at the moment of a step" explain www.example.org --at "$at" --json
same "says the same" "$(jq -r '.step + ": " + .reason' "$DIR/out")" "issue: $reason"
exits 0 "a plan from the moment of a step" plan --at "$at" --days 1 --json
same "begins with it" "$(jq -r '.steps[0].at' "$DIR/out")" "$at"

exits 0 "a plan in text" plan --days 365
says "has a line a step" "$DIR/out" "publish  publishes generation 2 by copy"
check "fits into 80 columns" awk 'length($0) > 80 { exit 1 }' "$DIR/out"
exits 0 "a plan of a day" plan --days 1
says "in which nothing happens" "$DIR/out" "nothing happens until 20"
exits 0 "a plan of failures" plan --days 365 --assume-failure --json
json "tries again a minute after the first" \
    '[.steps[] | select(.name == "www.example.org") | .at | fromdate][:2] | .[1] - .[0] == 60'
json "publishes nothing" '[.steps[] | select(.step == "publish")] == []'
json "and warns of both expiries" '.warnings | length == 2 and all(.message | test("expires 20.*, before it is renewed"))'
same "nothing of all that has changed the state" "$(find "$STATE" -printf '%p %T@ %s\n' | sort)" "$before"

cat >>"$CONFIG" <<END
[certificate short.example.org]
names = short.example.org
template = short
renew_days = $(LC_ALL=C date -u -d '5 days' +%a)
[certificate seconds.example.org]
names = seconds.example.org
template = seconds
END
exits 0 "a certificate that lives two days is issued" renew short.example.org
exits 0 "slots and short lives" plan --days 365 --json
json "slots that never open in time are warned of" \
    'any(.warnings[]; .name == "short.example.org" and (.message | test("no slot opens between due and expiry")))'
json "and the expiry before the renewal" \
    'any(.warnings[]; .name == "short.example.org" and (.message | test("generation 1 expires .*, before it is renewed \\(20")))'
json "ten seconds for a year are cut" '[.steps[] | select(.name == "seconds.example.org")] | length == 1000'
json "and said to be" \
    'any(.warnings[]; .name == "seconds.example.org" and (.message | test("too many steps: those from 20.* on are left out")))'
exits 0 "warnings in text" plan --days 10
says "have a table of their own" "$DIR/out" "WARNING"
check "that fits as well" awk 'length($0) > 80 { exit 1 }' "$DIR/out"

printf 'rubbish\n' >"$STATE/www.example.org.state"
exits 1 "a state that cannot be read" plan --json
says "is named" "$DIR/err" "www.example.org.state:1"
json "and warned of, beside the plan of the others" \
    'any(.warnings[]; .name == "www.example.org" and (.message | test("cannot be read"))) and (.steps | length > 0)'
for days in 0 -1 3661 10x 1e3 ''; do
    exits 2 "--days '$days' is refused" plan --days "$days"
done
says "with what is accepted" "$DIR/err" "from 1 to 3660"
exits 2 "a time that is none" plan --at tomorrow
exits 2 "words after it" plan www.example.org
