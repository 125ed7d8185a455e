// detect/slo/slo.h: a service level objective as plain values, however it was written.
//
// Purpose     What the readers make (open_slo.h, short_form.h) and what rules (burn_rules.h) and budgets (budget.h) are made of.
// Units       Objectives are fractions below 1 (99.9 % is 0.999). A burn rate of 1 uses the budget up exactly over the window.
// Threads     Values.
// Source      OpenSLO v1; The Site Reliability Workbook, chapters 2 and 5; ../shared/reference/alerting.md section 2.18.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/yaml.h"
#include "base/zones.h"
#include "model/labels.h"

namespace holdfast::detect::slo {

// What a unit of the budget is.
enum class Budgeting {
  kOccurrences,      // one event
  kTimeslices,       // one slice of time, good when enough of its events are
  kRatioTimeslices,  // one slice of time, as good as the share of its good events
};
std::string_view budgeting_name(Budgeting method);  // as OpenSLO writes it

enum class Limit { kLess, kLessEqual, kGreater, kGreaterEqual };
std::string_view limit_text(Limit limit);  // "<", "<=", ">", ">="

struct Indicator {
  enum class Kind {
    kRatio,      // `total` and one of `good` and `bad`
    kRaw,        // `value` is the share of the good, or of the bad, from 0 to 1
    kThreshold,  // `value` is good while it is `limit` `threshold`
  };
  Kind kind = Kind::kRatio;
  std::string good, bad, total;  // PromQL, as written
  bool good_exists =
      false;  // no good series at all is no answer, rather than none good: a bucket that is none
  bool counter = true;  // ratio: counters that only grow; else levels, looked at every step
  std::string value;    // PromQL, as written
  bool raw_is_failure = false;
  Limit limit = Limit::kLessEqual;
  double threshold = 0;
};

// Rolling, or periods of the calendar.
struct Window {
  enum class Unit { kRolling, kMinute, kHour, kDay, kWeek, kMonth, kYear };
  Duration length =
      30 * 24h;  // of a calendar's period nominally: a month counts 30 days, a year 365
  Unit unit = Unit::kRolling;
  int count = 1;    // of units a period
  CivilTime start;  // calendar: periods begin here and every `count` units before and after
  Zone zone;

  bool rolling() const { return unit == Unit::kRolling; }
  std::string brief() const;  // "30d rolling", "each month", "each 3 months"
  std::string text() const;   // "30d rolling", "each month from 2026-01-01 00:00 Europe/Berlin"
};
struct Period {
  WallTime from{}, until{};  // of a rolling window `until` is now
};
Period period_at(const Window& window, WallTime now);

// A burn rate over one window, as an AlertCondition of OpenSLO asks for it.
struct BurnCondition {
  std::string policy, name;
  std::string severity;
  Limit limit = Limit::kGreaterEqual;
  double threshold = 1;
  Duration lookback = 1h;
  Duration hold{};
};

struct AlertWishes {
  bool multiwindow = true;  // the pairs of the workbook
  std::string page_severity = "critical";
  std::string ticket_severity = "warning";
  // Nothing is told before so many units failed within the long window: where ten people come in an hour, one of them
  // is no outage.
  int failures_min = 3;
  std::optional<Duration> no_data_after;  // tell when the indicator has been silent for so long
  std::vector<BurnCondition> conditions;
  model::Labels labels, annotations;  // added to each alert
};

struct Slo {
  std::string name;  // unique; the label `slo`
  std::string display_name;
  std::string service;
  std::string description;
  double objective = 0.999;
  Window window;
  Budgeting budgeting = Budgeting::kOccurrences;
  Duration slice = 1min;      // of time slices; kOccurrences: how often levels are looked at
  double slice_target = 1.0;  // kTimeslices: the share of good events that makes a slice good
  Indicator indicator;
  AlertWishes alerts;
  SourcePlace place;

  double budget() const;  // 1 - objective, without the dust of the subtraction
  // How often levels are looked at: within a slice, more than once where it is long.
  Duration step() const;
  // Budgets of time have their whole size from the beginning, those of events grow with the events.
  bool of_time() const { return budgeting == Budgeting::kTimeslices; }
};

// Letters, digits, '-', '_' and '.', at most 63, first and last a letter or a digit.
bool is_slo_name(std::string_view name);
// What keeps two subtractions of decimal fractions from telling 0.0009999999999998899.
double tidy(double value);

}  // namespace holdfast::detect::slo
