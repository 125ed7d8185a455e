// app/cli/alert_commands.h: `holdfast silence`, `notify`, `compat alert-webhook`, `routing` and `status`.
//
// Purpose     silence: list, add, preview, expire. notify: tells people through the routing, as an alert that ends by itself.
//             routing: who would be told of these labels, when and why; fire drills. status: drafts of the status page,
//             publishing them.
// Output      Aligned text for people; with --json the API's own answer. Exit status: 0 good, 1 refused or failed.
// Threads     One.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/cli/remote.h"

namespace holdfast::app {

int run_silence_list(Remote& remote, bool expired, bool as_json);

struct SilenceCommand {
  std::vector<std::string> matchers;  // severity=critical, host!=a, host=~"web.*", host!~x
  std::string from, to;               // RFC 3339; from empty: now
  Duration length = 1h;               // when `to` is empty
  std::string by, comment;
  std::string rule, zone;  // RRULE of a recurring silence, and where its clock stands
  bool preview = false;    // only shows what it would hide
};
int run_silence_add(Remote& remote, const SilenceCommand& command, bool as_json);
int run_silence_expire(Remote& remote, const std::vector<std::string>& ids, bool as_json);

struct NotifyCommand {
  std::string name;                   // label alertname
  std::vector<std::string> labels;    // service=shop
  std::string severity = "warning";
  std::string summary, description;
  Duration ends_in = 5min;
};
int run_notify(Remote& remote, const NotifyCommand& command, bool as_json);

// As the documents' alert-webhook.sh: system-alert SERVICE SEVERITY MESSAGE DETAILS; deployment-success VERSION ENVIRONMENT
// SECONDS; ai-budget-exceeded PERIOD ACTUAL BUDGET PERCENT.
int run_alert_webhook(Remote& remote, const std::vector<std::string>& words, bool as_json);

int run_routing_explain(Remote& remote, const std::vector<std::string>& labels, const std::string& at,
                        bool as_json);
int run_routing_drill(Remote& remote, const std::string& receiver, const std::string& note,
                      bool as_json);
int run_routing_drills(Remote& remote, bool as_json);

int run_status_list(Remote& remote, bool as_json);
int run_status_show(Remote& remote, const std::string& id, bool as_json);

struct StatusCommand {
  std::string id;  // of the post to publish; empty for a draft
  std::string kind = "incident", name, state, text, impact;
  std::string scheduled_for, scheduled_until;  // RFC 3339, of maintenance
  std::vector<std::string> components;         // web=partial_outage
};
int run_status_draft(Remote& remote, const StatusCommand& command, bool as_json);
int run_status_publish(Remote& remote, const StatusCommand& command, bool as_json);
int run_status_discard(Remote& remote, const std::string& id, bool as_json);

}  // namespace holdfast::app
