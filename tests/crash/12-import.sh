#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Kill -9 at every point of an import: the same import again, and a run, do what was begun.
# shellcheck source=tests/crash/lib.sh
. "$(dirname "$0")/lib.sh"

make_certificate "$DIR/own.pem" "$DIR/own.key" DNS:www.example.org "-1 days" "+80 days" || exit 1
world <<END
[defaults]
auto_publish = yes
retry = 1s
[certificate www]
names = www.example.org
template = ca
profile = files
END

settle() {
    certauto import www --cert "$DIR/own.pem" --key "$DIR/own.key" && certauto --run-now www
}
settled() {
    promise imported && cat "$TLS/www.crt" "$TLS/www.key" | cmp - "$WORLD/served"
}
begin
kill_at_each "a first import" caller 1 import www --cert "$DIR/own.pem" --key "$DIR/own.key"
