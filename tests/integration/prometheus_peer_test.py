#!/usr/bin/env python3
"""Holdfast beside a real Prometheus: remote write through an outage, then the two APIs side by side.

Holdfast sends what it collects to a Prometheus of PATH (--web.enable-remote-write-receiver); the peer is stopped for a
while, Holdfast is killed and started meanwhile, and at the end every sample that Holdfast holds of its own metrics must
be in the peer. Then the same questions go to both: equal status, equal error texts, equal members, and for queries
equal values. A Prometheus is then given Holdfast as remote_read source and must see the same. Exit code 77: no
Prometheus on PATH.
"""
import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from peers import FAILURES, Program, ask, free_port, wait_for


def start_prometheus(binary, folder, port, extra="", flags=()):
    data = os.path.join(folder, f"prometheus-{port}")
    config = os.path.join(folder, f"prometheus-{port}.yml")
    with open(config, "w") as file:
        file.write("global: { scrape_interval: 1h }\n" + extra)
    return Program(f"prometheus-{port}", [
        binary, f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver", "--web.enable-admin-api", "--log.level=warn", *flags], folder)


def start_holdfast(binary, folder, port, config):
    return Program("holdfast", [binary, "serve", "--listen", f"127.0.0.1:{port}", "--data",
                                os.path.join(folder, "data"), "--config", config, "--auth", "off"], folder)


def instant(base, query, at):
    status, body = ask(base, "/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": at}))
    if status != 200:
        return {"status": status, "body": body}
    result = json.loads(body)["data"]["result"]
    return {json.dumps(one["metric"], sort_keys=True): one.get("value", [0, ""])[1] for one in result}


def shape(value):
    """The members of an answer, without its values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__ if not isinstance(value, (int, float)) or isinstance(value, bool) else "number"


def differences(ours, theirs, place=""):
    """Members that Prometheus has and we have not, or of another type; what an empty list would hold is unknown."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = []
        for name, inner in theirs.items():
            if name not in ours:
                found.append(f"{place}/{name} is missing")
            else:
                found += differences(ours[name], inner, f"{place}/{name}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        return differences(ours[0], theirs[0], place + "[0]") if ours and theirs else []
    return [] if type(ours) is type(theirs) and (not isinstance(ours, str) or ours == theirs) else [f"{place}: {ours} instead of {theirs}"]


SAME_TEXT = [
    "query", "query?query=up&time=x", "query?query=up&timeout=x", "query?query=up&lookback_delta=x", "query?query=sum(",
    "query?query=up&limit=x", "query_range?query=up", "query_range?query=up&start=5&end=2&step=1", "query_range?query=up&start=1&end=2",
    "query_range?query=up&start=1&end=2&step=-1", "query_range?query=up&start=1&end=2000000&step=1",
    "query_range?query=up[5m]&start=1&end=2&step=1", "query_exemplars", "query_exemplars?start=x", "query_exemplars?query=1",
    "query_exemplars?start=2&end=1&query=up", "series", "series?match[]=up{", "series?match[]={}", "series?match[]=up&start=x",
    "series?match[]=up&limit=x", "series?match[]=up&limit=-1", "series?match[]=nosuch", "labels?match[]={", "labels?start=x",
    "label/job/values?match[]={", "label/job/values?match[]=nosuch", "metadata?limit=x", "metadata?limit_per_metric=x", "metadata?metric=nosuch",
    "targets/metadata?limit=x", "targets/metadata?match_target=x{", "targets/metadata?metric=nosuch", "rules?type=x", "rules?exclude_alerts=x",
    "rules?rule_name[]=nosuch", "status/tsdb?limit=0", "status/tsdb?limit=x", "format_query?query=sum(up)by(job)",
    "format_query?query=(", "status/walreplay", "alertmanagers", "nosuch", "query?query=1%2B1&time=5", "query?query=%22a%22&time=5.25",
    "query?query=vector(1e-9)&time=5", "query_range?query=1&start=0&end=20&step=10",
]
# Where Holdfast, which answers as version 3, may differ from the Prometheus that is there, and why.
OLDER = "the parameter is younger than some Prometheus that Debian ships"
WORDS = "later versions say it in other words"
EXPLAINED = {
    "query": WORDS, "query_exemplars": WORDS, "query_range?query=up[5m]&start=1&end=2&step=1": WORDS,
    "query?query=up&lookback_delta=x": OLDER, "query?query=up&limit=x": OLDER, "series?match[]=up&limit=x": OLDER,
    "series?match[]=up&limit=-1": WORDS, "metadata?limit_per_metric=x": OLDER, "rules?exclude_alerts=x": OLDER,
    "status/tsdb?limit=0": OLDER, "status/tsdb?limit=x": OLDER,
    "status/walreplay": "each tells of segments of its own log",
}
SAME_SHAPE = [
    "query?query=holdfast_metrics_series&stats=1", "series?match[]=holdfast_metrics_series", "labels", "label/job/values",
    "status/config", "status/runtimeinfo", "status/buildinfo", "status/tsdb", "status/flags?x", "alerts", "scrape_pools", "targets",
]


def compare_apis(holdfast, prometheus, at):
    for path in SAME_TEXT:
        ours, theirs = ask(holdfast, "/api/v1/" + path), ask(prometheus, "/api/v1/" + path)
        if ours != theirs and path in EXPLAINED:
            print(f"explained: {path}: {EXPLAINED[path]}")
        elif ours != theirs:
            FAILURES.append(f"{path}\n  ours   {ours}\n  theirs {theirs}")
    for path in SAME_SHAPE:
        (ours_status, ours), (theirs_status, theirs) = ask(holdfast, "/api/v1/" + path), ask(prometheus, "/api/v1/" + path)
        if ours_status != theirs_status:
            FAILURES.append(f"{path}: {ours_status} instead of {theirs_status}: {ours}")
            continue
        if path.startswith("status/flags"):
            continue
        for one in differences(shape(json.loads(ours)), shape(json.loads(theirs))):
            FAILURES.append(f"{path}: {one}")
    for query in ["holdfast_metrics_samples_appended_total", "sum by (job) (up)", "count({job=\"holdfast\"})",
                  "rate(holdfast_metrics_samples_appended_total[10s])", "max_over_time(process_resident_memory_bytes[20s])"]:
        ours, theirs = instant(holdfast, query, at), instant(prometheus, query, at)
        if ours != theirs:
            FAILURES.append(f"{query} at {at}\n  ours   {ours}\n  theirs {theirs}")


def remote_read(arguments, folder, holdfast, at):
    """A fresh Prometheus without data sees Holdfast's through remote_read, in both answer types."""
    port = free_port()
    extra = f"remote_read: [ {{ url: '{holdfast}/api/v1/read', read_recent: true }} ]\n"
    peer = start_prometheus(arguments.prometheus, folder, port, extra)
    base = f"http://127.0.0.1:{port}"
    try:
        wait_for("a Prometheus that reads", lambda: ask(base, "/-/ready")[0] == 200)
        for query in ["holdfast_metrics_samples_appended_total", "count_over_time(up{job=\"holdfast\"}[1m])"]:
            ours, theirs = instant(holdfast, query, at), instant(base, query, at)
            if ours != theirs or not ours:
                FAILURES.append(f"remote read of {query}\n  ours   {ours}\n  theirs {theirs}")
    finally:
        peer.end()


def run(arguments, folder):
    ours_port, peer_port = free_port(), free_port()
    holdfast, prometheus = f"http://127.0.0.1:{ours_port}", f"http://127.0.0.1:{peer_port}"
    config = os.path.join(folder, "holdfast.yaml")
    with open(config, "w") as file:
        file.write(f"remote_write:\n  - url: {prometheus}/api/v1/write\n    name: peer\n"
                   "    queue_config: { batch_send_deadline: 500ms }\n    metadata_config: { send_interval: 2s }\n")
    binary = os.path.join(arguments.bin, "holdfast")
    programs = {"peer": start_prometheus(arguments.prometheus, folder, peer_port),
                "ours": start_holdfast(binary, folder, ours_port, config)}
    try:
        wait_for("Holdfast", lambda: ask(holdfast, "/-/ready")[0] == 200)
        up = "count_over_time(up{job=\"holdfast\"}[5m])"
        wait_for("the first samples at the peer", lambda: instant(prometheus, up, time.time()))
        programs["peer"].end()
        time.sleep(6)  # samples of the outage: the own metrics come each 5 s
        programs["ours"].end(signal.SIGKILL)
        programs["ours"] = start_holdfast(binary, folder, ours_port, config)
        wait_for("Holdfast after the kill", lambda: ask(holdfast, "/-/ready")[0] == 200)
        time.sleep(6)
        programs["peer"] = start_prometheus(arguments.prometheus, folder, peer_port)
        wait_for("the peer again", lambda: ask(prometheus, "/-/ready")[0] == 200)
        at = time.time()
        want = instant(holdfast, up, at)
        wait_for(f"all {want} at the peer", lambda: instant(prometheus, up, at) == want, 60)
        for query in ["count_over_time(holdfast_metrics_samples_appended_total[5m])",
                      "sum_over_time(holdfast_metrics_samples_appended_total[5m])"]:
            ours, theirs = instant(holdfast, query, at), instant(prometheus, query, at)
            if ours != theirs or not ours:
                FAILURES.append(f"after the outage, {query}\n  ours   {ours}\n  theirs {theirs}")
        compare_apis(holdfast, prometheus, at)
        remote_read(arguments, folder, holdfast, at)
        sent = re.search(r"holdfast_remote_write_samples_total\{[^}]*\} (\S+)", ask(holdfast, "/metrics")[1])
        print(f"samples at the peer after outage and kill: {want}; sent since the restart: {sent and sent.group(1)}")
    finally:
        for program in programs.values():
            program.end()
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--prometheus", default=shutil.which("prometheus"))
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    arguments = parser.parse_args()
    if not arguments.prometheus:
        print("skipped: there is no prometheus on PATH (Debian package: prometheus)")
        return 77
    folder = tempfile.mkdtemp(prefix="holdfast-peer-")
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
