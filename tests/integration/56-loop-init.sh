#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# make install brings the unit or script that fits; systemd accepts the units; BusyBox's and procd's scripts work.
. "$(dirname "$0")/lib.sh"
need systemd-analyze systemd
need busybox busybox-static

install_for() { # INIT
    make -s -C "$TREE" install DESTDIR="$DIR/$1" PREFIX=/opt INIT="$1" >"$DIR/install.log" 2>&1
}
for init in systemd openrc procd busybox; do
    check "make install INIT=$init" install_for $init
done
check "the program is there" test -x "$DIR/systemd/opt/sbin/certauto"
refute "an init that is none is refused" install_for sysvinit

# ---- systemd

units=$DIR/systemd/opt/lib/systemd/system
says "the unit starts what was installed" "$units/certauto.service" "ExecStart=/opt/sbin/certauto"
silent_about "no watchdog is asked for" "$units/certauto.service" WatchdogSec
mkdir "$DIR/units"
for unit in certauto.service certauto-run.service certauto-run.timer; do
    sed "s,/opt/sbin/certauto,$CERTAUTO," "$units/$unit" >"$DIR/units/$unit"
done
verify() { systemd-analyze verify --man=no "$DIR/units/"* 2>&1 | tee "$DIR/verified" && test ! -s "$DIR/verified"; }
check "systemd finds nothing wrong with the units" verify

# ---- BusyBox: the script of /etc/init.d, by BusyBox's shell and tools

mkdir "$DIR/bin"
busybox --install -s "$DIR/bin"
script=$DIR/busybox/etc/init.d/S50certauto
check "BusyBox's script is there" test -x "$script"
sed -e "s,/opt/sbin/certauto,$CERTAUTO," -e "s,^PIDFILE=.*,PIDFILE=$DIR/daemon.pid," \
    -e "s,^SETTINGS=.*,SETTINGS=$DIR/settings," -e "s,^#!/bin/sh,#!$DIR/bin/sh," "$script" >"$DIR/S50certauto"
chmod 755 "$DIR/S50certauto"
cat >"$DIR/settings" <<END
OPTIONS="-c $CONFIG"
LOGGER="tee -a $DIR/logged"
END
script() {
    PATH=$DIR/bin "$DIR/S50certauto" "$@"
}
write_config <<END
[template internal]
hook = local-ca
[certificate a]
names = a.example.org
auto_renew = yes
template = internal
END
printf '[certificate b\n' >"$DIR/broken.ini"
sed -i "s,-c .*\",-c $DIR/broken.ini\"," "$DIR/settings"
refute "a configuration with a mistake does not start" script start
sed -i "s,-c .*\",-c $CONFIG\"," "$DIR/settings"
logged() { grep -qF -e "$1" "$DIR/logged"; }
refute "it is not running" script status
check "it starts" script start
check "it is running" script status
check "what it says is logged" wait_for 10 logged "renewed certificate=a"
check "a second start does no harm" script start
check "it reloads" script reload
check "which is logged" wait_for 5 logged "was read again"
pid=$(cat "$DIR/daemon.pid")
check "it stops" script stop
refute "it is gone" kill -0 "$pid"
refute "so it says" script status
refute "and leaves no file" test -e "$DIR/daemon.pid"

# ---- procd: its functions are played, since it is process 1 of OpenWrt only

check "procd's script is there" test -x "$DIR/procd/etc/init.d/certauto"
sed -e "s,/opt/sbin/certauto,$CERTAUTO," -e "s,^CONFIG=.*,CONFIG=$CONFIG," "$DIR/procd/etc/init.d/certauto" >"$DIR/procd.sh"
cat >>"$DIR/procd.sh" <<'END'
procd_open_instance() { :; }
procd_close_instance() { :; }
procd_set_param() { echo "$@"; }
procd_send_signal() { echo "signal $*"; }
start_service
reload_service
END
busybox sh "$DIR/procd.sh" >"$DIR/procd.out" 2>&1
says "it gives procd the command" "$DIR/procd.out" "command $CERTAUTO -c $CONFIG"
says "which it starts again" "$DIR/procd.out" "respawn"
says "and reloads by a signal" "$DIR/procd.out" "signal certauto"
check "OpenRC's script is there" test -x "$DIR/openrc/etc/init.d/certauto"
check "and is right for a shell" busybox sh -n "$DIR/openrc/etc/init.d/certauto"
