// base/yaml.h: YAML with places, and a reader that gathers every mistake instead of stopping at the first.
//
// Purpose     parse_yaml() gives a plain tree in which each node knows its line and column. YamlMap reads the
//             members of one mapping, checks types and ranges, and reports unknown members with the nearest
//             allowed name. All configuration and rule files are read through it, so they all complain alike.
// Errors      Syntax errors, duplicate keys, several documents, too many nodes (aliases count): kInvalid, with place.
// Merge       "<<: *anchor" adds the members a mapping does not have itself, as in YAML 1.1.
// Limits      1,000,000 nodes after alias expansion; depth 100.
// Threads     Pure; values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast {

struct SourcePlace {
  std::string file;
  int line = 0;    // from 1; 0: the file as a whole
  int column = 0;  // from 1
  std::string text() const;  // file:line:column, or file
  bool operator==(const SourcePlace&) const = default;
};

// Something wrong in a file, for people.
struct Finding {
  SourcePlace place;
  std::string message;  // what is wrong; what is allowed
  std::string text() const { return place.text() + ": " + message; }
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  std::string scalar;
  bool quoted = false;  // "..." or '...' or a block: never a number, a bool or null
  std::vector<YamlNode> items;
  std::vector<std::pair<YamlNode, YamlNode>> members;  // in order of the file
  int line = 0, column = 0;  // from 1

  // Out of line: a pair of nodes is complete only behind this class.
  YamlNode();
  YamlNode(const YamlNode&);
  YamlNode(YamlNode&&) noexcept;
  YamlNode& operator=(const YamlNode&);
  YamlNode& operator=(YamlNode&&) noexcept;
  ~YamlNode();

  const YamlNode* find(std::string_view name) const;
  std::string_view kind_name() const;  // "a text", "a list", "a mapping", "nothing"
};

// The error's message begins with "line:column: ".
Result<YamlNode> parse_yaml(std::string_view text);
// As above, with the finding added to `findings` and nullopt on error.
std::optional<YamlNode> parse_yaml(const std::string& file, std::string_view text, std::vector<Finding>& findings);

// ${VAR} and ${VAR:-default}, of which the default may hold variables; "$$" is a "$". The error names the variable.
using Variables = std::function<std::optional<std::string>(const std::string&)>;
Result<std::string> expand_variables(std::string_view text, const Variables& variables);
// Where the brace stands that ends the variable beginning at `at`; npos: nowhere.
std::size_t end_of_variable(std::string_view text, std::size_t at);

// Where findings go and how texts are expanded, for one file.
struct YamlContext {
  std::string file;
  std::vector<Finding>* findings;
  Variables variables;  // empty: texts are taken as they are

  void report(const YamlNode& at, std::string message) const;
  // The text of a scalar, expanded; nullopt (and a finding that begins with `what`) when it is none.
  std::optional<std::string> text(const YamlNode& node, std::string_view what) const;
};

// Reads one mapping. Every accessor marks its member as known; finish() reports the rest.
// A member that is absent or wrong answers the default; wrong ones are findings.
class YamlMap {
 public:
  // `what` names the mapping in messages: "service", "group". A node that is no mapping is a finding.
  YamlMap(const YamlContext& context, const YamlNode& node, std::string what);

  bool valid() const { return valid_; }
  const YamlNode& node() const { return node_; }
  const YamlNode* member(std::string_view name);  // any kind; null when absent or empty
  bool has(std::string_view name) { return member(name) != nullptr; }

  std::string text(std::string_view name, std::string fallback = {});
  std::string required_text(std::string_view name);
  // One of `allowed`.
  std::string word(std::string_view name, std::string fallback, const std::vector<std::string>& allowed);
  Duration duration(std::string_view name, Duration fallback, Duration min = Duration::zero(),
                    Duration max = Duration::max());
  std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t min, std::int64_t max);
  double number(std::string_view name, double fallback, double min, double max);
  bool boolean(std::string_view name, bool fallback);
  std::vector<std::string> texts(std::string_view name);  // a list of texts; one text is a list of one
  std::map<std::string, std::string> text_map(std::string_view name);
  // The items of a list member.
  std::vector<const YamlNode*> list(std::string_view name);

  void report(std::string_view member, std::string message);  // at the member, or at the mapping when absent
  void finish();

 private:
  const YamlContext& context_;
  const YamlNode& node_;
  std::string what_;
  bool valid_;
  std::vector<std::string> known_;
};

}  // namespace holdfast
