#include "act/traffic/share.h"

#include <gtest/gtest.h>

#include <numeric>

namespace holdfast::act {
namespace {

using model::Instance;
using model::InstanceState;

Instance instance(const std::string& version, int index, InstanceState state) {
  Instance i;
  i.id = "s/" + version + "/" + std::to_string(index);
  i.service = "s";
  i.version = version;
  i.index = index;
  i.address = "127.0.0.1:" + std::to_string((version == "1" ? 1000 : 2000) + index);
  i.state = state;
  return i;
}

std::string text_of(const std::vector<WantedServer>& servers) {
  std::string out;
  for (const auto& s : servers) {
    out += s.name + "=" + s.address + " w" + std::to_string(s.weight) + (s.drain ? " drain" : "") +
           "\n";
  }
  return out;
}

TEST(ShareWeights, MeetEveryPercentageForEveryPairOfSizes) {
  for (std::size_t stable = 1; stable <= 8; ++stable) {
    for (std::size_t canary = 1; canary <= 8; ++canary) {
      for (double percent = 0.5; percent < 100; percent += 0.5) {
        const auto weights = share_weights(stable, canary, percent);
        ASSERT_EQ(weights.stable.size(), stable);
        ASSERT_EQ(weights.canary.size(), canary);
        for (const int w : weights.stable) ASSERT_TRUE(w >= 0 && w <= kWeightMax);
        for (const int w : weights.canary) ASSERT_TRUE(w >= 0 && w <= kWeightMax);
        const double s = std::accumulate(weights.stable.begin(), weights.stable.end(), 0);
        const double c = std::accumulate(weights.canary.begin(), weights.canary.end(), 0);
        ASSERT_NEAR(c / (s + c) * 100, percent, kShareErrorMax)
            << stable << " to " << canary << " at " << percent;
      }
    }
  }
}

TEST(ShareWeights, GiveAllToOneGroupAtTheEnds) {
  EXPECT_EQ(share_weights(2, 1, 0).stable, (std::vector<int>{100, 100}));
  EXPECT_EQ(share_weights(2, 1, 0).canary, (std::vector<int>{0}));
  EXPECT_EQ(share_weights(2, 1, 100).stable, (std::vector<int>{0, 0}));
  EXPECT_EQ(share_weights(2, 1, 100).canary, (std::vector<int>{100}));
  EXPECT_EQ(share_weights(0, 1, 20).canary, (std::vector<int>{100}));
  EXPECT_EQ(share_weights(0, 1, 0).canary, (std::vector<int>{0}));
  EXPECT_EQ(share_weights(3, 0, 20).stable, (std::vector<int>{100, 100, 100}));
}

TEST(PlanServers, KeepsOnlyReadyInstancesInRotation) {
  struct Case {
    const char* name;
    std::vector<Instance> instances;
    SharePlan plan;
    std::string want;
  };
  using enum InstanceState;
  const SharePlan only_stable{"1", "", 0, {}};
  const Case cases[] = {
      {"all ready",
       {instance("1", 0, kReady), instance("1", 1, kReady)},
       only_stable,
       "stable1=127.0.0.1:1000 w100\nstable2=127.0.0.1:1001 w100\n"},
      {"one exited",
       {instance("1", 0, kExited), instance("1", 1, kReady)},
       only_stable,
       "stable2=127.0.0.1:1001 w100\n"},
      {"one failed",
       {instance("1", 0, kFailed), instance("1", 1, kReady)},
       only_stable,
       "stable2=127.0.0.1:1001 w100\n"},
      {"one starting",
       {instance("1", 0, kStarting), instance("1", 1, kReady)},
       only_stable,
       "stable2=127.0.0.1:1001 w100\n"},
      {"one hung",
       {instance("1", 0, kUnready), instance("1", 1, kReady)},
       only_stable,
       "stable1=127.0.0.1:1000 w0 drain\nstable2=127.0.0.1:1001 w100\n"},
      {"one stopping",
       {instance("1", 0, kReady), instance("1", 1, kStopping)},
       only_stable,
       "stable1=127.0.0.1:1000 w100\nstable2=127.0.0.1:1001 w0 drain\n"},
      {"one draining",
       {instance("1", 0, kReady), instance("1", 1, kReady)},
       {"1", "", 0, {"s/1/0"}},
       "stable1=127.0.0.1:1000 w0 drain\nstable2=127.0.0.1:1001 w100\n"},
      {"a canary at 20 %",
       {instance("1", 0, kReady), instance("2", 0, kReady)},
       {"1", "2", 20, {}},
       "canary1=127.0.0.1:2000 w64\nstable1=127.0.0.1:1000 w256\n"},
      {"a canary not ready",
       {instance("1", 0, kReady), instance("2", 0, kStarting)},
       {"1", "2", 20, {}},
       "stable1=127.0.0.1:1000 w100\n"},
      {"an old version",
       {instance("1", 0, kReady), instance("0", 0, kReady)},
       only_stable,
       "stable1=127.0.0.1:1000 w100\n"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(text_of(plan_servers(c.plan, c.instances)), c.want) << c.name;
}

TEST(EffectivePercent, CountsServersThatAreUp) {
  const auto server = [](const char* group, const char* status, int weight) {
    ServerView v;
    v.group = group;
    v.status = status;
    v.weight = weight;
    return v;
  };
  const auto percent =
      effective_percent({server("stable", "up", 150), server("stable", "down", 100),
                         server("canary", "no_check", 50), server("canary", "drain", 80)});
  EXPECT_DOUBLE_EQ(percent.at("stable"), 75);
  EXPECT_DOUBLE_EQ(percent.at("canary"), 25);
  EXPECT_TRUE(effective_percent({server("stable", "maint", 100)}).empty());
}

TEST(MatchesPlan, SeesEachKindOfDifference) {
  const auto view = [](const char* name, const char* address, const char* status, int weight) {
    ServerView v;
    v.name = name;
    v.address = address;
    v.status = status;
    v.weight = weight;
    return v;
  };
  const std::vector<WantedServer> wanted{{"stable1", "h:1", 100, false}};
  EXPECT_TRUE(matches_plan(
      wanted, {view("stable1", "h:1", "up", 100), view("stable2", "h:9", "maint", 1)}));
  EXPECT_TRUE(matches_plan(wanted, {view("stable1", "h:1", "down", 100)}));
  EXPECT_FALSE(matches_plan(wanted, {view("stable1", "h:1", "maint", 100)}));
  EXPECT_FALSE(matches_plan(wanted, {view("stable1", "h:2", "up", 100)}));
  EXPECT_FALSE(matches_plan(wanted, {view("stable1", "h:1", "up", 99)}));
  EXPECT_FALSE(matches_plan(wanted, {view("stable1", "h:1", "drain", 100)}));
  EXPECT_FALSE(
      matches_plan(wanted, {view("stable1", "h:1", "up", 100), view("stable2", "h:9", "up", 1)}));
  EXPECT_FALSE(matches_plan(wanted, {}));
}

}  // namespace
}  // namespace holdfast::act
