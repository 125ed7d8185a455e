#include "recover/verify.h"

#include <algorithm>
#include <utility>

namespace holdfast::recover {

namespace promql = query::promql;

Signal instance_signal(const std::string& id, const std::vector<SeenInstance>& instances,
                       const std::vector<act::WantedVersion>& wanted) {
  const auto found = std::ranges::find_if(
      instances, [&](const SeenInstance& seen) { return seen.instance.id == id; });
  if (found != instances.end()) {
    return found->instance.state == model::InstanceState::kReady ? Signal::kGood : Signal::kBad;
  }
  // service/version/index
  for (const auto& want : wanted) {
    for (int index = 0; index < want.replicas; ++index) {
      if (id.ends_with("/" + want.version + "/" + std::to_string(index))) return Signal::kBad;
    }
  }
  return Signal::kGone;
}

Result<bool> is_quiet(const promql::QueryResult& result) {
  if (std::holds_alternative<promql::String>(result.value))
    return invalid("a string tells neither well nor ill");
  if (const auto* scalar = std::get_if<promql::Scalar>(&result.value)) return scalar->value == 0;
  const auto all_zero = [](const std::vector<promql::Series>& list) {
    return std::ranges::all_of(list, [](const promql::Series& series) {
      return std::ranges::all_of(series.points, [](const model::Sample& point) {
        return point.value == 0 && !point.histogram;
      });
    });
  };
  if (const auto* vector = std::get_if<promql::Vector>(&result.value))
    return all_zero(vector->series);
  return all_zero(std::get<promql::Matrix>(result.value).series);
}

void Watch::look(Signal now_signal, std::string now_seen, bool needs_quiet, MonoTime now) {
  signal = now_signal;
  seen = std::move(now_seen);
  const bool is_good = signal != Signal::kBad && (!needs_quiet || quiet.value_or(false));
  if (!is_good)
    good_since.reset();
  else if (!good_since)
    good_since = now;
}

bool Watch::is_well(MonoTime now) const {
  return signal == Signal::kGone || (good_since && now - *good_since >= kGoodFor);
}

Verification verify(const Watch& watch, Duration verify_within, MonoTime now) {
  if (watch.is_well(now)) return Verification::kHelped;
  // What is good already gets the time to stay good.
  const bool is_late = watch.watched_since && now - *watch.watched_since >= verify_within;
  return is_late && !watch.good_since ? Verification::kNotHelped : Verification::kWatching;
}

}  // namespace holdfast::recover
