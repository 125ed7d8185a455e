// Receivers in trouble: one hangs, one answers 500 for an hour, one has a broken template. Nobody else notices, the page goes
// out by the fallback in plain words, and the history says what went wrong.
#include <gmock/gmock.h>

#include "respond/route_host.h"

namespace holdfast::respond::route {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = send::Outcome::Kind;

constexpr Duration kOutage = 1h;

// One route for all; every receiver hears of every alert. "desk" stands in for whoever cannot be reached.
Config trouble_config() {
  auto config = small_config();
  config.resolve_timeout = 24h;
  config.route.repeat_interval = 24h;
  config.receivers.push_back(webhook_receiver("desk"));
  for (const char* name : {"hanging", "down", "broken", "fine"}) {
    config.receivers.push_back(webhook_receiver(name));
    auto route = config.route;
    route.routes.clear();
    route.key.clear();
    route.receiver = name;
    route.matchers = {matcher(model::MatchOp::kNotEqual, "not_for", name)};
    route.keep_going = true;
    config.route.routes.push_back(route);
  }
  return config;
}

struct TroubleHost : RouteHost {
  explicit TroubleHost(bool trouble = true) : RouteHost(trouble_config(), with_desk()) {
    const auto until = now() + std::chrono::duration_cast<std::chrono::milliseconds>(kOutage);
    answer = [this, trouble, until](const send::SendRequest& request) {
      const auto& receiver = request.notification.receiver;
      send::Outcome outcome;
      if (!trouble) return std::optional(outcome);
      if (receiver == "hanging") return std::optional<send::Outcome>();
      if (receiver == "down" && now() < until) {
        outcome.kind = Kind::kRetry;
        outcome.reason = "serverError";
        outcome.detail = "unexpected status code 500";
      }
      // Nor are the desk's own templates any good.
      if ((receiver == "broken" || receiver == "desk") && !request.plain) {
        outcome.kind = Kind::kTemplate;
        outcome.reason = "other";
        outcome.detail = "template: team.tmpl:3: function \"nope\" not defined";
      }
      return std::optional(outcome);
    };
  }
  static RouterOptions with_desk() {
    RouterOptions options;
    options.fallback_receiver = "desk";
    return options;
  }
  std::vector<Told> told_to(const std::string& receiver) const {
    std::vector<Told> found;
    for (const auto& one : told) {
      if (one.notification.receiver == receiver) found.push_back(one);
    }
    return found;
  }
  // When, and what: "1000 FIRING 1", in milliseconds from the beginning.
  std::vector<std::string> times_of(const std::string& receiver) const {
    std::vector<std::string> out;
    for (const auto& one : told_to(receiver))
      out.push_back(std::to_string((one.at - begun).count()) + " " + one.text());
    return out;
  }
  std::vector<std::string> stood_in_for(const std::string& receiver) const {
    std::vector<std::string> out;
    for (const auto& one : told_to("desk")) {
      if (one.notification.in_place_of == receiver) out.push_back(one.text());
    }
    return out;
  }
  // Bodies of the history of one integration that hold `word`.
  std::vector<std::string> history_of(const std::string& receiver, const std::string& word) const {
    HistoryQuery query;
    query.limit = 100'000;
    const auto items = router->history(query);
    std::vector<std::string> out;
    if (!items) return out;
    for (const auto& item : *items) {
      const bool of_it = item.body.find("\"integration\":\"" + receiver + "/") != std::string::npos;
      if (item.topic == kRouteNotified && of_it && item.body.find(word) != std::string::npos)
        out.push_back(item.body);
    }
    return out;
  }
  WallTime begun = now();
};

TEST(RouterTrouble, OfSomeDelaysNoOther) {
  TroubleHost calm(false), host;
  for (auto* one : {&calm, &host}) {
    for (int i = 1; i <= 4; ++i) {
      ASSERT_TRUE(one->post({firing("A", std::to_string(i))}).has_value());
      one->run(12s);
    }
  }
  EXPECT_EQ(calm.times_of("fine").size(), 4u);
  EXPECT_EQ(host.times_of("fine"), calm.times_of("fine"));
  // A broken template costs no time either: the same flush goes out in plain words.
  EXPECT_EQ(host.times_of("broken"), calm.times_of("broken"));
  for (const auto& one : host.told_to("broken")) EXPECT_TRUE(one.plain);
  for (const auto& one : host.told_to("fine")) EXPECT_FALSE(one.plain);
}

TEST(RouterTrouble, TheFallbackIsPagedInPlainWordsWithinOneDeadline) {
  TroubleHost host;
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(1s + 10s + 100ms);  // group_wait, and the deadline of the telling
  EXPECT_THAT(host.stood_in_for("hanging"), ElementsAre("FIRING 1"));
  EXPECT_THAT(host.stood_in_for("down"), ElementsAre("FIRING 1"));
  EXPECT_THAT(host.stood_in_for("broken"), IsEmpty());
  for (const auto& one : host.told_to("desk")) {
    EXPECT_TRUE(one.plain);
    EXPECT_FALSE(one.notification.why.empty());
  }
}

TEST(RouterTrouble, AnHourOfItPagesTheFallbackOnceAndThenEverybodyHearsTheEnd) {
  TroubleHost host;
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(kOutage - 1s);
  EXPECT_THAT(host.stood_in_for("hanging"), ElementsAre("FIRING 1"));
  EXPECT_THAT(host.stood_in_for("down"), ElementsAre("FIRING 1"));
  EXPECT_THAT(host.told_to("down"), IsEmpty());
  host.run(2min);
  ASSERT_EQ(host.told_to("down").size(), 1u) << "it is up again, and is told what it missed";
  EXPECT_EQ(host.told_to("down")[0].text(), "FIRING 1");
  ASSERT_TRUE(host.post({resolved(firing("A", "1"), host.now())}).has_value());
  host.run(1min);
  for (const char* receiver : {"down", "broken", "fine"}) {
    ASSERT_FALSE(host.told_to(receiver).empty()) << receiver;
    EXPECT_EQ(host.told_to(receiver).back().text(), "RESOLVED 1") << receiver;
  }
  EXPECT_THAT(host.stood_in_for("hanging"), ElementsAre("FIRING 1", "RESOLVED 1"));
  EXPECT_THAT(host.stood_in_for("down"), ElementsAre("FIRING 1", "RESOLVED 1"));
}

TEST(RouterTrouble, IsInTheHistory) {
  TroubleHost host;
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(15s);
  const auto hanging = host.history_of("hanging", "\"outcome\":\"failed\"");
  ASSERT_FALSE(hanging.empty());
  EXPECT_THAT(hanging.back(), HasSubstr("contextDeadlineExceeded: no answer before the deadline"));
  const auto down = host.history_of("down", "\"outcome\":\"failed\"");
  ASSERT_FALSE(down.empty());
  EXPECT_THAT(down.back(), HasSubstr("unexpected status code 500"));
  const auto broken = host.history_of("broken", "\"outcome\":\"delivered\"");
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_THAT(broken[0], HasSubstr("function \\\"nope\\\" not defined"));
  EXPECT_EQ(host.history_of("desk", "\"outcome\":\"delivered\"").size(), 2u);
  EXPECT_EQ(host.history_of("desk", "\"in_place_of\":\"hanging\"").size(), 2u)
      << "decided, delivered";
}

// Nobody knows whether a telling that hung has arrived. Told again it has its old key, so whoever got it knows it again.
TEST(RouterTrouble, WhatMayHaveArrivedIsToldAgainUnderItsKey) {
  TroubleHost host;
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(25s);
  host.crash();
  host.run(25s);
  const auto attempts = host.told_to("hanging");
  ASSERT_GE(attempts.size(), 4u);
  for (const auto& one : attempts)
    EXPECT_EQ(one.notification.key(), attempts[0].notification.key());
  ASSERT_TRUE(host.post({firing("A", "2")}).has_value());
  host.run(30s);
  EXPECT_EQ(host.told_to("hanging").back().text(), "FIRING 1 2");
  EXPECT_NE(host.told_to("hanging").back().notification.key(), attempts[0].notification.key());
}

}  // namespace
}  // namespace holdfast::respond::route
