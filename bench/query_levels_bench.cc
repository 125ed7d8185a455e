// Thirty days at 15 seconds, asked at a step of an hour and of five minutes: from the samples, and from
// downsampled levels. The store is the real one on a simulated disk, caches warm.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>

#include "base/env.h"
#include "base/random.h"
#include "base/sim.h"
#include "query/promql/engine.h"

namespace {

using namespace holdfast;
using namespace holdfast::query::promql;

constexpr std::int64_t kInterval = 15'000, kMinute = 60'000, kHour = 60 * kMinute,
                       kDay = 24 * kHour;
constexpr int kDays = 30, kTargets = 12;

// The store without find_levels().
class SamplesOnly final : public metrics::Reader {
 public:
  explicit SamplesOnly(const metrics::Store& store) : store_(store) {}
  Result<metrics::SelectionPtr> find(const metrics::SelectRequest& request) const override {
    return store_.find(request);
  }
  Result<std::vector<metrics::Column>> select(
      const metrics::SelectRequest& request) const override {
    return store_.select(request);
  }
  using AnyOf = std::vector<std::vector<model::Matcher>>;
  Result<std::vector<Labels>> series(const AnyOf& any_of, Timestamp from, Timestamp to,
                                     std::size_t limit) const override {
    return store_.series(any_of, from, to, limit);
  }
  Result<std::vector<std::string>> label_names(const AnyOf& any_of, Timestamp from,
                                               Timestamp to) const override {
    return store_.label_names(any_of, from, to);
  }
  Result<std::vector<std::string>> label_values(const std::string& name, const AnyOf& any_of,
                                                Timestamp from, Timestamp to) const override {
    return store_.label_values(name, any_of, from, to);
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string& metric,
                                                                 std::size_t limit) const override {
    return store_.metadata(metric, limit);
  }

 private:
  const metrics::Store& store_;
};

struct Month {
  SeededRandom random{7};
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("bench"), executor};
  std::unique_ptr<metrics::Store> store;
  Timestamp end = to_ms(clock.now()) / kHour * kHour;

  Month() {
    metrics::StoreOptions options;
    options.directory = "/data";
    options.retention = std::chrono::hours(24 * 60);  // blocks of a day
    store = std::move(*metrics::Store::open(env, options));
    std::vector<metrics::Column> columns;
    for (int k = 0; k < kTargets; ++k) {
      std::vector<Timestamp> times;
      for (Timestamp t = end - kDays * kDay + 137 * k; t < end; t += kInterval) times.push_back(t);
      const Labels base{{"instance", "host-" + std::to_string(k)}, {"job", "node"}};
      double total = 0, load = 2;
      add(columns, base.with("__name__", "http_requests_total"), times,
          [&] { return total += static_cast<double>(random.below(40)); });
      add(columns, base.with("__name__", "load1"), times, [&] {
        load = std::max(0.0, load + (static_cast<double>(random.below(21)) - 10) / 100);
        return std::round(load * 100) / 100;
      });
    }
    if (!store->import(columns) || !store->compact()) store.reset();
  }

 private:
  template <typename F>
  static void add(std::vector<metrics::Column>& columns, const Labels& labels,
                  const std::vector<Timestamp>& times, F&& value) {
    metrics::Column column{std::make_shared<const Labels>(labels), times, {}, {}};
    for (std::size_t i = 0; i < times.size(); ++i) column.values.push_back(value());
    columns.push_back(std::move(column));
  }
};

Month& month() {
  static Month made;
  return made;
}

struct Case {
  const char* name;
  const char* query;
  std::int64_t step;
};
constexpr Case kCases[] = {
    {"rate_1h", "sum by (job) (rate(http_requests_total[1h]))", kHour},
    {"avg_1h", "avg_over_time(load1[1h])", kHour},
    {"max_6h", "max by (instance) (max_over_time(load1[6h]))", kHour},
    {"instant_1h", "load1", kHour},
    {"rate_5m", "sum by (job) (rate(http_requests_total[5m]))", 5 * kMinute},
    {"avg_5m", "avg_over_time(load1[5m])", 5 * kMinute},
};

void bm_query(benchmark::State& state, const Case& c, bool levels) {
  const Month& m = month();
  if (!m.store) return state.SkipWithError("the store could not be filled");
  const SamplesOnly samples(*m.store);
  const metrics::Reader& reader = levels ? static_cast<const metrics::Reader&>(*m.store) : samples;
  const Engine engine(reader, m.clock);
  double sum = 0;
  std::uint64_t points = 0;
  for (auto _ : state) {
    const auto result = engine.range(c.query, m.end - kDays * kDay, m.end, c.step);
    if (!result) return state.SkipWithError(result.error().message().c_str());
    points = result->stats.samples_read;
    sum = 0;
    for (const auto& s : std::get<Matrix>(result->value).series) {
      for (const auto& p : s.points) sum += p.value;
    }
  }
  state.counters["checksum"] = std::floor(sum);
  state.counters["points"] = static_cast<double>(points);
}

// What levels cost: bytes of them for each byte of blocks, and for each sample.
void bm_bytes(benchmark::State& state) {
  Month& m = month();
  if (!m.store) return state.SkipWithError("the store could not be filled");
  for (auto _ : state) benchmark::DoNotOptimize(m.store->blocks());
  double blocks = 0, samples = 0;
  for (const auto& block : m.store->blocks()) {
    blocks += static_cast<double>(block.bytes);
    samples += static_cast<double>(block.samples);
  }
  for (const char* kind : {".5m", ".1h"}) {
    double bytes = 0;
    for (const auto& file : *m.files.list("/data/levels"))
      if (file.name.ends_with(kind)) bytes += static_cast<double>(file.size);
    state.counters[std::string(kind + 1) + "_to_blocks"] = bytes / blocks;
  }
  state.counters["bytes/sample"] = blocks / samples;
}
BENCHMARK(bm_bytes);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const auto& c : kCases) {
    for (const bool levels : {false, true}) {
      benchmark::RegisterBenchmark(
          (std::string("bm_30d/") + c.name + (levels ? "/levels" : "/samples")).c_str(),
          [&c, levels](benchmark::State& state) { bm_query(state, c, levels); })
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
