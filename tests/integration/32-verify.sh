#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# verify = tls:// and kin: a publication counts only when every address serves it, and is undone otherwise.
# needs: perl-base
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq

# A name with two addresses.
printf '127.0.0.1 localhost\n::1 localhost\n' >"$DIR/hosts"
map=$([ "$(id -u)" = 0 ] || echo -r)
cat >"$DIR/certauto" <<END
#!/bin/sh
exec unshare $map -m sh -c 'mount --bind $DIR/hosts /etc/hosts && exec $CERTAUTO "\$@"' sh "\$@"
END
chmod 700 "$DIR/certauto"
CERTAUTO=$DIR/certauto

tls=$DIR/tls
mkdir "$tls"
port=$(free_port)
mail=$(free_port)
rsa=$(free_port)

settings() { # VERIFY [TIMEOUT]
    write_config <<END
[defaults]
auto_renew = yes
auto_publish = yes
template = ca
profile = web
retry = 1s

[template ca]
hook = local-ca
lifetime = 30d

[profile web]
hook = files
fullchain = $tls/%{name}.pem
key = $tls/%{name}.key
reload = $DIR/reload
verify = $1
verify_timeout = ${2:-3s}

[certificate www]
names = www.example.org, *.example.net
END
}

# The service: openssl s_server with what lies in place when it is started; a reload starts it anew.
cat >"$DIR/reload" <<END
#!/bin/sh
test ! -e $DIR/lazy || exit 0
test ! -s $DIR/server.pid || kill \$(cat $DIR/server.pid)
rm -f $DIR/server.pid
for host in 127.0.0.1 [::1]; do
    test ! -e "$DIR/only\$host" || continue
    set -- openssl s_server -quiet -www -accept "\$host:$port" -key $tls/www.key -cert $tls/www.pem
    test -e $DIR/bare || set -- "\$@" -cert_chain $tls/www.pem
    test ! -e $DIR/both || set -- "\$@" -dcert $DIR/rsa.pem -dkey $DIR/rsa.key
    "\$@" </dev/null >>$DIR/server.log 2>&1 &
    echo \$! >>$DIR/server.pid
done
END
chmod 700 "$DIR/reload"
end_server() {
    if [ -s "$DIR/server.pid" ]; then
        # shellcheck disable=SC2046 # a list of processes
        kill $(cat "$DIR/server.pid") 2>/dev/null
        rm -f "$DIR/server.pid"
    fi
}
trap 'end_server; cleanup' EXIT

serves() { # GENERATION HOST
    openssl s_client -connect "$2:$port" </dev/null 2>/dev/null | openssl x509 -outform DER >"$DIR/served.der" &&
        openssl x509 -in "$STATE/certs/www/$1/cert.pem" -outform DER | cmp - "$DIR/served.der"
}

# ---- What is accepted

settings "tls://localhost"
exits 2 "a port is needed" check
says "and asked for" "$DIR/out" "the port is missing, as in tls://localhost:443"
settings "gopher://localhost:70"
exits 2 "an unknown way is refused" check
says "with those there are" "$DIR/out" "it begins with tls://, https://"
settings "tls://local host:1"
exits 2 "a host is one word" check
settings "tls://localhost:99999"
exits 2 "a port is a port" check
settings "https://localhost/path"
exits 2 "a path has no place there" check

# ---- Served at once, late, not at all

settings "tls://localhost:$port"
exits 0 "what is served is published" --run-now
check "on both addresses" serves 1 127.0.0.1
touch "$DIR/lazy"
exits 1 "what a lazy service does not serve is not published" renew www
says "with the address and what it shows" "$DIR/err" "it shows another certificate: serial"
says "and what became of it" "$DIR/err" "generation 1 is back in place"
check "the files are those of before" cmp -s "$STATE/certs/www/1/fullchain.pem" "$tls/www.pem"
same "the state knows of the failure" "$(certauto status --json | jq -r '.certificates[0].state')" failed
rm "$DIR/lazy"
sleep 1
exits 0 "the next run publishes it, without a renewal" --run-now
check "it is served" serves 2 "[::1]"
same "no generation more" "$(certauto status --json | jq '.certificates[0].generation')" 2

touch "$DIR/only[::1]"
exits 1 "an address that does not answer is a failure" renew www
says "which is named" "$DIR/err" "[::1]:$port: no connection: Connection refused"
rm "$DIR/only[::1]"
exits 0 "until it answers" publish www
touch "$DIR/bare"
exits 1 "a chain that is not served is a failure" renew www
says "which is said" "$DIR/err" "without its whole chain"
rm "$DIR/bare"
exits 0 "until it is" publish www

cp "$DIR/reload" "$DIR/reload.now"
printf '#!/bin/sh\n(sleep 1; exec %s) </dev/null >/dev/null 2>&1 &\n' "$DIR/reload.now" >"$DIR/reload"
exits 0 "a service that takes its time is waited for" renew www
check "until it serves it" serves 5 127.0.0.1
cp "$DIR/reload.now" "$DIR/reload"

# ---- Two kinds of key: the one that was published is asked for

make_certificate "$DIR/rsa.pem" "$DIR/rsa.key" "DNS:www.example.org" "-1 day" "+9 days" -algorithm RSA
touch "$DIR/both"
exits 0 "a server with an RSA certificate beside is asked for the other one" renew www
rm "$DIR/both"
end_server

# ---- Servers of bad manners

start deaf perl -MIO::Socket::INET -e \
    '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 9) or die; sleep 600' "$rsa"
settings "tls://127.0.0.1:$rsa" 2s
before=$(date +%s)
exits 1 "a server that says nothing is a failure" publish www --force
check "in time" test $(($(date +%s) - before)) -le 20
says "with that sentence" "$DIR/err" "no answer in time"
stop deaf
start babbler perl -MIO::Socket::INET -e \
    '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 9, ReuseAddr => 1) or die;
     $SIG{PIPE} = "IGNORE"; while ($p = $s->accept) { print $p "x" x 100000; close $p }' "$rsa"
exits 1 "rubbish is a failure" publish www --force
says "with that sentence" "$DIR/err" "the TLS handshake"
settings "smtp://127.0.0.1:$rsa" 2s
exits 1 "endless lines are a failure" publish www --force
says "with that sentence" "$DIR/err" "a line that is too long"
stop babbler

# ---- TLS that begins in the middle

start mail perl "$TREE/tests/integration/mail_peer.pl" "$mail" "$port"
cp "$DIR/reload.now" "$DIR/reload"
for way in smtp submission imap pop3 ftp; do
    settings "$way://127.0.0.1:$mail"
    echo "$way" >"$DIR/way"
    stop mail
    start mail perl "$TREE/tests/integration/mail_peer.pl" "$mail" "$port" "$way"
    exits 0 "$way:// begins TLS" publish www --force
done
stop mail
start mail perl "$TREE/tests/integration/mail_peer.pl" "$mail" "$port" none
settings "smtp://127.0.0.1:$mail" 1s
exits 1 "a server without TLS is a failure" publish www --force
says "with what it said" "$DIR/err" "the server does not begin TLS: it said '502"
