#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_TRUE(equals_ignoring_case("Content-Type", "content-TYPE"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
}

TEST(ParseInt, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_int("-42"), -42);
  EXPECT_EQ(parse_int("+42"), 42);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (const std::string_view text :
       {"", "+", "+-1", "1 ", " 1", "1x", "0x10", "9223372036854775808"}) {
    EXPECT_EQ(parse_int(text), std::nullopt) << text;
  }
}

TEST(ParseDouble, ReadsNumbersAndTheSpecialThree) {
  EXPECT_EQ(parse_double("1e3"), 1000.0);
  EXPECT_EQ(parse_double("+.5"), 0.5);
  EXPECT_EQ(parse_double("-0.25"), -0.25);
  EXPECT_EQ(parse_double("iNf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_double("-Inf"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(*parse_double("nan")));
  EXPECT_EQ(parse_double("1e-400"), 0.0);
  EXPECT_EQ(parse_double("5e-324"), 5e-324);
  for (const std::string_view text :
       {"", "-", "--1", "+-1", "1,5", "1 ", "nan(1)", "0x", "e5", "1e999", "-nan"}) {
    EXPECT_EQ(parse_double(text), std::nullopt) << text;
  }
}

TEST(FormatDouble, WritesAsGoDoes) {
  struct Case {
    double value;
    std::string_view want;
  };
  const Case cases[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1e6, "1000000"},
      {123456789, "123456789"},
      {1e21, "1000000000000000000000"},
      {1e23, "100000000000000000000000"},
      {1e-9, "0.000000001"},
      {1.25e-3, "0.00125"},
      {1234.5678, "1234.5678"},
      {100.5, "100.5"},
      {9007199254740992.0, "9007199254740992"},
      {std::numeric_limits<double>::infinity(), "+Inf"},
      {-std::numeric_limits<double>::infinity(), "-Inf"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
  };
  for (const auto& c : cases) EXPECT_EQ(format_double(c.value), c.want);
}

TEST(FormatDouble, ReadsBackAsTheSameBits) {
  SeededRandom random(7);
  for (int i = 0; i < 20000; ++i) {
    const auto value = std::bit_cast<double>(random.next());
    if (std::isnan(value)) continue;
    const auto text = format_double(value);
    const auto back = parse_double(text);
    ASSERT_TRUE(back) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*back), std::bit_cast<std::uint64_t>(value)) << text;
  }
}

TEST(Utf8, AcceptsOnlyWellFormedText) {
  struct Case {
    std::string_view text;
    bool valid;
  };
  const Case cases[] = {
      {"", true},
      {"plain", true},
      {"\u00e9\u20ac\U0001F600", true},
      {"\x80", false},              // a follower alone
      {"\xC3", false},              // cut short
      {"\xC0\xAF", false},          // overlong
      {"\xE0\x80\xAF", false},      // overlong
      {"\xED\xA0\x80", false},      // a surrogate
      {"\xF4\x90\x80\x80", false},  // beyond the last
      {"\xF0\x9F\x98", false},      // cut short
      {"\xFF", false},
  };
  for (const auto& c : cases) {
    // Alone and at every place among plain text, which is read eight bytes at a time.
    for (std::size_t before = 0; before < 18; ++before) {
      for (const std::size_t behind : {0, 1, 8, 13}) {
        const std::string text =
            std::string(before, 'a') + std::string(c.text) + std::string(behind, 'z');
        EXPECT_EQ(is_valid_utf8(text), c.valid) << printable(text);
      }
    }
  }
}

TEST(Printable, EscapesWhatATerminalWouldObeyAndCutsTheRest) {
  EXPECT_EQ(printable("a\nb\x1b[2J\x7f"), "a\\nb\\x1b[2J\\x7f");
  EXPECT_EQ(printable("caf\u00e9"), "caf\u00e9");
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\u009bq"), "\\xc2\\x9bq");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Nearest, FindsTheWordThatWasMeant) {
  const std::vector<std::string> words = {"interval", "timeout", "for", "labels"};
  EXPECT_EQ(nearest("intreval", words), "interval");
  EXPECT_EQ(nearest("Timeout", words), "timeout");
  EXPECT_EQ(nearest("lables", words), "labels");
  EXPECT_EQ(nearest("annotations", words), "");
  EXPECT_EQ(nearest("", words), "");
}

}  // namespace
}  // namespace holdfast
