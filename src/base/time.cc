#include "base/time.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/clock.h"
#include "base/text.h"

namespace holdfast {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
  bool only_whole;  // format_duration: written only when nothing is left over
};

constexpr Unit kUnits[] = {
    {"y", 365LL * 86400 * 1000, true},
    {"w", 7LL * 86400 * 1000, true},
    {"d", 86400LL * 1000, false},
    {"h", 3600LL * 1000, false},
    {"m", 60LL * 1000, false},
    {"s", 1000, false},
    {"ms", 1, false},
};
constexpr std::int64_t kDurationMsMax = std::numeric_limits<std::int64_t>::max() / 1000000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads fixed-width decimal fields of a time; goes bad instead of reading past the end.
struct Fields {
  std::string_view rest;
  bool ok = true;

  int number(std::size_t digits) {
    int value = 0;
    if (rest.size() < digits) ok = false;
    for (std::size_t i = 0; ok && i < digits; ++i) {
      if (!is_digit(rest[i])) ok = false;
      value = value * 10 + (rest[i] - '0');
    }
    if (ok) rest.remove_prefix(digits);
    return ok ? value : 0;
  }
  bool one_of(std::string_view allowed) {
    if (rest.empty() || allowed.find(rest[0]) == std::string_view::npos) return ok = false;
    rest.remove_prefix(1);
    return true;
  }
};

Result<WallTime> parse_rfc3339(std::string_view text) {
  const auto wrong = [&] {
    return invalid("time \"" + printable(text) +
                   "\" is neither RFC 3339 (2026-11-21T10:22:04Z) nor seconds since 1970");
  };
  using namespace std::chrono;
  Fields in{text};
  const int year_number = in.number(4);
  in.one_of("-");
  const int month_number = in.number(2);
  in.one_of("-");
  const int day_number = in.number(2);
  in.one_of("Tt ");
  const int hour = in.number(2);
  in.one_of(":");
  const int minute = in.number(2);
  in.one_of(":");
  const int second = in.number(2);
  std::int64_t ms = 0;
  if (in.ok && in.rest.starts_with('.')) {
    in.one_of(".");
    int scale = 100;
    if (in.rest.empty() || !is_digit(in.rest[0])) return wrong();
    for (; !in.rest.empty() && is_digit(in.rest[0]); in.rest.remove_prefix(1), scale /= 10) {
      ms += scale * (in.rest[0] - '0');
    }
  }
  int offset_minutes = 0;
  if (!in.rest.empty() && (in.rest[0] == '+' || in.rest[0] == '-')) {
    const int sign = in.rest[0] == '-' ? -1 : 1;
    in.one_of("+-");
    const int hours = in.number(2);
    in.one_of(":");
    const int minutes = in.number(2);
    if (hours > 23 || minutes > 59) return wrong();
    offset_minutes = sign * (hours * 60 + minutes);
  } else {
    in.one_of("Zz");
  }
  const year_month_day date{year{year_number}, month(static_cast<unsigned>(month_number)),
                            day(static_cast<unsigned>(day_number))};
  // 60: a leap second, which the epoch's count of time folds into the second after it.
  if (!in.ok || !in.rest.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60)
    return wrong();
  return WallTime(sys_days(date)) + hours(hour) + minutes(minute - offset_minutes) +
         seconds(second) + milliseconds(ms);
}

}  // namespace

WallTime SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

MonoTime SystemClock::mono() const { return std::chrono::steady_clock::now(); }

Result<Duration> parse_duration(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return invalid("duration \"" + printable(text) + "\": " + std::string(why) +
                   "; write for example 1h30m, 15s or 5ms, with the units y w d h m s ms");
  };
  if (text.empty()) return wrong("it is empty");
  if (text == "0") return Duration::zero();
  std::int64_t total_ms = 0;
  std::size_t next_unit = 0;  // units from here on are still allowed
  for (auto rest = text; !rest.empty();) {
    std::size_t digits = 0;
    while (digits < rest.size() && is_digit(rest[digits])) ++digits;
    if (digits == 0) return wrong("a number is missing");
    const auto number = parse_int(rest.substr(0, digits));
    rest.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < rest.size() && !is_digit(rest[letters])) ++letters;
    const auto name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    if (name.empty()) return wrong("a unit is missing");
    std::size_t unit = 0;
    while (unit < std::size(kUnits) && kUnits[unit].name != name) ++unit;
    if (unit == std::size(kUnits)) return wrong("\"" + printable(name, 10) + "\" is no unit");
    if (unit < next_unit) return wrong("each unit stands once, the largest first");
    next_unit = unit + 1;
    if (!number || *number > (kDurationMsMax - total_ms) / kUnits[unit].ms)
      return wrong("it is too long");
    total_ms += *number * kUnits[unit].ms;
  }
  return Duration(std::chrono::milliseconds(total_ms));
}

std::string format_duration(Duration d) {
  auto left = std::chrono::round<std::chrono::milliseconds>(d).count();
  if (left == 0) return "0s";
  std::string out;
  if (left < 0) {
    out = "-";
    left = -left;
  }
  for (const auto& unit : kUnits) {
    if (left < unit.ms || (unit.only_whole && left % unit.ms != 0)) continue;
    out += fmt::format("{}{}", left / unit.ms, unit.name);
    left %= unit.ms;
  }
  return out;
}

std::string format_time(WallTime t) {
  using namespace std::chrono;
  // Years beyond four digits have no form in RFC 3339; seconds are read back just as well.
  constexpr std::int64_t kYear0 = -62167219200000;
  constexpr std::int64_t kYear10000 = 253402300800000;
  if (to_ms(t) < kYear0 || to_ms(t) >= kYear10000) {
    const auto ms = to_ms(t);
    return fmt::format("{}{}.{:03}", ms < 0 ? "-" : "", ms < 0 ? -(ms / 1000) : ms / 1000,
                       ms < 0 ? -(ms % 1000) : ms % 1000);
  }
  const auto days_part = floor<days>(t);
  const year_month_day date{days_part};
  const hh_mm_ss time{t - days_part};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

Result<WallTime> parse_time(std::string_view text) {
  const auto seconds = parse_double(text);
  if (!seconds) return parse_rfc3339(text);
  constexpr double kSecondsMax = 9.2e15;  // what fits in 64 bits of milliseconds
  if (!(std::abs(*seconds) <= kSecondsMax)) {
    return Error(Code::kOutOfRange, "time \"" + printable(text) + "\" is out of range");
  }
  return from_ms(std::llround(*seconds * 1000));
}

}  // namespace holdfast
