# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What every shell test shares: a temporary folder, free ports, peers, and one line a check.
#
# A test is tests/integration/NN-name.sh, in POSIX sh, runs alone or beside others, and begins with
#
#     #!/bin/sh
#     # One sentence: what it shows.
#     . "$(dirname "$0")/lib.sh"
#
# It prints "ok NAME" or "not ok NAME" a check (below a failed one, what was seen, as "# " lines)
# and exits 1 if one failed or if there was none. NAME is a sentence: "a second run renews nothing".
# The folder and every process begun with "start" are gone when it ends, however it ends.
#
# Variables
#   CERTAUTO   the binary to test, absolute (default: ./certauto of this tree)
#   TREE       the top of this tree
#   DIR        the test's own empty folder, 0700; KEEP=1 in the environment leaves it there
#   CONFIG     $DIR/certauto.ini, what write_config writes and "certauto" reads
#   STATE      $DIR/state, the state_dir that write_config sets
#   HOOKS      $DIR/hooks, the hooks_dir (with issue/ and publish/) that write_config sets
#
# Functions
#   write_config <<END   writes $CONFIG: a [certauto] section with the folders above and UTC, then
#                        stdin. Lines of stdin before its first header belong to [certauto].
#   certauto ARG…        runs the binary with -c $CONFIG; -c in ARG… wins
#   check NAME COMMAND…  ok when the command succeeds; its output is shown only when it does not
#   refute NAME COMMAND… ok when the command fails
#   exits CODE NAME ARG… runs "certauto ARG…"; ok when it exits with CODE. Its output stays in
#                        $DIR/out and $DIR/err for the checks after it
#   says NAME FILE TEXT  ok when FILE holds the plain TEXT; "silent_about" when it does not
#   narrow NAME FILE     ok when no line of FILE has more than 80 characters
#   same NAME A B        ok when the two texts are equal
#   json NAME FILTER     ok when jq FILTER of $DIR/out is true
#   ok NAME, not_ok NAME [WHY]
#   free_port            prints a TCP port of 127.0.0.1 that nothing uses; never the same twice
#   start NAME COMMAND…  begins a process; its output goes to $DIR/NAME.log, its pid to $DIR/NAME.pid,
#                        its input is /dev/null (openssl s_server needs -www to live with that)
#   stop NAME            ends it (TERM, after 5 s KILL) and waits for it
#   wait_for SECONDS COMMAND…  tries until it succeeds; false when the time is over
#   need COMMAND PACKAGE fails the whole test, naming the Debian package, when COMMAND is missing
#   make_certificate FILE KEY NAMES FROM UNTIL [PARAMETER…]
#                        a self-signed one: NAMES as "DNS:a.example,IP:192.0.2.1", FROM and UNTIL as
#                        date(1) reads ("-80 days"); PARAMETER… for "openssl genpkey", default P-256

set -u
LC_ALL=C
TZ=UTC0
export LC_ALL TZ
umask 022

TREE=$(cd "$(dirname "$0")/../.." && pwd)
: "${CERTAUTO:=$TREE/certauto}"
DIR=$(mktemp -d "${TMPDIR:-/tmp}/certauto-test.XXXXXX") || exit 1
CONFIG=$DIR/certauto.ini
STATE=$DIR/state
HOOKS=$DIR/hooks
mkdir -p "$HOOKS/issue" "$HOOKS/publish"
# Counted in files, so that checks in subshells count too.
: >"$DIR/.passed"
: >"$DIR/.failed"
: >"$DIR/.ports"

cleanup() {
    status=$?
    trap - EXIT HUP INT TERM
    for file in "$DIR"/*.pid; do
        if [ -f "$file" ]; then
            name=${file##*/}
            stop "${name%.pid}"
        fi
    done
    if [ "$status" -eq 0 ] && [ ! -s "$DIR/.passed" ] && [ ! -s "$DIR/.failed" ]; then
        echo "not ok $(basename "$0") checks something"
        status=1
    fi
    if [ -s "$DIR/.failed" ]; then
        status=1
    fi
    if [ "${KEEP:-}" = 1 ]; then
        echo "# kept $DIR"
    else
        rm -rf "$DIR"
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

ok() {
    echo "ok $1"
    echo x >>"$DIR/.passed"
}

not_ok() {
    echo "not ok $1"
    echo x >>"$DIR/.failed"
    if [ -n "${2:-}" ]; then
        printf '%s\n' "$2" | head -n 40 | sed 's/^/# /'
    fi
}

# Not in a subshell: "wait" and assignments are to work in COMMAND.
check() {
    check_name=$1
    shift
    if "$@" >"$DIR/.output" 2>&1; then
        ok "$check_name"
    else
        not_ok "$check_name" "$* exited with $?
$(cat "$DIR/.output")"
    fi
}

refute() {
    check_name=$1
    shift
    if "$@" >"$DIR/.output" 2>&1; then
        not_ok "$check_name" "$* succeeded
$(cat "$DIR/.output")"
    else
        ok "$check_name"
    fi
}

certauto() {
    "$CERTAUTO" -c "$CONFIG" "$@"
}

exits() {
    exits_code=$1
    exits_name=$2
    shift 2
    certauto "$@" >"$DIR/out" 2>"$DIR/err"
    exits_got=$?
    if [ "$exits_got" -eq "$exits_code" ]; then
        ok "$exits_name"
    else
        not_ok "$exits_name" "certauto $* exited with $exits_got, not $exits_code
$(cat "$DIR/out" "$DIR/err")"
    fi
}

says() {
    if grep -qF -e "$3" "$2"; then
        ok "$1"
    else
        not_ok "$1" "no '$3' in $2:
$(cat "$2")"
    fi
}

silent_about() {
    if grep -qF -e "$3" "$2"; then
        not_ok "$1" "'$3' in $2:
$(grep -F -e "$3" "$2")"
    else
        ok "$1"
    fi
}

# Bytes that continue a character do not count.
narrow() {
    if wide=$(tr -d '\200-\277' <"$2" | awk '{ if (length($0) > 80) print }') && [ -z "$wide" ]; then
        ok "$1"
    else
        not_ok "$1" "$wide"
    fi
}

same() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "'$2' is not '$3'"
    fi
}

json() {
    if [ "$(jq "$2" "$DIR/out" 2>"$DIR/jq.err")" = true ]; then
        ok "$1"
    else
        not_ok "$1" "not true: $2
$(cat "$DIR/jq.err" "$DIR/out")"
    fi
}

write_config() {
    {
        printf '[certauto]\nstate_dir = %s\nrun_dir = %s\nhooks_dir = %s\ntimezone = UTC0\n' \
            "$STATE" "$DIR/run" "$HOOKS"
        cat
    } >"$CONFIG"
}

# Ports below those the kernel gives to outgoing connections; what listens is told by /proc.
free_port() {
    while :; do
        port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
        hex=$(printf ':%04X' "$port")
        if ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v hex="$hex" \
            'index($2, hex) { found = 1 } END { exit !found }' &&
            ! grep -qx "$port" "$DIR/.ports"; then
            echo "$port" >>"$DIR/.ports"
            echo "$port"
            return
        fi
    done
}

start() {
    start_name=$1
    shift
    "$@" >"$DIR/$start_name.log" 2>&1 </dev/null &
    echo $! >"$DIR/$start_name.pid"
}

stop() {
    if [ ! -f "$DIR/$1.pid" ]; then
        return 0
    fi
    pid=$(cat "$DIR/$1.pid")
    rm -f "$DIR/$1.pid"
    kill "$pid" 2>/dev/null
    tries=50
    while [ "$tries" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
        # A child that ended stays a zombie until it is waited for.
        case $(cut -d ' ' -f 3 "/proc/$pid/stat" 2>/dev/null) in
        Z | '') break ;;
        esac
        sleep 0.1
        tries=$((tries - 1))
    done
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}

wait_for() {
    wait_tries=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        wait_tries=$((wait_tries - 1))
        if [ "$wait_tries" -le 0 ]; then
            return 1
        fi
        sleep 0.1
    done
}

need() {
    if ! command -v "$1" >/dev/null 2>&1; then
        not_ok "$1 is there" "install the package $2"
        exit 1
    fi
}

make_certificate() {
    mc_file=$1
    mc_key=$2
    mc_names=$3
    mc_from=$(date -u -d "$4" +%Y%m%d%H%M%SZ)
    mc_until=$(date -u -d "$5" +%Y%m%d%H%M%SZ)
    shift 5
    if [ $# -eq 0 ]; then
        set -- -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    fi
    mc_ca=$(mktemp -d "$DIR/openssl.XXXXXX")
    : >"$mc_ca/index"
    cat >"$mc_ca/conf" <<END
[req]
distinguished_name = dn
prompt = no
[dn]
CN = certauto test
[ca]
default_ca = own
[own]
database = $mc_ca/index
new_certs_dir = $mc_ca
default_md = sha256
rand_serial = yes
policy = any
x509_extensions = leaf
[any]
commonName = optional
[leaf]
subjectAltName = $mc_names
END
    if ! { openssl genpkey "$@" -out "$mc_key" &&
        openssl req -new -key "$mc_key" -config "$mc_ca/conf" -out "$mc_ca/csr" &&
        openssl ca -batch -selfsign -notext -config "$mc_ca/conf" -keyfile "$mc_key" -in "$mc_ca/csr" \
            -startdate "$mc_from" -enddate "$mc_until" -out "$mc_file"; } 2>"$mc_ca/err"; then
        cat "$mc_ca/err" >&2
        return 1
    fi
}
