#!/usr/bin/env python3
"""What a scrape of the container part costs with many real control groups, and what it loses while they come and go.

    benches/containers.sh                   50, 67, 250 and 1,000 groups, one line of a Markdown table each
    benches/containers.sh --profile full    all families instead of those that dashboards use
    benches/containers.sh --churn 60        100 containers a second appear and vanish for so many seconds
    benches/containers.sh --peer            67 groups, beside cAdvisor with the kubelet's settings

Needs root: the groups are made with mkdir, with a process in a network namespace of its own in every sandbox. CPU is the
kernel's process clock of all threads over kept-alive scrapes that collect anew each time.
"""
import argparse
import os
import platform
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))
import cadvisor_compare  # noqa: E402
import crowd  # noqa: E402
import harness  # noqa: E402
import runtime  # noqa: E402

PATH = "/metrics/cadvisor"
# What the kubelet passes to cAdvisor.
HOUSEKEEPING = ["-housekeeping_interval=10s", "-max_housekeeping_interval=15s", "-allow_dynamic_housekeeping=true"]


class Own:
    """A control group for the measured program alone: the kernel memory that it causes is charged to it."""

    def __enter__(self):
        self.group = f"/trimeter-bench-{os.getpid()}"
        self.controller = "memory" if runtime.V1 else ""
        os.mkdir(runtime.group_path(self.group, self.controller))
        return self

    def __exit__(self, *_):
        os.rmdir(runtime.group_path(self.group, self.controller))

    def wrap(self, command):
        procs = runtime.group_path(self.group, self.controller, "cgroup.procs")
        return lambda port: ["sh", "-c", f'echo $$ > {procs}; exec "$@"', "sh", *command(port)]

    def charged(self):
        file = "memory.usage_in_bytes" if runtime.V1 else "memory.current"
        return int(runtime.group_read(self.group, self.controller, file))


def agent(folder, profile, *more):
    own = ["-promscrape.kubernetes.collectors=container", f"-metrics.profile={profile}"]
    flags = [*own, f"-containerd.state={folder.state}", *more]
    return lambda port: [harness.TRIMETER, f"-httpListenAddr=127.0.0.1:{port}", *flags]


def ids(body):
    """The control groups of a scrape."""
    return {line.partition('id="')[2].partition('"')[0] for line in body.decode().splitlines() if 'id="' in line}


def series(body):
    return sum(1 for line in body.split(b"\n") if line and not line.startswith(b"#"))


def scraped(server, path, scrapes):
    client = harness.Client(server.port)
    for _ in range(5):
        client.get(path)
    latencies, before = [], server.cpu_ns()
    for _ in range(scrapes):
        begun = time.perf_counter()
        body = client.get(path)
        latencies.append(time.perf_counter() - begun)
    cpu = (server.cpu_ns() - before) / scrapes / 1e3
    quiet = None
    if path == PATH:
        quiet = b"\ntrimeter_hot_allocations_total 0\n" in client.get("/metrics/self")
    client.close()
    return cpu, statistics.median(latencies) * 1e3, body, quiet


def measure(count, profile, scrapes):
    with crowd.Crowd(count) as folder, Own() as own:
        with harness.Server(own.wrap(agent(folder, profile, "-collect.maxAge=0s")), PATH) as server:
            cpu, latency, body, quiet = scraped(server, PATH, scrapes)
            shown = sum(id.startswith("/kubepods") for id in ids(body))
            print(
                f"| {count:,} | {len(folder.pods)} | {cpu:,.0f} | {cpu / count:.1f} | {latency:.2f} | {cpu / 15e6:.4%} | "
                f"{series(body):,} | {len(body):,} | {server.rss_bytes() / 1e6:.2f} | {own.charged() / 1e6:.2f} | "
                f"{server.start_seconds * 1e3:.0f} |",
                flush=True,
            )
            if shown != count:
                print(f"only {shown} of {count} groups are served")
            if not quiet:
                print("the hot path has allocated")
    return shown == count and quiet


def churn(seconds, rate=100):
    """Containers live for half a second; everybody who should be in a scrape is, and nobody who is gone."""
    alive, dead, lock, trouble = {}, {}, threading.Lock(), []
    with crowd.Crowd(67) as folder:
        common = {"sandbox-id": "0" * 64, "sandbox-name": "web-0", "sandbox-namespace": "shop", "sandbox-uid": "x"}
        over = time.monotonic() + seconds

        def work():
            made, begun = 0, time.monotonic()
            try:
                while time.monotonic() < over:
                    while made < (time.monotonic() - begun) * rate:
                        group = folder.container(folder.pods[made % len(folder.pods)], common, f"short-{made}")
                        with lock:
                            alive[group] = time.monotonic()
                        made += 1
                    with lock:
                        old = [group for group, born in alive.items() if born < time.monotonic() - 0.5]
                    for group in old:
                        with lock:
                            del alive[group]
                        folder.forget(group)
                        with lock:
                            dead[group] = time.monotonic()
                    time.sleep(0.002)
            except OSError as error:
                trouble.append(error)
            for group in list(alive):
                folder.forget(group)

        with harness.Server(agent(folder, "essential"), PATH) as server:
            client, scrapes, missed, stale, cpu = harness.Client(server.port), 0, set(), set(), server.cpu_ns()
            thread = threading.Thread(target=work)
            thread.start()
            while time.monotonic() < over:
                with lock:
                    begun = time.monotonic()
                    ripe = {group for group, born in alive.items() if born < begun - 0.1}
                    gone = set(dead)
                body = client.get(PATH)
                shown = ids(body)
                with lock:
                    ripe &= alive.keys()
                missed |= ripe - shown
                stale |= gone & shown
                scrapes += 1
                time.sleep(0.25)
            thread.join()
            cpu = (server.cpu_ns() - cpu) / seconds / 1e9
            own = client.get("/metrics/self").decode()
    quiet = "\ntrimeter_hot_allocations_total 0\n" in own
    print(
        f"{seconds} s, {len(dead) / seconds:.0f} containers a second, {scrapes} scrapes: {len(missed)} missed, {len(stale)} "
        f"shown after their end, {'no' if quiet else 'SOME'} hot allocations, {cpu:.1%} of a core"
    )
    for line in own.splitlines():
        if line.startswith(("trimeter_table_refused_total", "trimeter_table_used")) and "group" in line:
            print(f"  {line}")
    return quiet and not missed and not stale and not trouble


def beside_the_peer(count, scrapes):
    """Both with the same groups; the peer without containerd, which saves it the network of the sandboxes."""
    print(f"\n### {count} control groups\n\n| | cAdvisor | trimeter |\n|---|---:|---:|")
    columns = []
    with crowd.Crowd(count) as folder:
        nowhere = type("Nowhere", (), {"socket": "/nowhere"})
        cadvisor = cadvisor_compare.cadvisor(nowhere)
        programs = [
            (lambda port: [*cadvisor(port), *HOUSEKEEPING], "/metrics"),
            (agent(folder, "full", "-collect.maxAge=0s"), PATH),
        ]
        for command, path in programs:
            with harness.Server(command, path) as server:
                time.sleep(5)
                before = server.cpu_ns()
                time.sleep(60)
                idle = (server.cpu_ns() - before) / 1e6
                cpu, latency, body, _ = scraped(server, path, scrapes)
                columns.append([idle, cpu / 1e3, latency, series(body), len(body), server.rss_bytes() / 1e6])
    rows = ["CPU in a minute without scrapes, ms", "CPU per scrape, ms", "latency p50, ms"]
    for row, *values in zip([*rows, "series", "bytes", "resident, MB"], *columns):
        shown = [f"{value:,.0f}" if value > 1000 else f"{value:.2f}" for value in values]
        print(f"| {row} | {' | '.join(shown)} |")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, action="append")
    parser.add_argument("--profile", choices=["essential", "full"], default="essential")
    parser.add_argument("--scrapes", type=int, default=200)
    parser.add_argument("--churn", type=int, metavar="SECONDS")
    parser.add_argument("--peer", action="store_true")
    args = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("control groups are made with mkdir: root is needed")
    if runtime.group_exists("/kubepods"):
        raise SystemExit("there is a /kubepods already: not on a node, and not twice at the same time")
    with open("/proc/cpuinfo") as found:
        model = next((line.split(": ")[1].strip() for line in found if line.startswith("model name")), "?")
    version = "cgroup v1" if runtime.V1 else "cgroup v2"
    print(f"{time.strftime('%Y-%m-%d')}, Linux {platform.release()}, {version}, {os.cpu_count()} CPUs ({model})")
    if args.churn:
        sys.exit(not churn(args.churn))
    if args.peer:
        sys.exit(not beside_the_peer((args.groups or [67])[0], args.scrapes))
    print(f"profile {args.profile}, {args.scrapes} scrapes a row\n")
    print("| groups | pods | CPU per scrape, µs | per group, µs | p50, ms | share of a core at 15 s | series | bytes | "
          "resident, MB | charged, MB | start, ms |")
    print("|" + "---:|" * 11)
    good = [measure(count, args.profile, args.scrapes) for count in args.groups or [50, 67, 250, 1000]]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
