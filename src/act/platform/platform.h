// act/platform/platform.h: where a service's instances run, behind one interface.
//
// Purpose     Drivers: processes of this machine. A driver is told what is wanted and converges
//             towards it; it keeps a document for each instance, so that after a crash it knows
//             them again.
// Instances   Named service/version/index. Index i of a version serves on the version's base port +
//             i.
// Threads     Control strand only; handlers run there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "act/operations.h"
#include "base/result.h"
#include "model/operations.h"

namespace holdfast::act {

class Platform {
 public:
  using Changed = std::function<void(const model::Instance&)>;
  using Stopped = std::function<void()>;
  using Checked = std::function<void(Result<void>)>;

  virtual ~Platform() = default;

  // Called on every change of state, before the journal has it. Set it before start().
  virtual void on_change(Changed changed) = 0;
  // Takes up what earlier runs left: live instances are adopted with the state they had; they are
  // stopped when want() does not name them before the control strand's next turn. Call once.
  virtual Result<void> start() = 0;
  // All that is to run of this service. What is missing is started, what is not named is stopped
  // and then forgotten; the others are left alone.
  virtual void want(const std::string& service, const std::vector<WantedVersion>& wanted) = 0;
  // Also those on their way out.
  virtual std::vector<model::Instance> instances(const std::string& service) const = 0;

  // Gracefully, and it stays down until start_instance(). At once when it does not run. An instance
  // that is not wanted is kNotFound to check() and nothing to the others.
  virtual void stop_instance(const std::string& id, Stopped stopped) = 0;
  virtual void start_instance(const std::string& id) = 0;
  // Asks the instance itself, now.
  virtual void check(const std::string& id, Checked checked) = 0;

  // Orderly shutdown: who depends on others stops before them. Nothing is started any more; what
  // still runs after `grace` is killed. What was wanted stays wanted: the next start() brings it
  // back.
  virtual void stop_all(Duration grace, Stopped stopped) = 0;
};

}  // namespace holdfast::act
