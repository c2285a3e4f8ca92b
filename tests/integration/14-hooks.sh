#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# hooks and lua: listed, shown, exported, run.
. "$(dirname "$0")/lib.sh"
need jq jq

write_config </dev/null
cat >"$HOOKS/publish/mine.lua" <<'END'
return {
  api = 1,
  doc = "Puts it on a shelf.",
  options = { { name = "shelf", type = "integer", default = 3, doc = "Which shelf." } },
  publish = function() return true end,
}
END
cat >"$HOOKS/publish/files.lua" <<'END'
return { api = 1, doc = "Hides the built-in one.", publish = function() return true end }
END
echo 'return 5' >"$HOOKS/issue/wrong.lua"

exits 0 "hooks are listed" hooks
says "those built in" "$DIR/out" "issue/local-ca"
says "and those of hooks_dir" "$DIR/out" "Puts it on a shelf."
says "which hide built-in ones" "$DIR/out" "Hides the built-in one."
says "one that does not load says why" "$DIR/out" "returns a table"
narrow "within 80 columns" "$DIR/out"
exits 0 "as JSON" hooks --json
json "by kind and name" '[.hooks[] | "\(.kind)/\(.name)"] | . == sort and (unique | length) == length'
json "with their sources" '.hooks[] | select(.name == "local-ca") | .source == "built in"'
exits 0 "one is shown" hooks publish/mine
says "with its options" "$DIR/out" "Which shelf."
says "and their defaults" "$DIR/out" "3"
exits 0 "as JSON too" hooks publish/mine --json
json "exactly" ".hooks == [{kind: \"publish\", name: \"mine\", source: \"$HOOKS/publish/mine.lua\",
    doc: \"Puts it on a shelf.\", functions: [\"publish\"], options: [{name: \"shelf\", type: \"integer\",
    required: false, default: \"3\", doc: \"Which shelf.\"}]}]"
exits 0 "a configuration with mistakes hides no hooks" -c "$TREE/README.md" hooks
says "but is mentioned" "$DIR/err" "has mistakes"

exits 0 "the built-in ones are exported" hooks --export "$DIR/export"
check "into their folders" test -s "$DIR/export/issue/local-ca.lua" -a -s "$DIR/export/publish/files.lua"
check "all of them, as they were written" diff -r "$TREE/hooks" "$DIR/export"
exits 1 "a file that is there is left alone" hooks --export "$DIR/export" issue/local-ca
says "and named" "$DIR/err" "--force"
exits 0 "unless forced" hooks --export "$DIR/export" --force issue/local-ca
exits 2 "--json, which an export has not, is no word said in vain" hooks --export "$DIR/export" --json
exits 2 "nor is --force without an export" hooks --force
exits 2 "one that is not built in cannot be exported" hooks --export "$DIR/export" publish/mine
exits 0 "what was exported works as a hook of hooks_dir" hooks --json
cp "$DIR/export/publish/files.lua" "$HOOKS/publish/files.lua"
exits 0 "with the same options" hooks --json publish/files
json "as the one built in" '.hooks[0].source != "built in" and ([.hooks[0].options[].name] | index("reload") != null)'

cat >"$DIR/script.lua" <<'END'
local codec = require "certauto.codec"
print(codec.hex("hi"), arg[0], arg[1], arg[2])
return tonumber(arg[3])
END
certauto lua "$DIR/script.lua" -c x 7 >"$DIR/out" 2>"$DIR/err"
same "a script's integer is the exit code" "$?" 7
same "it has the modules and its arguments" "$(cat "$DIR/out")" "$(printf '6869\t%s\t-c\tx' "$DIR/script.lua")"
echo 'error("boom")' >"$DIR/script.lua"
exits 1 "a script that raises exits 1" lua "$DIR/script.lua"
says "with its place" "$DIR/err" "script.lua:1: boom"
exits 1 "one that is not there too" lua "$DIR/none.lua"
echo 'print(io, loadfile, os.execute)' >"$DIR/script.lua"
exits 0 "a script is as confined as a hook" lua "$DIR/script.lua"
same "without io, loaders and commands" "$(cat "$DIR/out")" "$(printf 'nil\tnil\tnil')"
