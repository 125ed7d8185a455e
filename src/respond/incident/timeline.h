// respond/incident/timeline.h: how a line enters the timeline, and what is read from it.
//
// Purpose     One place that orders, numbers and bounds the lines; every step writes through it.
// Limits      kTimelineCountMax lines: an instance that flaps for hours must not grow an incident without bound.
// Threads     Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/incident.h"

namespace holdfast::respond {

inline constexpr std::size_t kTimelineCountMax = 2000;
inline constexpr std::string_view kHoldfast = "holdfast";  // the actor of what no person did

// In order of happening: news may arrive a little after it happened.
void record(model::Incident& incident, model::TimelineEntry entry);
void record(model::Incident& incident, WallTime at, std::string_view kind, std::string text,
            std::string_view actor = kHoldfast, std::optional<model::Evidence> evidence = {},
            std::int64_t seq = 0);

// Lines written before they had ids get one, by their place.
void number_lines(model::Incident& incident);
model::TimelineEntry* find_entry(model::Incident& incident, std::string_view id);
// The first line of that kind; null when there is none.
const model::TimelineEntry* first_of(const model::Incident& incident, std::string_view kind);

// "P1": what the incident's scheme calls the rank, configured schemes included.
std::string level_name(const model::Incident& incident, model::Rank rank);
bool any_firing(const model::Incident& incident);

}  // namespace holdfast::respond
