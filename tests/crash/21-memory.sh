#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The system gives no memory, once or from then on, at each time that it is asked in turn: one step fails with its
# sentence and exit code 1, nothing is lost, and the next run succeeds. (Single allocations: unit/allocation_test.)
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
begin

fail_at_each "a renewal" ENOMEM memory 3 --run-now
deny_from_each "a renewal" ENOMEM memory 4 --run-now
