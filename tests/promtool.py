#!/usr/bin/env python3
"""Every endpoint through `promtool check metrics`. What it says of a name that is the peer's own is the peer's choice:
such a line is let through only if promtool says the same of node_exporter on this machine, or if it is about a name
that begins with `node_` and the peer does not have here. Names of our own must be without any.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

PATHS = ["/metrics", "/metrics/node", "/metrics/self"]


def check(body):
    """Exit code (0: fine, 3: lint), and the lines."""
    command = [os.path.join(harness.PEERS, "promtool"), "check", "metrics"]
    done = subprocess.run(command, input=body, capture_output=True)
    return done.returncode, done.stderr.decode().splitlines() + done.stdout.decode().splitlines()


def main():
    with harness.Server(harness.node_exporter()) as peer:
        peers_own = set(check(peer.first)[1])
    failed = False
    with harness.Server(harness.trimeter()) as agent:
        client = harness.Client(agent.port)
        for path in sys.argv[1:] or PATHS:
            body = client.get(path)
            code, lines = check(body)
            bad = [line for line in lines if line not in peers_own and not line.startswith("node_")]
            wrong = client.status != 200 or code not in (0, 3) or bool(bad) or not body
            failed |= wrong
            print(f"{'FAIL' if wrong else 'PASS'} {path}: {len(body)} bytes, promtool {code}, "
                  f"{len(lines) - len(bad)} remarks on the peer's names")
            for line in bad:
                print(f"  {line}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
