#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Kill -9 while a CA of one's own is made in the store: it is made whole or not at all, and once.
# shellcheck source=tests/crash/lib.sh
. "$(dirname "$0")/lib.sh"

world <<END
[defaults]
auto_renew = yes
auto_publish = yes
retry = 1s
[template own]
hook = local-ca
[certificate www]
names = www.example.org
template = own
profile = files
END
begin

settled() {
    promise imported && own_ca
}
# Whoever trusts the root that has been shown trusts what is published.
own_ca() {
    ca=$STATE/store/local-ca
    [ "$(ls "$ca" | tr '\n' ' ')" = "issuing root root.pem " ] &&
        openssl verify -CAfile "$ca/root.pem" -untrusted "$ca/issuing" "$TLS/www.crt"
}
kill_at_each "a CA of one's own" "caller -r hook" 1 --run-now
kill_at_each "a CA of one's own" all 5 --run-now
