#!/bin/sh
# The configuration in the real program: every mistake at once, hooks of one's own, includes, and what no file should do.
. "$(dirname "$0")/lib.sh"

# Says "ok" when every line of stdin (LINE TEXT) is a mistake of $CONFIG in that line.
expect_mistakes() {
	while read -r line text; do
		if grep -q -F "$CONFIG:$line: " "$DIR/out" && grep -F "$CONFIG:$line: " "$DIR/out" | grep -q -F "$text"; then
			ok "line $line: $text"
		else
			not_ok "line $line: $text" "$(cat "$DIR/out")"
		fi
	done
}

# ---- Mistakes

printf '%s\n' '[certauto]' "state_dir = $STATE" 'jiter = 1h' 'run = weekly' 'run = daily' '[a' \
	'[certificate a] x' 'names = b' '[sertificate c]' '[certificate d]' 'what is this' 'names = a b' \
	'template = nowhere' 'policy = nowhere' '[template t]' 'hook = local-caa' '[template u]' 'hook = local-ca' \
	'lifetim = 3d' '[certificate d]' >"$CONFIG"
exits 2 "twelve kinds of mistake stop the check" check
expect_mistakes <<'END'
3 did you mean 'jitter'?
4 give daily, daily at HH:MM, or every DURATION
5 first in line 4
6 no ']'
7 nothing may follow
9 did you mean 'certificate'?
11 no '='
12 a blank inside
13 there is no [template nowhere]
14 there is no [policy nowhere]
16 did you mean 'local-ca'?
19 did you mean 'lifetime'?
20 stands twice: first at
END
same "and no other" "13" "$(grep -c "^$CONFIG:" "$DIR/out")"
exits 2 "the same mistakes stop a run" --run-now
same "each on stderr" "13" "$(grep -c "^$CONFIG:" "$DIR/err")"
check "and nothing was made" test ! -e "$STATE"

head -c 65536 "$CERTAUTO" >"$CONFIG"
exits 2 "a binary file is no configuration" check
says "and that is said" "$DIR/out" "this is no text file"
printf '[certificate a]\nnames = a.example\0b.example\n' >"$CONFIG"
exits 2 "a NUL byte hides nothing" check
says "it is named with its line" "$DIR/out" "$CONFIG:2: a NUL byte"
rm "$CONFIG"
exits 2 "no file is a mistake" check
says "it is named" "$DIR/out" "$CONFIG: the file cannot be opened"
write_config </dev/null
chmod 666 "$CONFIG"
exits 2 "a file that others can write is refused" check
says "with that reason" "$DIR/out" "others can write"
chmod 644 "$CONFIG"

# ---- Hooks of one's own

cat >"$HOOKS/issue/mine.lua" <<'END'
return {
  api = 1,
  doc = "A CA.",
  options = {
    { name = "url", type = "url", required = true, doc = "Where it is." },
    { name = "speed", type = "enum:fast|slow", default = "fast", doc = "How." },
  },
  issue = function() return nil, "no" end,
}
END
# It stands before the built-in one of the same name.
cp "$HOOKS/issue/mine.lua" "$HOOKS/issue/local-ca.lua"
printf 'return {\n  api = 1,\n  doc =\n}\n' >"$HOOKS/issue/broken.lua"
write_config <<'END'
[template good]
hook = mine
url = https://ca.example
speed = SLOW
[defaults]
template = good
[certificate a]
names = a.example
END
exits 0 "a hook of one's own is asked what it takes" check
exits 0 "its options are reviewed" --json review a
json "in the hook's own spelling" '.settings[] | select(.key == "template good.speed").value == "slow"'
write_config <<'END'
[template one]
hook = mine
uri = https://ca.example
[template two]
hook = local-ca
url = https://ca.example
lifetime = 90d
[template three]
hook = broken
END
exits 2 "options are held against what it declares" check
says "a required one is missing" "$DIR/out" "[template one] lacks 'url'"
says "another is unknown" "$DIR/out" "did you mean 'url'?"
says "the built-in hook of that name is not meant" "$DIR/out" "has a key 'lifetime'"
says "a hook that does not load is named" "$DIR/out" "broken.lua:"

# ---- Includes, and much of everything

mkdir "$DIR/conf.d"
write_config <<'END'
include = conf.d/*.ini
[certificate main]
END
printf '[certificate b]\nnames = b.example\n' >"$DIR/conf.d/2.ini"
printf '[certificate a]\nnames = a.example\n[certificate main]\n' >"$DIR/conf.d/1.ini"
exits 2 "a section that two files have is a mistake" check
says "both lines are named" "$DIR/out" "$DIR/conf.d/1.ini:3: [certificate main] stands twice: first at $CONFIG:"
printf '[certificate a]\nnames = a.example\n' >"$DIR/conf.d/1.ini"
exits 0 "included files are read" --json review
json "in the order of their names" '[.settings[] | select(.key == "names").certificate] == ["main", "a", "b"]'
json "with their lines" '.settings[] | select(.certificate == "b" and .key == "names").source | endswith("conf.d/2.ini:2")'

rm "$DIR/conf.d/"*
awk 'BEGIN { for (i = 0; i < 150000; i++) printf "[certificate c%06d]\nnames = host-%d.example.com\n# a comment here\n", i, i }' \
	>"$DIR/conf.d/large.ini"
check "the large file has 10 MB" test "$(wc -c <"$DIR/conf.d/large.ini")" -gt 10000000
exits 0 "a file of 10 MB is read" check
says "with all its certificates" "$DIR/out" "150001 certificates"
# Cut in the middle of a key.
head -c 10000013 "$DIR/conf.d/large.ini" >"$DIR/conf.d/cut.ini"
rm "$DIR/conf.d/large.ini"
exits 2 "a file cut within a line is a mistake" check
