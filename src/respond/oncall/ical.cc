#include "respond/oncall/ical.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"

namespace holdfast::respond::oncall {
namespace {

constexpr int kDepthMax = 8;

struct Line {
  int number = 0;
  std::string name;                           // upper case
  std::map<std::string, std::string> params;  // names in upper case
  std::string value;
};

std::string upper(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

Error at_line(int number, std::string_view what) {
  return invalid("calendar, line " + std::to_string(number) + ": " + std::string(what));
}

// name *(";" param "=" value) ":" value, where a quoted parameter may hold ':' and ';'.
Result<Line> split_line(const std::string& text, int number) {
  Line line;
  line.number = number;
  const auto name_end = text.find_first_of(";:");
  if (name_end == std::string::npos || name_end == 0) return at_line(number, "no NAME:VALUE");
  line.name = upper(std::string_view(text).substr(0, name_end));
  std::size_t pos = name_end;
  while (text[pos] == ';') {
    const auto equal = text.find_first_of("=;:", pos + 1);
    if (equal == std::string::npos || text[equal] != '=')
      return at_line(number, "a parameter without value");
    const auto param = upper(std::string_view(text).substr(pos + 1, equal - pos - 1));
    bool quoted = false;
    std::size_t end = equal + 1;
    std::string value;
    for (; end < text.size() && (quoted || (text[end] != ';' && text[end] != ':')); ++end) {
      if (text[end] == '"')
        quoted = !quoted;
      else
        value += text[end];
    }
    if (end >= text.size()) return at_line(number, "a parameter that does not end");
    line.params[param] = std::move(value);
    pos = end;
  }
  line.value = text.substr(pos + 1);
  return line;
}

Result<std::vector<Line>> read_lines(std::string_view text) {
  std::vector<std::pair<std::string, int>> unfolded;
  int number = 0;
  for (auto raw : split(text, '\n')) {
    ++number;
    if (!raw.empty() && raw.back() == '\r') raw.remove_suffix(1);
    if (raw.empty()) continue;
    if ((raw.front() == ' ' || raw.front() == '\t') && !unfolded.empty())
      unfolded.back().first += raw.substr(1);
    else
      unfolded.emplace_back(std::string(raw), number);
  }
  if (!unfolded.empty() && unfolded.front().first.compare(0, 3, "\xEF\xBB\xBF") == 0)
    unfolded.front().first.erase(0, 3);
  // First of all, so that a page of HTML is called no calendar and not a calendar with a bad line.
  if (unfolded.empty() || upper(trim(unfolded.front().first)) != "BEGIN:VCALENDAR")
    return invalid("calendar: it begins with BEGIN:VCALENDAR");
  std::vector<Line> lines;
  for (const auto& [line, at] : unfolded) lines.push_back(HF_TRY(split_line(line, at)));
  return lines;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    out += next == 'n' || next == 'N' ? '\n' : next;
  }
  return out;
}

// [+-]P[nW] | [+-]P[nD][T[nH][nM][nS]]
Result<Duration> parse_length(std::string_view text, int number) {
  const auto bad = [&] {
    return at_line(number, "'" + printable(text, 40) + "' is no duration like PT8H");
  };
  auto rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '+' || rest.front() == '-')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest.empty() || (rest.front() != 'P' && rest.front() != 'p')) return bad();
  rest.remove_prefix(1);
  Duration length{};
  bool in_time = false;
  bool any = false;
  while (!rest.empty()) {
    if (rest.front() == 'T' || rest.front() == 't') {
      if (in_time) return bad();
      in_time = true;
      rest.remove_prefix(1);
      continue;
    }
    const auto digits = rest.find_first_not_of("0123456789");
    if (digits == std::string_view::npos || digits == 0 || digits > 6) return bad();
    const auto count = *parse_int(rest.substr(0, digits));
    const char unit = upper(rest.substr(digits, 1))[0];
    if (unit == 'W' && !in_time)
      length += count * 7 * 24h;
    else if (unit == 'D' && !in_time)
      length += count * 24h;
    else if (unit == 'H' && in_time)
      length += count * 1h;
    else if (unit == 'M' && in_time)
      length += count * 1min;
    else if (unit == 'S' && in_time)
      length += count * 1s;
    else
      return bad();
    any = true;
    rest.remove_prefix(digits + 1);
    if (length > 366 * 24h) return at_line(number, "a duration of more than a year");
  }
  if (!any || negative) return bad();
  return length;
}

// Windows' names that Outlook and Exchange write most.
std::string windows_zone(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kNames = {{
      {"UTC", "UTC"},
      {"GMT Standard Time", "Europe/London"},
      {"W. Europe Standard Time", "Europe/Berlin"},
      {"Central Europe Standard Time", "Europe/Budapest"},
      {"Central European Standard Time", "Europe/Warsaw"},
      {"Romance Standard Time", "Europe/Paris"},
      {"FLE Standard Time", "Europe/Kiev"},
      {"Eastern Standard Time", "America/New_York"},
      {"Central Standard Time", "America/Chicago"},
      {"Mountain Standard Time", "America/Denver"},
      {"Pacific Standard Time", "America/Los_Angeles"},
      {"China Standard Time", "Asia/Shanghai"},
      {"Tokyo Standard Time", "Asia/Tokyo"},
      {"India Standard Time", "Asia/Kolkata"},
      {"Singapore Standard Time", "Asia/Singapore"},
      {"AUS Eastern Standard Time", "Australia/Sydney"},
  }};
  for (const auto& [windows, iana] : kNames) {
    if (windows == name) return std::string(iana);
  }
  return {};
}

class Reader {
 public:
  explicit Reader(const Zone& floating) : floating_(floating) {}

  Result<Calendar> read(const std::vector<Line>& lines) {
    HF_TRY(note_zones(lines));
    std::vector<std::string> open;
    for (const auto& line : lines) {
      if (line.name == "BEGIN") {
        if (open.size() >= kDepthMax) return at_line(line.number, "nested too deeply");
        open.push_back(upper(line.value));
        if (open.back() == "VEVENT" && open.size() == 2) HF_TRY(begin_event(line));
      } else if (line.name == "END") {
        if (open.empty() || open.back() != upper(line.value))
          return at_line(line.number, "END:" + printable(line.value, 40) + " ends nothing");
        if (open.back() == "VEVENT" && open.size() == 2) HF_TRY(end_event(line));
        open.pop_back();
      } else if (open.empty()) {
        return at_line(line.number, "a calendar begins with BEGIN:VCALENDAR");
      } else if (open.size() == 1 && line.name == "X-WR-CALNAME") {
        calendar_.name = unescape(line.value);
      } else if (open.size() == 2 && open.back() == "VEVENT") {
        HF_TRY(event_line(line));
      }
    }
    if (!open.empty()) return invalid("calendar: " + open.back() + " does not end");
    apply_replacements();
    return std::move(calendar_);
  }

 private:
  // Zones may be described after they are used, so they are looked up first.
  Result<void> note_zones(const std::vector<Line>& lines) {
    std::string id;
    for (const auto& line : lines) {
      if (line.name == "TZID") id = line.value;
      if (line.name == "X-LIC-LOCATION" && !id.empty()) locations_[id] = line.value;
      if (line.name == "X-WR-TIMEZONE") {
        if (auto zone = find_zone(line.value)) floating_ = *zone;
      }
    }
    return {};
  }

  Result<Zone> zone_named(const std::string& id, int number) {
    if (const auto known = zones_.find(id); known != zones_.end()) return known->second;
    std::vector<std::string> names = {id, windows_zone(id)};
    if (const auto found = locations_.find(id); found != locations_.end())
      names.push_back(found->second);
    // "/freeassociation.sourceforge.net/Europe/Berlin",
    // "/softwarestudio.org/Tzfile/America/New_York"
    for (auto slash = id.find('/'); slash != std::string::npos; slash = id.find('/', slash + 1))
      names.push_back(id.substr(slash + 1));
    for (const auto& name : names) {
      if (name.empty() || name == "Local") continue;
      if (auto zone = find_zone(name)) {
        zones_[id] = *zone;
        return *zone;
      }
    }
    return at_line(number,
                   "TZID '" + printable(id, 60) + "' is no known zone; allowed are IANA names");
  }

  struct Moment {
    WallTime at{};
    CivilTime civil;
    Zone zone;
    bool is_date = false;
  };

  Result<Moment> moment(const Line& line, std::string_view text) {
    const auto stamp = parse_stamp(text);
    if (!stamp) return at_line(line.number, stamp.error().message());
    Moment m;
    m.civil = stamp->civil;
    m.is_date = stamp->is_date;
    const auto tzid = line.params.find("TZID");
    if (stamp->is_utc)
      m.zone = Zone();
    else if (tzid != line.params.end() && !stamp->is_date)
      m.zone = HF_TRY(zone_named(tzid->second, line.number));
    else
      m.zone = floating_;
    m.at = m.zone.instant(m.civil);
    return m;
  }

  Result<void> begin_event(const Line& line) {
    if (calendar_.events.size() >= kEventsMax)
      return at_line(line.number, "more than 20000 events");
    event_ = {};
    start_.reset();
    end_.reset();
    has_length_ = false;
    return {};
  }

  Result<void> event_line(const Line& line) {
    const auto& name = line.name;
    if (name == "UID")
      event_.uid = line.value;
    else if (name == "SUMMARY")
      event_.summary = unescape(line.value);
    else if (name == "DESCRIPTION")
      event_.description = unescape(line.value);
    else if (name == "LOCATION")
      event_.location = unescape(line.value);
    else if (name == "STATUS")
      event_.cancelled = upper(line.value) == "CANCELLED";
    else if (name == "ATTENDEE")
      add_attendee(line.value);
    else if (name == "DTSTART")
      start_ = HF_TRY(moment(line, line.value));
    else if (name == "DTEND")
      end_ = HF_TRY(moment(line, line.value));
    else if (name == "RECURRENCE-ID")
      event_.replaces = HF_TRY(moment(line, line.value))
    .at;
    else if (name == "DURATION") {
      event_.length = HF_TRY(parse_length(line.value, line.number));
      has_length_ = true;
    }
    else if (name == "RRULE") {
      auto rule = parse_recurrence(line.value);
      if (!rule) return at_line(line.number, rule.error().message());
      event_.when.rules.push_back(*rule);
    }
    else if (name == "RDATE" || name == "EXDATE") {
      HF_TRY(add_dates(line));
    }
    return {};
  }

  void add_attendee(std::string_view value) {
    constexpr std::string_view kMail = "mailto:";
    if (lower(value.substr(0, kMail.size())) == kMail) value.remove_prefix(kMail.size());
    event_.attendees.emplace_back(value);
  }

  Result<void> add_dates(const Line& line) {
    for (auto text : split(line.value, ',')) {
      text = text.substr(0, text.find('/'));  // a period's begin
      const auto m = HF_TRY(moment(line, text));
      if (line.name == "RDATE")
        event_.when.added.push_back(m.at);
      else if (m.is_date)
        event_.when.exception_days.push_back(m.civil);
      else
        event_.when.exceptions.push_back(m.at);
    }
    return {};
  }

  Result<void> end_event(const Line& line) {
    if (!start_) return at_line(line.number, "an event without DTSTART");
    event_.when.start = start_->civil;
    event_.when.zone = start_->zone;
    event_.all_day = start_->is_date;
    if (end_)
      event_.length = end_->at - start_->at;
    else if (!has_length_)
      event_.length = start_->is_date ? Duration(24h) : Duration::zero();
    if (event_.length < Duration::zero() || event_.length > 366 * 24h)
      return at_line(line.number, "an event that ends before it begins, or lasts more than a year");
    calendar_.events.push_back(std::move(event_));
    return {};
  }

  void apply_replacements() {
    std::multimap<std::string, WallTime> replaced;
    for (const auto& event : calendar_.events) {
      if (event.replaces) replaced.emplace(event.uid, *event.replaces);
    }
    for (auto& event : calendar_.events) {
      if (event.replaces) continue;
      const auto [first, last] = replaced.equal_range(event.uid);
      for (auto at = first; at != last; ++at) event.when.exceptions.push_back(at->second);
    }
    std::erase_if(calendar_.events, [](const CalendarEvent& event) { return event.cancelled; });
  }

  Zone floating_;
  std::map<std::string, std::string> locations_;  // TZID to X-LIC-LOCATION
  std::map<std::string, Zone> zones_;
  Calendar calendar_;
  CalendarEvent event_;
  std::optional<Moment> start_, end_;
  bool has_length_ = false;
};

}  // namespace

Result<Calendar> parse_calendar(std::string_view text, const Zone& floating) {
  if (text.size() > kCalendarSizeMax) return Error(Code::kTooLarge, "calendar: larger than 8 MiB");
  const auto lines = HF_TRY(read_lines(text));
  return Reader(floating).read(lines);
}

std::vector<CalendarShift> shifts_of(const Calendar& calendar, const WhoIs& who,
                                     std::vector<std::string>& unknown) {
  std::vector<CalendarShift> shifts;
  for (const auto& event : calendar.events) {
    CalendarShift shift{event.when, event.length, {}, 0};
    const auto add = [&](std::string_view name) {
      if (name.empty()) return;
      const auto id = who(name);
      if (id.empty())
        unknown.emplace_back(name);
      else
        shift.users.push_back(id);
    };
    std::string_view summary = trim(event.summary);
    if (summary.size() > 3 && summary[0] == '[' && (summary[1] == 'L' || summary[1] == 'l')) {
      const auto end = summary.find(']');
      const auto level =
          end == std::string_view::npos ? std::nullopt : parse_int(summary.substr(2, end - 2));
      if (level && *level >= 0 && *level <= 100) {
        shift.level = static_cast<int>(*level);
        summary = trim(summary.substr(end + 1));
      }
    }
    for (const auto& attendee : event.attendees) add(attendee);
    if (event.attendees.empty()) {
      for (const auto line : split(summary, '\n')) {
        for (const auto name : split(line, ',')) add(trim(name));
      }
    }
    if (!shift.users.empty() && shift.length > Duration::zero()) shifts.push_back(std::move(shift));
  }
  return shifts;
}

}  // namespace holdfast::respond::oncall
