// respond/route/router.h: Alertmanager's core: alerts in, grouped, silenced, inhibited, told to receivers, once.
//
// Purpose     Holds alerts, silences, groups and the notification log; decides at every flush who must be told what, journals
//             each telling as an intent ("route.notify", body GroupNotification) and carries it out through `deliver`. Same
//             decisions at the same times as Alertmanager; behind settings, what it lacks (N1 to N8, N10).
// Durable     post(), silences, acknowledgements and drills are in the journal before they are answered. A refresh that changes
//             nothing but ends_at is not written: after a restart every firing alert may be refreshed for as long as its sender
//             promised before, before it counts as resolved. Groups keep their clock, the log its memory: no page is lost, none
//             told again, but for one in flight, which is repeated under its key.
// Facts       Alerts of Holdfast's own rules (kAlertChanged) come by the same path, but fire until they are said to be resolved.
// Retries     0.5 s, x 1.5 with half of it as jitter, at most 60 s apart, until the deadline of the flush = max(group_interval,
//             10 s); then the receiver's fallback, if it has one (N6), and the next flush tries again. A template that fails is
//             replaced by plain words at once. Each integration goes its own way: none waits for another.
// Threads     Control strand only; `done` callbacks run there, once.
// Errors      kInvalid with Alertmanager's texts; kNotFound, kForbidden (policy), kConflict; the journal's kExhausted and
//             kUnavailable when a change could not be made durable (alerts are routed all the same).
// Source      ../shared/reference/alerting.md sections 1.12, 2.2 to 2.7, 5.2, 5.5.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "respond/route/config.h"
#include "respond/route/notification.h"
#include "respond/route/silences.h"
#include "respond/send/sender.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::respond::route {

// Topics of the history (N3). Keys: fingerprint; group key; silence id; drill id.
inline constexpr std::string_view kRoutedAlertChanged = "route.alert";
inline constexpr std::string_view kRouteNotified = "route.notification";
inline constexpr std::string_view kSilenceChanged = "route.silence";
inline constexpr std::string_view kRouteAcknowledged = "route.acknowledged";
inline constexpr std::string_view kRouteDrill = "route.drill";

// N10. Off while the counts are zero.
struct DampingOptions {
  int flap_changes = 0;          // an alert that changes so often ...
  Duration flap_window = 10min;  // ... within this is held as firing ...
  Duration flap_calm = 10min;    // ... until it has not changed for so long
  int storm_groups = 0;          // first pages to one receiver ...
  Duration storm_window =
      1min;  // ... within this; the rest is one summary page and waits for its next flush
};

struct RouterOptions {
  Duration retention = 120h;               // --data.retention: log and expired silences
  Duration log_maintenance = 15min;        // --data.maintenance-interval
  Duration alerts_gc = 30min;              // --alerts.gc-interval
  std::size_t per_alertname_limit = 0;     // --alerts.per-alertname-limit
  Duration groups_maintenance = 30s;       // --dispatch.maintenance-interval
  Duration start_delay{};                  // --dispatch.start-delay
  std::size_t silences_max = 0;            // --silences.max-silences
  std::size_t silence_size_max_bytes = 0;  // --silences.max-silence-size-bytes
  SilencePolicy silence_policy;            // N4
  DampingOptions damping;                  // N10
  bool always_resolve = false;             // N1 for every receiver, not only for those that say so
  std::string fallback_receiver;           // N6 for every receiver without its own
  Duration drill_acknowledge_within = 15min;  // N7
  int in_flight_per_integration_max = 64;
  bool own_alerts = true;  // listen to kAlertChanged
};

struct PostedAlert {
  model::Labels labels;  // empty values are gone already
  model::Labels annotations;
  std::optional<WallTime> starts_at;
  std::optional<WallTime> ends_at;
  std::string generator_url;
};

struct PostResult {
  std::size_t firing = 0;  // accepted
  std::size_t resolved = 0;
  std::size_t limited = 0;          // over per_alertname_limit
  std::vector<std::string> errors;  // of those not accepted; joined with "; " for a 400
};

enum class RoutedState { kUnprocessed, kActive, kSuppressed };

struct AlertView {
  RoutedAlert alert;  // ends_at is always set here: when it counts as resolved
  WallTime updated_at{};
  std::string fingerprint;
  std::vector<std::string> receivers;
  RoutedState state = RoutedState::kActive;
  std::vector<std::string> silenced_by;
  std::vector<std::string> inhibited_by;
  std::vector<std::string> muted_by;
  bool acknowledged = false;  // N2
  bool flapping = false;      // N10
  bool fact = false;          // Holdfast's own: of a rule, of the intake, of a drill
};

struct GroupView {
  std::string key;
  model::Labels labels;
  model::Labels route_labels;
  std::string receiver;
  std::vector<AlertView> alerts;  // by fingerprint
  std::vector<std::string> muted_by;
  WallTime next_flush{};
};

// Which alerts are shown: those not resolved for which all that is given holds.
struct AlertFilter {
  bool active = true;
  bool silenced = true;
  bool inhibited = true;
  bool unprocessed = true;  // /alerts
  bool muted = true;        // /alerts/groups
  std::vector<model::Matcher> matchers;
  std::optional<model::Matcher> receiver;         // on the receiver's name: =~"..."
  std::vector<model::Matcher> receiver_matchers;  // on the receiver's labels
};

struct SilencePreview {
  std::vector<AlertView> hides;       // live alerts it would hide now
  std::string refused;                // by the policy or as invalid; empty: it would be taken
  std::vector<WallTime> occurrences;  // the next ten, when it recurs
};

// What became of one flush's decision for one integration, or of an alert (N3).
struct HistoryQuery {
  std::string fingerprint;  // empty: all
  std::string group_key;    // empty: all; notifications only
  std::optional<WallTime> from, to;
  std::size_t limit = 100;  // newest first
};

struct HistoryItem {
  state::Seq seq = 0;
  WallTime at{};
  std::string topic;  // one of those above
  std::string key;
  std::string body;  // JSON
};

// N8: who would be told of an alert with these labels at that time, and why, or why not.
struct Explanation {
  struct Target {
    std::string receiver;
    std::vector<std::string> route;  // keys from the root to the route
    std::string group_key;
    bool told = false;
    std::string why;  // "first notification", "silenced by ...", "muted by time interval ..."
    std::optional<WallTime> next;           // when somebody would be told, if nothing else changes
    std::vector<std::string> integrations;  // receiver keys that would be told
  };
  std::vector<Target> targets;
  std::vector<std::string> silenced_by;
  std::vector<std::string> inhibited_by;
};

struct DrillRequest {
  std::string receiver;
  std::string by;
  std::string note;
  model::Labels labels;  // more for its alert
};

struct Drill {
  std::string id;
  std::string receiver;
  std::string by;
  std::string note;
  WallTime started_at{};
  WallTime due_at{};                    // to be acknowledged by
  std::string state;                    // running, delivered, failed, acknowledged, overdue
  std::vector<std::string> deliveries;  // "team/webhook/0: delivered", "...: failed: ..."
  std::optional<WallTime> acknowledged_at;
  std::string acknowledged_by;
};

// What damping holds back right now (N10).
struct Held {
  std::string group_key;
  std::string receiver;
  std::string fingerprint;  // of a flapping alert; empty for a storm
  std::string why;
  WallTime since{};
  int count = 0;  // changes or pages held back
};

struct IntegrationStats {
  std::uint64_t notifications = 0;              // tried to tell, counted once
  std::map<std::string, std::uint64_t> failed;  // by reason; all retries in vain
  std::uint64_t requests = 0;
  std::uint64_t requests_failed = 0;
  std::uint64_t latency_counts[6] = {};  // cumulative: 1, 5, 10, 15, 20 s, +Inf
  double latency_seconds = 0;
};

struct RouterStats {
  std::size_t alerts_active = 0, alerts_suppressed = 0, alerts_unprocessed = 0;
  std::uint64_t received_firing = 0, received_resolved = 0, invalid = 0, limited = 0;
  std::map<std::string, IntegrationStats> integrations;  // by kind
  std::map<std::string, std::uint64_t> suppressed;       // by reason: silence, inhibition, ...
  std::size_t silences_active = 0, silences_pending = 0, silences_expired = 0;
  std::size_t groups = 0;
  std::size_t log_entries = 0;
  std::size_t in_flight = 0;
  std::uint64_t flushes = 0;
};

class Router {
 public:
  using Deliver = std::function<void(const send::SendRequest&, send::Sender::Done)>;
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  // Route labels are templates (0.34): who can render gives their values for a notification; empty: they stand as they are.
  using RouteLabels = std::function<model::Labels(const GroupNotification&, const Route&)>;

  // `deliver` is normally send::Sender::deliver. The outbox handler of "route.notify" is registered here.
  Router(Env& env, state::Journal& journal, state::Outbox& outbox, Deliver deliver,
         RouterOptions options);
  ~Router();

  // Reads what the journal holds, log and silences first, and begins to flush. Once, before Outbox::start().
  Result<void> start(Config config);
  // A new configuration: alerts are routed anew; groups that exist in it keep their clock and log.
  void configure(Config config);
  void configure(RouterOptions options);
  void set_route_labels(RouteLabels render);
  const Config& config() const;

  void post(std::vector<PostedAlert> alerts, Done<PostResult> done);
  std::vector<AlertView> alerts(const AlertFilter& filter) const;  // by fingerprint
  std::vector<GroupView> groups(const AlertFilter& filter) const;  // by labels, receiver
  std::optional<AlertView> alert(const std::string& fingerprint) const;

  void set_silence(Silence silence, Done<std::string> done);  // the id, maybe a new one
  void expire_silence(const std::string& id, Done<void> done);
  std::optional<Silence> silence(const std::string& id) const;
  SilenceState silence_state(const Silence& silence) const;  // now
  std::vector<Silence> silences() const;                     // in the order of the API
  SilencePreview preview(Silence silence) const;             // N4, N5

  // N2: quiet until resolved, or until an alert joins the group that was not there.
  void acknowledge_group(const std::string& group_key, const std::string& by,
                         const std::string& comment, Done<void> done);
  void acknowledge_alert(const std::string& fingerprint, const std::string& by,
                         const std::string& comment, Done<void> done);
  void withdraw_acknowledgement(const std::string& group_key_or_fingerprint, const std::string& by,
                                Done<void> done);

  Result<std::vector<HistoryItem>> history(const HistoryQuery& query) const;  // N3
  Explanation explain(const model::Labels& labels, WallTime at) const;        // N8
  void start_drill(DrillRequest request, Done<Drill> done);                   // N7
  void acknowledge_drill(const std::string& id, const std::string& by, Done<Drill> done);
  Result<std::vector<Drill>> drills() const;  // newest first
  std::vector<Held> held() const;             // N10

  RouterStats stats() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

void to_json(nlohmann::json& j, const Drill& v);
void from_json(const nlohmann::json& j, Drill& v);
void to_json(nlohmann::json& j, const Explanation& v);

}  // namespace holdfast::respond::route
