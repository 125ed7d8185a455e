// act/platform/process_platform.h: services of platform kind "process": children of this machine.
//
// Purpose     Keeps one SupervisedInstance for each wanted slot. The state machine of a slot, its
//             restarts and its probes are told in supervised_instance.h.
// Documents   "instance", by instance id: model::Instance, and start_time and starts beside its
//             members. Entries: kInstanceChanged on every change. A slot that is wanted no more
//             loses its document.
// Shutdown    stop_all() stops in levels: first the services that no running one depends on.
// Threads     Control strand only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "act/platform/platform.h"
#include "act/platform/supervised_instance.h"

namespace holdfast::act {

class ProcessPlatform final : public Platform {
 public:
  // `parts` and what they refer to outlive the platform. Services of another kind are ignored.
  ProcessPlatform(InstanceParts parts, std::vector<model::Service> services);
  ~ProcessPlatform() override;  // the processes live on

  void on_change(Changed changed) override { changed_ = std::move(changed); }
  Result<void> start() override;
  void want(const std::string& service, const std::vector<WantedVersion>& wanted) override;
  std::vector<model::Instance> instances(const std::string& service) const override;
  void stop_instance(const std::string& id, Stopped stopped) override;
  void start_instance(const std::string& id) override;
  void check(const std::string& id, Checked checked) override;
  void stop_all(Duration grace, Stopped stopped) override;

 private:
  struct Slot {
    std::shared_ptr<SupervisedInstance> instance;
    bool is_wanted = false;
    bool leaving = false;  // being stopped because it is wanted no more
  };

  const model::Service* service_of(const std::string& name) const;
  Slot& add(const model::Service& service, const model::ProcessVersion& version, int index);
  void take_up(const InstanceRecord& record);
  void remove(const std::string& id);
  void stop_unwanted(const std::string& service);
  void stop_level(MonoTime deadline, const std::shared_ptr<Stopped>& stopped);

  InstanceParts parts_;
  const std::vector<model::Service> services_;
  Changed changed_;
  std::map<std::string, Slot> slots_;  // by instance id
  std::set<std::string> told_;         // services that want() named since start()
  std::map<std::string, InstanceRecord>
      remembered_;  // slots whose process is gone; their counts go on
  bool shutting_down_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // callbacks hold it weakly
};

}  // namespace holdfast::act
