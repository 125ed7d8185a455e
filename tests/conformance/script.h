// tests/conformance/script.h: runs scripts of series, queries and what is expected of them.
//
// Purpose     One language for tests of PromQL as text: load, load_with_nhcb, clear, eval instant,
//             eval range, expect. Adding a case needs no compiler.
// Invariants  Each instant query whose answer is right is asked again as a step of a range query,
//             and must answer the same.
// Errors      A script that cannot be read is kInvalid with its line; a wrong answer is a failure
//             in the report.
// Source      The language of Prometheus' own tests of PromQL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::conformance {

struct Failure {
  int line = 0;
  std::string query;
  std::string expected;
  std::string got;
};

struct Report {
  int passed = 0;
  std::vector<Failure> failures;
  int failed() const { return static_cast<int>(failures.size()); }
};

Result<Report> run_script(std::string_view text);

struct FileReport {
  std::string file;  // name without folder
  Report report;
};
// Every *.test of a folder, by name. kNotFound when there is none.
Result<std::vector<FileReport>> run_folder(const std::string& folder);

}  // namespace holdfast::conformance
