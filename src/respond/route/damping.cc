#include "respond/route/damping.h"

#include "respond/route/interned.h"

namespace holdfast::respond::route {
namespace {

std::chrono::milliseconds ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d);
}

}  // namespace

bool Damping::changed(std::uint64_t fingerprint, WallTime now) {
  if (options_.flap_changes <= 0) return false;
  const bool flapped = flapping(fingerprint, now);
  auto& flap = flaps_[fingerprint];
  if (!flapped) flap.since = {};
  flap.changes.push_back(now);
  while (flap.changes.front() < now - ms(options_.flap_window)) flap.changes.pop_front();
  if (flapped) {
    ++flap.held;
    return false;
  }
  if (flap.changes.size() < static_cast<std::size_t>(options_.flap_changes)) return false;
  flap.since = now;
  flap.held = 0;
  return true;
}

bool Damping::flapping(std::uint64_t fingerprint, WallTime now) const {
  const auto it = flaps_.find(fingerprint);
  if (it == flaps_.end() || it->second.since == WallTime{}) return false;
  return now < it->second.changes.back() + ms(options_.flap_calm);
}

void Damping::prune(Storm& storm, WallTime now) const {
  while (!storm.pages.empty() && storm.pages.front() <= now - ms(options_.storm_window)) {
    storm.pages.pop_front();
  }
}

bool Damping::admit(const std::string& receiver, const std::string& group_key, WallTime now) {
  if (options_.storm_groups <= 0) return true;
  auto& storm = storms_[receiver];
  if (storm.admitted == group_key && storm.admitted_at == now) return true;
  prune(storm, now);
  if (storm.pages.size() < static_cast<std::size_t>(options_.storm_groups)) {
    storm.pages.push_back(now);
    storm.admitted = group_key;
    storm.admitted_at = now;
    storm.held.erase(group_key);
    return true;
  }
  auto [it, added] = storm.held.try_emplace(group_key);
  auto& held = it->second;
  if (added) {
    held.group_key = group_key;
    held.receiver = receiver;
    held.since = now;
    held.why = "storm: " + std::to_string(options_.storm_groups) + " first pages to " + receiver +
               " within " + format_duration(options_.storm_window);
  }
  ++held.count;
  return false;
}

void Damping::released(const std::string& receiver, const std::string& group_key) {
  const auto it = storms_.find(receiver);
  if (it != storms_.end()) it->second.held.erase(group_key);
}

Damping::Summary Damping::summary_due(const std::string& receiver, WallTime now) {
  const auto it = storms_.find(receiver);
  if (it == storms_.end()) return Summary::kNone;
  auto& storm = it->second;
  prune(storm, now);
  if (!storm.announced && !storm.held.empty()) {
    storm.announced = true;
    return Summary::kBegun;
  }
  if (storm.announced && storm.held.empty() &&
      storm.pages.size() < static_cast<std::size_t>(options_.storm_groups)) {
    storm.announced = false;
    return Summary::kEnded;
  }
  return Summary::kNone;
}

std::vector<std::string> Damping::receivers() const {
  std::vector<std::string> names;
  for (const auto& [name, storm] : storms_) names.push_back(name);
  return names;
}

std::vector<std::string> Damping::held_groups(const std::string& receiver) const {
  std::vector<std::string> keys;
  const auto it = storms_.find(receiver);
  if (it == storms_.end()) return keys;
  for (const auto& [key, held] : it->second.held) keys.push_back(key);
  return keys;
}

std::vector<Held> Damping::held(WallTime now) const {
  std::vector<Held> all;
  for (const auto& [fingerprint, flap] : flaps_) {
    if (!flapping(fingerprint, now)) continue;
    Held held;
    held.fingerprint = fingerprint_text(fingerprint);
    held.since = flap.since;
    held.count = flap.held;
    held.why = "flapping: changed " + std::to_string(flap.changes.size()) + " times within " +
               format_duration(options_.flap_window) + "; told again after " +
               format_duration(options_.flap_calm) + " of calm";
    all.push_back(std::move(held));
  }
  for (const auto& [name, storm] : storms_) {
    for (const auto& [key, held] : storm.held) all.push_back(held);
  }
  return all;
}

}  // namespace holdfast::respond::route
