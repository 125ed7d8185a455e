// detect/rules/evidence.h: what an expression says about why an alert fires, read from its parsed form.
//
// Purpose     `x > 0.05` held for 2m becomes: threshold "<= 0.05", otherwise "would not fire at or below 0.05, or if it
//             had not held for 2m". Done once a rule; each alert adds the value seen.
// Errors      None: an expression without a comparison at its top says "no result".
// Threads     Pure.
#pragma once

#include <vector>

#include "base/time.h"
#include "detect/rules/rule_file.h"
#include "model/alert.h"

namespace holdfast::detect {

// All but the value.
model::Evidence evidence_of(const AlertingRule& rule);
// The range selectors and subqueries inside, each once, shortest first.
std::vector<Duration> windows_of(const query::promql::Expr& expr);

}  // namespace holdfast::detect
