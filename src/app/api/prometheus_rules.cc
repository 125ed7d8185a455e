// Rules and alerts, filtered and paged as Prometheus does.
#include <algorithm>

#include "app/api/json_text.h"
#include "app/api/prometheus_routes.h"
#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

void append_alert(std::string& out, const model::Alert& alert) {
  JsonMembers members(out);
  append_json_labels(members.name("labels"), alert.labels);
  append_json_labels(members.name("annotations"), alert.annotations);
  members.text("state", model::alert_state_name(alert.state))
      .text("activeAt", format_time(alert.active_at))
      .text("value", scientific(alert.value))
      .end();
}

void append_outcome(JsonMembers& members, const detect::RuleStatus& rule) {
  members.text("health", rule.health);
  if (!rule.last_error.empty()) members.text("lastError", rule.last_error);
  members.number("evaluationTime", to_seconds(rule.evaluation_time))
      .text("lastEvaluation", format_time(rule.last_evaluation))
      .text("type", rule.kind)
      .end();
}

std::string_view state_of(const detect::RuleStatus& rule) {
  std::string_view state = "inactive";
  for (const auto& alert : rule.alerts) {
    if (alert.state == model::AlertState::kFiring) return "firing";
    if (alert.state == model::AlertState::kPending) state = "pending";
  }
  return state;
}

void append_rule(std::string& out, const detect::RuleStatus& rule, bool with_alerts) {
  JsonMembers members(out);
  const bool alerting = rule.kind == "alerting";
  if (alerting) members.text("state", state_of(rule));
  members.text("name", rule.name).text("query", rule.query);
  if (!alerting) {
    append_json_labels(members.name("labels"), rule.labels);
    append_outcome(members, rule);
    return;
  }
  members.number("duration", to_seconds(rule.hold))
      .number("keepFiringFor", to_seconds(rule.keep_firing_for));
  append_json_labels(members.name("labels"), rule.labels);
  append_json_labels(members.name("annotations"), rule.annotations);
  if (with_alerts) {
    JsonList list(members.name("alerts"));
    for (const auto& alert : rule.alerts) {
      if (alert.state != model::AlertState::kResolved) append_alert(list.next(), alert);
    }
    list.end();
  } else {
    members.raw("alerts", "null");
  }
  append_outcome(members, rule);
}

struct RuleFilter {
  std::string kind;  // alerting, recording, or empty
  std::vector<std::string> names, groups, files;
  MatcherSets sets;
  bool with_alerts = true;

  static bool among(const std::vector<std::string>& wanted, const std::string& value) {
    return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
  }
  bool takes(const detect::GroupStatus& group) const {
    return among(groups, group.name) && among(files, group.file);
  }
  bool takes(const detect::RuleStatus& rule) const {
    if (!kind.empty() && rule.kind != kind) return false;
    if (!among(names, rule.name)) return false;
    return sets.empty() || std::ranges::any_of(sets, [&](const auto& matchers) {
             return std::ranges::all_of(matchers,
                                        [&](const auto& m) { return m.matches(rule.labels); });
           });
  }
};

RuleFilter filter_of(Form& form) {
  RuleFilter filter;
  const auto kind = lower(form.get("type"));
  if (!kind.empty() && kind != "alert" && kind != "record")
    form.fail(bad_parameter("type", "not supported value " + quoted(kind)));
  if (!kind.empty()) filter.kind = kind == "alert" ? "alerting" : "recording";
  filter.names = form.all("rule_name[]");
  filter.groups = form.all("rule_group[]");
  filter.files = form.all("file[]");
  filter.sets = form.matchers("match[]");
  filter.with_alerts = !form.flag("exclude_alerts");
  return filter;
}

struct Page {
  std::int64_t limit = 0;  // groups; 0 is all
  std::string_view token;  // of the first group wanted
};

Page page_of(Form& form) {
  Page page;
  page.token = form.get("group_next_token");
  const auto limit = form.get("group_limit");
  if (!page.token.empty() && limit.empty()) {
    form.fail(
        bad_parameter("group_next_token",
                      "group_limit needs to be present in order to paginate over the groups"));
  }
  if (limit.empty()) return page;
  const auto count = parse_int(limit);
  if (!count) {
    form.fail(bad_parameter("group_limit",
                            "group_limit needs to be a valid number: strconv.ParseInt: "
                            "parsing " +
                                quoted(limit) + ": invalid syntax"));
  } else if (*count <= 0) {
    form.fail(bad_parameter("group_limit", "group_limit needs to be greater than 0"));
  } else {
    page.limit = *count;
  }
  return page;
}

std::string token_of(const detect::GroupStatus& group) {
  return sha256_hex(group.file + ";" + group.name).substr(0, 40);
}

void append_group(std::string& out, const detect::GroupStatus& group, const std::string& rules) {
  JsonMembers(out)
      .text("name", group.name)
      .text("file", group.file)
      .raw("rules", rules)
      .number("interval", to_seconds(group.interval))
      .whole("limit", group.limit)
      .number("evaluationTime", to_seconds(group.evaluation_time))
      .text("lastEvaluation", format_time(group.last_evaluation))
      .end();
}

// "" when the filter leaves no rule of the group.
std::string rules_of(const detect::GroupStatus& group, const RuleFilter& filter) {
  std::string rules;
  JsonList list(rules);
  bool any = false;
  for (const auto& rule : group.rules) {
    if (!filter.takes(rule)) continue;
    any = true;
    append_rule(list.next(), rule, filter.with_alerts);
  }
  list.end();
  return any ? rules : std::string();
}

net::Response rules(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  const auto filter = filter_of(form);
  const auto page = page_of(form);
  if (form.error()) return refuse(*form.error());
  std::string data, next_token;
  JsonMembers members(data);
  JsonList list(members.name("groups"));
  bool begun = page.token.empty();
  std::int64_t count = 0;
  for (const auto& group : context.sources.rules()) {
    if (!begun) begun = token_of(group) == page.token;
    if (!begun || !filter.takes(group)) continue;
    const auto rules = rules_of(group, filter);
    if (rules.empty()) continue;
    if (page.limit > 0 && count++ == page.limit) {
      next_token = token_of(group);
      break;
    }
    append_group(list.next(), group, rules);
  }
  list.end();
  if (!begun) {
    return refuse(bad_parameter(
        "group_next_token",
        "invalid group_next_token '" + std::string(page.token) + "'. were rule groups changed?"));
  }
  if (!next_token.empty()) members.text("groupNextToken", next_token);
  members.end();
  return success(data);
}

net::Response alerts(const PrometheusContext& context) {
  std::string data;
  JsonMembers members(data);
  JsonList list(members.name("alerts"));
  for (const auto& alert : context.sources.alerts()) {
    if (alert.state != model::AlertState::kResolved) append_alert(list.next(), alert);
  }
  list.end();
  members.end();
  return success(data);
}

}  // namespace

void add_rule_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  routes.on_control(kGet, "/api/v1/rules",
                    [context](const auto& request) { return rules(*context, request); });
  routes.on_control(kGet, "/api/v1/alerts", [context](const auto&) { return alerts(*context); });
}

}  // namespace holdfast::app
