#!/usr/bin/env bash
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A run with nothing due, against a program that only opens, reads and closes the same files.
# The two run by turns; what is judged is the median of the ratios of the pairs, never a bare time.
set -euo pipefail

certauto=$(realpath "${CERTAUTO:-./certauto}")
here=$(cd "$(dirname "$0")" && pwd)
cc=${BENCH_CC:-cc}
work=$(mktemp -d "${TMPDIR:-/tmp}/certauto-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

most_ratio=2.0      # CPU, at 10,000 and 100,000 certificates
most_bytes=400      # memory a certificate
most_start_ms=2.0   # CPU of "certauto -V"

"$cc" -O2 -static -o "$work/floor" "$here/floor.c"
"$cc" -O2 -static -o "$work/pair" "$here/pair.c"

# Judges "VALUE <= LIMIT" and says it in one line.
judge() {
    if awk -v a="$2" -v b="$3" 'BEGIN { exit !(a <= b) }'; then
        printf '  ok      %-44s %10s  (at most %s)\n' "$1" "$2" "$3"
    else
        printf '  TOO MUCH %-43s %10s  (at most %s)\n' "$1" "$2" "$3"
        failed=1
    fi
}

# write_config COUNT: a configuration with a section a certificate.
write_config() {
    cat <<END
[certauto]
state_dir = $work/state
run_dir = $work/run
log_level = error
[defaults]
auto_renew = yes
auto_publish = yes
template = ca
[template ca]
hook = local-ca
END
    awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
        printf "[certificate h%06d.example.org]\nnames = h%06d.example.org\n", i, i }'
}

# One real certificate; its state file, with the name changed, serves as all the others.
write_config 1 > "$work/one.ini"
"$certauto" -c "$work/one.ini" --run-now > /dev/null
cp "$work/state/h000000.example.org.state" "$work/model"
made=1

for count in 1000 10000 100000; do
    write_config "$count" > "$work/$count.ini"
    awk -v from="$made" -v to="$count" -v dir="$work/state" '
        { text = text $0 "\n" }
        END { for (i = from; i < to; i++) {
            name = sprintf("h%06d.example.org", i)
            copy = text
            gsub(/h000000\.example\.org/, name, copy)
            file = dir "/" name ".state"
            printf "%s", copy > file
            close(file)
        } }' "$work/model"
    made=$count
done
write_config 0 > "$work/0.ini"
# Nothing may be due, or the figures mean nothing.
if ! "$certauto" -c "$work/100000.ini" --run-now --json | grep -q '"results":[[:space:]]*\[\]'; then
    echo "bench: something was due" >&2
    exit 1
fi

none=$("$work/pair" 11 "$certauto" -c "$work/0.ini" --run-now -- "$work/floor" "$work/0.ini" "$work/state" 0)
none_rss=$(echo "$none" | cut -d' ' -f4)

echo "run with nothing due, a section a certificate, against the floor"
echo "  certificates   ratio   certauto CPU ms   floor CPU ms   memory KiB   bytes a certificate"
for count in 1000 10000 100000; do
    rounds=31
    [ "$count" -lt 100000 ] || rounds=9
    line=$("$work/pair" "$rounds" "$certauto" -c "$work/$count.ini" --run-now -- \
        "$work/floor" "$work/$count.ini" "$work/state" "$count")
    read -r ratio cpu floor rss _ <<< "$line"
    bytes=$(awk -v a="$rss" -v b="$none_rss" -v n="$count" 'BEGIN { printf "%.0f", (a - b) * 1024 / n }')
    printf '  %12s %7s %17s %14s %12s %21s\n' "$count" "$ratio" "$cpu" "$floor" "$rss" "$bytes"
    eval "ratio_$count=$ratio bytes_$count=$bytes"
done
start=$("$work/pair" 51 "$certauto" -V -- "$work/floor" /dev/null "$work/state" 0 | cut -d' ' -f2)

echo "judged"
judge "CPU ratio at 10,000" "$ratio_10000" "$most_ratio"
judge "CPU ratio at 100,000" "$ratio_100000" "$most_ratio"
judge "bytes a certificate at 10,000" "$bytes_10000" "$most_bytes"
judge "bytes a certificate at 100,000" "$bytes_100000" "$most_bytes"
judge "start-up (-V), CPU ms" "$start" "$most_start_ms"
exit $failed
