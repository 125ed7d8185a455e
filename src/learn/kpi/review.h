// learn/kpi/review.h: the monthly look back: how often, how long, which trend, and what became of the improvements.
//
// Purpose     One report for a period: KPIs beside those of the period before (trend), the incidents, postmortems that are
//             late, improvements and what became of them, and the tools with their failures. As JSON and Markdown.
// Units       Seconds.
// Threads     Pure.
// Source      Mission M13-55, M13-56, M17-17, M17-20.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "learn/kpi/kpi.h"
#include "learn/postmortem/postmortem.h"
#include "model/operations.h"

namespace holdfast::learn {

struct ReviewInput {
  std::vector<model::Incident> incidents;  // of both periods
  std::vector<model::Notification> notifications;
  std::vector<Postmortem> postmortems;
  std::vector<model::Remedy> remedies;
  WallTime from{}, to{};  // the period before is as long as this
  KpiTargets targets;
  LoadHours hours;
  std::string author;
  WallTime now{};
};

struct Improvement {
  std::string incident, id, title, category, owner, state;
  std::optional<WallTime> due_at;
  bool overdue = false;
};

struct ToolUse {
  std::string tool;
  std::size_t runs = 0, helped = 0, failed = 0;
};

struct Review {
  WallTime from{}, to{}, generated_at{};
  std::string author;
  KpiReport present, before;  // by severity
  std::vector<model::Incident> incidents;  // of the period, oldest first; no drills
  std::vector<std::string> late_postmortems;  // ids of incidents
  std::vector<Improvement> improvements;
  std::vector<ToolUse> tools;
};

Review make_review(const ReviewInput& input);
std::string review_markdown(const Review& review, const std::string& language);
void to_json(nlohmann::json& j, const Review& v);

}  // namespace holdfast::learn
