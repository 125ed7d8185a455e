// collect/forward/reshard.h: how many shards the traffic needs.
//
// Purpose     Rates smoothed over ten-second steps, and the number of shards that keeps up and catches up with what
//             lies behind.
// Units       Counts a step; durations in seconds.
// Threads     One object, one thread.
// Source      Prometheus' storage/remote calculateDesiredShards, and its description in "Remote write tuning".
#pragma once

#include <algorithm>
#include <cmath>

namespace holdfast::collect {

inline constexpr double kReshardStepSeconds = 10;

class SmoothedRate {
 public:
  // `count` is what happened in the step that ends now.
  void step(double count) {
    const double now = count / kReshardStepSeconds;
    rate_ = known_ ? rate_ + 0.2 * (now - rate_) : now;
    known_ = true;
  }
  double rate() const { return rate_; }

 private:
  double rate_ = 0;
  bool known_ = false;
};

struct ReshardInput {
  double in = 0;             // samples read from the queue in the step
  double out = 0;            // samples sent
  double dropped = 0;        // by relabelling
  double send_seconds = 0;   // of all requests
  double delay_seconds = 0;  // newest appended less newest sent
};

class ShardPlanner {
 public:
  // `now` shards there are; between min and max.
  int desired(const ReshardInput& step, int now, int min, int max) {
    in_.step(step.in);
    out_.step(step.out);
    dropped_.step(step.dropped);
    seconds_.step(step.send_seconds);
    if (out_.rate() <= 0) return now;
    const double kept = out_.rate() / (dropped_.rate() + out_.rate());
    const double pending = std::max(step.delay_seconds, 0.0) * in_.rate() * kept;
    const double seconds_per_sample = seconds_.rate() / out_.rate();
    const double wanted = std::ceil(seconds_per_sample * (in_.rate() * kept + 0.05 * pending));
    // Within a third of what there is nothing is gained by moving.
    if (wanted >= now * 0.7 && wanted <= now * 1.3) return now;
    if (wanted < now && step.delay_seconds > 10) return now;
    return static_cast<int>(std::clamp(wanted, double(min), double(max)));
  }

 private:
  SmoothedRate in_, out_, dropped_, seconds_;
};

}  // namespace holdfast::collect
