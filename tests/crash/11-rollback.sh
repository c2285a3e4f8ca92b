#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Kill -9 at every point of a publication that fails and is undone: the next run finishes it once the service is well,
# and undoes it while it is not.
# shellcheck source=tests/crash/lib.sh
. "$(dirname "$0")/lib.sh"

world <<END
[defaults]
auto_renew = yes
auto_publish = yes
retry = 1s
[certificate www]
names = www.example.org
template = ca
profile = files
END
certauto --run-now >"$DIR/out" 2>&1
sed -i 's/^names = .*/&, www.example.com/' "$CONFIG"
touch "$WORLD/refuse"
begin

settle() {
    rm "$WORLD/refuse"
    certauto --run-now www
}
kill_at_each "a publication that is undone" caller 1 --run-now
kill_at_each "a publication that is undone" above 3 --run-now
kill_at_each "a publication that is undone" all 5 --run-now

# The service stays as it is: so do the files, as a pair, and the link.
settle() {
    ! certauto --run-now www
}
settled() {
    promise failed && cmp "$TLS/www.crt" "$STATE/certs/www/1/cert.pem" && cmp "$TLS/www.key" "$STATE/certs/www/1/key.pem" &&
        [ "$(readlink "$STATE/live/www")" = ../certs/www/1 ]
}
kill_at_each "a service that stays unwell" caller 2 --run-now
