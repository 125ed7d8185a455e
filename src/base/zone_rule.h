// base/zone_rule.h: the rule by which a zone changes its clocks every year: POSIX' TZ text.
//
// Purpose     Answers which offset holds beyond the last change a zone file lists: "CET-1CEST,M3.5.0,M10.5.0/3".
// Units       Seconds since 1970-01-01 UTC; offsets are seconds east of UTC (the text counts them west).
// Errors      parse_zone_rule: kInvalid.
// Threads     A rule is a value.
// Source      POSIX.1-2017 section 8.3; RFC 8536 section 3.3 (hours of -167 to 167, changes at any time of the year).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// As ZoneSpan, in seconds; the smallest and the largest number mean for ever.
struct ZoneStretch {
  int offset_seconds = 0;
  std::string abbreviation;
  bool daylight = false;
  std::int64_t begin = std::numeric_limits<std::int64_t>::min();
  std::int64_t end = std::numeric_limits<std::int64_t>::max();
};

struct ZoneRule {
  // A day of the year and a time of that day, on the clock as it was before the change.
  struct Change {
    enum class Kind { kMonthWeekDay, kDayWithoutLeap, kDayWithLeap };
    Kind kind = Kind::kMonthWeekDay;
    int month = 1, week = 1, weekday = 0;  // week 5 is the last
    int day = 0;  // of the year: 1..365 without 29 February, or 0..365 with it
    int time_seconds = 2 * 3600;
  };
  struct Daylight {
    std::string abbreviation;
    int offset_seconds = 0;
    Change begin, end;
  };
  std::string abbreviation;
  int offset_seconds = 0;
  std::optional<Daylight> daylight;

  ZoneStretch stretch(std::int64_t seconds) const;
};

Result<ZoneRule> parse_zone_rule(std::string_view text);

}  // namespace holdfast
