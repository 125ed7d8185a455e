#include "respond/oncall/rotation.h"

#include <algorithm>

namespace holdfast::respond::oncall {
namespace {

using Turn = Layer::Turn;
constexpr Duration kDay = 24h;

std::chrono::milliseconds in_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d);
}

// Of a turn that goes by the clock of the zone, in days; 0: by elapsed time.
std::int64_t clock_days(const Layer& layer) {
  switch (layer.turn) {
    case Turn::kDaily:
      return layer.interval;
    case Turn::kWeekly:
      return 7 * std::int64_t{layer.interval};
    case Turn::kCustom:
      return layer.length % kDay == Duration::zero() ? layer.length / kDay : 0;
    default:
      return 0;
  }
}

Duration elapsed_length(const Layer& layer) {
  return layer.turn == Turn::kHourly ? layer.interval * Duration(1h) : layer.length;
}

// The turn that holds `at`; a guess by length, then a step or two. Before the start: -1.
std::int64_t turn_at(const Layer& layer, WallTime at) {
  if (at < layer.zone.instant(layer.start)) return -1;
  const auto past = at - layer.zone.instant(layer.start);
  std::int64_t guess = 0;
  if (layer.turn == Turn::kMonthly) {
    const auto civil = layer.zone.civil(at);
    guess =
        ((civil.year - layer.start.year) * 12 + civil.month - layer.start.month) / layer.interval;
  } else if (const auto days = clock_days(layer); days > 0) {
    guess = past / (days * kDay);
  } else {
    guess = past / elapsed_length(layer);
  }
  guess = std::max<std::int64_t>(guess, 0);
  while (guess > 0 && turn_begin(layer, guess) > at) --guess;
  while (turn_begin(layer, guess + 1) <= at) ++guess;
  return guess;
}

struct Stretch {
  WallTime from{}, to{};
};

bool begins_on(const Window& window, std::int64_t day, const std::set<std::int64_t>& holidays) {
  const int weekday = static_cast<int>(((day + 4) % 7 + 7) % 7);
  const bool named =
      window.weekdays.empty() ||
      std::find(window.weekdays.begin(), window.weekdays.end(), weekday) != window.weekdays.end();
  const bool holiday = holidays.count(day) > 0;
  switch (window.holidays) {
    case Window::Holidays::kNever:
      return named && !holiday;
    case Window::Holidays::kAlso:
      return named || holiday;
    case Window::Holidays::kOnly:
      return named && holiday;
    case Window::Holidays::kAsUsual:
      break;
  }
  return named;
}

// When the layer is open, merged and in order.
std::vector<Stretch> open_times(const Layer& layer, const std::set<std::int64_t>& holidays,
                                WallTime from, WallTime to) {
  const auto day_at = [&](WallTime at) {
    const auto civil = layer.zone.civil(at);
    return days_of(civil.year, civil.month, civil.day);
  };
  std::vector<Stretch> all;
  for (auto day = day_at(from) - 1; day <= day_at(to); ++day) {
    for (const auto& window : layer.windows) {
      if (!begins_on(window, day, holidays)) continue;
      auto civil = civil_utc(from_ms(day * 86'400'000));
      civil.minute = window.begin_minute;
      const auto begin = layer.zone.instant(civil);
      if (window.end_minute <= window.begin_minute) ++civil.day;
      civil.minute = window.end_minute;
      all.push_back({begin, layer.zone.instant(civil)});
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
  std::vector<Stretch> merged;
  for (const auto& stretch : all) {
    if (!merged.empty() && stretch.from <= merged.back().to)
      merged.back().to = std::max(merged.back().to, stretch.to);
    else
      merged.push_back(stretch);
  }
  return merged;
}

std::vector<Piece> cut_to(const std::vector<Piece>& pieces, const std::vector<Stretch>& open) {
  std::vector<Piece> out;
  for (const auto& piece : pieces) {
    auto stretch = std::lower_bound(open.begin(), open.end(), piece.from,
                                    [](const Stretch& s, WallTime at) { return s.to <= at; });
    for (; stretch != open.end() && stretch->from < piece.to; ++stretch) {
      auto part = piece;
      part.from = std::max(part.from, stretch->from);
      part.to = std::min(part.to, stretch->to);
      if (part.from < part.to) out.push_back(std::move(part));
    }
  }
  return out;
}

std::vector<Piece> rotation_pieces(const Layer& layer, WallTime from, WallTime to) {
  std::vector<Piece> out;
  for (auto turn = std::max<std::int64_t>(turn_at(layer, from), 0);; ++turn) {
    const auto begin = turn_begin(layer, turn);
    if (begin >= to) return out;
    out.push_back({begin, turn_begin(layer, turn + 1), turn_users(layer, turn), layer.level, turn,
                   &layer, nullptr});
  }
}

// Each occurrence is a turn; which one it is, is counted from the start, so that the rotation does
// not depend on the view.
std::vector<Piece> rule_pieces(const Layer& layer, WallTime from, WallTime to) {
  RecurringSet set;
  set.start = layer.start;
  set.zone = layer.zone;
  set.rules = {*layer.rule};
  std::vector<Piece> out;
  std::int64_t turn = 0;
  for (const auto at : occurrences(set, layer.zone.instant(layer.start), to)) {
    const auto end = at + in_ms(layer.length);
    if (end > from)
      out.push_back({at, end, turn_users(layer, turn), layer.level, turn, &layer, nullptr});
    ++turn;
  }
  return out;
}

std::vector<Piece> calendar_pieces(const Layer& layer, WallTime from, WallTime to) {
  std::vector<Piece> out;
  std::int64_t number = 0;
  for (const auto& shift : layer.calendar) {
    for (const auto at : occurrences(shift.when, from - in_ms(shift.length), to)) {
      const auto end = at + in_ms(shift.length);
      if (end > from) out.push_back({at, end, shift.users, shift.level, number, &layer, nullptr});
    }
    ++number;
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
  return out;
}

}  // namespace

WallTime turn_begin(const Layer& layer, std::int64_t index) {
  auto civil = layer.start;
  if (layer.turn == Turn::kMonthly) {
    const auto month = civil.year * 12 + civil.month - 1 + index * layer.interval;
    civil.year = month / 12;
    civil.month = static_cast<int>(month % 12) + 1;
    civil.day = std::min(civil.day, days_in_month(civil.year, civil.month));
    return layer.zone.instant(civil);
  }
  if (const auto days = clock_days(layer); days > 0) {
    const auto day = civil_utc(
        from_ms((days_of(civil.year, civil.month, civil.day) + index * days) * 86'400'000));
    civil.year = day.year;
    civil.month = day.month;
    civil.day = day.day;
    return layer.zone.instant(civil);
  }
  return layer.zone.instant(civil) + in_ms(index * elapsed_length(layer));
}

const std::vector<std::string>& turn_users(const Layer& layer, std::int64_t index) {
  static const std::vector<std::string> kNobody;
  if (layer.users.empty()) return kNobody;
  const auto size = static_cast<std::int64_t>(layer.users.size());
  return layer.users[static_cast<std::size_t>(((layer.first + index) % size + size) % size)];
}

std::vector<Piece> pieces_of(const Layer& layer, const std::set<std::int64_t>& holidays,
                             WallTime from, WallTime to) {
  if (layer.until) to = std::min(to, layer.zone.instant(*layer.until));
  if (from >= to) return {};
  auto pieces = layer.turn == Turn::kRule       ? rule_pieces(layer, from, to)
                : layer.turn == Turn::kCalendar ? calendar_pieces(layer, from, to)
                                                : rotation_pieces(layer, from, to);
  for (auto& piece : pieces) {
    piece.from = std::max(piece.from, from);
    piece.to = std::min(piece.to, to);
  }
  std::erase_if(pieces, [](const auto& piece) { return piece.from >= piece.to; });
  return layer.windows.empty() ? pieces : cut_to(pieces, open_times(layer, holidays, from, to));
}

}  // namespace holdfast::respond::oncall
