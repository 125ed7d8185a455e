// base/random.h: chance, as something handed in: jitter, ids and sampling all draw from here.
//
// Threads     SystemRandom from any thread (the kernel's generator). SeededRandom from one.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace holdfast {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, 1).
  double unit();
  bool chance(double probability) { return unit() < probability; }
  // `size` bytes as 2*size lower-case hex digits: for tokens and keys.
  std::string hex(std::size_t size);
};

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

// xoshiro256**: the same seed gives the same sequence on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  std::uint64_t next() override;

 private:
  std::uint64_t state_[4];
};

// 26 characters, sorted by time to the millisecond, 80 random bits (ULID).
std::string make_ulid(WallTime at, Random& random);

}  // namespace holdfast
