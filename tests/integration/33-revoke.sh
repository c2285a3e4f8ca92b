#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Revoking: the CA is told once and in full, the newest generation is due at once with a new key, in the loop too.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq

write_config <<END
[defaults]
auto_renew = yes
auto_publish = yes
template = ca
reuse_key = yes
retry = 1s

[template ca]
hook = local-ca
lifetime = 30d

[template told]
hook = told

[template mute]
hook = mute

[certificate www]
names = www.example.org

[certificate off]
names = off.example.org
auto_renew = no

[certificate told]
names = told.example.org
template = told

[certificate mute]
names = mute.example.org
template = mute

[certificate new]
names = new.example.org
auto_renew = no
END

# Issues as local-ca does; what revoke is asked goes into a file, and its answer comes from one.
cat >"$HOOKS/issue/told.lua" <<'END'
local fs, json, key, time, x509 = require "certauto.fs", require "certauto.json", require "certauto.key",
  require "certauto.time", require "certauto.x509"
return {
  api = 1,
  doc = "Signs by itself, and notes what it is to revoke.",
  issue = function(request)
    local asked = assert(x509.read_request(request.csr))
    local ca = key.generate("ecdsa-p256")
    return {certificate = assert(x509.issue {key = ca, public_key = asked.public_key, names = asked.names,
      subject = "CN=told", usage = {"server"}, not_before = time.now() - 60,
      not_after = time.now() + 864000})}
  end,
  revoke = function(request)
    request.options = nil
    assert(fs.write("MARKS", json.encode(request)))
    local answer = fs.read("ANSWER") or "true"
    if answer:find("raise") then
      error("told to raise")
    elseif answer:find("wait") then
      return nil, "told to wait", {wait = 3600}
    elseif answer:find("fail") then
      return nil, "the CA says\nno"
    elseif answer:find("sign") and not (request.signature and answer:find("once")) then
      return {sign = answer:match("sign (.*)\n")}
    elseif answer:find("sleep") then
      time.sleep(3)
    end
    return true
  end,
}
END
sed -i "s|MARKS|$DIR/marks|; s|ANSWER|$DIR/answer|" "$HOOKS/issue/told.lua"
sed 's/^  revoke = .*/}\n--[[/; $s/$/]]/' "$HOOKS/issue/told.lua" >"$HOOKS/issue/mute.lua"

state() { # NAME FILTER
    certauto status --json "$1" 2>/dev/null | jq -r ".certificates[0].$2"
}
serial() { # NAME GENERATION
    openssl x509 -in "$STATE/certs/$1/$2/cert.pem" -noout -serial | sed 's/.*=//' | tr A-F a-f
}
key_of() { # NAME GENERATION
    sha256sum <"$STATE/certs/$1/$2/key.pem"
}

# ---- What is refused before anyone is asked

exits 1 "what was never issued cannot be revoked" revoke new
exits 0 "all but one are issued" --run-now www told mute
exits 0 "by hand where auto_renew is off" renew off
exits 1 "still never issued" revoke new
says "and says so" "$DIR/out" "it was never issued"
exits 2 "an unknown name" revoke nobody
exits 2 "an unknown reason" revoke www --reason because
says "the reasons there are" "$DIR/err" "keyCompromise"
exits 2 "a hold is no revocation" revoke www --reason certificateHold
for number in 0 -1 1x 99999999999; do
    exits 2 "generation $number is none" revoke www "--generation=$number"
done
exits 1 "a generation that is not there" revoke www --generation 7
says "is named with the newest" "$DIR/out" "there is no generation 7: the newest one is 1"
exits 1 "a hook without revoke" revoke mute
says "is named with its template" "$DIR/out" "the hook issue/mute of template 'mute' has no function revoke"

# ---- local-ca

exits 0 "a second generation with the key of the first" renew www
same "reuse_key works" "$(key_of www 1)" "$(key_of www 2)"
exits 0 "the newest is revoked" revoke www --reason KEYcompromise --json
json "with a result like those of publish" \
    '.results == [{name: "www", step: "revoke", outcome: "revoked", error: null}]'
says "local-ca says what that is worth" "$DIR/err" "there is no CRL"
says "and keeps the serial with the reason" "$STATE/store/local-ca/revoked-$(serial www 2)" " keyCompromise"
exits 0 "explain tells why it is due" explain www
says "within a day of its issue" "$DIR/out" "revoked"
same "status too" "$(state www step)" issue
exits 0 "twice is once" revoke www
says "the first reason stays" "$STATE/store/local-ca/revoked-$(serial www 2)" " keyCompromise"
exits 0 "the next run renews it" --run-now www
same "with the next generation" "$(state www generation)" 3
check "which has another key" test "$(key_of www 2)" != "$(key_of www 3)"
same "and is published" "$(readlink "$STATE/live/www")" "../certs/www/3"
same "it is not revoked" "$(state www state)" ok
exits 1 "rollback goes back to no revoked one, nor behind it" rollback www
says "and says so" "$DIR/out" "no generation before 3 with its key"
same "nothing was switched" "$(readlink "$STATE/live/www")" "../certs/www/3"
exits 0 "a fourth" renew www
exits 0 "rollback to the third is allowed" rollback www
same "it is in place" "$(readlink "$STATE/live/www")" "../certs/www/3"
exits 0 "an older one is only revoked" revoke www --generation 1 --reason superseded
same "the newest is not" "$(grep -c '^revoked = ' "$STATE/www.state")" 0
says "its serial is kept" "$STATE/store/local-ca/revoked-$(serial www 1)" " superseded"
exits 0 "a run after that" --run-now www --detailed-exitcode
same "changes nothing" "$(state www generation)" 4

exits 0 "where auto_renew is off" revoke off
says "it says how to go on" "$DIR/out" "certauto renew off"
exits 0 "a run renews it not" --run-now off
same "still the first" "$(state off generation)" 1

# A certificate of somebody else's CA.
make_certificate "$DIR/foreign.pem" "$DIR/foreign.key" DNS:off.example.org "-1 day" "+9 days"
exits 0 "one of another CA comes in" import off --cert "$DIR/foreign.pem" --key "$DIR/foreign.key"
exits 1 "this CA does not revoke it" revoke off
says "and says so" "$DIR/out" "it is not of this CA"
same "the state does not say so either" "$(sed '/^\[publish/,$d' "$STATE/off.state" | grep -c '^revoked = ')" 0

# ---- What a hook is asked, and how it fails

for bad in 'once no.base64:url' 'once nodot' 'once one.two.three' 'once .two' 'always aGVhZGVy.cGF5bG9hZA'; do
    echo "$bad" | sed 's/ / sign /' >"$DIR/answer"
    exits 1 "to be signed: $bad" revoke told --json
    json "fails" '.results[0].outcome == "failed" and (.results[0].error | contains("neither true nor an error"))'
done
json_of_marks() { jq -r ".$1" "$DIR/marks"; }
same "what is asked for always was signed, in turn" aGVhZGVy.cGF5bG9hZA "$(json_of_marks signing_input)"
cp "$STATE/told.state" "$DIR/before"
echo "once sign aGVhZGVy.cGF5bG9hZA" >"$DIR/answer"
exits 0 "a hook that has its JWS signed" revoke told
same "got its text back" aGVhZGVy.cGF5bG9hZA "$(json_of_marks signing_input)"
same "with the public key" EC "$(json_of_marks jwk | jq -r .kty)"
openssl x509 -pubkey -noout -in "$STATE/certs/told/1/cert.pem" >"$DIR/public.pem"
printf %s aGVhZGVy.cGF5bG9hZA >"$DIR/signed"
# JWS has r and s one after the other, OpenSSL wants them in DER.
json_of_marks signature | tr '_-' '/+' | sed 's/$/==/' | base64 -d | od -An -v -tx1 | tr -d ' \n' >"$DIR/raw"
printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "$(cut -c 1-64 "$DIR/raw")" "$(cut -c 65-128 "$DIR/raw")" \
    >"$DIR/signature.cnf"
openssl asn1parse -genconf "$DIR/signature.cnf" -noout -out "$DIR/signature.der"
check "and a signature by the certificate's key" openssl dgst -sha256 -verify "$DIR/public.pem" \
    -signature "$DIR/signature.der" "$DIR/signed"
refute "but never the private key" grep -q "PRIVATE" "$DIR/marks"
cp "$DIR/before" "$STATE/told.state"
cp "$STATE/told.state" "$DIR/before"
for answer in fail raise wait; do
    echo "$answer" >"$DIR/answer"
    exits 1 "a hook that is to $answer" revoke told --reason superseded --json
    json "is a failure" '.results[0].outcome == "failed"'
    same "and nothing is revoked" "$(grep -c '^revoked' "$STATE/told.state")" 0
done
cp "$DIR/marks" "$DIR/out"
json "the hook was asked with certificate and reason" \
    '.reason == "superseded" and (.certificate | startswith("-----BEGIN CERT")) and .name == "told"
     and .names == ["told.example.org"] and has("csr") == false and has("cookie") == false'
refute "never with a key" grep -q "PRIVATE KEY" "$DIR/marks"
rm "$DIR/marks"
rm "$DIR/answer"
exits 0 "the CA's Retry-After holds the next one" revoke told --json
json "it waits, with the reason" '.results[0].outcome == "waiting" and (.results[0].error | contains("Retry-After"))'
check "the hook was not asked" test ! -e "$DIR/marks"
exits 0 "and it holds a renewal" renew told
says "too" "$DIR/out" "its CA asks to wait"
cp "$DIR/before" "$STATE/told.state"

echo sleep >"$DIR/answer"
start slow "$CERTAUTO" -c "$CONFIG" revoke told
check "the lock is held while the CA is asked" wait_for 3 test -e "$DIR/marks"
exits 0 "another one finds it" revoke told --json
json "busy" '.results[0].outcome == "busy"'
check "it is revoked in the end" wait_for 8 grep -q "generation 1 is revoked (unspecified)" "$DIR/slow.log"
stop slow

# ---- In the loop

start loop "$CERTAUTO" -c "$CONFIG"
check "the loop renews it at once" wait_for 8 test -e "$STATE/certs/told/2/cert.pem"
check "and publishes it" wait_for 8 sh -c "[ \"\$(readlink $STATE/live/told)\" = ../certs/told/2 ]"
exits 0 "one is revoked while the loop is at work" revoke www
check "it is renewed at once" wait_for 8 test -e "$STATE/certs/www/5/cert.pem"
check "and published" wait_for 8 sh -c "[ \"\$(readlink $STATE/live/www)\" = ../certs/www/5 ]"
sleep 1
check "once" test ! -e "$STATE/certs/www/6"
stop loop

# ---- Who is to know is told

mkdir -p "$HOOKS/notify"
printf '#!/bin/sh\necho "$CERTAUTO_EVENT $CERTAUTO_NAME: $CERTAUTO_MESSAGE" >>%s\n' "$DIR/told" >"$DIR/tell"
chmod 700 "$DIR/tell"
printf '[notify me]\nhook = exec\ncommand = %s\nevents = revoked\n' "$DIR/tell" >>"$CONFIG"
sed -i 's/^\[defaults\]$/&\nnotify = me/' "$CONFIG"
exits 0 "one more is revoked" revoke www --reason superseded
says "and told" "$DIR/told" "revoked www: superseded"
