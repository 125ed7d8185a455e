// A simulated Holdfast with drills, over operations the test holds and a service whose admin ports
// write down what they are told.
#pragma once

#include <gmock/gmock.h>

#include "learn/drill/drills.h"
#include "model/incident.h"
#include "net/http.h"
#include "recover/fake_operations.h"
#include "recover/table_reader.h"
#include "state/outbox.h"
#include "state/sim_host.h"

namespace holdfast::learn {

using model::InstanceState;

inline model::Service shop() {
  model::Service service;
  service.name = "shop";
  service.platform.kind = "process";
  service.platform.stable = "1";
  service.platform.replicas = 3;
  service.platform.versions = {{"1", {}, {}, 18100, 18200}, {"2", {}, {}, 18150, 18250}};
  return service;
}

// The admin port of one instance, on the simulated network's host "shop".
struct AdminPort {
  AdminPort(Env env_in, std::uint16_t port, std::vector<std::string>& log)
      : env(env_in), server(env, router) {
    const auto note = [this, port, &log](const net::Request& request, const net::ResponderPtr& to) {
      log.push_back(std::to_string(port) + " " + request.method +
                    (request.body.empty() ? "" : " " + request.body));
      to->send(net::Response::json(status, "{}"));
    };
    router.add("POST", "/fault", note);
    router.add("DELETE", "/fault", note);
    EXPECT_TRUE(server.listen({"", port, ""}).has_value());
  }
  Env env;
  net::Router router;
  int status = 200;
  net::Server server;
};

struct DrillHost : state::SimHost {
  explicit DrillHost(std::uint64_t seed = 1) : SimHost(seed) {
    operations.admin_port = [](const model::Instance& i) {
      return "shop:" + std::to_string((i.version == "1" ? 18200 : 18250) + i.index);
    };
    operations.want("1", "stable", 3);
    for (int i = 0; i < 3; ++i)
      operations.set("shop/1/" + std::to_string(i), InstanceState::kReady);
    operations.on_ask = [this](const act::FakeOperations::Asked& asked) { serve(asked); };
    set_requests(0, 0, 0);
    open_ports();
  }
  ~DrillHost() { stop(); }

  void open_ports() {
    for (const int port : {18200, 18201, 18202, 18203, 18204, 18250}) {
      ports[port] =
          std::make_unique<AdminPort>(Env{clock, random, files, network.host("shop"), executor},
                                      static_cast<std::uint16_t>(port), orders);
    }
  }

  // The world does at once what it is asked, a little later in time.
  void serve(const act::FakeOperations::Asked& asked) {
    if (!acts_work) return;
    if (asked.kind == "start_canary") {
      operations.want(asked.target, "canary", asked.replicas);
      operations.set("shop/" + asked.target + "/0", InstanceState::kReady);
    } else if (asked.kind == "stop_canary") {
      operations.want("", "canary", 0);
      operations.remove("shop/2/0");
    } else if (asked.kind == "scale") {
      operations.want(asked.target, "stable", asked.replicas);
      for (int i = asked.replicas; i < 9; ++i) operations.remove("shop/1/" + std::to_string(i));
    }
    executor.post_after(Lane::kControl, 50ms, [this, key = asked.key] { operations.end(key); });
  }

  void begin() {
    operations.attach(journal.get());
    client = std::make_unique<net::Client>(env);
    drills = std::make_unique<Drills>(env, *journal, operations, *client, engine, options);
    const auto started = drills->start(services);
    ASSERT_TRUE(started.has_value()) << started.error().message();
  }
  void stop() {
    operations.attach(nullptr);
    drills.reset();
    client.reset();
  }
  void crash_and_begin() {
    stop();
    operations.forget_callers();
    ports.clear();
    crash_and_reopen();
    open_ports();
    orders.clear();
    begin();
  }

  Result<model::Drill> run(const std::string& kind, const std::string& service = "") {
    std::optional<Result<model::Drill>> answer;
    drills->run(kind, service, "ann", [&](auto result) { answer = std::move(result); });
    executor.run_until([&] { return answer.has_value(); }, 1min);
    return answer ? *answer : Result<model::Drill>(internal("never answered"));
  }
  Result<model::Drill> abort(const std::string& id) {
    std::optional<Result<model::Drill>> answer;
    drills->abort(id, "bob", [&](auto result) { answer = std::move(result); });
    executor.run_until([&] { return answer.has_value(); }, 1min);
    return answer ? *answer : Result<model::Drill>(internal("never answered"));
  }

  void publish(std::string_view topic, const std::string& key, const std::string& body) {
    state::Batch batch;
    batch.entry(topic, key, body);
    journal->commit(std::move(batch));
    executor.run_ready();
  }
  void incident(model::IncidentState state) {
    const auto now = clock.now();
    if (state == model::IncidentState::kOpen) {
      story = {};
      story.id = model::IncidentId("INC-1");
      story.service = "shop";
      story.opened_at = now;
      story.timeline.push_back({now, "opened", "", "holdfast", {}, 0});
    }
    story.state = state;
    if (state == model::IncidentState::kResolved) {
      story.mitigated_at = now - 1s;
      story.resolved_at = now;
    }
    publish(model::kIncidentChanged, "INC-1", dump_json(story));
  }
  void remedy(model::RemedyState state) {
    if (state == model::RemedyState::kPlanned) {
      cure = {};
      cure.id = "f/1";
      cure.service = "shop";
      cure.planned_at = clock.now();
    }
    cure.state = state;
    if (state == model::RemedyState::kVerified) cure.verified_at = clock.now();
    publish(model::kRemedyChanged, cure.id, dump_json(cure));
  }
  // As respond and recover tell a repair that takes its usual course.
  void heal() {
    executor.run_for(500ms);
    incident(model::IncidentState::kOpen);
    remedy(model::RemedyState::kPlanned);
    executor.run_for(1s);
    remedy(model::RemedyState::kVerified);
    executor.run_for(2s);
    incident(model::IncidentState::kResolved);
  }

  void set_requests(double ok, double error, double lost) {
    reader.set({{"__name__", "load_requests_total"}, {"outcome", "ok"}}, ok);
    reader.set({{"__name__", "load_requests_total"}, {"outcome", "error"}}, error);
    reader.set({{"__name__", "load_requests_total"}, {"outcome", "lost"}}, lost);
  }
  model::Drill last() const { return drills->runs().at(0); }

  std::vector<model::Service> services{shop()};
  DrillOptions options;
  act::FakeOperations operations;
  bool acts_work = true;
  metrics::TableReader reader;
  query::promql::Engine engine{reader, clock};
  std::vector<std::string> orders;  // "18200 POST {...}"
  std::map<int, std::unique_ptr<AdminPort>> ports;
  std::unique_ptr<net::Client> client;
  std::unique_ptr<Drills> drills;
  model::Incident story;
  model::Remedy cure;
};

}  // namespace holdfast::learn
