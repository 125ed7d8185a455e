#include "recover/verify.h"

#include <gtest/gtest.h>

namespace holdfast::recover {
namespace {

namespace promql = query::promql;

TEST(Watch, GoodMustStayGood) {
  Watch watch;
  const MonoTime t{};
  watch.watched_since = t;
  watch.look(Signal::kGood, "ready", false, t);
  EXPECT_EQ(verify(watch, 10s, t + 999ms), Verification::kWatching);
  watch.look(Signal::kBad, "exited", false, t + 999ms);
  watch.look(Signal::kGood, "ready", false, t + 1s);
  EXPECT_EQ(verify(watch, 10s, t + 1999ms), Verification::kWatching);
  EXPECT_EQ(verify(watch, 10s, t + 2s), Verification::kHelped);
}

TEST(Watch, WhatIsGoodAtTheDeadlineGetsItsSecond) {
  Watch watch;
  const MonoTime t{};
  watch.watched_since = t;
  watch.look(Signal::kBad, "exited", false, t);
  EXPECT_EQ(verify(watch, 10s, t + 9999ms), Verification::kWatching);
  EXPECT_EQ(verify(watch, 10s, t + 10s), Verification::kNotHelped);
  watch.look(Signal::kGood, "ready", false, t + 9900ms);
  EXPECT_EQ(verify(watch, 10s, t + 10s), Verification::kWatching);
  EXPECT_EQ(verify(watch, 10s, t + 10900ms), Verification::kHelped);
}

TEST(Watch, NeedsTheQuietOfItsQuery) {
  Watch watch;
  const MonoTime t{};
  watch.look(Signal::kGood, "resolved", true, t);
  EXPECT_FALSE(watch.good_since.has_value());
  watch.quiet = true;
  watch.look(Signal::kGood, "resolved", true, t + 1s);
  EXPECT_EQ(watch.good_since, t + 1s);
}

TEST(Watch, WhatIsGoneIsWellAtOnce) {
  Watch watch;
  watch.look(Signal::kGone, "not there", false, MonoTime{});
  EXPECT_TRUE(watch.is_well(MonoTime{}));
}

TEST(InstanceSignal, GoneOnlyWhenItIsWantedNoMore) {
  SeenInstance ready;
  ready.instance.id = "shop/1/0";
  ready.instance.state = model::InstanceState::kReady;
  auto bad = ready;
  bad.instance.id = "shop/1/1";
  bad.instance.state = model::InstanceState::kUnready;
  const std::vector<SeenInstance> all{ready, bad};
  const std::vector<act::WantedVersion> wanted{{"1", "stable", 3}};
  EXPECT_EQ(instance_signal("shop/1/0", all, wanted), Signal::kGood);
  EXPECT_EQ(instance_signal("shop/1/1", all, wanted), Signal::kBad);
  EXPECT_EQ(instance_signal("shop/1/2", all, wanted), Signal::kBad);
  EXPECT_EQ(instance_signal("shop/1/3", all, wanted), Signal::kGone);
}

TEST(IsQuiet, NothingOrZeros) {
  const auto vector = [](std::vector<double> values) {
    promql::QueryResult result;
    promql::Vector vector;
    for (const double value : values) vector.series.push_back({{}, {{0, value, {}}}});
    result.value = vector;
    return result;
  };
  promql::QueryResult scalar, text;
  scalar.value = promql::Scalar{0, 0};
  text.value = promql::String{0, "fine"};
  EXPECT_TRUE(*is_quiet(vector({})));
  EXPECT_TRUE(*is_quiet(vector({0, 0})));
  EXPECT_FALSE(*is_quiet(vector({0, 0.1})));
  EXPECT_FALSE(*is_quiet(vector({std::numeric_limits<double>::quiet_NaN()})));
  EXPECT_TRUE(*is_quiet(scalar));
  EXPECT_EQ(is_quiet(text).error().code(), Code::kInvalid);
}

}  // namespace
}  // namespace holdfast::recover
