// respond/status/draft.h: what an incident's present state would say to the public, before a person has read it.
//
// Purpose     Pure: from an incident and the page's components to the update a draft holds.
// Threads     Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/incident.h"
#include "respond/status/page.h"

namespace holdfast::respond::status {

struct Drafted {
  std::string name;
  std::string impact;
  Update update;  // without id, at and by
};

// None: the incident concerns no component of the page, or is a drill, or milder than `mildest`.
std::optional<Drafted> draft_of(const model::Incident& incident, const std::vector<Component>& components,
                                model::Rank mildest, std::string_view language);

}  // namespace holdfast::respond::status
