#include "respond/oncall/recurrence.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace holdfast::respond::oncall {
namespace {

RecurringSet make_set(const std::string& zone, const std::string& start, const std::string& rule) {
  RecurringSet set;
  set.zone = *find_zone(zone);
  set.start = parse_stamp(start)->civil;
  auto parsed = parse_recurrence(rule);
  EXPECT_TRUE(parsed.has_value()) << rule << ": " << parsed.error().message();
  if (parsed) set.rules = {*parsed};
  return set;
}

std::string shown(const RecurringSet& set, const std::vector<WallTime>& times) {
  std::vector<std::string> out;
  for (const auto at : times) out.push_back(format_stamp(set.zone.civil(at)));
  return join(out, " ");
}

struct Case {
  const char* rule;
  const char* want;  // from 1997-09-02T09:00 in New York, the first few
};

// The examples of RFC 5545, section 3.8.5.3.
TEST(Recurrence, OccursAsTheExamplesOfTheStandardSay) {
  const Case cases[] = {
      {"FREQ=DAILY;COUNT=3", "19970902T090000 19970903T090000 19970904T090000"},
      {"FREQ=DAILY;UNTIL=19970904T000000Z", "19970902T090000 19970903T090000"},
      {"FREQ=DAILY;INTERVAL=10;COUNT=3", "19970902T090000 19970912T090000 19970922T090000"},
      {"FREQ=WEEKLY;INTERVAL=2;WKST=SU;COUNT=3", "19970902T090000 19970916T090000 19970930T090000"},
      {"FREQ=WEEKLY;COUNT=4;WKST=SU;BYDAY=TU,TH",
       "19970902T090000 19970904T090000 19970909T090000 19970911T090000"},
      {"FREQ=WEEKLY;INTERVAL=2;COUNT=4;WKST=SU;BYDAY=TU,TH",
       "19970902T090000 19970904T090000 19970916T090000 19970918T090000"},
      {"FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "19970905T090000 19971003T090000 19971107T090000"},
      {"FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU",
       "19970907T090000 19970928T090000 19971102T090000 19971130T090000"},
      {"FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "19970922T090000 19971020T090000 19971117T090000"},
      {"FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "19970928T090000 19971029T090000 19971128T090000"},
      {"FREQ=MONTHLY;COUNT=4;BYMONTHDAY=2,15",
       "19970902T090000 19970915T090000 19971002T090000 19971015T090000"},
      {"FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1",
       "19970930T090000 19971001T090000 19971031T090000 19971101T090000"},
      {"FREQ=MONTHLY;INTERVAL=18;COUNT=3;BYMONTHDAY=10,11",
       "19970910T090000 19970911T090000 19990310T090000"},
      {"FREQ=YEARLY;COUNT=3;BYMONTH=6,7", "19980602T090000 19980702T090000 19990602T090000"},
      {"FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200",
       "20000101T090000 20000409T090000 20000718T090000 20030101T090000"},
      {"FREQ=YEARLY;BYDAY=20MO;COUNT=2", "19980518T090000 19990517T090000"},
      {"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3",
       "19980511T090000 19990517T090000 20000515T090000"},
      {"FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=2", "19980305T090000 19980312T090000"},
      {"FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3",
       "19980213T090000 19980313T090000 19981113T090000"},
      {"FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=2",
       "19970913T090000 19971011T090000"},
      {"FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=2",
       "19971104T090000 20011106T090000"},
      {"FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
       "19970904T090000 19971007T090000 19971106T090000"},
      {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3",
       "19970929T090000 19971030T090000 19971127T090000"},
      {"FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z", "19970902T090000 19970902T120000"},
      {"FREQ=MINUTELY;INTERVAL=15;COUNT=3", "19970902T090000 19970902T091500 19970902T093000"},
      {"FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20,40;COUNT=4",
       "19970902T090000 19970902T092000 19970902T094000 19970902T100000"},
      {"FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,16;COUNT=4",
       "19970902T090000 19970902T092000 19970902T094000 19970902T160000"},
      {"FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", "19971031T090000 19971231T090000 19980131T090000"},
      {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=2", "20000229T090000 20040229T090000"},
      {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", ""},
      {"FREQ=SECONDLY;INTERVAL=1800;BYMONTH=10;COUNT=2", "19971001T000000 19971001T003000"},
  };
  for (const auto& c : cases) {
    const auto set = make_set("America/New_York", "19970902T090000", c.rule);
    EXPECT_EQ(shown(set, next_occurrences(set, set.zone.instant(set.start),
                                          std::min<std::size_t>(4, split(c.want, ' ').size()))),
              c.want)
        << c.rule;
    EXPECT_EQ(parse_recurrence(format_recurrence(set.rules[0])).value(), set.rules[0]) << c.rule;
  }
}

TEST(Recurrence, StaysOnTheClockOverBothChanges) {
  const auto daily = make_set("Europe/Berlin", "20260328T023000", "FREQ=DAILY;COUNT=3");
  std::vector<std::string> utc;
  for (const auto at : next_occurrences(daily, WallTime::min(), 3)) utc.push_back(format_stamp(at));
  // 02:30 does not happen on the 29th: 03:30 it is.
  EXPECT_EQ(join(utc, " "), "20260328T013000Z 20260329T013000Z 20260330T003000Z");
  const auto back = make_set("Europe/Berlin", "20261024T023000", "FREQ=DAILY;COUNT=3");
  utc.clear();
  for (const auto at : next_occurrences(back, WallTime::min(), 3)) utc.push_back(format_stamp(at));
  // 02:30 happens twice on the 25th: the first.
  EXPECT_EQ(join(utc, " "), "20261024T003000Z 20261025T003000Z 20261026T013000Z");
}

TEST(Recurrence, HoursCountElapsedTime) {
  const auto set = make_set("Europe/Berlin", "20261025T000000", "FREQ=HOURLY;INTERVAL=1;COUNT=5");
  EXPECT_EQ(shown(set, next_occurrences(set, WallTime::min(), 5)),
            "20261025T000000 20261025T010000 20261025T020000 20261025T020000 20261025T030000");
}

TEST(Recurrence, ExceptionsAndAdditionsCount) {
  auto set = make_set("UTC", "20260101T090000", "FREQ=DAILY;COUNT=4");
  set.exceptions = {instant_utc({2026, 1, 2, 9})};
  set.exception_days = {{2026, 1, 3}};
  set.added = {instant_utc({2026, 1, 10, 12})};
  EXPECT_EQ(shown(set, next_occurrences(set, WallTime::min(), 9)),
            "20260101T090000 20260104T090000 20260110T120000");
}

TEST(Recurrence, ARuleOfLongAgoIsAsFastAsANewOne) {
  const auto set = make_set("UTC", "19700101T000000", "FREQ=SECONDLY");
  const auto from = instant_utc({2026, 1, 1});
  EXPECT_EQ(next_occurrences(set, from, 2), (std::vector<WallTime>{from, from + 1s}));
  EXPECT_EQ(last_occurrence(set, from + 500ms, 1h), from);
}

TEST(Recurrence, WrongRulesNameThePart) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is no NAME=VALUE"},
      {"INTERVAL=2", "FREQ is missing"},
      {"FREQ=FORTNIGHTLY", "FREQ=FORTNIGHTLY: allowed is SECONDLY"},
      {"FREQ=DAILY;FREQ=DAILY", "FREQ stands twice"},
      {"FREQ=DAILY;INTERVAL=0", "INTERVAL=0"},
      {"FREQ=DAILY;COUNT=2;UNTIL=20260101", "COUNT and UNTIL"},
      {"FREQ=DAILY;BYDAY=1MO", "an ordinal in BYDAY"},
      {"FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go"},
      {"FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0"},
      {"FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"},
      {"FREQ=DAILY;BYSETPOS=1", "BYSETPOS needs another"},
      {"FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW"},
      {"FREQ=DAILY;X=1", "unknown part 'X'"},
  };
  for (const auto& [rule, want] : cases) {
    const auto parsed = parse_recurrence(rule);
    ASSERT_FALSE(parsed.has_value()) << rule;
    EXPECT_NE(parsed.error().message().find(want), std::string::npos) << parsed.error().message();
  }
}

}  // namespace
}  // namespace holdfast::respond::oncall
