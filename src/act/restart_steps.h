// act/restart_steps.h: the six steps of a restart (mission M11-21), one instance after another. For
// act_steps.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "act/act_steps.h"

namespace holdfast::act {

// target: an instance id, a version, or empty for all; only what is wanted.
std::vector<std::string> restart_targets(const std::string& target, const Wanted& wanted);
std::deque<Step> restart_steps(const ActPtr& act);

}  // namespace holdfast::act
