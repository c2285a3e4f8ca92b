#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The life of generations in the running loop: a pending order over its restart, a held one, a superseded one.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

# A local-ca that lets one wait when there is $DIR/slow, and notes each asking.
cat >"$HOOKS/issue/order.lua" <<END
local fs, exec, x509, key, time = require "certauto.fs", require "certauto.exec", require "certauto.x509",
  require "certauto.key", require "certauto.time"
return {
  api = 1,
  doc = "Signs by itself, or says that it takes time.",
  options = {},
  issue = function(request)
    assert(exec.run({"sh", "-c", "echo '" .. (request.cookie or "new") .. "' >>$DIR/asked"}))
    local slow = fs.read("$DIR/slow")
    if slow and slow:find("lost") and request.cookie then
      return nil, "the order is lost"
    elseif slow then
      return {pending = true, wait = tonumber(slow:match("%d+")), cookie = request.cookie or "order 1"}
    end
    local asked = assert(x509.read_request(request.csr))
    return {certificate = assert(x509.issue {key = key.generate("ecdsa-p256"), public_key = asked.public_key,
      names = asked.names, subject = "CN=order", usage = {"server"}, not_before = time.now() - 60,
      not_after = time.now() + 864000})}
  end,
}
END
settings() { # NAMES
    write_config <<END
[defaults]
auto_renew = yes
auto_publish = yes
template = order
retry = 1s

[template order]
hook = order

[profile one]
hook = files
fullchain = $DIR/one.pem

[profile two]
hook = files
fullchain = $DIR/two.pem

[certificate www]
names = $1
profile = one, two
must_keep = names
${2:-}
END
}
state() { # FILTER
    certauto status --json www 2>/dev/null | jq -r ".certificates[0].$1"
}
asked() { # COUNT
    [ "$(wc -l <"$DIR/asked")" -ge "$1" ]
}
serves() { # GENERATION FILE
    openssl x509 -in "$2" -outform DER -out "$DIR/a.der" &&
        openssl x509 -in "$STATE/certs/www/$1/cert.pem" -outform DER -out "$DIR/b.der" && cmp "$DIR/a.der" "$DIR/b.der"
}
loop() {
    start loop "$CERTAUTO" -c "$CONFIG"
}

# ---- Pending orders

settings "www.example.org, example.org" "days = $(date -u -d '+3 days' +%a)"
echo 2 >"$DIR/slow"
exits 0 "an order is begun by hand, in no slot" renew www
same "it is pending" "$(state state)" pending
loop
check "the loop asks again by itself, though no slot is open" wait_for 8 asked 2
stop loop
key=$(sha256sum <"$STATE/certs/www/next/key.pem")
echo 30 >"$DIR/slow"
loop
check "so does one that was started anew" wait_for 8 asked 3
stop loop
count=$(wc -l <"$DIR/asked")
loop
sleep 3
same "but never before its time" "$(wc -l <"$DIR/asked")" "$count"
same "status tells" "$(state state)" pending
stop loop
same "always with the cookie" "$(sort -u "$DIR/asked" | tr '\n' ' ')" "new order 1 "
echo 1 >"$DIR/slow"
sed -i 's/^next = .*/next = 2026-01-01T00:00:00Z/' "$STATE/www.state"
loop
check "a wait that passed while no loop was there" wait_for 8 asked $((count + 1))
rm "$DIR/slow"
check "ends with the certificate" wait_for 8 test -e "$STATE/certs/www/1/cert.pem"
same "for the key of the order" "$(sha256sum <"$STATE/certs/www/1/key.pem")" "$key"
stop loop
refute "nothing of it stays" grep -q pending "$STATE/www.state"
refute "publications wait for their slot" test -e "$DIR/one.pem"

settings "www.example.org, example.org"
loop
check "both profiles publish it when slots are open" wait_for 8 serves 1 "$DIR/two.pem"
stop loop

: >"$DIR/asked"
echo 1 >"$DIR/slow"
exits 0 "another order" renew www
settings "www.example.org, example.org, new.example.org"
exits 0 "is dropped when the names change" --run-now
same "and made anew" "$(tr '\n' ' ' <"$DIR/asked")" "new new "
exits 0 "and by --restart" renew www --restart
same "too" "$(tr '\n' ' ' <"$DIR/asked")" "new new new "
sed -i '/^\[pending\]/,/^$/s/^since = .*/since = 2026-10-01T00:00:00Z/' "$STATE/www.state"
exits 0 "and after 30 days" renew www
same "as well" "$(tr '\n' ' ' <"$DIR/asked")" "new new new new "
sleep 1
echo lost >"$DIR/slow"
exits 1 "and when the hook fails it" renew www
refute "nothing is pending then" grep -q '^\[pending\]' "$STATE/www.state"
rm "$DIR/slow"
exits 0 "the next one is new" --run-now www
same "with its names" "$(tail -n 1 "$DIR/asked")" new
check "it is published" serves 2 "$DIR/two.pem"

# ---- Held, in the loop

settings "www.example.org, example.org"
loop
check "a generation that lost a name is issued" wait_for 8 test -e "$STATE/certs/www/3/cert.pem"
sleep 2
check "and not published" serves 2 "$DIR/one.pem"
same "it is told once" "$(grep -c 'is held: only' "$DIR/loop.log")" 1
stop loop
loop
sleep 2
check "nor by a loop started anew" serves 2 "$DIR/one.pem"
same "which tells it no more" "$(grep -c 'is held: only' "$DIR/loop.log")" 0
exits 0 "one profile publishes it by hand" publish www --profile two --force --json
json "alone" '[.results[].outcome] == ["published"]'
check "it is there" serves 3 "$DIR/two.pem"
sleep 2
check "for the other profile it stays held" serves 2 "$DIR/one.pem"
stop loop
settings "www.example.org, example.org"

# ---- A generation that was held is none to go back to

settings "www.example.org"
exits 0 "one that lost a name" renew www
exits 0 "another one" renew www
settings "www.example.org, example.org"
exits 0 "one that lost nothing is published" renew www
check "by both" serves 6 "$DIR/one.pem"
exits 0 "rollback goes back" rollback www
check "behind those that were held, to what one profile was forced to" serves 3 "$DIR/one.pem"
exits 0 "and forward again" publish www
check "to the newest" serves 6 "$DIR/two.pem"

# ---- Superseded

settings "www.example.org, example.org" "publish = on previous expiry"
exits 0 "a generation waits for the expiry of the one before" renew www
exits 0 "a newer one arrives first" renew www
check "none is published yet" serves 6 "$DIR/two.pem"
settings "www.example.org, example.org"
exits 0 "when its time comes" --run-now --json
json "there is one publication by each profile" \
    '[.results[] | select(.step == "publish") | .outcome] == ["published", "published"]'
check "of the newest" serves 8 "$DIR/one.pem"
check "by both" serves 8 "$DIR/two.pem"
same "the one in between was never published" "$(grep -c '^previous = 7' "$STATE/www.state")" 0
for number in 6 8; do
    check "generation $number, in use, is still there" test -e "$STATE/certs/www/$number/key.pem"
done
exits 0 "what is published already" publish www --profile one --json
json "is not published again" '.results == []'
exits 0 "but for --force" publish www --profile one --force --json
json "by this profile alone" '[.results[].outcome] == ["published"]'

# ---- Rollback beside the loop, and pruning

sed -i 's/^\[certauto\]/&\nkeep = 0/' "$CONFIG"
loop
exits 0 "rollback while the loop is at work" rollback www
check "to the newest older one, though it was superseded" serves 7 "$DIR/two.pem"
sleep 2
check "the loop leaves it" serves 7 "$DIR/two.pem"
check "the withdrawn one is not pruned" test -e "$STATE/certs/www/8/key.pem"
check "nor the one in use" test -e "$STATE/certs/www/7/key.pem"
exits 0 "publish brings the newer one back" publish www
check "by both profiles" serves 8 "$DIR/one.pem"
check "in full" serves 8 "$DIR/two.pem"
stop loop
