// The texts of RFC 5545: rules and stamps.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "base/text.h"
#include "respond/oncall/recurrence.h"

namespace holdfast::respond::oncall {
namespace {

constexpr std::size_t kTextMax = 1000;
constexpr std::array<std::string_view, 7> kFrequencies = {"SECONDLY", "MINUTELY", "HOURLY", "DAILY",
                                                          "WEEKLY",   "MONTHLY",  "YEARLY"};
constexpr std::array<std::string_view, 7> kDays = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

std::string upper(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

Error wrong(std::string_view part, std::string_view value, std::string_view allowed) {
  return invalid("recurrence: " + std::string(part) + "=" + printable(value, 40) + ": allowed is " +
                 std::string(allowed));
}

// "+3" as well as "3" and "-3".
std::optional<int> small_number(std::string_view text) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || text.front() == '-' || text.front() == '+') return std::nullopt;
  }
  const auto number = parse_int(text);
  if (!number || *number < -1'000'000 || *number > 1'000'000) return std::nullopt;
  return static_cast<int>(*number);
}

std::optional<int> day_of(std::string_view text) {
  const auto found = std::find(kDays.begin(), kDays.end(), text);
  if (found == kDays.end()) return std::nullopt;
  return static_cast<int>(found - kDays.begin());
}

struct Bounds {
  int least, most;
  bool from_the_end;  // also -most..-1; zero is never allowed then
};

Result<std::vector<int>> read_numbers(std::string_view part, std::string_view value,
                                      Bounds bounds) {
  std::vector<int> numbers;
  const auto allowed = std::to_string(bounds.least) + ".." + std::to_string(bounds.most) +
                       (bounds.from_the_end ? " or the same from the end with a minus" : "");
  for (const auto item : split(value, ',')) {
    const auto number = small_number(item);
    if (!number) return wrong(part, value, allowed);
    const int size = bounds.from_the_end ? std::abs(*number) : *number;
    if (size < bounds.least || size > bounds.most) return wrong(part, value, allowed);
    numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

Result<std::vector<ByDay>> read_days(std::string_view value) {
  constexpr std::string_view kAllowed =
      "SU, MO, TU, WE, TH, FR, SA, each with an ordinal like -1MO";
  std::vector<ByDay> days;
  for (const auto item : split(value, ',')) {
    if (item.size() < 2) return wrong("BYDAY", value, kAllowed);
    const auto weekday = day_of(item.substr(item.size() - 2));
    if (!weekday) return wrong("BYDAY", value, kAllowed);
    ByDay day{0, *weekday};
    const auto ordinal = item.substr(0, item.size() - 2);
    if (!ordinal.empty()) {
      const auto number = small_number(ordinal);
      if (!number || *number == 0 || std::abs(*number) > 53) return wrong("BYDAY", value, kAllowed);
      day.ordinal = *number;
    }
    if (std::find(days.begin(), days.end(), day) == days.end()) days.push_back(day);
  }
  return days;
}

Result<void> read_until(Recurrence& rule, std::string_view value) {
  const auto stamp = parse_stamp(value);
  if (!stamp) return wrong("UNTIL", value, "a date or a time like 20261231T235959Z");
  if (stamp->is_utc) {
    rule.until = instant_utc(stamp->civil);
    return {};
  }
  rule.until_civil = stamp->civil;
  if (stamp->is_date) {
    rule.until_civil->hour = 23;
    rule.until_civil->minute = rule.until_civil->second = 59;
  }
  return {};
}

Result<void> read_frequency(Recurrence& rule, std::string_view value) {
  const auto found = std::find(kFrequencies.begin(), kFrequencies.end(), value);
  if (found == kFrequencies.end())
    return wrong("FREQ", value, "SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY");
  rule.frequency = static_cast<Frequency>(found - kFrequencies.begin());
  return {};
}

Result<void> read_part(Recurrence& rule, std::string_view part, std::string_view value) {
  const std::map<std::string_view, std::pair<std::vector<int>*, Bounds>> lists = {
      {"BYSECOND", {&rule.seconds, {0, 60, false}}},
      {"BYMINUTE", {&rule.minutes, {0, 59, false}}},
      {"BYHOUR", {&rule.hours, {0, 23, false}}},
      {"BYMONTHDAY", {&rule.month_days, {1, 31, true}}},
      {"BYYEARDAY", {&rule.year_days, {1, 366, true}}},
      {"BYWEEKNO", {&rule.weeks, {1, 53, true}}},
      {"BYMONTH", {&rule.months, {1, 12, false}}},
      {"BYSETPOS", {&rule.positions, {1, 366, true}}}};
  if (const auto list = lists.find(part); list != lists.end()) {
    *list->second.first = HF_TRY(read_numbers(part, value, list->second.second));
    return {};
  }
  if (part == "FREQ") return read_frequency(rule, value);
  if (part == "UNTIL") return read_until(rule, value);
  if (part == "INTERVAL") {
    const auto number = small_number(value);
    if (!number || *number < 1) return wrong(part, value, "a whole number from 1 to 1000000");
    rule.interval = *number;
  } else if (part == "COUNT") {
    const auto number = parse_int(value);
    if (!number || *number < 1) return wrong(part, value, "a whole number from 1");
    rule.count = *number;
  } else if (part == "BYDAY") {
    rule.days = HF_TRY(read_days(value));
  } else if (part == "WKST") {
    const auto day = day_of(value);
    if (!day) return wrong(part, value, "SU, MO, TU, WE, TH, FR, SA");
    rule.week_start = *day;
  } else {
    return invalid("recurrence: unknown part '" + printable(part, 40) +
                   "': allowed are FREQ, INTERVAL, COUNT, UNTIL, WKST, BYSECOND, BYMINUTE, BYHOUR, "
                   "BYDAY, BYMONTHDAY, BYYEARDAY, BYWEEKNO, BYMONTH, BYSETPOS");
  }
  return {};
}

// What the table of RFC 5545, 3.3.10 marks N/A.
Result<void> check(const Recurrence& rule) {
  using enum Frequency;
  const bool ordinal = std::any_of(rule.days.begin(), rule.days.end(),
                                   [](const ByDay& day) { return day.ordinal != 0; });
  if (ordinal && rule.frequency != kMonthly && rule.frequency != kYearly)
    return invalid("recurrence: an ordinal in BYDAY needs FREQ=MONTHLY or YEARLY");
  if (ordinal && !rule.weeks.empty())
    return invalid("recurrence: an ordinal in BYDAY does not go with BYWEEKNO");
  if (!rule.weeks.empty() && rule.frequency != kYearly)
    return invalid("recurrence: BYWEEKNO needs FREQ=YEARLY");
  if (!rule.year_days.empty() &&
      (rule.frequency == kDaily || rule.frequency == kWeekly || rule.frequency == kMonthly))
    return invalid("recurrence: BYYEARDAY does not go with DAILY, WEEKLY or MONTHLY");
  if (!rule.month_days.empty() && rule.frequency == kWeekly)
    return invalid("recurrence: BYMONTHDAY does not go with FREQ=WEEKLY");
  if (!rule.positions.empty() && rule.seconds.empty() && rule.minutes.empty() &&
      rule.hours.empty() && rule.days.empty() && rule.month_days.empty() &&
      rule.year_days.empty() && rule.weeks.empty() && rule.months.empty())
    return invalid("recurrence: BYSETPOS needs another BY part");
  if (rule.count && (rule.until || rule.until_civil))
    return invalid("recurrence: COUNT and UNTIL do not go together");
  return {};
}

void pad(std::string& out, std::int64_t number, std::size_t width) {
  const auto text = std::to_string(number);
  if (text.size() < width) out.append(width - text.size(), '0');
  out += text;
}

void put_numbers(std::string& out, std::string_view part, const std::vector<int>& numbers) {
  if (numbers.empty()) return;
  out += ";" + std::string(part) + "=";
  for (std::size_t i = 0; i < numbers.size(); ++i)
    out += (i == 0 ? "" : ",") + std::to_string(numbers[i]);
}

}  // namespace

Result<Recurrence> parse_recurrence(std::string_view given) {
  if (given.size() > kTextMax) return invalid("recurrence: longer than 1000 characters");
  const auto text = upper(trim(given));
  std::string_view rest = text;
  if (rest.substr(0, 6) == "RRULE:") rest.remove_prefix(6);
  Recurrence rule;
  std::vector<std::string_view> seen;
  for (const auto item : split(rest, ';')) {
    if (item.empty() && item.data() + item.size() == rest.data() + rest.size() && !seen.empty())
      continue;  // one semicolon at the end, as some programs write
    const auto equal = item.find('=');
    if (equal == std::string_view::npos)
      return invalid("recurrence: '" + printable(item, 40) + "' is no NAME=VALUE");
    const auto part = item.substr(0, equal);
    if (std::find(seen.begin(), seen.end(), part) != seen.end())
      return invalid("recurrence: " + printable(part, 40) + " stands twice");
    seen.push_back(part);
    HF_TRY(read_part(rule, part, item.substr(equal + 1)));
  }
  if (std::find(seen.begin(), seen.end(), "FREQ") == seen.end())
    return invalid("recurrence: FREQ is missing");
  HF_TRY(check(rule));
  return rule;
}

std::string format_recurrence(const Recurrence& rule) {
  std::string out = "FREQ=" + std::string(kFrequencies[static_cast<std::size_t>(rule.frequency)]);
  if (rule.interval != 1) out += ";INTERVAL=" + std::to_string(rule.interval);
  if (rule.count) out += ";COUNT=" + std::to_string(*rule.count);
  if (rule.until) out += ";UNTIL=" + format_stamp(*rule.until);
  if (rule.until_civil) out += ";UNTIL=" + format_stamp(*rule.until_civil);
  if (rule.week_start != 1)
    out += ";WKST=" + std::string(kDays[static_cast<std::size_t>(rule.week_start)]);
  put_numbers(out, "BYSECOND", rule.seconds);
  put_numbers(out, "BYMINUTE", rule.minutes);
  put_numbers(out, "BYHOUR", rule.hours);
  for (std::size_t i = 0; i < rule.days.size(); ++i) {
    const auto& day = rule.days[i];
    out += i == 0 ? ";BYDAY=" : ",";
    if (day.ordinal != 0) out += std::to_string(day.ordinal);
    out += kDays[static_cast<std::size_t>(day.weekday)];
  }
  put_numbers(out, "BYMONTHDAY", rule.month_days);
  put_numbers(out, "BYYEARDAY", rule.year_days);
  put_numbers(out, "BYWEEKNO", rule.weeks);
  put_numbers(out, "BYMONTH", rule.months);
  put_numbers(out, "BYSETPOS", rule.positions);
  return out;
}

Result<StampText> parse_stamp(std::string_view text) {
  const auto bad = [&] {
    return invalid("'" + printable(text, 40) +
                   "' is no time: allowed are 20261121, "
                   "20261121T093000 and 20261121T083000Z");
  };
  StampText stamp;
  auto rest = text;
  if (rest.size() == 16 && (rest.back() == 'Z' || rest.back() == 'z')) {
    stamp.is_utc = true;
    rest.remove_suffix(1);
  }
  if (rest.size() != 8 && rest.size() != 15) return bad();
  if (rest.size() == 15 && rest[8] != 'T' && rest[8] != 't') return bad();
  const auto digits = [&](std::size_t at, std::size_t size) -> int {
    int number = 0;
    for (std::size_t i = at; i < at + size; ++i) {
      if (rest[i] < '0' || rest[i] > '9') return -1;
      number = number * 10 + (rest[i] - '0');
    }
    return number;
  };
  auto& civil = stamp.civil;
  civil.year = digits(0, 4);
  civil.month = digits(4, 2);
  civil.day = digits(6, 2);
  stamp.is_date = rest.size() == 8;
  if (!stamp.is_date) {
    civil.hour = digits(9, 2);
    civil.minute = digits(11, 2);
    civil.second = digits(13, 2);
  }
  if (civil.year < 1 || civil.month < 1 || civil.month > 12 || civil.day < 1 ||
      civil.day > days_in_month(civil.year, civil.month) || civil.hour < 0 || civil.hour > 23 ||
      civil.minute < 0 || civil.minute > 59 || civil.second < 0 || civil.second > 60)
    return bad();
  civil.second = std::min(civil.second, 59);  // a leap second is none of ours
  return stamp;
}

std::string format_stamp(const CivilTime& civil) {
  std::string out;
  pad(out, civil.year, 4);
  pad(out, civil.month, 2);
  pad(out, civil.day, 2);
  out += 'T';
  pad(out, civil.hour, 2);
  pad(out, civil.minute, 2);
  pad(out, civil.second, 2);
  return out;
}

std::string format_stamp(WallTime at) { return format_stamp(civil_utc(at)) + "Z"; }

}  // namespace holdfast::respond::oncall
