// What templates may ask of a time or a duration: {{ .StartsAt.Format "15:04" }}, {{ (now.Sub .StartsAt).Round ... }}.
#include <array>
#include <cmath>
#include <cstdint>

#include "base/template/go_time.h"

namespace holdfast::templates {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

const Time& self(Args args) { return *args[0].as<Time>(); }
std::int64_t duration_of(Args args) { return args[0].as<Duration>()->count(); }

CivilTime civil_of(const Time& time) { return time.zone.civil(time.wall()); }

Time moved(const Time& time, std::int64_t ns) {
  // Two steps, so that no sum overflows.
  Time out = time;
  out.seconds += ns / 1'000'000'000;
  std::int64_t rest = out.nanoseconds + ns % 1'000'000'000;
  if (rest < 0) rest += 1'000'000'000, --out.seconds;
  if (rest >= 1'000'000'000) rest -= 1'000'000'000, ++out.seconds;
  out.nanoseconds = static_cast<int>(rest);
  return out;
}

// As Go's Sub: what does not fit becomes the longest duration there is.
Duration difference(const Time& a, const Time& b) {
  const std::int64_t seconds = a.seconds - b.seconds;
  if (seconds > 9'223'372'035) return Duration::max();
  if (seconds < -9'223'372'035) return Duration::min();
  return Duration(seconds * 1'000'000'000 + (a.nanoseconds - b.nanoseconds));
}

std::int64_t truncated(std::int64_t v, std::int64_t unit) { return unit <= 0 ? v : v - v % unit; }

// Half away from zero.
std::int64_t rounded(std::int64_t v, std::int64_t unit) {
  if (unit <= 0) return v;
  const std::int64_t rest = v % unit, away = rest < 0 ? -rest : rest;
  if (away < unit - away) return v - rest;
  std::int64_t out = 0;
  const std::int64_t step = v < 0 ? rest + unit : unit - rest;
  if (v < 0 ? __builtin_sub_overflow(v, step, &out) : __builtin_add_overflow(v, step, &out)) {
    return v < 0 ? INT64_MIN : INT64_MAX;
  }
  return out;
}

Value in_zone(const Time& time, Zone zone) {
  return Time{time.seconds, time.nanoseconds, std::move(zone)};
}

template <typename F>
Function method(std::string params, F call) {
  return {std::move(params),
          [call](const CallContext&, Args args) -> Result<Value> { return call(args); }};
}

Functions make_time_methods() {
  Functions m;
  m["Format"] = method("s", [](Args a) -> Result<Value> {
    return Value(format_go_time(self(a), *a[1].as<std::string>()));
  });
  m["String"] = method("", [](Args a) -> Result<Value> { return Value(print_go_time(self(a))); });
  m["Unix"] = method("", [](Args a) -> Result<Value> { return Value(self(a).seconds); });
  m["UnixMilli"] = method("", [](Args a) -> Result<Value> { return Value(to_ms(self(a).wall())); });
  m["UnixNano"] = method("", [](Args a) -> Result<Value> {
    return Value(
        static_cast<std::int64_t>(static_cast<std::uint64_t>(self(a).seconds) * 1'000'000'000u +
                                  static_cast<std::uint64_t>(self(a).nanoseconds)));
  });
  m["Nanosecond"] = method("", [](Args a) -> Result<Value> { return Value(self(a).nanoseconds); });
  m["UTC"] = method("", [](Args a) -> Result<Value> { return in_zone(self(a), Zone()); });
  m["Local"] = method(
      "", [](Args a) -> Result<Value> { return in_zone(self(a), HF_TRY(find_zone("Local"))); });
  m["IsZero"] = method("", [](Args a) -> Result<Value> { return Value(self(a) == Time::zero()); });
  m["Year"] = method("", [](Args a) -> Result<Value> { return Value(civil_of(self(a)).year); });
  m["Month"] = method("", [](Args a) -> Result<Value> {
    return Value(kMonths[static_cast<std::size_t>(civil_of(self(a)).month) - 1]);
  });
  m["Day"] = method("", [](Args a) -> Result<Value> { return Value(civil_of(self(a)).day); });
  m["Hour"] = method("", [](Args a) -> Result<Value> { return Value(civil_of(self(a)).hour); });
  m["Minute"] = method("", [](Args a) -> Result<Value> { return Value(civil_of(self(a)).minute); });
  m["Second"] = method("", [](Args a) -> Result<Value> { return Value(civil_of(self(a)).second); });
  m["YearDay"] =
      method("", [](Args a) -> Result<Value> { return Value(year_day(civil_of(self(a)))); });
  m["Weekday"] = method("", [](Args a) -> Result<Value> {
    return Value(kDays[static_cast<std::size_t>(weekday(civil_of(self(a))))]);
  });
  m["After"] =
      method("t", [](Args a) -> Result<Value> { return Value(self(a) > *a[1].as<Time>()); });
  m["Before"] =
      method("t", [](Args a) -> Result<Value> { return Value(self(a) < *a[1].as<Time>()); });
  m["Equal"] =
      method("t", [](Args a) -> Result<Value> { return Value(self(a) == *a[1].as<Time>()); });
  m["Sub"] = method(
      "t", [](Args a) -> Result<Value> { return Value(difference(self(a), *a[1].as<Time>())); });
  m["Add"] = method("d", [](Args a) -> Result<Value> {
    return Value(moved(self(a), a[1].as<Duration>()->count()));
  });
  m["AddDate"] = method("iii", [](Args a) -> Result<Value> {
    CivilTime t = civil_of(self(a));
    const auto part = [&](std::size_t i) { return *a[i].as<std::int64_t>(); };
    for (std::size_t i = 1; i <= 3; ++i) {
      if (part(i) > 10'000'000 || part(i) < -10'000'000)
        return invalid("a number of more than 10000000");
    }
    const std::int64_t days = days_of(t.year + part(1), t.month + part(2), t.day + part(3));
    const CivilTime date = civil_utc(from_ms(days * 86'400'000));
    t.year = date.year, t.month = date.month, t.day = date.day;
    Time out = Time::of(self(a).zone.instant(t, CivilPick::kGo), self(a).zone);
    out.nanoseconds = self(a).nanoseconds;
    return Value(std::move(out));
  });
  m["Truncate"] = method("d", [](Args a) -> Result<Value> {
    const std::int64_t unit = a[1].as<Duration>()->count();
    // Whole units are counted since the year 1, as Go does.
    if (unit <= 0) return Value(self(a));
    const auto rest = static_cast<std::int64_t>(
        ((static_cast<__int128>(self(a).seconds) + 62'135'596'800) * 1'000'000'000 +
         self(a).nanoseconds) %
        unit);
    return Value(moved(self(a), -(rest < 0 ? rest + unit : rest)));
  });
  return m;
}

Functions make_duration_methods() {
  Functions m;
  m["String"] = method("", [](Args a) -> Result<Value> {
    return Value(print_go_duration(Duration(duration_of(a))));
  });
  m["Nanoseconds"] = method("", [](Args a) -> Result<Value> { return Value(duration_of(a)); });
  m["Microseconds"] =
      method("", [](Args a) -> Result<Value> { return Value(duration_of(a) / 1'000); });
  m["Milliseconds"] =
      method("", [](Args a) -> Result<Value> { return Value(duration_of(a) / 1'000'000); });
  m["Seconds"] = method(
      "", [](Args a) -> Result<Value> { return Value(static_cast<double>(duration_of(a)) / 1e9); });
  m["Minutes"] = method("", [](Args a) -> Result<Value> {
    return Value(static_cast<double>(duration_of(a)) / 60e9);
  });
  m["Hours"] = method("", [](Args a) -> Result<Value> {
    return Value(static_cast<double>(duration_of(a)) / 3600e9);
  });
  m["Truncate"] = method("d", [](Args a) -> Result<Value> {
    return Value(Duration(truncated(duration_of(a), a[1].as<Duration>()->count())));
  });
  m["Round"] = method("d", [](Args a) -> Result<Value> {
    return Value(Duration(rounded(duration_of(a), a[1].as<Duration>()->count())));
  });
  m["Abs"] = method("", [](Args a) -> Result<Value> {
    const std::int64_t d = duration_of(a);
    return Value(Duration(d == INT64_MIN ? INT64_MAX : d < 0 ? -d : d));
  });
  return m;
}

}  // namespace

const Functions& time_methods() {
  static const Functions methods = make_time_methods();
  return methods;
}

const Functions& duration_methods() {
  static const Functions methods = make_duration_methods();
  return methods;
}

}  // namespace holdfast::templates
