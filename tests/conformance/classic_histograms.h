// tests/conformance/classic_histograms.h: classic histograms as native ones with custom buckets.
#pragma once

#include <map>
#include <vector>

#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::conformance {

// Of series name_bucket{le}, name_sum and name_count: series name, a histogram per time that has
// buckets.
std::map<model::Labels, std::vector<model::Sample>> to_custom_buckets(
    const std::map<model::Labels, std::vector<model::Sample>>& classic);

}  // namespace holdfast::conformance
