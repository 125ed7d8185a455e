// detect/slo/indicator.h: an objective's indicator as PromQL over any window.
//
// Purpose     Turns what people wrote into two expressions of a window: how many units there were, and how many of them were
//             bad. Each gives one series without labels, or none where there is no data.
// Counters    `requests_total{...}`, `increase(x[5m])` and `rate(x[5m])` all mean the counter: a bare selector is
//             increased, a range that was written is replaced by the window, rate becomes increase. "{{.window}}" stands for the
//             window, as in Sloth. Levels are looked at every step by a subquery.
// Invariant   The counts are additive: those of two windows side by side are those of both. So budgets are sums,
//             and a maintenance is taken out by subtraction.
// Exactness   Plain expressions run on any Prometheus, and their increases are extrapolated. Exact ones are `anchored` (they
//             know the sample before the window), for budgets, which nobody wants to see at 1.03 failures.
// No traffic  counts 0; no series at all is no answer. A bad or good series that does not exist yet is 0 where the total is.
// Errors      kInvalid: what cannot be counted over a window (irate, quantiles over time, subqueries), with the reason.
// Threads     Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "detect/slo/slo.h"

namespace holdfast::detect::slo {

enum class Counting { kPlain, kExact };

// A plain window is at least one slice where the budget is one of time: rules want an answer each time.
Result<std::string> total_over(const Slo& slo, Duration window, Counting counting);
Result<std::string> bad_over(const Slo& slo, Duration window, Counting counting);

// What is wrong with a query that is to be counted; a query that is a level need only give a vector.
Result<void> check_counter_query(std::string_view query);
Result<void> check_level_query(std::string_view query);

}  // namespace holdfast::detect::slo
