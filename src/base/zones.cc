#include "base/zones.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <optional>

#include "base/files.h"
#include "base/zone_rule.h"

namespace holdfast {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::min();
// 200 million years of seconds, so that seconds * 1000 and a few offsets still fit.
constexpr std::int64_t kSecondsMax = 6'300'000'000'000'000;
constexpr const char* kZoneFolder = "/usr/share/zoneinfo";
// The largest offsets in use are -12 h and +14 h; local mean times stay within a day as well.
constexpr std::int64_t kOffsetSecondsMax = 26 * 3600;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

std::int64_t to_seconds_clamped(WallTime at) {
  return std::clamp(floor_div(to_ms(at), 1000), -kSecondsMax, kSecondsMax);
}

WallTime wall_of(std::int64_t seconds) {
  if (seconds == kAlways) return WallTime::min();
  if (seconds == kForever) return WallTime::max();
  return from_ms(std::clamp(seconds, -kSecondsMax, kSecondsMax) * 1000);
}

}  // namespace

std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  const std::int64_t carry = floor_div(month - 1, 12);
  month -= carry * 12;
  year = std::clamp(year, -kCivilYearMax, kCivilYearMax);
  year = std::clamp(year + carry, -kCivilYearMax, kCivilYearMax);
  // Years are counted from March, so that the leap day is the last; eras of 400 years repeat.
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t era = floor_div(y, 400);
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468 + day - 1;
}

CivilTime civil_utc(WallTime at) {
  const std::int64_t limit = kSecondsMax * 1000;
  const std::int64_t ms = std::clamp(to_ms(at), -limit, limit);
  const std::int64_t days = floor_div(ms, kDayMs);
  const std::int64_t of_day = ms - days * kDayMs;
  const std::int64_t z = days + 719'468;
  const std::int64_t era = floor_div(z, 146'097);
  const std::int64_t day_of_era = z - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  CivilTime out;
  out.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  out.month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  out.year = year_of_era + era * 400 + (out.month <= 2 ? 1 : 0);
  out.hour = static_cast<int>(of_day / 3'600'000);
  out.minute = static_cast<int>(of_day / 60'000 % 60);
  out.second = static_cast<int>(of_day / 1000 % 60);
  out.millisecond = static_cast<int>(of_day % 1000);
  return out;
}

WallTime instant_utc(const CivilTime& civil) {
  const std::int64_t days = days_of(civil.year, civil.month, civil.day);
  const std::int64_t seconds =
      std::int64_t{civil.hour} * 3600 + std::int64_t{civil.minute} * 60 + civil.second;
  const std::int64_t limit = kSecondsMax * 1000;
  return from_ms(std::clamp(days * kDayMs, -limit, limit) + seconds * 1000 + civil.millisecond);
}

int weekday(const CivilTime& civil) {
  const std::int64_t days = days_of(civil.year, civil.month, civil.day);
  return static_cast<int>(((days + 4) % 7 + 7) % 7);
}

int year_day(const CivilTime& civil) {
  return static_cast<int>(days_of(civil.year, civil.month, civil.day) - days_of(civil.year, 1, 1)) +
         1;
}

int days_in_month(std::int64_t year, int month) {
  return static_cast<int>(days_of(year, month + 1, 1) - days_of(year, month, 1));
}

struct Zone::Data {
  struct Kind {
    int offset_seconds = 0;
    bool daylight = false;
    std::string abbreviation = "UTC";
  };
  std::string name = "UTC";
  std::vector<Kind> kinds{Kind{}};    // never empty
  std::vector<std::int64_t> changes;  // ascending, seconds since the epoch
  std::vector<std::uint8_t>
      change_kinds;              // of the stretch that begins at the change; valid indices
  std::optional<ZoneRule> rule;  // after the last change

  ZoneStretch stretch(std::int64_t seconds) const;
};

ZoneStretch Zone::Data::stretch(std::int64_t seconds) const {
  const auto after = std::upper_bound(changes.begin(), changes.end(), seconds);
  const bool beyond = after == changes.end();
  if (beyond && rule) {
    ZoneStretch out = rule->stretch(seconds);
    if (!changes.empty()) out.begin = std::max(out.begin, changes.back());
    return out;
  }
  const auto index = static_cast<std::size_t>(after - changes.begin());
  const Kind& kind = kinds[index == 0 ? 0 : change_kinds[index - 1]];
  ZoneStretch out{kind.offset_seconds, kind.abbreviation, kind.daylight};
  if (index > 0) out.begin = changes[index - 1];
  if (!beyond) out.end = *after;
  return out;
}

Zone::Zone() {
  // One for all: a default Zone allocates nothing.
  static const auto utc = std::make_shared<const Data>();
  data_ = utc;
}

Zone::Zone(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

Zone Zone::fixed(int offset_seconds, std::string name) {
  auto data = std::make_shared<Data>();
  data->kinds[0] = {offset_seconds, false, name};
  data->name = std::move(name);
  return Zone(std::move(data));
}

const std::string& Zone::name() const { return data_->name; }

ZoneSpan Zone::span(WallTime at) const {
  const ZoneStretch found = data_->stretch(to_seconds_clamped(at));
  return {found.offset_seconds, found.abbreviation, found.daylight, wall_of(found.begin),
          wall_of(found.end)};
}

CivilTime Zone::civil(WallTime at) const {
  const std::int64_t limit = kSecondsMax * 1000;
  const std::int64_t ms = std::clamp(to_ms(at), -limit, limit);
  const ZoneStretch found = data_->stretch(floor_div(ms, 1000));
  return civil_utc(from_ms(ms + std::int64_t{found.offset_seconds} * 1000));
}

std::vector<WallTime> Zone::instants(const CivilTime& civil) const {
  const std::int64_t ms = to_ms(instant_utc(civil));
  const std::int64_t seconds = floor_div(ms, 1000);
  std::vector<WallTime> out;
  // Every stretch that could show this time is looked at; an offset moves a clock by a day at most.
  for (std::int64_t at = seconds - kOffsetSecondsMax;;) {
    const ZoneStretch stretch = data_->stretch(at);
    const std::int64_t instant = seconds - stretch.offset_seconds;
    if (instant >= stretch.begin && instant < stretch.end) {
      const WallTime wall = from_ms(ms - std::int64_t{stretch.offset_seconds} * 1000);
      if (out.empty() || out.back() < wall) out.push_back(wall);
    }
    if (stretch.end > seconds + kOffsetSecondsMax) return out;
    at = stretch.end;
  }
}

WallTime Zone::instant(const CivilTime& civil, CivilPick pick) const {
  const std::int64_t ms = to_ms(instant_utc(civil));
  const std::int64_t seconds = floor_div(ms, 1000);
  const auto with = [ms](const ZoneStretch& stretch) {
    return from_ms(ms - std::int64_t{stretch.offset_seconds} * 1000);
  };
  if (pick == CivilPick::kGo) {
    const ZoneStretch guess = data_->stretch(seconds);
    const std::int64_t utc = seconds - guess.offset_seconds;
    if (utc >= guess.begin && utc < guess.end) return with(guess);
    return with(data_->stretch(utc));
  }
  const std::vector<WallTime> found = instants(civil);
  if (!found.empty()) return pick == CivilPick::kFirst ? found.front() : found.back();
  // A gap: between the stretch that has ended by this time and the next, which has not begun.
  ZoneStretch before = data_->stretch(seconds - kOffsetSecondsMax);
  while (before.end <= seconds + kOffsetSecondsMax) {
    ZoneStretch after = data_->stretch(before.end);
    if (seconds - after.offset_seconds < after.begin) {
      return with(pick == CivilPick::kFirst ? before : after);
    }
    before = std::move(after);
  }
  return with(before);
}

// A zone file: twice the same picture, first with 32 bits a change (skipped here), then with 64.
//
//   | "TZif" | version u8 | 15 zero bytes | counts: isut isstd leap time type char, u32be each |
//   | changes: time x i64be | the kind each begins: time x u8                                  |
//   | kinds: type x (offset i32be, daylight u8, index of its name u8) | names: char bytes      |
//   | leap: leap x 12 | isstd x u8 | isut x u8 |           then "\n" rule "\n"                 |
namespace {

struct TzifCounts {
  std::size_t isut = 0, isstd = 0, leap = 0, time = 0, type = 0, chars = 0;
  std::size_t size(std::size_t time_size) const {
    return time * (time_size + 1) + type * 6 + chars + leap * (time_size + 4) + isstd + isut;
  }
};

constexpr std::size_t kTzifHeaderSize = 44;

std::int64_t read_be(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = static_cast<signed char>(bytes[at]) < 0 ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return static_cast<std::int64_t>(value);
}

Result<TzifCounts> read_tzif_header(std::string_view bytes, std::size_t at) {
  if (bytes.size() < at + kTzifHeaderSize || bytes.substr(at, 4) != "TZif") {
    return Error(Code::kDataLoss, "zone file: no TZif header");
  }
  const auto count = [&](std::size_t index) {
    return static_cast<std::size_t>(read_be(bytes, at + 20 + index * 4, 4) & 0xffffffff);
  };
  TzifCounts out{count(0), count(1), count(2), count(3), count(4), count(5)};
  // Each count alone is checked first, so that the sum cannot overflow.
  for (const std::size_t each : {out.isut, out.isstd, out.leap, out.time, out.type, out.chars}) {
    if (each > bytes.size()) return Error(Code::kDataLoss, "zone file: counts exceed the file");
  }
  if (out.type == 0 || out.chars == 0)
    return Error(Code::kDataLoss, "zone file: no local time type");
  return out;
}

}  // namespace

Result<Zone> parse_tzif(std::string_view bytes, std::string name) {
  if (bytes.size() > kZoneFileSizeMax) return Error(Code::kTooLarge, "zone file: too large");
  TzifCounts counts = HF_TRY(read_tzif_header(bytes, 0));
  std::size_t at = kTzifHeaderSize;
  std::size_t time_size = 4;
  if (bytes[4] >= '2') {
    at += counts.size(4);
    counts = HF_TRY(read_tzif_header(bytes, at));
    at += kTzifHeaderSize;
    time_size = 8;
  }
  if (bytes.size() < at + counts.size(time_size))
    return Error(Code::kDataLoss, "zone file: cut short");

  const std::size_t kinds_at = at + counts.time * (time_size + 1);
  const std::string_view names = bytes.substr(kinds_at + counts.type * 6, counts.chars);
  auto data = std::make_shared<Zone::Data>();
  data->name = std::move(name);
  data->kinds.clear();
  for (std::size_t i = 0; i < counts.type; ++i) {
    const std::size_t kind = kinds_at + i * 6;
    const std::int64_t offset = read_be(bytes, kind, 4);
    const auto name_at = static_cast<unsigned char>(bytes[kind + 5]);
    if (name_at >= names.size() || offset <= -kOffsetSecondsMax || offset >= kOffsetSecondsMax) {
      return Error(Code::kDataLoss, "zone file: bad local time type");
    }
    const std::string_view abbreviation = names.substr(name_at);
    data->kinds.push_back({static_cast<int>(offset), bytes[kind + 4] != 0,
                           std::string(abbreviation.substr(0, abbreviation.find('\0')))});
  }
  for (std::size_t i = 0; i < counts.time; ++i) {
    const std::int64_t change = read_be(bytes, at + i * time_size, time_size);
    const auto kind = static_cast<std::uint8_t>(bytes[at + counts.time * time_size + i]);
    if (kind >= data->kinds.size())
      return Error(Code::kDataLoss, "zone file: bad index of a local time type");
    if (!data->changes.empty() && change <= data->changes.back()) {
      return Error(Code::kDataLoss, "zone file: changes out of order");
    }
    // Older files begin with the big bang; such an instant says no more than "always".
    data->changes.push_back(
        std::clamp(change, -kSecondsMax + static_cast<std::int64_t>(i), kSecondsMax));
    data->change_kinds.push_back(kind);
  }
  if (time_size == 8) {
    std::string_view rule = bytes.substr(at + counts.size(8));
    if (rule.size() < 2 || rule[0] != '\n') return Error(Code::kDataLoss, "zone file: no footer");
    rule = rule.substr(1, rule.find('\n', 1) - 1);
    if (!rule.empty()) data->rule = HF_TRY(parse_zone_rule(rule));
  }
  return Zone(std::move(data));
}

namespace {

Result<Zone> read_zone_file(const std::string& path, const std::string& name) {
  PosixFileSystem disk;
  auto bytes = disk.read_file(path);
  if (!bytes) return invalid("unknown time zone " + name);
  auto zone = parse_tzif(*bytes, name);
  if (!zone) return std::move(zone).error().context("time zone " + name);
  return zone;
}

// TZ, else the machine's own zone, else UTC: as programs of the C library and of Go have it.
Zone local_zone() {
  const char* set = std::getenv("TZ");
  if (set != nullptr) {
    std::string_view name = set;
    if (name.starts_with(':')) name.remove_prefix(1);
    if (name.empty() || name == "Local") return Zone();
    auto zone =
        name.starts_with('/') ? read_zone_file(std::string(name), "Local") : find_zone(name);
    return zone ? std::move(*zone) : Zone();
  }
  auto zone = read_zone_file("/etc/localtime", "Local");
  return zone ? std::move(*zone) : Zone();
}

// What was read stays: a process lives in one edition of the zone data, so that a schedule computed
// twice is the same twice.
struct ZoneCache {
  std::mutex mutex;
  std::map<std::string, Zone, std::less<>> zones HF_GUARDED_BY(mutex);
};

ZoneCache& zone_cache() {
  static ZoneCache cache;
  return cache;
}

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name.front() == '/' || name.front() == '.') return false;
  if (name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  });
}

void list_zones(FileSystem& disk, const std::string& folder, const std::string& prefix, int depth,
                std::vector<std::string>& out) {
  auto entries = disk.list(folder);
  if (!entries || depth > 3) return;
  for (const FileInfo& entry : *entries) {
    const std::string name = prefix + entry.name;
    // "posix" and "right" hold the same zones again, the latter counting leap seconds.
    if (!is_zone_name(name) || name == "posix" || name == "right" || name == "posixrules" ||
        name == "localtime") {
      continue;
    }
    const std::string path = folder + "/" + entry.name;
    if (entry.is_directory) {
      list_zones(disk, path, name + "/", depth + 1, out);
      continue;
    }
    auto file = disk.open(path, OpenMode::kRead);
    if (!file) continue;
    auto magic = (*file)->read_at(0, 4);
    if (magic && *magic == "TZif") out.push_back(name);
  }
}

}  // namespace

Result<Zone> find_zone(std::string_view name) {
  if (name.empty() || name == "UTC") return Zone();
  const bool local = name == "Local";
  if (!local && !is_zone_name(name)) return invalid("unknown time zone " + std::string(name));
  ZoneCache& cache = zone_cache();
  {
    const std::lock_guard lock(cache.mutex);
    if (const auto it = cache.zones.find(name); it != cache.zones.end()) return it->second;
  }
  // Read without the lock; two readers of the same file store the same zone.
  const std::string key(name);
  Zone zone =
      local ? local_zone() : HF_TRY(read_zone_file(std::string(kZoneFolder) + "/" + key, key));
  const std::lock_guard lock(cache.mutex);
  return cache.zones.emplace(key, std::move(zone)).first->second;
}

std::vector<std::string> zone_names() {
  PosixFileSystem disk;
  std::vector<std::string> out;
  list_zones(disk, kZoneFolder, "", 0, out);
  std::sort(out.begin(), out.end());
  return out;
}

std::string zone_data_version() {
  PosixFileSystem disk;
  auto file = disk.open(std::string(kZoneFolder) + "/tzdata.zi", OpenMode::kRead);
  if (!file) return "";
  auto head = (*file)->read_at(0, 64);  // "# version 2025b"
  constexpr std::string_view kBegin = "# version ";
  if (!head || !head->starts_with(kBegin)) return "";
  return head->substr(kBegin.size(), head->find('\n') - kBegin.size());
}

}  // namespace holdfast
