// respond/oncall/roster.h: the schedules of the configuration with what people changed by hand.
//
// Purpose     Answers who is on call; takes overrides and swaps.
// Durable     Overrides and swaps are documents (kinds oncall_override, oncall_swap) and entries of kRosterChanged,
//             written before they are answered. What ended more than kKeepChanges ago is dropped at start.
// Errors      kNotFound names what is known; kInvalid what is wrong: an end before its beginning, a person nobody
//             knows, a time already past; kConflict when a swap is taken already.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "model/person.h"
#include "respond/oncall/schedule.h"
#include "state/journal.h"

namespace holdfast::respond::oncall {

inline constexpr std::string_view kRosterChanged =
    "oncall.changed";                                // key: schedule; body: the override or swap
inline constexpr Duration kKeepChanges = 400 * 24h;  // a year of history, and the reports of it

class Roster {
 public:
  Roster(Env& env, state::Journal& journal);
  ~Roster();

  Result<void> start();
  void configure(std::vector<Schedule> schedules, const std::vector<model::Person>& people);

  const std::vector<Schedule>& schedules() const;
  const std::map<std::string, model::Person>& people() const;
  const Changes& changes() const;
  const Schedule* find(std::string_view name) const;

  // Final shifts; kNotFound for an unknown schedule.
  Result<std::vector<Shift>> shifts(std::string_view schedule, WallTime from, WallTime to) const;
  // With a role only that place of the shift; nobody for an unknown schedule.
  std::vector<std::string> on_call(std::string_view schedule, std::string_view role,
                                   WallTime at) const;

  using OverrideDone = std::function<void(Result<Override>)>;
  using SwapDone = std::function<void(Result<Swap>)>;
  using Done = std::function<void(Result<void>)>;
  void add_override(Override wanted, OverrideDone done);  // id and made_at are given here
  void remove(const std::string& id, const std::string& by, Done done);  // an override or a swap
  void ask_swap(Swap wanted, SwapDone done);
  void take_swap(const std::string& id, const std::string& taker, SwapDone done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond::oncall
