// detect/rules/backfill.h: what recording rules would have recorded in a time that is past.
//
// Purpose     Each recording rule is asked as a range query at its group's interval and what it answers is handed on. Rules
//             run in order and each one's series are written before the next is asked, so that a rule may build on one
//             before it. Alerting rules are left out: nobody is to be told of the past.
// Units       Milliseconds since the epoch; both ends belong to the range. Steps lie on multiples of the interval.
// Errors      The first query or write that fails stops, with the rule's name and place.
// Threads     The functions handed in are called on the caller's thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "detect/rules/rule_file.h"
#include "metrics/store.h"
#include "query/promql/engine.h"

namespace holdfast::detect {

struct BackfillOptions {
  model::Timestamp from = 0;
  model::Timestamp to = 0;
  Duration interval{};  // zero: each group's own
};
using RangeQuery = std::function<Result<query::promql::Matrix>(
    const std::string& query, model::Timestamp from, model::Timestamp to, std::int64_t step)>;
using ColumnSink = std::function<Result<void>(std::span<const metrics::Column>)>;

struct BackfillReport {
  std::size_t rule_count = 0;
  std::size_t series_count = 0;
  std::size_t sample_count = 0;
  std::size_t alert_count = 0;  // left out
};

Result<BackfillReport> backfill(const std::vector<RuleGroup>& groups,
                                const BackfillOptions& options, const RangeQuery& query,
                                const ColumnSink& write);

}  // namespace holdfast::detect
