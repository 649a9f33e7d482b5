#!/usr/bin/env bash
# Counts instructions, which repeat where seconds do not: of one turn of every body of benches/bodies, and of one whole
# run over each fixture tree (start, one pass, text). Compares with benches/instructions.txt; UPDATE_INSTRUCTIONS=1
# writes it anew.
set -euo pipefail
cd "$(dirname "$0")/.."
trimeter=${TRIMETER:-$PWD/target/release/trimeter}
record=benches/instructions.txt
# More than this is a regression to explain or to mend; less is worth a new record. A whole run starts threads and
# reads the machine it runs on for a few numbers, so it repeats less well.
percent_body=2
percent_once=3
turns=20

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# callgrind ARGUMENT...: the instructions that were counted.
callgrind() {
    valgrind --tool=callgrind --callgrind-out-file="$out/callgrind" --log-file="$out/log" "$@" > "$out/text" ||
        { cat "$out/log" >&2; return 1; }
    awk '/^(summary|totals):/ { print $2; exit }' "$out/callgrind"
}

speed=$(cargo bench --locked --bench speed --no-run --message-format=json 2> "$out/build" |
    sed -n 's/.*"name":"speed".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$speed" ] || { cat "$out/build"; echo "the bench was not built"; exit 1; }

: > "$out/now"
for body in $("$speed" -list); do
    counted=$(callgrind --toggle-collect='*counted_turn*' "$speed" -count "$body" "$turns")
    [ "$counted" -gt 0 ] || { echo "nothing was counted of $body"; exit 1; }
    echo "body $body $((counted / turns))" >> "$out/now"
done
# The golden test makes these folders, which a clone does not have.
mkdir -p tests/fixtures/empty/proc tests/fixtures/empty/sys
for tree in tests/fixtures/*/; do
    [ -d "$tree/proc" ] || continue
    counted=$(callgrind "$trimeter" -once -metrics.profile=full -io.engine=syscall -path.procfs="$tree/proc" \
        -path.sysfs="$tree/sys" -path.rootfs="$tree" -path.udev.data="$tree/udev")
    [ -s "$out/text" ] || { echo "no output over $tree"; exit 1; }
    echo "once $(basename "$tree") $counted" >> "$out/now"
done
cat "$out/now"
if [ -n "${UPDATE_INSTRUCTIONS:-}" ]; then
    cp "$out/now" "$record"
    exit
fi
[ -e "$record" ] || { echo "no $record: write it with UPDATE_INSTRUCTIONS=1 benches/instructions.sh"; exit 1; }
awk -v body="$percent_body" -v once="$percent_once" '
    NR == FNR { was[$1 " " $2] = $3; next }
    { name = $1 " " $2
      seen[name] = 1
      if (!(name in was)) { print name ": not in the record"; bad = 1; next }
      change = ($3 / was[name] - 1) * 100
      over = change > ($1 == "body" ? body : once)
      printf "%s: %+.2f %%%s\n", name, change, over ? " TOO MANY" : ""
      if (over) bad = 1 }
    END { for (name in was) if (!(name in seen)) { print name ": in the record only"; bad = 1 }
          exit bad }' "$record" "$out/now"
