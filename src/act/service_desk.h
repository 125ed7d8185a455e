// act/service_desk.h: one service as the conductor holds it: the wish, the traffic, the acts under
// way.
//
// Purpose     What the steps of acts (act_steps.h) work with. For Conductor.
// Waiting     wait_for() asks `look` again after each change of an instance, each observation of
//             the router and each act that was overtaken, until it answers or the time is up.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "act/platform/platform.h"
#include "act/traffic/traffic_keeper.h"
#include "act/wanted.h"
#include "base/env.h"
#include "model/service.h"
#include "state/journal.h"

namespace holdfast::act {

// A step's detail, or why it failed.
using StepDone = std::function<void(Result<std::string>)>;

class ServiceDesk : public std::enable_shared_from_this<ServiceDesk> {
 public:
  ServiceDesk(Env& env, state::Journal& journal, Platform& platform, model::Service spec,
              TrafficRouter* router);

  const model::Service& spec() const { return spec_; }
  Env& env() { return env_; }
  Platform& platform() { return platform_; }

  // --- the wish
  const Wanted& wanted() const { return wanted_; }
  void set_initial_wanted(Wanted wanted) { wanted_ = latest_ = std::move(wanted); }
  // Durable first; then it is the wish, and traffic follows. `then` is where the platform is told.
  void change_wanted(const std::function<void(Wanted&)>& change,
                     std::function<void(Result<void>)> then);
  // Counts also those on their way to the disk.
  std::int64_t percent_changes_asked() const { return latest_.percent_changes; }
  void converge() { platform_.want(spec_.name, wanted_.versions()); }

  // --- instances
  std::vector<model::Instance> instances() const { return platform_.instances(spec_.name); }
  std::optional<model::Instance> instance(const std::string& id) const;
  bool is_ready(const std::string& id) const;
  // Ready instances in rotation beside this one.
  int other_capacity(const std::string& id) const;

  // --- traffic
  void begin_traffic();
  void end();  // no waits and no traffic any more
  bool has_router() const { return keeper_ != nullptr; }
  TrafficKeeper& keeper() { return *keeper_; }
  TrafficView traffic() const;
  std::vector<WantedServer> plan() const;
  void sync_traffic();
  void drain(const std::set<std::string>& ids);
  void undrain(const std::set<std::string>& ids);
  // Sessions open on these instances; nothing when the router is not in line.
  std::optional<std::int64_t> sessions_on(const std::set<std::string>& ids) const;

  // --- waiting
  using Look = std::function<std::optional<Result<std::string>>()>;
  void wait_for(Duration limit, Look look, std::function<Result<std::string>()> too_late,
                StepDone done);
  void instance_changed();
  void look_again();

 private:
  struct Wait {
    Look look;
    std::function<Result<std::string>()> too_late;
    StepDone done;
    TimerId timer = TimerId::kNone;
  };
  void expire(const Wait* wait);
  void look_at_all();
  bool serves(const ServerView& server, const model::Instance& instance) const;

  Env& env_;
  state::Journal& journal_;
  Platform& platform_;
  const model::Service spec_;
  Wanted wanted_;  // durable
  Wanted latest_;  // the last one asked for; others may be on their way to the disk before it
  int changes_in_flight_ = 0;
  std::set<std::string> draining_;
  std::shared_ptr<TrafficKeeper> keeper_;
  std::list<std::shared_ptr<Wait>> waits_;
  bool look_posted_ = false;
};

}  // namespace holdfast::act
