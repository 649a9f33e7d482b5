#!/usr/bin/env bash
# Counts the instructions of one whole run over a machine made of files: start, one pass, text. Counts repeat where
# seconds do not. Compares with benches/instructions.txt; UPDATE_INSTRUCTIONS=1 writes it anew.
set -euo pipefail
cd "$(dirname "$0")/.."
trimeter=${TRIMETER:-$PWD/target/release/trimeter}
record=benches/instructions.txt
# More than this is a regression to explain or to mend; less is worth a new record.
percent=3

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
count() {
    valgrind --tool=callgrind --callgrind-out-file="$out/callgrind" --log-file="$out/log" "$@" > "$out/text"
    [ -s "$out/text" ] || { echo "no output of: $*" >&2; return 1; }
    awk '/^(summary|totals):/ { print $2; exit }' "$out/callgrind"
}

: > "$out/now"
for tree in tests/fixtures/*/; do
    [ -d "$tree/proc" ] || continue
    counted=$(count "$trimeter" -once -metrics.profile=full -io.engine=syscall -path.procfs="$tree/proc" \
        -path.sysfs="$tree/sys" -path.rootfs="$tree" -path.udev.data="$tree/udev")
    echo "once $(basename "$tree") $counted" >> "$out/now"
done
[ -s "$out/now" ] || { echo "no fixture tree with a proc folder"; exit 1; }
cat "$out/now"
if [ -n "${UPDATE_INSTRUCTIONS:-}" ]; then
    cp "$out/now" "$record"
    exit
fi
[ -e "$record" ] || { echo "no $record: write it with UPDATE_INSTRUCTIONS=1 benches/instructions.sh"; exit 1; }
awk -v percent="$percent" '
    NR == FNR { was[$1 " " $2] = $3; next }
    { name = $1 " " $2
      if (!(name in was)) { print name ": not in the record"; bad = 1; next }
      change = ($3 / was[name] - 1) * 100
      printf "%s: %+.2f %%\n", name, change
      seen[name] = 1
      if (change > percent) bad = 1 }
    END { for (name in was) if (!(name in seen)) { print name ": in the record only"; bad = 1 }
          exit bad }' "$record" "$out/now"
