// base/clock.h: what time it is, as something handed in.
//
// Threads     now() and mono() from any thread.
// Source      SystemClock reads the machine. SimClock (base/sim.h) moves only when told to.
#pragma once

#include "base/time.h"

namespace holdfast {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual MonoTime mono() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime now() const override;
  MonoTime mono() const override;
};

}  // namespace holdfast
