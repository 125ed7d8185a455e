// respond/incident/working_days.h: which days people work, for promises made in working days.
//
// Purpose     "Next working day" of a service: weekdays, holidays, and days worked although they are no weekday (in China
//             a holiday is often paid for with a Saturday).
// Units       Dates are "YYYY-MM-DD" of the calendar's zone; times of day are minutes since midnight there.
// Zones       IANA names by base/zones.h; a name the system does not know counts as UTC (the configuration refuses it).
// Threads     Values.
// Source      Mission M13-05, W62.
#pragma once

#include <array>
#include <set>
#include <string>

#include "base/time.h"

namespace holdfast::respond {

struct WorkingCalendar {
  std::string zone;                                                             // empty: UTC
  std::array<bool, 7> weekdays = {false, true, true, true, true, true, false};  // 0 is Sunday
  int begin_minute = 9 * 60;
  int end_minute = 18 * 60;
  std::set<std::string> holidays;  // not worked, though a weekday
  std::set<std::string> make_up;   // worked, though none

  bool works_on(std::string_view date) const;
  // The end of work on the first working day after the day of `at`. A calendar without a working day within a year
  // answers a year later.
  WallTime end_of_next_working_day(WallTime at) const;
};

}  // namespace holdfast::respond
