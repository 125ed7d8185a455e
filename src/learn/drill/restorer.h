// learn/drill/restorer.h: puts a service back as it was before a drill.
//
// Purpose     Compares what is with what was and takes the next step, until nothing is left to do
//             and that was seen twice: faults cleared on every admin port, no canary, the replicas
//             there were, all of them ready. It need not know how far a drill came, nor what the
//             healer did meanwhile.
// Limits      kPatience; then it ends with kTimeout and says what is not back. Injected faults end
//             by themselves.
// Threads     Control strand only; `done` runs there, not after destruction.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "act/operations.h"
#include "base/env.h"
#include "learn/drill/drill_plan.h"
#include "net/http.h"

namespace holdfast::learn {

class Restorer : public std::enable_shared_from_this<Restorer> {
 public:
  using Done = std::function<void(Result<void>)>;
  static constexpr Duration kPatience = 60s;

  Restorer(Env& env, act::Operations& operations, net::Client& client, const DrillRecord& record);
  void run(Done done);

 private:
  void look();
  void look_later(Duration delay);
  // The next thing to do; empty when all is back.
  std::string next_step();
  void clear_faults();
  void cleared(const std::string& address, bool ok);
  bool serves_admin(const std::string& address) const;
  std::string not_ready() const;
  void act(const std::string& what,
           const std::function<void(const std::string& key, act::Done done)>& begin);
  void finish(Result<void> result);

  Env& env_;
  act::Operations& operations_;
  net::Client& client_;
  const std::string id_;
  const std::string service_;
  const Undo undo_;
  Done done_;
  MonoTime began_{};
  bool acting_ = false;
  bool canary_stopped_ = false;
  std::set<std::string> to_clear_;
  std::size_t clearing_ = 0;  // answers awaited
  MonoTime clear_again_{};    // not before
  int seen_whole_ = 0;
  TimerId timer_ = TimerId::kNone;  // one: a later call of look_later() replaces an earlier one
  std::string trouble_;             // of the last act
};

}  // namespace holdfast::learn
