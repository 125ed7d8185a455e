#!/usr/bin/env python3
"""Kills Holdfast with -9 again and again while samples come in, and asks for every acknowledged one.

usage: tests/soak/metrics_kills.py HOLDFAST [KILLS [SEED]]

Two writers send remote write 1.0 as fast as they are answered. At a random moment the process is killed,
sometimes in the middle of a flush or a merge that was asked for; after the restart every series must hold
exactly the samples that were acknowledged, and perhaps the one batch that was on its way.
"""
import http.client
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

SERIES = 40       # per writer
STEP_MS = 1000


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def snappy_literal(raw):
    """Snappy's block format with nothing but literals."""
    out = bytearray(varint(len(raw)))
    for at in range(0, len(raw), 60):
        piece = raw[at:at + 60]
        out.append((len(piece) - 1) << 2)
        out += piece
    return bytes(out)


def write_request(writer, tick, t):
    body = b""
    for i in range(SERIES):
        labels = [("__name__", "soak_total"), ("series", str(i)), ("writer", str(writer))]
        series = b"".join(field(1, field(1, n.encode()) + field(2, v.encode())) for n, v in labels)
        sample = b"\x09" + struct.pack("<d", tick * 1.25 + i) + b"\x10" + varint(t)
        body += field(1, series + field(2, sample))
    return snappy_literal(body)


class Writer(threading.Thread):
    def __init__(self, port, number, first_tick, start_ms):
        super().__init__()
        self.port, self.number, self.tick, self.start_ms = port, number, first_tick, start_ms
        self.acknowledged = first_tick  # ticks below are stored for certain
        self.problem = None

    def run(self):
        try:
            conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            while True:
                t = self.start_ms + self.tick * STEP_MS
                body = write_request(self.number, self.tick, t)
                self.tick += 1  # from here on it may be stored
                conn.request("POST", "/api/v1/write", body, {"Content-Type": "application/x-protobuf",
                                                             "Content-Encoding": "snappy"})
                response = conn.getresponse()
                text = response.read()
                if response.status // 100 != 2:
                    self.problem = f"writer {self.number}: {response.status} {text[:300]!r}"
                    return
                self.acknowledged = self.tick
        except (OSError, http.client.HTTPException):
            pass  # killed


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(binary, data, port):
    log = open(os.path.join(data, "..", "log.txt"), "ab")
    process = subprocess.Popen([binary, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", "--auth", "off",
                                "--retention", "10y"], stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"holdfast ended with {process.returncode}; see {log.name}")
        try:
            conn = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            conn.request("GET", "/-/ready")
            if conn.getresponse().status == 200:
                return process
        except OSError:
            pass
        time.sleep(0.005)
    raise SystemExit("holdfast is not ready after 60 s")


def ask(port, query, start_s, end_s):
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    args = urllib.parse.urlencode({"query": query, "time": end_s})
    conn.request("GET", "/api/v1/query?" + args)
    data = json.loads(conn.getresponse().read())
    assert data["status"] == "success", data
    return data["data"]["result"]


def check(port, writers, start_ms, start_s):
    """Every tick below `acknowledged` is there with its value; nothing at or above `tick` is."""
    worst = 0
    for w in writers:
        span = w.tick + 5
        end = start_ms / 1000 + span
        result = ask(port, f'soak_total{{writer="{w.number}"}}[{span + 5}s]', start_s, end)
        if w.acknowledged == 0:
            continue
        if len(result) != SERIES:
            return f"writer {w.number}: {len(result)} series instead of {SERIES}", worst
        for series in result:
            i = int(series["metric"]["series"])
            got = {round((float(t) * 1000 - start_ms) / STEP_MS): float(v) for t, v in series["values"]}
            for tick in range(w.acknowledged):
                if got.get(tick) != tick * 1.25 + i:
                    return f"writer {w.number} series {i}: tick {tick} is {got.get(tick)}", worst
            extra = [tick for tick in got if tick >= w.tick or got[tick] != tick * 1.25 + i]
            if extra:
                return f"writer {w.number} series {i}: never sent, but there: {extra[:5]}", worst
            worst = max(worst, len(got))
    return None, worst


def post_later(port, path, delay):
    def run():
        time.sleep(delay)
        try:
            conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            conn.request("POST", path)
            conn.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass  # killed
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def main():
    binary = os.path.abspath(sys.argv[1])
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    folder = tempfile.mkdtemp(prefix="holdfast_metrics_kills_")
    data = os.path.join(folder, "data")
    os.makedirs(data)
    ticks = [0, 0]
    start_ms = (int(time.time()) - 86400) // 7200 * 7200 * 1000
    began, samples, longest = time.monotonic(), 0, 0.0
    for kill in range(kills):
        port = free_port()
        t0 = time.monotonic()
        process = start(binary, data, port)
        longest = max(longest, time.monotonic() - t0)
        writers = [Writer(port, n, ticks[n], start_ms) for n in range(2)]
        for w in writers:
            w.start()
        life = chance.uniform(0.05, 0.6)
        others = []
        if chance.random() < 0.5:
            path = "/api/holdfast/v1/storage/" + chance.choice(["flush", "compact"])
            others.append(post_later(port, path, max(0.0, life - chance.uniform(0, 0.05))))
        time.sleep(life)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for thread in writers + others:
            thread.join()
        problem = next((w.problem for w in writers if w.problem), None)
        if not problem:
            port = free_port()
            process = start(binary, data, port)
            problem, count = check(port, writers, start_ms, start_ms / 1000)
            samples = max(samples, count)
            process.send_signal(signal.SIGKILL if chance.random() < 0.5 else signal.SIGTERM)
            process.wait()
        if problem:
            print(f"kill {kill + 1}: {problem}; the data is in {folder}")
            return 1
        for w in writers:
            # A last batch may be stored: its values are sent again and mean the same.
            ticks[w.number] = w.acknowledged
        if (kill + 1) % 50 == 0:
            print(f"{kill + 1} kills, {sum(ticks) * SERIES} samples acknowledged, none lost", flush=True)
    print(f"{kills} kills in {time.monotonic() - began:.0f} s, {sum(ticks) * SERIES} samples acknowledged, none lost, "
          f"none invented; longest start {longest:.2f} s")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
