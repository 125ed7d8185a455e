// What Alertmanager lacks, behind settings: each promise as a story in virtual time.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "model/alert.h"
#include "respond/route_host.h"

namespace holdfast::respond::route {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = send::Outcome::Kind;

TEST(AlwaysResolve, ReachesWhoWasToldThoughSilencedMeanwhile) {
  for (const bool always : {false, true}) {
    auto config = small_config();
    config.receivers[0].always_resolve = always;
    RouteHost host(config);
    ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
    host.run(2s);
    host.silence({is("alertname", "A")}, 0s, 1h);
    ASSERT_TRUE(host.post({resolved(firing("A", "1"), host.now())}).has_value());
    host.run(2min);
    if (always) {
      EXPECT_THAT(host.told_texts(), ElementsAre("team: FIRING 1", "team: RESOLVED 1"));
    } else {
      EXPECT_THAT(host.told_texts(), ElementsAre("team: FIRING 1")) << "as Alertmanager does";
    }
  }
}

// Whatever comes between, within one group_interval after the end everybody told "firing" is told "resolved".
TEST(AlwaysResolve, HoldsOverRandomTraces) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto config = small_config();
    config.receivers[0].always_resolve = true;
    config.inhibit_rules = {{"", {is("id", "0")}, {matcher(model::MatchOp::kNotEqual, "id", "0")}, {"alertname"}}};
    RouteHost host(config, {}, seed);
    SeededRandom random(seed);
    const auto any = [&] { return firing(random.chance(0.5) ? "A" : "B", std::to_string(random.below(4))); };
    for (int step = 0; step < 60; ++step) {
      switch (random.below(5)) {
        case 0:
        case 1:
          ASSERT_TRUE(host.post({any()}).has_value());
          break;
        case 2:
          ASSERT_TRUE(host.post({resolved(any(), host.now())}).has_value());
          break;
        case 3:
          host.silence({is("id", std::to_string(random.below(4)))}, 0s, std::chrono::seconds(1 + random.below(40)));
          break;
        case 4:
          if (random.chance(0.2)) host.crash(std::chrono::seconds(random.below(5)));
          break;
      }
      host.run(std::chrono::milliseconds(random.below(8000)));
    }
    std::vector<PostedAlert> all;
    for (const auto* name : {"A", "B"}) {
      for (int id = 0; id < 4; ++id) all.push_back(resolved(firing(name, std::to_string(id)), host.now()));
    }
    ASSERT_TRUE(host.post(all).has_value());
    host.run(10s + 1s);  // one group_interval, and a second for a group that is new
    std::map<std::string, bool> fires;
    for (const auto& one : host.told) {
      for (const auto& alert : one.notification.alerts) fires[alert.labels.text()] = !alert.resolved();
    }
    for (const auto& [labels, still] : fires) EXPECT_FALSE(still) << labels;
  }
}

TEST(Acknowledge, IsQuietUntilResolvedAndANewAlertBreaksIt) {
  auto config = small_config();
  config.resolve_timeout = 1h;
  RouteHost host(config);
  const std::string key = "{}:{alertname=\"A\"}";
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(2s);
  ASSERT_TRUE(host.wait<void>([&](auto done) { host.router->acknowledge_group(key, "li", "on it", done); }).has_value());
  host.crash();  // an acknowledgement is durable
  host.run(5min);
  EXPECT_EQ(host.told.size(), 1u) << "no repeat";
  EXPECT_TRUE(host.router->alert(fingerprint(firing("A", "1").labels))->acknowledged);
  ASSERT_TRUE(host.post({firing("A", "2")}).has_value());
  host.run(11s);
  EXPECT_EQ(host.told.back().text(), "FIRING 1 2");
  EXPECT_FALSE(host.router->alert(fingerprint(firing("A", "1").labels))->acknowledged);
  ASSERT_TRUE(host.wait<void>([&](auto done) { host.router->acknowledge_group(key, "li", "", done); }).has_value());
  ASSERT_TRUE(host.post({resolved(firing("A", "1"), host.now()), resolved(firing("A", "2"), host.now())}).has_value());
  host.run(11s);
  EXPECT_EQ(host.told.back().text(), "RESOLVED 1 2");
  EXPECT_EQ(host.wait<void>([&](auto done) { host.router->acknowledge_group("{}:{}", "li", "", done); }).error().code(),
            Code::kNotFound);
}

TEST(Fallback, IsToldWithTheReasonAndHearsOfTheEnd) {
  auto config = small_config();
  config.receivers[0].fallback = "desk";
  config.receivers.push_back(webhook_receiver("desk"));
  RouteHost host(config);
  host.answer = [](const send::SendRequest& request) {
    send::Outcome outcome;
    if (request.notification.receiver == "team") {
      outcome.kind = Kind::kFailed;
      outcome.reason = "clientError";
      outcome.detail = "status 404";
    }
    return std::optional(outcome);
  };
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(40s);
  EXPECT_THAT(host.told_texts(), ElementsAre("desk: FIRING 1")) << "once, though team fails at every flush";
  EXPECT_EQ(host.told[0].notification.in_place_of, "team");
  EXPECT_EQ(host.told[0].notification.why, "status 404");
  ASSERT_TRUE(host.post({resolved(firing("A", "1"), host.now())}).has_value());
  host.run(11s);
  EXPECT_EQ(host.told_texts().back(), "desk: RESOLVED 1");
}

TEST(FireDrill, WalksTheRealPipelineAndWantsToBeAcknowledged) {
  auto config = small_config();
  config.receivers.push_back(webhook_receiver("night"));
  RouteHost host(config);
  DrillRequest request;
  request.receiver = "night";
  request.by = "wang";
  const auto drill = host.wait<Drill>([&](auto done) { host.router->start_drill(request, done); });
  ASSERT_TRUE(drill.has_value());
  host.run(1s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0].notification.receiver, "night");
  EXPECT_TRUE(host.told[0].notification.drill);
  EXPECT_EQ(host.router->drills()->front().state, "delivered");
  host.crash();
  const auto acked = host.wait<Drill>([&](auto done) { host.router->acknowledge_drill(drill->id, "li", done); });
  ASSERT_TRUE(acked.has_value()) << acked.error().message();
  EXPECT_EQ(acked->state, "acknowledged");
  host.run(15s);
  EXPECT_EQ(host.told.back().text(), "RESOLVED HoldfastFireDrill");
  const auto late = host.wait<Drill>([&](auto done) { host.router->start_drill(request, done); });
  ASSERT_TRUE(late.has_value());
  host.run(20min);
  EXPECT_EQ(host.router->drills()->front().state, "overdue");
  request.receiver = "nobody";
  EXPECT_FALSE(host.wait<Drill>([&](auto done) { host.router->start_drill(request, done); }).has_value());
}

TEST(Explain, SaysWhoWouldBeToldWhenAndWhyNot) {
  auto config = small_config();
  config.receivers.push_back(webhook_receiver("night"));
  Route night;
  night.receiver = "night";
  night.group_by = {"alertname"};
  night.matchers = {is("severity", "critical")};
  night.mute_time_intervals = {"sunday"};
  night.keep_going = true;
  config.route.routes = {night};
  TimeInterval sunday;
  sunday.weekdays = {{0, 0}};
  config.time_intervals["sunday"] = {sunday};
  RouteHost host(config);
  const model::Labels labels{{"alertname", "A"}, {"severity", "critical"}};
  const auto at = *parse_time("2027-01-17T03:10:00Z");  // a Sunday
  const auto muted = host.router->explain(labels, at);
  ASSERT_EQ(muted.targets.size(), 1u);
  EXPECT_FALSE(muted.targets[0].told);
  EXPECT_EQ(muted.targets[0].why, "muted by time interval sunday");
  EXPECT_EQ(muted.targets[0].next, *parse_time("2027-01-18T00:00:00Z"));
  const auto monday = host.router->explain(labels, at + std::chrono::hours(24));
  EXPECT_TRUE(monday.targets[0].told);
  EXPECT_THAT(monday.targets[0].integrations, ElementsAre("night/webhook/0"));
  EXPECT_EQ(monday.targets[0].why, "first notification");
  host.silence({is("alertname", "A")}, 0s, 24h * 365);
  EXPECT_THAT(host.router->explain(labels, at + std::chrono::hours(24)).targets[0].why, HasSubstr("silenced by"));
  ASSERT_TRUE(host.post({firing("B")}).has_value());
  host.run(2s);
  const auto known = host.router->explain({{"alertname", "B"}}, host.now());
  EXPECT_FALSE(known.targets[0].told);
  EXPECT_THAT(known.targets[0].why, HasSubstr("told already at"));
}

TEST(Preview, ShowsWhatASilenceWouldHideAndWhetherItWouldBeTaken) {
  RouterOptions options;
  options.silence_policy.hidden_alerts_max = 1;
  RouteHost host(small_config(), options);
  ASSERT_TRUE(host.post({firing("A", "1"), firing("A", "2"), firing("B", "1")}).has_value());
  Silence wanted;
  wanted.matchers = {is("alertname", "A")};
  wanted.ends_at = host.now() + std::chrono::hours(1);
  const auto preview = host.router->preview(wanted);
  EXPECT_EQ(preview.hides.size(), 2u);
  EXPECT_THAT(preview.refused, HasSubstr("would hide 2 live alerts"));
  EXPECT_EQ(host.wait<std::string>([&](auto done) { host.router->set_silence(wanted, done); }).error().code(), Code::kForbidden);
  EXPECT_THAT(host.router->silences(), IsEmpty());
}

TEST(Damping, AFlappingAlertIsToldOnceAndOnceWhenItIsCalm) {
  RouterOptions options;
  options.damping.flap_changes = 4;
  options.damping.flap_window = 5min;
  options.damping.flap_calm = 1min;
  RouteHost host(small_config(), options);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
    host.run(6s);
    ASSERT_TRUE(host.post({resolved(firing("A", "1"), host.now())}).has_value());
    host.run(6s);
  }
  const auto told = host.told.size();
  EXPECT_LE(told, 4u);
  ASSERT_EQ(host.router->held().size(), 1u);
  EXPECT_THAT(host.router->held()[0].why, HasSubstr("flapping"));
  EXPECT_GT(host.router->held()[0].count, 10);
  host.run(2min);
  EXPECT_EQ(host.told.back().text(), "RESOLVED 1");
  EXPECT_THAT(host.router->held(), IsEmpty());
}

TEST(Damping, AStormIsOneSummaryAndTheRestComesLater) {
  auto config = small_config();
  config.resolve_timeout = 1h;
  config.route.repeat_interval = 24h;
  RouterOptions options;
  options.damping.storm_groups = 3;
  options.damping.storm_window = 15s;
  RouteHost host(config, options);
  std::vector<PostedAlert> many;
  for (int i = 0; i < 10; ++i) many.push_back(firing("A" + std::to_string(i)));
  ASSERT_TRUE(host.post(many).has_value());
  host.run(3s);
  EXPECT_EQ(host.told.size(), 4u);
  EXPECT_THAT(host.told_texts(), ::testing::Contains("team: FIRING HoldfastNotificationStorm"));
  EXPECT_EQ(host.router->held().size(), 7u);
  host.run(5min);
  std::set<std::string> names;
  for (const auto& one : host.told) names.insert(one.text());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(names.contains("FIRING A" + std::to_string(i))) << i;
  EXPECT_TRUE(names.contains("RESOLVED HoldfastNotificationStorm"));
  EXPECT_THAT(host.router->held(), IsEmpty());
}

TEST(OwnAlerts, AreFactsAndSurviveACrashBetweenRuleAndRouter) {
  RouteHost host(small_config());
  model::Alert alert;
  alert.labels = {{"alertname", "Own"}};
  alert.state = model::AlertState::kFiring;
  alert.fired_at = host.now();
  state::Batch batch;
  batch.entry(model::kAlertChanged, alert.fingerprint(), dump_json(alert));
  host.host.journal->commit(std::move(batch));
  host.host.journal->drain();
  host.crash();  // the router never heard of it
  host.run(2s);
  EXPECT_THAT(host.told_texts(), ElementsAre("team: FIRING Own"));
  host.run(50s);
  EXPECT_EQ(host.told.size(), 1u);
  host.crash();
  host.run(30min);
  EXPECT_EQ(host.router->alerts({}).size(), 1u) << "no timeout ends a fact";
  alert.state = model::AlertState::kResolved;
  alert.resolved_at = host.now();
  ASSERT_TRUE(host.host.commit(std::move(state::Batch().entry(model::kAlertChanged, alert.fingerprint(), dump_json(alert)))).has_value());
  host.run(11s);
  EXPECT_EQ(host.told.back().text(), "RESOLVED Own");
}

}  // namespace
}  // namespace holdfast::respond::route
