// A calendar of any bytes: refused with a reason, or its shifts can be walked and written, and what
// was written reads back.
#include "base/check.h"
#include "respond/oncall/ical.h"

using namespace holdfast;
using namespace holdfast::respond::oncall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 20'000) return 0;
  const auto calendar = parse_calendar({reinterpret_cast<const char*>(data), size}, Zone());
  if (!calendar) {
    HF_CHECK(!calendar.error().message().empty(), "a refusal says why");
    return 0;
  }
  std::vector<std::string> unknown;
  const auto shifts = shifts_of(
      *calendar, [](std::string_view name) { return std::string(name); }, unknown);
  std::vector<Shift> found;
  const auto from = instant_utc({2026, 1, 1});
  for (std::size_t i = 0; i < std::min<std::size_t>(shifts.size(), 4); ++i) {
    for (const auto at : occurrences(shifts[i].when, from, from + 40 * 24h, 5)) {
      Shift shift;
      shift.id = "s/l/" + std::to_string(i);
      shift.from = at;
      shift.to = at + std::chrono::duration_cast<std::chrono::milliseconds>(shifts[i].length);
      shift.users = shifts[i].users;
      found.push_back(std::move(shift));
    }
  }
  const auto title = [](const Shift& shift) { return shift.users.front(); };
  const auto again = parse_calendar(write_calendar(calendar->name, found, title, from), Zone());
  HF_CHECK(again.has_value(), "what was written reads back");
  HF_CHECK(again->events.size() == found.size(), "every event");
  return 0;
}
