#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
#
# Makes the certificates and keys of this folder, as CAs of all kinds issue them, with OpenSSL 3 (not with
# certauto, which they test). They are committed; run this in the folder only to add one: all others change too.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- Keys, and keys that must be refused

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out p521.key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa2048.key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa1024.key
openssl genpkey -algorithm ED25519 -out ed25519.key
openssl genpkey -algorithm ED448 -out ed448.key
openssl genpkey -algorithm X25519 -out x25519.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out secp256k1.key
openssl ecparam -name prime256v1 -genkey -out sec1.key # "EC PARAMETERS" before "EC PRIVATE KEY"
openssl rsa -in rsa2048.key -traditional -out pkcs1.key
openssl pkcs8 -topk8 -in p256.key -passout pass:secret -out encrypted.key
openssl rsa -in rsa2048.key -traditional -aes128 -passout pass:secret -out encrypted-pkcs1.key
{ echo 'Bag Attributes: none'; sed 's/$/\r/' p256.key; echo 'after'; } >crlf.key

# ---- Certificates that sign themselves

# certificate NAME KEY SUBJECT EXTENSIONS [ARGUMENT...]
certificate() {
	name=$1 key=$2 subject=$3 extensions=$4
	shift 4
	printf '[req]\ndistinguished_name = dn\nx509_extensions = ext\nstring_mask = %s\nutf8 = yes\n[dn]\n[ext]\n%s\n' \
		"${mask:-utf8only}" "$(printf '%b' "$extensions")" >"$work/config"
	openssl req -x509 -new -config "$work/config" -key "$key.key" -subj "$subject" -days 3650 -out "$name.pem" "$@" \
		2>/dev/null
}

san='subjectAltName = DNS:www.example.org, DNS:example.org'
for key in p256 p384 p521 rsa2048 rsa1024 ed25519 ed448 secp256k1; do
	certificate $key $key '/C=DE/O=Example, Inc./CN=www.example.org' "$san\nextendedKeyUsage = serverAuth, clientAuth"
done
certificate sha1 rsa2048 '/CN=sha1.example.org' "$san" -sha1
certificate pss rsa2048 '/CN=pss.example.org' "$san" -sigopt rsa_padding_mode:pss

certificate serial-large p256 /CN=serial "$san" -set_serial 0xffeeddccbbaa99887766554433221100ffeeddcc
certificate serial-64 p256 /CN=serial "$san" -set_serial "0x$(printf 'f%.0s' $(seq 128))"
certificate serial-65 p256 /CN=serial "$san" -set_serial "0x$(printf '7%.0s' $(seq 130))"
certificate serial-negative p256 /CN=serial "$san" -set_serial -0x80
certificate serial-negative-large p256 /CN=serial "$san" -set_serial -0xffeeddccbbaa99887766
certificate serial-zero p256 /CN=serial "$san" -set_serial 0

mask='MASK:0x800' certificate subject-bmp p256 '/O=Größe Ж/CN=bmp' "$san"
mask='MASK:0x4' certificate subject-t61 p256 '/O=Größe/CN=t61' "$san"
certificate subject-utf8 p256 '/O=Größe Ж 日本/OU=one/OU=two, three/CN=utf8' "$san"
certificate subject-merged p256 '/O=Example/CN=one+UID=two' "$san" -multivalue-rdn
certificate subject-control p256 "$(printf '/O=one\ntwo\033[31m/CN=\\\\back')" "$san"
certificate subject-unknown p256 '/businessCategory=value/CN=unknown' "$san"
certificate subject-long p256 "$(printf '/OU=%064d' $(seq 12))/CN=long" "$san"

certificate san-odd p256 /CN=odd 'subjectAltName = @names\n[names]
DNS.1 = 192.0.2.1
DNS.2 = two words
DNS.3 = UPPER.example.org
DNS.4 = *.wild.example.org
DNS.5 = _service.example.org
DNS.6 = ends.with.dot.
DNS.7 = bücher.example
DNS.8 = upper.example.org
IP.1 = 192.0.2.7
IP.2 = 2001:db8:0:0:0:0:0:1
email.1 = User@Example.org
URI.1 = https://example.org/path
URI.2 = spiffe://example.org/a,b
RID.1 = 1.2.3.4
otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:user@example.org
dirName.1 = dir
[dir]
CN = someone'
many=
for i in $(seq 150); do many="$many, DNS:host-$i.some-longer-zone-name.example.org"; done
certificate many p256 /CN=many "subjectAltName = DNS:example.org$many, IP:192.0.2.1, IP:2001:db8::1"
certificate no-names p256 /CN=old.example.org 'basicConstraints = CA:FALSE'
certificate usage-any p256 /CN=any "$san\nextendedKeyUsage = anyExtendedKeyUsage"
certificate poison p256 /CN=poison "$san\n1.3.6.1.4.1.11129.2.4.3 = critical, ASN1:NULL"
certificate constraints p256 /CN=constraints "basicConstraints = critical, CA:TRUE, pathlen:0
nameConstraints = critical, permitted;DNS:example.org, excluded;IP:0.0.0.0/0.0.0.0
policyConstraints = critical, requireExplicitPolicy:0\ninhibitAnyPolicy = critical, 0
certificatePolicies = critical, 1.2.3.4\nkeyUsage = critical, keyCertSign"

# ---- Validity and empty subject: only "openssl ca" takes dates

mkdir "$work/ca"
: >"$work/ca/index"
printf '[ca]\ndefault_ca = x\n[x]\ndatabase = %s/ca/index\nnew_certs_dir = %s/ca\nrand_serial = yes\ndefault_md = sha256
policy = any\nunique_subject = no\n[any]\nCN = optional\n[ext]\n%s\nauthorityKeyIdentifier = keyid\n' \
	"$work" "$work" "subjectAltName = critical, DNS:dated.example.org" >"$work/ca.conf"
certificate issuer p256 '/C=DE/O=Example Trust/CN=Example Issuer' 'basicConstraints = critical, CA:TRUE\nsubjectKeyIdentifier = hash'
dated() { # NAME START END SUBJECT
	openssl req -new -key rsa2048.key -subj "$4" -out "$work/csr"
	openssl ca -batch -notext -config "$work/ca.conf" -extensions ext -cert issuer.pem -keyfile p256.key \
		-startdate "$2" -enddate "$3" -in "$work/csr" -out "$1.pem" 2>/dev/null
}
dated expired 20200101000000Z 20200401000000Z /CN=expired
dated year9999 20491231235959Z 99991231235959Z /CN=far
dated year1950 19500101000000Z 20500101000000Z /CN=wide
dated empty-subject 20260101000000Z 20270101000000Z /

# ---- A root larger than PSA takes, and what it issued

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:8192 -out "$work/rsa8192.key"
certificate rsa8192 "$work/rsa8192" '/CN=Large Root' 'basicConstraints = critical, CA:TRUE'
openssl req -new -key p256.key -subj '/CN=below' -out "$work/csr"
openssl x509 -req -in "$work/csr" -CA rsa8192.pem -CAkey "$work/rsa8192.key" -days 3650 -out below-rsa8192.pem

# ---- Signatures of other kinds

certificate rsa-root rsa2048 '/CN=RSA Root' 'basicConstraints = critical, CA:TRUE'
below() { # NAME ARGUMENT...
	name=$1
	shift
	openssl x509 -req -in "$work/csr" -CA rsa-root.pem -CAkey rsa2048.key -days 3650 -out "$name.pem" "$@"
}
below below-sha1 -sha1
below below-sha512 -sha512
below below-pss -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
below below-pss-sha384 -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20

# ---- Files around certificates

sed 's/$/\r/' p256.pem >crlf.pem
{ openssl x509 -in p256.pem -text; openssl x509 -in p384.pem -text; echo 'trailing text'; } >text.pem
{ cat p256.key p256.pem rsa2048.pem; openssl x509 -in p384.pem -trustout; cat ed25519.pem issuer.pem; } >bundle.pem
sed 5d p256.pem >cut.pem
openssl x509 -in p256.pem -outform DER | head -c 200 | openssl base64 | { echo '-----BEGIN CERTIFICATE-----'; cat; echo '-----END CERTIFICATE-----'; } >short.pem

# ---- Requests

openssl req -new -key p256.key -subj '/CN=www.example.org/O=Example' \
	-addext "$san" -addext 'extendedKeyUsage = clientAuth' -out p256.csr
openssl req -new -key rsa2048.key -subj / -addext 'subjectAltName = critical, IP:192.0.2.1' -out rsa2048.csr
openssl req -in p256.csr -outform DER >"$work/csr.der"
# The last byte of the signature.
python3 -c 'import sys; d = bytearray(open(sys.argv[1], "rb").read()); d[-1] ^= 1; sys.stdout.buffer.write(d)' "$work/csr.der" |
	openssl base64 | { echo '-----BEGIN CERTIFICATE REQUEST-----'; cat; echo '-----END CERTIFICATE REQUEST-----'; } >forged.csr
