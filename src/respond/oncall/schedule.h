// respond/oncall/schedule.h: who is on call when: layers of rotations, overrides, swaps, absences, holidays.
//
// Purpose     resolve() turns a schedule into final shifts; everything else (now, at, gaps, quality, export) asks it.
// Turns       Turn n of a layer begins n turn lengths after `start`, on the clock of the zone for days and longer (a
//             handover at 09:00 stays at 09:00 over both changes of the clocks), by elapsed time for hours. A monthly
//             turn that begins on the 31st begins on the last day of shorter months: a rotation never has a hole.
//             The people of turn n are users[(first + n) mod size].
// Layers      The highest level with somebody present wins; several layers of one level put all their people on call.
//             Overrides stand above all layers. Windows restrict a layer to parts of the week.
// Absence     Who is absent is left out; when nobody of a turn is left, the next turn's people stand in (`instead_of`
//             tells for whom). A person that an override names is taken at its word.
// Swaps       A swap that was taken replaces one person by another within its time, wherever the first would be.
// Units       Instants are WallTime; [from, to). Minutes of the day: 0..1440.
// Threads     Pure; values.
// Source      ../shared/reference/alerting.md section 2.18 (resolution, quality score).
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "base/zones.h"
#include "respond/oncall/recurrence.h"

namespace holdfast::respond::oncall {

// A part of the week on the clock of the layer's zone. A window whose end is not after its begin ends on the next
// day.
struct Window {
  enum class Holidays { kAsUsual, kNever, kAlso, kOnly };
  std::vector<int> weekdays;  // on which it begins, 0 is Sunday; empty: every day
  int begin_minute = 0;
  int end_minute = 1440;
  Holidays holidays = Holidays::kAsUsual;
};

// What an imported calendar puts into a layer.
struct CalendarShift {
  RecurringSet when;
  Duration length{};
  std::vector<std::string> users;
  int level = 0;
};

struct Layer {
  enum class Turn { kHourly, kDaily, kWeekly, kMonthly, kCustom, kRule, kCalendar };
  std::string name;
  int level = 0;
  Turn turn = Turn::kWeekly;
  int interval = 1;  // turns of so many hours, days, weeks, months
  Duration
      length{};  // kCustom: of a turn, whole days are days of the clock; kRule: of each occurrence
  std::optional<Recurrence> rule;  // kRule: a turn at each occurrence
  CivilTime start;                 // the first handover
  std::optional<CivilTime> until;
  Zone zone;
  std::vector<std::vector<std::string>> users;
  int first = 0;
  std::vector<Window> windows;          // empty: always
  std::vector<CalendarShift> calendar;  // kCalendar
};

struct Absence {
  std::string person;
  WallTime from{}, to{};
  std::string reason;
};

struct Schedule {
  std::string name;
  std::string title;  // as shown; empty: the name
  Zone zone;
  std::vector<std::string> roles;  // what the places of a turn are called: primary, secondary
  std::vector<Layer> layers;
  std::set<std::int64_t> holidays;  // days_of() of each
  std::vector<Absence> absences;
};

struct Override {
  std::string id;
  std::string schedule;
  WallTime from{}, to{};
  std::vector<std::string> users;
  std::string
      role;  // replaces only this place of the turn, by the first of `users`; empty: the whole turn
  std::string by, reason;
  WallTime made_at{};
};

struct Swap {
  std::string id;
  std::string schedule;
  WallTime from{}, to{};
  std::string person;  // who gives the time away
  std::string taker;   // empty: still asked
  std::string by, reason;
  WallTime made_at{};
};

// What people changed by hand, in order of making.
struct Changes {
  std::vector<Override> overrides;
  std::vector<Swap> swaps;
};

struct Shift {
  WallTime from{}, to{};
  std::vector<std::string> users;  // in order of the roles
  std::string source;              // the layer's name, or "override"
  std::string id;  // stable over resolutions: schedule/layer/turn, or schedule/override id
  int level = 0;
  std::vector<std::string> instead_of;  // absent, or swapped out
  bool operator==(const Shift&) const = default;
};

// Final shifts in order, never overlapping, cut to [from, to).
std::vector<Shift> resolve(const Schedule& schedule, const Changes& changes, WallTime from,
                           WallTime to);
std::optional<Shift> shift_at(const Schedule& schedule, const Changes& changes, WallTime at);

struct Gap {
  WallTime from{}, to{};
  bool operator==(const Gap&) const = default;
};
std::vector<Gap> gaps(const std::vector<Shift>& shifts, WallTime from, WallTime to);

// 52 weeks from `from`, judged.
struct Quality {
  int score = 0;    // round((covered + balance) / 2)
  int covered = 0;  // percent of the time somebody is on call
  int balance =
      0;  // percent: the mean over pairs of people of shorter by longer time; 95 and more count as 100
  std::map<std::string, Duration> time_of;              // on call, by person
  std::vector<std::pair<std::string, int>> overloaded;  // percent above the average
};
Quality quality(const Schedule& schedule, const Changes& changes, WallTime from);

// Everyone the schedule may put on call: of layers, calendars and overrides that have not ended at `at`.
std::set<std::string> people_of(const Schedule& schedule, const Changes& changes, WallTime at);

void to_json(nlohmann::json& j, const Override& v);
void from_json(const nlohmann::json& j, Override& v);
void to_json(nlohmann::json& j, const Swap& v);
void from_json(const nlohmann::json& j, Swap& v);
void to_json(nlohmann::json& j, const Shift& v);

}  // namespace holdfast::respond::oncall
