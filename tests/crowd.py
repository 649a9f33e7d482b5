"""Many real control groups, laid out as the kubelet lays them out: pods with a sandbox and containers, a process and a
network namespace in each sandbox, and containerd's state files for all of them. Made with mkdir as root, no runtime."""
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import uuid

import runtime

PODS_MAX = 110


def controllers_down(folder):
    """cgroup v2 gives a child only the controllers that its parent hands down."""
    if not runtime.V1:
        with open(f"{folder}/cgroup.subtree_control", "w") as out:
            out.write("+cpu +memory +io +pids")


def make(group):
    for controller in runtime.CONTROLLERS:
        os.makedirs(runtime.group_path(group, controller), exist_ok=True)


def join(group, pid):
    for controller in runtime.CONTROLLERS:
        with open(runtime.group_path(group, controller, "cgroup.procs"), "w") as out:
            out.write(str(pid))


class Crowd:
    """`count` control groups below /kubepods, itself and the QoS groups included."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        self.state = tempfile.mkdtemp(prefix="trimeter-crowd-")
        self.processes, self.pods = [], []
        self.made = 3
        for group in ("/kubepods", "/kubepods/burstable", "/kubepods/besteffort"):
            self.group(group, group != "/kubepods/besteffort")
        pods = min(PODS_MAX, max(1, (self.count - self.made) // 4))
        try:
            for number in range(pods):
                left = pods - number
                self.pod(f"web-{number}", (self.count - self.made) // left)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        runtime.wait_until(self.removed, "removal of control groups")
        shutil.rmtree(self.state)

    def removed(self):
        runtime.remove_groups("/kubepods")
        return not runtime.group_exists("/kubepods")

    def group(self, group, parent=False):
        make(group)
        if parent:
            for folder in ("", group) if group == "/kubepods" else (group,):
                controllers_down(runtime.group_path(folder, ""))

    def annotate(self, id, annotations):
        folder = f"{self.state}/io.containerd.runtime.v2.task/k8s.io/{id}"
        os.makedirs(folder)
        annotations = {f"io.kubernetes.cri.{key}": value for key, value in annotations.items()}
        with open(f"{folder}/config.json", "w") as out:
            json.dump({"ociVersion": "1.2.0", "process": {"args": ["x"]}, "annotations": annotations}, out)

    def pod(self, name, groups):
        """A pod of so many groups: its own, the sandbox's and those of the containers."""
        pod = f"/kubepods/burstable/pod{uuid.uuid4()}"
        self.group(pod, True)
        self.pods.append(pod)
        sandbox = secrets.token_hex(32)
        common = {"sandbox-id": sandbox, "sandbox-name": name, "sandbox-namespace": "shop", "sandbox-uid": pod[-36:]}
        self.annotate(sandbox, {"container-type": "sandbox", "podsandbox.image-name": runtime.PAUSE, **common})
        self.group(f"{pod}/{sandbox}")
        self.processes.append(subprocess.Popen(["unshare", "--net", "sleep", "100000"]))
        join(f"{pod}/{sandbox}", self.processes[-1].pid)
        self.made += 2
        for number in range(groups - 2):
            self.container(pod, common, f"app-{number}")

    def container(self, pod, common, name):
        id = secrets.token_hex(32)
        kind = {"container-type": "container", "container-name": name, "image-name": runtime.IMAGE}
        self.annotate(id, {**kind, **common})
        self.group(f"{pod}/{id}")
        self.made += 1
        return f"{pod}/{id}"

    def forget(self, group):
        """Removes one container again."""
        for controller in runtime.CONTROLLERS:
            os.rmdir(runtime.group_path(group, controller))
        shutil.rmtree(f"{self.state}/io.containerd.runtime.v2.task/k8s.io/{group[-64:]}")
        self.made -= 1
