#include "app/access/route_table.h"

#include <map>

#include "base/text.h"

namespace holdfast::app {
namespace {

using enum ActionClass;
constexpr Target kOf = Target::kService;
constexpr Target kIn = Target::kIncident;
constexpr Target kAll = Target::kNone;

#define HF_API "/api/holdfast/v1"

constexpr RouteRule kUnlistedRule{"", "", kUnlisted, kAll, "", Limit::kNone};

constexpr RouteRule kRules[] = {
    // Health, the console's files.
    {"GET", "/-/healthy", kOpen},
    {"GET", "/-/ready", kOpen},
    {"GET", "/health/live", kOpen},
    {"GET", "/health/ready", kOpen},
    {"GET", "/health/startup", kOpen},
    {"GET", "/", kOpen},
    {"GET", "/{path...}", kOpen},
    {"GET", "/metrics", kRead},  // from loopback nobody is asked, see auth.h
    {"GET", "/api/{path...}", kOwn},

    // Sign-in, and what is one's own.
    {"GET", HF_API "/session", kOpen},
    {"POST", HF_API "/session", kOpen, kAll, "user_login", Limit::kSignIn},
    {"DELETE", HF_API "/session", kOpen, kAll, "user_logout"},
    {"GET", HF_API "/session/oidc", kOpen, kAll, "", Limit::kCallback},
    {"GET", HF_API "/session/oidc/callback", kOpen, kAll, "user_login", Limit::kCallback},
    {"DELETE", HF_API "/sessions", kSelf, kAll, "user_logout_everywhere"},
    {"GET", HF_API "/sessions", kOwn},
    {"POST", HF_API "/password", kSelf, kAll, "security_policy_change"},
    {"GET", HF_API "/tokens", kOwn},
    {"POST", HF_API "/tokens", kSelf, kAll, "token.create"},
    {"DELETE", HF_API "/tokens/{id}", kSelf, kAll, "token.revoke"},

    // Who may do what.
    {"GET", HF_API "/users", kAdminister},
    {"POST", HF_API "/users", kAdminister, kAll, "security_policy_change"},
    {"POST", HF_API "/users/{id}", kAdminister, kAll, "security_policy_change"},
    {"POST", HF_API "/users/{id}/password", kAdminister, kAll, "security_policy_change"},
    {"POST", HF_API "/users/{id}/sign_out", kAdminister, kAll, "security_policy_change"},
    {"GET", HF_API "/audit", kAudit, kAll, "data_access"},
    {"GET", HF_API "/journal", kAudit},

    // Services, incidents, drills.
    {"GET", HF_API "/overview", kRead},
    {"GET", HF_API "/services", kRead},
    {"GET", HF_API "/services/{name}", kRead, kOf},
    {"POST", HF_API "/services/{name}/restart", kOperate, kOf, "service.restart"},
    {"POST", HF_API "/services/{name}/scale", kOperate, kOf, "service.scale"},
    {"POST", HF_API "/services/{name}/canary", kOperate, kOf, "service.canary"},
    {"POST", HF_API "/services/{name}/canary/stop", kOperate, kOf, "service.canary/stop"},
    {"POST", HF_API "/services/{name}/traffic", kOperate, kOf, "service.traffic"},
    {"GET", HF_API "/incidents", kRead},
    {"GET", HF_API "/incidents/{id}", kRead, kIn},
    {"POST", HF_API "/incidents/{id}/ack", kRespond, kIn, "incident.ack"},
    {"POST", HF_API "/incidents/{id}/mitigate", kRespond, kIn, "incident.mitigate"},
    {"POST", HF_API "/incidents/{id}/resolve", kRespond, kIn, "incident.resolve"},
    {"POST", HF_API "/incidents/{id}/note", kRespond, kIn, "incident.note"},
    {"POST", HF_API "/incidents/{id}/severity", kRespond, kIn, "incident.severity"},
    {"POST", HF_API "/incidents", kRespond, kAll, "incident.declare"},
    {"POST", HF_API "/incidents/{id}/confirm", kRespond, kIn, "incident.confirm"},
    {"POST", HF_API "/incidents/{id}/fields", kRespond, kIn, "incident.fields"},
    {"POST", HF_API "/incidents/{id}/role", kRespond, kIn, "incident.role"},
    {"POST", HF_API "/incidents/{id}/task", kRespond, kIn, "incident.task"},
    {"POST", HF_API "/incidents/{id}/act", kRespond, kIn, "incident.act"},
    {"POST", HF_API "/incidents/{id}/check", kRespond, kIn, "incident.check"},
    {"POST", HF_API "/incidents/{id}/close", kRespond, kIn, "incident.close"},
    {"POST", HF_API "/incidents/{id}/update", kRespond, kIn, "incident.update"},
    {"POST", HF_API "/incidents/{id}/chat", kRespond, kIn, "incident.chat"},
    {"POST", HF_API "/incidents/{id}/impact", kRespond, kIn, "incident.impact"},
    {"POST", HF_API "/incidents/{id}/line", kRespond, kIn, "incident.line"},
    {"POST", HF_API "/incidents/{id}/merge", kRespond, kIn, "incident.merge"},
    {"POST", HF_API "/incidents/{id}/split", kRespond, kIn, "incident.split"},
    {"POST", HF_API "/incidents/{id}/link", kRespond, kIn, "incident.link"},
    {"GET", HF_API "/severity", kRead},
    {"GET", HF_API "/contacts", kRead},
    {"GET", HF_API "/texts", kRead},
    {"GET", HF_API "/texts/{name}/{language}", kRead},
    {"POST", HF_API "/texts/{name}/{language}", kOperate, kAll, "text.edit"},
    {"DELETE", HF_API "/texts/{name}/{language}", kOperate, kAll, "text.restore"},
    {"POST", HF_API "/texts/{name}/{language}/preview", kRead},
    {"GET", HF_API "/drafts", kRead},
    {"POST", HF_API "/drafts", kRespond, kAll, "draft.write"},
    {"POST", HF_API "/drafts/{id}/edit", kRespond, kAll, "draft.edit"},
    {"POST", HF_API "/drafts/{id}/approve", kRespond, kAll, "draft.approve"},
    {"POST", HF_API "/drafts/{id}/reject", kRespond, kAll, "draft.reject"},
    {"POST", HF_API "/drafts/{id}/send", kRespond, kAll, "draft.send"},
    {"GET", HF_API "/postmortems", kRead},
    {"GET", HF_API "/postmortems/{id}", kRead},
    {"POST", HF_API "/postmortems", kRespond, kAll, "postmortem.draft"},
    {"POST", HF_API "/postmortems/{id}", kRespond, kAll, "postmortem.write"},
    {"POST", HF_API "/postmortems/{id}/state", kRespond, kAll, "postmortem.state"},
    {"POST", HF_API "/postmortems/{id}/action", kRespond, kAll, "postmortem.action"},
    {"GET", HF_API "/kpi", kRead},
    {"GET", HF_API "/slos", kRead},
    {"GET", HF_API "/slos/{name}", kRead},
    {"GET", HF_API "/review", kRead},
    {"GET", HF_API "/alerts", kRead},
    {"GET", HF_API "/faults", kRead},
    {"GET", HF_API "/remedies", kRead},
    {"GET", HF_API "/notifications", kRead},
    {"GET", HF_API "/drills", kRead},
    {"POST", HF_API "/drills", kOperate, kAll, "drill.run"},
    {"POST", HF_API "/drills/{id}/abort", kOperate, kAll, "drill.abort"},
    {"GET", HF_API "/automation", kRead},
    {"POST", HF_API "/automation", kOperate, kAll, "automation.set"},
    {"GET", HF_API "/events", kRead},
    {"POST", HF_API "/config/reload", kOperate, kAll, "configuration_change"},
    {"GET", HF_API "/config/status", kRead},
    {"POST", HF_API "/storage/flush", kConfigure, kAll, "storage.flush"},
    {"POST", HF_API "/storage/compact", kConfigure, kAll, "storage.compact"},
    {"POST", HF_API "/storage/upload", kConfigure, kAll, "storage.upload"},
    {"GET", HF_API "/openapi.json", kOwn},
    {"GET", HF_API "/metrics/cardinality", kRead},
    {"GET", HF_API "/metrics/storage", kRead},
    {"GET", HF_API "/metrics/remote_write", kRead},
    {"GET", HF_API "/metrics/unused", kRead},
    {"GET", HF_API "/metrics/queries", kRead},
    {"GET", HF_API "/metrics/samples", kRead},
    {"GET", HF_API "/metrics/explain", kRead},
    {"POST", HF_API "/metrics/import", kConfigure, kAll, "metrics.import"},
    {"POST", HF_API "/metrics/queries/{id}/cancel", kOperate, kAll, "query.cancel"},
    {"POST", HF_API "/business/events", kSend},

    // Prometheus.
    {"GET POST", "/api/v1/query", kRead},
    {"GET POST", "/api/v1/query_range", kRead},
    {"GET POST", "/api/v1/query_exemplars", kRead},
    {"GET POST", "/api/v1/format_query", kRead},
    {"GET POST", "/api/v1/parse_query", kRead},
    {"POST", "/api/v1/read", kRead},
    {"GET POST", "/api/v1/series", kRead},
    {"GET POST", "/api/v1/labels", kRead},
    {"GET", "/api/v1/label/{name}/values", kRead},
    {"GET", "/api/v1/metadata", kRead},
    {"GET", "/api/v1/rules", kRead},
    {"GET", "/api/v1/alerts", kRead},
    {"GET", "/api/v1/targets", kRead},
    {"GET", "/api/v1/targets/metadata", kRead},
    {"GET", "/api/v1/targets/relabel_steps", kRead},
    {"GET", "/api/v1/scrape_pools", kRead},
    {"GET", "/api/v1/alertmanagers", kRead},
    {"GET", "/api/v1/features", kRead},
    {"GET", "/api/v1/notifications", kRead},
    {"GET", "/api/v1/status/runtimeinfo", kRead},
    {"GET", "/api/v1/status/flags", kRead},
    {"GET", "/api/v1/status/config", kConfigure, kAll, "data_access"},  // the file as it is, with whatever it holds
    {"GET", "/api/v1/status/buildinfo", kRead},
    {"GET", "/api/v1/status/tsdb", kRead},
    {"GET", "/api/v1/status/tsdb/blocks", kRead},
    {"GET", "/api/v1/status/walreplay", kRead},
    {"PUT POST", "/api/v1/admin/tsdb/delete_series", kConfigure, kAll, "metrics.delete"},
    {"PUT POST", "/api/v1/admin/tsdb/clean_tombstones", kConfigure, kAll, "metrics.clean"},
    {"PUT POST", "/api/v1/admin/tsdb/snapshot", kConfigure, kAll, "metrics.snapshot"},
    {"OPTIONS GET POST PUT DELETE PATCH", "/api/v1/{path...}", kRead},  // answers that there is no such path
    {"GET", "/federate", kRead},

    // Alertmanager, and what its router knows beyond it.
    {"GET", "/api/v2/status", kRead},
    {"GET", "/api/v2/receivers", kRead},
    {"GET", "/api/v2/alerts", kRead},
    {"POST", "/api/v2/alerts", kSend},
    {"GET", "/api/v2/alerts/groups", kRead},
    {"GET", "/api/v2/silences", kRead},
    {"POST", "/api/v2/silences", kRespond, kAll, "silence.set"},
    {"GET", "/api/v2/silence/{id}", kRead},
    {"DELETE", "/api/v2/silence/{id}", kRespond, kAll, "silence.expire"},
    {"POST", "/-/reload", kOperate, kAll, "configuration_change"},
    {"GET POST DELETE", "/api/v1/status", kOpen},  // on Alertmanager's own listener: gone for good
    {"GET POST DELETE", "/api/v1/receivers", kOpen},
    {"POST DELETE", "/api/v1/alerts", kOpen},
    {"GET POST DELETE", "/api/v1/alerts/groups", kOpen},
    {"GET POST DELETE", "/api/v1/silences", kOpen},
    {"GET POST DELETE", "/api/v1/silence/{id}", kOpen},
    {"POST", HF_API "/routing/explain", kRead},
    {"GET", HF_API "/routing/history", kRead},
    {"GET", HF_API "/routing/held", kRead},
    {"GET", HF_API "/routing/groups", kRead},
    {"POST", HF_API "/routing/acknowledge", kRespond, kAll, "alert.ack"},
    {"POST", HF_API "/routing/withdraw", kRespond, kAll, "alert.withdraw"},
    {"POST", HF_API "/routing/silences/preview", kRead},
    {"GET", HF_API "/routing/drills", kRead},
    {"POST", HF_API "/routing/drills", kRespond, kAll, "fire_drill.start"},
    {"POST", HF_API "/routing/drills/{id}/ack", kRespond, kAll, "fire_drill.ack"},

    // Who is on call, and what is escalating.
    {"GET", HF_API "/oncall/now", kRead},
    {"GET", HF_API "/oncall/schedules", kRead},
    {"GET", HF_API "/oncall/schedules/{name}/shifts", kRead},
    {"GET", HF_API "/oncall/schedules/{name}/calendar.ics", kRead},
    {"GET", HF_API "/oncall/people/{id}/calendar.ics", kRead},
    {"GET", HF_API "/oncall/changes", kRead},
    {"GET", HF_API "/oncall/reachability", kRead},
    {"GET", HF_API "/oncall/escalations", kRead},
    {"GET", HF_API "/oncall/escalations/{id}", kRead, kIn},
    {"POST", HF_API "/oncall/escalations/{id}/confirm", kRespond, kIn, "escalation.confirm"},
    {"POST", HF_API "/oncall/escalations/{id}/escalate", kRespond, kIn, "escalation.escalate"},
    {"POST", HF_API "/oncall/escalations/{id}/ask", kRespond, kIn, "escalation.ask"},
    {"POST", HF_API "/oncall/overrides", kRespond, kAll, "oncall.override"},
    {"POST", HF_API "/oncall/swaps", kRespond, kAll, "oncall.swap"},
    {"POST", HF_API "/oncall/swaps/{id}/take", kRespond, kAll, "oncall.swap_take"},
    {"POST", HF_API "/oncall/changes/{id}/remove", kRespond, kAll, "oncall.remove"},
    {"POST", HF_API "/oncall/test-page", kRespond, kAll, "oncall.test_page"},

    // Events of other systems: senders show their integration's key.
    {"POST", "/v2/enqueue", kOpen, kAll, "", Limit::kIntake},
    {"POST", "/v2/change/enqueue", kOpen, kAll, "", Limit::kIntake},
    {"POST", HF_API "/intake/{name}", kOpen, kAll, "", Limit::kIntake},
    {"POST", HF_API "/heartbeats/{name}", kOpen, kAll, "", Limit::kIntake},
    {"GET", HF_API "/intake", kRead},
    {"GET", HF_API "/heartbeats", kRead},
    {"GET", HF_API "/changes", kRead},
    {"POST", HF_API "/changes", kSend},

    // The status page, for those who publish.
    {"GET", HF_API "/status-page", kRead},
    {"POST", HF_API "/status-page/posts", kRespond, kAll, "status.draft"},
    {"GET", HF_API "/status-page/posts/{id}", kRead},
    {"POST", HF_API "/status-page/posts/{id}/publish", kRespond, kAll, "status.publish"},
    {"DELETE", HF_API "/status-page/posts/{id}/draft", kRespond, kAll, "status.discard"},
    {"GET", HF_API "/status-page/subscribers", kAdminister, kAll, "data_access"},

    // Telemetry that is handed in, and the questions its senders ask.
    {"POST", "/api/v1/write", kSend},
    {"POST", "/v1/metrics", kSend},
    {"POST", "/otlp/v1/metrics", kSend},
    {"POST", "/api/v1/otlp/v1/metrics", kSend},
    {"POST", "/write", kSend},
    {"POST", "/api/v2/write", kSend},
    {"GET", "/ping", kOpen},
    {"GET", "/api/v2/ping", kOwn},
    {"GET POST", "/query", kRead},
    {"POST", "/api/v1/import", kSend},
    {"POST", "/api/v1/import/prometheus", kSend},
    {"POST", "/api/v1/import/csv", kSend},
    {"GET POST", "/api/v1/export", kRead, kAll, "data_access"},
    {"PUT POST DELETE", "/metrics/job/{group...}", kSend},
    {"PUT POST DELETE", "/metrics/job@base64/{group...}", kSend},
    {"PUT POST DELETE", "/pushgateway/metrics/job/{group...}", kSend},
    {"PUT POST DELETE", "/pushgateway/metrics/job@base64/{group...}", kSend},
    {"GET", "/api/v1/metrics", kRead},
    {"GET", "/pushgateway/api/v1/metrics", kRead},
    {"GET", "/pushgateway/metrics", kRead},
    {"GET", "/pushgateway/api/v1/status", kRead},
    {"PUT", "/pushgateway/api/v1/admin/wipe", kConfigure, kAll, "metrics.wipe"},
};

using Index = std::map<std::pair<std::string_view, std::string_view>, const RouteRule*>;

const Index& rule_index() {
  static const Index index = [] {
    Index made;
    for (const auto& rule : kRules) {
      for (const auto method : split(rule.methods, ' ')) made[{rule.pattern, method}] = &rule;
    }
    return made;
  }();
  return index;
}

}  // namespace

std::span<const RouteRule> route_rules() { return kRules; }

bool is_listed(std::string_view method, std::string_view pattern) {
  return rule_index().contains({pattern, method});
}

const RouteRule& route_rule(std::string_view method, std::string_view pattern) {
  const auto found = rule_index().find({pattern, method});
  return found == rule_index().end() ? kUnlistedRule : *found->second;
}

bool is_audited(const RouteRule& rule, std::string_view method) {
  if (rule.action == kOpen || rule.action == kSend) return false;
  if (method == "GET" || method == "HEAD" || rule.action == kRead) return !rule.name.empty();
  return method != "OPTIONS";
}

}  // namespace holdfast::app
