#include "query/promql/accumulate.h"

#include <cmath>
#include <limits>

#include "query/promql/histogram_sum.h"
#include "query/promql/kahan.h"
#include "query/promql/quantile.h"

namespace holdfast::query::promql {
namespace {

bool takes_histograms(AggregateOp op) {
  return op == AggregateOp::kSum || op == AggregateOp::kAvg || op == AggregateOp::kCount ||
         op == AggregateOp::kGroup;
}

// One state per cell. State::add(v), State::merge(other), State::count(), State::answer(param).
template <typename State>
class Floats final : public Accumulator {
 public:
  Floats(AggregateOp op, std::size_t steps) : Accumulator(op, steps) {}

 protected:
  void grow(std::size_t cells) override { states_.resize(cells); }
  void add_floats(std::size_t first_cell, const StepSeries& row, bool dense) override {
    auto* states = states_.data() + first_cell;
    const auto* values = row.values.data();
    if (dense) {
      for (std::size_t i = 0; i < steps_; ++i) states[i].add(values[i]);
      return;
    }
    for (std::size_t i = 0; i < steps_; ++i) {
      if (row.kinds[i] == Kind::kFloat) states[i].add(values[i]);
    }
  }
  void merge_floats(std::size_t first_cell, Accumulator& other, std::size_t other_cell) override {
    auto* from = static_cast<Floats&>(other).states_.data() + other_cell;
    for (std::size_t i = 0; i < steps_; ++i) {
      if (from[i].count() > 0) states_[first_cell + i].merge(from[i]);
    }
  }
  bool has_float(std::size_t cell) const override { return states_[cell].count() > 0; }
  double float_count(std::size_t cell) const override { return states_[cell].count(); }
  double answer(std::size_t cell, double param) override { return states_[cell].answer(param); }
  std::size_t finish_floats(std::size_t first_cell, const std::vector<double>& params,
                            StepSeries& out) override {
    std::size_t count = 0;
    for (std::size_t i = 0; i < steps_; ++i) {
      auto& state = states_[first_cell + i];
      if (!(state.count() > 0)) continue;
      const double param = params.empty() ? 0 : params[i];
      out.set_float(i, op_ == AggregateOp::kGroup ? 1 : state.answer(param));
      ++count;
    }
    return count;
  }

 private:
  std::vector<State> states_;
};

struct Count {
  double n = 0;
  void add(double) { n += 1; }
  void merge(const Count& other) { n += other.n; }
  double count() const { return n; }
  double answer(double) const { return n; }
};

struct Sum {
  double n = 0, sum = 0, lost = 0;
  void add(double v) {
    n += 1;
    // Kahan's compensation as Neumaier has it, without his branch: what a sum loses is the same
    // number whichever term is the larger.
    const double total = sum + v;
    const double part = total - sum;
    lost += (sum - (total - part)) + (v - part);
    sum = total;
  }
  void merge(const Sum& other) {
    const double total_count = n + other.n;
    add(other.sum);
    lost += other.lost;
    n = total_count;
  }
  double count() const { return n; }
  // An infinite sum has lost nothing that could be told.
  double answer(double) const { return std::isfinite(sum) ? sum + lost : sum; }
};

struct Mean {
  KahanMean mean;
  void add(double v) { mean.add(v); }
  void merge(const Mean& other) {
    if (mean.count == 0) {
      mean = other.mean;
      return;
    }
    if (!mean.incremental && !other.mean.incremental) {
      Kahan both = mean.sum;
      both.add(other.mean.sum.sum);
      if (std::isfinite(both.sum)) {
        both.compensation += other.mean.sum.compensation;
        mean.sum = both;
        mean.count += other.mean.count;
        return;
      }
    }
    // The plain sum would overflow: from here on the mean is kept itself.
    const double n = mean.count + other.mean.count;
    Kahan joined;
    joined.add(mean.value() * (mean.count / n));
    joined.add(other.mean.value() * (other.mean.count / n));
    mean.mean = joined;
    mean.count = n;
    mean.incremental = true;
  }
  double count() const { return mean.count; }
  double answer(double) const { return mean.value(); }
};

// NaN gives way to any number.
template <bool want_max>
struct Extreme {
  double n = 0, best = 0;
  void add(double v) {
    if (n == 0 || (want_max ? v > best : v < best) || std::isnan(best)) best = v;
    n += 1;
  }
  void merge(const Extreme& other) {
    const double total = n + other.n;
    add(other.best);
    n = total;
  }
  double count() const { return n; }
  double answer(double) const { return best; }
};

// Welford's; two parts are joined as Chan, Golub and LeVeque do it.
template <bool deviation>
struct Variance {
  double n = 0, mean = 0, squares = 0;
  void add(double v) {
    const bool first = n == 0;
    n += 1;
    if (first && !std::isfinite(v)) squares = std::numeric_limits<double>::quiet_NaN();
    const double delta = v - mean;
    mean += delta / n;
    if (!first) squares += delta * (v - mean);
  }
  void merge(const Variance& other) {
    if (n == 0) {
      *this = other;
      return;
    }
    const double total = n + other.n, delta = other.mean - mean;
    mean += delta * (other.n / total);
    squares += other.squares + delta * delta * (n * other.n / total);
    n = total;
  }
  double count() const { return n; }
  double answer(double) const { return deviation ? std::sqrt(squares / n) : squares / n; }
};

struct Values {
  std::vector<double> values;
  void add(double v) { values.push_back(v); }
  void merge(const Values& other) {
    values.insert(values.end(), other.values.begin(), other.values.end());
  }
  double count() const { return static_cast<double>(values.size()); }
  double answer(double q) { return quantile_of(q, values); }
};

}  // namespace

std::unique_ptr<Accumulator> Accumulator::make(AggregateOp op, std::size_t steps) {
  switch (op) {
    case AggregateOp::kCount:
    case AggregateOp::kGroup:
      return std::make_unique<Floats<Count>>(op, steps);
    case AggregateOp::kSum:
      return std::make_unique<Floats<Sum>>(op, steps);
    case AggregateOp::kAvg:
      return std::make_unique<Floats<Mean>>(op, steps);
    case AggregateOp::kMin:
      return std::make_unique<Floats<Extreme<false>>>(op, steps);
    case AggregateOp::kMax:
      return std::make_unique<Floats<Extreme<true>>>(op, steps);
    case AggregateOp::kStddev:
      return std::make_unique<Floats<Variance<true>>>(op, steps);
    case AggregateOp::kStdvar:
      return std::make_unique<Floats<Variance<false>>>(op, steps);
    case AggregateOp::kQuantile:
      return std::make_unique<Floats<Values>>(op, steps);
    default:
      return nullptr;
  }
}

void Accumulator::resize(std::size_t count) { grow(count * steps_); }

void Accumulator::add(std::size_t group, const StepSeries& row, bool dense) {
  add_floats(group * steps_, row, dense);
  if (!row.histograms.empty()) add_histograms(group * steps_, row);
}

void Accumulator::add_histograms(std::size_t first_cell, const StepSeries& row) {
  for (std::size_t i = 0; i < steps_; ++i) {
    if (row.kinds[i] != Kind::kHistogram) continue;
    if (takes_histograms(op_)) {
      histograms_[first_cell + i].push_back(row.histograms[i]);
    } else {
      ignored_histograms_ = true;
    }
  }
}

void Accumulator::merge(std::size_t group, Accumulator& other, std::size_t other_group) {
  merge_floats(group * steps_, other, other_group * steps_);
  ignored_histograms_ = ignored_histograms_ || other.ignored_histograms_;
  if (other.histograms_.empty()) return;
  for (std::size_t i = 0; i < steps_; ++i) {
    const auto from = other.histograms_.find(other_group * steps_ + i);
    if (from == other.histograms_.end()) continue;
    auto& to = histograms_[group * steps_ + i];
    to.insert(to.end(), from->second.begin(), from->second.end());
  }
}

std::size_t Accumulator::finish(std::size_t group, const Finish& how, StepSeries& out) {
  if (histograms_.empty()) return finish_floats(group * steps_, how.params, out);
  std::size_t count = 0;
  for (std::size_t i = 0; i < steps_; ++i) {
    const double param = how.params.empty() ? 0 : how.params[i];
    auto cell = finish_cell(group * steps_ + i, param, how);
    if (cell.kind == Kind::kNone) continue;
    out.set(i, std::move(cell));
    ++count;
  }
  return count;
}

Cell Accumulator::finish_cell(std::size_t cell, double param, const Finish& how) {
  const std::vector<HistogramPtr>* histograms = nullptr;
  if (!histograms_.empty()) {
    const auto found = histograms_.find(cell);
    if (found != histograms_.end()) histograms = &found->second;
  }
  if (!has_float(cell) && histograms == nullptr) return {};
  if (op_ == AggregateOp::kGroup) return float_cell(1);
  if (op_ == AggregateOp::kCount) {
    const double more = histograms == nullptr ? 0 : static_cast<double>(histograms->size());
    return float_cell(float_count(cell) + more);
  }
  if (histograms == nullptr) return float_cell(answer(cell, param));
  if (has_float(cell)) {
    how.notes.mixed_in_aggregation(how.position);
    return {};
  }
  HistogramSum total;
  for (const auto& h : *histograms) {
    if (total.add(*h)) continue;
    how.notes.mixed_schemas("", how.position);
    return {};
  }
  if (total.reset_collision()) how.notes.reset_collision("aggregation", how.position);
  if (total.bounds_reconciled()) how.notes.bounds_reconciled("aggregation", how.position);
  return histogram_cell(op_ == AggregateOp::kAvg ? total.mean() : total.sum());
}

}  // namespace holdfast::query::promql
