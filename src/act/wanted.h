// act/wanted.h: what should run of a service and how its traffic is shared: the document "wanted".
//
// Purpose     Written before anything is done about it; a crash at any instant leaves either the
//             old wish or the new one, and the drivers converge to it.
// Catalogue   Remembers the `stable` and `replicas` it was made from. When holdfast.yaml names
//             others, the file wins: a person changed it. A version that the file has no more is
//             dropped likewise.
// Document    kind "wanted", id: the service. Each change is also an entry of topic kWantedChanged.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "act/operations.h"
#include "base/result.h"
#include "model/service.h"

namespace holdfast::act {

inline constexpr std::string_view kWantedChanged = "wanted.changed";

struct Wanted {
  std::string service;
  std::string stable;
  int replicas = 0;
  std::string canary;  // empty: none
  int canary_replicas = 0;
  double canary_percent = 0;
  std::int64_t percent_changes =
      0;  // how often the percentage was set; a slow act sees that it was overtaken
  std::string configured_stable;
  int configured_replicas = 0;
  bool operator==(const Wanted&) const = default;

  std::vector<WantedVersion> versions() const;
  std::vector<std::string> instance_ids() const;  // stable first
};

Wanted wanted_by_catalogue(const model::Service& service);
// The remembered wish where the catalogue still allows it.
Wanted reconcile_wanted(const model::Service& service, const std::optional<Wanted>& remembered);
Result<Wanted> parse_wanted(std::string_view body);
std::string dump_wanted(const Wanted& wanted);

}  // namespace holdfast::act
