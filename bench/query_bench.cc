// PromQL: parsing; an instant sum of rates over 1,000 series; the same over 240 steps.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/random.h"
#include "query/promql/engine.h"

namespace {

using namespace holdfast;
using namespace holdfast::query::promql;

constexpr std::int64_t kInterval = 15'000;
constexpr int kSamples = 480;  // two hours

// Columns in memory: what is measured is evaluation, not storage.
class Columns final : public metrics::Reader {
 public:
  explicit Columns(int series_count) {
    SeededRandom random(42);
    for (int k = 0; k < series_count; ++k) {
      metrics::Column column;
      column.labels =
          std::make_shared<const Labels>(Labels{{"__name__", "http_requests_total"},
                                                {"instance", "host-" + std::to_string(k / 10)},
                                                {"path", "/p" + std::to_string(k % 10)},
                                                {"job", k % 3 == 0 ? "api" : "web"}});
      double total = 0;
      for (int i = 0; i < kSamples; ++i) {
        column.times.push_back(i * kInterval);
        column.values.push_back(total += static_cast<double>(random.below(100)));
      }
      columns_.push_back(std::move(column));
    }
  }

  Result<std::vector<metrics::Column>> select(
      const metrics::SelectRequest& request) const override {
    std::vector<metrics::Column> out;
    for (const auto& column : columns_) {
      const auto from = std::lower_bound(column.times.begin(), column.times.end(), request.from) -
                        column.times.begin();
      const auto to = std::upper_bound(column.times.begin(), column.times.end(), request.to) -
                      column.times.begin();
      metrics::Column part;
      part.labels = column.labels;
      part.times.assign(column.times.begin() + from, column.times.begin() + to);
      part.values.assign(column.values.begin() + from, column.values.begin() + to);
      if (!part.times.empty()) out.push_back(std::move(part));
    }
    return out;
  }
  Result<std::vector<Labels>> series(const std::vector<std::vector<model::Matcher>>&, Timestamp,
                                     Timestamp, std::size_t) const override {
    return std::vector<Labels>{};
  }
  Result<std::vector<std::string>> label_names(const std::vector<std::vector<model::Matcher>>&,
                                               Timestamp, Timestamp) const override {
    return std::vector<std::string>{};
  }
  Result<std::vector<std::string>> label_values(const std::string&,
                                                const std::vector<std::vector<model::Matcher>>&,
                                                Timestamp, Timestamp) const override {
    return std::vector<std::string>{};
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string&,
                                                                 std::size_t) const override {
    return {};
  }

 private:
  std::vector<metrics::Column> columns_;
};

constexpr auto kQuery = "sum by (job) (rate(http_requests_total{job=~\"api|web\"}[5m]))";

double checksum(const QueryResult& result) {
  double sum = 0;
  if (const auto* v = std::get_if<Vector>(&result.value)) {
    for (const auto& s : v->series) sum += s.points[0].value;
  }
  if (const auto* m = std::get_if<Matrix>(&result.value)) {
    for (const auto& s : m->series) {
      for (const auto& p : s.points) sum += p.value;
    }
  }
  return sum;
}

void bm_parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_expr(kQuery));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(bm_parse);

void bm_instant_sum_rate(benchmark::State& state) {
  const Columns columns(static_cast<int>(state.range(0)));
  const SystemClock clock;
  const Engine engine(columns, clock);
  double sum = 0;
  for (auto _ : state) sum = checksum(*engine.instant(kQuery, 470 * kInterval));
  state.counters["checksum"] = std::floor(sum);
  state.counters["series/s"] = benchmark::Counter(static_cast<double>(state.range(0)),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(bm_instant_sum_rate)->Arg(1000);

void bm_range_sum_rate(benchmark::State& state) {
  const Columns columns(static_cast<int>(state.range(0)));
  const SystemClock clock;
  const Engine engine(columns, clock);
  constexpr int kSteps = 240;
  double sum = 0;
  for (auto _ : state) {
    sum = checksum(
        *engine.range(kQuery, 100 * kInterval, 100 * kInterval + (kSteps - 1) * 20'000, 20'000));
  }
  state.counters["checksum"] = std::floor(sum);
  state.counters["cells/s"] = benchmark::Counter(static_cast<double>(state.range(0)) * kSteps,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(bm_range_sum_rate)->Arg(1000);

}  // namespace

BENCHMARK_MAIN();
