#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Fallback templates: whose turn it is after failures, and what belongs to the template that issued.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Moody CA" -days 3650 \
    -keyout "$DIR/ca.key" -out "$DIR/ca.pem" 2>"$DIR/openssl.err"
cat "$DIR/ca.key" "$DIR/ca.pem" >"$DIR/ca"
# A CA that does what the file of its template's name says: fail, pending, or issue. It notes each call.
cat >"$HOOKS/issue/moody.lua" <<END
local fs = require "certauto.fs"
local signing = require "lib.signing"
local function note(line)
  local before = fs.read("$DIR/calls") or ""
  assert(fs.write("$DIR/calls", before .. line .. "\n"))
end
return {
  api = 1,
  doc = "A CA with moods.",
  options = signing.options,
  issue = function(request)
    local mood = assert(fs.read("$DIR/" .. request.template)):match("%a+")
    note(request.template .. " " .. mood .. (request.cookie and " with " .. request.cookie or ""))
    if mood == "pending" then
      return { pending = true, wait = 1, cookie = "order of " .. request.template }
    elseif mood == "issue" then
      return signing.issue(request)
    end
    return nil, "the CA is in a bad mood"
  end,
  revoke = function(request)
    note(request.template .. " revokes")
    return true
  end,
}
END
mkdir -p "$HOOKS/lib"
cp "$TREE/tests/crash/ca.lua" "$HOOKS/lib/signing.lua"
chmod 644 "$HOOKS/lib/signing.lua" "$HOOKS/issue/moody.lua"

configure() { # settings of the first template behind it
    write_config <<END
[template first]
hook = moody
ca = $DIR/ca
fallback = second
fallback_after = 2
$1
[template second]
hook = moody
ca = $DIR/ca
key = ecdsa-p384
fallback = third
fallback_after = 1
[template third]
hook = moody
ca = $DIR/ca
[defaults]
auto_renew = yes
auto_publish = yes
retry = 1s, 1s, 1s
template = first
[certificate www]
names = www.example.org
END
}
moods() { # FIRST SECOND THIRD
    echo "$1" >"$DIR/first"
    echo "$2" >"$DIR/second"
    echo "$3" >"$DIR/third"
    : >"$DIR/calls"
}
calls() {
    paste -s -d, "$DIR/calls"
}

configure ""
sed -i 's/^\[template third\]/&\nfallback = second/' "$CONFIG"
exits 2 "a chain that leads back is a mistake" check
says "told at each of its templates" "$DIR/out" "fallback: [template third] leads back to [template second]"
says "and at the other" "$DIR/out" "fallback: [template second] leads back to [template third]"
configure "fallbck = second"
exits 2 "an unknown key is one too" check
configure ""
sed -i 's/^fallback = third/fallback = thrid/' "$CONFIG"
exits 2 "so is a template that is not there" check
says "with the one that was meant" "$DIR/out" "did you mean 'third'?"
sed -i 's/^fallback = thrid/fallback = second/' "$CONFIG"
exits 2 "and a template that falls back to itself" check
configure ""
exits 0 "a chain with an end is none" check
silent_about "and no setting of the future" "$DIR/out" "no effect"
sed -i 's|^\[template third\]|&\ntrust = /nonexistent.pem|' "$CONFIG"
exits 2 "what a fallback reads is tried as well" check
says "and named" "$DIR/out" "/nonexistent.pem"
configure ""

moods fail fail issue
for turn in 1 2 3; do
    exits 1 "try $turn fails" --run-now www
done
same "two tries of the first, one of its fallback" "$(calls)" "first fail,first fail,second fail"
exits 0 "explain says whose turn it is" explain www
says "by its name" "$DIR/out" "by its fallback 'third'"
exits 0 "status keeps the failure" status --json
json "with the template that had it" '.certificates[0].last_error | startswith("by the fallback '"'second'"':")'
exits 0 "the third of the chain issues it" --run-now www
says "which is a warning" "$DIR/err" "'third' stands in for 'first', which failed"
says "and written down" "$STATE/www.state" "template = third"
: >"$DIR/calls"
exits 0 "it is revoked" revoke www
same "by the CA that issued it, though its template is a fallback" "$(calls)" "third revokes"
moods issue fail fail
exits 0 "after a success the first is the one again" renew www
same "and the only one asked" "$(calls)" "first issue"
same "with its own type of key" "$(openssl x509 -in "$STATE/live/www/cert.pem" -noout -text | grep -c prime256v1)" 1

moods fail issue fail
exits 1 "a first failure by hand" renew www
certauto --run-now --ignore-slots www >"$DIR/out" 2>"$DIR/err"
exits 1 "another one begins the count anew" renew www
same "each with the first" "$(sort -u "$DIR/calls")" "first fail"

rm -r "$STATE"
moods fail issue fail
certauto --run-now www >"$DIR/out" 2>&1
certauto --run-now www >"$DIR/out" 2>&1
exits 0 "the fallback issues what was never issued" --run-now www
same "after two tries of the first" "$(calls)" "first fail,first fail,second issue"
same "with the fallback's type of key" "$(openssl x509 -in "$STATE/live/www/cert.pem" -noout -text | grep -c secp384r1)" 1
exits 0 "nothing is due then" --run-now --detailed-exitcode
exits 0 "the certificate is well" status --json
json "though its key is of another type than that of the first" '.certificates[0].state == "ok"'

rm -r "$STATE"
moods fail fail fail
for turn in 1 2 3 4 5 6 7; do
    certauto --run-now www >"$DIR/out" 2>&1
done
same "when all have failed the first has its turn again" "$(calls)" \
    "first fail,first fail,second fail,third fail,third fail,third fail,first fail"
configure "hook_timeout = 9m"
: >"$DIR/calls"
certauto --run-now www >"$DIR/out" 2>&1
same "a changed template ends the count" "$(calls) $(sed -n 's/^failures = //p' "$STATE/www.state")" "first fail 1"
sed -i 's/^key = ecdsa-p384/key = rsa-2048/' "$CONFIG"
certauto --run-now www >"$DIR/out" 2>&1
same "so does one of a fallback" "$(sed -n 's/^failures = //p' "$STATE/www.state")" 1

rm -r "$STATE"
configure ""
moods fail pending issue
certauto --run-now www >"$DIR/out" 2>&1
certauto --run-now www >"$DIR/out" 2>&1
exits 0 "an order may wait at the fallback" --run-now www --json
json "as anywhere" '.results[0].outcome == "pending"'
# The settings change, so the count is over; the order is not the first's.
configure "hook_timeout = 9m"
echo issue >"$DIR/second"
: >"$DIR/calls"
pending_is_over() {
    certauto --run-now www >"$DIR/out" 2>&1 && grep -q issue "$DIR/calls"
}
wait_for 10 pending_is_over
same "it stays with the template that has it" "$(calls)" "second issue with order of second"

rm -r "$STATE"
moods fail issue fail
start loop "$CERTAUTO" -c "$CONFIG"
check "the loop falls back by itself" wait_for 20 test -e "$STATE/live/www/cert.pem"
stop loop
same "after as many tries" "$(calls)" "first fail,first fail,second issue"

exits 0 "review shows the whole chain" review www --json
json "each with its settings" '[.settings[].key | select(endswith(".fallback_after"))] ==
    ["template first.fallback_after", "template second.fallback_after", "template third.fallback_after"]'
rm -r "$STATE"
exits 0 "plan assumes failures" plan --assume-failure --days 20 --json
json "and follows the chain" '[.steps[] | select(.reason | endswith("by its fallback '"'"'second'"'"'"))] | length > 1'
