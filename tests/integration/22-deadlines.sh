#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# Hooks that hang, eat, shout or die end their own step with a sentence, and nothing else.
. "$(dirname "$0")/lib.sh"
need jq jq

write_config <<END
max_parallel = 4
hook_memory = 8m

[defaults]
auto_renew = yes
retry = 1h

[template fine]
hook = local-ca
END

hook() {
    printf 'return {api = 1, doc = "Hostile.", issue = function(request)\n%s\nend}\n' "$2" >"$HOOKS/issue/$1.lua"
    printf '[template %s]\nhook = %s\nhook_timeout = 1s\n[certificate %s]\nnames = %s.example.org\ntemplate = %s\n' \
        "$1" "$1" "$1" "$1" "$1" >>"$CONFIG"
}
printf '[certificate fine]\nnames = fine.example.org\ntemplate = fine\n' >>"$CONFIG"
hook loops 'while true do end'
hook hides 'while true do pcall(function() while true do end end) end'
hook patterns 'return string.find(("a"):rep(100000), (".-"):rep(60) .. "b")'
hook sleeps 'require("certauto.time").sleep(3600) while true do end'
hook execs 'local done, message = require("certauto.exec").run({"sleep", "62.75"}) return nil, message'
hook grows 'local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end'
hook shouts 'return nil, ("x"):rep(5000000)'
hook raises 'error("boom\nwith \27[31mcolour")'
hook lines 'return nil, "one\ntwo = 2\n[end]\n"'
hook silent 'return'
hook number 'return 7'
hook func 'return {certificate = function() end}'
hook unknown 'return {certificate = "x", colour = "red"}'
hook nul 'return nil, "a\0b"'
hook children 'require("certauto.exec").run({"sh", "-c", "sleep 3 & echo started"}) return nil, "children stay"'

before=$(date +%s)
exits 1 "the run ends with failures" --run-now --json
took=$(($(date +%s) - before))
check "soon after the deadlines ($took s)" test "$took" -le 25
json "the one good hook was not disturbed" '[.results[] | select(.name == "fine")][0].outcome == "renewed"'
json "all others failed" '[.results[] | select(.outcome == "failed")] | length == 15'
json "each with a sentence" '[.results[] | select(.outcome == "failed") | .error | length > 8] | all'
json "of one line" '[.results[].error // "" | test("[\\x00-\\x1f]") | not] | all'

told() {
    json "$1 is told: $2" "[.results[] | select(.name == \"$1\")][0].error | test(\"$2\")"
}
told loops "did not end in time"
told hides "did not end in time"
told patterns "killed: no answer within 1 s"
told execs "time"
told grows "memory"
told raises "boom"
told silent "without"
told unknown "colour"
told children "children stay"

exits 0 "status can be read afterwards" status --json
json "the failures are counted" '[.certificates[] | select(.name == "lines")][0] | .failures == 1 and .state == "failed"'
json "a hook's message cannot write the state" '[.certificates[] | select(.name == "lines")][0].last_error | test("one.x0atwo")'
same "each state file is whole" "$(for f in "$STATE"/*.state; do tail -n 1 "$f"; done | sort -u)" "[end]"
exits 0 "the next run waits for them" --run-now --json
json "all of them" '[.results[].outcome] | unique == ["waiting"]'
left() {
    for file in /proc/[0-9]*/cmdline; do
        if [ "$(tr '\0' ' ' <"$file" 2>/dev/null)" = "sleep 62.75 " ]; then
            return 0
        fi
    done
    return 1
}
refute "no command of a hook that was killed is left" left
