// The scripts of ours, always; those of Prometheus, where their folder is present.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "conformance/script.h"

namespace holdfast::conformance {
namespace {

// Just below what the engine reaches on the set it was written against, so that a step back fails
// here.
constexpr int kPassedFloor = 1320;

std::string conformance_folder() {
  if (const char* folder = std::getenv("HOLDFAST_CONFORMANCE"))
    return std::string(folder) + "/promql";
  return std::string(HOLDFAST_SOURCE_DIR) + "/../shared/conformance/promql";
}

void print_failures(const FileReport& file) {
  for (const auto& f : file.report.failures) {
    ADD_FAILURE() << file.file << ":" << f.line << ": " << f.query << "\n  expected " << f.expected
                  << "\n  got " << f.got;
  }
}

TEST(PromqlScripts, OfOursAllPass) {
  const auto reports = run_folder(std::string(HOLDFAST_SOURCE_DIR) + "/tests/query/scripts");
  ASSERT_TRUE(reports) << reports.error().message();
  int passed = 0;
  for (const auto& file : *reports) {
    print_failures(file);
    passed += file.report.passed;
  }
  EXPECT_GE(passed, 250);
}

TEST(PromqlScripts, OfPrometheusPassAsFarAsReached) {
  const auto folder = conformance_folder();
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no conformance scripts at " << folder
                 << "; set HOLDFAST_CONFORMANCE to their folder";
  }
  const auto reports = run_folder(folder);
  ASSERT_TRUE(reports) << reports.error().message();
  int passed = 0, failed = 0;
  for (const auto& file : *reports) {
    passed += file.report.passed;
    failed += file.report.failed();
  }
  EXPECT_GE(passed, kPassedFloor) << failed << " failed; promql_conformance -v " << folder
                                  << " shows them";
}

TEST(PromqlScripts, AWrongExpectationFails) {
  const auto report = run_script(
      "load 1m\n  x 1 2\n\neval instant at 1m x\n  x 3\n\neval instant at 1m x\n  x 2\n");
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->passed, 1);
  ASSERT_EQ(report->failed(), 1);
  EXPECT_EQ(report->failures[0].line, 4);
  EXPECT_EQ(report->failures[0].got, "x 2@60");
}

TEST(PromqlScripts, UnreadableLinesAreNamed) {
  const auto report = run_script("load 1m\n  x 1 2\n  y{a=} 1\n");
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message().find("line 1"), std::string::npos) << report.error().message();
}

}  // namespace
}  // namespace holdfast::conformance
