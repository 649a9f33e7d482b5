#!/usr/bin/env python3
"""Every endpoint through `promtool check metrics`. What it says of a name that is the peer's own is the peer's choice:
such a line is let through only if promtool says the same of node_exporter on this machine, or if it is about a name
that begins as the peers' do and they do not have here. Names of our own must be without any. The scrape jobs that we
offer must be ones that Prometheus and vmagent take.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
import standin  # noqa: E402

PATHS = ["/metrics", "/metrics/node", "/metrics/cadvisor", "/metrics/kube-state", "/metrics/self"]
JOBS = os.path.join(harness.ROOT, "deploy", "scrape.yaml")
PEERS_NAMES = ("node_", "container_", "machine_", "cadvisor_", "kube_")


def check(body):
    """Exit code (0: fine, 3: lint), and the lines."""
    command = [os.path.join(harness.PEERS, "promtool"), "check", "metrics"]
    done = subprocess.run(command, input=body, capture_output=True)
    return done.returncode, done.stderr.decode().splitlines() + done.stdout.decode().splitlines()


def trimeter(folder):
    """The agent with a textfile that wants names which are taken; what it adds must be fine by promtool."""
    with open(os.path.join(folder, "a.prom"), "w") as file:
        file.write("# HELP backup_age_seconds Age.\n# TYPE backup_age_seconds gauge\nbackup_age_seconds 1\n")
        for name in ["node_load1", "process_open_fds", "trimeter_passes_total", "node_vmstat_pgfault"]:
            file.write(f"# HELP {name} Mine.\n# TYPE {name} gauge\n{name}{{mine=\"yes\"}} 1\n")
    kubeconfig = os.path.join(folder, "kubeconfig")
    standin.serve(kubeconfig)
    flags = [f"--collector.textfile.directory={folder}", *standin.flags(kubeconfig)]
    return harness.trimeter(flags, parts="node,container,kube-state")


def jobs():
    """Whether both scrapers take the scrape jobs."""
    commands = [
        ["promtool", "check", "config", JOBS],
        ["vmagent", f"-promscrape.config={JOBS}", "-promscrape.config.dryRun", "-promscrape.config.strictParse"],
    ]
    good = True
    for name, *flags in commands:
        done = subprocess.run([os.path.join(harness.PEERS, name), *flags], capture_output=True, text=True)
        print(f"{'FAIL' if done.returncode else 'PASS'} {name} on {os.path.basename(JOBS)}")
        if done.returncode:
            print(done.stdout + done.stderr)
            good = False
    return good


def main():
    with harness.Server(harness.node_exporter()) as peer:
        peers_own = set(check(peer.first)[1])
    failed = not jobs()
    with tempfile.TemporaryDirectory() as folder, harness.Server(trimeter(folder)) as agent:
        client = harness.Client(agent.port)
        for path in sys.argv[1:] or PATHS:
            body = client.get(path)
            code, lines = check(body)
            bad = [line for line in lines if line not in peers_own and not line.startswith(PEERS_NAMES)]
            wrong = client.status != 200 or code not in (0, 3) or bool(bad) or not body
            failed |= wrong
            print(f"{'FAIL' if wrong else 'PASS'} {path}: {len(body)} bytes, promtool {code}, "
                  f"{len(lines) - len(bad)} remarks on the peer's names")
            for line in bad:
                print(f"  {line}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
