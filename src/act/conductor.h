// act/conductor.h: carries out Operations with a platform and a traffic router for each service.
//
// Purpose     Keeps what runs and how traffic is shared as the documents say, and does the acts
//             that remedies, drills and people ask for, step by step, reporting each step by name.
//
//   Operations ──▶ act ──▶ "act" document ──▶ steps ──▶ "wanted" document ──▶ Platform.want()
//                                               │                        └──▶ TrafficKeeper.sync()
//   Platform.on_change ──▶ traffic at once      └── waits for what is observed
//
// Order       Acts on one service run one after another. set_canary_percent() waits for nobody:
//             traffic must come off a bad version while a restart is under way; an act that was
//             about to set another percentage sees that it was overtaken and leaves it.
//             stop_canary() ends a start_canary().
// Durability  Wishes and acts are on disk before they have an effect. An act that a crash
//             interrupted goes on at the next start: what it wants is stated, not counted, so doing
//             a step twice is harmless; a restart remembers which instances are through.
// Begin       What is asked before start() has found out what runs waits for that.
// Keys        The kActsRemembered acts that ended last answer repeats of their key.
// Shutdown    stop_all() ends the acts under way without an answer; they go on at the next start.
// Threads     Control strand only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "act/operations.h"
#include "act/platform/platform.h"
#include "act/traffic/router.h"
#include "base/env.h"
#include "state/journal.h"

namespace holdfast::act {

using Routers = std::map<std::string, std::unique_ptr<TrafficRouter>>;  // by service
// A driver for each service whose traffic has one.
Routers make_routers(Env& env, const std::vector<model::Service>& services);

class Conductor final : public Operations {
 public:
  static constexpr std::size_t kActsRemembered = 1000;

  // What it refers to outlives it.
  Conductor(Env& env, state::Journal& journal, Platform& platform, Routers routers,
            std::vector<model::Service> services);
  ~Conductor() override;  // the instances live on

  // Reads the documents, adopts what runs and begins to converge.
  Result<void> start();
  // Orderly shutdown of every instance; `stopped` runs when the last has ended.
  void stop_all(Duration grace, std::function<void()> stopped);

  std::vector<model::Instance> instances(const std::string& service) const override;
  std::vector<WantedVersion> wanted(const std::string& service) const override;
  TrafficView traffic(const std::string& service) const override;
  void restart(const std::string& key, const std::string& service, const std::string& target,
               Done done) override;
  void scale(const std::string& key, const std::string& service, const std::string& version,
             int replicas, Done done) override;
  void start_canary(const std::string& key, const std::string& service, const std::string& version,
                    int replicas, double percent, Done done) override;
  void stop_canary(const std::string& key, const std::string& service, Done done) override;
  void set_canary_percent(const std::string& key, const std::string& service, double percent,
                          Done done) override;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::act
