#include "respond/route/notify_log.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "model/json_members.h"
#include "respond/route/interned.h"

namespace holdfast::respond::route {

using nlohmann::json;

namespace {

constexpr char kBetween = '\x1f';  // in no receiver's name and, escaped, in no group key

json set_json(const FingerprintSet& set) {
  json list = json::array();
  for (const auto fingerprint : set) list.push_back(fingerprint_text(fingerprint));
  return list;
}

FingerprintSet take_set(const json& j, const char* name) {
  std::vector<std::string> texts;
  if (j.contains(name)) model::json_members::read(j[name], texts);
  FingerprintSet set;
  for (const auto& text : texts) set.push_back(fingerprint_from(text));
  std::sort(set.begin(), set.end());
  return set;
}

}  // namespace

bool is_subset(const FingerprintSet& part, const FingerprintSet& whole) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

FingerprintSet without(const FingerprintSet& set, const FingerprintSet& gone) {
  FingerprintSet left;
  std::set_difference(set.begin(), set.end(), gone.begin(), gone.end(), std::back_inserter(left));
  return left;
}

FingerprintSet united(const FingerprintSet& a, const FingerprintSet& b) {
  FingerprintSet all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

FingerprintSet common(const FingerprintSet& a, const FingerprintSet& b) {
  FingerprintSet both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

std::string log_id(std::string_view group_key, std::string_view receiver_key) {
  std::string id(group_key);
  id += kBetween;
  id += receiver_key;
  return id;
}

std::string LogEntry::id() const { return log_id(group_key, receiver_key); }

UpdateNeed needs_update(const LogEntry* entry, const UpdateQuestion& q) {
  if (entry == nullptr) {
    if (q.firing.empty()) return {};
    return {true, "first notification"};
  }
  if (!is_subset(q.firing, entry->firing)) {
    return {true, entry->firing.empty() ? "first notification" : "new alerts added"};
  }
  if (q.firing.empty()) {
    // Whatever send_resolved says: the log must forget that they fired.
    if (entry->firing.empty()) return {};
    return {true, "all alerts resolved"};
  }
  if (q.send_resolved && !is_subset(q.resolved, entry->resolved)) {
    return {true, "some alerts resolved"};
  }
  const auto repeat = std::chrono::duration_cast<std::chrono::milliseconds>(q.repeat_interval);
  if (entry->at < q.now - repeat) return {true, "repeat interval elapsed"};
  return {};
}

const LogEntry* NotifyLog::find(std::string_view group_key, std::string_view receiver_key) const {
  const auto it = entries_.find(log_id(group_key, receiver_key));
  return it == entries_.end() ? nullptr : &it->second;
}

LogEntry& NotifyLog::put(LogEntry entry) {
  auto id = entry.id();
  return entries_[std::move(id)] = std::move(entry);
}

std::vector<const LogEntry*> NotifyLog::of_group(std::string_view group_key) const {
  std::vector<const LogEntry*> found;
  const auto prefix = std::string(group_key) + kBetween;
  for (auto it = entries_.lower_bound(prefix);
       it != entries_.end() && it->first.starts_with(prefix); ++it) {
    found.push_back(&it->second);
  }
  return found;
}

std::vector<std::string> NotifyLog::expired(WallTime now) const {
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) {
    if (entry.expires_at <= now) ids.push_back(id);
  }
  return ids;
}

std::string log_document(const LogEntry& entry) {
  json j = {{"group_key", entry.group_key},
            {"receiver_key", entry.receiver_key},
            {"at", to_ms(entry.at)},
            {"expires_at", to_ms(entry.expires_at)},
            {"firing", set_json(entry.firing)},
            {"resolved", set_json(entry.resolved)},
            {"transition", entry.transition}};
  if (entry.told != entry.firing) j["told"] = set_json(entry.told);
  if (entry.unsure.transition != 0) {
    j["unsure"] = {{"transition", entry.unsure.transition},
                   {"firing", set_json(entry.unsure.firing)},
                   {"resolved", set_json(entry.unsure.resolved)}};
  }
  if (!entry.remember.empty()) j["remember"] = entry.remember;
  if (!entry.in_place_of.empty()) j["in_place_of"] = entry.in_place_of;
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<LogEntry> read_log_document(std::string_view body) {
  using model::json_members::take;
  try {
    const auto j = json::parse(body);
    model::json_members::must_be_object(j);
    LogEntry entry;
    std::int64_t at = 0, expires_at = 0;
    take(j, "group_key", entry.group_key);
    take(j, "receiver_key", entry.receiver_key);
    take(j, "at", at);
    take(j, "expires_at", expires_at);
    take(j, "transition", entry.transition);
    take(j, "remember", entry.remember);
    take(j, "in_place_of", entry.in_place_of);
    entry.at = from_ms(at);
    entry.expires_at = from_ms(expires_at);
    entry.firing = take_set(j, "firing");
    entry.resolved = take_set(j, "resolved");
    entry.told = j.contains("told") ? take_set(j, "told") : entry.firing;
    if (j.contains("unsure")) {
      const auto& unsure = j["unsure"];
      model::json_members::must_be_object(unsure);
      take(unsure, "transition", entry.unsure.transition);
      entry.unsure.firing = take_set(unsure, "firing");
      entry.unsure.resolved = take_set(unsure, "resolved");
    }
    return entry;
  } catch (const model::json_members::MemberError& e) {
    return invalid(e.text());
  } catch (const json::exception& e) {
    return invalid(e.what());
  }
}

}  // namespace holdfast::respond::route
