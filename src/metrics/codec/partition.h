// metrics/codec/partition.h: where the runs of a column begin.
//
// Idea        A long column ends in a short run: the newest samples are asked for most, and a block is the newest
//             there is until the next one. What is before it is cut in runs of one length, so that
//             their sizes differ little.
// Units       Samples.
// Threads     Values.
#pragma once

#include <algorithm>
#include <cstddef>

namespace holdfast::metrics::codec {

inline constexpr std::size_t kRun = 1024;  // the longest; ColumnGroup::kRunSamples
inline constexpr std::size_t kTail = 64;   // the last run of a column of several

class Partition {
 public:
  explicit Partition(std::size_t samples) : samples_(samples) {
    if (samples <= kRun) return;
    tail_ = samples - kTail;
    const std::size_t before = (tail_ + kRun - 1) / kRun;
    length_ = (tail_ + before - 1) / before;
    count_ = before + 1;
  }

  std::size_t count() const { return samples_ == 0 ? 0 : count_; }
  std::size_t begin(std::size_t run) const {
    return run + 1 < count_ || run == 0 ? run * length_ : tail_;
  }
  std::size_t size(std::size_t run) const {
    return (run + 1 < count_ ? begin(run + 1) : samples_) - begin(run);
  }
  std::size_t run_of(std::size_t sample) const {
    if (count_ == 1) return 0;
    return sample >= tail_ ? count_ - 1 : sample / length_;
  }

 private:
  std::size_t samples_;
  std::size_t count_ = 1;
  std::size_t length_ = kRun;
  std::size_t tail_ = 0;
};

}  // namespace holdfast::metrics::codec
