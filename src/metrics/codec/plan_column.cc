#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "metrics/codec/plan.h"

namespace holdfast::metrics::codec {
namespace {

constexpr std::size_t kShort = 64;  // samples: few predictors are tried on fewer
constexpr std::size_t kLong = 512;
constexpr std::size_t kQuantiles = 128;  // residuals looked at for where the bins lie
constexpr std::int64_t kSpreadMax = kBinCount / 2;

// x log2 x of small counts.
double plogp(std::uint32_t count) {
  static const auto kTable = [] {
    std::array<float, 4096> table{};
    for (std::size_t i = 1; i < table.size(); ++i) {
      table[i] = static_cast<float>(i) * std::log2(static_cast<float>(i));
    }
    return table;
  }();
  return count < kTable.size() ? kTable[count]
                               : static_cast<float>(count) * std::log2(static_cast<double>(count));
}

struct Choice {
  Predictor predictor = Predictor::kLast;
  int width = 0;
  std::int64_t first_bin = 0;
  bool repeats = false;
  double bits = std::numeric_limits<double>::infinity();
};

// Which bins suit residuals, the greater part of them in at most kSpreadMax
// bins.
Bins bins_for(std::span<const std::int64_t> residuals, bool without_zeros) {
  const std::size_t most = std::clamp(residuals.size() / 8, kQuantiles / 4, kQuantiles);
  std::array<std::int64_t, kQuantiles> sample;
  std::size_t n = 0;
  const std::size_t step = residuals.size() / most + 1;
  if (without_zeros) {
    // What remains may be rare: as many as fit.
    for (const std::int64_t r : residuals) {
      if (r != 0 && n < kQuantiles) sample[n++] = r;
    }
  } else {
    for (std::size_t i = 0; i < residuals.size() && n < most; i += step) sample[n++] = residuals[i];
  }
  if (n == 0) return {};
  const auto begin = sample.begin();
  std::sort(begin, begin + static_cast<std::ptrdiff_t>(n));
  // Outliers of a few in a hundred must not make the bins coarse. In short columns coarse ones are
  // cheaper, since their tables are.
  const std::size_t cut = residuals.size() < kLong ? n / 50 : n / 25;
  const std::int64_t low = sample[cut];
  const std::int64_t high = sample[n - 1 - cut];
  const std::int64_t middle = sample[n / 2];
  const std::uint64_t spread = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  Bins bins;
  while (bins.width < 62 && (spread >> bins.width) > kSpreadMax) ++bins.width;
  if (bins.width == 0 && sample[0] >= 0 && high < kBinCount) return bins;
  // All bins lie within what a residual can be.
  constexpr auto kHalf = static_cast<std::int64_t>(kBinCount / 2);
  constexpr auto kLimits = std::numeric_limits<std::int64_t>();
  bins.first = std::clamp(middle >> bins.width, kLimits.min() + kHalf, kLimits.max() - kHalf) - kHalf;
  return bins;
}

double bits_for(std::span<const std::int64_t> residuals, const Bins& bins, bool repeats) {
  if (residuals.size() < 2 * kShort) {
    // Too few for their frequencies to mean anything: how far they lie apart
    // must do.
    const std::int64_t middle = bins.first == 0 ? 0 : (bins.first + kBinCount / 2) << bins.width;
    double bits = 0;
    for (const std::int64_t r : residuals) {
      const auto distance = static_cast<std::uint64_t>(r) - static_cast<std::uint64_t>(middle);
      bits += static_cast<double>(std::bit_width(fold_sign(static_cast<std::int64_t>(distance))));
    }
    return bits;
  }
  std::array<std::uint32_t, kSymbolCount> counts{};
  std::uint64_t low_bits = 0;
  for (const std::int64_t r : residuals) {
    if (repeats && r == 0) {
      ++counts[kRepeat];
      continue;
    }
    const unsigned symbol = token_of(static_cast<std::uint64_t>(r), bins).symbol;
    ++counts[symbol];
    low_bits += extra_bits(symbol) + bins.width;
  }
  double bits = plogp(static_cast<std::uint32_t>(residuals.size()));
  unsigned used = 0;
  for (const std::uint32_t count : counts) {
    if (count == 0) continue;
    bits -= plogp(count);
    ++used;
  }
  return bits + static_cast<double>(low_bits) + 2 * used;
}

class Trial {
 public:
  Trial(const ColumnPlan& plan, Effort effort) : source_(plan.source()) {
    const std::size_t runs = Partition(source_.integers.size()).count();
    // Pieces of runs from all over the column: what suits one hour may not suit the next.
    const std::size_t pieces = effort == Effort::kFast ? 2 : 6;
    const std::size_t step = (runs + pieces - 1) / pieces;
    for (std::size_t run = step / 2; run < runs; run += step) runs_.push_back(run);
    piece_ = runs <= 2 ? std::min<std::size_t>(kRun, plan.head.count)
                       : (effort == Effort::kFast ? 512 : 2 * kRun) / runs_.size();
    head_.scale = plan.head.scale;
    head_.count = plan.head.count;
    if (head_.scale == Scale::kBinary) {
      coarsest_ = plan.scaled.places[runs_[0]];
      for (const std::size_t run : runs_) {
        coarsest_ = std::min(coarsest_, plan.scaled.places[run]);
      }
    }
  }

  // What `predictor` costs, judged by the first `length` integers of each piece.
  Choice consider(Predictor predictor, std::size_t length) {
    head_.predictor = predictor;
    gathered_ = 0;
    room_.resize(runs_.size() * std::min(length, piece_) + 1);
    for (const std::size_t run : runs_) gather(run, length);
    if (gathered_ == 0) room_[gathered_++] = 0;
    const std::span<const std::int64_t> residuals_(room_.data(), gathered_);
    Choice choice;
    choice.predictor = predictor;
    const auto zeros =
        static_cast<std::size_t>(std::count(residuals_.begin(), residuals_.end(), std::int64_t{0}));
    const bool many_zeros = zeros * 16 > residuals_.size();
    Bins bins = bins_for(residuals_, false);
    if (many_zeros && (bins.width > 0 || head_.scale == Scale::kBinary)) {
      choice.repeats = true;
      bins = bins_for(residuals_, true);
      if (bins.width == 0) choice.repeats = head_.scale == Scale::kBinary;
    }
    choice.width = static_cast<int>(bins.width) - coarsest_;
    choice.first_bin = bins.first;
    choice.bits = bits_for(residuals_, bins, choice.repeats);
    return choice;
  }

  std::size_t piece() const { return piece_; }

 private:
  void gather(std::size_t run, std::size_t length) {
    const int shift = head_.scale == Scale::kBinary ? source_.places[run] - coarsest_ : 0;
    RunPlan plan = plan_of(head_, source_, run);
    plan.count = std::min(plan.count, length);
    std::int64_t* out = room_.data() + gathered_;
    if (shift == 0) {
      visit_run(head_, source_, run, plan, [&](std::uint64_t integer, std::uint64_t foreseen) {
        *out++ = static_cast<std::int64_t>(integer - foreseen);
      });
    } else {
      visit_run(head_, source_, run, plan, [&](std::uint64_t integer, std::uint64_t foreseen) {
        *out++ = static_cast<std::int64_t>(integer - foreseen) >> std::min(shift, 63);
      });
    }
    gathered_ = static_cast<std::size_t>(out - room_.data());
  }

  PayloadSource source_;
  std::vector<std::size_t> runs_;
  Head head_;
  std::size_t piece_ = 0;  // integers of a run that are looked at
  int coarsest_ = 0;       // places of the run that has the fewest of those looked at
  std::vector<std::int64_t> room_;
  std::size_t gathered_ = 0;
};

std::span<const Predictor> candidates(std::size_t count, Effort effort) {
  using enum Predictor;
  static constexpr auto slope = [](int q) { return static_cast<Predictor>(3 + q); };
  static constexpr auto mean = [](int q) { return static_cast<Predictor>(10 + q); };
  static constexpr std::array kFew{kNothing, kLast, slope(0)};
  static constexpr std::array kSome{kNothing, kLast, slope(1), slope(3), mean(3)};
  static constexpr std::array kAll{kNothing, kLast,    slope(0), slope(1), slope(2),
                                   slope(3), slope(4), slope(5), slope(6), slope(7),
                                   mean(1),  mean(2),  mean(3),  mean(4),  mean(5)};
  if (count < kShort) return kFew;
  return effort == Effort::kFast || count < kRun ? std::span<const Predictor>(kSome) : kAll;
}

// The best of the candidates: all are judged by a few integers, those that look best by more.
Choice choose(Trial& trial, std::span<const Predictor> candidates) {
  constexpr std::size_t kFinalists = 4;
  constexpr std::size_t kShareOfFirst = 4;
  std::array<Choice, kPredictorCount> first;
  std::size_t count = 0;
  const std::size_t piece = trial.piece();
  const bool twice = candidates.size() > kFinalists + 1 && piece / kShareOfFirst >= kShort / 2;
  for (const Predictor p : candidates) {
    first[count++] = trial.consider(p, twice ? piece / kShareOfFirst : piece);
  }
  const auto cheaper = [](const Choice& a, const Choice& b) { return a.bits < b.bits; };
  const auto end = first.begin() + static_cast<std::ptrdiff_t>(count);
  if (!twice) return *std::min_element(first.begin(), end, cheaper);
  std::partial_sort(first.begin(), first.begin() + kFinalists, end, cheaper);
  Choice best;
  for (std::size_t i = 0; i < kFinalists; ++i) {
    const Choice choice = trial.consider(first[i].predictor, piece);
    if (choice.bits < best.bits) best = choice;
  }
  return best;
}

// What all integers have in common: a divisor of their differences, and an
// offset.
void divide(ColumnPlan& plan, std::span<const std::int64_t> integers) {
  const auto base = static_cast<std::uint64_t>(integers[0]);
  std::uint64_t divisor = 0;
  for (const std::int64_t integer : integers) {
    const std::uint64_t difference = static_cast<std::uint64_t>(integer) - base;
    const auto magnitude =
        static_cast<std::uint64_t>(std::abs(static_cast<std::int64_t>(difference)));
    if (magnitude == 0 || (divisor > 0 && magnitude % divisor == 0)) continue;
    divisor = std::gcd(divisor, magnitude);
    if (divisor == 1) return;
  }
  if (divisor < 2 || divisor > (std::uint64_t{1} << 62)) return;
  const auto by = static_cast<std::int64_t>(divisor);
  const std::int64_t offset = integers[0] % by;
  std::vector<std::int64_t> stream(integers.size());
  for (std::size_t i = 0; i < integers.size(); ++i) stream[i] = (integers[i] - offset) / by;
  plan.stream = std::move(stream);
  plan.head.divisor = divisor;
  plan.head.offset = offset;
}

bool all_equal(std::span<const std::int64_t> integers) {
  return std::all_of(integers.begin(), integers.end(),
                     [&](std::int64_t v) { return v == integers[0]; });
}

void apply_references(std::span<ColumnPlan> plans, ColumnPlan& plan) {
  if (plan.references.empty()) return;
  plan.stream = plan.scaled.integers;
  for (const Reference& reference : plan.references) {
    const auto& other = plans[reference.column].scaled.integers;
    for (std::size_t i = 0; i < plan.stream.size(); ++i) {
      const auto own = static_cast<std::uint64_t>(plan.stream[i]);
      plan.stream[i] = static_cast<std::int64_t>(own + reference.of(other[i]));
    }
  }
}

}  // namespace

void plan_scale(std::span<const double> values, ColumnPlan& plan) {
  Scaled& scaled = plan.scaled;
  plan.head.count = static_cast<std::uint32_t>(values.size());
  scale(values, scaled);
  if (scaled.scale == Scale::kBinary && std::all_of(values.begin(), values.end(), [&](double v) {
        return std::bit_cast<std::uint64_t>(v) == std::bit_cast<std::uint64_t>(values[0]);
      })) {
    scaled.scale = Scale::kBits;
    scaled.places.clear();
    scaled.exceptions.clear();
    std::fill(scaled.integers.begin(), scaled.integers.end(), ordered_bits(values[0]));
  }
  plan.head.scale = scaled.scale;
  plan.head.digits = scaled.digits;
}

void plan_column(std::span<ColumnPlan> plans, std::size_t index, Effort effort) {
  ColumnPlan& plan = plans[index];
  Head& head = plan.head;
  apply_references(plans, plan);
  auto integers = plan.source().integers;
  if (head.scale != Scale::kBinary && all_equal(integers)) {
    head.predictor = Predictor::kFlat;
    head.value = integers[0];
    return;
  }
  if (head.scale == Scale::kDecimal) divide(plan, integers);
  integers = plan.source().integers;
  head.value = integers[0];
  Trial trial(plan, effort);
  const Choice best = choose(trial, candidates(integers.size(), effort));
  head.predictor = best.predictor;
  head.width = static_cast<std::int16_t>(best.width);
  head.first_bin = best.first_bin;
  head.repeats = best.repeats;
  make_symbols(head, plan.source(), plan.symbols);
  std::array<std::uint32_t, kSymbolCount> counts{};
  for (const std::uint8_t symbol : plan.symbols) ++counts[symbol];
  for (std::size_t s = 0; s < kSymbolCount; ++s) {
    if (counts[s] > 0) plan.counts.emplace_back(static_cast<std::uint8_t>(s), counts[s]);
  }
}

}  // namespace holdfast::metrics::codec
