#include "act/traffic/share.h"

#include <algorithm>
#include <cmath>

namespace holdfast::act {
namespace {

// When one group has all the traffic.
constexpr int kWeightPlain = 100;

std::vector<int> spread(std::int64_t total, std::size_t count) {
  std::vector<int> weights;
  const auto n = static_cast<std::int64_t>(count);
  for (std::int64_t i = 0; i < n; ++i)
    weights.push_back(static_cast<int>(total / n + (i < total % n ? 1 : 0)));
  return weights;
}

enum class Place { kServing, kFinishing, kOut };

Place place_of(const model::Instance& instance, const SharePlan& plan) {
  using State = model::InstanceState;
  if (instance.address.empty()) return Place::kOut;
  if (instance.state == State::kStopping || instance.state == State::kUnready)
    return Place::kFinishing;
  if (instance.state != State::kReady) return Place::kOut;
  return plan.draining.contains(instance.id) ? Place::kFinishing : Place::kServing;
}

}  // namespace

ShareWeights share_weights(std::size_t stable_count, std::size_t canary_count,
                           double canary_percent) {
  const double share = std::clamp(canary_percent, 0.0, 100.0) / 100;
  ShareWeights weights;
  const bool only_stable = canary_count == 0 || share == 0;
  const bool only_canary = !only_stable && (stable_count == 0 || share == 1);
  if (only_stable || only_canary) {
    weights.stable.assign(stable_count, only_stable ? kWeightPlain : 0);
    weights.canary.assign(canary_count, only_canary ? kWeightPlain : 0);
    return weights;
  }
  const double ratio = share / (1 - share);  // canary's total to stable's
  const double stable_max = static_cast<double>(stable_count) * kWeightMax;
  const double canary_max = static_cast<double>(canary_count) * kWeightMax;
  // As large as both allow: the larger the totals, the finer the steps.
  const double stable_total = std::min(stable_max, canary_max / ratio);
  // At least one: a group that was given a share gets some of it.
  weights.stable = spread(std::max<std::int64_t>(1, std::llround(stable_total)), stable_count);
  weights.canary =
      spread(std::max<std::int64_t>(1, std::llround(stable_total * ratio)), canary_count);
  return weights;
}

std::vector<WantedServer> plan_servers(const SharePlan& plan,
                                       const std::vector<model::Instance>& instances) {
  struct Placed {
    const model::Instance* instance;
    Place place;
  };
  std::map<std::string, std::vector<Placed>> groups;
  std::map<std::string, std::size_t> serving;
  for (const auto& instance : instances) {
    const bool is_stable = instance.version == plan.stable_version;
    const bool is_canary =
        !is_stable && !plan.canary_version.empty() && instance.version == plan.canary_version;
    if (!is_stable && !is_canary) continue;
    const auto place = place_of(instance, plan);
    if (place == Place::kOut) continue;
    const std::string group = is_stable ? "stable" : "canary";
    groups[group].push_back({&instance, place});
    if (place == Place::kServing) ++serving[group];
  }
  const auto weights = share_weights(serving["stable"], serving["canary"], plan.canary_percent);
  std::vector<WantedServer> servers;
  for (auto& [group, placed] : groups) {
    std::ranges::sort(placed, {}, [](const Placed& p) { return p.instance->index; });
    auto next = (group == "stable" ? weights.stable : weights.canary).begin();
    for (const auto& [instance, place] : placed) {
      const bool is_serving = place == Place::kServing;
      servers.push_back({group + std::to_string(instance->index + 1), instance->address,
                         is_serving ? *next++ : 0, !is_serving});
    }
  }
  return servers;
}

std::map<std::string, double> effective_percent(const std::vector<ServerView>& servers) {
  std::map<std::string, double> totals;
  double all = 0;
  for (const auto& server : servers) {
    if (server.status != "up" && server.status != "no_check") continue;
    totals[server.group] += server.weight;
    all += server.weight;
  }
  if (all == 0) return {};
  for (auto& [group, total] : totals) total = total / all * 100;
  return totals;
}

bool matches_plan(const std::vector<WantedServer>& wanted, const std::vector<ServerView>& servers) {
  for (const auto& want : wanted) {
    if (std::ranges::find(servers, want.name, &ServerView::name) == servers.end()) return false;
  }
  for (const auto& server : servers) {
    const auto want = std::ranges::find(wanted, server.name, &WantedServer::name);
    if (want == wanted.end() || want->address.empty()) {
      if (server.status != "maint") return false;
      continue;
    }
    if (server.status == "maint" || server.address != want->address ||
        server.weight != want->weight)
      return false;
    if (want->drain != (server.status == "drain")) return false;
  }
  return true;
}

}  // namespace holdfast::act
