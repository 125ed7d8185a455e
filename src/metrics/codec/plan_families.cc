#include <algorithm>
#include <array>
#include <bit>
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
  Families(std::span<ColumnPlan> plans, std::span<const int> hints, Effort effort)
      : plans_(plans),
        hints_(hints),
        effort_(effort),
        state_(plans.size(), State::kOpen),
        size_(plans.size(), 1) {
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
    std::vector<Sum> sums;
    for (std::size_t c = 0; c < plans_.size(); ++c) {
      if (plans_[c].references.empty() && !used_[c] && worth(c)) find_sum(c, sums);
    }
    // The clearest first: a column is part of one sum only.
    std::stable_sort(sums.begin(), sums.end(),
                     [](const Sum& a, const Sum& b) { return a.share < b.share; });
    for (Sum& sum : sums) {
      const auto open = [&](std::size_t c) { return plans_[c].references.empty() && !taken_[c]; };
      if (!open(sum.column) || !std::all_of(sum.parts.begin(), sum.parts.end(),
                                            [&](const Reference& r) { return open(r.column); })) {
        continue;
      }
      for (const Reference& reference : sum.parts) taken_[reference.column] = true;
      size_[sum.column] += static_cast<std::uint32_t>(sum.parts.size());
      plans_[sum.column].references = std::move(sum.parts);
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
    if (size_[other] + 1 > kFamilyMax) return;
    const std::int32_t weight = effort_ == Effort::kSmall && worth(c) ? best_weight(c, other)
                                : helps(c, other)                     ? -Reference::kOne
                                                                      : 0;
    if (weight == 0) return;
    plans_[c].references.push_back({static_cast<std::uint32_t>(other), weight});
    size_[c] = size_[other] + 1;
    used_[other] = true;
  }

  // What multiple of the other column leaves least: all of it, as much as of its steps is mostly seen
  // here, or none. Few of a small count fall in a bucket; of a large one a share does.
  std::int32_t best_weight(std::size_t c, std::size_t other) {
    const Steps& own = steps(c);
    const Steps& theirs = steps(other);
    double cross = 0;
    double squares = 0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      cross += own[i] * theirs[i];
      squares += theirs[i] * theirs[i];
    }
    std::int32_t best = 0;
    double least = cost_of(plans_[c].scaled.integers, {}, {});
    const auto part = static_cast<std::int32_t>(
        squares > 0 ? std::lround(std::clamp(cross / squares, 0.0, 1.0) * Reference::kOne) : 0);
    for (const std::int32_t weight : {-Reference::kOne, -part}) {
      if (weight == 0 || (weight == -Reference::kOne && best == weight)) continue;
      const double cost = cost_of(plans_[c].scaled.integers, plans_[other].scaled.integers,
                                  {static_cast<std::uint32_t>(other), weight});
      // A weight of its own takes some bytes, and a product for each sample read.
      if (cost < (weight == -Reference::kOne ? least : least * 0.97)) least = cost, best = weight;
    }
    return best;
  }

  // Bits of the steps of own + weight * theirs, as often as each occurs.
  static double cost_of(std::span<const std::int64_t> own, std::span<const std::int64_t> theirs,
                        const Reference& reference) {
    const std::size_t from = own.size() / 2;
    const std::size_t count = std::min(own.size() - from, 2 * kProbe);
    std::array<std::int64_t, 2 * kProbe> found;
    const auto at = [&](std::size_t i) {
      const auto integer = static_cast<std::uint64_t>(own[i]);
      return theirs.empty() ? integer : integer + reference.of(theirs[i]);
    };
    std::uint64_t before = at(from - 1);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t now = at(from + i);
      found[i] = static_cast<std::int64_t>(now - before);
      before = now;
    }
    std::sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count));
    double bits = 0;
    for (std::size_t i = 0; i < count;) {
      std::size_t end = i;
      while (end < count && found[end] == found[i]) ++end;
      const auto times = static_cast<double>(end - i);
      bits -= times * std::log2(times / static_cast<double>(count));
      // What occurs once tells how far apart such values lie, too.
      if (end - i == 1) bits += 0.5 * std::bit_width(fold_sign(found[i]));
      i = end;
    }
    return bits;
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
      const auto before = static_cast<std::uint64_t>(integers[i - 1]);
      const auto now = static_cast<std::uint64_t>(integers[i]);
      // Columns that begin anew do so together: that they do hides what else they have in common.
      const bool fell = now + 1024 < before && restarted(before, now);
      out.push_back(fell ? 0 : static_cast<float>(static_cast<std::int64_t>(now - before)));
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

  struct Sum {
    std::size_t column = 0;
    std::vector<Reference> parts;
    double spread = 0;  // of what is left
    double share = 0;   // of what there was
  };
  // At least a bit and a half less for each sample, or reading the others is
  // not worth it.
  static constexpr double kShareMax = 1.0 / 8;

  void find_sum(std::size_t c, std::vector<Sum>& sums) {
    const double alone = spread_of(steps(c), nullptr, 0);
    if (alone < 4) return;
    Sum sum = neighbours_sum(c, alone);
    // The load of a machine moves all columns: the best first step can lead astray, so this comes second.
    if (sum.spread > alone * kShareMax) sum = chosen_sum(c, alone);
    if (sum.spread > alone * kShareMax || sum.parts.empty()) return;
    sum.column = c;
    sum.share = sum.spread / alone;
    sums.push_back(std::move(sum));
  }

  static std::size_t first_neighbour(std::size_t c) {
    return c > kNeighbours ? c - kNeighbours : 0;
  }

  static void add(Steps& rest, const Steps& other, std::int32_t weight) {
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] += weight < 0 ? -other[i] : other[i];
  }

  // All columns before `c`, up to one of them.
  Sum neighbours_sum(std::size_t c, double alone) {
    Sum best{c, {}, alone, 1};
    std::vector<Reference> found;
    Steps rest = steps(c);
    for (std::size_t other = c; other-- > first_neighbour(c) && found.size() < kSumColumnsMax;) {
      if (!alike(c, other) || !plans_[other].references.empty()) continue;
      add(rest, steps(other), Reference::kOne);
      found.push_back({static_cast<std::uint32_t>(other), Reference::kOne});
      const double spread = spread_of(rest, nullptr, 0);
      if (spread < best.spread) best = {c, found, spread, 1};
    }
    return best;
  }

  // Column after column, the one that helps most first.
  Sum chosen_sum(std::size_t c, double alone) {
    Sum sum{c, {}, alone, 1};
    Steps rest = steps(c);
    while (sum.parts.size() < kSumColumnsMax) {
      double best = sum.spread;
      Reference which;
      for (std::size_t other = first_neighbour(c); other < c; ++other) {
        if (!alike(c, other) || !plans_[other].references.empty()) continue;
        const auto same = [&](const Reference& r) { return r.column == other; };
        if (std::any_of(sum.parts.begin(), sum.parts.end(), same)) continue;
        for (const std::int32_t weight : {Reference::kOne, -Reference::kOne}) {
          const double spread = spread_of(rest, &steps(other), weight < 0 ? -1.0F : 1.0F);
          if (spread < best) best = spread, which = {static_cast<std::uint32_t>(other), weight};
        }
      }
      if (best >= sum.spread * 0.95) break;
      add(rest, steps(which.column), which.weight);
      sum.spread = best;
      sum.parts.push_back(which);
    }
    return sum;
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
  const Effort effort_;
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
  Families families(plans, hints, effort);
  families.follow_hints();
  if (effort == Effort::kSmall) {
    families.find_sums();
    families.find_leaders();
  }
}

}  // namespace holdfast::metrics::codec
