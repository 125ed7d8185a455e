// Configuration files as trees with places, and what is said about wrong ones: exact words, exact places.
#include "base/yaml.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace holdfast {
namespace {

std::string error_of(std::string_view text) {
  const auto parsed = parse_yaml(text);
  return parsed ? "" : parsed.error().message();
}

// A tree in one line: {a: [x, "y"], b: ~}.
std::string shown(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "~";
    case YamlNode::Kind::kScalar: return node.quoted ? "\"" + node.scalar + "\"" : node.scalar;
    case YamlNode::Kind::kSequence:
      for (const auto& item : node.items) text += (text.empty() ? "" : ", ") + shown(item);
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      for (const auto& [key, value] : node.members) text += (text.empty() ? "" : ", ") + shown(key) + ": " + shown(value);
      return "{" + text + "}";
  }
  return text;
}

TEST(Yaml, ReadsTreesAsWritten) {
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {"", "~"},
      {"# only a comment\n", "~"},
      {"~\n", "~"},
      {"a: null\nb: NULL\nc: ~\nd:\n", "{a: ~, b: ~, c: ~, d: ~}"},
      {"a: \"null\"\nb: '~'\n", "{a: \"null\", b: \"~\"}"},
      {"a: 1\nb: [x, 'y', {c: d}]\n", "{a: 1, b: [x, \"y\", {c: d}]}"},
      {"- a\n- - b\n  - c\n", "[a, [b, c]]"},
      {"a: |\n  one\n  two\nb: >\n  one\n  two\n", "{a: \"one\ntwo\n\", b: \"one two\n\"}"},
      {"a: &x {k: v}\nb: *x\n", "{a: {k: v}, b: {k: v}}"},
      {"a: [&x 1, *x, *x]\n", "{a: [1, 1, 1]}"},
      {"---\na: 1\n", "{a: 1}"},
      {"a: 'it''s'\nb: \"\\\"x\\\\\"\n\xc3\xa9: 'x'\nc: ''\n", "{a: \"it's\", b: \"\"x\\\", \xc3\xa9: \"x\", c: \"\"}"},
      {"\xef\xbb\xbf" "a: 'x'\n", "{a: \"x\"}"},
      {"\"quoted key\": 1\n", "{\"quoted key\": 1}"},
      {"base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\n", "{base: {x: 1, y: 2}, use: {y: 3, x: 1}}"},
      {"a: &a {x: 1}\nb: &b {x: 2, z: 3}\nuse: {<<: [*a, *b]}\n", "{a: {x: 1}, b: {x: 2, z: 3}, use: {x: 1, z: 3}}"},
      {"use: {'<<': 1}\n", "{use: {\"<<\": 1}}"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_yaml(c.text);
    ASSERT_TRUE(parsed.has_value()) << c.text << ": " << parsed.error().message();
    EXPECT_EQ(shown(*parsed), c.want) << c.text;
  }
}

TEST(Yaml, EachNodeKnowsItsPlace) {
  const auto root = parse_yaml("a: 1\nlist:\n  - x\n  - deep: [y,\n      z]\n");
  ASSERT_TRUE(root.has_value());
  const auto place = [](const YamlNode& node) { return std::to_string(node.line) + ":" + std::to_string(node.column); };
  EXPECT_EQ(place(*root), "1:1");
  EXPECT_EQ(place(*root->find("a")), "1:4");
  const auto& list = *root->find("list");
  EXPECT_EQ(place(list), "3:3");
  EXPECT_EQ(place(list.items[0]), "3:5");
  EXPECT_EQ(place(list.items[1].find("deep")->items[1]), "5:7");
  EXPECT_EQ(root->find("nothing"), nullptr);
}

TEST(Yaml, RefusesWithPlaceAndWords) {
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {"a: 1\nb: 2\na: 3\n", "3:1: key 'a' stands twice; first with its value at line 1"},
      {"x:\n  - {k: 1, k: 2}\n", "2:12: key 'k' stands twice; first with its value at line 2"},
      {"[a]: 1\n", "1:1: a key must be a text"},
      {"{a: 1}: 1\n", "1:1: a key must be a text"},
      {"~: 1\n", "1:1: a key must be a text"},
      {"a: 1\n---\nb: 2\n", "2:1: a second document; one document a file is allowed"},
      {"a: \xff\n", "1:1: the file is not UTF-8 text"},
      {"a: [1, 2\n", "2:1: end of sequence flow not found"},
      {"a: {b: 1\n", "2:1: end of map flow not found"},
      {"a: *nope\n", "1:4: the referenced anchor is not defined"},
      {"a: &x [*x]\n", "1:8: an alias inside the value it stands for"},
      {"a: 'open\n", "1:4: a text that begins with ' is not closed"},
      {"a: \"open\nb: 1\nc: 2\n", "1:4: a text that begins with \" is not closed"},
      {"a: 1\nb:\n  - 'it''s \n", "3:5: a text that begins with ' is not closed"},
      {"a: \"x\\\"", "1:8: illegal EOF in scalar"},
      {"\xc3\xa9: 'open\n", nullptr},
      {"\ta: 1\n", nullptr},
      {"a: b: c\n", nullptr},
      {"a: \"\\q\"\n", nullptr},
      {"- a\nb: 1\n", nullptr},
      {"a: @x\n", nullptr},
      {"a: {<<: 1}\n", "1:9: '<<' merges a mapping or a list of mappings, not a text"},
      {"a: {<<: [x]}\n", "1:10: '<<' merges a mapping or a list of mappings, not a text"},
  };
  for (const auto& c : cases) {
    const auto error = error_of(c.text);
    EXPECT_NE(error, "") << c.text;
    if (c.want == nullptr) continue;
    EXPECT_EQ(error, c.want) << c.text;
  }
}

TEST(Yaml, AnAliasBombIsRefusedBeforeItGrows) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) bomb += (n > 0 ? ", " : "") + before;
    bomb += "]\n";
  }
  EXPECT_NE(error_of(bomb).find(": aliases expand to more than 1000000 nodes"), std::string::npos) << error_of(bomb);
}

TEST(Yaml, DepthIsLimited) {
  EXPECT_EQ(error_of(std::string(100, '[') + std::string(100, ']')), "");
  EXPECT_EQ(error_of(std::string(101, '[') + std::string(101, ']')), "1:101: nested deeper than 100 levels");
}

TEST(Yaml, AFindingTakesThePlaceOutOfTheMessage) {
  std::vector<Finding> findings;
  EXPECT_FALSE(parse_yaml("f.yml", "a: 1\na: 2\n", findings));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].place, (SourcePlace{"f.yml", 2, 1}));
  EXPECT_EQ(findings[0].text(), "f.yml:2:1: key 'a' stands twice; first with its value at line 1");
  EXPECT_EQ((SourcePlace{"f.yml", 0, 0}).text(), "f.yml");
}

// Every accessor with a member that is wrong: one finding with exact words, and the default.
TEST(YamlMap, WrongMembersAreFindingsAndAnswerTheDefault) {
  const struct {
    const char* text;
    std::function<bool(YamlMap&)> reads_default;
    const char* want;
  } cases[] = {
      {"n: [x]", [](YamlMap& m) { return m.text("n", "d") == "d"; }, "f:1:4: 'n' must be a text, not a list"},
      {"n: {a: b}", [](YamlMap& m) { return m.text("n", "d") == "d"; }, "f:1:4: 'n' must be a text, not a mapping"},
      {"n: ''", [](YamlMap& m) { return m.required_text("n").empty(); }, "f:1:4: 'n' must not be empty"},
      {"n: ", [](YamlMap& m) { return m.required_text("n").empty(); }, "f:1:1: thing needs 'n'"},
      {"n: blue", [](YamlMap& m) { return m.word("n", "red", {"red", "green"}) == "red"; }, "f:1:4: 'n' is 'blue'; allowed: red, green"},
      {"n: 5", [](YamlMap& m) { return m.duration("n", 1s) == 1s; }, nullptr},
      {"n: 1h", [](YamlMap& m) { return m.duration("n", 1s, 1s, 1min) == 1s; }, "f:1:4: 'n' is 1h; allowed: 1s to 1m"},
      {"n: 1ms", [](YamlMap& m) { return m.duration("n", 1s, 1s) == 1s; }, "f:1:4: 'n' is 1ms; allowed: 1s or more"},
      {"n: x", [](YamlMap& m) { return m.integer("n", 7, 0, 9) == 7; }, "f:1:4: 'n' is 'x'; allowed: a whole number from 0 to 9"},
      {"n: 10", [](YamlMap& m) { return m.integer("n", 7, 0, 9) == 7; }, "f:1:4: 'n' is '10'; allowed: a whole number from 0 to 9"},
      {"n: 1.5", [](YamlMap& m) { return m.integer("n", 7, 0, 9) == 7; }, "f:1:4: 'n' is '1.5'; allowed: a whole number from 0 to 9"},
      {"n: 99999999999999999999", [](YamlMap& m) { return m.integer("n", 7, 0, 9) == 7; },
       "f:1:4: 'n' is '99999999999999999999'; allowed: a whole number from 0 to 9"},
      {"n: abc", [](YamlMap& m) { return m.number("n", 0.5, 0, 1) == 0.5; }, "f:1:4: 'n' is 'abc'; allowed: a number from 0 to 1"},
      {"n: 1.5", [](YamlMap& m) { return m.number("n", 0.5, 0, 1) == 0.5; }, "f:1:4: 'n' is '1.5'; allowed: a number from 0 to 1"},
      {"n: NaN", [](YamlMap& m) { return m.number("n", 0.5, 0, 1) == 0.5; }, "f:1:4: 'n' is 'NaN'; allowed: a number from 0 to 1"},
      {"n: yes", [](YamlMap& m) { return m.boolean("n", true); }, "f:1:4: 'n' is 'yes'; allowed: true, false"},
      {"n: [a, [b]]", [](YamlMap& m) { return m.texts("n").size() == 1; }, "f:1:8: an item of 'n' must be a text, not a list"},
      {"n: {a: b}", [](YamlMap& m) { return m.texts("n").empty(); }, "f:1:4: 'n' must be a list, not a mapping"},
      {"n: [a]", [](YamlMap& m) { return m.text_map("n").empty(); }, "f:1:4: 'n' must be a mapping, not a list"},
      {"n: {a: [b]}", [](YamlMap& m) { return m.text_map("n").empty(); }, "f:1:8: 'a' must be a text, not a list"},
      {"n: x", [](YamlMap& m) { return m.list("n").empty(); }, "f:1:4: 'n' must be a list, not a text"},
      {"namee: x", [](YamlMap& m) { return m.text("name").empty(); }, "f:1:1: unknown member 'namee' in thing; did you mean 'name'?"},
      {"zzzzz: x", [](YamlMap& m) { return m.text("b").empty() && m.text("a").empty(); }, "f:1:1: unknown member 'zzzzz' in thing; allowed: a, b"},
      {"[a]", [](YamlMap& m) { return !m.valid() && m.text("a", "d") == "d"; }, "f:1:1: thing must be a mapping, not a list"},
      {"x", [](YamlMap& m) { return !m.valid() && m.required_text("a").empty(); }, "f:1:1: thing must be a mapping, not a text"},
  };
  for (const auto& c : cases) {
    std::vector<Finding> findings;
    const auto root = parse_yaml("f", c.text, findings);
    ASSERT_TRUE(root) << c.text;
    const YamlContext context{"f", &findings, {}};
    YamlMap map(context, *root, "thing");
    EXPECT_TRUE(c.reads_default(map)) << c.text;
    map.finish();
    ASSERT_EQ(findings.size(), 1U) << c.text;
    if (c.want == nullptr) continue;
    EXPECT_EQ(findings[0].text(), c.want) << c.text;
  }
}

TEST(YamlMap, ReadsWhatIsRight) {
  std::vector<Finding> findings;
  const auto root = parse_yaml("f", "t: x\nd: 1m30s\ni: -3\nn: 2.5\nb: True\nl: [p, q]\none: r\nm: {k: v}\nw: red\n", findings);
  ASSERT_TRUE(root);
  const YamlContext context{"f", &findings, {}};
  YamlMap map(context, *root, "thing");
  EXPECT_EQ(map.required_text("t"), "x");
  EXPECT_EQ(map.duration("d", 1s), 90s);
  EXPECT_EQ(map.integer("i", 0, -5, 5), -3);
  EXPECT_EQ(map.number("n", 0, 0, 9), 2.5);
  EXPECT_TRUE(map.boolean("b", false));
  EXPECT_EQ(map.texts("l"), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(map.texts("one"), (std::vector<std::string>{"r"}));
  EXPECT_EQ(map.text_map("m").at("k"), "v");
  EXPECT_EQ(map.word("w", "green", {"red", "green"}), "red");
  EXPECT_FALSE(map.has("absent"));
  EXPECT_EQ(map.text("absent", "d"), "d");
  map.finish();
  EXPECT_TRUE(findings.empty());
}

TEST(YamlVariables, AreExpandedOrNamed) {
  const Variables variables = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/a";
    if (name == "EMPTY") return "";
    return std::nullopt;
  };
  const struct {
    const char* text;
    const char* want;
    const char* error;
  } cases[] = {
      {"plain $x {y}", "plain $x {y}", ""},
      {"${HOME}/b", "/home/a/b", ""},
      {"$${HOME} $$", "${HOME} $", ""},
      {"${NOPE:-other}", "other", ""},
      {"${EMPTY:-other}|${EMPTY}", "other|", ""},
      {"${HOME:-other}", "/home/a", ""},
      {"${NOPE}", "", "environment variable 'NOPE' is not set; set it, or write ${NOPE:-default}"},
      {"${HOME", "", "'${' without its '}'"},
      {"${}", "", "'${}' names no variable"},
      {"${NOPE:-${HOME}/b}/c", "/home/a/b/c", ""},
      {"${HOME:-${NOPE}}", "/home/a", ""},
      {"${EMPTY:-${NOPE:-${HOME}}}", "/home/a", ""},
      {"${EMPTY:-${NOPE}}", "", "environment variable 'NOPE' is not set; set it, or write ${NOPE:-default}"},
      {"${NOPE:-${HOME}", "", "'${' without its '}'"},
      {"${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-x}}}}}}}}}", "",
       "defaults of variables stand in each other more than 8 deep"},
  };
  for (const auto& c : cases) {
    const auto expanded = expand_variables(c.text, variables);
    EXPECT_EQ(expanded ? *expanded : "", c.want) << c.text;
    EXPECT_EQ(expanded ? "" : expanded.error().message(), c.error) << c.text;
  }
  std::vector<Finding> findings;
  const auto root = parse_yaml("f", "a: x\nb: ${NOPE}\n", findings);
  ASSERT_TRUE(root);
  const YamlContext context{"f", &findings, variables};
  YamlMap map(context, *root, "thing");
  EXPECT_EQ(map.text("b", "d"), "d");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].text(), "f:2:4: 'b': environment variable 'NOPE' is not set; set it, or write ${NOPE:-default}");
}

}  // namespace
}  // namespace holdfast
