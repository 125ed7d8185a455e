// metrics/codec/predictor.h: what the next integer of a column probably is.
//
// Purpose     A column is stored as what its predictor did not foresee. All
// predictors begin anew at
//             the start of a run, from the run's first integer and, where runs
//             follow each other, from the mean slope between their first
//             integers.
// Invariants  Encoder and decoder ask the same questions in the same order; all
// arithmetic is modulo
//             2^64, so that nothing overflows and every residual can be undone.
#pragma once

#include <cstdint>
#include <span>

namespace holdfast::metrics::codec {

// The numbers are stored.
enum class Predictor : std::uint8_t {
  kFlat = 0,     // every integer equals the first
  kNothing = 1,  // zero
  kLast = 2,     // the integer before
  kSlope0 = 3,   // the integer before plus a running mean of the steps, of weight
                 // 2^-0 ... 2^-7
  kSlopeLast = 10,
  kMean1 = 11,  // a running mean, of weight 2^-1 ... 2^-6
  kMeanLast = 16,
};
inline constexpr std::uint8_t kPredictorCount = 17;

inline bool is_slope(Predictor p) { return p >= Predictor::kSlope0 && p <= Predictor::kSlopeLast; }
inline bool is_mean(Predictor p) { return p >= Predictor::kMean1 && p <= Predictor::kMeanLast; }
// Whether the first integer of a run is stored beside the residuals instead of
// as one.
inline bool has_start(Predictor p) { return p != Predictor::kNothing; }

// Whether a counter began anew between two of its values: it fell to less than half. Such a step says
// nothing about the next ones.
inline bool restarted(std::uint64_t before, std::uint64_t now) { return now < before >> 1; }

// The state of a predictor within a run, for one integer at a time.
class Forecast {
 public:
  struct Run {
    std::int64_t start = 0;
    std::int64_t slope = 0;
    bool slope_known = false;
    unsigned fraction_bits = 0;  // of the running means
  };

  Forecast(Predictor predictor, const Run& run) : fraction_bits_(run.fraction_bits) {
    last_ = static_cast<std::uint64_t>(run.start);
    if (is_slope(predictor)) {
      weight_ = static_cast<unsigned>(predictor) - static_cast<unsigned>(Predictor::kSlope0);
      mean_ = static_cast<std::uint64_t>(run.slope) << fraction_bits_;
      fresh_ = !run.slope_known;
    } else if (is_mean(predictor)) {
      weight_ = 1 + static_cast<unsigned>(predictor) - static_cast<unsigned>(Predictor::kMean1);
      mean_ = last_ << fraction_bits_;
    }
  }

  // Of a predictor that is_slope().
  std::uint64_t next_by_slope() const {
    return fresh_ ? last_ : last_ + (shifted(mean_, fraction_bits_));
  }
  void saw_by_slope(std::uint64_t x) {
    const std::uint64_t step = (x - last_) << fraction_bits_;
    const std::uint64_t mean = fresh_ ? step : mean_ + shifted(step - mean_, weight_);
    const bool fell = restarted(last_, x);
    mean_ = fell ? mean_ : mean;
    fresh_ = fresh_ && fell;
    last_ = x;
  }
  // Of a predictor that is_mean().
  std::uint64_t next_by_mean() const { return shifted(mean_, fraction_bits_); }
  void saw_by_mean(std::uint64_t x) { mean_ += shifted((x << fraction_bits_) - mean_, weight_); }

 private:
  static std::uint64_t shifted(std::uint64_t v, unsigned count) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(v) >> count);
  }

  std::uint64_t last_ = 0;
  std::uint64_t mean_ = 0;
  unsigned fraction_bits_ = 0;
  unsigned weight_ = 0;
  bool fresh_ = false;
};

// Calls step(index, prediction) -> the integer, for each integer of a run of
// `count` that is coded as a residual: all but the first, or all of them where
// the predictor has no start.
template <typename Step>
inline void walk_run(Predictor predictor, const Forecast::Run& run, std::size_t count,
                     Step&& step) {
  const std::size_t first = has_start(predictor) ? 1 : 0;
  if (predictor == Predictor::kNothing) {
    for (std::size_t i = first; i < count; ++i) step(i, std::uint64_t{0});
  } else if (predictor == Predictor::kLast) {
    auto last = static_cast<std::uint64_t>(run.start);
    for (std::size_t i = first; i < count; ++i) last = step(i, last);
  } else if (is_slope(predictor)) {
    Forecast forecast(predictor, run);
    for (std::size_t i = first; i < count; ++i) {
      forecast.saw_by_slope(step(i, forecast.next_by_slope()));
    }
  } else {
    Forecast forecast(predictor, run);
    for (std::size_t i = first; i < count; ++i) {
      forecast.saw_by_mean(step(i, forecast.next_by_mean()));
    }
  }
}

}  // namespace holdfast::metrics::codec
