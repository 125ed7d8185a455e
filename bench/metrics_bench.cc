// The metrics engine: how fast it takes and gives samples, and how many bytes one costs, beside the
// plainest thing that could hold them: sixteen bytes a sample, appended to a vector for each
// series.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/sim.h"
#include "metrics/store.h"

namespace {

using namespace holdfast;
using metrics::SampleIn;
using model::Labels;
using model::Timestamp;

constexpr Timestamp kStart = 1'800'000'000'000;
constexpr Timestamp kInterval = 15'000;

// Ten labels, few values of most, as a fleet of hosts has them.
std::vector<Labels> make_series(std::size_t count) {
  std::vector<Labels> series;
  for (std::size_t i = 0; i < count; ++i) {
    series.push_back({{"__name__", "node_metric_" + std::to_string(i % 500)},
                      {"instance", "host-" + std::to_string(i / 500) + ":9100"},
                      {"job", "node"},
                      {"region", "eu-" + std::to_string(i % 3)},
                      {"zone", "z" + std::to_string(i % 7)},
                      {"team", "t" + std::to_string(i % 20)},
                      {"cpu", std::to_string(i % 16)},
                      {"mode", i % 2 ? "user" : "system"}});
  }
  return series;
}

// A third constant, a third counters, a third noisy gauges.
double value_of(std::size_t series, std::size_t step, Random& random) {
  if (series % 3 == 0) return static_cast<double>(series);
  if (series % 3 == 1) return static_cast<double>(step * (10 + series % 50));
  return static_cast<double>(random.below(10'000)) / 100;
}

struct Machine {
  SeededRandom random{7};
  SimClock clock{from_ms(kStart)};
  SimExecutor executor{clock};
  SimNetwork network{executor, random};
  PosixFileSystem files;
  Env env{clock, random, files, network.host("bench"), executor};
  std::string directory;
  std::unique_ptr<metrics::Store> store;

  Machine() {
    SystemRandom chance;
    directory = "/tmp/holdfast_metrics_bench_" + chance.hex(6);
    metrics::StoreOptions options;
    options.directory = directory;
    auto opened = metrics::Store::open(env, options);
    HF_CHECK(opened.has_value(), "the bench's store opens");
    store = std::move(*opened);
  }
  ~Machine() {
    store.reset();
    (void)files.remove_all(directory);
  }
};

void fill(Machine& m, const std::vector<Labels>& series, std::vector<metrics::SeriesRef>& refs,
          std::size_t step) {
  constexpr std::size_t kBatch = 5000;
  for (std::size_t begin = 0; begin < series.size(); begin += kBatch) {
    std::vector<SampleIn> batch;
    for (std::size_t i = begin; i < std::min(begin + kBatch, series.size()); ++i) {
      batch.push_back({refs.empty() ? metrics::SeriesRef::kNone : refs[i],
                       &series[i],
                       {kStart + static_cast<Timestamp>(step) * kInterval,
                        value_of(i, step, m.random), nullptr}});
    }
    HF_CHECK(m.store->append(batch).has_value(), "the bench's disk has space");
  }
}

void append(benchmark::State& state) {
  const auto series = make_series(static_cast<std::size_t>(state.range(0)));
  Machine m;
  std::vector<metrics::SeriesRef> refs;
  std::size_t step = 0;
  fill(m, series, refs, step++);
  for (auto _ : state) fill(m, series, refs, step++);
  const metrics::StoreStats stats = m.store->stats();
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * series.size()));
  state.counters["memory_bytes_per_series"] =
      static_cast<double>(stats.memory_bytes) / static_cast<double>(stats.series);
  state.counters["log_bytes_per_sample"] =
      static_cast<double>(stats.wal_bytes) / static_cast<double>(stats.samples_appended);
}
BENCHMARK(append)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

// The peer: the same samples, made by the same code, as plain pairs.
void append_plain_pairs(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  SeededRandom random(7);
  std::vector<std::vector<std::pair<Timestamp, double>>> plain(count);
  std::size_t step = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < count; ++i) {
      plain[i].emplace_back(kStart + static_cast<Timestamp>(step) * kInterval,
                            value_of(i, step, random));
    }
    ++step;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
  state.counters["bytes_per_sample"] = 16;
}
BENCHMARK(append_plain_pairs)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

// 1000 series of 480 samples (2 h), from the head (0) or from a block (1).
void select(benchmark::State& state) {
  const auto series = make_series(1'000);
  Machine m;
  std::vector<metrics::SeriesRef> refs;
  for (std::size_t step = 0; step < 480; ++step) fill(m, series, refs, step);
  if (state.range(0) == 1) HF_CHECK(m.store->flush().has_value(), "the bench's disk has space");
  metrics::SelectRequest request;
  request.matchers = {model::Matcher::equal("job", "node")};
  std::size_t samples = 0;
  double sum = 0;
  for (auto _ : state) {
    const auto columns = m.store->select(request);
    HF_CHECK(columns.has_value(), "the bench reads what it wrote");
    samples = 0;
    sum = 0;
    for (const metrics::Column& column : *columns) {
      samples += column.times.size();
      for (const double v : column.values) sum += v;
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * samples));
  state.counters["checksum"] = sum;
  if (state.range(0) == 1) {
    state.counters["block_bytes_per_sample"] =
        static_cast<double>(m.store->stats().disk_bytes) / static_cast<double>(samples);
  }
}
BENCHMARK(select)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// The peer of select: the same number of plain pairs copied out.
void select_plain_pairs(benchmark::State& state) {
  std::vector<std::vector<std::pair<Timestamp, double>>> plain(1'000);
  SeededRandom random(7);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    for (std::size_t step = 0; step < 480; ++step) {
      plain[i].emplace_back(kStart + static_cast<Timestamp>(step) * kInterval,
                            value_of(i, step, random));
    }
  }
  double sum = 0;
  for (auto _ : state) {
    const auto copy = plain;
    sum = 0;
    for (const auto& samples : copy) {
      for (const auto& [t, v] : samples) sum += v;
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 480'000);
  state.counters["checksum"] = sum;
}
BENCHMARK(select_plain_pairs)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
