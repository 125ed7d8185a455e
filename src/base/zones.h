// base/zones.h: civil time: what the clocks of a place show, by the zone data of the system.
//
// Purpose     Turns instants into civil times of an IANA zone and back, over changes of the clocks.
//             A civil time may happen never (clocks jump forward), once, or twice (clocks go back):
//             instants() tells, instant() picks by a named rule.
// Data        TZif files of the package tzdata under /usr/share/zoneinfo, read once a process and kept;
//             "" and "UTC" need no file, "Local" is TZ, else /etc/localtime, else UTC.
// Units       CivilTime: months and days from 1, weekdays 0 is Sunday; offsets are seconds east of UTC.
// Threads     All of it from any thread. A Zone is a small immutable value.
// Errors      find_zone: kInvalid "unknown time zone X". parse_tzif: kDataLoss, names what is wrong.
// Limits      A zone file of kZoneFileSizeMax bytes; years within kCivilYearMax of zero, beyond they are cut.
// Source      RFC 8536 (TZif), POSIX.1-2017 section 8.3 (TZ), RFC 5545 section 3.3.5 (which instant is meant).
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast {

inline constexpr std::size_t kZoneFileSizeMax = 256 * 1024;
// Farther away a WallTime could not hold the instant.
inline constexpr std::int64_t kCivilYearMax = 200'000'000;

struct CivilTime {
  std::int64_t year = 1970;
  int month = 1, day = 1;
  int hour = 0, minute = 0, second = 0, millisecond = 0;

  auto operator<=>(const CivilTime&) const = default;
};

// Days since 1970-01-01 of the proleptic Gregorian calendar. Months and days out of their range carry
// over: the 0th of March is the last of February, month 13 is January of the next year.
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day);
// The civil time of `at` on UTC's clock, and the instant of a civil time there; fields carry over.
CivilTime civil_utc(WallTime at);
WallTime instant_utc(const CivilTime& civil);
int weekday(const CivilTime& civil);   // 0 Sunday .. 6 Saturday
int year_day(const CivilTime& civil);  // 1..366
int days_in_month(std::int64_t year, int month);

// A stretch of time in which a zone keeps one offset.
struct ZoneSpan {
  int offset_seconds = 0;
  std::string abbreviation = "UTC";  // "CET", or "+03" where nobody has a name for it
  bool daylight = false;
  WallTime begin = WallTime::min();  // inclusive; min: always was
  WallTime end = WallTime::max();    // exclusive; max: for all we know
};

// Which instant a civil time means that happens twice or never.
enum class CivilPick {
  // The first of two; in a gap as if the clocks had not jumped yet, so 02:30 becomes 03:30.
  // RFC 5545's rule, Python's fold=0, Grafana OnCall's.
  kFirst,
  // The second of two; in a gap as if the clocks had jumped before, so 02:30 becomes 01:30.
  kSecond,
  // What Go's time.Date answers: one of the two, depending on the zone's offset. For what must equal Go programs.
  kGo,
};

class Zone {
 public:
  Zone();  // UTC
  static Zone fixed(int offset_seconds, std::string name);

  const std::string& name() const;
  ZoneSpan span(WallTime at) const;
  CivilTime civil(WallTime at) const;
  // All instants at which the clocks show `civil`, in order: none, one or two.
  std::vector<WallTime> instants(const CivilTime& civil) const;
  // Fields out of range carry over first, so "day + 1" is tomorrow at the same time on the clock.
  WallTime instant(const CivilTime& civil, CivilPick pick = CivilPick::kFirst) const;

 private:
  friend Result<Zone> parse_tzif(std::string_view bytes, std::string name);
  struct Data;
  explicit Zone(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

// An IANA name ("Europe/Berlin"), "UTC", "" (UTC) or "Local".
Result<Zone> find_zone(std::string_view name);
// All names find_zone knows from the system's data, sorted; empty when tzdata is absent.
std::vector<std::string> zone_names();
// The release of the zone data, "2025b"; empty when unknown.
std::string zone_data_version();

// What find_zone does with a file's bytes.
Result<Zone> parse_tzif(std::string_view bytes, std::string name);

}  // namespace holdfast
