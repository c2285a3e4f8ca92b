#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A rehearsal goes the whole way in a folder of its own: nothing else is written, whatever fails or ends it.
. "$(dirname "$0")/lib.sh"
need jq jq
need strace strace

TMPDIR=$DIR/scratch
export TMPDIR
mkdir -p "$TMPDIR" "$HOOKS/policy" "$DIR/live/tls"

# hook KIND NAME TABLE: a hook of the user's own.
hook() {
    printf 'local fs, time = require "certauto.fs", require "certauto.time"\nreturn {api = 1, doc = "Test.",\n%s\n}\n' \
        "$3" >"$HOOKS/$1/$2.lua"
}
hook issue failing 'issue = function() error("really") end,
rehearse = function() return nil, "staging is down" end'
hook issue slow 'issue = function()
  fs.write("'"$DIR"'/begun", "")
  repeat time.sleep(0.1) until fs.exists("'"$DIR"'/go")
  return nil, "it went"
end,
rehearse = function(request) return {pending = true, wait = 1, cookie = "x"} end'
hook issue hanging 'issue = function() error("really") end,
rehearse = function() while true do time.sleep(1) end end'
hook publish own 'publish = function() error("really") end, verify = function() error("really") end,
rollback = function() error("really") end,
rehearse = function(bundle)
  assert(bundle.options and bundle.key and bundle.previous == nil)
  return fs.write(bundle.rehearsal .. "/own.pem", bundle.fullchain, {mode = "0640"})
end'
hook publish broken 'publish = function() error("really") end, rollback = function() error("really") end,
rehearse = function(bundle) fs.write(bundle.rehearsal .. "/half", "x") return nil, "no such target" end'
hook policy never 'decide = function() error("asked") end'
write_config <<END
[template internal]
hook = local-ca
trust = $DIR/nowhere.pem
[template real]
hook = exec
command = touch $DIR/ordered
[template failing]
hook = failing
[template slow]
hook = slow
[template hanging]
hook = hanging
hook_timeout = 5m
[profile files]
hook = files
key = $DIR/live/tls/%{name}.key
fullchain = $DIR/live/tls/%{name}.pem
mode = 0640
reload = touch $DIR/reloaded
[profile own]
hook = own
verify = tls://127.0.0.1:1
[profile broken]
hook = broken
[profile command]
hook = exec
command = touch $DIR/published
[profile nofolder]
hook = files
cert = $DIR/nofolder/cert.pem
[profile noreload]
hook = files
cert = $DIR/live/cert.pem
reload = no-such-program now
[policy never]
hook = never

[defaults]
template = internal
policy = never
days = sun
periods = 00:00-00:01
[group none]
[group files]
profile = files
auto_renew = no
[certificate www]
names = www.example.org, example.org
group = files
[certificate alone]
names = alone.example.org
[certificate several]
names = several.example.org
profile = own, command, broken, files
[certificate badly]
names = badly.example.org
profile = nofolder, noreload
[certificate ordered]
names = ordered.example.org
template = real
profile = own
[certificate fails]
names = fails.example.org
template = failing
profile = own
[certificate slow]
names = slow.example.org
template = slow
profile = own
[certificate hangs]
names = hangs.example.org
template = hanging
[certificate none]
[certificate imported]
END

# All that there is but the folder for rehearsals and what the test itself notes.
tree() {
    for place in "$STATE" "$DIR/live" "$DIR/run" "$HOOKS" "$DIR/ordered" "$DIR/published" "$DIR/reloaded"; do
        [ ! -e "$place" ] || find "$place" -printf '%p %y %m %s %T@ %C@ %l\n'
    done | sort
    find "$STATE" "$DIR/live" -type f -exec sha256sum {} + 2>/dev/null | sort
}
unchanged() { # NAME
    same "$1" "$before" "$(tree)"
    same "nor is anything left in TMPDIR" "" "$(ls -A "$TMPDIR")"
}

before=$(tree)
exits 0 "one that was never issued" rehearse www
says "it is issued" "$DIR/out" "renewed"
says "and published" "$DIR/out" "published  files"
says "the files that it would write are told" "$DIR/out" "www would write by files:"
says "the key's for its owner" "$DIR/out" "  0600 $DIR/live/tls/www.key"
says "the other with its mode" "$DIR/out" "  0640 $DIR/live/tls/www.pem"
says "what was not tried is told" "$DIR/out" "Not tried: trust of templates, verify of profiles"
silent_about "a CA that is gone is not praised" "$DIR/err" "clients must trust"
unchanged "nothing was written, not even a state directory"

exits 1 "a real renewal, with a root that is not there" renew www
says "is refused" "$DIR/out" "cannot open"
sed -i '/^trust = /d' "$CONFIG"
exits 0 "a real one without" renew www
exits 0 "and a real publication" publish www
make_certificate "$DIR/cert.pem" "$DIR/key.pem" DNS:imported.example.org "-1 day" "+30 days"
exits 0 "an import" import imported --cert "$DIR/cert.pem" --key "$DIR/key.pem"
before=$(tree)
exits 0 "one that is in use, and one without a profile" rehearse www alone --json
json "all steps are listed" '[.results[] | [.name, .step, .profile, .outcome, .error]] == [
    ["www", "issue", null, "renewed", null], ["www", "publish", "files", "published", null],
    ["alone", "issue", null, "renewed", null], ["alone", "publish", "live", "published", null]]'
json "with their files" '[.results[].files[] | [.path, .mode]] ==
    [["'"$DIR"'/live/tls/www.key", "0600"], ["'"$DIR"'/live/tls/www.pem", "0640"]]'
json "no folder is left" '.folder == null'
unchanged "nothing was written"

exits 0 "the names of an import" rehearse imported --keep --json
json "the folder is told" '.folder | startswith("'"$TMPDIR"'/certauto.")'
kept=$(jq -r .folder "$DIR/out")
check "the certificate has them" sh -c "openssl x509 -noout -ext subjectAltName \
    -in '$kept/live/imported/cert.pem' | grep -q 'DNS:imported.example.org'"
same "the folder is ours alone" 700 "$(stat -c %a "$kept")"
rm -r "$kept"
unchanged "nothing else was written"

exits 0 "it is kept when asked" rehearse www --keep
kept=$(sed -n 's/^All of it is in //p' "$DIR/out")
check "what would be published is there" openssl x509 -noout -in "$kept/files/www/files$DIR/live/tls/www.pem"
same "with its mode" 640 "$(stat -c %a "$kept/files/www/files$DIR/live/tls/www.pem")"
refute "from another CA" cmp -s "$kept/store/local-ca/root.pem" "$STATE/store/local-ca/root.pem"
refute "with another key" cmp -s "$kept/files/www/files$DIR/live/tls/www.key" "$DIR/live/tls/www.key"
rm -r "$kept"

exits 1 "several profiles, one of which fails" rehearse several --json
json "each has its own outcome" '[.results[] | [.step, .profile, .outcome]] == [["issue", null, "renewed"],
    ["publish", "own", "published"], ["publish", "command", "skipped"], ["publish", "broken", "failed"],
    ["publish", "files", "published"]]'
json "a hook of one's own writes where it is told" '.results[1].files == [{"path": "/own.pem", "mode": "0640"}]'
json "one that cannot rehearse is not called" '.results[2].error | test("its hook exec has no function rehearse")'
json "one that fails says why" '.results[3].error == "no such target"'
unchanged "nothing was written"
exits 1 "what a publication would stumble over" rehearse badly --json
json "a folder that is not there" '.results[1].error | test("the folder '"$DIR"'/nofolder is not there")'
json "a program that is not there" '.results[2].error | test("reload: no-such-program: no such command")'
if [ "$(id -u)" -ne 0 ]; then
    chmod 500 "$DIR/live/tls"
    exits 1 "a folder that is closed" rehearse www --json
    json "it is told" '.results[1].error | test("the folder .* cannot be written to")'
    chmod 700 "$DIR/live/tls"
    before=$(tree)
fi

exits 1 "an issue hook that cannot rehearse" rehearse ordered --json
json "is not called" '[.results[] | [.step, .outcome]] == [["issue", "failed"]] and
    (.results[0].error | test("its hook exec has no function rehearse"))'
exits 1 "a CA that fails, and one that works" rehearse fails alone --json
json "ends that certificate alone" '[.results[] | [.name, .step, .outcome]] == [["fails", "issue", "failed"],
    ["alone", "issue", "renewed"], ["alone", "publish", "published"]]'
json "with its reason" '.results[0].error == "staging is down"'
exits 0 "an order that stays pending" rehearse slow --json
json "is no failure" '[.results[] | [.step, .outcome]] == [["issue", "pending"]]'
exits 1 "one without names" rehearse none
says "it is told" "$DIR/out" "no names"
exits 2 "an unknown name" rehearse www nobdy
says "it is named" "$DIR/err" "there is no certificate 'nobdy'"
unchanged "nothing was written by all that"

# Each call that makes or changes a file, but in the folder for rehearsals. Only root sees what they name.
if [ "$(id -u)" -eq 0 ]; then
    strace -ff -y -o "$DIR/trace" -e trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,chmod,fchmodat,chown,lchown,fchownat,truncate,utimensat,connect \
        "$CERTAUTO" -c "$CONFIG" rehearse www >"$DIR/out" 2>"$DIR/err"
    sed -n -E '/(O_WRONLY|O_RDWR|O_CREAT|creat|mkdir|rename|unlink|rmdir|link|chmod|chown|truncate|utimens|connect)/p' \
        "$DIR"/trace.* | grep -v -e readlink -e ' = -1 ENOENT' -e ' = -1 EEXIST' -e '+++\|---' >"$DIR/writes"
    check "it writes in its folder" grep -q "scratch/certauto\." "$DIR/writes"
    same "and nowhere else" "" "$(grep -v -e "$TMPDIR/certauto\." -e '"/dev/null"' "$DIR/writes")"
fi
before=$(tree)

# Beside a renewal of the same certificate, which holds its lock.
start renewal "$CERTAUTO" -c "$CONFIG" renew slow
check "a renewal is at work" wait_for 10 test -e "$DIR/begun"
before=$(tree)
exits 0 "a rehearsal of the same certificate" rehearse slow
unchanged "nothing was written"
touch "$DIR/go"
check "and the renewal was not disturbed" wait_for 10 grep -q "it went" "$DIR/renewal.log"
wait "$(cat "$DIR/renewal.pid")"
rm "$DIR/renewal.pid"
before=$(tree)

# Asked to end, it waits for the step at work; asked again, not.
for signal in TERM=143 INT=130; do
    start rehearsal env "$CERTAUTO" -c "$CONFIG" rehearse hangs www
    check "it is at work" wait_for 10 sh -c "test -e '$TMPDIR'/certauto.*/locks"
    pid=$(cat "$DIR/rehearsal.pid")
    kill -s "${signal%=*}" "$pid"
    check "it says that it ends" wait_for 10 grep -q "20 s to clean up" "$DIR/rehearsal.log"
    check "and waits" kill -0 "$pid"
    kill -s "${signal%=*}" "$pid"
    wait "$pid"
    same "a second ${signal%=*} ends it as the signal does" "${signal#*=}" "$?"
    rm "$DIR/rehearsal.pid"
    silent_about "nothing more is begun" "$DIR/rehearsal.log" "certificate=www"
    unchanged "and nothing was written"
done

# Beside a loop that works on the same state directory.
sed -i 's/^auto_renew = no/auto_renew = yes\nauto_publish = yes/; s/^days = .*/days = all/; s/^periods = .*/periods = all/' "$CONFIG"
start loop "$CERTAUTO" -c "$CONFIG"
loop_sleeps() { [ "$(certauto status --json | jq '.loop.last_run != null and .loop.result != null')" = true ]; }
check "a loop runs" wait_for 20 loop_sleeps
exits 0 "a rehearsal beside it" rehearse www
unchanged_by() { tree | grep -v -e "$DIR/run" -e " d "; }
loop_before=$(unchanged_by)
exits 0 "and another" rehearse www
same "changes nothing of what it has" "$loop_before" "$(unchanged_by)"
stop loop

# A clock that is not believed.
sed -i 's/^written = .*/written = 2030-01-01T00:00:00Z/' "$STATE/www.state"
exits 3 "a clock that is behind" rehearse www
same "nothing is left" "" "$(ls -A "$TMPDIR")"
