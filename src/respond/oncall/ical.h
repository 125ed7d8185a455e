// respond/oncall/ical.h: calendars come in and go out: iCalendar, the events part of it.
//
// Purpose     A schedule can be kept in a calendar program and read from it; a schedule, and each person's own
//             shifts, can be subscribed to by one.
// Reads       Folded lines, parameters, VEVENT with DTSTART (date, local, TZID, UTC), DTEND or DURATION, RRULE,
//             RDATE, EXDATE, RECURRENCE-ID (replaces one occurrence), STATUS:CANCELLED; other components are passed
//             over.
// Zones       TZID is an IANA name, one behind a vendor's path, the X-LIC-LOCATION of its VTIMEZONE, or one of
//             Windows' common names; VTIMEZONE's own rules are not read. X-WR-TIMEZONE is the zone of floating times,
//             else the caller's.
// Writes      CRLF, lines folded at 75 bytes, times in UTC; UIDs stay equal as long as the shift is the same, so a
//             calendar program moves an event instead of showing it twice.
// Errors      kInvalid names the line.
// Limits      kCalendarSizeMax bytes, kEventsMax events, a nesting of 8.
// Threads     Pure.
// Source      RFC 5545.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "respond/oncall/schedule.h"

namespace holdfast::respond::oncall {

inline constexpr std::size_t kCalendarSizeMax = 8 * 1024 * 1024;
inline constexpr std::size_t kEventsMax = 20'000;

struct CalendarEvent {
  std::string uid;
  std::string summary, description, location;
  std::vector<std::string> attendees;  // mail addresses
  RecurringSet when;
  Duration length{};
  bool all_day = false;
  bool cancelled = false;
  std::optional<WallTime> replaces;  // RECURRENCE-ID
};

struct Calendar {
  std::string name;  // X-WR-CALNAME
  std::vector<CalendarEvent>
      events;  // replacements are applied: their occurrence is excepted from the series
};

Result<Calendar> parse_calendar(std::string_view text, const Zone& floating);

// Whom a name or mail address of a calendar means: the person's id, or empty.
using WhoIs = std::function<std::string(std::string_view)>;
// Events as shifts: people are the attendees, else what the summary lists (by comma or line), with "[L2]" before it
// for the level, as Grafana OnCall reads it. Names nobody knows come back in `unknown`.
std::vector<CalendarShift> shifts_of(const Calendar& calendar, const WhoIs& who,
                                     std::vector<std::string>& unknown);

// What a calendar program is given. `title_of` makes a shift's title.
using TitleOf = std::function<std::string(const Shift&)>;
std::string write_calendar(const std::string& name, const std::vector<Shift>& shifts,
                           const TitleOf& title_of, WallTime now);

}  // namespace holdfast::respond::oncall
