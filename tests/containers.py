#!/usr/bin/env python3
"""Real containers, made as the kubelet and containerd make them, against the kernel's files and containerd's own
metrics: labels, numbers, throttling, OOM kills, restarts, and how soon a container is there and gone.

Needs root, containerd, runc, busybox-static and iproute2, all from Debian. Prints PASS and FAIL lines; exit code 1 if
something failed.
"""
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import facts  # noqa: E402
import harness  # noqa: E402
import runtime  # noqa: E402

BASE = ("container", "id", "image", "name", "namespace", "pod")
# A container must be in a scrape that begins this long after its control group appeared.
SEEN_AFTER = 0.1
# A number of a moving group may be read up to this many times before it must lie between two readings of the kernel's.
ROUNDS = 8

ALWAYS = [
    "container_last_seen", "container_start_time_seconds", "container_health_state", "container_cpu_load_average_10s",
    "container_cpu_load_d_average_10s", "container_cpu_user_seconds_total", "container_cpu_system_seconds_total",
    "container_spec_cpu_period", "container_spec_cpu_shares", "container_memory_swap", "container_memory_usage_bytes",
    "container_oom_events_total", "container_threads_max", "container_processes",
]

failed = 0


def check(title, good, otherwise=""):
    global failed
    print(f"PASS {title}" if good else f"FAIL {title}: {otherwise}", flush=True)
    failed += not good


class Groups:
    """One scrape, by control group: its six labels, and {family or (family, label value…): number}."""

    def __init__(self, body):
        samples, self.types = harness.parse(body.decode())
        self.labels, self.values, self.rest = {}, {}, {}
        for (name, pairs), value in samples.items():
            labels = dict(pairs)
            if "id" not in labels:
                self.rest[name, pairs] = value
                continue
            base = {label: labels.get(label) for label in BASE}
            others = [text for label, text in pairs if label not in BASE and (label, text) != ("cpu", "total")]
            self.labels.setdefault(base["id"], []).append(base)
            self.values.setdefault(base["id"], {})[(name, *others) if others else name] = value

    def wrong_labels(self, expect):
        """The label sets of a group that are not the expected one; a complaint if there is no series at all."""
        found = self.labels.get(expect["id"])
        return [one for one in found if one != expect][:1] if found else "no series"


class Agent:
    """The agent that looks at a runtime's state."""

    def __init__(self, run, *flags):
        # The machine may have groups of its own, and many.
        own = ["-promscrape.kubernetes.collectors=container", "-metrics.profile=full", "-container.max=8192"]
        command = [*own, f"-containerd.state={run.state}", *flags]
        self.server = harness.Server(
            lambda port: [harness.TRIMETER, f"-httpListenAddr=127.0.0.1:{port}", *command], "/metrics/cadvisor"
        )
        self.client = harness.Client(self.server.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        check("SIGTERM", self.server.stop() == 0, f"exit code {self.server.process.returncode}")

    def scrape(self):
        return Groups(self.client.get("/metrics/cadvisor"))


# ---- numbers -------------------------------------------------------------------------------------------------------


def between(value, before, after):
    if value is None or before is None or after is None:
        return False
    low, high = min(before, after), max(before, after)
    # Seconds are served in whole microseconds or nanoseconds, as the kernel has them.
    return low - 1e-6 <= value <= high + 1e-6


def compare(title, agent, id, read):
    """Every number of `read` must lie between two readings of it, taken right before and after a scrape."""
    open_keys = None
    for _ in range(ROUNDS):
        before = read()
        mine = agent.scrape().values.get(id, {})
        after = read()
        keys = before.keys() & after.keys()
        wrong = {key: (mine.get(key), before[key], after[key]) for key in keys}
        wrong = {key: seen for key, seen in wrong.items() if not between(*seen)}
        # A counter that has not begun is not served.
        wrong.pop("container_cpu_usage_seconds_total", None) if before["container_threads"] == 0 else None
        open_keys = wrong if open_keys is None else {key: wrong[key] for key in open_keys.keys() & wrong.keys()}
        if not open_keys:
            break
    check(f"{title}: {len(keys)} numbers", not open_keys and len(keys) > 3, open_keys)


def compare_kernel(title, agent, container):
    compare(title, agent, container.group, lambda: facts.of(container.group))


def compare_network(title, agent, sandbox):
    """The interfaces and nothing else, with the kernel's counters."""
    pid, id = sandbox.pid(), sandbox.group
    for _ in range(ROUNDS):
        before = facts.network(pid)
        values = agent.scrape().values.get(id, {})
        after = facts.network(pid)
        mine = {key: value for key, value in values.items() if key[0].startswith("container_network_")}
        wrong = {key: (mine.get(key), before[key], after[key]) for key in before}
        wrong = {key: seen for key, seen in wrong.items() if not between(*seen)}
        more = mine.keys() - before.keys()
        if not wrong and not more:
            break
    check(f"{title}: network of {len(before) // 8} interfaces", before and not wrong and not more, (wrong, more))


def frames(pod, count):
    """Sends packets into a pod from the other end of its device."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((pod.host_end, 0x88B5))
        for _ in range(count):
            link.send(b"\xff" * 6 + b"\x02" * 6 + b"\x88\xb5" + bytes(986))


def count_disk(container):
    """The kernel counts v1's disk I/O of a device only once somebody has limited it there."""
    number = os.stat(container.runtime.folder).st_dev
    name = os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if os.path.exists(f"{name}/partition"):
        name = os.path.dirname(name)
    try:
        with open(f"{name}/dev") as found:
            disk = found.read().strip()
        if runtime.V1:
            with open(runtime.group_path(container.group, "blkio", "blkio.throttle.write_bps_device"), "w") as out:
                out.write(f"{disk} 1000000000000")
    except OSError as trouble:
        return f"{name} is no disk: {trouble}"
    return ""


# ---- the scenarios -------------------------------------------------------------------------------------------------


def labels(agent, run, pods):
    seen = agent.scrape()
    for pod in pods:
        check(f"labels of pod {pod.name}", not (bad := seen.wrong_labels(pod.labels)), bad)
        for container in pod.containers():
            title = f"labels of {container.labels['container'] or 'the sandbox'} in {pod.name}"
            check(title, not (bad := seen.wrong_labels(container.labels)), bad)
    empty = {label: "" for label in BASE}
    for id in ("/", "/kubepods"):
        check(f"labels of {id}", not (bad := seen.wrong_labels({**empty, "id": id})), bad)
    known = {container.group for container in run.containers} | {pod.group for pod in run.pods}
    mine = {id for id in seen.values if any(id.startswith(pod.group) for pod in pods)}
    check("no other groups of these pods", mine == {id for id in known if id.startswith("/kubepods")}, mine ^ known)
    for container in run.containers:
        values = seen.values.get(container.group, {})
        absent = [name for name in ALWAYS if name not in values]
        check(f"families of {container.group[-12:]}", not absent or container.namespace != "k8s.io", absent)
        if container.namespace == "k8s.io":
            shown, start = values.get("container_start_time_seconds"), facts.start_time(container.group)
            check("its start", shown == start, (shown, start))
            shown = values.get("container_last_seen", 0)
            check("it was seen now", abs(shown - time.time()) < 3, shown)
    lines = [line for line in agent.client.get("/metrics/cadvisor").splitlines() if line[:1] != b"#"]
    stamped = [line for line in lines if line.rpartition(b"} ")[2].count(b" ") > (b"}" not in line)]
    check("no timestamps", not stamped, stamped[:1])


def work(agent, pod, app):
    """CPU under a quota, memory, disk and network."""
    app.start("while :; do :; done")
    time.sleep(1.5)
    compare_kernel("burning under a quota", agent, app)
    begun, first = time.monotonic(), agent.scrape().values[app.group]
    time.sleep(1)
    then, ended = agent.scrape().values[app.group], time.monotonic()
    grown = lambda name: then[name] - first[name]  # noqa: E731
    check("throttled", grown("container_cpu_cfs_throttled_periods_total") > 0, "")
    used = grown("container_cpu_usage_seconds_total") / (ended - begun)
    check("a fifth of a CPU", 0.02 < used < 0.25, used)
    # Everything in the container but its first process.
    app.run("kill -KILL -1")
    app.start('x=$(dd if=/dev/zero bs=1M count=10 2> /dev/null | tr "\\0" a); sleep 1000; true')
    grown = lambda: agent.scrape().values[app.group]["container_memory_rss"] > 8 << 20  # noqa: E731
    runtime.wait_until(grown, "10 MiB in memory", pause=0.2)
    compare_kernel("holding memory", agent, app)
    compare("as containerd sees it", agent, app.group, lambda: facts.of_containerd(app))
    trouble = count_disk(app)
    app.run("dd if=/dev/zero of=/file bs=64k count=64 oflag=direct 2> /dev/null")
    counted = facts.of(app.group)
    written = {key: number for key, number in counted.items() if key[0] == "container_fs_writes_bytes_total"}
    if trouble or not written:
        print(f"SKIP disk I/O: {trouble or 'the kernel has counted none'}")
    else:
        check("direct writes are counted", max(written.values()) >= 64 << 16, written)
        compare_kernel("after direct writes", agent, app)
    frames(pod, 50)
    received = ("container_network_receive_packets_total", "eth0")
    values = agent.scrape().values[pod.sandbox.group]
    check("50 packets", values.get(received, 0) >= 50, values.get(received))
    compare_network("sandbox", agent, pod.sandbox)
    mine = [key for key in agent.scrape().values[app.group] if key[0].startswith("container_network")]
    check("no network beside the sandbox's", not mine, mine)


def out_of_memory(agent, pod):
    eater = pod.container("eater", flags=["--memory-limit=16777216"])
    seen = lambda: agent.scrape().values.get(eater.group, {}).get("container_oom_events_total")  # noqa: E731
    runtime.wait_until(lambda: seen() == 0, "a container without OOM kills", seconds=5)
    for round_ in (1, 2):
        try:
            eater.run("dd if=/dev/zero of=/dev/null bs=64M count=1")
        except SystemExit:
            pass
        check(f"OOM kill {round_}", seen() == round_ == facts.of(eater.group)["container_oom_events_total"], seen())
    compare_kernel("after OOM kills", agent, eater)
    eater.remove()
    check("the killed one is gone", eater.group not in agent.scrape().values)


def restart(agent, pod, app):
    """Same pod, same name, another id: the new one never continues the old one's counters."""
    before = agent.scrape().values[app.group]["container_cpu_usage_seconds_total"]
    app.remove()
    again = pod.container("app", flags=["--cpu-quota=20000", "--cpu-period=100000"])
    time.sleep(facts_after)
    seen = agent.scrape()
    check("restarted: the old one is gone", app.group not in seen.values)
    check("restarted: labels", not (bad := seen.wrong_labels(again.labels)), bad)
    now = seen.values.get(again.group, {}).get("container_cpu_usage_seconds_total", 99)
    check("restarted: counters from the start", now < min(0.5, before), (before, now))
    compare_kernel("restarted", agent, again)


def soon(agent, pod, count=10):
    """How soon a container is there with its labels, and that it goes at once."""
    late, stale, unnamed = [], 0, 0
    for turn in range(count):
        known = set(os.listdir(runtime.group_path(pod.group, runtime.CONTROLLERS[0])))
        made = []
        thread = threading.Thread(target=lambda: made.append(pod.container(f"short-{turn}")))
        # The agent has just collected: a container must not wait until that is old.
        agent.scrape()
        thread.start()
        fresh = lambda: appeared(pod) - known  # noqa: E731
        runtime.wait_until(fresh, "a control group", pause=0.0005)
        time.sleep(SEEN_AFTER)
        id = f"{pod.group}/{fresh().pop()}"
        seen = agent.scrape()
        thread.join()
        if id not in seen.values:
            late.append(turn)
        elif seen.wrong_labels(made[0].labels):
            unnamed += 1
        agent.scrape()
        made[0].remove()
        stale += made[0].group in agent.scrape().values
    check(f"{count} containers are there {SEEN_AFTER} s after their control group", not late, f"not: {late}")
    check("with their labels", unnamed == 0, unnamed)
    check(f"{count} containers are gone at once", stale == 0, f"{stale} are not")


def appeared(pod):
    """Containers of a pod that are there in every hierarchy."""
    names = [set(os.listdir(runtime.group_path(pod.group, controller))) for controller in runtime.CONTROLLERS]
    return {name for name in set.intersection(*names) if len(name) == 64}


facts_after = SEEN_AFTER


def main():
    if lacks := runtime.missing():
        raise SystemExit(f"real containers need what is missing here: {lacks}")
    with runtime.Runtime() as run:
        pod = runtime.Pod(run, "web-0")
        app = pod.container("app", flags=["--cpu-quota=20000", "--cpu-period=100000", "--memory-limit=67108864"])
        host = runtime.Pod(run, "host-0", namespace="kube-system", qos="", host_network=True)
        host.container("agent", flags=["--cpu-shares=512"])
        best = runtime.Pod(run, "idle", qos="besteffort")
        run.plain("plain")
        with Agent(run, "-collect.maxAge=0s") as agent:
            labels(agent, run, [pod, host, best])
            for one in (pod.sandbox, app, host.sandbox):
                compare_kernel(f"{one.labels['pod']} {one.labels['container']}", agent, one)
            compare_network("host network", agent, host.sandbox)
            work(agent, pod, app)
            out_of_memory(agent, pod)
            restart(agent, pod, app)
            best.remove()
            left = [id for id in agent.scrape().values if id.startswith(best.group)]
            check("a removed pod is gone", not left, left)
        with Agent(run) as agent:
            soon(agent, pod)
            quiet = agent.client.get("/metrics/self").decode()
            check("no hot allocation", "\ntrimeter_hot_allocations_total 0\n" in quiet)
    print(f"containers: {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
