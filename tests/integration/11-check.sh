#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# check: mistakes with file and line, the files that steps read, warnings, and the shipped sample.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

write_config <<END
[defaults]
auto_renwe = yes
renew = soon

[template internal]
hook = local-ca
lifetime = 90 apples

[certificate a]
names = a.example.org
template = internl
END
exits 2 "mistakes exit 2" check
says "an unknown key has its line and a nearest one" "$DIR/out" "$CONFIG:7: "
says "it is named" "$DIR/out" "auto_renew"
says "so has a value" "$DIR/out" "$CONFIG:8: "
says "and an option of a hook" "$DIR/out" "$CONFIG:12: "
says "and a reference" "$DIR/out" "$CONFIG:16: "
says "they are counted" "$DIR/out" "4 mistakes"
exits 2 "as JSON too" check --json
json "each with its fields" '.problems | length == 4 and all(keys == ["file","level","line","message"])'
json "all mistakes" '.problems | all(.level == "mistake" and .line > 0 and (.message | length) > 0)'
exits 2 "any other command stops at them" status
says "and tells them on stderr" "$DIR/err" "$CONFIG:7: "
same "its standard output stays empty" "$(cat "$DIR/out")" ""

write_config <<END
[template internal]
hook = local-ca
trust = $DIR/trust.pem

[template mine]
hook = mine
token = @$DIR/token

[certificate a]
names = a.example.org
template = internal

[certificate b]
names = b.example.org
template = mine
auto_renew = yes
END
cat >"$HOOKS/issue/mine.lua" <<'END'
return {
  api = 1,
  doc = "A test.",
  options = { { name = "token", type = "secret", required = true, doc = "A secret." } },
  issue = function() return nil, "never" end,
}
END
exits 2 "files that steps read are tried" check
says "a missing trust file is a mistake" "$DIR/out" "$DIR/trust.pem"
says "a missing @path too" "$DIR/out" "$DIR/token"
exits 0 "but other commands go on without them" status
printf 'hush\n' >"$DIR/token"
chmod 644 "$DIR/token"
exits 2 "a secret that others can read is refused" check
says "by name" "$DIR/out" "$DIR/token"
silent_about "never by its content" "$DIR/out" "hush"
chmod 600 "$DIR/token"
make_certificate "$DIR/trust.pem" "$DIR/trust.key" DNS:ca.example "-1 day" "+10 days"
exits 0 "a configuration without mistakes" check
says "is said to be one" "$DIR/out" "0 mistakes, 0 warnings, 2 certificates"
exits 0 "and as JSON" check --json
json "has no problems" '.problems == []'
silent_about "secrets are not resolved" "$DIR/out" "hush"

echo 'error("boom")' >"$HOOKS/issue/mine.lua"
exits 2 "a hook that raises is a mistake" check
says "with what it raised" "$DIR/out" "boom"
rm "$HOOKS/issue/mine.lua"
exits 2 "a hook that is not there too" check
says "by its name" "$DIR/out" "mine"

write_config <<END
[template internal]
hook = local-ca
[certificate a]
names = a.example.org
template = internal
auto_renew = yes
renew = 85d before expiry
END
make_certificate "$DIR/a.pem" "$DIR/a.key" DNS:a.example.org "-1 day" "+89 days"
exits 0 "taking over a certificate" import a --cert "$DIR/a.pem" --key "$DIR/a.key"
exits 0 "a window that would renew for ever is a warning, which exits 0" check
says "with the line of its certificate" "$DIR/out" "$CONFIG:8: warning: "
exits 0 "as JSON" check --json
json "its level says so" '.problems | length == 1 and .[0].level == "warning" and .[0].line == 8'

chmod 777 "$STATE"
exits 2 "a state folder that others can write is a mistake" check
exits 2 "and refused by the views" status
exits 2 "and by a run" --run-now
chmod 700 "$STATE"
chmod 666 "$CONFIG"
exits 2 "a configuration that others can write is refused" status
says "by its name" "$DIR/err" "$CONFIG"

cp "$TREE/etc/certauto.ini" "$CONFIG"
chmod 644 "$CONFIG"
exits 0 "the shipped sample is right" check
sed 's/^#\([^ ]\)/\1/' "$TREE/etc/certauto.ini" >"$CONFIG"
mkdir -p "$DIR/conf.d"
exits 0 "and so it is with every setting switched on" check
silent_about "without a warning" "$DIR/out" "warning:"
sed -n '/^```ini$/,/^```$/{/^```/d;p}' "$TREE/README.md" >"$CONFIG"
exits 0 "the configuration that README shows is right" check
says "with its certificate" "$DIR/out" "0 mistakes, 0 warnings, 1 certificate"
