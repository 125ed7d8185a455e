#include "model/matcher.h"

#include <gtest/gtest.h>

#include "model/labels.h"

namespace holdfast::model {
namespace {

TEST(Matcher, AnswersAsPrometheusDoes) {
  struct Case {
    MatchOp op;
    const char* pattern;
    std::string value;
    bool want;
  };
  using enum MatchOp;
  const Case cases[] = {
      {kEqual, "a", "a", true},
      {kEqual, "a", "b", false},
      {kEqual, "", "", true},
      {kNotEqual, "a", "b", true},
      {kNotEqual, "a", "a", false},
      {kNotEqual, "a", "", true},
      {kRegex, "ab", "xabx", false},
      {kRegex, "a.*", "abc", true},
      {kRegex, "a.c", "a\nc", true},
      {kRegex, "a|b", "ab", false},
      {kRegex, "a|b", "b", true},
      {kRegex, "foo|bar.*", "foobar", false},
      {kRegex, "(?i)abc", "ABC", true},
      {kRegex, "", "", true},
      {kRegex, "", "x", false},
      {kRegex, ".+", "", false},
      {kRegex, ".*", "", true},
      {kRegex, "a|", "", true},
      {kRegex, R"(a\.b)", "a.b", true},
      {kRegex, R"(a\.b)", "axb", false},
      {kRegex, R"(a\|b|c)", "a|b", true},
      {kRegex, R"(\d+)", "123", true},
      {kNotRegex, "a|b", "a", false},
      {kNotRegex, "a|b", "c", true},
      {kNotRegex, ".+", "", true},
      {kRegex, "北.", "北京", true},
      {kRegex, "^a$", "a", true},
      {kRegex, "5..", "503", true},
  };
  for (const auto& c : cases) {
    auto matcher = Matcher::make(c.op, "l", c.pattern);
    ASSERT_TRUE(matcher.has_value()) << c.pattern;
    EXPECT_EQ(matcher->matches(c.value), c.want) << matcher->text() << " on '" << c.value << "'";
  }
}

TEST(Matcher, AnAbsentLabelIsTheEmptyValue) {
  const Labels labels{{"a", "1"}};
  EXPECT_TRUE(Matcher::equal("b", "").matches(labels));
  EXPECT_FALSE(Matcher::equal("b", "1").matches(labels));
  EXPECT_TRUE(Matcher::equal("a", "1").matches(labels));
  EXPECT_TRUE(Matcher::make(MatchOp::kNotRegex, "b", "x")->matches_empty());
}

TEST(Matcher, ListsTheLiteralsOfAnAlternation) {
  struct Case {
    const char* pattern;
    std::vector<std::string> want;
  };
  const Case cases[] = {
      {"a|b|c", {"a", "b", "c"}},
      {"(c|a|b)", {"a", "b", "c"}},
      {"(?:a|b)", {"a", "b"}},
      {"a", {"a"}},
      {"a|a", {"a"}},
      {R"(10\.0\.0\.1|h\-1)", {}},  // \- is no metacharacter's escape: left to RE2
      {R"(10\.0\.0\.1:9100|b)", {"10.0.0.1:9100", "b"}},
      {"a|b.*", {}},
      {"a|", {}},
      {"", {}},
      {"(a)|(b)", {}},
      {"(?i)a|b", {}},
      {"(?i:a|b)", {}},
      {"[ab]", {}},
  };
  for (const auto& c : cases) {
    auto matcher = Matcher::make(MatchOp::kRegex, "l", c.pattern);
    ASSERT_TRUE(matcher.has_value()) << c.pattern;
    EXPECT_EQ(matcher->set_matches(), c.want) << c.pattern;
    for (const auto& literal : c.want) EXPECT_TRUE(matcher->matches(literal)) << c.pattern;
  }
}

TEST(Matcher, RefusesABadExpressionAndNamesIt) {
  for (const char* bad : {"(", "a)", "*", "[", "(?<n>a)(?P<n>b", "a{2000}", "\\", "(?=a)"}) {
    auto matcher = Matcher::make(MatchOp::kRegex, "l", bad);
    ASSERT_FALSE(matcher.has_value()) << bad;
    EXPECT_EQ(matcher.error().code(), Code::kInvalid);
    EXPECT_NE(matcher.error().message().find("regular expression \""), std::string::npos) << bad;
  }
}

TEST(Matcher, PrintsItself) {
  EXPECT_EQ(Matcher::make(MatchOp::kRegex, "a", "x\"y")->text(), R"(a=~"x\"y")");
  EXPECT_EQ(Matcher::make(MatchOp::kNotRegex, "a", "x")->text(), R"(a!~"x")");
  EXPECT_EQ(Matcher::make(MatchOp::kNotEqual, "k8s.pod", "x")->text(), R"("k8s.pod"!="x")");
  EXPECT_EQ(Matcher::equal("a", "x").text(), R"(a="x")");
}

}  // namespace
}  // namespace holdfast::model
