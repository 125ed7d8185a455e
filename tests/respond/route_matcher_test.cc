// How matchers are read both ways, which way wins, and how they are printed.
#include <gtest/gtest.h>

#include <optional>

#include "respond/route/go_text.h"
#include "respond/route/matcher_text.h"

namespace holdfast::respond::route {
namespace {

std::string show(const Result<std::vector<model::Matcher>>& matchers) {
  return matchers ? print_matchers(*matchers) : "error: " + matchers.error().message();
}

TEST(MatcherText, TheOldWayReadsNamesOperatorsAndTheRestAsValue) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "{}"},
      {"{}", "{}"},
      {"{foo='bar'}", "{foo=\"'bar'\"}"},
      {"{foo=\"bar\"}", "{foo=\"bar\"}"},
      {"foo=bar", "{foo=\"bar\"}"},
      {"{foo=~\"bar.*\"}", "{foo=~\"bar.*\"}"},
      {"  foo  !~  bar baz  ", "{foo!~\"bar baz\"}"},
      {"{foo=\"bar\", baz!=\"quux\",}", "{foo=\"bar\",baz!=\"quux\"}"},
      {"{foo=\"a,b\",x=y}", "{foo=\"a,b\",x=\"y\"}"},
      {R"({foo="bar\"\\\n"})", "{foo=\"bar\\\"\\\\\\n\"}"},
      {R"(foo=a\b)", "{foo=\"a\\\\b\"}"},
      {"a:b=c", "{a:b=\"c\"}"},
      {"foo=", "{foo=\"\"}"},
      {"foo=\xd1\x8f", "{foo=\"\xd1\x8f\"}"},
      {"{foo=bar}}", "{foo=\"bar}\"}"},
      {"foo", "error: bad matcher format: foo"},
      {"0foo=bar", "error: bad matcher format: 0foo=bar"},
      {"\"foo\"=bar", "error: bad matcher format: \"foo\"=bar"},
      {"foo=bar,,x=y", "error: bad matcher format: "},
      {"foo=\"bar", "error: matcher value contains unescaped double quote: \"bar"},
      {"foo=bar\"", "error: matcher value contains unescaped double quote: bar\""},
      {"foo=\"b\"ar\"", "error: matcher value contains unescaped double quote: \"b\"ar\""},
      {"foo=\"\xff\"", "error: matcher value not valid UTF-8: \"\xff\""},
      {"foo=~(", "error: error parsing regexp: missing closing ): `^(?:()$`"},
  };
  for (const auto& [text, want] : cases)
    EXPECT_EQ(show(parse_classic_matchers(text)), want) << text;
}

TEST(MatcherText, TheUtf8WayReadsQuotedAndUnquotedWords) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "{}"},
      {"{}", "{}"},
      {"  { } ", "{}"},
      {"foo=bar", "{foo=\"bar\"}"},
      {"{foo=bar,}", "{foo=\"bar\"}"},
      {"foo=bar,", "{foo=\"bar\"}"},
      {"{\"foo\"!=\"bar\",a=~b|c}", "{foo!=\"bar\",a=~\"b|c\"}"},
      {"\"foo bar\"=baz", "{\"foo bar\"=\"baz\"}"},
      {"foo\xf0\x9f\x99\x82=bar", "{foo\xf0\x9f\x99\x82=\"bar\"}"},
      {R"(foo="\u00e9\x41\n")",
       "{foo=\"\xc3\xa9"
       "A\\n\"}"},
      {"foo.bar=1:2", "{foo.bar=\"1:2\"}"},
      {"{", "error: 0:1: end of input: expected close brace"},
      {"}", "error: 0:1: }: expected opening brace"},
      {"{foo=bar", "error: 0:8: end of input: expected close brace"},
      {"foo=bar}", "error: 0:8: }: expected opening brace"},
      {"{foo=bar}}", "error: 9:10: }: expected end of input"},
      {"{foo=bar},", "error: 9:10: ,: expected end of input"},
      {",", "error: 0:1: unexpected ,: expected label name"},
      {"=", "error: 0:1: unexpected =: expected label name"},
      {"foo", "error: end of input: expected an operator such as '=', '!=', '=~' or '!~'"},
      {"foo=", "error: end of input: expected label value"},
      {"foo=,", "error: 4:5: unexpected ,: expected label value"},
      {"foo=bar,,", "error: 8:9: unexpected ,: expected a matcher or close brace after comma"},
      {"foo=bar baz=q", "error: 8:11: unexpected baz: expected a comma or close brace"},
      {"foo=\"bar", "error: 4:8: \"bar: missing end \": expected label value"},
      {"foo=\"\\w\"", "error: 4:8: \"\\w\": invalid input"},
      {"foo='bar'", "error: 4:5: ': invalid input: expected label value"},
      {"foo!bar",
       "error: 3:4: !: expected one of '=~': expected an operator such as '=', '!=', '=~' or '!~'"},
      {"foo=~\"(\"",
       "error: failed to create matcher: error parsing regexp: missing closing ): `^(?:()$`"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(show(parse_utf8_matchers(text)), want) << text;
}

TEST(MatcherText, InFallbackTheOldReadingStandsWhereTheWaysDiffer) {
  struct Case {
    std::string text;
    std::string want;
    const char* warning;  // how it begins; null: none
  };
  const Case cases[] = {
      {"{foo=\"bar\"}", "{foo=\"bar\"}", nullptr},
      {"foo=bar", "{foo=\"bar\"}", nullptr},
      {"{}", "{}", nullptr},
      {"\"foo\"=bar", "{foo=\"bar\"}", nullptr},  // only the new way reads it
      {"foo=bar baz", "{foo=\"bar baz\"}", "Alertmanager is moving to a new parser"},
      {"foo=[a-z]{3}", "{foo=\"[a-z]{3\"}", "Alertmanager is moving to a new parser"},
      {R"(foo="\x41")", "{foo=\"\\\\x41\"}", "Matchers input has disagreement"},
      {"=foo", "error: bad matcher format: =foo", nullptr},
  };
  for (const auto& c : cases) {
    std::vector<std::string> warnings;
    EXPECT_EQ(show(parse_matchers(c.text, MatcherMode::kFallback, &warnings)), c.want) << c.text;
    if (c.warning == nullptr) {
      EXPECT_TRUE(warnings.empty()) << c.text << ": " << warnings[0];
    } else {
      ASSERT_EQ(warnings.size(), 1U) << c.text;
      EXPECT_EQ(warnings[0].rfind(c.warning, 0), 0U) << warnings[0];
    }
  }
}

TEST(MatcherText, OtherModesKnowOneWay) {
  EXPECT_FALSE(parse_matchers("foo=bar baz", MatcherMode::kUtf8Strict));
  EXPECT_TRUE(parse_matchers("foo=bar baz", MatcherMode::kClassic));
  EXPECT_TRUE(parse_matchers("\"foo bar\"=baz", MatcherMode::kUtf8Strict));
  EXPECT_FALSE(parse_matchers("\"foo bar\"=baz", MatcherMode::kClassic));
  EXPECT_TRUE(is_valid_label_name("foo bar", MatcherMode::kFallback));
  EXPECT_FALSE(is_valid_label_name("foo bar", MatcherMode::kClassic));
  EXPECT_FALSE(is_valid_label_name("", MatcherMode::kUtf8Strict));
}

TEST(MatcherText, OneMatcherIsOneWithoutBraces) {
  const auto error = [](std::string_view text, MatcherMode mode) {
    const auto matcher = parse_matcher(text, mode);
    return matcher ? print_matcher(*matcher) : matcher.error().message();
  };
  EXPECT_EQ(error("foo=bar", MatcherMode::kFallback), "foo=\"bar\"");
  EXPECT_EQ(error("{foo=bar}", MatcherMode::kFallback),
            "unexpected open or close brace: {foo=bar}");
  EXPECT_EQ(error("foo=bar}", MatcherMode::kUtf8Strict),
            "unexpected open or close brace: foo=bar}");
  EXPECT_EQ(error("a=b,c=d", MatcherMode::kUtf8Strict), "expected 1 matcher, found 2");
  EXPECT_EQ(error("", MatcherMode::kUtf8Strict), "no matchers");
  EXPECT_EQ(error("a=b,c=d", MatcherMode::kFallback), "a=\"b,c=d\"");
}

TEST(MatcherText, PrintsNamesQuotedOnlyWhenTheyHoldReservedCharacters) {
  const auto print = [](std::string name) {
    return print_matcher(*make_matcher(model::MatchOp::kEqual, std::move(name), "v\"\n"));
  };
  EXPECT_EQ(print("foo"), "foo=\"v\\\"\\n\"");
  EXPECT_EQ(print("foo.bar"), "foo.bar=\"v\\\"\\n\"");
  EXPECT_EQ(print("foo bar"), "\"foo bar\"=\"v\\\"\\n\"");
  EXPECT_EQ(print("foo\xc2\xa0"), "\"foo\xc2\xa0\"=\"v\\\"\\n\"");
}

TEST(MatcherText, SortsByNameValueOperator) {
  auto list = *parse_classic_matchers("b=1,a=2,a!=1,a=1");
  sort_matchers(list);
  EXPECT_EQ(print_matchers(list), "{a=\"1\",a!=\"1\",a=\"2\",b=\"1\"}");
}

TEST(GoText, DurationsAreReadAsGoReadsThem) {
  EXPECT_EQ(*parse_go_duration("1h15m30.5s"), 1h + 15min + 30500ms);
  EXPECT_EQ(*parse_go_duration("-1.5h"), -90min);
  EXPECT_EQ(*parse_go_duration(".5s"), 500ms);
  EXPECT_EQ(*parse_go_duration("0"), 0s);
  const std::pair<const char*, const char*> wrong[] = {
      {"", "time: invalid duration \"\""},
      {"3", "time: missing unit in duration \"3\""},
      {"3x", "time: unknown unit \"x\" in duration \"3x\""},
      {"-", "time: invalid duration \"-\""},
      {".s", "time: invalid duration \".s\""},
      {"99999999h", "time: invalid duration \"99999999h\""}};
  for (const auto& [text, want] : wrong) {
    const auto got = parse_go_duration(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().message(), want);
  }
}

TEST(GoText, UrlsAndAddressesAreJudgedAsGoJudgesThem) {
  const std::pair<const char*, const char*> urls[] = {
      {"http://h/p?q", ""},
      {"https://[::1]:80/", ""},
      {"http://u:p@h", ""},
      {"", "unsupported scheme \"\" for URL"},
      {"h", "unsupported scheme \"\" for URL"},
      {"http:///p", "missing host for URL"},
      {"h:25", "unsupported scheme \"h\" for URL"},
      {":x", "parse \":x\": missing protocol scheme"},
      {"a b:c", "parse \"a b:c\": first path segment in URL cannot contain colon"},
      {"http://a:b", "parse \"http://a:b\": invalid port \":b\" after host"},
      {"http://h/%zz", "parse \"http://h/%zz\": invalid URL escape \"%zz\""},
      {"http://[::1", "parse \"http://[::1\": missing ']' in host"},
      {"http://h\n", "parse \"http://h\\n\": net/url: invalid control character in URL"},
  };
  for (const auto& [url, want] : urls) {
    const auto got = check_http_url(url);
    EXPECT_EQ(got ? "" : got.error().message(), want) << url;
  }
  const std::pair<const char*, const char*> addresses[] = {
      {"h:25", ""},
      {"[::1]:25", ""},
      {":25", ""},
      {"h", "address h: missing port in address"},
      {"::1", "address ::1: too many colons in address"},
      {"[::1", "address [::1: missing ']' in address"},
      {"[::1]", "address [::1]: missing port in address"},
      {"h:", "address \"h:\": port cannot be empty"}};
  for (const auto& [address, want] : addresses) {
    const auto got = check_host_port(address);
    EXPECT_EQ(got ? "" : got.error().message(), want) << address;
  }
  EXPECT_EQ(with_slash_after_path("https://h/p?q=1"), "https://h/p/?q=1");
  EXPECT_EQ(with_slash_after_path("https://h/p/"), "https://h/p/");
  EXPECT_EQ(canonical_header("x-my-HEADER"), "X-My-Header");
}

}  // namespace
}  // namespace holdfast::respond::route
