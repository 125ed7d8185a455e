// act/traffic/traffic_keeper.h: keeps one router as it should be.
//
// Purpose     Applies the plan whenever it changes, observes the router, and applies again when
//             somebody else changed it or it was restarted and has forgotten everything.
// Pace        Looks every kCalm; every kEager while the router is away or not as planned; every
//             kHurried while somebody waits for sessions to end.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "act/traffic/router.h"
#include "base/env.h"

namespace holdfast::act {

class TrafficKeeper : public std::enable_shared_from_this<TrafficKeeper> {
 public:
  static constexpr Duration kCalm = 1s;
  static constexpr Duration kEager = 250ms;
  static constexpr Duration kHurried = 50ms;

  using Plan = std::function<std::vector<WantedServer>()>;
  // `changed` runs after each observation.
  TrafficKeeper(Env& env, std::string service, TrafficRouter& router, Plan plan,
                std::function<void()> changed);

  void start();
  void stop();  // no timers, no callbacks any more
  void sync();  // the plan may have changed
  void set_hurry(bool hurry);

  // The last observation found everything as planned now.
  bool in_line() const;
  bool reachable() const { return error_.empty() && observed_; }
  const std::string& error() const { return error_; }
  const std::vector<ServerView>& servers() const { return servers_; }

 private:
  void apply();
  void observe();
  void observe_in(Duration delay);
  void took(Result<std::vector<ServerView>> views);

  Env& env_;
  const std::string service_;
  TrafficRouter& router_;
  Plan plan_;
  std::function<void()> changed_;
  std::vector<ServerView> servers_;
  std::string error_;
  bool running_ = false;
  bool observed_ = false;
  bool applying_ = false;
  bool apply_again_ = false;
  bool observing_ = false;
  bool stale_ = true;   // something was applied since the last observation began
  bool tried_ = false;  // an apply() of what is observed now did not bring it in line
  bool hurry_ = false;
  TimerId timer_ = TimerId::kNone;
};

}  // namespace holdfast::act
