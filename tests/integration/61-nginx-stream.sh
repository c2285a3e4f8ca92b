#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# nginx under a steady stream of handshakes, while the loop renews its certificate twenty times: no connection fails.
# serial
# needs: libio-socket-ssl-perl
. "$(dirname "$0")/lib.sh"
need openssl openssl
need nginx nginx
RENEWALS=20

port=$(free_port)
mkdir "$DIR/tls"
write_config <<END
jitter = 0s
[defaults]
auto_renew = yes
auto_publish = yes
template = brief
profile = nginx
[template brief]
hook = local-ca
lifetime = 6s
[profile nginx]
hook = files
fullchain = $DIR/tls/%{name}.pem
key = $DIR/tls/%{name}.key
reload = $DIR/reload
verify = https://127.0.0.1:$port
[certificate www]
names = www.example.org
END
cat >"$DIR/nginx.conf" <<END
daemon off;
master_process on;
worker_processes 2;
pid $DIR/nginx.run;
error_log $DIR/nginx.err notice;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $DIR/body;
    proxy_temp_path $DIR/proxy;
    fastcgi_temp_path $DIR/fastcgi;
    uwsgi_temp_path $DIR/uwsgi;
    scgi_temp_path $DIR/scgi;
    server {
        listen 127.0.0.1:$port ssl backlog=2048;
        ssl_certificate $DIR/tls/www.pem;
        ssl_certificate_key $DIR/tls/www.key;
        ssl_session_cache off;
        return 200 "hello";
    }
}
END
# The first publication finds no nginx yet, and starts it.
cat >"$DIR/reload" <<END
#!/bin/sh
if [ -s $DIR/nginx.run ]; then
    exec nginx -c $DIR/nginx.conf -e $DIR/nginx.err -s reload
fi
nginx -c $DIR/nginx.conf -e $DIR/nginx.err </dev/null >$DIR/nginx.log 2>&1 &
echo \$! >$DIR/nginx.pid
END
chmod 700 "$DIR/reload"

published() { grep -c 'published certificate=www' "$DIR/loop.log"; }
at_least() { test "$(published)" -ge "$1"; }

start loop "$CERTAUTO" -c "$CONFIG"
check "the first certificate is served" wait_for 30 at_least 1
first=$(published)

# Each connection anew, its certificate verified; a failure is counted.
stream() { # ROOT OUT
    exec perl "$(dirname "$0")/tls_stream.pl" "$port" "$1" www.example.org "$DIR/$2"
}
figure() { # WORD OUT
    awk -v word="$1" '$1 == word { print $2 }' "$DIR/$2"
}

# The stream itself is tried: a root that is another's is a failure each time.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other -keyout "$DIR/other.key" \
    -out "$DIR/other.pem" 2>/dev/null
stream "$DIR/other.pem" stranger &
stranger=$!
wait_for 30 test -s "$DIR/stranger"
kill $stranger
wait $stranger
check "a stream that trusts another root fails each time" test "$(figure failures stranger)" -ge 1 -a \
    "$(figure failures stranger)" -eq "$(figure connections stranger)"

begun=$(date +%s)
stream "$STATE/store/local-ca/root.pem" stream1 &
one=$!
stream "$STATE/store/local-ca/root.pem" stream2 &
two=$!
check "it is renewed $RENEWALS times" wait_for 240 at_least $((first + RENEWALS))
check "the first stream lives" kill -0 $one
check "the second stream lives" kill -0 $two
ended=$(date +%s)
kill $one $two 2>/dev/null
wait $one $two 2>/dev/null
stop loop
made=0
for stream in stream1 stream2; do
    same "no connection of $stream failed" "$(grep ^failure "$DIR/$stream")" "failures 0"
    seen=$(figure certificates $stream)
    check "$stream saw the renewals ($seen certificates)" test "$seen" -ge "$RENEWALS"
    made=$((made + $(figure connections $stream)))
done
check "the streams were dense: $made connections in $((ended - begun)) s" test "$made" -ge $(((ended - begun) * 100))
silent_about "no publication failed" "$DIR/loop.log" "failed certificate"
silent_about "nginx had nothing to complain of" "$DIR/nginx.err" "[emerg]"
echo "# $(($(published) - first)) renewals under $made connections in $((ended - begun)) s"
