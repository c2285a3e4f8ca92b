# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests of ACME share, after lib.sh: a real CA (Pebble), its DNS, and a web server, all on loopback.
#
#   start_ca [ENV=VALUE…] [-strict]  begins Pebble, as process "ca", and its DNS, as "dns", and waits for them.
#                        CA_DNS, ADDRESS:PORT, is asked by Pebble instead of that DNS;
#                        PEBBLE_RETRY_AFTER is how many seconds it asks clients to wait, 1 unless given;
#                        PEBBLE_MORE, lines of JSON each ending with a comma, goes into its configuration
#   start_web            begins a web server at the port where Pebble looks, which serves $WEBROOT, as "web"
#   template NAME        prints a [template NAME] for this CA with its account agreed to
#   management METHOD PATH [BODY]  asks Pebble's own management port
#   challtestsrv PATH BODY  sets a record of the DNS, as /set-txt
#   asked TEXT           prints how often the CA's log holds TEXT
#   refused NAME CERTIFICATE  ok when its renewal fails. Pebble takes about one authorisation in a hundred as proved
#                        already, whatever PEBBLE_AUTHZREUSE says: then it is tried once more
#   pebble_at_least MINOR NAME  true when Pebble is 2.MINOR; else NAME fails with that sentence
#
# Variables: DIRECTORY (its address), CA_PEM (whom its TLS is signed by), WEBROOT, HTTP_PORT, TLS_PORT,
# CA_PORT, DNS_API

need openssl openssl
need curl curl
need busybox busybox-static
need jq jq
if ! PEBBLE=$("$TREE/tests/pebble"); then
    not_ok "pebble is there" "tests/pebble could not bring it"
    exit 1
fi
WEBROOT=$DIR/web
CA_PEM=$DIR/ca/tls.pem
HTTP_PORT=$(free_port)
TLS_PORT=$(free_port)
CA_PORT=$(free_port)
ca_management=$(free_port)
dns_port=$(free_port)
DNS_API=http://127.0.0.1:$(free_port)
DIRECTORY=https://127.0.0.1:$CA_PORT/dir
mkdir -p "$WEBROOT" "$DIR/ca"
# Pebble's own TLS certificate: one that is its own CA.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=pebble -keyout "$DIR/ca/tls.key" \
    -out "$CA_PEM" -addext 'subjectAltName = IP:127.0.0.1, DNS:localhost' 2>/dev/null

management() {
    curl -sS --noproxy '*' --cacert "$CA_PEM" -X "$1" ${3:+--data "$3"} "https://127.0.0.1:$ca_management$2"
}

challtestsrv() {
    curl -sS --noproxy '*' --data "$2" "$DNS_API$1"
}

start_ca() {
    ca_strict=
    ca_env=
    for word; do
        case $word in
        -*) ca_strict=$word ;;
        *) ca_env="$ca_env $word" ;;
        esac
    done
    cat >"$DIR/ca/config.json" <<JSON
{"pebble": {"listenAddress": "127.0.0.1:$CA_PORT", "managementListenAddress": "127.0.0.1:$ca_management",
 "certificate": "$CA_PEM", "privateKey": "$DIR/ca/tls.key", "httpPort": $HTTP_PORT, "tlsPort": $TLS_PORT,
 ${PEBBLE_MORE:-}
 "ocspResponderURL": "", "retryAfter": {"authz": ${PEBBLE_RETRY_AFTER:-1}, "order": ${PEBBLE_RETRY_AFTER:-1}}}}
JSON
    start dns "$PEBBLE/pebble-challtestsrv" -defaultIPv4 127.0.0.1 -defaultIPv6 '' -dnsserver "127.0.0.1:$dns_port" \
        -management "${DNS_API#http://}" -http01 '' -https01 '' -tlsalpn01 '' -doh ''
    # shellcheck disable=SC2086 # lists of words
    start ca env PEBBLE_VA_NOSLEEP=1 $ca_env "$PEBBLE/pebble" -config "$DIR/ca/config.json" \
        -dnsserver "${CA_DNS:-127.0.0.1:$dns_port}" $ca_strict
    if ! wait_for 20 curl -sS --noproxy '*' --cacert "$CA_PEM" "$DIRECTORY" ||
        ! wait_for 20 challtestsrv /clear-request-history '{}'; then
        not_ok "pebble starts" "$(tail -n 20 "$DIR/ca.log" "$DIR/dns.log")"
        exit 1
    fi
}

start_web() {
    start web busybox httpd -f -p "127.0.0.1:$HTTP_PORT" -h "$WEBROOT"
    wait_for 10 curl -s --noproxy '*' "http://127.0.0.1:$HTTP_PORT/"
}

template() {
    printf '[template %s]\nhook = acme\ndirectory = %s\nserver_ca = %s\nterms_agreed = yes\nwebroot = %s\n' \
        "$1" "$DIRECTORY" "$CA_PEM" "$WEBROOT"
}

asked() {
    grep -c -e "$1" "$DIR/ca.log"
}

refused() {
    if certauto renew "$2" >"$DIR/out" 2>"$DIR/err"; then
        exits 1 "$1" renew "$2"
    else
        ok "$1"
    fi
}

pebble_at_least() {
    pebble_version=$(cut -d . -f 2 "$PEBBLE/version")
    if [ "${pebble_version%%[!0-9]*}" -lt "$1" ]; then
        not_ok "$2" "Pebble is $(cat "$PEBBLE/version"), and this needs 2.$1: see tests/pebble"
        return 1
    fi
}
