#!/usr/bin/env python3
"""What the metrics engine costs while it serves: one line a bar, taken from outside (/proc, this script's clock).

    bench/metrics_load.py --bin build/release/bin/holdfast idle
    bench/metrics_load.py --bin BIN scrape [--targets 1000] [--series 1000] [--seconds 120]
    bench/metrics_load.py --bin BIN rules --rw DATA.rw --load LOAD [--rules 10000] [--seconds 120]
    bench/metrics_load.py --bin BIN parallel --rw DATA.rw --load LOAD

DATA.rw (with DATA.rw.json beside it) and LOAD are made by the generator and the loader of the side-by-side benchmark: a
file of remote write bodies, and what replays it. Exit status 1 if a bar fails.
"""
import argparse
import http.client
import http.server
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")
failures = 0


def report(name, figure, bar, good):
    global failures
    failures += not good
    print(f"{name:<12} {figure:<100} {bar:<18} {'pass' if good else 'fail'}", flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Holdfast:
    def __init__(self, binary, config=None, extra=()):
        self.home = tempfile.TemporaryDirectory(prefix="holdfast-bench-")
        self.port = free_port()
        command = [binary, "serve", "--data", self.home.name + "/data", "--listen", f"127.0.0.1:{self.port}", "--auth", "off",
                   "--retention", "10y", *extra]
        if config is not None:
            self.config = pathlib.Path(self.home.name) / "holdfast.yaml"
            self.config.write_text(config)
            command += ["--config", str(self.config)]
        self.command = command
        self.process = None

    def start(self):
        log = open(self.home.name + "/log.txt", "ab")
        self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        while True:
            if self.process.poll() is not None:
                sys.exit("holdfast ended: " + pathlib.Path(self.home.name, "log.txt").read_text()[-2000:])
            try:
                if self.get("/-/ready")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)

    def get(self, path, method="GET", timeout=300):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def query(self, text, at=None):
        arguments = {"query": text} | ({"time": at} if at else {})
        return json.loads(self.get("/api/v1/query?" + urllib.parse.urlencode(arguments))[1])["data"]["result"]

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, field="VmRSS"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.home.cleanup()


def cores_used(server, seconds, warm):
    """Medians of pieces of 15 s: other programs of the machine come and go."""
    time.sleep(warm)
    pieces = []
    while len(pieces) * 15 < seconds:
        cpu, began = server.cpu(), time.monotonic()
        time.sleep(15)
        pieces.append((server.cpu() - cpu) / (time.monotonic() - began))
    return statistics.median(pieces), max(pieces)


def load(server, arguments, extra=()):
    out = subprocess.run([arguments.load, "--file", arguments.rw, "--url", f"http://127.0.0.1:{server.port}/api/v1/write", "--conns", "4",
                          *extra], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


# ---- idle: nothing comes in, nobody asks ----


def bar_idle(arguments):
    server = Holdfast(arguments.bin)
    server.start()
    time.sleep(5)
    cpu, began = server.cpu(), time.monotonic()
    time.sleep(15)
    used = (server.cpu() - cpu) / (time.monotonic() - began)
    size = server.memory("RssAnon")
    report("idle", f"{size / MIB:.1f} MiB of its own, {server.memory() / MIB:.1f} MiB with the program's pages, {used:.4f} core",
           "<= 20 MiB", size <= 20 * MIB)
    server.stop()


# ---- scrape: many targets, each with many series, whose values move ----


class Exposition(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    series = 1000

    def do_GET(self):
        target = int(self.path.rsplit("/", 1)[1])
        step = int(time.time())
        lines = []
        for i in range(0, self.series, 10):
            lines.append(f"# TYPE scraped_{i}_total counter\n")
            for k in range(i, min(i + 10, self.series)):
                lines.append(f'scraped_{i}_total{{shard="{k - i}",zone="z{target % 7}"}} {step % 100000 * (k % 13) + target}\n')
        body = "".join(lines).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Targets(http.server.ThreadingHTTPServer):
    request_queue_size = 1024

    def handle_error(self, *_):
        """Whoever scraped has gone: the measurement is over."""


def bar_scrape(arguments):
    Exposition.series = arguments.series
    targets = Targets(("127.0.0.1", 0), Exposition)
    threading.Thread(target=targets.serve_forever, daemon=True).start()
    port = targets.server_address[1]
    jobs = "".join(f"  - job_name: t{i}\n    scrape_interval: 15s\n    metrics_path: /metrics/{i}\n    static_configs:\n"
                   f"      - targets: ['127.0.0.1:{port}']\n" for i in range(arguments.targets))
    home = tempfile.TemporaryDirectory(prefix="holdfast-bench-")
    prometheus = pathlib.Path(home.name) / "prometheus.yml"
    prometheus.write_text("scrape_configs:\n" + jobs)
    server = Holdfast(arguments.bin, f"prometheus: [{prometheus}]\n")
    server.start()
    median, worst = cores_used(server, arguments.seconds, warm=45)
    up = server.query('sum(up{job=~"t[0-9]+"})')
    count = server.query('sum(scrape_samples_scraped{job=~"t[0-9]+"})')
    late = server.query("max(scrape_duration_seconds)")
    figure = (f"{median:.3f} core (worst 15 s {worst:.3f}), {up[0]['value'][1]} targets up, {count[0]['value'][1]} series, "
              f"slowest scrape {float(late[0]['value'][1]) * 1000:.0f} ms, {server.memory() / MIB:.0f} MiB")
    report("scrape", figure, "<= 0.25 core", median <= 0.25 and int(up[0]["value"][1]) == arguments.targets)
    server.stop()
    targets.shutdown()


# ---- rules: alerts over a day of many series ----


def alert_rules(count, offset):
    """Thresholds, rates, ratios and quantiles over single instances and over all, as teams write them."""
    shapes = [
        'node_load1{{instance=~"node-0{k:04d}.*"}} > {t}',
        'rate(http_requests_total{{instance=~"10.28.{z}.*",status="500"}}[5m]) > {t}',
        'sum by (endpoint) (rate(http_requests_total{{instance="10.28.{z}.{k4}:8080"}}[5m])) > {t}',
        '1 - node_memory_MemAvailable_bytes{{instance="node-{k:05d}:9100"}} / node_memory_MemTotal_bytes > 0.9{t}',
        'avg_over_time(node_load1{{instance="node-{k:05d}:9100"}}[30m]) > {t}',
        'up{{instance="node-{k:05d}:9100"}} == 0',
        'predict_linear(node_filesystem_avail_bytes{{instance="node-{k:05d}:9100"}}[1h], 14400) < {t}',
        'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{{instance="10.28.{z}.{k4}:8080"}}[5m]))) > {t}',
    ]
    out = ["groups:"]
    for group in range(count // 100):
        out += [f"  - name: g{group}", "    interval: 15s", f"    query_offset: {offset}s", "    rules:"]
        for i in range(100):
            n = group * 100 + i
            text = shapes[n % len(shapes)].format(k=n % 45, k4=n % 250, z=n % 2, t=n % 40)
            out += [f"      - alert: A{n}", f"        expr: '{text}'", "        for: 5m", "        labels: {severity: warning}"]
    return "\n".join(out) + "\n"


def bar_rules(arguments):
    meta = json.loads(pathlib.Path(arguments.rw + ".json").read_text())
    home = tempfile.TemporaryDirectory(prefix="holdfast-bench-")
    rules = pathlib.Path(home.name) / "rules.yml"
    # Far enough back that the data lasts until the end of the measurement.
    rules.write_text(alert_rules(arguments.rules, int(time.time() - meta["end_s"]) + 3600))
    server = Holdfast(arguments.bin, f"rules: [{rules}]\n")
    server.start()
    load(server, arguments)
    server.get("/api/holdfast/v1/storage/flush", "POST")
    server.get("/api/holdfast/v1/storage/compact", "POST")
    median, worst = cores_used(server, arguments.seconds, warm=40)
    status = json.loads(server.get("/api/v1/rules")[1])["data"]["groups"]
    rows = [rule for group in status for rule in group["rules"]]
    bad = sum(rule["health"] != "ok" for rule in rows)
    slowest = max(group["evaluationTime"] for group in status)
    active = sum(len(rule["alerts"]) for rule in rows)
    figure = (f"{median:.3f} core (worst 15 s {worst:.3f}), {len(rows)} rules, {bad} not ok, {active} alerts active, slowest group of 100 {slowest * 1000:.0f} ms, "
              f"{server.memory() / MIB:.0f} MiB")
    report("rules", figure, "<= 0.3 core", median <= 0.3 and bad == 0 and len(rows) == arguments.rules)
    server.stop()


# ---- parallel: eight ask while samples come in ----


QUERIES = [
    ('sum by (job) (rate(http_requests_total[5m]))', None),
    ('topk(10, sum by (instance) (rate(http_requests_total[5m])))', None),
    ('100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])))', None),
    ('node_load1', 3600),
    ('sum by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))', 3600),
    ('histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))', 3600),
]


def ask(server, end, until, seed, times):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    choice = random.Random(seed)
    while time.monotonic() < until():
        text, span = choice.choice(QUERIES)
        if span:
            path = "/api/v1/query_range?" + urllib.parse.urlencode({"query": text, "start": end - span, "end": end, "step": 60})
        else:
            path = "/api/v1/query?" + urllib.parse.urlencode({"query": text, "time": end})
        began = time.monotonic()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        times.append(time.monotonic() - began)


def p95_of(server, end, seconds):
    stop = time.monotonic() + seconds
    times = []
    threads = [threading.Thread(target=ask, args=(server, end, lambda: stop, i, times)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.quantiles(times, n=20)[18] * 1000, len(times)


def bar_parallel(arguments):
    """Eight at a time, first quiet, then while the second half of the data comes in at a hundred thousand samples a second."""
    meta = json.loads(pathlib.Path(arguments.rw + ".json").read_text())
    half = meta["steps"] // 2
    end = meta["start_s"] + half * meta["interval_s"]
    server = Holdfast(arguments.bin)
    server.start()
    load(server, arguments, ["--rounds", str(half)])
    p95_of(server, end, 3)
    quiet, quiet_count = p95_of(server, end, arguments.seconds / 4)
    writer = subprocess.Popen([arguments.load, "--file", arguments.rw, "--url", f"http://127.0.0.1:{server.port}/api/v1/write", "--conns", "4",
                               "--skip-rounds", str(half), "--pace", str(arguments.pace)], stdout=subprocess.DEVNULL)
    time.sleep(2)
    busy, busy_count = p95_of(server, end, arguments.seconds / 4)
    running = writer.poll() is None
    writer.terminate()
    writer.wait()
    figure = (f"p95 {busy:.1f} ms while {arguments.pace:,} samples/s come in, {quiet:.1f} ms quiet: {busy / quiet:.2f} x "
              f"({busy_count} and {quiet_count} answers)")
    report("parallel", figure, "<= 2 x quiet", busy <= 2 * quiet and running)
    server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bars", nargs="+", choices=["idle", "scrape", "rules", "parallel"])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--rw")
    parser.add_argument("--load")
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--rules", type=int, default=10000)
    parser.add_argument("--pace", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=120)
    arguments = parser.parse_args()
    bars = {"idle": bar_idle, "scrape": bar_scrape, "rules": bar_rules, "parallel": bar_parallel}
    for name in arguments.bars:
        bars[name](arguments)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
