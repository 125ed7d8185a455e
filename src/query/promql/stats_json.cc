// Prometheus' JSON of what a query cost.
#include <nlohmann/json.hpp>

#include <chrono>

#include "query/promql/engine.h"

namespace holdfast::query::promql {
namespace {

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

std::string stats_json(const QueryStats& stats) {
  nlohmann::ordered_json timings;
  timings["evalTotalTime"] = seconds(stats.evaluate + stats.sort + stats.prepare);
  timings["resultSortTime"] = seconds(stats.sort);
  timings["queryPreparationTime"] = seconds(stats.prepare);
  timings["innerEvalTime"] = seconds(stats.evaluate);
  timings["execQueueTime"] = seconds(stats.queued);
  timings["execTotalTime"] = seconds(stats.queued + stats.took);
  nlohmann::ordered_json samples;
  if (!stats.samples_per_step.empty()) {
    auto& per_step = samples["totalQueryableSamplesPerStep"] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < stats.samples_per_step.size(); ++i) {
      const auto t = stats.start + static_cast<std::int64_t>(i) * stats.step;
      if (t % 1000 == 0) {
        per_step.push_back({t / 1000, stats.samples_per_step[i]});
      } else {
        per_step.push_back({static_cast<double>(t) / 1000, stats.samples_per_step[i]});
      }
    }
  }
  samples["totalQueryableSamples"] = stats.samples_queryable;
  samples["peakSamples"] = stats.samples_peak;
  return nlohmann::ordered_json{{"timings", std::move(timings)}, {"samples", std::move(samples)}}
      .dump();
}

}  // namespace holdfast::query::promql
