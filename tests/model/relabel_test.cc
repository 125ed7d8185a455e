#include "model/relabel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::model {
namespace {

using enum RelabelAction;
using ::testing::HasSubstr;

struct Case {
  std::string name;
  LabelList input;
  std::vector<RelabelSpec> rules;
  std::optional<Labels> want;  // nullopt: dropped
};

RelabelSpec rule(RelabelAction action, std::vector<std::string> sources, std::string regex,
                 std::string target = "", std::string replacement = "$1") {
  RelabelSpec spec;
  spec.action = action;
  spec.source_labels = std::move(sources);
  spec.regex = std::move(regex);
  spec.target_label = std::move(target);
  spec.replacement = std::move(replacement);
  return spec;
}

RelabelSpec hash(std::vector<std::string> sources, std::uint64_t modulus) {
  auto spec = rule(kHashMod, std::move(sources), "(.*)", "shard");
  spec.modulus = modulus;
  return spec;
}

std::vector<Case> cases() {
  const LabelList abc = {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}};
  const std::vector<std::string> a = {"a"}, ab = {"a", "b"}, none;
  return {
      {"replace a group",
       abc,
       {rule(kReplace, a, "f(.*)", "d", "ch${1}-ch${1}")},
       Labels{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "choo-choo"}}},
      {"join, replace, again",
       abc,
       {rule(kReplace, ab, "(f|b).*;(.*)", "a", "b${1}${2}m"),
        rule(kReplace, {"b"}, ".*(r).*", "e", "$1$1")},
       Labels{{"a", "bfbarm"}, {"b", "bar"}, {"c", "baz"}, {"e", "rr"}}},
      {"no match changes nothing", abc, {rule(kReplace, a, "oo", "d", "x")}, Labels(abc)},
      {"anchored at both ends", abc, {rule(kKeep, a, "fo")}, std::nullopt},
      {"an empty replacement removes",
       abc,
       {rule(kReplace, a, "(f).*", "b", "$2")},
       Labels{{"a", "foo"}, {"c", "baz"}}},
      {"keep", abc, {rule(kKeep, a, "fo+")}, Labels(abc)},
      {"drop", abc, {rule(kDrop, a, ".*o.*")}, std::nullopt},
      {"no drop", abc, {rule(kDrop, a, "o")}, Labels(abc)},
      {"keepequal",
       {{"a", "x"}, {"b", "x"}},
       {rule(kKeepEqual, a, "(.*)", "b")},
       Labels{{"a", "x"}, {"b", "x"}}},
      {"keepequal differs", abc, {rule(kKeepEqual, a, "(.*)", "b")}, std::nullopt},
      {"dropequal", {{"a", "x"}, {"b", "x"}}, {rule(kDropEqual, a, "(.*)", "b")}, std::nullopt},
      {"dropequal differs", abc, {rule(kDropEqual, a, "(.*)", "b")}, Labels(abc)},
      {"hashmod as Prometheus",
       abc,
       {hash({"c"}, 1000)},
       Labels{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"shard", "976"}}},
      {"hashmod of a text with a line break",
       {{"a", "foo\nbar"}},
       {hash(a, 1000)},
       Labels{{"a", "foo\nbar"}, {"shard", "734"}}},
      {"labelmap",
       {{"__meta_x", "1"}, {"__meta_y", "2"}, {"z", "3"}},
       {rule(kLabelMap, none, "__meta_(.+)")},
       Labels{{"__meta_x", "1"}, {"__meta_y", "2"}, {"x", "1"}, {"y", "2"}, {"z", "3"}}},
      {"labelmap to itself is not mapped twice",
       {{"aa", "1"}},
       {rule(kLabelMap, none, "a(.+)")},
       Labels{{"aa", "1"}, {"a", "1"}}},
      {"labeldrop", abc, {rule(kLabelDrop, none, "a|c")}, Labels{{"b", "bar"}}},
      {"labelkeep", abc, {rule(kLabelKeep, none, "a|c")}, Labels{{"a", "foo"}, {"c", "baz"}}},
      {"lowercase",
       {{"a", "FoO-1"}},
       {rule(kLowercase, a, "(.*)", "b")},
       Labels{{"a", "FoO-1"}, {"b", "foo-1"}}},
      {"uppercase",
       {{"a", "FoO-1"}},
       {rule(kUppercase, a, "(.*)", "b")},
       Labels{{"a", "FoO-1"}, {"b", "FOO-1"}}},
      {"target by a group",
       {{"a", "some-name-value"}},
       {rule(kReplace, a, "some-([^-]+)-([^,]+)", "${1}", "${2}")},
       Labels{{"a", "some-name-value"}, {"name", "value"}}},
      {"a target that becomes empty changes nothing",
       {{"a", "x"}},
       {rule(kReplace, a, "x(.*)", "${1}", "y")},
       Labels{{"a", "x"}}},
      {"$1x is a group of that name",
       {{"a", "some"}},
       {rule(kReplace, a, "(s).*", "b", "$1x-$1")},
       Labels{{"a", "some"}, {"b", "-s"}}},
      {"named groups",
       {{"a", "k=v"}},
       {rule(kReplace, a, "(?P<key>.+)=(?P<value>.+)", "$key", "<${value}>")},
       Labels{{"a", "k=v"}, {"k", "<v>"}}},
      {"two dollars are one, a lone one stands",
       {{"a", "x"}},
       {rule(kReplace, a, "(x)", "b", "$$1 $ ${")},
       Labels{{"a", "x"}, {"b", "$1 $ ${"}}},
      {"the address of a Pod gets another port",
       {{"__address__", "10.0.0.5:8080"}},
       {rule(kReplace, {"__address__"}, "([^:]+):.*", "__address__", "${1}:9090")},
       Labels{{"__address__", "10.0.0.5:9090"}}},
      {"the dot takes line breaks",
       {{"a", "x\ny"}},
       {rule(kKeep, a, "x.y")},
       Labels{{"a", "x\ny"}}},
      {"source label that is absent is empty",
       abc,
       {rule(kReplace, {"no"}, "(.*)", "d", "set")},
       Labels{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "set"}}},
      {"a rule after a drop does not run",
       abc,
       {rule(kDrop, a, "foo"), rule(kReplace, a, "(.*)", "d", "x")},
       std::nullopt},
  };
}

TEST(Relabel, DoesWhatPrometheusDoes) {
  for (const auto& test : cases()) {
    SCOPED_TRACE(test.name);
    RelabelRules rules;
    for (const auto& spec : test.rules) {
      auto made = RelabelRule::make(spec);
      ASSERT_TRUE(made) << made.error().message();
      rules.push_back(std::move(*made));
    }
    auto labels = test.input;
    const bool keep = relabel(rules, labels);
    ASSERT_EQ(keep, test.want.has_value());
    if (keep) {
      EXPECT_EQ(Labels(labels), *test.want) << Labels(labels).text();
    }
  }
}

TEST(Relabel, StepsShowWhatEachRuleMade) {
  const RelabelRules rules = {*RelabelRule::make(rule(kReplace, {"a"}, "(.*)", "b", "$1$1")),
                              *RelabelRule::make(rule(kDrop, {"b"}, "xx")),
                              *RelabelRule::make(rule(kReplace, {"a"}, "(.*)", "c", "y"))};
  const auto steps = relabel_steps(rules, Labels{{"a", "x"}});
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].output, (Labels{{"a", "x"}, {"b", "xx"}}));
  EXPECT_FALSE(steps[1].keep);
}

TEST(RelabelYaml, ReadsEveryMember) {
  std::vector<Finding> findings;
  const auto root =
      parse_yaml("f.yml",
                 "- {source_labels: [a, b], separator: '-', regex: '(.+)', target_label: c, "
                 "replacement: 'x$1'}\n"
                 "- {source_labels: [a], modulus: 8, target_label: s, action: hashmod}\n"
                 "- {regex: 'tmp_.*', action: LabelDrop}\n",
                 findings);
  ASSERT_TRUE(root);
  const YamlContext context{"f.yml", &findings, {}};
  std::vector<const YamlNode*> list;
  for (const auto& item : root->items) list.push_back(&item);
  const auto rules = read_relabel_rules(context, list);
  ASSERT_EQ(findings.size(), 0u) << findings[0].text();
  ASSERT_EQ(rules.size(), 3u);
  LabelList labels = {{"a", "1"}, {"b", "2"}, {"tmp_x", "3"}};
  EXPECT_TRUE(relabel(rules, labels));
  const Labels made(labels);
  EXPECT_EQ(made.get("c"), "x1-2");
  EXPECT_FALSE(made.has("tmp_x"));
}

TEST(RelabelYaml, NamesWhatCannotWorkAndWhere) {
  const struct {
    std::string yaml, want;
  } cases[] = {
      {"{action: replace, regex: x}",
       "f.yml:1:3: relabel configuration for replace action requires 'target_label'"},
      {"{action: hashmod, target_label: x}", "requires non-zero modulus"},
      {"{action: explode}", "f.yml:1:12: unknown relabel action 'explode'; allowed: replace, keep"},
      {"{action: keep, regex: '('}", "regular expression \"(\""},
      {"{action: lowercase, target_label: x, replacement: y}",
       "'replacement' can not be set for lowercase"},
      {"{action: labeldrop, regex: a, target_label: x}",
       "requires only 'regex', and no other fields"},
      {"{action: keepequal, target_label: x, regex: a}",
       "requires only 'source_labels' and 'target_label'"},
      {"{sourcelabels: [a], target_label: x}",
       "unknown member 'sourcelabels' in relabel rule; did you mean 'source_labels'?"},
  };
  for (const auto& test : cases) {
    std::vector<Finding> findings;
    const auto root = parse_yaml("f.yml", "- " + test.yaml, findings);
    ASSERT_TRUE(root) << test.yaml;
    const YamlContext context{"f.yml", &findings, {}};
    const std::vector<const YamlNode*> list = {&root->items[0]};
    (void)read_relabel_rules(context, list);
    ASSERT_EQ(findings.size(), 1u) << test.yaml;
    EXPECT_THAT(findings[0].text(), HasSubstr(test.want));
  }
}

}  // namespace
}  // namespace holdfast::model
