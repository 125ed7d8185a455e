// tests/simulation/scenarios.h: the stories. Each is a function of a seed; chance fills in who, when and how bad.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "simulation/world.h"

namespace holdfast::simulation {

struct Scenario {
  std::string name;
  std::string story;  // one sentence
  Scene scene;
  // Sets the story up, runs it, expects its end.
  std::function<void(World&)> play;
};
const std::vector<Scenario>& scenarios();

struct Played {
  std::string scenario;
  std::uint64_t seed = 0;
  std::vector<std::string> violations;
  Duration virtual_time{};
  std::int64_t entries = 0;
  std::uint64_t digest = 0;  // of the whole journal
  std::vector<Happening> happenings;
};
Played play(const Scenario& scenario, std::uint64_t seed);

// A rare path (HF_PROBE) that a run over all scenarios and this many seeds must have reached.
struct RequiredProbe {
  std::string name;
  std::uint64_t seeds_min;
};
const std::vector<RequiredProbe>& required_probes();

}  // namespace holdfast::simulation
