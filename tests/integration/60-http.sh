#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# certauto.http against real servers: bounds, redirects, trust, time limits.
# needs: perl-base openssl
. "$(dirname "$0")/lib.sh"
need nginx nginx

other=$(free_port)
port=$(free_port)
tls=$(free_port)
start other perl "$TREE/tests/integration/http_peer.pl" "$other"
start peer perl "$TREE/tests/integration/http_peer.pl" "$port" "http://localhost:$other"

make_certificate "$DIR/ca.pem" "$DIR/ca.key" "DNS:localhost,IP:127.0.0.1" "-1 day" "+10 days"
start tls openssl s_server -www -quiet -accept "127.0.0.1:$tls" -cert "$DIR/ca.pem" -key "$DIR/ca.key"
start old openssl s_server -www -quiet -tls1_1 -cipher 'ALL:@SECLEVEL=0' \
    -accept "127.0.0.1:$(free_port >"$DIR/old"; cat "$DIR/old")" -cert "$DIR/ca.pem" -key "$DIR/ca.key"

cat >"$DIR/http.lua" <<'END'
local http = require "certauto.http"
local base, kind, extra = arg[1], arg[2], arg[3]
local request = {url = base}
if kind == "secret" then
  request.headers = {Authorization = "Bearer s3cret", ["X-Token"] = "t0ken", Accept = "text/odd"}
elseif kind == "post" then
  request.method, request.body = "POST", "hello=body"
elseif kind == "trust" then
  request.trust = extra
elseif kind == "small" then
  request.limit = 1000
elseif kind == "quick" then
  request.timeout = 1
elseif kind == "none" then
  request.redirects = 0
end
local answer, message, code = http.request(request)
if answer then
  print("status " .. answer.status)
  print("url " .. answer.url)
  print("twice " .. tostring(answer.headers["x-twice"]))
  print("length " .. #answer.body)
  print(answer.body:sub(1, 4000))
else
  print("failed " .. tostring(code) .. ": " .. message)
end
END
ask() { # PATH-OR-URL [KIND [EXTRA]]
    case $1 in
    http*) url=$1 ;;
    *) url=http://127.0.0.1:$port$1 ;;
    esac
    shift
    "$CERTAUTO" lua "$DIR/http.lua" "$url" "$@" >"$DIR/out" 2>"$DIR/err"
}
wait_for 5 ask /echo
wait_for 5 ask "http://localhost:$other/echo"

ask /echo
says "an answer has its status" "$DIR/out" "status 200"
says "headers that come twice are joined" "$DIR/out" "twice one, two"
says "the request names certauto" "$DIR/out" "User-Agent: certauto/"
ask /echo post
says "a body is sent" "$DIR/out" "BODY hello=body"
ask /missing
says "an error status is an answer" "$DIR/out" "status 404"
ask /chunks
says "chunks are put together" "$DIR/out" "one two three"

ask /near secret
says "a redirect within the origin keeps the headers" "$DIR/out" "Authorization: Bearer s3cret"
ask /far secret
says "a redirect to another origin is followed" "$DIR/out" "url http://localhost:$other/echo"
silent_about "another origin is not told Authorization" "$DIR/out" "s3cret"
silent_about "another origin is not told other secrets" "$DIR/out" "t0ken"
says "another origin is told Accept" "$DIR/out" "Accept: text/odd"
ask /near none
says "redirects can be left to the caller" "$DIR/out" "status 302"
ask /near post
says "a POST follows no redirect" "$DIR/out" "status 302"
ask /made secret
says "the Location of another answer is no redirect" "$DIR/out" "status 201"
ask /round
says "endless redirects end" "$DIR/out" "redirects more than 5 times"
ask /file
says "a redirect leads to http and https alone" "$DIR/out" "failed"
silent_about "no file is read over a redirect" "$DIR/out" "root:"

ask /big
says "an answer is bounded" "$DIR/out" "failed refused: http://127.0.0.1:$port/big answered more than 1048576 bytes"
ask /echo small
says "a small answer fits a small limit" "$DIR/out" "status 200"
ask /heads
says "headers are bounded" "$DIR/out" "bytes of headers"
ask /cut
says "a cut answer is a failure" "$DIR/out" "failed system"
ask /rubbish
says "rubbish is a failure" "$DIR/out" "failed system"
ask /closed
says "a closed connection is a failure" "$DIR/out" "failed system"
before=$(date +%s)
ask /slow quick
says "a drip of bytes ends at the time limit" "$DIR/out" "failed timeout"
check "the time limit is kept" test $(($(date +%s) - before)) -le 4
ask "file:///etc/passwd"
says "other schemes are refused" "$DIR/out" "failed usage"

ask "https://localhost:$tls/" trust "$(cat "$DIR/ca.pem")"
says "a CA of one's own is trusted" "$DIR/out" "status 200"
ask "https://127.0.0.1:$tls/" trust "$(cat "$DIR/ca.pem")"
says "an address is verified as well" "$DIR/out" "status 200"
ask "https://localhost:$tls/"
says "what is not trusted is refused" "$DIR/out" "failed"
silent_about "what is not trusted gives no answer" "$DIR/out" "status"
# In one process: a connection, or a session to go on with, that was made under one trust never serves another.
make_certificate "$DIR/other.pem" "$DIR/other.key" "DNS:localhost" "-1 day" "+10 days"
kept=$(free_port)
cat >"$DIR/nginx.conf" <<END
pid $DIR/nginx.pid;
error_log $DIR/nginx.err;
daemon off;
events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:$kept ssl;
        ssl_certificate $DIR/ca.pem;
        ssl_certificate_key $DIR/ca.key;
        location / { return 200 "\$connection_requests"; }
    }
}
END
start nginx nginx -e "$DIR/nginx.err" -c "$DIR/nginx.conf"
cat >"$DIR/trusts.lua" <<'END'
local http = require "certauto.http"
for i = 2, #arg do
  local answer, message = http.request({ url = arg[1], trust = arg[i] ~= "" and arg[i] or nil })
  print(answer and answer.status .. " at request " .. answer.body:match("^[^\n]*") .. " of its connection" or "refused: " .. message)
end
END
served() {
    ask "https://localhost:$kept/" trust "$(cat "$DIR/ca.pem")" && grep -q "status 200" "$DIR/out"
}
wait_for 5 served
for place in "$kept" "$tls"; do
    "$CERTAUTO" lua "$DIR/trusts.lua" "https://localhost:$place/" "$(cat "$DIR/ca.pem")" "$(cat "$DIR/ca.pem")" \
        "$(cat "$DIR/other.pem")" "" "$(cat "$DIR/other.pem")" "nothing that is PEM" "$(cat "$DIR/other.pem")" \
        "$(cat "$DIR/ca.pem")" >"$DIR/out" 2>"$DIR/err"
    check "each trust judges for itself, at port $place" test "$(sed 's/[ :].*//' "$DIR/out" | tr '\n' ' ')" = \
        "200 200 refused refused refused refused refused 200 "
    [ "$place" = "$tls" ] || says "one connection serves while the trust stays" "$DIR/out" "200 at request 2 of its connection"
done
ask "https://localhost:$(cat "$DIR/old")/" trust "$(cat "$DIR/ca.pem")"
says "TLS 1.1 is refused" "$DIR/out" "failed system"
