// The parser against tests/query/parser_cases.tsv: every mistake with its place and words, every form with its canonical text.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "query/promql/ast.h"

namespace holdfast::query::promql {
namespace {

std::string answer(const std::string& query) {
  auto parsed = parse_expr(query);
  return parsed ? "OK " + format_expr(**parsed) : parsed.error().message();
}

TEST(PromqlParser, SaysWhatIsWrongAndWhere) {
  std::ifstream file(std::string(HOLDFAST_SOURCE_DIR) + "/tests/query/parser_cases.tsv");
  ASSERT_TRUE(file.good());
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto tab = line.find('\t');
    ASSERT_NE(tab, std::string::npos) << line;
    EXPECT_EQ(answer(line.substr(0, tab)), line.substr(tab + 1)) << line;
    ++cases;
  }
  EXPECT_GE(cases, 100);
}

TEST(PromqlParser, CanonicalTextReadsBackToItself) {
  std::ifstream file(std::string(HOLDFAST_SOURCE_DIR) + "/tests/query/parser_cases.tsv");
  for (std::string line; std::getline(file, line);) {
    const auto tab = line.find('\t');
    if (line.empty() || line[0] == '#' || line.compare(tab + 1, 3, "OK ") != 0) continue;
    const auto canonical = line.substr(tab + 4);
    EXPECT_EQ(answer(canonical), "OK " + canonical);
  }
}

TEST(PromqlParser, PlacesAreOfTheLineAfterANewLine) {
  EXPECT_EQ(answer("sum(\n  foo,\n  bar)"),
            "1:1: parse error: wrong number of arguments for aggregate expression provided, "
            "expected 1, got 2");
  EXPECT_EQ(answer("foo +\n  rate(bar)"),
            "2:8: parse error: expected type range vector in call to function \"rate\", got "
            "instant vector");
  EXPECT_EQ(answer("# first\nfoo bar"), "2:5: parse error: unexpected identifier \"bar\"");
  EXPECT_EQ(answer(""), "1:1: parse error: no expression found in input");
  EXPECT_EQ(answer("# nothing else"), "1:15: parse error: no expression found in input");
}

TEST(PromqlParser, DepthIsLimited) {
  const std::string deep(5000, '(');
  EXPECT_EQ(answer(std::string(150, '(') + "1" + std::string(150, ')')).substr(0, 3), "OK ");
  EXPECT_NE(answer(deep + "1" + std::string(5000, ')')).find("nested deeper than 200 levels"),
            std::string::npos);
  EXPECT_NE(answer(std::string(5000, '-') + "1").find("nested deeper than 200 levels"),
            std::string::npos);
  EXPECT_NE(answer("foo[" + deep + "5m" + std::string(5000, ')') + "]")
                .find("nested deeper than 200 levels"),
            std::string::npos);
}

TEST(PromqlParser, SelectorsOfTheApiAreSelectorsOnly) {
  EXPECT_TRUE(parse_selector("up{job=\"a\"}").has_value());
  EXPECT_TRUE(parse_selector("{__name__=~\"a.*\"}").has_value());
  for (const char* bad : {"", "up + 1", "rate(up[5m])", "up[5m]", "{}", "1"}) {
    EXPECT_FALSE(parse_selector(bad).has_value()) << bad;
  }
}

TEST(PromqlParser, EveryFunctionHasAnEntryUnderItsName) {
  for (const auto& name : function_names()) {
    ASSERT_NE(find_function(name), nullptr) << name;
    EXPECT_EQ(find_function(name)->name, name);
  }
  EXPECT_EQ(find_function("nosuch"), nullptr);
}

}  // namespace
}  // namespace holdfast::query::promql
