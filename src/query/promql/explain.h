// query/promql/explain.h: how a query would be evaluated.
//
// Purpose     Walks the expression as the evaluator would and says of each node which way it takes.
// Threads     As Evaluator.
#pragma once

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

// {"query":...,"steps":...,"threads":...,"plan":{"node","text","type","path":[...],"series",...,
// "parts":[...]}}
Result<std::string> explain_json(Evaluator& ev, const Expr& expr);

}  // namespace holdfast::query::promql
