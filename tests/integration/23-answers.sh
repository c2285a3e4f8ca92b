#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# What a CA answers is checked before it is kept; a refused answer changes nothing that is in use.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

write_config <<END
[defaults]
auto_renew = yes
template = played
retry = 1s

[template played]
hook = played
what = good

[certificate www]
names = www.example.org, *.example.net
END

cat >"$HOOKS/issue/played.lua" <<'END'
local key, x509, time, store = require "certauto.key", require "certauto.x509", require "certauto.time", require "certauto.store"

-- The CA's key and the last certificate are kept in the store.
local function ca_key(name)
  local text = store.get(name)
  if text then
    return assert(key.parse(text))
  end
  local made = assert(key.generate())
  assert(store.set(name, made:pem()))
  return made
end

local function root_of(own)
  return assert(x509.issue({key = own, public_key = own:public(), subject = "CN=root", ca = true,
    not_before = time.now() - 86400, not_after = time.now() + 86400 * 900}))
end

local function issue(request)
  local what, now = request.options.what, time.now()
  local own, other = ca_key("one"), ca_key("other")
  local root = root_of(own)
  local asked = assert(x509.read_request(request.csr))
  if what == "same" then
    return {certificate = store.get("last"), chain = root}
  elseif what == "pending" and not request.cookie then
    return {pending = true, wait = 2, cookie = "order 1"}
  end
  local settings = {key = own, issuer = root, public_key = asked.public_key, names = asked.names,
    not_before = now - 60, not_after = now + 86400 * 90}
  if what == "key" then
    settings.public_key = other:public()
  elseif what == "names" then
    settings.names = {"www.example.org"}
  elseif what == "early" then
    settings.not_before = now + 7200
  elseif what == "late" then
    settings.not_before, settings.not_after = now - 7200, now - 3600
  elseif what == "short" then
    settings.not_after = now + 86400 * 20
  end
  local certificate = assert(x509.issue(settings))
  assert(store.set("last", certificate))
  local chain = what == "chain" and root_of(other) or what ~= "nochain" and root or nil
  return {certificate = certificate, chain = chain, key = what == "brought" and other:pem() or nil}
end

return {
  api = 1,
  doc = "A CA that misbehaves as it is told.",
  options = {{name = "what", type = "string", default = "good", doc = "How."}},
  issue = issue,
}
END

play() {
    sed -i "s/^what = .*/what = $1/" "$CONFIG"
}

exits 0 "a good answer is kept" --run-now
fingerprint=$(openssl x509 -in "$STATE/certs/www/1/cert.pem" -noout -fingerprint -sha256)

while read -r what sentence; do
    play "$what"
    exits 1 "$what: refused" renew www --json
    says "$what: with its reason" "$DIR/out" "$sentence"
    same "$what: the old certificate stays" "$(openssl x509 -in "$STATE/certs/www/1/cert.pem" -noout -fingerprint -sha256)" "$fingerprint"
    refute "$what: and no other is there" test -e "$STATE/certs/www/2"
done <<'END'
key another key
names *.example.net
early valid only from
late has expired
chain chain
brought another key
END
play good
exits 0 "then it is renewed" renew www
play same
exits 1 "the certificate that is held already is refused" renew www --json
says "with its reason" "$DIR/out" "held already"

openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=stranger -out "$DIR/trust.pem" 2>/dev/null
sed -i "/^what/a trust = $DIR/trust.pem" "$CONFIG"
play good
exits 1 "a chain that does not end at trust is refused" renew www
sed -i '/^trust/d' "$CONFIG"
play short
exits 0 "a shorter life is no fault" renew www
says "but a warning" "$DIR/err" "lives 20 d"

# ---- Pending

play pending
exits 0 "a pending order is no failure" renew www --json
json "it is told" '.results[0] | .outcome == "pending"'
exits 0 "a run at once waits for it" --run-now --json
json "and says so" '[.results[].outcome] == ["pending"]'
sleep 2
exits 0 "after its wait the CA is asked again" --run-now --json
json "and the certificate comes" '[.results[].outcome] == ["renewed"]'
refute "no order is left" grep -q pending "$STATE/www.state"
