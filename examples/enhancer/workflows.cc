#include "enhancer/workflows.h"

#include <algorithm>

#include "enhancer/telemetry.h"

namespace enhancer {

Workflows::Workflows(MonoTime now) {
  for (std::size_t i = 0; i < kWorkflowCount; ++i) workflows_[i] = {i * kPhaseCount / kWorkflowCount, now};
}

void Workflows::tick(MonoTime now, std::size_t agents_down, bool stuck) {
  std::lock_guard lock(mutex_);
  if (agents_down > agents_down_) agent_failures_ += agents_down - agents_down_;
  agents_down_ = std::min(agents_down, kAgentCount);
  hindered_ = hindered_ || agents_down_ > kAgentCount / 2;
  if (stuck) return;
  for (auto& workflow : workflows_) {
    if (now - workflow.entered < kPhaseTime) continue;
    workflow.phase = (workflow.phase + 1) % kPhaseCount;
    workflow.entered = now;
    if (workflow.phase != 0) continue;
    ++finished_;
    // With most agents down a workflow comes to its end without its result.
    if (!hindered_) ++succeeded_;
    hindered_ = false;
  }
}

std::string Workflows::agents_text() const {
  std::lock_guard lock(mutex_);
  Exposition text;
  text.family("claude_enhancer_agents_active_total", "gauge", "Agents that are up, of 61.");
  text.sample("claude_enhancer_agents_active_total", "", static_cast<double>(kAgentCount - agents_down_));
  text.family("claude_enhancer_agent_up", "gauge", "Whether the agent is up.");
  for (std::size_t i = 0; i < kAgentCount; ++i) {
    const auto number = std::to_string(i + 1);
    const auto name = "agent-" + std::string(number.size() < 2 ? "0" : "") + number;
    text.sample("claude_enhancer_agent_up", "agent=\"" + name + "\"", i >= agents_down_);
  }
  text.family("claude_enhancer_agent_failures_total", "counter", "Agents that went down since the start.");
  text.sample("claude_enhancer_agent_failures_total", "", static_cast<double>(agent_failures_));
  return text.take();
}

std::string Workflows::workflow_text(MonoTime now) const {
  std::lock_guard lock(mutex_);
  std::array<double, kPhaseCount> active{};
  std::array<double, kPhaseCount> longest{};
  for (const auto& workflow : workflows_) {
    active[workflow.phase] += 1;
    longest[workflow.phase] = std::max(longest[workflow.phase], to_seconds(now - workflow.entered));
  }
  Exposition text;
  const auto by_phase = [&](const char* name, const std::array<double, kPhaseCount>& values) {
    for (std::size_t i = 0; i < kPhaseCount; ++i) text.sample(name, "phase=\"P" + std::to_string(i) + "\"", values[i]);
  };
  text.family("claude_enhancer_workflow_phase_active_total", "gauge", "Workflows that are in the phase now.");
  by_phase("claude_enhancer_workflow_phase_active_total", active);
  text.family("claude_enhancer_workflow_phase_duration_seconds", "gauge",
              "Time since the workflow longest in the phase entered it; 0 when none is.");
  by_phase("claude_enhancer_workflow_phase_duration_seconds", longest);
  text.family("claude_enhancer_workflow_total", "counter", "Workflows that ended.");
  text.sample("claude_enhancer_workflow_total", "", static_cast<double>(finished_));
  text.family("claude_enhancer_workflow_success_total", "counter", "Workflows that ended with their result.");
  text.sample("claude_enhancer_workflow_success_total", "", static_cast<double>(succeeded_));
  return text.take();
}

}  // namespace enhancer
