#!/usr/bin/env python3
"""The demonstration as a thing tests can hold: started, asked, broken, killed, started again, swept up.

Purpose     Demo runs the real `holdfast serve` on a copy of examples/enhancer whose ports are all free ones and whose
            pages also go to Pager, a webhook receiver that remembers. Nothing here sleeps for a guess: wait_for() polls
            a condition until its deadline and, when that passes, says what was seen last.
Processes   All children of one Demo carry its data directory in their environment (HOLDFAST_DATA); that is how strays
            are told from anybody else's processes. Only those are ever signalled, by their pid.
Units       Seconds, as floats. Moments from the API become seconds since the Unix epoch.
As program  demo.py serve --bin DIR    starts it, prints one line of JSON, and stops everything when its input ends.
"""
import argparse
import ctypes
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "enhancer"
API = "/api/holdfast/v1"
# The example's ports are 18000 plus these; a copy moves them all by the same distance.
PORTS_OF_EXAMPLE = [80, 81, 300] + [base + i for base in (100, 150, 200, 250) for i in range(8)]
PORT_OF_HOLDFAST = 90


class Failed(Exception):
    """A claim of a test that did not hold, in words."""


class ApiError(Failed):
    def __init__(self, status, message):
        super().__init__(f"status {status}: {message}")
        self.status = status
        self.message = message


def require(claim, text):
    if not claim:
        raise Failed(text)


def wait_for(what, seconds, condition, every=0.05):
    """The first true answer of `condition`. What it raised or answered last stands in the failure."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, ApiError) as error:  # not up yet, or not there yet
            last = error
        if time.monotonic() >= deadline:
            raise Failed(f"waited {seconds:g} s for {what}; last seen: {str(last)[:600]}")
        time.sleep(every)


def moment(text):
    """An RFC 3339 time of the API as seconds since the epoch; None stays None."""
    if not text:
        return None
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    require(match, f"not a time: {text}")
    zone = match[3].replace("Z", "+00:00")
    whole = datetime.datetime.fromisoformat(match[1] + zone).timestamp()
    return whole + float(match[2] or 0)


# ---- ports ---------------------------------------------------------------------------------------------------------


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_block():
    """A base so that base + each port of the example is free. Below the range the kernel hands out by itself."""
    for _ in range(200):
        base = random.randrange(20000, 32000, 16)
        if all(is_free(base + offset) for offset in PORTS_OF_EXAMPLE + [PORT_OF_HOLDFAST]):
            return base
    raise Failed("no free block of ports")


# ---- the pager: a webhook receiver that remembers -------------------------------------------------------------------


class Pager:
    """Receives pages. `pages` holds every delivery in order: {"at", "key", "event", "incident", "subject"}."""

    def __init__(self):
        self.pages = []
        self.failing = False  # while true, answers 503
        self.lock = threading.Lock()
        pager = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802, the name http.server asks for
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                status = pager.take(self.headers.get("idempotency-key", ""), body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, key, body):
        if self.failing:
            return 503
        try:
            page = json.loads(body)
            record = {"at": time.time(), "key": key, "event": page["event"], "incident": page["incident"]["id"],
                      "subject": page["subject"], "body_key": page["key"]}
        except (ValueError, KeyError, TypeError) as error:
            record = {"at": time.time(), "key": key, "event": f"unreadable: {error}", "incident": "", "subject": "", "body_key": ""}
        with self.lock:
            self.pages.append(record)
        return 200

    def all(self):
        with self.lock:
            return list(self.pages)

    def of(self, incident, event=None):
        return [page for page in self.all() if page["incident"] == incident and event in (None, page["event"])]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---- processes ------------------------------------------------------------------------------------------------------


def die_with_parent():
    """In the child: SIGTERM when the test is gone, so that a killed test leaves nothing behind."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def end_orderly_on_sigterm():
    """For programs: SIGTERM leaves through every `with`, so that what they started ends too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def processes_with(variable):
    """Pids of live processes whose environment holds `variable` (NAME=value), without this one."""
    found = {}
    wanted = variable.encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if wanted not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                found[int(entry)] = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # ended while we looked, or not ours
    return found


def kill_process(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def memory_of(pid, field="VmRSS"):
    """Bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


# ---- the demonstration ----------------------------------------------------------------------------------------------


class Demo:
    def __init__(self, binaries, keep=False, quiet=True):
        self.binaries = pathlib.Path(binaries).resolve()
        for name in ("holdfast", "enhancer"):
            require((self.binaries / name).exists(), f"{self.binaries / name} is missing: build it first")
        require(shutil.which("haproxy") or os.path.exists("/usr/sbin/haproxy"), "haproxy is missing: ./dev setup run")
        # Short: a unix socket's path has at most 107 bytes, and HAProxy adds to it.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="hf-demo-", dir="/tmp"))
        self.data = self.home / "data"
        self.data.mkdir()
        self.keep = keep
        self.quiet = quiet
        self.base = free_block()
        self.port = self.base + PORT_OF_HOLDFAST
        self.url = f"http://127.0.0.1:{self.port}"
        self.front_door = f"http://127.0.0.1:{self.base + 80}"
        self.pager = Pager()
        self.process = None
        self.log_path = self.home / "holdfast.log"
        self.config = self.home / "holdfast.yaml"
        self.copy_example()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind is not None:
            self.tell_log()
        try:
            if self.process is not None and self.process.poll() is None:
                self.stop(check=False)
        finally:
            self.sweep()
            self.pager.close()
            if self.keep:
                print(f"kept: {self.home}", file=sys.stderr)
            else:
                shutil.rmtree(self.home, ignore_errors=True)

    def copy_example(self):
        moved = lambda text: re.sub(r"\b18(\d{3})\b", lambda match: str(self.base + int(match[1])), text)  # noqa: E731
        for path in EXAMPLE.iterdir():
            if path.suffix in (".yaml", ".yml", ".cfg"):
                (self.home / path.name).write_text(moved(path.read_text()))
        text = self.config.read_text()
        receiver = "    - { name: console, kind: log }\n"
        require(receiver in text, "examples/enhancer/holdfast.yaml has no receiver 'console' to put the pager next to")
        pager = f'    - {{ name: pager, kind: webhook, url: "http://127.0.0.1:{self.pager.port}/page" }}\n'
        self.config.write_text(text.replace(receiver, receiver + pager))

    # ---- starting and ending ----

    def environment(self, **more):
        env = {key: value for key, value in os.environ.items() if not key.startswith("HOLDFAST_")}
        env["PATH"] = env.get("PATH", "") + ":/usr/sbin:/sbin"
        env.update(HOLDFAST_BIN=str(self.binaries), HOLDFAST_DATA=str(self.data), HOLDFAST_EXAMPLE=str(self.home), **more)
        return env

    def command(self, *arguments):
        return [str(self.binaries / "holdfast"), *arguments]

    def spawn(self, *extra):
        """Starts `holdfast serve` and returns at once."""
        require(self.process is None or self.process.poll() is not None, "Holdfast runs already")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", "--config", str(self.config), "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", *extra),
                env=self.environment(), cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def is_ready(self):
        require(self.process.poll() is None, f"holdfast serve ended with {self.process.poll()}:\n{self.log_tail()}")
        with urllib.request.urlopen(self.url + "/-/ready", timeout=5) as answer:
            return answer.status == 200

    def start(self, seconds=60):
        """Starts and waits until it answers /-/ready; returns how long that took."""
        begun = time.monotonic()
        self.spawn()
        wait_for("/-/ready", seconds, self.is_ready, every=0.01)
        return time.monotonic() - begun

    def kill(self):
        """As a power cut would: kill -9, no goodbye."""
        kill_process(self.process.pid)
        self.process.wait(timeout=30)

    def stop(self, check=True, seconds=60):
        """SIGTERM, and the exit status. With `check` it must be 0."""
        kill_process(self.process.pid, signal.SIGTERM)
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            kill_process(self.process.pid)
            self.process.wait(timeout=30)
            raise Failed(f"holdfast serve did not end within {seconds} s of SIGTERM:\n{self.log_tail()}") from None
        if check:
            require(status == 0, f"holdfast serve ended with {status} on SIGTERM:\n{self.log_tail()}")
        return status

    def run(self, *arguments, seconds=60, **more):
        """A command of the binary, to its end: (status, output, errors)."""
        done = subprocess.run(self.command(*arguments), env=self.environment(**more), cwd=self.home, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds, check=False)
        return done.returncode, done.stdout, done.stderr

    def require_clean_log(self):
        """Sanitizers report here, of Holdfast and of the children that share its log."""
        lines = self.log_path.read_text(errors="replace").splitlines()
        found = [line for line in lines if "runtime error:" in line or "Sanitizer" in line]
        require(not found, "sanitizers found:\n" + "\n".join(found[:20]))

    def log_tail(self, lines=40):
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def tell_log(self):
        print(f"---- the last of Holdfast's log ----\n{self.log_tail()}\n----", file=sys.stderr)

    # ---- processes of this demonstration ----

    def children(self):
        """Everything this demonstration runs but Holdfast itself."""
        found = processes_with(f"HOLDFAST_DATA={self.data}")
        if self.process is not None:
            found.pop(self.process.pid, None)
        return found

    def sweep(self):
        for pid in self.children():
            kill_process(pid)

    def require_no_strays(self, seconds=10):
        try:
            wait_for("every child process to be gone", seconds, lambda: not self.children())
        except Failed:
            raise Failed(f"strays: {self.children()}\n{self.log_tail()}") from None

    # ---- the API ----

    def token(self):
        return (self.data / "admin-token").read_text().strip()

    def call(self, method, path, body=None, seconds=20):
        """JSON in, JSON out. `path` below /api/holdfast/v1 unless it begins with /api. Raises ApiError from 400 on."""
        url = self.url + (path if path.startswith("/api") else API + path)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers={"authorization": f"Bearer {self.token()}"})
        if data is not None:
            request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                text = json.loads(text)["error"]["message"]
            except (ValueError, KeyError, TypeError):
                pass
            raise ApiError(error.code, text) from None
        return json.loads(text) if text else {}

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body if body is not None else {})

    def service(self, name="enhancer"):
        return self.get(f"/services/{name}")

    def instances(self, version="5.0"):
        return [one for one in self.service()["instances"] if one["version"] == version]

    def incident(self, id):
        return self.get(f"/incidents/{id}")

    def active_incidents(self):
        return self.get("/incidents?state=active")["incidents"]

    def all_incidents(self):
        return self.get("/incidents?state=all&limit=1000")["incidents"]

    def drill(self, id):
        drills = self.get("/drills")
        for one in [drills["active"], *drills["runs"]]:
            if one is not None and one["id"] == id:
                return one
        raise ApiError(404, f"no drill {id}")

    # ---- conditions ----

    def unwell(self):
        """Why the demonstration is not in its normal state; empty when it is."""
        reasons = []
        overview = self.get("/overview")
        for service in overview["services"]:
            if service["health"] != "healthy":
                reasons.append(f"{service['name']} is {service['health']}: {'; '.join(service['reasons'])}")
            if service["name"] != "enhancer":
                continue
            ready = [one for one in service["instances"] if one["state"] == "ready"]
            if len(ready) != 3 or len(service["instances"]) != 3:
                reasons.append("instances: " + ", ".join(f"{one['id']} {one['state']}" for one in service["instances"]))
            if any(one["version"] != "5.0" for one in service["instances"]):
                reasons.append("a canary is left")
            share = service["traffic"]["effective_percent"]
            if share.get("stable") != 100 or share.get("canary", 0) != 0:
                reasons.append(f"traffic goes {share}")
            if not (service["signals"]["requests"]["value"] or 0) > 1:
                reasons.append(f"requests: {service['signals']['requests']}")
        if overview["incidents"]:
            reasons.append("active: " + ", ".join(one["id"] for one in overview["incidents"]))
        drill = self.get("/drills")["active"]
        if drill is not None:
            reasons.append(f"a drill is active: {drill['name']} {drill['state']}")
        return reasons

    def wait_well(self, seconds=60):
        seen = []

        def well():
            seen[:] = self.unwell()
            return not seen

        try:
            wait_for("the demonstration to be well", seconds, well, every=0.1)
        except Failed as failed:
            raise Failed(f"{failed}\nnot well after {seconds} s: {seen}") from None

    def wait_incident(self, known, seconds=30):
        """The first incident whose id is not in `known`."""
        return wait_for("a new incident", seconds, lambda: next((one for one in self.all_incidents() if one["id"] not in known), None))

    def wait_resolved(self, id, seconds=90):
        def resolved():
            incident = self.incident(id)["incident"]
            return incident if incident["state"] == "resolved" else None

        return wait_for(f"{id} to be resolved", seconds, resolved, every=0.1)

    def run_drill(self, name, seconds=150):
        """Runs it to its end and returns it; the verdict is the caller's to judge."""
        id = self.post("/drills", {"name": name, "service": "enhancer"})["drill"]["id"]

        def over():
            drill = self.drill(id)
            return drill if drill["state"] in ("passed", "failed", "aborted") else None

        return wait_for(f"the drill {name} to end", seconds, over, every=0.1)

    # ---- breaking things ----

    def fault(self, instance, kind, **members):
        """Through the instance's admin port. A crash may come before the answer: that is no failure."""
        request = urllib.request.Request(f"http://{instance['admin_address']}/fault", data=json.dumps({"kind": kind, **members}).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            raise Failed(f"fault {kind}: {error.code} {error.read()[:200]!r}") from None
        except OSError:
            if kind != "crash":
                raise

    def faults_left(self):
        """Faults still active in the instances that run."""
        left = []
        for instance in self.service()["instances"]:
            with urllib.request.urlopen(f"http://{instance['admin_address']}/fault", timeout=5) as answer:
                left += [f"{instance['id']}: {fault['kind']}" for fault in json.load(answer)["faults"]]
        return left


def serve(arguments):
    with Demo(arguments.bin, keep=arguments.keep) as demo:
        ready = demo.start()
        demo.wait_well()
        print(json.dumps({"url": demo.url, "token": demo.token(), "data": str(demo.data), "home": str(demo.home), "pid": demo.process.pid,
                          "front_door": demo.front_door, "ready_seconds": ready}), flush=True)
        sys.stdin.read()  # until whoever started this closes it or is gone
        demo.stop()
        demo.require_no_strays()
        demo.require_clean_log()


def main():
    parser = argparse.ArgumentParser(description="The demonstration on free ports, for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("serve", help="start it, print one line of JSON, stop when the input ends")
    one.add_argument("--bin", required=True, help="directory of the binaries holdfast and enhancer")
    one.add_argument("--keep", action="store_true", help="keep its files")
    end_orderly_on_sigterm()
    try:
        serve(parser.parse_args())
    except Failed as failed:
        sys.exit(f"demo: {failed}")


if __name__ == "__main__":
    main()
