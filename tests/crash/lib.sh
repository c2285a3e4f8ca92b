# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests of promise 1 share, over the lib.sh of the integration tests.
#
# A scenario is a command that is stopped at each of its points in turn (point.c: just before each call that changes
# something), always from the same world. To add one:
#
#     world <<END                  a fresh world, its configuration ending with stdin; the template "ca" (ca.lua)
#     [certificate www]            and the profile "files" are in it
#     …
#     END
#     certauto --run-now           what brings it to where the scenario begins, if anything
#     begin                        keeps that
#     kill_at_each "a renewal" caller 1 renew www
#
# After each death what is in the state directory must be whole; then "settle" must succeed, and what must be true
# after it is asked of "settled". A scenario for which a run is not enough, or that ends otherwise, defines these two
# anew before it begins.
#
# Variables
#   WORLD   the folder that each point begins with anew; STATE, CONFIG, HOOKS are in it
#   TLS     $WORLD/tls, where the profile "files" publishes www.crt, www.key and www-all.pem; its reload makes
#           $WORLD/served of the first two, or fails when there is a file $WORLD/refuse
#   POINT   the program point
#   ENDS    options of it that make a command end that does not by itself, as "-t $WORLD/served"
#
# Functions
#   kill_at_each NAME VICTIM STEP ARG…          "certauto ARG…", with VICTIM killed at each STEPth point
#                       (VICTIM may go on with options of the program point: "caller -r hook")
#   fail_at_each NAME ERROR KINDS STEP ARG…     each STEPth call of these kinds fails, once
#   deny_from_each NAME ERROR KINDS STEP ARG…   and so do all after it
#                       The exit code must be 1 (2: in reading the configuration) with a sentence, or 0 when the call was not
#                       needed; else as above
#   promise MODE        runs promise.lua

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
need gcc gcc
need openssl openssl

POINT=$DIR/point
WORLD=$DIR/world
TLS=$WORLD/tls
CONFIG=$WORLD/certauto.ini
STATE=$WORLD/state
HOOKS=$WORLD/hooks
MOST_WRONG=3
ENDS=

gcc -O1 -o "$POINT" "$TREE/tests/crash/point.c" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Crash CA" -days 3650 \
    -keyout "$DIR/ca.key" -out "$DIR/ca.pem" 2>"$DIR/openssl.err" || exit 1
cat "$DIR/ca.key" "$DIR/ca.pem" >"$DIR/ca"

world() {
    rm -rf "$WORLD" "$DIR/start"
    mkdir -p "$HOOKS/issue" "$TLS"
    mkdir -m 700 "$STATE"
    cp "$TREE/tests/crash/ca.lua" "$HOOKS/issue/counted.lua"
    chmod 644 "$HOOKS/issue/counted.lua"
    {
        cat <<END
[certauto]
state_dir = $STATE
run_dir = $WORLD/run
hooks_dir = $HOOKS
timezone = UTC0
keep = 1
[template ca]
hook = counted
ca = $DIR/ca
[profile files]
hook = files
cert = $TLS/%{name}.crt
key = $TLS/%{name}.key
combined = $TLS/%{name}-all.pem
reload = /bin/sh $WORLD/reload
END
        cat
    } >"$CONFIG"
    cat >"$WORLD/reload" <<END
test ! -e $WORLD/refuse || { echo "no such directive" >&2; exit 1; }
cat $TLS/www.crt $TLS/www.key >$WORLD/served
END
}

begin() {
    rm -rf "$DIR/start"
    cp -a "$WORLD" "$DIR/start"
    "$CERTAUTO" lua "$TREE/tests/crash/promise.lua" start "$STATE" "$DIR/facts.start" www 0 || exit 1
}

settle() {
    certauto --run-now www
}

settled() {
    promise settled && cat "$TLS/www.crt" "$TLS/www.key" | cmp - "$WORLD/served"
}

promise() {
    "$CERTAUTO" lua "$TREE/tests/crash/promise.lua" "$1" "$STATE" "$DIR/facts" www \
        "$(grep -c ': ordered ' "$DIR/settle.err")" "$TLS"
}

# Prints what is wrong.
judge_death() {
    promise after || return 1
    certauto status --json >"$DIR/status.out" 2>&1 || { cat "$DIR/status.out" && return 1; }
    settle >"$DIR/settle.out" 2>"$DIR/settle.err"
    settle_code=$?
    [ "$settle_code" -eq 0 ] || { echo "the next run exits with $settle_code" && return 1; }
    settled && tidied
}

# What was only on its way may stay until the next step of the certificate, never longer.
tidied() {
    [ -z "$(find "$STATE" -name '.*.tmp*' -o -name '.*.old')" ] ||
        { rm -f "$WORLD/refuse" && certauto renew www && promise clean; }
}

judge_failure() {
    case $point_code in
    0) ;;
    1) grep -q -e 'failed certificate=.*error=.' -e ' error: .' -e '^certauto: .' "$DIR/point.err" || { echo "no sentence" && return 1; } ;;
    # The configuration could not be read, or a hook not say which options it takes.
    2) grep -q -e 'hook: .* cannot be used: .' -e 'no memory ' "$DIR/point.err" || { echo "no sentence" && return 1; } ;;
    *) echo "exit code $point_code" && return 1 ;;
    esac
    judge_death
}

# Runs "certauto ARG…" in the world as it began, with the point N: sets point_met and point_code.
stop_at() { # N OPTION… -- ARG…
    stop_n=$1
    shift
    stop_options=
    while [ "$1" != -- ]; do
        stop_options="$stop_options $1"
        shift
    done
    shift
    rm -rf "$WORLD"
    cp -a "$DIR/start" "$WORLD"
    cp "$DIR/facts.start" "$DIR/facts"
    : >"$DIR/settle.err"
    # shellcheck disable=SC2086 # options are words
    timeout 60 "$POINT" -n "$stop_n" $stop_options $ENDS -o "$DIR/point.met" "$CERTAUTO" -c "$CONFIG" "$@" \
        >"$DIR/point.out" 2>"$DIR/point.err" </dev/null
    point_code=$?
    read -r _ point_met <"$DIR/point.met"
}

# Tries N = STEP, 2 STEP, … until the command comes to its end by itself, and judges each.
each_point() { # NAME JUDGE STEP OPTION… -- ARG…
    each_name=$1 each_judge=$2 each_step=$3
    shift 3
    each_n=$each_step each_tried=0 each_wrong=0
    : >"$DIR/wrong"
    while [ "$each_wrong" -lt "$MOST_WRONG" ]; do
        stop_at "$each_n" "$@"
        case $point_code in 124 | 125) false ;; esac || { cat "$DIR/point.err" >>"$DIR/wrong" && break; }
        [ -n "$point_met" ] || break
        each_tried=$((each_tried + 1))
        if ! "$each_judge" >"$DIR/judged" 2>&1; then
            each_wrong=$((each_wrong + 1))
            { echo "point $each_n, $point_met:" && cat "$DIR/judged" "$DIR/point.err" "$DIR/settle.err"; } >>"$DIR/wrong"
            [ "${KEEP:-}" != 1 ] || cp -a "$WORLD" "$DIR/wrong.$each_n"
        fi
        each_n=$((each_n + each_step))
    done
    if [ ! -s "$DIR/wrong" ] && [ "$each_tried" -gt 0 ]; then
        ok "$each_name ($each_tried points)"
    else
        not_ok "$each_name ($each_tried points)" "$(cat "$DIR/wrong")"
    fi
}

kill_at_each() {
    kill_name=$1 kill_victim=$2 kill_step=$3
    shift 3
    each_point "$kill_name, $kill_victim killed" judge_death "$kill_step" -d "$kill_victim" -- "$@"
}

fail_at_each() {
    fail_name=$1 fail_error=$2 fail_kinds=$3 fail_step=$4
    shift 4
    each_point "$fail_name, $fail_error once at $fail_kinds" judge_failure "$fail_step" \
        -e "$fail_error" -k "$fail_kinds" -- "$@"
}

deny_from_each() {
    fail_name=$1 fail_error=$2 fail_kinds=$3 fail_step=$4
    shift 4
    each_point "$fail_name, $fail_error from then on at $fail_kinds" judge_failure "$fail_step" \
        -a -e "$fail_error" -k "$fail_kinds" -- "$@"
}
