#include "simulation/world.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "simulation/scenarios.h"

namespace holdfast::simulation {
namespace {

std::vector<std::string> lines_of(const Scenario& scenario, std::uint64_t seed) {
  World world(seed, scenario.scene);
  scenario.play(world);
  world.finish();
  std::vector<std::string> lines;
  for (const auto& entry : world.history()) {
    lines.push_back(std::to_string(entry.seq) + " " + std::to_string(to_ms(entry.at)) + " " +
                    entry.topic + " " + entry.key + " " + entry.body);
  }
  return lines;
}

class Simulation : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([](LogLevel, std::string_view) {});
  }
  void TearDown() override { set_log_sink({}); }
};

TEST_F(Simulation, GivesTheSameJournalForTheSameSeed) {
  for (const auto& scenario : scenarios()) {
    SCOPED_TRACE(scenario.name);
    const auto once = lines_of(scenario, 7);
    EXPECT_GT(once.size(), 5u);
    EXPECT_EQ(once, lines_of(scenario, 7));
  }
}

TEST_F(Simulation, GivesAnotherJournalForAnotherSeed) {
  EXPECT_NE(lines_of(scenarios()[0], 1), lines_of(scenarios()[0], 2));
}

// The checkers must be able to fail: each is shown a broken promise.
struct Checked {
  Checkers checkers{[] { return Duration{}; }};
  state::Seq seq = 0;
  template <typename Value>
  void tell(std::string_view topic, const std::string& key, const Value& value) {
    state::Entry entry;
    entry.seq = ++seq;
    entry.topic = topic;
    entry.key = key;
    entry.body = dump_json(value);
    checkers.told(entry);
  }
};

model::Incident incident_of(const std::string& id, model::IncidentState state) {
  model::Incident incident;
  incident.id = model::IncidentId(id);
  incident.service = "enhancer";
  incident.state = state;
  return incident;
}

model::Remedy remedy_of(const std::string& id, model::RemedyState state) {
  model::Remedy remedy;
  remedy.id = id;
  remedy.fault_id = "hang_x_1";
  remedy.state = state;
  return remedy;
}

TEST(Checkers, SeeAGapInTheJournal) {
  Checked checked;
  checked.seq = 1;
  checked.tell(model::kIncidentChanged, "INC-1", incident_of("INC-1", model::IncidentState::kOpen));
  EXPECT_EQ(checked.checkers.violations().size(), 1u);
}

TEST(Checkers, SeeTwoActiveIncidentsAndAResolvedOneThatReturns) {
  Checked checked;
  checked.tell(model::kIncidentChanged, "INC-1", incident_of("INC-1", model::IncidentState::kOpen));
  checked.tell(model::kIncidentChanged, "INC-1",
               incident_of("INC-1", model::IncidentState::kResolved));
  EXPECT_TRUE(checked.checkers.violations().empty());
  checked.tell(model::kIncidentChanged, "INC-2", incident_of("INC-2", model::IncidentState::kOpen));
  EXPECT_TRUE(checked.checkers.violations().empty());
  checked.tell(model::kIncidentChanged, "INC-1", incident_of("INC-1", model::IncidentState::kOpen));
  EXPECT_EQ(checked.checkers.violations().size(), 2u);
}

TEST(Checkers, SeeAnActDoneTwiceUnderDifferentKeys) {
  Checked checked;
  checked.tell(model::kRemedyChanged, "a", remedy_of("a", model::RemedyState::kRunning));
  checked.tell(model::kRemedyChanged, "a", remedy_of("a", model::RemedyState::kDone));
  EXPECT_TRUE(checked.checkers.violations().empty());
  checked.tell(model::kRemedyChanged, "b", remedy_of("b", model::RemedyState::kRunning));
  EXPECT_EQ(checked.checkers.violations().size(), 1u);
  checked.tell(model::kRemedyChanged, "a", remedy_of("a", model::RemedyState::kRunning));
  EXPECT_GE(checked.checkers.violations().size(), 2u);
}

TEST(Checkers, SeeAPersonPagedTwiceForOneEvent) {
  Checked checked;
  Page page;
  page.incident = "INC-1";
  page.event = "opened";
  page.key = "INC-1/opened/2/pager";
  checked.checkers.shown(page);
  EXPECT_TRUE(checked.checkers.violations().empty());
  page.key = "INC-1/opened/3/pager";
  checked.checkers.shown(page);
  EXPECT_EQ(checked.checkers.violations().size(), 1u);
}

TEST_F(Simulation, NoticesAnExpectationThatIsNotMet) {
  World world(1);
  world.expect_between(0s, 1s, notified("opened"));
  world.run_until(2s);
  ASSERT_EQ(world.finish().size(), 1u);
  EXPECT_NE(world.finish()[0].find("expected a page 'opened'"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::simulation
