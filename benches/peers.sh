#!/usr/bin/env bash
# Measures node_exporter and trimeter side by side on this machine and prints a Markdown table for PERF.md.
#
#   benches/peers.sh                       all three setups
#   benches/peers.sh --setup six           one of: default, six, devices
#   benches/peers.sh --setup containers    cAdvisor and trimeter with 67 control groups
#   benches/peers.sh --scrapes 50 --soak 0 quicker and less exact
#
# Needs root (network namespaces) and Debian's packages; see .ci/tools.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/tools.sh >&2
[ -n "${TRIMETER:-}" ] || cargo build --release --locked >&2
if [ "${1:-} ${2:-}" = "--setup containers" ]; then
    exec benches/containers.sh --peer "${@:3}"
fi
exec python3 benches/peers.py "$@"
