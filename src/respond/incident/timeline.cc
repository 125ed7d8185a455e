#include "respond/incident/timeline.h"

#include <algorithm>

namespace holdfast::respond {

using model::Incident;
using model::TimelineEntry;

void record(Incident& incident, TimelineEntry entry) {
  if (incident.timeline.size() >= kTimelineCountMax) return;
  if (entry.id.empty()) entry.id = "e" + std::to_string(++incident.entries_made);
  const auto place =
      std::upper_bound(incident.timeline.begin(), incident.timeline.end(), entry.at,
                       [](WallTime at, const TimelineEntry& other) { return at < other.at; });
  incident.timeline.insert(place, std::move(entry));
}

void record(Incident& incident, WallTime at, std::string_view kind, std::string text,
            std::string_view actor, std::optional<model::Evidence> evidence, std::int64_t seq) {
  record(incident, TimelineEntry{at, std::string(kind), std::move(text), std::string(actor),
                                 std::move(evidence), seq});
}

void number_lines(Incident& incident) {
  for (auto& entry : incident.timeline) {
    if (entry.id.empty()) entry.id = "e" + std::to_string(++incident.entries_made);
  }
}

TimelineEntry* find_entry(Incident& incident, std::string_view id) {
  const auto found = std::find_if(incident.timeline.begin(), incident.timeline.end(),
                                  [&](const auto& entry) { return entry.id == id; });
  return found == incident.timeline.end() ? nullptr : &*found;
}

const TimelineEntry* first_of(const Incident& incident, std::string_view kind) {
  const auto found = std::find_if(incident.timeline.begin(), incident.timeline.end(),
                                  [&](const auto& entry) { return entry.kind == kind; });
  return found == incident.timeline.end() ? nullptr : &*found;
}

std::string level_name(const Incident& incident, model::Rank rank) {
  const auto index = static_cast<std::size_t>(rank) - 1;
  if (index < incident.level_names.size()) return incident.level_names[index];
  auto scheme = model::scheme_by_name(incident.scheme);
  return (scheme ? *scheme : model::scheme_a()).level(rank).name;
}

bool any_firing(const Incident& incident) {
  return std::any_of(incident.alerts.begin(), incident.alerts.end(),
                     [](const auto& a) { return a.state == model::AlertState::kFiring; });
}

}  // namespace holdfast::respond
