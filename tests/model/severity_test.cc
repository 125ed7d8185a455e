#include "model/severity.h"

#include <gtest/gtest.h>

namespace holdfast::model {
namespace {

TEST(Severity, BothSchemesTellTheLimitsOfTheHandbooks) {
  struct Case {
    const SeverityScheme& scheme;
    Rank rank;
    const char* name;
    const char* title_zh;
    std::optional<Duration> respond, resolve;
  };
  const Case cases[] = {
      {scheme_a(), Rank::kWorst, "P1", "系统完全不可用", 0s, std::nullopt},
      {scheme_a(), Rank::kHigh, "P2", "核心功能受影响", 30min, std::nullopt},
      {scheme_a(), Rank::kMedium, "P3", "非核心功能异常", 2h, std::nullopt},
      {scheme_a(), Rank::kLow, "P4", "轻微问题", std::nullopt, std::nullopt},
      {scheme_b(), Rank::kWorst, "P0", "严重事故", 15min, 1h},
      {scheme_b(), Rank::kHigh, "P1", "高优先级事故", 30min, 4h},
      {scheme_b(), Rank::kMedium, "P2", "中优先级事故", 2h, 24h},
      {scheme_b(), Rank::kLow, "P3", "低优先级事故", 24h, 72h},
  };
  for (const auto& c : cases) {
    const auto& level = c.scheme.level(c.rank);
    EXPECT_EQ(level.name, c.name);
    EXPECT_EQ(level.title_zh, c.title_zh) << c.name;
    EXPECT_FALSE(level.title_en.empty()) << c.name;
    EXPECT_EQ(level.respond_within, c.respond) << c.name;
    EXPECT_EQ(level.resolve_within, c.resolve) << c.name;
  }
}

TEST(Severity, TheSameIncidentReadsP1InAAndP0InB) {
  EXPECT_EQ(scheme_by_name("A")->level(Rank::kWorst).name, "P1");
  EXPECT_EQ(scheme_by_name("b")->level(Rank::kWorst).name, "P0");
  const auto wrong = scheme_by_name("C");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().message(), R"(severity scheme "C" is not known; allowed: A, B)");
}

TEST(Severity, WordsFoldOntoRanks) {
  struct Case {
    const char* word;
    Rank want;
  };
  const Case cases[] = {
      {"emergency", Rank::kWorst}, {"critical", Rank::kWorst}, {"CRITICAL", Rank::kWorst},
      {"high", Rank::kHigh},       {"warning", Rank::kMedium}, {"medium", Rank::kMedium},
      {"low", Rank::kLow},         {"", Rank::kMedium},        {"nonsense", Rank::kMedium},
      {"P1", Rank::kMedium},       {"P0", Rank::kMedium},
  };
  for (const auto& c : cases) EXPECT_EQ(rank_of_word(c.word), c.want) << c.word;
  for (const Rank rank : {Rank::kWorst, Rank::kHigh, Rank::kMedium, Rank::kLow}) {
    EXPECT_EQ(rank_of_word(word_of_rank(rank)), rank);
  }
}

}  // namespace
}  // namespace holdfast::model
