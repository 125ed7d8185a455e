#include "respond/route/time_interval.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/zones.h"
#include "respond/route/go_text.h"

namespace holdfast::respond::route {
namespace {

constexpr std::array<std::string_view, 7> kDays{"sunday",   "monday", "tuesday", "wednesday",
                                                "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};

template <typename Words>
int index_of(const Words& words, std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  return found == words.end() ? -1 : static_cast<int>(found - words.begin());
}

// strconv.Atoi.
Result<int> whole(std::string_view text) {
  const auto digits = text.substr(0, 1) == "+" ? text.substr(1) : text;
  const auto value = parse_int(digits);
  if (!value) return invalid("strconv.Atoi: parsing " + go_quote(text) + ": invalid syntax");
  constexpr std::int64_t kMax = 1'000'000'000;
  return static_cast<int>(std::clamp(*value, -kMax, kMax));
}

Result<int> day_of_week(std::string_view text) {
  const int day = index_of(kDays, text);
  if (day < 0) return invalid(std::string(text) + " is not a valid weekday");
  return day;
}

Result<int> month(std::string_view text) {
  if (const int named = index_of(kMonths, text); named >= 0) return named + 1;
  auto number = whole(text);
  if (!number) return invalid(std::string(text) + " is not a valid month");
  return number;
}

// BEGIN:END or one value, in small letters.
Result<Range> parse_range(std::string_view text, Result<int> (*member)(std::string_view)) {
  const auto small = lower(text);
  const auto parts = split(small, ':');
  if (parts.size() > 2) return invalid("couldn't parse range " + small + ", invalid format");
  const int begin = HF_TRY(member(parts.front()));
  return Range { begin, HF_TRY(member(parts.back())) };
}

// HH:MM in minutes; 24:00 ends a day.
Result<int> minute_of_day(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  const bool shaped =
      text.size() == 5 && digit(0) && digit(1) && text[2] == ':' && digit(3) && digit(4);
  const int hour = shaped ? (text[0] - '0') * 10 + text[1] - '0' : 99;
  const int minute = shaped ? (text[3] - '0') * 10 + text[4] - '0' : 99;
  if (text != "24:00" && (hour > 23 || minute > 59))
    return invalid("couldn't parse timestamp " + std::string(text) + ", invalid format");
  return hour * 60 + minute;
}

std::string month_name(int number) {
  return number >= 1 && number <= 12 ? std::string(kMonths[static_cast<std::size_t>(number) - 1])
                                     : std::string();
}

bool any_holds(const std::vector<Range>& ranges, std::int64_t value) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) {
           return value >= r.begin && value <= r.end;
         });
}

// Negative days count from the end of the month; a range that begins behind it is none this month.
bool day_holds(const std::vector<Range>& ranges, const CivilTime& now) {
  if (ranges.empty()) return true;
  const int last = days_in_month(now.year, now.month);
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) {
    const int begin = r.begin < 0 ? last + r.begin + 1 : r.begin;
    const int end = r.end < 0 ? last + r.end + 1 : r.end;
    return begin <= last && now.day >= begin && now.day <= std::min(end, last);
  });
}

bool minute_holds(const std::vector<Range>& ranges, int minute) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) {
           return minute >= r.begin && minute < r.end;
         });
}

}  // namespace

bool TimeInterval::contains(WallTime at) const {
  if (never) return false;
  // A zone that has vanished since it was checked: UTC, rather than silence or noise for ever.
  const auto now = find_zone(location).value_or(Zone()).civil(at);
  return minute_holds(times, now.hour * 60 + now.minute) && day_holds(days_of_month, now) &&
         any_holds(months, now.month) && any_holds(weekdays, weekday(now)) &&
         any_holds(years, now.year);
}

Result<Range> parse_time_range(std::string_view start, std::string_view end) {
  if (start.empty() || end.empty()) return invalid("both start and end times must be provided");
  const int begin = HF_TRY(minute_of_day(start));
  const int until = HF_TRY(minute_of_day(end));
  if (begin >= until) return invalid("start time cannot be equal or greater than end time");
  return Range{begin, until};
}

Result<Range> parse_weekday_range(std::string_view text) {
  const auto range = HF_TRY(parse_range(text, day_of_week));
  if (range.begin > range.end) return invalid("start day cannot be before end day");
  return range;
}

Result<Range> parse_day_range(std::string_view text) {
  const auto range = HF_TRY(parse_range(text, whole));
  for (const int day : {range.begin, range.end}) {
    if (day == 0 || day < -31 || day > 31)
      return invalid(std::to_string(day) + " is not a valid day of the month: out of range");
  }
  if (range.begin < 0 && range.end > 0)
    return invalid("end day must be negative if start day is negative");
  // The shortest month has 28 days: what is wrong there is wrong always.
  const auto in_february = [](int day) { return day < 0 ? 28 + day : day; };
  if (in_february(range.begin) > in_february(range.end))
    return invalid("end day " + std::to_string(range.end) + " is always before start day " +
                   std::to_string(range.begin));
  return range;
}

Result<Range> parse_month_range(std::string_view text) {
  const auto range = HF_TRY(parse_range(text, month));
  if (range.begin > range.end)
    return invalid("end month " + month_name(range.end) + " is before start month " +
                   month_name(range.begin));
  return range;
}

Result<Range> parse_year_range(std::string_view text) {
  const auto range = HF_TRY(parse_range(text, whole));
  if (range.begin > range.end)
    return invalid("end year " + std::to_string(range.end) + " is before start year " +
                   std::to_string(range.begin));
  return range;
}

}  // namespace holdfast::respond::route
