#include "recover/round.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"

namespace holdfast::recover {

using model::Fault;
using model::InstanceState;
using model::Remedy;
using model::RemedyState;
using model::Service;

std::string dump_act(const Act& act) {
  return nlohmann::json{{"remedy", act.remedy},
                        {"service", act.service},
                        {"target", act.target},
                        {"version", act.version},
                        {"replicas", act.replicas}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Act> parse_act(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return invalid("a remedy's intent is not a JSON object");
  Act act;
  for (const auto& [name, member] : {std::pair{"remedy", &act.remedy},
                                     {"service", &act.service},
                                     {"target", &act.target},
                                     {"version", &act.version}}) {
    const auto at = json.find(name);
    if (at == json.end() || !at->is_string())
      return invalid(std::string("a remedy's intent lacks ") + name);
    *member = at->get<std::string>();
  }
  const auto replicas = json.find("replicas");
  if (replicas == json.end() || !replicas->is_number_integer())
    return invalid("a remedy's intent lacks replicas");
  act.replicas = replicas->get<int>();
  return act;
}

namespace {

class Round {
 public:
  Round(Draft& draft, Observed& observed, const std::vector<Service>& services, RoundTime time)
      : draft_(draft), observed_(observed), services_(services), now_(time.now), mono_(time.mono) {}

  Questions run() {
    find_faults();
    for (const auto& fault : draft_.book().open_faults()) judge(fault);
    for (const auto& fault : by_urgency(draft_.book().open_faults())) decide(fault);
    forget_alerts();
    if (!draft_.empty()) draft_.forget(now_);
    return std::move(questions_);
  }

 private:
  const Service* guarded(const std::string& name) const {
    const auto at = std::ranges::find(services_, name, &Service::name);
    return at == services_.end() || !is_guarded(*at) ? nullptr : &*at;
  }
  const model::Alert* alert_of(const Fault& fault) const {
    const auto at = observed_.alerts.find(fault.fingerprint);
    return at == observed_.alerts.end() ? nullptr : &at->second;
  }
  const model::RemedyRule* rule_of(const Fault& fault, const Service& service) const {
    return rule_for(service, match_labels(fault, alert_of(fault)));
  }
  const Remedy* latest_of(const Fault& fault) const {
    const Remedy* latest = nullptr;  // a hold is no act, whenever it was
    for (const auto* remedy : draft_.book().remedies_of_fault(fault.id)) {
      if (remedy->state != RemedyState::kRefused) latest = remedy;
    }
    return latest;
  }

  // ---- find

  void find_faults() {
    for (const auto& service : services_) {
      if (!is_guarded(service)) continue;
      const auto& instances = observed_.instances[service.name];
      for (const auto& seen : instances) {
        if (auto fault = fault_of(seen, instances, now_))
          found_at_instance(std::move(*fault), service);
      }
      for (const auto& [fingerprint, alert] : observed_.alerts) {
        auto fault = fault_of(alert, service, now_);
        if (fault && !is_open(*fault)) open(std::move(*fault));
      }
    }
  }

  bool is_open(const Fault& like) const {
    return std::ranges::any_of(draft_.book().open_faults(),
                               [&](const Fault& fault) { return is_same(fault, like); });
  }

  // One fault an instance: a hung process that then dies is a process_exit, and what was begun for
  // it goes on.
  void found_at_instance(Fault fault, const Service& service) {
    for (const auto& known : draft_.book().open_faults()) {
      if (!is_direct(known) || known.resource != fault.resource) continue;
      const auto* latest = latest_of(known);
      const bool replaces =
          known.kind == kHang && fault.kind == kProcessExit && !(latest && is_under_way(*latest));
      if (!replaces) return;
      if (latest && latest->state == RemedyState::kDone) {
        draft_.move(latest->id, RemedyState::kNotHelped,
                    fault.resource + " has ended: " + fault.evidence.value);
      }
      close(known);
    }
    if (is_open(fault)) return;
    const auto* rule = rule_of(fault, service);
    fault.auto_recoverable = rule != nullptr;
    if (rule != nullptr) fault.strategy = rule->remedy;
    open(std::move(fault));
  }

  // Ids are unique, even of a fault that comes back within the second.
  void open(Fault fault) {
    auto second = to_ms(now_) / 1000;
    const auto stem = fault.kind + "_" + fault.resource + "_";
    while (draft_.book().faults.contains(fault.id)) fault.id = stem + std::to_string(++second);
    draft_.put(std::move(fault));
  }

  void close(Fault fault) {
    fault.open = false;
    fault.closed_at = now_;
    observed_.watches.erase(fault.id);
    draft_.put(std::move(fault));
  }

  // ---- judge

  void judge(const Fault& fault) {
    const auto* service = guarded(fault.service);
    const auto* latest = latest_of(fault);
    if (latest && is_under_way(*latest)) return;
    if (service == nullptr) return close(fault);
    const auto* rule = rule_of(fault, *service);
    const bool was_done = latest && latest->state == RemedyState::kDone;
    const bool asks = was_done && rule != nullptr && !rule->verify.empty();
    auto& watch = observed_.watches[fault.id];
    if (was_done && !watch.watched_since) watch.watched_since = mono_;
    if (asks && !watch.asking) questions_.emplace_back(fault.id, rule->verify);
    look(watch, fault, asks);
    if (!was_done) {
      if (watch.is_well(mono_)) close(fault);
      return;
    }
    const auto within = rule != nullptr ? rule->verify_within : model::RemedyRule{}.verify_within;
    const auto outcome = verify(watch, within, mono_);
    if (outcome == Verification::kWatching) return;
    auto remedy = *latest;
    remedy.verified_at = now_;
    remedy.evidence = verification(fault, watch, asks ? rule->verify : "", within);
    if (outcome == Verification::kHelped) {
      remedy.state = RemedyState::kVerified;
      draft_.put(std::move(remedy));
      return close(fault);
    }
    remedy.state = RemedyState::kNotHelped;
    remedy.reason = "after " + format_duration(within) + " " + remedy.evidence.query + " is " +
                    remedy.evidence.value;
    draft_.put(std::move(remedy));
    watch = Watch{};
  }

  void look(Watch& watch, const Fault& fault, bool asks) {
    if (is_direct(fault)) {
      const auto& instances = observed_.instances[fault.service];
      const auto signal =
          instance_signal(fault.resource, instances, observed_.wanted[fault.service]);
      return watch.look(signal, state_text(fault.resource, instances), asks, mono_);
    }
    const auto* alert = alert_of(fault);
    const bool fires = alert != nullptr && alert->state == model::AlertState::kFiring;
    watch.look(fires ? Signal::kBad : Signal::kGood,
               fires ? "firing with value " + format_double(alert->value) : "resolved", asks,
               mono_);
  }

  static std::string state_text(const std::string& id, const std::vector<SeenInstance>& instances) {
    for (const auto& [instance, purpose] : instances) {
      if (instance.id != id) continue;
      return std::string(instance_state_name(instance.state)) +
             (instance.detail.empty() ? "" : ": " + instance.detail);
    }
    return "not there";
  }

  static model::Evidence verification(const Fault& fault, const Watch& watch,
                                      const std::string& query, Duration within) {
    model::Evidence evidence;
    evidence.query = is_direct(fault) ? "state of " + fault.resource
                                      : "alert " + fault.kind + " (" + fault.fingerprint + ")";
    evidence.value = watch.seen;
    evidence.threshold = is_direct(fault) ? "ready" : "resolved";
    if (!query.empty()) {
      evidence.query += " and " + query;
      evidence.value += " and " + (watch.answer.empty() ? "no answer" : watch.answer);
      evidence.threshold += " and nothing or 0";
    }
    evidence.window =
        "good for " + format_duration(kGoodFor) + " within " + format_duration(within);
    evidence.source = "healer";
    evidence.otherwise = "not helped if it had not been good within " + format_duration(within);
    return evidence;
  }

  // ---- decide

  std::vector<Fault> by_urgency(std::vector<Fault> faults) const {
    std::ranges::stable_sort(faults, [](const Fault& a, const Fault& b) {
      const auto key = [](const Fault& f) {
        return std::tuple(f.strategy != kShiftTraffic, f.rank, f.detected_at);
      };
      return key(a) < key(b);
    });
    return faults;
  }

  void decide(const Fault& fault) {
    const auto* service = guarded(fault.service);
    if (service == nullptr) return;
    Situation situation{*service,
                        rule_of(fault, *service),
                        draft_.book().automation,
                        draft_.book().remedies_of_service(service->name),
                        observed_.wanted[service->name],
                        is_in_motion(fault)};
    // The signal is good already and only has to stay so.
    const auto watch = observed_.watches.find(fault.id);
    if (watch != observed_.watches.end() && watch->second.good_since) return;
    const auto decision = plan(fault, situation, now_);
    if (decision.verdict == Verdict::kAct)
      act(fault, decision);
    else if (decision.verdict == Verdict::kHold)
      held(fault, decision);
    else if (decision.verdict == Verdict::kEscalate)
      escalate(fault, decision);
  }

  bool is_in_motion(const Fault& fault) const {
    if (!is_direct(fault)) return false;
    const auto at = observed_.instances.find(fault.service);
    if (at == observed_.instances.end()) return true;
    for (const auto& [instance, purpose] : at->second) {
      if (instance.id != fault.resource) continue;
      return instance.state == InstanceState::kStarting ||
             instance.state == InstanceState::kStopping;
    }
    return true;  // wanted and not there yet
  }

  Remedy remedy_for(const Fault& fault, const Decision& decision, std::string id) const {
    Remedy remedy;
    remedy.id = std::move(id);
    remedy.fault_id = fault.id;
    remedy.service = fault.service;
    remedy.name = decision.remedy;
    remedy.target = decision.target;
    remedy.attempt = decision.attempt;
    remedy.reason = decision.reason;
    remedy.planned_at = now_;
    remedy.evidence = fault.evidence;
    return remedy;
  }

  std::string held_id(const Fault& fault) const { return fault.id + "/held"; }
  std::string next_id(const Fault& fault) const {
    const auto known = draft_.book().remedies_of_fault(fault.id);
    const auto count = std::ranges::count_if(
        known, [&](const Remedy* remedy) { return remedy->id != held_id(fault); });
    return fault.id + "/" + std::to_string(count + 1);
  }

  void act(const Fault& fault, const Decision& decision) {
    auto remedy = remedy_for(fault, decision, next_id(fault));
    const Act act{remedy.name, remedy.service, remedy.target, decision.version, decision.replicas};
    draft_.add({remedy.id, "remedy", dump_act(act), {}});
    draft_.put(std::move(remedy));
    observed_.watches.erase(fault.id);
  }

  void held(const Fault& fault, const Decision& decision) {
    const auto known = draft_.book().remedies.find(held_id(fault));
    if (known != draft_.book().remedies.end() && known->second->reason == decision.reason) return;
    auto remedy = remedy_for(fault, decision, held_id(fault));
    remedy.state = RemedyState::kRefused;
    draft_.put(std::move(remedy));
  }

  void escalate(const Fault& fault, const Decision& decision) {
    if (const auto* latest = latest_of(fault))
      return draft_.move(latest->id, RemedyState::kEscalated, decision.reason);
    auto remedy = remedy_for(fault, decision, next_id(fault));
    remedy.state = RemedyState::kEscalated;
    draft_.put(std::move(remedy));
  }

  // A resolved alert is remembered only as long as a fault asks for its labels.
  void forget_alerts() {
    const auto open = draft_.book().open_faults();
    std::erase_if(observed_.alerts, [&](const auto& item) {
      return item.second.state == model::AlertState::kResolved &&
             std::ranges::none_of(
                 open, [&](const Fault& fault) { return fault.fingerprint == item.first; });
    });
  }

  Draft& draft_;
  Observed& observed_;
  const std::vector<Service>& services_;
  const WallTime now_;
  const MonoTime mono_;
  Questions questions_;
};

}  // namespace

Questions run_round(Draft& draft, Observed& observed, const std::vector<Service>& services,
                    RoundTime time) {
  return Round(draft, observed, services, time).run();
}

}  // namespace holdfast::recover
