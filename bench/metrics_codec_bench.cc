// Value columns: what a sample costs in bytes and how fast it is packed and read again, beside zstd -3
// over the varints of the differences between the doubles' bits (what one would write in an hour).
#include <benchmark/benchmark.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "metrics/codec/column_group.h"
#include "metrics/frame.h"

namespace {

using namespace holdfast;
using metrics::ColumnGroup;
using metrics::Effort;

constexpr std::size_t kColumns = 64;
constexpr std::size_t kSamples = 2048;

enum Shape : int { kCounter, kProcessorTime, kGauge, kDuration, kSum, kConstant, kShapeCount };
constexpr const char* kNames[] = {"counter", "processor_time", "gauge", "duration",
                                  "sum",     "constant"};

std::vector<double> column(Shape shape, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto unit = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  std::poisson_distribution<int> few(1.5);
  std::poisson_distribution<int> many(300);
  const double scale = 0.5 + unit();
  double v = std::floor(1e6 * unit());
  std::vector<double> values;
  for (std::size_t i = 0; i < kSamples; ++i) {
    switch (shape) {
      case kCounter:
        values.push_back(v += few(random));
        break;
      case kProcessorTime:
        values.push_back((v += many(random)) / 100);
        break;
      case kGauge:
        values.push_back(4096 * (v += std::round(400 * scale * (unit() - 0.5))));
        break;
      case kDuration:
        values.push_back(std::round(1e6 * scale * (0.7 + 0.6 * unit())) / 1e9);
        break;
      case kSum:
        values.push_back(v += scale * unit());
        break;
      default:
        values.push_back(v);
    }
  }
  return values;
}

struct Columns {
  explicit Columns(Shape shape) {
    for (std::size_t i = 0; i < kColumns; ++i) values.push_back(column(shape, i));
    for (const auto& one : values) views.push_back({one, -1});
  }
  std::vector<std::vector<double>> values;
  std::vector<metrics::ValueColumn> views;
};

void report(benchmark::State& state, Shape shape, std::size_t bytes) {
  const auto samples = static_cast<double>(kColumns * kSamples);
  state.SetLabel(kNames[shape]);
  state.counters["bytes_per_sample"] = static_cast<double>(bytes) / samples;
  state.counters["samples"] = benchmark::Counter(samples * static_cast<double>(state.iterations()),
                                                 benchmark::Counter::kIsRate);
}

void pack(benchmark::State& state, Effort effort) {
  const auto shape = static_cast<Shape>(state.range(0));
  const Columns columns(shape);
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    metrics::encode_column_group(columns.views, effort, bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  report(state, shape, bytes.size());
}
void BM_PackFast(benchmark::State& state) { pack(state, Effort::kFast); }
void BM_PackSmall(benchmark::State& state) { pack(state, Effort::kSmall); }
BENCHMARK(BM_PackFast)->DenseRange(0, kShapeCount - 1);
BENCHMARK(BM_PackSmall)->DenseRange(0, kShapeCount - 1);

void BM_Read(benchmark::State& state) {
  const auto shape = static_cast<Shape>(state.range(0));
  const Columns columns(shape);
  std::string bytes;
  metrics::encode_column_group(columns.views, Effort::kSmall, bytes);
  const auto group = *ColumnGroup::open(bytes, kColumns * kSamples);
  std::vector<double> out(kSamples);
  for (auto _ : state) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const auto read = group->decode(c, 0, kSamples, out.data());
      benchmark::DoNotOptimize(read.has_value());
    }
  }
  report(state, shape, bytes.size());
}
BENCHMARK(BM_Read)->DenseRange(0, kShapeCount - 1);

std::string peer_pack(const Columns& columns, std::size_t& raw_size) {
  ByteWriter out;
  for (const auto& values : columns.values) {
    std::uint64_t last = 0;
    for (const double v : values) {
      const auto bits = std::bit_cast<std::uint64_t>(v);
      out.zigzag(static_cast<std::int64_t>(bits - last));
      last = bits;
    }
  }
  raw_size = out.str().size();
  return metrics::compress(out.str(), 3);
}

void BM_PeerPackZstd(benchmark::State& state) {
  const auto shape = static_cast<Shape>(state.range(0));
  const Columns columns(shape);
  std::size_t size = 0;
  std::size_t raw_size = 0;
  for (auto _ : state) size = peer_pack(columns, raw_size).size();
  report(state, shape, size);
}
BENCHMARK(BM_PeerPackZstd)->DenseRange(0, kShapeCount - 1);

void BM_PeerReadZstd(benchmark::State& state) {
  const auto shape = static_cast<Shape>(state.range(0));
  const Columns columns(shape);
  std::size_t raw_size = 0;
  const std::string bytes = peer_pack(columns, raw_size);
  std::vector<double> out(kSamples);
  for (auto _ : state) {
    const auto raw = metrics::expand(bytes, raw_size, raw_size);
    ByteReader in(*raw);
    for (std::size_t c = 0; c < kColumns; ++c) {
      std::uint64_t last = 0;
      for (double& v : out) {
        last += static_cast<std::uint64_t>(in.zigzag());
        v = std::bit_cast<double>(last);
      }
      benchmark::DoNotOptimize(out.data());
    }
  }
  report(state, shape, bytes.size());
}
BENCHMARK(BM_PeerReadZstd)->DenseRange(0, kShapeCount - 1);

}  // namespace

BENCHMARK_MAIN();
