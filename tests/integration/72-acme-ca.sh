#!/bin/sh
# What real CAs differ in: nonces that are rejected, strictness, authorisations kept, external accounts, alternate
# chains, profiles, renewal information; and dns-01 through a provider of the user's own.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_acme.sh"

export PEBBLE_MORE

restart_ca() {
    stop ca
    stop dns
    rm -rf "$STATE"
    start_ca "$@"
}

# A provider that speaks to Pebble's DNS; "suffix" is one of its options.
mkdir -p "$HOOKS/lib/dns"
cat >"$HOOKS/lib/dns/challtestsrv.lua" <<END
local fs = require "certauto.fs"
local http = require "certauto.http"
local json = require "certauto.json"
local function call(path, body)
  local answer, message = http.request { url = "$DNS_API" .. path, method = "POST", proxy = "", body = json.encode(body) }
  return answer and answer.status == 200 or nil, message or "refused"
end
return {
  options = { { name = "suffix", type = "string", doc = "What follows a name." } },
  present = function(options, record)
    fs.write("$DIR/record", record.name)
    return call("/set-txt", { host = record.name .. options.suffix, value = record.value })
  end,
  cleanup = function(options, record)
    fs.remove("$DIR/record")
    return call("/clear-txt", { host = record.name .. options.suffix })
  end,
}
END

start_web
configure() {
    {
        template pebble
        cat
        printf '[certificate www]\nnames = www.example.org, example.org, a.example.org\ntemplate = pebble\n'
        printf '[certificate wild]\nnames = *.example.org\ntemplate = dns\n'
        printf '[certificate persist]\nnames = persist.example.org\ntemplate = persist\n'
        printf '[certificate rsa]\nnames = rsa.example.org\ntemplate = pebble\nkey = rsa-2048\n'
        template dns | grep -v webroot
        printf 'challenge = dns-01\ndns = challtestsrv\ndns_options = suffix=.\ndns_wait = 0s\n'
        template persist | grep -v webroot
        printf 'challenge = dns-persist-01\n'
    } | write_config
}

restart_ca PEBBLE_WFE_NONCEREJECT=50 PEBBLE_AUTHZREUSE=0 -strict
configure </dev/null
exits 0 "half of all nonces rejected, a strict CA" renew www
exits 0 "a wildcard by dns-01" renew wild
check "it is a wildcard" sh -c "openssl x509 -noout -ext subjectAltName -in '$STATE/certs/wild/1/cert.pem' | grep -qF '*.example.org'"
refute "its record was removed" test -e "$DIR/record"
check "and is noted as removed" grep -q '"proofs":\[\]' "$STATE/store/acme/orders/wild"

restart_ca PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=100
exits 0 "with authorisations that are kept" renew www
before=$(asked 'POST /chalZ/')
exits 0 "another order" renew www
same "answers no challenge again" "$before" "$(asked 'POST /chalZ/')"

account=$(sed -n 's,.*"kid":"\([^"]*\)".*,\1,p' "$STATE"/store/acme/*/account)
challtestsrv /set-txt "{\"host\": \"_validation-persist.persist.example.org.\", \
\"value\": \"pebble.letsencrypt.org; accounturi=$account\"}" >/dev/null
if pebble_at_least 10 "dns-persist-01"; then
    exits 0 "dns-persist-01 needs no set-up" renew persist
fi

exits 0 "the command revokes by the hook" revoke www --generation 2 --reason superseded
serial=$(openssl x509 -noout -serial -in "$STATE/certs/www/2/cert.pem" | sed 's/serial=//' | tr A-F a-f | sed 's/^0*//')
management GET "/cert-status-by-serial/$serial" >"$DIR/out"
check "Pebble says so" grep -q '"Status": *"Revoked"' "$DIR/out"

# A script works on the account of the configuration's store.
cat >"$DIR/client.lua" <<END
local acme = require "lib.acme"
local account = require "lib.acme_account"
local client = assert(acme.open { directory = "$DIRECTORY", server_ca = "$CA_PEM", terms_agreed = true,
  account_key = "ecdsa-p256", only_existing = false })
local function try(done, fault)
  print(done and "done" or "fault: " .. fault.message)
  return done
end
END
script() {
    { cat "$DIR/client.lua" && cat; } >"$DIR/script.lua"
    certauto lua "$DIR/script.lua" "$@" >"$DIR/out" 2>"$DIR/err"
}

script "$STATE/certs/www/1/cert.pem" <<'END'
local pem = assert(require "certauto.fs".read(arg[1]))
assert(account.open(client))
local order = require "lib.acme_order"
try(order.revoke(client, pem, "keyCompromise"))
try(order.revoke(client, pem, "superseded"))
try(order.revoke(client, pem, "boredom"))
END
same "a certificate is revoked, once more is no mistake" "done
done
fault: 'boredom' is no reason to revoke" "$(cat "$DIR/out" "$DIR/err")"
serial=$(openssl x509 -noout -serial -in "$STATE/certs/www/1/cert.pem" | sed 's/serial=//' | tr A-F a-f | sed 's/^0*//')
management GET "/cert-status-by-serial/$serial" >"$DIR/out"
check "Pebble says so" grep -q '"Status": *"Revoked"' "$DIR/out"

script <<'END'
try(account.change(client, "roll-over"))
local store = require "certauto.store"
local json = require "certauto.json"
local kept = json.decode(store.get(client.folder .. "account"))
-- As after a crash: the CA knows the next key, the store says the one before.
local key = require "certauto.key"
local after = json.decode(store.get(client.folder .. "account"))
assert(not after.next)
after.next, after.key = after.key, key.generate():pem()
store.set(client.folder .. "account", json.encode(after))
try(account.open(client))
print(json.decode(store.get(client.folder .. "account")).key == kept.key)
END
same "the account's key is changed, a change cut short is settled" "done
done
true" "$(cat "$DIR/out" "$DIR/err")"
exits 0 "an order with the new key" renew www
exits 0 "the command shows the account" account pebble --json
json "as the CA has it" '.account[0] | .status == "valid" and (.url | test("/my-account/")) and .error == null'
exits 0 "and changes its key" account pebble --roll-over
exits 0 "an order with that one" renew www

if pebble_at_least 8 "renewal information"; then
    cat >"$DIR/ari.lua" <<'END'
local pem = assert(require "certauto.fs".read(arg[1]))
local window, fault = require "lib.acme_ari".window(client, pem)
print(window and window.start .. " " .. window.finish .. " " .. (window.url or "none") or fault.message)
print(window and window.retry_after and window.retry_after > 0)
END
    newest=$(find "$STATE/certs/www" -name cert.pem | sort -V | tail -n 1)
    script "$newest" <"$DIR/ari.lua"
    check "the CA has a window" grep -q '^[0-9]* [0-9]* none$' "$DIR/out"
    management POST /set-renewal-info/ "$(jq -n --rawfile pem "$newest" '{Certificate: $pem, ARIResponse:
        "{\"suggestedWindow\":{\"start\":\"2031-01-02T03:04:05Z\",\"end\":\"2031-01-03T05:04:05.5+02:00\"},\"explanationURL\":\"https://example.org/why\"}"}')" >/dev/null
    script "$newest" <"$DIR/ari.lua"
    same "a changed window, with a fraction and an offset" \
        "$(date -u -d 2031-01-02T03:04:05Z +%s) $(date -u -d 2031-01-03T03:04:05Z +%s) https://example.org/why" \
        "$(sed 1q "$DIR/out")"
    script "$STATE/certs/www/2/cert.pem" <<'END'
assert(account.open(client))
local identifier = require "lib.acme_ari".identify(assert(require "certauto.fs".read(arg[1])))
local _, fault = acme.ask(client, client.directory.newOrder, { replaces = identifier,
  identifiers = { { type = "dns", value = "www.example.org" }, { type = "dns", value = "example.org" },
    { type = "dns", value = "a.example.org" } } }, "the order")
print(fault.type, fault.status)
END
    same "an order said what it replaces, the CA takes that once" "alreadyReplaced	409" "$(cat "$DIR/out" "$DIR/err")"
fi

script <<'END'
try(account.change(client, "deactivate"))
END
same "the account is ended" "done" "$(cat "$DIR/out" "$DIR/err")"
exits 0 "and a new one made when it is needed" renew www

# The CA starts anew and knows nobody.
stop ca
stop dns
start_ca PEBBLE_WFE_NONCEREJECT=0
exits 0 "an account that the CA lost is made again" renew www
says "and told" "$DIR/err" "does not know the account"

PEBBLE_MORE='"externalAccountBindingRequired": true,
 "externalAccountMACKeys": {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"},'
restart_ca PEBBLE_WFE_NONCEREJECT=0
exits 1 "an external account is needed" renew www
says "it is told" "$DIR/err" "eab_kid and eab_key are needed"
configure <<END
eab_kid = kid-1
eab_key = zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W
END
exits 0 "and given" renew www
configure <<END
eab_kid = kid-2
eab_key = zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W
END
exits 1 "one that is unknown" renew www
says "is refused by the CA" "$DIR/err" "the CA refused an account"
silent_about "without the key in any message" "$DIR/err" zWNDZM6e

PEBBLE_MORE='"profiles": {"default": {"description": "d", "validityPeriod": 7776000},
 "shortlived": {"description": "s", "validityPeriod": 518400}},'
restart_ca PEBBLE_WFE_NONCEREJECT=0 PEBBLE_ALTERNATE_ROOTS=2
configure <<END
certificate_profile = shortlived
END
if pebble_at_least 8 "profiles"; then
    exits 0 "a profile of the CA" renew www
    check "the certificate lives six days" sh -c "! openssl x509 -checkend 518500 -in '$STATE/certs/www/1/cert.pem'"
    configure <<END
certificate_profile = eternal
END
    exits 1 "a profile that it lacks" renew www
    says "those it has are named" "$DIR/err" "the CA has no certificate_profile 'eternal', only: default, shortlived"
fi
for number in 0 1 2; do
    management GET "/roots/$number" | openssl x509 -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p' >"$DIR/root"
    management GET "/roots/$number" >"$DIR/root.pem"
    configure <<END
preferred_chain = $(cat "$DIR/root")
END
    exits 0 "the chain to root $number is asked for" renew www
    newest=$(find "$STATE/certs/www" -name chain.pem | sort -V | tail -n 1)
    check "and taken" openssl verify -trusted "$DIR/root.pem" "$newest"
done
fingerprint=$(openssl x509 -noout -fingerprint -sha256 -in "$newest" | sed 's/.*=//')
configure <<END
preferred_chain = $fingerprint
END
exits 0 "a chain by the fingerprint of an issuer" renew www
same "is taken" "$(cat "$newest")" "$(cat "$(find "$STATE/certs/www" -name chain.pem | sort -V | tail -n 1)")"
cat "$DIR/root.pem" >>"$CA_PEM"
configure <<END
preferred_chain = $(openssl x509 -noout -fingerprint -sha256 -in "$DIR/root.pem" | sed 's/.*=//')
END
exits 0 "a chain by the fingerprint of a root that is trusted" renew www
check "is taken" openssl verify -trusted "$DIR/root.pem" "$(find "$STATE/certs/www" -name chain.pem | sort -V | tail -n 1)"
configure <<END
preferred_chain = Nobody
END
exits 0 "a root that is not there" renew www
says "is told, and the CA's choice taken" "$DIR/err" "no chain to 'Nobody'"
silent_about "nothing raised" "$DIR/err" traceback

# The certificate's own key revokes what the account cannot (RFC 8555 section 7.6).
newest() { find "$STATE/certs/www" -name cert.pem | sort -V | tail -n 1; }
is_revoked() { # CERTIFICATE
    serial=$(openssl x509 -noout -serial -in "$1" | sed 's/serial=//' | tr A-F a-f | sed 's/^0*//')
    management GET "/cert-status-by-serial/$serial" | grep -q '"Status": *"Revoked"'
}
exits 0 "a certificate" renew www
rm "$STATE"/store/acme/*/account
refute "which is not revoked" is_revoked "$(newest)"
before=$(asked 'POST /sign-me-up')
exits 0 "without an account its own key revokes it" revoke www
check "Pebble says so too" is_revoked "$(newest)"
same "no account was made for that" "$before" "$(asked 'POST /sign-me-up')"
exits 0 "a certificate of a second account" renew www
exits 0 "one with an RSA key" renew rsa
rm "$STATE"/store/acme/*/account
exits 0 "which is lost, too: now there is a third" renew wild
refute "the second one's is not revoked" is_revoked "$(newest)"
before=$(asked 'POST /revoke-cert')
exits 0 "the certificate's own key revokes it" revoke www --reason keyCompromise
same "after the third account was refused" $((before + 2)) "$(asked 'POST /revoke-cert')"
check "as Pebble says" is_revoked "$(newest)"
exits 0 "so does an RSA key" revoke rsa
check "of that certificate" is_revoked "$STATE/certs/rsa/1/cert.pem"
