#include "model/severity.h"

#include "base/text.h"

namespace holdfast::model {
namespace {

struct Word {
  std::string_view word;
  Rank rank;
};

// low < medium < warning < high < critical < emergency, folded onto four ranks (mission C26).
constexpr Word kWords[] = {
    {"emergency", Rank::kWorst}, {"critical", Rank::kWorst}, {"high", Rank::kHigh},
    {"warning", Rank::kMedium},  {"medium", Rank::kMedium},  {"low", Rank::kLow},
};

}  // namespace

const SeverityScheme& scheme_a() {
  static const SeverityScheme scheme{
      "A",
      {
          {"P1", "System unavailable", "系统完全不可用", Duration::zero(), std::nullopt},
          {"P2", "Core function affected", "核心功能受影响", 30min, std::nullopt},
          {"P3", "Non-core function abnormal", "非核心功能异常", 2h, std::nullopt},
          {"P4", "Minor problem", "轻微问题", std::nullopt, std::nullopt},
      }};
  return scheme;
}

const SeverityScheme& scheme_b() {
  static const SeverityScheme scheme{
      "B",
      {
          {"P0", "Critical incident", "严重事故", 15min, 1h},
          {"P1", "High-priority incident", "高优先级事故", 30min, 4h},
          {"P2", "Medium-priority incident", "中优先级事故", 2h, 24h},
          {"P3", "Low-priority incident", "低优先级事故", 24h, 72h},
      }};
  return scheme;
}

Result<SeverityScheme> scheme_by_name(std::string_view name) {
  if (equals_ignoring_case(name, "A")) return scheme_a();
  if (equals_ignoring_case(name, "B")) return scheme_b();
  return invalid("severity scheme \"" + printable(name) + "\" is not known; allowed: A, B");
}

Rank rank_of_word(std::string_view word) {
  for (const auto& known : kWords) {
    if (equals_ignoring_case(known.word, word)) return known.rank;
  }
  return Rank::kMedium;
}

std::string_view word_of_rank(Rank rank) {
  switch (rank) {
    case Rank::kWorst:
      return "critical";
    case Rank::kHigh:
      return "high";
    case Rank::kMedium:
      return "warning";
    case Rank::kLow:
      return "low";
  }
  return "warning";
}

}  // namespace holdfast::model
