// query/promql/grouping.h: the groups of an aggregation.
//
// Purpose     by() and without() sort the series of a vector into groups, once for all steps.
// Invariants  Groups and members keep the order of the input.
// Threads     Pure.
#pragma once

#include <vector>

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

struct SeriesGroup {
  Labels labels;
  bool drop_name = false;            // a member's name was to be dropped
  std::vector<std::size_t> members;  // indexes of the series
};

std::vector<SeriesGroup> group_series(const AggregateExpr& aggregate, const Value& input);

}  // namespace holdfast::query::promql
