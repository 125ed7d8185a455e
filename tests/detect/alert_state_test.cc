// The pure step: pending, firing, kept firing, resolved, forgotten, and back from a restart.
#include "detect/rules/alert_state.h"

#include <gtest/gtest.h>

namespace holdfast::detect {
namespace {

using model::AlertState;

WallTime at(Duration since) { return from_ms(1'000'000 + to_ms(since)); }

SeenAlert seen(const std::string& name, double value = 1) {
  SeenAlert one;
  one.labels = {{"alertname", name}};
  one.annotations = {{"summary", "value " + std::to_string(static_cast<int>(value))}};
  one.value = value;
  one.evidence.value = std::to_string(static_cast<int>(value));
  return one;
}

std::string told(const std::vector<model::Alert>& alerts) {
  std::string text;
  for (const auto& alert : alerts) {
    text += (text.empty() ? "" : " ") + std::string(alert.name()) + ":" + std::string(model::alert_state_name(alert.state));
  }
  return text;
}

// One alert "a" over time: each step is seconds, whether it is seen, and what is told then.
struct Moment {
  int seconds;
  bool seen;
  const char* told;
};
struct Case {
  const char* name;
  AlertPolicy policy;
  std::vector<Moment> moments;
};

TEST(AlertState, StepsAsPrometheusDoes) {
  const Case cases[] = {
      {"without for it fires at once", {}, {{0, true, "a:firing"}, {1, true, ""}, {2, false, "a:resolved"}, {3, false, ""}}},
      {"for holds it pending", {10s, {}}, {{0, true, "a:pending"}, {9, true, ""}, {10, true, "a:firing"}, {11, true, ""}}},
      {"a gap begins anew", {10s, {}}, {{0, true, "a:pending"}, {5, false, "a:resolved"}, {6, true, "a:pending"}, {15, true, ""}, {16, true, "a:firing"}}},
      {"kept firing for a while", {{}, 10s}, {{0, true, "a:firing"}, {1, false, ""}, {10, false, ""}, {11, false, "a:resolved"}}},
      {"seen again while kept", {{}, 10s}, {{0, true, "a:firing"}, {1, false, ""}, {5, true, ""}, {6, false, ""}, {15, false, ""}, {16, false, "a:resolved"}}},
      {"pending is not kept", {10s, 10s}, {{0, true, "a:pending"}, {1, false, "a:resolved"}}},
      {"resolved and back", {}, {{0, true, "a:firing"}, {1, false, "a:resolved"}, {2, true, "a:firing"}}},
      {"back after for", {3s, {}}, {{0, true, "a:pending"}, {3, true, "a:firing"}, {4, false, "a:resolved"}, {5, true, "a:pending"}, {8, true, "a:firing"}}},
      {"a clock set back delays, no more", {10s, {}}, {{100, true, "a:pending"}, {50, true, ""}, {110, true, "a:firing"}}},
  };
  for (const auto& c : cases) {
    AlertStates states;
    for (const auto& moment : c.moments) {
      std::vector<SeenAlert> now;
      if (moment.seen) now.push_back(seen("a"));
      auto step = step_alerts(std::move(states), std::move(now), c.policy, at(std::chrono::seconds(moment.seconds)));
      EXPECT_EQ(told(step.changed), moment.told) << c.name << " at " << moment.seconds;
      states = std::move(step.next);
    }
  }
}

TEST(AlertState, TimesTellTheStory) {
  const AlertPolicy policy{10s, {}};
  auto states = step_alerts({}, {seen("a")}, policy, at(0s)).next;
  states = step_alerts(states, {seen("a", 2)}, policy, at(10s)).next;
  const auto& firing = states.begin()->second.alert;
  EXPECT_EQ(firing.active_at, at(0s));
  EXPECT_EQ(firing.fired_at, at(10s));
  EXPECT_FALSE(firing.resolved_at);
  EXPECT_EQ(firing.value, 2);
  EXPECT_EQ(firing.annotations.get("summary"), "value 2");
  states = step_alerts(states, {}, policy, at(20s)).next;
  EXPECT_EQ(states.begin()->second.alert.resolved_at, at(20s));
  EXPECT_EQ(states.begin()->second.alert.value, 2);
  states = step_alerts(states, {seen("a")}, policy, at(30s)).next;
  EXPECT_EQ(states.begin()->second.alert.active_at, at(30s));
  EXPECT_FALSE(states.begin()->second.alert.fired_at);
  EXPECT_FALSE(states.begin()->second.alert.resolved_at);
}

TEST(AlertState, AResolvedAlertIsForgottenAfterFifteenMinutes) {
  auto states = step_alerts({}, {seen("a")}, {}, at(0s)).next;
  states = step_alerts(states, {}, {}, at(1s)).next;
  auto kept = step_alerts(states, {}, {}, at(15min + 1s));
  EXPECT_EQ(kept.next.size(), 1U);
  EXPECT_TRUE(kept.forgotten.empty());
  auto gone = step_alerts(states, {}, {}, at(15min + 2s));
  EXPECT_TRUE(gone.next.empty());
  EXPECT_EQ(gone.forgotten.size(), 1U);
  EXPECT_TRUE(gone.changed.empty());
}

TEST(AlertState, APendingAlertThatGoesIsToldWithoutFiredAtAndForgotten) {
  auto states = step_alerts({}, {seen("a")}, {1min, {}}, at(0s)).next;
  const auto step = step_alerts(states, {}, {1min, {}}, at(1s));
  EXPECT_TRUE(step.next.empty());
  ASSERT_EQ(step.changed.size(), 1U);
  EXPECT_FALSE(step.changed[0].fired_at);
  EXPECT_EQ(step.forgotten.size(), 1U);
}

TEST(AlertState, WhatIsSeenIsCountedAndToldInOrder) {
  const auto step = step_alerts({}, {seen("c"), seen("a"), seen("b")}, {}, at(0s));
  EXPECT_EQ(step.active_count, 3U);
  EXPECT_EQ(told(step.changed), "a:firing b:firing c:firing");
  const auto next = step_alerts(step.next, {seen("b")}, {}, at(1s));
  EXPECT_EQ(next.active_count, 1U);
  EXPECT_EQ(told(next.changed), "a:resolved c:resolved");
}

TEST(AlertState, ARestoredAlertIsNotBelievedToBeGoneTooEarly) {
  auto states = step_alerts({}, {seen("a")}, {}, at(0s)).next;
  states.begin()->second.gone_not_before = at(60s);
  auto early = step_alerts(states, {}, {}, at(59s));
  EXPECT_EQ(told(early.changed), "");
  EXPECT_EQ(early.active_count, 1U);
  EXPECT_EQ(told(step_alerts(early.next, {}, {}, at(60s)).changed), "a:resolved");
  // Seen once, it may go at any time.
  auto again = step_alerts(states, {seen("a")}, {}, at(10s));
  EXPECT_EQ(told(step_alerts(again.next, {}, {}, at(11s)).changed), "a:resolved");
}

TEST(AlertState, ARestoredPendingAlertKeepsItsStart) {
  auto states = step_alerts({}, {seen("a")}, {60s, {}}, at(0s)).next;
  states.begin()->second.gone_not_before = at(90s);
  EXPECT_EQ(told(step_alerts(states, {seen("a")}, {60s, {}}, at(61s)).changed), "a:firing");
}

TEST(AlertState, ARuleThatIsGoneResolvesWhatIsActive) {
  auto states = step_alerts({}, {seen("fires"), seen("over")}, {}, at(0s)).next;
  states = step_alerts(states, {seen("fires")}, {}, at(1s)).next;
  auto waits = step_alerts({}, {seen("waits")}, {1min, {}}, at(1s)).next;
  states.insert(waits.begin(), waits.end());
  const auto step = resolve_all(states, at(2s));
  EXPECT_EQ(told(step.changed), "fires:resolved waits:resolved");
  EXPECT_EQ(step.next.size(), 2U);
  EXPECT_EQ(step.forgotten.size(), 1U);
}

}  // namespace
}  // namespace holdfast::detect
