"""What the comparisons with the peers share: two programs, a cheap keep-alive client, an exposition parser.

Only loopback addresses are ever asked.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = os.path.join(ROOT, "target", "peers", "bin")
NODE_EXPORTER = os.path.join(PEERS, "node_exporter")
TRIMETER = os.environ.get("TRIMETER", os.path.join(ROOT, "target", "release", "trimeter"))

# Debian's package changes these defaults; upstream's are what dashboards and users know. The unit collectors need a
# D-Bus that no test machine has.
UPSTREAM_DEFAULTS = [
    "--collector.filesystem.mount-points-exclude="
    "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
    "--collector.textfile.directory=",
    "--no-collector.systemd",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def node_exporter(flags=()):
    """The peer with upstream's defaults; what the caller says comes last and wins."""
    given = {flag.split("=")[0] for flag in flags}
    # The peer takes no include beside an exclude that somebody gave.
    given |= {flag.replace("-include", "-exclude") for flag in given}
    defaults = [flag for flag in UPSTREAM_DEFAULTS if flag.split("=")[0] not in given]
    if "--collector.disable-defaults" in given:
        defaults = [flag for flag in defaults if not flag.startswith("--no-collector")]
    return lambda port: [NODE_EXPORTER, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error", *defaults, *flags]


def trimeter(flags=(), parts="node"):
    """The agent with every family of node_exporter's, to compare like with like."""
    own = ["-metrics.profile=full", f"-promscrape.kubernetes.collectors={parts}"]
    return lambda port: [TRIMETER, f"-httpListenAddr=127.0.0.1:{port}", *own, *flags]


class Client:
    """One kept-alive connection. Reads a whole response and hands out its body as it came, compressed or not."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def close(self):
        self.socket.close()

    def get(self, path="/metrics", gzip=False):
        encoding = "gzip" if gzip else "identity"
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {encoding}\r\n\r\n".encode())
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        self.status = int(head[0].split()[1])
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        return self._exactly(int(self.headers["content-length"]))

    def _fill(self):
        more = self.socket.recv(1 << 18)
        if not more:
            raise ConnectionError("closed in the middle of a response")
        self.rest += more

    def _until(self, mark):
        while mark not in self.rest:
            self._fill()
        head, _, self.rest = self.rest.partition(mark)
        return head

    def _exactly(self, length):
        while len(self.rest) < length:
            self._fill()
        body, self.rest = self.rest[:length], self.rest[length:]
        return body

    def _chunks(self):
        body = []
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            piece = self._exactly(size)
            self._exactly(2)
            if size == 0:
                return b"".join(body)
            body.append(piece)


class Server:
    """A program that serves /metrics, from its start to its end."""

    def __init__(self, command, path="/metrics"):
        self.port = free_port()
        started = time.monotonic()
        self.process = subprocess.Popen(command(self.port), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.pid = self.process.pid
        # The CPU clock of another process, in nanoseconds, of all its threads, also those that have ended.
        self.cpu_clock = (~self.pid << 3) | 2
        try:
            self.first = self._first(path, started + 20)
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.monotonic() - started

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _first(self, path, deadline):
        while True:
            try:
                client = Client(self.port)
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.process.kill()
                    raise SystemExit(f"{self.process.args[0]} did not start: {self.process.stderr.read().decode()}")
                time.sleep(0.0005)
                continue
            body = client.get(path)
            client.close()
            return body

    def cpu_ns(self):
        return time.clock_gettime_ns(self.cpu_clock)

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024

    def stop(self):
        """SIGTERM, then no more than five seconds. The exit code, or None when it had to be killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        finally:
            self.process.stderr.close()


LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


def parse(text):
    """Exposition text as ({(name, labels): value}, {name: type}); labels are a sorted tuple of pairs."""
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        if not line or line.startswith("#"):
            continue
        if "{" in line:
            name, _, rest = line.partition("{")
            inner, _, value = rest.rpartition("} ")
            labels = tuple(sorted(LABEL.findall(inner)))
        else:
            name, _, value = line.partition(" ")
            labels = ()
        key = (name, labels)
        if key in samples:
            raise ValueError(f"twice: {line}")
        samples[key] = float(value.split(" ")[0])
    return samples, types


def shown(key):
    name, labels = key
    inner = ",".join(f'{label}="{value}"' for label, value in labels)
    return f"{name}{{{inner}}}" if inner else name


class Namespace:
    """A network namespace with `pairs` pairs of connected virtual devices; this process and its children enter it."""

    def __init__(self, pairs):
        if not shutil.which("ip"):
            raise SystemExit("ip (iproute2) is needed")
        self.name = f"trimeter-{os.getpid()}"
        self.pairs = pairs

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        lines = ["link set lo up"]
        lines += [f"link add va{n} type veth peer name vb{n}" for n in range(self.pairs)]
        lines += [f"link set v{side}{n} up" for n in range(self.pairs) for side in "ab"]
        subprocess.run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(lines), text=True, check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "delete", self.name], check=False)

    def command(self, command):
        return ["ip", "netns", "exec", self.name, *command]
