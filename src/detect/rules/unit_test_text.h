// detect/rules/unit_test_text.h: how a unit test's answers are written, so that they can be compared and read.
//
// Purpose     Histograms in the series language, compacted, so that equal ones have equal texts; samples and alerts as
//             promtool prints them; a difference line by line.
// Threads     Pure functions.
#pragma once

#include <string>
#include <vector>

#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::detect {

struct AnswerSample {
  model::Labels labels;
  double value = 0;
  std::string histogram;  // {{...}} when it is one
};
struct AnswerAlert {
  model::Labels labels;
  model::Labels annotations;
  auto operator<=>(const AnswerAlert&) const = default;
};

std::string histogram_text(const model::Histogram& histogram);
std::string answer_text(const std::vector<AnswerSample>& samples);  // "nil" when empty
std::string answer_text(const std::vector<AnswerAlert>& alerts);    // "[]" when empty
// Both texts, told with exp: and got:, or as lines that begin with - and +.
std::string mismatch_text(const std::string& expected, const std::string& got, bool as_diff);

}  // namespace holdfast::detect
