#!/usr/bin/env python3
"""The loop with real processes: Holdfast guards the demonstration, things break, Holdfast repairs, tells, and leaves nothing.

Each test_* function is one claim. Those of `Refusals` start Holdfast only to see it refuse; the others share one
demonstration, in the order they stand, because a claim that holds after the ones before is worth more.
"""
import argparse
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from demo import ApiError, Demo, Failed, end_orderly_on_sigterm, kill_process, require, wait_for  # noqa: E402


def in_order(kinds, wanted):
    """Whether `wanted` is a subsequence of `kinds`."""
    rest = iter(kinds)
    return all(any(kind == one for kind in rest) for one in wanted)


def check_timeline(demo, incident, wanted):
    kinds = [entry["kind"] for entry in incident["timeline"]]
    require(in_order(kinds, wanted), f"{incident['id']}: expected {wanted} in this order, the timeline has {kinds}")
    times = [entry["at"] for entry in incident["timeline"]]
    require(times == sorted(times), f"{incident['id']}: the timeline is not in order: {times}")


def check_pages(demo, id, events):
    for event in events:
        pages = wait_for(f"the page '{event}' of {id}", 30, lambda event=event: demo.pager.of(id, event))
        require(all(page["key"] == page["body_key"] for page in pages), f"header and body name different keys: {pages}")
        require(len({page["key"] for page in pages}) == 1, f"{id}: '{event}' came under several keys: {pages}")


# ---- one demonstration, healthy to the end --------------------------------------------------------------------------


def test_it_becomes_healthy_and_carries_traffic(demo):
    demo.wait_well(60)
    service = demo.service()
    require(len(service["instances"]) == 3 and service["stable"] == "5.0", f"unexpected: {service['instances']}")
    answer = demo.get('/api/v1/query?query=sum(up{service="enhancer"})')
    require(answer["status"] == "success" and answer["data"]["result"], f"PromQL over HTTP: {answer}")


def test_the_api_wants_the_token(demo):
    token = demo.token
    try:
        demo.token = lambda: "wrong"
        demo.get("/overview")
    except ApiError as refused:
        require(refused.status == 401, f"expected 401, got {refused}")
        return
    finally:
        demo.token = token
    raise Failed("a wrong token was let in")


def test_a_crash_drill_is_detected_repaired_and_closed(demo):
    drill = demo.run_drill("process_crash")
    require(drill["state"] == "passed", f"the drill {drill['state']}: {drill['verdict']}")
    for moment in ("injected_at", "detected_at", "acknowledged_at", "repaired_at", "closed_at", "restored_at"):
        require(drill.get(moment), f"the drill has no {moment}: {drill}")
    detail = demo.incident(drill["incident"])
    incident = detail["incident"]
    require(incident["state"] == "resolved" and incident["drill"], f"incident: {incident['state']}, drill={incident['drill']}")
    check_timeline(demo, incident, ["opened", "remedy_planned", "remedy_verified", "mitigated", "resolved"])
    require(any(entry.get("evidence") for entry in incident["timeline"]), "no line of the timeline carries evidence")
    require(any(remedy["name"] == "restart_service" and remedy["state"] == "verified" for remedy in detail["remedies"]),
            f"no verified restart: {detail['remedies']}")
    check_pages(demo, incident["id"], ["opened", "resolved"])
    demo.wait_well(30)


def test_a_failed_release_is_taken_off_the_traffic(demo):
    drill = demo.run_drill("failed_release")
    require(drill["state"] == "passed", f"the drill {drill['state']}: {drill['verdict']}")
    detail = demo.incident(drill["incident"])
    check_timeline(demo, detail["incident"], ["alert_fired", "remedy_planned", "remedy_verified", "resolved"])
    shifts = [remedy for remedy in detail["remedies"] if remedy["name"] == "shift_traffic_to_stable"]
    require(shifts and shifts[0]["state"] == "verified", f"the traffic was not shifted: {detail['remedies']}")
    require(shifts[0]["evidence"]["query"] and shifts[0]["evidence"]["value"], f"the shift names no evidence: {shifts[0]}")
    check_pages(demo, drill["incident"], ["opened", "resolved"])
    demo.wait_well(60)


def test_a_kill_mid_incident_loses_nothing(demo):
    known = {incident["id"] for incident in demo.all_incidents()}
    demo.pager.failing = True  # the page cannot be delivered before the kill
    victim = demo.instances()[0]
    demo.fault(victim, "errors", share=1, ttl_s=20)
    incident = demo.wait_incident(known, 30)
    demo.kill()
    demo.pager.failing = False
    demo.start()
    after = demo.incident(incident["id"])["incident"]
    require(after["opened_at"] == incident["opened_at"], f"{incident['id']} changed its birth: {after['opened_at']}")
    demo.wait_resolved(incident["id"], 90)
    check_pages(demo, incident["id"], ["opened", "resolved"])
    demo.wait_well(60)
    ids = sorted(one["id"] for one in demo.all_incidents())
    require(len(ids) == len(set(ids)) and known <= set(ids), f"incidents before {sorted(known)}, after {ids}")


def test_children_survive_as_wanted_after_kill(demo):
    """Killed with -9 and started again: instances are adopted or replaced, never doubled."""
    before = {one["id"]: one["pid"] for one in demo.instances()}
    demo.kill()
    kill_process(before["enhancer/5.0/1"])  # dies while nobody watches
    demo.start()
    demo.wait_well(60)
    after = {one["id"]: one["pid"] for one in demo.instances()}
    require(set(after) == set(before), f"instances before {before}, after {after}")
    require(after["enhancer/5.0/1"] != before["enhancer/5.0/1"], "a dead instance is shown as ready")
    running = [line for line in demo.children().values() if line.startswith(str(demo.binaries / "enhancer"))]
    require(len(running) == 3, f"expected 3 processes of the service, found: {running}")


def test_a_second_holdfast_is_refused(demo):
    status, _, errors = demo.run("serve", "--data", str(demo.data), "--listen", "127.0.0.1:0")
    require(status == 1 and "another Holdfast" in errors, f"exit {status}: {errors}")


def test_a_bad_reload_changes_nothing(demo):
    good = demo.config.read_text()
    demo.config.write_text(good + "nonsense: [1\n")
    try:
        demo.post("/config/reload")
    except ApiError as refused:
        require(refused.status == 400, f"expected 400: {refused}")
    else:
        raise Failed("a broken configuration was taken")
    finally:
        demo.config.write_text(good)
    require(demo.post("/config/reload").get("ok"), "the good configuration is not taken again")
    require(not demo.unwell(), f"the reload disturbed: {demo.unwell()}")


def test_the_command_line_asks_the_same(demo):
    remote = ["--url", demo.url, "--data", str(demo.data)]
    status, output, errors = demo.run("incident", "list", "--state", "all", *remote)
    require(status == 0 and "INC-" in output, f"incident list: exit {status}: {output}{errors}")
    status, output, errors = demo.run("query", "sum(up)", *remote)
    require(status == 0 and output.strip(), f"query: exit {status}: {output}{errors}")
    status, output, errors = demo.run("drill", "list", *remote)
    require(status == 0 and "process_crash" in output, f"drill list: exit {status}: {output}{errors}")


def test_sigterm_leaves_no_process(demo):
    begun = time.monotonic()
    require(demo.stop() == 0, "exit status")
    demo.require_no_strays(5)
    demo.require_clean_log()
    print(f"      stopped within {time.monotonic() - begun:.1f} s")


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_bad_configuration_is_refused_with_its_place(demo):
    good = demo.config.read_text()
    demo.config.write_text(good.replace("replicas: 3", "replicas: many", 1))
    line = next(number for number, text in enumerate(good.splitlines(), 1) if "replicas: 3" in text)
    status, _, errors = demo.run("serve", "--config", str(demo.config), "--data", str(demo.data), "--listen", "127.0.0.1:0")
    demo.config.write_text(good)
    require(status == 1, f"expected exit 1, got {status}: {errors}")
    require(f"holdfast.yaml:{line}:" in errors, f"the message does not name {demo.config.name}:{line}: {errors}")
    column = errors.split(f"holdfast.yaml:{line}:", 1)[1].split(":", 1)[0].split(" ", 1)[0]
    require(column.isdigit() and int(column) > 0, f"no column: {errors}")
    require(not demo.children(), f"processes were started: {demo.children()}")


def test_no_auth_off_beyond_loopback(demo):
    status, _, errors = demo.run("serve", "--data", str(demo.data), "--listen", "0.0.0.0:0", "--auth", "off")
    require(status == 1 and "loopback" in errors, f"exit {status}: {errors}")


def test_check_judges_files(demo):
    status, output, errors = demo.run("check", str(demo.config), str(demo.home / "rules.yml"))
    require(status == 0, f"the demonstration's own files: exit {status}: {output}{errors}")
    bad = demo.home / "bad.yml"
    bad.write_text("groups:\n  - name: a\n    rules:\n      - alert: X\n        expr: sum(\n")
    status, output, errors = demo.run("check", str(bad))
    require(status == 1 and "bad.yml:5" in output, f"a bad rule: exit {status}: {output}{errors}")


REFUSALS = [test_bad_configuration_is_refused_with_its_place, test_no_auth_off_beyond_loopback, test_check_judges_files]
STORY = [
    test_it_becomes_healthy_and_carries_traffic,
    test_the_api_wants_the_token,
    test_a_crash_drill_is_detected_repaired_and_closed,
    test_a_failed_release_is_taken_off_the_traffic,
    test_a_kill_mid_incident_loses_nothing,
    test_children_survive_as_wanted_after_kill,
    test_a_second_holdfast_is_refused,
    test_a_bad_reload_changes_nothing,
    test_the_command_line_asks_the_same,
    test_sigterm_leaves_no_process,
]


def run(test, demo):
    begun = time.monotonic()
    try:
        test(demo)
    except Exception:  # a test's failure of any kind is told, and ends the run
        print(f"FAIL  {test.__name__} after {time.monotonic() - begun:.1f} s", flush=True)
        traceback.print_exc()
        demo.tell_log()
        return False
    print(f"ok    {test.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="directory of the binaries holdfast and enhancer")
    parser.add_argument("--keep", action="store_true", help="keep the files of the run")
    arguments = parser.parse_args()
    end_orderly_on_sigterm()
    with Demo(arguments.bin, keep=arguments.keep) as demo:
        for test in REFUSALS:
            if not run(test, demo):
                return 1
        ready = demo.start()
        print(f"      ready within {ready:.2f} s", flush=True)
        for test in STORY:
            if not run(test, demo):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
