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
      : file_(file), default_interval_(default_interval), out_(out), context_{file, &out.findings, {}} {}

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
    if (map.valid() && group.name.empty()) map.report("name", "groupname must not be empty");
    if (!group.name.empty() && !names_.insert(group.name).second) {
      map.report("name", "groupname: \"" + group.name + "\" is repeated in the same file");
    }
    group.interval = map.duration("interval", default_interval_, 1ms);
    group.query_offset = map.duration("query_offset", Duration::zero());
    group.limit = static_cast<int>(map.integer("limit", 0, 0, 100'000'000));
    group.labels = labels(map, "labels", false);
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
    if (!record.empty() && !alert.empty()) map.report("record", "only one of 'record' and 'alert' must be set");
    if (record.empty() && alert.empty()) map.report("record", "one of 'record' or 'alert' must be set");
    const auto query = map.text("expr");
    auto expr = read_expr(map, query);
    if (!record.empty()) {
      read_recording(map, group, {record, query, std::move(expr), {}, place});
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
    if (!is_valid_utf8(rule.record) || rule.record.find_first_of("{}\"'") != std::string::npos || rule.record.find(' ') != std::string::npos) {
      map.report("record", "invalid recording rule name: " + printable(rule.record));
    }
    if (map.has("for")) map.report("for", "invalid field 'for' in recording rule");
    if (map.has("keep_firing_for")) map.report("keep_firing_for", "invalid field 'keep_firing_for' in recording rule");
    if (map.has("annotations")) map.report("annotations", "invalid field 'annotations' in recording rule");
    rule.labels = labels(map, "labels", false);
    group.rules.emplace_back(std::move(rule));
  }

  void read_alerting(YamlMap& map, RuleGroup& group, AlertingRule rule) {
    rule.hold = map.duration("for", Duration::zero());
    rule.keep_firing_for = map.duration("keep_firing_for", Duration::zero());
    rule.labels = labels(map, "labels", true);
    rule.annotations = labels(map, "annotations", true);
    map.member("record");
    group.rules.emplace_back(std::move(rule));
  }

  // Labels or annotations: names valid, values templates when `templated`.
  model::Labels labels(YamlMap& map, std::string_view member, bool templated) {
    std::vector<model::Label> found;
    const bool annotations = member == "annotations";
    for (auto& [name, value] : map.text_map(member)) {
      const auto what = annotations ? std::string("annotation") : std::string("label");
      if (name.empty() || !is_valid_utf8(name) || (!annotations && name == model::kMetricName)) {
        map.report(member, "invalid " + what + " name: " + printable(name));
        continue;
      }
      if (templated) {
        if (auto parsed = Template::parse(value); !parsed) {
          map.report(member, what + " \"" + name + "\": error parsing template: " + parsed.error().message());
        }
      }
      found.push_back({name, value});
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

RuleFile parse_rule_file(const std::string& file_name, std::string_view yaml, Duration default_interval) {
  RuleFile file;
  auto root = parse_yaml(file_name, yaml, file.findings);
  if (root) FileReader(file_name, default_interval, file).read(*root);
  return file;
}

}  // namespace holdfast::detect
