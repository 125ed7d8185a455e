// What is read from an expression about why it fires.
#include "detect/rules/evidence.h"

#include <gtest/gtest.h>

namespace holdfast::detect {
namespace {

AlertingRule rule(const std::string& query, Duration hold = {}) {
  AlertingRule one;
  one.alert = "a";
  one.query = query;
  auto expr = query::promql::parse_expr(query);
  EXPECT_TRUE(expr.has_value()) << query << ": " << (expr ? "" : expr.error().message());
  if (expr) one.expr = *expr;
  one.hold = hold;
  one.place = {"rules.yml", 12, 9};
  return one;
}

TEST(Evidence, SaysWhatWouldHaveChangedTheOutcome) {
  const struct {
    const char* query;
    Duration hold;
    const char* threshold;
    const char* window;
    const char* otherwise;
  } cases[] = {
      {"x > 0.05", 2min, "<= 0.05", "held for 2m", "would not fire at or below 0.05, or if it had not held for 2m"},
      {"x >= 1", {}, "< 1", "at one instant", "would not fire below 1"},
      {"x < 1", {}, ">= 1", "at one instant", "would not fire at or above 1"},
      {"x <= 1", {}, "> 1", "at one instant", "would not fire above 1"},
      {"up == 0", {}, "!= 0", "at one instant", "would not fire at any value but 0"},
      {"x != 3", {}, "== 3", "at one instant", "would not fire at 3"},
      {"0.05 < x", {}, "<= 0.05", "at one instant", "would not fire at or below 0.05"},
      {"0.05 >= x", {}, "> 0.05", "at one instant", "would not fire above 0.05"},
      {"((x > (-1)))", {}, "<= -1", "at one instant", "would not fire at or below -1"},
      {"rate(errors[5m]) / rate(all[1m]) > 0.5", 5s, "<= 0.5", "1m, 5m, held for 5s", "would not fire at or below 0.5, or if it had not held for 5s"},
      {"max_over_time(rate(x[1m])[1h:]) > 2", {}, "<= 2", "1m, 1h", "would not fire at or below 2"},
      {"a > b", {}, "<= b", "at one instant", "would not fire at or below b"},
      {"a > 1 and b > 2", {}, "<= 1", "at one instant", "would not fire at or below 1, or without a result of b > 2"},
      {"a > 1 unless on () b", {}, "<= 1", "at one instant", "would not fire at or below 1, or with a result of b"},
      {"a > 1 or b < 2", {}, "<= 1 or >= 2", "at one instant", "would not fire at or below 1, and at or above 2"},
      {"absent(up)", {}, "no result", "at one instant", "would not fire if the expression had no result"},
      {"x > bool 1", {}, "no result", "at one instant", "would not fire if the expression had no result"},
      {"1", {}, "no result", "at one instant", "would not fire if the expression had no result"},
  };
  for (const auto& c : cases) {
    const auto evidence = evidence_of(rule(c.query, c.hold));
    EXPECT_EQ(evidence.query, c.query);
    EXPECT_EQ(evidence.threshold, c.threshold) << c.query;
    EXPECT_EQ(evidence.window, c.window) << c.query;
    EXPECT_EQ(evidence.otherwise, c.otherwise) << c.query;
    EXPECT_EQ(evidence.source, "rules.yml:12");
    EXPECT_EQ(evidence.value, "");
  }
}

}  // namespace
}  // namespace holdfast::detect
