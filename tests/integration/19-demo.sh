#!/bin/sh
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# The demo that README promises runs to its end and leaves nothing behind.
. "$(dirname "$0")/lib.sh"
need openssl openssl

mkdir "$DIR/tmp"
TMPDIR=$DIR/tmp CERTAUTO=$CERTAUTO sh "$TREE/tests/demo.sh" >"$DIR/out" 2>&1
same "the demo succeeds" "$?" 0
if [ "$(tail -n 1 "$DIR/out")" != "==== Done" ]; then
    not_ok "it comes to its end" "$(tail -n 20 "$DIR/out")"
else
    ok "it comes to its end"
fi
says "the client verified the server" "$DIR/out" "Verif"
says "the second run did nothing" "$DIR/out" "nothing is due"
same "its folder is gone" "$(ls -A "$DIR/tmp")" ""
