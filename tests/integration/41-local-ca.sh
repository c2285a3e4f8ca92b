#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The built-in CA in the real program: one CA for workers that start together, kept from others, trusted by OpenSSL.
. "$(dirname "$0")/lib.sh"
need openssl openssl

names='a b c d e f g h'
{
    printf 'max_parallel = 4\n[defaults]\nauto_renew = yes\nkey = ecdsa-p256\n[template ca]\nhook = local-ca\nlifetime = 2d\n'
    for name in $names; do
        printf '[certificate %s]\nnames = %s.example.org, 192.0.2.1\ntemplate = ca\n' "$name" "$name"
    done
    printf '[certificate ip]\nnames = 2001:db8::1\ntemplate = ca\n'
} | write_config

exits 0 "nine certificates are issued by four workers at a time" --run-now
root=$STATE/store/local-ca/root.pem
check "the root is where the manual says" openssl x509 -in "$root" -noout
same "one issuing CA signed them all" \
    "$(for name in $names ip; do openssl x509 -in "$STATE/certs/$name/1/chain.pem" -noout -fingerprint; done | sort -u | wc -l)" 1
for name in $names ip; do
    check "$name is trusted by those who trust the root" openssl verify -x509_strict -purpose sslserver \
        -CAfile "$root" -untrusted "$STATE/certs/$name/1/chain.pem" "$STATE/certs/$name/1/cert.pem"
done
same "all keys differ" \
    "$(for name in $names ip; do openssl x509 -in "$STATE/certs/$name/1/cert.pem" -noout -pubkey | sha256sum; done | sort -u | wc -l)" 9
same "the CA's files are for their owner only" "$(find "$STATE/store" -type f ! -perm 600)" ''
same "their folders too" "$(find "$STATE/store" -type d ! -perm 700)" ''
check "they live as long as asked" sh -c "
    openssl x509 -in $STATE/certs/a/1/cert.pem -noout -checkend $((2 * 86400 - 120)) >/dev/null &&
    ! openssl x509 -in $STATE/certs/a/1/cert.pem -noout -checkend $((2 * 86400)) >/dev/null"

before=$(cat "$root" "$STATE/store/local-ca/root" "$STATE/store/local-ca/issuing" | sha256sum)
exits 0 "a certificate is renewed" renew a
same "by the CA that is there" \
    "$(cat "$root" "$STATE/store/local-ca/root" "$STATE/store/local-ca/issuing" | sha256sum)" "$before"
check "with another key" sh -c "
    [ \"\$(openssl x509 -in $STATE/certs/a/1/cert.pem -noout -pubkey)\" != \
    \"\$(openssl x509 -in $STATE/certs/a/2/cert.pem -noout -pubkey)\" ]"

echo rubbish >"$STATE/store/local-ca/issuing"
exits 1 "a CA that cannot be read fails the step" renew b
says "and is named" "$DIR/err" store/local-ca/issuing
same "and left as it is" "$(cat "$STATE/store/local-ca/issuing")" rubbish
