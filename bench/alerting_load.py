#!/usr/bin/env python3
"""Alerting under load, beside a real Alertmanager (Debian: prometheus-alertmanager) in the same run.

handoff   --rate alerts a second, each a group of its own, without group_wait: from the moment the POST is sent to the
          moment the webhook has it. p50 and p99.
crowd     100,000 active alerts and 10,000 silences: POSTs of 1,000 alerts (refreshes of those), p50 and p99; resident memory.
          Then Holdfast is killed and started on it: seconds to ready, and what it told without need.
Both print one line a server: medians are for whoever runs it several times.
"""
import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

CONFIG = """route:
  receiver: hook
  group_by: {groups}
  group_wait: {wait}
  group_interval: 5m
  repeat_interval: 4h
receivers:
  - name: hook
    webhook_configs: [ {{ url: 'http://127.0.0.1:{port}/' }} ]
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(base, path, body=None):
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    request = urllib.request.Request(base + path, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


class Server:
    def __init__(self, name, binary, folder, hook_port, wait, groups):
        self.name, self.binary, self.folder = name, binary, os.path.join(folder, name)
        os.makedirs(self.folder)
        config = os.path.join(self.folder, "alertmanager.yml")
        with open(config, "w") as file:
            file.write(CONFIG.format(port=hook_port, wait=wait, groups=groups))
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        if name == "holdfast":
            top = os.path.join(self.folder, "holdfast.yaml")
            with open(top, "w") as file:
                file.write(f"external_url: http://127.0.0.1:9093\nalerting: {{ config: {config} }}\n")
            self.command = [binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.folder + "/data", "--config", top,
                            "--auth", "off"]
        else:
            self.command = [binary, f"--config.file={config}", f"--storage.path={self.folder}/data", "--cluster.listen-address=",
                            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"]
        self.start()

    def start(self):
        begin = time.monotonic()
        self.log = open(self.folder + "/log", "ab")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        while True:
            try:
                ask(self.base, "/-/ready")
                return time.monotonic() - begin
            except OSError:
                if self.process.poll() is not None or time.monotonic() - begin > 60:
                    sys.exit(f"{self.name} did not start; see {self.folder}/log")
                time.sleep(0.01)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()  # it holds on to deliveries; its figures are printed
            self.process.wait()


class Hook:
    """Answers webhooks with 200 as fast as it can; remembers when each alert came."""

    def __init__(self):
        self.came = {}
        self.count = 0

    async def serve(self):
        self.server = await asyncio.start_server(self.connection, "127.0.0.1", 0, backlog=1024, limit=1 << 20)
        self.port = self.server.sockets[0].getsockname()[1]

    async def connection(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        size = int(line[15:])
                body = await reader.readexactly(size)
                now = time.monotonic()
                self.count += 1
                at = body.find(b'"n":"')
                if at >= 0:
                    n = int(body[at + 5:body.index(b'"', at + 5)])
                    self.came.setdefault(n, now)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()


async def post(reader, writer, body):
    writer.write(b"POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
    writer.write(body)
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            await reader.readexactly(int(line[15:]))
    if b" 200 " not in head.split(b"\r\n")[0]:
        sys.exit("refused: " + head.decode())


def quantiles(values):
    values = sorted(values)
    at = lambda q: values[min(len(values) - 1, int(q * len(values)))] * 1000
    return f"p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, max {values[-1] * 1000:.1f} ms"


async def handoff(hook, server, given):
    """One POST each 10 ms, with as many alerts as the rate asks for."""
    per = max(1, given.rate // 100)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20)
    sent, n = {}, 0
    hook.came.clear()
    begin = time.monotonic()
    for round_ in range(given.seconds * 100):
        due = begin + round_ * 0.01
        await asyncio.sleep(max(0, due - time.monotonic()))
        now = time.time()
        alerts = []
        moment = time.monotonic()
        for _ in range(per):
            sent[n] = moment
            alerts.append({"labels": {"alertname": "Load", "n": str(n), "severity": "warning"}, "startsAt": stamp(now)})
            n += 1
        await post(reader, writer, json.dumps(alerts, separators=(",", ":")).encode())
    end = time.monotonic() + 30
    while len(hook.came) < n and time.monotonic() < end:
        await asyncio.sleep(0.1)
    late = [hook.came[i] - at for i, at in sent.items() if i in hook.came]
    print(f"handoff {server.name}: {n} alerts at {given.rate}/s, {n - len(late)} not told, {quantiles(late)}, {resident_mib(server.process.pid):.0f} MiB", flush=True)
    writer.close()


def crowd_alerts(begin, count, starts):
    return json.dumps([{
        "labels": {"alertname": f"Crowd{n % 100}", "n": str(n), "instance": f"host-{n % 5000}.example.org:9100", "job": "node", "severity": "warning"},
        "annotations": {"summary": f"instance host-{n % 5000} is not well", "description": "The disk of the instance fills within four hours."},
        "startsAt": stamp(starts), "generatorURL": "http://prometheus.example.org/graph?g0.expr=node_filesystem_avail_bytes"}
        for n in range(begin, begin + count)], separators=(",", ":")).encode()


async def crowd(hook, server, given):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20)
    starts = time.time()
    for i in range(given.silences):
        body = {"matchers": [{"name": "instance", "value": f"gone-{i}.example.org:9100", "isRegex": False, "isEqual": True},
                             {"name": "job", "value": "node|other", "isRegex": True, "isEqual": True}],
                "startsAt": stamp(starts), "endsAt": stamp(starts + 86400), "createdBy": "bench", "comment": f"silence {i}"}
        ask(server.base, "/api/v2/silences", body)
    for begin in range(0, given.alerts, 1000):
        await post(reader, writer, crowd_alerts(begin, 1000, starts))
    # Prometheus says each again and again.
    took = []
    for i in range(given.posts):
        body = crowd_alerts((i * 1000) % given.alerts, 1000, starts)
        begin = time.monotonic()
        await post(reader, writer, body)
        took.append(time.monotonic() - begin)
        await asyncio.sleep(0.02)
    await asyncio.sleep(15)
    print(f"crowd {server.name}: {given.alerts} alerts, {given.silences} silences, POST of 1,000: {quantiles(took)}, "
          f"{resident_mib(server.process.pid):.0f} MiB", flush=True)
    writer.close()
    if server.name != "holdfast":
        return
    told = hook.count
    server.end(signal.SIGKILL)
    seconds = server.start()
    active = len(json.loads(ask(server.base, "/api/v2/alerts")))
    await asyncio.sleep(15)
    print(f"restart {server.name}: ready after {seconds:.2f} s with {active} alerts, {hook.count - told} told without need, "
          f"{resident_mib(server.process.pid):.0f} MiB", flush=True)


async def run(given):
    for name in given.servers.split(","):
        binary = given.holdfast if name == "holdfast" else given.alertmanager or shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        if not binary:
            print(f"{name}: not on this machine, left out")
            continue
        folder = tempfile.mkdtemp(prefix="holdfast-bench-alerting-")
        hook = Hook()
        await hook.serve()
        # A crowd waits a while for its page, as crowds do; 20 alerts are a group.
        how = ("0s", "['...']") if given.what == "handoff" else ("1s", "[alertname, instance]")
        server = Server(name, binary, folder, hook.port, *how)
        await (handoff if given.what == "handoff" else crowd)(hook, server, given)
        server.end()
        hook.server.close()
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["handoff", "crowd"])
    parser.add_argument("--holdfast", default="build/release/bin/holdfast")
    parser.add_argument("--alertmanager")
    parser.add_argument("--servers", default="holdfast,alertmanager")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--silences", type=int, default=10_000)
    parser.add_argument("--posts", type=int, default=300)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
