// respond/oncall/recurrence.h: what happens again and again: RFC 5545's RRULE, in a zone, with exceptions.
//
// Purpose     Rotations, imported calendars and recurring silences ask for the occurrences of a rule between two
//             instants.
// Zones       DAILY and slower recur on the clock of the zone: 09:00 stays 09:00 over both changes of the clocks; a
//             time that never happens is taken as if the clocks had not jumped yet, one that happens twice is its
//             first (RFC 5545, 3.3.5). HOURLY and faster count elapsed time, so "every 8 hours" is 8 hours also in
//             the night of the change.
// Rules       FREQ, INTERVAL, COUNT, UNTIL, BYSECOND, BYMINUTE, BYHOUR, BYDAY with ordinals, BYMONTHDAY, BYYEARDAY,
//             BYWEEKNO, BYMONTH, BYSETPOS, WKST. Dates that do not exist (the 31st of April) do not occur. COUNT
//             counts occurrences that an exception takes away, and the start only when the rule gives it (as Google,
//             unlike iCloud).
// Errors      kInvalid names the part and what is allowed.
// Limits      A rule text of 1,000 characters; a search looks at kPeriodsMax periods, then the rule has ended:
//             FREQ=YEARLY; BYMONTH=2;BYMONTHDAY=30 never occurs. Years up to 9999.
// Threads     Pure; values.
// Source      RFC 5545 sections 3.3.10 and 3.8.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/zones.h"

namespace holdfast::respond::oncall {

inline constexpr std::size_t kPeriodsMax = 500'000;

enum class Frequency { kSecondly, kMinutely, kHourly, kDaily, kWeekly, kMonthly, kYearly };

struct ByDay {
  int ordinal = 0;  // 0: every; 2: the second; -1: the last of month or year
  int weekday = 0;  // 0 is Sunday
  bool operator==(const ByDay&) const = default;
};

struct Recurrence {
  Frequency frequency = Frequency::kDaily;
  int interval = 1;
  std::optional<std::int64_t> count;
  // The last moment that may occur, included: an instant when the text ends in Z, else on the clock of the zone; a
  // date includes its whole day.
  std::optional<WallTime> until;
  std::optional<CivilTime> until_civil;
  std::vector<int> seconds, minutes, hours;  // sorted
  std::vector<ByDay> days;
  std::vector<int> month_days, year_days, weeks, months;
  std::vector<int> positions;  // BYSETPOS
  int week_start = 1;          // Monday

  bool operator==(const Recurrence&) const = default;
};

// "FREQ=WEEKLY;BYDAY=MO,WE", with or without "RRULE:" before it.
Result<Recurrence> parse_recurrence(std::string_view text);
std::string format_recurrence(const Recurrence& rule);  // reads back as the same rule

// "20261121T093000", "20261121", "20261121T093000Z". `is_utc` and `is_date` tell which.
struct StampText {
  CivilTime civil;
  bool is_utc = false;
  bool is_date = false;
};
Result<StampText> parse_stamp(std::string_view text);
std::string format_stamp(const CivilTime& civil);  // 20261121T093000
std::string format_stamp(WallTime at);             // 20261121T083000Z

// A rule with its first moment. Without a rule it happens once, and on the added moments.
struct RecurringSet {
  CivilTime start;
  Zone zone;
  std::vector<Recurrence> rules;
  std::vector<WallTime> added;            // RDATE
  std::vector<WallTime> exceptions;       // EXDATE: exact instants
  std::vector<CivilTime> exception_days;  // EXDATE;VALUE=DATE: everything that begins on these days
};

// Occurrences that begin at `from` or later and before `to`, in order, at most `limit`.
std::vector<WallTime> occurrences(const RecurringSet& set, WallTime from, WallTime to,
                                  std::size_t limit = 100'000);
// The next ones at or after `from`.
std::vector<WallTime> next_occurrences(const RecurringSet& set, WallTime from, std::size_t count);
// The last at or before `at`, looking back at most `reach`. For "does it hold now": a window that began within its
// length.
std::optional<WallTime> last_occurrence(const RecurringSet& set, WallTime at, Duration reach);

}  // namespace holdfast::respond::oncall
