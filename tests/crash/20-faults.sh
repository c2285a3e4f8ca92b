#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A disk that is full, broken or read-only at each write, fsync, rename and creation in turn, descriptors and processes
# that are denied: one step fails with its sentence and exit code 1, nothing is lost, and the next run succeeds.
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

fail_at_each "a renewal" ENOSPC write,create,mkdir,symlink 1 --run-now
fail_at_each "a renewal" EIO write,fsync,rename,unlink,mode 1 --run-now
fail_at_each "a renewal" EMFILE create,socket 1 --run-now
fail_at_each "a renewal" EAGAIN fork 1 --run-now
deny_from_each "a renewal" ENOSPC write,create,mkdir,symlink 2 --run-now
deny_from_each "a renewal" EDQUOT write,create 5 --run-now
deny_from_each "a renewal" EROFS create,mkdir,symlink,rename,unlink 2 --run-now
deny_from_each "a renewal" EIO write,fsync,rename 3 --run-now
