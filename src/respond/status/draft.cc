#include "respond/status/draft.h"

namespace holdfast::respond::status {
namespace {

std::string_view status_of(model::IncidentState state) {
  switch (state) {
    case model::IncidentState::kOpen: return "investigating";
    case model::IncidentState::kAcknowledged: return "identified";
    case model::IncidentState::kMitigated: return "monitoring";
    case model::IncidentState::kResolved: return "resolved";
  }
  return "investigating";
}

std::string_view impact_of(model::Rank rank) {
  switch (rank) {
    case model::Rank::kWorst: return "critical";
    case model::Rank::kHigh: return "major";
    case model::Rank::kMedium: return "minor";
    case model::Rank::kLow: return "none";
  }
  return "minor";
}

ComponentStatus harm_of(const model::Incident& incident) {
  if (incident.state == model::IncidentState::kResolved || incident.state == model::IncidentState::kMitigated)
    return ComponentStatus::kOperational;
  switch (incident.rank) {
    case model::Rank::kWorst: return ComponentStatus::kMajorOutage;
    case model::Rank::kHigh: return ComponentStatus::kPartialOutage;
    case model::Rank::kMedium:
    case model::Rank::kLow: return ComponentStatus::kDegraded;
  }
  return ComponentStatus::kDegraded;
}

// Says what is known and nothing of the inside: titles of alerts are not for the public.
std::string body_of(const model::Incident& incident, const std::string& what, bool zh) {
  switch (incident.state) {
    case model::IncidentState::kOpen:
      return zh ? "我们发现 " + what + " 出现异常，正在调查原因。下一次更新将在 20 分钟内发布。"
                : "We are seeing problems with " + what +
                      " and are looking into the cause. The next update follows within 20 minutes.";
    case model::IncidentState::kAcknowledged:
      return zh ? what + " 的问题已由工程师接手处理，正在恢复服务。"
                : "Our engineers are working on the problem with " + what + " and are restoring service.";
    case model::IncidentState::kMitigated:
      return zh ? what + " 已恢复正常，我们仍在持续观察。"
                : what + " has recovered. We keep watching it closely.";
    case model::IncidentState::kResolved:
      return zh ? what + " 的问题已解决，服务运行正常。给您带来不便，我们深表歉意。"
                : "The problem with " + what + " is resolved and service is normal. We apologise for the trouble.";
  }
  return {};
}

}  // namespace

std::optional<Drafted> draft_of(const model::Incident& incident, const std::vector<Component>& components,
                                model::Rank mildest, std::string_view language) {
  if (incident.drill || incident.rank > mildest) return std::nullopt;
  const bool zh = language == "zh";
  Drafted drafted;
  std::string names;
  for (const auto& component : components) {
    if (component.service.empty() || component.service != incident.service) continue;
    if (!names.empty()) names += zh ? "、" : ", ";
    names += component.name;
    drafted.update.components.push_back({component.id, harm_of(incident)});
  }
  if (names.empty()) return std::nullopt;
  drafted.name = zh ? names + "服务异常" : "Problems with " + names;
  drafted.impact = std::string(impact_of(incident.rank));
  drafted.update.status = std::string(status_of(incident.state));
  drafted.update.body = body_of(incident, names, zh);
  drafted.update.draft = true;
  return drafted;
}

}  // namespace holdfast::respond::status
