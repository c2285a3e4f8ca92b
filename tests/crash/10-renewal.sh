#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Kill -9 at every point of a first issue and of a renewal with its publication: nothing is lost, and the next run
# finishes what was begun, without ordering what is there already.
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
begin
kill_at_each "a first issue" caller 1 --run-now
kill_at_each "a first issue" all 5 --run-now

# Three generations, of which the first will be pruned; other names make a renewal due.
certauto renew www >"$DIR/out" 2>&1 && certauto renew www >"$DIR/out" 2>&1 && certauto renew www >"$DIR/out" 2>&1
sed -i 's/^names = .*/&, www.example.com/' "$CONFIG"
begin
kill_at_each "a renewal" caller 1 --run-now
kill_at_each "a renewal" above 2 --run-now
kill_at_each "a renewal" root 3 --run-now
kill_at_each "a renewal" all 5 --run-now
