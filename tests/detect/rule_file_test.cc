// Rule files that are taken and files that are refused, each with its exact place and words.
#include "detect/rules/rule_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.h"

namespace holdfast::detect {
namespace {

std::string findings_of(const std::string& yaml) {
  std::string text;
  for (const auto& finding : parse_rule_file("r.yml", yaml).findings) text += (text.empty() ? "" : "\n") + finding.text();
  return text;
}

std::string group(const std::string& rules) { return "groups:\n- name: g\n  rules:\n" + rules; }

TEST(RuleFile, ReadsEveryMember) {
  const auto file = parse_rule_file("r.yml", R"(
groups:
  - name: enhancer
    interval: 1s
    query_offset: 500ms
    limit: 10
    labels: { team: platform }
    rules:
      - alert: Errors
        expr: rate(errors_total[5s]) > 0.05
        for: 2m
        keep_firing_for: 30s
        labels:
          severity: critical
          number: 7
          empty:
        annotations:
          summary: "{{ $labels.instance }} fails: {{ $value | humanizePercentage }}"
      - record: job:errors:rate5s
        expr: sum by (job) (rate(errors_total[5s]))
        labels: { source: rules }
  - name: defaults
    interval: 0s
)", 15s);
  ASSERT_TRUE(file.findings.empty()) << file.findings[0].text();
  ASSERT_EQ(file.groups.size(), 2U);
  const auto& g = file.groups[0];
  EXPECT_EQ(g.name, "enhancer");
  EXPECT_EQ(g.file, "r.yml");
  EXPECT_EQ(g.interval, 1s);
  EXPECT_EQ(g.query_offset, 500ms);
  EXPECT_EQ(g.limit, 10);
  EXPECT_EQ(g.labels, (model::Labels{{"team", "platform"}}));
  ASSERT_EQ(g.rules.size(), 2U);
  const auto& alert = std::get<AlertingRule>(g.rules[0]);
  EXPECT_EQ(alert.alert, "Errors");
  EXPECT_EQ(alert.query, "rate(errors_total[5s]) > 0.05");
  ASSERT_NE(alert.expr, nullptr);
  EXPECT_EQ(alert.hold, 2min);
  EXPECT_EQ(alert.keep_firing_for, 30s);
  EXPECT_EQ(alert.labels, (model::Labels{{"number", "7"}, {"severity", "critical"}}));
  EXPECT_EQ(alert.annotations.get("summary"), "{{ $labels.instance }} fails: {{ $value | humanizePercentage }}");
  EXPECT_EQ(alert.removed_labels, (std::vector<std::string>{"empty"}));
  EXPECT_EQ(alert.place.text(), "r.yml:9:9");
  const auto& record = std::get<RecordingRule>(g.rules[1]);
  EXPECT_EQ(record.record, "job:errors:rate5s");
  EXPECT_EQ(record.labels, (model::Labels{{"source", "rules"}}));
  EXPECT_EQ(file.groups[1].interval, 15s);
}

TEST(RuleFile, TakesWhatPrometheusTakes) {
  for (const auto& text : {
           std::string(), std::string("groups:\n"), std::string("groups: []\n"), std::string("# nothing\n"), std::string("{}\n"),
           group("  - record: a\n    expr: 1\n    for: 0s\n"), group("  - record: \"with.dots\"\n    expr: 1\n"),
           group("  - record: a\n    expr: 1\n    labels: {ins-tance: b}\n"), group("  - alert: a b\n    expr: 1\n"),
           group("  - alert: a\n    expr: |\n      up\n        == 0\n"), group("  - alert: a\n    expr: 1\n    annotations: {__name__: x}\n"),
           group("  - alert: a\n    expr: 1\n    labels: {on: true}\n"), group("  - alert: a\n    expr: 1\n    for: 1d12h\n"),
       }) {
    EXPECT_EQ(findings_of(text), "") << text;
  }
}

#define DURATIONS "write for example 1h30m, 15s or 5ms, with the units y w d h m s ms"

struct Case {
  const char* what;
  std::string yaml;
  const char* want;
};

TEST(RuleFile, RefusesFilesWithPlaceAndWords) {
  const Case cases[] = {
      {"a list", "- a\n", "r.yml:1:1: the rule file must be a mapping, not a list"},
      {"a text", "hello\n", "r.yml:1:1: the rule file must be a mapping, not a text"},
      {"unknown at top", "group:\n- name: a\n", "r.yml:1:1: unknown member 'group' in the rule file; did you mean 'groups'?"},
      {"groups is a text", "groups: x\n", "r.yml:1:9: 'groups' must be a list, not a text"},
      {"groups is a mapping", "groups: {a: b}\n", "r.yml:1:9: 'groups' must be a list, not a mapping"},
      {"a group is a text", "groups: [x]\n", "r.yml:1:10: group must be a mapping, not a text"},
      {"no name", "groups:\n- rules: []\n", "r.yml:2:3: Groupname must not be empty"},
      {"empty name", "groups:\n- name: ''\n", "r.yml:2:9: Groupname must not be empty"},
      {"name is a list", "groups:\n- name: [a]\n", "r.yml:2:9: 'name' must be a text, not a list\nr.yml:2:9: Groupname must not be empty"},
      {"names twice", "groups:\n- name: a\n- name: a\n", "r.yml:3:9: groupname: \"a\" is repeated in the same file"},
      {"bad interval", "groups:\n- name: a\n  interval: 1x\n", "r.yml:3:13: 'interval': duration \"1x\": \"x\" is no unit; " DURATIONS},
      {"interval without unit", "groups:\n- name: a\n  interval: 15\n",
       "r.yml:3:13: 'interval': duration \"15\": a unit is missing; " DURATIONS},
      {"bad query_offset", "groups:\n- name: a\n  query_offset: -1s\n",
       "r.yml:3:17: 'query_offset': duration \"-1s\": a number is missing; " DURATIONS},
      {"limit is a text", "groups:\n- name: a\n  limit: many\n", "r.yml:3:10: 'limit' is 'many'; allowed: a whole number from 0 to 100000000"},
      {"limit below zero", "groups:\n- name: a\n  limit: -1\n", "r.yml:3:10: 'limit' is '-1'; allowed: a whole number from 0 to 100000000"},
      {"limit is a fraction", "groups:\n- name: a\n  limit: 1.5\n", "r.yml:3:10: 'limit' is '1.5'; allowed: a whole number from 0 to 100000000"},
      {"group labels is a list", "groups:\n- name: a\n  labels: [x]\n", "r.yml:3:11: 'labels' must be a mapping, not a list"},
      {"group label of the metric", "groups:\n- name: a\n  labels: {__name__: x}\n", "r.yml:3:12: invalid label name: __name__"},
      {"unknown in group", "groups:\n- name: a\n  intervall: 1s\n", "r.yml:3:3: unknown member 'intervall' in group; did you mean 'interval'?"},
      {"rules is a mapping", "groups:\n- name: a\n  rules: {alert: x}\n", "r.yml:3:10: 'rules' must be a list, not a mapping"},
      {"a rule is a text", group("  - x\n"), "r.yml:4:5: rule must be a mapping, not a text"},
      {"a rule is nothing", group("  -\n"), "r.yml:5:1: rule must be a mapping, not nothing"},
      {"both", group("  - record: a\n    alert: b\n    expr: 1\n"), "r.yml:4:13: only one of 'record' and 'alert' must be set"},
      {"neither", group("  - expr: 1\n"), "r.yml:4:5: one of 'record' or 'alert' must be set"},
      {"no expr", group("  - record: a\n"), "r.yml:4:5: field 'expr' must be set in rule"},
      {"empty expr", group("  - alert: a\n    expr: ' '\n"), "r.yml:5:11: field 'expr' must be set in rule"},
      {"expr is a list", group("  - alert: a\n    expr: [1]\n"), "r.yml:5:11: 'expr' must be a text, not a list\nr.yml:5:11: field 'expr' must be set in rule"},
      {"bad expr", group("  - record: a\n    expr: rate(hi)\n"),
       "r.yml:5:11: could not parse expression: 1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"},
      {"unclosed expr", group("  - record: a\n    expr: sum(\n"),
       "r.yml:5:11: could not parse expression: 1:5: parse error: unclosed left parenthesis"},
      {"unknown function", group("  - record: a\n    expr: nosuch(up)\n"), "r.yml:5:11: could not parse expression: 1:1: parse error: unknown function with name \"nosuch\""},
      {"braces in a record", group("  - record: 'a{b=\"c\"}'\n    expr: 1\n"),
       "r.yml:4:13: braces present in the recording rule name; should it be in expr?: a{b=\"c\"}"},
      {"record and for", group("  - record: a\n    expr: 1\n    for: 1m\n"), "r.yml:6:10: invalid field 'for' in recording rule"},
      {"record and keep_firing_for", group("  - record: a\n    expr: 1\n    keep_firing_for: 1m\n"),
       "r.yml:6:22: invalid field 'keep_firing_for' in recording rule"},
      {"record and annotations", group("  - record: a\n    expr: 1\n    annotations: {a: b}\n"), "r.yml:6:18: invalid field 'annotations' in recording rule"},
      {"bad for", group("  - alert: a\n    expr: 1\n    for: soon\n"), "r.yml:6:10: 'for': duration \"soon\": a number is missing; " DURATIONS},
      {"for is a mapping", group("  - alert: a\n    expr: 1\n    for: {}\n"),
       "r.yml:6:10: 'for' must be a text, not a mapping\nr.yml:6:10: 'for': duration \"\": it is empty; " DURATIONS},
      {"unknown in rule", group("  - alert: a\n    expr: 1\n    annotation: {}\n"), "r.yml:6:5: unknown member 'annotation' in rule; did you mean 'annotations'?"},
      {"unknown far off", group("  - alert: a\n    expr: 1\n    zzz: 1\n"),
       "r.yml:6:5: unknown member 'zzz' in rule; allowed: alert, annotations, expr, for, keep_firing_for, labels, record"},
      {"label is the metric's name", group("  - alert: a\n    expr: 1\n    labels: {__name__: x}\n"), "r.yml:6:14: invalid label name: __name__"},
      {"label without a name", group("  - alert: a\n    expr: 1\n    labels: {'': x}\n"), "r.yml:6:14: invalid label name: "},
      {"annotation without a name", group("  - alert: a\n    expr: 1\n    annotations: {'': x}\n"), "r.yml:6:19: invalid annotation name: "},
      {"label is a list", group("  - alert: a\n    expr: 1\n    labels:\n      b: [x]\n"), "r.yml:7:10: label 'b' must be a text, not a list"},
      {"bad template in a label", group("  - alert: a\n    expr: 1\n    labels:\n      b: '{{ $lables.x }}'\n"),
       "r.yml:7:10: label \"b\": error parsing template: 1:4: undefined variable \"$lables\"; allowed: $labels, $externalLabels, $externalURL, $value"},
      {"bad template in an annotation", group("  - alert: a\n    expr: 1\n    annotations:\n      c: ok\n      b: '{{ $value | humanise }}'\n"),
       "r.yml:8:10: annotation \"b\": error parsing template: 1:13: function \"humanise\" not defined; did you mean \"humanize\"?"},
      {"member twice", group("  - alert: a\n    expr: 1\n    expr: 2\n"), "r.yml:6:5: key 'expr' stands twice; first with its value at line 5"},
      {"two documents", "groups: []\n---\ngroups: []\n", "r.yml:2:1: a second document; one document a file is allowed"},
      {"not yaml", "groups: [\n", "r.yml:2:1: end of sequence flow not found"},
      {"not text", "groups: \xff\n", "r.yml:1:1: the file is not UTF-8 text"},
      {"a tab", "groups:\n\t- a\n", "r.yml:2:2: illegal block entry"},
  };
  for (const auto& c : cases) {
    const auto found = findings_of(c.yaml);
    EXPECT_EQ(found, c.want) << c.what;
  }
}

TEST(RuleFile, TellsAllMistakesOfAFileAtOnce) {
  const auto found = parse_rule_file("r.yml", group("  - alert: a\n    expr: rate(\n    for: x\n  - record: b\n")).findings;
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].place.text(), "r.yml:5:11");
  EXPECT_EQ(found[1].place.text(), "r.yml:6:10");
  EXPECT_EQ(found[2].place.text(), "r.yml:7:5");
}

// Prometheus' own files, when they are at hand: *.bad.yaml are refused in its words, the others taken.
TEST(RuleFile, AgreesWithPrometheusOwnFiles) {
  const auto* folder = std::getenv("HOLDFAST_CONFORMANCE");
  const std::filesystem::path base = folder != nullptr ? folder : HOLDFAST_SOURCE_DIR "/../shared/conformance";
  const auto rules = base / "prometheus" / "rules";
  if (!std::filesystem::exists(rules)) GTEST_SKIP() << "no " << rules << "; set HOLDFAST_CONFORMANCE";
  const std::map<std::string, std::string> words = {
      {"bad_expr.bad.yaml", "parse error"},
      {"duplicate_grp.bad.yaml", "groupname: \"yolo\" is repeated in the same file"},
      {"invalid_record_name.bad.yaml", "braces present in the recording rule name; should it be in expr?: strawberry{flavor=\"sweet\"}"},
      {"noexpr.bad.yaml", "field 'expr' must be set in rule"},
      {"record_and_alert.bad.yaml", "only one of 'record' and 'alert' must be set"},
      {"record_and_for.bad.yaml", "invalid field 'for' in recording rule"},
  };
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(rules)) {
    const auto name = entry.path().filename().string();
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    const auto file = parse_rule_file(name, text.str());
    ++count;
    if (name.find(".bad.") == std::string::npos) {
      EXPECT_TRUE(file.findings.empty()) << name << ": " << (file.findings.empty() ? "" : file.findings[0].text());
      continue;
    }
    ASSERT_EQ(file.findings.size(), 1U) << name;
    if (const auto found = words.find(name); found != words.end()) {
      EXPECT_NE(file.findings[0].message.find(found->second), std::string::npos) << name << ": " << file.findings[0].text();
    }
  }
  EXPECT_GE(count, 9);
}

}  // namespace
}  // namespace holdfast::detect
