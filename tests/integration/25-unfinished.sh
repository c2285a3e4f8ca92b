#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A publication that a kill cut short is finished, or undone, by the next run before anything else; hook_user.
. "$(dirname "$0")/lib.sh"
need jq jq
need openssl openssl

mkdir "$DIR/etc"
write_config <<END
[template internal]
hook = local-ca

[profile web]
hook = slow
path = $DIR/etc/www.crt
marks = $DIR/marks
wait = 0s

[defaults]
auto_renew = yes
auto_publish = yes
template = internal
profile = web
retry = 1s

[certificate www]
names = www.example.org
END

cat >"$HOOKS/publish/slow.lua" <<'END'
local fs, time, exec = require "certauto.fs", require "certauto.time", require "certauto.exec"
local function mark(options, text)
  assert(exec.run({"sh", "-c", "echo '" .. text .. "' >>" .. options.marks}))
end
return {
  api = 1,
  doc = "Writes a file, then takes its time.",
  options = {
    {name = "path", type = "path", required = true, doc = "Where."},
    {name = "marks", type = "path", required = true, doc = "What was done."},
    {name = "wait", type = "duration", default = "0s", doc = "How long."},
    {name = "fails", type = "boolean", default = false, doc = "After all that."},
  },
  publish = function(bundle)
    assert(fs.write(bundle.options.path, bundle.fullchain, {mode = 0x1a4}))
    mark(bundle.options, "publish " .. bundle.generation)
    time.sleep(bundle.options.wait)
    if bundle.options.fails then
      return nil, "told to fail"
    end
    return true
  end,
  rollback = function(previous, bundle)
    mark(bundle.options, "rollback " .. (previous and previous.generation or 0))
    if previous then
      return fs.write(bundle.options.path, previous.fullchain)
    end
    return fs.remove(bundle.options.path)
  end,
}
END

exits 0 "the first generation is published" --run-now
sed -i 's/^wait = .*/wait = 60s/' "$CONFIG"

# Kills the keeper while the hook is in the middle.
cut_short() { # COMMAND…
    : >"$DIR/marks"
    start run "$CERTAUTO" -c "$CONFIG" "$@"
    run=$(cat "$DIR/run.pid")
    wait_for 10 test -s "$DIR/marks"
    # shellcheck disable=SC2046
    kill -9 $(cat "/proc/$run/task/$run/children")
    stop run
    : >"$DIR/marks"
}
cut_short renew www
says "the note is on disk" "$STATE/www.state" "publishing = web 2"
check "the target was changed already" cmp -s "$DIR/etc/www.crt" "$STATE/certs/www/2/fullchain.pem"
sed -i 's/^wait = .*/wait = 0s/; s/^auto_publish = yes/auto_publish = no/' "$CONFIG"
exits 0 "the next run finishes it, switched on or not" --run-now --json
json "and tells it" '[.results[] | "\(.step) \(.outcome)"] == ["publish published"]'
same "by the hook" "$(cat "$DIR/marks")" "publish 2"
refute "the note is gone" grep -q '^publishing' "$STATE/www.state"
same "the link is right" "$(readlink "$STATE/live/www")" ../certs/www/2

sed -i 's/^wait = .*/wait = 60s/; s/^auto_publish = no/auto_publish = yes/' "$CONFIG"
cut_short renew www
sed -i 's/^wait = .*/wait = 0s\nfails = yes/' "$CONFIG"
exits 1 "one that cannot be finished is undone" --run-now --json
json "with both results" '.results[0].error == "told to fail; generation 2 is back in place"'
check "the target is as before" cmp -s "$DIR/etc/www.crt" "$STATE/certs/www/2/fullchain.pem"
same "and so is the link" "$(readlink "$STATE/live/www")" ../certs/www/2
refute "no note is left" grep -q '^publishing' "$STATE/www.state"
sed -i '/^fails/d' "$CONFIG"
exits 0 "then it is published" --run-now
same "the newest" "$(readlink "$STATE/live/www")" ../certs/www/3

# ---- The first publication by a profile that is new, cut short: the link was somewhere before

sed -i 's/^\[profile web/[profile site/; s/^profile = web/profile = site/; s/^wait = .*/wait = 60s/' "$CONFIG"
cut_short --run-now
sed -i 's/^wait = .*/wait = 0s\nfails = yes/' "$CONFIG"
exits 1 "it is undone" --run-now --json
json "with both results" '.results[0].error == "told to fail; what it had made is removed"'
same "but the link that others made stays" "$(readlink "$STATE/live/www")" ../certs/www/3
sed -i '/^fails/d' "$CONFIG"
exits 0 "then it is published" publish www

# ---- One that cannot even be begun again is undone

sed -i 's/^wait = .*/wait = 60s/' "$CONFIG"
cut_short renew www
sed -i 's/^wait = .*/wait = 0s/' "$CONFIG"
mv "$STATE/live" "$DIR/live"
: >"$STATE/live"
exits 1 "a link that cannot be switched stops it" --run-now --json
json "with both results" '.results[0].error | contains("live") and contains("generation 3 is back in place")'
same "the hook goes back" "$(cat "$DIR/marks")" "rollback 3"
check "the target is as before" cmp -s "$DIR/etc/www.crt" "$STATE/certs/www/3/fullchain.pem"
rm "$STATE/live"
mv "$DIR/live" "$STATE/live"
exits 0 "then it is published" publish www

# ---- A hook that hangs is killed, and the target put back by another process

sed -i 's/^wait = .*/wait = 60s\nhook_timeout = 1s/' "$CONFIG"
sed -i 's/time.sleep(bundle.options.wait)/local at = time.boot() + bundle.options.wait; while time.boot() < at do string.find(("a"):rep(40000), (".-"):rep(30) .. "b") end/' \
    "$HOOKS/publish/slow.lua"
exits 1 "a publication that hangs is killed" renew www --json
json "and undone" '.results[1].error | contains("no answer within 1 s") and contains("generation 4 is back in place")'
same "the link went back with it" "$(readlink "$STATE/live/www")" ../certs/www/4

# ---- hook_user

if [ "$(id -u)" -eq 0 ] && id nobody >/dev/null 2>&1; then
    cat >"$HOOKS/issue/who.lua" <<'END'
return {
  api = 1,
  doc = "Tells who runs it.",
  issue = function()
    local done = assert(require("certauto.exec").run({"id", "-u"}))
    assert(require("certauto.store").set("who", done.out))
    return nil, "runs as " .. done.out:gsub("%s", "")
  end,
}
END
    sed -i '/^state_dir/a hook_user = nobody' "$CONFIG"
    chmod 755 "$DIR" "$HOOKS" "$HOOKS/issue"
    printf '[template who]\nhook = who\n[certificate who]\nnames = who.example.org\ntemplate = who\n' >>"$CONFIG"
    exits 1 "an issue hook runs as hook_user" renew who --json
    json "and cannot be another" ".results[0].error == \"runs as $(id -u nobody)\""
    same "the store is the account's" "$(stat -c %u "$STATE/store" "$STATE/store/who" "$STATE/store/local-ca/root" | sort -u)" "$(id -u nobody)"
    same "the state is not" "$(stat -c %u "$STATE" "$STATE/who.state" | sort -u)" 0
    sed -i '/^hook_timeout/d; s/^wait = .*/wait = 0s/' "$CONFIG"
    exits 0 "the local CA still works" renew www
else
    ok "hook_user needs root # SKIP"
fi
