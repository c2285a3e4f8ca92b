#!/bin/sh
# A certificate of a real ACME CA, by http-01 through a web server: issued, renewed, counted, and told when refused.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_acme.sh"

start_ca PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0
start_web

{
    template pebble
    cat <<'END'
contact = root@example.org
[certificate www]
names = www.example.org, example.org
template = pebble
[certificate one]
names = one.example.org
template = pebble
[certificate address]
names = 127.0.0.1
template = pebble
[certificate mail]
names = email:root@example.org
template = pebble
END
} | write_config
exits 0 "the configuration is good" check

exits 0 "a certificate is issued" renew www
check "it has both names" sh -c "openssl x509 -noout -ext subjectAltName -in '$STATE/certs/www/1/cert.pem' |
    grep -q 'DNS:www.example.org, DNS:example.org\|DNS:example.org, DNS:www.example.org'"
check "its chain is there" grep -q 'BEGIN CERTIFICATE' "$STATE/certs/www/1/chain.pem"
same "nothing is left in the web server's folder" "" "$(find "$WEBROOT" -type f)"

exits 0 "a certificate with one name" renew one
exits 0 "an IP address" renew address
exits 1 "a mail address" renew mail
says "it is told" "$DIR/err" "an ACME CA has no certificates for"
exits 0 "it is renewed" renew www
same "there is one account" 1 "$(find "$STATE/store/acme" -name account | wc -l)"

# A change of contacts is told once.
sed -i 's/^contact = .*/contact = hostmaster@example.org, mailto:root@example.org/' "$CONFIG"
before=$(asked 'POST /my-account/')
exits 0 "contacts that have changed" renew one
exits 0 "and have not" renew one
same "are told once" "$((before + 1))" "$(asked 'POST /my-account/')"

# Workers that start together make one account.
cp "$CONFIG" "$DIR/kept.ini"
STATE=$DIR/state-many
{
    template pebble
    for name in a b c d e; do
        printf '[certificate %s]\nnames = %s.example.org\ntemplate = pebble\nauto_renew = yes\n' "$name" "$name"
    done
} | write_config
before=$(asked 'POST /sign-me-up')
exits 0 "five certificates in one run" --run-now --json
json "are all issued" '[.results[] | select(.outcome == "renewed")] | length == 5'
same "with one account" "$((before + 1))" "$(asked 'POST /sign-me-up')"
same "nothing is left in the web server's folder" "" "$(find "$WEBROOT" -type f)"
STATE=$DIR/state
cp "$DIR/kept.ini" "$CONFIG"

# The CA's verdicts: one sentence that names each name, and nothing is left behind.
stop web
refused "a web server that is not there" one
says "it is told by name" "$DIR/err" "the CA rejected the order: one.example.org: "
same "nothing is left in the web server's folder" "" "$(find "$WEBROOT" -type f)"
start_web
exits 0 "the next run succeeds" renew one
mv "$WEBROOT" "$WEBROOT.away"
refused "a folder that is not there" one
says "it is told" "$DIR/err" "one.example.org: webroot: "
mv "$WEBROOT.away" "$WEBROOT"
exits 0 "the next run succeeds" renew one
{
    template pebble | sed '/terms_agreed/d; /webroot/d'
    printf '[certificate one]\nnames = one.example.org\ntemplate = pebble\n'
} | write_config
exits 1 "a configuration without a web root" renew one
says "it is told" "$DIR/err" "challenge = http-01 needs webroot or http_listen"
rm -rf "$STATE/store"
{
    template pebble | sed '/terms_agreed/d'
    printf '[certificate one]\nnames = one.example.org\ntemplate = pebble\n'
} | write_config
exits 1 "terms of service that are not agreed to" renew one
says "it is told" "$DIR/err" "are to be agreed to by terms_agreed = yes"
