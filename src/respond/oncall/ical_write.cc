#include "respond/oncall/ical.h"

#include "base/text.h"

namespace holdfast::respond::oncall {
namespace {

constexpr std::size_t kLineMax = 75;  // bytes without CRLF

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || c == ';' || c == ',') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out;
}

// Never within a UTF-8 character.
void put(std::string& out, std::string_view line) {
  std::size_t room = kLineMax;
  while (line.size() > room) {
    auto cut = room;
    while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xC0) == 0x80) --cut;
    if (cut == 0) cut = room;  // no UTF-8 at all
    out += line.substr(0, cut);
    out += "\r\n ";
    line.remove_prefix(cut);
    room = kLineMax - 1;
  }
  out += line;
  out += "\r\n";
}

// The turn, and the part of it when an override or a window cut it: where it begins.
std::string uid_of(const Shift& shift) {
  return escape(shift.id) + "/" + format_stamp(shift.from) + "@holdfast";
}

}  // namespace

std::string write_calendar(const std::string& name, const std::vector<Shift>& shifts,
                           const TitleOf& title_of, WallTime now) {
  std::string out;
  put(out, "BEGIN:VCALENDAR");
  put(out, "VERSION:2.0");
  put(out, "PRODID:-//Holdfast//on-call//EN");
  put(out, "CALSCALE:GREGORIAN");
  put(out, "METHOD:PUBLISH");
  put(out, "X-WR-CALNAME:" + escape(name));
  for (const auto& shift : shifts) {
    put(out, "BEGIN:VEVENT");
    put(out, "UID:" + uid_of(shift));
    put(out, "DTSTAMP:" + format_stamp(now));
    put(out, "DTSTART:" + format_stamp(shift.from));
    put(out, "DTEND:" + format_stamp(shift.to));
    put(out, "SUMMARY:" + escape(title_of(shift)));
    put(out, "DESCRIPTION:" + escape(join(shift.users, ", ")));
    put(out, "TRANSP:TRANSPARENT");
    put(out, "END:VEVENT");
  }
  put(out, "END:VCALENDAR");
  return out;
}

}  // namespace holdfast::respond::oncall
