// What survives: alerts over a crash, a reload of the rules, a full disk.
#include <gtest/gtest.h>

#include "rule_world.h"

namespace holdfast::detect {
namespace {

const model::Labels kErrors = {{"__name__", "errors"}, {"service", "shop"}};
constexpr const char* kFires = R"(
groups:
- name: g
  interval: 1s
  rules:
  - alert: Errors
    expr: errors > 5
)";
constexpr const char* kHolds = R"(
groups:
- name: g
  interval: 1s
  rules:
  - alert: Errors
    expr: errors > 5
    for: 10s
)";

TEST(RuleManagerRestart, AFiringAlertGoesOnFiringOverACrash) {
  RuleWorld world;
  world.start(kFires);
  world.keep(kErrors, 9, 3s);
  ASSERT_EQ(world.story(), "Errors:firing");
  const auto fired_at = world.told[0].fired_at;
  world.crash(5s);
  world.start(kFires);
  EXPECT_EQ(world.manager->alerts().size(), 1U);
  world.keep(kErrors, 9, 5s);
  EXPECT_EQ(world.story(), "Errors:firing");
  ASSERT_EQ(world.manager->alerts().size(), 1U);
  EXPECT_EQ(world.manager->alerts()[0].fired_at, fired_at);
  world.keep(kErrors, 1, 3s);
  EXPECT_EQ(world.story(), "Errors:firing Errors:resolved");
}

TEST(RuleManagerRestart, APendingAlertKeepsItsTime) {
  RuleWorld world;
  world.start(kHolds);
  world.keep(kErrors, 9, 6s);
  ASSERT_EQ(world.story(), "Errors:pending");
  const auto active_at = world.told[0].active_at;
  world.crash();
  world.start(kHolds);
  world.keep(kErrors, 9, 6s);
  ASSERT_EQ(world.story(), "Errors:pending Errors:firing");
  EXPECT_EQ(world.told[1].active_at, active_at);
  EXPECT_EQ(*world.told[1].fired_at - active_at, 10s);
}

TEST(RuleManagerRestart, SilenceAfterARestartIsNoRecovery) {
  const std::string rules = R"(
groups:
- name: g
  interval: 1s
  rules:
  - alert: Errors
    expr: rate(errors_total[5s]) > 0.5
)";
  RuleWorld world;
  const model::Labels series = {{"__name__", "errors_total"}};
  world.start(rules);
  for (int i = 0; i < 10; ++i) {
    world.put(series, i);
    world.executor.run_for(1s);
  }
  ASSERT_EQ(world.story(), "Errors:firing");
  world.crash(30s);
  world.start(rules);
  for (int i = 40; i < 50; ++i) {
    world.put(series, i);
    world.executor.run_for(1s);
  }
  EXPECT_EQ(world.story(), "Errors:firing");
  // Without data it does end, when the window would have been full.
  world.crash(30s);
  world.start(rules);
  world.executor.run_for(20s);
  EXPECT_EQ(world.story(), "Errors:firing Errors:resolved");
}

TEST(RuleManagerRestart, ARuleThatIsGoneAfterARestartResolvesItsAlerts) {
  RuleWorld world;
  world.start(kFires);
  world.keep(kErrors, 9, 3s);
  world.crash();
  world.start("groups: []");
  world.executor.run_for(1s);
  EXPECT_EQ(world.story(), "Errors:firing Errors:resolved");
  EXPECT_EQ(world.documents().size(), 1U);
  world.executor.run_for(17min);
  EXPECT_EQ(world.documents().size(), 0U);
  EXPECT_TRUE(world.manager->alerts().empty());
}

TEST(RuleManagerRestart, AnAlertFollowsItsRuleToAnotherGroup) {
  RuleWorld world;
  world.start(kFires);
  world.keep(kErrors, 9, 3s);
  world.crash();
  std::string moved = kFires;
  moved.replace(moved.find("name: g"), 7, "name: h");
  world.start(moved);
  world.keep(kErrors, 9, 3s);
  EXPECT_EQ(world.story(), "Errors:firing");
}

TEST(RuleManagerReload, UnchangedRulesKeepTheirState) {
  RuleWorld world;
  world.start(kHolds);
  world.keep(kErrors, 9, 6s);
  // The same group unchanged, and one beside it.
  world.manager->set_groups(world.read(std::string(kHolds) + "- name: other\n  rules: [{record: x, expr: 1}]\n"));
  world.keep(kErrors, 9, 2s);
  // Now the group itself changes; the rule in it does not.
  world.manager->set_groups(world.read(std::string(kHolds) + "  - record: y\n    expr: 1\n"));
  world.keep(kErrors, 9, 6s);
  ASSERT_EQ(world.story(), "Errors:pending Errors:firing");
  EXPECT_EQ(*world.told[1].fired_at - world.told[1].active_at, 10s);
}

TEST(RuleManagerReload, ARemovedRuleResolvesItsAlertsAndEndsItsSeries) {
  RuleWorld world;
  world.start(kFires);
  world.keep(kErrors, 9, 3s);
  ASSERT_EQ(world.value("ALERTS"), 1);
  world.manager->set_groups({});
  world.executor.run_for(1s);
  EXPECT_EQ(world.story(), "Errors:firing Errors:resolved");
  EXPECT_EQ(world.value("ALERTS"), std::nullopt);
  ASSERT_EQ(world.manager->alerts().size(), 1U);
  EXPECT_EQ(world.manager->alerts()[0].state, model::AlertState::kResolved);
  EXPECT_TRUE(world.manager->status().empty());
}

TEST(RuleManagerReload, ALostPlaceIsFoundAgain) {
  RuleWorld world;
  world.start(kFires);
  world.keep(kErrors, 9, 3s);
  world.manager->set_groups({});
  world.executor.run_for(1s);
  world.manager->set_groups(world.read(kFires));
  world.keep(kErrors, 9, 2s);
  EXPECT_EQ(world.story(), "Errors:firing Errors:resolved Errors:firing");
  world.executor.run_for(17min);  // what is left of the first life is swept without touching the second
  world.keep(kErrors, 9, 2s);
  EXPECT_EQ(world.documents().size(), 1U);
}

TEST(RuleManagerFailures, AChangeTheJournalRefusesIsToldWhenItCan) {
  RuleWorld world;
  world.start(kFires);
  world.put(kErrors, 9);
  world.files.set_full(true);
  world.executor.run_for(5s);
  EXPECT_EQ(world.story(), "");
  ASSERT_EQ(world.manager->alerts().size(), 1U) << "a full disk hides no alert";
  EXPECT_EQ(world.manager->alerts()[0].state, model::AlertState::kFiring);
  world.files.set_full(false);
  world.executor.run_for(5s);
  EXPECT_EQ(world.story(), "Errors:firing");
}

TEST(RuleManagerFailures, ManySeedsOfCrashesLoseNoAlertAndTellNoneTwice) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RuleWorld world(seed);
    world.start(kFires);
    world.keep(kErrors, 9, std::chrono::seconds(1 + seed % 4));
    for (int i = 0; i < 3; ++i) {
      world.crash(std::chrono::milliseconds(world.random.next() % 3000));
      world.start(kFires);
      world.keep(kErrors, 9, 2s);
    }
    EXPECT_EQ(world.story(), "Errors:firing") << "seed " << seed;
  }
}

}  // namespace
}  // namespace holdfast::detect
