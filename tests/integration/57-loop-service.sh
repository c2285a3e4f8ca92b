#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Under a service manager the loop says what it is doing; as process 1 it collects what others leave to it.
# needs: perl-base util-linux
. "$(dirname "$0")/lib.sh"

write_config <<END
[template internal]
hook = local-ca
[certificate a]
names = a.example.org
auto_renew = yes
template = internal
END
cat >"$DIR/manager.pl" <<'END'
use strict;
use Socket;
my ($path, $out) = @ARGV;
$path =~ s/^@/\0/;
socket(my $manager, AF_UNIX, SOCK_DGRAM, 0) or die;
bind($manager, pack_sockaddr_un($path)) or die "bind: $!";
open(my $file, '>', $out) or die;
select((select($file), $| = 1)[0]);
print $file "-- listens\n";
while (defined recv($manager, my $text, 4096, 0)) {
    print $file "$text\n--\n";
}
END
heard() { grep -qxE -e "$1" "$DIR/$manager"; }
told() { grep -cx -e "$1" "$DIR/$manager"; }
manage() { # NAME SOCKET
    manager=$1
    start "manager-$1" perl "$DIR/manager.pl" "$2" "$DIR/$1"
    wait_for 5 heard "-- listens"
    NOTIFY_SOCKET=$2
    export NOTIFY_SOCKET
}

for kind in path abstract; do
    case $kind in
    path) manage path "$DIR/notify" ;;
    abstract) manage abstract "@certauto-test-$$" ;;
    esac
    start loop "$CERTAUTO" -c "$CONFIG"
    pid=$(cat "$DIR/loop.pid")
    check "$kind: it is ready" wait_for 5 heard "READY=1"
    kill -HUP "$pid"
    twice() { test "$(told READY=1)" -eq 2; }
    check "$kind: ready again after a reload" wait_for 5 twice
    check "$kind: which it told" heard "RELOADING=1"
    check "$kind: with the moment" heard "MONOTONIC_USEC=[0-9]+"
    kill -TERM "$pid"
    wait "$pid"
    same "$kind: TERM ends it with 0" "$?" 0
    rm "$DIR/loop.pid"
    check "$kind: which it told too" heard "STOPPING=1"
    same "$kind: no sign of life was given, for none was asked" "$(told WATCHDOG=1)" 0
    stop "manager-$kind"
done

manage watched "@certauto-watched-$$"
start loop env WATCHDOG_USEC=400000 "$CERTAUTO" -c "$CONFIG"
four() { test "$(told WATCHDOG=1)" -ge 4; }
check "asked for signs of life, it gives them" wait_for 3 four
check "at half the time" test "$(told WATCHDOG=1)" -le 8
stop loop
stop manager-watched
manage other "@certauto-other-$$"
start loop env WATCHDOG_USEC=400000 WATCHDOG_PID=1 "$CERTAUTO" -c "$CONFIG"
check "another process was asked" wait_for 5 heard "READY=1"
sleep 1
same "so it gives none" "$(told WATCHDOG=1)" 0
stop loop
stop manager-other
NOTIFY_SOCKET=$DIR/nobody
start loop "$CERTAUTO" -c "$CONFIG"
sleep 0.5
check "a manager that is not there stops nothing" kill -0 "$(cat "$DIR/loop.pid")"
stop loop
unset NOTIFY_SOCKET

# ---- Process 1

cat >"$HOOKS/publish/leaves.lua" <<'END'
return {
  api = 1, doc = "Leaves children to whoever takes them.",
  publish = function(bundle)
    local done, message = require("certauto.exec").run({"sh", "-c",
      "for i in 1 2 3 4 5; do (sleep 0.$i; exit 3) >/dev/null 2>&1 & done; setsid sleep 1 >/dev/null 2>&1 &"})
    if not done then return nil, message end
    return true
  end,
}
END
rm -rf "$STATE"
write_config <<END
max_parallel = 3
[template internal]
hook = local-ca
lifetime = 8s
[profile leaves]
hook = leaves
[defaults]
auto_renew = yes
auto_publish = yes
template = internal
profile = leaves
[certificate a]
names = a.example.org
[certificate b]
names = b.example.org
[certificate c]
names = c.example.org
END
if unshare -p -f true 2>/dev/null; then
    set -- unshare -p -f
else
    set -- unshare -r -p -f
fi
start loop "$@" "$CERTAUTO" -c "$CONFIG"
children() { cat "/proc/$1/task/$1/children"; }
inside() { pid=$(children "$(cat "$DIR/loop.pid")") && test -n "$pid"; }
check "it is process 1" wait_for 5 inside
pid=${pid%% *}
done_twice() {
    for name in a b c; do
        test "$(grep -c "published certificate=$name" "$DIR/loop.log")" -ge 2 || return 1
    done
}
check "workers and strangers end beside each other" wait_for 20 done_twice
silent_about "no worker's end is lost" "$DIR/loop.log" error
none() {
    for child in $(children "$pid"); do
        case $(cut -d ' ' -f 3 "/proc/$child/stat") in
        Z) return 1 ;;
        esac
    done
}
check "nobody who has ended is left" wait_for 3 none
kill -TERM "$pid"
wait "$(cat "$DIR/loop.pid")"
same "TERM ends process 1 too, with 0" "$?" 0
rm "$DIR/loop.pid"
