// detect/slo/short_form.h: an item of `slos:` in holdfast.yaml.
//
//   slos:
//     - name: enhancer-availability
//       service: enhancer
//       objective: 99.95 %
//       window: 30d                            # or day, week, month, quarter, year of a `zone`
//       total: http_requests_total{job="enhancer"}
//       bad: http_requests_total{job="enhancer",status=~"5.."}         # or `good`
//     - name: enhancer-latency
//       service: enhancer
//       objective: 95 %
//       latency: { histogram: http_request_duration_seconds, selector: '{job="enhancer"}', threshold: 500ms }
//     - name: database-p95
//       objective: 99 %
//       value: histogram_quantile(0.95, sum by (le) (rate(db_query_seconds_bucket[5m])))
//       at_most: 0.1                           # or below, at_least, above
//
// Purpose     The same objective as OpenSLO's in a few lines. `budgeting`, `slice` and `slice_target` choose slices of time; `alerts`
//             the severities, the guard of low traffic, the silence that is told.
// Errors      What is wrong is a finding at its member.
// Threads     Pure.
// Source      docs/slo.md describes every member.
#pragma once

#include <optional>

#include "base/yaml.h"
#include "detect/slo/slo.h"

namespace holdfast::detect::slo {

std::optional<Slo> read_short_form(const YamlContext& context, const YamlNode& node);

}  // namespace holdfast::detect::slo
