#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The built-in exec hooks with real commands: a CA made of openssl, a target made of a shell script, and events.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

mkdir -m 755 "$DIR/served" "$DIR/ca"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$DIR/ca/ca.key" -out "$DIR/ca/ca.pem" \
    -subj "/CN=test CA" -days 1000 -addext keyUsage=critical,keyCertSign 2>/dev/null

# Signs what it is given; what "$DIR/ca/mode" says comes first.
cat >"$DIR/sign" <<END
#!/bin/sh
env | sort >"$DIR/sign.env"
cat >"$DIR/request.pem"
case \$(cat "$DIR/ca/mode" 2>/dev/null) in
later) echo order-\$CERTAUTO_ATTEMPT-\$CERTAUTO_COOKIE; exit 75 ;;
never) echo no >&2; echo "refused for good" >&2; exit 77 ;;
broken) printf 'out of\033[31m order\n\n' >&2; exit 3 ;;
esac
printf 'subjectAltName=%s\n' "\$(printf 'DNS:%s' "\$CERTAUTO_NAMES" | sed 's/,/,DNS:/g')" >"$DIR/ca/ext"
openssl x509 -req -in "$DIR/request.pem" -CA "$DIR/ca/ca.pem" -CAkey "$DIR/ca/ca.key" -days 30 -extfile "$DIR/ca/ext" 2>/dev/null
cat "$DIR/ca/ca.pem"
END
cat >"$DIR/serve" <<END
#!/bin/sh
env | sort >"$DIR/\$CERTAUTO_ACTION.env"
cat >"$DIR/\$CERTAUTO_ACTION.input"
case \$CERTAUTO_ACTION in
publish) cp "\$CERTAUTO_FULLCHAIN" "$DIR/served/cert" && cp "\$CERTAUTO_KEY" "$DIR/served/key" ;;
verify) test ! -e "$DIR/refuse" || { echo "another one is served" >&2; exit 4; } ;;
rollback) if [ -n "\$CERTAUTO_FULLCHAIN" ]; then cp "\$CERTAUTO_FULLCHAIN" "$DIR/served/cert"; else rm -f "$DIR/served/cert"; fi ;;
esac
END
cat >"$DIR/told" <<END
#!/bin/sh
cat >>"$DIR/events"
echo "\$CERTAUTO_EVENT \$CERTAUTO_NAME \$CERTAUTO_STEP \$CERTAUTO_GENERATION \$CERTAUTO_PROFILE" >>"$DIR/told.env"
END
chmod 755 "$DIR/sign" "$DIR/serve" "$DIR/told"
write_config <<END
[defaults]
auto_renew = yes
auto_publish = yes
retry = 1s
template = script
profile = script
notify = script
[template script]
hook = exec
command = $DIR/sign
wait = 1s
[profile script]
hook = exec
command = $DIR/serve
verify_command = $DIR/serve
rollback_command = $DIR/serve
input = combined
[notify script]
hook = exec
command = $DIR/told
events = renewed, published, publish_failed
[certificate www]
names = www.example.org, example.org
END
exits 0 "the configuration is fine" check

echo later >"$DIR/ca/mode"
exits 0 "75 is not yet" --run-now --json
json "so the order is pending" '.results[0].outcome == "pending"'
says "its cookie is kept" "$STATE/www.state" "cookie = order-1-"
rm "$DIR/ca/mode"
sleep 1.2
exits 0 "then it is issued and published" --run-now --json
json "both" '[.results[].outcome] == ["renewed", "published"]'
check "what is served is what was issued" cmp "$DIR/served/cert" "$STATE/certs/www/1/fullchain.pem"
check "with its key" cmp "$DIR/served/key" "$STATE/certs/www/1/key.pem"
says "the request came with its names" "$DIR/sign.env" "CERTAUTO_NAMES=www.example.org,example.org"
says "and the cookie" "$DIR/sign.env" "CERTAUTO_COOKIE=order-1-"
check "it is a request" openssl req -in "$DIR/request.pem" -noout -verify
says "files are given by path" "$DIR/publish.env" "CERTAUTO_KEY=$STATE/certs/www/1/key.pem"
same "the key's is closed to others" "$(stat -c %a "$STATE/certs/www/1/key.pem")" 600
check "key and chain are on the input, as asked" sh -c "cat '$STATE/certs/www/1/key.pem' '$STATE/certs/www/1/fullchain.pem' | cmp - '$DIR/publish.input'"
says "it is verified" "$DIR/verify.env" "CERTAUTO_FINGERPRINT=$(openssl x509 -in "$DIR/served/cert" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)"
for file in sign publish verify; do
    silent_about "no key is in the environment of $file" "$DIR/$file.env" "PRIVATE KEY"
done
same "events are told" "$(cat "$DIR/told.env")" "renewed www issue 1 
published www publish 1 script"
check "as JSON too, without the options" jq -se '.[1].event == "published" and .[1].host != null and .[1].options == null' "$DIR/events"

touch "$DIR/refuse"
exits 1 "another generation is refused by the target" renew www --json
json "which is said" '.results[1].error | test("verify_command ended with 4: another one is served")'
says "the command went back" "$DIR/rollback.env" "CERTAUTO_GENERATION=1"
says "knowing from which" "$DIR/rollback.env" "CERTAUTO_FAILED_GENERATION=2"
check "the first is served again" cmp "$DIR/served/cert" "$STATE/certs/www/1/fullchain.pem"
same "a failure is told, what was not asked for is not" "$(tail -n 1 "$DIR/told.env")" "publish_failed www publish 2 script"
rm "$DIR/refuse"

echo broken >"$DIR/ca/mode"
exits 1 "another exit code is a failure" renew www --json
json "with the last line of its errors" '.results[0].error == "the command ended with 3: out of\\x1b[31m order"'
echo never >"$DIR/ca/mode"
exits 1 "77 is one for good" renew www --json
json "told with its last line" '.results[0].error == "the command ended with 77: refused for good"'
says "that skips the short waits" "$STATE/www.state" "permanent = yes"
cat >>"$CONFIG" <<END
[template gone]
hook = exec
command = /nowhere/sign
[certificate gone]
names = gone.example.org
template = gone
END
exits 1 "a command that is not there" renew gone --json
json "is named" '.results[0].error | test("/nowhere/sign")'
exits 0 "the hooks show their options" hooks publish/exec policy/approval-file notify/exec issue/exec
says "all of them" "$DIR/out" rollback_command
