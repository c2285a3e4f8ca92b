#!/usr/bin/env bash
# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# plan --days 365 of 10,000 certificates of 90 days: what a simulated decision costs, against localtime_r.
# The two run by turns, in one zone; what is judged is the median of the ratios of the pairs, never a bare time.
# Counted is the whole command, with the reading of configuration and states and the printing of the plan.
set -euo pipefail

certauto=$(realpath "${CERTAUTO:-./certauto}")
here=$(cd "$(dirname "$0")" && pwd)
cc=${BENCH_CC:-cc}
work=$(mktemp -d "${TMPDIR:-/tmp}/certauto-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0
count=10000
zone=Europe/Berlin

# The aim is 5 us a decision. localtime_r took 60 to 65 ns where that was set: 5 us are 80 of them.
most_ratio=80
times=10 # so many calls of localtime_r a decision, for a run that is long enough to be measured

"$cc" -O2 -static -o "$work/localtime" "$here/localtime.c"
"$cc" -O2 -static -o "$work/pair" "$here/pair.c"
export TZ=$zone

# write_config COUNT: a configuration with a section a certificate.
write_config() {
    cat <<END
[certauto]
state_dir = $work/state
run_dir = $work/run
log_level = error
timezone = $zone
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
awk -v to="$count" -v dir="$work/state" '
    { text = text $0 "\n" }
    END { for (i = 1; i < to; i++) {
        name = sprintf("h%06d.example.org", i)
        copy = text
        gsub(/h000000\.example\.org/, name, copy)
        file = dir "/" name ".state"
        printf "%s", copy > file
        close(file)
    } }' "$work/model"
write_config "$count" > "$work/many.ini"

# A decision leads to each moment at which something starts, one to each step, and one to the end of each certificate.
read -r steps decisions <<< "$("$certauto" -c "$work/many.ini" plan --days 365 --json | awk -F '"' -v count="$count" '
    $2 == "at" { at = $4; steps++ }
    $2 == "name" { if (at $4 != last) { moments++ }; last = at $4 }
    END { print steps, steps + moments + count }')"
if [ "$steps" -lt $((count * 10)) ] || [ "$steps" -gt $((count * 12)) ]; then
    echo "bench: a year of $count certificates of 90 days has $steps steps" >&2
    exit 1
fi

echo "plan --days 365 of $count certificates of 90 days: $steps steps, $decisions decisions"
for way in "" --json; do
    # shellcheck disable=SC2086
    line=$("$work/pair" 11 "$certauto" -c "$work/many.ini" plan --days 365 $way -- \
        "$work/localtime" $((decisions * times)))
    read -r ratio cpu floor rss _ <<< "$line"
    awk -v way="${way:-text}" -v ratio="$ratio" -v cpu="$cpu" -v floor="$floor" -v rss="$rss" -v n="$decisions" \
        -v times="$times" -v most="$most_ratio" 'BEGIN {
        printf "  %-7s %-8s a decision %.2f us, localtime_r %.1f ns, ratio %.0f  (at most %d); memory %d MiB\n",
            ratio * times <= most ? "ok" : "TOO MUCH", way, cpu * 1e3 / n, floor * 1e6 / n / times,
            ratio * times, most, rss / 1024
        exit !(ratio * times <= most) }' || failed=1
done
exit $failed
