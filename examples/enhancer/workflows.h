// enhancer/workflows.h: the 61 agents and the 8 phases of a workflow, as far as monitoring sees them.
//
// Purpose     Four workflows run through phases P0 to P7 one after another, two seconds each, staggered;
//             agents stand ready for them. The faults `agents` and `stuck_phase` show here.
// Threads     From any thread.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"

namespace enhancer {

using namespace holdfast;  // NOLINT: see faults.h

inline constexpr std::size_t kAgentCount = 61;
inline constexpr std::size_t kPhaseCount = 8;
inline constexpr std::size_t kWorkflowCount = 4;
inline constexpr Duration kPhaseTime = 2s;

class Workflows {
 public:
  explicit Workflows(MonoTime now);
  // `agents_down` of the 61 are failing; while `stuck`, no workflow leaves its phase.
  void tick(MonoTime now, std::size_t agents_down, bool stuck);

  std::string agents_text() const;                    // /metrics/agents
  std::string workflow_text(MonoTime now) const;      // /metrics/workflow

 private:
  struct Workflow {
    std::size_t phase;
    MonoTime entered;
  };
  mutable std::mutex mutex_;  // guards all below
  std::array<Workflow, kWorkflowCount> workflows_;
  std::size_t agents_down_ = 0;
  std::uint64_t agent_failures_ = 0;
  std::uint64_t finished_ = 0;
  std::uint64_t succeeded_ = 0;
  bool hindered_ = false;  // since the workflow that finishes next began, agents were missing
};

}  // namespace enhancer
