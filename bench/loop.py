#!/usr/bin/env python3
"""./dev bench loop: the bars of the loop, each measured on the release binaries, one line a bar.

    name                       figure                                   bar              pass|fail

Without names all bars are measured; `./dev bench loop ready crash` measures those two. Exit status 1 if a bar fails.
All times are taken from outside: by this script's clock, from what the API, /proc and the front door show.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from demo import Demo, Failed, end_orderly_on_sigterm, kill_process, memory_of, moment, wait_for  # noqa: E402

DRILLS = ["process_crash", "hang", "error_burst", "latency", "memory_leak", "failed_release"]
# The scripts are not part of the project; they stand beside it, or where this variable says.
CONFORMANCE = pathlib.Path(os.environ.get("HOLDFAST_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
MIB = 1024 * 1024

failures = 0


def report(name, figure, bar, good):
    global failures
    failures += not good
    print(f"{name:<24} {figure:<76} {bar:<10} {'pass' if good else 'fail'}", flush=True)


def spread(values):
    return f"median {statistics.median(values):.2f} s, worst {max(values):.2f} s of {len(values)}"


# ---- bars without a demonstration -----------------------------------------------------------------------------------


def bar_binary_size(arguments):
    with tempfile.TemporaryDirectory() as home:
        stripped = pathlib.Path(home) / "holdfast"
        subprocess.run(["strip", "-o", str(stripped), str(arguments.bin / "holdfast")], check=True)
        size = stripped.stat().st_size
    report("binary_size", f"{size / MIB:.1f} MiB stripped, console included", "<= 40 MiB", size <= 40 * MIB)


def bar_rebuild(_):
    """One source of one room touched, its object compiled for real (no cache), the binary linked."""
    build = ["cmake", "--build", str(ROOT / "build" / "release"), "--target", "holdfast"]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "env": dict(os.environ, CCACHE_DISABLE="1")}
    subprocess.run(build, **quiet)
    seconds = {}
    for source in ("src/base/text.cc", "src/respond/incident/incidents.cc", "src/app/api/prometheus_api.cc"):
        (ROOT / source).touch()
        begun = time.monotonic()
        subprocess.run(build, **quiet)
        seconds[source] = time.monotonic() - begun
    worst = max(seconds, key=seconds.get)
    report("rebuild", f"{seconds[worst]:.1f} s after touching {worst}, the worst of {len(seconds)}", "<= 15 s", seconds[worst] <= 15)


def bar_conformance(arguments):
    program = arguments.bin / "promql_conformance"
    if not program.exists():
        subprocess.run(["cmake", "--build", str(ROOT / "build" / "release"), "--target", "promql_conformance"], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([str(program), arguments.conformance], capture_output=True, text=True, check=False)
    counts = re.findall(r"^(\d+) passed, (\d+) failed", done.stdout, re.MULTILINE)
    if not counts:
        return report("promql_conformance", f"no count: {(done.stdout + done.stderr).strip()[-100:]}", ">= 700", False)
    passed, failed = map(int, counts[-1])
    return report("promql_conformance", f"{passed} of {passed + failed} evaluations", ">= 700", passed >= 700)


def bar_simulation(arguments):
    program = arguments.bin / "simulation"
    if not program.exists():
        subprocess.run(["cmake", "--build", str(ROOT / "build" / "release"), "--target", "simulation"], check=True, stdout=subprocess.DEVNULL)
    begun = time.monotonic()
    done = subprocess.run([str(program), "--seeds", "1000"], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    state = "all good" if done.returncode == 0 else "FAILED: " + (done.stdout + done.stderr).strip()[-80:].replace("\n", " ")
    report("simulation", f"1000 seeds in {seconds:.1f} s, {state}", "< 60 s", done.returncode == 0 and seconds < 60)


def bar_console(arguments):
    script = ROOT / "tests" / "e2e" / "console_test.mjs"
    if not (script.parent / "node_modules" / "playwright-core").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=script.parent, check=True)
    done = subprocess.run(["node", str(script), "--bin", str(arguments.bin), "--only", "first-page"], capture_output=True, text=True, check=False)
    found = re.search(r"first page usable after (\d+) ms, (.*)", done.stdout)
    if done.returncode != 0 or not found:
        return report("console_first_page", f"not measured: {(done.stdout + done.stderr).strip()[-120:]}", "<= 1 s", False)
    return report("console_first_page", f"usable after {found[1]} ms, {found[2]}", "<= 1 s", int(found[1]) <= 1000)


def bar_ready(arguments):
    """From the start of the process to /-/ready: a first start, and starts over what it left."""
    seconds = []
    with Demo(arguments.bin) as demo:
        for _ in range(5):
            seconds.append(demo.start())
            demo.wait_well()
            demo.stop()
    report("serve_ready", spread(seconds), "<= 1 s", max(seconds) <= 1)


# ---- bars of the running demonstration ------------------------------------------------------------------------------


def bar_crash(demo, arguments):
    """An instance is killed with -9 from outside, without a drill's help."""
    detected, replaced = [], []
    for round_number in range(arguments.crashes):
        demo.wait_well(120)
        victim = demo.instances()[round_number % 3]
        known = {incident["id"] for incident in demo.all_incidents()}
        killed = time.time()
        kill_process(victim["pid"])

        def is_back(victim=victim):
            return any(one["id"] == victim["id"] and one["state"] == "ready" and one["pid"] != victim["pid"] for one in demo.instances())

        wait_for(f"{victim['id']} to be replaced", 60, is_back, every=0.02)
        replaced.append(time.time() - killed)
        detected.append(moment(demo.wait_incident(known)["opened_at"]) - killed)
    report("crash_detected", spread(detected), "<= 2 s", max(detected) <= 2)
    report("crash_replaced", spread(replaced), "<= 5 s", max(replaced) <= 5)


class FrontDoor:
    """A customer: 50 requests a second at the balancer, and when an answer was bad."""

    def __init__(self, url):
        self.url = url + "/api/v1/inference"
        self.bad = []  # moments of answers that were errors or never came
        self.count = 0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.ask, args=(i,), daemon=True) for i in range(10)]
        for thread in self.threads:
            thread.start()

    def ask(self, offset):
        due = time.monotonic() + offset * 0.02
        while not self.stopping.is_set():
            self.stopping.wait(max(0, due - time.monotonic()))
            due += 0.2
            good = True
            try:
                with urllib.request.urlopen(self.url, timeout=5) as answer:
                    answer.read()
            except (OSError, urllib.error.HTTPError):
                good = False
            with self.lock:
                self.count += 1
                if not good:
                    self.bad.append(time.time())

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=10)


def bar_failed_release(demo, arguments):
    """By hand, as a bad deployment would: 5.1 takes 20 % of the traffic and fails half of it."""
    seconds, named, bad = [], 0, 0
    for _ in range(arguments.releases):
        demo.wait_well(120)
        customer = FrontDoor(demo.front_door)
        try:
            demo.post("/services/enhancer/canary", {"version": "5.1", "replicas": 1, "percent": 20})
            canary = wait_for("the canary", 60, lambda: next((one for one in demo.instances("5.1") if one["state"] == "ready"), None))
            wait_for("a fifth of the traffic at the canary", 60, lambda: demo.service()["traffic"]["effective_percent"].get("canary", 0) >= 15)
            known = {incident["id"] for incident in demo.all_incidents()}
            customer.bad.clear()
            demo.fault(canary, "errors", share=0.5, ttl_s=60)
            wait_for("a bad answer", 20, lambda: customer.bad, every=0.005)
            first = customer.bad[0]
            wait_for("the traffic to be back on stable", 60, lambda: demo.service()["traffic"]["effective_percent"].get("canary", 0) == 0, every=0.02)
            back = time.time()
            incident = demo.wait_resolved(demo.wait_incident(known)["id"])
            seconds.append(max(back, max(customer.bad)) - first)
            bad += len(customer.bad)
            shifts = [one for one in demo.incident(incident["id"])["remedies"] if one["name"] == "shift_traffic_to_stable"]
            named += any(one["evidence"]["query"] and one["evidence"]["value"] for one in shifts)
        finally:
            customer.stop()
        demo.post("/services/enhancer/canary/stop")
    report("failed_release", f"{spread(seconds)}; {bad} bad answers", "<= 5 s", max(seconds) <= 5)
    report("failed_release_evidence", f"named in {named} of {len(seconds)}", "all", named == len(seconds))


def bar_drills(demo, arguments):
    """Each kind in a row. Passed: detected, repaired, closed and restored; and all is as before."""
    demo.wait_well(120)
    children = len(demo.children())
    for kind in arguments.kinds:
        passed, times, problems = 0, {"detected_at": [], "repaired_at": [], "closed_at": []}, []
        lost = total = 0
        for _ in range(arguments.drills):
            try:
                drill = demo.run_drill(kind)
                demo.wait_well(120)
            except Failed as failed:
                problems.append(str(failed).splitlines()[0][:200])
                continue
            if drill["state"] != "passed":
                problems.append(drill["verdict"])
                continue
            passed += 1
            lost, total = lost + drill["requests_lost"], total + drill["requests"]
            for member, values in times.items():
                values.append(moment(drill[member]) - moment(drill["injected_at"]))
        figure = f"{passed} of {arguments.drills}"
        if passed:
            middle = {member: statistics.median(values) for member, values in times.items()}
            figure += (f", detected {middle['detected_at']:.1f} s, repaired {middle['repaired_at']:.1f} s, "
                       f"closed {middle['closed_at']:.1f} s, lost {lost} of {total}")
        report(f"drill_{kind}", figure, f"all {arguments.drills}", passed == arguments.drills)
        for problem in problems[:5]:
            print(f"    {problem}", file=sys.stderr)
    left = demo.unwell() + demo.faults_left()
    now = demo.children()
    if len(now) != children:
        left.append(f"{children} processes before, {len(now)} after: {sorted(now.values())}")
    report("drills_left_behind", "; ".join(left) or "nothing", "nothing", not left)


def bar_memory(demo, arguments):
    """Resident memory once the demonstration has run for --minutes; whatever the other bars did counts."""
    samples = []

    def old_enough():
        samples.append(memory_of(demo.process.pid))
        return time.monotonic() - demo.began >= arguments.minutes * 60

    wait_for("the demonstration to be old enough", arguments.minutes * 60 + 60, old_enough, every=1)
    peak = memory_of(demo.process.pid, "VmHWM")
    minutes = (time.monotonic() - demo.began) / 60
    report("memory", f"{samples[-1] / MIB:.1f} MiB resident after {minutes:.0f} min, highest {peak / MIB:.1f} MiB", "<= 80 MiB", samples[-1] <= 80 * MIB)


def bar_stop(demo, _):
    """SIGTERM ends Holdfast and everything it started."""
    begun = time.monotonic()
    demo.stop()
    wait_for("no process to be left", 10, lambda: not demo.children())
    report("stop_leaves_nothing", f"after {time.monotonic() - begun:.1f} s", "no process", True)


# Those of the second kind share one demonstration, in this order.
ALONE = {"binary_size": bar_binary_size, "rebuild": bar_rebuild, "conformance": bar_conformance, "simulation": bar_simulation,
         "console": bar_console, "ready": bar_ready}
RUNNING = {"crash": bar_crash, "release": bar_failed_release, "drills": bar_drills, "memory": bar_memory, "stop": bar_stop}


def measure(name, bar, *arguments):
    """A bar that could not be measured has failed; the others are still measured."""
    try:
        bar(*arguments)
    except (Failed, OSError, subprocess.SubprocessError) as error:
        report(name, f"not measured: {str(error).splitlines()[0][:100]}", "", False)
        print(f"    {error}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench loop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bars", nargs="*", metavar="NAME", help=f"of {', '.join([*ALONE, *RUNNING])} (default: all)")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin", help="directory of the binaries")
    parser.add_argument("--drills", type=int, default=20, help="of each kind in a row (default 20)")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=DRILLS, help="of drills, with commas (default: all)")
    parser.add_argument("--minutes", type=float, default=10, help="until memory is read (default 10)")
    parser.add_argument("--crashes", type=int, default=5)
    parser.add_argument("--releases", type=int, default=3)
    parser.add_argument("--conformance", default=str(CONFORMANCE / "promql"), help="folder of the scripts")
    arguments = parser.parse_args()
    end_orderly_on_sigterm()
    wrong = [name for name in arguments.bars if name not in ALONE and name not in RUNNING]
    if wrong:
        parser.error(f"no bar {', '.join(wrong)}; there are {', '.join([*ALONE, *RUNNING])}")
    chosen = arguments.bars or [*ALONE, *RUNNING]
    for name, bar in ALONE.items():
        if name in chosen:
            measure(name, bar, arguments)
    if any(name in chosen for name in RUNNING):
        try:
            with Demo(arguments.bin) as demo:
                demo.start()
                demo.began = time.monotonic()
                demo.wait_well(60)
                for name, bar in RUNNING.items():
                    if name in chosen:
                        measure(name, bar, demo, arguments)
        except Failed as failed:
            report("demonstration", f"does not run: {str(failed).splitlines()[0][:100]}", "", False)
            print(f"    {failed}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
