// Between the router's alerts and incidents: what is hidden opens none, what others posted does.
#include "respond/incident/alert_bridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "respond/respond_host.h"
#include "respond/route_host.h"

namespace holdfast::respond {
namespace {

using model::Incident;
using testing::SizeIs;

struct BridgeHost {
  BridgeHost() : routes(route::small_config()) { start(); }
  ~BridgeHost() { routes.host.executor.clear(); }

  void start() {
    client = std::make_unique<net::Client>(routes.host.env);
    notifier = std::make_unique<Notifier>(routes.host.env, *client, *routes.outbox, NotifierOptions{});
    incidents = std::make_unique<Incidents>(routes.host.env, *routes.host.journal, *routes.outbox,
                                            *notifier, IncidentOptions{});
    bridge = std::make_unique<AlertBridge>(routes.host.env, *routes.host.journal, *routes.router, *incidents);
    bridge->ask();
    ASSERT_TRUE(incidents->start({}).has_value());
    bridge->start({"service"});
  }
  void stop() {
    bridge.reset();
    incidents.reset();
    notifier.reset();
    client.reset();
  }

  void post(model::Labels labels, bool over = false) {
    route::PostedAlert alert;
    alert.labels = std::move(labels);
    alert.starts_at = routes.now() - std::chrono::seconds(1);
    alert.ends_at = over ? routes.now() : routes.now() + std::chrono::hours(3);
    ASSERT_TRUE(routes.post({alert}).has_value());
    routes.run(100ms);
  }
  void publish(model::AlertState state) {
    model::Alert alert;
    alert.labels = own;
    alert.state = state;
    alert.fired_at = routes.now();
    if (state == model::AlertState::kResolved) alert.resolved_at = routes.now();
    state::Batch batch;
    batch.document("alert", alert.fingerprint(), dump_json(alert));
    batch.entry(model::kAlertChanged, alert.fingerprint(), dump_json(alert));
    ASSERT_TRUE(routes.host.commit(std::move(batch)).has_value());
    routes.run(100ms);
  }
  std::vector<Incident> open() const {
    std::vector<Incident> found;
    for (const auto& incident : incidents->active())
      if (incident.state != model::IncidentState::kResolved) found.push_back(incident);
    return found;
  }

  const model::Labels own{{"alertname", "Own"}, {"service", "shop"}, {"severity", "critical"}};
  route::RouteHost routes;
  std::unique_ptr<net::Client> client;
  std::unique_ptr<Notifier> notifier;
  std::unique_ptr<Incidents> incidents;
  std::unique_ptr<AlertBridge> bridge;
};

const model::Labels kPosted{{"alertname", "Theirs"}, {"service", "bank"}, {"severity", "critical"}};

TEST(AlertBridge, WhatOthersPostOpensAnIncidentAndEndsIt) {
  BridgeHost host;
  host.post(kPosted);
  ASSERT_THAT(host.open(), SizeIs(1));
  EXPECT_EQ(host.open()[0].service, "bank");
  host.post(kPosted, true);
  host.routes.run(10s);
  EXPECT_THAT(host.open(), SizeIs(0));
}

TEST(AlertBridge, WithoutTheLabelsOfItsGroupAPostedAlertOpensNone) {
  BridgeHost host;
  host.post({{"alertname", "Theirs"}, {"severity", "critical"}});
  EXPECT_THAT(host.open(), SizeIs(0));
}

TEST(AlertBridge, WhatIsSilencedOpensNoneUntilTheSilenceEnds) {
  BridgeHost host;
  host.routes.silence({route::is("service", "shop")}, 0s, 1h);
  host.routes.silence({route::is("service", "bank")}, 0s, 30min);
  host.publish(model::AlertState::kFiring);
  host.post(kPosted);
  host.routes.run(2min);
  EXPECT_THAT(host.open(), SizeIs(0));
  host.publish(model::AlertState::kResolved);
  host.post(kPosted);  // said again: it fires still
  host.routes.run(29min);
  ASSERT_THAT(host.open(), SizeIs(1)) << "what was resolved under its silence stays unseen";
  EXPECT_EQ(host.open()[0].service, "bank");
}

TEST(AlertBridge, AfterACrashASilenceStillHides) {
  BridgeHost host;
  host.routes.silence({route::is("service", "shop")}, 0s, 1h);
  host.publish(model::AlertState::kFiring);
  host.post(kPosted);
  ASSERT_THAT(host.open(), SizeIs(1));
  host.stop();
  host.routes.crash();
  host.start();
  host.routes.run(5s);
  ASSERT_THAT(host.open(), SizeIs(1)) << "the posted one as before, the silenced one not";
  EXPECT_EQ(host.open()[0].alerts.size(), 1U);
  host.routes.run(1h);
  EXPECT_THAT(host.open(), testing::Contains(testing::Field(&Incident::service, "shop")));
}

TEST(AlertBridge, WhoAcknowledgesTheIncidentAcknowledgesItsAlerts) {
  BridgeHost host;
  host.post(kPosted);
  ASSERT_THAT(host.open(), SizeIs(1));
  host.routes.run(5s);
  const auto told = host.routes.told.size();
  EXPECT_GT(told, 0U);
  host.incidents->acknowledge(host.open()[0].id, "zhangsan", {});
  host.routes.run(1s);
  const auto shown = host.routes.router->alerts({});
  ASSERT_THAT(shown, SizeIs(1));
  EXPECT_TRUE(shown[0].acknowledged);
  host.routes.run(4min);
  EXPECT_EQ(host.routes.told.size(), told) << "repeat_interval is a minute";
}

TEST(AlertBridge, ACrowdIsSaidOnce) {
  BridgeHost host;
  for (std::size_t i = 0; i < kIncidentAlertsMax + 3; ++i)
    host.post({{"alertname", "Crowd"}, {"n", std::to_string(i)}, {"service", "bank"}});
  ASSERT_THAT(host.open(), SizeIs(1));
  const auto incident = host.open()[0];
  EXPECT_EQ(incident.alerts.size(), kIncidentAlertsMax);
  EXPECT_EQ(std::count_if(incident.timeline.begin(), incident.timeline.end(),
                          [](const auto& line) { return line.kind == "more_alerts"; }),
            1);
}

}  // namespace
}  // namespace holdfast::respond
