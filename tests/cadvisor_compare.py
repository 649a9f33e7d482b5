#!/usr/bin/env python3
"""Compares trimeter with cAdvisor on real containers at the same moment: families, types, label sets and values.

cAdvisor looks at a group once a second, so it is asked before and well after the agent. A counter of the agent must lie
between the two, a gauge that did not move must be equal. cAdvisor is the last one that Debian has (0.38), with the
kubelet's settings; what it may have differently is listed in ALLOWED with the reason. Exit code 1 if there is more.
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import containers  # noqa: E402
import harness  # noqa: E402
import runtime  # noqa: E402

CADVISOR = os.path.join(harness.PEERS, "cadvisor")
WHITELIST = ["io.kubernetes.container.name", "io.kubernetes.pod.name", "io.kubernetes.pod.namespace"]
# What the kubelet does not collect either.
DISABLED = "percpu,tcp,udp,sched,hugetlb,referenced_memory,cpu_topology,resctrl,memory_numa,advtcp"
# Longer than the peer's second between two looks.
PAUSE = 2.5

# (which side has it alone, pattern over `name{labels}`, reason). "both": the values are not compared.
ALLOWED = [
    ("agent", r"^container_(oom_events_total|health_state|memory_kernel_usage)", "newer than this cAdvisor"),
    ("agent", r"^container_memory_total_(in)?active_file_bytes", "newer than this cAdvisor"),
    ("agent", r"^container_cpu_(load_d_average_10s|cfs_burst_\w+)", "newer than this cAdvisor"),
    ("agent", r"^container_(pressure|blkio_device_usage|fs_io_cost)_", "newer than this cAdvisor"),
    ("both", r"^container_last_seen", "the moment of the scrape"),
    ("both", r"^container_start_time_seconds", "this cAdvisor says when it began to look"),
    ("peer", r"^container_(fs_|blkio)", "this cAdvisor reads other throttle files, and gives an empty device twice"),
    ("agent", r"^container_fs_", "this cAdvisor reads other throttle files"),
]


def allowed(side, key):
    text = harness.shown(key)
    return any(where == side and re.search(pattern, text) for where, pattern, _ in ALLOWED)


def cadvisor(run):
    # It warns of every group, and nobody empties the pipe.
    return lambda port: [
        "sh", "-c", 'exec "$@" 2> /dev/null', "sh", CADVISOR, "-listen_ip=127.0.0.1", f"-port={port}",
        f"-containerd={run.socket}", "-docker=unix:///nowhere",
        "-store_container_labels=false", f"-whitelisted_container_labels={','.join(WHITELIST)}",
        "-housekeeping_interval=1s", "-allow_dynamic_housekeeping=false", f"-disable_metrics={DISABLED}",
    ]


def peer(client, ids):
    """The peer's samples of some groups, under the kubelet's six labels."""
    samples, types = harness.parse(client.get().decode())
    found = {}
    for (name, pairs), value in samples.items():
        labels = dict(pairs)
        if labels.get("id") not in ids:
            continue
        for label, source in (("container", 0), ("pod", 1), ("namespace", 2)):
            labels[label] = labels.pop("container_label_" + WHITELIST[source].replace(".", "_"), "")
        found[name, tuple(sorted(labels.items()))] = value
    return found, types


def agents(agent, ids):
    samples, types = harness.parse(agent.client.get("/metrics/cadvisor").decode())
    return {key: value for key, value in samples.items() if dict(key[1]).get("id") in ids}, types


def differences(before, mine, after, types):
    missing = [key for key in (before.keys() & after.keys()) - mine.keys() if not allowed("peer", key)]
    more = [key for key in mine.keys() - before.keys() if not allowed("agent", key)]
    found = [f"missing: {harness.shown(key)}" for key in missing] + [f"too much: {harness.shown(key)}" for key in more]
    compared = 0
    for key in sorted(before.keys() & mine.keys() & after.keys()):
        if allowed("both", key) or allowed("peer", key):
            continue
        compared += 1
        low, high = sorted((before[key], after[key]))
        moving = low != high and types.get(key[0]) != "counter"
        slack = 0.05 * high + 65536 if moving else 1e-6
        if not low - slack <= mine[key] <= high + slack:
            found.append(f"{harness.shown(key)}: {mine[key]} where the peer has {low}..{high}")
    return compared, found


def main():
    if lacks := runtime.missing():
        raise SystemExit(f"real containers need what is missing here: {lacks}")
    with runtime.Runtime() as run:
        pod = runtime.Pod(run, "web-0")
        busy = pod.container("busy", flags=["--cpu-quota=20000", "--cpu-period=100000", "--memory-limit=67108864"])
        pod.container("idle", flags=["--cpu-shares=512"])
        host = runtime.Pod(run, "host-0", namespace="kube-system", qos="", host_network=True)
        busy.start('x=$(dd if=/dev/zero bs=1M count=10 2> /dev/null | tr "\\0" a); while :; do :; done')
        ids = {one.group for one in run.containers}
        with harness.Server(cadvisor(run)) as server, containers.Agent(run, "-collect.maxAge=0s") as agent:
            client = harness.Client(server.port)
            time.sleep(PAUSE)
            for _ in range(4):
                before, peer_types = peer(client, ids)
                mine, types = agents(agent, ids)
                time.sleep(PAUSE)
                after, _ = peer(client, ids)
                compared, found = differences(before, mine, after, types)
                if not found:
                    break
            found += [
                f"type of {name}: {types[name]} instead of {peer_types[name]}"
                for name in types.keys() & peer_types.keys()
                if types[name] != peer_types[name]
            ]
            named = sum(dict(pairs)["container"] == "busy" for _, pairs in before)
        host.remove()
    print(f"cAdvisor on {len(ids)} containers: {compared} samples compared, {len(found)} differences")
    for difference in sorted(found):
        print(f"  {difference}")
    sys.exit(bool(found) or compared < 100 or named == 0 or containers.failed > 0)


if __name__ == "__main__":
    main()
