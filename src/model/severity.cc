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

// The texts of scheme B are the runbook's; the numbers of scheme A its quick table's, with the KPI "recovery begins
// within 15 min" as second clock of the worst level (mission C02).
const SeverityScheme& scheme_a() {
  static const SeverityScheme scheme{
      "A",
      {
          {"P1", "System unavailable", "系统完全不可用", Duration::zero(), std::nullopt, 15min,
           30min, true, "The whole system, or the security of data", "系统完全不可用或数据安全风险",
           "Respond at once", "立即响应", "", ""},
          {"P2", "Core function affected", "核心功能受影响", 30min, std::nullopt, std::nullopt,
           30min, false, "A core function", "核心功能", "Respond within 30 minutes", "30分钟内响应",
           "", ""},
          {"P3", "Non-core function abnormal", "非核心功能异常", 2h, std::nullopt, std::nullopt,
           std::nullopt, false, "A function that is not core", "非核心功能",
           "Respond within 2 hours", "2小时内响应", "", ""},
          {"P4", "Minor problem", "轻微问题", std::nullopt, std::nullopt, std::nullopt,
           std::nullopt, false, "Little", "轻微问题", "Next working day", "下个工作日处理", "", ""},
      }};
  return scheme;
}

const SeverityScheme& scheme_b() {
  static const SeverityScheme scheme{
      "B",
      {
          {"P0", "Critical incident", "严重事故", 15min, 1h, std::nullopt, 30min, true,
           "All users cannot reach the system", "所有用户无法访问系统", "Core business stopped",
           "核心业务完全中断", "the database is down, no service answers",
           "数据库完全宕机、所有服务不可用"},
          {"P1", "High-priority incident", "高优先级事故", 30min, 4h, std::nullopt, 30min, true,
           "Most users", "大部分用户受影响", "Core functions badly hurt", "核心功能严重受损",
           "a main function is down, severe slowness", "主要功能不可用、性能严重下降"},
          {"P2", "Medium-priority incident", "中优先级事故", 2h, 24h, std::nullopt, std::nullopt,
           false, "Some users", "部分用户受影响", "Functions that are not core", "非核心功能受影响",
           "a minor function fails, slight slowness", "次要功能异常、轻微性能问题"},
          {"P3", "Low-priority incident", "低优先级事故", 24h, 72h, std::nullopt, std::nullopt,
           false, "Few users", "少数用户受影响", "Functions at the fringe", "边缘功能受影响",
           "a function that is not critical, user experience", "非关键功能异常、用户体验问题"},
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
