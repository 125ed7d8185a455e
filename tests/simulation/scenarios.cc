#include "simulation/scenarios.h"

#include <signal.h>

#include <iterator>
#include <utility>

namespace holdfast::simulation {
namespace {

constexpr const char* kService = World::kService;
// Until the first instances are ready and users are served.
constexpr Duration kSettled = 3s;
// What a repair may take after its cause is found, cool-downs and verification included.
constexpr Duration kRepair = 40s;
// What pages may take to a pager that loses half of its answers: each loss costs a timeout and a pause.
constexpr Duration kLossyPages = 6min;

std::string any_instance(World& world, int replicas) {
  return "enhancer/5.0/" + std::to_string(world.random.below(static_cast<std::uint64_t>(replicas)));
}

// Waits until all is well again, and leaves it some time to stay so.
void settle(World& world, Duration limit) {
  world.run_until([&] { return world.not_converged().empty(); }, limit);
  world.expect_converged();
  world.run_until(world.now() + 1s);
}

void expect_all_told(World& world, std::size_t incidents_min) {
  const auto opened = world.count(incident_opened(kService));
  const auto told = [&](const char* event) {
    const auto pages = world.count(notified(event));
    world.expect(pages == opened, std::to_string(opened) + " pages '" + event + "', shown were " +
                                      std::to_string(pages));
  };
  world.expect(opened >= incidents_min, "an incident was opened");
  told("opened");
  told("resolved");
}

void tell_pager_badly(World& world) {
  if (world.random.chance(0.3)) world.pager.lose_answers(0.5);
  if (world.random.chance(0.2)) world.network.set_reset(0.01);
  if (world.random.chance(0.2)) world.network.set_split_reads(0.2);
}

// One of three things that Holdfast heals by a restart.
void break_instance(World& world, const std::string& id) {
  const auto kind = world.random.below(3);
  if (kind == 0) return world.processes.crash(id, world.random.chance(0.5) ? SIGSEGV : SIGKILL);
  auto* process = world.processes.by_id(id);
  if (process == nullptr) return;
  if (kind == 1)
    process->own.hangs = true;
  else
    process->own.error_share = 0.6;
}

// ---- the stories

void crash_in_an_incident(World& world) {
  const auto broken_at = kSettled + world.between(1s, 2s);
  const auto crash_at = broken_at + world.between(0s, 6s);
  const auto down_for = world.between(50ms, 8s);
  const auto how = world.random.chance(0.3) ? Crash::kPower : Crash::kKill;
  tell_pager_badly(world);
  world.at(broken_at, [&] { break_instance(world, any_instance(world, 3)); });
  if (world.random.chance(0.6)) {
    // At a step of the incident's life, whichever comes then.
    const auto step = 1 + static_cast<std::int64_t>(world.random.below(20));
    world.at(broken_at,
             [&world, step, how, down_for] { world.crash_after_entries(step, how, down_for); });
  } else {
    world.at(crash_at, [&world, how, down_for] {
      world.crash(how);
      world.restart_after(down_for);
    });
  }
  if (world.random.chance(0.3)) {
    world.at(crash_at + down_for + 100ms, [&world] {
      world.crash();
      world.restart_after(1s);
    });
  }
  if (world.random.chance(0.5))
    world.at(broken_at + world.between(1s, 3s), [&] { world.acknowledge("ada"); });
  world.run_until(crash_at + down_for + 2s);
  settle(world, crash_at + down_for + 2 * kRepair + kLossyPages);
  // A Holdfast that dies before it has written the fault down may find it gone at its next start.
  expect_all_told(world, world.count(fault_found()) > 0 ? 1 : 0);
}

void pager_out_an_hour(World& world) {
  const auto out_at = 1min + world.between(0s, 1min);
  const auto back_at = out_at + 1h;
  const bool is_partition = world.random.chance(0.5);
  world.at(out_at, [&world, is_partition] {
    if (is_partition)
      world.network.partition("holdfast", "pager");
    else
      world.pager.fail(503);
  });
  world.at(out_at + world.between(1min, 10min),
           [&] { world.processes.crash("enhancer/5.0/0", SIGSEGV); });
  if (world.random.chance(0.5)) {
    world.at(out_at + world.between(11min, 40min), [&] {
      world.crash();
      world.restart_after(5s);
    });
  }
  world.at(back_at, [&] {
    world.network.heal_all();
    world.pager.work();
  });
  // Backoff between attempts grows to a minute, and its jitter with it.
  const auto told_by = back_at + 2min + 30s;
  world.expect_once_between(back_at, told_by, notified("opened"));
  world.expect_once_between(back_at, told_by, notified("resolved"));
  world.expect_once_between(out_at, back_at, incident_resolved(kService));
  world.run_until(told_by);
  settle(world, told_by + 10s);
}

void remedy_does_not_help(World& world) {
  const auto id = any_instance(world, 2);
  const auto broken_at = kSettled + world.between(0s, 2s);
  const bool with_crash = world.random.chance(0.3);
  world.at(broken_at, [&world, id] { world.processes.by_instance[id].error_share = 0.5; });
  if (with_crash) {
    world.at(broken_at + world.between(2s, 30s), [&] {
      world.crash();
      world.restart_after(500ms);
    });
  }
  const auto escalated = [&] { return world.count(notified("escalated")) > 0; };
  world.expect(world.run_until(escalated, broken_at + 4min), "a person is called");
  const auto called_at = world.now();
  world.acknowledge("grace");
  world.run_until(called_at + 10s);
  const auto spawns = world.processes.spawns[id];
  world.run_until(called_at + 20s);
  world.expect(world.processes.spawns[id] == spawns, "nothing is tried after a person was called");
  world.expect(spawns == 1 + 2, "two attempts: " + std::to_string(spawns) + " starts");
  world.processes.by_instance.clear();  // the person mends it
  settle(world, called_at + 20s + kRepair);
  world.expect_once_between(broken_at, called_at, notified("escalated"));
  world.expect_once_between(broken_at, broken_at + 15s, notified("opened"));
  world.expect_once_between(called_at, called_at + 2min, notified("resolved"));
}

void process_crash_is_healed(World& world) {
  const auto id = any_instance(world, 3);
  const auto crash_at = kSettled + world.between(0s, 2s);
  tell_pager_badly(world);
  world.at(crash_at, [&world, id] { world.processes.crash(id, SIGSEGV); });
  world.expect_between(crash_at, crash_at + 2s, incident_opened(kService));
  world.expect_between(crash_at, crash_at + 5s, instance(id, "ready"));
  world.run_until(crash_at + 2s);
  settle(world, crash_at + kRepair + kLossyPages);
  world.expect(world.processes.spawns[id] == 2, "it was started once more");
  world.expect_once_between(crash_at, crash_at + kRepair, incident_resolved(kService));
  world.expect_once_between(crash_at, crash_at + kLossyPages, notified("opened"));
  world.expect_once_between(crash_at, crash_at + kRepair + kLossyPages, notified("resolved"));
}

void failed_release(World& world) {
  world.processes.by_version["5.1"].error_share = 0.5;
  const auto release_at = kSettled + world.between(0s, 1s);
  world.at(release_at, [&] {
    world.holdfast()->conductor->start_canary("release-1", kService, "5.1", 1, 20,
                                              [](const act::Report&) {});
  });
  const bool is_served_badly =
      world.run_until([&] { return world.first_bad_answer.has_value(); }, release_at + 20s);
  world.expect(is_served_badly, "the canary had a share of the traffic");
  const auto bad_at = world.first_bad_answer.value_or(world.now());
  Duration down_for{};
  if (world.random.chance(0.4)) {
    down_for = world.between(100ms, 3s) + 1s;  // and what a start takes
    world.at(bad_at + world.between(500ms, 3s), [&world, down_for] {
      world.crash();
      world.restart_after(down_for - 1s);
    });
  }
  world.run_until(bad_at + 5s + down_for);
  world.expect(world.balancer->canary_percent() == 0,
               "traffic is back on stable within 5 s of the first bad answer");
  settle(world, bad_at + down_for + kRepair);
  world.expect(world.processes.by_id("enhancer/5.1/0") == nullptr, "the release is gone");
  world.expect_once_between(bad_at, bad_at + down_for + 10s, notified("opened"));
  world.expect_between(bad_at, bad_at + down_for + 20s,
                       remedy("shift_traffic_to_stable", "verified"));
}

void disk_full_in_an_incident(World& world) {
  const auto full_at = kSettled + world.between(0s, 2s);
  const auto broken_at = full_at + world.between(-1s, 3s);
  const auto space_at = broken_at + world.between(5s, 20s);
  tell_pager_badly(world);
  world.at(full_at, [&] { world.files.set_full(true); });
  world.at(broken_at, [&] { break_instance(world, any_instance(world, 3)); });
  world.at(space_at, [&] { world.files.set_full(false); });
  const bool dies = world.random.chance(0.4);
  if (dies) {
    world.at(broken_at + world.between(0s, 4s), [&] {
      world.crash();
      world.restart_after(500ms);
    });
  }
  world.run_until(space_at + 2s);
  settle(world, space_at + 2 * kRepair + kLossyPages);
  // A Holdfast that dies while its disk is full takes with it what it could not write, and its next start may find
  // the instance gone and simply start it.
  expect_all_told(world, !dies || world.count(fault_found()) > 0 ? 1 : 0);
}

void disk_fails_in_an_incident(World& world) {
  const auto broken_at = kSettled + world.between(0s, 2s);
  const auto fails_at = broken_at + world.between(-1s, 3s);
  const auto well_at = fails_at + world.between(3s, 12s);
  const double share = world.random.chance(0.5) ? 0.02 : 0.3;
  world.at(broken_at, [&] { break_instance(world, any_instance(world, 3)); });
  world.at(fails_at, [&world, share] { world.files.set_failing(share); });
  world.at(well_at, [&] { world.files.set_failing(0); });
  const bool dies = world.random.chance(0.5);
  if (dies) {
    world.at(fails_at + world.between(0s, 3s), [&] {
      world.crash(world.random.chance(0.3) ? Crash::kPower : Crash::kKill);
      world.restart_after(300ms);
    });
  }
  world.run_until(well_at + 3s);
  settle(world, well_at + 2 * kRepair + kLossyPages);
  expect_all_told(world, dies ? 0 : 1);
}

void cut_off(World& world) {
  const auto broken_at = kSettled + world.between(0s, 2s);
  const auto cut_at = broken_at + world.between(-2s, 4s);
  const auto healed_at = cut_at + world.between(5s, 25s);
  const auto balancer_fault = world.random.below(3);
  world.at(cut_at, [&world, balancer_fault] {
    world.network.partition("holdfast", "pager");
    if (balancer_fault == 0) world.balancer->hang(true);
    if (balancer_fault == 1) world.balancer->stop();
  });
  world.at(broken_at, [&] { break_instance(world, any_instance(world, 3)); });
  world.at(healed_at, [&] {
    world.network.heal_all();
    world.balancer->hang(false);
    world.balancer->start();
  });
  world.run_until(healed_at + 2s);
  settle(world, healed_at + 2min + kRepair);
  expect_all_told(world, 1);
}

void drill_is_undone(World& world) {
  constexpr const char* kKinds[] = {"process_crash", "hang", "error_burst", "failed_release"};
  const std::string kind = kKinds[world.random.below(std::size(kKinds))];
  const auto begins_at = kSettled + world.between(0s, 1s);
  const bool dies = world.random.chance(0.5);
  world.at(begins_at, [&world, kind] {
    world.holdfast()->drills->run(kind, kService, "ada",
                                  [&world](const Result<model::Drill>& begun) {
                                    world.expect(begun.has_value(), "the drill begins");
                                  });
  });
  if (dies) {
    world.at(begins_at + world.between(10ms, 12s), [&] {
      world.crash();
      world.restart_after(world.between(50ms, 3s));
    });
  }
  world.run_until(begins_at + 16s);
  world.run_until(
      [&] { return world.holdfast() != nullptr && world.holdfast()->drills->active() == nullptr; },
      begins_at + 3min);
  settle(world, begins_at + 4min);
  const auto runs = world.holdfast()->drills->runs();
  world.expect(runs.size() == 1, "the drill is known");
  if (runs.empty()) return;
  const auto& drill = runs.front();
  world.expect(drill.restored_at.has_value(), "the drill " + kind + " put back what it broke");
  world.expect(drill.state == "passed" || (dies && drill.state == "aborted"),
               "the drill " + kind + " passes; it is " + drill.state + ": " + drill.verdict);
  expect_all_told(world, dies ? 0 : 1);
}

Scene slow_scene() {
  Scene scene;
  scene.replicas = 1;
  scene.balancer = false;
  scene.sample_every = 2min;
  scene.evaluate_every = 2min;
  scene.window = 5min;
  scene.health_every = 1min;
  return scene;
}

Scene stubborn_scene() {
  Scene scene;
  scene.replicas = 2;
  scene.remedies =
      "      - { match: { alertname: InstanceErrors }, remedy: restart_service, cooldown: 2s, "
      "attempts_max: 2, verify_within: 8s }\n"
      "      - { match: { fault: process_exit }, remedy: restart_service, cooldown: 2s, "
      "attempts_max: 5, verify_within: 15s }\n";
  return scene;
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"crash_in_an_incident",
       "Holdfast dies in the midst of an incident and comes back.",
       {},
       crash_in_an_incident},
      {"pager_out_an_hour",
       "The notifier fails for an hour; what happened meanwhile is told once, in order.",
       slow_scene(), pager_out_an_hour},
      {"remedy_does_not_help", "A fault that no restart cures is handed to a person.",
       stubborn_scene(), remedy_does_not_help},
      {"process_crash_is_healed",
       "A process dies and is replaced within seconds.",
       {},
       process_crash_is_healed},
      {"failed_release",
       "A release fails half of its requests and is taken off the traffic.",
       {},
       failed_release},
      {"disk_full_in_an_incident",
       "The disk is full while an incident is under way.",
       {},
       disk_full_in_an_incident},
      {"disk_fails_in_an_incident",
       "The disk fails now and then while an incident is under way.",
       {},
       disk_fails_in_an_incident},
      {"drill_is_undone",
       "A drill breaks a service; its end leaves nothing broken, even if Holdfast dies in it.",
       {},
       drill_is_undone},
      {"cut_off", "Pager and balancer cannot be reached while a process is broken.", {}, cut_off},
  };
  return all;
}

Played play(const Scenario& scenario, std::uint64_t seed) {
  World world(seed, scenario.scene);
  scenario.play(world);
  Played played;
  played.scenario = scenario.name;
  played.seed = seed;
  played.violations = world.finish();
  played.virtual_time = world.now();
  played.entries = world.checkers.last_seq();
  played.digest = world.checkers.digest();
  played.happenings = world.checkers.happenings();
  return played;
}

const std::vector<RequiredProbe>& required_probes() {
  constexpr std::uint64_t kShort = 40, kLong = 500;
  static const std::vector<RequiredProbe> probes = {
      {"alerts: journal refused, kept for another try", kLong},
      {"journal: commit refused", kShort},
      {"outbox: attempt failed and waits", kShort},
      {"sim disk: full", kShort},
      {"sim network: bytes held by a partition", kLong},
      {"sim network: connection reset", kLong},
      {"wal: append refused", kShort},
      {"world: Holdfast could not start and was started again", kLong},
      {"world: Holdfast died while a remedy was under way", kLong},
      {"world: Holdfast died with an incident open", kShort},
      {"world: Holdfast died with intents pending", kShort},
      {"world: a page came again under its key", kShort},
      {"world: a process was adopted", kShort},
      {"world: a start found intents of an earlier run", kShort},
      {"world: samples were refused", kShort},
      {"world: the machine lost power", kLong},
  };
  return probes;
}

}  // namespace holdfast::simulation
