#include "respond/oncall/schedule.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace holdfast::respond::oncall {
namespace {

using Names = std::vector<std::string>;

Layer weekly(const std::string& name, std::vector<Names> users, CivilTime start = {2026, 1, 5, 9}) {
  Layer layer;
  layer.name = name;
  layer.users = std::move(users);
  layer.start = start;
  return layer;
}

Schedule with_layers(std::vector<Layer> layers) {
  Schedule schedule;
  schedule.name = "ops";
  schedule.layers = std::move(layers);
  return schedule;
}

WallTime at(int month, int day, int hour = 0, int minute = 0) {
  return instant_utc({2026, month, day, hour, minute});
}

std::string shown(const std::vector<Shift>& shifts) {
  std::vector<std::string> out;
  for (const auto& s : shifts)
    out.push_back(format_stamp(s.from).substr(4, 9) + "-" + format_stamp(s.to).substr(4, 9) + " " +
                  join(s.users, "+"));
  return join(out, "; ");
}

// IR:46-52: four weeks of pairs; the fifth wraps to the first.
TEST(Schedule, FourWeeksOfPairsWrapAround) {
  auto layer = weekly(
      "pairs",
      {{"zhangsan", "lisi"}, {"lisi", "wangwu"}, {"wangwu", "zhaoliu"}, {"zhaoliu", "zhangsan"}});
  layer.zone = *find_zone("Asia/Shanghai");
  const auto schedule = with_layers({layer});
  const std::pair<WallTime, Names> cases[] = {
      {at(1, 5, 1), {"zhangsan", "lisi"}},  {at(1, 12, 0, 59), {"zhangsan", "lisi"}},
      {at(1, 12, 1), {"lisi", "wangwu"}},   {at(1, 20), {"wangwu", "zhaoliu"}},
      {at(1, 27), {"zhaoliu", "zhangsan"}}, {at(2, 3), {"zhangsan", "lisi"}},
  };
  for (const auto& [when, want] : cases) {
    const auto shift = shift_at(schedule, {}, when);
    ASSERT_TRUE(shift.has_value());
    EXPECT_EQ(shift->users, want) << format_time(when);
  }
  EXPECT_FALSE(shift_at(schedule, {}, at(1, 5)).has_value());  // before the first handover
}

TEST(Schedule, HigherLevelsAndOverridesCutLowerOnes) {
  auto low = weekly("low", {{"li"}});
  auto high = weekly("high", {{"wang"}}, {2026, 1, 6, 0});
  high.level = 1;
  high.until = CivilTime{2026, 1, 8, 0};
  Changes changes;
  changes.overrides.push_back(
      {"o1", "ops", at(1, 7, 12), at(1, 8, 12), {"zhao"}, "", "li", "", {}});
  changes.overrides.push_back({"o2", "other", at(1, 5), at(2, 1), {"zhao"}, "", "li", "", {}});
  EXPECT_EQ(shown(resolve(with_layers({low, high}), changes, at(1, 5), at(1, 9))),
            "0105T0900-0106T0000 li; 0106T0000-0107T1200 wang; 0107T1200-0108T1200 zhao; "
            "0108T1200-0109T0000 li");
}

TEST(Schedule, LayersOfOneLevelAreOnCallTogether) {
  EXPECT_EQ(shown(resolve(with_layers({weekly("a", {{"li"}}), weekly("b", {{"wang"}, {"li"}})}), {},
                          at(1, 11), at(1, 14))),
            "0111T0000-0112T0900 li+wang; 0112T0900-0114T0000 li");
}

TEST(Schedule, WindowsRestrictALayerAlsoOverMidnight) {
  auto day = weekly("day", {{"li"}}, {2026, 1, 1, 0});
  day.windows = {{{1, 2, 3, 4, 5}, 9 * 60, 18 * 60, Window::Holidays::kNever}};
  auto night = weekly("night", {{"wang"}}, {2026, 1, 1, 0});
  night.windows = {{{5}, 22 * 60, 6 * 60, Window::Holidays::kAsUsual}};
  auto schedule = with_layers({day, night});
  schedule.holidays = {days_of(2026, 1, 8)};
  const auto shifts = resolve(schedule, {}, at(1, 8), at(1, 11));
  EXPECT_EQ(shown(shifts), "0109T0900-0109T1800 li; 0109T2200-0110T0600 wang");
  EXPECT_EQ(gaps(shifts, at(1, 8), at(1, 11)).size(), 3U);
  EXPECT_EQ(gaps(shifts, at(1, 8), at(1, 11))[1], (Gap{at(1, 9, 18), at(1, 9, 22)}));
}

TEST(Schedule, TheAbsentAreLeftOutAndTheNextStandIn) {
  auto schedule = with_layers({weekly("w", {{"li", "wang"}, {"zhao"}, {"qian"}})});
  schedule.absences = {{"li", at(1, 6), at(1, 8), "leave"},
                       {"wang", at(1, 7), at(1, 8), "ill"},
                       {"zhao", at(1, 7), at(1, 8), ""}};
  const auto shifts = resolve(schedule, {}, at(1, 5, 9), at(1, 9));
  EXPECT_EQ(shown(shifts),
            "0105T0900-0106T0000 li+wang; 0106T0000-0107T0000 wang; 0107T0000-0108T0000 qian; "
            "0108T0000-0109T0000 li+wang");
  EXPECT_EQ(shifts[2].instead_of, (Names{"li", "wang"}));
}

TEST(Schedule, ASwapReplacesOnlyWhenTaken) {
  const auto schedule = with_layers({weekly("w", {{"li"}, {"wang"}})});
  Changes changes;
  changes.swaps.push_back({"s1", "ops", at(1, 6), at(1, 7), "li", "", "li", "", {}});
  EXPECT_EQ(shown(resolve(schedule, changes, at(1, 6), at(1, 8))), "0106T0000-0108T0000 li");
  changes.swaps[0].taker = "wang";
  EXPECT_EQ(shown(resolve(schedule, changes, at(1, 6), at(1, 8))),
            "0106T0000-0107T0000 wang; 0107T0000-0108T0000 li");
}

TEST(Schedule, AnOverrideOfOnePlaceLeavesTheOther) {
  auto schedule = with_layers({weekly("w", {{"li", "wang"}})});
  schedule.roles = {"primary", "secondary"};
  Changes changes;
  changes.overrides.push_back({"o1", "ops", at(1, 6), at(1, 7), {"zhao"}, "primary", "li", "", {}});
  EXPECT_EQ(shown(resolve(schedule, changes, at(1, 6), at(1, 8))),
            "0106T0000-0107T0000 zhao+wang; 0107T0000-0108T0000 li+wang");
}

TEST(Schedule, MonthlyTurnsBeginOnTheLastDayOfShortMonths) {
  auto layer = weekly("m", {{"li"}, {"wang"}}, {2026, 1, 31, 8});
  layer.turn = Layer::Turn::kMonthly;
  EXPECT_EQ(shown(resolve(with_layers({layer}), {}, at(2, 1), at(5, 1))),
            "0201T0000-0228T0800 li; 0228T0800-0331T0800 wang; 0331T0800-0430T0800 li; "
            "0430T0800-0501T0000 wang");
}

TEST(Schedule, RuleTurnsCountFromTheStartWhateverIsLookedAt) {
  auto layer = weekly("r", {{"li"}, {"wang"}}, {2026, 1, 5, 20});
  layer.turn = Layer::Turn::kRule;
  layer.rule = *parse_recurrence("FREQ=WEEKLY;BYDAY=MO,FR");
  layer.length = 12h;
  const auto all = resolve(with_layers({layer}), {}, at(1, 5), at(2, 1));
  ASSERT_EQ(all.size(), 8U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].users, (Names{i % 2 == 0 ? "li" : "wang"}));
    EXPECT_EQ(resolve(with_layers({layer}), {}, all[i].from, all[i].to),
              (std::vector<Shift>{all[i]}));
  }
}

TEST(Schedule, QualityIsTheMeanOfCoverAndBalance) {
  const auto even = quality(with_layers({weekly("w", {{"li"}, {"wang"}})}), {}, at(1, 5, 9));
  EXPECT_EQ(even.score, 100);
  auto half = weekly("w", {{"li"}, {"li"}, {"wang"}});
  half.windows = {{{}, 0, 720, Window::Holidays::kAsUsual}};
  const auto uneven = quality(with_layers({half}), {}, at(1, 5, 0));
  EXPECT_EQ(uneven.covered, 50);
  EXPECT_EQ(uneven.balance, 49);
  EXPECT_EQ(uneven.score, 50);
  ASSERT_EQ(uneven.overloaded.size(), 1U);
  EXPECT_EQ(uneven.overloaded[0], (std::pair<std::string, int>{"li", 34}));
}

}  // namespace
}  // namespace holdfast::respond::oncall
