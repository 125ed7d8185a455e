// A unit-test file of rules: whatever its bytes are, it is read or refused with a place; its series and points too.
#include "base/check.h"
#include "detect/rules/unit_test.h"
#include "query/promql/series_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = detect::parse_unit_tests("f.yml", text);
  for (const auto& finding : file.findings)
    HF_CHECK(!finding.message.empty(), "a finding without words");
  for (const auto& test : file.tests) {
    for (const auto& input : test.input) {
      (void)query::promql::parse_labels(input.series);
      (void)query::promql::parse_points(input.values);
    }
  }
  (void)query::promql::parse_series(text);
  return 0;
}
