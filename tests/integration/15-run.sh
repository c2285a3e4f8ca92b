#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# --run-now, renew, publish: exit codes, results as text and JSON, progress on stderr, the clock.
. "$(dirname "$0")/lib.sh"
need jq jq

cat >"$HOOKS/issue/failing.lua" <<'END'
return { api = 1, doc = "Fails.", issue = function() return nil, "the CA is closed" end }
END
write_config <<END
[defaults]
auto_renew = yes
auto_publish = yes

[template internal]
hook = local-ca

[template closed]
hook = failing

[profile files]
hook = files
cert = $DIR/%{name}.crt

[group web]
template = internal
profile = files

[group bad]
template = closed

[certificate www]
names = www.example.org
group = web

[certificate closed]
names = closed.example.org
group = bad

[certificate night]
names = night.example.org
group = web
days = $(date -u -d '+2 days' +%a | tr '[:upper:]' '[:lower:]')
END

exits 10 "a dry run of a group, with --detailed-exitcode" --run-now --group web --dry-run --detailed-exitcode
says "says what would be" "$DIR/out" "would be renewed"
says "and what waits" "$DIR/out" "waiting"
check "a dry run makes nothing" test ! -e "$STATE"

exits 10 "a run of that group" --run-now --group web --detailed-exitcode
says "says what was done" "$DIR/out" "renewed"
says "and published" "$DIR/out" "generation 1 by files"
says "and what waits, with its reason" "$DIR/out" "waiting"
says "progress is a line a step" "$DIR/err" "certificate=www"
exits 0 "again: nothing is done, so no 10" --run-now --group web --detailed-exitcode
exits 0 "nothing due" --run-now www
same "is said" "$(cat "$DIR/out")" "nothing is due"
exits 0 "as JSON" --run-now www --json
json "an empty list" '. == {results: []}'

exits 1 "a failed step exits 1" --run-now --json
json "with its sentence, the document being whole" \
    '.results[] | select(.name == "closed") | .step == "issue" and .outcome == "failed" and (.error | test("the CA is closed"))'
json "each result has exactly its fields" '.results | all(keys == ["error","name","outcome","step"])'
says "the log tells it too" "$DIR/err" "the CA is closed"
exits 0 "the waits of retry hold an ordinary run" --run-now
says "which says so" "$DIR/out" "closed"
exits 1 "but not one that names it" --run-now closed

exits 0 "slots are ignored on demand" --run-now night --ignore-slots --json
json "and it is renewed and published" '[.results[].outcome] == ["renewed","published"]'
exits 0 "renew renews what is not due" renew www --json
json "and the publication follows" '[.results[] | "\(.step) \(.outcome)"] == ["issue renewed","publish published"]'
exits 0 "its generation" status www --json
json "is a new one" '.certificates[0] | .generation == 2 and .published == {"files": 2}'
exits 0 "publish by a profile" publish www --profile files --force --json
json "publishes again when forced" '[.results[].outcome] == ["published"]'
exits 2 "publish by a profile that is not its own" publish www --profile flies
says "has the nearest" "$DIR/err" "did you mean 'files'?"

sed -i "s/^written = .*/written = $(date -u -d '+3 days' +%Y-%m-%dT%H:%M:%SZ)/" "$STATE/www.state"
exits 3 "a clock behind what was written is not believed by a run" --run-now --json
json "of which the document is whole" '.results == []'
says "it says why" "$DIR/err" "clock"
exits 3 "nor by renew" renew night
exits 3 "nor by publish" publish night
exits 0 "views still look" status night --json
says "and warn" "$DIR/err" "clock"
exits 0 "--trust-clock believes it" --run-now www --trust-clock
exits 0 "and sets the moment back, so that it is believed from then on" --run-now www
