#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# status, explain, review: the same facts as table and JSON, from states of every kind; views change nothing.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

write_config <<END
[defaults]
template = internal

[template internal]
hook = local-ca

[profile files]
hook = files
cert = $DIR/%{name}.crt

[group web]
auto_renew = yes
auto_publish = yes

[group slow]
renew = 5d before expiry

[certificate fresh]
names = fresh.example.org
group = web

[certificate old]
names = old.example.org
group = web
days = $(date -u -d '+2 days' +%a | tr '[:upper:]' '[:lower:]')

[certificate good]
names = good.example.org
group = web, slow
profile = files

[certificate off]
names = off.example.org

[certificate broken]
names = broken.example.org
group = web
END

exits 0 "status works before there is any state" status
check "and makes none" test ! -e "$STATE" -a ! -e "$DIR/run"
exits 0 "also as JSON" status --json
json "there is no loop" '.loop == null'
json "every certificate has exactly its fields" '.certificates | length == 5 and all(keys == (["name","groups",
    "state","step","at","reason","not_before","not_after","generation","published","failures","last_error"] | sort))'
json "one never issued is generation 0 without dates" \
    '.certificates[0] | .generation == 0 and .not_before == null and .not_after == null and .published == {}'
json "it could be issued now" '.certificates[0] | .state == "unissued" and .step == "issue" and .at == null'
json "one outside its slots waits until they open" \
    '.certificates[1] | .step == "wait" and (.at | test("^20..-..-..T00:00:00Z$"))'
json "one that is switched off says so" '.certificates[3] | .state == "disabled" and .step == "none" and .at == null'
json "each has a reason" '.certificates | all(.reason | length > 5)'

make_certificate "$DIR/good.pem" "$DIR/good.key" DNS:good.example.org "-10 days" "+80 days"
make_certificate "$DIR/old.pem" "$DIR/old.key" DNS:old.example.org "-90 days" "-1 day"
exits 0 "a good one is taken over" import good --cert "$DIR/good.pem" --key "$DIR/good.key"
exits 0 "an expired one too" import old --cert "$DIR/old.pem"
printf 'format = 1\nnonsense\n' >"$STATE/broken.state"
printf 'format = 1\n[end]\n' >"$STATE/gone.state"
find "$DIR/state" -type f -exec sha256sum {} + | sort >"$DIR/before"

exits 1 "a state that cannot be read exits 1" status --json
says "and is named with file and line" "$DIR/err" "broken.state:2"
json "the document is there all the same" '.certificates | length == 5'
json "orphans are listed" '.orphans == ["gone"]'
json "the unreadable one has failed" '.certificates[4] | .name == "broken" and .state == "failed" and .last_error != null'
json "the expired one is expired" '.certificates[1] | .state == "expired" and .generation == 1'
json "its dates are RFC 3339 in UTC" \
    '.certificates[1] | [.not_after, .not_before] | all(test("^20..-..-..T..:..:..Z$"))'
json "the good one is to be published" '.certificates[2] | .step == "publish" and .generation == 1'
json "it is in two groups" '.certificates[2].groups == ["web","slow"]'
exits 1 "the table says the same" status
for text in CERTIFICATE expired disabled unissued failed gone; do
    says "it holds '$text'" "$DIR/out" "$text"
done
narrow "it is 80 columns wide at most" "$DIR/out"
silent_about "it has no colour in a file" "$DIR/out" "$(printf '\033')"
exits 0 "one certificate alone" status good --json
json "is alone" '.certificates | length == 1'
json "and without orphans" '.orphans == []'

exits 0 "explain tells one" explain good --json
json "as the bare object of status" '.name == "good" and (keys | length) == 12'
exits 0 "in words" explain good
says "with its generation" "$DIR/out" "generation"
says "its fingerprint" "$DIR/out" "$(openssl x509 -in "$DIR/good.pem" -outform DER | sha256sum | cut -d ' ' -f 1)"
says "and what each profile does" "$DIR/out" "publish by files"
narrow "within 80 columns" "$DIR/out"
exits 0 "at another time" explain good --json --at "$(date -u -d '+100 days' +%Y-%m-%d)"
json "it has expired" '.state == "expired"'
exits 0 "at a time before it was made" explain good --json --at 2001-01-01
json "which is believed" '.state != "expired" and (.reason | test("clock") | not)'
exits 1 "explain of an unreadable state exits 1" explain broken
says "and says where" "$DIR/err" "broken.state:2"

exits 0 "review shows every setting" review good
says "with file and line" "$DIR/out" "$CONFIG:"
says "and defaults as such" "$DIR/out" "default"
exits 0 "as JSON" review good --json
json "each has its fields" \
    '.settings | length > 15 and all(keys == ["certificate","key","source","value"] and .certificate == "good")'
json "those of the group say so" \
    ".settings[] | select(.key == \"auto_renew\") | .value == \"yes\" and (.source | startswith(\"[group web] $CONFIG:\"))"
json "those of the defaults too" \
    ".settings[] | select(.key == \"template\") | .source | startswith(\"[defaults] $CONFIG:\")"
exits 0 "review of all" review --json
json "holds each certificate" '[.settings[].certificate] | unique == ["broken","fresh","good","off","old"]'

find "$DIR/state" -type f -exec sha256sum {} + | sort >"$DIR/after"
check "no view has changed a file" cmp "$DIR/before" "$DIR/after"
