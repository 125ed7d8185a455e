// A simulated machine with journal, outbox, roster and escalations, and a pager that does as it is told.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "respond/cases.h"
#include "respond/oncall/escalations.h"
#include "state/sim_host.h"

namespace holdfast::respond::oncall {

struct FakePager final : Pager {
  struct Sent {
    std::string kind, target, key, event, subject;
    WallTime at{};
  };
  explicit FakePager(Env& env) : env(env) {}

  void deliver(const model::ContactMethod& method, const PageMessage& message,
               const std::string& key, Done done) override {
    sent.push_back(
        {method.kind, method.target, key, message.event, message.subject, env.clock.now()});
    const auto& what = behaviour[method.target];
    if (what == "hang") return;
    if (what == "refuse") return done(invalid("no such number"));
    if (what == "down") return done(unavailable("status 500"));
    done(std::string("accepted"));
  }
  // Targets told, without the attempts that came to nothing.
  std::vector<std::string> told(const std::string& event = "page") const {
    std::vector<std::string> out;
    for (const auto& s : sent) {
      if (s.event == event) out.push_back(s.target);
    }
    return out;
  }

  Env& env;
  std::map<std::string, std::string> behaviour;  // by target: hang, refuse, down
  std::vector<Sent> sent;
};

inline model::Person make_person(const std::string& id, std::vector<std::string> kinds = {"sms"}) {
  model::Person person;
  person.id = id;
  person.name = id;
  for (const auto& kind : kinds)
    person.methods.push_back({kind, kind, kind + ":" + id, std::nullopt});
  return person;
}

inline Target to_person(const std::string& id) { return {Target::Kind::kPerson, id, ""}; }
inline Target to_schedule(const std::string& name, const std::string& role = "") {
  return {Target::Kind::kSchedule, name, role};
}

inline Step make_step(std::vector<Target> targets, Duration wait = 5min) {
  Step step;
  step.targets = std::move(targets);
  step.wait = wait;
  return step;
}

struct OnCallWorld {
  explicit OnCallWorld(std::uint64_t seed = 1)
      : host(seed), pager(std::make_shared<FakePager>(host.env)) {
    people = {make_person("li"), make_person("wang", {"sms", "email"}), make_person("zhao")};
    EscalationPolicy policy;
    policy.name = "critical";
    policy.steps = {make_step({to_person("li")}), make_step({to_person("wang")})};
    options.policies = {policy};
  }
  ~OnCallWorld() { host.executor.clear(); }

  EscalationPolicy& policy() { return options.policies.front(); }

  void start() {
    outbox = std::make_unique<state::Outbox>(host.env, *host.journal);
    roster = std::make_unique<Roster>(host.env, *host.journal);
    ASSERT_TRUE(roster->start().has_value());
    roster->configure(schedules, people);
    escalations =
        std::make_unique<Escalations>(host.env, *host.journal, *outbox, *roster, pager, options);
    const auto started = escalations->start();
    ASSERT_TRUE(started.has_value()) << started.error().message();
    ASSERT_TRUE(outbox->start().has_value());
    host.executor.run_ready();
  }

  void crash() {
    host.crash();
    escalations.reset();
    roster.reset();
    outbox.reset();
    host.open();
  }
  void crash_and_restart() {
    crash();
    start();
  }

  // As respond/incident writes it.
  void publish(const model::Incident& incident) {
    state::Batch batch;
    batch.document("incident", incident.id.value, dump_json(incident));
    batch.entry(model::kIncidentChanged, incident.id.value, dump_json(incident));
    ASSERT_TRUE(host.commit(std::move(batch)).has_value());
    host.executor.run_for(10ms);
  }
  model::Incident open(const std::string& id = "INC-1", model::Rank rank = model::Rank::kWorst) {
    model::Incident incident;
    incident.id = model::IncidentId(id);
    incident.title = "errors";
    incident.service = "enhancer";
    incident.rank = rank;
    incident.started_at = incident.opened_at = now();
    publish(incident);
    return incident;
  }
  void acknowledge(model::Incident& incident, const std::string& by) {
    incident.state = model::IncidentState::kAcknowledged;
    incident.acknowledged_by = by;
    if (!incident.acknowledged_at) incident.acknowledged_at = now();
    incident.timeline.push_back({now(), "acknowledged", by, by, std::nullopt, 0});
    publish(incident);
  }
  void set_state(model::Incident& incident, model::IncidentState state) {
    incident.state = state;
    if (state == model::IncidentState::kResolved) incident.resolved_at = now();
    publish(incident);
  }

  void run(Duration time) { host.executor.run_for(time); }
  WallTime now() const { return host.clock.now(); }
  // Events of the escalation's entries, in order.
  std::vector<std::string> events() {
    std::vector<std::string> out;
    auto entries =
        host.journal->read({0, std::string(model::kEscalationChanged), "", {}, {}, 100'000, false});
    for (const auto& entry : *entries)
      out.push_back(parse_json<model::EscalationEvent>(entry.body)->event);
    return out;
  }
  bool had(const std::string& event) {
    const auto all = events();
    return std::find(all.begin(), all.end(), event) != all.end();
  }
  model::Page page(const std::string& id) {
    auto view = escalations->find("INC-1");
    if (view) {
      for (const auto& page : view->pages) {
        if (page.id == id) return page;
      }
    }
    ADD_FAILURE() << "no page " << id;
    return {};
  }

  state::SimHost host;
  std::shared_ptr<FakePager> pager;
  std::vector<model::Person> people;
  std::vector<Schedule> schedules;
  EscalationOptions options;
  std::unique_ptr<state::Outbox> outbox;
  std::unique_ptr<Roster> roster;
  std::unique_ptr<Escalations> escalations;
};

}  // namespace holdfast::respond::oncall
