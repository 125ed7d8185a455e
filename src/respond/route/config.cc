#include "respond/route/config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "respond/route/config_reader.h"
#include "respond/route/go_text.h"
#include "respond/route/matcher_text.h"
#include "respond/route/object_reader.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;

// ---- the rules of `global`

bool has(const json& settings, const std::string& key) { return !is_zero(settings.at(key)); }

bool has_pair(const json& settings, const std::string& key) {
  return has(settings, key) || has(settings, key + "_file");
}

std::string both_given(const json& global, const std::string& key) {
  if (!has(global, key) || !has(global, key + "_file")) return {};
  return "at most one of " + key + " & " + key + "_file must be configured";
}

std::string check_global(const json& global) {
  for (const char* key : {"slack_app_token", "slack_api_url"}) {
    if (auto wrong = both_given(global, key); !wrong.empty()) return wrong;
  }
  // Before there were tokens, a token's URL stood in slack_api_url. A masked file was judged before it was masked.
  if (has_pair(global, "slack_app_token") && has_pair(global, "slack_api_url") &&
      global.at("slack_api_url") != global.at("slack_app_url") &&
      global.at("slack_api_url") != "<secret>")
    return "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file "
           "must be configured";
  for (const char* key : {"opsgenie_api_key", "victorops_api_key", "telegram_bot_token",
                          "smtp_auth_password", "rocketchat_token", "rocketchat_token_id",
                          "smtp_auth_secret", "wechat_api_secret", "mattermost_webhook_url"}) {
    if (auto wrong = both_given(global, key); !wrong.empty()) return wrong;
  }
  return {};
}

// ---- the rules of the whole

// The receivers a route names must be there; children are looked at first.
void check_receivers(StrictYaml& yaml, const RouteDraft& route,
                     const std::set<std::string>& names) {
  for (const auto& child : route.routes) check_receivers(yaml, child, names);
  if (route.receiver.empty() || names.contains(route.receiver)) return;
  const auto* place = route.node->find("receiver");
  yaml.refuse(place != nullptr ? place->line : route.node->line,
              "undefined receiver " + go_quote(route.receiver) + " used in route");
}

void check_time_intervals(StrictYaml& yaml, const RouteDraft& route,
                          const std::set<std::string>& names) {
  for (const auto& child : route.routes) check_time_intervals(yaml, child, names);
  for (const auto* list : {&route.active, &route.mute}) {
    for (const auto& name : *list) {
      if (names.contains(name)) continue;
      yaml.refuse(route.node->line, "undefined time interval " + go_quote(name) + " used in route");
    }
  }
}

void check_root(StrictYaml& yaml, const RouteDraft& root) {
  const int line = root.node->line;
  if (root.receiver.empty()) return yaml.refuse(line, "root route must specify a default receiver");
  if (!root.matchers.empty()) return yaml.refuse(line, "root route must not have any matchers");
  if (!root.mute.empty())
    return yaml.refuse(line, "root route must not have any mute time intervals");
  if (!root.active.empty())
    return yaml.refuse(line, "root route must not have any active time intervals");
}

void check_fallbacks(StrictYaml& yaml, const std::vector<ReceiverDraft>& receivers) {
  std::map<std::string, std::string> next;
  for (const auto& receiver : receivers) next[receiver.name] = receiver.fallback;
  for (const auto& receiver : receivers) {
    if (receiver.fallback.empty()) continue;
    if (!next.contains(receiver.fallback))
      return yaml.refuse(receiver.line, "undefined receiver " + go_quote(receiver.fallback) +
                                            " used as fallback_receiver");
    auto at = receiver.fallback;
    for (std::size_t steps = 0; !at.empty() && steps <= next.size(); ++steps) {
      if (at == receiver.name)
        return yaml.refuse(receiver.line, "fallback_receiver of " + go_quote(receiver.name) +
                                              " leads back to itself");
      at = next[at];
    }
  }
}

void check_intervals_unique(StrictYaml& yaml, const ConfigDraft& draft,
                            std::set<std::string>& names) {
  for (const auto& mute : draft.mute_time_intervals) {
    if (!names.insert(mute.name).second)
      yaml.refuse(mute.line, "mute time interval " + go_quote(mute.name) + " is not unique");
  }
  for (const auto& interval : draft.time_intervals) {
    if (!names.insert(interval.name).second)
      yaml.refuse(interval.line, "time interval " + go_quote(interval.name) + " is not unique");
  }
}

// In the order of Alertmanager, which shows when a file has several mistakes.
void check_draft(StrictYaml& yaml, ConfigDraft& draft, int root_line) {
  if (auto wrong = check_global(draft.global); !wrong.empty())
    return yaml.refuse(draft.global_line, std::move(wrong));
  std::set<std::string> receivers;
  for (auto& receiver : draft.receivers) {
    if (receivers.contains(receiver.name))
      return yaml.refuse(receiver.line,
                         "notification config name " + go_quote(receiver.name) + " is not unique");
    for (auto& integration : receiver.integrations) inherit(yaml, integration, draft.global);
    receivers.insert(receiver.name);
  }
  if (yaml.stopped()) return;
  if (!draft.route) return yaml.refuse(root_line, "no routes provided");
  check_root(yaml, *draft.route);
  check_receivers(yaml, *draft.route, receivers);
  check_fallbacks(yaml, draft.receivers);
  std::set<std::string> intervals;
  check_intervals_unique(yaml, draft, intervals);
  check_time_intervals(yaml, *draft.route, intervals);
  if (draft.route->keep_going)
    yaml.refuse(draft.route->node->line, "cannot have continue in root route");
}

// ---- what the program works with

Route build_route(const RouteDraft& draft, const Route* parent) {
  Route route;
  if (parent != nullptr) {
    route.receiver = parent->receiver;
    route.group_by = parent->group_by;
    route.group_by_all = parent->group_by_all;
    route.group_wait = parent->group_wait;
    route.group_interval = parent->group_interval;
    route.repeat_interval = parent->repeat_interval;
    route.labels = parent->labels;
  }
  if (!draft.receiver.empty()) route.receiver = draft.receiver;
  if (draft.group_by) {
    route.group_by = *draft.group_by;
    std::sort(route.group_by.begin(), route.group_by.end());
    route.group_by_all = false;
  }
  if (draft.group_by_all) route.group_by_all = true;
  route.group_wait = draft.group_wait.value_or(route.group_wait);
  route.group_interval = draft.group_interval.value_or(route.group_interval);
  route.repeat_interval = draft.repeat_interval.value_or(route.repeat_interval);
  for (const auto& [name, value] : draft.labels) {
    const auto known = std::find_if(route.labels.begin(), route.labels.end(),
                                    [&n = name](const auto& label) { return label.first == n; });
    if (known == route.labels.end())
      route.labels.emplace_back(name, value);
    else
      known->second = value;
  }
  route.matchers = draft.matchers;
  route.keep_going = draft.keep_going;
  route.mute_time_intervals = draft.mute;
  route.active_time_intervals = draft.active;
  route.key = parent == nullptr ? "{}" : parent->key + "/" + print_matchers(route.matchers);
  for (const auto& child : draft.routes) route.routes.push_back(build_route(child, &route));
  return route;
}

Receiver build_receiver(ReceiverDraft& draft, std::string_view directory) {
  Receiver receiver;
  receiver.name = draft.name;
  receiver.labels = draft.labels;
  receiver.fallback = draft.fallback;
  receiver.always_resolve = draft.always_resolve;
  const IntegrationKind* kind = nullptr;
  int index = 0;
  for (auto& integration : draft.integrations) {
    index = integration.kind == kind ? index + 1 : 0;
    kind = integration.kind;
    resolve_files(integration.settings, kind->table, directory);
    const bool send_resolved = integration.settings.at("send_resolved").get<bool>();
    receiver.integrations.push_back(
        {std::string(kind->kind), index, send_resolved,
         std::make_shared<const json>(std::move(integration.settings))});
  }
  return receiver;
}

Config build_config(ConfigDraft& draft, std::string_view directory) {
  Config config;
  config.route = build_route(*draft.route, nullptr);
  for (auto& receiver : draft.receivers)
    config.receivers.push_back(build_receiver(receiver, directory));
  config.inhibit_rules = std::move(draft.inhibit_rules);
  for (auto* list : {&draft.mute_time_intervals, &draft.time_intervals}) {
    for (auto& named : *list) config.time_intervals[named.name] = std::move(named.intervals);
  }
  for (const auto& path : draft.templates)
    config.templates.push_back(absolute_path(directory, path));
  config.resolve_timeout =
      std::chrono::milliseconds(draft.global.at("resolve_timeout").get<std::int64_t>());
  config.warnings = std::move(draft.warnings);
  return config;
}

// base/yaml.h says "3:5: what"; Alertmanager "yaml: line 3: what", and of keys written twice something else.
Error syntax_error(const std::string& message, int& line) {
  const auto parts = split(message, ':');
  if (parts.size() < 3 || !parse_int(parts[0])) return invalid("yaml: " + message);
  line = static_cast<int>(*parse_int(parts[0]));
  const auto what = trim(std::string_view(message).substr(parts[0].size() + parts[1].size() + 2));
  const auto at = "line " + std::string(parts[0]) + ": ";
  constexpr std::string_view kTwice = "' stands twice";
  if (what.starts_with("key '") && what.find(kTwice) != std::string_view::npos) {
    const auto key = what.substr(5, what.find(kTwice) - 5);
    return invalid("yaml: unmarshal errors:\n  " + at + "field " + std::string(key) +
                   " already set in type config.plain");
  }
  return invalid("yaml: " + at + std::string(what));
}

}  // namespace

const Receiver* Config::receiver(std::string_view name) const {
  const auto found = std::find_if(receivers.begin(), receivers.end(),
                                  [&](const Receiver& r) { return r.name == name; });
  return found == receivers.end() ? nullptr : &*found;
}

Result<Config> parse(std::string_view text, const ParseOptions& options, int* error_line) {
  int unused = 0;
  int& line = error_line != nullptr ? *error_line : unused;
  line = 0;
  auto root = parse_yaml(text);
  if (!root) return syntax_error(root.error().message(), line);
  if (root->kind == YamlNode::Kind::kNull) return invalid("no route provided in config");
  StrictYaml yaml(options.variables);
  if (root->kind != YamlNode::Kind::kMap) yaml.cannot(*root, "config.plain");
  auto draft = read_draft(yaml, *root, {options.matchers, options.own_settings});
  if (yaml.clean_since(0)) check_draft(yaml, draft, root->line);
  line = yaml.line();
  HF_TRY(yaml.result());
  auto config = build_config(draft, options.directory);
  config.original = text;
  return config;
}

}  // namespace holdfast::respond::route
