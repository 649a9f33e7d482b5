#!/usr/bin/env python3
"""What Kubernetes objects cost: memory while they are listed and after, CPU of a scrape, and what a storm of events or a
relist does to scrapes of the node.

    benches/objects.py                      3,000 and 10,000 pods, one line of a Markdown table each
    benches/objects.py --pods 1000
    benches/objects.py --storm 20           1,000 events a second for so many seconds, then a relist, beside scrapes
    benches/objects.py --churn 50000        10,000 pods of which one changes so many times: memory before and after
    benches/objects.py --visible 500        from the sending of an event to the end of the first scrape that shows it

The API server is a stand-in on the loopback that tells what is there in a stream (WatchList) and then sends events. CPU is
the kernel's process clock of all threads over kept-alive scrapes.
"""
import argparse
import http.server
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))
import harness  # noqa: E402

PATH = "/metrics/kube-state"


def managed_fields(names):
    fields = {"f:metadata": {"f:labels": {f"f:{name}": {} for name in names}}, "f:spec": {f"f:{name}": {} for name in names}}
    entry = {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": "2026-03-01T10:00:00Z",
             "fieldsType": "FieldsV1", "fieldsV1": fields, "subresource": "status"}
    return [dict(entry, manager="kube-controller-manager"), entry, dict(entry, manager="kube-scheduler")]


FIELDS = managed_fields(["app", "pod-template-hash", "containers", "dnsPolicy", "enableServiceLinks", "restartPolicy",
                         "schedulerName", "securityContext", "terminationGracePeriodSeconds", "volumes", "conditions",
                         "containerStatuses", "hostIP", "hostIPs", "phase", "podIP", "podIPs", "startTime"])


def pod(number, version, nodes=50, restarts=0):
    """A pod of two containers, of about 6 KB."""
    uid = f"{number:08x}-1111-4222-8333-{number:012x}"
    node, namespace = f"node-{number % nodes}", f"team-{number % 20}"
    start = "2026-03-01T10:00:00Z"
    names = ["app", "sidecar"]
    resources = {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}}
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10,
             "successThreshold": 1, "failureThreshold": 3}
    containers = [{"name": name, "image": f"registry.example.com/shop/{name}:1.2.3", "resources": resources,
                   "ports": [{"containerPort": 8080, "protocol": "TCP"}], "livenessProbe": probe, "readinessProbe": probe,
                   "env": [{"name": "LEVEL", "value": "info"}, {"name": "REGION", "value": "eu"}],
                   "volumeMounts": [{"name": "token", "readOnly": True, "mountPath": "/var/run/secrets/token"}],
                   "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                   "imagePullPolicy": "IfNotPresent"} for name in names]
    statuses = [{"name": name, "state": {"running": {"startedAt": start}}, "lastState": {}, "ready": True,
                 "restartCount": restarts, "image": f"registry.example.com/shop/{name}:1.2.3",
                 "imageID": f"registry.example.com/shop/{name}@sha256:" + f"{names.index(name):064x}",
                 "containerID": f"containerd://{number * 2 + names.index(name):064x}", "started": True} for name in names]
    conditions = [{"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": start}
                  for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")]
    tolerations = [{"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute",
                    "tolerationSeconds": 300} for key in ("not-ready", "unreachable")]
    ip = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
    return {
        "metadata": {"name": f"app-{number % 400}-5c9f8d7b6-{number:05x}", "generateName": f"app-{number % 400}-5c9f8d7b6-",
                     "namespace": namespace, "uid": uid, "resourceVersion": str(version), "creationTimestamp": start,
                     "labels": {"app": f"app-{number % 400}", "pod-template-hash": "5c9f8d7b6"},
                     "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "uid": uid, "controller": True,
                                          "name": f"app-{number % 400}-5c9f8d7b6", "blockOwnerDeletion": True}],
                     "managedFields": FIELDS},
        "spec": {"volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
                 "containers": containers, "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
                 "dnsPolicy": "ClusterFirst", "serviceAccountName": "default", "nodeName": node, "securityContext": {},
                 "schedulerName": "default-scheduler", "tolerations": tolerations, "priority": 0,
                 "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"},
        "status": {"phase": "Running", "conditions": conditions, "hostIP": f"192.168.0.{number % nodes}", "podIP": ip,
                   "podIPs": [{"ip": ip}], "startTime": start, "containerStatuses": statuses, "qosClass": "Burstable"},
    }


class Api:
    """Pods, told in a stream; events are sent to whoever watches."""

    def __init__(self, count):
        self.initial = [self.event("ADDED", pod(number, number + 1)) for number in range(count)]
        self.version = count + 1
        self.open, self.closing, self.lists, self.lock = [], False, 0, threading.Lock()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_GET(self):
                if not self.path.startswith("/api/v1/pods?") or "watch=true" not in self.path:
                    body = b'{"kind":"Status","code":404}'
                    self.send_response(404)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                if "sendInitialEvents=true" in self.path:
                    api.lists += 1
                    for event in api.initial:
                        self.wfile.write(event)
                    end = {"resourceVersion": str(api.version), "annotations": {"k8s.io/initial-events-end": "true"}}
                    self.wfile.write(api.event("BOOKMARK", {"metadata": end}))
                    self.wfile.flush()
                with api.lock:
                    api.open.append(self.wfile)
                while not api.closing and self.wfile in api.open:
                    time.sleep(0.05)
                self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.kubeconfig = tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False).name
        with open(self.kubeconfig, "w") as file:
            json.dump({"clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                       "users": [{"name": "u", "user": {"token": "t"}}],
                       "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x"}, file)

    @staticmethod
    def event(kind, item):
        item = dict(item, kind="Pod", apiVersion="v1")
        text = json.dumps({"type": kind, "object": item}, separators=(",", ":")).encode() + b"\n"
        return b"%x\r\n%s\r\n" % (len(text), text)

    def send(self, data):
        with self.lock:
            for watch in list(self.open):
                try:
                    watch.write(data)
                    watch.flush()
                except OSError:
                    self.open.remove(watch)

    def cut(self):
        """Everybody has to list anew: what they know is too old."""
        self.send(self.event("ERROR", {"code": 410, "reason": "Expired"}))
        with self.lock:
            self.open.clear()

    def stop(self):
        self.closing = True
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.kubeconfig)


def status(process, key):
    with open(f"/proc/{process.pid}/status") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    return 0


def cpu(process):
    with open(f"/proc/{process.pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


class Agent:
    def __init__(self, api, flags=()):
        self.port = harness.free_port()
        command = [harness.TRIMETER, f"-httpListenAddr=127.0.0.1:{self.port}", f"-kubeconfig={api.kubeconfig}",
                   "-kube-state.owner=always", "-kube-state.pods=all", "--resources=pods", "-metrics.profile=full", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def get(self, path, timeout=30):
        client = harness.Client(self.port, timeout)
        try:
            return client.get(path)
        finally:
            client.close()

    def wait_for(self, pods):
        end = time.time() + 120
        while time.time() < end:
            try:
                client = harness.Client(self.port)
                body = client.get("/metrics/self")
                client.close()
            except OSError:
                time.sleep(0.02)
                continue
            if f'trimeter_kube_objects{{resource="pods"}} {pods}\n'.encode() in body:
                return
            time.sleep(0.02)
        raise SystemExit("the objects did not come")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def size(count, flags):
    api = Api(count)
    agent = Agent(api, ["-promscrape.kubernetes.collectors=kube-state", f"-limit.objects={max(16384, count * 2)}",
                        f"-limit.objectNames={max(65536, count * 2)}", "-limit.objectKiB=65536", *flags])
    begun = time.time()
    agent.wait_for(count)
    listed = time.time() - begun
    high = status(agent.process, "VmHWM")
    client = harness.Client(agent.port, 60)
    body = client.get(PATH)
    times = []
    for _ in range(10):
        before = cpu(agent.process)
        body = client.get(PATH)
        times.append((cpu(agent.process) - before) * 1000)
    steady = status(agent.process, "VmRSS")
    used = next(float(line.split()[1]) for line in agent.get("/metrics/self").decode().splitlines()
                if line.startswith("trimeter_kube_heap_used_bytes"))
    lines = sum(1 for line in body.splitlines() if line and not line.startswith(b"#"))
    milliseconds = statistics.median(times)
    print(f"| {count:,} | {listed:.2f} | {steady / 1024:.1f} | {high / 1024:.1f} | {used / count:.0f} | {lines:,} "
          f"| {len(body) / 1e6:.1f} | {milliseconds:.1f} | {len(body) / 1e3 / milliseconds:.0f} |")
    client.close()
    agent.stop()
    api.stop()


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1000


def scrapes(agent, seconds, path="/metrics/node"):
    client = harness.Client(agent.port, 30)
    times, end = [], time.time() + seconds
    while time.time() < end:
        begun = time.perf_counter()
        client.get(path)
        times.append(time.perf_counter() - begun)
        time.sleep(0.002)
    client.close()
    return times


def storm(count, seconds):
    api = Api(count)
    agent = Agent(api, ["-promscrape.kubernetes.collectors=node,kube-state", "-collect.maxAge=0s",
                        f"-limit.objects={count * 2}", f"-limit.objectNames={count * 4}", "-limit.objectKiB=65536"])
    agent.wait_for(count)
    print("| what | scrapes | p50, ms | p99, ms | max, ms |\n| --- | ---: | ---: | ---: | ---: |")

    def row(what, times):
        print(f"| {what} | {len(times)} | {percentile(times, 0.5):.2f} | {percentile(times, 0.99):.2f} | {max(times) * 1000:.2f} |")

    row("quiet", scrapes(agent, seconds))
    done = threading.Event()
    # Made before, so that the sender does not take the CPU of what is measured.
    events = [api.event("MODIFIED", pod(number % count, api.version + number + 1, restarts=number % 7))
              for number in range(int(seconds * 1000))]

    def send():
        begun = time.perf_counter()
        for number in range(0, len(events), 10):
            api.send(b"".join(events[number:number + 10]))
            wait = begun + number / 1000 - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    row("1,000 events a second", scrapes(agent, seconds))
    sender.join()
    before = api.lists
    api.cut()
    times = scrapes(agent, seconds / 2)
    row(f"relist of {count:,} pods ({api.lists - before} times)", times)
    agent.stop()
    api.stop()


def heap(agent):
    text = agent.get("/metrics").decode()
    found = {}
    for line in text.splitlines():
        if line.startswith("trimeter_table_") and "records and names" in line:
            found[line.split("{")[0].removeprefix("trimeter_table_")] = int(float(line.split()[-1]))
    return found


def churn(count, changes):
    api = Api(count)
    agent = Agent(api, ["-promscrape.kubernetes.collectors=kube-state"])
    agent.wait_for(count)
    print("| 10,000 pods | resident, MB | records and names, KiB | refused |\n| --- | ---: | ---: | ---: |")

    def row(what):
        found = heap(agent)
        print(f"| {what} | {status(agent.process, 'VmRSS') / 1024:.1f} | {found['used']:,} | {found['refused_total']} |")

    agent.get(PATH)
    row("listed")
    for number in range(changes):
        # In no order, and of another length than before.
        which = number * 7919 % count
        api.send(api.event("MODIFIED", pod(which, api.version + number + 1, restarts=10 ** (number % 7))))
    end = api.version + changes
    api.send(api.event("ADDED", pod(count, end + 1)))
    agent.wait_for(count + 1)
    agent.get(PATH)
    row(f"after {changes:,} changes")
    agent.stop()
    api.stop()


def visible(rounds):
    api = Api(50)
    agent = Agent(api, ["-promscrape.kubernetes.collectors=kube-state"])
    agent.wait_for(50)
    client, times = harness.Client(agent.port, 30), []
    time.sleep(1)
    for number in range(rounds):
        event = api.event("MODIFIED", pod(7, api.version + number + 1, restarts=1000 + number))
        wanted = f"}} {1000 + number}\n".encode()
        begun = time.perf_counter()
        api.send(event)
        while wanted not in client.get(PATH):
            pass
        times.append(time.perf_counter() - begun)
        time.sleep(0.005)
    print("| events | p50, ms | p99, ms | max, ms |\n| ---: | ---: | ---: | ---: |")
    print(f"| {rounds} | {percentile(times, 0.5):.2f} | {percentile(times, 0.99):.2f} | {max(times) * 1000:.2f} |")
    client.close()
    agent.stop()
    api.stop()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--pods", type=int, action="append")
    options.add_argument("--storm", type=float)
    options.add_argument("--churn", type=int)
    options.add_argument("--visible", type=int)
    options.add_argument("--essential", action="store_true")
    chosen = options.parse_args()
    if chosen.churn:
        return churn(10_000, chosen.churn)
    if chosen.visible:
        return visible(chosen.visible)
    if chosen.storm:
        return storm((chosen.pods or [10_000])[0], chosen.storm)
    print("| pods | listed, s | resident, MB | peak, MB | heap per pod, B | series | body, MB | CPU per scrape, ms | MB/s |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for count in chosen.pods or [3_000, 10_000]:
        size(count, ["-metrics.profile=essential"] if chosen.essential else [])


if __name__ == "__main__":
    main()
