// query/promql/shared_exprs.h: finds what a query asks more than once.
//
// Purpose     `rate(x[5m]) / sum(rate(x[5m]))` reads and rates x once. Subtrees that read samples
//             are compared by their canonical text; those that occur once are not kept.
// Threads     Pure.
#pragma once

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

// Whether an answer of `expr` is dearer to work out than to keep.
bool worth_sharing(const Expr& expr);
// Occurrences above one, by text; no answers yet.
SharedExprs shared_exprs(const Expr& query);
// The direct parts of an expression that are evaluated.
std::vector<const Expr*> parts_of(const Expr& expr);

}  // namespace holdfast::query::promql
