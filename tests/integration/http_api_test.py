#!/usr/bin/env python3
"""The examples of docs/http-api.md, run as they stand against a Holdfast with authorisation on; then what they sent is
asked for. Each block of sh is one script that must succeed."""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

from prometheus_peer_test import FAILURES, Program, ask, free_port, wait_for
import json

ROOT = pathlib.Path(__file__).resolve().parents[2]
SENT = ['boiler_celsius{hall="3"}', 'boiler_celsius{hall="4"}', "backup_last_success_seconds", "doors_open", "lamps_lit", "carts_open"]


def run(arguments, folder):
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    data = os.path.join(folder, "data")
    config = os.path.join(folder, "holdfast.yaml")
    with open(config, "w") as file:
        file.write("receive: { pushgateway: { interval: 200ms } }\n")
    binary = os.path.join(arguments.bin, "holdfast")
    program = Program("holdfast", [binary, "serve", "--listen", f"127.0.0.1:{port}", "--data", data, "--config", config,
                                   "--retention", "10y"], folder)
    environment = dict(os.environ, DATA=data, PATH=arguments.bin + ":" + os.environ["PATH"])
    try:
        wait_for("Holdfast", lambda: ask(base, "/-/ready")[0] == 200)
        blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/http-api.md").read_text(), re.S | re.M)
        for block in blocks:
            script = "set -e\n" + block.replace("http://127.0.0.1:8040", base)
            done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                FAILURES.append(f"an example failed:\n{block}{done.stdout}{done.stderr}")
        token = {"Authorization": "Bearer " + open(os.path.join(data, "admin-token")).read().strip()}

        def found(query, at=""):
            path = "/api/v1/query?" + urllib.parse.urlencode({"query": query, **({"time": at} if at else {})})
            status, body = ask(base, path, headers=token)
            return status == 200 and json.loads(body)["data"]["result"]
        for series in SENT:
            wait_for(series, lambda: found(series), 10)
        wait_for("the history", lambda: found("meter_total", "1700000010"), 5)
        if len(blocks) < 5:
            FAILURES.append(f"only {len(blocks)} examples were found")
    finally:
        program.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    arguments = parser.parse_args()
    if not shutil.which("curl"):
        print("skipped: there is no curl on PATH")
        return 77
    folder = tempfile.mkdtemp(prefix="holdfast-http-api-")
    try:
        run(arguments, folder)
    finally:
        if FAILURES:
            print("logs are in", folder)
        else:
            shutil.rmtree(folder)
    for failure in FAILURES:
        print("FAILED", failure)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
