#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# DNS providers ask their APIs what these expect, add to a set, take out only their own value, and tell failures.
# needs: perl openssl
. "$(dirname "$0")/lib.sh"
need perl perl
need openssl openssl

VALUE=LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0
SECRET=s3cret/token+
write_config <<EOF
EOF
cat >"$DIR/act.lua" <<'EOF'
local words = { os.getenv "WORDS" }
local options = {}
for name, value in words[1]:gmatch "(%S+)=(%S+)" do
  options[name] = value
end
local provider = require("lib.dns." .. os.getenv "PROVIDER")
local done, message, details = provider[os.getenv "ACTION"](options, { name = os.getenv "RECORD",
  value = os.getenv "VALUE", domain = "www.sub.example.org", ttl = 60 })
print(done and "done" or ("%s wait=%s permanent=%s"):format(message, details and details.wait,
  details and details.permanent))
EOF

# act PROVIDER ACTION OPTION… : its result in $DIR/out
act() {
    PROVIDER=$1 ACTION=$2
    shift 2
    WORDS=$* VALUE=$VALUE RECORD=${RECORD:-_acme-challenge.www.SUB.example.org.} PROVIDER=$PROVIDER ACTION=$ACTION \
        "$CERTAUTO" -c "$CONFIG" lua "$DIR/act.lua" >"$DIR/out" 2>"$DIR/err"
}

# peer FILE: starts an API that holds to FILE
peer() {
    PORT=$(free_port)
    start peer perl "$TREE/tests/integration/dns_peer.pl" "$PORT" "$1"
    wait_for 5 listening "$PORT"
}

listening() {
    grep -q ":$(printf %04X "$1") .* 0A " /proc/net/tcp
}

# as_published PROVIDER ACTION SENTENCE OPTION…
as_published() {
    provider=$1 action=$2 name=$3
    shift 3
    peer "$TREE/tests/data/dns/$provider.$action"
    act "$provider" "$action" "$@" "url=http://127.0.0.1:$PORT"
    same "$name" "$(cat "$DIR/out" "$DIR/err")" "done"
    stop peer
    same "$provider: $action asks all that the API expects, and nothing else" "$(cat "$DIR/peer.log")" "all done"
}

# fails SENTENCE MESSAGE STATUS [LINE…]: what Cloudflare's first answer leads to
fails() {
    name=$1 message=$2
    shift 2
    {
        echo "> GET /zones?page=1&per_page=50"
        printf '< %s\n' "$@"
    } >"$DIR/exchange"
    peer "$DIR/exchange"
    act cloudflare present "token=$SECRET" "url=http://127.0.0.1:$PORT"
    same "$name" "$(cat "$DIR/out" "$DIR/err")" "$message"
    stop peer
}

# told PROVIDER ACTION SENTENCE MESSAGE OPTION…: what the exchanges of standard input lead to
told() {
    provider=$1 action=$2 name=$3 message=$4
    shift 4
    cat >"$DIR/exchange"
    peer "$DIR/exchange"
    act "$provider" "$action" "$@" "url=http://127.0.0.1:$PORT"
    same "$name" "$(cat "$DIR/out" "$DIR/err")" "$message"
    stop peer
    same "$name: by these requests only" "$(cat "$DIR/peer.log")" "all done"
}

as_published cloudflare present "Cloudflare: a value is added, in the zone with the longest name" "token=$SECRET"
as_published cloudflare cleanup "Cloudflare: the own value goes, also when it went meanwhile" "token=$SECRET"
as_published desec present "deSEC: a value is added to the set" "token=$SECRET"
as_published desec cleanup "deSEC: the last value goes with its set" "token=$SECRET"
told desec present "deSEC: the first value makes the set, at the zone's own name" "done" "token=$SECRET" \
    <"$TREE/tests/data/dns/desec.first"
as_published digitalocean present "DigitalOcean: a value is added, in a zone of the second page" "token=$SECRET"
as_published digitalocean cleanup "DigitalOcean: the own value goes, from the second page" "token=$SECRET"
as_published hetzner present "Hetzner: a value is added, in a zone of the second page" "token=$SECRET"
as_published hetzner cleanup "Hetzner: the own value goes" "token=$SECRET"
told hetzner present "Hetzner: a zone that is locked for now is told, and no end to all attempts" "the API refuses the \
request (423): The item you are trying to access is locked (there is already an Action running) wait=nil permanent=false" \
    "token=$SECRET" <"$TREE/tests/data/dns/hetzner.locked"
as_published powerdns present "PowerDNS: a value is added to the set" "key=$SECRET"
as_published powerdns cleanup "PowerDNS: the last value goes with its set" "key=$SECRET"
told powerdns present "PowerDNS: a refusal is told by the server's words" "the API refuses the request (422): RRset \
_acme-challenge.www.sub.example.org. IN TXT: Conflicts with pre-existing RRset wait=nil permanent=true" \
    "key=$SECRET" <"$TREE/tests/data/dns/powerdns.refused"
as_published acme-dns present "acme-dns: the value is handed over" username=c36f50e8-4632-44f0-83fe-e070fef28a10 \
    password=htB9mR9DYgcu9bX_afHF62erXaH2TS7bg9KW3F7Z subdomain=8e5700ea-a4bf-41c7-8a77-e990661dcc6a
as_published route53 present "Route 53: a value is added to the set, signed, in the public zone" access_key=AKIDEXAMPLE \
    "secret_key=$SECRET"
as_published route53 cleanup "Route 53: the last value goes with its set" access_key=AKIDEXAMPLE "secret_key=$SECRET"
peer "$TREE/tests/data/dns/route53.gone"
act route53 cleanup access_key=AKIDEXAMPLE "secret_key=$SECRET" "url=http://127.0.0.1:$PORT"
same "Route 53: what is not there is removed without a request" "$(cat "$DIR/out")" "done"
stop peer
peer "$TREE/tests/data/dns/route53.refused"
act route53 present access_key=AKIDEXAMPLE "secret_key=$SECRET" "url=http://127.0.0.1:$PORT"
same "Route 53: a refusal is told" "$(cat "$DIR/out")" \
    "the API refuses these credentials (403): SignatureDoesNotMatch: not *** wait=nil permanent=true"
stop peer

as_published gandi present "Gandi: a value is added to the set, in a zone of the second page" "token=$SECRET"
told gandi present "Gandi: the first value makes the set, at the zone's own name" "done" "token=$SECRET" \
    <"$TREE/tests/data/dns/gandi.first"
as_published gandi cleanup "Gandi: only the own value goes" "token=$SECRET"
told gandi cleanup "Gandi: the last value goes with its set" "done" "token=$SECRET" <"$TREE/tests/data/dns/gandi.last"
told gandi present "Gandi: 401 is told, without the secret" \
    "the API refuses these credentials (401): no such token: *** wait=nil permanent=true" "token=$SECRET" <<EOF
> GET /domains?page=1&per_page=100
< 401
< {"object":"HTTPUnauthorized","cause":"Unauthorized","code":401,"message":"no such token: $SECRET"}
EOF
told gandi present "Gandi: 403 is told" \
    "the API refuses these credentials (403): Access was denied to this resource. wait=nil permanent=true" \
    "token=$SECRET" <<EOF
> GET /domains?page=1&per_page=100
< 403
< {"object":"HTTPForbidden","cause":"Forbidden","code":403,"message":"Access was denied to this resource."}
EOF
told gandi present "Gandi: 429 is told with the time to wait" \
    "the API takes no more requests for now (429) wait=30 permanent=nil" "token=$SECRET" <<EOF
> GET /domains?page=1&per_page=100
< 429
< Retry-After: 30
EOF
told gandi present "Gandi: malformed JSON is told" "the API's answer is no JSON wait=nil permanent=nil" \
    "token=$SECRET" <<EOF
> GET /domains?page=1&per_page=100
< 200
< [{"fqdn":"example.org"
EOF
told gandi present "Gandi: a refused value is told by the API's words" \
    "the API refuses the request (400): TTL must be at least 300 wait=nil permanent=true" "token=$SECRET" <<EOF
> GET /domains?page=1&per_page=100
< 200
< [{"fqdn":"example.org"}]

> GET /domains?page=2&per_page=100
< 200
< []

> GET /domains/example.org/records/_acme-challenge.www.sub/TXT
< 404

> PUT /domains/example.org/records/_acme-challenge.www.sub/TXT
> {"rrset_values":["\\"$VALUE\\""],"rrset_ttl":300}
< 400
< {"status":"error","errors":[{"location":"body","name":"rrset_ttl","description":"TTL must be at least 300"}]}
EOF

# OVHcloud signs by SHA-1, by the API's clock.
OVH="application_key=7kbG7Bk7S9Nt7ZSV application_secret=$SECRET consumer_key=MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1"
as_published ovh present "OVHcloud: a value is added, signed by the API's time, and the zone refreshed" $OVH
as_published ovh cleanup "OVHcloud: only the own values go, also when one went meanwhile" $OVH
told ovh present "OVHcloud: what is there is not added again, but the zone refreshed" "done" $OVH \
    <"$TREE/tests/data/dns/ovh.there"
told ovh present "OVHcloud: 401 is told" \
    "the API refuses these credentials (401): You must login first wait=nil permanent=true" $OVH <<EOF
> GET /auth/time
< 200
< 1457018875

> GET /domain/zone/
< 401
< {"errorCode":"NOT_CREDENTIAL","httpCode":"401 Unauthorized","message":"You must login first"}
EOF
told ovh present "OVHcloud: 403 is told, without the secret" \
    "the API refuses these credentials (403): This credential is not valid: *** wait=nil permanent=true" $OVH <<EOF
> GET /auth/time
< 200
< 1457018875

> GET /domain/zone/
< 403
< {"errorCode":"INVALID_CREDENTIAL","httpCode":"403 Forbidden","message":"This credential is not valid: $SECRET"}
EOF
told ovh present "OVHcloud: 404 is told, and no end to all attempts" \
    "the API refuses the request (404): This service does not exist wait=nil permanent=false" $OVH <<EOF
> GET /auth/time
< 200
< 1457018875

> GET /domain/zone/
< 200
< ["example.org"]

> GET /domain/zone/example.org/record?fieldType=TXT&subDomain=_acme-challenge.www.sub
< 404
< {"errorCode":"NOT_FOUND","httpCode":"404 Not Found","message":"This service does not exist"}
EOF
told ovh cleanup "OVHcloud: 429 is told with the time to wait" \
    "the API takes no more requests for now (429) wait=7 permanent=nil" $OVH <<EOF
> GET /auth/time
< 200
< 1457018875

> GET /domain/zone/
< 429
< Retry-After: 7
EOF
told ovh present "OVHcloud: malformed JSON is told" "the API's answer is no JSON wait=nil permanent=nil" $OVH <<EOF
> GET /auth/time
< 200
< "later"

> GET /domain/zone/
< 200
< ["example.org
EOF
told ovh present "OVHcloud: JSON of another shape is no crash" \
    "this account has no zone for _acme-challenge.www.sub.example.org wait=nil permanent=true" $OVH <<EOF
> GET /auth/time
< 200
< {"now":1}

> GET /domain/zone/
< 200
< [7,null,{"name":"example.org"},["example.org"]]
EOF

# azure ACTION SENTENCE MESSAGE OPTION…: what the exchanges of standard input lead to
azure() {
    action=$1 name=$2 message=$3
    shift 3
    cat >"$DIR/exchange"
    peer "$DIR/exchange"
    act azure "$action" tenant=t.example client_id=c1 "client_secret=$SECRET" subscription=subid "$@" \
        "url=http://127.0.0.1:$PORT" "login_url=http://127.0.0.1:$PORT"
    same "Azure: $name" "$(cat "$DIR/out" "$DIR/err")" "$message"
    stop peer
    same "Azure: $name: by these requests only" "$(cat "$DIR/peer.log")" "all done"
}
# after_login: the token's exchange, then those of standard input, into $DIR/after
after_login() {
    {
        sed '/^$/q' "$TREE/tests/data/dns/azure.present"
        cat
    } >"$DIR/after"
}
ZONES="> GET /subscriptions/subid/providers/Microsoft.Network/dnsZones?api-version=2018-05-01"
ZONE='{"id":"/subscriptions/subid/resourceGroups/rg1/providers/Microsoft.Network/dnsZones/example.org","name":"example.org"}'
SET="/subscriptions/subid/resourceGroups/rg1/providers/Microsoft.Network/dnsZones/example.org/TXT/_acme-challenge.www.sub?api-version=2018-05-01"
azure present "a value is added to the set, in a zone of the second page" "done" resource_group=rg1 \
    <"$TREE/tests/data/dns/azure.present"
azure cleanup "only the own value goes" "done" resource_group=rg1 <"$TREE/tests/data/dns/azure.cleanup"
after_login <<EOF
$ZONES
< 200
< {"value":[$ZONE]}

> GET $SET
< 404
< {"code":"NotFound","message":"The resource record '_acme-challenge.www.sub' does not exist in resource group 'rg1'."}

> PUT $SET
> If-None-Match: *
> {"properties":{"TTL":60,"TXTRecords":[{"value":["$VALUE"]}]}}
< 201
EOF
azure present "the first value makes the set" "done" <"$DIR/after"
after_login <<EOF
$ZONES
< 200
< {"value":[$ZONE]}

> GET $SET
< 200
< {"etag":"e1","properties":{"TTL":60,"TXTRecords":[{"value":["$VALUE"]}]}}

> DELETE $SET
> If-Match: e1
< 200
EOF
azure cleanup "the last value goes with its set" "done" <"$DIR/after"
after_login <<EOF
$ZONES
< 200
< {"value":[$ZONE]}

> GET $SET
< 404
EOF
azure cleanup "what is gone is gone" "done" <"$DIR/after"
after_login <<EOF
$ZONES
< 200
< {"value":[$ZONE]}

> GET $SET
< 200
< {"etag":"e1","properties":{"TTL":60,"TXTRecords":[]}}

> PUT $SET
> If-Match: e1
> {"properties":{"TTL":60,"TXTRecords":[{"value":["$VALUE"]}]}}
< 412
< {"code":"PreconditionFailed","message":"The condition 'e1' in the If-Match header was not satisfied."}

> GET $SET
< 200
< {"etag":"e2","properties":{"TTL":60,"TXTRecords":[{"value":["a","b"]}]}}

> PUT $SET
> If-Match: e2
> {"properties":{"TTL":60,"TXTRecords":[{"value":["a","b"]},{"value":["$VALUE"]}]}}
< 200
EOF
azure present "a change in between is met by another try" "done" <"$DIR/after"
azure present "a refused secret is told, without it" \
    "no token: the API refuses these credentials (401): AADSTS7000215: Invalid client secret provided: *** wait=nil permanent=true" <<EOF
> POST /t.example/oauth2/v2.0/token
> Content-Type: application/x-www-form-urlencoded
> grant_type=client_credentials&client_id=c1&client_secret=s3cret%2Ftoken%2B&scope=http%3A%2F%2F127.0.0.1%3A{port}%2F.default
< 401
< {"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided: $SECRET","error_codes":[7000215]}
EOF
azure present "nor as the form had it" \
    "no token: the API refuses the request (400): got client_secret=***&scope wait=nil permanent=true" <<EOF
> POST /t.example/oauth2/v2.0/token
> grant_type=client_credentials&client_id=c1&client_secret=s3cret%2Ftoken%2B&scope=http%3A%2F%2F127.0.0.1%3A{port}%2F.default
< 400
< {"error":"invalid_request","error_description":"got client_secret=s3cret%2Ftoken%2B&scope"}
EOF
after_login <<EOF
$ZONES
< 403
< {"error":{"code":"AuthorizationFailed","message":"not with eyJ0.to-ken"}}
EOF
azure present "403 is told, without the token" \
    "the API refuses these credentials (403): not with *** wait=nil permanent=true" <"$DIR/after"
after_login <<EOF
$ZONES
< 429
< Retry-After: 17
EOF
azure present "429 is told with the time to wait" \
    "the API takes no more requests for now (429) wait=17 permanent=nil" <"$DIR/after"
after_login <<EOF
$ZONES
< 200
< {"value":[
EOF
azure present "malformed JSON is told" "the API's answer is no JSON wait=nil permanent=nil" <"$DIR/after"
after_login <<EOF
$ZONES
< 200
< {"value":[],"nextLink":"http://127.0.0.1:{port}0/subscriptions?x=1"}
EOF
azure present "no page of another host is asked for" \
    "the API's next page is at another place wait=nil permanent=nil" <"$DIR/after"
after_login <<EOF
$ZONES
< 200
< {"value":[{"id":"/subscriptions/../../secrets","name":"example.org"}]}
EOF
azure present "a zone without a proper identifier is none" \
    "the API's zone has no identifier wait=nil permanent=nil" <"$DIR/after"
# Google Cloud DNS wants a token first, by an assertion of RS256.
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$DIR/gcloud.pem" 2>/dev/null
PUBLIC_KEY=$DIR/gcloud.pub
export PUBLIC_KEY
openssl pkey -in "$DIR/gcloud.pem" -pubout -out "$PUBLIC_KEY"

# gcloud_key [TOKEN_URI]: a service account's key as Google gives it out, without spaces and "=", which "act" parts by
gcloud_key() {
    printf '{"type":"service_account","project_id":"my-project","client_email":"acme@my-project.iam.gserviceaccount.com"'
    printf ',"private_key":"%s"' "$(awk '{printf "%s\\n", $0}' "$DIR/gcloud.pem" | sed 's/ /\\u0020/g; s/=/\\u003d/g')"
    printf ',"token_uri":"%s"}' "${1:-https://oauth2.googleapis.com/token}"
}
gcloud_key >"$DIR/gcloud.json"
chmod 600 "$DIR/gcloud.json"

# gcloud_zone [ANSWER]: the exchanges until the zone is found, or not
gcloud_zone() {
    zones='{"managedZones":[{"name":"zone","dnsName":"example.org.","visibility":"public"}]}'
    cat <<EOF
> POST /token
> JWT: acme@my-project.iam.gserviceaccount.com https://www.googleapis.com/auth/ndev.clouddns.readwrite
< 200
< {"access_token":"ya29.$SECRET","expires_in":3599,"token_type":"Bearer"}

> GET /projects/my-project/managedZones
${1:-< 200
< $zones}

EOF
}

# gcloud ACTION SENTENCE MESSAGE: what the exchanges of standard input lead to
gcloud() {
    cat >"$DIR/exchange"
    peer "$DIR/exchange"
    act gcloud "$1" "key=$(cat "$DIR/gcloud.json")" "url=http://127.0.0.1:$PORT" "token_url=http://127.0.0.1:$PORT/token"
    same "$2" "$(cat "$DIR/out" "$DIR/err")" "$3"
    stop peer
    same "$2: by these requests only" "$(cat "$DIR/peer.log")" "all done"
}

# gcloud_refuses SENTENCE MESSAGE KEY: without any request
gcloud_refuses() {
    act gcloud present "key=$3" "url=http://127.0.0.1:1"
    same "$1" "$(cat "$DIR/out" "$DIR/err")" "$2 wait=nil permanent=true"
}

gcloud present "Google Cloud DNS: a value is added to the set, after others' changes, and waited for" "done" \
    <"$TREE/tests/data/dns/gcloud.present"
gcloud present "Google Cloud DNS: the first value makes the set, at the zone's own name" "done" \
    <"$TREE/tests/data/dns/gcloud.first"
gcloud cleanup "Google Cloud DNS: only the own value goes" "done" <"$TREE/tests/data/dns/gcloud.cleanup"
gcloud cleanup "Google Cloud DNS: the last value goes with its set, also when it went meanwhile" "done" \
    <"$TREE/tests/data/dns/gcloud.last"
RRSETS="> GET /projects/my-project/managedZones/zone/rrsets?type=TXT&name=_acme-challenge.www.sub.example.org."
gcloud present "Google Cloud DNS: a refused assertion is told" \
    "no token: the API refuses the request (400): Invalid JWT Signature. wait=nil permanent=true" <<EOF
> POST /token
> JWT: acme@my-project.iam.gserviceaccount.com https://www.googleapis.com/auth/ndev.clouddns.readwrite
< 400
< {"error":"invalid_grant","error_description":"Invalid JWT Signature."}
EOF
gcloud present "Google Cloud DNS: an answer without a token is told" \
    "no token: none in the answer wait=nil permanent=nil" <<EOF
> POST /token
> JWT: acme@my-project.iam.gserviceaccount.com https://www.googleapis.com/auth/ndev.clouddns.readwrite
< 200
< {"access_token":"a\\r\\nb"}
EOF
gcloud_zone "< 401
< {\"error\":{\"code\":401,\"message\":\"bad token ya29.$SECRET\"}}" | gcloud present \
    "Google Cloud DNS: 401 is told, without the token" \
    "the API refuses these credentials (401): bad token *** wait=nil permanent=true"
gcloud_zone '< 403
< {"error":{"code":403,"message":"Forbidden","errors":[{"reason":"forbidden"}]}}' | gcloud present \
    "Google Cloud DNS: 403 is told" "the API refuses these credentials (403): Forbidden wait=nil permanent=true"
gcloud_zone '< 403
< {"error":{"code":403,"message":"Rate Limit Exceeded","errors":[{"reason":"rateLimitExceeded"}]}}' | gcloud present \
    "Google Cloud DNS: a quota that is used up is no end to all attempts" \
    "the API refuses these credentials (403): Rate Limit Exceeded wait=60 permanent=nil"
gcloud_zone '< 429
< Retry-After: 9' | gcloud cleanup "Google Cloud DNS: 429 is told with the time to wait" \
    "the API takes no more requests for now (429) wait=9 permanent=nil"
gcloud_zone '< 200
< {"managedZones":[' | gcloud present "Google Cloud DNS: malformed JSON is told" \
    "the API's answer is no JSON wait=nil permanent=nil"
gcloud_zone '< 200
< {"managedZones":[7,{"name":{},"dnsName":"example.net."},{"name":"y","dnsName":7}],"nextPageToken":{}}' |
    gcloud present "Google Cloud DNS: JSON of another shape is no crash" \
        "this account has no zone for _acme-challenge.www.sub.example.org wait=nil permanent=true"
{
    gcloud_zone '< 200
< {"managedZones":[{"name":"../zone","dnsName":"example.org."}]}'
    printf '%s\n' "$RRSETS" '< 404' '< {"error":{"code":404,"message":"Not Found"}}'
} | gcloud present "Google Cloud DNS: 404 is told, no end to all attempts, of a zone whose name is no path" \
    "the API refuses the request (404): Not Found wait=nil permanent=false"
{
    gcloud_zone
    printf '%s\n' "$RRSETS" '< 200' '< {"rrsets":[{"name":"_acme-challenge.www.sub.example.org.","type":"TXT","ttl":5,' \
        '< "routingPolicy":{}}]}'
} | gcloud present "Google Cloud DNS: a set without values is left alone" \
    "the API's set has no values wait=nil permanent=nil"
{
    gcloud_zone
    for try in 1 2 3 4 5; do
        cat <<EOF
$RRSETS
< 200
< {"rrsets":[]}

> POST /projects/my-project/managedZones/zone/changes
> {"deletions":[],"additions":[{"name":"_acme-challenge.www.sub.example.org.","type":"TXT","ttl":60,"rrdatas":["\\"$VALUE\\""]}]}
< 409
< {"error":{"code":409,"message":"already exists: $try"}}

EOF
    done
} | gcloud present "Google Cloud DNS: a conflict that stays is told in the end" \
    "the API refuses the request (409): already exists: 5 wait=nil permanent=nil"
NO_KEY="the key is no service account's, with a project_id and a token_uri of https"
gcloud_refuses "Google Cloud DNS: a token_uri without TLS is refused" "$NO_KEY" \
    "$(gcloud_key http://127.0.0.1:1/token)"
gcloud_refuses "Google Cloud DNS: a key that is no JSON is refused, and not shown" \
    "$NO_KEY" "$SECRET"
gcloud_refuses "Google Cloud DNS: a project that is a path is refused" \
    "$NO_KEY" "$(gcloud_key | sed 's|"my-project"|"../x"|')"
gcloud_refuses "Google Cloud DNS: a missing project is told" "$NO_KEY" "$(gcloud_key | sed 's/"project_id"/"project"/')"
gcloud_refuses "Google Cloud DNS: a private key that is none is refused, and not shown" "$NO_KEY" \
    '{"project_id":"p","client_email":"a","private_key":"s3cret","token_uri":"https://127.0.0.1:1"}'

fails "401 is told, once and for all, without the secret" \
    "the API refuses these credentials (401): no such token: *** wait=nil permanent=true" \
    401 "{\"errors\":[{\"code\":1,\"message\":\"no such token: $SECRET\"}]}"
fails "403 is told" "the API refuses these credentials (403) wait=nil permanent=true" 403
fails "429 is told with the time to wait" "the API takes no more requests for now (429) wait=120 permanent=nil" \
    429 "Retry-After: 120"
fails "5xx is told as the API's own fault" "the API is out of order (502) wait=nil permanent=nil" 502 "<html>"
fails "an unknown zone is told" \
    "this account has no zone for _acme-challenge.www.sub.example.org wait=nil permanent=true" \
    200 '{"result":[{"id":"aa","name":"ample.org"},{"id":"bb","name":"example.net"}]}'
fails "malformed JSON is told" "the API's answer is no JSON wait=nil permanent=nil" 200 '{"result":['
fails "a secret at the end of a long message is not cut into view" \
    "the API refuses the request (400): $(printf '%0257d' 0)*** wait=nil permanent=true" \
    400 "{\"error\":{\"message\":\"$(printf '%0257d' 0)$SECRET\"}}"
{
    echo "> GET /zones?page=1&per_page=50"
    printf '< 200\n<* 2000000\n'
} >"$DIR/exchange"
peer "$DIR/exchange"
act cloudflare present "token=$SECRET" "url=http://127.0.0.1:$PORT"
says "a huge answer is refused" "$DIR/out" "answered more than 1048576 bytes"
stop peer
fails "JSON of another shape is no crash" \
    "this account has no zone for _acme-challenge.www.sub.example.org wait=nil permanent=true" 200 '{"result":[7,"a",{}]}'
fails "an identifier that is a path is refused" "the API's zone has no identifier wait=nil permanent=nil" \
    200 '{"result":[{"id":"../../x","name":"example.org"}]}'
peer /dev/null
stop peer
act cloudflare present "url=http://127.0.0.1:$PORT"
same "a missing option is told" "$(cat "$DIR/out")" "option 'token' is missing wait=nil permanent=true"
act cloudflare present tokn=x "token=$SECRET"
same "an unknown option is told" "$(cat "$DIR/out")" "there is no option 'tokn' wait=nil permanent=true"
RECORD=a/b.example.org act cloudflare present "token=$SECRET"
same "a name that is none is refused" "$(cat "$DIR/out")" \
    "the record has no name that DNS knows wait=nil permanent=true"

cat >"$DIR/command" <<EOF
#!/bin/sh
echo "\$CERTAUTO_ACTION \$CERTAUTO_RECORD \$CERTAUTO_VALUE \$CERTAUTO_DOMAIN \$CERTAUTO_TTL" >>"$DIR/called"
test ! -f "$DIR/broken" || { echo "no luck" >&2; exit 3; }
EOF
chmod 755 "$DIR/command"
act exec present "command=$DIR/command"
act exec cleanup "command=$DIR/command"
same "exec: the command is told all in its environment" "$(cat "$DIR/called")" \
    "present _acme-challenge.www.sub.example.org $VALUE www.sub.example.org 60
cleanup _acme-challenge.www.sub.example.org $VALUE www.sub.example.org 60"
touch "$DIR/broken"
act exec present "command=$DIR/command"
same "exec: its last line is the message" "$(cat "$DIR/out")" \
    "the command ended with 3: no luck wait=nil permanent=nil"

mkdir -p "$HOOKS/lib/dns"
cat >"$HOOKS/lib/dns/mine.lua" <<'EOF'
local dns = require "lib.dns"
return dns.provider {
  doc = "Mine.",
  options = { { name = "colour", type = "string", default = "blue", doc = "Of the record." } },
  present = function(options, record)
    return nil, options.colour .. " " .. record.name
  end,
  cleanup = function()
    return true
  end,
}
EOF
act mine present
same "a user's own file is a provider, with its defaults" "$(cat "$DIR/out")" \
    "blue _acme-challenge.www.sub.example.org wait=nil permanent=nil"

cat >"$DIR/challenge.lua" <<'EOF'
local challenge = require "lib.acme_challenge"
local options = { challenge = "dns-01", dns = "exec", exec_command = os.getenv "DIR" .. "/command" }
local proof = { kind = "dns-01", record = "_acme-challenge.example.org", value = "v", domain = "example.org" }
print(challenge.set_up(options, proof))
print(challenge.clean_up(options, proof))
EOF
rm -f "$DIR/broken" "$DIR/called"
env DIR="$DIR" "$CERTAUTO" -c "$CONFIG" lua "$DIR/challenge.lua" >"$DIR/out" 2>&1
same "a challenge of ACME goes through a provider" "$(cat "$DIR/called")" \
    "present _acme-challenge.example.org v example.org 60
cleanup _acme-challenge.example.org v example.org 60"

write_config <<EOF
[template ca]
hook = acme
directory = https://127.0.0.1:14000/dir
challenge = dns-01
dns = cloudflare
cloudflare_token = $SECRET
[certificate www]
names = www.example.org
template = ca
EOF
exits 0 "the options of built-in providers are options of issue/acme" check
write_config <<EOF
[template ca]
hook = acme
directory = https://127.0.0.1:14000/dir
challenge = dns-01
dns = ovh
ovh_application_key = 7kbG7Bk7S9Nt7ZSV
ovh_application_secret = $SECRET
ovh_consumer_key = MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1
ovh_url = https://api.ca.ovhcloud.com/1.0
gandi_token = $SECRET
gandi_url = https://api.sandbox.gandi.net/v5/livedns
gcloud_key = @$DIR/gcloud.json
gcloud_project = dns-project
gcloud_token_url = https://oauth2.googleapis.com/token
gcloud_url = https://dns.googleapis.com/dns/v1
[certificate www]
names = www.example.org
template = ca
EOF
exits 0 "the options of Gandi, Google Cloud DNS and OVHcloud are options of issue/acme" check
write_config <<EOF
[template ca]
hook = acme
directory = https://127.0.0.1:14000/dir
cloudflare_tokn = $SECRET
EOF
exits 2 "a misspelt one is told" check
says "with the one that was meant" "$DIR/out" "cloudflare_token"
