#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Certificates of a real ACME CA by listeners of one's own: http-01 and tls-alpn-01, names and addresses, always closed.
# needs: perl-base
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_acme.sh"

start_ca PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0

# Two templates, their listeners where the CA looks; "sed" adapts them.
templates() {
    template http | sed '/webroot/d'
    echo "http_listen = ${1:-$HTTP_PORT}"
    template tls | sed '/webroot/d'
    printf 'challenge = tls-alpn-01\ntls_listen = %s\n' "${2:-$TLS_PORT}"
    for kind in http tls; do
        printf '[certificate %s]\nnames = one.example.org, two.example.org, 127.0.0.1, ::1\ntemplate = %s\n' $kind $kind
        printf '[certificate %s-one]\nnames = one.example.org\ntemplate = %s\n' $kind $kind
        printf '[certificate %s-wild]\nnames = *.example.org\ntemplate = %s\n' $kind $kind
    done
}
listening() { # PORT
    perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new("127.0.0.1:$ARGV[0]")' "$1"
}

templates | write_config
exits 0 "the configuration is good" check
for kind in http tls; do
    port=$HTTP_PORT
    if [ $kind = tls ]; then port=$TLS_PORT; fi
    exits 0 "$kind: names and addresses are proved" renew $kind
    check "$kind: the certificate has them all" sh -c "openssl x509 -noout -ext subjectAltName \
        -in '$STATE/certs/$kind/1/cert.pem' | grep -q 'DNS:one.example.org, DNS:two.example.org.*IP Address:127.0.0.1'"
    refute "$kind: nothing listens afterwards" listening "$port"
    exits 0 "$kind: one name is proved" renew $kind-one
    exits 1 "$kind: a wildcard is not" renew $kind-wild
    says "$kind: it is told" "$DIR/err" "*.example.org: the CA offers no $(echo $kind | sed 's/$/-01/;s/tls/tls-alpn/')"
done
same "nothing is left in the notes" 0 "$(grep -rlF '"token"' "$STATE/store" | wc -l)"

# A CA that looks elsewhere, and a port that is taken.
other=$(free_port)
templates "127.0.0.1:$other" "127.0.0.1:$other" | write_config
for kind in http tls; do
    refused "$kind: a CA that cannot reach the listener" $kind-one
    says "$kind: it is told" "$DIR/err" "the CA rejected the order: one.example.org: "
    refute "$kind: nothing listens after a failure" listening "$other"
done
start web busybox httpd -f -p "127.0.0.1:$other" -h "$WEBROOT"
wait_for 5 listening "$other"
for kind in http tls; do
    refused "$kind: a port that is in use" $kind-one
    says "$kind: it is told" "$DIR/err" "port $other of 127.0.0.1 is in use by another program"
done
stop web
templates "127.0.0.1:$HTTP_PORT" "127.0.0.1:$TLS_PORT" | write_config
for kind in http tls; do
    exits 0 "$kind: the next run succeeds, at one address" renew $kind-one
done

# Workers that start together take turns.
STATE=$DIR/state-many
{
    templates
    for number in 1 2 3 4; do
        printf '[certificate a%s]\nnames = a%s.example.org\ntemplate = http\nauto_renew = yes\n' $number $number
        printf '[certificate b%s]\nnames = b%s.example.org\ntemplate = tls\nauto_renew = yes\n' $number $number
    done
} | write_config
exits 0 "eight certificates in one run" --run-now --json
json "are all issued" '[.results[] | select(.outcome == "renewed")] | length == 8'

# What a configuration may not say.
templates nowhere | write_config
exits 1 "a place that is none" renew http-one
says "it is told" "$DIR/err" "http_listen: 'nowhere' is no port, and no ADDRESS:PORT"
