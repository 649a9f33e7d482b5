#!/usr/bin/env python3
"""Compares trimeter with node_exporter on this machine, at the same moment: names, types, label sets and values.

The peer is asked right before and right after the agent, several times over. A sample agrees when its value lies
between the peer's two values in at least one round, or close to them; a sample that is stable must be equal. What may
differ is listed in ALLOWED with the reason, and nothing else is let through. Prints every difference; exit code 1 if
there is one.
"""
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

ROUNDS = 5
# A gauge that moves between two readings may be this far outside of what the peer saw.
SLACK = 0.05
# For counts of tasks, sockets and pages in flight, where 5 % of a small number is nothing.
SLACK_ABSOLUTE = 4.0

# (which side has it alone, pattern over `name{labels}`, reason). "both": the values are not compared.
ALLOWED = [
    ("peer", r"^go_", "the Go runtime's own metrics"),
    ("peer", r"^promhttp_", "the Go HTTP handler's own metrics"),
    ("agent", r"^trimeter_", "metrics about the agent itself"),
    ("agent", r'collector="textfile"', "upstream leaves the collector out without a folder"),
    ("peer", r"^node_exporter_build_info\{", "its labels are those of the Go build"),
    ("agent", r"^node_exporter_build_info\{", "its labels are those of our build"),
    ("peer", r"^process_network_", "counts the whole network namespace; node_network_* has it by device"),
    ("agent", r"^process_threads$", "dashboards ask for it; the Go library does not have it"),
    ("peer", r'collector="bcachefs"', "not among our collectors"),
    ("peer", r'^node_disk_info\{.*rotational="0"', "upstream says 0 when any of thirty other files is unreadable"),
    ("agent", r'^node_disk_info\{.*rotational="1"', "the kernel's own word"),
    (
        "agent",
        r"^node_memory_(Balloon|FileHugePages|FilePmdMapped|Hugetlb|KReclaimable|SecPageTables|Zswap|Zswapped)_bytes$",
        "fields that upstream lost with 1.9",
    ),
    ("agent", r"^node_netstat_Tcp_MaxConn$", "dashboards ask for it; upstream's default filter leaves it out"),
    ("agent", r"^node_ksmd_general_profit_bytes$", "newer than upstream's list of files"),
    ("both", r"^node_filesystem_readonly", "upstream 1.11 joins mount options without a comma and misses most `ro`"),
    ("both", r"^process_", "two different processes"),
    ("both", r"^node_scrape_collector_duration_seconds", "each measures its own work"),
    ("both", r"^node_time_seconds$|^node_textfile_mtime", "the moment of the reading"),
    ("both", r"^node_timex_(offset|frequency_adjustment|estimated_error|maxerror|tick)", "the clock is steered meanwhile"),
    ("both", r"^node_entropy_available_bits|^node_procs_(running|blocked)", "noise of a few tasks or bits"),
    ("peer", r"^node_processes_state\{", "a state is there while a task is in it"),
    ("agent", r"^node_processes_state\{", "a state is there while a task is in it"),
    ("both", r"^node_(filefd_allocated|sockstat_|tcp_connection_states)", "each program holds files and sockets of its own"),
    ("both", r"^node_(processes_(state|threads)|schedstat_|load\d)", "changes with every system call of the test"),
]

# Collectors that upstream has off by default and this project has too.
OPTIONAL = [
    "processes", "interrupts", "tcpstat", "softirqs", "meminfo_numa", "buddyinfo", "zoneinfo", "slabinfo", "ksmd",
]

# Collectors that `?collect[]=` is tried with, one at a time.
ALONE = ["cpu", "meminfo", "filesystem", "netdev", "netclass", "diskstats", "stat", "vmstat", "netstat", "pressure"]

# What kube-prometheus starts the peer with, and other filters that go with one another.
KUBE_PROMETHEUS = [
    "--no-collector.wifi",
    "--no-collector.btrfs",
    "--collector.filesystem.mount-points-exclude="
    "^/(dev|proc|sys|run/k3s/containerd/.+|var/lib/docker/.+|var/lib/kubelet/pods/.+)($|/)",
    "--collector.netclass.ignored-devices=^(va.*|[a-f0-9]{15})$",
    "--collector.netdev.device-exclude=^(va.*|[a-f0-9]{15})$",
    "--collector.netstat.fields=^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|"
    "TcpExt_(Listen.*|Syncookies.*)|Tcp_(ActiveOpens|InSegs|OutSegs)|Udp6?_RcvbufErrors)$",
    "--collector.vmstat.fields=^(oom_kill|pgpg|pswp|pg.*fault|thp_).*",
    "--collector.diskstats.device-exclude=^(dm-|loop)",
]
FILTERS = [
    "--collector.netdev.device-exclude=^va.*",
    "--collector.netdev.address-info",
    "--collector.netclass.ignored-devices=^vb.*",
    "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys)($|/)",
    "--collector.filesystem.fs-types-exclude=^(proc|sysfs)$",
    # An include switches off the default of the exclude.
    "--collector.diskstats.device-include=^(vda|sda|nvme0n1|loop.*)$",
    "--collector.vmstat.fields=^pg.*",
    "--collector.netstat.fields=^Tcp_.*",
]
INCLUDES = [
    "--collector.netdev.device-include=^lo$",
    "--collector.filesystem.mount-points-include=^/",
    "--collector.filesystem.fs-types-include=^(tmpfs|proc|ext4|overlay)$",
]

# What else there is to say of network devices; a kernel without one of these kinds has the others.
DEVICES = [
    ["link", "set", "va0", "promisc", "on"],
    ["link", "set", "va0", "alias", 'an alias "q" \\ \u00fc'],
    ["link", "set", "va1", "mtu", "9000", "txqueuelen", "77", "group", "42"],
    ["link", "set", "va2", "down"],
    ["link", "add", "br0", "type", "bridge"],
    ["link", "set", "br0", "up", "multicast", "off"],
    ["link", "set", "va1", "master", "br0"],
    ["link", "add", "mv0", "link", "vb2", "type", "macvlan"],
    ["link", "add", "du:0", "type", "veth", "peer", "name", "du'1"],
    ["address", "add", "192.0.2.1/24", "dev", "vb0"],
    ["address", "add", "192.0.2.9", "peer", "192.0.2.10/32", "dev", "vb1"],
    ["address", "add", "2001:db8::1/64", "dev", "vb0", "nodad"],
    ["neighbour", "add", "192.0.2.50", "lladdr", "02:00:00:00:00:01", "dev", "vb0", "nud", "permanent"],
    ["neighbour", "add", "192.0.2.51", "lladdr", "02:00:00:00:00:02", "dev", "vb0", "nud", "noarp"],
]

# Query strings whose answers must be the peer's in status, words and collectors.
QUERIES = [
    "?collect[]=cpu", "?collect[]=cpu&collect[]=cpu&collect[]=loadavg", "?collect%5B%5D=%63pu", "?collect[]=cpu&foo=1",
    "?collect=cpu", "?exclude[]=nope", "?exclude[]=processes", "?exclude[]=", "?exclude[]=cpu&exclude[]=nope", "?",
    "?collect[]=nope", "?collect[]=", "?collect[]", "?collect[]=processes", "?collect[]=systemd", "?collect[]=a+b",
    "?collect[]=a%0Ab", "?collect[]=caf%C3%A9", "?collect[]=processes&collect[]=nope",
    "?collect[]=nope&collect[]=processes", "?collect[]=cpu&exclude[]=arp", "?collect[]=nope&exclude[]=nope",
]

# Textfiles one at a time; both serve the same samples of each and call the same ones bad.
TEXTFILES = [
    "", "\n \t \n# comment\nws 1\n", "cut 1", "good 1\nthis is bad\n", "a 1 1700000000000\n", "a 1\r\n", "a\n", "a 0x10\n",
    "a 1_0\n", "a 1e400\n", "a 1e-400\n", "9a 1\n", "a{b=1} 1\n", 'a{b="1",b="2"} 1\n', 'a{__name__="b"} 1\n',
    'a{b="\\x"} 1\n', 'a{b="1"\n} 1\n', 'a{b="caf\u00e9 \\\\ \\" \\n"} 1\n', 'a { b = "1" , c="2", } 4\n', "a{}1\n",
    'a{b="1"} 1\na{c="2"} 2\na 3\n', "a 1\na 2\n", "a 1\nb 1\na{c=\"1\"} 2\n", "a 1\n# TYPE a gauge\n",
    "# TYPE a\na 1\n", "# TYPE a foo\na 1\n", "# TYPE a GAUGE\na 1\n", "# TYPE a gauge\n# TYPE a gauge\na 1\n",
    "# HELP a x\n# HELP a y\na 1\n", "# HELP a x \\\\ y \\n z\na 1\n", "# TYPE a counter\n", "# TYPE a counter\na -1\n",
    'a{b="1"} NaN\na{b="2"} +Inf\na{b="3"} -inf\na{b="4"} .5\na{b="5"} 5.\na{b="6"} -0\n',
    '# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n', '# TYPE h histogram\nh_bucket{le="x"} 1\n',
    '# TYPE s summary\ns{quantile="0.50"} 2\ns_count 2\ns_sum NaN\n', "# TYPE s summary\ns_sum 4\n",
]

TEXTFILE = """# HELP backup_last_success_seconds When the last backup ended.
# TYPE backup_last_success_seconds gauge
backup_last_success_seconds{job="a \\"quoted\\" name"} 1.7e9
# TYPE backup_runs_total counter
backup_runs_total 12
"""


def allowed(side, key):
    text = harness.shown(key)
    return any(where == side and re.search(pattern, text) for where, pattern, _ in ALLOWED)


def scrape(client, path):
    body = client.get(path)
    if client.status != 200:
        raise SystemExit(f"{path}: status {client.status}")
    if "text/plain; version=0.0.4" not in client.headers["content-type"]:
        raise SystemExit(f"{path}: content type {client.headers['content-type']}")
    return harness.parse(body.decode())


def is_counter(key, types):
    name = key[0]
    family = re.sub(r"_(bucket|count|sum)$", "", name)
    return types.get(name) == "counter" or (family != name and types.get(family) in ("histogram", "summary"))


def agrees(value, before, after):
    """Is a value between the peer's two?"""
    if math.isnan(value) or math.isnan(before):
        return math.isnan(value) and math.isnan(before)
    low, high = min(before, after), max(before, after)
    return low <= value <= high or math.isclose(value, low, rel_tol=1e-9)


def near(value, seen):
    """Is a value as close to all that the peer saw as a moving gauge must be?"""
    slack = max(SLACK_ABSOLUTE, SLACK * max(abs(min(seen)), abs(max(seen))))
    return min(seen) - slack <= value <= max(seen) + slack


class Comparison:
    def __init__(self, title):
        self.title = title
        self.differences = []

    def note(self, text):
        self.differences.append(text)

    def sets(self, before, agent, after):
        """What the peer had both times must be there; what it had at neither time must not."""
        for key in sorted((before.keys() & after.keys()) - agent.keys()):
            if not allowed("peer", key):
                self.note(f"missing: {harness.shown(key)} {before[key]:.12g}")
        for key in sorted(agent.keys() - before.keys() - after.keys()):
            if not allowed("agent", key):
                self.note(f"too much: {harness.shown(key)} {agent[key]:.12g}")

    def types(self, peer, agent):
        for name in sorted(peer.keys() & agent.keys()):
            if peer[name] != agent[name]:
                self.note(f"type of {name}: {agent[name]} instead of {peer[name]}")

    def values(self, rounds, types):
        """`rounds`: (peer before, agent, peer after). Every sample that all of them have."""
        common = set.intersection(*(set(samples) for one in rounds for samples in one))
        compared = 0
        for key in sorted(common):
            if allowed("both", key) or allowed("peer", key):
                continue
            compared += 1
            values = [(before[key], agent[key], after[key]) for before, agent, after in rounds]
            if any(agrees(mine, before, after) for before, mine, after in values):
                continue
            seen = [value for before, _, after in values for value in (before, after)]
            stable = len(set(seen)) == 1
            if not stable and all(near(mine, seen) for _, mine, _ in values):
                continue
            kind = "counter" if is_counter(key, types) else "gauge"
            mine = sorted({mine for _, mine, _ in values})
            self.note(f"{kind} {harness.shown(key)}: {mine} where the peer has {min(seen)}..{max(seen)}")
        return compared

    def monotonic(self, scrapes, types):
        for earlier, later in zip(scrapes, scrapes[1:]):
            for key in sorted(earlier.keys() & later.keys()):
                if is_counter(key, types) and later[key] < earlier[key]:
                    self.note(f"counter went back: {harness.shown(key)} {earlier[key]} to {later[key]}")

    def report(self, compared):
        print(f"{self.title}: {compared} samples compared, {len(self.differences)} differences")
        for difference in self.differences:
            print(f"  {difference}")
        return not self.differences


def in_place(command):
    """How the two programs are started when nothing is special about it."""
    return command


def compare(title, flags, paths=("/metrics",), wrap=in_place):
    ok = True
    with harness.Server(wrap(harness.node_exporter(flags))) as peer_server:
        fresh = ["-collect.maxAge=0s"]
        with harness.Server(wrap(harness.trimeter([*flags, *fresh]))) as agent_server:
            peer, agent = harness.Client(peer_server.port), harness.Client(agent_server.port)
            for path in paths:
                comparison = Comparison(f"{title} {path}")
                rounds = []
                for _ in range(ROUNDS):
                    before, peer_types = scrape(peer, path)
                    mine, types = scrape(agent, path)
                    after, _ = scrape(peer, path)
                    rounds.append((before, mine, after))
                comparison.sets(*rounds[-1])
                comparison.types(peer_types, types)
                compared = comparison.values(rounds, types)
                comparison.monotonic([mine for _, mine, _ in rounds], types)
                if compared == 0:
                    comparison.note("nothing was compared")
                ok &= comparison.report(compared)
        code = agent_server.process.returncode
        if code != 0:
            print(f"the agent ended with {code} at SIGTERM")
            ok = False
    return ok


def collectors(text):
    names = set(re.findall(r'^node_scrape_collector_success\{collector="(\w+)"\}', text, re.M))
    return sorted(name for name in names if not allowed("peer", ("", (("collector", name),))))


def compare_answers():
    """Statuses, texts of refusals and sets of collectors."""
    comparison = Comparison("answers")
    with harness.Server(harness.node_exporter()) as peer_server, harness.Server(harness.trimeter()) as agent_server:
        clients = harness.Client(peer_server.port), harness.Client(agent_server.port)
        for query in QUERIES:
            seen = []
            for client in clients:
                text = client.get("/metrics" + query).decode()
                refused = client.status != 200
                said = (client.headers["content-type"], text) if refused else collectors(text)
                seen.append((client.status, said))
            if seen[0] != seen[1]:
                comparison.note(f"{query}: {seen[1]} where the peer has {seen[0]}")
    return comparison.report(len(QUERIES))


def compare_textfiles():
    """The samples of textfiles, good and bad ones."""
    comparison = Comparison("textfiles")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.prom")
        flags = [f"--collector.textfile.directory={folder}", "--collector.disable-defaults", "--collector.textfile"]
        agent = harness.trimeter([*flags, "-collect.maxAge=0s"])
        with harness.Server(harness.node_exporter(flags)) as peer_server, harness.Server(agent) as agent_server:
            clients = harness.Client(peer_server.port), harness.Client(agent_server.port)
            for text in TEXTFILES:
                with open(path, "w", encoding="utf-8", newline="") as textfile:
                    textfile.write(text)
                os.utime(path, (1_700_000_000, 1_700_000_000))
                seen = []
                for client in clients:
                    samples, types = scrape(client, "/metrics?collect[]=textfile")
                    own = [key for key in samples if not re.match("go_|process_|promhttp_|trimeter_|node_(scrape|exp)", key[0])]
                    # As text, so that two NaN are the same.
                    seen.append(sorted((harness.shown(key), repr(samples[key]), types.get(key[0])) for key in own))
                if seen[0] != seen[1]:
                    comparison.note(f"{text!r}: {seen[1]} where the peer has {seen[0]}")
    return comparison.report(len(TEXTFILES))


def compare_as_nobody(folder):
    """Without root; the programs may stand where only root can go, so copies of them are started."""
    copies = os.path.join(folder, "bin")
    os.mkdir(copies)

    def wrap(command):
        def start(port):
            program, *rest = command(port)
            copy = os.path.join(copies, os.path.basename(program))
            if not os.path.exists(copy):
                shutil.copy(program, copy)
            return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy, *rest]

        return start

    return compare("nobody", [f"--collector.{name}" for name in OPTIONAL], wrap=wrap)


def compare_elsewhere(folder):
    """The machine's files under another folder, as in a container. The mount goes away with the namespace."""
    host = os.path.join(folder, "host")
    os.mkdir(host)
    subprocess.run(["mount", "--rbind", "/", host], check=True)
    try:
        flags = [f"--path.procfs={host}/proc", f"--path.sysfs={host}/sys", f"--path.rootfs={host}"]
        return compare("elsewhere", flags)
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", host], check=True)


def inside():
    for command in DEVICES:
        subprocess.run(["ip", *command], check=False, stderr=subprocess.DEVNULL)
    ok = compare("default", [], ["/metrics", *(f"/metrics?collect[]={name}" for name in ALONE)])
    ok &= compare("excluded", ["--no-collector.cpu"], ["/metrics?exclude[]=netclass&exclude[]=netdev"])
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "backup.prom"), "w") as textfile:
            textfile.write(TEXTFILE)
        extra = [f"--collector.{name}" for name in OPTIONAL]
        extra += [f"--collector.textfile.directory={folder}", "--collector.cpu.info", "--collector.stat.softirq"]
        ok &= compare("everything", extra)
    ok &= compare("filters", FILTERS)
    ok &= compare("kube-prometheus", KUBE_PROMETHEUS)
    ok &= compare("includes", INCLUDES)
    ok &= compare_answers()
    ok &= compare_textfiles()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        ok &= compare_as_nobody(folder)
        ok &= compare_elsewhere(folder)
    return ok


def main():
    if "--inside" in sys.argv:
        sys.exit(0 if inside() else 1)
    # Namespaces of its own, so that no other program's traffic and devices get between two scrapes, and
    # so that mounts go away by themselves.
    with harness.Namespace(3) as space:
        sys.exit(subprocess.run(space.command(["unshare", "--mount", sys.executable, __file__, "--inside"])).returncode)


if __name__ == "__main__":
    main()
