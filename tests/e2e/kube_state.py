#!/usr/bin/env python3
"""The agent in the place of kube-state-metrics, against the cluster that KUBECONFIG names.

    KUBECONFIG=~/.kube/config tests/e2e/kube_state.py
    KSM_URL=http://localhost:8080/metrics tests/e2e/kube_state.py      and every sample as the real one has it

What changes between two scrapes a moment apart (versions, renewals, times of the next run) is looked at twice before it
counts as a difference. Nothing is written to the cluster: it is listed and watched.
"""
import os
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
import harness  # noqa: E402

SECONDS = 60


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def objects(text):
    """Samples of objects; duplicates, which the peer has for conditions that an object has twice, count once."""
    lines = dict.fromkeys(line for line in text.splitlines() if line.startswith("kube_"))
    samples, _ = harness.parse("\n".join(line for line in lines if not line.startswith("kube_state_metrics")))
    return samples


def close(a, b):
    return a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def differences(ours, theirs):
    return {key for key in ours.keys() | theirs.keys() if key not in ours or key not in theirs or not close(ours[key], theirs[key])}


def main():
    kubeconfig = os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
    if not os.path.exists(kubeconfig):
        print(f"skipped: {kubeconfig} is not there; KUBECONFIG names a cluster, as `kind create cluster` makes one")
        return 0
    port = harness.free_port()
    agent = subprocess.Popen([
        harness.TRIMETER, f"-kubeconfig={kubeconfig}", f"-httpListenAddr=127.0.0.1:{port}",
        "-promscrape.kubernetes.collectors=kube-state", "-kube-state.owner=always", "-kube-state.pods=all",
        "-metrics.profile=full"])
    base = f"http://127.0.0.1:{port}"
    try:
        end = time.time() + SECONDS
        while True:
            try:
                fetch(base + "/-/ready")
                break
            except OSError as error:
                if time.time() > end or agent.poll() is not None:
                    raise SystemExit(f"not ready after {SECONDS} s: {error}") from error
                time.sleep(0.1)
        ours = objects(fetch(base + "/metrics/kube-state"))
        families = {name for name, _ in ours}
        print(f"{len(ours)} samples of {len(families)} families")
        if not ours:
            raise SystemExit("no samples: the cluster has no objects, or nothing is permitted")
        peer = os.environ.get("KSM_URL")
        if not peer:
            print("not compared: KSM_URL names no kube-state-metrics")
            return 0
        different = None
        for _ in range(5):
            theirs, ours = objects(fetch(peer)), objects(fetch(base + "/metrics/kube-state"))
            now = differences(ours, theirs)
            different = now if different is None else different & now
            time.sleep(2)
        for key in sorted(different)[:50]:
            print(f"{harness.shown(key)}: ours {ours.get(key)}, theirs {theirs.get(key)}")
        print(f"{len(different)} differences in {len(theirs)} samples")
        return 1 if different else 0
    finally:
        agent.terminate()
        agent.wait(10)


if __name__ == "__main__":
    sys.exit(main())
