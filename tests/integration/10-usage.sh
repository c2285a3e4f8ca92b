#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# What is typed wrong is named, with the nearest right word, and exits 2; help and version work everywhere.
. "$(dirname "$0")/lib.sh"

write_config <<END
[template internal]
hook = local-ca

[group web]

[certificate www.example.org]
names = www.example.org
group = web
template = internal
END

exits 0 "-h works without a configuration" -c /nowhere -h
says "it lists the commands" "$DIR/out" "explain NAME"
silent_about "but none that is not there yet" "$DIR/out" "report"
for command in check status review explain import renew publish rollback forget rehearse hooks lua; do
    exits 0 "$command -h works" -c /nowhere "$command" -h
    says "it says how $command is used" "$DIR/out" "certauto [-c FILE] $command"
done
exits 0 "--run-now -h works" -c /nowhere --run-now -h
says "it tells the options of a run" "$DIR/out" "--ignore-slots"
exits 0 "-V works without a configuration" -c /nowhere -V
check "it begins with the version" grep -q '^certauto [0-9]' "$DIR/out"
for library in lua mbedtls cjson; do
    says "it names $library" "$DIR/out" "$library"
done

exits 2 "an unknown command" statsu
says "has a nearest one" "$DIR/err" "did you mean 'status'?"
exits 2 "an unknown option" status --jsn
says "has a nearest one, too" "$DIR/err" "did you mean '--json'?"
exits 2 "an unknown certificate" explain www.example.rog
says "and so has a name" "$DIR/err" "did you mean 'www.example.org'?"
exits 2 "an unknown name of several" status www.example.org nobody
says "it is named" "$DIR/err" "there is no certificate 'nobody'"
exits 2 "an unknown group" --run-now --group wbe
says "with the nearest group" "$DIR/err" "did you mean 'web'?"
exits 2 "an unknown hook" hooks issue/local-c
says "with the nearest hook" "$DIR/err" "did you mean 'issue/local-ca'?"
exits 2 "an option that the command does not take" status --force
says "it says so" "$DIR/err" "status takes no --force"
exits 2 "a missing argument" explain
says "the usage is shown" "$DIR/err" "explain [OPTION...] NAME"
exits 2 "too many arguments" review a b
exits 2 "import without a certificate" import www.example.org
says "it says what is missing" "$DIR/err" "--cert"
exits 2 "a time that is none" explain www.example.org --at tomorrow
says "it says which are" "$DIR/err" "2026-11-23"

exits 2 "the loop takes no option of a command" --dry-run
says "it says so" "$DIR/err" "the loop takes no --dry-run"
exits 2 "without a configuration there is no loop" -c "$DIR/none.ini"
says "the file is named" "$DIR/err" "$DIR/none.ini"
exits 2 "report is not there yet" report --days 3
says "and says so" "$DIR/err" "'report' is not in this version yet"

exits 2 "a configuration that is not there" -c "$DIR/none.ini" status
says "is named" "$DIR/err" "$DIR/none.ini"
check "nothing was made by all that" test ! -e "$STATE" -a ! -e "$DIR/run"
if "$CERTAUTO" -c "$CONFIG" status >/dev/full 2>"$DIR/err"; then
    not_ok "a full standard output is no success"
else
    ok "a full standard output is no success"
fi
