#include "base/zone_rule.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/zones.h"

namespace holdfast {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool at_sign_or_digit() const {
    return !rest_.empty() && (rest_[0] == '+' || rest_[0] == '-' ||
                              std::isdigit(static_cast<unsigned char>(rest_[0])) != 0);
  }
  bool eat(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // "CET", or "<+03>".
  Result<std::string> name() {
    const bool quoted = eat('<');
    std::size_t size = 0;
    while (size < rest_.size() && (quoted ? rest_[size] != '>' : is_letter(rest_[size]))) ++size;
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    if (quoted && !eat('>')) return invalid("zone rule: a name lacks its >");
    if (out.size() < 3) return invalid("zone rule: a name has at least three letters");
    return out;
  }

  Result<int> number(int min, int max) {
    int value = 0;
    std::size_t size = 0;
    for (; size < rest_.size() && size < 4; ++size) {
      if (std::isdigit(static_cast<unsigned char>(rest_[size])) == 0) break;
      value = value * 10 + (rest_[size] - '0');
    }
    if (size == 0 || value < min || value > max) return invalid("zone rule: number out of range");
    rest_.remove_prefix(size);
    return value;
  }

  // [+-]hh[:mm[:ss]]
  Result<int> time(int hours_max) {
    const bool negative = eat('-');
    if (!negative) eat('+');
    int seconds = HF_TRY(number(0, hours_max))
    *3600;
    if (eat(':')) {
      seconds += HF_TRY(number(0, 59))
      *60;
      if (eat(':')) seconds += HF_TRY(number(0, 59));
    }
    return negative ? -seconds : seconds;
  }

 private:
  static bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
  std::string_view rest_;
};

Result<ZoneRule::Change> read_change(Reader& in) {
  ZoneRule::Change out;
  if (in.eat('M')) {
    out.month = HF_TRY(in.number(1, 12));
    if (!in.eat('.')) return invalid("zone rule: expected Mm.w.d");
    out.week = HF_TRY(in.number(1, 5));
    if (!in.eat('.')) return invalid("zone rule: expected Mm.w.d");
    out.weekday = HF_TRY(in.number(0, 6));
  } else if (in.eat('J')) {
    out.kind = ZoneRule::Change::Kind::kDayWithoutLeap;
    out.day = HF_TRY(in.number(1, 365));
  } else {
    out.kind = ZoneRule::Change::Kind::kDayWithLeap;
    out.day = HF_TRY(in.number(0, 365));
  }
  if (in.eat('/')) out.time_seconds = HF_TRY(in.time(167));
  return out;
}

bool is_leap(std::int64_t year) { return days_in_month(year, 2) == 29; }

// Seconds since 1970 of the change, as a clock without an offset would count them.
std::int64_t change_in(const ZoneRule::Change& change, std::int64_t year) {
  std::int64_t day = 0;
  switch (change.kind) {
    case ZoneRule::Change::Kind::kMonthWeekDay: {
      const std::int64_t first = days_of(year, change.month, 1);
      const int first_weekday = static_cast<int>(((first + 4) % 7 + 7) % 7);  // day 0: a Thursday
      int in_month = (change.weekday - first_weekday + 7) % 7 + (change.week - 1) * 7;
      while (in_month >= days_in_month(year, change.month)) in_month -= 7;
      day = first + in_month;
      break;
    }
    case ZoneRule::Change::Kind::kDayWithoutLeap:
      day = days_of(year, 1, 1) + change.day - 1 + (is_leap(year) && change.day >= 60 ? 1 : 0);
      break;
    case ZoneRule::Change::Kind::kDayWithLeap:
      day = days_of(year, 1, 1) + change.day;
      break;
  }
  return day * kDaySeconds + change.time_seconds;
}

}  // namespace

Result<ZoneRule> parse_zone_rule(std::string_view text) {
  Reader in(text);
  ZoneRule rule;
  rule.abbreviation = HF_TRY(in.name());
  rule.offset_seconds = -HF_TRY(in.time(24));
  if (in.done()) return rule;

  ZoneRule::Daylight daylight;
  daylight.abbreviation = HF_TRY(in.name());
  daylight.offset_seconds = rule.offset_seconds + 3600;
  if (in.at_sign_or_digit()) daylight.offset_seconds = -HF_TRY(in.time(24));
  if (!in.eat(',')) return invalid("zone rule: daylight saving time without its days");
  daylight.begin = HF_TRY(read_change(in));
  if (!in.eat(',')) return invalid("zone rule: daylight saving time without its end");
  daylight.end = HF_TRY(read_change(in));
  if (!in.done()) return invalid("zone rule: text after its end");
  rule.daylight = std::move(daylight);
  return rule;
}

ZoneStretch ZoneRule::stretch(std::int64_t seconds) const {
  ZoneStretch out{offset_seconds, abbreviation, false};
  if (!daylight) return out;
  struct At {
    std::int64_t seconds;
    bool to_daylight;
  };
  // The changes of the neighbouring years too: a stretch may cross New Year, as it does in the south.
  std::array<At, 6> changes{};
  const std::int64_t year = civil_utc(WallTime(std::chrono::milliseconds(seconds * 1000))).year;
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto at = static_cast<std::size_t>(i) * 2;
    changes[at] = {change_in(daylight->begin, year + i - 1) - offset_seconds, true};
    changes[at + 1] = {change_in(daylight->end, year + i - 1) - daylight->offset_seconds, false};
  }
  // Stable: permanent daylight time is written as an end that meets the next begin, and begin wins.
  std::stable_sort(changes.begin(), changes.end(),
                   [](const At& a, const At& b) { return a.seconds < b.seconds; });
  for (const At& change : changes) {
    if (change.seconds > seconds) {
      out.end = change.seconds;
      break;
    }
    out.begin = change.seconds;
    out.daylight = change.to_daylight;
  }
  if (out.daylight) {
    out.offset_seconds = daylight->offset_seconds;
    out.abbreviation = daylight->abbreviation;
  }
  return out;
}

}  // namespace holdfast
