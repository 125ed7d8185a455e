#!/usr/bin/env python3
"""History of a real Prometheus, imported: its answers before and Holdfast's after must be the same text.

A Prometheus of PATH gets blocks of past days by promtool, samples of the last hour by remote write (floats, stale
markers, native histograms where it takes them), deletes some of both, and takes a snapshot. `holdfast metrics import`
brings the snapshot into the folder of a stopped Holdfast and, over HTTP, into a running one; OpenMetrics text goes the
same two ways. Asked again, nothing is written twice; a damaged block is refused with file and offset. Last, a
Holdfast without samples reads the Prometheus' by remote_read. Exit code 77: no
Prometheus on PATH (Debian package: prometheus).
"""
import argparse
import glob
import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

from prometheus_peer_test import FAILURES, Program, ask, free_port, start_prometheus, wait_for

HOUR = 3600
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


# ---- remote write, by hand ----

def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, kind, value):
    key = varint(number << 3 | kind)
    if kind == 2:
        return key + varint(len(value)) + value
    return key + (value if kind == 1 else varint(value))


def zigzag(value):
    return (value << 1) ^ (value >> 63)


def double(value):
    return struct.pack("<d", value)


def snappy(plain):
    """The block format, literals only."""
    out = varint(len(plain))
    for at in range(0, len(plain), 65536):
        piece = plain[at:at + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
    return out


def span(offset, length):
    return field(1, 0, zigzag(offset)) + field(2, 0, length)


def histogram(t, counts, total_sum, is_float, schema=3):
    """Buckets at 0.. in one span and two in a second; a zero bucket of one."""
    count = sum(counts) + 1
    out = field(2, 1, double(count)) if is_float else field(1, 0, int(count))
    out += field(3, 1, double(total_sum)) + field(4, 0, zigzag(schema)) + field(5, 1, double(2.0 ** -128))
    out += field(7, 1, double(1)) if is_float else field(6, 0, 1)
    out += field(11, 2, span(0, len(counts) - 2)) + field(11, 2, span(3, 2))
    if is_float:
        out += field(13, 2, b"".join(double(one) for one in counts))
    else:
        deltas = [counts[0]] + [b - a for a, b in zip(counts, counts[1:])]
        out += field(12, 2, b"".join(varint(zigzag(one)) for one in deltas))
    return out + field(15, 0, t)


def series(labels, samples=(), histograms=()):
    out = b"".join(field(1, 2, field(1, 2, n.encode()) + field(2, 2, v.encode())) for n, v in sorted(labels.items()))
    out += b"".join(field(2, 2, field(1, 1, double(v)) + field(2, 0, t)) for t, v in samples)
    return field(1, 2, out + b"".join(field(4, 2, one) for one in histograms))


def write(base, message):
    status, body = ask(base, "/api/v1/write", "POST", snappy(message), {
        "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"})
    if status >= 300:
        FAILURES.append(f"remote write: {status} {body}")


def recent(begin, floats_only):
    """An hour of samples, each 15 s, as one message."""
    times = [begin + i * 15000 for i in range(240)]
    message = b""
    for i in range(20):
        labels = {"__name__": "imp_counter_total", "job": "a", "i": str(i)}
        message += series(labels, [(t, float(j * (i + 1) % 977)) for j, t in enumerate(times)])
    odd = [0.1, -1e300, math.inf, -math.inf, math.nan, 5e-324, 3.0, 2.0 ** 53 + 2]
    message += series({"__name__": "imp_odd"}, [(t + 7 * j, odd[j % len(odd)]) for j, t in enumerate(times)])
    message += series({"__name__": "imp_stale"},
                      [(t, STALE if j % 40 == 39 else float(j)) for j, t in enumerate(times)])
    if floats_only:
        return message
    for kind in (False, True):
        histograms = []
        for j, t in enumerate(times):
            step = j if j < 150 else j - 150  # a counter reset
            counts = [step + k * (step // 10) for k in range(6)]
            histograms.append(histogram(t, [c * 0.5 for c in counts] if kind else counts, step * 1.5, kind))
        message += series({"__name__": "imp_histogram", "kind": "float" if kind else "whole"}, (), histograms)
    return message


def open_metrics(path, begin, end):
    with open(path, "w") as file:
        file.write("# HELP imp_old_total Of days past.\n# TYPE imp_old counter\n")
        for i in range(5):
            for t in range(begin, end, 60):
                file.write(f'imp_old_total{{i="{i}",text="a\\"b\\\\c"}} {(t - begin) // 60 * (i + 1)} {t}.25\n')
        file.write("# EOF\n")


# ---- comparing ----

def answer(base, query, at):
    status, body = ask(base, "/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": at}))
    if status != 200:
        return f"status {status}: {body}"
    data = json.loads(body)["data"]
    return sorted(json.dumps(one, sort_keys=True) for one in data["result"])


def same(ours, theirs):
    """Numbers within 1e-12, which is what versions differ by in the last digits; all else to the letter."""
    if isinstance(ours, str) and isinstance(theirs, str) and ours != theirs:
        try:
            a, b = float(ours), float(theirs)
        except ValueError:
            return False
        return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-12)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs))
    return ours == theirs


def compare(what, ours, theirs, at, queries):
    for query in queries:
        got, want = answer(ours, query, at), answer(theirs, query, at)
        if not want and query != "imp_stale":  # a marker may be the newest
            FAILURES.append(f"{what}: {query} finds nothing at Prometheus")
        elif got != want and (isinstance(got, str) or isinstance(want, str) or not same(
                [json.loads(one) for one in got], [json.loads(one) for one in want])):
            lines = [f"    ours {a[:300]}\n  theirs {b[:300]}" for a, b in zip(got, want) if a != b][:2]
            FAILURES.append(f"{what}: {query}: {len(got)} series and not {len(want)}\n" + "\n".join(lines))


class Holdfast:
    def __init__(self, binary, folder, name, config=""):
        self.binary, self.folder, self.name = binary, folder, name
        self.config = os.path.join(folder, name + ".yaml")
        with open(self.config, "w") as file:
            file.write(config)
        self.data = os.path.join(folder, name)
        self.store = os.path.join(self.data, "metrics")
        os.makedirs(self.data, exist_ok=True)

    def start(self):
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.program = Program(self.name, [self.binary, "serve", "--listen", f"127.0.0.1:{port}", "--data", self.data,
                                           "--auth", "off", "--retention", "30d", "--config", self.config], self.folder)
        wait_for(f"Holdfast {self.name}", lambda: ask(self.base, "/-/ready")[0] == 200)
        return self

    def bring(self, *arguments):
        done = subprocess.run([self.binary, "metrics", "import", "--json", *arguments], capture_output=True, text=True)
        return done.returncode, (json.loads(done.stdout) if done.returncode == 0 else done.stderr)

    def bring_to_folder(self, path):
        return self.bring(path, "--store", self.store)

    def bring_over_http(self, path):
        return self.bring(path, "--url", self.base)


def prepare(arguments, folder, now):
    """A Prometheus with old blocks and new samples; its address, and the snapshot it took."""
    port = free_port()
    data = os.path.join(folder, f"prometheus-{port}")
    text = os.path.join(folder, "old.om")
    open_metrics(text, now - 50 * HOUR, now - 26 * HOUR)
    made = subprocess.run([arguments.promtool, "tsdb", "create-blocks-from", "openmetrics", text, data],
                          capture_output=True, text=True)
    if made.returncode != 0:
        FAILURES.append(f"promtool: {made.stderr}")
    features = ["--enable-feature=native-histograms"]
    peer = start_prometheus(arguments.prometheus, folder, port, "", features)
    base = f"http://127.0.0.1:{port}"
    wait_for("Prometheus", lambda: ask(base, "/-/ready")[0] == 200)
    write(base, recent((now - HOUR) * 1000, False))
    for match, begin, end in [('imp_old_total{i="3"}', now - 45 * HOUR, now - 40 * HOUR), ('imp_counter_total{i="3"}', 0, now)]:
        query = urllib.parse.urlencode({"match[]": match, "start": begin, "end": end})
        status, body = ask(base, "/api/v1/admin/tsdb/delete_series?" + query, "POST")
        if status != 204:
            FAILURES.append(f"delete: {status} {body}")
    status, body = ask(base, "/api/v1/admin/tsdb/snapshot", "POST")
    snapshot = os.path.join(data, "snapshots", json.loads(body)["data"]["name"])
    return peer, base, snapshot, text


def check_damage(holdfast, snapshot, folder):
    """One bit of a chunk turned: refused with the file and the place."""
    copy = os.path.join(folder, "damaged")
    shutil.copytree(snapshot, copy)
    segment = max(glob.glob(copy + "/*/chunks/000001"), key=os.path.getsize)
    with open(segment, "r+b") as file:
        file.seek(100)
        byte = file.read(1)
        file.seek(100)
        file.write(bytes([byte[0] ^ 4]))
    status, text = holdfast.bring_to_folder(copy)
    if status == 0 or segment not in str(text) or "offset" not in str(text):
        FAILURES.append(f"a damaged segment: {status} {text}")


def version(prometheus):
    done = subprocess.run([prometheus, "--version"], capture_output=True, text=True)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def reading(binary, folder, theirs, now, queries):
    """Nothing is imported: queries read the peer, as the entries of remote_read say."""
    url = f"{theirs}/api/v1/read"
    all_of_it = Holdfast(binary, folder, "reading", f"remote_read: [ {{ url: '{url}', read_recent: true }} ]\n").start()
    picky = Holdfast(binary, folder, "picky", "external_labels: { job: a }\nhost: { metrics: false }\nremote_read:\n"
                     f"  - {{ url: '{url}', required_matchers: {{ kind: whole }}, filter_external_labels: false }}\n"
                     f"  - {{ url: '{url}', name: filtered, required_matchers: {{ i: '1' }} }}\n").start()
    try:
        for at in (now, now - 30):
            compare("remote read", all_of_it.base, theirs, at, queries)
        compare("required matchers", picky.base, theirs, now, ['imp_histogram{kind="whole"}'])
        if answer(picky.base, 'imp_histogram', now) != []:
            FAILURES.append("a peer was asked without its required matchers")
        # The peer is asked for job="a", and its answer loses that label.
        got = answer(picky.base, 'count_over_time(imp_counter_total{i="1"}[2h])', now)
        if len(got) != 1 or '"job"' in got[0]:
            FAILURES.append(f"external labels are not taken off: {got}")
    finally:
        all_of_it.program.end()
        picky.program.end()
    dead = Holdfast(binary, folder, "dead", "remote_read: [ { url: 'http://127.0.0.1:1/read', name: gone, read_recent: true } ]\n")
    dead.start()
    text = answer(dead.base, "up", now)
    dead.program.end()
    if "remote read from gone" not in str(text):
        FAILURES.append(f"a peer that is away is not told: {text}")


def run(arguments, folder):
    now = int(time.time())
    binary = os.path.join(arguments.bin, "holdfast")
    running = []
    peer, theirs, snapshot, text = prepare(arguments, folder, now)
    try:
        queries = ['{__name__=~"imp_(counter|odd|stale|old).*"}[3d]', "rate(imp_counter_total[5m])", "imp_stale",
                   "histogram_sum(imp_histogram)", "increase(imp_old_total[2d])", "imp_histogram",
                   "histogram_count(imp_histogram)", "count_over_time(imp_histogram[1h])"]
        if version(arguments.prometheus) >= (2, 48):  # those before show one histogram's buckets for another's
            queries += ["imp_histogram[1h]", "histogram_count(rate(imp_histogram[10m]))"]
        if version(arguments.prometheus) >= (3, 0):  # those before interpolate within a bucket in another way
            queries += ["histogram_quantile(0.9, rate(imp_histogram[10m]))"]
        cold = Holdfast(binary, folder, "cold")
        status, report = cold.bring_to_folder(snapshot)
        print("import of the snapshot:", report)
        again_status, again = cold.bring_to_folder(snapshot)
        if status or again_status or again["samples"] != 0 or again["skipped"] != report["samples"]:
            FAILURES.append(f"the second import: {again_status} {again} after {report}")
        running.append(cold.start())
        # Not on the grid of the samples: whether a range takes in its left end is a matter of version.
        asked = now - 7
        for at in (asked, asked - 30, asked - 15 * 41):
            compare("snapshot", cold.base, theirs, at, queries)
        status, refused = cold.bring_to_folder(snapshot)
        if status == 0 or "running Holdfast" not in str(refused):
            FAILURES.append(f"the folder of a running Holdfast: {status} {refused}")

        warm = Holdfast(binary, folder, "warm").start()
        running.append(warm)
        for time_of_asking in ("first", "second"):  # without a record everything is sent again
            status, report = warm.bring_over_http(snapshot)
            if status:
                FAILURES.append(f"over HTTP: {report}")
            compare(f"snapshot over HTTP, {time_of_asking} time", warm.base, theirs, asked, queries)

        plain = Holdfast(binary, folder, "plain")
        status, report = plain.bring_to_folder(text)
        print("import of the text:", report)
        running.append(plain.start())
        compare("text", plain.base, theirs, asked, ['imp_old_total{i!="3"}[3d]'])
        reading(binary, folder, theirs, asked, queries)
        check_damage(Holdfast(binary, folder, "broken"), snapshot, folder)
    finally:
        peer.end()
        for one in running:
            one.program.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--prometheus", default=shutil.which("prometheus"))
    parser.add_argument("--promtool", default=shutil.which("promtool"))
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    arguments = parser.parse_args()
    if not arguments.prometheus or not arguments.promtool:
        print("skipped: there is no prometheus on PATH (Debian package: prometheus)")
        return 77
    folder = tempfile.mkdtemp(prefix="holdfast-import-")
    try:
        run(arguments, folder)
    finally:
        if arguments.keep or FAILURES:
            print("logs are in", folder)
        else:
            shutil.rmtree(folder)
    for failure in FAILURES:
        print("DIFFERENT", failure)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
