#include "detect/slo/slo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace holdfast::detect::slo {

std::string_view budgeting_name(Budgeting method) {
  switch (method) {
    case Budgeting::kTimeslices:
      return "Timeslices";
    case Budgeting::kRatioTimeslices:
      return "RatioTimeslices";
    case Budgeting::kOccurrences:
      break;
  }
  return "Occurrences";
}

std::string_view limit_text(Limit limit) {
  switch (limit) {
    case Limit::kLess:
      return "<";
    case Limit::kLessEqual:
      return "<=";
    case Limit::kGreater:
      return ">";
    case Limit::kGreaterEqual:
      break;
  }
  return ">=";
}

double tidy(double value) { return std::round(value * 1e12) / 1e12; }

Duration Slo::step() const {
  constexpr Duration kStepMax = 1min;
  return budgeting == Budgeting::kOccurrences ? slice : std::min(slice, kStepMax);
}

double Slo::budget() const { return tidy(1.0 - objective); }

bool is_slo_name(std::string_view name) {
  if (name.empty() || name.size() > 63) return false;
  const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (const char c : name) {
    if (!alphanumeric(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return alphanumeric(name.front()) && alphanumeric(name.back());
}

namespace {

struct UnitName {
  Window::Unit unit;
  std::string_view name;
};
constexpr UnitName kUnitNames[] = {
    {Window::Unit::kMinute, "minute"}, {Window::Unit::kHour, "hour"},
    {Window::Unit::kDay, "day"},       {Window::Unit::kWeek, "week"},
    {Window::Unit::kMonth, "month"},   {Window::Unit::kYear, "year"},
};

// The beginning of the period with this number, counted from the start.
WallTime boundary(const Window& window, std::int64_t number) {
  const auto steps = number * window.count;
  // Minutes and hours are real time; the rest is what the clocks of the zone show.
  if (window.unit == Window::Unit::kMinute)
    return window.zone.instant(window.start) + std::chrono::minutes(steps);
  if (window.unit == Window::Unit::kHour)
    return window.zone.instant(window.start) + std::chrono::hours(steps);
  auto civil = window.start;
  if (window.unit == Window::Unit::kDay || window.unit == Window::Unit::kWeek) {
    const auto days = days_of(civil.year, civil.month, civil.day) +
                      steps * (window.unit == Window::Unit::kWeek ? 7 : 1);
    const auto date = civil_utc(from_ms(days * 86'400'000));
    civil.year = date.year, civil.month = date.month, civil.day = date.day;
    return window.zone.instant(civil);
  }
  const auto months =
      civil.year * 12 + (civil.month - 1) + steps * (window.unit == Window::Unit::kYear ? 12 : 1);
  civil.year = months >= 0 ? months / 12 : (months - 11) / 12;
  civil.month = static_cast<int>(months - civil.year * 12) + 1;
  civil.day =
      std::min(civil.day, days_in_month(civil.year, civil.month));  // the 31st of a short month
  return window.zone.instant(civil);
}

}  // namespace

std::string Window::brief() const {
  if (rolling()) return format_duration(length) + " rolling";
  std::string name;
  for (const auto& unit_name : kUnitNames) {
    if (unit_name.unit == unit) name = unit_name.name;
  }
  return count == 1 ? "each " + name : fmt::format("each {} {}s", count, name);
}

std::string Window::text() const {
  if (rolling()) return brief();
  return fmt::format("{} from {:04}-{:02}-{:02} {:02}:{:02} {}", brief(), start.year, start.month,
                     start.day, start.hour, start.minute, zone.name());
}

Period period_at(const Window& window, WallTime now) {
  if (window.rolling())
    return {now - std::chrono::duration_cast<std::chrono::milliseconds>(window.length), now};
  // The nominal length comes near; the rest is a few steps.
  const auto away = to_ms(now) - to_ms(boundary(window, 0));
  auto number = away / std::max<std::int64_t>(1, to_ms(window.length));
  while (boundary(window, number) > now) --number;
  while (boundary(window, number + 1) <= now) ++number;
  return {boundary(window, number), boundary(window, number + 1)};
}

}  // namespace holdfast::detect::slo
