// respond/route/router_impl.h: what the sources of the Router share. Nobody else includes it.
//
//   router.cc           start, restore, configure, the calls of the public face
//   router_alerts.cc    posts, own alerts, sweeps
//   router_flush.cc     a group's flush: who is told what
//   router_delivery.cc  carrying it out: attempts, retries, fallback
//   router_people.cc    silences, acknowledgements, drills
//   router_views.cc     what is shown: alerts, groups, history, explanations
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "respond/route/alerts.h"
#include "respond/route/damping.h"
#include "respond/route/groups.h"
#include "respond/route/inhibitor.h"
#include "respond/route/notify_log.h"
#include "respond/route/router.h"
#include "respond/route/silences.h"
#include "respond/route/tree.h"

namespace holdfast::respond::route {

inline constexpr std::string_view kNotifyIntent = "route.notify";
inline constexpr std::string_view kAlertDocument = "route.alert";
inline constexpr std::string_view kGroupDocument = "route.group";
inline constexpr std::string_view kLogDocument = "route.log";
inline constexpr std::string_view kSilenceDocument = "route.silence";
inline constexpr std::string_view kAckDocument = "route.ack";
inline constexpr std::string_view kDrillDocument = "route.drill";
inline constexpr std::string_view kClockDocument =
    "route.clock";  // id "router": alive at that time
inline constexpr std::string_view kDrillLabel = "holdfast_drill";

inline std::chrono::milliseconds in_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d);
}
// What a telling says, under its transition.
UnsureTelling said_by(const GroupNotification& told);
inline std::string receiver_key(const std::string& receiver, const Integration& integration) {
  return receiver + "/" + integration.kind + "/" + std::to_string(integration.index);
}

// N2, of one group.
struct Acknowledgement {
  FingerprintSet alerts;
  bool whole = false;  // of the group as it was: a new alert ends it
  std::string by;
  std::string comment;
  WallTime at{};
};

// One member of a group at the moment of a flush.
struct Member {
  std::uint64_t fingerprint = 0;
  const AlertRow* row = nullptr;
  bool resolved = false;
  bool suppressed = false;
};

struct Snapshot {
  WallTime now{};
  std::vector<Member> members;                      // in the order sent
  std::vector<std::string> muted_by;                // time intervals
  std::map<std::string, std::uint64_t> suppressed;  // by reason
};

// What a flush would tell one integration.
struct Telling {
  std::vector<Member> members;
  FingerprintSet firing, resolved;
  FingerprintSet hidden_firing;  // fire, and are suppressed
  UpdateNeed need;
};

// A flush until all integrations have been told: then resolved alerts may go.
struct FlushRun {
  std::string group;
  int pending = 0;
  bool ok = true;
  std::vector<std::pair<std::uint64_t, WallTime>> resolved;  // with updated_at
};

// Tellings under way of one group to one integration.
struct InFlight {
  std::set<std::string> keys;   // of intents
  std::set<std::string> again;  // groups whose flush found it busy
  std::shared_ptr<FlushRun> run;
};

struct Delivery {
  GroupNotification notification;
  LogEntry log;  // as it shall be when it is delivered
  state::Outbox::Finish finish;
  int attempts = 0;
  bool running = false;
  bool plain = false;
  bool unsure = false;  // an attempt had no answer, or was cut off by a crash: it may have arrived
  std::string template_error;
  std::string last_error, last_reason;
  Duration backoff = 500ms;
  MonoTime limit{};  // give up then
  MonoTime begun{};  // the attempt
  TimerId retry = TimerId::kNone;
  TimerId watch = TimerId::kNone;
};

struct DeliveryLane {
  int running = 0;
  std::deque<std::string> first;  // first pages before updates
  std::deque<std::string> rest;
};

struct DrillState {
  Drill drill;
  model::Labels labels;
  std::unique_ptr<Route> route;
  std::unique_ptr<Tree::Node> node;
};

struct Router::Impl : std::enable_shared_from_this<Router::Impl> {
  Impl(Env& e, state::Journal& j, state::Outbox& o, Deliver d, RouterOptions opts);

  // router.cc
  void register_handler();
  Result<void> start(Config config);
  Result<void> restore();
  Result<void> restore_people();
  Result<void> restore_groups();
  Result<void> restore_pending();
  Result<void> catch_up_own_alerts();
  void configure(Config config);
  void configure(RouterOptions next);
  void adopt_groups(std::map<std::string, std::unique_ptr<Group>> old, state::Batch& batch);
  void withdraw_gone(const Tree& before, state::Batch& batch);
  void every(Duration interval, void (Impl::*work)());
  void heartbeat();
  void put_clock(state::Batch& batch) const;
  void commit(state::Batch batch, std::function<void(Result<void>)> done = {});

  // router_alerts.cc
  struct Incoming {
    PostedAlert alert;
    AlertSpan span;
    bool fact = false;
  };
  void post(std::vector<PostedAlert> alerts, Done<PostResult> done);
  void own_alert(const state::Entry& entry);
  void take(const Incoming& incoming, PostResult& result, state::Batch& batch,
            std::vector<std::uint64_t>& written);
  bool make_room(const Incoming& incoming, state::Batch& batch);
  void write_alert(AlertRow& row, std::string_view event, state::Batch& batch);
  void insert(const AlertRow& row, state::Batch& batch);
  void leave(Group& group, std::uint64_t fingerprint);
  Group& group_for(const Tree::Node& node, model::Labels labels, state::Batch& batch);
  std::vector<const Tree::Node*> targets(const LabelsView& labels) const;
  void sweep_expired();
  void collect_alerts();
  void collect_log();
  void maintain_groups();

  // router_flush.cc
  void flush(Group& group);
  Snapshot take_snapshot(Group& group, WallTime now);
  const std::vector<std::string>& silenced_by(const AlertRow& row, WallTime now) const;
  std::vector<std::string> muted_by(const Route& route, WallTime at,
                                    std::string* reason = nullptr) const;
  void decide(Group& group, const Receiver& receiver, const Integration& integration,
              const Snapshot& snapshot, const std::shared_ptr<FlushRun>& run, state::Batch& batch);
  void decide_fallbacks(Group& group, const Snapshot& snapshot,
                        const std::shared_ptr<FlushRun>& run, state::Batch& batch);
  void decide_again(const std::string& group_id, const std::string& receiver_key);
  bool decide_telling(Group& group, const Receiver& receiver, const Integration& integration,
                      const Snapshot& snapshot, const LogEntry* entry, Telling& telling,
                      state::Batch& batch);
  GroupNotification make_notification(const Group& group, const Receiver& receiver,
                                      const Integration& integration, const Telling& telling,
                                      WallTime now) const;
  bool quiet(const Group& group, const FingerprintSet& firing, state::Batch& batch);
  bool held_by_storm(Group& group, const Receiver& receiver, const Integration& integration,
                     const std::string& reason, WallTime now, state::Batch& batch);
  void tell_storm(const Receiver& receiver, Damping::Summary summary, WallTime now,
                  state::Batch& batch);
  void send(GroupNotification notification, LogEntry entry, const std::shared_ptr<FlushRun>& run,
            state::Batch& batch);
  void commit_flush(state::Batch batch, const std::string& group);
  void refused(const std::vector<state::Intent>& intents, const std::string& group);
  void let_go(FlushRun& run);
  void finish_part(const std::shared_ptr<FlushRun>& run, bool ok);
  std::int64_t next_transition(const std::string& log_id, WallTime now);
  bool always_resolves(const Receiver& receiver) const {
    return options.always_resolve || receiver.always_resolve;
  }

  // router_delivery.cc
  void run_intent(const state::Intent& intent, state::Outbox::Finish finish);
  void pump(const std::string& lane_name);
  void attempt(const std::string& key);
  void watch(const std::string& key);
  void out_of_time(const std::string& key);
  void answered(const std::string& key, int attempt_number, const send::Outcome& outcome);
  void retry_later(const std::string& key, Duration not_before);
  void delivered(const std::string& key, const send::Outcome& outcome);
  void gave_up(const std::string& key, const std::string& reason, const std::string& detail);
  void fall_back(const Delivery& delivery, const std::string& detail, state::Batch& batch);
  void remember_unsure(const Delivery& delivery, state::Batch& batch);
  void close_delivery(const std::string& key, state::Batch batch, bool ok);
  void leave_lane(Delivery& delivery);
  const Integration* integration_of(const GroupNotification& notification) const;
  void note_outcome(const Delivery& delivery, std::string_view outcome, const std::string& detail,
                    state::Batch& batch) const;

  // router_people.cc
  void set_silence(Silence silence, Done<std::string> done);
  void commit_silences(Silences::Change change, Done<std::string> done);
  int count_hidden(const Silence& silence) const;
  SilencePreview preview(Silence silence) const;
  void acknowledge(const std::vector<Group*>& acked, const FingerprintSet* only,
                   const std::string& by, const std::string& comment, Done<void> done);
  void drop_acknowledged(const std::string& group_key, const FingerprintSet& gone,
                         std::string_view why, state::Batch& batch);
  void write_ack(const std::string& group_key, std::string_view event, state::Batch& batch);
  void start_drill(DrillRequest request, Done<Drill> done);
  void acknowledge_drill(const std::string& id, const std::string& by, Done<Drill> done);
  void end_drill_alert(const DrillState& drill, state::Batch& batch);
  void check_drills();
  void drill_told(const GroupNotification& notification, const std::string& what, bool ok,
                  state::Batch& batch);
  DrillState& add_drill(Drill drill, model::Labels labels);
  void point_drill(DrillState& drill) const;

  // router_views.cc
  AlertView view(const AlertRow& row, WallTime now) const;
  bool shown(const AlertView& view, const AlertFilter& filter) const;
  std::vector<AlertView> alerts(const AlertFilter& filter) const;
  std::vector<GroupView> groups_view(const AlertFilter& filter) const;
  Explanation explain(const model::Labels& labels, WallTime at) const;
  Explanation::Target explain_route(const Tree::Node& node, const model::Labels& labels,
                                    const Explanation& so_far, WallTime at) const;
  std::optional<WallTime> next_open(const Route& route, WallTime at) const;
  RouterStats stats() const;

  RoutedAlert routed(const AlertRow& row, bool resolved) const;

  Env& env;
  state::Journal& journal;
  state::Outbox& outbox;
  Deliver deliver;
  RouteLabels render_labels;
  RouterOptions options;
  std::shared_ptr<const Tree> tree;

  mutable AlertTable table;  // mutable: rows remember by which silences they are hidden
  Inhibitor inhibitor{table};
  Silences silences;
  NotifyLog log;
  Damping damping;
  std::map<std::string, std::unique_ptr<Group>> groups;  // by id
  GroupClock clock;
  std::map<std::string, InFlight> in_flight;        // by log id
  std::map<std::string, std::int64_t> transitions;  // by log id: the last given out
  std::map<std::string, Delivery> deliveries;       // by intent key
  std::set<std::string> restored;                   // intents that were pending at the start
  std::map<std::string, DeliveryLane> lanes;        // by receiver key
  std::map<std::string, Acknowledgement> acks;      // by group key
  std::map<std::string, DrillState> drills;         // running ones, by id
  std::set<std::uint64_t> unsaved;                  // alerts that the journal refused
  std::unique_ptr<state::Subscription> own_alerts;
  MonoTime start_after{};  // no flush before: --dispatch.start-delay
  bool started = false;
  state::Seq own_seq = 0;                  // the last entry of kAlertChanged taken
  std::uint64_t beat_flushes = 0;          // at the last heartbeat
  WallTime alive_until{};                  // before this start: flushes up to here were made
  std::optional<MonoTime> refusing_since;  // the journal takes nothing
  RouterStats counted;                     // those that only grow
};

}  // namespace holdfast::respond::route
