#include <algorithm>
#include <cmath>

#include "metrics/codec/plan.h"

namespace holdfast::metrics::codec {
namespace {

// Steps of a column, enough of them to see who moves with whom.
constexpr std::size_t kProbe = 256;
// Sums over many columns pay only when columns are long.
constexpr std::size_t kSumSamplesMin = 512;
constexpr std::size_t kNeighbours = 10;
constexpr std::size_t kSumColumnsMax = 8;
// A leader is sought among so many columns before, none farther away than that.
constexpr std::size_t kLeaders = 32;
constexpr std::size_t kLeadersAway = 72;

using Steps = std::vector<float>;

class Families {
 public:
  Families(std::span<ColumnPlan> plans, std::span<const int> hints)
      : plans_(plans), hints_(hints), state_(plans.size(), State::kOpen), size_(plans.size(), 1) {
    steps_.resize(plans.size());
  }

  // The column a hint names goes first, so that the size of its family is
  // known.
  void follow_hints() {
    std::vector<std::size_t> path;
    for (std::size_t root = 0; root < plans_.size(); ++root) {
      for (std::size_t c = root; state_[c] == State::kOpen;) {
        state_[c] = State::kOnPath;
        path.push_back(c);
        if (hints_[c] < 0 || static_cast<std::size_t>(hints_[c]) >= plans_.size()) break;
        c = static_cast<std::size_t>(hints_[c]);
      }
      for (; !path.empty(); path.pop_back()) settle(path.back());
    }
  }

  // A column that is nearly a constant rise less the sum of some columns before
  // it: the times a processor spent in all its modes add up to the clock.
  void find_sums() {
    taken_.resize(plans_.size(), false);
    for (std::size_t c = plans_.size(); c-- > 0;) {
      if (plans_[c].references.empty() && !taken_[c] && !used_[c] && worth(c)) find_sum(c);
    }
  }

  // A column whose steps rise and fall with those of one before it: the load of a machine.
  void find_leaders() {
    leads_.resize(plans_.size(), false);
    for (std::size_t c = 0; c < plans_.size(); ++c) {
      if (plans_[c].references.empty() && !leads_[c] && !used_[c] && worth(c)) find_leader(c);
    }
  }

 private:
  enum class State : std::uint8_t { kOpen, kOnPath, kDone };

  void settle(std::size_t c) {
    state_[c] = State::kDone;
    if (used_.empty()) used_.resize(plans_.size(), false);
    if (hints_[c] < 0 || static_cast<std::size_t>(hints_[c]) >= plans_.size()) return;
    const auto other = static_cast<std::size_t>(hints_[c]);
    if (state_[other] != State::kDone || other == c || !alike(c, other)) return;
    if (size_[other] + 1 > kFamilyMax || !helps(c, other)) return;
    plans_[c].references.push_back({static_cast<std::uint32_t>(other), -Reference::kOne});
    size_[c] = size_[other] + 1;
    used_[other] = true;
  }

  bool alike(std::size_t a, std::size_t b) const {
    const Scaled& x = plans_[a].scaled;
    const Scaled& y = plans_[b].scaled;
    return x.scale == Scale::kDecimal && y.scale == Scale::kDecimal && x.digits == y.digits &&
           x.integers.size() == y.integers.size();
  }

  bool helps(std::size_t c, std::size_t other) const {
    const auto& own = plans_[c].scaled.integers;
    const auto& theirs = plans_[other].scaled.integers;
    unsigned alone = 0;
    unsigned together = 0;
    const std::size_t from = own.size() > 2 * kProbe ? own.size() / 2 : 1;
    const std::size_t to = std::min(own.size(), from + 2 * kProbe);
    for (std::size_t i = from; i < to; ++i) {
      const auto a = static_cast<std::uint64_t>(own[i]) - static_cast<std::uint64_t>(own[i - 1]);
      const auto b =
          static_cast<std::uint64_t>(theirs[i]) - static_cast<std::uint64_t>(theirs[i - 1]);
      alone += static_cast<unsigned>(std::bit_width(fold_sign(static_cast<std::int64_t>(a))));
      together +=
          static_cast<unsigned>(std::bit_width(fold_sign(static_cast<std::int64_t>(b - a))));
    }
    return together < alone;
  }

  bool worth(std::size_t c) const {
    const Scaled& scaled = plans_[c].scaled;
    return scaled.scale == Scale::kDecimal && scaled.integers.size() >= kSumSamplesMin;
  }

  const Steps& steps(std::size_t c) {
    Steps& out = steps_[c];
    if (!out.empty()) return out;
    const auto& integers = plans_[c].scaled.integers;
    const std::size_t from = integers.size() / 2;
    for (std::size_t i = from; i < from + kProbe && i < integers.size(); ++i) {
      const auto exact =
          static_cast<std::uint64_t>(integers[i]) - static_cast<std::uint64_t>(integers[i - 1]);
      out.push_back(static_cast<float>(static_cast<std::int64_t>(exact)));
    }
    return out;
  }

  static double spread_of(const Steps& a, const Steps* b, float sign) {
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double v = b == nullptr ? a[i] : a[i] + sign * (*b)[i];
      sum += v;
      squares += v * v;
    }
    const auto n = static_cast<double>(a.size());
    return squares / n - sum / n * (sum / n);
  }

  void find_sum(std::size_t c) {
    Steps rest = steps(c);
    const double alone = spread_of(rest, nullptr, 0);
    if (alone < 4) return;
    double now = alone;
    std::vector<Reference> found;
    const std::size_t from = c > kNeighbours ? c - kNeighbours : 0;
    while (found.size() < kSumColumnsMax) {
      double best = now;
      Reference which;
      for (std::size_t other = from; other < c; ++other) {
        if (!alike(c, other) || !plans_[other].references.empty()) continue;
        const auto same = [&](const Reference& r) { return r.column == other; };
        if (std::any_of(found.begin(), found.end(), same)) continue;
        for (const bool negative : {false, true}) {
          const double spread = spread_of(rest, &steps(other), negative ? -1.0F : 1.0F);
          if (spread < best)
            best = spread, which = {static_cast<std::uint32_t>(other),
                                    negative ? -Reference::kOne : Reference::kOne};
        }
      }
      if (best >= now * 0.95) break;
      const Steps& chosen = steps(which.column);
      for (std::size_t i = 0; i < rest.size(); ++i) {
        rest[i] += which.weight < 0 ? -chosen[i] : chosen[i];
      }
      now = best;
      found.push_back(which);
    }
    // At least a bit and a half less for each sample, or reading the others is
    // not worth it.
    if (now * 8 > alone || found.empty()) return;
    for (const Reference& reference : found) taken_[reference.column] = true;
    size_[c] += static_cast<std::uint32_t>(found.size());
    plans_[c].references = std::move(found);
  }

  // The column that the steps of `c` follow best, times a factor.
  void find_leader(std::size_t c) {
    const Steps& own = steps(c);
    const double spread_own = spread_of(own, nullptr, 0);
    const double alone = std::min(spread_own, 0.6 * change_of(own));
    double best = alone;
    Reference which;
    std::size_t tried = 0;
    for (std::size_t other = c; other-- > 0 && c - other <= kLeadersAway && tried < kLeaders;) {
      if (!plans_[other].references.empty() || !alike(c, other)) continue;
      const Steps& theirs = steps(other);
      const double spread = spread_of(theirs, nullptr, 0);
      if (spread < 4) continue;
      ++tried;
      const double factor = (spread_of(own, &theirs, 1) - spread_own - spread) / (2 * spread);
      const double rest = spread_of(own, &theirs, static_cast<float>(-factor));
      if (rest < best && std::fabs(factor) < 100 && std::fabs(factor) > 1e-3) {
        best = rest;
        which = {static_cast<std::uint32_t>(other),
                 static_cast<std::int32_t>(std::lround(-factor * Reference::kOne))};
      }
    }
    // At least a third of a bit less for each sample.
    if (best * 1.6 >= alone) return;
    leads_[which.column] = true;
    plans_[c].references.push_back(which);
  }

  // As spread_of(), of the difference between one step and the next.
  static double change_of(const Steps& a) {
    double squares = 0;
    for (std::size_t i = 1; i < a.size(); ++i) {
      squares += (a[i] - a[i - 1]) * (a[i] - a[i - 1]);
    }
    return squares / static_cast<double>(a.size());
  }

  std::span<ColumnPlan> plans_;
  std::span<const int> hints_;
  std::vector<State> state_;
  std::vector<std::uint32_t> size_;
  std::vector<bool> used_;   // a hint points there
  std::vector<bool> taken_;  // part of a sum
  std::vector<bool> leads_;
  std::vector<Steps> steps_;
};

}  // namespace

void plan_families(std::span<ColumnPlan> plans, std::span<const int> hints, Effort effort) {
  if (plans.empty()) return;
  Families families(plans, hints);
  families.follow_hints();
  if (effort == Effort::kSmall) {
    families.find_sums();
    families.find_leaders();
  }
}

}  // namespace holdfast::metrics::codec
