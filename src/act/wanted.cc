#include "act/wanted.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "act/platform/supervised_instance.h"

namespace holdfast::act {

using nlohmann::json;

std::vector<WantedVersion> Wanted::versions() const {
  std::vector<WantedVersion> out{{stable, "stable", replicas}};
  if (!canary.empty()) out.push_back({canary, "canary", canary_replicas});
  return out;
}

std::vector<std::string> Wanted::instance_ids() const {
  std::vector<std::string> ids;
  for (const auto& version : versions()) {
    for (int i = 0; i < version.replicas; ++i)
      ids.push_back(instance_id(service, version.version, i));
  }
  return ids;
}

Wanted wanted_by_catalogue(const model::Service& service) {
  Wanted wanted;
  wanted.service = service.name;
  wanted.stable = wanted.configured_stable = service.platform.stable;
  wanted.replicas = wanted.configured_replicas = service.platform.replicas;
  return wanted;
}

Wanted reconcile_wanted(const model::Service& service, const std::optional<Wanted>& remembered) {
  const auto fresh = wanted_by_catalogue(service);
  if (!remembered) return fresh;
  const auto has = [&](const std::string& version) {
    return std::ranges::find(service.platform.versions, version, &model::ProcessVersion::name) !=
           service.platform.versions.end();
  };
  const bool is_same_wish = remembered->configured_stable == fresh.configured_stable &&
                            remembered->configured_replicas == fresh.configured_replicas;
  if (!is_same_wish || !has(remembered->stable)) return fresh;
  Wanted wanted = *remembered;
  const int most = std::max(1, service.platform.replicas_max);
  wanted.replicas = std::clamp(wanted.replicas, 1, std::max(most, wanted.configured_replicas));
  if (!has(wanted.canary) || wanted.canary == wanted.stable) {
    wanted.canary.clear();
    wanted.canary_replicas = 0;
    wanted.canary_percent = 0;
  }
  return wanted;
}

Result<Wanted> parse_wanted(std::string_view body) {
  const auto j = json::parse(body, nullptr, false);
  if (!j.is_object()) return invalid("a wanted document must be a JSON object");
  Wanted w;
  try {
    w.service = j.at("service").get<std::string>();
    w.stable = j.at("stable").get<std::string>();
    w.replicas = j.at("replicas").get<int>();
    w.canary = j.value("canary", "");
    w.canary_replicas = j.value("canary_replicas", 0);
    w.canary_percent = std::clamp(j.value("canary_percent", 0.0), 0.0, 100.0);
    w.percent_changes = j.value("percent_changes", std::int64_t{0});
    w.configured_stable = j.value("configured_stable", "");
    w.configured_replicas = j.value("configured_replicas", 0);
  } catch (const json::exception& problem) {
    return invalid(std::string("a wanted document: ") + problem.what());
  }
  return w;
}

std::string dump_wanted(const Wanted& w) {
  const json j{{"service", w.service},
               {"stable", w.stable},
               {"replicas", w.replicas},
               {"canary", w.canary},
               {"canary_replicas", w.canary_replicas},
               {"canary_percent", w.canary_percent},
               {"percent_changes", w.percent_changes},
               {"configured_stable", w.configured_stable},
               {"configured_replicas", w.configured_replicas}};
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace holdfast::act
