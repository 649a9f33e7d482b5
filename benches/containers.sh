#!/usr/bin/env bash
# Measures the container part with real control groups; see benches/containers.py for the arguments. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${TRIMETER:-}" ] || cargo build --release --locked >&2
for argument in "$@"; do
    [ "$argument" != --peer ] || .ci/tools.sh >&2
done
exec python3 benches/containers.py "$@"
