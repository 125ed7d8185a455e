#!/usr/bin/env python3
"""Holdfast is killed with -9 again and again while alerts pour in and are told, and must lose no page.

A sender posts alerts, each a group of its own, as Prometheus does: again until it is answered 200. A webhook remembers
everything it is told with its Idempotency-Key. --kills times, after a random instant, Holdfast is killed and started.

Claims, over everything seen:
  no page lost     every alert whose POST was answered 200 was told as firing, and every resolve that was answered as resolved
  none doubled     whatever the webhook got twice came under an equal Idempotency-Key; a key never stands for two things
  nothing broken   the journal passes SQLite's integrity check
always_resolve is on: a webhook that answers after the deadline was told, and must hear of the end.
The same --seed posts the same alerts; the instants are the machine's.
"""
import argparse
import collections
import http.server
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from peers import free_port

FAILURES = []
CONFIG = """route:
  receiver: hook
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: hook
    webhook_configs: [ {{ url: 'http://127.0.0.1:{port}/' }} ]
"""


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


class Hook:
    """Every webhook: (alert's n, status) -> keys, in order; and what a key stands for."""

    def __init__(self):
        self.told = collections.defaultdict(list)
        self.keys = {}
        self.lock = threading.Lock()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.take(self.headers.get("Idempotency-Key"), body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def handle_error(self, *_):
                pass  # whoever is killed leaves its connections

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, key, body):
        what = tuple(sorted((alert["labels"]["n"], alert["status"]) for alert in body["alerts"]))
        with self.lock:
            if self.keys.setdefault(key, what) != what:
                FAILURES.append(f"key {key} stands for {self.keys[key]} and for {what}")
            for n, status in what:
                self.told[(n, status)].append(key)


class Holdfast:
    def __init__(self, binary, folder, hook_port):
        self.port = free_port()
        config = os.path.join(folder, "alertmanager.yml")
        top = os.path.join(folder, "holdfast.yaml")
        pathlib.Path(config).write_text(CONFIG.format(port=hook_port))
        pathlib.Path(top).write_text(f"external_url: http://127.0.0.1:9093\nalerting: {{ config: {config}, always_resolve: true }}\n")
        self.data = os.path.join(folder, "data")
        self.command = [os.path.join(binary, "holdfast"), "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.data, "--config", top,
                        "--auth", "off"]
        self.log = open(os.path.join(folder, "holdfast.log"), "ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def ready(self, limit=60):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                    return True
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.02)
        FAILURES.append("Holdfast does not become ready; see its log")
        return False


class Sender:
    """Posts until answered; alerts fire, and most are resolved a second later."""

    def __init__(self, holdfast, seed, rate):
        self.holdfast, self.chance, self.rate = holdfast, random.Random(seed), rate
        self.stopping = threading.Event()
        self.promised = []  # (n, status) that were answered 200
        self.firing = {}
        self.n = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(1 / 20):
            batch, what = [], []
            for _ in range(max(1, self.rate // 20)):
                now = time.time()
                self.firing[str(self.n)] = now
                batch.append({"labels": {"alertname": "Load", "n": str(self.n)}, "startsAt": stamp(now), "endsAt": stamp(now + 7200)})
                what.append((str(self.n), "firing"))
                self.n += 1
            old = [n for n, at in self.firing.items() if at < time.time() - 1 and self.chance.random() < 0.2]
            for n in old:
                batch.append({"labels": {"alertname": "Load", "n": n}, "startsAt": stamp(self.firing.pop(n)), "endsAt": stamp(time.time())})
                what.append((n, "resolved"))
            self.post(json.dumps(batch).encode(), what)

    def post(self, body, what):
        while not self.stopping.is_set():
            try:
                request = urllib.request.Request(f"http://127.0.0.1:{self.holdfast.port}/api/v2/alerts", data=body,
                                                 headers={"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=10):
                    self.promised += what
                    return
            except (OSError, urllib.error.HTTPError):
                time.sleep(0.02)  # it is dead just now


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--life", type=float, default=1.0, help="at most so many seconds of life once ready")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="holdfast-alert-kills-")
    hook = Hook()
    holdfast = Holdfast(given.bin, folder, hook.port)
    chance = random.Random(given.seed)
    holdfast.ready()
    sender = Sender(holdfast, given.seed, given.rate)
    for _ in range(given.kills):
        time.sleep(chance.uniform(0, given.life))  # the random instant: this wait is the test's subject
        holdfast.kill()
        holdfast.start()
        # Some are killed while they start.
        if chance.random() < 0.9 and not holdfast.ready():
            break
    holdfast.ready()
    sender.stopping.set()
    sender.thread.join(30)
    end = time.monotonic() + 60
    promised = set(sender.promised)
    while time.monotonic() < end and not promised <= set(hook.told):
        time.sleep(0.2)
    lost = sorted(promised - set(hook.told))
    holdfast.process.send_signal(signal.SIGTERM)
    holdfast.process.wait(60)
    twice = {what: keys for what, keys in hook.told.items() if len(keys) > 1}
    doubled = {what: keys for what, keys in twice.items() if len(set(keys)) > 1}
    if lost:
        FAILURES.append(f"{len(lost)} pages lost, {sum(1 for _, status in lost if status == 'firing')} of them firing, first {lost[:5]}")
    if doubled:
        FAILURES.append(f"{len(doubled)} told twice under two keys, first {list(doubled.items())[:3]}")
    if len(promised) < given.kills:
        FAILURES.append(f"only {len(promised)} alerts were taken: nothing was tried")
    for path in pathlib.Path(holdfast.data).rglob("*.db"):
        with sqlite3.connect(path) as db:
            if (answer := db.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
                FAILURES.append(f"{path}: {answer}")
    print(f"{given.kills} kills, {len(promised)} promised pages, {len(lost)} lost, {len(twice)} told twice under one key, "
          f"{len(doubled)} under two")
    for failure in FAILURES:
        print("FAILED", failure)
    if not FAILURES:
        shutil.rmtree(folder)
    else:
        print("logs:", folder)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
