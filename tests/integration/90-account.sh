#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The account at a CA: shown, rolled over, deactivated by the template's hook; nothing that a hook tells is trusted.
. "$(dirname "$0")/lib.sh"
need jq jq

cat >"$HOOKS/issue/club.lua" <<'END'
local store = require "certauto.store"
return {
  api = 1,
  doc = "A CA with members.",
  options = {
    { name = "token", type = "secret", doc = "shown to the CA" },
    { name = "mode", type = "string", default = "good", doc = "how it behaves" },
  },
  issue = function() return nil, "no certificates here" end,
  account = function(request)
    local mode = request.options.mode
    if mode == "fails" then return nil, "the CA knows no " .. request.options.token end
    if mode == "raises" then error("lost its way") end
    if mode == "unknown" then return { url = "x", colour = "red" } end
    if mode == "number" then return { url = 7 } end
    if mode == "long" then return { url = ("x"):rep(4097) } end
    if mode == "true" then return true end
    if mode == "empty" then return {} end
    if request.action == "roll-over" then assert(store.set("club/key", "second")) end
    local status = request.action == "deactivate" and "deactivated" or "valid"
    return { url = "https://ca/1\27[31m", status = status, contact = request.template .. " " .. request.options.token,
      message = "key " .. (store.get("club/key") or "first") }
  end,
}
END
settings() { # MODE
    write_config <<END
[template members]
hook = club
token = hunter22
mode = $1

[template own]
hook = local-ca
END
}

settings good
exits 0 "an account is shown before anything was issued" account members
says "with its state" "$DIR/out" "valid"
says "and its key" "$DIR/out" "key first"
says "control characters are escaped" "$DIR/out" 'https://ca/1\x1b[31m'
says "the hook knows the template" "$DIR/out" "members"
silent_about "a secret option is not shown" "$DIR/out" "hunter22"
exits 0 "an account is rolled over" account members --roll-over
says "by the hook, which keeps its new key" "$DIR/out" "key second"
same "in the store" "$(cat "$STATE/store/club/key")" second
exits 0 "an account is deactivated, as JSON" account members --deactivate --json
json "with template, action and facts" \
    '.account[0] | .template == "members" and .action == "deactivate" and .status == "deactivated" and .error == null'

exits 2 "not both at once" account members --roll-over --deactivate
exits 2 "an unknown template is a mistake" account nobody
says "that is named" "$DIR/err" "there is no template 'nobody'"
exits 1 "a hook without accounts says so" account own
says "in a sentence" "$DIR/err" "the hook issue/local-ca of template 'own' has no function account"

if [ "$(id -u)" -eq 0 ] && id nobody >/dev/null 2>&1; then
    settings good
    sed -i '/^state_dir/a hook_user = nobody' "$CONFIG"
    chmod 755 "$DIR" "$HOOKS" "$HOOKS/issue"
    exits 0 "hook_user has the account" account members --roll-over
    same "and its key" "$(stat -c %U "$STATE/store/club/key")" nobody
fi

refused() { # MODE SENTENCE
    settings "$1"
    exits 1 "an answer is refused: $1" account members
    says "with a sentence: $1" "$DIR/err" "$2"
}
refused fails "the CA knows no ********"
refused raises "lost its way"
refused unknown "'colour' is no field of it"
refused number "'url' is no single text of at most 4096 bytes"
refused long "'url' is no single text of at most 4096 bytes"
refused true "neither facts of the account nor an error"
refused empty "neither facts of the account nor an error"
settings true
exits 0 "what was done need not be described" account members --roll-over
says "and is told all the same" "$DIR/out" "members: roll-over: done"
settings fails
exits 1 "a failure is a JSON document too" account members --json
json "with its sentence" '.account[0] | .error == "the CA knows no ********" and (has("url") | not)'
