#!/usr/bin/env python3
"""Holdfast is killed with -9 at random instants of incidents, again and again, and must lose nothing.

A round waits until all is well, breaks the service in one of several ways, and kills Holdfast one to six times at random
instants of what follows: before it noticed, while it pages, while it repairs, while it verifies, while it closes.

Claims, checked at the end over everything seen:
  no incident lost    each id ever seen, in the API or on a page, is still there, and resolved; ids have no gap
  no page doubled     an incident's event goes to a receiver under one key; a key never stands for two things
  every page told     each notification the API knows is delivered, and the receiver has it
  nothing broken      the journal passes SQLite's integrity check
  nothing left        no process of the demonstration outlives the last SIGTERM
The same --seed breaks the same things; the instants are the machine's.
"""
import argparse
import collections
import pathlib
import random
import sqlite3
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from demo import ApiError, Demo, Failed, end_orderly_on_sigterm, kill_process, require, wait_for  # noqa: E402

# Faults end by themselves before the next round waits too long for them.
BREAKS = {
    "crash": lambda demo, victim: demo.fault(victim, "crash"),
    "kill": lambda demo, victim: kill_process(victim["pid"]),
    "errors": lambda demo, victim: demo.fault(victim, "errors", share=1, ttl_s=12),
    "hang": lambda demo, victim: demo.fault(victim, "hang", ttl_s=12),
    "drill": lambda demo, victim: demo.post("/drills", {"name": "process_crash", "service": "enhancer"}),
    "release": lambda demo, victim: demo.post("/drills", {"name": "failed_release", "service": "enhancer"}),
}


class Watcher:
    """Remembers every incident the API ever showed: once shown, it was promised."""

    def __init__(self, demo):
        self.demo = demo
        self.seen = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopping.wait(0.05):
            try:
                for incident in self.demo.all_incidents():
                    self.seen.setdefault(incident["id"], incident["opened_at"])
            except (OSError, ApiError, ValueError):
                continue  # Holdfast is dead just now

    def stop(self):
        self.stopping.set()
        self.thread.join(timeout=30)


def one_round(demo, chance, kills):
    """Breaks something, kills Holdfast `kills` times, and leaves it running. Returns what was broken."""
    demo.wait_well(120)
    name = chance.choice(list(BREAKS))
    victim = chance.choice(demo.instances())
    BREAKS[name](demo, victim)
    for _ in range(kills):
        time.sleep(chance.uniform(0, 3))  # the random instant: this wait is the test's subject
        demo.kill()
        demo.start()
    return name


# ---- the claims -----------------------------------------------------------------------------------------------------


def check_incidents(demo, watcher):
    now = {incident["id"]: incident for incident in demo.all_incidents()}
    promised = set(watcher.seen) | {page["incident"] for page in demo.pager.all()}
    lost = sorted(id for id in promised if id not in now)
    require(not lost, f"incidents lost: {lost}")
    moved = {id: (at, now[id]["opened_at"]) for id, at in watcher.seen.items() if now[id]["opened_at"] != at}
    require(not moved, f"incidents changed their opening: {moved}")
    unresolved = [id for id, incident in now.items() if incident["state"] != "resolved"]
    require(not unresolved, f"incidents never closed: {unresolved}")
    by_day = collections.defaultdict(list)
    for id in now:
        day, _, number = id.rpartition("-")
        by_day[day].append(int(number))
    for day, numbers in by_day.items():
        require(sorted(numbers) == list(range(1, len(numbers) + 1)), f"{day}: numbers with gaps: {sorted(numbers)}")
    return now


def check_pages(demo, incidents):
    def undelivered():
        waiting = [one for one in demo.get("/notifications")["notifications"] if one["state"] != "delivered"]
        return waiting

    wait_for("all notifications to be delivered", 60, lambda: not undelivered())
    pages = demo.pager.all()
    meaning = collections.defaultdict(set)
    for page in pages:
        require(page["key"] and page["key"] == page["body_key"], f"a page without its key: {page}")
        meaning[page["key"]].add((page["incident"], page["event"]))
    double = {key: what for key, what in meaning.items() if len(what) != 1}
    require(not double, f"keys that stand for two things: {double}")
    keys = collections.defaultdict(set)
    for page in pages:
        keys[page["incident"], page["event"]].add(page["key"])
    # Mitigated and severity_changed may truly happen several times (a relapse before the end); these may not.
    twice = {what: sorted(found) for what, found in keys.items() if what[1] in ("opened", "resolved") and len(found) != 1}
    require(not twice, f"events paged under several keys: {twice}")
    for id in incidents:
        for event in ("opened", "resolved"):
            require((id, event) in keys, f"{id}: the page '{event}' never came")
    known = {one["id"] for one in demo.get("/notifications")["notifications"] if one["receiver"] == "pager"}
    received = {page["key"] for page in pages}
    require(known <= received, f"notifications said to be delivered that never came: {sorted(known - received)}")
    return len(pages), len(received)


def check_journal(demo):
    files = [path for path in demo.data.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]
    require(files, f"no SQLite file under {demo.data}")
    for path in files:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
        require(answer == "ok", f"{path.name}: {answer}")


def run(arguments):
    chance = random.Random(arguments.seed)
    with Demo(arguments.bin, keep=arguments.keep) as demo:
        demo.start()
        watcher = Watcher(demo)
        done, broken = 0, collections.Counter()
        begun = time.monotonic()
        while done < arguments.kills:
            kills = min(chance.randint(1, 6), arguments.kills - done)
            name = one_round(demo, chance, kills)
            broken[name] += 1
            done += kills
            print(f"{done}/{arguments.kills} kills, last round: {name}, incidents seen: {len(watcher.seen)}", flush=True)
        demo.wait_well(150)
        watcher.stop()
        incidents = check_incidents(demo, watcher)
        deliveries, pages = check_pages(demo, incidents)
        demo.stop()
        demo.require_no_strays()
        demo.require_clean_log()
        check_journal(demo)
        require(incidents or arguments.kills < 5, "not one incident was opened: nothing was tested")
        print(f"{done} kills in {time.monotonic() - begun:.0f} s: {len(incidents)} incidents, none lost; {pages} pages, all delivered, "
              f"{deliveries - pages} delivered again under the same key; broken: {dict(broken)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="directory of the binaries holdfast and enhancer")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--keep", action="store_true", help="keep the files of the run")
    arguments = parser.parse_args()
    end_orderly_on_sigterm()
    print(f"seed {arguments.seed}", flush=True)
    try:
        run(arguments)
    except Failed as failed:
        print(f"FAIL (seed {arguments.seed}): {failed}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
