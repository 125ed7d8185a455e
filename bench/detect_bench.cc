// Rules at work: 10,000 alerting rules over 20,000 series, each asked every 15 seconds. What counts is the cost of one
// rule: cores = rules / 15 s x seconds a rule. The samples stand in memory; the store's own work is measured in
// metrics_bench and query_bench.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "detect/rules/evaluate.h"
#include "detect/rules/memory_store.h"

namespace {

using namespace holdfast;
using namespace holdfast::detect;

constexpr int kMetrics = 200;
constexpr int kInstances = 100;
constexpr std::int64_t kInterval = 15'000;
constexpr int kSamples = 24;  // six minutes: as far as the rules look

std::unique_ptr<MemoryStore> make_store() {
  auto store = std::make_unique<MemoryStore>();
  for (int m = 0; m < kMetrics; ++m) {
    for (int i = 0; i < kInstances; ++i) {
      const model::Labels labels{{"__name__", "metric_" + std::to_string(m)},
                                 {"instance", "host-" + std::to_string(i)},
                                 {"job", "job-" + std::to_string(i % 10)}};
      for (int s = 0; s < kSamples; ++s) {
        const metrics::SampleIn in{metrics::SeriesRef::kNone,
                                   &labels,
                                   {s * kInterval, static_cast<double>(s * (i + 1)), nullptr}};
        (void)store->append({&in, 1});
      }
    }
  }
  return store;
}

enum Shape { kOneSeries, kRate, kSumRate, kShared };

std::string expression(int shape, int rule) {
  const auto metric = "metric_" + std::to_string(rule % kMetrics);
  const auto host = std::to_string(rule % kInstances);
  switch (shape) {
    case kOneSeries:
      return metric + "{instance=\"host-" + host + "\"} > 1e9";
    case kRate:
      return "rate(" + metric + "{instance=\"host-" + host + "\"}[5m]) > 1e9";
    case kSumRate:
      return "sum by (job) (rate(" + metric + "{job=\"job-" + std::to_string(rule % 10) +
             "\"}[5m])) > 1e9";
    default:
      return "sum by (job) (rate(metric_1[5m])) > " + std::to_string(1'000'000'000 + rule);
  }
}

// A group of 100 rules, none of which fires, as most of the time.
void evaluate(benchmark::State& state) {
  static const auto store = make_store();
  RuleGroup group;
  group.name = "g";
  for (int rule = 0; rule < 100; ++rule) {
    AlertingRule one;
    one.alert = "Alert" + std::to_string(rule);
    one.query = expression(static_cast<int>(state.range(0)), rule);
    one.expr = *query::promql::parse_expr(one.query);
    one.labels = {{"severity", "page"}};
    one.annotations = {{"summary", "{{ $labels.instance }} is at {{ $value }}"}};
    group.rules.emplace_back(std::move(one));
  }
  const auto prepared = prepare_group(group);
  std::vector<RuleMemory> memory(prepared.rules.size(), empty_memory());
  const SystemClock clock;
  const model::Labels external;
  const std::string url;
  const EvaluationContext context{*store, clock, external, url, {}, {}};
  std::size_t errors = 0;
  for (auto _ : state) {
    for (const auto& outcome :
         evaluate_group(prepared, memory, from_ms((kSamples - 1) * kInterval), context)) {
      errors += outcome.error.empty() ? 0 : 1;
    }
  }
  if (errors > 0) state.SkipWithError("a rule failed");
  const auto rules = static_cast<double>(state.iterations()) * 100;
  state.counters["rules/s"] = benchmark::Counter(rules, benchmark::Counter::kIsRate);
  // Of one core, for 10,000 rules each 15 s.
  state.counters["cores_10k"] = benchmark::Counter(
      rules * 15 / 10'000, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(evaluate)
    ->ArgName("shape")
    ->Arg(kOneSeries)
    ->Arg(kRate)
    ->Arg(kSumRate)
    ->Arg(kShared)
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
