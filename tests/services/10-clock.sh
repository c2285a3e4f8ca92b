#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A machine that starts in 2020, whose clock is then really set, steps forth and back: the release binary as the loop in
# a virtual machine (emulated, without KVM) with nothing but a kernel and busybox.
# serial
. "$(dirname "$0")/lib.sh"
need qemu-system-x86_64 qemu-system-x86
need cpio cpio
need busybox busybox-static

kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
unpack "$kernel" "$DIR/kernel"
image=$(ls "$DIR"/kernel/boot/vmlinuz-*)

root=$DIR/root
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/etc/certauto" "$root/run" "$root/var/lib"
cp /bin/busybox "$root/bin/busybox"
cp "$CERTAUTO" "$root/bin/certauto"
cat >"$root/etc/certauto/certauto.ini" <<END
[certauto]
timezone = UTC0
jitter = 0s
[template brief]
hook = local-ca
lifetime = 40s
[defaults]
auto_renew = yes
auto_publish = yes
template = brief
[certificate brief]
names = brief.example.org
END
# What runs in there prints "ok" and "not ok" on the console.
cat >"$root/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
now=$(sed 's/.*certauto_now=\([0-9]*\).*/\1/' /proc/cmdline)

logged() { grep -qF -e "$1" /run/log; }
count() { grep -cF -e "$1" /run/log; }
within() { # SECONDS COMMAND...
    tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        test $tries -gt 0 || return 1
        usleep 100000
    done
}
more() { test "$(count "$1")" -gt "$2"; }
check() { # NAME COMMAND...
    name=$1
    shift
    if "$@"; then echo "ok $name"; else echo "not ok $name"; fi
}

check "the machine starts with a clock of 2020" test "$(date -u +%Y)" = 2020
certauto 2>/run/log &
loop=$!
check "its clock is not believed" within 20 logged "before this program was built"
sleep 3
check "nothing is issued" test "$(count renewed)" = 0
check "nothing is written" test ! -e /var/lib/certauto/brief.state
date -u -s "@$now" >/dev/null
check "a clock that is set is noticed at once" within 10 logged "the clock is believed now"
check "and the certificate issued" within 20 logged "published certificate=brief"
check "it is renewed by itself" within 60 more "published certificate=brief" 1
date -u -s "@$(($(date +%s) + 7200))" >/dev/null
check "two hours more are not believed" within 10 more "warning: the clock" 1
before=$(count renewed)
sleep 5
check "so that nothing is renewed, though by that clock all has expired" test "$(count renewed)" = "$before"
date -u -s "@$(($(date +%s) - 7200))" >/dev/null
check "back again it is believed as before" within 10 more "the clock is believed now" 1
check "and renewal goes on" within 60 more renewed "$before"
check "the loop lives" kill -0 $loop
cat /run/log | sed 's/^/# /'
kill $loop
wait $loop
check "and ends in order" test $? = 0
echo "the end"
poweroff -f
END
chmod 755 "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$DIR/initrd.gz"

# Told how fast the processor's counter runs, for the emulator passes on the host's. Else the kernel measures it by an
# emulated timer, which fails in one start of four, and hangs.
khz=$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)
parameters="console=ttyS0 quiet panic=-1 tsc_early_khz=${khz:-2000000} certauto_now=$(date +%s)"
timeout 280 qemu-system-x86_64 -M microvm,pcie=on,rtc=on -accel tcg -cpu max -m 128 -kernel "$image" \
    -initrd "$DIR/initrd.gz" -append "$parameters" \
    -rtc base=2020-01-01T00:00:00 -nographic -no-reboot -nodefaults -serial stdio </dev/null >"$DIR/console" 2>&1
if grep -q "^the end" "$DIR/console"; then
    ok "the machine came to its end"
else
    not_ok "the machine came to its end" "$(tail -n 40 "$DIR/console")"
fi
tr -d '\r' <"$DIR/console" | grep -a -E '^(ok|not ok) ' >"$DIR/results"
while read -r line; do
    case $line in
    ok*) ok "${line#ok }" ;;
    *) not_ok "${line#not ok }" "$(grep "^#" "$DIR/console")" ;;
    esac
done <"$DIR/results"
same "all was tried" "$(wc -l <"$DIR/results")" 13
