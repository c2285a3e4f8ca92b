#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Kill -9 at points of the running loop, from its start over a renewal and its publication to its end: it outlives its
# workers and does their work again, and when it is killed itself a run finishes what was begun.
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
# Once the service has been told of the new one, the loop is to end.
echo "! cmp -s $TLS/www.crt $STATE/certs/www/2/cert.pem || : >$WORLD/told" >>"$WORLD/reload"
ENDS="-t $WORLD/told"
begin
kill_at_each "the loop" root 1
kill_at_each "the loop" all 5

# A hook process dies: the loop does its work again, after a second, unless it was asked to end meanwhile. (A step that
# left no trace in the state, since its keeper died, the loop tries again after minutes: too late for a test.)
settle() {
    [ "$point_code" -eq 0 ] && certauto --run-now www
}
kill_at_each "the loop" "caller -r hook" 7
