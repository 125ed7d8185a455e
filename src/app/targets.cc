#include "app/targets.h"

#include <algorithm>

namespace holdfast::app {
namespace {

std::string group_of(const std::vector<act::WantedVersion>& wanted, const std::string& version) {
  for (const auto& one : wanted) {
    if (one.version == version) return one.group;
  }
  return "stable";
}

bool answers(const model::Instance& instance) {
  return !instance.address.empty() && instance.state != model::InstanceState::kExited &&
         instance.state != model::InstanceState::kFailed;
}

}  // namespace

std::vector<model::Target> scrape_targets(const Config& config, const act::Operations& operations) {
  auto targets = config.targets;
  for (const auto& service : config.services) {
    const auto wanted = operations.wanted(service.name);
    for (const auto& instance : operations.instances(service.name)) {
      if (!answers(instance)) continue;
      for (const auto& path : service.metrics.paths) {
        model::Target target;
        target.job = service.name;
        target.address = instance.address;
        target.path = path;
        target.interval = service.metrics.interval;
        target.timeout = std::min<Duration>(service.metrics.interval, 10s);
        // Two paths of one instance would both write `up`; the path tells them apart from the second on.
        target.labels = model::Labels{{"service", service.name},
                                      {"version", instance.version},
                                      {"instance_id", instance.id},
                                      {"group", group_of(wanted, instance.version)}};
        if (path != service.metrics.paths.front())
          target.labels = target.labels.with("metrics_path", path);
        targets.push_back(std::move(target));
      }
    }
  }
  return targets;
}

}  // namespace holdfast::app
