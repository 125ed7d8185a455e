// Slots end now and go back; what is left over at the beginning is a shorter one. A maintenance that covers a slot takes the slot's
// own numbers; only its ragged ends are asked for.
//
//   period.from                                                    now          period.until
//      |-r-|--slot--|--slot--|--slot--|--slot--|--slot--|--slot--|--slot--| . . . |
//                       [piece][== whole ==][pc]
#include "detect/slo/budget.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "detect/slo/indicator.h"

namespace holdfast::detect::slo {
namespace {

using query::promql::Engine;
using std::chrono::milliseconds;

struct Counts {
  double total = 0, bad = 0;
  Counts& operator+=(const Counts& other) {
    total += other.total;
    bad += other.bad;
    return *this;
  }
  Counts operator-(const Counts& other) const { return {total - other.total, bad - other.bad}; }
};

struct Slot {
  WallTime from{}, until{};
  Counts counts;
  Counts excluded;  // of them, in maintenance
};

class Computer {
 public:
  Computer(const Slo& slo, const Engine& engine, const BudgetOptions& options)
      : slo_(slo), engine_(engine), options_(options) {}

  Result<Budget> compute(WallTime now, std::span<const Maintenance> maintenance) {
    const auto period = period_at(slo_.window, now);
    budget_.from = period.from;
    budget_.until = period.until;
    budget_.at = std::min(now, period.until);
    budget_.stretches = joined(maintenance, period.from, period.until);
    if (budget_.stretches.size() > kMaintenanceMax)
      return Error(Code::kTooLarge, "more than 1000 stretches of maintenance in the window");
    HF_TRY(fill_slots());
    for (const auto& stretch : budget_.stretches) HF_TRY(exclude(stretch));
    sum_up();
    return std::move(budget_);
  }

 private:
  Result<void> fill_slots() {
    const auto length = budget_.at - budget_.from;
    if (length <= milliseconds::zero()) return {};
    const auto count = std::clamp(options_.slots, 1, kSlotsMax);
    const auto slot = milliseconds((length.count() / count + 999) / 1000 * 1000);
    const auto width = std::min(std::max(slot, milliseconds(1000)), length);
    auto begin = budget_.at - (length / width) * width;
    if (begin > budget_.from) {
      slots_.push_back({
        budget_.from, begin, HF_TRY(ask(budget_.from, begin))
        , {}
      });
    }
    const auto first_index = slots_.size();
    for (; begin < budget_.at; begin += width) slots_.push_back({begin, begin + width, {}, {}});
    return fill_from_range(first_index, width);
  }

  Result<void> fill_from_range(std::size_t first_index, milliseconds width) {
    const auto first = to_ms(slots_[first_index].until);
    const auto last = to_ms(slots_.back().until);
    const auto put = [&](const std::string& query, double Counts::*member) -> Result<void> {
      auto result = HF_TRY(engine_.range(query, first, last, width.count(), options_.query));
      for (const auto& series : std::get<query::promql::Matrix>(result.value).series) {
        for (const auto& point : series.points) {
          const auto index =
              first_index + static_cast<std::size_t>((point.t - first) / width.count());
          if (index < slots_.size() && std::isfinite(point.value))
            slots_[index].counts.*member += point.value;
        }
      }
      return {};
    };
    HF_TRY(put(HF_TRY(total_over(slo_, width, Counting::kExact)), &Counts::total));
    return put(HF_TRY(bad_over(slo_, width, Counting::kExact)), &Counts::bad);
  }

  Result<Counts> ask(WallTime from, WallTime until) {
    const auto one = [&](const std::string& query) -> Result<double> {
      auto result = HF_TRY(engine_.instant(query, to_ms(until), options_.query));
      double sum = 0;
      for (const auto& series : std::get<query::promql::Vector>(result.value).series) {
        if (std::isfinite(series.points[0].value)) sum += series.points[0].value;
      }
      return sum;
    };
    Counts counts;
    counts.total = HF_TRY(one(HF_TRY(total_over(slo_, until - from, Counting::kExact))));
    counts.bad = HF_TRY(one(HF_TRY(bad_over(slo_, until - from, Counting::kExact))));
    return counts;
  }

  Result<void> exclude(const Maintenance& stretch) {
    const auto until = std::min(stretch.until, budget_.at);
    if (until > stretch.from) budget_.maintenance += until - stretch.from;
    for (auto& slot : slots_) {
      const auto from = std::max(slot.from, stretch.from);
      const auto to = std::min(slot.until, until);
      if (from >= to) continue;
      slot.excluded += from == slot.from && to == slot.until ? slot.counts : HF_TRY(ask(from, to));
    }
    return {};
  }

  // Units that may be bad over the whole period.
  double allowed(double total, Duration excluded) const {
    if (!slo_.of_time()) return slo_.budget() * total;
    const Duration length = budget_.until - budget_.from;
    return slo_.budget() * to_seconds(length - excluded) / to_seconds(slo_.slice);
  }

  static Spent spent(const Counts& counts, double budget) {
    Spent out;
    out.total = std::max(counts.total, 0.0);
    out.bad = std::clamp(counts.bad, 0.0, out.total);
    out.budget = std::max(budget, 0.0);
    if (out.total > 0) out.ratio = 1 - out.bad / out.total;
    out.remaining = left(out, out.budget);
    return out;
  }

  // Nothing seen is nothing known, even of a budget that is a span of time.
  template <typename Counted>
  static std::optional<double> left(const Counted& counted, double budget) {
    if (!(budget > 0) || !(counted.total > 0)) return std::nullopt;
    return tidy(1 - std::max(counted.bad, 0.0) / budget);
  }

  void sum_up() {
    Counts all, net;
    for (const auto& slot : slots_) {
      all += slot.counts;
      net += slot.counts - slot.excluded;
    }
    Duration excluded{};  // of the whole period, what lies ahead too
    for (const auto& stretch : budget_.stretches) excluded += stretch.until - stretch.from;
    budget_.gross = spent(all, allowed(all.total, Duration::zero()));
    budget_.net = spent(net, allowed(net.total, excluded));
    Counts so_far, so_far_net;
    for (const auto& slot : slots_) {
      so_far += slot.counts;
      so_far_net += slot.counts - slot.excluded;
      budget_.burn_down.push_back({slot.until, left(so_far, budget_.gross.budget),
                                   left(so_far_net, budget_.net.budget), slot.counts.total,
                                   slot.counts.bad});
    }
  }

  const Slo& slo_;
  const Engine& engine_;
  const BudgetOptions& options_;
  Budget budget_;
  std::vector<Slot> slots_;
};

}  // namespace

std::vector<Maintenance> joined(std::span<const Maintenance> maintenance, WallTime from,
                                WallTime until) {
  std::vector<Maintenance> cut;
  for (auto stretch : maintenance) {
    stretch.from = std::max(stretch.from, from);
    stretch.until = std::min(stretch.until, until);
    if (stretch.from < stretch.until) cut.push_back(std::move(stretch));
  }
  std::sort(cut.begin(), cut.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
  std::vector<Maintenance> out;
  for (auto& stretch : cut) {
    if (out.empty() || stretch.from > out.back().until) {
      out.push_back(std::move(stretch));
      continue;
    }
    auto& last = out.back();
    last.until = std::max(last.until, stretch.until);
    if (!stretch.id.empty() && stretch.id != last.id)
      last.id += (last.id.empty() ? "" : ", ") + stretch.id;
    if (!stretch.title.empty() && stretch.title != last.title)
      last.title += (last.title.empty() ? "" : ", ") + stretch.title;
  }
  return out;
}

Result<Budget> compute_budget(const Slo& slo, const Engine& engine, WallTime now,
                              std::span<const Maintenance> maintenance,
                              const BudgetOptions& options) {
  return Computer(slo, engine, options).compute(now, maintenance).context("slo " + slo.name);
}

}  // namespace holdfast::detect::slo
