#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# What the system denies (processes, descriptors, room on the disk, a state_dir at the start) is said once and tried
# again without spinning; the loop lives.
# needs: util-linux
. "$(dirname "$0")/lib.sh"
need prlimit util-linux

logged() { grep -qF -e "$1" "$DIR/loop.log"; }
count() { grep -cF -e "$1" "$DIR/loop.log"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
configure() {
    write_config <<END
[template brief]
hook = local-ca
lifetime = 40s
[defaults]
auto_renew = yes
auto_publish = yes
template = brief
[certificate a]
names = a.example.org
[certificate b]
names = b.example.org
END
}
if [ "$(id -u)" -ne 0 ]; then
    echo "ok what is denied # SKIP only root can deny"
    ok "nothing to try as this user"
    exit 0
fi
configure
chmod 755 "$DIR"

# ---- No process: a user who may have one only

mkdir -m 700 "$STATE" "$DIR/run"
chown 54321:54321 "$STATE" "$DIR/run"
cp "$CERTAUTO" "$DIR/certauto"
allow() { setpriv --reuid 54321 --regid 54321 --clear-groups prlimit --pid "$pid" "$@"; }
start loop setpriv --reuid 54321 --regid 54321 --clear-groups prlimit --nproc=1:100 "$DIR/certauto" -c "$CONFIG"
pid=$(cat "$DIR/loop.pid")
check "a worker that cannot be forked is said" wait_for 10 logged "a worker cannot be forked"
before=$(ticks)
sleep 4
same "once" "$(count 'cannot be forked')" 1
check "it spins not ($(($(ticks) - before)) ticks)" test $(($(ticks) - before)) -le 5
allow --nproc=100
check "when it can be, the work is done" wait_for 10 logged "published certificate=a"
check "all of it" wait_for 10 logged "published certificate=b"
says "and the trouble is over" "$DIR/loop.log" "over: a worker cannot be forked"
allow --nofile=9:1000
check "no descriptor is left for a worker" wait_for 40 logged "No file descriptors available"
check "the loop lives" kill -0 "$pid"
sleep 2
allow --nofile=1000
renewed() { test "$(count "renewed certificate=$1")" -ge "$2"; }
check "it goes on when there are" wait_for 40 renewed a 2
stop loop

# ---- No room: state_dir on a disk of its own

rm -rf "$STATE" "$DIR/run"
mkdir -m 700 "$STATE"
cat >"$DIR/mounted" <<END
mount -t tmpfs -o size=400k,mode=700 tmpfs "$STATE" && exec "$CERTAUTO" -c "$CONFIG"
END
start loop unshare -m sh "$DIR/mounted"
pid=$(cat "$DIR/loop.pid")
there() { nsenter -t "$pid" -m "$@"; }
check "a disk of its own" wait_for 10 logged "published certificate=b"
there dd if=/dev/zero of="$STATE/filler" bs=1k 2>"$DIR/dd"
says "is full" "$DIR/dd" "No space left"
failed=$(count 'failed certificate')
check "a renewal finds no room" wait_for 40 logged "No space left"
before=$(ticks)
sleep 5
check "it is not tried all the time ($(($(count 'failed certificate') - failed)) times)" \
    test $(($(count 'failed certificate') - failed)) -le 8
check "it spins not ($(($(ticks) - before)) ticks)" test $(($(ticks) - before)) -le 20
generation=$(there readlink "$STATE/live/a")
check "what is published stays" there test -s "$STATE/live/a/key.pem" -a -n "$generation"
there rm "$STATE/filler"
switched() { test "$(there readlink "$STATE/live/a")" != "$generation"; }
check "with room again it is renewed and published" wait_for 40 switched
stop loop

# ---- A state_dir that cannot be made at the start

rmdir "$STATE"
rm -rf "$DIR/run"
mkdir "$DIR/disk"
sed -i "s,^state_dir = .*,state_dir = $DIR/disk/state," "$CONFIG"
cat >"$DIR/mounted" <<END
mount -t tmpfs -o ro tmpfs "$DIR/disk" && exec "$CERTAUTO" -c "$CONFIG"
END
start loop unshare -m sh "$DIR/mounted"
pid=$(cat "$DIR/loop.pid")
check "a state_dir that cannot be made is said" wait_for 5 logged "Read-only file system"
sleep 2
same "once" "$(count 'Read-only file system')" 1
there mount -o remount,rw "$DIR/disk"
check "it is made when that is possible" wait_for 20 logged "published certificate=a"
stop loop
sed -i "s,^state_dir = .*,state_dir = $STATE," "$CONFIG"
echo >"$STATE"
exits 2 "a state_dir that is a file is refused"
rm -rf "$STATE"
mkdir -m 777 "$STATE"
exits 2 "one that others can write is refused"
says "which is said" "$DIR/err" "others can write $STATE"
