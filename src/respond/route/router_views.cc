// What is shown, and why: nothing here changes anything.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/json_members.h"
#include "respond/route/router_impl.h"

namespace holdfast::respond::route {

using nlohmann::json;

namespace {

// How far ahead explain() looks for the end of a mute.
constexpr auto kLookAhead = std::chrono::minutes(14 * 24 * 60);

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

bool matches_all(const std::vector<model::Matcher>& matchers, const Receiver* receiver) {
  return std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& matcher) {
    if (receiver == nullptr) return matcher.matches_empty();
    const auto it = receiver->labels.find(matcher.name());
    if (it != receiver->labels.end()) return matcher.matches(it->second);
    return matcher.matches(matcher.name() == "name" ? std::string_view(receiver->name)
                                                    : std::string_view());
  });
}

}  // namespace

RoutedAlert Router::Impl::routed(const AlertRow& row, bool resolved) const {
  RoutedAlert alert;
  alert.labels = table.labels(row).copy();
  alert.annotations = table.annotations(row).copy();
  alert.starts_at = row.span.starts_at;
  if (resolved) alert.ends_at = row.span.ends_at;
  alert.generator_url = std::string(table.generator(row));
  return alert;
}

AlertView Router::Impl::view(const AlertRow& row, WallTime now) const {
  AlertView view;
  view.alert = routed(row, true);
  // A fact ends when it is said to; until then it is shown as a sender's promise would be.
  if (row.span.ends_at >= kForever)
    view.alert.ends_at = now + in_ms(tree->config().resolve_timeout);
  view.updated_at = row.span.updated_at;
  view.fingerprint = fingerprint_text(row.fingerprint);
  view.fact = row.fact;
  const auto labels = table.labels(row);
  for (const auto* node : targets(labels)) {
    view.receivers.push_back(node->route->receiver);  // once a route, as Alertmanager shows it
    if (acks.empty()) continue;
    const auto ack = acks.find(group_key(node->key, group_labels(*node->route, labels)));
    if (ack != acks.end() &&
        std::binary_search(ack->second.alerts.begin(), ack->second.alerts.end(), row.fingerprint)) {
      view.acknowledged = true;
    }
  }
  view.silenced_by = silenced_by(row, now);
  if (const auto source = inhibitor.inhibited_by(labels, now))
    view.inhibited_by.push_back(fingerprint_text(*source));
  if (!view.silenced_by.empty() || !view.inhibited_by.empty())
    view.state = RoutedState::kSuppressed;
  view.flapping = damping.flapping(row.fingerprint, now);
  return view;
}

bool Router::Impl::shown(const AlertView& view, const AlertFilter& filter) const {
  if (!filter.active && view.state == RoutedState::kActive) return false;
  if (!filter.silenced && !view.silenced_by.empty()) return false;
  if (!filter.inhibited && !view.inhibited_by.empty()) return false;
  return filter.unprocessed || view.state != RoutedState::kUnprocessed;
}

std::vector<AlertView> Router::Impl::alerts(const AlertFilter& filter) const {
  const auto now = env.clock.now();
  std::vector<std::pair<std::uint64_t, const AlertRow*>> rows;
  for (const auto& [fingerprint, row] : table) {
    if (!row.span.resolved(now) && table.labels(row).matches(filter.matchers))
      rows.emplace_back(fingerprint, &row);
  }
  std::sort(rows.begin(), rows.end());
  std::vector<AlertView> found;
  for (const auto& [fingerprint, row] : rows) {
    if (filter.receiver || !filter.receiver_matchers.empty()) {
      const auto nodes = targets(table.labels(*row));
      if (std::none_of(nodes.begin(), nodes.end(), [&](const Tree::Node* node) {
            return (!filter.receiver || filter.receiver->matches(node->route->receiver)) &&
                   matches_all(filter.receiver_matchers, node->receiver);
          })) {
        continue;
      }
    }
    auto one = view(*row, now);
    if (shown(one, filter)) found.push_back(std::move(one));
  }
  return found;
}

std::vector<GroupView> Router::Impl::groups_view(const AlertFilter& filter) const {
  const auto now = env.clock.now();
  std::vector<GroupView> found;
  for (const auto& [id, group] : groups) {
    const auto& route = *group->node->route;
    if (filter.receiver && !filter.receiver->matches(route.receiver)) continue;
    if (!matches_all(filter.receiver_matchers, group->node->receiver)) continue;
    GroupView one;
    one.muted_by = muted_by(route, now);
    if (!filter.muted && !one.muted_by.empty()) continue;
    FingerprintSet members(group->members.begin(), group->members.end());
    std::sort(members.begin(), members.end());
    for (const auto fingerprint : members) {
      const auto* row = table.find(fingerprint);
      if (row == nullptr || row->span.resolved(now) || !table.labels(*row).matches(filter.matchers))
        continue;
      auto alert = view(*row, now);
      if (!shown(alert, filter)) continue;
      alert.muted_by = one.muted_by;
      if (!alert.muted_by.empty()) alert.state = RoutedState::kSuppressed;
      one.alerts.push_back(std::move(alert));
    }
    if (one.alerts.empty()) continue;
    one.key = group->key;
    one.labels = group->labels;
    std::vector<model::Label> labels;
    for (const auto& [name, value] : route.labels) labels.push_back({name, value});
    one.route_labels = model::Labels(std::move(labels));
    one.receiver = route.receiver;
    one.next_flush = now + in_ms(group->due - env.clock.mono());
    found.push_back(std::move(one));
  }
  std::stable_sort(found.begin(), found.end(), [](const GroupView& a, const GroupView& b) {
    if (a.labels == b.labels) return a.receiver < b.receiver;
    return labels_before(a.labels, b.labels);
  });
  return found;
}

// The next minute, after `at`, at which the route's time intervals let it speak.
std::optional<WallTime> Router::Impl::next_open(const Route& route, WallTime at) const {
  const auto first = std::chrono::floor<std::chrono::minutes>(at) + std::chrono::minutes(1);
  for (auto minute = first; minute < first + kLookAhead; minute += std::chrono::minutes(1)) {
    const WallTime moment = minute;
    if (muted_by(route, moment).empty()) return moment;
  }
  return std::nullopt;
}

Explanation::Target Router::Impl::explain_route(const Tree::Node& node, const model::Labels& labels,
                                                const Explanation& so_far, WallTime at) const {
  Explanation::Target target;
  const auto& route = *node.route;
  target.receiver = route.receiver;
  for (const auto* step = &node; step != nullptr; step = step->parent)
    target.route.insert(target.route.begin(), step->key);
  const auto grouped = group_labels(route, labels);
  target.group_key = group_key(node.key, grouped);
  const auto muted = muted_by(route, at);
  if (!so_far.inhibited_by.empty()) {
    target.why = "inhibited by alert " + joined(so_far.inhibited_by);
    return target;
  }
  if (!muted.empty() || !so_far.silenced_by.empty()) {
    auto open = at;
    for (const auto& id : so_far.silenced_by) {
      if (const auto* silence = silences.find(id)) open = std::max(open, silence->ends_at);
    }
    target.why = muted.empty() ? "silenced by " + joined(so_far.silenced_by)
                               : "muted by time interval " + joined(muted);
    target.next = muted_by(route, open).empty() ? std::optional(open) : next_open(route, open);
    return target;
  }
  if (node.receiver == nullptr || node.receiver->integrations.empty()) {
    target.why = "receiver " + route.receiver + " has no integrations";
    return target;
  }
  const auto fingerprint = fingerprint_of(labels);
  if (const auto ack = acks.find(target.group_key);
      ack != acks.end() &&
      std::binary_search(ack->second.alerts.begin(), ack->second.alerts.end(), fingerprint)) {
    target.why = "acknowledged by " + ack->second.by;
    return target;
  }
  const auto found = groups.find(group_id(node, grouped));
  const auto flush = found == groups.end()
                         ? at + in_ms(route.group_wait)
                         : env.clock.now() + in_ms(found->second->due - env.clock.mono());
  for (const auto& integration : node.receiver->integrations) {
    const auto key = receiver_key(node.receiver->name, integration);
    const auto* entry = log.find(target.group_key, key);
    // What else fires in the group does not take part: the question is about this alert.
    const auto need = needs_update(
        entry, {{fingerprint}, {}, integration.send_resolved, route.repeat_interval, at});
    if (need.needed) {
      target.told = true;
      target.why = need.reason;
      target.integrations.push_back(key);
      target.next = std::max(flush, at);
    } else if (!target.told && entry != nullptr) {
      target.why = "told already at " + format_time(entry->at);
      target.next = entry->at + in_ms(route.repeat_interval);
    }
  }
  return target;
}

Explanation Router::Impl::explain(const model::Labels& labels, WallTime at) const {
  Explanation explanation;
  explanation.silenced_by = silences.hiding(labels, at);
  // Whatever fires now is taken to fire at `at` too: when it will end nobody knows.
  if (const auto source = inhibitor.inhibited_by(labels, env.clock.now())) {
    explanation.inhibited_by.push_back(fingerprint_text(*source));
  }
  for (const auto* node : targets(labels)) {
    explanation.targets.push_back(explain_route(*node, labels, explanation, at));
  }
  return explanation;
}

RouterStats Router::Impl::stats() const {
  const auto now = env.clock.now();
  RouterStats stats = counted;
  for (const auto& [fingerprint, row] : table) {
    if (row.span.resolved(now)) continue;
    const bool hidden = !silenced_by(row, now).empty() ||
                        inhibitor.inhibited_by(table.labels(row), now).has_value();
    ++(hidden ? stats.alerts_suppressed : stats.alerts_active);
  }
  stats.silences_active = silences.count(SilenceState::kActive, now);
  stats.silences_pending = silences.count(SilenceState::kPending, now);
  stats.silences_expired = silences.count(SilenceState::kExpired, now);
  stats.groups = groups.size();
  stats.log_entries = log.size();
  stats.in_flight = deliveries.size();
  return stats;
}

void to_json(json& j, const Explanation& v) {
  j = {
      {"silenced_by", v.silenced_by}, {"inhibited_by", v.inhibited_by}, {"targets", json::array()}};
  for (const auto& target : v.targets) {
    json one = {{"receiver", target.receiver},
                {"route", target.route},
                {"group_key", target.group_key},
                {"told", target.told},
                {"why", target.why},
                {"integrations", target.integrations}};
    if (target.next) one["next"] = format_time(*target.next);
    j["targets"].push_back(std::move(one));
  }
}

}  // namespace holdfast::respond::route
