#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Every way in which a publication to nginx can fail: it is undone, reported, and tried again without a renewal.
. "$(dirname "$0")/lib.sh"
need openssl openssl
need nginx nginx
need jq jq

# Folders that can be filled and closed need mounts of their own.
if [ "${1:-}" != mounted ]; then
    rm -rf "$DIR"
    trap - EXIT
    map=$([ "$(id -u)" = 0 ] || echo -r)
    # shellcheck disable=SC2086 # none or one word
    exec unshare $map -m sh "$0" mounted
fi
port=$(free_port)
mkdir "$DIR/chain" "$DIR/keys"
mount -t tmpfs -o size=64k,mode=0755 none "$DIR/chain"
mount -t tmpfs -o size=64k,mode=0755 none "$DIR/keys"
trap 'umount "$DIR/chain" "$DIR/keys"; cleanup' EXIT

write_config <<END
[defaults]
auto_renew = yes
auto_publish = yes
template = ca
profile = nginx
retry = 1s
[template ca]
hook = local-ca
lifetime = 30d
[profile nginx]
hook = files
fullchain = $DIR/chain/%{name}.pem
key = $DIR/keys/%{name}.key
reload = $DIR/reload
verify = https://127.0.0.1:$port
verify_timeout = 2s
hook_timeout = 2s
[certificate www]
names = www.example.org
END
cat >"$DIR/nginx.conf" <<END
daemon off;
worker_processes 1;
pid $DIR/nginx.run;
error_log $DIR/nginx.err notice;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $DIR/body;
    proxy_temp_path $DIR/proxy;
    fastcgi_temp_path $DIR/fastcgi;
    uwsgi_temp_path $DIR/uwsgi;
    scgi_temp_path $DIR/scgi;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $DIR/chain/www.pem;
        ssl_certificate_key $DIR/keys/www.key;
        return 200 "hello";
    }
}
END
# What goes wrong stands in a file, a word a reload; without one nginx reloads, or starts.
cat >"$DIR/reload" <<END
#!/bin/sh
read -r way <$DIR/ways
sed -i 1d $DIR/ways
case \${way:-well} in
fail) echo "a sentence of nginx" >&2; exit 1 ;;
hang) sleep 60 ;;
lazy) exit 0 ;;
die) kill \$(cat $DIR/nginx.pid); exit 0 ;;
esac
if [ -s $DIR/nginx.run ] && kill -0 \$(cat $DIR/nginx.run) 2>/dev/null; then
    exec nginx -c $DIR/nginx.conf -e $DIR/nginx.err -s reload
fi
nginx -c $DIR/nginx.conf -e $DIR/nginx.err </dev/null >$DIR/nginx.log 2>&1 &
echo \$! >$DIR/nginx.pid
END
chmod 700 "$DIR/reload"
: >"$DIR/ways"
goes() { # WAY...: of the reloads to come
    printf '%s\n' "$@" >"$DIR/ways"
}
serves() { # GENERATION
    openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | openssl x509 -outform DER >"$DIR/served.der" &&
        openssl x509 -in "$STATE/certs/www/$1/cert.pem" -outform DER | cmp - "$DIR/served.der"
}
in_place() { # GENERATION: the files
    cmp "$STATE/certs/www/$1/fullchain.pem" "$DIR/chain/www.pem" && cmp "$STATE/certs/www/$1/key.pem" "$DIR/keys/www.key"
}
generation() { certauto status --json | jq -r '.certificates[0].generation'; }

# The views tell of the failure when it is over.
remembered() { # WHAT SENTENCE
    exits 0 "$1: status is shown" status www
    says "$1: status says so" "$DIR/out" "failed"
    exits 0 "$1: explain is shown" explain www --json
    json "$1: with the sentence" ".state == \"failed\" and (.last_error | contains(\"$2\"))"
}

# The publication of a new generation fails; what was there before is served on; the next run publishes the same one.
undone() { # WHAT SENTENCE
    exits 1 "$1: the step fails" renew www
    says "$1: with its reason" "$DIR/err" "$2"
    says "$1: and what became of it" "$DIR/err" "generation $last is back in place"
    remembered "$1" "$2"
    check "$1: the files are those of before" in_place "$last"
    check "$1: they are served" serves "$last"
    same "$1: live/ points to them" "$(readlink "$STATE/live/www")" "../certs/www/$last"
    again "$1"
}
again() { # WHAT
    : >"$DIR/ways"
    new=$(generation)
    exits 0 "$1: the next run publishes it" --run-now www --json
    json "$1: and nothing else" '[.results[] | .outcome] == ["published"]'
    # A worker of nginx that is about to go may still take a connection.
    check "$1: it is served" wait_for 5 serves "$new"
    same "$1: without a renewal" "$(generation)" "$new"
    check "$1: no temporary file is left" sh -c "! find $DIR/chain $DIR/keys -name '.*' -type f | grep ."
    last=$new
}

# ---- The first publication, with nothing to go back to

goes fail fail
exits 1 "a first publication fails" --run-now
says "with nginx's own words" "$DIR/err" "a sentence of nginx"
check "what it had made is gone" sh -c "! ls $DIR/chain/www.pem $DIR/keys/www.key"
check "live/ points nowhere" test ! -e "$STATE/live/www"

remembered "a first publication fails" "a sentence of nginx"
: >"$DIR/ways"
exits 0 "the next run publishes it" --run-now www
check "it is served" serves 1
last=1

# ---- The reload

goes fail well
undone "reload exits 1" "a sentence of nginx"
goes hang well
undone "reload hangs" "did not end in time and was killed"
goes lazy well
undone "the old one is served on" "it shows another certificate"
goes die well
undone "the service dies" "no connection: Connection refused"

goes fail fail
exits 1 "going back fails too: the step fails" renew www
says "both are told" "$DIR/err" "going back failed too"
remembered "going back fails too" "going back failed too"
check "the files are those of before all the same" in_place "$last"
check "and served" serves "$last"
again "going back fails too"

goes die die
exits 1 "the service stays dead: the step fails" renew www
says "both are told" "$DIR/err" "going back failed too: "
remembered "the service stays dead" "going back failed too: "
refute "nobody serves" serves "$last"
check "the files are those of before" in_place "$last"
again "the service stays dead"

# ---- The disk

fill() { # FOLDER
    dd if=/dev/zero of="$DIR/$1/filler" bs=1k 2>/dev/null
    true
}
for folder in chain keys; do
    fill $folder
    exits 1 "the disk of $folder is full: the step fails" renew www
    says "the disk of $folder is full: with its reason" "$DIR/err" "No space left on device"
    remembered "the disk of $folder is full" "No space left on device"
    check "the disk of $folder is full: the files are those of before" in_place "$last"
    check "the disk of $folder is full: they are served" serves "$last"
    rm "$DIR/$folder/filler"
    again "the disk of $folder is full"
    mount -o remount,ro "$DIR/$folder"
    exits 1 "$folder is read-only: the step fails" renew www
    says "$folder is read-only: with its reason" "$DIR/err" "Read-only file system"
    remembered "$folder is read-only" "Read-only file system"
    check "$folder is read-only: the files are those of before" in_place "$last"
    check "$folder is read-only: they are served" serves "$last"
    mount -o remount,rw "$DIR/$folder"
    again "$folder is read-only"
done

# ---- In the loop: it goes on by itself

goes fail well
certauto renew www >/dev/null 2>&1
new=$(generation)
start loop "$CERTAUTO" -c "$CONFIG"
check "the loop tries again by itself" wait_for 20 serves "$new"
check "and lives" kill -0 "$(cat "$DIR/loop.pid")"
