#include "recover/plan.h"

#include <algorithm>
#include <utility>

namespace holdfast::recover {

using model::Fault;
using model::InstanceState;
using model::Remedy;
using model::RemedyState;

bool is_guarded(const model::Service& service) {
  return service.platform.kind != "none" && !service.remedies.empty();
}

// ---- faults

void SeenInstance::see(const model::Instance& now_seen) {
  instance = now_seen;
  switch (instance.state) {
    case InstanceState::kStopping:
      stops_on_purpose = true;
      break;
    case InstanceState::kExited:
    case InstanceState::kFailed:
      break;  // what it was doing before says why
    default:
      stops_on_purpose = false;
  }
}

namespace {

std::string fault_id(std::string_view kind, const std::string& resource, WallTime now) {
  return std::string(kind) + "_" + resource + "_" + std::to_string(to_ms(now) / 1000);
}

// An instance that was only made, or stopped by wish, has no cause of death.
bool ended_by_itself(const SeenInstance& seen) {
  const auto& i = seen.instance;
  if (i.state == InstanceState::kFailed) return true;
  return i.state == InstanceState::kExited && !seen.stops_on_purpose && !i.detail.empty() &&
         !i.detail.starts_with("stopped");
}

bool hangs(const model::Instance& i) {
  return i.state == InstanceState::kUnready && !i.detail.starts_with("ready probe") &&
         !i.detail.starts_with("not ready within");
}

}  // namespace

std::optional<Fault> fault_of(const SeenInstance& seen,
                              const std::vector<SeenInstance>& all_of_service, WallTime now) {
  const auto& i = seen.instance;
  const bool exited = ended_by_itself(seen);
  if (!exited && !hangs(i)) return std::nullopt;
  const auto others_ready = std::ranges::count_if(all_of_service, [&](const SeenInstance& other) {
    return other.instance.id != i.id && other.instance.state == InstanceState::kReady;
  });
  Fault fault;
  fault.kind = exited ? kProcessExit : kHang;
  fault.resource = i.id;
  fault.service = i.service;
  fault.id = fault_id(fault.kind, i.id, now);
  fault.rank = others_ready > 0 ? model::Rank::kMedium : model::Rank::kHigh;
  fault.detected_at = now;
  auto& evidence = fault.evidence;
  evidence.query = "state of " + i.id;
  evidence.value =
      std::string(instance_state_name(i.state)) + (i.detail.empty() ? "" : ": " + i.detail);
  evidence.threshold = "ready";
  evidence.window = "since " + format_time(i.since == WallTime{} ? now : i.since);
  evidence.source = "process supervision";
  evidence.otherwise =
      exited ? "no fault if it had been asked to stop" : "no fault if its live probe had answered";
  return fault;
}

std::optional<Fault> fault_of(const model::Alert& alert, const model::Service& service,
                              WallTime now) {
  if (alert.state != model::AlertState::kFiring || alert.service() != service.name)
    return std::nullopt;
  Fault fault;
  fault.kind = alert.labels.has("fault") ? alert.labels.get("fault") : alert.name();
  const auto* rule = rule_for(service, match_labels(fault, &alert));
  if (rule == nullptr) return std::nullopt;
  if (alert.labels.has("instance_id"))
    fault.resource = alert.labels.get("instance_id");
  else if (alert.labels.has("version"))
    fault.resource = service.name + "/" + std::string(alert.labels.get("version"));
  else
    fault.resource = service.name;
  fault.service = service.name;
  fault.id = fault_id(fault.kind, fault.resource, now);
  fault.rank = model::rank_of_word(alert.labels.get("severity"));
  fault.strategy = rule->remedy;
  fault.fingerprint = alert.fingerprint();
  fault.detected_at = now;
  fault.evidence = alert.evidence;
  return fault;
}

bool is_same(const Fault& a, const Fault& b) {
  return a.kind == b.kind && a.resource == b.resource;
}
bool is_direct(const Fault& fault) { return fault.fingerprint.empty(); }

// ---- remedies

model::Labels match_labels(const Fault& fault, const model::Alert* alert) {
  if (alert != nullptr) return alert->labels.with("fault", fault.kind);
  if (is_direct(fault)) return {{"fault", fault.kind}};
  // The alert is remembered no more; its name is what most rules go by.
  return {{"fault", fault.kind}, {"alertname", fault.kind}, {"service", fault.service}};
}

const model::RemedyRule* rule_for(const model::Service& service, const model::Labels& labels) {
  const auto found = std::ranges::find_if(service.remedies, [&](const model::RemedyRule& rule) {
    return std::ranges::all_of(
        rule.match, [&](const auto& want) { return labels.get(want.name) == want.value; });
  });
  return found == service.remedies.end() ? nullptr : &*found;
}

int scale_out_target(int replicas, int replicas_max) {
  return std::min(std::max(replicas + 2, replicas + replicas / 2), replicas_max);
}

bool is_under_way(const Remedy& remedy) {
  return remedy.state == RemedyState::kPlanned || remedy.state == RemedyState::kRunning;
}

bool has_acted(const Remedy& remedy) {
  return is_under_way(remedy) || remedy.finished_at.has_value();
}

namespace {

const act::WantedVersion* wanted_group(const Situation& s, std::string_view group) {
  const auto found = std::ranges::find(s.wanted, group, &act::WantedVersion::group);
  return found == s.wanted.end() ? nullptr : &*found;
}

Decision hold(Decision decision, std::string reason) {
  decision.verdict = Verdict::kHold;
  decision.reason = std::move(reason);
  return decision;
}

Decision escalate(Decision decision, std::string reason) {
  decision.verdict = Verdict::kEscalate;
  decision.reason = std::move(reason);
  return decision;
}

// "service/version" of the catalogue's words is the version alone in those of Operations.
std::string restart_target(const Fault& fault, const model::Service& service) {
  if (fault.resource == service.name) return "";
  for (const auto& version : service.platform.versions) {
    if (fault.resource == service.name + "/" + version.name) return version.name;
  }
  return fault.resource;
}

// Fills in what the remedy acts on, or holds it.
Decision choose(const Fault& fault, const Situation& s, Decision decision) {
  decision.verdict = Verdict::kAct;
  decision.reason = fault.kind + " of " + fault.resource;
  if (!fault.evidence.value.empty()) decision.reason += ": " + fault.evidence.value;
  if (decision.remedy == kRestart) {
    decision.target = restart_target(fault, s.service);
    return decision;
  }
  if (decision.remedy == kShiftTraffic) {
    const auto* canary = wanted_group(s, "canary");
    if (canary == nullptr)
      return hold(decision, "no release is under way that could be taken back");
    decision.target = canary->version;
    return decision;
  }
  if (decision.remedy != kScaleOut)
    return escalate(decision, "the remedy '" + decision.remedy + "' is not known");
  const auto* stable = wanted_group(s, "stable");
  if (stable == nullptr) return hold(decision, "it is not known how many replicas are wanted");
  decision.target = decision.version = stable->version;
  decision.replicas = scale_out_target(stable->replicas, s.service.platform.replicas_max);
  if (decision.replicas > stable->replicas) {
    decision.reason += "; " + std::to_string(stable->replicas) + " to " +
                       std::to_string(decision.replicas) + " replicas";
    return decision;
  }
  auto reason = "replicas_max is reached: " + std::to_string(stable->replicas) + " replicas run";
  return decision.attempt > 1 ? escalate(decision, std::move(reason))
                              : hold(decision, std::move(reason));
}

std::optional<std::string> other_act(const Fault& fault, const Situation& s) {
  for (const auto* remedy : s.remedies) {
    if (remedy->fault_id != fault.id && is_under_way(*remedy)) {
      return "another act on " + s.service.name + " is under way: " + remedy->name +
             (remedy->target.empty() ? "" : " of " + remedy->target);
    }
  }
  return std::nullopt;
}

std::optional<WallTime> cools_until(const Decision& decision, const Situation& s) {
  std::optional<WallTime> until;
  for (const auto* remedy : s.remedies) {
    if (remedy->target != decision.target || !has_acted(*remedy)) continue;
    const auto cooldown = std::chrono::duration_cast<std::chrono::milliseconds>(s.rule->cooldown);
    until = std::max(until.value_or(WallTime{}),
                     remedy->finished_at.value_or(remedy->planned_at) + cooldown);
  }
  return until;
}

}  // namespace

Decision plan(const Fault& fault, const Situation& s, WallTime now) {
  Decision decision;
  int attempts = 0;
  for (const auto* remedy : s.remedies) {
    if (remedy->fault_id != fault.id) continue;
    if (is_under_way(*remedy) || remedy->state == RemedyState::kDone)
      return decision;  // acting, or watched
    if (remedy->state == RemedyState::kEscalated) return decision;
    if (has_acted(*remedy)) ++attempts;
  }
  if (s.is_in_motion) return decision;
  decision.attempt = attempts + 1;
  if (s.rule == nullptr) {
    decision.remedy = "none";
    return escalate(decision, "no remedy of " + s.service.name + " answers " + fault.kind);
  }
  decision.remedy = s.rule->remedy;
  if (attempts >= s.rule->attempts_max) {
    return escalate(decision, decision.remedy + " was tried " + std::to_string(attempts) +
                                  " times (attempts_max " + std::to_string(s.rule->attempts_max) +
                                  ") and " + fault.kind + " of " + fault.resource +
                                  " is still there");
  }
  auto chosen = choose(fault, s, decision);
  if (chosen.verdict == Verdict::kEscalate) return chosen;
  if (s.automation.stopped) {
    return hold(chosen, "automation is stopped by " + s.automation.by +
                            (s.automation.reason.empty() ? "" : ": " + s.automation.reason));
  }
  if (chosen.verdict == Verdict::kHold) return chosen;
  if (auto other = other_act(fault, s); other && chosen.remedy != kShiftTraffic)
    return hold(chosen, std::move(*other));
  if (const auto until = cools_until(chosen, s); until && now < *until) {
    const auto what = chosen.target.empty() ? s.service.name : chosen.target;
    return hold(chosen, "the cool-down of " + what + " lasts until " + format_time(*until));
  }
  return chosen;
}

}  // namespace holdfast::recover
