// A recurrence rule of any bytes: refused with a reason, or it reads back as itself and walks
// forward only.
#include "base/check.h"
#include "respond/oncall/recurrence.h"

using namespace holdfast;
using namespace holdfast::respond::oncall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 400) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto rule = parse_recurrence(text);
  if (!rule) {
    HF_CHECK(!rule.error().message().empty(), "a refusal says why");
    return 0;
  }
  const auto again = parse_recurrence(format_recurrence(*rule));
  HF_CHECK(again.has_value() && *again == *rule, "a rule reads back as itself");
  static const Zone kZones[] = {Zone(), find_zone("Europe/Berlin").value_or(Zone()),
                                find_zone("Australia/Lord_Howe").value_or(Zone())};
  RecurringSet set;
  set.zone = kZones[data[0] % 3];
  set.start = {2026, 3, 28, 2, 30};
  set.rules = {*rule};
  const auto from = instant_utc({2026, 1, 1});
  const auto found = occurrences(set, from, from + 400 * 24h, 50);
  for (std::size_t i = 0; i < found.size(); ++i) {
    HF_CHECK(found[i] >= from && found[i] < from + 400 * 24h, "within what was asked for");
    HF_CHECK(i == 0 || found[i - 1] < found[i], "in order, each once");
  }
  // Asked from any of them on, the rest is the same.
  if (found.size() > 2) {
    const auto rest = occurrences(set, found[2], from + 400 * 24h, 1);
    HF_CHECK(!rest.empty() && rest.front() == found[2],
             "the walk does not depend on where it begins");
  }
  return 0;
}
