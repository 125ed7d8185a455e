#include "respond/incident/working_days.h"

#include <fmt/format.h>

#include "base/zones.h"

namespace holdfast::respond {
namespace {

constexpr int kDaysMax = 366;

std::string date_of(const CivilTime& civil) {
  return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

// Midnight of the day that is `days` after that of `civil`.
CivilTime day_after(const CivilTime& civil, int days) {
  CivilTime day{civil.year, civil.month, civil.day + days};
  return civil_utc(instant_utc(day));  // carries over months and years
}

}  // namespace

bool WorkingCalendar::works_on(std::string_view date) const {
  if (make_up.contains(std::string(date))) return true;
  if (holidays.contains(std::string(date))) return false;
  auto midnight = parse_time(std::string(date) + "T00:00:00Z");
  return midnight && weekdays[static_cast<std::size_t>(weekday(civil_utc(*midnight)))];
}

WallTime WorkingCalendar::end_of_next_working_day(WallTime at) const {
  auto found = find_zone(zone);
  const auto place = found ? *found : Zone();
  const auto today = place.civil(at);
  for (int days = 1; days <= kDaysMax; ++days) {
    auto day = day_after(today, days);
    if (!works_on(date_of(day))) continue;
    day.hour = end_minute / 60;
    day.minute = end_minute % 60;
    return place.instant(day);
  }
  return at + std::chrono::hours(24 * kDaysMax);
}

}  // namespace holdfast::respond
