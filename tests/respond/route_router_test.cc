#include <gmock/gmock.h>

#include "respond/route_host.h"

namespace holdfast::respond::route {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = send::Outcome::Kind;

TEST(RouterClock, FirstAfterGroupWaitThenEveryGroupInterval) {
  RouteHost host(small_config());
  const auto begun = host.now();
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(999ms);
  EXPECT_THAT(host.told, IsEmpty());
  host.run(2ms);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0].at - begun, 1s);
  EXPECT_EQ(host.told[0].notification.reason, "first notification");
  EXPECT_EQ(host.told[0].notification.group_key, "{}:{alertname=\"A\"}");
  EXPECT_EQ(host.told[0].notification.deadline - host.told[0].notification.at, 10s);
  ASSERT_TRUE(host.post({firing("A", "2")}).has_value());
  host.run(30s);
  ASSERT_EQ(host.told.size(), 2u);
  EXPECT_EQ(host.told[1].at - begun, 11s);
  EXPECT_EQ(host.told[1].notification.reason, "new alerts added");
  EXPECT_EQ(host.told[1].text(), "FIRING 1 2");
}

TEST(RouterClock, AnAlertThatBeganLongAgoDoesNotWaitAgain) {
  RouteHost host(small_config());
  auto alert = firing("A");
  alert.starts_at = host.now() - std::chrono::minutes(1);
  ASSERT_TRUE(host.post({alert}).has_value());
  host.run(1ms);
  EXPECT_EQ(host.told.size(), 1u);
}

TEST(RouterClock, RepeatsAfterRepeatIntervalAtATick) {
  auto config = small_config();
  config.resolve_timeout = 1h;
  RouteHost host(config);
  const auto begun = host.now();
  ASSERT_TRUE(host.post({firing("A")}).has_value());
  host.run(3min);
  ASSERT_EQ(host.told.size(), 3u);
  // At 61 s the last telling is exactly one minute old, not older.
  EXPECT_EQ(host.told[1].at - begun, 71s);
  EXPECT_EQ(host.told[1].notification.reason, "repeat interval elapsed");
}

TEST(RouterResolve, IsToldOnceAndTheGroupEnds) {
  RouteHost host(small_config());
  ASSERT_TRUE(host.post({firing("A", "1"), firing("A", "2")}).has_value());
  host.run(2s);
  ASSERT_TRUE(host.post({resolved(firing("A", "1"), host.now())}).has_value());
  host.run(10s);
  ASSERT_TRUE(host.post({resolved(firing("A", "2"), host.now())}).has_value());
  host.run(3min);
  EXPECT_THAT(host.told_texts(),
              ElementsAre("team: FIRING 1 2", "team: FIRING 2 RESOLVED 1", "team: RESOLVED 2"));
  EXPECT_EQ(host.told[1].notification.reason, "some alerts resolved");
  EXPECT_EQ(host.told[2].notification.reason, "all alerts resolved");
  EXPECT_EQ(host.router->stats().groups, 0u);
}

TEST(RouterResolve, WithinGroupWaitNothingIsSent) {
  RouteHost host(small_config());
  ASSERT_TRUE(host.post({firing("A")}).has_value());
  ASSERT_TRUE(host.post({resolved(firing("A"), host.now())}).has_value());
  host.run(5min);
  EXPECT_THAT(host.told, IsEmpty());
}

TEST(RouterResolve, ByTimeoutWhenNobodyRefreshesAndTheHistoryTellsIt) {
  auto config = small_config();
  config.resolve_timeout = 20s;
  RouteHost host(config);
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(15s);
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(15s);
  EXPECT_EQ(host.told.size(), 1u);
  host.run(30s);
  EXPECT_THAT(host.told_texts(), ElementsAre("team: FIRING 1", "team: RESOLVED 1"));
  HistoryQuery query;
  query.fingerprint = fingerprint(firing("A", "1").labels);
  const auto history = host.router->history(query);
  ASSERT_TRUE(history.has_value());
  ASSERT_EQ(history->size(), 2u);
  EXPECT_NE((*history)[0].body.find("\"event\":\"expired\""), std::string::npos);
  EXPECT_NE((*history)[1].body.find("\"event\":\"fired\""), std::string::npos);
}

TEST(RouterResolve, WithoutSendResolvedTheNextFiringIsNews) {
  auto config = small_config();
  config.receivers[0].integrations[0].send_resolved = false;
  RouteHost host(config);
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(2s);
  ASSERT_TRUE(host.post({resolved(firing("A", "1"), host.now())}).has_value());
  host.run(12s);
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(12s);
  EXPECT_THAT(host.told_texts(), ElementsAre("team: FIRING 1", "team: FIRING 1"));
  EXPECT_EQ(host.told[1].notification.reason, "first notification");
}

TEST(RouterSilence, HidesAndWhenItEndsTheAlertIsTold) {
  RouteHost host(small_config());
  const auto id = host.silence({is("alertname", "A")}, 0s, 30s);
  ASSERT_TRUE(host.post({firing("A")}).has_value());
  const auto alert = host.router->alert(fingerprint(firing("A").labels));
  ASSERT_TRUE(alert.has_value());
  EXPECT_THAT(alert->silenced_by, ElementsAre(id));
  EXPECT_EQ(alert->state, RoutedState::kSuppressed);
  host.run(29s);
  EXPECT_THAT(host.told, IsEmpty());
  host.run(10s);
  EXPECT_THAT(host.told_texts(), ElementsAre("team: FIRING A"));
  EXPECT_GT(host.router->stats().suppressed["silence"], 0u);
}

TEST(RouterInhibition, ASourceHidesItsTargetsAlsoWhenItIsSilencedItself) {
  auto config = small_config();
  config.inhibit_rules = {
      {"", {is("severity", "critical")}, {is("severity", "warning")}, {"cluster"}}};
  RouteHost host(config);
  const auto critical =
      firing(model::Labels{{"alertname", "Down"}, {"severity", "critical"}, {"cluster", "a"}});
  const auto warning =
      firing(model::Labels{{"alertname", "Slow"}, {"severity", "warning"}, {"cluster", "a"}});
  const auto elsewhere =
      firing(model::Labels{{"alertname", "Slow"}, {"severity", "warning"}, {"cluster", "b"}});
  host.silence({is("severity", "critical")}, 0s, 1h);
  ASSERT_TRUE(host.post({critical, warning, elsewhere}).has_value());
  host.run(2s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0].notification.alerts.size(), 1u);
  EXPECT_EQ(host.told[0].notification.alerts[0].labels.get("cluster"), "b");
  const auto view = host.router->alert(fingerprint(warning.labels));
  EXPECT_THAT(view->inhibited_by, ElementsAre(fingerprint(critical.labels)));
}

TEST(RouterRestart, TellsNothingAgainAndForgetsNothing) {
  RouteHost host(small_config());
  ASSERT_TRUE(host.post({firing("A", "1"), firing("B", "2")}).has_value());
  host.run(2s);
  EXPECT_EQ(host.told.size(), 2u);
  host.crash(10min);  // longer than resolve_timeout: nobody could refresh
  host.run(1s);
  EXPECT_EQ(host.router->alerts({}).size(), 2u);
  host.run(60s);
  // Only the repeats that fell due.
  for (std::size_t i = 2; i < host.told.size(); ++i)
    EXPECT_EQ(host.told[i].notification.reason, "repeat interval elapsed");
  EXPECT_LE(host.told.size(), 6u);
  ASSERT_TRUE(host.post({resolved(firing("A", "1"), host.now())}).has_value());
  host.run(11s);
  EXPECT_THAT(host.told_texts(), ::testing::Contains("team: RESOLVED 1"));
}

TEST(RouterRestart, APageUnderWayIsRepeatedUnderItsKey) {
  RouteHost host(small_config());
  host.answer = [](const send::SendRequest&) { return std::optional<send::Outcome>(); };
  ASSERT_TRUE(host.post({firing("A")}).has_value());
  host.run(2s);
  ASSERT_EQ(host.told.size(), 1u);
  host.answer = nullptr;
  host.crash(1min);
  host.run(1s);
  ASSERT_EQ(host.told.size(), 2u);
  EXPECT_EQ(host.told[0].notification.key(), host.told[1].notification.key());
  host.run(30s);
  EXPECT_EQ(host.told.size(), 2u);
}

TEST(RouterRetry, GoesOnUntilTheDeadlineAndTheNextFlushTriesAnew) {
  RouteHost host(small_config());
  int attempts = 0;
  host.answer = [&](const send::SendRequest&) {
    ++attempts;
    send::Outcome outcome;
    outcome.kind =
        host.now() < from_ms(1'800'000'000'000 + 25'000) ? Kind::kRetry : Kind::kDelivered;
    outcome.reason = "serverError";
    return std::optional(outcome);
  };
  ASSERT_TRUE(host.post({firing("A")}).has_value());
  host.run(11s);
  EXPECT_GT(attempts, 4);
  host.run(30s);
  EXPECT_THAT(host.told_texts(), ElementsAre("team: FIRING A"));
  EXPECT_EQ(host.router->stats().integrations["webhook"].failed["contextDeadlineExceeded"], 2u);
}

TEST(RouterRetry, ADeadReceiverDelaysNoOther) {
  auto config = small_config();
  config.receivers[0] = webhook_receiver("team", 2);
  RouteHost host(config);
  host.answer = [](const send::SendRequest& request) {
    return request.integration->index == 0 ? std::nullopt : std::optional(send::Outcome{});
  };
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(2s);
  ASSERT_TRUE(host.post({firing("A", "2")}).has_value());
  host.run(10s);
  std::vector<std::string> second;
  for (const auto& one : host.told) {
    if (one.notification.index == 1) second.push_back(one.text());
  }
  EXPECT_THAT(second, ElementsAre("FIRING 1", "FIRING 1 2"));
}

TEST(RouterTemplate, ABrokenOneIsReplacedByPlainWordsInTheSameFlush) {
  RouteHost host(small_config());
  host.answer = [](const send::SendRequest& request) {
    send::Outcome outcome;
    outcome.kind = request.plain ? Kind::kDelivered : Kind::kTemplate;
    outcome.detail = "template: x: no such function";
    return std::optional(outcome);
  };
  ASSERT_TRUE(host.post({firing("A")}).has_value());
  host.run(2s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_TRUE(host.told[0].plain);
  HistoryQuery query;
  query.group_key = "{}:{alertname=\"A\"}";
  const auto history = host.router->history(query);
  ASSERT_TRUE(history.has_value());
  EXPECT_NE(history->front().body.find("no such function"), std::string::npos);
}

TEST(RouterReload, TellsNothingAgain) {
  RouteHost host(small_config());
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(2s);
  host.router->configure(small_config());
  host.run(30s);
  EXPECT_EQ(host.told.size(), 1u);
  auto moved = small_config();
  moved.receivers.push_back(webhook_receiver("other"));
  moved.route.receiver = "other";
  host.router->configure(moved);
  host.run(30s);
  EXPECT_THAT(host.told_texts(), ElementsAre("team: FIRING 1", "other: FIRING 1"));
}

}  // namespace
}  // namespace holdfast::respond::route
