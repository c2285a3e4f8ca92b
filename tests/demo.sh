#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
#
# certauto at work, in a temporary folder: a CA of its own, three certificates,
# two groups, slots, publication to files, a TLS server and a client that
# verifies it; then the loop. Run by "make demo"; needs openssl. Nothing outside
# the folder is touched, and nothing is left running.
set -eu

: "${CERTAUTO:=$(cd "$(dirname "$0")/.." && pwd)/certauto}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/certauto-demo.XXXXXX")
server=
loop=

cleanup() {
    status=$?
    trap - EXIT
    for process in $server $loop; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$dir"
    if [ "$status" -ne 0 ]; then
        echo "demo: the last step FAILED" >&2
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

if ! command -v openssl >/dev/null; then
    echo "demo: install the package openssl" >&2
    exit 1
fi

step() {
    printf '\n==== %s\n' "$*"
}

# Shows a command as one would type it, and runs it.
show() {
    printf '$ certauto'
    printf ' %s' "$@"
    printf '\n'
    "$CERTAUTO" -c "$dir/certauto.ini" "$@"
}

mkdir "$dir/tls"

step "A configuration: one CA, one way to publish, two groups, three certificates"
# The second group may only renew on the weekday after tomorrow: its slots are closed today.
closed=$(LC_ALL=C date -u -d '+2 days' +%a | tr '[:upper:]' '[:lower:]')
cat >"$dir/certauto.ini" <<END
[certauto]
state_dir = $dir/state
run_dir = $dir/run
timezone = UTC0

[template demo-ca]
hook = local-ca
lifetime = 90d

[profile files]
hook = files
fullchain = $dir/tls/%{name}.pem
key = $dir/tls/%{name}.key

[group web]
auto_renew = yes
auto_publish = yes
renew = 31d before expiry
template = demo-ca
profile = files

[group office]
auto_renew = yes
auto_publish = yes
template = demo-ca
profile = files
days = $closed
periods = 00:00-04:00

[certificate www.example.org]
names = www.example.org, localhost, 127.0.0.1
group = web

[certificate api.example.org]
names = api.example.org
group = web
key = ecdsa-p384

[certificate intranet.example.org]
names = intranet.example.org
group = office
END
sed 's/^/    /' "$dir/certauto.ini"

step "Is it right?"
show check

step "What would a run do? The office's slots are closed: its certificate waits"
show --run-now --dry-run

step "One run: issue, then publish. (A timer would do this daily.)"
show --run-now

step "Three certificates, what happens next, and why"
show status

step "Why is the third one waiting?"
show explain intranet.example.org

step "By hand it need not wait: renew it and publish it now"
show renew intranet.example.org
show publish intranet.example.org

step "The files that were published"
ls -l "$dir/tls"

step "A TLS server with the published files, on a free port of the loopback"
# Whether the port was free tells only the attempt.
answers() {
    openssl s_client -connect "127.0.0.1:$port" </dev/null >/dev/null 2>&1
}
tries=0
until [ -n "$server" ] && kill -0 "$server" 2>/dev/null && answers; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ]; then
        cat "$dir/server.log" >&2
        exit 1
    fi
    if [ -z "$server" ] || ! kill -0 "$server" 2>/dev/null; then
        port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
        openssl s_server -quiet -www -accept "127.0.0.1:$port" -cert "$dir/tls/www.example.org.pem" \
            -cert_chain "$dir/tls/www.example.org.pem" -key "$dir/tls/www.example.org.key" \
            </dev/null >"$dir/server.log" 2>&1 &
        server=$!
    fi
    sleep 0.2
done
echo "serving https://127.0.0.1:$port"

step "A client that trusts only the demo CA's root"
openssl s_client -connect "127.0.0.1:$port" -servername www.example.org -verify_hostname www.example.org \
    -CAfile "$dir/state/store/local-ca/root.pem" -verify_return_error </dev/null >"$dir/client.log" 2>&1 || {
    cat "$dir/client.log" >&2
    exit 1
}
grep -E '^(subject|issuer)=|Verif' "$dir/client.log" | sort -u

step "A second run: nothing is due, nothing is written, nothing is asked of the CA"
show --run-now --detailed-exitcode >"$dir/second"
cat "$dir/second"
grep -q 'nothing is due' "$dir/second"

step "When will www.example.org be renewed? It says so itself, also for another time"
show explain www.example.org
later=$(LC_ALL=C date -u -d '+70 days' +%Y-%m-%d)
show explain www.example.org --at "$later" --json | grep -E '"(state|step|reason)"'

step "The loop: 'certauto' without a command stays, and renews a certificate that lives ten seconds"
cat >>"$dir/certauto.ini" <<END

[template brief]
hook = local-ca
lifetime = 10s

[certificate brief.example.org]
names = brief.example.org
template = brief
profile = files
auto_renew = yes
auto_publish = yes
END
echo '$ certauto &'
: >"$dir/loop.log"
"$CERTAUTO" -c "$dir/certauto.ini" 2>>"$dir/loop.log" &
loop=$!
published() {
    grep -c 'published certificate=brief.example.org' "$dir/loop.log" || true
}
tries=0
until [ "$(published)" -ge 3 ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 400 ] || ! kill -0 "$loop" 2>/dev/null; then
        cat "$dir/loop.log" >&2
        exit 1
    fi
    sleep 0.1
done
show status brief.example.org
kill "$loop"
wait "$loop"
loop=
sed 's/^/    /' "$dir/loop.log"
echo "It was issued, and renewed itself twice; each time the files followed."
openssl x509 -in "$dir/tls/brief.example.org.pem" -noout -subject -dates

step "Done"
