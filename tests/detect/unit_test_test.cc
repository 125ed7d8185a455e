// Unit tests of rules: what passes, what fails, and in which words.
#include "detect/rules/unit_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/sim.h"
#include "detect/rules/lint.h"
#include "detect/rules/rule_file.h"
#include "query/promql/series_text.h"

namespace holdfast::detect {
namespace {

using testing::HasSubstr;

constexpr const char* kRules = R"(
groups:
- name: a
  rules:
  - { record: double, expr: 'errors * 2' }
  - alert: High
    expr: double > 10
    for: 2m
    labels: { severity: page }
    annotations: { summary: '{{ $labels.job }} in {{ $externalLabels.region }}: {{ $value }}, see {{ externalURL }}' }
- name: b
  rules: [{ record: quadruple, expr: 'double * 2' }]
)";

struct Files {
  SeededRandom random{1};
  SimClock clock;
  SimFileSystem files{random, &clock};

  UnitTestReport run(const std::string& test, const UnitTestOptions& options = {},
                     const std::string& rules = kRules) {
    EXPECT_TRUE(files.create_directories("/t").has_value());
    EXPECT_TRUE(files.write_file_atomic("/t/rules.yml", rules).has_value());
    EXPECT_TRUE(files.write_file_atomic("/t/test.yml", test).has_value());
    return run_unit_tests(files, clock, "/t/test.yml", options);
  }
};

std::string all(const UnitTestReport& report) {
  std::string text;
  for (const auto& failure : report.failures()) text += failure + "\n";
  return text;
}

constexpr const char* kGood = R"(
rule_files: ['*les.yml']
tests:
- name: one
  input_series: [{ series: 'errors{job="x"}', values: '6x10' }]
  external_labels: { region: eu }
  external_url: https://h
  alert_rule_test:
  - { eval_time: 1m, alertname: High }
  - eval_time: 2m
    alertname: High
    exp_alerts: [{ exp_labels: { severity: page, job: x }, exp_annotations: { summary: 'x in eu: 12, see https://h' } }]
  promql_expr_test:
  - { expr: double, eval_time: 3m, exp_samples: [{ labels: 'double{job="x"}', value: 12 }] }
  - { expr: quadruple, eval_time: 3m, exp_samples: [{ labels: 'quadruple{job="x"}', value: 24 }] }
- name: two
  start_timestamp: 2024-01-01T00:00:00Z
  promql_expr_test: [{ expr: time(), eval_time: 5m, exp_samples: [{ value: 1704067500 }] }]
)";

TEST(UnitTests, PassWhenAlertsAndSamplesAreAsExpected) {
  Files files;
  const auto report = files.run(kGood);
  EXPECT_TRUE(report.passed()) << all(report);
  ASSERT_EQ(report.cases.size(), 2U);
  EXPECT_EQ(report.cases[0].name, "one");
}

TEST(UnitTests, SayWhatWasExpectedAndWhatCame) {
  struct Case {
    std::string from, to, said;
  };
  for (const auto& c : std::vector<Case>{
           {"severity: page, job: x }", "severity: page, job: y }", "alertname: High, time: 2m"},
           {"value: 24", "value: 25", "exp: {__name__=\"quadruple\", job=\"x\"} 2.5E+01"},
           {"value: 24", "value: 25", "got: {__name__=\"quadruple\", job=\"x\"} 2.4E+01"},
           {"'6x10'", "'6y10'",
            "test.yml:5:18: values: expected a space between points at column 2"},
           {"errors{job=\"x\"}', v", "errors{job=\"x\"', v", "expected , or } at column 15"},
           {"expr: quadruple,", "expr: 'sum(',", "parse error"},
           {"labels: 'quad", "labels: '}quad", "labels \"}quadruple"},
           {"eval_time: 2m", "evaltime: 2m", "evaltime"},
           {"alertname: High }", "alertnam: High }",
            "an item under alert_rule_test misses required attribute alertname"},
       }) {
    Files files;
    std::string test = kGood;
    ASSERT_NE(test.find(c.from), std::string::npos) << c.from;
    test.replace(test.find(c.from), c.from.size(), c.to);
    const auto report = files.run(test);
    EXPECT_FALSE(report.passed()) << c.to;
    EXPECT_THAT(all(report), HasSubstr(c.said));
  }
}

TEST(UnitTests, RunOnlyWhatTheFilterNames) {
  Files files;
  EXPECT_EQ(files.run(kGood, {{"^tw"}, false}).cases.size(), 1U);
  EXPECT_EQ(files.run(kGood, {{"^tw", "one"}, false}).cases.size(), 2U);
  EXPECT_THAT(all(files.run(kGood, {{"("}, false})), HasSubstr("--run \"(\""));
}

TEST(UnitTests, ARuleThatFailsEndsTheTest) {
  Files files;
  const auto report = files.run(
      "rule_files: [rules.yml]\ntests: [{ input_series: [{ series: 'm{a=\"1\"}', values: 1 }, { "
      "series: 'm{a=\"2\"}', values: 1 }],"
      " promql_expr_test: [{ expr: 1, eval_time: 5m, exp_samples: [{ value: 1 }] }] }]",
      {}, "groups: [{ name: g, rules: [{ record: r, expr: 'm + on() m' }] }]");
  EXPECT_THAT(all(report), HasSubstr("rule: r, time: 0s, err: "));
}

TEST(UnitTests, FuzzyComparesNeighboursOnly) {
  for (const auto& [fuzzy, value, passes] : std::vector<std::tuple<std::string, std::string, bool>>{
           {"false", "0.30000000000000004", true},
           {"false", "0.3", false},
           {"true", "0.3", true},
           {"true", "0.2999999999", false}}) {
    Files files;
    const auto report = files.run(
        "fuzzy_compare: " + fuzzy +
        "\ntests: [{ promql_expr_test: [{ expr: '0.1 + 0.2', exp_samples: [{ value: " + value +
        " }] }] }]");
    EXPECT_EQ(report.passed(), passes) << fuzzy << " " << value << "\n" << all(report);
  }
}

TEST(UnitTests, GroupsRunInTheOrderStated) {
  const std::string rules =
      "groups: [{ name: first, rules: [{ record: one, expr: two }] }, { name: second, rules: [{ "
      "record: two, expr: 'vector(7)' }] }]";
  for (const auto& [order, samples] : std::vector<std::pair<std::string, std::string>>{
           {"[first, second]", "[]"}, {"[second, first]", "[{ labels: one, value: 7 }]"}}) {
    Files files;
    const auto report = files.run(
        "rule_files: [rules.yml]\ngroup_eval_order: " + order +
            "\ntests: [{ promql_expr_test: [{ expr: one, exp_samples: " + samples + " }] }]",
        {}, rules);
    EXPECT_TRUE(report.passed()) << order << all(report);
  }
}

TEST(UnitTests, APatternWithoutAFileIsAWarning) {
  Files files;
  const auto report = files.run("rule_files: [none*.yml]\ntests: []");
  EXPECT_TRUE(report.passed());
  EXPECT_THAT(report.warnings, testing::ElementsAre("no file match pattern /t/none*.yml"));
}

TEST(UnitTests, AreReportedAsJunit) {
  Files files;
  std::string test = kGood;
  test.replace(test.find("value: 24"), 9, "value: 25");
  const auto xml = junit_xml({files.run(test)});
  EXPECT_THAT(
      xml, HasSubstr("<testsuite name=\"/t/test.yml\" tests=\"2\" failures=\"1\" errors=\"0\">"));
  EXPECT_THAT(xml, HasSubstr("<failure message=\"expr: &quot;quadruple&quot;, time: 3m,"));
}

TEST(UnitTests, ADiffShowsTheLinesThatDiffer) {
  Files files;
  std::string test = kGood;
  test.replace(test.find("job: x }, exp"), 6, "job: y");
  const auto text = all(files.run(test, {{}, true}));
  EXPECT_THAT(text, HasSubstr("-   Labels:{alertname=\"High\", job=\"y\", severity=\"page\"}"));
  EXPECT_THAT(text, HasSubstr("+   Labels:{alertname=\"High\", job=\"x\", severity=\"page\"}"));
}

// --- the language of series ---------------------------------------------------------------------------------

TEST(SeriesText, WhatIsNoSeriesIsRefusedWithItsColumn) {
  for (const auto& [line, said] :
       std::vector<std::pair<std::string, std::string>>{{"up{a=\"b\" 0+0x5", "expected , or }"},
                                                        {"up{a=b} 1", "in quotes"},
                                                        {"up{a} 1", "expected ="},
                                                        {"up 1+1", "expected x"},
                                                        {"up 1x", "expected a count"},
                                                        {"up 1x2_", "expected a space"},
                                                        {"up {{schema:1.5}}", "whole number"},
                                                        {"up {{count:1", "field of a histogram"},
                                                        {"up abc", "expected a number"},
                                                        {"up 1x9999999", "expected a count"}}) {
    const auto parsed = query::promql::parse_series(line);
    ASSERT_FALSE(parsed.has_value()) << line;
    EXPECT_THAT(parsed.error().message(), HasSubstr(said)) << line;
    EXPECT_THAT(parsed.error().message(), HasSubstr("column")) << line;
  }
}

TEST(SeriesText, CountsTheFirstPointBesideTheRepeats) {
  const auto parsed = query::promql::parse_series("m{a=\"b\"} 1+2x3 _x2 stale -1");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  ASSERT_EQ(parsed->points.size(), 8U);
  EXPECT_EQ(parsed->points[3]->value, 7);
  EXPECT_FALSE(parsed->points[4].has_value());
  EXPECT_TRUE(model::is_stale(parsed->points[6]->value));
}

// --- Prometheus' own files ----------------------------------------------------------------------------------

std::filesystem::path conformance(const char* folder) {
  const auto* root = std::getenv("HOLDFAST_CONFORMANCE");
  return std::filesystem::path(root != nullptr ? root
                                               : HOLDFAST_SOURCE_DIR "/../shared/conformance") /
         "prometheus" / folder;
}

TEST(RuleConformance, FilesAreJudgedAsTheirNamesSay) {
  const auto folder = conformance("rules");
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "no Prometheus rule files at " << folder;
  PosixFileSystem files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto path = entry.path().string();
    const auto text = files.read_file(path);
    ASSERT_TRUE(text.has_value());
    const auto file = parse_rule_file(path, *text);
    EXPECT_EQ(!file.findings.empty(), path.find(".bad.") != std::string::npos)
        << path << (file.findings.empty() ? "" : ": " + file.findings[0].text());
    for (const auto& finding : file.findings) EXPECT_GT(finding.place.line, 0) << finding.text();
  }
}

TEST(RuleConformance, UnitTestFilesPassUnlessTheirNamesSayBad) {
  const auto folder = conformance("rule-unit-tests");
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "no unit-test files of rules at " << folder;
  PosixFileSystem files;
  SystemClock clock;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto path = entry.path().string();
    const auto text = files.read_file(path);
    ASSERT_TRUE(text.has_value());
    if (text->find("tests:") == std::string::npos) continue;
    const auto report = run_unit_tests(files, clock, path);
    EXPECT_EQ(report.passed(), path.find("bad") == std::string::npos) << path << "\n"
                                                                      << all(report);
  }
}

TEST(Lint, FindsRulesThatWriteOverEachOther) {
  const auto file = parse_rule_file("r.yml", R"(
groups:
- name: a
  rules:
  - { record: r, expr: a, labels: { x: "1" } }
  - { record: r, expr: b, labels: { x: "2" } }
- name: b
  rules:
  - { record: r, expr: c, labels: { x: "1" } }
)");
  ASSERT_TRUE(file.findings.empty());
  const auto found = find_duplicates(file.groups);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].metric, "r");
  ASSERT_EQ(found[0].places.size(), 2U);
  EXPECT_EQ(found[0].places[0].line, 5);
  EXPECT_EQ(found[0].places[1].line, 9);
}

}  // namespace
}  // namespace holdfast::detect
