// tests/simulation/scene.h: the configuration of the simulated machine, as the files a user would write.
#pragma once

#include <string>

#include "simulation/world.h"

namespace holdfast::simulation {

inline constexpr const char* kConfigFile = "/etc/holdfast/holdfast.yaml";
inline constexpr const char* kRuleFile = "/etc/holdfast/rules.yml";
inline constexpr const char* kBalancerSocket = "/run/haproxy.sock";

std::string holdfast_yaml(const Scene& scene);
std::string rules_yaml(const Scene& scene);

}  // namespace holdfast::simulation
