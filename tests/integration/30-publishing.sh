#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# publish/files and the examples to copy, in the real program: files appear, change together, and go back.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need jq jq

tls=$DIR/tls
mkdir "$tls" "$tls/full" "$tls/released"
cp "$TREE/etc/hooks/publish/example.lua" "$HOOKS/publish/example.lua"
cp "$TREE/etc/hooks/issue/example.lua" "$HOOKS/issue/example.lua"
chmod go-w "$HOOKS"/*/*.lua

write_config <<END
[defaults]
auto_renew = yes
auto_publish = yes
template = ca

[template ca]
hook = local-ca
lifetime = 2d

[template command]
hook = example
command = $DIR/sign

[profile files]
hook = files
cert = $tls/%{name}.crt
key = $tls/%{name}.key
chain = $tls/%{name}-chain.pem
fullchain = $tls/full/%{name}.pem
combined = $tls/%{name}-all.pem
mode = 0640
reload = $DIR/reload

[profile released]
hook = example
folder = $tls/released

[certificate www]
names = www.example.org
profile = files, released

[certificate own]
names = own.example.org
template = command
profile = released
END

# What the administrator's own things would be: a service to reload and a CA behind a command.
cat >"$DIR/reload" <<END
#!/bin/sh
cat $tls/www.crt >>$DIR/reloads
test ! -e $DIR/broken || { echo "no such directive" >&2; exit 1; }
END
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Own CA" -days 9 \
    -keyout "$DIR/ca.key" -out "$DIR/ca.pem" 2>/dev/null
cat >"$DIR/sign" <<END
#!/bin/sh
cat >$DIR/request.pem
echo "\$CERTAUTO_NAME/\$CERTAUTO_NAMES/\$CERTAUTO_COOKIE" >>$DIR/asked
test -e $DIR/open || { echo order-17; exit 75; }
printf 'subjectAltName=DNS:%s\n' "\$CERTAUTO_NAMES" >$DIR/extensions
openssl x509 -req -in $DIR/request.pem -CA $DIR/ca.pem -CAkey $DIR/ca.key -CAcreateserial -days 5 \
    -extfile $DIR/extensions 2>/dev/null
cat $DIR/ca.pem
END
chmod 700 "$DIR/reload" "$DIR/sign"

fingerprint() {
    openssl x509 -in "$1" -noout -fingerprint -sha256
}

published() { # GENERATION: all files are those of it
    certs=$STATE/certs/www/$1
    cmp "$certs/cert.pem" "$tls/www.crt" && cmp "$certs/key.pem" "$tls/www.key" &&
        cmp "$certs/chain.pem" "$tls/www-chain.pem" && cmp "$certs/fullchain.pem" "$tls/full/www.pem" &&
        cat "$certs/key.pem" "$certs/fullchain.pem" | cmp - "$tls/www-all.pem"
}

exits 0 "a run issues and publishes" --run-now --json
json "one certificate to two targets" '[.results[] | select(.name == "www" and .outcome == "published")] | length == 2'
json "the CA behind a command lets one wait" '[.results[] | select(.name == "own")][0].outcome == "pending"'
check "all five files are there" published 1
same "with their modes" "$(stat -c %a "$tls/www.crt" "$tls/full/www.pem" "$tls/www.key" "$tls/www-all.pem" | tr '\n' ' ')" \
    "640 640 600 600 "
same "and nothing else" "$(ls -A "$tls" "$tls/full" | tr '\n' ' ')" \
    "$tls: full released www-all.pem www-chain.pem www.crt www.key  $tls/full: www.pem "
same "the command saw the new certificate" "$(fingerprint "$DIR/reloads")" "$(fingerprint "$tls/www.crt")"
same "the example's link leads to it" "$(readlink "$tls/released/www")" www-1
check "with certificate and key" sh -c "cmp $STATE/certs/www/1/key.pem $tls/released/www/key.pem &&
    cmp $STATE/certs/www/1/fullchain.pem $tls/released/www/fullchain.pem"

# A service that does not take the new certificate.
: >"$DIR/broken"
exits 1 "a publication whose reload fails is a failure" renew www
says "the reason is told" "$DIR/err" "reload ended with 1: no such directive"
check "the old files are back" published 1
exits 1 "publishing it again fails too" publish www --profile files
check "and changes nothing" published 1
rm "$DIR/broken"
exits 0 "once the service is well it is published" publish www --profile files
check "all five files" published 2

touch "$DIR/open"
exits 0 "the CA behind a command is asked again" renew own
same "with its cookie" "$(tail -n 1 "$DIR/asked")" "own/own.example.org/order-17"
check "its certificate is kept" openssl verify -CAfile "$DIR/ca.pem" "$STATE/certs/own/1/cert.pem"
exits 0 "and published" publish own
same "by the example" "$(readlink "$tls/released/own")" own-1

# A folder that is not there, a wrong word: said before anything changes.
sed "s,^key = .*,key = $tls/nowhere/%{name}.key," "$CONFIG" >"$DIR/wrong.ini"
exits 1 "a missing folder is a failure" -c "$DIR/wrong.ini" publish www --profile files --force
says "and named" "$DIR/err" "the folder $tls/nowhere is not there"
check "no file has changed" published 2
exit 0
