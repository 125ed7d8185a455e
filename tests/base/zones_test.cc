#include "base/zones.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/files.h"
#include "base/zone_rule.h"

namespace holdfast {
namespace {

Zone zone_of(std::string_view name) {
  auto zone = find_zone(name);
  EXPECT_TRUE(zone.has_value()) << name;
  return zone ? *zone : Zone();
}

WallTime at(std::string_view text) {
  auto time = parse_time(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time.value();
}

std::string show(const CivilTime& t) {
  char out[64];
  std::snprintf(out, sizeof out, "%04lld-%02d-%02d %02d:%02d:%02d", static_cast<long long>(t.year),
                t.month, t.day, t.hour, t.minute, t.second);
  return out;
}

TEST(Civil, CarriesFieldsOutOfTheirRange) {
  struct Case {
    CivilTime civil;
    std::string want;
  };
  const Case cases[] = {
      {{2026, 1, 32, 0, 0, 0}, "2026-02-01T00:00:00.000Z"},
      {{2026, 3, 0, 0, 0, 0}, "2026-02-28T00:00:00.000Z"},
      {{2024, 3, 0, 0, 0, 0}, "2024-02-29T00:00:00.000Z"},
      {{2026, 13, 1, 0, 0, 0}, "2027-01-01T00:00:00.000Z"},
      {{2026, 0, 1, 0, 0, 0}, "2025-12-01T00:00:00.000Z"},
      {{2026, -11, 1, 0, 0, 0}, "2025-01-01T00:00:00.000Z"},
      {{2026, 5, 1, 24, 60, 61, 1}, "2026-05-02T01:01:01.001Z"},
      {{2026, 5, 1, -1, 0, 0}, "2026-04-30T23:00:00.000Z"},
      {{1, 1, 1, 0, 0, 0}, "0001-01-01T00:00:00.000Z"},
  };
  for (const auto& c : cases) EXPECT_EQ(format_time(instant_utc(c.civil)), c.want);
}

TEST(Civil, GoesThereAndBackForEveryDayOfEightHundredYears) {
  std::int64_t day = days_of(1600, 1, 1);
  int weekday_wanted = 6;  // 1600-01-01 was a Saturday
  for (std::int64_t year = 1600; year < 2400; ++year) {
    int of_year = 0;
    for (int month = 1; month <= 12; ++month) {
      for (int d = 1; d <= days_in_month(year, month); ++d, ++day) {
        const CivilTime civil{year, month, d, 23, 59, 59, 999};
        ASSERT_EQ(days_of(year, month, d), day);
        ASSERT_EQ(civil_utc(instant_utc(civil)), civil);
        ASSERT_EQ(weekday(civil), weekday_wanted);
        ASSERT_EQ(year_day(civil), ++of_year);
        weekday_wanted = (weekday_wanted + 1) % 7;
      }
    }
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    ASSERT_EQ(of_year, leap ? 366 : 365) << year;
  }
}

TEST(Zones, ShowTheClockOfThePlace) {
  struct Case {
    const char* zone;
    const char* at;
    const char* want;
    int offset_seconds;
    const char* abbreviation;
  };
  const Case cases[] = {
      {"Europe/Berlin", "2026-01-01T00:00:00Z", "2026-01-01 01:00:00", 3600, "CET"},
      {"Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01 02:00:00", 7200, "CEST"},
      {"Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29 01:59:59", 3600, "CET"},
      {"Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29 03:00:00", 7200, "CEST"},
      {"Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25 02:00:00", 3600, "CET"},
      {"Europe/Berlin", "1893-04-01T00:00:00Z", "1893-04-01 01:00:00", 3600, "CET"},
      {"Europe/Berlin", "1890-01-01T00:00:00Z", "1890-01-01 00:53:28", 3208, "LMT"},
      {"Europe/Berlin", "2500-07-01T00:00:00Z", "2500-07-01 02:00:00", 7200, "CEST"},
      {"Asia/Shanghai", "2026-11-21T16:00:00Z", "2026-11-22 00:00:00", 28800, "CST"},
      {"Asia/Kolkata", "2026-11-21T00:00:00Z", "2026-11-21 05:30:00", 19800, "IST"},
      {"Asia/Kathmandu", "2026-11-21T00:00:00Z", "2026-11-21 05:45:00", 20700, "+0545"},
      {"America/New_York", "2026-11-01T05:59:59Z", "2026-11-01 01:59:59", -14400, "EDT"},
      {"America/New_York", "2026-11-01T06:00:00Z", "2026-11-01 01:00:00", -18000, "EST"},
      {"America/New_York", "2060-07-04T12:00:00Z", "2060-07-04 08:00:00", -14400, "EDT"},
      {"America/Sao_Paulo", "2050-01-01T00:00:00Z", "2049-12-31 21:00:00", -10800, "-03"},
      {"Australia/Lord_Howe", "2026-01-01T00:00:00Z", "2026-01-01 11:00:00", 39600, "+11"},
      {"Australia/Lord_Howe", "2026-07-01T00:00:00Z", "2026-07-01 10:30:00", 37800, "+1030"},
      {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29 23:59:59", -36000, "-10"},
      {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31 00:00:00", 50400, "+14"},
      {"Pacific/Chatham", "2045-01-01T00:00:00Z", "2045-01-01 13:45:00", 49500, "+1345"},
      {"UTC", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00", 0, "UTC"},
      {"", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00", 0, "UTC"},
      {"Etc/GMT+5", "2026-01-01T00:00:00Z", "2025-12-31 19:00:00", -18000, "-05"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.zone) + " " + c.at);
    const Zone zone = zone_of(c.zone);
    EXPECT_EQ(show(zone.civil(at(c.at))), c.want);
    const ZoneSpan span = zone.span(at(c.at));
    EXPECT_EQ(span.offset_seconds, c.offset_seconds);
    EXPECT_EQ(span.abbreviation, c.abbreviation);
    EXPECT_LE(span.begin, at(c.at));
    EXPECT_GT(span.end, at(c.at));
  }
}

TEST(Zones, ASpanEndsWhereTheNextBegins) {
  const Zone zone = zone_of("Europe/Berlin");
  const ZoneSpan summer = zone.span(at("2026-07-01T00:00:00Z"));
  EXPECT_TRUE(summer.daylight);
  EXPECT_EQ(format_time(summer.begin), "2026-03-29T01:00:00.000Z");
  EXPECT_EQ(format_time(summer.end), "2026-10-25T01:00:00.000Z");
  EXPECT_EQ(zone.span(summer.end).begin, summer.end);
  EXPECT_FALSE(zone.span(summer.end).daylight);
  // By the rule, far behind the last change the file lists.
  const ZoneSpan later = zone.span(at("2326-07-01T00:00:00Z"));
  EXPECT_EQ(format_time(later.begin), "2326-03-28T01:00:00.000Z");
  EXPECT_EQ(format_time(later.end), "2326-10-31T01:00:00.000Z");
  EXPECT_EQ(Zone().span(WallTime{}).begin, WallTime::min());
  EXPECT_EQ(Zone().span(WallTime{}).end, WallTime::max());
}

TEST(Zones, ACivilTimeHappensNeverOnceOrTwice) {
  struct Case {
    const char* zone;
    CivilTime civil;
    std::vector<std::string> instants;
    const char* first;
    const char* second;
    const char* go;
  };
  const Case cases[] = {
      {"Europe/Berlin",
       {2026, 6, 1, 12, 0, 0},
       {"2026-06-01T10:00:00.000Z"},
       "2026-06-01T10:00:00.000Z",
       "2026-06-01T10:00:00.000Z",
       "2026-06-01T10:00:00.000Z"},
      {"Europe/Berlin",
       {2026, 3, 29, 2, 30, 0},
       {},
       "2026-03-29T01:30:00.000Z",
       "2026-03-29T00:30:00.000Z",
       "2026-03-29T01:30:00.000Z"},
      {"Europe/Berlin",
       {2026, 10, 25, 2, 30, 0},
       {"2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"},
       "2026-10-25T00:30:00.000Z",
       "2026-10-25T01:30:00.000Z",
       "2026-10-25T01:30:00.000Z"},
      {"America/New_York",
       {2026, 3, 8, 2, 30, 0},
       {},
       "2026-03-08T07:30:00.000Z",
       "2026-03-08T06:30:00.000Z",
       "2026-03-08T06:30:00.000Z"},
      {"America/New_York",
       {2026, 11, 1, 1, 30, 0},
       {"2026-11-01T05:30:00.000Z", "2026-11-01T06:30:00.000Z"},
       "2026-11-01T05:30:00.000Z",
       "2026-11-01T06:30:00.000Z",
       "2026-11-01T05:30:00.000Z"},
      // Thirty minutes of daylight time only.
      {"Australia/Lord_Howe",
       {2026, 10, 4, 2, 15, 0},
       {},
       "2026-10-03T15:45:00.000Z",
       "2026-10-03T15:15:00.000Z",
       "2026-10-03T15:45:00.000Z"},
      // A whole day that never was.
      {"Pacific/Apia",
       {2011, 12, 30, 12, 0, 0},
       {},
       "2011-12-30T22:00:00.000Z",
       "2011-12-29T22:00:00.000Z",
       "2011-12-30T22:00:00.000Z"},
      {"UTC",
       {2026, 3, 29, 2, 30, 0, 5},
       {"2026-03-29T02:30:00.005Z"},
       "2026-03-29T02:30:00.005Z",
       "2026-03-29T02:30:00.005Z",
       "2026-03-29T02:30:00.005Z"},
      // Fields carry over before the clock is asked: the day after the 28th, at the same time.
      {"Europe/Berlin",
       {2026, 3, 28 + 2, 9, 0, 0},
       {"2026-03-30T07:00:00.000Z"},
       "2026-03-30T07:00:00.000Z",
       "2026-03-30T07:00:00.000Z",
       "2026-03-30T07:00:00.000Z"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.zone) + " " + show(c.civil));
    const Zone zone = zone_of(c.zone);
    std::vector<std::string> instants;
    for (const WallTime t : zone.instants(c.civil)) instants.push_back(format_time(t));
    EXPECT_EQ(instants, c.instants);
    EXPECT_EQ(format_time(zone.instant(c.civil)), c.first);
    EXPECT_EQ(format_time(zone.instant(c.civil, CivilPick::kSecond)), c.second);
    EXPECT_EQ(format_time(zone.instant(c.civil, CivilPick::kGo)), c.go);
  }
}

// What the clock shows at an instant must lead back to it, in every zone, around every change of 25 years.
TEST(Zones, EveryInstantIsFoundAgainByItsCivilTime) {
  const std::vector<std::string> names = zone_names();
  ASSERT_GT(names.size(), 300U);
  for (const std::string& name : names) {
    const Zone zone = zone_of(name);
    const WallTime end = at("2040-01-01T00:00:00Z");
    for (WallTime t = at("2015-01-01T00:00:00Z"); t < end;) {
      const ZoneSpan span = zone.span(t);
      for (const auto step : {-90min, -30min, 0min, 30min, 90min}) {
        const WallTime near = t + step;
        const auto found = zone.instants(zone.civil(near));
        ASSERT_TRUE(std::find(found.begin(), found.end(), near) != found.end())
            << name << " " << format_time(near);
        ASSERT_LE(found.size(), 2U);
        const WallTime go = zone.instant(zone.civil(near), CivilPick::kGo);
        ASSERT_TRUE(std::find(found.begin(), found.end(), go) != found.end())
            << name << " " << format_time(near);
      }
      if (span.end == WallTime::max()) break;
      t = span.end;
    }
  }
}

TEST(Zones, NamesAreThoseOfTheZoneData) {
  const auto names = zone_names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  const auto has = [&](const char* name) {
    return std::binary_search(names.begin(), names.end(), name);
  };
  EXPECT_TRUE(has("Europe/Berlin") && has("America/Argentina/Ushuaia") && has("UTC") &&
              has("Etc/GMT+5"));
  EXPECT_FALSE(has("posix/Europe/Berlin") || has("right/UTC") || has("tzdata.zi") || has("Europe"));
  EXPECT_EQ(zone_data_version().substr(0, 2), "20");
}

TEST(Zones, UnknownAndForgedNamesAreRefused) {
  for (const char* name : {"Europe/Nowhere", "../../../etc/passwd", "/etc/localtime", "Europe",
                           "Europe/../UTC", "tzdata.zi", "europe\\berlin", " UTC", "."}) {
    auto zone = find_zone(name);
    ASSERT_FALSE(zone.has_value()) << name;
    EXPECT_EQ(zone.error().message(), std::string("unknown time zone ") + name);
  }
}

TEST(ZoneRules, AreReadAsPosixWritesThem) {
  struct Case {
    const char* rule;
    const char* at;
    int offset_seconds;
    const char* abbreviation;
  };
  const Case cases[] = {
      {"EST5", "2026-07-01T00:00:00Z", -18000, "EST"},
      {"<+0330>-3:30", "2026-07-01T00:00:00Z", 12600, "+0330"},
      {"EST5EDT,M3.2.0,M11.1.0", "2026-07-01T00:00:00Z", -14400, "EDT"},
      {"EST5EDT,M3.2.0,M11.1.0", "2026-12-01T00:00:00Z", -18000, "EST"},
      {"NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-01-01T00:00:00Z", 46800, "NZDT"},
      {"NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-06-01T00:00:00Z", 43200, "NZST"},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0, "GMT"},
      {"AAA0BBB,J60,J300", "2024-02-29T12:00:00Z", 0, "AAA"},
      {"AAA0BBB,J60,J300", "2024-03-01T12:00:00Z", 3600, "BBB"},
      {"AAA0BBB,59,300", "2024-02-29T12:00:00Z", 3600, "BBB"},
      {"XXX3EDT4,0/0,J365/23", "2026-01-01T00:00:00Z", -14400, "EDT"},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:30:00Z", -7200, "-02"},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600, "-01"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.rule) + " " + c.at);
    auto rule = parse_zone_rule(c.rule);
    ASSERT_TRUE(rule.has_value()) << rule.error().message();
    const ZoneStretch found = rule->stretch(to_ms(at(c.at)) / 1000);
    EXPECT_EQ(found.offset_seconds, c.offset_seconds);
    EXPECT_EQ(found.abbreviation, c.abbreviation);
  }
  for (const char* bad : {"", "E5", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0",
                          "EST5EDT,M3.2.0,M11.1.0x", "<EST5", "EST99"}) {
    EXPECT_FALSE(parse_zone_rule(bad).has_value()) << bad;
  }
}

TEST(ZoneFiles, DamagedBytesAreRefusedWithoutHarm) {
  PosixFileSystem disk;
  const std::string good = disk.read_file("/usr/share/zoneinfo/Europe/Berlin").value();
  ASSERT_TRUE(parse_tzif(good, "x").has_value());
  for (std::size_t size = 0; size + 1 < good.size(); ++size) {
    // Only an end within the rule, the last bytes, can go unnoticed.
    EXPECT_TRUE(size + 30 > good.size() || !parse_tzif(good.substr(0, size), "x").has_value())
        << size;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0xff);
    if (auto zone = parse_tzif(bad, "x")) {
      (void)zone->civil(WallTime{});
      (void)zone->instants({2026, 3, 29, 2, 30, 0});
    }
  }
  EXPECT_FALSE(parse_tzif(std::string(kZoneFileSizeMax + 1, 'x'), "x").has_value());
}

TEST(ZoneFiles, ExtremeInstantsStayWithinRange) {
  const Zone zone = zone_of("Europe/Berlin");
  for (const WallTime t : {WallTime::min(), WallTime::max()}) {
    (void)zone.span(t);
    const CivilTime civil = zone.civil(t);
    EXPECT_LE(std::abs(civil.year), kCivilYearMax);
    (void)zone.instant(civil, CivilPick::kGo);
  }
  const int most = std::numeric_limits<int>::max();
  (void)zone.instants(
      {std::numeric_limits<std::int64_t>::max(), most, most, most, most, most, most});
  (void)zone.instants(
      {std::numeric_limits<std::int64_t>::min(), -most, -most, -most, -most, -most, -most});
}

}  // namespace
}  // namespace holdfast
