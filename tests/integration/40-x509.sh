#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# OpenSSL reads what certauto writes: keys, requests, certificates and chains of every type of key.
. "$(dirname "$0")/lib.sh"
need openssl openssl

cd "$TREE" || exit 1
cat >"$DIR/make.lua" <<'END'
local fs = require "certauto.fs"
local key = require "certauto.key"
local time = require "certauto.time"
local x509 = require "certauto.x509"
local folder = os.getenv "DIR"
local names = { "www.example.org", "*.example.org", "192.0.2.1", "2001:db8::1", "email:me@example.org",
  "uri:spiffe://example.org/web" }

local function write(name, text, message)
  assert(fs.write(folder .. "/" .. name, assert(text, message)))
end

local function issue(settings)
  settings.not_before = settings.not_before or time.now() - 60
  settings.not_after = settings.not_after or time.now() + 3600
  return assert(x509.issue(settings))
end

local root_key, issuing_key = key.generate "ecdsa-p384", key.generate "ecdsa-p521"
local root = issue { key = root_key, public_key = root_key:public(), subject = "O=Test\\, Inc., CN=Größe root", ca = true }
local issuing = issue { key = root_key, issuer = root, public_key = issuing_key:public(), subject = "CN=issuing",
  ca = true, path_length = 0 }
write("root.pem", root)
write("issuing.pem", issuing)
for _, type in ipairs { "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048" } do
  local mine = key.generate(type)
  write(type .. ".key", mine:pem())
  write(type .. ".csr", x509.request(mine, names, { usage = { "server", "client" } }))
  local asked = x509.read_request(fs.read(folder .. "/" .. type .. ".csr"))
  write(type .. ".pem", issue { key = issuing_key, issuer = issuing, public_key = asked.public_key,
    names = asked.names, usage = asked.usage, subject = asked.subject })
end
local plain = key.generate()
write("no-subject.csr", x509.request(plain, { "192.0.2.1" }))
write("no-subject.pem", issue { key = issuing_key, issuer = issuing, public_key = plain:public(),
  names = { "192.0.2.1" }, usage = { "server" } })
write("far.pem", issue { key = issuing_key, issuer = issuing, public_key = plain:public(), names = { "example.org" },
  not_after = 253402300799 })
local many = {}
for index = 1, 300 do
  many[index] = ("host-%d.some-longer-zone-name.example.org"):format(index)
end
write("many.csr", x509.request(plain, many))
write("many.pem", issue { key = issuing_key, issuer = issuing, public_key = plain:public(), names = many })
END
export DIR
"$CERTAUTO" lua "$DIR/make.lua" >"$DIR/lua.out" 2>&1 || {
    not_ok "the script makes keys, requests and certificates" "$(cat "$DIR/lua.out")"
    exit 1
}

text() {
    openssl "$1" -in "$DIR/$2" -noout -text >"$DIR/text" 2>&1
}

cd "$DIR" || exit 1
for type in ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048; do
    check "$type: the key is a sound PKCS#8" openssl pkey -in $type.key -check -noout
    check "$type: the request is signed" openssl req -in $type.csr -verify -noout
    check "$type: the certificate is the key's" sh -c \
        "[ \"\$(openssl x509 -in $type.pem -noout -pubkey)\" = \"\$(openssl pkey -in $type.key -pubout)\" ]"
    check "$type: the chain verifies strictly" \
        openssl verify -x509_strict -purpose sslserver -CAfile root.pem -untrusted issuing.pem $type.pem
    check "$type: and for clients" \
        openssl verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted issuing.pem $type.pem
    for option in '-checkhost www.example.org' '-checkhost other.example.org' '-checkip 192.0.2.1' \
        '-checkip 2001:db8::1' '-checkemail me@example.org'; do
        # shellcheck disable=SC2086 # two words
        refute "$type: $option" sh -c "openssl x509 -in $type.pem -noout $option | grep 'NOT match'"
    done
    text req $type.csr
    says "$type: the request asks for all names" "$DIR/text" "DNS:www.example.org, DNS:*.example.org, \
IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, email:me@example.org, URI:spiffe://example.org/web"
    says "$type: and for its usage" "$DIR/text" "TLS Web Server Authentication, TLS Web Client Authentication"
done
text x509 rsa-2048.pem
says "an RSA key may encipher keys" "$DIR/text" "Digital Signature, Key Encipherment"
text x509 ecdsa-p256.pem
silent_about "an ECDSA key may not" "$DIR/text" "Key Encipherment"
text x509 issuing.pem
says "the issuing CA allows none below it" "$DIR/text" "CA:TRUE, pathlen:0"
check "names of issuers are UTF-8" sh -c \
    "openssl x509 -in issuing.pem -noout -issuer -nameopt utf8,sep_comma_plus_space | grep 'Größe root'"

check "a request without a subject is signed" openssl req -in no-subject.csr -verify -noout
text req no-subject.csr
says "its names are critical" "$DIR/text" "Subject Alternative Name: critical"
text x509 no-subject.pem
says "those of its certificate too" "$DIR/text" "Subject Alternative Name: critical"
check "a certificate without a subject verifies strictly" \
    openssl verify -x509_strict -CAfile root.pem -untrusted issuing.pem no-subject.pem
same "the year 9999 is read" "$(openssl x509 -in far.pem -noout -enddate)" 'notAfter=Dec 31 23:59:59 9999 GMT'
same "300 names are all there" "$(openssl x509 -in many.pem -noout -text | grep -o 'DNS:host-[0-9]*' | wc -l)" 300
same "in the request too" "$(openssl req -in many.csr -noout -text | grep -o 'DNS:host-[0-9]*' | wc -l)" 300
