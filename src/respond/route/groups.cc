#include "respond/route/groups.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/json_members.h"

namespace holdfast::respond::route {

using nlohmann::json;

std::string group_id(const Tree::Node& node, const model::Labels& labels) {
  return group_key(node.id, labels);
}

GroupClock::GroupClock(Env& env, std::function<void(Group&)> flush)
    : env_(env), flush_(std::move(flush)) {}

GroupClock::~GroupClock() {
  *alive_ = false;
  if (timer_ != TimerId::kNone) env_.executor.cancel(timer_);
}

void GroupClock::set(Group& group, MonoTime due) {
  queue_.erase(&group);
  group.due = due;
  queue_.insert(&group);
  arm();
}

void GroupClock::remove(Group& group) { queue_.erase(&group); }

std::optional<MonoTime> GroupClock::earliest() const {
  if (queue_.empty()) return std::nullopt;
  return (*queue_.begin())->due;
}

void GroupClock::arm() {
  if (queue_.empty()) return;
  const auto due = (*queue_.begin())->due;
  if (timer_ != TimerId::kNone) {
    if (armed_for_ <= due) return;  // it looks again when it rings
    env_.executor.cancel(timer_);
  }
  armed_for_ = due;
  const auto delay = std::max(Duration::zero(), Duration(due - env_.clock.mono()));
  timer_ = env_.executor.post_after(Lane::kControl, delay, [this, alive = alive_] {
    if (!*alive) return;
    timer_ = TimerId::kNone;
    run_due();
  });
}

void GroupClock::run_due() {
  const auto now = env_.clock.mono();
  // Those due now, once each: a flush sets its group's next time, which may be now again.
  std::vector<Group*> due;
  for (auto* group : queue_) {
    if (group->due > now) break;
    due.push_back(group);
  }
  for (auto* group : due) {
    if (queue_.contains(group)) flush_(*group);
  }
  arm();
}

std::string group_document(const Group& group) {
  json j = {{"node", group.node->id}, {"first_flush_at", to_ms(group.first_flush_at)}};
  auto& labels = j["labels"] = json::object();
  for (const auto& label : group.labels) labels[label.name] = label.value;
  for (const auto fingerprint : group.let_go) j["let_go"].push_back(fingerprint_text(fingerprint));
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<StoredGroup> read_group_document(std::string_view body) {
  using model::json_members::take;
  try {
    const auto j = json::parse(body);
    model::json_members::must_be_object(j);
    StoredGroup group;
    std::int64_t first = 0;
    std::vector<std::string> let_go;
    take(j, "node", group.node_id);
    take(j, "labels", group.labels);
    take(j, "first_flush_at", first);
    take(j, "let_go", let_go);
    group.first_flush_at = from_ms(first);
    for (const auto& text : let_go) group.let_go.insert(fingerprint_from(text));
    return group;
  } catch (const model::json_members::MemberError& e) {
    return invalid(e.text());
  } catch (const json::exception& e) {
    return invalid(e.what());
  }
}

Resumed resume_clock(WallTime first, Duration interval, WallTime alive_until, WallTime now) {
  if (first > now) return {first, false};
  const auto step = std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::milliseconds>(interval).count());
  const auto last = first + std::chrono::milliseconds((now - first).count() / step * step);
  if (last > alive_until) return {now, first <= alive_until};
  return {last + std::chrono::milliseconds(step), true};
}

}  // namespace holdfast::respond::route
