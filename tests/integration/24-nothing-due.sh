#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A run with nothing due makes no write-like system call in the state folder, forks nothing and connects nowhere.
. "$(dirname "$0")/lib.sh"
need strace strace

{
    printf '[template internal]\nhook = local-ca\n[defaults]\nauto_renew = yes\nauto_publish = yes\ntemplate = internal\n'
    for i in 1 2 3 4 5; do
        printf '[certificate c%s]\nnames = c%s.example.org\n' "$i" "$i"
    done
} | write_config
exits 0 "five certificates are issued" --run-now

check "a run is traced" strace -f -y -o "$DIR/trace" "$CERTAUTO" -c "$CONFIG" --run-now
check "it read the states" grep -q 'c5\.state' "$DIR/trace"
same "each state is opened once" "$(grep -c 'openat(.*c3\.state' "$DIR/trace")" 1
grep -E "$STATE|<$STATE" "$DIR/trace" |
    grep -E '^[0-9]+ +(write|pwrite|writev|rename|unlink|mkdir|link|symlink|fsync|fdatasync|ftruncate|truncate|chmod|fchmod|chown|fchown|lchown|utime|mknod|fallocate|copy_file|sendfile|setxattr|fsetxattr|fcntl\(.*SETLK)|O_(WRONLY|RDWR|CREAT|TRUNC)' >"$DIR/writes"
same "nothing is written there" "$(cat "$DIR/writes")" ""
same "nothing is forked" "$(grep -E '^[0-9]+ +(clone|fork|vfork)' "$DIR/trace")" ""
same "nothing is connected" "$(grep -E '^[0-9]+ +(socket|connect)\(' "$DIR/trace")" ""
# The trace would have shown it.
check "a renewal is traced" strace -f -y -o "$DIR/trace" "$CERTAUTO" -c "$CONFIG" renew c1
check "there the same words find writes" grep -qE "^[0-9]+ +(fsync|rename[a-z0-9]*)\(.*$STATE" "$DIR/trace"
