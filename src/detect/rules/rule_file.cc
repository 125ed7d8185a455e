// Reads rule files through YamlMap, so every mistake is found at once and named with its place. What Prometheus
// refuses is refused here, in its words where it has some.
#include "detect/rules/rule_file.h"

#include <set>

#include "base/text.h"
#include "detect/rules/template.h"

namespace holdfast::detect {
namespace {

class FileReader {
 public:
  FileReader(const std::string& file, Duration default_interval, RuleFile& out)
      : file_(file),
        default_interval_(default_interval),
        out_(out),
        context_{file, &out.findings, {}} {}

  void read(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::kNull) return;
    YamlMap map(context_, root, "the rule file");
    for (const auto* node : map.list("groups")) read_group(*node);
    map.finish();
  }

 private:
  void read_group(const YamlNode& node) {
    YamlMap map(context_, node, "group");
    RuleGroup group;
    group.file = file_;
    group.name = map.text("name");
    if (map.valid() && group.name.empty()) map.report("name", "Groupname must not be empty");
    if (!group.name.empty() && !names_.insert(group.name).second) {
      map.report("name", "groupname: \"" + group.name + "\" is repeated in the same file");
    }
    group.interval = map.duration("interval", default_interval_);
    if (group.interval < 1ms)
      group.interval = default_interval_;  // 0 is the default, as in Prometheus
    if (map.has("query_offset"))
      group.query_offset = map.duration("query_offset", Duration::zero());
    group.limit = static_cast<int>(map.integer("limit", 0, 0, 100'000'000));
    group.labels = labels(map, "labels", Text::kPlain, &group.removed_labels);
    for (const auto* rule : map.list("rules")) read_rule(*rule, group);
    map.finish();
    if (map.valid()) out_.groups.push_back(std::move(group));
  }

  void read_rule(const YamlNode& node, RuleGroup& group) {
    YamlMap map(context_, node, "rule");
    if (!map.valid()) return;
    const auto record = map.text("record");
    const auto alert = map.text("alert");
    const SourcePlace place{file_, node.line, node.column};
    if (!record.empty() && !alert.empty())
      map.report("record", "only one of 'record' and 'alert' must be set");
    if (record.empty() && alert.empty())
      map.report("record", "one of 'record' or 'alert' must be set");
    const auto query = map.text("expr");
    auto expr = read_expr(map, query);
    if (!record.empty()) {
      read_recording(map, group, {record, query, std::move(expr), {}, {}, place});
    } else {
      AlertingRule rule;
      rule.alert = alert;
      rule.query = query;
      rule.expr = std::move(expr);
      rule.place = place;
      read_alerting(map, group, std::move(rule));
    }
    map.finish();
  }

  query::promql::ExprPtr read_expr(YamlMap& map, const std::string& query) {
    if (trim(query).empty()) {
      map.report("expr", "field 'expr' must be set in rule");
      return nullptr;
    }
    auto parsed = query::promql::parse_expr(query);
    if (parsed) return std::move(*parsed);
    map.report("expr", "could not parse expression: " + parsed.error().message());
    return nullptr;
  }

  void read_recording(YamlMap& map, RuleGroup& group, RecordingRule rule) {
    // Any UTF-8 is a name by now, but a whole selector here is a mistake that is often made.
    if (rule.record.find_first_of("{}") != std::string::npos) {
      map.report("record", "braces present in the recording rule name; should it be in expr?: " +
                               printable(rule.record));
    }
    for (const auto* member : {"for", "keep_firing_for"}) {
      if (map.duration(member, Duration::zero()) != Duration::zero()) {
        map.report(member, "invalid field '" + std::string(member) + "' in recording rule");
      }
    }
    if (!labels(map, "annotations", Text::kPlain).empty())
      map.report("annotations", "invalid field 'annotations' in recording rule");
    rule.labels = labels(map, "labels", Text::kPlain, &rule.removed_labels);
    group.rules.emplace_back(std::move(rule));
  }

  void read_alerting(YamlMap& map, RuleGroup& group, AlertingRule rule) {
    rule.hold = map.duration("for", Duration::zero());
    rule.keep_firing_for = map.duration("keep_firing_for", Duration::zero());
    rule.labels = labels(map, "labels", Text::kTemplate, &rule.removed_labels);
    rule.annotations = labels(map, "annotations", Text::kTemplate);
    group.rules.emplace_back(std::move(rule));
  }

  enum class Text { kPlain, kTemplate };

  // Labels or annotations, each mistake at its own line. A name may be any UTF-8; the metric's name is no label.
  model::Labels labels(YamlMap& map, std::string_view member, Text text,
                       std::vector<std::string>* removed = nullptr) {
    std::vector<model::Label> found;
    const bool annotations = member == "annotations";
    const std::string what = annotations ? "annotation" : "label";
    const auto* node = map.member(member);
    if (node == nullptr) return {};
    if (node->kind != YamlNode::Kind::kMap) {
      map.report(member, "'" + std::string(member) + "' must be a mapping, not " +
                             std::string(node->kind_name()));
      return {};
    }
    for (const auto& [key, value] : node->members) {
      const auto& name = key.scalar;
      if (name.empty() || (!annotations && name == model::kMetricName)) {
        context_.report(key, "invalid " + what + " name: " + printable(name));
        continue;
      }
      const bool nothing = value.kind == YamlNode::Kind::kNull;
      const auto read = nothing ? std::optional<std::string>("")
                                : context_.text(value, what + " '" + printable(name) + "'");
      if (!read) continue;
      if (read->empty() && removed != nullptr) removed->push_back(name);
      if (text == Text::kTemplate) {
        if (auto parsed = Template::parse(*read); !parsed) {
          context_.report(value, what + " \"" + printable(name) +
                                     "\": error parsing template: " + parsed.error().message());
        }
      }
      found.push_back({name, *read});
    }
    return model::Labels(std::move(found));
  }

  const std::string& file_;
  const Duration default_interval_;
  RuleFile& out_;
  YamlContext context_;
  std::set<std::string> names_;
};

}  // namespace

RuleFile parse_rule_file(const std::string& file_name, std::string_view yaml,
                         Duration default_interval) {
  RuleFile file;
  auto root = parse_yaml(file_name, yaml, file.findings);
  if (root) FileReader(file_name, default_interval, file).read(*root);
  return file;
}

}  // namespace holdfast::detect
