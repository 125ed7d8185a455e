// detect/slo/burn_rules.h: an objective's recording rules and its multiwindow, multi-burn-rate alerts.
//
// Purpose     One rule group an objective, for the rule manager like any other, or printed as a rule file for any Prometheus.
// Recorded    For each window w of 5m 30m 1h 2h 6h 1d 3d and the whole (rolling) one: slo:sli_total:increase<w>,
//             slo:sli_bad:increase<w>, slo:sli_error:ratio_rate<w>; and slo:objective:ratio, slo:error_budget:ratio,
//             slo:current_burn_rate:ratio, slo:period_burn_rate:ratio, slo:period_error_budget_remaining:ratio. Labels: slo, service.
// Alerts      SloErrorBudgetBurn, once with the severity of pages and once with that of tickets; the value is the burn rate of
//             the long window. SloNoData where it was asked for. The conditions of OpenSLO policies, one alert each.
// Source      The Site Reliability Workbook, chapter 5; names of series as Sloth's. See burn_rules.cc for the numbers.
// Errors      None: a reader has checked the objective.
// Threads     Pure.
#pragma once

#include <string>
#include <vector>

#include "detect/rules/rule_file.h"
#include "detect/slo/slo.h"

namespace holdfast::detect::slo {

// Firing while both windows burn faster than `factor`.
struct BurnPair {
  Duration long_window{}, short_window{};
  double factor = 1;
  double budget_share =
      0;  // of the whole budget, burnt when the long window has burnt at this rate
  bool page = false;
};
std::vector<BurnPair> burn_pairs(const Slo& slo);  // the fastest first

// The windows that are recorded, the shortest first; the whole window is last where it rolls.
std::vector<Duration> recorded_windows(const Slo& slo);

RuleGroup burn_rules(const Slo& slo);
// The groups as a rule file, in Prometheus' form.
std::string rule_file_text(const std::vector<RuleGroup>& groups);

inline constexpr Duration kRuleInterval = 1min;
inline constexpr char kBurnAlert[] = "SloErrorBudgetBurn";
inline constexpr char kNoDataAlert[] = "SloNoData";

}  // namespace holdfast::detect::slo
