#include "base/time.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace holdfast {
namespace {

TEST(ParseDuration, ReadsPrometheusForm) {
  struct Case {
    std::string_view text;
    Duration want;
  };
  const Case cases[] = {
      {"0", 0s},
      {"0s", 0s},
      {"5ms", 5ms},
      {"15s", 15s},
      {"1m30s", 90s},
      {"1h30m", 90min},
      {"1d", 24h},
      {"2w", 336h},
      {"1y", 8760h},
      {"1y2w3d4h5m6s7ms", 8760h + 336h + 72h + 4h + 5min + 6s + 7ms},
      {"90s", 90s},
      {"00015s", 15s},
      {"292y", 292 * 8760h},
  };
  for (const auto& c : cases) {
    const auto got = parse_duration(c.text);
    ASSERT_TRUE(got) << c.text << ": " << got.error().message();
    EXPECT_EQ(*got, c.want) << c.text;
  }
}

TEST(ParseDuration, NamesWhatIsWrong) {
  struct Case {
    std::string_view text;
    std::string_view why;
  };
  const Case cases[] = {
      {"", "empty"},
      {"5", "a unit is missing"},
      {"s", "a number is missing"},
      {"-5s", "a number is missing"},
      {"1.5h", "\".\" is no unit"},
      {"5 s", "\" s\" is no unit"},
      {"30m1h", "each unit stands once"},
      {"1s1s", "each unit stands once"},
      {"5us", "\"us\" is no unit"},
      {"300y", "too long"},
      {"99999999999999999999s", "too long"},
  };
  for (const auto& c : cases) {
    const auto got = parse_duration(c.text);
    ASSERT_FALSE(got) << c.text;
    EXPECT_EQ(got.error().code(), Code::kInvalid);
    EXPECT_NE(got.error().message().find(c.why), std::string::npos) << got.error().message();
  }
}

TEST(FormatDuration, IsTheShortestTextThatReadsBack) {
  struct Case {
    Duration duration;
    std::string_view want;
  };
  const Case cases[] = {
      {0s, "0s"},   {90s, "1m30s"},   {1500ms, "1s500ms"}, {24h, "1d"},
      {168h, "1w"}, {192h, "8d"},     {8760h, "1y"},       {8761h, "365d1h"},
      {1h, "1h"},   {-90s, "-1m30s"}, {1499us, "1ms"},     {1501us, "2ms"},
  };
  for (const auto& c : cases) EXPECT_EQ(format_duration(c.duration), c.want);
}

TEST(Time, FormatsAndParsesRfc3339) {
  struct Case {
    std::string_view text;
    std::int64_t ms;
    std::string_view back;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"},
      {"2026-11-21T10:22:04.123Z", 1795256524123, "2026-11-21T10:22:04.123Z"},
      {"2026-11-21T11:22:04.123456789+01:00", 1795256524123, "2026-11-21T10:22:04.123Z"},
      {"2026-11-21t10:22:04z", 1795256524000, "2026-11-21T10:22:04.000Z"},
      {"2024-02-29T23:59:60Z", 1709251200000, "2024-03-01T00:00:00.000Z"},
      {"1969-12-31T23:59:59.9Z", -100, "1969-12-31T23:59:59.900Z"},
      {"1795256524.123", 1795256524123, "2026-11-21T10:22:04.123Z"},
      {"1795256524", 1795256524000, "2026-11-21T10:22:04.000Z"},
      {"-0.5", -500, "1969-12-31T23:59:59.500Z"},
      {"1e9", 1000000000000, "2001-09-09T01:46:40.000Z"},
      {"253402300800", 253402300800000, "253402300800.000"},
  };
  for (const auto& c : cases) {
    const auto got = parse_time(c.text);
    ASSERT_TRUE(got) << c.text << ": " << got.error().message();
    EXPECT_EQ(to_ms(*got), c.ms) << c.text;
    EXPECT_EQ(format_time(*got), c.back) << c.text;
  }
}

TEST(Time, RejectsWhatIsNoTime) {
  for (const std::string_view text :
       {"", "yesterday", "2026-11-21", "2026-11-21T10:22:04", "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+25:00", "NaN", "Inf", "1e300"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(SystemClock, IntervalsDoNotGoBack) {
  const SystemClock clock;
  const auto first = clock.mono();
  EXPECT_LE(first, clock.mono());
  EXPECT_GT(to_ms(clock.now()), 1'700'000'000'000);
}

}  // namespace
}  // namespace holdfast
