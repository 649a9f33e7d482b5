#!/usr/bin/env python3
"""A stand-in for an API server that has one object of every kind, those of tests/fixtures/objects, and never changes.

    tests/standin.py FILE       writes a kubeconfig to FILE and serves until it is ended
"""
import glob
import http.server
import json
import os
import sys
import threading
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VERSION = "481712"


def objects():
    found = {}
    for path in glob.glob(os.path.join(ROOT, "tests", "fixtures", "objects", "*.json")):
        with open(path) as file:
            found[os.path.basename(path).removesuffix(".json")] = json.load(file)
    return found


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kinds = objects()
    ended = threading.Event()

    def log_message(self, *_):
        pass

    def answer(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        item = self.kinds.get(path.rsplit("/", 1)[-1])
        if item is None:
            self.answer(404, {"kind": "Status", "code": 404})
        elif "sendInitialEvents" in query:
            self.answer(422, {"kind": "Status", "code": 422, "reason": "Invalid"})
        elif "watch" in query:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            self.ended.wait(float(query.get("timeoutSeconds", 300)))
            self.close_connection = True
        else:
            self.answer(200, {"kind": "List", "metadata": {"resourceVersion": VERSION}, "items": [item]})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def serve(kubeconfig):
    """Serves on a free port of the loopback, in threads; writes a kubeconfig that says where."""
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(kubeconfig, "w") as file:
        json.dump({
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x",
        }, file)
    return server


def flags(kubeconfig):
    """Flags of an agent that serves all that is there."""
    return [f"-kubeconfig={kubeconfig}", "-kube-state.owner=always", "-kube-state.pods=all",
            f"--resources={','.join(sorted(Handler.kinds))}", "--metric-labels-allowlist=*=[*]",
            "--metric-annotations-allowlist=*=[*]", "--metric-opt-in-list=.*"]


if __name__ == "__main__":
    serve(sys.argv[1])
    print(" ".join(flags(sys.argv[1])), flush=True)
    threading.Event().wait()
