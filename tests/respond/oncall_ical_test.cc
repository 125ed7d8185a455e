#include "respond/oncall/ical.h"

#include <gtest/gtest.h>

namespace holdfast::respond::oncall {
namespace {

constexpr const char* kRota =
    "BEGIN:VCALENDAR\r\nX-WR-CALNAME:rota\r\n"
    "BEGIN:VTIMEZONE\r\nTZID:Our Office\r\nX-LIC-LOCATION:Europe/Berlin\r\n"
    "BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:"
    "STANDARD\r\n"
    "END:VTIMEZONE\r\n"
    "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:[L2] li\\, Wa\r\n ng\r\n"
    "DTSTART;TZID=\"Our Office\":20260105T090000\r\nDURATION:PT8H\r\n"
    "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4\r\nEXDATE;TZID=Our Office:20260112T090000\r\n"
    "BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nSUMMARY:not the event's\r\nEND:VALARM\r\n"
    "END:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID;TZID=Our Office:20260119T090000\r\nSUMMARY:zhao\r\n"
    "DTSTART;TZID=Our Office:20260119T100000\r\nDTEND;TZID=Our "
    "Office:20260119T120000\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:holiday cover\r\nATTENDEE;CN=\"X;Y:Z\":MAILTO:zhao@x.org\r\n"
    "DTSTART;VALUE=DATE:20260201\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:3\r\nSTATUS:CANCELLED\r\nSUMMARY:li\r\nDTSTART:20260301T000000Z\r\nEND:"
    "VEVENT\r\n"
    "END:VCALENDAR\r\n";

std::string who(std::string_view name) {
  if (name == "li") return "li";
  if (name == "Wang") return "wang";
  if (name == "zhao" || name == "zhao@x.org") return "zhao";
  return {};
}

TEST(Calendar, ReadsWhatCalendarProgramsWrite) {
  const auto calendar = parse_calendar(kRota, Zone());
  ASSERT_TRUE(calendar.has_value()) << calendar.error().message();
  EXPECT_EQ(calendar->name, "rota");
  ASSERT_EQ(calendar->events.size(), 3U);
  EXPECT_EQ(calendar->events[0].summary, "[L2] li, Wang");
  std::vector<std::string> starts;
  for (const auto at : next_occurrences(calendar->events[0].when, WallTime::min(), 9))
    starts.push_back(format_stamp(at));
  // The 12th is excepted, the 19th is replaced.
  EXPECT_EQ(starts, (std::vector<std::string>{"20260105T080000Z", "20260126T080000Z"}));
  EXPECT_EQ(calendar->events[2].length, 24h);
}

TEST(Calendar, GivesShiftsOfKnownPeople) {
  std::vector<std::string> unknown;
  const auto shifts = shifts_of(*parse_calendar(kRota, Zone()), who, unknown);
  ASSERT_EQ(shifts.size(), 3U);
  EXPECT_EQ(shifts[0].users, (std::vector<std::string>{"li", "wang"}));
  EXPECT_EQ(shifts[0].level, 2);
  EXPECT_EQ(shifts[2].users, (std::vector<std::string>{"zhao"}));
  EXPECT_TRUE(unknown.empty());
  shifts_of(
      *parse_calendar(
          "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:who\nDTSTART:20260101\nEND:VEVENT\nEND:VCALENDAR",
          Zone()),
      who, unknown);
  EXPECT_EQ(unknown, (std::vector<std::string>{"who"}));
}

TEST(Calendar, MistakesNameTheLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"hello", "begins with BEGIN:VCALENDAR"},
      {"BEGIN:VCALENDAR\nnonsense\nEND:VCALENDAR", "line 2: no NAME:VALUE"},
      {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR",
       "line 3: an event without DTSTART"},
      {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:never\nEND:VEVENT\nEND:VCALENDAR",
       "line 3: 'never' is no time"},
      {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=Mars/"
       "X:20260101T000000\nEND:VEVENT\nEND:VCALENDAR",
       "line 3: TZID 'Mars/X'"},
      {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nRRULE:FREQ=X\nEND:VEVENT\nEND:VCALENDAR",
       "line 3: recurrence: FREQ=X"},
      {"BEGIN:VCALENDAR\nEND:VEVENT", "line 2: END:VEVENT ends nothing"},
      {"BEGIN:VCALENDAR\n", "VCALENDAR does not end"},
  };
  for (const auto& [text, want] : cases) {
    const auto parsed = parse_calendar(text, Zone());
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_NE(parsed.error().message().find(want), std::string::npos) << parsed.error().message();
  }
}

TEST(Calendar, WhatIsWrittenReadsBackAndFolds) {
  Shift shift;
  shift.id = "ops/weekly/3";
  shift.from = instant_utc({2026, 1, 5, 9});
  shift.to = instant_utc({2026, 1, 12, 9});
  shift.users = {"zhangsan", "lisi"};
  const std::string title =
      "值班，一个很长的名字；它必须折行，因为一行只有七十五个字节: 张三, 李四";
  const auto text = write_calendar(
      "ops", {shift}, [&](const Shift&) { return title; }, WallTime{});
  std::size_t begin = 0;
  for (auto end = text.find("\r\n"); end != std::string::npos;
       begin = end + 2, end = text.find("\r\n", begin))
    EXPECT_LE(end - begin, 75U);
  const auto read = parse_calendar(text, Zone());
  ASSERT_TRUE(read.has_value()) << read.error().message();
  ASSERT_EQ(read->events.size(), 1U);
  EXPECT_EQ(read->events[0].summary, title);
  EXPECT_EQ(read->events[0].length, 7 * 24h);
  EXPECT_EQ(read->events[0].uid, "ops/weekly/3/20260105T090000Z@holdfast");
}

}  // namespace
}  // namespace holdfast::respond::oncall
