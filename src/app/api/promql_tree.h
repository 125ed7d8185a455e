// app/api/promql_tree.h: a parsed query as JSON, and what it selects.
//
// Purpose     The answer of /api/v1/parse_query, member for member as Prometheus 3 gives it to its own page.
// Threads     Pure.
// Source      Prometheus 3's HTTP API, endpoint parse_query.
#pragma once

#include <string>
#include <vector>

#include "model/matcher.h"
#include "query/promql/engine.h"

namespace holdfast::app {

std::string promql_tree(const query::promql::Expr& expr);
// The matchers of every selector inside, in order of the text.
std::vector<std::vector<model::Matcher>> selectors_of(const query::promql::Expr& expr);

}  // namespace holdfast::app
