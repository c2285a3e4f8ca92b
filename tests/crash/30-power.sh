#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The power is cut at every point of a first issue, and of a renewal, with their publications: a trace is replayed with
# all that was not yet synced dropped. Nothing is lost, and the next run finishes what was begun.
# shellcheck source=tests/crash/lib.sh
. "$(dirname "$0")/lib.sh"
need strace strace
need perl perl-base

# Traces "certauto ARG…" in the world, from the world as it began.
trace() {
    strace -f -qq -y -xx -s 4194304 -o "$DIR/trace" \
        -e trace=%file,write,writev,pwrite64,fsync,fdatasync,fchmod,exit_group "$CERTAUTO" -c "$CONFIG" "$@" \
        >"$DIR/point.out" 2>"$DIR/point.err"
}

cuts() { # OPTION…
    perl "$TREE/tests/crash/cut.pl" "$@"
}

# Runs on from each tree of $DIR/trees.
judge_trees() { # NAME
    : >"$DIR/wrong"
    judged=0 wrong=0
    for tree in "$DIR"/trees/*; do
        [ "$wrong" -lt "$MOST_WRONG" ] || break
        rm -rf "$WORLD"
        cp -a "$DIR/start" "$WORLD"
        rm -rf "$STATE" "$TLS"
        mv "$tree/state" "$tree/tls" "$WORLD"
        chmod 700 "$STATE"
        cp "$DIR/facts.start" "$DIR/facts"
        : >"$DIR/settle.err"
        judged=$((judged + 1))
        if ! judge_death >"$DIR/judged" 2>&1; then
            wrong=$((wrong + 1))
            { echo "tree ${tree##*/}:" && cat "$DIR/judged" "$DIR/settle.err" && find "$STATE" "$TLS" -type f; } >>"$DIR/wrong"
            [ "${KEEP:-}" != 1 ] || cp -a "$WORLD" "$DIR/wrong.${tree##*/}"
        fi
    done
    if [ "$wrong" -eq 0 ] && [ "$judged" -gt 20 ]; then
        ok "$1 ($judged trees)"
    else
        not_ok "$1 ($judged trees)" "$(cat "$DIR/wrong")"
    fi
}

cut_everywhere() { # NAME ARG…
    cut_name=$1
    shift
    begin
    check "$cut_name is traced" trace "$@"
    rm -rf "$DIR/trees"
    mkdir "$DIR/trees"
    cuts "$WORLD" "$DIR/start" "$DIR/trace" "$DIR/trees" >"$DIR/cuts"
    same "$cut_name: every rename is synced before and after" "$? $(grep -v '^renames' "$DIR/cuts")" "0 "
    judge_trees "$cut_name survives a power cut at every point"
}

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
# What the service has been told is forgotten: it starts with the machine.
settled() {
    promise settled
}
cut_everywhere "a first issue" --run-now

again() {
    certauto --run-now >"$DIR/out" 2>&1 && certauto renew www >"$DIR/out" 2>&1
}
again && again
sed -i 's/^names = .*/&, www.example.com/' "$CONFIG"
cut_everywhere "a renewal" --run-now

# The checker itself: each fsync that belongs to a rename is missed when it is not there.
read -r _ renames _ links _ fsyncs _ <<END
$(tail -n 1 "$DIR/cuts")
END
n=0 files=0 folders=0
: >"$DIR/unnoticed"
while [ "$n" -lt "$fsyncs" ]; do
    n=$((n + 1))
    cuts -w "$n" "$WORLD" "$DIR/start" "$DIR/trace" >"$DIR/missing"
    case $?$(tail -n 1 "$DIR/missing") in
    1*'omitted f') files=$((files + 1)) ;;
    1*'omitted d') folders=$((folders + 1)) ;;
    0*'omitted f') echo "$n" >>"$DIR/unnoticed" ;;
    esac
done
same "a missing fsync of a file is noticed, whichever ($files)" "$(cat "$DIR/unnoticed")" ""
# Of those of one folder that follow each other the last is enough.
check "so is one of a folder, but where another follows ($folders of $((fsyncs - files)); $renames renames, $links of links)" \
    test "$files" -ge 9 -a "$folders" -ge 7
rm -rf "$DIR/trees"
mkdir "$DIR/trees"
cuts -w 0 "$WORLD" "$DIR/start" "$DIR/trace" "$DIR/trees" >"$DIR/missing"
without_any() {
    for tree in "$DIR"/trees/*; do
        STATE=$tree/state TLS=$tree/tls promise after >"$DIR/judged" 2>&1 || return 0
    done
    return 1
}
check "and without any of them a certificate would be lost" without_any
