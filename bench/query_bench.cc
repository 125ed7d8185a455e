// PromQL over the shapes of the side-by-side benchmark: 20,000 series of 84 targets, 24 hours at 15
// seconds, times shared by the series of a target. What is measured is evaluation: the samples stand
// decoded in memory, and a cursor copies them out.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/executor.h"
#include "base/random.h"
#include "query/promql/engine.h"

namespace {

using namespace holdfast;
using namespace holdfast::query::promql;

constexpr std::int64_t kInterval = 15'000;
constexpr int kSamples = 5760;
constexpr int kTargets = 84;

using Times = std::shared_ptr<const std::vector<Timestamp>>;

struct Row {
  Labels labels;
  Times times;
  std::shared_ptr<const std::vector<double>> values;
};

class Found final : public metrics::Selection {
 public:
  Found(const std::vector<const Row*>& rows, Timestamp from, Timestamp to)
      : rows_(rows), from_(from), to_(to) {}
  std::size_t size() const override { return rows_.size(); }
  void labels(std::size_t index, metrics::LabelViews& out) const override {
    out.clear();
    for (const auto& label : rows_[index]->labels) out.push_back({label.name, label.value});
  }
  std::string_view label(std::size_t index, std::string_view name) const override {
    return rows_[index]->labels.get(name);
  }
  std::unique_ptr<Cursor> cursor() const override { return std::make_unique<Reading>(*this); }

 private:
  class Reading final : public Cursor {
   public:
    explicit Reading(const Found& found) : found_(found) {}
    Result<void> read(std::size_t index, metrics::SeriesData& out) override {
      const auto& row = *found_.rows_[index];
      auto& known = known_[row.times.get()];
      if (known.times == nullptr) {
        const auto& t = *row.times;
        const auto begin = std::lower_bound(t.begin(), t.end(), found_.from_);
        const auto end = std::upper_bound(begin, t.end(), found_.to_);
        known.begin = begin - t.begin();
        known.end = end - t.begin();
        known.times = std::make_shared<const std::vector<Timestamp>>(begin, end);
      }
      out.times = known.times;
      out.values.assign(row.values->begin() + known.begin, row.values->begin() + known.end);
      out.histograms.clear();
      return {};
    }

   private:
    struct Part {
      Times times;
      std::ptrdiff_t begin = 0, end = 0;
    };
    const Found& found_;
    std::map<const void*, Part> known_;
  };
  const std::vector<const Row*>& rows_;
  Timestamp from_, to_;
};

class Table final : public metrics::Reader {
 public:
  Table() {
    SeededRandom random(42);
    for (int k = 0; k < kTargets; ++k) {
      std::vector<Timestamp> times;
      for (int i = 0; i < kSamples; ++i) times.push_back(i * kInterval + 1 + k * 170);
      times_.push_back(std::make_shared<const std::vector<Timestamp>>(std::move(times)));
    }
    // A few columns of values stand for all: what they hold does not change what they cost.
    for (int k = 0; k < 16; ++k) {
      std::vector<double> counter, gauge;
      double total = 0;
      for (int i = 0; i < kSamples; ++i) {
        if (random.below(3000) == 0) total = 0;
        counter.push_back(total += static_cast<double>(random.below(100)));
        gauge.push_back(static_cast<double>(random.below(10'000)) / 100);
      }
      counters_.push_back(std::make_shared<const std::vector<double>>(std::move(counter)));
      gauges_.push_back(std::make_shared<const std::vector<double>>(std::move(gauge)));
    }
    add("load1", "", 1, false);
    add("cpu_seconds_total", "cpu", 56, true);
    add("request_seconds_bucket", "le", 12, true);
    for (int m = 0; m < 169; ++m) add("metric_" + std::to_string(m), "", 1, m % 2 == 0);
    std::sort(rows_.begin(), rows_.end(),
              [](const Row& a, const Row& b) { return a.labels < b.labels; });
  }

  Result<metrics::SelectionPtr> find(const metrics::SelectRequest& request) const override {
    // Finding is the index's work and not measured: each question is answered once.
    std::string key;
    for (const auto& m : request.matchers) key += m.text() + ',';
    const bool known = found_.contains(key);
    auto& found = found_[key];
    for (const auto& row : rows_) {
      if (known) break;
      const bool all = std::all_of(request.matchers.begin(), request.matchers.end(),
                                   [&](const auto& m) { return m.matches(row.labels); });
      if (all) found.push_back(&row);
    }
    return metrics::SelectionPtr(
        std::make_shared<const Found>(std::move(found), request.from, request.to));
  }
  Result<std::vector<metrics::Column>> select(const metrics::SelectRequest&) const override {
    return std::vector<metrics::Column>{};
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
  void add(const std::string& name, const std::string& label, int count, bool counter) {
    for (int target = 0; target < kTargets; ++target) {
      for (int k = 0; k < count; ++k) {
        std::vector<model::Label> labels = {{"__name__", name},
                                            {"instance", "host-" + std::to_string(target)},
                                            {"cluster", "c" + std::to_string(target % 4)},
                                            {"job", target % 2 == 0 ? "node" : "pod"}};
        if (label == "le")
          labels.push_back({"le", k == 11 ? "+Inf" : std::to_string(0.01 * (1 << k))});
        if (label == "cpu") {
          labels.push_back({"cpu", std::to_string(k / 8)});
          labels.push_back({"mode", "mode" + std::to_string(k % 8)});
        }
        const auto& from = counter ? counters_ : gauges_;
        rows_.push_back({Labels(std::move(labels)), times_[static_cast<std::size_t>(target)],
                         from[static_cast<std::size_t>(target * 7 + k) % from.size()]});
      }
    }
  }

  std::vector<Times> times_;
  std::vector<std::shared_ptr<const std::vector<double>>> counters_, gauges_;
  std::vector<Row> rows_;
  mutable std::map<std::string, std::vector<const Row*>> found_;
};

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

constexpr auto kParsed = "sum by (job) (rate(http_requests_total{job=~\"api|web\"}[5m]))";

void bm_parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_expr(kParsed));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(bm_parse);

struct Case {
  const char* name;
  const char* query;
  std::int64_t range, step;  // seconds; 0 is an instant query
};
constexpr Case kCases[] = {
    {"count_by_name", "count by (__name__) ({__name__!=\"\"})", 0, 0},
    {"sum_rate_instant", "sum by (job) (rate(cpu_seconds_total[5m]))", 0, 0},
    {"sum_rate_6h", "sum by (instance) (rate(cpu_seconds_total[5m]))", 21600, 60},
    {"raw_rate_24h", "rate(cpu_seconds_total[5m])", 86400, 300},
    {"avg_1h_24h", "avg_over_time(load1[1h])", 86400, 300},
    {"max_24h", "max by (cluster) (max_over_time(load1[24h]))", 0, 0},
    {"quantile_6h", "quantile_over_time(0.95, load1[6h])", 0, 0},
    {"predict_6h", "predict_linear(load1[6h], 14400)", 0, 0},
    {"topk_6h", "topk(5, rate(cpu_seconds_total{cpu=\"0\"}[5m]))", 21600, 60},
    {"histogram_quantile_6h",
     "histogram_quantile(0.99, sum by (le, instance) (rate(request_seconds_bucket[5m])))", 21600,
     60},
    {"join_6h", "sum by (cpu) (rate(cpu_seconds_total[5m]) * on (instance) group_left load1)",
     21600, 120},
    {"high_card_1h", "count by (job) ({job=~\".+\"})", 3600, 60},
};

void bm_query(benchmark::State& state, const Table& table, const Case& c, Executor& executor) {
  const SystemClock clock;
  const Engine engine(table, clock, {&executor, static_cast<std::size_t>(state.range(0)), nullptr});
  constexpr Timestamp kEnd = (kSamples - 1) * kInterval + 1;
  double sum = 0;
  std::uint64_t samples = 0, bytes = 0;
  for (auto _ : state) {
    const auto result = c.step == 0
                            ? engine.instant(c.query, kEnd)
                            : engine.range(c.query, kEnd - c.range * 1000, kEnd, c.step * 1000);
    sum = checksum(*result);
    samples = result->stats.samples_read;
    bytes = result_json(*result).size();
  }
  state.counters["checksum"] = std::floor(sum);
  state.counters["json"] = static_cast<double>(bytes);
  state.counters["samples/s"] = benchmark::Counter(static_cast<double>(samples),
                                                   benchmark::Counter::kIsIterationInvariantRate);
}

void bm_json(benchmark::State& state) {
  Matrix matrix;
  SeededRandom random(7);
  for (int k = 0; k < 1000; ++k) {
    Series series{Labels{{"__name__", "m"}, {"k", std::to_string(k)}}, {}};
    for (int i = 0; i < 1000; ++i) {
      series.points.push_back({1'700'000'000'123 + i * 15'000,
                               static_cast<double>(random.below(1'000'000'007)) / 7.3, nullptr});
    }
    matrix.series.push_back(std::move(series));
  }
  QueryResult result;
  result.value = std::move(matrix);
  for (auto _ : state) benchmark::DoNotOptimize(result_json(result));
  state.SetItemsProcessed(state.iterations() * 1'000'000);
}
BENCHMARK(bm_json)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const Table table;
  ThreadExecutor executor(2);
  for (const auto& c : kCases) {
    benchmark::RegisterBenchmark(
        (std::string("bm_query/") + c.name).c_str(),
        [&](benchmark::State& state) { bm_query(state, table, c, executor); })
        ->Arg(1)
        ->Arg(2)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
