// model/relabel.h: rules that rewrite, keep or drop label sets, as prometheus.yml writes them.
//
// Purpose     One implementation for relabel_configs, metric_relabel_configs, write_relabel_configs and
//             alert_relabel_configs, and one reader of their YAML.
// Rules       A rule joins the values of its source labels and matches them with its expression, anchored at
//             both ends. Target and replacement may refer to groups: $1, ${1}, ${name}; "$$" is a "$".
//             A label whose value becomes empty is gone.
// Errors      A rule that cannot work is kInvalid, with Prometheus' reason.
// Threads     Rules are immutable once made; apply() from any thread.
// Source      Prometheus, configuration, relabel_config; Go's regexp.Expand for "$" references. hashmod is the
//             last eight bytes of MD5, big endian, so that shards agree with Prometheus'.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"
#include "model/labels.h"

namespace holdfast::model {

enum class RelabelAction {
  kReplace,
  kKeep,
  kDrop,
  kKeepEqual,
  kDropEqual,
  kHashMod,
  kLabelMap,
  kLabelDrop,
  kLabelKeep,
  kLowercase,
  kUppercase,
};
std::string_view relabel_action_name(RelabelAction action);  // "replace", "keepequal", ...

struct RelabelSpec {
  std::vector<std::string> source_labels;
  std::string separator = ";";
  std::string regex = "(.*)";
  std::uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = "$1";
  RelabelAction action = RelabelAction::kReplace;
  bool operator==(const RelabelSpec&) const = default;
};

// A label set while it is rewritten: any order, names once, no empty values.
using LabelList = std::vector<Label>;

class RelabelRule {
 public:
  static Result<RelabelRule> make(RelabelSpec spec);

  const RelabelSpec& spec() const { return spec_; }
  // False: the set is dropped.
  bool apply(LabelList& labels) const;
  bool operator==(const RelabelRule& other) const { return spec_ == other.spec_; }

 private:
  struct Compiled;
  explicit RelabelRule(RelabelSpec spec) : spec_(std::move(spec)) {}
  void replace(LabelList& labels, const std::string& value) const;
  void map_names(LabelList& labels) const;

  RelabelSpec spec_;
  std::shared_ptr<const Compiled> compiled_;
};
using RelabelRules = std::vector<RelabelRule>;

// All rules in order, up to one that drops: then false.
bool relabel(const RelabelRules& rules, LabelList& labels);

// What each rule made of a label set, for people who debug theirs.
struct RelabelStep {
  RelabelSpec rule;
  Labels output;
  bool keep = true;
};
std::vector<RelabelStep> relabel_steps(const RelabelRules& rules, const Labels& labels);

// Reads a list of rules; what is wrong becomes findings at its place.
RelabelRules read_relabel_rules(const YamlContext& context, std::span<const YamlNode* const> list);

}  // namespace holdfast::model
