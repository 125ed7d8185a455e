// When time intervals hold: times, days from either end of a month, zones and changes of the clocks.
#include "respond/route/time_interval.h"

#include <gtest/gtest.h>

#include "respond/route/config.h"

namespace holdfast::respond::route {
namespace {

WallTime at(const char* text) { return *parse_time(text); }

// The interval written as in alertmanager.yml.
TimeInterval interval(const std::string& spec) {
  const auto config = parse(
      "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{name: t, time_intervals: [" +
          spec + "]}]\n",
      {});
  EXPECT_TRUE(config) << config.error().message();
  return config ? config->time_intervals.at("t").at(0) : TimeInterval();
}

TEST(TimeInterval, HoldsWhenEachOfItsFieldsHolds) {
  struct Case {
    const char* spec;
    const char* at;
    bool want;
  };
  const Case cases[] = {
      {"{}", "2026-07-01T12:00:00Z", true},
      {"{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}",
       "2020-07-08T16:59:59Z", true},
      {"{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}",
       "2020-07-08T17:00:00Z", false},
      {"{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}",
       "2020-07-11T12:00:00Z", false},
      {"{times: [{start_time: '22:00', end_time: '24:00'}]}", "2020-07-08T23:59:59Z", true},
      {"{times: [{start_time: '22:00', end_time: '24:00'}]}", "2020-07-09T00:00:00Z", false},
      {"{weekdays: [Sunday]}", "2020-07-12T00:00:00Z", true},
      {"{days_of_month: ['-1']}", "2020-02-29T12:00:00Z", true},
      {"{days_of_month: ['-1']}", "2021-02-28T12:00:00Z", true},
      {"{days_of_month: ['-1']}", "2021-03-28T12:00:00Z", false},
      {"{days_of_month: ['-7:-1']}", "2021-04-24T12:00:00Z", true},
      {"{days_of_month: ['-7:-1']}", "2021-04-23T12:00:00Z", false},
      {"{days_of_month: ['25:31']}", "2021-02-28T12:00:00Z", true},
      {"{days_of_month: ['30:31']}", "2021-02-28T12:00:00Z",
       false},  // begins behind the month's end
      {"{days_of_month: ['1:-1']}", "2021-02-28T12:00:00Z", true},
      {"{months: ['january:march', '6']}", "2021-06-01T00:00:00Z", true},
      {"{months: ['january:march', '6']}", "2021-05-31T23:59:00Z", false},
      {"{years: ['2020:2023', '2030']}", "2030-01-01T00:00:00Z", true},
      {"{years: ['2020:2023', '2030']}", "2024-01-01T00:00:00Z", false},
      {"{times: []}", "2020-07-08T12:00:00Z", false},  // none of no times holds
      {"{times: }", "2020-07-08T12:00:00Z", true},
  };
  for (const auto& c : cases)
    EXPECT_EQ(interval(c.spec).contains(at(c.at)), c.want) << c.spec << " " << c.at;
}

TEST(TimeInterval, IsReadOnTheClockOfItsPlace) {
  const auto berlin =
      interval("{location: Europe/Berlin, times: [{start_time: '02:30', end_time: '03:30'}]}");
  EXPECT_TRUE(berlin.contains(at("2026-01-10T01:45:00Z")));   // winter: 02:45 there
  EXPECT_FALSE(berlin.contains(at("2026-07-10T01:45:00Z")));  // summer: 03:45 there
  EXPECT_TRUE(berlin.contains(at("2026-07-10T00:45:00Z")));
  EXPECT_TRUE(berlin.contains(at("2026-03-29T01:00:00Z")));  // clocks jump from 02:00 to 03:00
  EXPECT_FALSE(berlin.contains(at("2026-03-29T00:59:59Z")));
  EXPECT_TRUE(berlin.contains(at("2026-10-25T00:30:00Z")));  // 02:30, the first time
  EXPECT_TRUE(berlin.contains(at("2026-10-25T01:30:00Z")));  // 02:30, the second
  const auto shanghai = interval("{location: Asia/Shanghai, weekdays: [monday]}");
  EXPECT_TRUE(shanghai.contains(at("2026-11-22T16:00:00Z")));
  EXPECT_FALSE(shanghai.contains(at("2026-11-22T15:59:59Z")));
}

TEST(TimeInterval, RangesAreParsedAlone) {
  EXPECT_EQ(*parse_time_range("09:00", "24:00"), (Range{540, 1440}));
  EXPECT_EQ(*parse_weekday_range("Monday:FRIDAY"), (Range{1, 5}));
  EXPECT_EQ(*parse_day_range("-5:-1"), (Range{-5, -1}));
  EXPECT_EQ(*parse_day_range("7"), (Range{7, 7}));
  EXPECT_EQ(*parse_month_range("january:3"), (Range{1, 3}));
  EXPECT_EQ(*parse_year_range("2020:2022"), (Range{2020, 2022}));
  EXPECT_FALSE(parse_time_range("", "10:00"));
  EXPECT_FALSE(parse_year_range("999999999999999999999"));
}

}  // namespace
}  // namespace holdfast::respond::route
