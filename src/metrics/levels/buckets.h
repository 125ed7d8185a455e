// metrics/levels/buckets.h: what downsampling keeps of a series: one summary for each stretch of time.
//
// Purpose     A LevelBucket stands for the float samples of one series in (end - resolution, end]. Enough is
//             kept that a window of whole buckets answers counts, sums, extremes, the last sample, and
//             rates with their extrapolation exactly as its samples would.
// Invariants  Buckets of a series ascend, ends are multiples of the resolution. A bucket without a
//             sample exists only to say that a staleness marker lay in it.
// Joining     Two buckets of one series, the earlier first and not overlapping, make the bucket of both:
//             so levels of neighbouring blocks, finer levels and raw samples fit together.
// Units       Milliseconds. Windows are open on the left, as PromQL's.
// Threads     Values; a builder belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "metrics/store.h"

namespace holdfast::metrics {

// Which of a bucket's numbers a reader wants; count, times and the marker always come.
enum BucketField : unsigned {
  kBucketSum = 1,
  kBucketMin = 2,
  kBucketMax = 4,
  kBucketFirst = 8,
  kBucketLast = 16,
  kBucketDrops = 32,
  kBucketAll = 63,
};

struct LevelBucket {
  Timestamp end = 0;
  // Of the first and last sample; without a sample, both of the marker.
  Timestamp first_time = 0, last_time = 0;
  double count = 0;
  double sum = 0;
  double min = 0, max = 0;  // a NaN only where all are
  double first = 0, last = 0;
  double drops = 0;         // the values before each fall: what a counter lost by its resets
  bool ends_stale = false;  // a staleness marker came after the last sample
};

// The buckets of one series in a range, and a way to its samples.
struct Buckets {
  std::int64_t resolution = 0;
  std::vector<LevelBucket> buckets;
  bool exact = true;  // false: places overlapped, and samples to put it right are gone
  // Reads the samples themselves, for the rare window that needs them; null where they are gone.
  // Valid until the cursor reads on.
  class Samples {
   public:
    virtual ~Samples() = default;
    virtual Result<void> read(SeriesData& out) = 0;
  };
  Samples* samples = nullptr;
};

// The end of the bucket a sample at `t` belongs to.
constexpr Timestamp bucket_end(Timestamp t, std::int64_t resolution) {
  const Timestamp before = t - 1;
  return (before / resolution - (before % resolution < 0 ? 1 : 0)) * resolution + resolution;
}

class BucketBuilder {
 public:
  explicit BucketBuilder(std::int64_t resolution) : resolution_(resolution) {}
  // Both take what lies behind all that was taken before, or answer false and take nothing more. Of
  // samples only the numbers asked for are summed up.
  bool add(const SeriesData& floats, unsigned fields = kBucketAll);
  bool add(const std::vector<LevelBucket>& buckets);  // whose resolution divides this one's
  // Takes buckets in the order of their ends though they overlap: falls between them are not seen.
  void add_overlapping(const std::vector<LevelBucket>& buckets);
  // What was gathered; the builder begins anew.
  void take(std::vector<LevelBucket>& out);

 private:
  bool add(const LevelBucket& bucket);
  void add(Timestamp t, double value);
  void close();

  const std::int64_t resolution_;
  std::vector<LevelBucket> done_;
  LevelBucket open_;
  double lost_ = 0;  // by the rounding of open_.sum
  bool any_ = false;
};

// The series find_levels() found. With a resolution asked for, a read gives
//   - `buckets` of the whole range and no samples: what is younger than the levels is summed up; or
//   - samples alone: where buckets cannot answer (native histograms, places that overlap).
// Asked for what is left (resolution 0): samples where there are any, and beside them `buckets` of
// the times whose samples are gone.
class LevelSelection : public Selection {
 public:
  virtual std::int64_t resolution() const = 0;
  // Samples are gone up to this time, or some of them; kTimestampMin when all are there.
  virtual Timestamp gone_until() const = 0;
};

}  // namespace holdfast::metrics
