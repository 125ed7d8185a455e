#include "respond/incident/alert_bridge.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "model/alert.h"
#include "model/incident.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond {
namespace {

model::Alert alert_of(const route::AlertView& view) {
  model::Alert alert;
  alert.labels = view.alert.labels;
  alert.annotations = view.alert.annotations;
  alert.active_at = view.alert.starts_at;
  alert.fired_at = view.alert.starts_at;
  alert.state = model::AlertState::kFiring;
  alert.evidence.query = view.alert.generator_url;
  alert.evidence.source = "alert posted by another system";
  return alert;
}

}  // namespace

struct AlertBridge::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, state::Journal& journal, route::Router& router, Incidents& incidents)
      : env(env), journal(journal), router(router), incidents(incidents) {}

  // Every label incidents are grouped by: without them all alerts of the world would be one incident.
  bool grouped(const model::Labels& labels) const {
    return std::all_of(group_by.begin(), group_by.end(),
                       [&](const std::string& name) { return !labels.get(name).empty(); });
  }

  bool hides(const model::Alert& alert) {
    const auto explanation = router.explain(alert.labels, env.clock.now());
    if (explanation.silenced_by.empty() && explanation.inhibited_by.empty()) return false;
    hidden[alert.fingerprint()] = alert;
    look_later();
    return true;
  }

  void look_later() {
    if (timer != TimerId::kNone) return;
    timer = env.executor.post_after(Lane::kControl, kHiddenEvery, [weak = weak_from_this()] {
      if (auto self = weak.lock()) {
        self->timer = TimerId::kNone;
        self->look();
      }
    });
  }

  void look() {
    auto it = hidden.upper_bound(looked_at);
    std::vector<std::string> these;
    for (std::size_t n = std::min(hidden.size(), kHiddenAtOnce); n > 0; --n) {
      if (it == hidden.end()) it = hidden.begin();
      these.push_back((it++)->first);
    }
    for (const auto& fingerprint : these) {
      looked_at = fingerprint;
      const auto view = router.alert(fingerprint);
      if (!view || view->alert.ends_at <= env.clock.now()) {
        hidden.erase(fingerprint);
      } else if (view->silenced_by.empty() && view->inhibited_by.empty()) {
        const auto alert = hidden.extract(fingerprint);
        incidents.consider(alert.mapped());
      }
    }
    if (!hidden.empty()) look_later();
  }

  void on_routed(const state::Entry& entry) {
    const auto body = nlohmann::json::parse(entry.body, nullptr, false);
    if (!body.is_object() || body.value("fact", false)) return;
    const auto event = body.value("event", std::string());
    model::Labels labels;
    if (const auto it = body.find("labels"); it != body.end()) labels = it->get<model::Labels>();
    if (!grouped(labels)) return;
    if (event == "fired") {
      if (const auto view = router.alert(entry.key)) incidents.consider(alert_of(*view));
    } else if (event == "resolved" || event == "expired") {
      hidden.erase(entry.key);
      model::Alert alert;
      alert.labels = std::move(labels);
      alert.state = model::AlertState::kResolved;
      alert.resolved_at = env.clock.now();
      incidents.consider(alert);
    }
  }

  void on_incident(const state::Entry& entry) {
    const auto incident = parse_json<model::Incident>(entry.body);
    if (!incident || incident->state != model::IncidentState::kAcknowledged ||
        incident->acknowledged_by.empty() || incident->acknowledged_by == kHoldfast)
      return;
    for (const auto& alert : incident->alerts) {
      const auto view = router.alert(alert.fingerprint);
      if (!view || view->acknowledged || view->alert.ends_at <= env.clock.now()) continue;
      router.acknowledge_alert(alert.fingerprint, incident->acknowledged_by,
                               "with incident " + incident->id.value, {});
    }
  }

  void catch_up() {
    for (const auto& view : router.alerts({}))
      if (!view.fact && grouped(view.alert.labels)) incidents.consider(alert_of(view));
  }

  Env& env;
  state::Journal& journal;
  route::Router& router;
  Incidents& incidents;
  std::vector<std::string> group_by;
  std::map<std::string, model::Alert> hidden;  // they fire, and nobody is told of them
  std::string looked_at;         // the last of `hidden` that was looked at
  TimerId timer = TimerId::kNone;
  std::unique_ptr<state::Subscription> routed, changed;
};

AlertBridge::AlertBridge(Env& env, state::Journal& journal, route::Router& router,
                         Incidents& incidents)
    : impl_(std::make_shared<Impl>(env, journal, router, incidents)) {}
AlertBridge::~AlertBridge() {
  if (impl_->timer != TimerId::kNone) impl_->env.executor.cancel(impl_->timer);
}

void AlertBridge::ask() {
  impl_->incidents.ask_before([weak = std::weak_ptr<Impl>(impl_)](const model::Alert& alert) {
    auto self = weak.lock();
    return self && self->hides(alert);
  });
}

void AlertBridge::start(std::vector<std::string> group_by) {
  impl_->group_by = std::move(group_by);
  impl_->routed = impl_->journal.subscribe(
      std::string(route::kRoutedAlertChanged), [weak = std::weak_ptr<Impl>(impl_)](const state::Entry& entry) {
        if (auto self = weak.lock()) self->on_routed(entry);
      });
  impl_->changed = impl_->journal.subscribe(
      std::string(model::kIncidentChanged), [weak = std::weak_ptr<Impl>(impl_)](const state::Entry& entry) {
        if (auto self = weak.lock()) self->on_incident(entry);
      });
  impl_->catch_up();
}

void AlertBridge::configure(std::vector<std::string> group_by) {
  impl_->group_by = std::move(group_by);
}

}  // namespace holdfast::respond
