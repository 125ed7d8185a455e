#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "query/promql/functions.h"
#include "query/promql/quantile.h"

namespace holdfast::query::promql {
namespace {

using Measure = double (*)(const Histogram&);

double measure_count(const Histogram& h) { return h.count; }
double measure_sum(const Histogram& h) { return h.sum; }
double measure_avg(const Histogram& h) { return h.sum / h.count; }
double measure_stdvar(const Histogram& h) { return native_variance(h); }
double measure_stddev(const Histogram& h) { return std::sqrt(native_variance(h)); }

template <Measure measure, bool needs_buckets>
Result<Value> measured(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  // Count and sum are read without buckets, by a reader that finds resets itself.
  std::optional<StatsHints> hints;
  if (!needs_buckets) hints.emplace(ev, true);
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  for (auto& s : value.series) {
    s.drop_name = true;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s.kinds[i] == Kind::kHistogram) {
        s.set_float(i, measure(*s.histograms[i]));
      } else {
        s.clear(i);
      }
    }
    s.histograms.clear();
  }
  drop_empty(value.series);
  return value;
}

// One histogram of the input: the native series, the classic buckets, or both of the same labels.
struct Family {
  Labels labels;  // without le
  const StepSeries* native = nullptr;
  std::vector<std::pair<double, const StepSeries*>> buckets;  // by le
};

std::optional<double> bucket_bound(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return parse_double(text);
}

class Families {
 public:
  explicit Families(const Value& value) {
    for (const auto& s : value.series) add(s);
  }
  std::vector<Family>& all() { return families_; }
  // Series with a float and no readable le.
  const std::vector<const StepSeries*>& malformed() const { return malformed_; }

 private:
  void add(const StepSeries& s) {
    auto labels = s.labels.with("le", "");
    bool floats = false, histograms = false;
    for (const auto kind : s.kinds) {
      floats = floats || kind == Kind::kFloat;
      histograms = histograms || kind == Kind::kHistogram;
    }
    const auto bound = bucket_bound(s.labels.get("le"));
    if (floats && !bound) malformed_.push_back(&s);
    if (!histograms && (!floats || !bound)) return;
    auto [it, fresh] = index_.try_emplace(labels, families_.size());
    // A native series with an le of its own is a histogram of its own.
    if (fresh) families_.push_back({std::move(labels), nullptr, {}});
    auto& family = families_[it->second];
    if (histograms) family.native = &s;
    if (floats && bound) family.buckets.emplace_back(*bound, &s);
  }

  std::unordered_map<Labels, std::size_t> index_;
  std::vector<Family> families_;
  std::vector<const StepSeries*> malformed_;
};

struct Estimators {
  std::function<double(std::size_t step, const Histogram&, std::string_view metric)> native;
  std::function<double(std::size_t step, std::vector<ClassicBucket>&, std::string_view metric)>
      classic;
};

Value estimate(Evaluator& ev, const Value& input, const PositionRange& at, std::size_t steps,
               const Estimators& estimators) {
  Families families(input);
  for (const auto* s : families.malformed()) {
    ev.annotate().bad_bucket_label(s->labels.get("le"), s->labels.metric_name(), at);
  }
  Value result;
  std::vector<ClassicBucket> buckets;
  for (auto& family : families.all()) {
    std::stable_sort(family.buckets.begin(), family.buckets.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto metric = std::string(family.labels.metric_name());
    StepSeries out(
        family.native != nullptr && family.buckets.empty() ? family.native->labels : family.labels,
        steps);
    out.drop_name = true;
    for (std::size_t i = 0; i < steps; ++i) {
      buckets.clear();
      for (const auto& [bound, s] : family.buckets) {
        if (s->kinds[i] == Kind::kFloat) buckets.push_back({bound, s->values[i]});
      }
      const bool native = family.native != nullptr && family.native->kinds[i] == Kind::kHistogram;
      if (native && !buckets.empty()) {
        ev.annotate().mixed_classic_native(metric, at);
      } else if (native) {
        out.set_float(i, estimators.native(i, *family.native->histograms[i], metric));
      } else if (!buckets.empty()) {
        out.set_float(i, estimators.classic(i, buckets, metric));
      }
    }
    if (out.any()) result.series.push_back(std::move(out));
  }
  return result;
}

void note_nans(Evaluator& ev, NanObservations nans, std::string_view function,
               std::string_view metric, const PositionRange& at) {
  std::string_view what;
  if (nans == NanObservations::kResultIsNan) what = ", result is NaN";
  if (nans == NanObservations::kSkewedHigher) what = ", result is skewed higher";
  if (nans == NanObservations::kExcluded) what = ", which are excluded from all fractions";
  if (what.empty()) return;
  auto text = "input to " + std::string(function) + " has NaN observations" + std::string(what);
  if (!metric.empty()) text += " for metric name " + model::quote(metric);
  ev.annotate().inform(text, at);
}

void check_quantiles(Evaluator& ev, const std::vector<double>& quantiles, const PositionRange& at) {
  for (const double q : quantiles) {
    if (std::isnan(q) || q < 0 || q > 1) ev.annotate().invalid_quantile(q, at);
  }
}

Value quantiles_of(Evaluator& ev, const Value& input, const std::vector<double>& quantiles,
                   const PositionRange& at, std::size_t steps) {
  return estimate(
      ev, input, at, steps,
      {[&](std::size_t i, const Histogram& h, std::string_view metric) {
         const auto found = native_quantile(quantiles[i], h);
         note_nans(ev, found.nans, "histogram_quantile", metric, at);
         return found.value;
       },
       [&](std::size_t i, std::vector<ClassicBucket>& buckets, std::string_view metric) {
         const auto found = classic_quantile(quantiles[i], buckets);
         if (found.forced_monotonic) ev.annotate().forced_monotonicity(metric, at);
         return found.value;
       }});
}

Result<Value> histogram_quantile(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  StatsHints hints(ev, false);
  const auto quantiles = HF_TRY(ev.eval_scalar(*call.args[0], steps));
  check_quantiles(ev, quantiles, call.args[0]->position);
  const auto input = HF_TRY(ev.eval(*call.args[1], steps));
  return quantiles_of(ev, input, quantiles, call.args[1]->position, steps.count);
}

// 0.5 is "0.5", 1 is "1.0": the form of OpenMetrics.
std::string quantile_label(double q) {
  auto text = format_general(q);
  if (std::isfinite(q) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

Result<Value> histogram_quantiles(Evaluator& ev, const Expr&, const Call& call,
                                  const Steps& steps) {
  StatsHints hints(ev, false);
  const auto input = HF_TRY(ev.eval(*call.args[0], steps));
  const auto label = HF_TRY(ev.eval_string(*call.args[1]));
  if (label.empty() || !is_valid_utf8(label)) {
    return invalid("invalid label name in histogram_quantiles(): " + printable(label));
  }
  Value result;
  for (std::size_t k = 2; k < call.args.size(); ++k) {
    const auto quantiles = HF_TRY(ev.eval_scalar(*call.args[k], steps));
    check_quantiles(ev, quantiles, call.args[k]->position);
    auto found = quantiles_of(ev, input, quantiles, call.args[0]->position, steps.count);
    // The label says the quantile, which may change from step to step.
    for (auto& s : found.series) {
      for (std::size_t i = 0; i < s.size();) {
        auto until = i + 1;
        while (until < s.size() && quantile_label(quantiles[until]) == quantile_label(quantiles[i]))
          ++until;
        StepSeries part(s.labels.with(label, quantile_label(quantiles[i])), steps.count);
        part.drop_name = true;
        for (; i < until; ++i) {
          if (s.has(i)) part.set_float(i, s.values[i]);
        }
        if (part.any()) result.series.push_back(std::move(part));
      }
    }
    HF_TRY(ev.check());
  }
  HF_TRY(merge_same_labels(result.series));
  return result;
}

Result<Value> histogram_fraction(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  StatsHints hints(ev, false);
  const auto lower = HF_TRY(ev.eval_scalar(*call.args[0], steps));
  const auto upper = HF_TRY(ev.eval_scalar(*call.args[1], steps));
  const auto input = HF_TRY(ev.eval(*call.args[2], steps));
  const auto& at = call.args[2]->position;
  return estimate(ev, input, at, steps.count,
                  {[&](std::size_t i, const Histogram& h, std::string_view metric) {
                     const auto found = native_fraction(lower[i], upper[i], h);
                     note_nans(ev, found.nans, "histogram_fraction", metric, at);
                     return found.value;
                   },
                   [&](std::size_t i, std::vector<ClassicBucket>& buckets, std::string_view) {
                     return classic_fraction(lower[i], upper[i], buckets);
                   }});
}

constexpr std::array<SpecialEntry, 8> kFunctions = {{
    {"histogram_count", measured<measure_count, false>},
    {"histogram_sum", measured<measure_sum, false>},
    {"histogram_avg", measured<measure_avg, false>},
    {"histogram_stdvar", measured<measure_stdvar, true>},
    {"histogram_stddev", measured<measure_stddev, true>},
    {"histogram_quantile", histogram_quantile},
    {"histogram_quantiles", histogram_quantiles},
    {"histogram_fraction", histogram_fraction},
}};

}  // namespace

std::span<const SpecialEntry> histogram_functions() { return kFunctions; }

}  // namespace holdfast::query::promql
