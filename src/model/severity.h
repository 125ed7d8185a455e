// model/severity.h: how bad it is, by two named schemes over one internal rank.
//
// Purpose     Rank 1 is worst. Scheme A calls ranks P1..P4, scheme B P0..P3; each service chooses one
//             and the same incident reads P1 in A and P0 in B.
// Units       Response and resolution limits are Durations from the incident's opening.
// Source      Mission C01, C02, C26; M13-02..M13-10.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

enum class Rank : int { kWorst = 1, kHigh = 2, kMedium = 3, kLow = 4 };

struct SeverityLevel {
  std::string name;      // "P1"
  std::string title_en;  // "System unavailable"
  std::string title_zh;
  std::optional<Duration> respond_within;  // empty: next working day
  std::optional<Duration> resolve_within;  // empty: no limit
  std::optional<Duration> recovery_begins_within{};  // a second clock of its own (M14-08); empty: none
  std::optional<Duration> update_every{};  // status updates while it is active; empty: none are asked for
  bool immediate = false;  // starts the process at once: war room, checklist, roles (M13-26)
  std::string extent_en{}, extent_zh{};      // who is affected
  std::string business_en{}, business_zh{};  // what it means for the business
  std::string examples_en{}, examples_zh{};
};

struct SeverityScheme {
  std::string name;  // "A" or "B", or a configured one
  std::vector<SeverityLevel> levels;  // four, rank 1 first

  const SeverityLevel& level(Rank rank) const { return levels[static_cast<std::size_t>(rank) - 1]; }
};

const SeverityScheme& scheme_a();
const SeverityScheme& scheme_b();
Result<SeverityScheme> scheme_by_name(std::string_view name);

// From an alert's `severity` label: low < medium < warning < high < critical < emergency, and the level
// names of both schemes are refused (they are ambiguous). Unknown or absent words read as warning.
Rank rank_of_word(std::string_view word);
std::string_view word_of_rank(Rank rank);  // critical, high, warning, low

}  // namespace holdfast::model
