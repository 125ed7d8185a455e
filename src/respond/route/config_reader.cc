#include "respond/route/config_reader.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/labels.h"
#include "respond/route/go_text.h"
#include "respond/route/matcher_text.h"
#include "respond/route/object_reader.h"

namespace holdfast::respond::route {
namespace {

using model::Matcher;
using model::MatchOp;
using Matchers = std::vector<Matcher>;

constexpr std::string_view kPlain = "config.plain";

// The configuration being read; every reader of a mapping is one function of it.
class Reader {
 public:
  Reader(StrictYaml& yaml, const ReadOptions& options) : yaml_(yaml), options_(options) {}

  ConfigDraft config(const YamlNode& root);

 private:
  RouteDraft route(const YamlNode& node);
  void route_member(const YamlNode& key, const YamlNode& value, RouteDraft& draft,
                    const YamlNode*& match);
  void check_route(RouteDraft& draft, const YamlNode* match);
  ReceiverDraft receiver(const YamlNode& node);
  void integrations(const YamlNode& node, const IntegrationKind& kind, ReceiverDraft& draft);
  InhibitRule inhibit_rule(const YamlNode& node);
  // `match`: equalities, whose names are checked once the whole mapping was read.
  Matchers equalities(const YamlNode& node);
  Matchers regexps(const YamlNode& node);
  Matchers matchers(const YamlNode& node);
  bool refuse_bad_names(const YamlNode* match);
  std::vector<std::pair<std::string, std::string>> text_pairs(const YamlNode& node);

  StrictYaml& yaml_;
  const ReadOptions& options_;
  std::vector<std::string> warnings_;
};

Matchers Reader::equalities(const YamlNode& node) {
  Matchers list;
  for (const auto& [name, value] : text_pairs(node)) list.push_back(Matcher::equal(name, value));
  return list;
}

// The old form's expressions are kept with their anchors: so they appear in routes' keys.
Matchers Reader::regexps(const YamlNode& node) {
  Matchers list;
  const auto before = yaml_.mismatches();
  if (node.kind != YamlNode::Kind::kMap) {
    if (node.kind != YamlNode::Kind::kNull) yaml_.cannot(node, "config.plain");
    return list;
  }
  for (const auto& [key, value] : node.members) {
    const auto text = yaml_.text(value);
    if (!text || yaml_.stopped() || value.kind == YamlNode::Kind::kNull) continue;
    if (auto checked = check_regexp(*text); !checked) {
      yaml_.refuse(value.line, checked.error().message());
      return list;
    }
    auto made = make_matcher(MatchOp::kRegex, key.scalar, "^(?:" + *text + ")$");
    if (made) list.push_back(*std::move(made));
  }
  if (!yaml_.clean_since(before)) return list;
  if (!refuse_bad_names(&node)) return list;
  for (const auto& [key, value] : node.members) {
    if (value.kind == YamlNode::Kind::kNull)
      yaml_.refuse(value.line, "invalid regexp value for " + go_quote(key.scalar));
  }
  return list;
}

Matchers Reader::matchers(const YamlNode& node) {
  Matchers list;
  const auto lines = yaml_.texts(node);
  if (!lines) return list;
  for (const auto& line : *lines) {
    auto parsed = parse_matchers(line, options_.matchers, &warnings_);
    if (!parsed) {
      yaml_.refuse(node.line, parsed.error().message());
      return list;
    }
    list.insert(list.end(), parsed->begin(), parsed->end());
  }
  return list;
}

bool Reader::refuse_bad_names(const YamlNode* match) {
  if (match == nullptr) return true;
  for (const auto& [key, value] : match->members) {
    if (model::is_label_name(key.scalar)) continue;
    yaml_.refuse(key.line, "invalid label name " + go_quote(key.scalar));
    return false;
  }
  return true;
}

std::vector<std::pair<std::string, std::string>> Reader::text_pairs(const YamlNode& node) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (node.kind == YamlNode::Kind::kNull) return pairs;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml_.cannot(node, "map[string]string");
    return pairs;
  }
  for (const auto& [key, value] : node.members) {
    if (auto text = yaml_.text(value)) pairs.emplace_back(key.scalar, std::move(*text));
  }
  return pairs;
}

void Reader::route_member(const YamlNode& key, const YamlNode& value, RouteDraft& draft,
                          const YamlNode*& match) {
  const std::string_view name = key.scalar;
  const bool null = value.kind == YamlNode::Kind::kNull;
  const auto append = [&](Matchers more) {
    draft.matchers.insert(draft.matchers.end(), more.begin(), more.end());
  };
  if (name == "receiver") {
    draft.receiver = yaml_.text(value).value_or("");
  } else if (name == "group_by") {
    const auto names = yaml_.texts(value);
    if (!null) draft.group_by = names.value_or(std::vector<std::string>());
  } else if (name == "match") {
    match = &value;
    append(equalities(value));
  } else if (name == "match_re") {
    append(regexps(value));
  } else if (name == "matchers") {
    append(matchers(value));
  } else if (name == "mute_time_intervals") {
    draft.mute = yaml_.texts(value).value_or(std::vector<std::string>());
  } else if (name == "active_time_intervals") {
    draft.active = yaml_.texts(value).value_or(std::vector<std::string>());
  } else if (name == "continue") {
    draft.keep_going = yaml_.boolean(value).value_or(false);
  } else if (name == "labels") {
    draft.labels = text_pairs(value);
  } else if (name == "routes") {
    for (const auto& item : yaml_.items(value, "[]*config.Route")) {
      // Alertmanager crashes on an empty entry.
      if (item.kind == YamlNode::Kind::kNull)
        yaml_.refuse(item.line, "empty entry in routes");
      else
        draft.routes.push_back(route(item));
    }
  } else if (name == "group_wait") {
    if (!null) draft.group_wait = yaml_.model_duration(value);
  } else if (name == "group_interval") {
    if (!null) draft.group_interval = yaml_.model_duration(value);
  } else if (name == "repeat_interval") {
    if (!null) draft.repeat_interval = yaml_.model_duration(value);
  } else {
    yaml_.unknown_field(key, kPlain);
  }
}

RouteDraft Reader::route(const YamlNode& node) {
  RouteDraft draft;
  draft.node = &node;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml_.cannot(node, kPlain);
    return draft;
  }
  const auto before = yaml_.mismatches();
  const YamlNode* match = nullptr;
  for (const auto& [key, value] : node.members) {
    if (yaml_.stopped()) return draft;
    route_member(key, value, draft, match);
  }
  if (yaml_.clean_since(before)) check_route(draft, match);
  sort_matchers(draft.matchers);
  return draft;
}

void Reader::check_route(RouteDraft& draft, const YamlNode* match) {
  const int line = draft.node->line;
  if (!refuse_bad_names(match)) return;
  std::vector<std::string> names;
  for (auto& name : draft.group_by.value_or(std::vector<std::string>())) {
    if (name == "...") {
      draft.group_by_all = true;
      continue;
    }
    if (!is_valid_label_name(name, options_.matchers))
      return yaml_.refuse(line, "invalid label name " + go_quote(name) + " in group_by list");
    names.push_back(std::move(name));
  }
  if (draft.group_by_all && !names.empty())
    return yaml_.refuse(line,
                        "cannot have wildcard group_by (`...`) and other labels at the same time");
  std::set<std::string_view> seen;
  for (const auto& name : names) {
    if (!seen.insert(name).second)
      return yaml_.refuse(line, "duplicated label " + go_quote(name) + " in group_by");
  }
  // ['...'] leaves the list itself as it was inherited; it is not asked then.
  // An empty list says nothing: the parent's stands.
  if (draft.group_by_all || names.empty())
    draft.group_by.reset();
  else if (draft.group_by)
    draft.group_by = std::move(names);
  if (draft.group_interval == Duration::zero())
    return yaml_.refuse(line, "group_interval cannot be zero");
  if (draft.repeat_interval == Duration::zero())
    return yaml_.refuse(line, "repeat_interval cannot be zero");
}

void Reader::integrations(const YamlNode& node, const IntegrationKind& kind, ReceiverDraft& draft) {
  for (const auto& item : yaml_.items(node, kind.list_type)) {
    IntegrationDraft integration{&kind, item.line, item.kind == YamlNode::Kind::kNull, {}};
    integration.settings =
        integration.empty ? default_settings(kind.table) : read_object(yaml_, item, kind.table);
    draft.integrations.push_back(std::move(integration));
  }
}

ReceiverDraft Reader::receiver(const YamlNode& node) {
  ReceiverDraft draft;
  draft.line = node.line;
  if (node.kind == YamlNode::Kind::kNull) return draft;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml_.cannot(node, kPlain);
    return draft;
  }
  const auto before = yaml_.mismatches();
  for (const auto& [key, value] : node.members) {
    if (yaml_.stopped()) return draft;
    const std::string_view name = key.scalar;
    const auto* kind =
        name.ends_with("_configs") ? integration_kind(name.substr(0, name.size() - 8)) : nullptr;
    if (name == "name") {
      draft.name = yaml_.text(value).value_or("");
    } else if (name == "labels") {
      for (auto& [label, text] : text_pairs(value)) draft.labels[label] = text;
    } else if (kind != nullptr && (options_.own_settings || !kind->own)) {
      integrations(value, *kind, draft);
    } else if (name == "fallback_receiver" && options_.own_settings) {
      draft.fallback = yaml_.text(value).value_or("");
    } else if (name == "always_resolve" && options_.own_settings) {
      draft.always_resolve = yaml_.boolean(value).value_or(false);
    } else {
      yaml_.unknown_field(key, kPlain);
    }
  }
  if (!yaml_.clean_since(before)) return draft;
  if (draft.name.empty()) yaml_.refuse(node.line, "missing name in receiver");
  const auto named = draft.labels.find("name");
  if (named != draft.labels.end() && named->second != draft.name)
    yaml_.refuse(node.line, "label \"name\" of receiver " + go_quote(draft.name) +
                                " must equal the receiver's name");
  draft.labels["name"] = draft.name;
  std::stable_sort(draft.integrations.begin(), draft.integrations.end(),
                   [](const auto& a, const auto& b) { return a.kind < b.kind; });
  return draft;
}

InhibitRule Reader::inhibit_rule(const YamlNode& node) {
  InhibitRule rule;
  if (node.kind == YamlNode::Kind::kNull) return rule;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml_.cannot(node, kPlain);
    return rule;
  }
  const auto before = yaml_.mismatches();
  std::vector<const YamlNode*> matches;
  const auto append = [](Matchers& to, Matchers more) {
    to.insert(to.end(), more.begin(), more.end());
  };
  for (const auto& [key, value] : node.members) {
    if (yaml_.stopped()) return rule;
    const std::string_view name = key.scalar;
    auto& side = name.starts_with("source_") ? rule.source_matchers : rule.target_matchers;
    if (name == "name") {
      rule.name = yaml_.text(value).value_or("");
    } else if (name == "source_match" || name == "target_match") {
      matches.push_back(&value);
      append(side, equalities(value));
    } else if (name == "source_match_re" || name == "target_match_re") {
      append(side, regexps(value));
    } else if (name == "source_matchers" || name == "target_matchers") {
      append(side, matchers(value));
    } else if (name == "equal") {
      rule.equal = yaml_.texts(value).value_or(std::vector<std::string>());
    } else {
      yaml_.unknown_field(key, kPlain);
    }
  }
  sort_matchers(rule.source_matchers);
  sort_matchers(rule.target_matchers);
  if (!yaml_.clean_since(before)) return rule;
  for (const auto* match : matches) refuse_bad_names(match);
  for (const auto& name : rule.equal) {
    if (!is_valid_label_name(name, options_.matchers))
      yaml_.refuse(node.line, "invalid label name " + go_quote(name) + " in equal list");
  }
  return rule;
}

ConfigDraft Reader::config(const YamlNode& root) {
  ConfigDraft draft;
  draft.global = default_settings(global_table());
  for (const auto& [key, value] : root.members) {
    if (yaml_.stopped()) return draft;
    const std::string_view name = key.scalar;
    const bool null = value.kind == YamlNode::Kind::kNull;
    if (name == "global") {
      draft.global_line = value.line;
      if (!null) draft.global = read_object(yaml_, value, global_table());
    } else if (name == "route") {
      if (!null) draft.route = route(value);
    } else if (name == "inhibit_rules") {
      for (const auto& item : yaml_.items(value, "[]config.InhibitRule"))
        draft.inhibit_rules.push_back(inhibit_rule(item));
    } else if (name == "receivers") {
      for (const auto& item : yaml_.items(value, "[]config.Receiver"))
        draft.receivers.push_back(receiver(item));
    } else if (name == "templates") {
      draft.templates = yaml_.texts(value).value_or(std::vector<std::string>());
    } else if (name == "mute_time_intervals") {
      draft.mute_time_intervals = read_intervals(yaml_, value, true);
    } else if (name == "time_intervals") {
      draft.time_intervals = read_intervals(yaml_, value, false);
    } else if (name == "tracing") {
      if (!null) read_object(yaml_, value, tracing_table());
    } else if (name != "event_recorder") {
      yaml_.unknown_field(key, kPlain);
    }
  }
  draft.warnings = std::move(warnings_);
  return draft;
}

}  // namespace

ConfigDraft read_draft(StrictYaml& yaml, const YamlNode& root, const ReadOptions& options) {
  return Reader(yaml, options).config(root);
}

}  // namespace holdfast::respond::route
