#!/usr/bin/env bash
# A real vmagent scrapes the agent into a real victoria-metrics, which is then asked by query. Everything is on
# loopback, in a folder that is removed, and ends within a minute.
#
#   TRIMETER=path tests/e2e_vmagent.sh     default: target/release/trimeter
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/tools.sh
trimeter=${TRIMETER:-$PWD/target/release/trimeter}
peers=$PWD/target/peers/bin
work=$(mktemp -d)
pids=()

finish() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2> /dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
agent_port=$(free_port) storage_port=$(free_port) vmagent_port=$(free_port)

# start NAME COMMAND...
start() {
    local name=$1
    shift
    "$@" > "$work/$name.log" 2>&1 &
    pids+=("$!")
}

# ready NAME URL
ready() {
    local try
    for try in $(seq 100); do
        curl -fsS -o /dev/null --max-time 2 "$2" 2> /dev/null && return
        sleep 0.1
    done
    echo "$1 did not become ready"
    tail -n 20 "$work/$1.log"
    exit 1
}

# The paths that a cluster's scrape jobs use; PATHS is for a stand-in that has /metrics only.
read -r -a paths <<< "${PATHS:-/metrics /metrics/node /metrics/kube-state /metrics/self}"
{
    echo "global: {scrape_interval: 1s, scrape_timeout: 1s}"
    echo "scrape_configs:"
    for path in "${paths[@]}"; do
        printf -- '- job_name: "%s"\n  metrics_path: %s\n  static_configs: [{targets: ["127.0.0.1:%s"]}]\n' \
            "$path" "$path" "$agent_port"
    done
} > "$work/scrape.yml"

start api python3 tests/standin.py "$work/kubeconfig"
for _ in $(seq 100); do
    [ ! -s "$work/api.log" ] || break
    sleep 0.1
done
read -r -a objects < "$work/api.log"
start agent "$trimeter" -httpListenAddr=127.0.0.1:"$agent_port" -metrics.profile=full "${objects[@]}"
start storage "$peers/victoria-metrics" -httpListenAddr=127.0.0.1:"$storage_port" -storageDataPath="$work/data" \
    -retentionPeriod=1d -search.latencyOffset=0s -memory.allowedBytes=256MiB
ready agent "http://127.0.0.1:$agent_port/-/ready"
ready storage "http://127.0.0.1:$storage_port/health"
start vmagent "$peers/vmagent" -httpListenAddr=127.0.0.1:"$vmagent_port" -promscrape.config="$work/scrape.yml" \
    -remoteWrite.url="http://127.0.0.1:$storage_port/api/v1/write" -remoteWrite.tmpDataPath="$work/queue" \
    -remoteWrite.flushInterval=1s -promscrape.suppressScrapeErrors=false
ready vmagent "http://127.0.0.1:$vmagent_port/health"

cat > "$work/ask.py" <<'PY'
"""Asks the storage until every answer is as expected, half a minute at most."""
import json, os, sys, time, urllib.parse, urllib.request

storage, vmagent, paths = sys.argv[1], sys.argv[2], sys.argv[3:]
ours = "/metrics/self" in paths


def query(text):
    url = f"http://127.0.0.1:{storage}/api/v1/query?" + urllib.parse.urlencode({"query": text, "nocache": 1})
    answer = json.load(urllib.request.urlopen(url, timeout=5))
    return [float(sample["value"][1]) for sample in answer["data"]["result"]]


def counter(port, name):
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


total = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))) * 1024
of_node = [path for path in paths if path in ("/metrics", "/metrics/node")]
of_objects = [path for path in paths if path in ("/metrics", "/metrics/kube-state")]
checks = [
    ("every target is up", lambda: query("count(up == 1)") == [len(paths)]),
    ("node_memory_MemTotal_bytes is the machine's",
     lambda: query("node_memory_MemTotal_bytes") == [total] * len(of_node)),
    ("300 to 5,000 samples from a path",
     lambda: all(300 < got < 5000 for got in query('scrape_samples_scraped{job!="/metrics/self"}'))),
    ("no sample was lost between scrape and storage",
     lambda: query('max(count({__name__=~"node_.+", job="/metrics"}))')[0] > 300),
    ("cpu seconds of all CPUs grow by about the time that passes",
     lambda: 0.5 < query('sum(rate(node_cpu_seconds_total{job="/metrics"}[5s]))')[0] / os.cpu_count() < 1.5),
    ("vmagent saw no parse error", lambda: counter(vmagent, "vm_rows_invalid_total") == 0),
    ("storage saw no invalid row", lambda: counter(storage, "vm_rows_invalid_total") == 0),
    ("vmagent counts no failed scrape", lambda: counter(vmagent, "vm_promscrape_scrapes_failed_total") == 0),
]
if ours:
    checks += [
        ("no allocation on the hot path", lambda: set(query("trimeter_hot_allocations_total")) == {0.0}),
        ("every kind of objects has series",
         lambda: query('count(count by (resource) (trimeter_kube_objects == 1))') == [39]
         and query('count(kube_pod_info)') == [len(of_objects)]),
        ("the self path has its own samples",
         lambda: all(got > 20 for got in query('scrape_samples_scraped{job="/metrics/self"}'))),
    ]
deadline = time.time() + 30
failed = 0
for title, check in checks:
    while True:
        try:
            good = check()
        except (OSError, IndexError, ValueError) as error:
            good = False
        if good or time.time() > deadline:
            break
        time.sleep(0.5)
    failed += not good
    print("PASS" if good else "FAIL", title, flush=True)
sys.exit(1 if failed else 0)
PY
python3 "$work/ask.py" "$storage_port" "$vmagent_port" "${paths[@]}" || {
    tail -n 20 "$work"/*.log
    exit 1
}
