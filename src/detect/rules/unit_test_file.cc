// Reads a unit-test file through YamlMap: every mistake at once, each with its place.
#include <cmath>
#include <set>

#include "base/text.h"
#include "detect/rules/unit_test.h"

namespace holdfast::detect {
namespace {

using model::Label;
using model::Labels;

class FileReader {
 public:
  FileReader(const std::string& file, UnitTestFile& out)
      : out_(out), context_{file, &out.findings, {}} {}

  void read(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::kNull) return;
    YamlMap map(context_, root, "the unit-test file");
    out_.rule_files = map.texts("rule_files");
    out_.evaluation_interval = interval(map, "evaluation_interval", 60'000);
    out_.group_eval_order = map.texts("group_eval_order");
    std::set<std::string> groups;
    for (const auto& group : out_.group_eval_order) {
      if (!groups.insert(group).second)
        map.report("group_eval_order",
                   "group name repeated in evaluation order: " + printable(group));
    }
    out_.fuzzy_compare = map.boolean("fuzzy_compare", false);
    for (const auto* node : map.list("tests")) read_test(*node);
    map.finish();
  }

 private:
  // Absent and 0 are the default.
  std::int64_t interval(YamlMap& map, std::string_view member, std::int64_t fallback) {
    const auto ms = to_ms(map.duration(member, Duration::zero()));
    return ms <= 0 ? fallback : ms;
  }

  void read_test(const YamlNode& node) {
    YamlMap map(context_, node, "test");
    UnitTest test;
    test.name = map.text("name");
    test.named = !test.name.empty();
    if (!test.named) test.name = "unnamed#" + std::to_string(out_.tests.size());
    test.interval = interval(map, "interval", out_.evaluation_interval);
    test.start = start(map);
    for (const auto* one : map.list("input_series")) read_input(*one, test);
    for (const auto* one : map.list("alert_rule_test")) read_alert_test(*one, test);
    for (const auto* one : map.list("promql_expr_test")) read_expr_test(*one, test);
    test.external_labels = labels(map, "external_labels");
    test.external_url = map.text("external_url");
    map.finish();
    out_.tests.push_back(std::move(test));
  }

  std::int64_t start(YamlMap& map) {
    const auto text = map.text("start_timestamp");
    if (text.empty()) return 0;
    auto at = parse_time(text);
    if (!at) {
      map.report("start_timestamp", "'start_timestamp': " + at.error().message());
      return 0;
    }
    return to_ms(*at);
  }

  void read_input(const YamlNode& node, UnitTest& test) {
    YamlMap map(context_, node, "input series");
    InputSeries input{
        map.text("series"), map.text("values"), {context_.file, node.line, node.column}};
    map.finish();
    if (map.valid()) test.input.push_back(std::move(input));
  }

  void read_alert_test(const YamlNode& node, UnitTest& test) {
    YamlMap map(context_, node, "alert test");
    AlertTest one;
    one.eval_time = to_ms(map.duration("eval_time", Duration::zero()));
    one.alertname = map.text("alertname");
    if (map.valid() && one.alertname.empty()) {
      map.report("alertname",
                 "an item under alert_rule_test misses required attribute alertname at eval_time " +
                     format_duration(std::chrono::milliseconds(one.eval_time)) +
                     (test.named ? " (in TestGroup " + printable(test.name) + ")" : ""));
    }
    for (const auto* expected : map.list("exp_alerts")) {
      YamlMap alert(context_, *expected, "expected alert");
      one.alerts.push_back({labels(alert, "exp_labels"), labels(alert, "exp_annotations")});
      alert.finish();
    }
    map.finish();
    test.alerts.push_back(std::move(one));
  }

  void read_expr_test(const YamlNode& node, UnitTest& test) {
    YamlMap map(context_, node, "expression test");
    ExprTest one;
    one.expr = map.text("expr");
    one.eval_time = to_ms(map.duration("eval_time", Duration::zero()));
    for (const auto* expected : map.list("exp_samples")) {
      YamlMap sample(context_, *expected, "expected sample");
      ExpectedSample wanted{sample.text("labels"), number(sample), sample.text("histogram")};
      sample.finish();
      one.samples.push_back(std::move(wanted));
    }
    map.finish();
    test.exprs.push_back(std::move(one));
  }

  // YAML's .nan and .inf beside what PromQL prints.
  double number(YamlMap& map) {
    const auto text = map.text("value");
    if (text.empty()) return 0;
    const auto plain = lower(text);
    const bool dotted =
        plain.starts_with(".") || plain.starts_with("-.") || plain.starts_with("+.");
    auto value = parse_double(text);
    if (!value && dotted) {
      const auto sign = plain.front() == '-' ? -1.0 : 1.0;
      const auto word = plain.substr(plain.find('.') + 1);
      if (word == "nan") return std::nan("");
      if (word == "inf") return sign * INFINITY;
    }
    if (!value) map.report("value", "'value' must be a number, not \"" + printable(text) + "\"");
    return value.value_or(0);
  }

  Labels labels(YamlMap& map, std::string_view member) {
    std::vector<Label> found;
    const auto* node = map.member(member);
    if (node == nullptr) return {};
    if (node->kind != YamlNode::Kind::kMap) {
      map.report(member, "'" + std::string(member) + "' must be a mapping, not " +
                             std::string(node->kind_name()));
      return {};
    }
    for (const auto& [key, value] : node->members) {
      if (value.kind == YamlNode::Kind::kNull) continue;
      if (auto text = context_.text(value, "'" + printable(key.scalar) + "'"))
        found.push_back({key.scalar, *text});
    }
    return Labels(std::move(found));
  }

  UnitTestFile& out_;
  YamlContext context_;
};

}  // namespace

UnitTestFile parse_unit_tests(const std::string& file_name, std::string_view yaml) {
  UnitTestFile file;
  auto root = parse_yaml(file_name, yaml, file.findings);
  if (root) FileReader(file_name, file).read(*root);
  return file;
}

}  // namespace holdfast::detect
