#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# certauto.http by every way there is: proxies, IPv6, a client certificate, a machine without a bundle, one connection.
# needs: perl-base openssl
. "$(dirname "$0")/lib.sh"

port=$(free_port)
proxy=$(free_port)
tls=$(free_port)
six=$(free_port)
start peer perl "$TREE/tests/integration/http_peer.pl" "$port"
start proxy perl "$TREE/tests/integration/http_proxy.pl" "$proxy"
make_certificate "$DIR/ca.pem" "$DIR/ca.key" "DNS:localhost,IP:127.0.0.1,IP:::1" "-1 day" "+10 days"
make_certificate "$DIR/client.pem" "$DIR/client.key" "DNS:client.example" "-1 day" "+10 days"
start tls openssl s_server -www -accept "127.0.0.1:$tls" -cert "$DIR/ca.pem" -key "$DIR/ca.key" \
    -Verify 1 -verify_return_error -CAfile "$DIR/client.pem"
start six openssl s_server -www -accept "[::1]:$six" -cert "$DIR/ca.pem" -key "$DIR/ca.key"

# Every argument but the first is a field of the request, NAME=VALUE; NAME=@FILE reads it from a file.
cat >"$DIR/http.lua" <<'END'
local http = require "certauto.http"
local fs = require "certauto.fs"
local request = {url = arg[1], timeout = 10}
for i = 2, #arg do
  local name, value = arg[i]:match("^(%w+)=(.*)$")
  request[name] = value:sub(1, 1) == "@" and assert(fs.read(value:sub(2))) or math.tointeger(value) or value
end
local answer, message, code = http.request(request)
print(answer and answer.status .. "\n" .. answer.body or "failed " .. code .. ": " .. message)
END
ask() { # URL [NAME=VALUE...]
    "$CERTAUTO" lua "$DIR/http.lua" "$@" >"$DIR/out" 2>&1
}
answers() { # CODE URL [NAME=VALUE...]
    answers_code=$1
    shift
    ask "$@" && grep -qx "$answers_code" "$DIR/out"
}
wait_for 5 answers 200 "http://127.0.0.1:$port/echo"
wait_for 5 answers 502 "http://127.0.0.1:1/" "proxy=http://127.0.0.1:$proxy"
wait_for 5 answers 200 "https://[::1]:$six/" "trust=@$DIR/ca.pem"

# ---- Proxies

: >"$DIR/proxy.log"
ask "http://127.0.0.1:$port/echo" "proxy=http://user:s3cret@127.0.0.1:$proxy"
says "a plain request goes by the proxy" "$DIR/out" "200"
says "the proxy is asked for the whole address" "$DIR/proxy.log" "GET http://127.0.0.1:$port/echo HTTP/1.1"
says "the proxy is told who asks" "$DIR/proxy.log" "Proxy-Authorization: Basic dXNlcjpzM2NyZXQ="
silent_about "the server behind it is not" "$DIR/peer.log" "Proxy-Authorization"
: >"$DIR/proxy.log"
ask "https://localhost:$tls/" "proxy=http://127.0.0.1:$proxy" "trust=@$DIR/ca.pem" \
    "certificate=@$DIR/client.pem" "key=@$DIR/client.key"
says "a request with TLS goes through the proxy" "$DIR/out" "200"
says "the proxy sees where to, and no more" "$DIR/proxy.log" "CONNECT localhost:$tls HTTP/1.1"
: >"$DIR/proxy.log"
http_proxy=http://127.0.0.1:$proxy ask "http://127.0.0.1:$port/echo"
says "the environment names a proxy too" "$DIR/proxy.log" "GET http://127.0.0.1:$port/echo"
: >"$DIR/proxy.log"
http_proxy=http://127.0.0.1:$proxy ask "http://127.0.0.1:$port/echo" "proxy="
says "an empty proxy is none" "$DIR/out" "200"
silent_about "whatever the environment names" "$DIR/proxy.log" "GET"
http_proxy=http://127.0.0.1:$proxy no_proxy=127.0.0.1 ask "http://127.0.0.1:$port/echo"
silent_about "no_proxy excepts hosts" "$DIR/proxy.log" "GET"
ask "http://127.0.0.1:$port/echo" "proxy=http://user:s3cret@127.0.0.1:1"
says "a proxy that is not there is a failure" "$DIR/out" "failed system"
silent_about "which does not tell its password" "$DIR/out" "s3cret"
ask "http://user:s3cret@127.0.0.1:1/"
says "a server that is not there is a failure" "$DIR/out" "failed system: request to http://127.0.0.1:1/ failed"
silent_about "which does not tell the address's password" "$DIR/out" "s3cret"

# ---- Addresses

ask "https://[::1]:$six/" "trust=@$DIR/ca.pem"
says "an IPv6 address is asked and verified" "$DIR/out" "200"
ask "https://localhost:$six/" "trust=@$DIR/ca.pem"
says "a name is tried at both kinds of address" "$DIR/out" "200"
ask "https://localhost:$six/" "trust=@$DIR/ca.pem" "ip=4"
says "unless one kind is asked for" "$DIR/out" "failed system"

# ---- Certificates

ask "https://localhost:$tls/" "trust=@$DIR/ca.pem" "certificate=@$DIR/client.pem" "key=@$DIR/client.key"
says "a client certificate is shown" "$DIR/out" "200"
ask "https://localhost:$tls/" "trust=@$DIR/ca.pem"
says "without it the server refuses" "$DIR/out" "failed system"
ask "https://localhost:$six/" "trust=nothing that is PEM"
says "a bundle that is none is refused" "$DIR/out" "failed"
silent_about "and nothing is asked under it" "$DIR/out" "200"

# ---- A machine without a bundle

mkdir "$DIR/root"
cp "$CERTAUTO" "$DIR/http.lua" "$DIR/ca.pem" "$DIR/root/"
alone() {
    if [ "$(id -u)" = 0 ]; then
        chroot "$DIR/root" /certauto lua /http.lua "$@" >"$DIR/out" 2>&1
    else
        unshare -r chroot "$DIR/root" /certauto lua /http.lua "$@" >"$DIR/out" 2>&1
    fi
}
alone "https://[::1]:$six/"
says "a machine without a bundle is told so" "$DIR/out" "no bundle of CA certificates on this machine"
alone "https://[::1]:$six/" "trust=@/ca.pem"
says "where a CA of one's own still serves" "$DIR/out" "200"
alone "http://127.0.0.1:$port/echo"
says "and plain HTTP" "$DIR/out" "200"
for bundle in etc/ssl/certs/ca-certificates.crt etc/pki/tls/certs/ca-bundle.crt etc/ssl/cert.pem; do
    mkdir -p "$DIR/root/${bundle%/*}"
    cp "$DIR/ca.pem" "$DIR/root/$bundle"
    alone "https://[::1]:$six/"
    says "the bundle is found at /$bundle" "$DIR/out" "200"
    rm "$DIR/root/$bundle"
done
