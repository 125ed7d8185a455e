// Layouts are cut into elements (a year, a literal, a fraction of seconds, ...) by one function; formatting and parsing
// walk over its answers.
#include "base/template/go_time.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/template/lexer.h"

namespace holdfast::templates {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

enum class Element {
  kLiteral,
  kLongMonth,
  kMonth,
  kNumMonth,
  kZeroMonth,
  kLongWeekday,
  kWeekday,
  kDay,
  kUnderDay,
  kZeroDay,
  kUnderYearDay,
  kZeroYearDay,
  kHour,
  kHour12,
  kZeroHour12,
  kMinute,
  kZeroMinute,
  kSecond,
  kZeroSecond,
  kLongYear,
  kYear,
  kUpperPm,
  kLowerPm,
  kZoneName,
  kIsoZone,
  kIsoSecondsZone,
  kIsoShortZone,
  kIsoColonZone,
  kIsoColonSecondsZone,
  kNumZone,
  kNumSecondsZone,
  kNumShortZone,
  kNumColonZone,
  kNumColonSecondsZone,
  kFraction0,
  kFraction9,
};

// In the order in which they are tried: longer forms before those that begin them.
struct Form {
  std::string_view text;
  Element element;
};
constexpr Form kForms[] = {
    {"January", Element::kLongMonth},
    {"Jan", Element::kMonth},
    {"Monday", Element::kLongWeekday},
    {"MST", Element::kZoneName},
    {"Mon", Element::kWeekday},
    {"01", Element::kZeroMonth},
    {"002", Element::kZeroYearDay},
    {"02", Element::kZeroDay},
    {"03", Element::kZeroHour12},
    {"04", Element::kZeroMinute},
    {"05", Element::kZeroSecond},
    {"06", Element::kYear},
    {"15", Element::kHour},
    {"1", Element::kNumMonth},
    {"2006", Element::kLongYear},
    {"2", Element::kDay},
    {"__2", Element::kUnderYearDay},
    {"_2", Element::kUnderDay},
    {"3", Element::kHour12},
    {"4", Element::kMinute},
    {"5", Element::kSecond},
    {"PM", Element::kUpperPm},
    {"pm", Element::kLowerPm},
    {"-070000", Element::kNumSecondsZone},
    {"-07:00:00", Element::kNumColonSecondsZone},
    {"-0700", Element::kNumZone},
    {"-07:00", Element::kNumColonZone},
    {"-07", Element::kNumShortZone},
    {"Z070000", Element::kIsoSecondsZone},
    {"Z07:00:00", Element::kIsoColonSecondsZone},
    {"Z0700", Element::kIsoZone},
    {"Z07:00", Element::kIsoColonZone},
    {"Z07", Element::kIsoShortZone},
};

struct Piece {
  Element element = Element::kLiteral;
  std::string_view text;
};

bool is_digit_at(std::string_view text, std::size_t i) {
  return i < text.size() && text[i] >= '0' && text[i] <= '9';
}

// The element that begins the layout, if any does.
std::optional<Piece> element_at(std::string_view layout) {
  for (const auto& form : kForms) {
    if (!layout.starts_with(form.text)) continue;
    // "Janet" is no month; "_2006" is an underscore and a year.
    if (form.element == Element::kMonth && layout.size() > 3 && layout[3] >= 'a' &&
        layout[3] <= 'z')
      continue;
    if (form.element == Element::kWeekday && layout.size() > 3 && layout[3] >= 'a' &&
        layout[3] <= 'z')
      continue;
    if (form.element == Element::kUnderDay && layout.starts_with("_2006")) return std::nullopt;
    return Piece{form.element, layout.substr(0, form.text.size())};
  }
  const char first = layout[0];
  if ((first == '.' || first == ',') && layout.size() > 1 &&
      (layout[1] == '0' || layout[1] == '9')) {
    std::size_t end = 1;
    while (end < layout.size() && layout[end] == layout[1]) ++end;
    if (!is_digit_at(layout, end)) {
      return Piece{layout[1] == '0' ? Element::kFraction0 : Element::kFraction9,
                   layout.substr(0, end)};
    }
  }
  return std::nullopt;
}

Piece next_piece(std::string_view layout) {
  if (auto piece = element_at(layout)) return *piece;
  std::size_t end = 1;
  while (end < layout.size() && !element_at(layout.substr(end))) ++end;
  return {Element::kLiteral, layout.substr(0, end)};
}

std::string padded(std::int64_t value, int width, char fill = '0') {
  const bool negative = value < 0;
  std::string digits = std::to_string(negative ? 0 - value : value);
  if (digits.size() < static_cast<std::size_t>(width))
    digits.insert(0, static_cast<std::size_t>(width) - digits.size(), fill);
  return negative ? "-" + digits : digits;
}

// A civil time and the nanoseconds and the zone that CivilTime leaves out.
struct Clock {
  CivilTime civil;
  int nanoseconds = 0;
  int offset_seconds = 0;
  std::string zone;
};

Clock clock_of(const Time& time) {
  const WallTime whole = from_ms(
      std::clamp<std::int64_t>(time.seconds, -6'000'000'000'000'000, 6'000'000'000'000'000) * 1000);
  const ZoneSpan span = time.zone.span(whole);
  return {time.zone.civil(whole), time.nanoseconds, span.offset_seconds, span.abbreviation};
}

std::string fraction_of(int nanoseconds, std::string_view form, Element element) {
  std::string digits = padded(nanoseconds, 9).substr(0, std::min<std::size_t>(form.size() - 1, 9));
  if (element == Element::kFraction9) {
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) return "";
  }
  return std::string(1, form[0]) + digits;
}

std::string offset_text(int offset, Element element) {
  const bool iso = element >= Element::kIsoZone && element <= Element::kIsoColonSecondsZone;
  if (iso && offset == 0) return "Z";
  const int away = offset < 0 ? -offset : offset;
  const bool colon = element == Element::kIsoColonZone ||
                     element == Element::kIsoColonSecondsZone ||
                     element == Element::kNumColonZone || element == Element::kNumColonSecondsZone;
  std::string out = (offset < 0 ? "-" : "+") + padded(away / 3600, 2);
  if (element == Element::kIsoShortZone || element == Element::kNumShortZone) return out;
  out += (colon ? ":" : "") + padded(away / 60 % 60, 2);
  if (element == Element::kIsoSecondsZone || element == Element::kNumSecondsZone ||
      element == Element::kIsoColonSecondsZone || element == Element::kNumColonSecondsZone) {
    out += (colon ? ":" : "") + padded(away % 60, 2);
  }
  return out;
}

// A zone nobody named shows its offset.
std::string zone_text(const Clock& clock) {
  return clock.zone.empty() ? offset_text(clock.offset_seconds, Element::kNumZone) : clock.zone;
}

std::string piece_text(const Clock& c, const Piece& piece) {
  const CivilTime& t = c.civil;
  const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (piece.element) {
    case Element::kLiteral:
      return std::string(piece.text);
    case Element::kLongMonth:
      return std::string(kMonths[static_cast<std::size_t>(t.month) - 1]);
    case Element::kMonth:
      return std::string(kMonths[static_cast<std::size_t>(t.month) - 1].substr(0, 3));
    case Element::kNumMonth:
      return std::to_string(t.month);
    case Element::kZeroMonth:
      return padded(t.month, 2);
    case Element::kLongWeekday:
      return std::string(kDays[static_cast<std::size_t>(weekday(t))]);
    case Element::kWeekday:
      return std::string(kDays[static_cast<std::size_t>(weekday(t))].substr(0, 3));
    case Element::kDay:
      return std::to_string(t.day);
    case Element::kUnderDay:
      return padded(t.day, 2, ' ');
    case Element::kZeroDay:
      return padded(t.day, 2);
    case Element::kUnderYearDay:
      return padded(year_day(t), 3, ' ');
    case Element::kZeroYearDay:
      return padded(year_day(t), 3);
    case Element::kHour:
      return padded(t.hour, 2);
    case Element::kHour12:
      return std::to_string(hour12);
    case Element::kZeroHour12:
      return padded(hour12, 2);
    case Element::kMinute:
      return std::to_string(t.minute);
    case Element::kZeroMinute:
      return padded(t.minute, 2);
    case Element::kSecond:
      return std::to_string(t.second);
    case Element::kZeroSecond:
      return padded(t.second, 2);
    case Element::kLongYear:
      return padded(t.year, 4);
    case Element::kYear:
      return padded((t.year % 100 + 100) % 100, 2);
    case Element::kUpperPm:
      return t.hour >= 12 ? "PM" : "AM";
    case Element::kLowerPm:
      return t.hour >= 12 ? "pm" : "am";
    case Element::kZoneName:
      return zone_text(c);
    case Element::kFraction0:
    case Element::kFraction9:
      return fraction_of(c.nanoseconds, piece.text, piece.element);
    default:
      return offset_text(c.offset_seconds, piece.element);
  }
}

// --- reading -----------------------------------------------------------------------------------------------------

class TimeParser {
 public:
  TimeParser(std::string_view layout, std::string_view text)
      : layout_(layout), text_(text), rest_(text) {}

  Result<Time> run() {
    for (auto layout = layout_; !layout.empty();) {
      const Piece piece = next_piece(layout);
      const auto held = rest_;
      if (!read(piece, layout.substr(piece.text.size()))) {
        if (!range_.empty()) return fail(": " + range_ + " out of range");
        return fail(" as " + quote(layout_) + ": cannot parse " + quote(held) + " as " +
                    quote(piece.text));
      }
      layout.remove_prefix(piece.text.size());
    }
    if (!rest_.empty()) return fail(": extra text: " + quote(rest_));
    return finish();
  }

 private:
  Error fail(const std::string& why) const { return invalid("parsing time " + quote(text_) + why); }

  bool out_of_range(const char* what) {
    range_ = what;
    return false;
  }

  // One or two digits; `fixed` wants two.
  bool digits(int& out, bool fixed) {
    if (!is_digit_at(rest_, 0) || (fixed && !is_digit_at(rest_, 1))) return false;
    const std::size_t size = is_digit_at(rest_, 1) ? 2 : 1;
    out = std::stoi(std::string(rest_.substr(0, size)));
    rest_.remove_prefix(size);
    return true;
  }
  bool many_digits(int& out, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit_at(rest_, i)) return false;
    }
    out = std::stoi(std::string(rest_.substr(0, count)));
    rest_.remove_prefix(count);
    return true;
  }

  // One of the names, in any case; `size` of 3 for their short forms.
  template <std::size_t N>
  bool name(const std::array<std::string_view, N>& names, std::size_t size, int& out) {
    for (std::size_t i = 0; i < N; ++i) {
      const auto wanted = names[i].substr(0, size);
      if (rest_.size() < wanted.size()) continue;
      const bool same = std::equal(wanted.begin(), wanted.end(), rest_.begin(), [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) ==
               std::tolower(static_cast<unsigned char>(b));
      });
      if (!same) continue;
      rest_.remove_prefix(wanted.size());
      out = static_cast<int>(i);
      return true;
    }
    return false;
  }

  bool literal(std::string_view wanted) {
    for (std::size_t i = 0; i < wanted.size();) {
      if (wanted[i] == ' ') {
        // A run of spaces matches any run, none too at the end.
        if (!rest_.empty() && rest_[0] != ' ') return false;
        while (i < wanted.size() && wanted[i] == ' ') ++i;
        while (rest_.starts_with(' ')) rest_.remove_prefix(1);
        continue;
      }
      if (rest_.empty() || rest_[0] != wanted[i]) return false;
      rest_.remove_prefix(1);
      ++i;
    }
    return true;
  }

  bool fraction(std::size_t count_min) {
    std::size_t count = 1;
    while (is_digit_at(rest_, count)) ++count;
    if (count - 1 < count_min) return false;
    std::string digits(rest_.substr(1, std::min<std::size_t>(count - 1, 9)));
    digits.resize(9, '0');
    nanoseconds_ = std::stoi(digits);
    rest_.remove_prefix(count);
    return true;
  }

  bool read_second(std::string_view following) {
    if (!digits(second_, true)) return false;
    if (second_ >= 60) return out_of_range("second");
    // A fraction is welcome where the layout has none.
    const bool dot =
        rest_.size() > 1 && (rest_[0] == '.' || rest_[0] == ',') && is_digit_at(rest_, 1);
    if (dot) {
      const auto next = following.empty() ? std::optional<Piece>() : element_at(following);
      const bool wanted =
          next && (next->element == Element::kFraction0 || next->element == Element::kFraction9);
      if (!wanted) return fraction(1);
    }
    return true;
  }

  bool read_offset(Element element) {
    const bool iso = element >= Element::kIsoZone && element <= Element::kIsoColonSecondsZone;
    if (iso && rest_.starts_with('Z')) {
      rest_.remove_prefix(1);
      offset_ = 0;
      return true;
    }
    if (rest_.empty() || (rest_[0] != '+' && rest_[0] != '-')) return false;
    const int sign = rest_[0] == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    const std::string shape = offset_text(3600, element).substr(1);  // 01:00:00 and shorter
    int parts[3] = {0, 0, 0};
    int part = 0;
    for (std::size_t i = 0; i < shape.size();) {
      if (shape[i] == ':') {
        if (!rest_.starts_with(':')) return false;
        rest_.remove_prefix(1);
        ++i;
        continue;
      }
      if (!digits(parts[part++], true)) return false;
      i += 2;
    }
    if (parts[0] > 24) return out_of_range("time zone offset hour");
    if (parts[1] > 60) return out_of_range("time zone offset minute");
    if (parts[2] > 60) return out_of_range("time zone offset second");
    offset_ = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
    return true;
  }

  bool read_zone_name() {
    if (rest_.starts_with("UTC")) {
      rest_.remove_prefix(3);
      zone_name_ = "UTC";
      return true;
    }
    std::size_t size = 0;
    while (size < rest_.size() && size < 6 && rest_[size] >= 'A' && rest_[size] <= 'Z') ++size;
    if (size < 3 || size > 5) return false;
    zone_name_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  bool read(const Piece& piece, std::string_view following) {
    switch (piece.element) {
      case Element::kLiteral:
        return literal(piece.text);
      case Element::kLongMonth:
        return name(kMonths, 99, month_) && (++month_, true);
      case Element::kMonth:
        return name(kMonths, 3, month_) && (++month_, true);
      case Element::kNumMonth:
      case Element::kZeroMonth:
        if (!digits(month_, piece.element == Element::kZeroMonth)) return false;
        return month_ < 1 || month_ > 12 ? out_of_range("month") : true;
      case Element::kLongWeekday:
        return name(kDays, 99, ignored_);
      case Element::kWeekday:
        return name(kDays, 3, ignored_);
      case Element::kUnderDay:
        if (rest_.starts_with(' ')) rest_.remove_prefix(1);
        return digits(day_, false);
      case Element::kDay:
        return digits(day_, false);
      case Element::kZeroDay:
        return digits(day_, true);
      case Element::kUnderYearDay:
        while (rest_.starts_with(' ')) rest_.remove_prefix(1);
        return digits(year_day_, false);
      case Element::kZeroYearDay:
        return many_digits(year_day_, 3);
      case Element::kHour:
        if (!digits(hour_, false)) return false;
        return hour_ >= 24 ? out_of_range("hour") : true;
      case Element::kHour12:
      case Element::kZeroHour12:
        if (!digits(hour_, piece.element == Element::kZeroHour12)) return false;
        return hour_ > 12 ? out_of_range("hour") : true;
      case Element::kMinute:
      case Element::kZeroMinute:
        if (!digits(minute_, piece.element == Element::kZeroMinute)) return false;
        return minute_ >= 60 ? out_of_range("minute") : true;
      case Element::kSecond:
        if (!digits(second_, false)) return false;
        return second_ >= 60 ? out_of_range("second") : true;
      case Element::kZeroSecond:
        return read_second(following);
      case Element::kLongYear:
        return many_digits(year_, 4);
      case Element::kYear:
        if (!digits(year_, true)) return false;
        year_ += year_ >= 69 ? 1900 : 2000;
        return true;
      case Element::kUpperPm:
      case Element::kLowerPm:
        return read_half(piece.element == Element::kUpperPm);
      case Element::kZoneName:
        return read_zone_name();
      case Element::kFraction0:
        return (rest_.starts_with('.') || rest_.starts_with(',')) &&
               exact_fraction(piece.text.size() - 1);
      case Element::kFraction9:
        // Not there is fine.
        return !(rest_.size() > 1 && (rest_[0] == '.' || rest_[0] == ',') &&
                 is_digit_at(rest_, 1)) ||
               fraction(1);
      default:
        return read_offset(piece.element);
    }
  }

  bool exact_fraction(std::size_t count) {
    if (is_digit_at(rest_, count + 1)) return false;
    return fraction(count);
  }

  bool read_half(bool upper) {
    const auto half = rest_.substr(0, 2);
    if (half != (upper ? "PM" : "pm") && half != (upper ? "AM" : "am")) return false;
    pm_ = half[0] == 'P' || half[0] == 'p';
    am_ = !pm_;
    rest_.remove_prefix(2);
    return true;
  }

  Result<Time> finish() {
    if (pm_ && hour_ < 12) hour_ += 12;
    if (am_ && hour_ == 12) hour_ = 0;
    if (year_day_ > 0) {
      if (year_day_ > days_in_month(year_, 2) - 28 + 365) return fail(": day-of-year out of range");
      const CivilTime found = civil_utc(instant_utc({year_, 1, year_day_}));
      if (month_ > 0 && month_ != found.month) return fail(": day-of-year does not match month");
      if (day_ > 0 && day_ != found.day) return fail(": day-of-year does not match day");
      month_ = found.month;
      day_ = found.day;
    }
    if (month_ < 0) month_ = 1;
    if (day_ < 0) day_ = 1;
    if (day_ < 1 || day_ > days_in_month(year_, month_)) return fail(": day out of range");
    const WallTime wall = instant_utc({year_, month_, day_, hour_, minute_, second_});
    Time out{to_ms(wall) / 1000, nanoseconds_, Zone()};
    if (offset_) {
      out.seconds -= *offset_;
      // "+00:00" is UTC to Go as well.
      if (*offset_ != 0 || !zone_name_.empty())
        out.zone = Zone::fixed(*offset_, std::string(zone_name_));
      if (*offset_ == 0 && zone_name_ == "UTC") out.zone = Zone();
    } else if (!zone_name_.empty() && zone_name_ != "UTC") {
      // A name alone says nothing of an offset: Go keeps the name and counts as in UTC, but for GMT+3.
      out.zone = Zone::fixed(0, std::string(zone_name_));
    }
    return out;
  }

  const std::string_view layout_, text_;
  std::string_view rest_;
  std::string range_;
  int year_ = 0, month_ = -1, day_ = -1, year_day_ = -1, hour_ = 0, minute_ = 0, second_ = 0,
      nanoseconds_ = 0, ignored_ = 0;
  bool pm_ = false, am_ = false;
  std::optional<int> offset_;
  std::string_view zone_name_;
};

}  // namespace

std::string format_go_time(const Time& time, std::string_view layout) {
  const Clock clock = clock_of(time);
  std::string out;
  while (!layout.empty()) {
    const Piece piece = next_piece(layout);
    out += piece_text(clock, piece);
    layout.remove_prefix(piece.text.size());
  }
  return out;
}

Result<Time> parse_go_time(std::string_view layout, std::string_view text) {
  // Layouts and times are short; long ones only serve to burn time.
  if (layout.size() > 256 || text.size() > 256)
    return invalid("parsing time: a layout or time of more than 256 bytes");
  return TimeParser(layout, text).run();
}

std::string print_go_time(const Time& time) {
  return format_go_time(time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

std::string print_go_duration(Duration d) {
  const std::int64_t ns = d.count();
  if (ns == 0) return "0s";
  auto rest = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  // A fraction without its trailing zeros.
  const auto with_fraction = [](std::uint64_t value, std::uint64_t unit) {
    auto out = std::to_string(value / unit);
    if (const auto part = value % unit; part != 0) {
      auto digits = std::to_string(unit + part).substr(1);
      while (digits.back() == '0') digits.pop_back();
      out += "." + digits;
    }
    return out;
  };
  std::string text;
  if (rest < 1'000) {
    text = std::to_string(rest) + "ns";
  } else if (rest < 1'000'000) {
    text = with_fraction(rest, 1'000) + "µs";
  } else if (rest < 1'000'000'000) {
    text = with_fraction(rest, 1'000'000) + "ms";
  } else {
    const auto hours = rest / 3'600'000'000'000, minutes = rest / 60'000'000'000 % 60;
    if (hours > 0) text += std::to_string(hours) + "h";
    if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
    text += with_fraction(rest % 60'000'000'000, 1'000'000'000) + "s";
  }
  return ns < 0 ? "-" + text : text;
}

}  // namespace holdfast::templates
