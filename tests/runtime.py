"""Real containers: a containerd of its own in a temporary folder, pods made of them as the kubelet and the CRI plugin
make them (cgroup paths, annotations, a sandbox that owns the network), and the kernel's files about them.

Needs root, containerd, runc and a static busybox. No registry is asked: the image is made on the spot.
"""
import hashlib
import io
import json
import os
import platform
import secrets
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import uuid

CGROUPFS = "/sys/fs/cgroup"
V1 = os.path.isdir(f"{CGROUPFS}/memory")
CONTROLLERS = ["cpu", "cpuacct", "memory", "blkio", "pids"] if V1 else [""]
IMAGE = "docker.io/local/busybox:1"
PAUSE = "registry.k8s.io/pause:3.10"
APPLETS = ["sh", "sleep", "dd", "cat", "echo", "tr", "true"]


def missing():
    """What this machine lacks for real containers, in words; empty if nothing."""
    lacks = [tool for tool in ("containerd", "ctr", "runc", "busybox", "ip") if not shutil.which(tool)]
    if os.geteuid() != 0:
        lacks.append("root")
    return ", ".join(lacks)


# ---- control groups ------------------------------------------------------------------------------------------------


def group_path(group, controller, file=""):
    """Where a control group, or one of its files, is in the hierarchy of a controller."""
    return os.path.join(CGROUPFS, controller if V1 else "", group.lstrip("/"), file).rstrip("/")


def group_read(group, controller, file):
    with open(group_path(group, controller, file)) as found:
        return found.read()


def flat(text, key):
    """A number of a file of `key number` lines; None if it is not in it."""
    for line in text.splitlines():
        word, _, number = line.partition(" ")
        if word == key:
            return int(number)
    return None


def group_exists(group):
    return any(os.path.isdir(group_path(group, controller)) for controller in CONTROLLERS)


def remove_groups(group):
    """Removes a control group with all below it, in every hierarchy; what is still used stays."""
    hierarchies = os.listdir(CGROUPFS) if V1 else [""]
    for hierarchy in hierarchies:
        top = os.path.join(CGROUPFS, hierarchy, group.lstrip("/"))
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass


# ---- the image -----------------------------------------------------------------------------------------------------


def archive(entries):
    """A tar file of (name, bytes, mode, link target) entries."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content, mode, link in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.size = mode, len(content)
            if link:
                info.type, info.linkname = tarfile.SYMTYPE, link
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def image():
    """An OCI archive with busybox and nothing else, under the name of the application and of the pause image."""
    with open(shutil.which("busybox"), "rb") as binary:
        layer = archive(
            [("bin/busybox", binary.read(), 0o755, "")] + [(f"bin/{name}", b"", 0o777, "busybox") for name in APPLETS]
        )
    blobs = {}

    def blob(content, kind):
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    layers = [blob(layer, "layer.v1.tar")]
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(json.dumps(config).encode(), "config.v1+json"),
        "layers": layers,
    }
    entry = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    names = [{**entry, "annotations": {"io.containerd.image.name": name}} for name in (IMAGE, PAUSE)]
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": names}).encode()
    files.update({f"blobs/sha256/{digest}": content for digest, content in blobs.items()})
    return archive([(name, content, 0o644, "") for name, content in files.items()])


# ---- containers and pods -------------------------------------------------------------------------------------------


class Container:
    """A running container, and what its labels must be."""

    def __init__(self, runtime, namespace, id, group, labels):
        self.runtime, self.namespace, self.id, self.group = runtime, namespace, id, group
        self.labels = {"id": group, "name": id, "image": "", "container": "", "pod": "", "namespace": "", **labels}

    def ctr(self, *arguments):
        return self.runtime.ctr("-n", self.namespace, *arguments)

    def pid(self):
        with open(self.runtime.task(self.namespace, self.id, "init.pid")) as found:
            return int(found.read())

    def read(self, controller, file):
        return group_read(self.group, controller, file)

    def start(self, script):
        """Starts one more process in the container and does not wait for it."""
        self.ctr("tasks", "exec", "-d", "--exec-id", secrets.token_hex(4), self.id, "/bin/sh", "-c", script)

    def run(self, script):
        self.ctr("tasks", "exec", "--exec-id", secrets.token_hex(4), self.id, "/bin/sh", "-c", script)

    def metrics(self):
        """What containerd itself says about the container, parsed."""
        return json.loads(self.ctr("tasks", "metrics", "--format", "json", self.id))

    def remove(self):
        """Kills it and waits until its control group is gone, as the CRI plugin does on an exit."""
        self.ctr("tasks", "kill", "-s", "KILL", self.id)
        wait_until(lambda: self.id not in self.runtime.running(self.namespace), "end of a container")
        self.ctr("tasks", "rm", self.id)
        wait_until(lambda: not group_exists(self.group), "removal of a control group", pause=0.0005)
        self.runtime.containers.remove(self)
        self.ctr("containers", "rm", self.id)


class Pod:
    """A sandbox, the containers that join it, and their control group."""

    def __init__(self, runtime, name, namespace="shop", qos="burstable", host_network=False):
        self.runtime, self.name, self.namespace = runtime, name, namespace
        self.uid = str(uuid.uuid4())
        self.group = "/".join(part for part in ("/kubepods", qos, f"pod{self.uid}") if part)
        self.labels = {"id": self.group, "name": "", "image": "", "container": "", "pod": name, "namespace": namespace}
        runtime.pods.append(self)
        id = secrets.token_hex(32)
        self.sandbox_id = id
        network = ["--net-host"] if host_network else []
        annotations, command = {"podsandbox.image-name": PAUSE}, ["/bin/sleep", "100000"]
        self.sandbox = self._create(id, PAUSE, "", "sandbox", network, annotations, command)
        if not host_network:
            self._network()

    def _network(self):
        """eth0 in the sandbox, its other end on the host."""
        pid, self.host_end = self.sandbox.pid(), f"vc{secrets.token_hex(4)}"
        commands = [
            ["ip", "link", "add", self.host_end, "type", "veth", "peer", "name", "eth0", "netns", str(pid)],
            ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "link", "set", "eth0", "up"],
            ["ip", "link", "set", self.host_end, "up"],
        ]
        for command in commands:
            subprocess.run(command, check=True)

    def _create(self, id, reference, name, kind, more, annotations, command):
        group = f"{self.group}/{id}"
        annotations = {
            "container-type": kind,
            "sandbox-id": self.sandbox_id,
            "sandbox-name": self.name,
            "sandbox-namespace": self.namespace,
            "sandbox-uid": self.uid,
            **annotations,
        }
        flags = [f"--annotation=io.kubernetes.cri.{key}={value}" for key, value in annotations.items()]
        # These are for the peer, which asks containerd.
        flags += [
            f"--label=io.cri-containerd.kind={kind}",
            f"--label=io.kubernetes.container.name={name}",
            f"--label=io.kubernetes.pod.name={self.name}",
            f"--label=io.kubernetes.pod.namespace={self.namespace}",
        ]
        labels = {"image": reference, "container": name, "pod": self.name, "namespace": self.namespace}
        return self.runtime.start("k8s.io", id, group, reference, [*flags, *more], command, labels)

    def container(self, name, script="while :; do sleep 1000; done", flags=()):
        network = f"--with-ns=network:/proc/{self.sandbox.pid()}/ns/net"
        annotations = {"container-name": name, "image-name": IMAGE}
        command = ["/bin/sh", "-c", script]
        return self._create(secrets.token_hex(32), IMAGE, name, "container", [network, *flags], annotations, command)

    def containers(self):
        return [one for one in self.runtime.containers if one.group.startswith(f"{self.group}/")]

    def remove(self):
        """Removes all containers and then the pod's own control group, as the kubelet does."""
        for container in self.containers():
            container.remove()
        remove_groups(self.group)
        self.runtime.pods.remove(self)


def wait_until(condition, what, seconds=20, pause=0.01):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {seconds} s in vain for: {what}")
        time.sleep(pause)


class Runtime:
    """A containerd with its state in a temporary folder, and the containers that were started in it."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="trimeter-containerd-")
        self.socket = f"{self.folder}/containerd.sock"
        self.state = f"{self.folder}/state"
        self.containers, self.pods, self.process = [], [], None
        config = f"""version = 2
root = "{self.folder}/root"
state = "{self.state}"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "{self.socket}"
"""
        with open(f"{self.folder}/config.toml", "w") as out:
            out.write(config)
        self.log = open(f"{self.folder}/log", "w")
        command = ["containerd", "-c", f"{self.folder}/config.toml", "-l", "warn"]
        try:
            self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
            wait_until(lambda: os.path.exists(self.socket), "containerd")
            with open(f"{self.folder}/image.tar", "wb") as out:
                out.write(image())
            for namespace in ("k8s.io", "default"):
                self.ctr("-n", namespace, "images", "import", f"{self.folder}/image.tar")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for container in list(self.containers):
            try:
                container.remove()
            except (subprocess.CalledProcessError, SystemExit) as trouble:
                print(f"{container.group} stays: {trouble}")
        for pod in self.pods:
            remove_groups(pod.group)
        for group in ("/kubepods/burstable", "/kubepods/besteffort", "/kubepods", "/default"):
            for hierarchy in os.listdir(CGROUPFS) if V1 else [""]:
                try:
                    os.rmdir(os.path.join(CGROUPFS, hierarchy, group.lstrip("/")))
                except OSError:
                    pass
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
        self.log.close()
        subprocess.run(["sh", "-c", f"grep -o ' {self.folder}[^ ]*' /proc/mounts | sort -r | xargs -r umount"])
        shutil.rmtree(self.folder, ignore_errors=True)

    def task(self, namespace, id, file):
        """A file of the state that containerd keeps of a task."""
        return f"{self.state}/io.containerd.runtime.v2.task/{namespace}/{id}/{file}"

    def ctr(self, *arguments):
        done = subprocess.run(["ctr", "--address", self.socket, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def running(self, namespace):
        lines = self.ctr("-n", namespace, "tasks", "ls").splitlines()[1:]
        return {line.split()[0] for line in lines if line.split()[2] != "STOPPED"}

    def start(self, namespace, id, group, reference, flags, command, labels):
        self.ctr("-n", namespace, "run", "-d", "--null-io", f"--cgroup={group}", *flags, reference, id, *command)
        container = Container(self, namespace, id, group, labels)
        self.containers.append(container)
        return container

    def plain(self, id, script="while :; do sleep 1000; done", flags=()):
        """A container as `ctr run` makes it: no pod, no annotation."""
        command = ["/bin/sh", "-c", script]
        return self.start("default", id, f"/default/{id}", IMAGE, flags, command, {"image": IMAGE})
