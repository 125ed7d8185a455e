#include "act/act_steps.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "act/platform/supervised_instance.h"
#include "act/restart_steps.h"
#include "act/traffic/share.h"
#include "base/text.h"

namespace holdfast::act {
namespace {

// How long the router may take to show what it was told.
constexpr Duration kTrafficPatience = 5s;
// On top of the grace period, for SIGKILL to work and the exit to be seen.
constexpr Duration kExitPatience = 5s;

std::string percent_text(double percent) {
  return format_double(std::round(percent * 10) / 10) + " %";
}

std::set<std::string> ids_of(const Wanted& wanted, const std::string& version, int from, int to) {
  std::set<std::string> ids;
  for (int i = from; i < to; ++i) ids.insert(instance_id(wanted.service, version, i));
  return ids;
}

int replicas_of(const Wanted& wanted, const std::string& version) {
  if (version == wanted.stable) return wanted.replicas;
  return version == wanted.canary ? wanted.canary_replicas : 0;
}

// Everything in the way of waiting for this act: it was overtaken.
std::optional<Result<std::string>> overtaken(const ActPtr& act) {
  if (act->overtaken.empty()) return std::nullopt;
  return Error(Code::kCanceled, act->overtaken);
}

std::string list_text(const std::set<std::string>& ids) {
  return join(std::vector<std::string>(ids.begin(), ids.end()), ", ");
}

void wait_until_ready(const ActPtr& act, const std::set<std::string>& ids, const StepDone& done) {
  const auto desk = act->desk;
  const auto missing = [desk, ids] {
    std::vector<std::string> out;
    for (const auto& id : ids) {
      const auto instance = desk->instance(id);
      if (instance && instance->state == model::InstanceState::kReady) continue;
      out.push_back(id + " is " +
                    (instance ? std::string(instance_state_name(instance->state)) : "not there") +
                    (instance && !instance->detail.empty() ? " (" + instance->detail + ")" : ""));
    }
    return join(out, ", ");
  };
  const auto limit = desk->spec().platform.ready_timeout + 1s;
  desk->wait_for(
      limit,
      [act, ids, missing]() -> std::optional<Result<std::string>> {
        if (auto stop = overtaken(act)) return stop;
        if (missing().empty()) return Result<std::string>("ready: " + list_text(ids));
        return std::nullopt;
      },
      [missing, limit] {
        return Error(Code::kTimeout,
                     "not ready within " + format_duration(limit) + ": " + missing());
      },
      done);
}

void wait_until_gone(const ActPtr& act, const std::set<std::string>& ids, const StepDone& done) {
  const auto desk = act->desk;
  const auto limit = desk->spec().platform.stop_grace + kExitPatience;
  desk->wait_for(
      limit,
      [desk, ids]() -> std::optional<Result<std::string>> {
        for (const auto& id : ids) {
          if (desk->instance(id)) return std::nullopt;
        }
        return Result<std::string>(ids.empty() ? "nothing to wait for"
                                               : "stopped: " + list_text(ids));
      },
      [limit] { return Error(Code::kTimeout, "not stopped within " + format_duration(limit)); },
      done);
}

// Ends well in any case: sessions that do not end within the grace period are cut by the stop.
void drain_away(const ActPtr& act, const std::set<std::string>& ids, const StepDone& done) {
  const auto desk = act->desk;
  if (!desk->has_router() || ids.empty()) return done(std::string("no traffic to drain"));
  act->draining.insert(ids.begin(), ids.end());
  desk->drain(ids);
  desk->wait_for(
      desk->spec().platform.stop_grace,
      [desk, ids]() -> std::optional<Result<std::string>> {
        const auto sessions = desk->sessions_on(ids);
        if (!sessions || *sessions > 0) return std::nullopt;
        return Result<std::string>("drained: " + list_text(ids));
      },
      [desk, ids]() -> Result<std::string> {
        const auto sessions = desk->sessions_on(ids);
        return "stopping with " +
               (sessions ? std::to_string(*sessions) : std::string("an unknown number of")) +
               " sessions open";
      },
      done);
}

std::string distribution_text(const TrafficView& view) {
  std::vector<std::string> parts;
  for (const auto& server : view.servers) {
    if (server.status != "maint")
      parts.push_back(server.name + " " + server.status + " " + std::to_string(server.weight));
  }
  for (const auto& [group, percent] : view.effective_percent)
    parts.push_back(group + " " + percent_text(percent));
  return join(parts, ", ");
}

// The canary's part of what the router is asked for: an act that sets a percentage insists on it;
// others take what is possible, since a canary that is not ready gets nothing.
double canary_share_wanted(const ActPtr& act) {
  const auto& wanted = act->desk->wanted();
  const auto kind = act->record.kind;
  if (kind == ActKind::kSetCanaryPercent || kind == ActKind::kStartCanary) {
    return wanted.canary.empty() ? 0 : wanted.canary_percent;
  }
  double canary = 0, all = 0;
  for (const auto& server : act->desk->plan()) {
    all += server.weight;
    if (server.name.starts_with("canary")) canary += server.weight;
  }
  return all == 0 ? 0 : canary / all * 100;
}

// The router was observed as planned, and its weights give each group its share.
void verify_traffic(const ActPtr& act, const StepDone& done) {
  const auto desk = act->desk;
  if (!desk->has_router()) return done(std::string("the service has no traffic router"));
  desk->sync_traffic();
  const auto is_shared = [act, desk] {
    if (!desk->keeper().in_line()) return false;
    const auto view = desk->traffic();
    const auto found = view.effective_percent.find("canary");
    const double canary = found == view.effective_percent.end() ? 0 : found->second;
    return std::abs(canary - canary_share_wanted(act)) <= kShareErrorMax;
  };
  desk->wait_for(
      kTrafficPatience,
      [act, desk, is_shared]() -> std::optional<Result<std::string>> {
        if (auto stop = overtaken(act)) return stop;
        if (!is_shared()) return std::nullopt;
        return Result<std::string>(distribution_text(desk->traffic()));
      },
      [desk]() -> Result<std::string> {
        const auto view = desk->traffic();
        if (!view.error.empty()) return Error(Code::kUnavailable, view.error);
        return Error(Code::kTimeout,
                     "the router does not show the wanted share: " + distribution_text(view));
      },
      done);
}

void set_percent(const ActPtr& act, double percent, const StepDone& done) {
  const auto desk = act->desk;
  desk->change_wanted(
      [percent](Wanted& w) {
        w.canary_percent = percent;
        ++w.percent_changes;
      },
      [percent, done](Result<void> changed) {
        if (!changed) return done(changed.error());
        done("canary " + percent_text(percent) + ", stable " + percent_text(100 - percent));
      });
}

std::deque<Step> scale_steps(const ActPtr& act) {
  const auto desk = act->desk;
  const auto version = act->record.version;
  const int to = act->record.replicas;
  const int from = replicas_of(desk->wanted(), version);
  const bool grows = to >= from;
  const auto leaving = ids_of(desk->wanted(), version, to, from);
  std::deque<Step> steps;
  steps.push_back({"get_current_scale", [from, to, version](const StepDone& done) {
                     done(std::to_string(from) + " replicas of " + version + ", wanted " +
                          std::to_string(to));
                   }});
  steps.push_back(
      {grows ? "scale_up" : "scale_down", [act, desk, version, to, leaving](const StepDone& done) {
         const auto tell = [act, desk, done, leaving](Result<std::string> drained) {
           desk->converge();
           done(std::move(drained));
         };
         desk->change_wanted(
             [version, to](Wanted& w) {
               (version == w.stable ? w.replicas : w.canary_replicas) = to;
             },
             [act, leaving, tell, done](Result<void> changed) {
               if (!changed) return done(changed.error());
               if (leaving.empty()) return tell(std::string("asked for"));
               drain_away(act, leaving, tell);
             });
       }});
  if (grows) {
    steps.push_back({"wait_for_new_instances", [act, desk, version, to](const StepDone& done) {
                       wait_until_ready(act, ids_of(desk->wanted(), version, 0, to), done);
                     }});
  } else {
    steps.push_back({"wait_for_shutdown", [act, leaving](const StepDone& done) {
                       wait_until_gone(act, leaving, done);
                     }});
  }
  steps.push_back(
      {"verify_load_distribution", [act](const StepDone& done) { verify_traffic(act, done); }});
  return steps;
}

std::deque<Step> start_canary_steps(const ActPtr& act) {
  const auto desk = act->desk;
  const auto record = act->record;
  std::deque<Step> steps;
  steps.push_back({"check_service_status", [desk](const StepDone& done) {
                     const auto ids =
                         ids_of(desk->wanted(), desk->wanted().stable, 0, desk->wanted().replicas);
                     const auto ready = std::ranges::count_if(
                         ids, [&](const auto& id) { return desk->is_ready(id); });
                     done(std::to_string(ready) + " of " + std::to_string(ids.size()) +
                          " stable instances are ready");
                   }});
  steps.push_back({"start_canary", [desk, record](const StepDone& done) {
                     desk->change_wanted(
                         [record](Wanted& w) {
                           if (w.canary != record.version)
                             w.canary_percent = 0;  // none until it is ready
                           w.canary = record.version;
                           w.canary_replicas = record.replicas;
                         },
                         [desk, record, done](Result<void> changed) {
                           if (!changed) return done(changed.error());
                           desk->converge();
                           done(std::to_string(record.replicas) + " replicas of " + record.version);
                         });
                   }});
  steps.push_back({"wait_for_ready", [act, desk, record](const StepDone& done) {
                     wait_until_ready(
                         act, ids_of(desk->wanted(), record.version, 0, record.replicas), done);
                   }});
  steps.push_back(
      {"shift_traffic", [act, desk, record](const StepDone& done) {
         if (desk->percent_changes_asked() != record.percent_changes) {
           return done(std::string("left as it is: the share was set by somebody else meanwhile"));
         }
         set_percent(act, record.percent, done);
       }});
  steps.push_back({"verify_traffic", [act](const StepDone& done) { verify_traffic(act, done); }});
  return steps;
}

std::deque<Step> stop_canary_steps(const ActPtr& act) {
  const auto desk = act->desk;
  const auto wanted = desk->wanted();
  const auto ids = wanted.canary.empty() ? std::set<std::string>{}
                                         : ids_of(wanted, wanted.canary, 0, wanted.canary_replicas);
  std::deque<Step> steps;
  steps.push_back(
      {"shift_traffic_to_stable", [act](const StepDone& done) { set_percent(act, 0, done); }});
  // Before anything stops: as long as the router sends users there, the canary stays.
  steps.push_back({"verify_traffic", [act](const StepDone& done) { verify_traffic(act, done); }});
  steps.push_back({"graceful_shutdown", [act, desk, ids](const StepDone& done) {
                     drain_away(act, ids, [desk, done](Result<std::string> drained) {
                       desk->change_wanted(
                           [](Wanted& w) {
                             w.canary.clear();
                             w.canary_replicas = 0;
                             w.canary_percent = 0;
                           },
                           [desk, done, drained](Result<void> changed) {
                             if (!changed) return done(changed.error());
                             desk->converge();
                             done(drained);
                           });
                     });
                   }});
  steps.push_back(
      {"wait_for_shutdown", [act, ids](const StepDone& done) { wait_until_gone(act, ids, done); }});
  return steps;
}

std::deque<Step> percent_steps(const ActPtr& act) {
  const double percent = act->record.percent;
  std::deque<Step> steps;
  steps.push_back({percent == 0 ? "shift_traffic_to_stable" : "shift_traffic",
                   [act, percent](const StepDone& done) { set_percent(act, percent, done); }});
  steps.push_back({"verify_traffic", [act](const StepDone& done) { verify_traffic(act, done); }});
  return steps;
}

bool has_version(const ServiceDesk& desk, const std::string& version) {
  const auto& versions = desk.spec().platform.versions;
  return std::ranges::find(versions, version, &model::ProcessVersion::name) != versions.end();
}

Result<void> check_replicas(const ActRecord& record, const ServiceDesk& desk) {
  const int most = std::max(desk.spec().platform.replicas_max, desk.spec().platform.replicas);
  if (record.replicas >= 1 && record.replicas <= most) return {};
  return Error(Code::kOutOfRange, "replicas must be from 1 to " + std::to_string(most) + ", not " +
                                      std::to_string(record.replicas));
}

Result<void> check_percent(const ActRecord& record, const ServiceDesk& desk) {
  if (!(record.percent >= 0 && record.percent <= 100))
    return invalid("percent must be from 0 to 100");
  if (record.percent > 0 && !desk.has_router()) {
    return Error(Code::kConflict,
                 "service " + record.service + " has no traffic router to share requests");
  }
  return {};
}

}  // namespace

Result<void> check_act(const ActRecord& record, const ServiceDesk& desk) {
  const auto& wanted = desk.wanted();
  switch (record.kind) {
    case ActKind::kRestart:
      if (!restart_targets(record.target, wanted).empty()) return {};
      return not_found("service " + record.service + " has no instance or running version " +
                       record.target);
    case ActKind::kScale:
      if (record.version.empty() || replicas_of(wanted, record.version) == 0) {
        return not_found("service " + record.service + " does not run version " + record.version);
      }
      return check_replicas(record, desk);
    case ActKind::kStartCanary:
      if (!has_version(desk, record.version))
        return not_found("service " + record.service + " has no version " + record.version);
      if (record.version == wanted.stable)
        return Error(Code::kConflict, record.version + " is the stable version");
      if (!wanted.canary.empty() && wanted.canary != record.version) {
        return Error(Code::kConflict, "canary " + wanted.canary + " runs already; stop it first");
      }
      HF_TRY(check_replicas(record, desk));
      return check_percent(record, desk);
    case ActKind::kStopCanary:
      return {};
    case ActKind::kSetCanaryPercent:
      if (wanted.canary.empty() && record.percent > 0) {
        return Error(Code::kConflict, "service " + record.service + " has no canary");
      }
      return check_percent(record, desk);
  }
  return {};
}

std::deque<Step> steps_of(const ActPtr& act) {
  switch (act->record.kind) {
    case ActKind::kRestart:
      return restart_steps(act);
    case ActKind::kScale:
      return scale_steps(act);
    case ActKind::kStartCanary:
      return start_canary_steps(act);
    case ActKind::kStopCanary:
      return stop_canary_steps(act);
    case ActKind::kSetCanaryPercent:
      return percent_steps(act);
  }
  return {};
}

}  // namespace holdfast::act
