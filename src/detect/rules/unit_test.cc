// Runs unit tests of rules: input series and rules step by step in virtual time, then what was expected.
//
//   input series ──samples up to t──▶ MemoryStore ◀──recorded, ALERTS── evaluate_group(t)
//                                          │                                │ firing at t
//                                          ▼ after the last step            ▼
//                                   promql_expr_test                 alert_rule_test
#include "detect/rules/unit_test.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "detect/rules/evaluate.h"
#include "detect/rules/memory_store.h"
#include "detect/rules/unit_test_text.h"
#include "query/promql/series_text.h"

namespace holdfast::detect {
namespace {

using model::Labels;
using model::Sample;

constexpr std::int64_t kEvaluationsMax = 1'000'000;

std::string time_text(std::int64_t ms) { return format_duration(std::chrono::milliseconds(ms)); }

class Run {
 public:
  Run(const UnitTestFile& file, const UnitTest& test, const Clock& clock,
      std::vector<PreparedGroup> groups, bool as_diff)
      : file_(file), test_(test), clock_(clock), groups_(std::move(groups)), as_diff_(as_diff) {
    for (const auto& group : groups_) memory_.emplace_back(group.rules.size(), empty_memory());
  }

  std::vector<std::string> run() {
    if (!read_input()) return std::move(failures_);
    const auto last = last_eval_time();
    const auto step = file_.evaluation_interval;
    if (last / step > kEvaluationsMax) {
      failures_.push_back("    more than " + std::to_string(kEvaluationsMax) +
                          " evaluations: raise evaluation_interval");
      return std::move(failures_);
    }
    std::stable_sort(alert_tests_.begin(), alert_tests_.end(),
                     [](auto* a, auto* b) { return a->eval_time < b->eval_time; });
    for (std::int64_t at = 0; at <= last; at += step) {
      if (!feed(test_.start + at) || !evaluate(at)) return std::move(failures_);
      for (; next_alert_test_ < alert_tests_.size() &&
             alert_tests_[next_alert_test_]->eval_time < at + step;
           ++next_alert_test_) {
        check(*alert_tests_[next_alert_test_]);
      }
    }
    for (const auto& one : test_.exprs) check(one);
    return std::move(failures_);
  }

 private:
  struct Input {
    Labels labels;
    std::vector<std::optional<query::promql::Point>> points;
    std::size_t next = 0;
  };

  bool read_input() {
    for (const auto& one : test_.alerts) alert_tests_.push_back(&one);
    for (const auto& one : test_.input) {
      auto labels = query::promql::parse_labels(one.series);
      auto points = query::promql::parse_points(one.values);
      if (labels && labels->empty()) labels = invalid("a series needs a name or labels");
      if (!labels)
        failures_.push_back("    " + one.place.text() + ": series: " + labels.error().message());
      if (!points)
        failures_.push_back("    " + one.place.text() + ": values: " + points.error().message());
      if (labels && points) inputs_.push_back({std::move(*labels), std::move(*points), 0});
    }
    return failures_.empty();
  }

  std::int64_t last_eval_time() const {
    std::int64_t last = 0;
    for (const auto& one : test_.alerts) last = std::max(last, one.eval_time);
    for (const auto& one : test_.exprs) last = std::max(last, one.eval_time);
    return last;
  }

  // The input's samples that are not after `until`.
  bool feed(std::int64_t until) {
    std::vector<metrics::SampleIn> batch;
    for (auto& input : inputs_) {
      for (; input.next < input.points.size(); ++input.next) {
        const auto t = test_.start + static_cast<std::int64_t>(input.next) * test_.interval;
        if (t > until) break;
        const auto& point = input.points[input.next];
        if (point)
          batch.push_back(
              {metrics::SeriesRef::kNone, &input.labels, {t, point->value, point->histogram}});
      }
    }
    auto done = store_.append(batch);
    if (done && done->rejected() == 0) return true;
    failures_.push_back("    input series: " + (done ? done->first_error : done.error().message()));
    return false;
  }

  bool evaluate(std::int64_t at) {
    bool good = true;
    EvaluationContext context{store_, clock_, test_.external_labels, test_.external_url, {}};
    context.subquery_step = file_.evaluation_interval;  // as promtool does
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      auto outcomes = evaluate_group(groups_[g], memory_[g], from_ms(test_.start + at), context);
      for (std::size_t r = 0; r < outcomes.size(); ++r) {
        memory_[g][r] = outcomes[r].memory;
        if (outcomes[r].error.empty()) continue;
        failures_.push_back("    rule: " + groups_[g].rules[r].name + ", time: " + time_text(at) +
                            ", err: " + outcomes[r].error);
        good = false;
      }
    }
    return good;
  }

  void check(const AlertTest& wanted) {
    std::vector<AnswerAlert> expected, got;
    for (const auto& one : wanted.alerts)
      expected.push_back({one.labels.with("alertname", wanted.alertname), one.annotations});
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      for (std::size_t r = 0; r < groups_[g].rules.size(); ++r) {
        if (!groups_[g].rules[r].alerting || groups_[g].rules[r].name != wanted.alertname) continue;
        for (const auto& [labels, active] : *memory_[g][r].alerts) {
          if (active.alert.state == model::AlertState::kFiring)
            got.push_back({labels, active.alert.annotations});
        }
      }
    }
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
    if (expected == got) return;
    failures_.push_back((test_.named ? "    name: " + test_.name + ",\n" : "") + "    alertname: " +
                        wanted.alertname + ", time: " + time_text(wanted.eval_time) + ",\n" +
                        mismatch_text(answer_text(expected), answer_text(got), as_diff_));
  }

  void check(const ExprTest& wanted) {
    const auto place =
        "    expr: " + model::quote(wanted.expr) + ", time: " + time_text(wanted.eval_time) + ",";
    auto got = ask(wanted);
    auto expected = expectation(wanted);
    for (const auto* side : {&got, &expected}) {
      if (*side) continue;
      failures_.push_back(place + " err: " + side->error().message());
      return;
    }
    const auto by_labels = [](const AnswerSample& a, const AnswerSample& b) {
      return a.labels < b.labels;
    };
    std::sort(got->begin(), got->end(), by_labels);
    std::sort(expected->begin(), expected->end(), by_labels);
    const auto same = [this](const AnswerSample& a, const AnswerSample& b) {
      return a.labels == b.labels && a.histogram == b.histogram && equal(a.value, b.value);
    };
    if (std::equal(expected->begin(), expected->end(), got->begin(), got->end(), same)) return;
    failures_.push_back(place + "\n" +
                        mismatch_text(answer_text(*expected), answer_text(*got), as_diff_));
  }

  // With fuzzy_compare the neighbours among doubles are equal too. NaN is NaN, or it could never be expected.
  bool equal(double a, double b) const {
    if (a == b || (std::isnan(a) && std::isnan(b))) return true;
    return file_.fuzzy_compare &&
           (std::nextafter(a, -INFINITY) == b || std::nextafter(a, INFINITY) == b);
  }

  Result<std::vector<AnswerSample>> ask(const ExprTest& wanted) const {
    query::promql::QueryOptions options;
    options.subquery_step = file_.evaluation_interval;  // as promtool does
    const query::promql::Engine engine(store_, clock_);
    auto result = HF_TRY(engine.instant(wanted.expr, test_.start + wanted.eval_time, options));
    std::vector<AnswerSample> samples;
    if (const auto* scalar = std::get_if<query::promql::Scalar>(&result.value)) {
      samples.push_back({Labels(), scalar->value, ""});
      return samples;
    }
    const auto* vector = std::get_if<query::promql::Vector>(&result.value);
    if (vector == nullptr) return invalid("rule result is not a vector or scalar");
    for (const auto& series : vector->series) {
      const auto& point = series.points.back();
      samples.push_back({series.labels, point.value,
                         point.histogram == nullptr ? "" : histogram_text(*point.histogram)});
    }
    return samples;
  }

  static Result<std::vector<AnswerSample>> expectation(const ExprTest& wanted) {
    std::vector<AnswerSample> samples;
    for (const auto& one : wanted.samples) {
      AnswerSample sample;
      sample.labels = HF_TRY(
          query::promql::parse_labels(one.labels).context("labels " + model::quote(one.labels)));
      sample.value = one.value;
      if (!one.histogram.empty()) {
        const auto points = HF_TRY(query::promql::parse_points(one.histogram)
                                       .context("histogram " + model::quote(one.histogram)));
        if (points.size() != 1 || !points[0] || points[0]->histogram == nullptr) {
          return invalid("histogram " + model::quote(one.histogram) +
                         ": expected one histogram, {{...}}");
        }
        sample.histogram = histogram_text(*points[0]->histogram);
      }
      samples.push_back(std::move(sample));
    }
    return samples;
  }

  const UnitTestFile& file_;
  const UnitTest& test_;
  const Clock& clock_;
  const std::vector<PreparedGroup> groups_;
  const bool as_diff_;
  MemoryStore store_;
  std::vector<Input> inputs_;
  std::vector<std::vector<RuleMemory>> memory_;  // a group, a rule
  std::vector<const AlertTest*> alert_tests_;    // in order of time
  std::size_t next_alert_test_ = 0;
  std::vector<std::string> failures_;
};

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// The groups of all rule files, in the order they are to be evaluated.
std::vector<RuleGroup> load_groups(FileSystem& files, const UnitTestFile& file,
                                   UnitTestReport& report) {
  std::vector<RuleGroup> groups;
  for (const auto& pattern : file.rule_files) {
    const auto path = pattern.starts_with('/') ? pattern : folder_of(report.file) + pattern;
    const auto found = glob(files, path);
    if (found.empty()) report.warnings.push_back("no file match pattern " + path);
    for (const auto& name : found) {
      auto text = files.read_file(name);
      if (!text) {
        report.errors.push_back(text.error().message());
        continue;
      }
      auto rules =
          parse_rule_file(name, *text, std::chrono::milliseconds(file.evaluation_interval));
      for (const auto& finding : rules.findings) report.errors.push_back(finding.text());
      for (auto& group : rules.groups) groups.push_back(std::move(group));
    }
  }
  std::map<std::string, std::size_t> order;
  for (std::size_t i = 0; i < file.group_eval_order.size(); ++i)
    order.emplace(file.group_eval_order[i], i);
  const auto rank = [&order](const RuleGroup& group) {
    const auto found = order.find(group.name);
    return found == order.end() ? 0 : found->second;
  };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return groups;
}

// Whether a test of this name is wanted; an error when an expression is bad.
Result<bool> wanted(const std::string& name, const std::vector<std::string>& run) {
  bool found = run.empty();
  for (const auto& pattern : run) {
    const RE2 re(pattern, RE2::Quiet);
    if (!re.ok()) return invalid("--run " + model::quote(pattern) + ": " + re.error());
    found = found || RE2::PartialMatch(name, re);
  }
  return found;
}

}  // namespace

bool UnitTestReport::passed() const {
  return errors.empty() && std::all_of(cases.begin(), cases.end(),
                                       [](const UnitTestCase& c) { return c.failures.empty(); });
}

std::vector<std::string> UnitTestReport::failures() const {
  auto all = errors;
  for (const auto& one : cases) all.insert(all.end(), one.failures.begin(), one.failures.end());
  return all;
}

UnitTestReport run_unit_tests(FileSystem& files, const Clock& clock, const std::string& path,
                              const UnitTestOptions& options) {
  UnitTestReport report;
  report.file = path;
  auto text = files.read_file(path);
  if (!text) {
    report.errors.push_back(text.error().message());
    return report;
  }
  const auto file = parse_unit_tests(path, *text);
  for (const auto& finding : file.findings) report.errors.push_back(finding.text());
  if (!report.errors.empty()) return report;
  const auto groups = load_groups(files, file, report);
  if (!report.errors.empty()) return report;
  for (const auto& test : file.tests) {
    auto chosen = wanted(test.named ? test.name : "", options.run);
    if (!chosen) {
      report.errors.push_back(chosen.error().message());
      return report;
    }
    if (!*chosen) continue;
    std::vector<PreparedGroup> prepared;
    for (const auto& group : groups) prepared.push_back(prepare_group(group));
    report.cases.push_back(
        {test.name, Run(file, test, clock, std::move(prepared), options.diff).run()});
  }
  return report;
}

}  // namespace holdfast::detect
