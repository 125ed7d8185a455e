#!/usr/bin/env python3
"""Holdfast beside a real Alertmanager, amtool and Prometheus (Debian packages prometheus-alertmanager, prometheus).

traces      Random traces (alert_traces.py) are told to both at once; every webhook body must be equal, in the same order
            and the same tick, and so must what the two APIs show at the end. --traces says how many.
amtool      The same commands against both; equal output but for ids and times.
prometheus  A real Prometheus sends its alerts to Holdfast, which tells a webhook, and says when they are resolved.
Exit code 77: none of them on PATH.
"""
import argparse
import collections
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import alert_traces
import peers
from peers import FAILURES, Program, free_port, wait_for


def ask(base, path, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    return peers.ask(base, path, method, data, {"Content-Type": "application/json"})


class Catcher:
    """Takes webhooks: (path, body, moment)."""

    def __init__(self):
        caught = self.caught = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                caught.append((self.path, json.loads(body), time.time()))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()


def start_peer(binary, folder, config):
    port = free_port()
    program = Program("alertmanager", [
        binary, f"--config.file={config}", f"--storage.path={folder}/peer-data", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=", "--web.external-url=http://127.0.0.1:9093", "--log.level=error"], folder)
    base = f"http://127.0.0.1:{port}"
    wait_for("the peer", lambda: ask(base, "/-/ready")[0] == 200)
    return program, base


def start_holdfast(binary, folder, config):
    port, own = free_port(), free_port()
    path = os.path.join(folder, "holdfast.yaml")
    with open(path, "w") as file:
        file.write(f"external_url: http://127.0.0.1:9093\nalerting: {{ config: {config}, listen: '127.0.0.1:{own}' }}\n")
    program = Program("holdfast", [os.path.join(binary, "holdfast"), "serve", "--listen", f"127.0.0.1:{port}", "--data",
                                   os.path.join(folder, "data"), "--config", path, "--auth", "off"], folder)
    base = f"http://127.0.0.1:{own}"
    wait_for("Holdfast", lambda: ask(base, "/-/ready")[0] == 200)
    return program, base


# ---- traces ----

def sequences(caught, begin):
    """What each integration was told of each group: bodies in order, with the tick they came in."""
    told = collections.defaultdict(list)
    for path, body, moment in caught:
        body.pop("notification_reason", None)  # of 0.34; older ones do not say it
        body.pop("routeLabels", None)
        told[(path, body["groupKey"])].append((int((moment - begin) / alert_traces.TICK), body))
    return told


def views(base):
    """What /api/v2/alerts shows of each alert, without what differs by nature (ids, times of updates)."""
    shown = {}
    for alert in json.loads(ask(base, "/api/v2/alerts")[1]):
        status = alert["status"]
        shown[(alert["labels"]["trace"], alert["fingerprint"])] = {
            "labels": alert["labels"], "annotations": alert["annotations"], "startsAt": alert["startsAt"], "state": status["state"],
            "silences": len(status["silencedBy"]), "inhibitedBy": bool(status["inhibitedBy"]), "mutedBy": status.get("mutedBy", []),
            "receivers": sorted(one["name"] for one in alert["receivers"])}
    return shown


def groups(base):
    found = {}
    for group in json.loads(ask(base, "/api/v2/alerts/groups")[1]):
        key = json.dumps([group["receiver"]["name"], group["labels"]], sort_keys=True)
        found.setdefault(key, []).append(sorted(alert["fingerprint"] for alert in group["alerts"]))
    return {key: sorted(lists) for key, lists in found.items()}


class Silences:
    """By comment, for each of the two servers its own ids."""

    def __init__(self, bases):
        self.bases, self.ids = bases, {}

    def make(self, body):
        ids = []
        for base in self.bases:
            status, text = ask(base, "/api/v2/silences", "POST", body)
            ids.append(json.loads(text)["silenceID"] if status == 200 else f"{status} {text}")
        if [len(one) for one in ids] != [36, 36] and ids[0] != ids[1]:
            FAILURES.append(f"silence {body}: {ids}")
        self.ids[body["comment"]] = ids

    def end(self, comment):
        for base, one in zip(self.bases, self.ids[comment]):
            ask(base, "/api/v2/silence/" + one, "DELETE")


def sleep_until(moment):
    time.sleep(max(0.0, moment - time.time()))  # the trace's own clock, nothing is waited for


def compare(ours, theirs, traces):
    bad = set()
    twins = {trace.name for trace in traces if trace.twins}
    for key in sorted(set(ours) | set(theirs)):
        trace = key[0].split("/")[1]
        # Two routes of one key and one receiver are told once here; Alertmanager's two groups race for its log, and mostly tell twice.
        if trace in twins:
            continue
        mine, peers = ours.get(key, []), theirs.get(key, [])
        if [body for _, body in mine] != [body for _, body in peers]:
            bad.add(trace)
            if len(bad) <= 5:
                FAILURES.append(f"{key}: told {[digest(one) for one in mine]}, Alertmanager {[digest(one) for one in peers]}")
                for (_, a), (_, b) in zip(mine, peers):
                    if a != b:
                        FAILURES.append("  first difference: " + first_difference(a, b))
                        break
        elif [tick for tick, _ in mine] != [tick for tick, _ in peers]:
            bad.add(trace)
            FAILURES.append(f"{key}: in ticks {[t for t, _ in mine]}, Alertmanager in {[t for t, _ in peers]}")
    return bad


def digest(one):
    tick, body = one
    return f"{tick}:" + ",".join(alert["status"][0] + alert["fingerprint"][:4] for alert in body["alerts"])


def first_difference(a, b, place=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for name in sorted(set(a) | set(b)):
            if a.get(name) != b.get(name):
                return first_difference(a.get(name), b.get(name), f"{place}/{name}")
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            if x != y:
                return first_difference(x, y, f"{place}[{i}]")
    return f"{place}: {json.dumps(a)[:300]} instead of {json.dumps(b)[:300]}"


def run_traces(peer_binary, holdfast_binary, folder, seed, numbers):
    folder = tempfile.mkdtemp(prefix=f"traces-{numbers[0]}-", dir=folder)
    traces = [alert_traces.Trace(seed, number) for number in numbers]
    catchers = [Catcher(), Catcher()]
    paths = []
    for i, catcher in enumerate(catchers):
        # The same configuration but for the port: made by twins of the traces, so that the dice fall alike.
        twins = [alert_traces.Trace(seed, number) for number in numbers] if i else traces
        paths.append(os.path.join(folder, f"alertmanager-{i}.yml"))
        with open(paths[i], "w") as file:
            file.write(alert_traces.config(twins, catcher.port))
    holdfast, ours = start_holdfast(holdfast_binary, folder, paths[0])
    peer, theirs = start_peer(peer_binary, folder, paths[1])
    silences = Silences([ours, theirs])
    begin = float(int(time.time()) + 2)
    for number in range(alert_traces.TICKS):
        now = begin + number * alert_traces.TICK
        sleep_until(now)
        posted = []
        for trace in traces:
            alerts, made, ended = trace.tick(number, now)
            posted += alerts
            for one in made:
                silences.make(one)
            for one in ended:
                silences.end(one)
        for base in (ours, theirs):
            if posted:
                status, text = ask(base, "/api/v2/alerts", "POST", posted)
                if status != 200:
                    FAILURES.append(f"POST alerts: {status} {text[:300]}")
    sleep_until(begin + (alert_traces.TICKS + 1.9) * alert_traces.TICK)
    shown = [views(base) for base in (ours, theirs)]
    grouped = [groups(base) for base in (ours, theirs)]
    told = [sequences(list(catcher.caught), begin) for catcher in catchers]
    for program in (holdfast, peer):
        program.end()
    for catcher in catchers:
        catcher.end()
    bad = compare(told[0], told[1], traces)
    for name, (mine, peers) in (("alerts", shown), ("groups", grouped)):
        if mine != peers:
            odd = [key for key in sorted(set(mine) | set(peers), key=str) if mine.get(key) != peers.get(key)]
            FAILURES.append(f"{name}: {len(odd)} differ, first {odd[0]}: {mine.get(odd[0])} instead of {peers.get(odd[0])}")
            bad |= {str(key) for key in odd}
    return bad, sum(len(bodies) for bodies in told[1].values())


# ---- amtool ----

AMTOOL = [
    "alert add alertname=Disk severity=critical host=db1 --annotation=summary=full",
    "alert add alertname=Net severity=warning host=web1",
    "alert query -o simple", "alert query -o extended severity=critical", "alert query -o json host=~db.*", "alert query --silenced",
    "silence add alertname=Disk host=db1 --author=ops --comment=works --duration=2h",
    "silence query -o simple", "silence query -o extended", "silence query -q", "silence query --within=3h", "silence query host=db1",
    "alert query -o json", "alert query --silenced -o simple", "silence add host= --author=ops --comment=x", "silence add Disk --comment=y --author=me",
    "silence expire {id}", "silence query --expired -o simple", "silence expire nosuch", "config show", "config routes show",
    "config routes test severity=critical", "config routes test --verify.receivers=pager severity=critical",
    "config routes test --verify.receivers=nobody severity=critical", "cluster show",
]
AMTOOL_CONFIG = """route:
  receiver: nobody
  group_by: [alertname]
  routes:
    - { matchers: [ 'severity="critical"' ], receiver: pager }
receivers:
  - name: nobody
  - name: pager
    webhook_configs: [ { url: 'http://127.0.0.1:1/none' } ]
"""
VARYING = [(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID"), (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)?", "TIME"),
           (r"http://127\.0\.0\.1:\d+", "URL"), (r"level=\S+ .*", "LOG"),
           # Whoever is not of its own version is warned of; what later versions say more precisely.
           (r"Warning: amtool version .* are different\.\n", ""), (r"matcher set 0: ", ""), ("silence invalid", "invalid silence")]


def amtool(binary, base, command, made):
    words = [word.replace("{id}", made.get(base, "none")) for word in command.split(" ")]
    done = subprocess.run([binary, "--alertmanager.url=" + base, *words], capture_output=True, text=True, timeout=60)
    text = done.stdout + done.stderr
    if command.startswith("silence add") and done.returncode == 0:
        made[base] = done.stdout.strip()
    for pattern, instead in VARYING:
        text = re.sub(pattern, instead, text)
    # A column is as wide as what varied in it.
    return done.returncode, re.sub(r" +", " ", text)


def run_amtool(binary, peer_binary, holdfast_binary, folder):
    folder = os.path.join(folder, "amtool")
    os.makedirs(folder)
    path = os.path.join(folder, "alertmanager.yml")
    with open(path, "w") as file:
        file.write(AMTOOL_CONFIG)
    holdfast, ours = start_holdfast(holdfast_binary, folder, path)
    peer, theirs = start_peer(peer_binary, folder, path)
    made = {}
    for command in AMTOOL:
        mine, peers = (amtool(binary, base, command, made) for base in (ours, theirs))
        if mine != peers and not explained(command, mine, peers):
            FAILURES.append(f"amtool {command}:\n{mine}\ninstead of\n{peers}")
    for program in (holdfast, peer):
        program.end()


def explained(command, mine, peers):
    # Each shows what it runs with: a cluster of its own kind, and Holdfast the file as it was written, secrets masked.
    if command in ("cluster show", "config show"):
        return mine[0] == peers[0] == 0
    # Before 0.26 the address of a webhook was no secret, and amtool of that time cannot read a masked one.
    return command.startswith("config routes") and "unsupported scheme" in mine[1]


# ---- Prometheus ----

def run_prometheus(binary, holdfast_binary, folder):
    folder = os.path.join(folder, "prometheus")
    os.makedirs(folder)
    catcher = Catcher()
    path = os.path.join(folder, "alertmanager.yml")
    with open(path, "w") as file:
        file.write("route: { receiver: hook, group_wait: 100ms, group_interval: 500ms, group_by: [alertname] }\n"
                   f"receivers: [ {{ name: hook, webhook_configs: [ {{ url: 'http://127.0.0.1:{catcher.port}/hook' }} ] }} ]\n")
    holdfast, ours = start_holdfast(holdfast_binary, folder, path)
    rules = os.path.join(folder, "rules.yml")

    def write_rules(expression):
        with open(rules, "w") as file:
            file.write("groups: [ { name: g, interval: 1s, rules: [ { alert: Always, expr: '" + expression +
                       "', labels: { severity: critical }, annotations: { summary: 'value {{ $value }}' } } ] } ]\n")

    write_rules("vector(3) > 2")
    port = free_port()
    config = os.path.join(folder, "prometheus.yml")
    with open(config, "w") as file:
        file.write("global: { scrape_interval: 1h, evaluation_interval: 1s, external_labels: { region: eu } }\n"
                   f"rule_files: [ {rules} ]\n"
                   f"alerting: {{ alertmanagers: [ {{ static_configs: [ {{ targets: [ '{ours[7:]}' ] }} ] }} ] }}\n")
    prometheus = Program("prometheus", [binary, f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                                        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle", "--rules.alert.resend-delay=2s",
                                        "--log.level=warn"], folder)

    def told(status):
        return [body for _, body, _ in catcher.caught if body["status"] == status]

    if wait_for("Prometheus' alert at the webhook", lambda: told("firing")):
        alert = told("firing")[0]["alerts"][0]
        if alert["labels"] != {"alertname": "Always", "severity": "critical", "region": "eu"} or alert["annotations"] != {"summary": "value 3"}:
            FAILURES.append(f"Prometheus' alert came as {alert}")
        if f":{port}/graph?" not in alert["generatorURL"]:
            FAILURES.append(f"generatorURL {alert['generatorURL']}")
    write_rules("vector(3) > 4")
    ask(f"http://127.0.0.1:{port}", "/-/reload", "POST")
    wait_for("Prometheus' resolve at the webhook", lambda: told("resolved"), 90)
    for program in (prometheus, holdfast):
        program.end()
    catcher.end()


def find(name, given):
    return given or shutil.which(name) or shutil.which("prometheus-" + name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--traces", type=int, default=120)
    parser.add_argument("--batch", type=int, default=120)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--alertmanager")
    parser.add_argument("--amtool")
    parser.add_argument("--prometheus")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    peer, tool, prometheus = find("alertmanager", given.alertmanager), find("amtool", given.amtool), find("prometheus", given.prometheus)
    if not (peer or tool or prometheus):
        print("skipped: no alertmanager, amtool or prometheus on PATH (Debian: prometheus-alertmanager, prometheus)")
        return 77
    folder = tempfile.mkdtemp(prefix="holdfast-alertmanager-")
    told = 0
    bad = set()
    if peer and given.only in ("", "traces"):
        for first in range(given.first, given.first + given.traces, given.batch):
            numbers = list(range(first, min(first + given.batch, given.first + given.traces)))
            before = len(FAILURES)
            odd, count = run_traces(peer, given.bin, folder, given.seed, numbers)
            if odd:
                # A machine that stalls for half a tick shows a difference once; a defect shows it again.
                print(f"told once more: {FAILURES[before:][:3]}")
                del FAILURES[before:]
                again = sorted({int(number) for one in odd for number in re.findall(r"\bt(\d+)", one)})
                odd, _ = run_traces(peer, given.bin, folder, given.seed, again)
            bad |= odd
            told += count
        print(f"{given.traces} traces, {told} webhook bodies, {len(bad)} traces differ: {sorted(bad)[:20]}")
        if told == 0:
            FAILURES.append("the peer was told nothing: nothing was compared")
    if peer and tool and given.only in ("", "amtool"):
        run_amtool(tool, peer, given.bin, folder)
    if prometheus and given.only in ("", "prometheus"):
        run_prometheus(prometheus, given.bin, folder)
    for failure in FAILURES[:40]:
        print("FAILED", failure)
    if len(FAILURES) > 40:
        print(f"and {len(FAILURES) - 40} more")
    if not FAILURES and not given.keep:
        shutil.rmtree(folder)
    else:
        print("logs:", folder)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
