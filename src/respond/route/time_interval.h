// respond/route/time_interval.h: times of day, week, month and year when a route speaks or keeps silent.
//
// Purpose     A TimeInterval holds at an instant when each of its given fields holds; a named list holds when any of it does.
// Units       Minutes of the day, end exclusive, 1440 is 24:00; weekdays 0 is Sunday; days of month 1..31 or -31..-1
//             from the end, clamped to the month; months 1..12; ranges are inclusive at both ends except times.
// Zones       IANA names from the system's zone data, or "Local"; default UTC.
// Errors      parse: kInvalid with Alertmanager's texts.
// Threads     Values.
// Source      ../shared/reference/alerting.md section 2.9.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::respond::route {

struct Range {
  int begin = 0;
  int end = 0;
  bool operator==(const Range&) const = default;
};

struct TimeInterval {
  std::vector<Range> times;
  std::vector<Range> weekdays;
  std::vector<Range> days_of_month;
  std::vector<Range> months;
  std::vector<Range> years;
  std::string location;  // empty: UTC
  bool never = false;    // a field was given as an empty list: nothing is in it

  bool contains(WallTime at) const;
};

Result<Range> parse_time_range(std::string_view start, std::string_view end);  // "09:00", "24:00"
Result<Range> parse_weekday_range(std::string_view text);  // "monday:friday", "saturday"
Result<Range> parse_day_range(std::string_view text);      // "1:5", "-3:-1"
Result<Range> parse_month_range(std::string_view text);    // "january:march", "1:3"
Result<Range> parse_year_range(std::string_view text);     // "2026:2028"

}  // namespace holdfast::respond::route
