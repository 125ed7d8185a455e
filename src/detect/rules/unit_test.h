// detect/rules/unit_test.h: rules that are tested by files, in promtool's format.
//
// Purpose     parse_unit_tests() reads a file; run_unit_tests() evaluates its rules in virtual time over its input
//             series, with the evaluation that serves in production (evaluate.h), and compares alerts and queries with
//             what the file expects.
// Format      rule_files (globs beside the file), evaluation_interval, group_eval_order, fuzzy_compare, tests: interval,
//             name, input_series {series, values}, start_timestamp, external_labels, external_url,
//             alert_rule_test {eval_time, alertname, exp_alerts}, promql_expr_test {expr, eval_time, exp_samples}.
// Units       Times are milliseconds, from the start of the test unless named otherwise.
// Errors      Mistakes of the file stand in `findings`, file:line:column each. A test that cannot be run fails and says why.
// Limits      1,000,000 evaluations a test; 50,000,000 samples.
// Threads     Pure, apart from reading files.
// Source      promtool test rules, of Prometheus 3.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/yaml.h"
#include "model/labels.h"

namespace holdfast::detect {

struct InputSeries {
  std::string series;
  std::string values;
  SourcePlace place;
};
struct ExpectedAlert {
  model::Labels labels;  // without alertname
  model::Labels annotations;
};
struct AlertTest {
  std::int64_t eval_time = 0;
  std::string alertname;
  std::vector<ExpectedAlert> alerts;
};
struct ExpectedSample {
  std::string labels;
  double value = 0;
  std::string histogram;  // {{...}} when the sample is one
};
struct ExprTest {
  std::string expr;
  std::int64_t eval_time = 0;
  std::vector<ExpectedSample> samples;
};
struct UnitTest {
  std::string name;  // "unnamed#2" when the file gives none
  bool named = false;
  std::int64_t interval = 60'000;
  std::int64_t start = 0;  // since the epoch
  std::vector<InputSeries> input;
  std::vector<AlertTest> alerts;
  std::vector<ExprTest> exprs;
  model::Labels external_labels;
  std::string external_url;
};
struct UnitTestFile {
  std::vector<std::string> rule_files;  // as written
  std::int64_t evaluation_interval = 60'000;
  std::vector<std::string> group_eval_order;
  bool fuzzy_compare = false;
  std::vector<UnitTest> tests;
  std::vector<Finding> findings;  // not empty: the file is refused
};
UnitTestFile parse_unit_tests(const std::string& file_name, std::string_view yaml);

struct UnitTestOptions {
  std::vector<std::string> run;  // regular expressions, found anywhere in the name; empty: all
  bool diff = false;             // differences line by line
};
struct UnitTestCase {
  std::string name;
  std::vector<std::string> failures;
};
struct UnitTestReport {
  std::string file;
  std::vector<std::string> errors;    // of the file itself
  std::vector<std::string> warnings;  // a rule_files pattern that matches nothing
  std::vector<UnitTestCase> cases;
  bool passed() const;
  std::vector<std::string> failures() const;  // errors, then those of all cases
};
UnitTestReport run_unit_tests(FileSystem& files, const Clock& clock, const std::string& path,
                              const UnitTestOptions& options = {});

// One <testsuite> a file.
std::string junit_xml(const std::vector<UnitTestReport>& reports);

// The files a pattern names: `*`, `?` and `[...]` in its last part; sorted. A path without these is itself when it exists.
std::vector<std::string> glob(FileSystem& files, const std::string& pattern);

}  // namespace holdfast::detect
