// base/time.h: moments, spans of time, and how people write them.
//
// Units       Duration is nanoseconds. WallTime is milliseconds since the Unix epoch, UTC: for people,
//             files and protocols. MonoTime is for intervals and timeouts and means nothing outside
//             the process. Never subtract one clock from another; the types do not let you.
// Errors      parse_duration names what is wrong and what is allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

using Duration = std::chrono::nanoseconds;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using namespace std::chrono_literals;

constexpr std::int64_t to_ms(WallTime t) { return t.time_since_epoch().count(); }
constexpr WallTime from_ms(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }
constexpr std::int64_t to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}
constexpr double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr Duration from_seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

// Prometheus' form: "1h30m", "15s", "5ms", "2w", "1y" (365 days); each unit once, largest first; "0".
Result<Duration> parse_duration(std::string_view text);
// The shortest text parse_duration reads back: 90 s is "1m30s", zero "0s". Rounds to milliseconds.
std::string format_duration(Duration d);

// RFC 3339 in UTC with milliseconds: 2026-11-21T10:22:04.123Z.
std::string format_time(WallTime t);
// RFC 3339 with any offset, or seconds since the epoch as a decimal number.
Result<WallTime> parse_time(std::string_view text);

}  // namespace holdfast
