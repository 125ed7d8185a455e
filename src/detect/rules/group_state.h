// detect/rules/group_state.h: what the manager keeps of a group, and of one evaluation of it. Internal to manager.cc.
//
// Threads     Group on the control strand only. An Evaluation belongs to the pool until it is brought back; its levels are
//             worked on by several threads, which share nothing but the two counters.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "detect/rules/evaluate.h"

namespace holdfast::detect {

// FNV-1a, as Prometheus hashes file and name: spreads the groups over their interval, the same way at each start.
inline std::uint64_t hash_of(const std::string& text) {
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  for (const char c : text) sum = (sum ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  return sum;
}

struct RuleHealth {
  std::string health = "unknown";
  std::string last_error;
  WallTime last_evaluation{};
  Duration took{};
  std::uint64_t evaluations = 0;
  std::uint64_t failures = 0;
  std::size_t sample_count = 0;
};

struct Group {
  std::shared_ptr<const PreparedGroup> prepared;
  std::vector<RuleMemory> memory;  // one a rule
  std::vector<RuleHealth> health;  // one a rule
  WallTime last_evaluation{};
  Duration took{};
  std::uint64_t missed = 0;
  std::uint64_t iterations = 0;
  double took_sum_seconds = 0;
  bool running = false;
  std::optional<WallTime> due;  // came while new rules were waiting
  WallTime next{};
  TimerId timer = TimerId::kNone;

  std::int64_t interval_ms() const { return std::max<std::int64_t>(1, to_ms(prepared->interval)); }
  // The newest of the group's moments that is not after `now`.
  WallTime moment_at(WallTime now) const {
    const auto interval = interval_ms();
    const auto offset = static_cast<std::int64_t>(hash_of(prepared->file + ";" + prepared->name) %
                                                  static_cast<std::uint64_t>(interval));
    const auto since = to_ms(now) - offset;
    return from_ms(offset + since - ((since % interval) + interval) % interval);
  }
};
using GroupPtr = std::shared_ptr<Group>;

// Rules of which none needs another's result. `next` hands them out; who finishes the last of `left` goes on.
struct Level {
  std::vector<std::size_t> rules;
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> left{0};
};

// One evaluation of a group on the pool.
struct Evaluation {
  GroupPtr group;
  std::shared_ptr<const PreparedGroup> prepared;
  std::vector<RuleMemory> memory;
  WallTime at{};
  MonoTime begin{};
  std::vector<RuleOutcome> outcomes;
  std::deque<Level> levels;  // empty: in order
};
using EvaluationPtr = std::shared_ptr<Evaluation>;

inline void divide(Evaluation& evaluation) {
  for (std::size_t i = 0; i < evaluation.prepared->rules.size(); ++i) {
    const auto level = static_cast<std::size_t>(evaluation.prepared->rules[i].level);
    while (evaluation.levels.size() <= level) evaluation.levels.emplace_back();
    evaluation.levels[level].rules.push_back(i);
  }
  for (auto& level : evaluation.levels) level.left = level.rules.size();
  evaluation.outcomes.resize(evaluation.memory.size());
}

// What a rule that is no longer there remembered, until a rule adopts it or it is retired.
struct Legacy {
  std::string key;
  std::string identity;  // file and group do not matter
  RuleMemory memory;
  RuleHealth health;
};

}  // namespace holdfast::detect
