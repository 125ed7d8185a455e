// respond/route/groups.h: aggregation groups and their clocks.
//
// Purpose     A group is a route and the values by which it groups. Its first flush comes group_wait after its first alert, or
//             at once when that alert began longer ago; then one every group_interval. The clock is a list of due groups with
//             one timer for the first of them.
// Restart     A group's document keeps its first flush, so its clock goes on in step; a flush that fell into the time the
//             program was down is made up at once. It also names resolved members already told and let go, which the table
//             of alerts still has, so that they are not taken in again.
// Threads     Control strand only.
// Source      ../shared/reference/alerting.md section 2.4.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "base/env.h"
#include "respond/route/tree.h"

namespace holdfast::respond::route {

struct Group {
  std::string id;   // of the node, and the labels
  std::string key;  // as receivers are given it
  const Tree::Node* node = nullptr;
  model::Labels labels;
  WallTime first_flush_at{};
  MonoTime due{};
  bool flushed = false;
  std::unordered_set<std::uint64_t> members;
  std::set<std::uint64_t> let_go;     // told as resolved, and still in the table
  std::vector<std::string> muted_by;  // time intervals, at the last flush
};

std::string group_id(const Tree::Node& node, const model::Labels& labels);

// The clock: groups by when they are due, and one timer.
class GroupClock {
 public:
  GroupClock(Env& env, std::function<void(Group&)> flush);
  ~GroupClock();

  void set(Group& group, MonoTime due);
  void remove(Group& group);
  // When the first of them is due: until then everything was flushed.
  std::optional<MonoTime> earliest() const;

 private:
  void arm();
  void run_due();

  Env& env_;
  std::function<void(Group&)> flush_;
  struct ByDue {
    bool operator()(const Group* a, const Group* b) const {
      return std::tie(a->due, a->id) < std::tie(b->due, b->id);
    }
  };
  std::set<Group*, ByDue> queue_;
  TimerId timer_ = TimerId::kNone;
  MonoTime armed_for_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Documents of kind "route.group", by id.
std::string group_document(const Group& group);
struct StoredGroup {
  std::string node_id;
  model::Labels labels;
  WallTime first_flush_at{};
  std::set<std::uint64_t> let_go;
};
Result<StoredGroup> read_group_document(std::string_view body);

// When a group whose clock began at `first` flushes next, after a pause from `alive_until` to `now`.
struct Resumed {
  WallTime next{};
  bool flushed = false;  // its first flush was before the pause
};
Resumed resume_clock(WallTime first, Duration interval, WallTime alive_until, WallTime now);

}  // namespace holdfast::respond::route
