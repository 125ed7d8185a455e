#!/usr/bin/env python3
"""Metrics in a real bucket: OpenStack Swift's s3api (Debian package python3-swift), Holdfast as users run it.

Four days of samples go in and up. Their files leave the disk and the answers stay the same; so they do when Holdfast
is killed during an upload, and on a new machine with an empty directory. While the bucket is away writes go on, what
the disk holds is answered, and what it does not hold is an error that names the place. Exit code 77: no such server.
"""
import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER_PYTHON = "/usr/bin/python3"  # the distribution's: only it has the distribution's packages
DAY = 86400
HOSTS = 40


class Failed(Exception):
    pass


def require(claim, text):
    if not claim:
        raise Failed(text)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, holds, limit=60):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            found = holds()
            if found:
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise Failed(f"never came: {what}")


class Bucket:
    """The server; what it stored outlives it in its folder."""

    def __init__(self, folder, port=0):
        self.folder = folder
        self.process = subprocess.Popen(
            [SERVER_PYTHON, "-B", os.path.join(HERE, "s3_server.py"), folder, "cold", "--port", str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            sys.exit(self.process.wait(10))
        self.port = int(line.split()[1])

    def end(self):
        self.process.kill()
        self.process.wait(10)


class Holdfast:
    def __init__(self, binary, folder, data, bucket_port):
        self.data = data
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        config = os.path.join(folder, "holdfast.yaml")
        with open(config, "w") as out:
            out.write(f"""host: {{ metrics: false }}
storage:
  retention: 2y
  objects:
    endpoint: http://127.0.0.1:{bucket_port}
    bucket: cold
    prefix: metrics/one
    access_key: "test:tester"
    secret_key_file: secret
    local_retention: 3h
    timeout: 20s
""")
        with open(os.path.join(folder, "secret"), "w") as out:
            out.write("testing\n")
        self.log = os.path.join(folder, "holdfast.log")
        self.process = subprocess.Popen([binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", data, "--config",
                                         config, "--auth", "off"], stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        wait_for("ready", lambda: self.process.poll() is not None or self.ask("/health/ready")[0] == 200)
        require(self.process.poll() is None, "holdfast ended: " + open(self.log).read()[-2000:])

    def ask(self, path, body=None, method=None):
        request = urllib.request.Request(self.base + path, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def upload(self):
        return self.ask("/api/holdfast/v1/storage/upload", b"", "POST")

    def query(self, query, start, end, step):
        return self.ask("/api/v1/query_range?" + urllib.parse.urlencode(
            {"query": query, "start": start, "end": end, "step": step}))

    def metric(self, name):
        for line in self.ask("/metrics")[1].splitlines():
            if line.split(" ")[0] == name:
                return float(line.split()[-1])
        raise Failed(f"/metrics has no {name}")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)


def value(host, t):
    """Does not pack, so that blocks are larger than what their manifests hold."""
    return int.from_bytes(hashlib.blake2b(f"{host}/{t}".encode(), digest_size=6).digest(), "little") / 1e6


def write(holdfast, start, end, step=600):
    for host in range(HOSTS):
        lines = "".join(f"load,host=h{host} value={value(host, t)} {t}000000000\n" for t in range(start, end, step))
        status, text = holdfast.ask("/write", lines.encode())
        require(status == 204, f"write: {status} {text}")


def answer(holdfast, start, end):
    """Every sample of the range, as PromQL sees it, and sums over it."""
    whole = holdfast.query("load_value", start, end, 1800)
    require(whole[0] == 200, f"query: {whole}")
    sums = holdfast.query("sum by (host) (sum_over_time(load_value[6h]))", start, end, 6 * 3600)
    require(sums[0] == 200, f"query: {sums}")
    parts = []
    for _, text in (whole, sums):
        data = json.loads(text)["data"]["result"]
        require(len(data) == HOSTS, f"{len(data)} series instead of {HOSTS}")
        parts.append(sorted(json.dumps(one, sort_keys=True) for one in data))
    return parts


def block_files(holdfast):
    return [name for name in os.listdir(os.path.join(holdfast.data, "metrics", "blocks")) if name.endswith(".blk")]


def story(binary, folder):
    bucket = Bucket(os.path.join(folder, "bucket"))
    data = os.path.join(folder, "data")
    now = int(time.time()) // 600 * 600
    start, end = now - 4 * DAY, now - DAY
    holdfast = Holdfast(binary, folder, data, bucket.port)
    try:
        write(holdfast, start, end)
        before = answer(holdfast, start, end)

        # Up, off the disk, and still the same.
        status, text = holdfast.upload()
        require(status == 204, f"upload: {status} {text}")
        remote = holdfast.metric("holdfast_metrics_objects_blocks_remote")
        require(remote > 0, "no block left the disk")
        require(holdfast.metric("holdfast_metrics_objects_up") == 1, "the bucket is not up")
        require(not block_files(holdfast), f"still on the disk: {block_files(holdfast)}")
        require(answer(holdfast, start, end) == before, "the answer changed when the blocks left the disk")
        require(holdfast.metric("holdfast_metrics_objects_reads_total") > 0, "nothing was read from the bucket")

        # Killed while more goes up.
        write(holdfast, end, now)
        before = answer(holdfast, start, now)
        upload = threading.Thread(target=lambda: swallow(holdfast.upload))
        upload.start()
        uploads = os.path.join(data, "metrics", "objects")
        wait_for("an upload under way", lambda: len([n for n in os.listdir(uploads) if n.endswith(".record")]) > remote
                 or not upload.is_alive())
        holdfast.end(signal.SIGKILL)
        upload.join()
        holdfast = Holdfast(binary, folder, data, bucket.port)
        require(answer(holdfast, start, now) == before, "the answer changed when Holdfast was killed")
        status, text = holdfast.upload()
        require(status == 204, f"upload after the kill: {status} {text}")
        require(answer(holdfast, start, now) == before, "the answer changed after the second upload")

        # A new machine with an empty disk.
        holdfast.end()
        shutil.rmtree(data)
        holdfast = Holdfast(binary, folder, data, bucket.port)
        require(holdfast.metric("holdfast_metrics_objects_blocks_remote") > 0, "the new machine found no block")

        # The bucket goes before anything was read.
        bucket.end()
        status, text = holdfast.query("load_value", start, start + 3600, 600)
        require(status == 503, f"a query without the bucket: {status} {text[:300]}")
        require(f"bucket cold at http://127.0.0.1:{bucket.port}" in text, f"the place is not named: {text[:300]}")
        fresh = int(time.time())
        require(holdfast.ask("/write", f"fresh value=7 {fresh}000000000\n".encode())[0] == 204, "a write was refused")
        status, text = holdfast.ask(f"/api/v1/query?query=fresh_value&time={fresh}")
        require(status == 200 and '"7"' in text, f"the newest samples without the bucket: {status} {text}")
        status, text = holdfast.upload()
        require(status == 503 and "bucket cold" in text, f"upload without the bucket: {status} {text}")

        # And comes back.
        bucket = Bucket(os.path.join(folder, "bucket"), bucket.port)
        wait_for("the same answer from the new machine", lambda: same(holdfast, start, now, before))
        require(holdfast.upload()[0] == 204, "upload once the bucket is back")
    finally:
        if holdfast.process.poll() is None:
            holdfast.end()
        bucket.end()


def same(holdfast, start, now, before):
    try:
        return answer(holdfast, start, now) == before
    except Failed:
        return False  # for two seconds after a failure nothing is asked


def swallow(call):
    try:
        call()
    except OSError:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="hf-objects-")
    try:
        story(os.path.join(options.bin, "holdfast"), folder)
        print("objects: up, off the disk, killed, on a new machine, away and back: the same answers")
    except Failed as failure:
        print(f"FAILED: {failure}\n(in {folder})")
        sys.exit(1)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
