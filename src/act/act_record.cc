#include "act/act_record.h"

#include <iterator>
#include <nlohmann/json.hpp>

namespace holdfast::act {

using nlohmann::json;

namespace {
constexpr std::string_view kKinds[] = {"restart", "scale", "start_canary", "stop_canary",
                                       "set_canary_percent"};
}

std::string_view act_kind_name(ActKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

Result<ActRecord> parse_act(std::string_view body) {
  const auto j = json::parse(body, nullptr, false);
  if (!j.is_object()) return invalid("an act document must be a JSON object");
  ActRecord a;
  try {
    a.key = j.at("key").get<std::string>();
    const auto kind = j.at("kind").get<std::string>();
    const auto* const at = std::find(std::begin(kKinds), std::end(kKinds), kind);
    if (at == std::end(kKinds)) return invalid("an act document of unknown kind " + kind);
    a.kind = static_cast<ActKind>(at - std::begin(kKinds));
    a.service = j.at("service").get<std::string>();
    a.target = j.value("target", "");
    a.version = j.value("version", "");
    a.replicas = j.value("replicas", 0);
    a.percent = j.value("percent", 0.0);
    a.at = from_ms(j.value("at_ms", std::int64_t{0}));
    a.ended = j.value("ended", false);
    a.report.ok = j.value("ok", false);
    a.report.error = j.value("error", "");
    a.targets = j.value("targets", std::vector<std::string>{});
    a.restarted = j.value("restarted", std::vector<std::string>{});
    a.stopped = j.value("stopped", "");
    a.percent_changes = j.value("percent_changes", std::int64_t{0});
    for (const auto& step : j.value("steps", json::array())) {
      auto parsed = parse_json<model::RemedyStep>(step.dump());
      if (!parsed) return std::move(parsed).error().context("act " + a.key);
      a.report.steps.push_back(std::move(*parsed));
    }
  } catch (const json::exception& problem) {
    return invalid(std::string("an act document: ") + problem.what());
  }
  return a;
}

std::string dump_act(const ActRecord& a) {
  json steps = json::array();
  for (const auto& step : a.report.steps) steps.push_back(step);
  const json j{{"key", a.key},
               {"kind", act_kind_name(a.kind)},
               {"service", a.service},
               {"target", a.target},
               {"version", a.version},
               {"replicas", a.replicas},
               {"percent", a.percent},
               {"at_ms", to_ms(a.at)},
               {"ended", a.ended},
               {"ok", a.report.ok},
               {"error", a.report.error},
               {"targets", a.targets},
               {"restarted", a.restarted},
               {"stopped", a.stopped},
               {"percent_changes", a.percent_changes},
               {"steps", std::move(steps)}};
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace holdfast::act
