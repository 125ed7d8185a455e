// A rule is walked period by period (an hour, a day, a week, ...). Each period yields its
// candidates by the table of RFC 5545, 3.3.10; BYSETPOS picks among them; start, UNTIL and COUNT
// cut. Without COUNT the walk begins beside what is asked for, so a rule that began ten years ago
// costs no more than one that began today.
#include "respond/oncall/recurrence.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace holdfast::respond::oncall {
namespace {

constexpr std::int64_t kYearMax = 9999;

bool has(const std::vector<int>& list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Whether `position` of `size` (from 1) stands in the list, counted from either end.
bool has_position(const std::vector<int>& list, int position, int size) {
  return has(list, position) || has(list, position - size - 1);
}

CivilTime civil_of_day(std::int64_t day) { return civil_utc(from_ms(day * 86'400'000)); }
std::int64_t day_of(const CivilTime& civil) { return days_of(civil.year, civil.month, civil.day); }
int weekday_of_day(std::int64_t day) { return static_cast<int>(((day + 4) % 7 + 7) % 7); }

// The first day of week 1: the week, beginning on `week_start`, that has at least four days of the
// year.
std::int64_t first_week(std::int64_t year, int week_start) {
  const auto first = days_of(year, 1, 1);
  const int behind = (weekday_of_day(first) - week_start + 7) % 7;
  return behind <= 3 ? first - behind : first + 7 - behind;
}

// The days between two, first included and last excluded, that BYDAY names; ordinals count within
// this stretch.
std::vector<std::int64_t> named_days(const std::vector<ByDay>& days, std::int64_t first,
                                     std::int64_t last) {
  std::vector<std::int64_t> out;
  for (const auto& day : days) {
    if (day.ordinal < 0) {
      const auto end = last - 1;
      const auto found = end - (weekday_of_day(end) - day.weekday + 7) % 7 + 7 * (day.ordinal + 1);
      if (found >= first) out.push_back(found);
      continue;
    }
    auto found = first + (day.weekday - weekday_of_day(first) + 7) % 7;
    if (day.ordinal > 0) {
      found += 7 * (day.ordinal - 1);
      if (found < last) out.push_back(found);
      continue;
    }
    for (; found < last; found += 7) out.push_back(found);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// One rule of a set, walked in order.
class Walk {
 public:
  Walk(const RecurringSet& set, const Recurrence& rule)
      : set_(set), rule_(rule), start_(set.zone.instant(set.start)), start_day_(day_of(set.start)) {
    make_clock();
  }

  // Hands out what occurs from `from` on, until `take` answers false; none of `to` and later is
  // wanted.
  void run(WallTime from, WallTime to, const std::function<bool(WallTime)>& take) {
    const bool subdaily = rule_.frequency <= Frequency::kHourly;
    std::int64_t period = rule_.count ? 0 : subdaily ? near_elapsed(from) : near_civil(from);
    std::int64_t given = 0;
    std::vector<WallTime> found;
    for (std::size_t looked = 0; looked < kPeriodsMax; ++looked) {
      if (begin_of(period) > to) return;
      found.clear();
      std::int64_t next = period + 1;
      if (!(subdaily ? elapsed_period(period, found, next) : civil_period(period, found))) return;
      pick_positions(found);
      for (const auto at : found) {
        if (at < start_) continue;
        if (after_until(at)) return;
        if (rule_.count && ++given > *rule_.count) return;
        if (at >= from && !take(at)) return;
      }
      period = next;
    }
  }

 private:
  // Nothing of the period happens before this; two days off at most for the zone, and a week for
  // weeks of a year.
  WallTime begin_of(std::int64_t period) const {
    const auto step = period * rule_.interval;
    std::int64_t day = start_day_;
    switch (rule_.frequency) {
      case Frequency::kDaily:
        day += step;
        break;
      case Frequency::kWeekly:
        day += 7 * step - 7;
        break;
      case Frequency::kMonthly:
        day = days_of(set_.start.year, set_.start.month + step, 1);
        break;
      case Frequency::kYearly:
        day = days_of(set_.start.year + step, 1, 1) - 7;
        break;
      default:
        return from_ms(to_ms(start_) + period * step_ms() - 3'600'000);
    }
    return from_ms((day - 2) * 86'400'000);
  }

  void make_clock() {
    const auto& s = set_.start;
    hours_ = rule_.hours.empty() ? std::vector<int>{s.hour} : rule_.hours;
    minutes_ = rule_.minutes.empty() ? std::vector<int>{s.minute} : rule_.minutes;
    seconds_ = rule_.seconds.empty() ? std::vector<int>{s.second} : rule_.seconds;
  }

  bool after_until(WallTime at) const {
    if (rule_.until && at > *rule_.until) return true;
    return rule_.until_civil && set_.zone.civil(at) > *rule_.until_civil &&
           at > set_.zone.instant(*rule_.until_civil);
  }

  void pick_positions(std::vector<WallTime>& found) const {
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    if (rule_.positions.empty()) return;
    std::vector<WallTime> picked;
    const int size = static_cast<int>(found.size());
    for (int i = 0; i < size; ++i) {
      if (has_position(rule_.positions, i + 1, size))
        picked.push_back(found[static_cast<std::size_t>(i)]);
    }
    found = std::move(picked);
  }

  // ---- days and longer: on the clock of the zone ----

  std::int64_t near_civil(WallTime from) const {
    const auto civil = set_.zone.civil(std::max(from, start_));
    const auto days = day_of(civil) - start_day_;
    std::int64_t units = 0;
    switch (rule_.frequency) {
      case Frequency::kDaily:
        units = days;
        break;
      case Frequency::kWeekly:
        units = days / 7;
        break;
      case Frequency::kMonthly:
        units = (civil.year - set_.start.year) * 12 + civil.month - set_.start.month;
        break;
      default:
        units = civil.year - set_.start.year;
        break;
    }
    // Two before: a change of the clocks and weeks that reach into the next year are then surely
    // behind.
    return std::max<std::int64_t>(0, units / rule_.interval - 2);
  }

  // False: beyond the calendar.
  bool civil_period(std::int64_t period, std::vector<WallTime>& found) const {
    std::vector<std::int64_t> days;
    const auto step = period * rule_.interval;
    bool within = true;
    switch (rule_.frequency) {
      case Frequency::kDaily:
        within = of_day(step, days);
        break;
      case Frequency::kWeekly:
        within = of_week(step, days);
        break;
      case Frequency::kMonthly:
        within = of_month(step, days);
        break;
      default:
        within = of_year(step, days);
        break;
    }
    for (const auto day : days) {
      auto civil = civil_of_day(day);
      for (const int hour : hours_) {
        for (const int minute : minutes_) {
          for (const int second : seconds_) {
            if (second > 59) continue;
            civil.hour = hour;
            civil.minute = minute;
            civil.second = second;
            found.push_back(set_.zone.instant(civil));
          }
        }
      }
    }
    return within;
  }

  bool month_allowed(std::int64_t day) const {
    return rule_.months.empty() || has(rule_.months, civil_of_day(day).month);
  }
  bool month_day_allowed(std::int64_t day) const {
    if (rule_.month_days.empty()) return true;
    const auto civil = civil_of_day(day);
    return has_position(rule_.month_days, civil.day, days_in_month(civil.year, civil.month));
  }
  bool weekday_allowed(std::int64_t day) const {
    const int weekday = weekday_of_day(day);
    return rule_.days.empty() || std::any_of(rule_.days.begin(), rule_.days.end(),
                                             [&](const ByDay& d) { return d.weekday == weekday; });
  }

  bool of_day(std::int64_t step, std::vector<std::int64_t>& days) const {
    const auto day = start_day_ + step;
    if (month_allowed(day) && month_day_allowed(day) && weekday_allowed(day)) days.push_back(day);
    return civil_of_day(day).year <= kYearMax;
  }

  bool of_week(std::int64_t step, std::vector<std::int64_t>& days) const {
    const int behind = (weekday_of_day(start_day_) - rule_.week_start + 7) % 7;
    const auto first = start_day_ - behind + 7 * step;
    for (auto day = first; day < first + 7; ++day) {
      const bool named = rule_.days.empty() ? weekday_of_day(day) == weekday_of_day(start_day_)
                                            : weekday_allowed(day);
      if (named && month_allowed(day)) days.push_back(day);
    }
    return civil_of_day(first).year <= kYearMax;
  }

  // The days of one month that BYMONTHDAY and BYDAY, or else the start, name. Ordinals count within
  // the month, but in a yearly rule without BYMONTH within the year.
  void in_month(std::int64_t year, int month, std::vector<std::int64_t>& days) const {
    const auto first = days_of(year, month, 1);
    const int size = days_in_month(year, month);
    const bool by_year = rule_.frequency == Frequency::kYearly && rule_.months.empty();
    std::vector<std::int64_t> named;
    if (!rule_.days.empty())
      named = by_year ? named_days(rule_.days, days_of(year, 1, 1), days_of(year + 1, 1, 1))
                      : named_days(rule_.days, first, first + size);
    if (rule_.month_days.empty() && rule_.days.empty()) {
      if (set_.start.day <= size) days.push_back(first + set_.start.day - 1);
      return;
    }
    for (int i = 1; i <= size; ++i) {
      const auto day = first + i - 1;
      if (!rule_.month_days.empty() && !has_position(rule_.month_days, i, size)) continue;
      if (!rule_.days.empty() && !std::binary_search(named.begin(), named.end(), day)) continue;
      days.push_back(day);
    }
  }

  bool of_month(std::int64_t step, std::vector<std::int64_t>& days) const {
    const auto index = set_.start.year * 12 + set_.start.month - 1 + step;
    const auto year = index / 12;
    const int month = static_cast<int>(index % 12) + 1;
    if (year > kYearMax) return false;
    if (rule_.months.empty() || has(rule_.months, month)) in_month(year, month, days);
    return true;
  }

  bool of_year(std::int64_t step, std::vector<std::int64_t>& days) const {
    const auto year = set_.start.year + step;
    if (year > kYearMax) return false;
    if (!rule_.weeks.empty()) {
      in_weeks(year, days);
    } else if (!rule_.year_days.empty()) {
      in_year_days(year, days);
    } else if (!rule_.month_days.empty() || !rule_.months.empty()) {
      for (int month = 1; month <= 12; ++month) {
        if (rule_.months.empty() || has(rule_.months, month)) in_month(year, month, days);
      }
    } else if (!rule_.days.empty()) {
      days = named_days(rule_.days, days_of(year, 1, 1), days_of(year + 1, 1, 1));
    } else if (set_.start.day <= days_in_month(year, set_.start.month)) {
      days.push_back(days_of(year, set_.start.month, set_.start.day));
    }
    return true;
  }

  void in_weeks(std::int64_t year, std::vector<std::int64_t>& days) const {
    const auto first = first_week(year, rule_.week_start);
    const auto end = first_week(year + 1, rule_.week_start);
    const int size = static_cast<int>((end - first) / 7);
    for (auto day = first; day < end; ++day) {
      if (!has_position(rule_.weeks, static_cast<int>((day - first) / 7) + 1, size)) continue;
      const bool named = rule_.days.empty() ? weekday_of_day(day) == weekday_of_day(start_day_)
                                            : weekday_allowed(day);
      if (!named || !month_allowed(day) || !month_day_allowed(day)) continue;
      if (rule_.year_days.empty() || year_day_allowed(day)) days.push_back(day);
    }
  }

  bool year_day_allowed(std::int64_t day) const {
    const auto year = civil_of_day(day).year;
    const auto first = days_of(year, 1, 1);
    return has_position(rule_.year_days, static_cast<int>(day - first) + 1,
                        static_cast<int>(days_of(year + 1, 1, 1) - first));
  }

  void in_year_days(std::int64_t year, std::vector<std::int64_t>& days) const {
    const auto first = days_of(year, 1, 1), end = days_of(year + 1, 1, 1);
    const auto named = named_days(rule_.days, first, end);
    for (auto day = first; day < end; ++day) {
      if (!year_day_allowed(day) || !month_allowed(day) || !month_day_allowed(day)) continue;
      if (!rule_.days.empty() && !std::binary_search(named.begin(), named.end(), day)) continue;
      days.push_back(day);
    }
  }

  // ---- hours and shorter: elapsed time, seen on the clock of the zone ----

  std::int64_t step_ms() const {
    const std::int64_t unit = rule_.frequency == Frequency::kSecondly   ? 1'000
                              : rule_.frequency == Frequency::kMinutely ? 60'000
                                                                        : 3'600'000;
    return unit * rule_.interval;
  }
  std::int64_t period_at_or_after(WallTime at) const {
    const auto past = to_ms(at) - to_ms(start_);
    return past <= 0 ? 0 : (past + step_ms() - 1) / step_ms();
  }
  std::int64_t near_elapsed(WallTime from) const {
    return std::max<std::int64_t>(0, period_at_or_after(std::max(from, start_)) - 2);
  }

  // The first moment after `civil` at which a part that does not match now can: the next day, hour
  // or minute. Nothing: it matches.
  std::optional<CivilTime> next_chance(const CivilTime& civil) const {
    const auto day = day_of(civil);
    CivilTime next = civil;
    next.second = next.millisecond = 0;
    const bool day_ok = month_allowed(day) && month_day_allowed(day) && weekday_allowed(day) &&
                        (rule_.year_days.empty() || year_day_allowed(day));
    if (!day_ok) {
      next.hour = next.minute = 0;
      ++next.day;
      return next;
    }
    if (!rule_.hours.empty() && !has(rule_.hours, civil.hour)) {
      next.minute = 0;
      ++next.hour;
      return next;
    }
    if (rule_.frequency != Frequency::kHourly && !rule_.minutes.empty() &&
        !has(rule_.minutes, civil.minute)) {
      ++next.minute;
      return next;
    }
    return std::nullopt;
  }

  bool elapsed_period(std::int64_t period, std::vector<WallTime>& found, std::int64_t& next) const {
    const auto at = from_ms(to_ms(start_) + period * step_ms());
    const auto civil = set_.zone.civil(at);
    if (civil.year > kYearMax) return false;
    if (const auto chance = next_chance(civil)) {
      // An hour that the clocks repeat or skip may bring the chance to an instant already passed.
      next = std::max(period + 1, period_at_or_after(set_.zone.instant(*chance)));
      // Going back an hour may lie between: do not jump over a change of the clocks by more than it
      // needs.
      const auto change = set_.zone.span(at).end;
      if (change != WallTime::max() && change > at)
        next = std::max(period + 1, std::min(next, period_at_or_after(change)));
      return true;
    }
    if (rule_.frequency == Frequency::kSecondly) {
      if (rule_.seconds.empty() || has(rule_.seconds, civil.second)) found.push_back(at);
      return true;
    }
    const bool hourly = rule_.frequency == Frequency::kHourly;
    const auto minutes =
        hourly && !rule_.minutes.empty() ? rule_.minutes : std::vector<int>{civil.minute};
    const auto seconds = rule_.seconds.empty() ? std::vector<int>{civil.second} : rule_.seconds;
    const auto hour = at - std::chrono::minutes(civil.minute) - std::chrono::seconds(civil.second);
    for (const int minute : minutes) {
      for (const int second : seconds) {
        if (second <= 59)
          found.push_back(hour + std::chrono::minutes(minute) + std::chrono::seconds(second));
      }
    }
    return true;
  }

  const RecurringSet& set_;
  const Recurrence& rule_;
  const WallTime start_;
  const std::int64_t start_day_;
  std::vector<int> hours_, minutes_, seconds_;
};

bool is_excepted(const RecurringSet& set, WallTime at) {
  if (std::find(set.exceptions.begin(), set.exceptions.end(), at) != set.exceptions.end())
    return true;
  if (set.exception_days.empty()) return false;
  const auto civil = set.zone.civil(at);
  return std::any_of(
      set.exception_days.begin(), set.exception_days.end(), [&](const CivilTime& day) {
        return day.year == civil.year && day.month == civil.month && day.day == civil.day;
      });
}

}  // namespace

std::vector<WallTime> occurrences(const RecurringSet& set, WallTime from, WallTime to,
                                  std::size_t limit) {
  std::vector<WallTime> out;
  const auto add = [&](WallTime at) {
    if (at >= from && at < to && !is_excepted(set, at)) out.push_back(at);
  };
  if (set.rules.empty()) add(set.zone.instant(set.start));
  for (const auto& at : set.added) add(at);
  for (const auto& rule : set.rules) {
    std::size_t taken = 0;
    Walk(set, rule).run(from, to, [&](WallTime at) {
      if (at >= to || taken >= limit) return false;
      const auto before = out.size();
      add(at);
      taken += out.size() - before;
      return taken < limit;
    });
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.size() > limit) out.resize(limit);
  return out;
}

std::vector<WallTime> next_occurrences(const RecurringSet& set, WallTime from, std::size_t count) {
  return occurrences(set, from, WallTime::max(), count);
}

std::optional<WallTime> last_occurrence(const RecurringSet& set, WallTime at, Duration reach) {
  const auto from = at - std::chrono::duration_cast<std::chrono::milliseconds>(reach);
  const auto found = occurrences(set, from, at + 1ms, std::numeric_limits<std::size_t>::max());
  if (found.empty()) return std::nullopt;
  return found.back();
}

}  // namespace holdfast::respond::oncall
