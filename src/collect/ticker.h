// collect/ticker.h: one piece of work again and again, at its own offset within the interval.
//
// Purpose     A thousand targets of one interval must not all be asked at once: each has an offset drawn
//             from its identity, the same after a restart.
// Units       The moment handed to the work is the planned one while the clock agrees with the plan to
//             2 ms or 1 % of the interval, so that samples lie evenly and compress well; else the clock's.
// Threads     Construction and destruction by the owner; the work runs on Lane::kPool, one at a time.
//             Destruction waits for work that is running, unless it is that work which destroys.
// Overrun     A tick that comes late runs at once; those missed meanwhile are left out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/env.h"

namespace holdfast::collect {

class Ticker {
 public:
  using Work = std::function<void(WallTime planned)>;
  // `identity` decides the offset. interval must be at least 1 ms.
  Ticker(Env& env, Duration interval, std::uint64_t identity, Work work);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace holdfast::collect
