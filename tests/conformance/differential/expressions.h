// conformance/differential/expressions.h: random data and random questions about it.
//
// Purpose     The data holds what breaks query engines: counters that restart, gaps, staleness
//             markers, constants, NaN and infinities, classic histograms. Expressions are valid
//             PromQL of the stable language, nested a few levels.
// Invariants  The same seed gives the same data and the same expressions. No sample lies on the edge
//             of a window: samples lie off whole seconds, query times 7 s off whole minutes.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "conformance/differential/peer.h"

namespace holdfast::conformance {

inline constexpr model::Timestamp kDataStart = 1'700'000'040'000;  // a whole minute
inline constexpr model::Timestamp kDataEnd = kDataStart + 2 * 3'600'000;

std::vector<PeerSeries> random_series(std::uint64_t seed);

class Expressions {
 public:
  explicit Expressions(std::uint64_t seed) : random_(seed) {}
  std::string next() { return vector(3); }

 private:
  std::string vector(int depth);
  std::string selector();
  std::string matchers(const std::string& metric);
  std::string shift();
  std::string window(int depth);
  std::string range(int depth);
  std::string aggregation(int depth);
  std::string binary(int depth);
  std::string function(int depth);
  std::string scalar(int depth);
  std::string histogram();
  std::string duration();
  std::string pick(const std::vector<std::string>& options) {
    return options[random_.below(options.size())];
  }
  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }

  SeededRandom random_;
};

}  // namespace holdfast::conformance
