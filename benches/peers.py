#!/usr/bin/env python3
"""Measures node_exporter and trimeter side by side and prints a table. `benches/peers.sh` prepares and calls it.

Programs take turns, A B A B, each time as a fresh process. CPU is the kernel's process clock (all threads, user and
system) over kept-alive scrapes; the client's own work is not in it.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))
import harness  # noqa: E402

SIX = ["cpu", "meminfo", "filesystem", "netdev", "loadavg", "diskstats"]
ONLY_SIX = ["--collector.disable-defaults", *(f"--collector.{name}" for name in SIX)]

# Name, pairs of veth devices (and lo), flags for both.
SETUPS = {
    "default": ("default collectors, 11 network devices", 5, []),
    "six": ("essential six collectors, 11 network devices", 5, ONLY_SIX),
    "devices": ("default collectors, 111 network devices", 55, []),
}
# The node's metrics only: the agent's own have no counterpart at the peer.
PATHS = {"node_exporter": "/metrics", "trimeter": "/metrics/node"}
PROGRAMS = {"node_exporter": harness.node_exporter, "trimeter": harness.trimeter}


def series(body):
    return sum(1 for line in body.split(b"\n") if line and not line.startswith(b"#"))


def per_scrape(server, path, scrapes, gzip):
    """(CPU ns per scrape, latencies in seconds, bytes of the last body)."""
    client = harness.Client(server.port)
    for _ in range(10):
        client.get(path, gzip=gzip)
    latencies = []
    before = server.cpu_ns()
    for _ in range(scrapes):
        begun = time.perf_counter()
        body = client.get(path, gzip=gzip)
        latencies.append(time.perf_counter() - begun)
    cpu = (server.cpu_ns() - before) / scrapes
    client.close()
    return cpu, latencies, len(body)


def measure(program, flags, scrapes, soak):
    """One fresh process, all numbers of a column. A scrape collects anew each time: nothing may answer from a cache."""
    extra = ["-collect.maxAge=0s"] if program == "trimeter" else []
    command = PROGRAMS[program]([*flags, *extra])
    path = PATHS[program]
    starts = []
    for _ in range(3):
        with harness.Server(command) as server:
            starts.append(server.start_seconds)
    with harness.Server(command) as server:
        plain_cpu, plain, plain_bytes = per_scrape(server, path, scrapes, False)
        gzip_cpu, packed, gzip_bytes = per_scrape(server, path, scrapes, True)
        done = 1 + 2 * (scrapes + 10)
        client = harness.Client(server.port)
        for _ in range(max(0, 500 - done)):
            client.get(path)
        result = {
            "series": series(client.get(path)),
            "bytes": plain_bytes,
            "gzip_bytes": gzip_bytes,
            "cpu_us": plain_cpu / 1e3,
            "gzip_cpu_us": gzip_cpu / 1e3,
            "p50_ms": statistics.median(plain) * 1e3,
            "p99_ms": statistics.quantiles(plain, n=100)[98] * 1e3,
            "gzip_p99_ms": statistics.quantiles(packed, n=100)[98] * 1e3,
            "rss_500": server.rss_bytes(),
            "start_ms": statistics.median(starts) * 1e3,
        }
        if soak:
            for _ in range(soak):
                client.get(path)
            result["rss_soak"] = server.rss_bytes()
    return result


def stripped_bytes(path):
    path = os.path.realpath(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "stripped")
        if subprocess.run(["strip", "-o", copy, path], capture_output=True).returncode == 0:
            return os.path.getsize(copy)
    return os.path.getsize(path)


def run(setup, scrapes, soak, rounds):
    _, _, flags = SETUPS[setup]
    results = {program: [] for program in PROGRAMS}
    for turn in range(rounds):
        for program in PROGRAMS:
            last = turn == rounds - 1
            results[program].append(measure(program, flags, scrapes, soak if program == "trimeter" and last else 0))
    # Means for work, the largest for memory: two rounds are no distribution.
    merged = {}
    for program, rounds_of in results.items():
        keys = {key for one in rounds_of for key in one}
        merged[program] = {
            key: (max if key.startswith("rss") else statistics.mean)([one[key] for one in rounds_of if key in one])
            for key in keys
        }
    return merged


ROWS = [
    ("CPU per scrape, µs", "cpu_us", "{:,.0f}", True),
    ("CPU per scrape with gzip, µs", "gzip_cpu_us", "{:,.0f}", True),
    ("series", "series", "{:,.0f}", False),
    ("bytes", "bytes", "{:,.0f}", False),
    ("bytes with gzip", "gzip_bytes", "{:,.0f}", False),
    ("latency p50, ms", "p50_ms", "{:.2f}", True),
    ("latency p99, ms", "p99_ms", "{:.2f}", True),
    ("latency p99 with gzip, ms", "gzip_p99_ms", "{:.2f}", True),
    ("resident after 500 scrapes, MB", "rss_500", "mb", True),
    ("resident after {soak:,} more scrapes, MB", "rss_soak", "mb", True),
    ("start to first complete scrape, ms", "start_ms", "{:.1f}", True),
    ("binary, stripped, MB", "binary", "mb", True),
]


def table(setup, merged, soak):
    lines = [f"\n### {SETUPS[setup][0]}\n", "| | node_exporter | trimeter | ratio |", "|---|---:|---:|---:|"]
    for label, key, form, ratio in ROWS:
        values = [merged[program].get(key) for program in PROGRAMS]
        if values == [None, None]:
            continue
        show = [
            "–" if value is None else f"{value / 1e6:.2f}" if form == "mb" else form.format(value) for value in values
        ]
        part = f"1/{values[0] / values[1]:.1f}" if ratio and None not in values else ""
        lines.append(f"| {label.format(soak=soak)} | {show[0]} | {show[1]} | {part} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scrapes", type=int, default=300)
    parser.add_argument("--soak", type=int, default=20_000, help="more scrapes of trimeter before its memory is read again")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--setup", choices=SETUPS, action="append")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        json.dump(run(args.inside, args.scrapes, args.soak, args.rounds), sys.stdout)
        return
    model = next((l.split(": ")[1] for l in open("/proc/cpuinfo").read().split("\n") if l.startswith("model name")), "?")
    print(f"{time.strftime('%Y-%m-%d')}, Linux {platform.release()}, {os.cpu_count()} CPUs ({model}), "
          f"{args.rounds} × {args.scrapes} scrapes a row, order A B A B")
    binaries = {"node_exporter": harness.NODE_EXPORTER, "trimeter": harness.TRIMETER}
    for setup in args.setup or SETUPS:
        forward = [f"--scrapes={args.scrapes}", f"--soak={args.soak}", f"--rounds={args.rounds}"]
        with harness.Namespace(SETUPS[setup][1]) as space:
            inside = space.command([sys.executable, __file__, "--inside", setup, *forward])
            merged = json.loads(subprocess.run(inside, check=True, capture_output=True, text=True).stdout)
        for program in PROGRAMS:
            merged[program]["binary"] = stripped_bytes(binaries[program])
        print(table(setup, merged, args.soak), flush=True)


if __name__ == "__main__":
    main()
